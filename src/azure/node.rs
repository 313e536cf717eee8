//! JSON of any casing as a bounded tree. Keys are compared without letter case, `_` and `-`, so that the
//! output of the Azure CLI, REST, PowerShell, Resource Graph and Terraform has one form.

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use std::{cell::Cell, fmt};

/// Values in all documents of one file. A published ServiceTags file has about 150,000.
pub(super) const MAX_VALUES: usize = 300_000;
/// Bytes of text that are kept of one value. Azure's names and ids are shorter.
pub(super) const MAX_TEXT: usize = 4096;
/// Documents in one file.
pub(super) const MAX_DOCUMENTS: usize = 5_000;

/// A value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Node {
    #[default]
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

static NULL: Node = Node::Null;

impl Node {
    /// The value of a key, given in lower case; null if there is none.
    pub(crate) fn get(&self, key: &str) -> &Self {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(name, _)| name == key).map_or(&NULL, |(_, value)| value)
            }
            _ => &NULL,
        }
    }

    /// The value of a key here or under `properties`.
    pub(crate) fn field(&self, key: &str) -> &Self {
        match self.get("properties").get(key) {
            Self::Null => self.get(key),
            value => value,
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) const fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    pub(crate) const fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// A text that is not empty and not an expression of a template.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() && !is_expression(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is an expression of a template, or a value that a plan does not know.
    pub(crate) fn is_expression(&self) -> bool {
        matches!(self, Self::Text(text) if is_expression(text))
    }

    /// A text, or the expression that is in its place.
    pub(crate) fn reference(&self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    /// A text, number or truth value as text.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(_) => self.text().map(str::to_owned),
            Self::Flag(value) => Some(value.to_string()),
            Self::Number(value) => Some(value.to_string()),
            _ => None,
        }
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be a whole number in range"
            )]
            Self::Number(value) if (0.0..9e15).contains(value) && value.fract() == 0.0 => {
                Some(*value as u64)
            }
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(value) => Some(*value),
            Self::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "enabled" | "on" => Some(true),
                "false" | "disabled" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list; a single value is a list of one, as PowerShell writes it.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Null => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::text)
    }
}

/// An expression of an ARM template, of which the value is not known.
fn is_expression(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']') && !text.starts_with("[[")
}

/// A key in lower case without separators.
pub(super) fn normal(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .take(100)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

struct Seed<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    fn count<E: Error>(&self) -> Result<(), E> {
        let left = self.0.get();
        if left == 0 {
            return Err(E::custom(format!("more than {MAX_VALUES} values")));
        }
        self.0.set(left - 1);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.count()?;
        Ok(Node::Flag(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        #[allow(clippy::cast_precision_loss, reason = "numbers in these documents are small")]
        let value = value as f64;
        self.visit_f64(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        #[allow(clippy::cast_precision_loss, reason = "numbers in these documents are small")]
        let value = value as f64;
        self.visit_f64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.count()?;
        Ok(Node::Number(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        self.count()?;
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Ok(Node::Text(text[..end].trim().to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.count()?;
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        self.count()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed(self.0))? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        self.count()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let key = normal(&key);
            entries.push((key, map.next_value_seed(Seed(self.0))?));
        }
        Ok(Node::Map(entries))
    }
}

/// Every document of a text.
///
/// # Errors
/// What is wrong, and where: line and column.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Node>, String> {
    let budget = Cell::new(MAX_VALUES);
    let mut documents = Vec::new();
    let mut rest = bytes;
    let mut line = 1;
    loop {
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        line += newlines(&rest[..blank]);
        rest = &rest[blank..];
        if rest.is_empty() {
            return Ok(documents);
        }
        if documents.len() == MAX_DOCUMENTS {
            return Err(format!("more than {MAX_DOCUMENTS} documents"));
        }
        let mut stream = serde_json::Deserializer::from_slice(rest);
        let node =
            Seed(&budget).deserialize(&mut stream).map_err(|error| described(&error, line))?;
        let used = stream.into_iter::<serde::de::IgnoredAny>().byte_offset();
        documents.push(node);
        line += newlines(&rest[..used]);
        rest = &rest[used..];
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// The error without names of the library's types.
fn described(error: &serde_json::Error, first_line: usize) -> String {
    let place = format!("line {} column {}", error.line() + first_line - 1, error.column());
    let text: String = error.to_string().chars().take(300).collect();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with("recursion limit exceeded") {
        format!("nested more deeply than any export at {place}")
    } else if error.is_data() {
        format!("{text} at {place}")
    } else {
        format!("not JSON: {text} at {place}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, read};

    #[test]
    fn every_casing_is_one() {
        let texts = [
            r#"{"addressPrefix": "a"}"#,
            r#"{"AddressPrefix": "a"}"#,
            r#"{"address_prefix": "a"}"#,
        ];
        for text in texts {
            let nodes = read(text.as_bytes()).expect("JSON");
            assert_eq!(nodes[0].get("addressprefix").text(), Some("a"), "{text}");
        }
    }

    #[test]
    fn several_documents_and_errors_with_their_place() {
        let nodes = read(b"{}\n[1]\n\n\"x\" ").expect("JSON");
        assert_eq!(nodes[1], Node::List(vec![Node::Number(1.0)]));
        assert_eq!(nodes.len(), 3);
        let error = read(b"{}\n{\"a\": }").expect_err("not JSON");
        assert!(error.starts_with("not JSON: expected value at line 2 column"), "{error}");
    }
}
