//! TCP to every address, the answer to SSLRequest, and TLS.

use super::{preamble, tls_files};
use crate::{
    probe::context::Context,
    probe::{
        tcp,
        tls::{self, Handshake},
    },
};
use entra_pg_checks::{
    Fact, Topic,
    facts::{
        server::{Preamble, PreambleOutcome, Server},
        settings::{Origin, RootFileState, Settings},
        tcp::{TcpAttempt, TcpOutcome},
        tls::Tls,
        tls_files::TlsFiles,
    },
};
use futures::future::{Either, select};
use rustls::RootCertStore;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// PostgreSQL's own port, and the built-in pooler's.
/// Source: Microsoft Learn, "PgBouncer in Azure Database for PostgreSQL".
const PORTS: [u16; 2] = [5432, 6432];

/// How long the other addresses may still take after TLS on the first that connected: the
/// login waits for them.
const FOLLOW_UP: Duration = Duration::from_millis(400);

/// A connection with TLS; `verified` says whether its certificate is valid.
pub(crate) struct Connection {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) verified: bool,
}

/// Probes the path to the server, up to TLS.
pub(crate) async fn path(
    cx: &Context,
    settings: &Settings,
    addresses: &[IpAddr],
) -> (Fact<Server>, Option<Connection>) {
    let Some(host) = &settings.host else {
        return (Fact::not_applicable("no server was named"), None);
    };
    let (host, port) = (host.value.as_str(), settings.port.value);
    let at = |port| addresses.iter().map(|&ip| SocketAddr::new(ip, port)).collect::<Vec<_>>();
    let sibling = PORTS.into_iter().find(|other| PORTS.contains(&port) && *other != port);
    let sibling = sibling.map(at).unwrap_or_default();
    let addresses = at(port);
    let main = async {
        let layers = |open| above_tcp(cx, settings, host, open);
        let (tcp, layers) =
            tcp::connect_and(cx, Topic::Server, host, &addresses, Some(FOLLOW_UP), layers).await;
        let open = tcp.iter().any(|attempt| attempt.outcome == TcpOutcome::Connected);
        ((tcp, layers), open)
    };
    let sibling = tcp::connect_all(cx, Topic::Server, host, &sibling);
    let ((tcp, layers), sibling) = unless_open(main, sibling).await;
    let server = Server {
        host: host.to_owned(),
        port,
        tcp,
        sibling: sibling.into_iter().map(|(attempt, _)| attempt).collect(),
        preamble: layers.preamble,
        tls: layers.tls,
        tls_files: layers.files,
        local: addresses.first().and_then(|&address| own_address(address.ip())),
    };
    (Fact::Seen(server), layers.connection)
}

/// The other port matters only if the requested one is closed: once that one is open, there is no wait
/// for a port that a firewall may drop.
async fn unless_open<T>(
    main: impl Future<Output = (T, bool)>,
    sibling: impl Future<Output = Attempts>,
) -> (T, Attempts) {
    let (main, sibling) = (pin!(main), pin!(sibling));
    match select(main, sibling).await {
        Either::Left(((main, true), _)) => (main, Vec::new()),
        Either::Left(((main, false), sibling)) => (main, sibling.await),
        Either::Right((sibling, main)) => (main.await.0, sibling),
    }
}

type Attempts = Vec<(TcpAttempt, Option<TcpStream>)>;

/// This machine's own address on the way to another, by its routing table; nothing is sent.
fn own_address(to: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((to, PORTS[0])).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

async fn above_tcp(
    cx: &Context,
    settings: &Settings,
    host: &str,
    open: Option<(SocketAddr, TcpStream)>,
) -> Layers {
    let Some((address, mut stream)) = open else {
        return Layers::blocked(None, host);
    };
    let preamble = preamble::ask(cx, host, address, &mut stream).await;
    if preamble.outcome != PreambleOutcome::TlsAccepted {
        return Layers::blocked(Some(preamble), host);
    }
    let roots = roots(cx, settings);
    let again = || async move {
        let (_, stream) = tcp::connect(cx, Topic::Server, host, address).await;
        let mut stream = stream?;
        let preamble = preamble::ask(cx, host, address, &mut stream).await;
        (preamble.outcome == PreambleOutcome::TlsAccepted).then_some(stream)
    };
    let Handshake { mut tls, stream, chain } =
        tls::handshake(cx, Topic::Server, stream, address, host, roots, again).await;
    // As libpq does it: the common name counts if there is no alternative name.
    let named = tls.chain.first().is_some_and(|leaf| leaf.names_host(host));
    if let Some(trust) = &mut tls.trust {
        trust.name_matches |= named;
    }
    let read = || tls_files::read(settings, &cx.environment, &mut tls, &chain);
    let files = (!chain.is_empty()).then(read);
    let connection = stream.map(|stream| Connection { stream, verified: tls.verified() });
    Layers { preamble: Fact::Seen(preamble), tls: Fact::Seen(tls), files, connection }
}

/// What was seen above TCP.
struct Layers {
    preamble: Fact<Preamble>,
    tls: Fact<Tls>,
    files: Option<TlsFiles>,
    connection: Option<Connection>,
}

impl Layers {
    fn blocked(preamble: Option<Preamble>, host: &str) -> Self {
        let blocked = || Fact::blocked(Topic::Server, host);
        let preamble = preamble.map_or_else(|| Fact::blocked(Topic::Server, host), Fact::Seen);
        Self { preamble, tls: blocked(), files: None, connection: None }
    }
}

/// The roots of `sslrootcert`, where it names a file; or of libpq's own file, where there is one.
fn roots(cx: &Context, settings: &Settings) -> Option<Arc<RootCertStore>> {
    let file = settings.sslrootcert.as_ref()?;
    let by_file = match file.state {
        RootFileState::System => false,
        // libpq ignores a missing file unless it must verify.
        RootFileState::Missing => {
            file.path.origin != Origin::Default
                && settings.sslmode.value.as_str().starts_with("verify-")
        }
        _ => true,
    };
    by_file.then(|| cx.roots.of_file(Path::new(&file.path.value)))
}
