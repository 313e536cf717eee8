//! What is only inferred about live servers, held against a bundle of a real login.
//!
//! `ENTRA_PG_LIVE=FILE cargo test --test assumptions -- --nocapture` reads a bundle or a JSON report and
//! prints which assumptions it confirms, and fails if it contradicts one. Several files are separated
//! by `:`. `.github/CONTRIBUTING.md` says how to record them.

#![allow(clippy::print_stdout, reason = "the answers are for the contributor who runs the test")]

use entra_pg::bundle;
use entra_pg_checks::{
    Evidence,
    facts::{
        login::{AuthRequest, LoginOutcome, ServerError},
        server::Server,
    },
    support::login::refusal,
};
use serde_json::{Value, json};

/// What one run says about an assumption.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Confirmed,
    Contradicted,
}

/// An assumption about live servers, and how a run decides about it. `None`: the run does not.
struct Assumption {
    name: &'static str,
    decide: fn(&Evidence) -> Option<Answer>,
}

/// The user of the run that asks for a role that does not exist.
const UNKNOWN_ROLE: &str = "entra-pg-unknown-role";

/// Longest password that PgBouncer takes before version 1.26.
const POOLER_LIMIT: usize = 2047;

const ASSUMPTIONS: &[Assumption] = &[
    Assumption {
        name: "an Entra role is asked for a cleartext password",
        decide: |seen| {
            accepted(seen)?;
            asked(seen).map(|request| answer(matches!(request, AuthRequest::Cleartext)))
        },
    },
    Assumption {
        name: "an unknown role is asked for SASL, not for a cleartext password",
        decide: |seen| {
            let user = seen.settings.seen()?.user.as_ref()?;
            (user.value == UNKNOWN_ROLE).then_some(())?;
            asked(seen).map(|request| {
                answer(matches!(request, AuthRequest::Sasl { .. } | AuthRequest::Md5))
            })
        },
    },
    Assumption {
        name: "every refusal of the server has a text that is known",
        decide: |seen| {
            let error = refused(seen)?;
            Some(answer(refusal::by_words(error) != &refusal::REFUSED))
        },
    },
    Assumption {
        name: "a refused token has SQLSTATE class 28",
        decide: |seen| {
            let error = refused(seen)?;
            let token = error.message.to_lowercase().contains("access token");
            token.then(|| answer(error.sqlstate.starts_with("28")))
        },
    },
    Assumption {
        name: "an address without a firewall rule is refused with 28000",
        decide: |seen| {
            let error = match asked(seen)? {
                AuthRequest::Error(error) => error,
                _ => refused(seen)?,
            };
            let address = refusal::by_words(error) == &refusal::CLIENT_ADDRESS_REFUSED;
            address.then(|| answer(error.sqlstate == "28000"))
        },
    },
    Assumption {
        name: "the audience needs the exact form, without a slash at the end",
        decide: |seen| {
            let audience = seen.token.seen()?.claims.as_ref()?.aud.clone()?;
            let slash = audience.ends_with('/');
            match (slash, accepted(seen).is_some(), refused(seen)) {
                (true, true, _) => Some(Answer::Contradicted),
                (true, false, Some(error)) => {
                    Some(answer(refusal::by_words(error) == &refusal::AUDIENCE_REFUSED))
                }
                (false, true, _) => Some(Answer::Confirmed),
                _ => None,
            }
        },
    },
    Assumption {
        name: "the certificate names *.postgres.database.<cloud>",
        decide: |seen| {
            let leaf = server(seen)?.tls.seen()?.chain.first()?;
            Some(answer(leaf.names.iter().any(|name| name.contains(".postgres.database."))))
        },
    },
    Assumption {
        name: "the pooler takes passwords of at most 2,047 bytes",
        decide: |seen| {
            let login = seen.login.seen().filter(|login| login.port == 6432)?;
            let long = login.token_length > POOLER_LIMIT;
            match (&login.outcome, long) {
                (LoginOutcome::Accepted { .. }, long) => Some(answer(!long)),
                (LoginOutcome::Refused(_), true) => Some(Answer::Confirmed),
                _ => None,
            }
        },
    },
    Assumption {
        name: "the server refuses an expired token",
        decide: |seen| {
            let expires = seen.token.seen()?.claims.as_ref()?.exp?;
            let late = seen.observed_at.as_second() - expires;
            (late > 0).then_some(())?;
            match accepted(seen) {
                Some(()) => Some(Answer::Contradicted),
                None => refused(seen).map(|_| Answer::Confirmed),
            }
        },
    },
    Assumption {
        name: "the security label of a role names the object ID of the token, or its application ID",
        decide: |seen| {
            accepted(seen)?;
            let principal = seen.session.seen()?.principal()?;
            let claims = seen.token.seen()?.claims.as_ref()?;
            let same = |id: Option<&str>| {
                id.is_some_and(|id| id.eq_ignore_ascii_case(&principal.object_id))
            };
            let own = same(claims.oid.as_deref()) || same(claims.client());
            (principal.kind != "group").then(|| answer(own))
        },
    },
];

