//! Findings about secrets in settings that are sent in clear text.

use crate::{
    check::Problem,
    facts::settings::{MisplacedSecret, Origin, SentSetting},
    verdict::{Finding, Fix},
};

/// The finding about one setting that holds a secret.
pub(crate) fn finding(problem: &'static Problem, misplaced: &MisplacedSecret) -> Finding {
    let (origin, secret) = (misplaced.origin.phrase(), &misplaced.secret);
    let (what, sent) = words(misplaced.setting);
    let holds = match &misplaced.origin {
        Origin::Environment { .. } | Origin::Flag { .. } => origin.clone(),
        _ => format!("The {what} in {origin}"),
    };
    let detail = format!("{holds} holds a secret ({secret}) instead of the {what}");
    Finding::of(problem, what, detail)
        .because(format!("the {what} is sent in {sent}"))
        .because("this run sent neither the value nor anything that depends on it")
        .fix(replace(misplaced, what))
        .fix(Fix::you(
            "If another program already used this value, treat the secret as leaked: let the token expire, or replace the client secret",
        ))
}

fn words(setting: SentSetting) -> (&'static str, &'static str) {
    match setting {
        SentSetting::User => ("user name", "the startup message, which the server logs"),
        SentSetting::Database => ("database name", "the startup message, which the server logs"),
        SentSetting::Options => ("options", "the startup message, which the server logs"),
        SentSetting::Host => ("host name", "DNS queries without encryption"),
        SentSetting::Tenant => ("tenant ID", "the URL of the token request, which proxies log"),
        SentSetting::ClientId => ("client ID", "URLs and token requests, which are logged"),
        SentSetting::Unknown => ("setting", "clear text"),
    }
}

fn replace(misplaced: &MisplacedSecret, what: &str) -> Fix {
    let origin = misplaced.origin.phrase();
    match &misplaced.origin {
        Origin::Environment { .. } | Origin::Flag { .. } => {
            Fix::you(format!("Set {origin} to the {what}, and give the token in PGPASSWORD"))
        }
        _ => Fix::you(format!("Write the {what} in {origin}, and give the token in PGPASSWORD")),
    }
}
