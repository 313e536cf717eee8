//! Which login is meant, exactly as libpq reads it.

use crate::{environment::Environment, secret::Secret, usage::UsageError};
use entra_pg_checks::{
    Fact,
    facts::{
        cloud::{Cloud, CloudKind},
        settings::{AddressClass, Origin, Setting, Settings},
    },
};
use std::path::PathBuf;

/// What the command line says of the target.
#[derive(Clone, Debug, Default)]
pub struct TargetArgs {
    /// A connection string or URI.
    pub conninfo: Option<String>,
    /// `--host`.
    pub host: Option<String>,
    /// `--port`.
    pub port: Option<String>,
    /// `--username`.
    pub username: Option<String>,
    /// `--dbname`.
    pub dbname: Option<String>,
    /// `--cloud`.
    pub cloud: Option<CloudKind>,
    /// `--cloud-file`.
    pub cloud_file: Option<PathBuf>,
    /// `--expect`.
    pub expect: Option<AddressClass>,
    /// `--tenant`.
    pub tenant: Option<String>,
}

/// The settings, and the password that libpq would use.
///
/// # Errors
/// What was typed cannot be understood.
pub fn resolve(
    _args: &TargetArgs,
    _environment: &Environment,
) -> Result<(Settings, Option<Secret>), UsageError> {
    fn setting<T>(value: T) -> Setting<T> {
        Setting {
            value,
            origin: Origin::Default,
        }
    }
    let settings = Settings {
        host: None,
        hostaddr: None,
        port: setting(5432),
        database: setting("postgres".to_owned()),
        user: None,
        sslmode: setting("prefer".to_owned()),
        sslrootcert: None,
        channel_binding: setting("prefer".to_owned()),
        require_auth: None,
        password: None,
        passfile: Fact::default(),
        overridden: Vec::new(),
        ignored: Vec::new(),
        cloud: setting(Cloud::public()),
        expect: None,
        tenant: None,
    };
    Ok((settings, None))
}
