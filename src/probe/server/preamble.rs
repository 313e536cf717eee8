//! SSLRequest, and the one byte that answers it.

use super::wire;
use crate::{probe::context::Context, time::milliseconds};
use bytes::BytesMut;
use entra_pg_checks::{
    Topic,
    facts::server::{Preamble, PreambleOutcome},
};
use postgres_protocol::message::frontend;
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A complaint in place of the one byte is a line or two.
const LIMIT: usize = 4096;

pub(super) async fn ask(
    cx: &Context,
    host: &str,
    address: SocketAddr,
    stream: &mut TcpStream,
) -> Preamble {
    let began = Instant::now();
    let work = timeout(cx.timeout(), exchange(stream));
    let outcome = match cx.step(Topic::Server, host, "SSLRequest", work).await {
        Err(_) => PreambleOutcome::Silent,
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => PreambleOutcome::Reset,
        Ok(Err(_)) => PreambleOutcome::Closed,
    };
    Preamble { address, outcome, elapsed_ms: milliseconds(began.elapsed()) }
}

async fn exchange(stream: &mut TcpStream) -> io::Result<PreambleOutcome> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request).await?;
    Ok(match stream.read_u8().await? {
        b'S' => PreambleOutcome::TlsAccepted,
        b'N' => PreambleOutcome::TlsRefused,
        first => understand(&rest(first, stream).await),
    })
}

/// What follows, until the other side pauses or the limit is reached: its beginning decides.
async fn rest(first: u8, stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![first];
    let more = async {
        let mut buffer = [0; 1024];
        while bytes.len() < LIMIT {
            match timeout(READ_TIMEOUT, stream.read(&mut buffer)).await {
                Ok(Ok(length)) if length > 0 => bytes.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
    };
    // A server that sends byte by byte is cut off.
    let _ = timeout(2 * READ_TIMEOUT, more).await;
    bytes
}

/// A server sends what it has to say at once.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// What a server says in place of the one byte.
pub(crate) fn understand(bytes: &[u8]) -> PreambleOutcome {
    if bytes.first() == Some(&b'E')
        && let Some(error) = wire::error(bytes)
    {
        return PreambleOutcome::Error(error);
    }
    let text = wire::printable(bytes, 120);
    if text.starts_with("HTTP/") {
        return PreambleOutcome::Http { status_line: text };
    }
    PreambleOutcome::Other { starts_with: text.chars().take(64).collect() }
}
