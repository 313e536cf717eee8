//! The tenant's published signing keys.

use crate::{context::Context, secret::Secret};
use entra_pg_checks::{
    Fact,
    facts::{cloud::Cloud, token::Signature, token::Token},
};

/// Holds the signature against the keys.
pub async fn verify(
    _cx: &Context,
    _token: &Token,
    _secret: &Secret,
    _cloud: &Cloud,
) -> Fact<Signature> {
    Fact::default()
}
