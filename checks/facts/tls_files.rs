//! The files that libpq reads before a TLS connection: root certificates, revocation lists, and the
//! client certificate with its key.

use super::tls::Certificate;
use crate::facts::class;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What libpq finds in its files.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TlsFiles {
    /// The root certificates.
    pub roots: RootFile,
    /// The revocation lists.
    pub revocation: Revocation,
    /// The client certificate.
    pub client: ClientCertificate,
}

/// The file of root certificates that libpq reads.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RootFile {
    /// The file does not exist.
    #[default]
    Missing,
    /// `sslrootcert=system`: the roots of OpenSSL's default locations.
    System,
    /// OpenSSL refuses the file.
    Refused {
        /// The reason.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// OpenSSL reads the file.
    Read {
        /// The certificates in it; at most 512 are kept.
        certificates: Vec<Certificate>,
    },
}

/// The revocation lists that libpq reads.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Revocation {
    /// The file or folder, if one is in use; then every certificate of the chain needs a list.
    #[serde(serialize_with = "class::name")]
    pub source: Option<String>,
    /// The lists in it.
    pub lists: Vec<RevocationList>,
}

/// One revocation list.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RevocationList {
    /// The whole name of the issuer.
    #[serde(serialize_with = "class::name")]
    pub issuer: String,
    /// From when it is valid.
    pub this_update: Option<Timestamp>,
    /// Until when it is valid.
    pub next_update: Option<Timestamp>,
    /// Fingerprints of the certificates whose keys signed it.
    #[serde(serialize_with = "class::name")]
    pub signed_by: Vec<String>,
    /// Serial numbers of presented certificates that it revokes.
    #[serde(serialize_with = "class::name")]
    pub revokes: Vec<String>,
}

/// The client certificate that libpq would present, and its key.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ClientCertificate {
    /// There is none.
    #[default]
    None,
    /// libpq refuses it, or its key.
    Refused {
        /// The certificate file.
        #[serde(serialize_with = "class::name")]
        certificate: String,
        /// libpq's message.
        #[serde(serialize_with = "class::free")]
        message: String,
    },
    /// Certificate and key can be used.
    Ready {
        /// The certificate file.
        #[serde(serialize_with = "class::name")]
        certificate: String,
    },
}
