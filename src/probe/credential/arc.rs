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
    environment::Environment,
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
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// The agent's endpoint where no variable names another.
const ENDPOINT: &str = "http://localhost:40342/metadata/identity/oauth2/token";
/// The folder of the agent on Windows, below `ProgramData` and `ProgramFiles`.
const WINDOWS_FOLDER: &str = "AzureConnectedMachineAgent";
/// The agent's proofs are smaller.
const KEY_LIMIT: u64 = 4096;
/// As for every token response.
const BODY_LIMIT: usize = 256 * 1024;

/// Where the agent puts its proofs. A path elsewhere is not read: the answer may come from any process.
fn tokens(environment: &Environment, windows: bool) -> PathBuf {
    if !windows {
        return PathBuf::from("/var/opt/azcmagent/tokens");
    }
    let data = environment.get("ProgramData").unwrap_or(r"C:\ProgramData");
    Path::new(data).join(WINDOWS_FOLDER).join("Tokens")
}

/// Whether the agent is installed here.
pub(super) fn installed(environment: &Environment) -> bool {
    if cfg!(windows) {
        let programs = environment.get("ProgramFiles").unwrap_or(r"C:\Program Files");
        return Path::new(programs).join(WINDOWS_FOLDER).join("himds.exe").exists();
    }
    cfg!(target_os = "linux") && Path::new("/opt/azcmagent/bin/himds").exists()
}

/// Whether two folders are the same; Windows ignores letter case.
fn is_same(one: &Path, other: &Path, windows: bool) -> bool {
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().map(|part| part.as_os_str().to_ascii_lowercase()).collect()
    };
    // By components: Windows takes both slashes for a separator.
    one == other || windows && parts(one) == parts(other)
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
                proof = Some(read_proof(&answer, &self.cx.environment)?);
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
fn read_proof(
    answer: &Answer,
    environment: &Environment,
) -> Result<Secret, Box<CredentialOutcome>> {
    let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let Some(path) = challenge.and_then(|text| text.trim().strip_prefix("Basic realm=")) else {
        return Err(key("", "the agent names no file".to_owned()));
    };
    let file = PathBuf::from(path.trim_matches('"'));
    let tokens = tokens(environment, cfg!(windows));
    let own = file.parent().is_some_and(|folder| is_same(folder, &tokens, cfg!(windows)))
        && file.extension().is_some_and(|extension| extension == "key");
    if !own {
        let folder = tokens.display();
        return Err(key(path, format!("it is not in {folder}, so it was not read")));
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

#[cfg(test)]
mod tests {
    use super::{is_same, tokens};
    use crate::environment::Environment;
    use std::path::Path;

    #[test]
    fn the_proofs_of_windows_are_in_the_agents_own_folder() {
        let environment = Environment::from_pairs([("ProgramData", "D:/Data")]);
        let folder = tokens(&environment, true);
        assert_eq!(folder, Path::new("D:/Data/AzureConnectedMachineAgent/Tokens"));
        assert!(is_same(Path::new("d:/data/azureconnectedmachineagent/tokens"), &folder, true));
        assert!(!is_same(Path::new("d:/data/azureconnectedmachineagent/tokens"), &folder, false));
        assert_eq!(tokens(&environment, false), Path::new("/var/opt/azcmagent/tokens"));
    }
}
