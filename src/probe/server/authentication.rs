//! The startup message, and the first thing the server asks for. No secret is needed to learn it.
//!
//! An Entra role is asked for a cleartext password (the token), everybody else for SASL. This is
//! inferred from public issue threads (microsoft/aspire#6205, #9459), not promised by Microsoft: the
//! login decides.

use super::{path::Connection, wire};
use crate::probe::{context::Context, tls};
use bytes::BytesMut;
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{login::AuthRequest, settings::Settings},
};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::{backend::Message, frontend};
use std::{io, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

/// A first message is a few dozen bytes; an error a few hundred.
const LIMIT: usize = 64 * 1024;

/// A connection on which the server waits for a password.
pub(crate) struct Waiting {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) verified: bool,
    /// The startup message as tokio-postgres writes it.
    pub(super) startup: Vec<u8>,
    /// What the server answered to it.
    pub(super) answer: Vec<u8>,
    pub(super) began: Instant,
    pub(super) asked_after: std::time::Duration,
}

/// The `application_name` by which a DBA finds this run in the server's log.
pub(super) fn application_name(cx: &Context) -> String {
    format!("entra-pg {}", cx.run_id())
}

/// Sends the startup message and reads what the server asks for.
pub(crate) async fn authentication_request(
    cx: &Context,
    settings: &Settings,
    connection: Connection,
) -> Asked {
    let Some(user) = &settings.user else {
        return Asked::not_observed(NotObserved::NotAsked);
    };
    let Connection { mut stream, verified } = connection;
    let messages = startup_messages(settings, &user.value, &application_name(cx));
    let Some((startup, replayed)) = messages else {
        let detail = "a setting holds a NUL character".to_owned();
        return Asked::not_observed(NotObserved::NotPermitted { detail });
    };
    if let Some(why) = withheld(cx, &startup) {
        return Asked::not_observed(why);
    }
    let began = Instant::now();
    let work = timeout(cx.timeout(), exchange(&mut stream, &startup));
    let host = settings.host.as_ref().map_or("", |host| host.value.as_str());
    let mut alert = None;
    let (request, answer) = match cx.step(Topic::AuthRequest, host, "startup", work).await {
        Err(_) => (AuthRequest::Silent, Vec::new()),
        Ok(Err(error)) => {
            alert = tls::alert(&error);
            (AuthRequest::Closed, Vec::new())
        }
        Ok(Ok(read)) => read,
    };
    let waiting = (request == AuthRequest::Cleartext).then(|| Waiting {
        stream,
        verified,
        startup: replayed.to_vec(),
        answer,
        began,
        asked_after: began.elapsed(),
    });
    Asked { request: Fact::Seen(request), waiting, alert }
}

/// What the server asked for.
pub(crate) struct Asked {
    /// The request.
    pub(crate) request: Fact<AuthRequest>,
    /// The connection, if a token may be sent on it.
    pub(crate) waiting: Option<Waiting>,
    /// The TLS alert that ended the connection instead.
    pub(crate) alert: Option<String>,
}

impl Asked {
    const fn not_observed(why: NotObserved) -> Self {
        Self { request: Fact::NotObserved(why), waiting: None, alert: None }
    }
}

/// Why the startup message must not be sent: the server logs it, and need not be the right one.
fn withheld(cx: &Context, startup: &[u8]) -> Option<NotObserved> {
    let texts = startup.split(|byte| *byte == 0);
    texts.map(String::from_utf8_lossy).find_map(|text| cx.withheld("the startup message", &text))
}

/// The startup message as libpq would send it, and the one that tokio-postgres writes when it takes over
/// this connection: in its order, and without the parameters that it does not know.
fn startup_messages(settings: &Settings, user: &str, name: &str) -> Option<(BytesMut, BytesMut)> {
    let mut parameters =
        vec![("client_encoding", "UTF8"), ("user", user), ("database", &settings.database.value)];
    let given = |keyword: &str| settings.value_of(keyword).filter(|value| !value.is_empty());
    parameters.extend(given("options").map(|options| ("options", options)));
    parameters.push(("application_name", name));
    let mut replayed = BytesMut::new();
    frontend::startup_message(parameters.iter().copied(), &mut replayed).ok()?;
    let session = [("datestyle", "PGDATESTYLE"), ("timezone", "PGTZ"), ("geqo", "PGGEQO")];
    let session = session.into_iter().filter_map(|(parameter, variable)| {
        // libpq sends nothing for the word "default".
        let value = given(variable).filter(|value| !value.eq_ignore_ascii_case("default"))?;
        Some((parameter, value))
    });
    parameters.extend(session);
    let mut startup = BytesMut::new();
    frontend::startup_message(parameters.iter().copied(), &mut startup).ok()?;
    Some((startup, replayed))
}

