//! The chain of credentials.

use crate::{context::Context, request::Request, secret::Secret};
use entra_pg_checks::{
    Fact,
    facts::{cloud::Cloud, credential::CredentialTrace, settings::Origin},
};
use std::sync::Arc;

/// Obtains a token for the database.
pub async fn acquire(
    _cx: &Context,
    _request: &Request,
    _cloud: &Cloud,
) -> (Fact<CredentialTrace>, Option<Arc<Secret>>, Option<Origin>) {
    (Fact::default(), None, None)
}
