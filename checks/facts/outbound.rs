//! The way from this machine to the Entra hosts.

use super::{Fact, dns::Role, http::Http, proxy::Proxy, tcp::TcpAttempt, tls::Tls};
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// Every host, in the order authority, graph, others.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Outbound {
    /// The hosts.
    pub hosts: Vec<Host>,
}

/// One host, layer by layer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Host {
    /// The host name.
    #[serde(serialize_with = "class::name")]
    pub host: String,
    /// What it is for.
    pub role: Role,
    /// The path that token requests take.
    pub route: Route,
    /// The direct path; probed as well when a proxy is in use.
    pub direct: Fact<DirectPath>,
    /// The path through the proxy; not applicable without one.
    pub proxied: Fact<ProxiedPath>,
}

/// The path that requests take.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Straight to the host.
    Direct,
    /// Through the environment's proxy.
    Proxy,
}

/// Straight to the host.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DirectPath {
    /// One attempt per address.
    pub tcp: Vec<TcpAttempt>,
    /// The handshake on the first address that connected.
    pub tls: Fact<Tls>,
    /// A request over that connection.
    pub http: Fact<Http>,
}

/// Through an HTTP proxy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ProxiedPath {
    /// The proxy.
    pub proxy: Proxy,
    /// Attempts to reach the proxy itself; empty when its name has no address.
    pub tcp: Vec<TcpAttempt>,
    /// The handshake with the proxy itself, where its address begins with `https://`.
    #[serde(default)]
    pub proxy_tls: Fact<Tls>,
    /// The proxy's answer to CONNECT.
    pub connect: Fact<Connect>,
    /// The handshake inside the tunnel.
    pub tls: Fact<Tls>,
    /// A request inside the tunnel.
    pub http: Fact<Http>,
}

/// A proxy's answer to CONNECT.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Connect {
    /// 200: the proxy opened the tunnel.
    Established,
    /// Another status.
    Refused {
        /// The status code.
        status: u16,
        /// The reason phrase or the title of the page, at most 120 characters.
        #[serde(serialize_with = "class::free")]
        reason: String,
        /// The schemes of `Proxy-Authenticate`.
        #[serde(serialize_with = "class::free")]
        authenticate: Vec<String>,
    },
    /// No answer within the timeout.
    Silent,
    /// The proxy closed the connection.
    Closed,
    /// The answer is not HTTP: a wrong scheme or port, mostly.
    NotHttp {
        /// Its first bytes, printable characters only, at most 64.
        #[serde(serialize_with = "class::free")]
        starts_with: String,
    },
}

impl Outbound {
    /// The host with this role.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&Host> {
        self.hosts.iter().find(|host| host.role == role)
    }
}

impl Host {
    /// The handshake on the path that requests take.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        match self.route {
            Route::Direct => self.direct.seen().and_then(|path| path.tls.seen()),
            Route::Proxy => self.proxied.seen().and_then(|path| path.tls.seen()),
        }
    }

    /// The HTTPS answer on the path that requests take.
    #[must_use]
    pub fn http(&self) -> Option<&Http> {
        match self.route {
            Route::Direct => self.direct.seen().and_then(|path| path.http.seen()),
            Route::Proxy => self.proxied.seen().and_then(|path| path.http.seen()),
        }
    }
}
