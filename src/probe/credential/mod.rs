//! The chain of credentials: the order and the meaning of the Azure SDKs, with azure_identity behind
//! each source, and every source recorded, those that cannot apply included.

mod arc;
mod certificate;
mod command;
#[cfg(unix)]
mod descendants;
mod given;
mod managed_identity;
pub(crate) mod recorder;
mod service_principal;
mod source;

use crate::{probe::context::Context, probe::token, secret::Secret, settings::request::Request};
use entra_pg_checks::{
    Fact,
    facts::{
        cloud::Cloud,
        credential::{CredentialAttempt, CredentialKind, CredentialOutcome, CredentialTrace},
        settings::Origin,
    },
};
use source::{Source, Tried};
use std::sync::Arc;

/// The sources of `auto`, in order.
const CHAIN: [CredentialKind; 8] = [
    CredentialKind::TokenFile,
    CredentialKind::Password,
    CredentialKind::ClientSecret,
    CredentialKind::ClientCertificate,
    CredentialKind::WorkloadIdentity,
    CredentialKind::ManagedIdentity,
    CredentialKind::AzureCli,
    CredentialKind::AzureDeveloperCli,
];

/// Obtains a token for the database from the first source that gives one. A token that is given is
/// taken as it is: nothing is contacted.
pub(crate) async fn acquire(
    cx: &Context,
    request: &Request,
    cloud: &Cloud,
) -> (Fact<CredentialTrace>, Option<Arc<Secret>>, Option<Origin>) {
    acquire_for(cx, request, cloud, &cloud.database_scope(), &chain(request)).await
}

/// Obtains a token for another service (Graph, Resource Manager) from the same sources, those
/// excepted that hold nothing but a token for the database.
pub(crate) async fn acquire_other(
    cx: &Context,
    request: &Request,
    cloud: &Cloud,
    scope: &str,
) -> (Fact<CredentialTrace>, Option<Arc<Secret>>) {
    let given = [CredentialKind::TokenFile, CredentialKind::Password];
    let mut kinds = chain(request);
    kinds.retain(|kind| !given.contains(kind));
    if kinds.is_empty() {
        kinds = CHAIN.into_iter().filter(|kind| !given.contains(kind)).collect();
    }
    let (trace, token, _) = acquire_for(cx, request, cloud, scope, &kinds).await;
    (trace, token)
}

fn chain(request: &Request) -> Vec<CredentialKind> {
    match request.credential {
        CredentialKind::Auto => CHAIN.to_vec(),
        kind if request.token_file.is_some() => vec![CredentialKind::TokenFile, kind],
        kind => vec![kind],
    }
}

async fn acquire_for(
    cx: &Context,
    request: &Request,
    cloud: &Cloud,
    scope: &str,
    kinds: &[CredentialKind],
) -> (Fact<CredentialTrace>, Option<Arc<Secret>>, Option<Origin>) {
    let source = Source { cx, request, cloud, scope };
    let mut trace = CredentialTrace {
        requested: request.credential,
        attempts: Vec::with_capacity(kinds.len()),
    };
    let mut obtained = None;
    let mut origin = None;
    for &kind in kinds {
        if obtained.is_some() {
            trace.attempts.push(attempt(kind, CredentialOutcome::NotTried));
            continue;
        }
        let mut tried = source.try_kind(kind).await;
        if let (Some(secret), None) = (&tried.token, &tried.attempt.identity) {
            tried.attempt.identity = token::who(secret.expose());
        }
        obtained = tried.token;
        origin = tried.attempt.origin.clone();
        trace.attempts.push(tried.attempt);
    }
    let origin = obtained.as_ref().and(origin).or_else(|| {
        let chosen = trace.chosen()?;
        Some(Origin::Derived { from: format!("the credential {}", chosen.kind.name()) })
    });
    (Fact::Seen(trace), obtained, origin)
}

fn attempt(kind: CredentialKind, outcome: CredentialOutcome) -> CredentialAttempt {
    CredentialAttempt {
        kind,
        identity: None,
        tenant: None,
        origin: None,
        outcome,
        elapsed_ms: 0,
        exchanges: Vec::new(),
        assertion: None,
        certificate: None,
    }
}

impl Tried {
    fn without_token(kind: CredentialKind, outcome: CredentialOutcome) -> Self {
        Self { attempt: attempt(kind, outcome), token: None }
    }

    fn needs(kind: CredentialKind, needs: &str) -> Self {
        Self::without_token(kind, CredentialOutcome::NotConfigured { needs: needs.to_owned() })
    }

    fn incomplete(kind: CredentialKind, missing: Vec<String>) -> Self {
        Self::without_token(kind, CredentialOutcome::Incomplete { missing })
    }
}
