//! The command that prints a token: the one that fetched this token, or the one for the next.

use entra_pg_checks::{
    Command, Evidence,
    facts::{
        cloud::{Cloud, CloudKind},
        credential::{CredentialAttempt, CredentialKind},
        settings::Settings,
        token::{Claims, PrincipalKind},
        vantage::Shell,
    },
    support::commands,
};

/// A command whose output is a token and nothing else.
pub(super) struct TokenCommand(Command);

impl TokenCommand {
    pub(super) fn of(evidence: &Evidence, settings: &Settings, claims: Option<&Claims>) -> Self {
        let chosen = evidence.credential.seen().and_then(|trace| trace.chosen());
        let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.as_str());
        let is_person = claims.is_none_or(|claims| {
            matches!(claims.principal(), PrincipalKind::User | PrincipalKind::Guest)
        });
        let given = matches!(
            chosen.map(|attempt| attempt.kind),
            None | Some(
                CredentialKind::Auto | CredentialKind::Password | CredentialKind::TokenFile
            )
        );
        let by_azure_cli = chosen.is_some_and(|attempt| attempt.kind == CredentialKind::AzureCli);
        // A token that was given is replaced by the next one of the same person.
        if is_person && (given || by_azure_cli) {
            let audience = &settings.cloud.value.database_audience;
            return Self(commands::azure_cli_token(audience, tenant));
        }
        let own = Command::new("entra-pg token --show-token");
        let own = match chosen.filter(|_| !given) {
            Some(attempt) => with_identity(own, attempt, tenant),
            None => own,
        };
        Self(match cloud_name(&settings.cloud.value) {
            Some(name) => own.words("--cloud").value(name),
            None => own,
        })
    }

    /// The command on one line, without an assignment.
    pub(super) fn plain(&self, shell: Shell) -> String {
        self.0.render(shell).map(|rendered| rendered.text).unwrap_or_default()
    }

    /// The command that puts the token into PGPASSWORD.
    pub(super) fn password_command(&self) -> Command {
        self.0.clone().into_variable("PGPASSWORD")
    }
}

/// Names the identity, since the next shell may lack the variables and options of this run.
fn with_identity(command: Command, attempt: &CredentialAttempt, tenant: Option<&str>) -> Command {
    let command = command.words("--credential").value(attempt.kind.name());
    let is_guid = |id: &&str| entra_pg_checks::command::guid(id).is_some();
    let command = match attempt.identity.as_deref().filter(is_guid) {
        Some(id) if attempt.kind != CredentialKind::AzureDeveloperCli => {
            command.words("--client-id").value(id)
        }
        _ => command,
    };
    match tenant.or(attempt.tenant.as_deref()) {
        Some(tenant) if attempt.kind != CredentialKind::ManagedIdentity => {
            command.words("--tenant").value(tenant)
        }
        _ => command,
    }
}

/// The value of `--cloud`; the public cloud is the default.
fn cloud_name(cloud: &Cloud) -> Option<&'static str> {
    match cloud.kind {
        CloudKind::UsGov => Some("usgov"),
        CloudKind::China => Some("china"),
        CloudKind::Public | CloudKind::Custom => None,
    }
}
