//! One HTTP request over a stream that is open already, read within bounds.

use crate::net::error;
use crate::{net::gateway, probe::context::Context, time::milliseconds};
use entra_pg_checks::{
    Topic,
    facts::http::{Http, HttpAnswer, HttpOutcome},
};
use http_body_util::Empty;
use hyper::{Request, body::Bytes, header, http::HeaderMap};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822;
use std::{io, time::Instant};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// Bytes of a body that are read.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// Asks for a path and reads the answer. `genuine` says whether it is one that only the service
/// itself would give.
pub(crate) async fn get<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    cx: &Context,
    topic: Topic,
    stream: S,
    host: &str,
    path: &str,
    genuine: fn(&HttpAnswer, &HeaderMap, &[u8]) -> bool,
) -> Http {
    let began = Instant::now();
    let work = timeout(cx.timeout(), exchange(cx, stream, host, path, genuine));
    let outcome = match cx.step(topic, host, "https", work).await {
        Err(_) => HttpOutcome::Silent,
        Ok(Ok(answer)) => HttpOutcome::Answered(answer),
        Ok(Err(error)) => failure(&error),
    };
    Http {
        url: format!("https://{host}{path}"),
        outcome,
        elapsed_ms: milliseconds(began.elapsed()),
    }
}

fn failure(failed: &hyper::Error) -> HttpOutcome {
    if failed.is_incomplete_message() || failed.is_canceled() {
        return HttpOutcome::Closed;
    }
    let outcome = error::io_kind(failed, |kind| match kind {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Some(HttpOutcome::Reset),
        io::ErrorKind::UnexpectedEof => Some(HttpOutcome::Closed),
        _ => None,
    });
    outcome.unwrap_or_else(|| HttpOutcome::Malformed { detail: failed.to_string() })
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    cx: &Context,
    stream: S,
    host: &str,
    path: &str,
    genuine: fn(&HttpAnswer, &HeaderMap, &[u8]) -> bool,
) -> Result<HttpAnswer, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(BODY_LIMIT)
        .handshake(TokioIo::new(stream))
        .await?;
    let driver = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("entra-pg/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .expect("the path is one of ours");
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let read = gateway::read(body, BODY_LIMIT).await;
    driver.abort();
    let gateway::Read { bytes, truncated: cut } = read?;
    let mut answer = answer(head.status.as_u16(), &head.headers, &bytes, cut);
    answer.answered_at = Some(cx.now());
    answer.genuine = genuine(&answer, &head.headers, &bytes);
    Ok(answer)
}

/// What head and body of a response say.
pub(crate) fn answer(status: u16, headers: &HeaderMap, body: &[u8], cut: bool) -> HttpAnswer {
    let text = |name: header::HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.chars().take(200).collect::<String>())
    };
    HttpAnswer {
        status,
        genuine: false,
        server: text(header::SERVER),
        answered_at: None,
        date: text(header::DATE)
            .and_then(|date| rfc2822::parse(&date).ok())
            .map(|date| date.timestamp()),
        age: text(header::AGE).and_then(|seconds| seconds.parse().ok()),
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION)
            .map(|location| location.split(['?', '#']).next().unwrap_or_default().to_owned()),
        title: title(body),
        retry_after: text(header::RETRY_AFTER).and_then(|seconds| seconds.parse().ok()),
        bytes: body.len(),
        cut,
    }
}

/// The title of an HTML page, which distinguishes a block page from a captive portal.
fn title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower.get(from..)?.find('>')? + 1;
    let to = from + lower.get(from..)?.find('<')?;
    let title: String = text.get(from..to)?.trim().chars().take(120).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn the_title_of_a_block_page() {
        assert_eq!(
            title(b"<html><TITLE lang=en> Access denied </title>").as_deref(),
            Some("Access denied")
        );
        assert_eq!(title(b"{\"a\": 1}"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_survived(body: Vec<u8>) {
            title(&body);
        }
    }
}
