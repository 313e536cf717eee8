//! The one way out for HTTP. Every request passes [`Gateway::send`], which keeps secrets from the wrong
//! place, bounds the answer in bytes and time, follows no redirect, and records the contact.

use super::{Lookups, Proxies, endpoint, error};
use crate::secret::{Secrets, outgoing};
use crate::sync::lock;
use entra_pg_checks::{Contact, ContactProtocol};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use reqwest::{Request, StatusCode, Url, header::HeaderMap};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Everything that a run contacted, each endpoint once; copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts(Arc<Mutex<Vec<Contact>>>);

/// Sends requests for one probe.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) client: Option<reqwest::Client>,
    /// The rules by which the client takes a proxy, if it does.
    pub(crate) proxies: Option<Arc<Proxies>>,
    pub(crate) lookups: Lookups,
    pub(crate) secrets: Secrets,
    pub(crate) contacts: Contacts,
    /// The name of the probe in `contacted`.
    pub(crate) probe: &'static str,
    /// Timeout for one request with its answer.
    pub(crate) timeout: Duration,
}

/// A whole answer, whatever its status; a redirect is one, too.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
pub(crate) enum Failure {
    /// The request was not sent; why.
    Withheld(String),
    /// Nothing, or not everything, came within the timeout.
    Silent,
    /// The connection failed; the innermost reason.
    Transport(String),
    /// The answer is longer than the limit.
    TooLong { status: StatusCode, headers: HeaderMap },
}

/// A body as far as it was read.
pub(crate) struct Read {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more.
    pub(crate) truncated: bool,
}

impl Contacts {
    pub(crate) fn add(&self, contact: Contact) {
        let mut all = lock(&self.0);
        if !all.contains(&contact) {
            all.push(contact);
        }
    }

    pub(crate) fn all(&self) -> Vec<Contact> {
        lock(&self.0).clone()
    }

    pub(crate) fn take(&self) -> Vec<Contact> {
        std::mem::take(&mut *lock(&self.0))
    }

    /// A connection to an address.
    pub(crate) fn connection(
        &self,
        host: &str,
        to: SocketAddr,
        protocol: ContactProtocol,
        probe: &str,
    ) {
        self.add(Contact {
            host: host.to_owned(),
            address: to.ip().to_string(),
            port: to.port(),
            protocol,
            probe: probe.to_owned(),
        });
    }

    /// A command that was started.
    pub(crate) fn process(&self, command: &str, probe: &str) {
        self.add(Contact {
            host: command.to_owned(),
            address: String::new(),
            port: 0,
            protocol: ContactProtocol::Process,
            probe: probe.to_owned(),
        });
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gateway").field("probe", &self.probe).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Sends a request and reads the answer, at most so many bytes of its body.
    ///
    /// # Errors
    /// The request was not sent, or there is no whole answer.
    pub(crate) async fn send(&self, request: Request, limit: usize) -> Result<Answer, Failure> {
        if let Some(why) = self.refusal(&request) {
            return Err(Failure::Withheld(why));
        }
        let Some(client) = &self.client else {
            return Err(Failure::Transport("no root certificates to verify with".to_owned()));
        };
        let url = request.url().clone();
        let exchange = async {
            let response = client.execute(request).await?;
            self.record(&url, response.remote_addr()).await;
            let (status, headers) = (response.status(), response.headers().clone());
            let read = read(reqwest::Body::from(response), limit).await?;
            Ok::<_, reqwest::Error>((status, headers, read))
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(Ok((status, headers, Read { bytes, truncated: false }))) => {
                Ok(Answer { status, headers, body: bytes })
            }
            Ok(Ok((status, headers, _))) => Err(Failure::TooLong { status, headers }),
            Ok(Err(error)) => {
                self.record(&url, None).await;
                let timed_out = error.is_timeout();
                let detail = error::innermost(&error);
                Err(if timed_out { Failure::Silent } else { Failure::Transport(detail) })
            }
            Err(_) => {
                self.record(&url, None).await;
                Err(Failure::Silent)
            }
        }
    }

    /// Why a request must not be sent.
    fn refusal(&self, request: &Request) -> Option<String> {
        let url = request.url();
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !endpoint::is_local(host) {
            return Some(format!("{host} is not on this machine, and http has no TLS"));
        }
        if !url.username().is_empty() || url.password().is_some() || !endpoint::is_plain_host(host)
        {
            return Some("the URL is not one of a plain host".to_owned());
        }
        if let Some(secret) = outgoing::secret_in_host(host, &self.secrets) {
            return Some(outgoing::withheld("the host name", &secret));
        }
        if let Some(secret) = outgoing::secret_in_url(url.as_str(), &self.secrets) {
            return Some(outgoing::withheld("the URL", &secret));
        }
        request.headers().iter().find_map(|(name, value)| {
            let value = value.to_str().unwrap_or_default();
            if CREDENTIAL_HEADERS.contains(&name.as_str()) {
                return None;
            }
            let secret = outgoing::secret_in(value, &self.secrets)?;
            Some(outgoing::withheld(&format!("the header {name}"), &secret))
        })
    }

    /// Records the contact: the host, or the proxy on the way to it. Without the connection's address,
    /// it is the first one of the name, since a connection to that was tried.
    async fn record(&self, url: &Url, remote: Option<SocketAddr>) {
        let (host, port) = self.next_hop(url);
        let address = match (remote, host.parse()) {
            (Some(remote), _) => Some(remote.ip()),
            (None, Ok(address)) => Some(address),
            (None, Err(_)) => {
                self.lookups.done(&host).and_then(|found| found.addresses.first().copied())
            }
        };
        let known = self.contacts.all();
        let again = || known.iter().any(|known| known.host == host && known.port == port);
        if let Some(address) = address
            && (remote.is_some() || !again())
        {
            self.contacts.connection(
                &host,
                SocketAddr::new(address, port),
                ContactProtocol::Tcp,
                self.probe,
            );
        }
    }

    /// The host and port to which the client connects.
    fn next_hop(&self, url: &Url) -> (String, u16) {
        let host = url.host_str().unwrap_or_default();
        let proxies = self.proxies.as_ref();
        if let Some(proxy) = proxies.and_then(|proxies| proxies.for_request(url.scheme(), host)) {
            return (proxy.host.clone(), proxy.port);
        }
        let host = host.trim_matches(['[', ']']);
        (host.to_owned(), url.port_or_known_default().unwrap_or_default())
    }
}

/// Headers that exist to carry a secret to the host of the URL.
const CREDENTIAL_HEADERS: [&str; 4] =
    ["authorization", "proxy-authorization", "x-identity-header", "secret"];

/// Reads a body up to a limit.
///
/// # Errors
/// The connection failed.
pub(crate) async fn read<B: Body<Data = Bytes>>(body: B, limit: usize) -> Result<Read, B::Error> {
    let mut body = std::pin::pin!(body);
    let mut read = Read { bytes: Vec::new(), truncated: false };
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            let room = limit - read.bytes.len();
            read.bytes.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                read.truncated = true;
                break;
            }
        }
    }
    Ok(read)
}
