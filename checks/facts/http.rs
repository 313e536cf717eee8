//! One HTTP request and its answer.

use crate::facts::class;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an HTTP request gave.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Http {
    /// The address asked, without a query that could hold a secret.
    #[serde(serialize_with = "class::name")]
    pub url: String,
    /// What happened.
    pub outcome: HttpOutcome,
    /// Milliseconds until then.
    pub elapsed_ms: u64,
}

/// How a request ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HttpOutcome {
    /// An HTTP response came.
    Answered(HttpAnswer),
    /// No answer within the timeout.
    Silent,
    /// The connection ended without an answer.
    Closed,
    /// The connection was reset without an answer.
    Reset,
    /// It is not HTTP, or breaks its rules.
    Malformed {
        /// The client library's words.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

/// The parts of a response that matter.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// Whether the answer has what only the genuine service would send (a tenant's issuer in the
    /// discovery document, Graph's error shape and request id).
    pub genuine: bool,
    /// The `Server` header.
    #[serde(serialize_with = "class::free")]
    pub server: Option<String>,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    /// Seconds that a cache has held the answer (`Age`): its `Date` is as old.
    pub age: Option<u64>,
    /// This machine's clock when the answer was complete.
    pub answered_at: Option<Timestamp>,
    /// The `Content-Type` header.
    #[serde(serialize_with = "class::word")]
    pub content_type: Option<String>,
    /// Where a redirect leads, without its query.
    #[serde(serialize_with = "class::name")]
    pub location: Option<String>,
    /// The title of an HTML page, at most 120 characters.
    #[serde(serialize_with = "class::free")]
    pub title: Option<String>,
    /// How long to wait, in seconds, as the server asks.
    pub retry_after: Option<u64>,
    /// Bytes of the body that were read (at most 64 KiB are).
    pub bytes: usize,
    /// Whether the body went on past the limit.
    pub cut: bool,
}
