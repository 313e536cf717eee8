//! The options that say which login is meant.

use crate::settings::TargetArgs;
use clap::{Args, ValueEnum};
use entra_pg_checks::facts::{cloud::CloudKind, settings::AddressClass};
use std::path::PathBuf;

/// Options that say which login is meant; as in psql where psql has them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetOptions {
    /// What psql takes: `key=value` pairs or a `postgresql://` URI.
    #[arg(value_name = "CONNINFO")]
    pub(crate) conninfo: Option<String>,
    /// The server; without one, everything that does not need a server is checked.
    #[arg(short = 'h', long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// The rest of it.
    #[command(flatten)]
    pub(crate) login: LoginOptions,
}

/// What is the same for many servers.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Target")]
pub(crate) struct LoginOptions {
    /// Its port; 6432 is the built-in pooler.
    #[arg(short = 'p', long, value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// The role to log in as.
    #[arg(short = 'U', long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// The database, or a connection string.
    #[arg(short = 'd', long, value_name = "NAME")]
    pub(crate) dbname: Option<String>,
    /// The cloud; by default that of the server's DNS suffix.
    #[arg(long, value_enum)]
    pub(crate) cloud: Option<CloudName>,
    /// The names of another cloud: the output of `az cloud show`.
    #[arg(long, value_name = "FILE", conflicts_with = "cloud")]
    pub(crate) cloud_file: Option<PathBuf>,
    /// What the address of the server should be; anything else is an error.
    #[arg(long, value_enum)]
    pub(crate) expect: Option<Expected>,
    /// The tenant that issues the token; AZURE_TENANT_ID by default.
    #[arg(long, value_name = "ID|DOMAIN")]
    pub(crate) tenant: Option<String>,
}

/// `--cloud`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CloudName {
    /// Azure public cloud.
    Public,
    /// Azure US Government.
    #[value(name = "usgov")]
    UsGov,
    /// Azure operated by 21Vianet.
    China,
}

/// `--expect`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Expected {
    /// An address of a virtual network.
    Private,
    /// An address of the internet.
    Public,
}

impl TargetOptions {
    /// The same for the resolution of the target.
    #[must_use]
    pub(crate) fn to_args(&self) -> TargetArgs {
        TargetArgs {
            conninfo: self.conninfo.clone(),
            host: self.host.clone(),
            port: self.login.port.clone(),
            username: self.login.username.clone(),
            dbname: self.login.dbname.clone(),
            cloud: self.login.cloud.map(|cloud| match cloud {
                CloudName::Public => CloudKind::Public,
                CloudName::UsGov => CloudKind::UsGov,
                CloudName::China => CloudKind::China,
            }),
            cloud_file: self.login.cloud_file.clone(),
            expect: self.login.expect.map(|expected| match expected {
                Expected::Private => AddressClass::Private,
                Expected::Public => AddressClass::Public,
            }),
            tenant: self.login.tenant.clone(),
            defaults: Vec::new(),
        }
    }
}
