//! A tunnel through an HTTP proxy: TCP to it, TLS where its address begins with https://, and CONNECT.

use crate::{
    probe::context::Context,
    probe::{dns, tcp, tls},
    secret::Secret,
};
use entra_pg_checks::{
    Fact, Topic,
    facts::{
        outbound::{Connect, ProxiedPath},
        proxy::Proxy,
    },
};
use std::{
    future::ready,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// A stream of any kind.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Opens a tunnel to a host. Its stream is there once the proxy has said yes.
pub(super) async fn open(
    cx: &Context,
    host: &str,
    port: u16,
    proxy: &Proxy,
) -> (ProxiedPath, Option<(SocketAddr, Box<dyn Wire>)>) {
    let mut path = ProxiedPath {
        proxy: proxy.clone(),
        tcp: Vec::new(),
        proxy_tls: Fact::not_applicable("the connection to the proxy is without TLS"),
        connect: Fact::blocked(Topic::Outbound, host),
        tls: Fact::blocked(Topic::Outbound, host),
        http: Fact::blocked(Topic::Outbound, host),
    };
    let found = dns::system_lookup(cx, &proxy.host).await;
    let addresses: Vec<IpAddr> =
        found.seen().map(|found| found.addresses.clone()).unwrap_or_default();
    let addresses: Vec<SocketAddr> =
        addresses.into_iter().map(|address| SocketAddr::new(address, proxy.port)).collect();
    let patience = Some(PATIENCE);
    let (tcp, open) =
        tcp::connect_and(cx, Topic::Outbound, &proxy.host, &addresses, patience, ready).await;
    path.tcp = tcp;
    let Some((address, stream)) = open else {
        return (path, None);
    };
    let mut stream: Box<dyn Wire> = if proxy.scheme == "https" {
        let name = &proxy.host;
        let again = || ready(None);
        let handshake =
            tls::handshake(cx, Topic::Outbound, stream, address, name, None, again).await;
        let (seen, stream) = (handshake.tls, handshake.stream);
        let trusted = seen.verified();
        path.proxy_tls = Fact::Seen(seen);
        match stream {
            // The credentials go only to the proxy.
            Some(stream) if trusted => Box::new(stream),
            _ => return (path, None),
        }
    } else {
        Box::new(stream)
    };
    let authorization = cx.proxies.authorization(proxy);
    let asking = connect(cx, &mut stream, host, port, authorization.as_ref());
    let answer = cx.step(Topic::Outbound, host, "connect", asking).await;
    let established = answer == Connect::Established;
    path.connect = Fact::Seen(answer);
    (path, established.then_some((address, stream)))
}

/// How long the proxy's other addresses may still take once one is open.
const PATIENCE: Duration = Duration::from_millis(100);

/// Asks a proxy for a tunnel, with the credentials of its address where there are any: every program
/// sends them so.
async fn connect(
    cx: &Context,
    stream: &mut Box<dyn Wire>,
    host: &str,
    port: u16,
    authorization: Option<&Secret>,
) -> Connect {
    let head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    let work = async {
        stream.write_all(head.as_bytes()).await?;
        if let Some(secret) = authorization {
            stream.write_all(b"Proxy-Authorization: Basic ").await?;
            stream.write_all(secret.expose().as_bytes()).await?;
            stream.write_all(b"\r\n").await?;
        }
        stream.write_all(b"\r\n").await?;
        stream.flush().await?;
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
