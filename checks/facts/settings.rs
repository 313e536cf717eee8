//! What was typed: the target, with the origin of every value.

use super::{Fact, closed::closed_set, cloud::Cloud};
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// Everything that specifies the login.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Settings {
    /// The server's name or address as typed; `None`: no server was named and none is probed.
    #[serde(serialize_with = "class::name")]
    pub host: Option<Setting<String>>,
    /// libpq's `hostaddr`, which replaces name resolution.
    #[serde(serialize_with = "class::name")]
    pub hostaddr: Option<Setting<String>>,
    /// The server's port; 5432 by default.
    pub port: Setting<u16>,
    /// The database; the user name by default, as in libpq.
    #[serde(serialize_with = "class::name")]
    pub database: Setting<String>,
    /// The role to log in as, exactly as libpq would send it.
    #[serde(serialize_with = "class::name")]
    pub user: Option<Setting<String>>,
    /// How much TLS libpq would insist on.
    pub sslmode: Setting<SslMode>,
    /// What libpq would try after `host`, where a list of hosts is named.
    #[serde(default)]
    pub next_hosts: Vec<NextHost>,
    /// libpq's `sslrootcert`: a file, or `system`.
    pub sslrootcert: Option<RootCertificates>,
    /// libpq's `channel_binding`.
    #[serde(serialize_with = "class::word")]
    pub channel_binding: Setting<String>,
    /// libpq's `require_auth` (libpq 16 and later).
    #[serde(serialize_with = "class::word")]
    pub require_auth: Option<Setting<String>>,
    /// Where a password was found; the value itself is never a fact.
    pub password: Option<Origin>,
    /// The password file and what it would give.
    pub passfile: Fact<PassFile>,
    /// Values that lost against another origin.
    pub overridden: Vec<Overridden>,
    /// Every other setting that was given, so that each one is applied, judged, or reported as not
    /// tested.
    #[serde(default)]
    pub others: Vec<OtherSetting>,
    /// The release of libpq whose rules the settings were read by, and what other releases make of them.
    #[serde(default)]
    pub libpq: Libpq,
    /// A connection string in the form of another driver, and how it was read.
    #[serde(default)]
    pub converted: Option<Converted>,
    /// The cloud, by `--cloud`, by `--cloud-file`, by the server's suffix, or public.
    pub cloud: Setting<Cloud>,
    /// What `--expect` says about the server's address.
    pub expect: Option<AddressClass>,
    /// The tenant of `--tenant` or AZURE_TENANT_ID.
    #[serde(serialize_with = "class::name")]
    pub tenant: Option<Setting<String>>,
    /// The token authority that an application with the Azure SDK would ask: AZURE_AUTHORITY_HOST.
    #[serde(default)]
    #[serde(serialize_with = "class::name")]
    pub authority: Option<Setting<String>>,
    /// Settings that hold a secret and are sent in clear text. Their values are not sent.
    #[serde(default)]
    pub misplaced_secrets: Vec<MisplacedSecret>,
}

/// A secret in a setting that is sent in clear text.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MisplacedSecret {
    /// The setting.
    pub setting: SentSetting,
    /// Where the setting was read.
    pub origin: Origin,
    /// What kind of secret it is: "a token", or the variable that holds the same text.
    #[serde(serialize_with = "class::name")]
    pub secret: String,
}

/// A setting whose value leaves this machine without encryption, or is written to logs elsewhere.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SentSetting {
    /// The user name in the startup message.
    User,
    /// The database in the startup message.
    Database,
    /// The options or a session setting in the startup message.
    Options,
    /// The server's name in a DNS query.
    Host,
    /// The tenant in the URL of the token authority.
    Tenant,
    /// The client ID in the URL of the identity endpoint or in the token request.
    ClientId,
    /// A setting that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A setting that has no field of its own in [`Settings`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OtherSetting {
    /// libpq's keyword, or the name of the environment variable if there is no keyword.
    #[serde(serialize_with = "class::word")]
    pub keyword: String,
    /// The value; `None` for a secret.
    #[serde(serialize_with = "class::clause")]
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// Why libpq refuses the value, for secrets, whose value is not a fact.
    #[serde(default)]
    #[serde(serialize_with = "class::clause")]
    pub refused: Option<String>,
}

