//! The login that psql would make, exactly as libpq reads it, with the origin of every value:
//! connection string over command line over service file over environment over default.

mod conninfo;
pub(crate) mod foreign;
mod given;
mod hosts;
pub(crate) mod keywords;
mod misplaced;
pub(crate) mod options;
pub(crate) mod passfile;
pub mod request;
mod roots;
pub(crate) mod service;
pub(crate) mod uri;
pub(crate) mod usage;

use crate::{
    environment::Environment, environment::vantage, input, net::endpoint, secret::Secret,
    settings::usage::UsageError,
};
use entra_pg_checks::{
    Fact,
    facts::{
        cloud::{Cloud, CloudKind},
        settings::{AddressClass, Converted, Libpq, Origin, Setting, Settings},
    },
};
use given::Given;
use keywords::Pairs;
pub(crate) use misplaced::misplaced_secrets;
use options::Version;
use passfile::Wanted;
use std::path::{Path, PathBuf};

/// What the command line says of the target.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetArgs {
    /// A connection string or URI.
    pub(crate) conninfo: Option<String>,
    /// `--host`.
    pub(crate) host: Option<String>,
    /// `--port`.
    pub(crate) port: Option<String>,
    /// `--username`.
    pub(crate) username: Option<String>,
    /// `--dbname`.
    pub(crate) dbname: Option<String>,
    /// `--cloud`.
    pub(crate) cloud: Option<CloudKind>,
    /// `--cloud-file`.
    pub(crate) cloud_file: Option<PathBuf>,
    /// `--expect`.
    pub(crate) expect: Option<AddressClass>,
    /// `--tenant`.
    pub(crate) tenant: Option<String>,
    /// Logins that count, in this order, for what the fields above do not say: the defaults of a fleet.
    pub(crate) defaults: Vec<TargetArgs>,
}

/// The settings, and the password that libpq would use.
///
/// # Errors
/// What was typed, or a file that it names, cannot be understood: by no release of libpq.
pub(crate) fn resolve(
    args: &TargetArgs,
    environment: &Environment,
) -> Result<(Settings, Option<Secret>), UsageError> {
    let typed = args.conninfo.as_deref().or(args.dbname.as_deref()).unwrap_or_default();
    let (args, converted) = with_converted(args);
    let args = &args;
    let texts = [args.conninfo.as_deref(), args.dbname.as_deref().filter(|_| args.host.is_none())];
    if let Some(error) = texts.into_iter().flatten().find_map(foreign::misread) {
        return Err(error);
    }
    let readings = given::readings(args, environment);
    let (reading, others) = readings.map_err(|error| with_line(error, typed))?;
    let libpq =
        Libpq { version: reading.version.number(), differences: reading.differences(&others) };
    let given = settings(args, environment, &reading.given, libpq);
    let (mut settings, port_text) = given.map_err(|error| {
        // Others are about the options.
        if error.message.contains("the connection") { with_line(error, typed) } else { error }
    })?;
    settings.converted = converted;
    let password = password(&reading.given, &port_text, &mut settings, environment);
    Ok((settings, password))
}

/// The error for a connection string that cannot be read, with the `doctor` line to type instead.
fn with_line(mut error: UsageError, text: &str) -> UsageError {
    if let Some(line) = foreign::doctor_line(text) {
        error.suggestion = Some(match error.suggestion {
            Some(first) => format!("{first}\n or: {line}"),
            None => line,
        });
    }
    error
}

/// The arguments with a connection string in libpq's form, if it is in the form of another driver.
fn with_converted(args: &TargetArgs) -> (TargetArgs, Option<Converted>) {
    let mut args = args.clone();
    for defaults in &mut args.defaults {
        *defaults = with_converted(defaults).0;
    }
    let conversions = [
        (&mut args.conninfo, foreign::convert as fn(&str) -> Option<foreign::Conversion>),
        (&mut args.dbname, foreign::convert_database),
    ];
    let mut converted = None;
    for (text, convert) in conversions {
        if let Some(conversion) = text.as_deref().and_then(convert) {
            *text = Some(conversion.conninfo);
            converted.get_or_insert(conversion.converted);
        }
    }
    (args, converted)
}

