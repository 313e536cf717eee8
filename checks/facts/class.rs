//! The classes of strings. Each string of the evidence has one, which the field that holds it declares.
//! Pseudonyms depend on it: names become pseudonyms, free text is withheld, words stay.
//!
//! The class is the name of a newtype for the serializer. JSON leaves newtypes out, so a class does not
//! change a document.

use serde::{Serialize, Serializer};

/// What kind of text a string is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// A name that belongs to the user: a host, a role, a path, a resource id.
    Name,
    /// An identifier without words: a GUID, a fingerprint.
    Id,
    /// An address of a machine or network.
    Address,
    /// A word of a protocol or of this tool.
    Word,
    /// A clause that this tool wrote; names can be in it.
    Clause,
    /// Text that another program or a person wrote.
    Free,
}

impl Class {
    /// The class whose newtype has this name.
    #[must_use]
    pub fn of(newtype: &str) -> Option<Self> {
        Some(match newtype {
            "Name" => Self::Name,
            "Id" => Self::Id,
            "Word" => Self::Word,
            "Clause" => Self::Clause,
            "Free" => Self::Free,
            _ => return None,
        })
    }
}

/// Marks names.
///
/// # Errors
/// The serializer's.
pub fn name<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct("Name", value)
}

/// Marks identifiers without words.
///
/// # Errors
/// The serializer's.
pub fn id<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct("Id", value)
}

/// Marks words of a protocol or of this tool.
///
/// # Errors
/// The serializer's.
pub fn word<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct("Word", value)
}

/// Marks clauses that this tool wrote.
///
/// # Errors
/// The serializer's.
pub fn clause<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct("Clause", value)
}

/// Marks text that another program or a person wrote.
///
/// # Errors
/// The serializer's.
pub fn free<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct("Free", value)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// A field without a class would be taken for free text, and its names for vocabulary.
    #[test]
    fn every_string_of_the_facts_has_a_class() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = vec![folder.join("evidence.rs"), folder.join("support/service_tags.rs")];
        let facts = fs::read_dir(folder.join("facts")).expect("the facts");
        files.extend(facts.flatten().map(|entry| entry.path()));
        let mut unclassified = Vec::new();
        for path in files {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let (mut serialized, mut inside, mut before) = (false, false, "");
            for (number, line) in text.lines().enumerate() {
                if line.starts_with("#[derive") {
                    serialized = line.replace("Deserialize", "").contains("Serialize");
                } else if line.starts_with("pub struct") || line.starts_with("pub enum") {
                    inside = serialized && !line.ends_with(';');
                    serialized = false;
                } else if line == "}" {
                    inside = false;
                }
                let field = line.trim_start().starts_with("pub ") || line.starts_with("        ");
                let variant = line.contains("(String)");
                let is_string = field && line.contains(": ") && line.contains("String") || variant;
                let marked = before.contains("class::") || line.contains("class::");
                if inside && is_string && !marked && !line.contains("//") {
                    unclassified.push(format!("{}:{}: {line}", path.display(), number + 1));
                }
                before = line;
            }
        }
        assert!(
            unclassified.is_empty(),
            "add #[serde(serialize_with = \"class::name\")] or another class:\n{}",
            unclassified.join("\n")
        );
    }
}
