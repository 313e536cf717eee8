//! Reads what a message quotes: the name of a user, a role, a database or a host is more
//! specific than the text around it.

use super::{
    normalize::Normalized,
    what::{Evidence, Subject},
};
use entra_pg_checks::{
    Problem,
    access::database::DATABASE_MISSING,
    command::guid,
    config::host::HOST_MALFORMED,
    dns::resolution::PRIVATE_RECORD_MISSING,
    name::{secret, spelling},
};

/// Names that are read of a text.
const NAMES: usize = 8;

/// Longest name that is read, in characters. A longer one is cut.
const LENGTH: usize = 5_000;

/// Texts before a quoted user name, in lower case.
const USERS: &[&str] = &["for user \"", "user \"", "user '", "user <", "as user \"", "user="];

/// Texts before a quoted host name, in lower case.
const HOSTS: &[&str] = &[
    "host name \"",
    "enotfound ",
    "unknownhostexception: ",
    "lookup ",
    "could not resolve host: ",
];

/// The evidence in quoted names.
pub(super) fn evidence(text: &Normalized) -> Vec<Evidence> {
    let lower = text.readable.to_ascii_lowercase();
    // An authentication error, or an error while a role is created: there the name counts.
    let about_names = [
        "password authentication failed",
        "authentication failed",
        "pg_hba.conf",
        "does not exist",
        "validate",
        "empty password",
    ]
    .iter()
    .any(|words| lower.contains(words))
        || text.dense.contains("passwordauthenticationfailed");
    let mut all = Vec::new();
    if about_names {
        for name in names(&text.readable, &lower, USERS) {
            all.extend(user(&name, &lower));
        }
    }
    for name in names(&text.readable, &lower, HOSTS) {
        all.extend(host(&name));
    }
    all.extend(databases(&text.readable, &lower));
    all
}

/// The names after any of the marks, up to the closing character.
fn names(text: &str, lower: &str, marks: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for mark in marks {
        for (at, _) in lower.match_indices(mark).take(NAMES) {
            let closing = match mark.chars().last() {
                Some('"') => '"',
                Some('\'') => '\'',
                Some('<') => '>',
                _ => ' ',
            };
            let rest = text.get(at + mark.len()..).unwrap_or_default();
            let end = |c: char| c == closing || (closing == ' ' && (c.is_whitespace() || c == ','));
            let name: String = rest.chars().take(LENGTH).take_while(|c| !end(*c)).collect();
            if !name.is_empty() && names.len() < NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn user(name: &str, lower: &str) -> Option<Evidence> {
    let plain: String = name.split_whitespace().collect();
    let low = plain.to_ascii_lowercase();
    let server = low.rsplit_once('@').is_some_and(|(_, suffix)| {
        !suffix.is_empty() && !suffix.contains('.') && lower.contains(&format!("{suffix}.postgres"))
            || suffix.contains(".postgres.database.")
    });
    let (problem, weight, reason): (&'static Problem, u16, &str) =
        if low.starts_with("eyj") && low.len() > 30 {
            (&secret::TOKEN_AS_USER, 99, "the user name is a token")
        } else if guid(&low).is_some() {
            (&spelling::IDENTIFIER_NOT_NAME, 96, "the user name is an object ID or application ID")
        } else if server {
            (&spelling::SINGLE_SERVER_SUFFIX, 96, "the user name ends in the name of the server")
        } else if low.contains(".postgres.database.") || low.contains(".postgres.cosmos.") {
            (&spelling::HOST_AS_USER, 97, "the user name is the host name of a server")
        } else if low.contains("%40") || low.contains("%20") || low.contains("%23") {
            (&spelling::PERCENT_KEPT, 95, "the user name contains percent escapes")
        } else if name.contains("\\ ") || name.contains("\\@") {
            (&spelling::BACKSLASH_KEPT, 95, "the user name contains a backslash")
        } else if plain.starts_with(['\'', '"']) || plain.ends_with(['\'', '"']) {
            (&spelling::QUOTES_KEPT, 94, "the user name contains quotation marks")
        } else if name.len() > 63 {
            (&spelling::TOO_LONG, 90, "the user name is longer than 63 bytes")
        } else {
            return None;
        };
    Some(found(problem, weight, reason))
}

fn host(name: &str) -> Option<Evidence> {
    let name = name.trim_end_matches([',', '.', ';', ':', ')']);
    if name.len() > 30 && name.to_ascii_lowercase().starts_with("eyj") {
        return Some(found(&HOST_MALFORMED, 92, "the host name is a token"));
    }
    let port = name
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if name.contains(['@', '/', '%', '=', ' ', '<', '>'])
        || (port && name.matches(':').count() == 1)
    {
        return Some(found(&HOST_MALFORMED, 94, "the host name contains characters of a URI"));
    }
    if name.to_ascii_lowercase().contains(".privatelink.") {
        return Some(found(&PRIVATE_RECORD_MISSING, 82, "the host name contains privatelink"));
    }
    None
}

/// `database "…" does not exist`, `Database … does not exist on the database server`: the login works.
fn databases(text: &str, lower: &str) -> Option<Evidence> {
    for (at, mark) in lower.match_indices("database ").take(64) {
        let rest = lower.get(at + mark.len()..).unwrap_or_default();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else {
            continue;
        };
        let Some((name, after)) = rest.get(1..).and_then(|rest| rest.split_once(quote)) else {
            continue;
        };
        if name.len() > LENGTH
            || !after.split_whitespace().take(3).eq(["does", "not", "exist"])
                && !after.trim_start().starts_with("does not exist")
        {
            continue;
        }
        if name.starts_with("eyj") && text.len() > 30 {
            return Some(found(&secret::TOKEN_AS_USER, 98, "the database name is a token"));
        }
        return Some(found(&DATABASE_MISSING, 93, "the text says that a database does not exist"));
    }
    None
}

fn found(problem: &'static Problem, weight: u16, reason: &str) -> Evidence {
    Evidence { subject: Subject::Problem(problem), weight, reason: reason.to_owned() }
}
