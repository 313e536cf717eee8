//! One TLS handshake and the certificates that were presented.

use crate::facts::class;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// A handshake, whether or not it ended well. The chain is kept in every case.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Tls {
    /// Where to.
    pub address: SocketAddr,
    /// The name sent (SNI) and verified.
    #[serde(serialize_with = "class::name")]
    pub server_name: String,
    /// What happened.
    pub outcome: TlsOutcome,
    /// The certificates presented, the server's own first; empty when none came. At most 16 are kept.
    pub chain: Vec<Certificate>,
    /// How the chain was judged; `None` when no certificate came.
    pub trust: Option<Trust>,
    /// `TLSv1.3` or `TLSv1.2`.
    #[serde(serialize_with = "class::word")]
    pub version: Option<String>,
    /// The cipher suite.
    #[serde(serialize_with = "class::word")]
    pub cipher: Option<String>,
    /// The application protocol agreed on.
    #[serde(serialize_with = "class::word")]
    pub alpn: Option<String>,
    /// Milliseconds from the ClientHello.
    pub elapsed_ms: u64,
    /// Whether the server asked for a client certificate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_certificate_requested: bool,
    /// The TLS alert that ended the connection after the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::name")]
    pub later_alert: Option<String>,
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
        #[serde(serialize_with = "class::free")]
        starts_with: String,
    },
    /// A TLS alert ended it.
    Alert {
        /// The alert's name, such as `protocol_version` or `handshake_failure`.
        #[serde(serialize_with = "class::clause")]
        description: String,
    },
    /// Another failure of the protocol.
    Failed {
        /// The TLS library's words.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

/// What one certificate says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Certificate {
    /// The whole subject.
    #[serde(serialize_with = "class::name")]
    pub subject: String,
    /// The subject's common name, or its organization where there is none.
    #[serde(serialize_with = "class::name")]
    pub subject_name: String,
    /// The whole issuer.
    #[serde(serialize_with = "class::name")]
    pub issuer: String,
    /// The issuer's common name, or its organization where there is none.
    #[serde(serialize_with = "class::name")]
    pub issuer_name: String,
    /// Names and addresses it is valid for (at most 64 are kept).
    #[serde(serialize_with = "class::name")]
    pub names: Vec<String>,
    /// Start of validity.
    pub not_before: Option<Timestamp>,
    /// End of validity.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    #[serde(serialize_with = "class::id")]
    pub sha256: String,
    /// Whether subject and issuer are the same.
    pub self_signed: bool,
    /// What OpenSSL's rules need beyond that, if the certificate can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<CertificateRules>,
}

/// The parts of a certificate that OpenSSL judges. An extension that is absent is `None`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CertificateRules {
    /// 1, 2 or 3.
    pub version: u32,
    /// The serial number, lower-case hexadecimal.
    #[serde(serialize_with = "class::id")]
    pub serial: String,
    /// The subject's first common name.
    #[serde(serialize_with = "class::name")]
    pub common_name: Option<String>,
    /// DNS names of the subject alternative name.
    #[serde(serialize_with = "class::name")]
    pub dns_names: Vec<String>,
    /// Addresses of the subject alternative name.
    pub addresses: Vec<IpAddr>,
    /// Basic constraints: whether it is a certificate authority.
    pub ca: Option<bool>,
    /// Basic constraints: how many intermediate certificates may follow.
    pub path_length: Option<u32>,
    /// Key usage: whether it may sign certificates.
    pub cert_sign: Option<bool>,
    /// Key usage: whether it may sign revocation lists.
    pub crl_sign: Option<bool>,
    /// Key usage: whether it may be a TLS server's.
    pub tls_usage: Option<bool>,
    /// Extended key usage: whether it may be a TLS server's.
    pub server_auth: Option<bool>,
    /// The signature algorithm, such as `SHA-1`.
    #[serde(serialize_with = "class::word")]
    pub signature: String,
    /// OpenSSL's estimate of the signature's strength in bits.
    pub signature_bits: u16,
    /// The key, such as `RSA 2048`.
    #[serde(serialize_with = "class::word")]
    pub key: String,
    /// OpenSSL's estimate of the key's strength in bits.
    pub key_bits: u16,
    /// Fingerprints of the certificates in the chain and in the root file whose keys signed it.
    #[serde(serialize_with = "class::id")]
    pub signed_by: Vec<String>,
}

/// Three separate judgments of one chain.
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
        /// The reason.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// Another fault of the chain.
    Rejected {
        /// The TLS library's words.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

impl Certificate {
    /// Whether the certificate names the host by libpq's rules: any DNS name or address of the subject
    /// alternative name; the common name only if no alternative name is of the host's own type.
    /// Source: PostgreSQL, fe-secure-common.c and fe-secure-openssl.c.
    #[must_use]
    pub fn names_host(&self, host: &str) -> bool {
        let Some(rules) = &self.rules else {
            return self.names.iter().any(|name| is_match(name, host));
        };
        let address: Option<IpAddr> = host.parse().ok();
        let same_type = match address {
            Some(_) => !rules.addresses.is_empty(),
            None => !rules.dns_names.is_empty(),
        };
        let by_common_name =
            !same_type && rules.common_name.as_ref().is_some_and(|name| is_match(name, host));
        rules.dns_names.iter().any(|name| is_match(name, host))
            || address.is_some_and(|ip| rules.addresses.contains(&ip))
            || by_common_name
    }

    /// Whether the certificate has no alternative name, and so only a common name.
    #[must_use]
    pub fn has_only_a_common_name(&self) -> bool {
        self.rules
            .as_ref()
            .is_some_and(|rules| rules.dns_names.is_empty() && rules.addresses.is_empty())
    }
}

/// Compares a name of a certificate with a host: `*.` matches one label.
fn is_match(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(suffix), Some((_, rest))) = (pattern.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    !suffix.is_empty() && rest.eq_ignore_ascii_case(suffix)
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
