//! libpq's connection options: keyword, environment variable, and the release that introduced it.
//!
//! Source: `PQconndefaults` of libpq 15.18, 16.0, 17.0 and 18.6.

use std::fmt;

/// A release of libpq whose rules the settings are read by.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Version {
    /// libpq 15 and earlier releases that are still supported.
    V15,
    /// libpq 16: `require_auth`, `sslcertmode`, `load_balance_hosts`, `sslrootcert=system`.
    V16,
    /// libpq 17: `sslnegotiation`.
    V17,
    /// libpq 18: `min_protocol_version`, OAuth, SCRAM keys; stricter blanks in URIs.
    V18,
}

impl Version {
    /// Every release, the newest first: the order in which a reading is tried.
    pub(crate) const NEWEST_FIRST: [Self; 4] = [Self::V18, Self::V17, Self::V16, Self::V15];

    /// The major version number.
    #[must_use]
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::V15 => 15,
            Self::V16 => 16,
            Self::V17 => 17,
            Self::V18 => 18,
        }
    }

    /// The release with a major version number; a number outside the known range becomes the nearest one.
    #[must_use]
    pub(crate) const fn nearest(number: u8) -> Self {
        match number {
            0..=15 => Self::V15,
            16 => Self::V16,
            17 => Self::V17,
            _ => Self::V18,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "libpq {}", self.number())
    }
}

/// One connection option.
pub(crate) struct ConnectionOption {
    pub(crate) keyword: &'static str,
    pub(crate) variable: Option<&'static str>,
    pub(crate) since: Version,
    /// Whether its value is a secret, which no fact and no message may hold.
    pub(crate) secret: bool,
}

const fn option(
    keyword: &'static str,
    variable: Option<&'static str>,
    since: Version,
) -> ConnectionOption {
    ConnectionOption { keyword, variable, since, secret: false }
}

const fn secret(
    keyword: &'static str,
    variable: Option<&'static str>,
    since: Version,
) -> ConnectionOption {
    ConnectionOption { keyword, variable, since, secret: true }
}

use Version::{V15, V16, V17, V18};

/// Every option of libpq 18, in libpq's order.
pub(crate) const OPTIONS: [ConnectionOption; 50] = [
    option("service", Some("PGSERVICE"), V15),
    option("user", Some("PGUSER"), V15),
    secret("password", Some("PGPASSWORD"), V15),
    option("passfile", Some("PGPASSFILE"), V15),
    option("channel_binding", Some("PGCHANNELBINDING"), V15),
    option("connect_timeout", Some("PGCONNECT_TIMEOUT"), V15),
    option("dbname", Some("PGDATABASE"), V15),
    option("host", Some("PGHOST"), V15),
    option("hostaddr", Some("PGHOSTADDR"), V15),
    option("port", Some("PGPORT"), V15),
    option("client_encoding", Some("PGCLIENTENCODING"), V15),
    option("options", Some("PGOPTIONS"), V15),
    option("application_name", Some("PGAPPNAME"), V15),
    option("fallback_application_name", None, V15),
    option("keepalives", None, V15),
    option("keepalives_idle", None, V15),
    option("keepalives_interval", None, V15),
    option("keepalives_count", None, V15),
    option("tcp_user_timeout", None, V15),
    option("sslmode", Some("PGSSLMODE"), V15),
    option("sslnegotiation", Some("PGSSLNEGOTIATION"), V17),
    option("sslcompression", Some("PGSSLCOMPRESSION"), V15),
    option("sslcert", Some("PGSSLCERT"), V15),
    option("sslkey", Some("PGSSLKEY"), V15),
    option("sslcertmode", Some("PGSSLCERTMODE"), V16),
    secret("sslpassword", None, V15),
    option("sslrootcert", Some("PGSSLROOTCERT"), V15),
    option("sslcrl", Some("PGSSLCRL"), V15),
    option("sslcrldir", Some("PGSSLCRLDIR"), V15),
    option("sslsni", Some("PGSSLSNI"), V15),
    option("requirepeer", Some("PGREQUIREPEER"), V15),
    option("require_auth", Some("PGREQUIREAUTH"), V16),
    option("min_protocol_version", Some("PGMINPROTOCOLVERSION"), V18),
    option("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), V18),
    option("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), V15),
    option("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), V15),
    option("gssencmode", Some("PGGSSENCMODE"), V15),
    option("krbsrvname", Some("PGKRBSRVNAME"), V15),
    option("gsslib", Some("PGGSSLIB"), V15),
    option("gssdelegation", Some("PGGSSDELEGATION"), V16),
    option("replication", None, V15),
    option("target_session_attrs", Some("PGTARGETSESSIONATTRS"), V15),
    option("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), V16),
    secret("scram_client_key", None, V18),
    secret("scram_server_key", None, V18),
    option("oauth_issuer", None, V18),
    option("oauth_client_id", None, V18),
    secret("oauth_client_secret", None, V18),
    option("oauth_scope", None, V18),
    option("sslkeylogfile", None, V18),
];

/// The option with a keyword, if the release has it. Keywords are case-sensitive.
pub(crate) fn find(keyword: &str, version: Version) -> Option<&'static ConnectionOption> {
    OPTIONS.iter().find(|known| known.keyword == keyword && known.since <= version)
}

/// Whether a byte separates settings: `isspace` of the C locale, which has the vertical tab that
/// `is_ascii_whitespace` lacks.
pub(crate) const fn is_space(byte: u8) -> bool {
    byte == b' ' || matches!(byte, b'\t'..=b'\r')
}

/// The same for a character.
pub(crate) const fn is_blank(character: char) -> bool {
    character == ' ' || matches!(character, '\t'..='\r')
}
