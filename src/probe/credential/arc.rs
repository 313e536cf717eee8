//! Managed identities of machines outside Azure: the agent of Azure Arc. azure_identity does not know
//! it. The agent proves that the caller is privileged on this machine: it names a file that only such
//! a caller can read, and wants its contents back.
//!
//! Source: Microsoft Learn, "Authenticate against Azure resources with Azure Arc-enabled servers".

use super::{
    recorder::bounded,
    source::{Source, Tried},
};
use crate::{
    input,
    net::{
        client::Route,
        gateway::{Answer, Failure},
    },
    secret::Secret,
    time::milliseconds,
};
use entra_pg_checks::{
    Topic,
    facts::credential::{CredentialKind, CredentialOutcome, Exchange, IdentityEndpoint},
};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE},
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// The agent's endpoint where no variable names another.
const ENDPOINT: &str = "http://localhost:40342/metadata/identity/oauth2/token";
/// Where the agent puts its proofs. A path elsewhere is not read: the answer may come from any process.
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
            let endpoint = IdentityEndpoint::Arc;
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
        .map_err(|_| unreachable("IDENTITY_ENDPOINT is not a URL"))?;
        let gateway = self.cx.gateway(Topic::Credential, Route::Direct);
        let mut proof: Option<Secret> = None;
        loop {
            let began = Instant::now();
            let mut request = reqwest::Request::new(reqwest::Method::GET, url.clone());
            request.headers_mut().insert("Metadata", HeaderValue::from_static("true"));
            if let Some(proof) = &proof {
                let text = format!("Basic {}", proof.expose().trim());
                let mut value = HeaderValue::from_str(&text)
                    .map_err(|_| key("", "its content is not a header".to_owned()))?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            let shown =
                format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
            let mut note = |status| {
                let elapsed_ms = milliseconds(began.elapsed());
                log.push(Exchange { url: shown.clone(), status, elapsed_ms });
            };
            let answer = match gateway.send(request, BODY_LIMIT).await {
                Ok(answer) => answer,
                Err(failure) => {
                    note(None);
                    return Err(no_answer(failure));
                }
            };
            note(Some(answer.status.as_u16()));
            if answer.status == StatusCode::UNAUTHORIZED && proof.is_none() {
                proof = Some(read_proof(&answer)?);
                continue;
            }
            return token(&answer);
        }
    }

    /// The resource of a scope: managed identities are asked in the older way.
    fn resource(&self) -> &str {
        self.scope.strip_suffix("/.default").unwrap_or(self.scope)
    }
}

/// The file that the agent names, if it is one of the agent's own. Links are not followed.
fn read_proof(answer: &Answer) -> Result<Secret, Box<CredentialOutcome>> {
    let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let Some(path) = challenge.and_then(|text| text.trim().strip_prefix("Basic realm=")) else {
        return Err(key("", "the agent names no file".to_owned()));
    };
    let file = PathBuf::from(path.trim_matches('"'));
    let own = file.parent() == Some(Path::new(TOKENS))
        && file.extension().is_some_and(|extension| extension == "key");
    if !own {
        return Err(key(path, format!("it is not in {TOKENS}, so it was not read")));
    }
    let bytes = input::Source::new(&file).without_links().read(KEY_LIMIT);
    bytes
        .map(|bytes| Secret::new(String::from_utf8_lossy(&bytes).into_owned()))
        .map_err(|error| key(path, error.to_string()))
}

fn key(path: &str, detail: String) -> Box<CredentialOutcome> {
    let (path, detail) = (bounded(path, 200), bounded(&detail, 200));
    Box::new(CredentialOutcome::IdentityKey { path, detail })
}

fn token(answer: &Answer) -> Result<Secret, Box<CredentialOutcome>> {
    let status = answer.status.as_u16();
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let (200, Some(token)) = (status, document["access_token"].as_str()) {
        return Ok(Secret::new(token.to_owned()));
    }
    let text = |key: &str| bounded(document[key].as_str().unwrap_or_default(), 1000);
    Err(Box::new(CredentialOutcome::IdentityEndpoint {
        endpoint: IdentityEndpoint::Arc,
        status,
        error: text("error"),
        description: text("error_description"),
    }))
}

fn no_answer(failure: Failure) -> Box<CredentialOutcome> {
    match failure {
        Failure::Withheld(detail) => Box::new(CredentialOutcome::Withheld { detail }),
        Failure::Silent => unreachable("no answer within the timeout"),
        Failure::Transport(detail) => unreachable(&detail),
        Failure::TooLong { .. } => unreachable("the answer is too long"),
    }
}

fn unreachable(detail: &str) -> Box<CredentialOutcome> {
    let endpoint = IdentityEndpoint::Arc;
    Box::new(CredentialOutcome::IdentityEndpointUnreachable {
        endpoint,
        detail: bounded(detail, 300),
    })
}
