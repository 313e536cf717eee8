//! TCP to every address, the answer to SSLRequest, and TLS.

use super::preamble;
use crate::{
    context::Context,
    probe::{tcp, tls},
};
use entra_pg_checks::{
    Fact, Topic,
    facts::{
        server::{Preamble, PreambleOutcome, Server},
        settings::{RootFileState, Settings},
        tcp::TcpAttempt,
        tls::Tls,
    },
};
use futures::join;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// PostgreSQL's own port, and the built-in pooler's.
/// Source: Microsoft Learn, "PgBouncer in Azure Database for PostgreSQL".
const PORTS: [u16; 2] = [5432, 6432];

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
    let main = async {
        let attempts = tcp::connect_all(cx, Topic::Server, host, &at(port)).await;
        up(cx, settings, host, attempts).await
    };
    let (sibling, (tcp, preamble, tls, connection)) =
        join!(tcp::connect_all(cx, Topic::Server, host, &sibling), main);
    let server = Server {
        host: host.to_owned(),
        port,
        tcp,
        sibling: sibling.into_iter().map(|(attempt, _)| attempt).collect(),
        preamble,
        tls,
    };
    (Fact::Seen(server), connection)
}

async fn up(
    cx: &Context,
    settings: &Settings,
    host: &str,
    attempts: Vec<(TcpAttempt, Option<TcpStream>)>,
) -> (Vec<TcpAttempt>, Fact<Preamble>, Fact<Tls>, Option<Connection>) {
    let mut tcp = Vec::new();
    let mut open = None;
    for (attempt, stream) in attempts {
        open = open.or(stream.map(|stream| (attempt.address, stream)));
        tcp.push(attempt);
    }
    let Some((address, mut stream)) = open else {
        return (tcp, Fact::blocked(Topic::Server, host), Fact::blocked(Topic::Server, host), None);
    };
    let preamble = preamble::ask(cx, host, address, &mut stream).await;
    if preamble.outcome != PreambleOutcome::TlsAccepted {
        return (tcp, Fact::Seen(preamble), Fact::blocked(Topic::Server, host), None);
    }
    let roots = roots(settings);
    let (tls, stream) = tls::handshake(cx, Topic::Server, stream, address, host, roots).await;
    let connection = stream.map(|stream| Connection { stream, verified: tls.verified() });
    (tcp, Fact::Seen(preamble), Fact::Seen(tls), connection)
}

/// The roots of `sslrootcert`; an empty store where the file is of no use, so that nothing verifies.
fn roots(settings: &Settings) -> Option<Arc<RootCertStore>> {
    let file = settings.sslrootcert.as_ref()?;
    if file.state == RootFileState::System {
        return None;
    }
    let mut store = RootCertStore::empty();
    if let Ok(certificates) = CertificateDer::pem_file_iter(&file.path.value) {
        store.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    Some(Arc::new(store))
}