/// The settings by the rules of one release, as the differential test compares them, and the password.
///
/// # Errors
/// That release refuses them.
pub(crate) fn resolve_as(
    version: Version,
    args: &TargetArgs,
    environment: &Environment,
) -> Result<(Settings, Option<Secret>), UsageError> {
    let given = Given::collect(args, environment, version)?;
    let libpq = Libpq { version: version.number(), differences: Vec::new() };
    let (mut settings, port_text) = settings(args, environment, &given, libpq)?;
    let password = password(&given, &port_text, &mut settings, environment);
    Ok((settings, password))
}

fn settings(
    args: &TargetArgs,
    environment: &Environment,
    given: &Given,
    libpq: Libpq,
) -> Result<(Settings, String), UsageError> {
    let hosts = hosts::read(given.get("host"), given.get("hostaddr"), given.get("port"))?;
    let user = match given.get("user").filter(|user| !user.value.is_empty()) {
        Some(user) => Some(user),
        None => vantage::os_user(environment)
            .map(|name| Setting { value: name, origin: Origin::Default }),
    };
    let database = match given.get("dbname").filter(|name| !name.value.is_empty()) {
        Some(database) => database,
        None => Setting {
            value: user.as_ref().map(|user| user.value.clone()).unwrap_or_default(),
            origin: Origin::Default,
        },
    };
    let cloud = cloud(args, hosts.host.as_ref())?;
    // Source: PostgreSQL documentation, libpq, sslrootcert: `system` makes the strongest mode the default.
    let by_system = libpq.reading() >= 16
        && given.get("sslrootcert").is_some_and(|roots| roots.value == "system");
    let sslmode = given.or_default("sslmode", if by_system { "verify-full" } else { "prefer" });
    let settings = Settings {
        port: hosts.port,
        database,
        sslrootcert: roots::named(given.get("sslrootcert"), &sslmode.value, environment),
        sslmode: Setting { value: sslmode.value.as_str().into(), origin: sslmode.origin },
        channel_binding: given.or_default("channel_binding", "prefer"),
        require_auth: given.get("require_auth"),
        hostaddr: hosts.hostaddr,
        next_hosts: hosts.next,
        password: None,
        passfile: Fact::not_applicable("there is no password file"),
        overridden: given.overridden(),
        others: given.others(environment),
        libpq,
        converted: None,
        cloud,
        expect: args.expect,
        tenant: args.tenant.clone().map(|value| flag("--tenant", value)),
        authority: environment.get("AZURE_AUTHORITY_HOST").map(|value| Setting {
            value: value.to_owned(),
            origin: Origin::Environment { variable: "AZURE_AUTHORITY_HOST".to_owned() },
        }),
        misplaced_secrets: Vec::new(),
        host: hosts.host,
        user,
    };
    Ok((settings, hosts.port_text))
}

/// A connection string or URI, or the name of a database.
pub(crate) fn parse(text: &str, version: Version) -> Result<(Pairs, Origin), UsageError> {
    if uri::is_uri(text) {
        Ok((uri::parse(text, version)?, Origin::Uri))
    } else if text.contains('=') {
        Ok((conninfo::parse(text, version)?, Origin::Conninfo))
    } else {
        // The first plain argument of psql is the database.
        Ok((vec![("dbname".to_owned(), text.to_owned())], Origin::Conninfo))
    }
}

fn flag(name: &str, value: String) -> Setting<String> {
    Setting { value, origin: Origin::Flag { name: name.to_owned() } }
}

fn cloud(args: &TargetArgs, host: Option<&Setting<String>>) -> Result<Setting<Cloud>, UsageError> {
    if let Some(path) = &args.cloud_file {
        let origin = Origin::File { path: path.display().to_string() };
        return Ok(Setting { value: cloud_file(path)?, origin });
    }
    if let Some(kind) = args.cloud {
        let cloud = Cloud::built_in().iter().find(|cloud| cloud.kind == kind);
        let origin = Origin::Flag { name: "--cloud".to_owned() };
        return Ok(Setting { value: cloud.cloned().unwrap_or_default(), origin });
    }
    Ok(match host.and_then(|host| Cloud::of_server(&host.value)) {
        Some(cloud) => Setting {
            value: cloud.clone(),
            origin: Origin::Derived { from: "the server's DNS suffix".to_owned() },
        },
        None => Setting { value: Cloud::public(), origin: Origin::Default },
    })
}

