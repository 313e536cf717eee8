//! The way from this machine to the database server, up to TLS.

use super::{Fact, login::ServerError, tcp::TcpAttempt, tls::Tls, tls_files::TlsFiles};
use crate::facts::class;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// The server, layer by layer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Server {
    /// The host as typed.
    #[serde(serialize_with = "class::name")]
    pub host: String,
    /// The port asked for.
    pub port: u16,
    /// One attempt per address at that port.
    pub tcp: Vec<TcpAttempt>,
    /// One attempt per address at the other of 5432 and 6432; empty when the port is neither, or was
    /// open before the other had answered.
    pub sibling: Vec<TcpAttempt>,
    /// The answer to SSLRequest.
    pub preamble: Fact<Preamble>,
    /// The handshake.
    pub tls: Fact<Tls>,
    /// This machine's own address on the way there, where there is a way. A NAT may change it.
    #[serde(default)]
    pub local: Option<IpAddr>,
    /// The files that libpq reads for TLS, if certificates were presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_files: Option<TlsFiles>,
}

/// The answer to SSLRequest.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Preamble {
    /// Where to.
    pub address: SocketAddr,
    /// What came.
    pub outcome: PreambleOutcome,
    /// Milliseconds until then.
    pub elapsed_ms: u64,
}

/// What a server does when asked for TLS.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PreambleOutcome {
    /// `S`: it speaks TLS.
    TlsAccepted,
    /// `N`: it does not.
    TlsRefused,
    /// A PostgreSQL error instead.
    Error(ServerError),
    /// A web server or proxy.
    Http {
        /// Its status line, at most 120 characters.
        #[serde(serialize_with = "class::free")]
        status_line: String,
    },
    /// Something else altogether.
    Other {
        /// Its first bytes, printable characters only, at most 64.
        #[serde(serialize_with = "class::free")]
        starts_with: String,
    },
    /// It closed the connection.
    Closed,
    /// It reset the connection.
    Reset,
    /// Nothing came within the timeout.
    Silent,
}
