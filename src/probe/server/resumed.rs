//! A stream that continues a connection which already sent its startup message: the one that
//! tokio-postgres sends is dropped, and the server's answer is replayed. Everything after that passes
//! through and is bounded and watched: whether the token was sent, and what came first in return.

use crate::sync::lock;
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Instant,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was seen on the stream.
#[derive(Debug, Default)]
pub(super) struct Tape {
    /// When the token went out.
    pub(super) token_sent: Option<Instant>,
    /// When AuthenticationOk came.
    pub(super) authenticated: Option<Instant>,
    /// Why the rest of the server's messages is not read.
    pub(super) refused: Option<&'static str>,
    first: Vec<u8>,
}

/// Counts the server's messages by their headers. A login and the session's queries need about 100 KB.
#[derive(Debug, Default)]
struct Meter {
    bytes: usize,
    header: Vec<u8>,
    /// Bytes of the current message that are still to come.
    left: usize,
    rows: usize,
    others: usize,
}

/// Bytes that a server may send after the startup message.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Rows of all queries together: the largest has 10,000.
const MOST_ROWS: usize = 40_000;
/// Parameters, notices and everything else that is not a row.
const MOST_OTHERS: usize = 2000;

/// A byte for the kind, four for the length.
const HEADER: usize = 5;

impl Meter {
    /// Counts bytes from the server.
    ///
    /// # Errors
    /// Why they are too many.
    fn add(&mut self, mut bytes: &[u8]) -> Result<(), &'static str> {
        self.bytes += bytes.len();
        if self.bytes > MOST_BYTES {
            return Err("the server sent more than 4 MiB");
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header.push(byte);
            bytes = rest;
            if self.header.len() == HEADER {
                self.begin_message()?;
            }
        }
        Ok(())
    }

    fn begin_message(&mut self) -> Result<(), &'static str> {
        let length = self.header[1..].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let is_row = self.header[0] == b'D';
        self.header.clear();
        self.left = length.saturating_sub(HEADER - 1);
        self.rows += usize::from(is_row);
        self.others += usize::from(!is_row);
        if length > MOST_BYTES {
            Err("a message of the server is longer than 4 MiB")
        } else if self.rows > MOST_ROWS {
            Err("the server sent more rows than any query asks for")
        } else if self.others > MOST_OTHERS {
            Err("the server sent more than 2,000 messages other than rows")
        } else {
            Ok(())
        }
    }
}

pub(super) struct Resumed<S> {
    inner: S,
    swallow: Vec<u8>,
    replay: Vec<u8>,
    tape: Arc<Mutex<Tape>>,
    meter: Meter,
}

impl<S> Resumed<S> {
    pub(super) fn new(inner: S, startup: Vec<u8>, answer: Vec<u8>) -> (Self, Arc<Mutex<Tape>>) {
        let tape = Arc::new(Mutex::new(Tape::default()));
        (
            Self {
                inner,
                swallow: startup,
                replay: answer,
                tape: Arc::clone(&tape),
                meter: Meter::default(),
            },
            tape,
        )
    }

    fn sees_sent(&self, bytes: &[u8]) {
        let mut tape = lock(&self.tape);
        if tape.token_sent.is_none() && bytes.first() == Some(&b'p') {
            tape.token_sent = Some(Instant::now());
        }
    }

    fn sees_received(&self, bytes: &[u8]) {
        let mut tape = lock(&self.tape);
        if tape.token_sent.is_none() || tape.first.len() >= OK.len() {
            return;
        }
        let wanted = OK.len() - tape.first.len();
        tape.first.extend(bytes.iter().take(wanted));
        if tape.first == OK {
            tape.authenticated = Some(Instant::now());
        }
    }
}

/// The message AuthenticationOk.
const OK: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 0];

impl<S: AsyncRead + Unpin> AsyncRead for Resumed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.replay.is_empty() {
            let length = self.replay.len().min(buffer.remaining());
            let rest = self.replay.split_off(length);
            let played = std::mem::replace(&mut self.replay, rest);
            buffer.put_slice(&played);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let received = &buffer.filled()[before..];
        self.sees_received(received);
        if let Err(why) = self.meter.add(received) {
            buffer.set_filled(before);
            lock(&self.tape).refused = Some(why);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Resumed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.swallow.is_empty() {
            let length = self.swallow.len().min(bytes.len());
            // The server received something other than what the client assumes.
            if self.swallow[..length] != bytes[..length] {
                return Poll::Ready(Err(io::Error::other("the startup messages differ")));
            }
            self.swallow.drain(..length);
            return Poll::Ready(Ok(length));
        }
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(_)) = &polled {
            self.sees_sent(bytes);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::Resumed;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn goes_on_where_it_stopped() {
        let (near, mut far) = tokio::io::duplex(256);
        let (mut resumed, tape) = Resumed::new(near, b"startup".to_vec(), b"asked".to_vec());
        resumed.write_all(b"startup").await.expect("swallowed");
        let mut asked = [0; 5];
        resumed.read_exact(&mut asked).await.expect("played back");
        assert_eq!(&asked, b"asked");
        resumed.write_all(b"ptoken").await.expect("sent");
        let mut received = [0; 6];
        far.read_exact(&mut received).await.expect("arrived");
        assert_eq!(&received, b"ptoken");
        far.write_all(&super::OK).await.expect("answered");
        let mut ok = [0; 9];
        resumed.read_exact(&mut ok).await.expect("read");
        let tape = tape.lock().expect("not poisoned");
        assert!(tape.token_sent.is_some() && tape.authenticated.is_some());
    }

    #[tokio::test]
    async fn what_a_server_sends_is_bounded() {
        let message = |kind: u8, length: u32| [&[kind][..], &length.to_be_bytes()].concat();
        for (sent, expected) in [
            (message(b'E', 2_000_000_000), "longer than 4 MiB"),
            (message(b'D', 4).repeat(50_000), "more rows"),
            (message(b'S', 4).repeat(3000), "2,000 messages"),
            ([message(b'E', 50_000), vec![0; 49_996]].concat().repeat(90), "more than 4 MiB"),
        ] {
            let (near, mut far) = tokio::io::duplex(1 << 16);
            let (mut resumed, tape) = Resumed::new(near, Vec::new(), Vec::new());
            let sender = tokio::spawn(async move { far.write_all(&sent).await });
            let error = resumed.read_to_end(&mut Vec::new()).await.expect_err("too much");
            assert!(error.to_string().contains(expected), "{error}");
            assert!(tape.lock().expect("not poisoned").refused.is_some());
            sender.abort();
        }
    }

    #[tokio::test]
    async fn messages_in_pieces_are_counted_as_one() {
        let mut meter = super::Meter::default();
        let row = [b'D', 0, 0, 0, 6, 1, 2];
        for _ in 0..10 {
            for byte in row {
                meter.add(&[byte]).expect("little");
            }
        }
        assert_eq!((meter.rows, meter.others, meter.bytes), (10, 0, 70));
    }

    #[tokio::test]
    async fn another_startup_is_an_error() {
        let (near, _far) = tokio::io::duplex(64);
        let (mut resumed, _) = Resumed::new(near, b"one".to_vec(), Vec::new());
        assert!(resumed.write_all(b"two").await.is_err());
    }
}
