//! The command that prints a token: what fetched this one, or what would fetch the next.

use entra_pg_checks::{
    Evidence,
    facts::{
        credential::CredentialKind,
        settings::Settings,
        token::{Claims, PrincipalKind},
        vantage::Shell,
    },
    text,
};

/// A command whose output is a token and nothing else.
pub(super) struct TokenCommand(String);

impl TokenCommand {
    pub(super) fn of(evidence: &Evidence, settings: &Settings, claims: Option<&Claims>) -> Self {
        let chosen = evidence.credential.seen().and_then(|trace| trace.chosen());
        let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.as_str());
        let person = claims.is_none_or(|claims| {
            matches!(claims.principal(), PrincipalKind::User | PrincipalKind::Guest)
        });
        let kind = chosen.map(|attempt| attempt.kind);
        match kind {
            // A token that was given is replaced by the next one of the same person.
            None
            | Some(
                CredentialKind::AzureCli
                | CredentialKind::Auto
                | CredentialKind::Password
                | CredentialKind::TokenFile,
            ) if person => {
                Self(text::azure_cli_token(&settings.cloud.value.database_audience, tenant))
            }
            None
            | Some(CredentialKind::Auto | CredentialKind::Password | CredentialKind::TokenFile) => {
                Self("entra-pg token --show-token".to_owned())
            }
            Some(kind) => {
                let mut command =
                    format!("entra-pg token --show-token --credential {}", kind.name());
                let plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                let client = chosen
                    .filter(|_| kind == CredentialKind::ManagedIdentity)
                    .and_then(|attempt| attempt.identity.as_deref())
                    .filter(|id| id.len() == 36 && plain(id));
                if let Some(id) = client {
                    command.push_str(&format!(" --client-id {id}"));
                }
                Self(command)
            }
        }
    }

    /// The command without an assignment.
    pub(super) fn plain(&self) -> &str {
        &self.0
    }

    /// The line that puts the token into PGPASSWORD.
    pub(super) fn password_line(&self, shell: Shell) -> String {
        text::password_from(shell, &self.0)
    }
}
