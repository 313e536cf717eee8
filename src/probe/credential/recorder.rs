//! The transport under azure_identity: it records what the library does not return.

use crate::sync::lock;
use crate::{
    environment::Environment,
    net::{
        client::Route,
        gateway::{self, Gateway},
    },
    probe::context::Context,
    time::milliseconds,
};
use azure_core::{
    Error,
    error::ErrorKind,
    http::{AsyncRawResponse, Body, HttpClient, Request, headers::Headers},
};
use entra_pg_checks::{
    Topic,
    facts::credential::{CredentialOutcome, EntraError, Exchange, IdentityEndpoint},
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

/// A token response of a user with very many groups stays below this.
const BODY_LIMIT: usize = 256 * 1024;

/// Records every exchange and the last failure.
#[derive(Debug)]
pub(super) struct Recorder {
    configured: Gateway,
    direct: Gateway,
    authority: String,
    endpoint: IdentityEndpoint,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    exchanges: Vec<Exchange>,
    failure: Option<CredentialOutcome>,
}

impl Recorder {
    /// `authority` is the host that speaks as Entra does; `endpoint` names whatever else is asked.
    pub(super) fn new(cx: &Context, authority: &str, endpoint: IdentityEndpoint) -> Arc<Self> {
        Arc::new(Self {
            configured: cx.gateway(Topic::Credential, Route::Configured),
            direct: cx.gateway(Topic::Credential, Route::Direct),
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
        lock(&self.log)
    }

    fn note(&self, exchange: Exchange, failure: Option<CredentialOutcome>) {
        let mut log = self.log();
        log.exchanges.push(exchange);
        log.failure = failure;
    }
}

/// Which endpoint serves managed identities here. Source: the detection order of MSAL.
pub(super) fn identity_endpoint(environment: &Environment) -> IdentityEndpoint {
    let set = |name| environment.get(name).is_some();
    if set("IDENTITY_ENDPOINT") && set("IDENTITY_HEADER") {
        if set("IDENTITY_SERVER_THUMBPRINT") {
            IdentityEndpoint::ServiceFabric
        } else if set("CONTAINER_APP_NAME") || set("CONTAINER_APP_ENV_DNS_SUFFIX") {
            IdentityEndpoint::ContainerApps
        } else if set("FUNCTIONS_WORKER_RUNTIME") {
            IdentityEndpoint::Functions
        } else {
            IdentityEndpoint::AppService
        }
    } else if (set("IDENTITY_ENDPOINT") && set("IMDS_ENDPOINT"))
        || super::arc::installed(environment)
    {
        IdentityEndpoint::Arc
    } else if set("MSI_ENDPOINT") {
        if set("MSI_SECRET") { IdentityEndpoint::AzureMl } else { IdentityEndpoint::CloudShell }
    } else if set("Fabric_NodeIPOrFQDN") {
        // Container Instances run on Service Fabric, and have the metadata service.
        IdentityEndpoint::ContainerInstances
    } else {
        IdentityEndpoint::Imds
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
        let gateway =
            if request.url().scheme() == "http" { &self.direct } else { &self.configured };
        let answer = match gateway.send(to_reqwest(request)?, BODY_LIMIT).await {
            Ok(answer) => answer,
            Err(failure) => {
                let status = match &failure {
                    gateway::Failure::TooLong { status, .. } => Some(status.as_u16()),
                    _ => None,
                };
                let (outcome, error) = self.no_answer(authority, host, failure);
                self.note(exchange(status), Some(outcome));
                return Err(error);
            }
        };
        let (status, headers) = (answer.status.as_u16(), to_azure(&answer.headers));
        let usable = answer.status.is_success() && is_usable(&answer.body);
        let failure =
            (!usable).then(|| self.failure(authority, &host, status, &headers, &answer.body));
        self.note(exchange(Some(status)), failure);
        if answer.status.is_success() && !usable {
            return Err(Error::with_message(
                ErrorKind::Other,
                "the answer is not a token response",
            ));
        }
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, answer.body))
    }
}

/// A JSON document whose times can be added to the clock: the library computes without checks.
pub(crate) fn is_usable(body: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    ["expires_in", "ext_expires_in", "expires_on", "refresh_in", "not_before"].iter().all(|key| {
        let value = &document[*key];
        let seconds = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        match seconds {
            Some(seconds) => (0..=LATEST_TIME).contains(&seconds),
            // Dates as text are left to the library, which reads them as text.
            None => !value.is_number(),
        }
    })
}

/// The year 9999, in seconds since 1970.
const LATEST_TIME: i64 = 253_402_300_799;

fn to_reqwest(request: &Request) -> azure_core::Result<reqwest::Request> {
    let not_sendable = || Error::with_message(ErrorKind::Other, "the request cannot be sent");
    let method = request.method().to_string().parse().map_err(|_| not_sendable())?;
    let mut out = reqwest::Request::new(method, request.url().clone());
    for (name, value) in request.headers().iter() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|_| not_sendable())?;
        let value = HeaderValue::from_str(value.as_str()).map_err(|_| not_sendable())?;
        out.headers_mut().insert(name, value);
    }
    match request.body() {
        Body::Bytes(bytes) => *out.body_mut() = Some(bytes.clone().into()),
        Body::SeekableStream(_) => return Err(not_sendable()),
    }
    Ok(out)
}

