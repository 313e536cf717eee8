//! TCP to every address, the answer to SSLRequest, and TLS.

use super::preamble;
use crate::{
    probe::context::Context,
    probe::{tcp, tls},
};
use entra_pg_checks::{
    Fact, Topic,
    facts::{
        server::{Preamble, PreambleOutcome, Server},
        settings::{Origin, RootFileState, Settings},
        tcp::{TcpAttempt, TcpOutcome},
        tls::Tls,
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

/// How long the other addresses may still take once TLS stands on the first that connected: the
/// login waits for them.
const PATIENCE: Duration = Duration::from_millis(400);

/// A connection on which TLS stands; whether its certificate is good is in `verified`.
pub struct Connection {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) verified: bool,
}

/// Looks at the way to the server, up to TLS.
pub async fn path(
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
        let up = |open| up(cx, settings, host, open);
        let (tcp, (preamble, tls, connection)) =
            tcp::connect_and(cx, Topic::Server, host, &addresses, Some(PATIENCE), up).await;
        let open = tcp.iter().any(|attempt| attempt.outcome == TcpOutcome::Connected);
        ((tcp, preamble, tls, connection), open)
    };
    let sibling = tcp::connect_all(cx, Topic::Server, host, &sibling);
    let ((tcp, preamble, tls, connection), sibling) = while_of_use(main, sibling).await;
    let server = Server {
        host: host.to_owned(),
        port,
        tcp,
        sibling: sibling.into_iter().map(|(attempt, _)| attempt).collect(),
        preamble,
        tls,
        local: addresses.first().and_then(|&address| own_address(address.ip())),
    };
    (Fact::Seen(server), connection)
}

/// The other port is of use where the one asked for is closed: once that one is open, nobody waits
/// for a port that a firewall may drop.
async fn while_of_use<T>(
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

async fn up(
    cx: &Context,
    settings: &Settings,
    host: &str,
    open: Option<(SocketAddr, TcpStream)>,
) -> (Fact<Preamble>, Fact<Tls>, Option<Connection>) {
    let Some((address, mut stream)) = open else {
        return (Fact::blocked(Topic::Server, host), Fact::blocked(Topic::Server, host), None);
    };
    let preamble = preamble::ask(cx, host, address, &mut stream).await;
    if preamble.outcome != PreambleOutcome::TlsAccepted {
        return (Fact::Seen(preamble), Fact::blocked(Topic::Server, host), None);
    }
    let roots = roots(cx, settings);
    let again = || async move {
        let (_, stream) = tcp::connect(cx, Topic::Server, host, address).await;
        let mut stream = stream?;
        let preamble = preamble::ask(cx, host, address, &mut stream).await;
        (preamble.outcome == PreambleOutcome::TlsAccepted).then_some(stream)
    };
    let (tls, stream) =
        tls::handshake(cx, Topic::Server, stream, address, host, roots, again).await;
    let connection = stream.map(|stream| Connection { stream, verified: tls.verified() });
    (Fact::Seen(preamble), Fact::Seen(tls), connection)
}

/// The roots of `sslrootcert`, where it names a file; or of libpq's own file, where there is one.
fn roots(cx: &Context, settings: &Settings) -> Option<Arc<RootCertStore>> {
    let file = settings.sslrootcert.as_ref()?;
    let by_file = match file.state {
        RootFileState::System => false,
        RootFileState::Missing => file.path.origin != Origin::Default,
        _ => true,
    };
    by_file.then(|| cx.roots.of_file(Path::new(&file.path.value)))
}
