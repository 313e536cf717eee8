//! Managed identities: the metadata service of virtual machines, App Service, Container Apps.

use super::{
    recorder::identity_endpoint,
    source::{Source, Tried},
};
use crate::{environment::vantage, probe::tcp};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use entra_pg_checks::{
    Topic,
    facts::{
        credential::{CredentialKind, CredentialOutcome, IdentityEndpoint},
        tcp::TcpOutcome,
    },
};
use std::{net::Ipv4Addr, net::SocketAddr, time::Duration};

/// The metadata service. Source: Microsoft Learn, "Azure Instance Metadata Service".
const METADATA_SERVICE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
/// On an Azure machine it answers from the host below, within milliseconds.
const METADATA_WAIT: Duration = Duration::from_secs(1);
/// Uses a short timeout outside Azure unless managed identity was requested explicitly.
const STRANGE_WAIT: Duration = Duration::from_millis(150);

/// The host whose endpoint azure_identity does not support.
const fn unsupported(endpoint: &IdentityEndpoint) -> Option<&'static str> {
    match endpoint {
        IdentityEndpoint::ServiceFabric => Some("Service Fabric"),
        IdentityEndpoint::AzureMl => Some("Azure Machine Learning"),
        IdentityEndpoint::CloudShell => Some("Cloud Shell"),
        _ => None,
    }
}

impl Source<'_> {
    /// azure_identity repeats requests to the metadata service for up to 72 seconds, whatever it is
    /// told: whether there is one at all is found out first, and the whole has one timeout.
    pub(super) async fn managed_identity(&self) -> Tried {
        let kind = CredentialKind::ManagedIdentity;
        let endpoint = identity_endpoint(&self.cx.environment);
        if let Some(outcome) = self.unsafe_endpoint("IDENTITY_ENDPOINT") {
            return Tried::without_token(kind, outcome);
        }
        if endpoint == IdentityEndpoint::Arc {
            return self.arc().await;
        }
        if let Some(host) = unsupported(&endpoint) {
            let detail = format!(
                "this version does not support the managed identity endpoint of {host}; use --token-file or --credential azure-cli"
            );
            return Tried::without_token(kind, CredentialOutcome::Failed { detail });
        }
        if matches!(endpoint, IdentityEndpoint::Imds | IdentityEndpoint::ContainerInstances)
            && let Some(outcome) = self.no_metadata_service().await
        {
            return Tried::without_token(kind, outcome);
        }
        let recorder = self.recorder(endpoint);
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: self.client_id().map(UserAssignedId::ClientId),
            client_options: self.options(&recorder),
        };
        let credential = ManagedIdentityCredential::new(Some(options));
        let mut tried = self.ask(kind, credential, &recorder, self.cx.timeout()).await;
        tried.attempt.tenant = None;
        tried.attempt.identity =
            Some(self.client_id().unwrap_or_else(|| "system-assigned".to_owned()));
        tried
    }

    async fn no_metadata_service(&self) -> Option<CredentialOutcome> {
        let look = tcp::connect(self.cx, Topic::Credential, "metadata service", METADATA_SERVICE);
        let explicit = self.request.credential == CredentialKind::ManagedIdentity;
        let strange = vantage::in_azure(&self.cx.environment, false) == Some(false);
        let wait = if strange && !explicit { STRANGE_WAIT } else { METADATA_WAIT };
        let detail = match tokio::time::timeout(wait, look).await {
            Ok((attempt, _)) => match attempt.outcome {
                TcpOutcome::Connected => return None,
                TcpOutcome::Silent => "no answer".to_owned(),
                TcpOutcome::Refused { .. } => "connection refused".to_owned(),
                TcpOutcome::Denied { detail }
                | TcpOutcome::Unreachable { detail, .. }
                | TcpOutcome::Failed { detail } => detail,
            },
            Err(_) => "no answer".to_owned(),
        };
        if explicit {
            let endpoint = IdentityEndpoint::Imds;
            return Some(CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail });
        }
        let needs = format!("a machine in Azure (169.254.169.254:80: {detail})");
        Some(CredentialOutcome::NotConfigured { needs })
    }
}
