//! libpq's keywords: those that matter here, and those that are known and left alone.

use crate::settings::usage::UsageError;

/// Settings in the order in which they were written; the last of a keyword counts.
pub(crate) type Pairs = Vec<(String, String)>;

/// Keywords that are used.
pub(super) const USED: [&str; 12] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "sslmode",
    "sslrootcert",
    "channel_binding",
    "require_auth",
    "service",
];

/// Keywords of libpq 15 to 17 that change nothing that is diagnosed here.
const KNOWN: [&str; 33] = [
    "application_name",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "oauth_issuer",
    "replication",
    "requirepeer",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Whether libpq knows a keyword; an error that names the nearest one if not.
pub(super) fn check(keyword: &str, input: &str, start: usize) -> Result<(), UsageError> {
    if USED.contains(&keyword) || KNOWN.contains(&keyword) {
        return Ok(());
    }
    let masked = masked(input);
    if masked != input {
        // The keyword may be a piece of a password that is not quoted.
        let message = "the connection string has an option that libpq does not know";
        return Err(UsageError::new(message).suggest(
            "host=… port=… dbname=… user=… sslmode=…; a password with blanks needs quotation marks",
        ));
    }
    let input = masked;
    let end = (start + keyword.len()).min(input.len());
    let error = UsageError::new(format!("libpq has no connection option \"{keyword}\""))
        .at(input, start.min(end)..end);
    let alike = match keyword.to_ascii_lowercase().as_str() {
        "username" | "uid" | "user id" | "userid" | "login" => Some("user"),
        "server" | "hostname" | "data" => Some("host"),
        "database" | "db" => Some("dbname"),
        "pwd" | "pass" => Some("password"),
        "ssl" | "ssl_mode" => Some("sslmode"),
        lower => USED.iter().chain(&KNOWN).find(|known| distance(known, lower) <= 2).copied(),
    };
    Err(match alike {
        Some(alike) => error.suggest(format!("{alike}=…")),
        None => error.suggest("host=… port=… dbname=… user=… sslmode=…"),
    })
}

/// A connection string with its password replaced, for messages.
pub(super) fn masked(input: &str) -> String {
    let mut text = input.to_owned();
    if let Some(at) = text.to_ascii_lowercase().find("password") {
        let value = at + "password".len();
        let value = text[value..].find('=').map_or(text.len(), |equals| value + equals + 1);
        text.truncate(value);
        text.push_str("***");
    }
    if let Some((scheme, rest)) = text.clone().split_once("://") {
        let authority = rest.find(['/', '?']).unwrap_or(rest.len());
        if let Some(at) = rest[..authority].rfind('@')
            && let Some(colon) = rest[..at].find(':')
        {
            text = format!("{scheme}://{}:***{}", &rest[..colon], &rest[at..]);
        }
    }
    text
}

/// The number of letters to change, add or leave out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for (column, against) in other.iter().enumerate() {
            let changed = corner + usize::from(letter != *against);
            corner = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