/// How libpq reads the settings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Libpq {
    /// The newest release that accepts the connection string, the service file and the keywords: its
    /// major version number. 0 in evidence of earlier versions of this tool.
    pub version: u8,
    /// What other releases do with the same settings, if they differ.
    pub differences: Vec<LibpqDifference>,
}

/// A difference between releases of libpq.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LibpqDifference {
    /// The releases, such as "libpq 15 to 17".
    #[serde(serialize_with = "class::word")]
    pub versions: String,
    /// Whether they refuse the settings; otherwise they read another value.
    pub refused: bool,
    /// Whether they are newer than the release of the reading.
    pub newer: bool,
    /// libpq's message, or the value that they read.
    #[serde(serialize_with = "class::free")]
    pub detail: String,
}

/// A connection string that is not in a form of libpq.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Converted {
    /// Its form, such as "a JDBC URL".
    #[serde(serialize_with = "class::word")]
    pub form: String,
    /// The same in libpq's form, without the password.
    #[serde(serialize_with = "class::name")]
    pub conninfo: String,
    /// Parameters of that driver that were not converted.
    #[serde(serialize_with = "class::word")]
    pub left_out: Vec<String>,
}

closed_set! {
    /// libpq's `sslmode`. Source: PostgreSQL documentation, libpq, "SSL Support".
    SslMode {
        /// Never TLS.
        Disable = "disable",
        /// TLS only if the server refuses to do without.
        Allow = "allow",
        /// TLS unless the server refuses it.
        Prefer = "prefer",
        /// Always TLS.
        Require = "require",
        /// TLS with a verified chain.
        VerifyCa = "verify-ca",
        /// TLS with a verified chain and host name.
        VerifyFull = "verify-full",
    }
}

/// A host that comes after the first of a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NextHost {
    /// Its name, or its address where it has no name.
    #[serde(serialize_with = "class::name")]
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A value and where it came from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A command-line option, such as `--host`.
    Flag {
        /// The option as written in `--help`.
        #[serde(serialize_with = "class::word")]
        name: String,
    },
    /// A `key=value` connection string.
    Conninfo,
    /// A `postgresql://` URI.
    Uri,
    /// An environment variable.
    Environment {
        /// Its name.
        #[serde(serialize_with = "class::word")]
        variable: String,
    },
    /// A section of a libpq service file.
    ServiceFile {
        /// The file.
        #[serde(serialize_with = "class::name")]
        path: String,
        /// The section.
        #[serde(serialize_with = "class::name")]
        service: String,
    },
    /// A line of the password file.
    PassFile {
        /// The file.
        #[serde(serialize_with = "class::name")]
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A file named by an option.
    File {
        /// The file, or `-` for standard input.
        #[serde(serialize_with = "class::name")]
        path: String,
    },
    /// Derived from another value.
    Derived {
        /// From what, in words, such as "the server's DNS suffix".
        #[serde(serialize_with = "class::clause")]
        from: String,
    },
    /// Settings of the operating system.
    System {
        /// What the system calls them, such as "Windows Internet Settings".
        #[serde(serialize_with = "class::clause")]
        name: String,
    },
    /// libpq's default.
    Default,
}

/// A value that another origin won over.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Overridden {
    /// libpq's keyword: `host`, `user`, …
    #[serde(serialize_with = "class::word")]
    pub keyword: String,
    /// The value that was not used.
    #[serde(serialize_with = "class::name")]
    pub value: String,
    /// Where it was set.
    pub origin: Origin,
    /// The value that is used instead.
    #[serde(serialize_with = "class::name")]
    pub used: String,
    /// Where that one was set.
    pub winner: Origin,
}

/// The file of `sslrootcert`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RootCertificates {
    /// The path as typed, or `system`.
    #[serde(serialize_with = "class::name")]
    pub path: Setting<String>,
    /// What was found there.
    pub state: RootFileState,
}

