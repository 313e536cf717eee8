//! The login itself.

use super::{attempt::Attempt, refusal};
use crate::{
    check::{Check, Judge, Missing},
    evidence::Evidence,
    facts::{Topic, login::LoginOutcome},
    verdict::Verdict,
};

/// The server accepts the token.
pub static CHECK: Check = Check {
    id: "login/accepted",
    asserts: "the server accepts the token",
    needs: &[Topic::Settings, Topic::Token, Topic::Login],
    problems: &[
        &refusal::TOKEN_EXPIRED,
        &refusal::AUDIENCE_REFUSED,
        &refusal::OID_CLAIM_REFUSED,
        &refusal::TOKEN_REFUSED,
        &refusal::USER_ROLE_APP_TOKEN,
        &refusal::SERVICE_ROLE_USER_TOKEN,
        &refusal::OBJECT_ID_MISMATCH,
        &refusal::NOT_IN_GROUP,
        &refusal::ROLE_CANNOT_LOG_IN,
        &refusal::POOLER_TOKEN_TOO_LONG,
        &refusal::SERVER_DEFECT,
        &refusal::CLIENT_ADDRESS_REFUSED,
        &refusal::TLS_REQUIRED,
        &refusal::TOO_MANY_CONNECTIONS,
        &refusal::STARTING_UP,
        &refusal::STALLED,
        &refusal::CLOSED,
        &refusal::NOT_UNDERSTOOD,
        &refusal::REFUSED,
    ],
    decisive: true,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, login) = (seen.settings.get()?, seen.login.get()?);
    let user = settings.user.as_ref().map_or("", |user| user.value.as_str());
    let attempt = Attempt::with_the_token(settings, login, seen);
    let accepted = || {
        let took = login.rungs.last().map_or(0, |rung| rung.at_ms);
        let at = |name: &str| login.rungs.iter().find(|rung| rung.name == name);
        match (at("authentication-request"), at("authenticated")) {
            (Some(asked), Some(let_in)) => format!(
                "as \"{user}\" in {took} ms (asked for after {}, accepted after {})",
                asked.at_ms, let_in.at_ms
            ),
            _ => format!("as \"{user}\" in {took} ms"),
        }
    };
    Ok(match &login.outcome {
        LoginOutcome::Accepted { .. } => Verdict::Passed(accepted()),
        LoginOutcome::Refused(error) => Verdict::found(refusal::finding(error, &attempt)),
        LoginOutcome::RefusedAfterAuthentication(error) => {
            let (problem, _) = refusal::classify(error, &attempt);
            if matches!(error.sqlstate.as_str(), "3D000" | "42501") || problem == &refusal::REFUSED
            {
                // The token is good; what the session may do is the family `access`'s matter.
                Verdict::Passed(accepted())
            } else {
                Verdict::found(refusal::finding(error, &attempt))
            }
        }
        LoginOutcome::Silent { after } => {
            Verdict::found(refusal::silent(&attempt, words(after), &login.rungs))
        }
        LoginOutcome::Closed { after } => {
            Verdict::found(refusal::closed(&attempt, words(after), &login.rungs))
        }
        LoginOutcome::Malformed { detail } => {
            Verdict::found(refusal::not_understood(&attempt, detail))
        }
        LoginOutcome::TokenWithheld { .. } => {
            return Err(Missing(crate::facts::NotObserved::Blocked {
                by: Topic::Server,
                subject: String::new(),
            }));
        }
    })
}

fn words(rung: &str) -> &str {
    match rung {
        "startup" => "the startup message",
        "authentication-request" => "asking for the token",
        "token-sent" => "the token",
        "authenticated" => "accepting the token",
        "ready" => "the login, at the first query",
        other => other,
    }
}
