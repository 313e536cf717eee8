//! Whether the token endpoint answers, if the discovery document of the same host does.

use super::{acquisition::decisive, refusal::ENTRA_TRANSIENT};
use crate::{
    check::{Check, Judge, Missing},
    command::Command,
    evidence::Evidence,
    facts::{NotObserved, Topic, credential::CredentialOutcome, http::HttpOutcome, outbound::Host},
    outbound::tls::NOT_ENTRA,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The token endpoint sends token responses.
pub static CHECK: Check = Check {
    id: "token/endpoint",
    asserts: "the token endpoint answers token requests",
    needs: &[Topic::Credential, Topic::Outbound],
    problems: &[&ENTRA_TRANSIENT, &NOT_ENTRA],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let trace = seen.credential.get()?;
    if let Some(chosen) = trace.chosen() {
        return Ok(if chosen.kind.needs_authority() {
            Verdict::Passed(format!("{} has a token", chosen.kind.name()))
        } else {
            Verdict::NotApplicable("the token endpoint was not asked".to_owned())
        });
    }
    let failed = trace.attempts.iter().find(|attempt| decisive(attempt, trace));
    match failed.map(|attempt| &attempt.outcome) {
        Some(CredentialOutcome::Transport { host, detail }) => {
            let confidence = discovery(seen, host)?;
            Ok(Verdict::found(no_answer(host, detail, confidence)))
        }
        Some(CredentialOutcome::UnexpectedAnswer { host, status, content_type }) => {
            discovery(seen, host)?;
            Ok(Verdict::found(not_a_token_response(host, *status, content_type)))
        }
        Some(CredentialOutcome::Entra(error)) => {
            Ok(Verdict::Passed(format!("answers {}", error.status)))
        }
        _ => Ok(Verdict::NotApplicable("the token endpoint was not asked".to_owned())),
    }
}

/// How certain it is that the path to the host works.
///
/// # Errors
/// It does not, so the path explains the token endpoint, too.
fn discovery(seen: &Evidence, host: &str) -> Result<Confidence, Missing> {
    let Some(outbound) = seen.outbound.seen() else {
        return Ok(Confidence::Possible);
    };
    let http = outbound.hosts.iter().find(|known| known.host == host).and_then(Host::http);
    match http.map(|http| &http.outcome) {
        Some(HttpOutcome::Answered(answer)) if answer.genuine => Ok(Confidence::Likely),
        _ => {
            let (by, subject) = (Topic::Outbound, host.to_owned());
            Err(Missing(NotObserved::Blocked { by, subject }))
        }
    }
}

fn no_answer(host: &str, detail: &str, confidence: Confidence) -> Finding {
    Finding::of(
        &ENTRA_TRANSIENT,
        host,
        format!("The token endpoint of {host} gives no answer: {detail}"),
    )
    .sure(confidence)
    .because_all(
        (confidence == Confidence::Likely)
            .then(|| format!("the discovery document of {host} answers, so DNS, TCP and TLS work")),
    )
    .because("a proxy or firewall that lets GET pass and holds POST gives the same picture")
    .fix(Fix::you("Try again").run(Command::new("entra-pg doctor --retry-for 5m")))
    .fix(Fix::by(Actor::Network, format!("Allow POST requests to {host}")))
}

fn not_a_token_response(host: &str, status: u16, content_type: &str) -> Finding {
    let kind = if content_type.is_empty() { "no content type" } else { content_type };
    Finding::of(
        &NOT_ENTRA,
        host,
        format!(
            "The answer to the token request ({status}, {kind}) is not one of Microsoft Entra ID"
        ),
    )
    .because(format!("{host} answered {status} where Entra sends a JSON document with a token"))
    .because("no redirect was followed and no secret was sent elsewhere")
    .fix(Fix::by(Actor::Network, format!("Pass POST requests to {host} without changes")))
}
