//! Where a SQL statement is run: in which database, and as which role.

/// Where a statement is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The database, such as `database postgres`.
    pub database: &'static str,
    /// The role.
    pub role: &'static str,
    /// Whether only a Microsoft Entra administrator may run it.
    pub needs_entra: bool,
}

const VERBS: &[&str] =
    &["alter", "create", "drop", "grant", "reassign", "revoke", "security", "select", "show"];

/// Whether a text in code type is a SQL statement. A single word names one in a sentence.
#[must_use]
pub fn is_statement(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    VERBS.contains(&first.as_str()) && text.ends_with(';')
}

/// Whether the statement changes something.
#[must_use]
pub fn changes(statement: &str) -> bool {
    let reads = statement.starts_with("select") || statement.starts_with("show");
    !reads
        || ["create_principal", "update_principal", "sync_roles"]
            .iter()
            .any(|name| statement.contains(name))
}

/// Where the statement is run.
#[must_use]
pub fn place(statement: &str) -> Place {
    let starts = |words: &[&str]| words.iter().any(|word| statement.starts_with(word));
    let contains = |words: &[&str]| words.iter().any(|word| statement.contains(word));
    let needs_entra = starts(&["security label"]) || contains(&["pgaadauth_"]);
    let (database, role) = if needs_entra {
        ("database postgres", "a Microsoft Entra administrator of the server")
    } else if starts(&["grant connect", "drop role", "alter role", "create "]) {
        ("database postgres", "an administrator of the server")
    } else if starts(&["reassign", "drop owned", "grant", "alter default", "revoke"]) {
        ("the database that holds the objects", "their owner or an administrator")
    } else if contains(&["current_user", "current_setting", "citus_"]) {
        ("the database of the login", "the role that logs in")
    } else {
        ("database postgres", "any role")
    };
    Place { database, role, needs_entra }
}

/// A sentence of a page with the database and the role after each statement; statements in one sentence
/// that are run in the same place name it once.
#[must_use]
pub fn with_places(sentence: &str) -> String {
    let parts: Vec<&str> = sentence.split('`').collect();
    let at = |index: usize| {
        let text = parts.get(index).filter(|text| index % 2 == 1 && is_statement(text))?;
        Some(place(text))
    };
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push('`');
        }
        // The place follows the closing mark.
        if let Some(place) = index.checked_sub(1).and_then(at)
            && (index + 1..parts.len()).filter_map(at).all(|next| next != place)
        {
            out.push_str(&format!(" (in {}, as {})", place.database, place.role));
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{is_statement, with_places};

    #[test]
    fn a_statement_names_its_database_and_role() {
        assert_eq!(
            with_places("`select * from pgaadauth_list_principals(false);` works"),
            "`select * from pgaadauth_list_principals(false);` (in database postgres, as a Microsoft Entra administrator of the server) works"
        );
        assert_eq!(
            with_places("`drop owned by \"a\";`, then `drop owned by \"b\";`"),
            "`drop owned by \"a\";`, then `drop owned by \"b\";` (in the database that holds the objects, as their owner or an administrator)"
        );
        assert_eq!(with_places("`psql` says"), "`psql` says");
    }

    #[test]
    fn a_word_or_a_fragment_is_not_a_statement() {
        for text in ["select", "show", "reassign owned", "drop", "options use-vc;"] {
            assert!(!is_statement(text), "{text}");
        }
    }
}
