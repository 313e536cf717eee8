//! The first authentication request, and the login.

use super::closed::closed_set;
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// An ErrorResponse of PostgreSQL. Every text is at most 2,000 characters long.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ServerError {
    /// `FATAL` or `ERROR`.
    #[serde(serialize_with = "class::word")]
    pub severity: String,
    /// The five characters of SQLSTATE.
    #[serde(serialize_with = "class::word")]
    pub sqlstate: String,
    /// The message.
    #[serde(serialize_with = "class::free")]
    pub message: String,
    /// The DETAIL field.
    #[serde(serialize_with = "class::free")]
    pub detail: Option<String>,
    /// The HINT field.
    #[serde(serialize_with = "class::free")]
    pub hint: Option<String>,
    /// The server routine that reported it.
    #[serde(serialize_with = "class::word")]
    pub routine: Option<String>,
}

/// What the server asks for after the startup message, before any secret exists.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuthRequest {
    /// A cleartext password inside TLS: on Azure, an Entra role of exactly this name.
    Cleartext,
    /// SASL: on Azure, no Entra role of exactly this name.
    Sasl {
        /// The mechanisms offered.
        #[serde(serialize_with = "class::word")]
        mechanisms: Vec<String>,
    },
    /// MD5: a local role with an old hash.
    Md5,
    /// Nothing: not Azure.
    Trusted,
    /// An error before any request.
    Error(ServerError),
    /// Another request.
    Other {
        /// Its number.
        code: i32,
    },
    /// It closed or reset the connection.
    Closed,
    /// Nothing came within the timeout.
    Silent,
    /// What came breaks the protocol.
    Malformed {
        /// What is wrong.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

/// The login with the token.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Login {
    /// How it ended.
    pub outcome: LoginOutcome,
    /// The steps that succeeded, in order.
    #[serde(rename = "rungs")]
    pub steps: Vec<CompletedStep>,
    /// Bytes of the token sent.
    pub token_length: usize,
    /// The `application_name` under which a DBA finds it in the log.
    #[serde(serialize_with = "class::word")]
    pub application_name: String,
    /// The port; a pooler's answers differ.
    pub port: u16,
}

closed_set! {
    /// A step of the login.
    LoginStep {
        /// The startup message was sent.
        Startup = "startup",
        /// The server asked for authentication.
        AuthenticationRequest = "authentication-request",
        /// The token was sent.
        TokenSent = "token-sent",
        /// The server accepted the token.
        Authenticated = "authenticated",
        /// The server is ready for queries.
        Ready = "ready",
        /// The first query was answered.
        Queried = "queried",
    }
}

/// A step of the login that succeeded.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CompletedStep {
    /// The step.
    #[serde(rename = "name")]
    pub step: LoginStep,
    /// Milliseconds from the start of the login.
    pub at_ms: u64,
}

/// How a login ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LoginOutcome {
    /// The session is established.
    Accepted {
        /// `server_version`.
        #[serde(serialize_with = "class::word")]
        server_version: String,
    },
    /// The server refused.
    Refused(ServerError),
    /// The server accepted the token and refused the session (database, privilege, limits).
    RefusedAfterAuthentication(ServerError),
    /// Nothing came within the timeout.
    Silent {
        /// The last step that succeeded.
        after: LoginStep,
    },
    /// The connection ended.
    Closed {
        /// The last step that succeeded.
        after: LoginStep,
    },
    /// The token was kept back: TLS was not verified, or the server asked for something else.
    TokenWithheld {
        /// The reason.
        #[serde(serialize_with = "class::clause")]
        why: String,
    },
    /// What came breaks the protocol.
    Malformed {
        /// What is wrong.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}
