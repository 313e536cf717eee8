//! The keywords of connection strings: which ones libpq knows, and the message for the others.

use super::options::{self, OPTIONS, Version};
use crate::settings::usage::UsageError;

/// Settings in the order in which they were written; the last of a keyword counts.
pub(crate) type Pairs = Vec<(String, String)>;

/// libpq's reading of the deprecated `requiressl`, which sets `sslmode`.
pub(super) fn translated(keyword: String, value: String) -> (String, String) {
    if keyword != "requiressl" {
        return (keyword, value);
    }
    let mode = if value.starts_with('1') { "require" } else { "prefer" };
    ("sslmode".to_owned(), mode.to_owned())
}

/// Checks that libpq knows a keyword.
///
/// # Errors
/// It does not; the error suggests the nearest keyword.
pub(super) fn check(
    keyword: &str,
    input: &str,
    start: usize,
    version: Version,
) -> Result<(), UsageError> {
    if keyword == "requiressl" || options::find(keyword, version).is_some() {
        return Ok(());
    }
    if let Some(later) = options::find(keyword, Version::V18) {
        let message = format!("{version} has no connection option \"{keyword}\"");
        return Err(UsageError::new(message).suggest(format!("{} or later", later.since)));
    }
    let before = input.get(..start).unwrap_or_default();
    if masked(before) != before {
        // The keyword may be a piece of a password that is not quoted.
        let message = "the connection string has an option that libpq does not know";
        return Err(UsageError::new(message).suggest(
            "host=… port=… dbname=… user=… sslmode=…; a password with blanks needs quotation marks",
        ));
    }
    let input = masked(input);
    let end = (start + keyword.len()).min(input.len());
    let error = UsageError::new(format!("libpq has no connection option \"{keyword}\""))
        .at(input, start.min(end)..end);
    let alike = match keyword.to_ascii_lowercase().as_str() {
        "username" | "uid" | "user id" | "userid" | "login" => Some("user"),
        "server" | "hostname" | "data" => Some("host"),
        "database" | "db" => Some("dbname"),
        "pwd" | "pass" => Some("password"),
        "ssl" | "ssl_mode" => Some("sslmode"),
        lower => {
            let mut known = OPTIONS.iter().map(|option| option.keyword);
            known.find(|known| strsim::levenshtein(known, lower) <= 2)
        }
    };
    Err(match alike {
        Some(alike) => error.suggest(format!("{alike}=…")),
        None => error.suggest("host=… port=… dbname=… user=… sslmode=…"),
    })
}

/// Words before the `=` of a secret, in the keywords of libpq and of drivers.
const SECRETS: [&str; 6] =
    ["password", "secret", "scram_client_key", "scram_server_key", "pwd", "pass"];

/// A connection string without its secrets, for messages: nothing after the first secret is kept,
/// since a secret that is not quoted has no known end.
pub(super) fn masked(input: &str) -> String {
    let mut text = input.to_owned();
    let lower = text.to_ascii_lowercase();
    let secrets = SECRETS.iter().filter_map(|word| {
        let at = lower.find(word)? + word.len();
        let blanks = lower[at..].len() - lower[at..].trim_start().len();
        // Without an equals sign the word may be part of a name; what follows is hidden all the same.
        Some(if lower[at + blanks..].starts_with('=') { at + blanks + 1 } else { at })
    });
    let unknown = lower.match_indices('=').map(|(equals, _)| equals + 1);
    let unknown = unknown.filter(|end| is_misspelled_secret(last_word(&lower[..end - 1])));
    if let Some(end) = secrets.chain(unknown).min() {
        text.truncate(end);
        text.push_str("***");
    }
    if let Some((scheme, rest)) = text.clone().split_once("://")
        && let Some(at) = rest.rfind('@')
        && let Some(colon) = rest[..at].find(':')
    {
        text = format!("{scheme}://{}:***{}", &rest[..colon], &rest[at..]);
    }
    text
}

/// Whether a keyword that libpq does not know is close to `password` or names another secret.
fn is_misspelled_secret(keyword: &str) -> bool {
    let known = keyword == "requiressl" || options::find(keyword, Version::V18).is_some();
    let secret = ["pw", "token", "key"].iter().any(|part| keyword.contains(part));
    !known && (secret || keyword.len() > 3 && strsim::levenshtein("password", keyword) <= 3)
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn values_of_unknown_keywords_and_of_passwords_are_masked() {
        for (input, shown) in [
            ("host=h pasword=SECRET", "host=h pasword=***"),
            ("host=h pasword = SECRET user=u", "host=h pasword =***"),
            ("host=h PWD=SECRET", "host=h PWD=***"),
            ("host=h user=u access_token=SECRET", "host=h user=u access_token=***"),
            ("postgresql://u@h/d?pasword=SECRET&user=u", "postgresql://u@h/d?pasword=***"),
            ("host=h user='a b' sslmode=require", "host=h user='a b' sslmode=require"),
        ] {
            assert_eq!(masked(input), shown);
        }
    }
}
