//! Service principals: client secret, certificate, federation.

use super::{
    recorder::Recorder,
    source::{Source, Tried},
};
use azure_core::credentials::Secret as AzureSecret;
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_pg_checks::facts::credential::{Assertion, CredentialKind, CredentialOutcome};
use std::{io::Read, path::Path};

/// A federated token is a JWT of a few kilobytes.
const ASSERTION_LIMIT: u64 = 64 * 1024;

impl Source<'_> {
    pub(super) async fn client_secret(&self) -> Tried {
        let kind = CredentialKind::ClientSecret;
        let secret = self.variable("AZURE_CLIENT_SECRET");
        let explicit = self.request.credential == kind;
        if secret.is_none() && !explicit {
            return Tried::needs(kind, "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET");
        }
        let (Some(secret), Some(client), Some(tenant)) = (secret, self.client_id(), self.tenant())
        else {
            return Tried::incomplete(kind, self.missing(&["AZURE_CLIENT_SECRET"]));
        };
        let recorder = Recorder::new(self.cx);
        let options = ClientSecretCredentialOptions { client_options: self.options(&recorder) };
        let secret = AzureSecret::new(secret.to_owned());
        let credential = ClientSecretCredential::new(&tenant, client, secret, Some(options));
        self.ask(kind, credential, &recorder, self.cx.timeout()).await
    }

    /// azure_identity's certificate credential would bring a second TLS library, OpenSSL.
    pub(super) async fn client_certificate(&self) -> Tried {
        let kind = CredentialKind::ClientCertificate;
        if self.variable("AZURE_CLIENT_CERTIFICATE_PATH").is_none() {
            return Tried::needs(kind, "AZURE_CLIENT_CERTIFICATE_PATH");
        }
        let detail = "this version cannot sign in with a certificate; give the token itself with \
                      --token-file, from `az login --service-principal --certificate …`";
        let detail = detail.to_owned();
        Tried::without_token(kind, CredentialOutcome::Failed { detail })
    }

    pub(super) async fn azure_pipelines(&self) -> Tried {
        let kind = CredentialKind::AzurePipelines;
        if self.variable("SYSTEM_OIDCREQUESTURI").is_none() {
            return Tried::needs(kind, "a job of Azure Pipelines with a service connection");
        }
        let detail = "this version cannot use a service connection; run it inside an AzureCLI@2 task \
                      with --credential azure-cli";
        let detail = detail.to_owned();
        Tried::without_token(kind, CredentialOutcome::Failed { detail })
    }

    pub(super) async fn workload_identity(&self) -> Tried {
        let kind = CredentialKind::WorkloadIdentity;
        let file = self.variable("AZURE_FEDERATED_TOKEN_FILE");
        if file.is_none() && self.request.credential != kind {
            return Tried::needs(
                kind,
                "AZURE_FEDERATED_TOKEN_FILE, which AKS sets in labelled pods",
            );
        }
        let (Some(file), Some(client), Some(tenant)) = (file, self.client_id(), self.tenant())
        else {
            return Tried::incomplete(kind, self.missing(&["AZURE_FEDERATED_TOKEN_FILE"]));
        };
        let recorder = Recorder::new(self.cx);
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: self.options(&recorder),
            },
            client_id: Some(client),
            tenant_id: Some(tenant),
            token_file_path: Some(file.into()),
        };
        let credential = WorkloadIdentityCredential::new(Some(options));
        let mut tried = self.ask(kind, credential, &recorder, self.cx.timeout()).await;
        tried.attempt.assertion = assertion(Path::new(file));
        tried
    }

    fn missing(&self, others: &[&str]) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        if self.client_id().is_none() {
            missing.push("AZURE_CLIENT_ID".to_owned());
        }
        if self.tenant().is_none() {
            missing.push("AZURE_TENANT_ID".to_owned());
        }
        let unset = others.iter().filter(|name| self.variable(name).is_none());
        missing.extend(unset.map(|name| (*name).to_owned()));
        missing
    }
}

/// What a federated token says. Its signature is not looked at and not kept.
fn assertion(path: &Path) -> Option<Assertion> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(ASSERTION_LIMIT).read_to_string(&mut text).ok()?;
    let payload = text.trim().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let bounded = |value: &serde_json::Value| -> String {
        let value = value.as_str().or_else(|| value.get(0)?.as_str()).unwrap_or_default();
        value.chars().take(512).collect()
    };
    Some(Assertion {
        issuer: bounded(&claims["iss"]),
        subject: bounded(&claims["sub"]),
        audience: bounded(&claims["aud"]),
        expires: claims["exp"].as_i64(),
        file: path.display().to_string(),
    })
}
