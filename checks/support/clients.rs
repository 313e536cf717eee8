//! What drivers do with the TLS settings of a run where they differ from libpq: the table, and the
//! prediction for one login.
//!
//! Sources: the TLS code of each driver, in the version that the table names.

use super::server::openssl::{self, Prediction};
use crate::{
    evidence::Evidence,
    facts::{
        server::Server,
        settings::{Origin, RootFileState, Settings},
        tls::{RootVerdict, Tls, Validity},
        tls_files::TlsFiles,
    },
};
use jiff::Timestamp;

/// How a driver treats the TLS settings.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The name of `--connect-with`.
    pub name: &'static str,
    /// The version whose source was read.
    pub version: &'static str,
    /// Whether it encrypts if no mode is set. Azure refuses connections without TLS.
    pub encrypts_by_default: bool,
    /// The modes that it knows; libpq knows all six.
    pub modes: &'static [&'static str],
    /// What the modes without `verify` in their name verify.
    pub require: Verifies,
    /// Where its root certificates come from.
    pub roots: Roots,
    /// Whether OpenSSL verifies, which needs the chain up to a self-signed root of the file.
    pub openssl: bool,
    /// Whether it accepts a certificate without a subject alternative name, by its common name.
    pub common_name: bool,
    /// The environment variables that it reads, of PGSSLMODE and PGSSLROOTCERT.
    pub variables: &'static [&'static str],
}

/// What `sslmode=require` verifies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verifies {
    /// No client.
    Nothing,
    /// The chain, if a root file is named, as libpq does.
    ChainWithRootFile,
    /// Chain and name, in every mode but `disable`.
    Everything,
}

/// Where a driver's root certificates come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Roots {
    /// Only `sslrootcert` or ~/.postgresql/root.crt.
    File,
    /// `sslrootcert`, or the system's roots without it.
    FileOrSystem,
    /// `sslrootcert`, or Mozilla's list without it.
    FileOrMozilla,
    /// Only the roots that the program configures.
    Program,
}

const ALL: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
const BOTH: &[&str] = &["PGSSLMODE", "PGSSLROOTCERT"];

/// The drivers that differ from libpq. psycopg, SQLAlchemy, Django, Rails and pgAdmin use libpq itself.
pub const CLIENTS: [Client; 7] = [
    Client {
        name: "jdbc",
        version: "pgjdbc 42.7",
        encrypts_by_default: true,
        modes: ALL,
        require: Verifies::Nothing,
        roots: Roots::File,
        openssl: false,
        common_name: true,
        variables: &[],
    },
    Client {
        name: "npgsql",
        version: "Npgsql 8",
        encrypts_by_default: true,
        modes: ALL,
        require: Verifies::Nothing,
        roots: Roots::FileOrSystem,
        openssl: false,
        common_name: true,
        variables: &["PGSSLROOTCERT"],
    },
    Client {
        name: "node-postgres",
        version: "pg 8",
        encrypts_by_default: false,
        modes: ALL,
        require: Verifies::Everything,
        roots: Roots::FileOrMozilla,
        openssl: true,
        common_name: true,
        variables: &["PGSSLMODE"],
    },
    Client {
        name: "asyncpg",
        version: "asyncpg 0.31",
        encrypts_by_default: true,
        modes: ALL,
        require: Verifies::ChainWithRootFile,
        roots: Roots::File,
        openssl: true,
        common_name: true,
        variables: BOTH,
    },
    Client {
        name: "pgx",
        version: "pgx 5",
        encrypts_by_default: true,
        modes: ALL,
        require: Verifies::ChainWithRootFile,
        roots: Roots::FileOrSystem,
        openssl: false,
        common_name: false,
        variables: BOTH,
    },
    Client {
        name: "tokio-postgres",
        version: "tokio-postgres 0.7",
        encrypts_by_default: true,
        modes: &["disable", "prefer", "require"],
        require: Verifies::Everything,
        roots: Roots::Program,
        openssl: false,
        common_name: false,
        variables: &[],
    },
    Client {
        name: "sqlx",
        version: "sqlx 0.9",
        encrypts_by_default: true,
        modes: ALL,
        require: Verifies::Nothing,
        roots: Roots::FileOrSystem,
        openssl: false,
        common_name: false,
        variables: BOTH,
    },
];

