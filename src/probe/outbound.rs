//! The way to one Entra host: TCP to every address, TLS, and an answer that only the service itself
//! would give; straight, and through the environment's proxy where there is one.

use crate::{
    probe::context::Context,
    probe::{http, tcp, tls, tunnel},
};
use entra_pg_checks::{
    Fact, Topic,
    facts::{
        dns::{Role, SystemLookup},
        http::{Http, HttpAnswer},
        outbound::{DirectPath, Host, ProxiedPath, Route},
        proxy::{Proxy, ProxyRules},
        tls::Tls,
    },
};
use futures::future::{Either, select};
use hyper::http::HeaderMap;
use serde_json::Value;
use std::{future::ready, net::SocketAddr, pin::pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// Probes one host, layer by layer.
pub(crate) async fn host(
    cx: &Context,
    host: &str,
    role: Role,
    system: &Fact<SystemLookup>,
    proxy: &ProxyRules,
) -> Host {
    let exempt = proxy.exempt.iter().any(|name| name == host);
    let through = proxy.https.as_ref().filter(|_| !exempt);
    let (direct, proxied) = match through {
        Some(proxy) => both(direct(cx, host, role, system), proxied(cx, host, role, proxy)).await,
        None => (
            direct(cx, host, role, system).await,
            Fact::not_applicable("no proxy applies to this host"),
        ),
    };
    let route = if through.is_some() { Route::Proxy } else { Route::Direct };
    Host { host: host.to_owned(), role, route, direct, proxied }
}

/// If the proxy leads to the host, the direct path is not waited for: behind most proxies it is closed,
/// and no request takes it.
async fn both(
    direct: impl Future<Output = Fact<DirectPath>>,
    proxied: impl Future<Output = ProxiedPath>,
) -> (Fact<DirectPath>, Fact<ProxiedPath>) {
    let (direct, proxied) = (pin!(direct), pin!(proxied));
    match select(direct, proxied).await {
        Either::Left((direct, proxied)) => (direct, Fact::Seen(proxied.await)),
        Either::Right((proxied, direct)) if proxied.http.seen().is_some() => {
            let direct = timeout(DIRECT_FOLLOW_UP, direct).await;
            let unfinished = || Fact::not_applicable("requests go through the proxy");
            (direct.unwrap_or_else(|_| unfinished()), Fact::Seen(proxied))
        }
        Either::Right((proxied, direct)) => (direct.await, Fact::Seen(proxied)),
    }
}

/// How long the direct path may still take once the proxy has led to the host.
const DIRECT_FOLLOW_UP: Duration = Duration::from_millis(300);

async fn direct(
    cx: &Context,
    host: &str,
    role: Role,
    system: &Fact<SystemLookup>,
) -> Fact<DirectPath> {
    let addresses: Vec<SocketAddr> = match system {
        Fact::Seen(lookup) => {
            lookup.addresses.iter().map(|&address| SocketAddr::new(address, HTTPS)).collect()
        }
        Fact::NotObserved(why) => return Fact::NotObserved(why.clone()),
    };
    if addresses.is_empty() {
        return Fact::blocked(Topic::Dns, host);
    }
    let inside = |open| async move {
        let Some((address, stream)) = open else {
            return (Fact::blocked(Topic::Outbound, host), Fact::blocked(Topic::Outbound, host));
        };
        let again = || async move { tcp::connect(cx, Topic::Outbound, host, address).await.1 };
        inside(cx, host, role, address, stream, again).await
    };
    let (tcp, (tls, http)) =
        tcp::connect_and(cx, Topic::Outbound, host, &addresses, None, inside).await;
    Fact::Seen(DirectPath { tcp, tls, http })
}

async fn proxied(cx: &Context, host: &str, role: Role, proxy: &Proxy) -> ProxiedPath {
    let (mut path, open) = tunnel::open(cx, host, HTTPS, proxy).await;
    if let Some((address, stream)) = open {
        // The large ClientHello is the direct path's matter: a proxy makes packets of its own.
        let again = || ready(None);
        (path.tls, path.http) = inside(cx, host, role, address, stream, again).await;
    }
    path
}

async fn inside<S, F>(
    cx: &Context,
    host: &str,
    role: Role,
    address: SocketAddr,
    stream: S,
    again: impl FnOnce() -> F,
) -> (Fact<Tls>, Fact<Http>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Option<S>>,
{
    let handshake = tls::handshake(cx, Topic::Outbound, stream, address, host, None, again).await;
    let (seen, stream) = (handshake.tls, handshake.stream);
    let http = match stream {
        Some(stream) if role == Role::Graph => {
            Fact::Seen(http::get(cx, Topic::Outbound, stream, host, GRAPH_PATH, graph).await)
        }
        Some(stream) => {
            Fact::Seen(http::get(cx, Topic::Outbound, stream, host, ENTRA_PATH, entra).await)
        }
        None => Fact::blocked(Topic::Outbound, host),
    };
    (Fact::Seen(seen), http)
}

const HTTPS: u16 = 443;
const ENTRA_PATH: &str = "/common/v2.0/.well-known/openid-configuration";
const GRAPH_PATH: &str = "/v1.0/me";

/// Entra's discovery document names an issuer and a token endpoint.
pub(crate) fn entra(answer: &HttpAnswer, _headers: &HeaderMap, body: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    answer.status == 200
        && document["issuer"].is_string()
        && document["token_endpoint"].as_str().is_some_and(|url| url.contains("/oauth2/"))
}

/// Graph refuses a request without a token in its own words.
pub(crate) fn graph(answer: &HttpAnswer, headers: &HeaderMap, body: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    answer.status == 401
        && document["error"]["code"].is_string()
        && (headers.contains_key("request-id") || headers.contains_key("www-authenticate"))
}