/// What a file of root certificates holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RootFileState {
    /// The machine's own roots are meant.
    System,
    /// Certificates were read.
    Read {
        /// How many.
        certificates: usize,
        /// The common names of the self-signed ones.
        #[serde(serialize_with = "class::name")]
        roots: Vec<String>,
        /// The common names of those that are not self-signed: pinned intermediates or leaves.
        #[serde(serialize_with = "class::name")]
        not_roots: Vec<String>,
    },
    /// There is no such file.
    Missing,
    /// The file cannot be read or holds no certificate.
    Unusable {
        /// The reason.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

/// libpq's password file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PassFile {
    /// The file.
    #[serde(serialize_with = "class::name")]
    pub path: String,
    /// Whether libpq would ignore it because group or others may read it (mode & 077).
    pub ignored_for_mode: Option<u32>,
    /// The line that matches this host, port, database and user, counted from 1.
    pub matching_line: Option<usize>,
    /// A line that would match if `:` and `\` were escaped, the case were right, or the file were in UTF-8
    /// without a byte order mark.
    pub near_line: Option<usize>,
    /// Whether the line matches but for the encoding of the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wrong_encoding: bool,
}

/// Public or private addresses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressClass {
    /// Addresses of a virtual network.
    Private,
    /// Addresses of the internet.
    Public,
}

impl Origin {
    /// The origin as a phrase: "PGUSER", "the connection string", "--host".
    #[must_use]
    pub fn phrase(&self) -> String {
        match self {
            Self::Flag { name } => name.clone(),
            Self::Conninfo => "the connection string".to_owned(),
            Self::Uri => "the connection URI".to_owned(),
            Self::Environment { variable } => variable.clone(),
            Self::ServiceFile { path, service } => format!("service [{service}] in {path}"),
            Self::PassFile { path, line } => format!("{path} line {line}"),
            Self::File { path } if path == "-" => "standard input".to_owned(),
            Self::File { path } => path.clone(),
            Self::Derived { from } => from.clone(),
            Self::System { name } => name.clone(),
            Self::Default => "libpq's default".to_owned(),
        }
    }
}

impl Libpq {
    /// The major version number by which values are judged.
    #[must_use]
    pub const fn reading(&self) -> u8 {
        if self.version == 0 { 18 } else { self.version }
    }
}

impl Settings {
    /// The secret that this setting holds, if any.
    #[must_use]
    pub fn misplaced_secret(&self, setting: SentSetting) -> Option<&MisplacedSecret> {
        self.misplaced_secrets.iter().find(|misplaced| misplaced.setting == setting)
    }

    /// The value of a setting by libpq's keyword, if it was given or is one of those with a default here.
    #[must_use]
    pub fn value_of(&self, keyword: &str) -> Option<&str> {
        self.setting(keyword).map(|(value, _)| value)
    }

    /// The value of a setting and where it came from.
    #[must_use]
    pub fn setting(&self, keyword: &str) -> Option<(&str, &Origin)> {
        fn text(setting: &Setting<String>) -> (&str, &Origin) {
            (setting.value.as_str(), &setting.origin)
        }
        match keyword {
            "sslmode" => Some((self.sslmode.value.as_str(), &self.sslmode.origin)),
            "channel_binding" => Some(text(&self.channel_binding)),
            "require_auth" => self.require_auth.as_ref().map(text),
            "sslrootcert" => self.sslrootcert.as_ref().map(|roots| text(&roots.path)),
            _ => {
                let other = self.others.iter().find(|other| other.keyword == keyword)?;
                other.value.as_deref().map(|value| (value, &other.origin))
            }
        }
    }

    /// The host as a name or address that may be looked up and contacted.
    ///
    /// # Errors
    /// Why this cannot be the name of a machine; then nothing is sent anywhere.
    pub fn reachable_host(&self) -> Result<&str, &'static str> {
        let Some(host) = &self.host else {
            return Err("no server was named");
        };
        if self.misplaced_secret(SentSetting::Host).is_some() {
            return Err("it holds a secret");
        }
        let name = host.value.as_str();
        if name.parse::<std::net::IpAddr>().is_ok() {
            return Ok(name);
        }
        let plain = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_')
        };
        let labels = || name.strip_suffix('.').unwrap_or(name).split('.');
        if name.starts_with('/') {
            return Err("libpq takes a path for the folder of a socket on this machine");
        }
        if name.is_empty() || name.len() > 253 || !name.chars().all(plain) {
            Err("it holds a character that no host name has")
        } else if labels().any(|label| label.is_empty() || label.len() > 63) {
            Err("a part between its dots is empty or longer than 63 bytes")
        } else {
            Ok(name)
        }
    }
}
