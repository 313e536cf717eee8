//! Service principals: client secret, certificate, federation.

use super::{
    certificate::Signer,
    source::{Source, Tried},
};
use crate::input;
use azure_core::credentials::Secret as AzureSecret;
use azure_identity::{
    AzurePipelinesCredential, AzurePipelinesCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_pg_checks::facts::credential::{
    Assertion, CredentialKind, CredentialOutcome, IdentityEndpoint,
};
use std::path::Path;

/// A federated token is a JWT of a few kilobytes.
const ASSERTION_LIMIT: u64 = 64 * 1024;
/// The Azure libraries read nothing else.
const MARKED: &str = "it is not in plain UTF-8: Windows PowerShell writes UTF-16";

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
        if let Some(unusable) = self.unusable_ids() {
            return Tried::incomplete(kind, unusable);
        }
        let recorder = self.recorder("client-secret".into());
        let options = ClientSecretCredentialOptions { client_options: self.options(&recorder) };
        let secret = AzureSecret::new(secret.to_owned());
        let credential = ClientSecretCredential::new(&tenant, client, secret, Some(options));
        self.ask(kind, credential, &recorder, self.cx.timeout()).await
    }

    pub(super) async fn client_certificate(&self) -> Tried {
        let kind = CredentialKind::ClientCertificate;
        let file = self.variable("AZURE_CLIENT_CERTIFICATE_PATH");
        if file.is_none() && self.request.credential != kind {
            return Tried::needs(
                kind,
                "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_CERTIFICATE_PATH",
            );
        }
        let (Some(file), Some(client), Some(tenant)) = (file, self.client_id(), self.tenant())
        else {
            return Tried::incomplete(kind, self.missing(&["AZURE_CLIENT_CERTIFICATE_PATH"]));
        };
        if let Some(unusable) = self.unusable_ids() {
            return Tried::incomplete(kind, unusable);
        }
        let chain = self
            .variable("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")
            .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
        let signer = match Signer::read(Path::new(file), chain) {
            Ok(signer) => signer,
            Err(detail) => {
                let file = file.to_owned();
                let outcome = CredentialOutcome::Certificate { file, detail };
                return Tried::without_token(kind, outcome);
            }
        };
        let recorder = self.recorder("client-certificate".into());
        let options = ClientAssertionCredentialOptions { client_options: self.options(&recorder) };
        let assertion = signer.assertion.of(&client, &self.cloud.authority_host, &tenant);
        let credential = ClientAssertionCredential::new(tenant, client, assertion, Some(options));
        let mut tried = self.ask(kind, credential, &recorder, self.cx.timeout()).await;
        tried.attempt.certificate = Some(signer.facts);
        tried
    }

    pub(super) async fn azure_pipelines(&self) -> Tried {
        const NEEDED: [&str; 3] = [
            "SYSTEM_OIDCREQUESTURI",
            "SYSTEM_ACCESSTOKEN",
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        ];
        let kind = CredentialKind::AzurePipelines;
        // A task with a service connection names its application and tenant in variables of its own.
        let own = |named: &Option<String>, variable| {
            named.clone().or_else(|| self.variable(variable).map(str::to_owned))
        };
        let client = own(&self.request.client_id, "AZURESUBSCRIPTION_CLIENT_ID");
        let client = client.or_else(|| self.client_id());
        let tenant = own(&self.request.tenant, "AZURESUBSCRIPTION_TENANT_ID");
        let tenant = tenant.or_else(|| self.tenant());
        let mut missing: Vec<String> = NEEDED
            .into_iter()
            .filter(|name| self.variable(name).is_none())
            .map(str::to_owned)
            .collect();
        let absent =
            [(&client, "AZURESUBSCRIPTION_CLIENT_ID"), (&tenant, "AZURESUBSCRIPTION_TENANT_ID")];
        missing.extend(
            absent
                .into_iter()
                .filter(|(value, _)| value.is_none())
                .map(|(_, name)| name.to_owned()),
        );
        let (Some(access), Some(connection), Some(client), Some(tenant), true) = (
            self.variable("SYSTEM_ACCESSTOKEN"),
            self.variable("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
            client,
            tenant,
            missing.is_empty(),
        ) else {
            return Tried::incomplete(kind, missing);
        };
        if let Some(outcome) = self.unsafe_endpoint("SYSTEM_OIDCREQUESTURI") {
            return Tried::without_token(kind, outcome);
        }
        let recorder = self.recorder(IdentityEndpoint::AzurePipelines);
        let options = AzurePipelinesCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: self.options(&recorder),
            },
        };
        let access = AzureSecret::new(access.to_owned());
        let credential = AzurePipelinesCredential::new(
            tenant.clone(),
            client.clone(),
            connection,
            access,
            Some(options),
        );
        let mut tried = self.ask(kind, credential, &recorder, self.cx.timeout()).await;
        tried.attempt.identity = Some(client);
        tried.attempt.tenant = Some(tenant);
        tried
    }

    pub(super) async fn workload_identity(&self) -> Tried {
        let kind = CredentialKind::WorkloadIdentity;
        let file = self.variable("AZURE_FEDERATED_TOKEN_FILE");
        let in_pod = self.variable("KUBERNETES_SERVICE_HOST").is_some();
        if file.is_none() && !in_pod && self.request.credential != kind {
            return Tried::needs(
                kind,
                "AZURE_FEDERATED_TOKEN_FILE, which AKS sets in labeled pods",
            );
        }
        let (Some(file), Some(client), Some(tenant)) = (file, self.client_id(), self.tenant())
        else {
            let missing = self.missing(&["AZURE_FEDERATED_TOKEN_FILE"]);
            return Tried::without_token(kind, CredentialOutcome::Unwired { missing, in_pod });
        };
        let unusable = match input::bytes(file, ASSERTION_LIMIT) {
            Ok(bytes) if input::is_marked(&bytes) => Some(MARKED.to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = unusable {
            let missing = vec![format!("{file} ({why})")];
            return Tried::without_token(kind, CredentialOutcome::Unwired { missing, in_pod });
        }
        let recorder = self.recorder("workload-identity".into());
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

    /// The ids of the environment that cannot be right as they are: cmd keeps the quotation marks of
    /// `set X="…"`, and the blank of `set X=… && …`.
    fn unusable_ids(&self) -> Option<Vec<String>> {
        let given = [
            (self.request.client_id.is_some(), "AZURE_CLIENT_ID"),
            (self.request.tenant.is_some(), "AZURE_TENANT_ID"),
        ];
        let named = given.into_iter().filter(|(by_option, _)| !by_option);
        let unusable: Vec<String> = named
            .filter_map(|(_, name)| Some(format!("{name} ({})", surplus(self.variable(name)?)?)))
            .collect();
        (!unusable.is_empty()).then_some(unusable)
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

/// What an id holds in addition to itself.
fn surplus(value: &str) -> Option<&'static str> {
    let quoted = |mark: char| value.trim().starts_with(mark) || value.trim().ends_with(mark);
    if quoted('"') || quoted('\'') {
        Some("its quotation marks are part of the value")
    } else if value.trim() != value {
        Some("it begins or ends with a blank")
    } else {
        None
    }
}

/// What a federated token says. Its signature is neither verified nor kept.
fn assertion(path: &Path) -> Option<Assertion> {
    let text = input::text(path, ASSERTION_LIMIT).ok()?;
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

#[cfg(test)]
mod tests {
    use super::surplus;

    #[test]
    fn ids_are_given_bare() {
        let id = "11111111-2222-3333-4444-555555555555";
        assert_eq!((surplus(id), surplus("contoso.onmicrosoft.com")), (None, None));
        assert!(surplus(&format!("\"{id}\"")).is_some_and(|why| why.contains("quotation marks")));
        assert!(surplus(&format!("'{id}' ")).is_some_and(|why| why.contains("quotation marks")));
        assert!(surplus(&format!("{id} ")).is_some_and(|why| why.contains("a blank")));
    }
}
