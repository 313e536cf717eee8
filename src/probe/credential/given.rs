//! Tokens that are given: by a file, or where libpq reads a password.

use super::source::{Source, Tried};
use entra_pg_checks::facts::credential::{CredentialKind, CredentialOutcome};
use std::sync::Arc;

impl Source<'_> {
    pub(super) fn token_file(&self) -> Tried {
        let kind = CredentialKind::TokenFile;
        let Some((secret, origin)) = &self.request.token_file else {
            return Tried::needs(kind, "--token-file");
        };
        let mut attempt = super::attempt(kind, CredentialOutcome::Token);
        attempt.origin = Some(origin.clone());
        Tried { attempt, token: Some(Arc::clone(secret)) }
    }

    /// Whatever libpq would send as the password is taken for the token: if it is none, saying so is
    /// the diagnosis.
    pub(super) fn password(&self) -> Tried {
        let kind = CredentialKind::Password;
        match (&self.request.password, &self.request.settings.password) {
            (Some(secret), Some(origin)) => {
                let mut attempt = super::attempt(kind, CredentialOutcome::Token);
                attempt.origin = Some(origin.clone());
                Tried { attempt, token: Some(Arc::clone(secret)) }
            }
            _ if self.cx.environment.raw("PGPASSWORD") == Some("") => {
                Tried::needs(kind, "a value in PGPASSWORD, which is set and empty")
            }
            _ => Tried::needs(kind, "PGPASSWORD, or a password in the connection string or file"),
        }
    }
}