fn to_azure(headers: &HeaderMap) -> Headers {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let mut out = Headers::new();
    for (name, value) in headers.iter().filter_map(text) {
        out.insert(name, value);
    }
    out
}

/// Longest part of an answer in plain text that is recorded, in characters.
const QUOTED: usize = 300;

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
            return match self.unexpected(authority, host.to_owned(), status, headers) {
                CredentialOutcome::IdentityEndpoint { endpoint, status, error, description } => {
                    // The identity pod of Kubernetes answers in plain text.
                    let answer = bounded(String::from_utf8_lossy(body).trim(), QUOTED);
                    let description = if status < 300 || answer.is_empty() {
                        description
                    } else {
                        format!("{description}: {answer}")
                    };
                    CredentialOutcome::IdentityEndpoint { endpoint, status, error, description }
                }
                other => other,
            };
        };
        let text = |key: &str| bounded(document[key].as_str().unwrap_or_default(), 1000);
        if authority {
            return CredentialOutcome::Entra(entra_error(status, headers, &document));
        }
        let description = match text("error_description") {
            described if described.is_empty() => text("message"),
            described => described,
        };
        // Container Instances, Service Fabric and Cloud Shell answer with a nested error.
        let nested = &document["error"];
        let inner = |key: &str| bounded(nested[key].as_str().unwrap_or_default(), 1000);
        let (error, description) = match nested.is_object() {
            true => (inner("code"), inner("message")),
            false => (text("error"), description),
        };
        let endpoint = self.endpoint.clone();
        CredentialOutcome::IdentityEndpoint { endpoint, status, error, description }
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
        let (endpoint, error) = (self.endpoint.clone(), String::new());
        let description = format!("the answer is not JSON but {content_type}");
        CredentialOutcome::IdentityEndpoint { endpoint, status, error, description }
    }

    /// What it means that no whole answer came, and the error for the library.
    fn no_answer(
        &self,
        authority: bool,
        host: String,
        failure: gateway::Failure,
    ) -> (CredentialOutcome, Error) {
        let (kind, detail) = match failure {
            gateway::Failure::Withheld(detail) => {
                let error = Error::with_message(ErrorKind::Other, detail.clone());
                return (CredentialOutcome::Withheld { detail }, error);
            }
            gateway::Failure::TooLong { status, headers } => {
                let headers = to_azure(&headers);
                let outcome = self.unexpected(authority, host, status.as_u16(), &headers);
                return (outcome, Error::with_message(ErrorKind::Other, "the answer is too long"));
            }
            gateway::Failure::Silent => (ErrorKind::Io, "no answer within the timeout".to_owned()),
            gateway::Failure::Transport(detail) => (ErrorKind::Connection, detail),
        };
        let error = Error::with_message(kind, detail.clone());
        if authority {
            return (CredentialOutcome::Transport { host, detail }, error);
        }
        let endpoint = self.endpoint.clone();
        (CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail }, error)
    }
}

/// The number is taken from `error_codes`, and from the text only where there is none.
pub(crate) fn entra_error(status: u16, headers: &Headers, document: &Value) -> EntraError {
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

#[cfg(test)]
mod tests {
    use super::identity_endpoint;
    use crate::environment::Environment;
    use entra_pg_checks::facts::credential::IdentityEndpoint;

    #[test]
    fn every_host_of_managed_identities_has_its_name() {
        let of = |names: &[&str]| {
            identity_endpoint(&Environment::from_pairs(names.iter().map(|name| (*name, "x"))))
        };
        let service = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];
        let with = |more: &[&'static str]| of(&[service.as_slice(), more].concat());
        assert_eq!(with(&[]), IdentityEndpoint::AppService);
        assert_eq!(with(&["CONTAINER_APP_NAME"]), IdentityEndpoint::ContainerApps);
        assert_eq!(with(&["FUNCTIONS_WORKER_RUNTIME"]), IdentityEndpoint::Functions);
        assert_eq!(with(&["IDENTITY_SERVER_THUMBPRINT"]), IdentityEndpoint::ServiceFabric);
        // App Service sets the older variables, too.
        assert_eq!(with(&["MSI_ENDPOINT", "MSI_SECRET"]), IdentityEndpoint::AppService);
        assert_eq!(of(&["IDENTITY_ENDPOINT", "IMDS_ENDPOINT"]), IdentityEndpoint::Arc);
        assert_eq!(of(&["MSI_ENDPOINT", "MSI_SECRET"]), IdentityEndpoint::AzureMl);
        assert_eq!(of(&["MSI_ENDPOINT"]), IdentityEndpoint::CloudShell);
        assert_eq!(of(&["Fabric_NodeIPOrFQDN"]), IdentityEndpoint::ContainerInstances);
    }
}
