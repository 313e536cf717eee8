//! The transport under azure_identity: it records what the library does not tell, and bounds what
//! an answer may cost.

use crate::{environment::Environment, probe::context::Context, time::milliseconds};
use azure_core::{
    Error,
    error::ErrorKind,
    http::{AsyncRawResponse, HttpClient, Request, headers::Headers},
};
use entra_pg_checks::facts::credential::{CredentialOutcome, EntraError, Exchange};
use futures::StreamExt;
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A token response of a user with very many groups stays below this.
const BODY_LIMIT: usize = 256 * 1024;

/// Records every exchange and the last failure.
#[derive(Debug)]
pub(super) struct Recorder {
    client: reqwest::Client,
    authority: String,
    endpoint: &'static str,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    exchanges: Vec<Exchange>,
    failure: Option<CredentialOutcome>,
}

impl Recorder {
    /// `authority` is the host that speaks as Entra does; `endpoint` names whatever else is asked.
    pub(super) fn new(cx: &Context, authority: &str, endpoint: &'static str) -> Arc<Self> {
        Arc::new(Self {
            client: cx.http().unwrap_or_default(),
            authority: authority.to_owned(),
            endpoint,
            log: Mutex::default(),
        })
    }

    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        self.log().exchanges.clone()
    }

    /// The last failure, if the last exchange was one.
    pub(super) fn outcome(&self) -> Option<CredentialOutcome> {
        self.log().failure.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, exchange: Exchange, failure: Option<CredentialOutcome>) {
        let mut log = self.log();
        log.exchanges.push(exchange);
        log.failure = failure;
    }
}

/// Which endpoint serves managed identities here. Source: the detection order of MSAL.
pub(super) fn identity_endpoint(environment: &Environment) -> &'static str {
    let set = |name| environment.get(name).is_some();
    if set("IDENTITY_ENDPOINT") && set("IDENTITY_HEADER") {
        "app-service"
    } else if (set("IDENTITY_ENDPOINT") && set("IMDS_ENDPOINT")) || super::arc::installed() {
        "arc"
    } else {
        "imds"
    }
}

#[async_trait::async_trait]
impl HttpClient for Recorder {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let began = Instant::now();
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let url = format!("{}://{host}{}", request.url().scheme(), request.url().path());
        let exchange = |status| Exchange {
            url: url.clone(),
            status,
            elapsed_ms: milliseconds(began.elapsed()),
        };
        let authority = host == self.authority;
        let answered = self.client.execute_request(request).await;
        let response = match answered {
            Ok(response) => response,
            Err(error) => {
                let failure = self.unreachable(authority, host, &error);
                self.note(exchange(None), Some(failure));
                return Err(error);
            }
        };
        let (status, headers, mut body) = response.deconstruct();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() > BODY_LIMIT {
                let failure = self.unexpected(authority, host, u16::from(status), &headers);
                self.note(exchange(Some(u16::from(status))), Some(failure));
                return Err(Error::with_message(ErrorKind::Other, "the answer has no end"));
            }
        }
        let failure = (!status.is_success() || serde_json::from_slice::<Value>(&bytes).is_err())
            .then(|| self.failure(authority, &host, u16::from(status), &headers, &bytes));
        self.note(exchange(Some(u16::from(status))), failure);
        Ok(AsyncRawResponse::from_bytes(status, headers, bytes))
    }
}

impl Recorder {
    fn failure(
        &self,
        authority: bool,
        host: &str,
        status: u16,
        headers: &Headers,
        body: &[u8],
    ) -> CredentialOutcome {
        let Ok(document) = serde_json::from_slice::<Value>(body) else {
            return self.unexpected(authority, host.to_owned(), status, headers);
        };
        let text = |key: &str| bounded(document[key].as_str().unwrap_or_default(), 1000);
        if authority {
            return CredentialOutcome::Entra(entra_error(status, headers, &document));
        }
        let description = match text("error_description") {
            described if described.is_empty() => text("message"),
            described => described,
        };
        let endpoint = self.endpoint.to_owned();
        CredentialOutcome::IdentityEndpoint { endpoint, status, error: text("error"), description }
    }

    fn unexpected(
        &self,
        authority: bool,
        host: String,
        status: u16,
        headers: &Headers,
    ) -> CredentialOutcome {
        let content_type = bounded(header(headers, "content-type").unwrap_or_default(), 120);
        if authority {
            return CredentialOutcome::UnexpectedAnswer { host, status, content_type };
        }
        let (endpoint, error) = (self.endpoint.to_owned(), String::new());
        let description = format!("the answer is not JSON but {content_type}");
        CredentialOutcome::IdentityEndpoint { endpoint, status, error, description }
    }

    fn unreachable(&self, authority: bool, host: String, error: &Error) -> CredentialOutcome {
        let mut detail = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            detail = inner.to_string();
            cause = inner.source();
        }
        let detail = bounded(&detail, 300);
        if authority {
            CredentialOutcome::Transport { host, detail }
        } else {
            let endpoint = self.endpoint.to_owned();
            CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail }
        }
    }
}

/// The number is taken from `error_codes`, and from the text only where there is none.
fn entra_error(status: u16, headers: &Headers, document: &Value) -> EntraError {
    let text = |key: &str| document[key].as_str().map(|text| bounded(text, 200));
    let description = document["error_description"].as_str().unwrap_or_default();
    let listed = document["error_codes"].as_array().into_iter().flatten();
    let mut codes: Vec<u32> =
        listed.filter_map(|code| u32::try_from(code.as_u64()?).ok()).take(8).collect();
    if codes.is_empty() {
        codes.extend(entra_pg_checks::support::token::aadsts::code_in(description));
    }
    let end = description.find("Trace ID:").unwrap_or(description.len());
    EntraError {
        status,
        error: text("error").unwrap_or_default(),
        codes,
        description: bounded(description[..end].trim(), 2000),
        trace_id: text("trace_id"),
        correlation_id: text("correlation_id"),
        timestamp: text("timestamp"),
        suberror: text("suberror"),
        asks_for_claims: document["claims"].is_string(),
        retry_after: header(headers, "retry-after").and_then(|seconds| seconds.parse().ok()),
    }
}

fn header<'a>(headers: &'a Headers, wanted: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(name, _)| name.as_str().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.as_str())
}

pub(super) fn bounded(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
