//! The login itself.

use super::{attempt::Attempt, refusal};
use crate::{
    azure::place,
    check::{Check, Judge, Missing},
    evidence::Evidence,
    facts::{
        Topic,
        azure::{FlexibleServer, Topology},
        login::{LoginOutcome, LoginStep},
    },
    verdict::{Actor, Finding, Verdict},
};

/// The server accepts the token.
pub static CHECK: Check = Check {
    id: "login/authentication",
    asserts: "the server accepts the token",
    needs: &[Topic::Settings, Topic::Token, Topic::Login, Topic::Azure],
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
        let took = login.steps.last().map_or(0, |completed| completed.at_ms);
        let at = |step: LoginStep| login.steps.iter().find(|completed| completed.step == step);
        match (at(LoginStep::AuthenticationRequest), at(LoginStep::Authenticated)) {
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
                // The token is good; the family `access` judges what the session may do.
                Verdict::Passed(accepted())
            } else {
                Verdict::found(refusal::finding(error, &attempt))
            }
        }
        LoginOutcome::Silent { after } => {
            let finding = refusal::silent(&attempt, words(after), &login.steps);
            Verdict::found(without_network(seen, finding))
        }
        LoginOutcome::Closed { after } => {
            Verdict::found(refusal::closed(&attempt, words(after), &login.steps))
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

/// Only a server in a virtual network can be cut off from Entra by its owner's rules: where Azure
/// says that this one is in none, no fix suggests to search for them.
fn without_network(seen: &Evidence, mut finding: Finding) -> Finding {
    let topology = place::server(seen).ok().map(FlexibleServer::topology);
    if !matches!(topology, Some(Topology::Public | Topology::PrivateEndpoints)) {
        return finding;
    }
    finding.fixes.retain(|fix| fix.actor != Actor::Network);
    finding.because(
        "azure-config: the server is not in a virtual network; Microsoft operates its connection \
            to Microsoft Entra ID, and no NSG or route table applies",
    )
}

fn words(step: &LoginStep) -> &str {
    match step {
        LoginStep::Startup => "the startup message",
        LoginStep::AuthenticationRequest => "asking for the token",
        LoginStep::TokenSent => "the token",
        LoginStep::Authenticated => "accepting the token",
        LoginStep::Ready => "the login, at the first query",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        support::testing::{healthy_but, judged},
        verdict::Actor,
    };
    use serde_json::{Value, json};

    #[test]
    fn the_topology_decides_which_causes_are_possible() {
        let silent = ("/login/seen/outcome", json!({"kind": "silent", "after": "token-sent"}));
        let server = |subnet: Value| {
            let server = json!({"seen": {"name": "pg-prod", "public_access": true, "delegated_subnet": subnet}});
            ("/azure", json!({"seen": {"server": server}}))
        };
        let asks_the_network = |changes: &[(&str, Value)]| {
            let judgment = judged(&CHECK, &healthy_but(changes));
            let finding = &judgment.findings[0].finding;
            assert_eq!(finding.problem.id, "login/stalled");
            finding.fixes.iter().any(|fix| fix.actor == Actor::Network)
        };
        assert!(asks_the_network(std::slice::from_ref(&silent)), "nothing is known of it");
        assert!(asks_the_network(&[silent.clone(), server(json!("/subnets/a"))]));
        assert!(!asks_the_network(&[silent, server(json!(null))]));
    }
}
