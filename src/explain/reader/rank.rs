//! Orders the candidates by how specific their evidence is.

use super::{
    normalize::Normalized,
    what::{Evidence, Subject},
};
use entra_pg_checks::{
    Problem,
    config::tls_settings::TLS_DISABLED,
    support::{
        login::refusal::{CLIENT_ADDRESS_REFUSED, TLS_REQUIRED},
        token::refusal::{
            CLI_MISSING, CLI_SIGNED_OUT, ENVIRONMENT_INCOMPLETE, IDENTITY_ENDPOINT_UNREACHABLE,
            NO_MANAGED_IDENTITY, SESSION_EXPIRED, WORKLOAD_IDENTITY_UNWIRED,
        },
    },
};
use std::cmp::Reverse;

/// Candidates that are kept.
const CANDIDATES: usize = 6;

/// How far below the best candidate another one may be, in points of weight.
const DISTANCE: u16 = 45;

/// A page that a text can mean, and why.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(in crate::explain) subject: Subject,
    /// The reason as a clause; never a part of what was pasted.
    pub(crate) reason: String,
    /// How specific the evidence is, from 1 to 120.
    pub(crate) weight: u16,
}

impl Candidate {
    /// The id of the page.
    #[must_use]
    pub(crate) fn id(&self) -> String {
        self.subject.id()
    }

    fn problem(&self) -> Option<&'static Problem> {
        match self.subject {
            Subject::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// Texts of a credential chain, in dense form: each credential says why it did not apply, which is not
/// the cause if it was not meant to apply.
const CHAINS: &[&str] = &[
    "attemptedcredentials",
    "fromtheincludedcredentials",
    "defaultazurecredential:failedtoacquireatoken",
    "defaultazurecredentialauthenticationfailed",
    "defaultazurecredentialfailed",
    "chainedtokencredential",
];

/// Problems that a credential of a chain reports although it was not meant to apply.
const LINKS: &[&Problem] = &[
    &WORKLOAD_IDENTITY_UNWIRED,
    &IDENTITY_ENDPOINT_UNREACHABLE,
    &NO_MANAGED_IDENTITY,
    &SESSION_EXPIRED,
];

/// Problems of the chain that are never the cause if several credentials were tried.
const TOOLS: &[&Problem] = &[&ENVIRONMENT_INCOMPLETE, &CLI_MISSING, &CLI_SIGNED_OUT];

/// Below this weight, an answer in a chain is that of a credential that does not apply.
const DECISIVE: u16 = 86;

/// The candidates, the most likely first.
pub(super) fn ranked(text: &Normalized, evidence: Vec<Evidence>) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for Evidence { subject, weight, reason } in evidence {
        let id = subject.id();
        match candidates.iter_mut().find(|known| known.id() == id) {
            Some(known) if known.weight >= weight => {}
            Some(known) => (known.weight, known.reason) = (weight, reason),
            None => candidates.push(Candidate { subject, reason, weight }),
        }
    }
    in_a_chain(text, &mut candidates);
    second_attempt(&mut candidates);
    drop_covered(&mut candidates);
    candidates.sort_by_key(|candidate| Reverse(candidate.weight));
    let best = candidates.first().map_or(0, |candidate| candidate.weight);
    candidates.retain(|candidate| candidate.weight + DISTANCE >= best);
    candidates.truncate(CANDIDATES);
    with_states_first(candidates)
}

/// In a chain, the answers of credentials that do not apply come after the chain's own problem.
fn in_a_chain(text: &Normalized, candidates: &mut [Candidate]) {
    if !CHAINS.iter().any(|chain| text.dense.contains(chain)) {
        return;
    }
    for candidate in candidates {
        let Some(problem) = candidate.problem() else { continue };
        let link = LINKS.contains(&problem) && candidate.weight < DECISIVE;
        if link || TOOLS.contains(&problem) {
            candidate.weight = candidate.weight.saturating_sub(30);
        }
    }
}

/// psql and drivers with `sslmode=prefer` try again without TLS. If the server gave a reason in the
/// first attempt, the refusal of the second one says nothing.
fn second_attempt(candidates: &mut [Candidate]) {
    let second = [&TLS_REQUIRED, &TLS_DISABLED, &CLIENT_ADDRESS_REFUSED];
    let of_second =
        |candidate: &Candidate| candidate.problem().is_some_and(|p| second.contains(&p));
    let first = candidates.iter().filter(|candidate| !of_second(candidate)).any(|candidate| {
        let proof = candidate.problem().and_then(|problem| problem.family_data().proof_of_refusal);
        proof.is_some_and(|weight| candidate.weight >= weight)
    });
    let address = candidates.iter().any(|candidate| {
        candidate.problem() == Some(&CLIENT_ADDRESS_REFUSED) && candidate.weight >= 88
    });
    for candidate in candidates {
        let without_tls = candidate.problem() != Some(&CLIENT_ADDRESS_REFUSED);
        let beaten = of_second(candidate) && (first || (address && without_tls));
        // An explicit text about TLS is not a second attempt.
        if beaten && candidate.reason.contains("pg_hba.conf") {
            candidate.weight = candidate.weight.min(30);
        }
    }
}

/// A number and its problem are one candidate, and a specific candidate makes its SQLSTATE redundant.
fn drop_covered(candidates: &mut Vec<Candidate>) {
    let covered: Vec<(&'static str, u16)> = candidates
        .iter()
        .filter_map(|candidate| match candidate.subject {
            Subject::Number(known) => Some((known.problem.id, candidate.weight)),
            _ => None,
        })
        .collect();
    let specific = candidates.iter().any(|candidate| candidate.weight >= 50);
    candidates.retain(|candidate| match candidate.subject {
        Subject::Problem(problem) => {
            !covered.iter().any(|(id, weight)| *id == problem.id && *weight >= candidate.weight)
        }
        Subject::State(_) => !specific,
        _ => true,
    });
}

/// Without other evidence a SQLSTATE leads, followed by the problems that end in it.
fn with_states_first(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut related = Vec::new();
    for candidate in &candidates {
        let Subject::State(state) = candidate.subject else { continue };
        for problem in state.problems {
            let reason = candidate.reason.clone();
            related.push(Candidate { subject: Subject::Problem(problem), reason, weight: 10 });
        }
    }
    related.retain(|new| candidates.iter().all(|known| known.id() != new.id()));
    candidates.extend(related);
    candidates.truncate(CANDIDATES);
    candidates
}