fn answer(holds: bool) -> Answer {
    if holds { Answer::Confirmed } else { Answer::Contradicted }
}

fn accepted(seen: &Evidence) -> Option<()> {
    let login = seen.login.seen()?;
    matches!(login.outcome, LoginOutcome::Accepted { .. }).then_some(())
}

fn refused(seen: &Evidence) -> Option<&ServerError> {
    match &seen.login.seen()?.outcome {
        LoginOutcome::Refused(error) => Some(error),
        _ => None,
    }
}

fn asked(seen: &Evidence) -> Option<&AuthRequest> {
    seen.auth_request.seen()
}

fn server(seen: &Evidence) -> Option<&Server> {
    seen.server.seen()
}

/// The assumptions that a run decides about.
fn decided(seen: &Evidence) -> Vec<(&'static str, Answer)> {
    ASSUMPTIONS
        .iter()
        .filter_map(|assumption| Some((assumption.name, (assumption.decide)(seen)?)))
        .collect()
}

fn evidence(changes: &[(&str, Value)]) -> Evidence {
    let mut document: Value =
        serde_json::from_str(include_str!("../checks/support/healthy.json")).expect("JSON");
    for (pointer, value) in changes {
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    }
    serde_json::from_value(document).expect("evidence")
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the bundle of a contributor is named outside")]
fn bundles_of_live_servers_contradict_nothing() {
    let named = std::env::var("ENTRA_PG_LIVE").unwrap_or_default();
    let mut contradicted = Vec::new();
    for path in named.split(':').filter(|path| !path.is_empty()) {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let seen = if bytes.starts_with(bundle::BEGINNING) {
            bundle::read(&bytes)
        } else {
            serde_json::from_slice(&bytes)
                .map_err(|error| error.to_string())
                .and_then(bundle::of_document)
        };
        let seen = seen.unwrap_or_else(|error| panic!("{path}: {error}"));
        if let Some(error) = refused(&seen) {
            println!("{path}: {} {}", error.sqlstate, error.message);
        }
        for (name, answer) in decided(&seen) {
            let word = if answer == Answer::Confirmed { "confirmed" } else { "contradicted" };
            println!("{path}: {word}: {name}");
            if answer == Answer::Contradicted {
                contradicted.push(format!("{path}: {name}"));
            }
        }
    }
    assert!(contradicted.is_empty(), "contradicted:\n{}", contradicted.join("\n"));
}

#[test]
fn a_healthy_login_confirms_assumptions() {
    let answers = decided(&evidence(&[]));
    assert!(answers.len() >= 4, "{answers:?}");
    assert!(answers.iter().all(|(_, answer)| *answer == Answer::Confirmed), "{answers:?}");
}

#[test]
fn other_answers_contradict_them() {
    let refusal = |sqlstate: &str, message: &str| json!({"kind": "refused", "severity": "FATAL", "sqlstate": sqlstate, "message": message});
    let cases: [(&str, &[(&str, Value)]); 6] = [
        (
            "an Entra role is asked",
            &[("/auth_request/seen", json!({"kind": "sasl", "mechanisms": ["SCRAM-SHA-256"]}))],
        ),
        ("an unknown role", &[("/settings/seen/user/value", json!(UNKNOWN_ROLE))]),
        (
            "every refusal",
            &[("/login/seen/outcome", refusal("28000", "a text that is in no list"))],
        ),
        (
            "a refused token",
            &[("/login/seen/outcome", refusal("XX000", "The access token has expired."))],
        ),
        (
            "the audience",
            &[("/token/seen/claims/aud", json!("https://ossrdbms-aad.database.windows.net/"))],
        ),
        (
            "the pooler",
            &[("/login/seen/port", json!(6432)), ("/login/seen/token_length", json!(3000))],
        ),
    ];
    for (start, changes) in cases {
        let answers = decided(&evidence(changes));
        let found = answers.iter().find(|(name, _)| name.starts_with(start));
        assert_eq!(
            found.map(|(_, answer)| *answer),
            Some(Answer::Contradicted),
            "{start}: {answers:?}"
        );
    }
}
