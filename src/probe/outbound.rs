//! The way to one Entra host: TCP to every address, TLS, and an answer that only the service itself
//! would give; straight, and through the environment's proxy where there is one.

use crate::{
    context::Context,
    probe::{http, tcp, tls},
};
use entra_pg_checks::{
    Fact, Topic,
    facts::{
        dns::{Role, SystemLookup},
        http::{Http, HttpAnswer},
        outbound::{Connect, DirectPath, Host, ProxiedPath, Route},
        proxy::{Proxy, ProxyRules},
        tls::Tls,
    },
};
use futures::join;
use hyper::http::HeaderMap;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Looks at one host, layer by layer.
pub async fn host(
    cx: &Context,
    host: &str,
    role: Role,
    system: &Fact<SystemLookup>,
    proxy: &ProxyRules,
) -> Host {
    let exempt = proxy.exempt.iter().any(|name| name == host);
    let through = proxy.https.as_ref().filter(|_| !exempt);
    let proxied = async {
        match through {
            Some(proxy) => Fact::Seen(proxied(cx, host, role, proxy).await),
            None => Fact::not_applicable("no proxy applies to this host"),
        }
    };
    let (direct, proxied) = join!(direct(cx, host, role, system), proxied);
    let route = if through.is_some() { Route::Proxy } else { Route::Direct };
    Host { host: host.to_owned(), role, route, direct, proxied }
}

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
    let attempts = tcp::connect_all(cx, Topic::Outbound, host, &addresses).await;
    let mut tcp = Vec::new();
    let mut first = None;
    for (attempt, stream) in attempts {
        if first.is_none() {
            first = stream.map(|stream| (attempt.address, stream));
        }
        tcp.push(attempt);
    }
    let (tls, http) = match first {
        None => (Fact::blocked(Topic::Outbound, host), Fact::blocked(Topic::Outbound, host)),
        Some((address, stream)) => inside(cx, host, role, address, stream).await,
    };
    Fact::Seen(DirectPath { tcp, tls, http })
}

async fn proxied(cx: &Context, host: &str, role: Role, proxy: &Proxy) -> ProxiedPath {
    let mut path = ProxiedPath {
        proxy: proxy.clone(),
        tcp: Vec::new(),
        connect: Fact::blocked(Topic::Outbound, host),
        tls: Fact::blocked(Topic::Outbound, host),
        http: Fact::blocked(Topic::Outbound, host),
    };
    let found = crate::probe::dns::system_lookup(cx, &proxy.host).await;
    let addresses: Vec<IpAddr> =
        found.seen().map(|found| found.addresses.clone()).unwrap_or_default();
    let addresses: Vec<SocketAddr> =
        addresses.into_iter().map(|address| SocketAddr::new(address, proxy.port)).collect();
    let mut open = None;
    for (attempt, stream) in tcp::connect_all(cx, Topic::Outbound, &proxy.host, &addresses).await {
        open = open.or(stream.map(|stream| (attempt.address, stream)));
        path.tcp.push(attempt);
    }
    let Some((address, mut stream)) = open else {
        return path;
    };
    let asked = cx.step(Topic::Outbound, host, "connect", connect(cx, &mut stream, host));
    let answer = asked.await;
    let established = answer == Connect::Established;
    path.connect = Fact::Seen(answer);
    if established {
        (path.tls, path.http) = inside(cx, host, role, address, stream).await;
    }
    path
}

async fn inside(
    cx: &Context,
    host: &str,
    role: Role,
    address: SocketAddr,
    stream: TcpStream,
) -> (Fact<Tls>, Fact<Http>) {
    let (seen, stream) = tls::handshake(cx, Topic::Outbound, stream, address, host, None).await;
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

/// Asks a proxy for a tunnel, without credentials: what it says to that is what is to be seen.
async fn connect(cx: &Context, stream: &mut TcpStream, host: &str) -> Connect {
    let request = format!("CONNECT {host}:{HTTPS} HTTP/1.1\r\nHost: {host}:{HTTPS}\r\n\r\n");
    let work = async {
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        // Byte by byte: what follows the head belongs to the tunnel.
        while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_LIMIT {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) if !head.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok::<_, std::io::Error>(head)
    };
    match timeout(cx.timeout(), work).await {
        Err(_) => Connect::Silent,
        Ok(Err(_)) => Connect::Closed,
        Ok(Ok(head)) => answer(&String::from_utf8_lossy(&head)),
    }
}

/// The head of a proxy's answer is a few hundred bytes.
const HEAD_LIMIT: usize = 8 * 1024;

/// What the head of a proxy's answer to CONNECT says.
pub(crate) fn answer(head: &str) -> Connect {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(3, ' ');
    let (version, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (true, Ok(status)) = (version.starts_with("HTTP/1."), status.parse::<u16>()) else {
        let printable = |character: &char| character.is_ascii_graphic() || *character == ' ';
        return Connect::NotHttp { starts_with: head.chars().filter(printable).take(64).collect() };
    };
    if (200..300).contains(&status) {
        return Connect::Established;
    }
    let authenticate = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"))
        .filter_map(|(_, value)| value.split_whitespace().next())
        .take(16)
        .map(|scheme| scheme.chars().take(32).collect())
        .collect();
    let reason = words.next().unwrap_or_default().chars().take(120).collect();
    Connect::Refused { status, reason, authenticate }
}

#[cfg(test)]
mod tests {
    use super::{Connect, answer};

    #[test]
    fn reads_what_a_proxy_answers() {
        assert_eq!(answer("HTTP/1.1 200 Connection established\r\n\r\n"), Connect::Established);
        let refused = answer(
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
        );
        let Connect::Refused { status, authenticate, .. } = refused else { panic!("refused") };
        assert_eq!((status, authenticate), (407, vec!["Basic".to_owned()]));
        assert!(matches!(answer("\u{15}\u{3}\u{1}nonsense"), Connect::NotHttp { .. }));
    }

    proptest::proptest! {
        #[test]
        fn any_head_is_survived(head: String) {
            answer(&head);
        }
    }
}
