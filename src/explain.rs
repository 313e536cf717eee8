//! `entra-pg explain`: the page of a problem, a check, an error number, or a pasted error text; offline.

use entra_pg_checks::{
    Check, Page, Problem, facts::login::ServerError, login::refusal, problems, rulebook,
    token::aadsts,
};
use std::fmt::Write;

/// What a text may mean: pages, the likeliest first.
#[must_use]
pub fn find(text: &str) -> Vec<&'static Problem> {
    let text = text.trim();
    if let Some(problem) = problems().into_iter().find(|problem| problem.id == text) {
        return vec![problem];
    }
    if let Some(check) = rulebook().into_iter().find(|check| check.id == text) {
        return check.problems.to_vec();
    }
    if let Some(known) = aadsts::code_in(text).and_then(aadsts::lookup) {
        return vec![known.problem];
    }
    pasted(text)
}

/// What one of Entra's error numbers means and what to do about it, before the page of its problem.
#[must_use]
pub fn number(text: &str) -> Option<String> {
    let known = aadsts::code_in(text).and_then(aadsts::lookup)?;
    let mut out = format!("AADSTS{}: {}.\n", known.code, known.meaning);
    for advice in known.advice {
        let _ = writeln!(out, "  - {}: {}", advice.actor.label(), advice.text);
        if !advice.command.is_empty() {
            let _ = writeln!(out, "      {}", advice.command);
        }
    }
    Some(out)
}

/// The check of that id.
#[must_use]
pub fn check(id: &str) -> Option<&'static Check> {
    rulebook().into_iter().find(|check| check.id == id.trim())
}

/// A page as text.
#[must_use]
pub fn page(problem: &Problem) -> String {
    let Page { means, causes, confirm, fix, mistaken_for, sources } = &problem.page;
    let mut out = format!("{}: {}\n\n{means}\n", problem.id, problem.title);
    let mut list = |title: &str, items: &[&str]| {
        if !items.is_empty() {
            let _ = writeln!(out, "\n{title}");
            for item in items {
                let _ = writeln!(out, "  - {item}");
            }
        }
    };
    list("Why it happens, most likely first", causes);
    list("How to confirm it by hand", confirm);
    let fixes: Vec<String> =
        fix.iter().map(|(actor, text)| format!("{}: {text}", actor.label())).collect();
    let fixes: Vec<&str> = fixes.iter().map(String::as_str).collect();
    list("How to mend it", &fixes);
    list("What it is mistaken for", mistaken_for);
    list("Sources", sources);
    out
}

/// Fragments of messages of psql, drivers and tools, in lower case, and what they may mean.
const FRAGMENTS: &[(&str, &[&str])] = &[
    (
        "could not translate host name",
        &["dns/nxdomain", "config/host-malformed", "dns/nameserver-unreachable"],
    ),
    ("name or service not known", &["dns/nxdomain", "config/host-malformed"]),
    ("timeout expired", &["server/dropped", "server/silent"]),
    ("connection timed out", &["server/dropped", "outbound/dropped"]),
    ("connection refused", &["server/refused", "server/pooler-off"]),
    ("server closed the connection unexpectedly", &["server/closed", "login/closed"]),
    ("ssl syscall error", &["server/tls-reset"]),
    ("server does not support ssl", &["server/tls-refused"]),
    ("does not match host name", &["server/tls-wrong-name"]),
    ("root certificate file", &["server/root-file-missing"]),
    (
        "certificate verify failed",
        &["server/tls-untrusted", "server/tls-intercepted", "outbound/tls-intercepted"],
    ),
    ("certificate_verify_failed", &["outbound/tls-intercepted", "outbound/tls-untrusted"]),
    ("tlsv1 alert protocol version", &["server/tls-version"]),
    ("invalid sslmode value", &["config/invalid-sslmode"]),
    ("channel binding required", &["config/channel-binding-required"]),
    ("no password supplied", &["claims/not-a-token"]),
    ("no password has been provided", &["claims/not-a-token"]),
    ("please run 'az login'", &["token/cli-signed-out"]),
    ("identity not found", &["token/no-managed-identity"]),
    ("multiple user assigned identities", &["token/ambiguous-managed-identity"]),
    (
        "password authentication failed",
        &[
            "login/not-an-entra-role",
            "name/wrong-case",
            "claims/expired",
            "claims/wrong-audience",
            "login/refused",
        ],
    ),
    ("failed sasl auth", &["login/not-an-entra-role", "name/identifier-not-name"]),
    ("does not exist", &["access/database-missing"]),
    ("permission denied for database", &["access/no-connect-privilege"]),
    ("read-only transaction", &["access/read-only"]),
];

/// SQLSTATEs, and what they may mean.
const SQLSTATES: &[(&str, &[&str])] = &[
    ("28P01", &["login/not-an-entra-role", "name/wrong-case", "claims/expired", "login/refused"]),
    ("28000", &["login/client-address-refused", "login/tls-required", "login/object-id-mismatch"]),
    ("3D000", &["access/database-missing"]),
    ("42501", &["access/no-connect-privilege"]),
    ("53300", &["login/too-many-connections"]),
    ("57P03", &["login/starting-up"]),
    ("08P01", &["login/pooler-token-too-long"]),
    ("25006", &["access/read-only"]),
    ("XX000", &["login/server-defect"]),
];

fn pasted(text: &str) -> Vec<&'static Problem> {
    let named = |ids: &[&str]| -> Vec<&'static Problem> {
        ids.iter()
            .filter_map(|id| problems().into_iter().find(|problem| problem.id == *id))
            .collect()
    };
    if let Some((_, ids)) = SQLSTATES.iter().find(|(code, _)| text.eq_ignore_ascii_case(code)) {
        return named(ids);
    }
    let error = ServerError { message: text.to_owned(), ..ServerError::default() };
    let known = refusal::by_words(&error);
    if known.id != "login/refused" {
        return vec![known];
    }
    let lower = text.to_lowercase();
    let fragment = FRAGMENTS.iter().find(|(fragment, _)| lower.contains(fragment));
    fragment.map(|(_, ids)| named(ids)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{FRAGMENTS, SQLSTATES, find, problems};

    fn ids(text: &str) -> Vec<&'static str> {
        find(text).into_iter().map(|problem| problem.id).collect()
    }

    #[test]
    fn a_pasted_error_leads_to_its_pages() {
        assert_eq!(ids("claims/expired"), ["claims/expired"]);
        assert_eq!(
            ids("ERROR: AADSTS53003: Access has been blocked"),
            ["token/conditional-access"]
        );
        assert_eq!(
            ids("psql: error: FATAL:  password authentication failed for user \"x\"")[0],
            "login/not-an-entra-role"
        );
        assert_eq!(
            ids("FATAL: The access token has expired. Acquire a new token and try again."),
            ["login/token-expired"]
        );
        assert_eq!(ids("3d000"), ["access/database-missing"]);
        assert_eq!(ids("nothing of the kind"), Vec::<&str>::new());
    }

    #[test]
    fn every_page_that_is_named_exists() {
        for (_, ids) in FRAGMENTS.iter().chain(SQLSTATES) {
            for id in *ids {
                assert!(problems().iter().any(|problem| problem.id == *id), "{id}");
            }
        }
    }
}