/// What a client does with a login.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Connects,
    Fails(String),
}

/// Why psql connects with the settings of the run and this driver does not, or the reverse; `None` if
/// both do the same, or if that is not known.
#[must_use]
pub fn difference(seen: &Evidence, name: &str) -> Option<String> {
    let client = CLIENTS.iter().find(|client| client.name == name)?;
    let settings = seen.settings.seen()?;
    let server = seen.server.seen();
    let driver = outcome(client, settings, server, seen.observed_at)?;
    let psql = by_libpq(seen, settings, server)?;
    let mode = settings.sslmode.value.as_str();
    let version = client.version;
    match (psql, driver) {
        (Outcome::Connects, Outcome::Fails(why)) => Some(format!(
            "psql connects with the settings of this run, and {version} does not: {why}"
        )),
        (Outcome::Fails(_), Outcome::Connects) => Some(format!(
            "psql refuses the server with the settings of this run (sslmode={mode}), and {version} connects: {}",
            lenience(client, mode)
        )),
        _ => None,
    }
}

fn lenience(client: &Client, mode: &str) -> &'static str {
    match client.require {
        Verifies::Nothing if !mode.starts_with("verify-") => {
            "it verifies nothing in this mode, so anyone on the path can read the token"
        }
        _ => "it uses other root certificates or rules",
    }
}

fn by_libpq(seen: &Evidence, settings: &Settings, server: Option<&Server>) -> Option<Outcome> {
    let mode = settings.sslmode.value.as_str();
    if mode == "disable" {
        return Some(Outcome::Fails("the server requires TLS".to_owned()));
    }
    let Some(server) = server else { return Some(Outcome::Connects) };
    let (tls, files) = (server.tls.seen()?, server.tls_files.as_ref()?);
    Some(match openssl::predict(mode, &server.host, tls, files, seen.observed_at) {
        Prediction::Connects { .. } => Outcome::Connects,
        Prediction::Refuses(_) => Outcome::Fails("it refuses the certificate".to_owned()),
    })
}

fn outcome(
    client: &Client,
    settings: &Settings,
    server: Option<&Server>,
    now: Timestamp,
) -> Option<Outcome> {
    let fails = |why: &str| Some(Outcome::Fails(why.to_owned()));
    let set = reads(client, &settings.sslmode.origin, "PGSSLMODE");
    // Drivers that read the default file do so only if it exists.
    let file = settings.sslrootcert.as_ref().filter(|file| match file.path.origin {
        Origin::Default => client.roots == Roots::File && file.state != RootFileState::Missing,
        _ => reads(client, &file.path.origin, "PGSSLROOTCERT"),
    });
    if !set && !client.encrypts_by_default && file.is_none() {
        return fails("it does not encrypt unless `ssl` or sslmode is set, and Azure refuses that");
    }
    let mode = if set { settings.sslmode.value.as_str() } else { "prefer" };
    if mode == "disable" || mode == "allow" && client.name == "sqlx" {
        return fails("the server requires TLS");
    }
    if !client.modes.contains(&mode) {
        let known = client.modes.join(", ");
        return fails(&format!(
            "it knows only sslmode {known}; its TLS connector verifies the server"
        ));
    }
    let server = server?;
    match verifies(client, mode, file.is_some()) {
        (false, _) => Some(Outcome::Connects),
        (true, name) => {
            let tls = server.tls.seen()?;
            let state = file.map(|file| &file.state);
            if client.openssl && matches!(state, Some(RootFileState::Read { .. })) {
                return by_openssl(server, tls, name, now);
            }
            verified(client, tls, state, name)
        }
    }
}

/// Whether the driver reads a setting from where it comes. A default is not set.
fn reads(client: &Client, origin: &Origin, variable: &str) -> bool {
    match origin {
        Origin::Default => false,
        Origin::Environment { .. } => client.variables.contains(&variable),
        _ => true,
    }
}