/// `az cloud show` prints two kilobytes.
const CLOUD_FILE_LIMIT: u64 = 256 * 1024;

/// The output of `az cloud show`.
fn cloud_file(path: &Path) -> Result<Cloud, UsageError> {
    let name = path.display();
    let bytes = input::argument(path, CLOUD_FILE_LIMIT)
        .and_then(input::utf8)
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    let document: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| UsageError::new(format!("{name} is not JSON: {error}")))?;
    let endpoint = |key: &str| {
        let url = document["endpoints"][key].as_str().filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| {
            UsageError::new(format!("{name} has no endpoints.{key}"))
                .suggest("az cloud show --output json > cloud.json")
        })?;
        endpoint::https_host(url).map_err(|wrong| {
            UsageError::new(format!("{name}: endpoints.{key} cannot be used: {wrong}"))
                .suggest("a URL such as https://login.microsoftonline.com")
        })
    };
    let text = |pointer: &str| document.pointer(pointer).and_then(serde_json::Value::as_str);
    let lacks = |key: &str| {
        UsageError::new(format!("{name} has no {key}")).suggest(
            "az cloud show --output json > cloud.json, with endpoints.ossrdbmsResourceId set",
        )
    };
    let suffix = text("/suffixes/postgresqlServerEndpoint").unwrap_or_default();
    let suffix = suffix.trim_start_matches('.');
    if !suffix.is_empty() && !endpoint::is_plain_host(suffix) {
        return Err(UsageError::new(format!(
            "{name}: suffixes.postgresqlServerEndpoint is not a DNS suffix"
        )));
    }
    let audience = |key: &str| {
        let url = text(&format!("/endpoints/{key}")).filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| lacks(&format!("endpoints.{key}")))?;
        match endpoint::parse(url) {
            Ok(_) => Ok(url.to_owned()),
            Err(found) => Err(UsageError::new(format!(
                "{name}: endpoints.{key} cannot be used: {}",
                found.detail
            ))),
        }
    };
    let authority_host = endpoint("activeDirectory")?;
    // Another cloud's issuer is not guessed: where it is not known, it is not compared.
    let v1_issuer_host = Cloud::built_in()
        .iter()
        .find(|cloud| cloud.authority_host == authority_host)
        .map(|cloud| cloud.v1_issuer_host.clone())
        .unwrap_or_default();
    Ok(Cloud {
        kind: CloudKind::Custom,
        authority_host,
        graph_host: endpoint("microsoftGraphResourceId")?,
        resource_manager_host: endpoint("resourceManager")?,
        resource_manager_audience: audience("management")?,
        database_audience: audience("ossrdbmsResourceId")?,
        server_suffix: suffix.to_owned(),
        v1_issuer_host,
    })
}

fn password(
    given: &Given,
    port: &str,
    settings: &mut Settings,
    environment: &Environment,
) -> Option<Secret> {
    let password = given.get("password").filter(|password| !password.value.is_empty());
    if let Some(password) = password {
        settings.password = Some(password.origin);
        settings.passfile = Fact::not_applicable("a password is given, so libpq reads no file");
        return Some(Secret::new(password.value));
    }
    let path = match given.get("passfile").filter(|file| !file.value.is_empty()) {
        Some(file) => PathBuf::from(file.value),
        None => environment.libpq_file(".pgpass", "pgpass.conf")?,
    };
    let wanted = Wanted {
        host: settings.host.as_ref().map_or("", |host| host.value.as_str()),
        port,
        database: &settings.database.value,
        user: settings.user.as_ref().map_or("", |user| user.value.as_str()),
    };
    let (seen, password) = passfile::inspect(&path, &wanted)?;
    if let (Some(line), Some(_)) = (seen.matching_line, &password) {
        settings.password = Some(Origin::PassFile { path: seen.path.clone(), line });
    }
    settings.passfile = Fact::Seen(seen);
    password
}

#[cfg(test)]
mod tests;
