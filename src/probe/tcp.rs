//! One TCP connection attempt, with the kernel's own verdict.

use crate::{probe::context::Context, time::milliseconds};
use entra_pg_checks::{
    ContactProtocol, Topic,
    facts::tcp::{Icmp, TcpAttempt, TcpOutcome},
};
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::pin,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::timeout};

/// Addresses of one host that are tried: login.microsoftonline.com has 16. A nameserver cannot make
/// this tool connect to more addresses of its choice.
const MAX_ADDRESSES: usize = 16;

/// How long Windows takes to report a refused connection at most: it repeats a refused SYN after half a
/// second and after one more second before it gives up.
const REFUSAL: Duration = Duration::from_millis(2500);

/// How long to wait for a connection, so that a refused port is told from a silent one.
pub(crate) fn wait_for_refusal(wait: Duration, windows: bool) -> Duration {
    if windows { wait.max(REFUSAL) } else { wait }
}

/// Tries one address.
pub(crate) async fn connect(
    cx: &Context,
    topic: Topic,
    host: &str,
    address: SocketAddr,
) -> (TcpAttempt, Option<TcpStream>) {
    let began = Instant::now();
    cx.contacted(host, address, ContactProtocol::Tcp, topic.name());
    let label = format!("tcp {address}");
    let wait = wait_for_refusal(cx.timeout(), cfg!(windows));
    let waited = cx.step(topic, host, &label, timeout(wait, open(address)));
    let (outcome, stream) = match waited.await {
        Err(_) => (TcpOutcome::Silent, None),
        Ok(Ok(stream)) => {
            // Small messages go to and fro: Nagle's algorithm would hold them back.
            let _ = stream.set_nodelay(true);
            (TcpOutcome::Connected, Some(stream))
        }
        Ok(Err((error, icmp))) => {
            cx.note_exhaustion(&error);
            let asked = !cfg!(target_os = "linux");
            (verdict(&error, icmp, || asked && has_route(address)), None)
        }
    };
    (TcpAttempt { address, outcome, elapsed_ms: milliseconds(began.elapsed()) }, stream)
}

/// Tries every address at once.
pub(crate) async fn connect_all(
    cx: &Context,
    topic: Topic,
    host: &str,
    addresses: &[SocketAddr],
) -> Vec<(TcpAttempt, Option<TcpStream>)> {
    join_all(addresses.iter().take(MAX_ADDRESSES).map(|&address| connect(cx, topic, host, address)))
        .await
}

/// Tries every address at once and goes on with the first that connects, while the others are still
/// under way: a hole in the network does not hold the login up. With `patience`, the others are
/// given up so long after that; without, each has its own timeout.
pub(crate) async fn connect_and<T, F: Future<Output = T>>(
    cx: &Context,
    topic: Topic,
    host: &str,
    addresses: &[SocketAddr],
    patience: Option<Duration>,
    then: impl FnOnce(Option<(SocketAddr, TcpStream)>) -> F,
) -> (Vec<TcpAttempt>, T) {
    let began = Instant::now();
    let addresses = &addresses[..addresses.len().min(MAX_ADDRESSES)];
    let mut pending: FuturesUnordered<_> =
        addresses.iter().map(|&address| connect(cx, topic, host, address)).collect();
    let mut done: Vec<TcpAttempt> = Vec::new();
    let mut first = None;
    while first.is_none()
        && let Some((attempt, stream)) = pending.next().await
    {
        first = stream.map(|stream| (attempt.address, stream));
        done.push(attempt);
    }
    let mut then = pin!(then(first));
    let result = loop {
        // Connections that come later are closed again: only the diagnosis needs them.
        tokio::select! {
            result = &mut then => break result,
            Some((attempt, _)) = pending.next() => done.push(attempt),
        }
    };
    let rest = async {
        while let Some((attempt, _)) = pending.next().await {
            done.push(attempt);
        }
    };
    let patience = wait_for_refusal(patience.unwrap_or(Duration::MAX), cfg!(windows));
    let _ = timeout(patience, rest).await;
    let given_up = |&address: &SocketAddr| TcpAttempt {
        address,
        outcome: TcpOutcome::Silent,
        elapsed_ms: milliseconds(began.elapsed()),
    };
    let find = |address: &SocketAddr| done.iter().find(|attempt| attempt.address == *address);
    let attempts =
        addresses.iter().map(|at| find(at).cloned().unwrap_or_else(|| given_up(at))).collect();
    (attempts, result)
}

/// Whether this machine's routing table has a way to an address. Connecting a UDP socket looks the route up
/// and sends nothing. Linux says more: its error queue holds the ICMP message.
fn has_route(address: SocketAddr) -> bool {
    let local: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(local).and_then(|socket| socket.connect(address)).is_ok()
}