async fn exchange(
    stream: &mut TlsStream<TcpStream>,
    startup: &[u8],
) -> io::Result<(AuthRequest, Vec<u8>)> {
    stream.write_all(startup).await?;
    stream.flush().await?;
    let mut seen = Vec::new();
    loop {
        if let Some(request) = understand(&seen) {
            // tokio-postgres understands neither a notice nor a negotiation before the request.
            let answer = seen.split_off(before_request(&seen));
            return Ok((request, answer));
        }
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await?;
        if length == 0 && seen.is_empty() {
            return Ok((AuthRequest::Closed, seen));
        }
        if length == 0 || seen.len() + length > LIMIT {
            return Ok((malformed("the message has no end"), seen));
        }
        seen.extend_from_slice(&buffer[..length]);
    }
}

/// What the server asks for. `None`: more bytes are needed.
pub(crate) fn understand(bytes: &[u8]) -> Option<AuthRequest> {
    let mut bytes = bytes;
    loop {
        let kind = *bytes.first()?;
        if !matches!(kind, b'R' | b'E' | b'N' | b'v') {
            return Some(malformed("it is not a message of PostgreSQL"));
        }
        let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize;
        if !(4..LIMIT).contains(&length) {
            return Some(malformed("its length is impossible"));
        }
        let message = bytes.get(..=length)?;
        match kind {
            // A notice, or the offer of an older minor version: the request follows.
            b'N' | b'v' => bytes = bytes.get(1 + length..)?,
            b'E' => {
                let nameless = || malformed("it is an error without a text");
                return Some(wire::error(message).map_or_else(nameless, AuthRequest::Error));
            }
            _ => return Some(request(message)),
        }
    }
}

/// Bytes of whole messages that come before the authentication request or the error.
fn before_request(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some([b'N' | b'v', length @ ..]) = bytes.get(at..at + 5) {
        at += 1 + length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    }
    at.min(bytes.len())
}

fn request(message: &[u8]) -> AuthRequest {
    let code = message.get(5..9).and_then(|code| code.try_into().ok()).map(i32::from_be_bytes);
    match Message::parse(&mut BytesMut::from(message)) {
        Ok(Some(Message::AuthenticationCleartextPassword)) => AuthRequest::Cleartext,
        Ok(Some(Message::AuthenticationMd5Password(_))) => AuthRequest::Md5,
        Ok(Some(Message::AuthenticationOk)) => AuthRequest::Trusted,
        Ok(Some(Message::AuthenticationSasl(body))) => AuthRequest::Sasl {
            mechanisms: body
                .mechanisms()
                .take(8)
                .map(|name| Ok(name.chars().take(64).collect()))
                .collect()
                .unwrap_or_default(),
        },
        Ok(_) => AuthRequest::Other { code: code.unwrap_or(-1) },
        Err(_) => match code {
            Some(code) => AuthRequest::Other { code },
            None => malformed("the request has no number"),
        },
    }
}

fn malformed(detail: &str) -> AuthRequest {
    AuthRequest::Malformed { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{before_request, understand};
    use entra_pg_checks::facts::login::AuthRequest;

    #[test]
    fn tells_what_is_asked_for() {
        let ask = |body: &[u8]| {
            let length = u32::try_from(body.len() + 4).expect("short");
            understand(&[b"R", length.to_be_bytes().as_slice(), body].concat())
        };
        assert_eq!(ask(&3i32.to_be_bytes()), Some(AuthRequest::Cleartext));
        assert_eq!(ask(&0i32.to_be_bytes()), Some(AuthRequest::Trusted));
        let sasl = [10i32.to_be_bytes().as_slice(), b"SCRAM-SHA-256\0\0"].concat();
        assert_eq!(
            ask(&sasl),
            Some(AuthRequest::Sasl { mechanisms: vec!["SCRAM-SHA-256".to_owned()] })
        );
        assert_eq!(understand(b"R\0\0"), None);
        assert!(matches!(understand(b"HTTP/1.1"), Some(AuthRequest::Malformed { .. })));
    }

    #[test]
    fn notices_before_the_request_are_dropped() {
        let request = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
        let notice = [&b"N\0\0\0\x0f"[..], b"MHello\0\0\0\0\0"].concat();
        let negotiation = [b'v', 0, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 0];
        let all = [notice.as_slice(), &negotiation, &request].concat();
        assert_eq!(understand(&all), Some(AuthRequest::Cleartext));
        assert_eq!(&all[before_request(&all)..], request);
        assert_eq!(before_request(&request), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            understand(&bytes);
            proptest::prop_assert!(before_request(&bytes) <= bytes.len());
        }
    }
}
