//! Managed identities of machines outside Azure: the agent of Azure Arc. azure_identity does not know
//! it. The agent proves that the caller is privileged on this machine: it names a file that only such
//! a caller can read, and wants its contents back.
//!
//! Source: Microsoft Learn, "Authenticate against Azure resources with Azure Arc-enabled servers".

use super::{
    recorder::bounded,
    source::{Source, Tried},
};
use crate::{secret::Secret, time::milliseconds};
use entra_pg_checks::{
    Topic,
    facts::credential::{CredentialKind, CredentialOutcome, Exchange},
};
use reqwest::{Response, StatusCode, header::WWW_AUTHENTICATE};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// The agent's endpoint where no variable names another.
const ENDPOINT: &str = "http://localhost:40342/metadata/identity/oauth2/token";
/// Where the agent puts its proofs. A path elsewhere is not read: the answer may be anybody's.
const TOKENS: &str = "/var/opt/azcmagent/tokens";
/// The agent's proofs are smaller.
const KEY_LIMIT: u64 = 4096;
/// As for every token response.
const BODY_LIMIT: usize = 256 * 1024;

/// Whether the agent is installed here.
pub(super) fn installed() -> bool {
    cfg!(target_os = "linux") && Path::new("/opt/azcmagent/bin/himds").exists()
}

impl Source<'_> {
    pub(super) async fn arc(&self) -> Tried {
        let kind = CredentialKind::ManagedIdentity;
        let mut attempt = super::attempt(kind, CredentialOutcome::NotTried);
        attempt.identity = Some("system-assigned".to_owned());
        if let Some(client) = self.client_id() {
            let detail = format!(
                "the agent of Azure Arc gives the machine's own identity only, and {client} is asked for"
            );
            attempt.identity = Some(client);
            let endpoint = "arc".to_owned();
            attempt.outcome = CredentialOutcome::IdentityNotSupported { endpoint, detail };
            return Tried { attempt, token: None };
        }
        let began = Instant::now();
        let look = tokio::time::timeout(self.cx.timeout(), self.ask_agent(&mut attempt.exchanges));
        let asked = self.cx.step(Topic::Credential, kind.name(), "arc", look).await;
        attempt.elapsed_ms = milliseconds(began.elapsed());
        let unreachable = || unreachable("no answer within the timeout");
        match asked.unwrap_or_else(|_| Err(unreachable())) {
            Ok(secret) => {
                attempt.outcome = CredentialOutcome::Token;
                Tried { attempt, token: Some(Arc::new(secret)) }
            }
            Err(outcome) => {
                attempt.outcome = *outcome;
                Tried { attempt, token: None }
            }
        }
    }

    async fn ask_agent(&self, log: &mut Vec<Exchange>) -> Result<Secret, Box<CredentialOutcome>> {
        let base = self.variable("IDENTITY_ENDPOINT").unwrap_or(ENDPOINT);
        let url = reqwest::Url::parse_with_params(
            base,
            [("api-version", "2020-06-01"), ("resource", self.resource())],
        )
        .map_err(|_| unreachable("IDENTITY_ENDPOINT is no URL"))?;
        // The agent is on this machine: no proxy may stand between.
        let client = crate::net::tls::verifying_config(&self.cx.roots)
            .ok()
            .and_then(|tls| {
                reqwest::Client::builder()
                    .tls_backend_preconfigured(tls)
                    .no_proxy()
                    .redirect(reqwest::redirect::Policy::none())
                    .build()
                    .ok()
            })
            .ok_or_else(|| unreachable("no client could be made"))?;
        let mut proof: Option<Secret> = None;
        loop {
            let began = Instant::now();
            let mut request = client.get(url.clone()).header("Metadata", "true");
            if let Some(proof) = &proof {
                request =
                    request.header("Authorization", format!("Basic {}", proof.expose().trim()));
            }
            let shown =
                format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
            let mut note = |status| {
                let elapsed_ms = milliseconds(began.elapsed());
                log.push(Exchange { url: shown.clone(), status, elapsed_ms });
            };
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => {
                    note(None);
                    return Err(unreachable(&innermost(&error)));
                }
            };
            note(Some(response.status().as_u16()));
            if response.status() == StatusCode::UNAUTHORIZED && proof.is_none() {
                proof = Some(read_proof(&response)?);
                continue;
            }
            return token(response).await;
        }
    }

    /// The resource of a scope: managed identities are asked in the older way.
    fn resource(&self) -> &str {
        self.scope.strip_suffix("/.default").unwrap_or(self.scope)
    }
}

/// The file that the agent names, if it is one of the agent's own.
fn read_proof(response: &Response) -> Result<Secret, Box<CredentialOutcome>> {
    let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let key = |path: &str, detail: String| {
        let (path, detail) = (bounded(path, 200), bounded(&detail, 200));
        Box::new(CredentialOutcome::IdentityKey { path, detail })
    };
    let Some(path) = challenge.and_then(|text| text.trim().strip_prefix("Basic realm=")) else {
        return Err(key("", "the agent names no file".to_owned()));
    };
    let file = PathBuf::from(path.trim_matches('"'));
    let own = file.parent() == Some(Path::new(TOKENS))
        && file.extension().is_some_and(|extension| extension == "key");
    if !own {
        return Err(key(path, format!("it is not in {TOKENS}, so it was not read")));
    }
    crate::input::text(&file, KEY_LIMIT)
        .map(Secret::new)
        .map_err(|error| key(path, error.to_string()))
}

async fn token(mut response: Response) -> Result<Secret, Box<CredentialOutcome>> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            break;
        }
    }
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let (200, Some(token)) = (status, document["access_token"].as_str()) {
        return Ok(Secret::new(token.to_owned()));
    }
    let text = |key: &str| bounded(document[key].as_str().unwrap_or_default(), 1000);
    Err(Box::new(CredentialOutcome::IdentityEndpoint {
        endpoint: "arc".to_owned(),
        status,
        error: text("error"),
        description: text("error_description"),
    }))
}

fn unreachable(detail: &str) -> Box<CredentialOutcome> {
    let endpoint = "arc".to_owned();
    Box::new(CredentialOutcome::IdentityEndpointUnreachable {
        endpoint,
        detail: bounded(detail, 300),
    })
}

fn innermost(error: &reqwest::Error) -> String {
    let mut detail = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        detail = inner.to_string();
        cause = inner.source();
    }
    detail
}