/// Whether chain and name are verified.
fn verifies(client: &Client, mode: &str, has_file: bool) -> (bool, bool) {
    match mode {
        _ if client.require == Verifies::Everything => (true, true),
        "verify-full" => (true, true),
        "verify-ca" => (true, false),
        "require" => (client.require == Verifies::ChainWithRootFile && has_file, false),
        _ => (false, false),
    }
}

/// OpenSSL's judgment by the file of root certificates, without the files that only libpq reads.
fn by_openssl(server: &Server, tls: &Tls, name: bool, now: Timestamp) -> Option<Outcome> {
    let roots = server.tls_files.as_ref()?.roots.clone();
    let files = TlsFiles { roots, ..TlsFiles::default() };
    let mode = if name { "verify-full" } else { "verify-ca" };
    Some(match openssl::predict(mode, &server.host, tls, &files, now) {
        Prediction::Connects { .. } => Outcome::Connects,
        Prediction::Refuses(_) => Outcome::Fails("OpenSSL refuses the certificate".to_owned()),
    })
}

fn verified(
    client: &Client,
    tls: &Tls,
    file: Option<&RootFileState>,
    name: bool,
) -> Option<Outcome> {
    let trust = tls.trust.as_ref()?;
    let verdict = match (file, client.roots) {
        (_, Roots::Program) | (None, Roots::FileOrSystem) => &trust.system,
        (None, Roots::FileOrMozilla) => &trust.public,
        (Some(RootFileState::System), _) => return None,
        (Some(RootFileState::Read { .. }), _) => &trust.effective,
        (Some(RootFileState::Missing | RootFileState::Unusable { .. }), _)
        | (None, Roots::File) => {
            return Some(Outcome::Fails("it cannot read a file of root certificates".to_owned()));
        }
    };
    let leaf = tls.chain.first()?;
    let named = trust.name_matches
        || client.common_name && leaf.has_only_a_common_name() && leaf.names_host(&tls.server_name);
    Some(match verdict {
        _ if trust.validity != Validity::Current => {
            Outcome::Fails("the certificate is out of date".to_owned())
        }
        RootVerdict::Trusted if name && !named => {
            Outcome::Fails("the certificate does not name the host".to_owned())
        }
        RootVerdict::Trusted => Outcome::Connects,
        // The libraries differ about certificates that are unusual.
        RootVerdict::Rejected { .. } => return None,
        _ => Outcome::Fails("it does not trust the certificate".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::{CLIENTS, difference};
    use crate::support::testing::healthy_but;
    use serde_json::{Value, json};

    fn says(name: &str, changes: &[(&'static str, Value)]) -> String {
        difference(&healthy_but(changes), name).unwrap_or_default()
    }

    fn without_mode() -> (&'static str, Value) {
        ("/settings/seen/sslmode", json!({"value": "prefer", "origin": {"kind": "default"}}))
    }

    fn files(roots: Value) -> (&'static str, Value) {
        let files = json!({"roots": roots, "revocation": {}, "client": {"state": "none"}});
        ("/server/seen/tls_files", files)
    }

    #[test]
    fn node_postgres_does_not_encrypt_by_default() {
        let changes = [without_mode(), files(json!({"state": "missing"}))];
        assert!(says("node-postgres", &changes).contains("does not encrypt"));
        assert_eq!(says("sqlx", &changes), "");
        assert_eq!(says("psql", &changes), "");
    }

    #[test]
    fn drivers_without_the_default_file_connect_where_psql_needs_one() {
        let missing = json!({"path": {"value": "/home/a/.postgresql/root.crt",
            "origin": {"kind": "default"}}, "state": {"state": "missing"}});
        let changes = [("/settings/seen/sslrootcert", missing), files(json!({"state": "missing"}))];
        assert!(says("pgx", &changes).contains("psql refuses the server"));
        assert_eq!(says("asyncpg", &changes), "");
    }

    #[test]
    fn tokio_postgres_knows_three_modes() {
        let all = CLIENTS.iter().find(|client| client.name == "tokio-postgres").expect("a client");
        assert_eq!(all.modes.len(), 3);
    }
}