fn verdict(error: &io::Error, icmp: Option<Icmp>, routed: impl FnOnce() -> bool) -> TcpOutcome {
    let detail = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            TcpOutcome::Refused { icmp_from: icmp.and_then(|icmp| icmp.from) }
        }
        io::ErrorKind::TimedOut => TcpOutcome::Silent,
        // A firewall or a `prohibit` route of this machine. ICMPv6 "administratively prohibited" has the
        // same number.
        io::ErrorKind::PermissionDenied if icmp.is_none() => TcpOutcome::Denied { detail },
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        // A `blackhole` route of this machine is invalid input.
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::InvalidInput => {
            TcpOutcome::Unreachable { icmp, routed: routed(), detail }
        }
        _ => TcpOutcome::Failed { detail },
    }
}

#[cfg(not(target_os = "linux"))]
async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, Option<Icmp>)> {
    TcpStream::connect(address).await.map_err(|error| (error, None))
}

#[cfg(target_os = "linux")]
async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, Option<Icmp>)> {
    linux::open(address).await
}

/// On Linux the socket's error queue holds the ICMP message itself: which kind, and who sent it.
/// errno does not distinguish "administratively prohibited" from "host unreachable".
#[cfg(target_os = "linux")]
mod linux {
    use super::Icmp;
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
    };
    use socket2::{Domain, Protocol, Socket, Type};
    use std::{
        io,
        net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
        os::fd::AsRawFd,
    };
    use tokio::net::{TcpSocket, TcpStream};

    pub(super) async fn open(address: SocketAddr) -> Result<TcpStream, (io::Error, Option<Icmp>)> {
        let (socket, errors) = prepare(address).map_err(|error| (error, None))?;
        match TcpSocket::from_std_stream(socket.into()).connect(address).await {
            Ok(stream) => Ok(stream),
            Err(error) => Err((error, icmp(&errors))),
        }
    }

    fn prepare(address: SocketAddr) -> io::Result<(Socket, Socket)> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match address {
            SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?,
        }
        let errors = socket.try_clone()?;
        Ok((socket, errors))
    }

    fn icmp(socket: &Socket) -> Option<Icmp> {
        let mut data = [0; 512];
        let mut buffers = [io::IoSliceMut::new(&mut data)];
        let mut space = nix::cmsg_space!([u8; 128]);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut buffers, Some(&mut space), flags)
                .ok()?;
        // SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6; other origins are local.
        message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, from) if error.ee_origin == 2 => Some(Icmp {
                kind: error.ee_type,
                code: error.ee_code,
                from: from
                    .map(|from| IpAddr::V4(Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)))),
            }),
            ControlMessageOwned::Ipv6RecvErr(error, from) if error.ee_origin == 3 => Some(Icmp {
                kind: error.ee_type,
                code: error.ee_code,
                from: from.map(|from| IpAddr::V6(Ipv6Addr::from(from.sin6_addr.s6_addr))),
            }),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{connect, wait_for_refusal};
    use crate::{environment::Environment, probe::context::Context, process::progress::Progress};
    use entra_pg_checks::{Topic, facts::tcp::TcpOutcome};
    use std::time::Duration;
    use tokio::net::TcpSocket;

    #[test]
    fn windows_has_the_time_to_report_a_refused_port() {
        let short = Duration::from_secs(1);
        // 2,002 to 2,011 ms were measured on Windows.
        assert!(wait_for_refusal(short, true) > Duration::from_millis(2011));
        assert_eq!(wait_for_refusal(short, false), short);
        let long = Duration::from_secs(10);
        assert_eq!(wait_for_refusal(long, true), long);
    }

    #[tokio::test]
    async fn tells_refused_from_connected() {
        let cx = Context::new(
            Environment::default(),
            Duration::from_secs(2),
            Duration::from_secs(5),
            tokio_util::sync::CancellationToken::new(),
            Progress::none(),
        );
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("loopback");
        let address = socket.local_addr().expect("bound");
        // Bound and not listening: the port refuses, and no other process can take it meanwhile.
        let (attempt, stream) = connect(&cx, Topic::Server, "localhost", address).await;
        assert!(matches!(attempt.outcome, TcpOutcome::Refused { .. }), "{:?}", attempt.outcome);
        assert!(stream.is_none());
        let _listener = socket.listen(1).expect("listening");
        let (attempt, _stream) = connect(&cx, Topic::Server, "localhost", address).await;
        assert_eq!(attempt.outcome, TcpOutcome::Connected);
    }
}
