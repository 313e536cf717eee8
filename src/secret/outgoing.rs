//! The search for secrets in text that is about to leave this machine in clear: user, database, host
//! names, URLs, headers.

use super::{Secrets, shapes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A name is never this long, and a token always is.
const LONGEST_NAME: usize = 500;

/// A shorter label of a host name can mix letter cases and digits by chance.
const SHORTEST_RANDOM_LABEL: usize = 20;

/// Variables that hold a secret and nothing else. Others have a telling name and perhaps an ordinary
/// value, such as `KEYVAULT_SECRET=orders-app`: they count only if the value has a secret's shape.
pub(crate) const SECRET_VARIABLES: &[&str] = &[
    "PGPASSWORD",
    "AZURE_CLIENT_SECRET",
    "AZURE_PASSWORD",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ARM_CLIENT_SECRET",
    "SYSTEM_ACCESSTOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "IDENTITY_HEADER",
    "MSI_SECRET",
];

/// What secret a text holds that must not leave this machine: a kind, such as "a token", or the name
/// of what holds the same text, such as "PGPASSWORD".
#[must_use]
pub(crate) fn secret_in(text: &str, secrets: &Secrets) -> Option<String> {
    let long = || {
        let length = text.len();
        (length > LONGEST_NAME && !text.contains(char::is_whitespace))
            .then(|| format!("a text of {length} bytes, as long as a token"))
    };
    shape_in(text, false).or_else(|| known_in(text, secrets)).or_else(long)
}

/// The same in a URL, which may be long and hold the base64 of other JSON, such as a skip token of
/// Resource Manager.
#[must_use]
pub(crate) fn secret_in_url(url: &str, secrets: &Secrets) -> Option<String> {
    shape_in(url, true).or_else(|| known_in(url, secrets))
}

/// The same in a host name. Nameservers and logs see it, so a short part of a known token counts as well,
/// and so does a label that is as random as a part of an unknown one.
#[must_use]
pub(crate) fn secret_in_host(host: &str, secrets: &Secrets) -> Option<String> {
    let labels = || host.split('.');
    secret_in(host, secrets)
        .or_else(|| {
            labels().find_map(|label| secrets.part_of(label)).filter(|label| is_certain(label))
        })
        .or_else(|| labels().any(is_random).then(|| "a part of a token".to_owned()))
}

/// Whether a label of a host name mixes letter cases and digits as base64 does.
fn is_random(label: &str) -> bool {
    label.len() >= SHORTEST_RANDOM_LABEL
        && label.contains(|c: char| c.is_ascii_lowercase())
        && label.contains(|c: char| c.is_ascii_uppercase())
        && label.contains(|c: char| c.is_ascii_digit())
        && super::known::alternates(label)
}

fn shape_in(text: &str, whole_tokens: bool) -> Option<String> {
    let shape = shapes::find(text).into_iter().find(|shape| {
        let found = text.get(shape.range.clone()).unwrap_or_default();
        let begins = !text[..shape.range.start].ends_with(char::is_alphanumeric);
        let parts = found.matches('.').count();
        let token = begins && is_base64_of_json(found) && (!whole_tokens || parts >= 2);
        token || !(found.starts_with("eyJ") || found.starts_with("ZXlK"))
    })?;
    Some(shape.kind.to_owned())
}

fn known_in(text: &str, secrets: &Secrets) -> Option<String> {
    secrets.in_text(text).into_iter().find_map(|(found, _)| {
        let (label, _) = found.rsplit_once(" (")?;
        is_certain(label).then(|| label.to_owned())
    })
}

/// Whether what has this label is a secret, whatever its value.
fn is_certain(label: &str) -> bool {
    label.starts_with("the ") || SECRET_VARIABLES.contains(&label)
}

/// Why something was not sent.
#[must_use]
pub(crate) fn withheld(what: &str, secret: &str) -> String {
    format!("{what} holds a secret ({secret}), so it was not sent")
}

/// A word such as "HeyJude…" starts as a token does, but does not decode to text.
fn is_base64_of_json(text: &str) -> bool {
    let start = text.get(..16).unwrap_or_default();
    URL_SAFE_NO_PAD
        .decode(start)
        .is_ok_and(|bytes| bytes.iter().all(|byte| matches!(byte, b' '..=b'~')))
}

#[cfg(test)]
mod tests {
    use super::{secret_in, secret_in_host};
    use crate::{environment::Environment, secret::Secrets};

    #[test]
    fn a_part_of_a_known_token_is_found() {
        let token =
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL28ifQ.c2lnbmF0dXJlIQ";
        let secrets = Secrets::of_environment(&Environment::from_pairs([("PGPASSWORD", token)]));
        let part = format!("{}.example.com", &token[4..24]);
        assert_eq!(secret_in(&part, &secrets).as_deref(), Some("PGPASSWORD"));
        assert_eq!(secret_in("server.example.com", &secrets), None);
        assert_eq!(secret_in(token, &Secrets::default()).as_deref(), Some("a token"));
        assert!(secret_in(&token.to_lowercase().repeat(20), &Secrets::default()).is_some());
        assert!(secret_in(&format!("Bearer {token}"), &Secrets::default()).is_some());
    }
    #[test]
    fn a_host_name_holds_no_short_part_of_a_token() {
        let token =
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL28ifQ.c2lnbmF0dXJlIQ";
        let secrets = Secrets::of_environment(&Environment::from_pairs([("PGPASSWORD", token)]));
        for part in [&token[8..20], &token[8..20].to_lowercase(), "db.hYWQuZGF0YWJhc2Uud2luZG93"] {
            assert!(secret_in_host(part, &secrets).is_some(), "{part}");
        }
        for host in [
            "pg-prod.postgres.database.azure.com",
            "Contoso-Production-Database-01.postgres.database.azure.com",
            "MyCompanyProductionDatabase01",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "k8s-default-orders-0123456789abcdef.elb.example.com",
            "2001:db8::10",
            "10.0.0.4",
        ] {
            assert_eq!(secret_in_host(host, &secrets), None, "{host}");
        }
        let url = "postgresql://alice:Geheim-12345@pg-prod.postgres.database.azure.com/appdb";
        let secrets = Secrets::of_environment(&Environment::from_pairs([("PGPASSWORD", url)]));
        assert_eq!(secret_in_host("pg-prod.postgres.database.azure.com", &secrets), None);
    }
}
