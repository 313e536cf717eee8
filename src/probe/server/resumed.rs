//! A stream that goes on where the first look stopped: the startup message that tokio-postgres sends
//! has been sent already, so it is taken out, and what the server answered is played back. Everything
//! after passes through, and is watched: whether the token went out, and what came first in return.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
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
    first: Vec<u8>,
}

pub(super) struct Resumed<S> {
    inner: S,
    swallow: Vec<u8>,
    replay: Vec<u8>,
    tape: Arc<Mutex<Tape>>,
}

impl<S> Resumed<S> {
    pub(super) fn new(inner: S, startup: Vec<u8>, answer: Vec<u8>) -> (Self, Arc<Mutex<Tape>>) {
        let tape = Arc::new(Mutex::new(Tape::default()));
        (Self { inner, swallow: startup, replay: answer, tape: Arc::clone(&tape) }, tape)
    }

    fn sees_sent(&self, bytes: &[u8]) {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        if tape.token_sent.is_none() && bytes.first() == Some(&b'p') {
            tape.token_sent = Some(Instant::now());
        }
    }

    fn sees_received(&self, bytes: &[u8]) {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
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

/// AuthenticationOk.
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
        self.sees_received(&buffer.filled()[before..]);
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
            // The server has been told something else than what the client believes.
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
    async fn another_startup_is_an_error() {
        let (near, _far) = tokio::io::duplex(64);
        let (mut resumed, _) = Resumed::new(near, b"one".to_vec(), Vec::new());
        assert!(resumed.write_all(b"two").await.is_err());
    }
}
