//! One source of tokens: which it is, and running azure_identity under a limit of time.

use super::{recorder::Recorder, recorder::identity_endpoint};
use crate::net::error;
use crate::{
    net::endpoint, probe::context::Context, secret::Secret, settings::request::Request,
    time::milliseconds,
};
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions, Transport},
};
use entra_pg_checks::{
    Topic,
    facts::{
        cloud::Cloud,
        credential::{CredentialAttempt, CredentialKind, CredentialOutcome, IdentityEndpoint},
        settings::SentSetting,
    },
};
use std::{sync::Arc, time::Duration, time::Instant};

/// What every source is given.
pub(super) struct Source<'a> {
    pub(super) cx: &'a Context,
    pub(super) request: &'a Request,
    pub(super) cloud: &'a Cloud,
    pub(super) scope: &'a str,
}

/// What a source said, and the token if it gave one.
pub(super) struct Tried {
    pub(super) attempt: CredentialAttempt,
    pub(super) token: Option<Arc<Secret>>,
}

impl Source<'_> {
    pub(super) async fn try_kind(&self, kind: CredentialKind) -> Tried {
        if let Some(detail) = self.misplaced_secret(kind) {
            return Tried::without_token(kind, CredentialOutcome::Withheld { detail });
        }
        match kind {
            CredentialKind::Auto => Tried::needs(kind, "one source at a time"),
            CredentialKind::TokenFile => self.token_file(),
            CredentialKind::Password => self.password(),
            CredentialKind::ClientSecret => self.client_secret().await,
            CredentialKind::ClientCertificate => self.client_certificate().await,
            CredentialKind::WorkloadIdentity => self.workload_identity().await,
            CredentialKind::ManagedIdentity => self.managed_identity().await,
            CredentialKind::AzureCli => self.azure_cli().await,
            CredentialKind::AzureDeveloperCli => self.azure_developer_cli().await,
            CredentialKind::AzurePipelines => self.azure_pipelines().await,
        }
    }

    /// Tenant and client ID become part of URLs, requests and arguments.
    fn misplaced_secret(&self, kind: CredentialKind) -> Option<String> {
        if matches!(kind, CredentialKind::TokenFile | CredentialKind::Password) {
            return None;
        }
        let settings = &self.request.settings;
        let misplaced = [SentSetting::Tenant, SentSetting::ClientId]
            .iter()
            .find_map(|setting| settings.misplaced_secret(*setting))?;
        Some(format!("{} holds a secret ({})", misplaced.origin.phrase(), misplaced.secret))
    }

    /// An environment variable of the run.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.cx.environment.get(name)
    }

    /// The outcome if a variable names an endpoint to which no secret may be sent.
    pub(super) fn unsafe_endpoint(&self, variable: &str) -> Option<CredentialOutcome> {
        let text = self.variable(variable)?;
        let found = endpoint::parse(text).err()?;
        Some(CredentialOutcome::UnsafeEndpoint {
            variable: variable.to_owned(),
            endpoint: found.endpoint,
            detail: found.detail.to_owned(),
        })
    }

    pub(super) fn client_id(&self) -> Option<String> {
        let named = self.request.client_id.as_deref();
        named.or_else(|| self.variable("AZURE_CLIENT_ID")).map(str::to_owned)
    }

    pub(super) fn tenant(&self) -> Option<String> {
        let named = self.request.tenant.as_deref();
        named.or_else(|| self.variable("AZURE_TENANT_ID")).map(str::to_owned)
    }

    /// A recorder for the requests of one source.
    pub(super) fn recorder(&self, endpoint: IdentityEndpoint) -> Arc<Recorder> {
        Recorder::new(self.cx, &self.cloud.authority_host, endpoint)
    }

    /// Options that record, do not retry, and ask the authority of this cloud.
    pub(super) fn options(&self, recorder: &Arc<Recorder>) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = format!("https://{}", self.cloud.authority_host);
        ClientOptions {
            transport: Some(Transport::new(Arc::clone(recorder) as Arc<_>)),
            retry: RetryOptions::none(),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            ..ClientOptions::default()
        }
    }

    /// Asks a credential of azure_identity for the token.
    pub(super) async fn ask(
        &self,
        kind: CredentialKind,
        credential: azure_core::Result<Arc<impl TokenCredential>>,
        recorder: &Recorder,
        limit: Duration,
    ) -> Tried {
        let began = Instant::now();
        let mut attempt = super::attempt(kind, CredentialOutcome::NotTried);
        attempt.tenant = self.tenant();
        attempt.identity = self.client_id();
        let credential = match credential {
            Ok(credential) => credential,
            Err(error) => {
                attempt.outcome = CredentialOutcome::Failed { detail: chain_of(&error) };
                return Tried { attempt, token: None };
            }
        };
        let scopes = [self.scope];
        let work = tokio::time::timeout(limit, credential.get_token(&scopes, None));
        let ended = self.cx.step(Topic::Credential, kind.name(), "token", work).await;
        attempt.elapsed_ms = milliseconds(began.elapsed());
        attempt.exchanges = recorder.exchanges();
        let (outcome, token) = match ended {
            Ok(Ok(token)) => {
                let secret = Secret::new(token.token.secret().to_owned());
                (CredentialOutcome::Token, Some(Arc::new(secret)))
            }
            Ok(Err(error)) => {
                let detail = chain_of(&error);
                (recorder.outcome().unwrap_or(CredentialOutcome::Failed { detail }), None)
            }
            Err(_) => (recorder.outcome().unwrap_or_else(|| self.silent(kind)), None),
        };
        attempt.outcome = outcome;
        Tried { attempt, token }
    }

    fn silent(&self, kind: CredentialKind) -> CredentialOutcome {
        if kind == CredentialKind::ManagedIdentity {
            let endpoint = identity_endpoint(&self.cx.environment);
            let detail = "no answer within the timeout".to_owned();
            return CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail };
        }
        let host = self.cloud.authority_host.clone();
        if kind.needs_authority()
            && !matches!(kind, CredentialKind::AzureCli | CredentialKind::AzureDeveloperCli)
        {
            let detail = "no answer within the timeout".to_owned();
            return CredentialOutcome::Transport { host, detail };
        }
        CredentialOutcome::Silent { who: kind.name().to_owned() }
    }
}

/// An error with its causes, in one line. Not `{:?}`: that would show backtraces.
fn chain_of(failure: &azure_core::Error) -> String {
    let mut text = failure.to_string();
    for inner in error::causes(failure).skip(1).map(ToString::to_string) {
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect()
}
