//! One TLS handshake and the certificates that were presented.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A handshake, whether or not it ended well. The chain is kept in every case.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Tls {
    /// Where to.
    pub address: SocketAddr,
    /// The name sent (SNI) and verified.
    pub server_name: String,
    /// What happened.
    pub outcome: TlsOutcome,
    /// The certificates presented, the server's own first; empty when none came. At most 16 are kept.
    pub chain: Vec<Certificate>,
    /// How the chain was judged; `None` when no certificate came.
    pub trust: Option<Trust>,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// The application protocol agreed on.
    pub alpn: Option<String>,
    /// Milliseconds from the ClientHello.
    pub elapsed_ms: u64,
}

/// How a handshake ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TlsOutcome {
    /// The protocol completed; whether the certificate is good is [`Trust`]'s matter.
    Completed,
    /// A TCP reset in the middle.
    Reset,
    /// The connection was closed in the middle.
    Closed,
    /// No answer within the timeout.
    Silent {
        /// Whether a smaller ClientHello got an answer (a sign of a path-MTU black hole).
        smaller_hello_answered: Option<bool>,
    },
    /// The answer is not TLS.
    NotTls {
        /// Its first bytes, printable characters only, at most 64.
        starts_with: String,
    },
    /// A TLS alert ended it.
    Alert {
        /// The alert's name, such as `protocol_version` or `handshake_failure`.
        description: String,
    },
    /// Another failure of the protocol.
    Failed {
        /// The TLS library's words.
        detail: String,
    },
}

/// What one certificate says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Certificate {
    /// The whole subject.
    pub subject: String,
    /// The subject's common name, or its organisation where there is none.
    pub subject_name: String,
    /// The whole issuer.
    pub issuer: String,
    /// The issuer's common name, or its organisation where there is none.
    pub issuer_name: String,
    /// Names and addresses it is valid for (at most 64 are kept).
    pub names: Vec<String>,
    /// Start of validity.
    pub not_before: Option<Timestamp>,
    /// End of validity.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub sha256: String,
    /// Whether subject and issuer are the same.
    pub self_signed: bool,
}

/// Three separate judgements of one chain.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trust {
    /// Whether the certificate is made out to the name.
    pub name_matches: bool,
    /// Whether it is in its validity period by this machine's clock.
    pub validity: Validity,
    /// Against the roots this run goes by: `sslrootcert` for the server where given, else this machine's.
    pub effective: RootVerdict,
    /// Against this machine's trust store (SSL_CERT_FILE and SSL_CERT_DIR included).
    pub system: RootVerdict,
    /// Against the public roots: Mozilla's list, or ENTRA_PG_PUBLIC_ROOTS in an air-gapped cloud.
    pub public: RootVerdict,
}

/// Whether a certificate is in its validity period.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Validity {
    /// It is.
    Current,
    /// It was.
    Expired {
        /// Until when.
        not_after: Timestamp,
    },
    /// It will be.
    NotYet {
        /// From when.
        not_before: Timestamp,
    },
}

/// Whether a chain leads to a root of one list.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RootVerdict {
    /// It does.
    Trusted,
    /// No root of the list signed it.
    UnknownIssuer,
    /// The list itself is empty or could not be read.
    NoRoots {
        /// Why.
        detail: String,
    },
    /// Another fault of the chain.
    Rejected {
        /// The TLS library's words.
        detail: String,
    },
}

impl Tls {
    /// Whether a secret may be sent over this connection: protocol complete, name, dates and root verified.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.outcome == TlsOutcome::Completed
            && self.trust.as_ref().is_some_and(|trust| {
                trust.name_matches
                    && trust.validity == Validity::Current
                    && trust.effective == RootVerdict::Trusted
            })
    }

    /// The issuer of the last certificate presented, which names the authority (or the inspection box).
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.chain.last().map(|certificate| certificate.issuer_name.as_str())
    }
}
