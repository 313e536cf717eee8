//! Which login is meant, exactly as libpq reads it: command line over connection string over service
//! file over environment over default, with the origin of every value.

mod conninfo;
mod hosts;
pub(crate) mod keywords;
pub(crate) mod passfile;
pub mod request;
mod roots;
pub(crate) mod service;
pub(crate) mod uri;
pub mod usage;

use crate::{
    environment::Environment, environment::vantage, secret::Secret, settings::usage::UsageError,
};
use entra_pg_checks::{
    Fact,
    facts::{
        cloud::{Cloud, CloudKind},
        settings::{AddressClass, Origin, Overridden, Setting, Settings},
    },
};
use keywords::{Pairs, USED};
use passfile::Wanted;
use std::path::{Path, PathBuf};

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
/// What was typed, or a file that it names, cannot be understood.
pub fn resolve(
    args: &TargetArgs,
    environment: &Environment,
) -> Result<(Settings, Option<Secret>), UsageError> {
    let values = Values::collect(args, environment)?;
    let hosts = hosts::read(values.get("host"), values.get("hostaddr"), values.get("port"))?;
    let user = match values.get("user").filter(|user| !user.value.is_empty()) {
        Some(user) => Some(user),
        None => vantage::os_user(environment)
            .map(|name| Setting { value: name, origin: Origin::Default }),
    };
    let database = match values.get("dbname").filter(|name| !name.value.is_empty()) {
        Some(database) => database,
        None => Setting {
            value: user.as_ref().map(|user| user.value.clone()).unwrap_or_default(),
            origin: Origin::Default,
        },
    };
    let cloud = cloud(args, hosts.host.as_ref())?;
    // Source: PostgreSQL documentation, libpq, sslrootcert: `system` makes the strongest mode the default.
    let by_system = values.get("sslrootcert").is_some_and(|roots| roots.value == "system");
    let sslmode = values.or_default("sslmode", if by_system { "verify-full" } else { "prefer" });
    let mut settings = Settings {
        port: hosts.port,
        database,
        sslrootcert: roots::named(values.get("sslrootcert"), &sslmode.value, environment),
        sslmode,
        channel_binding: values.or_default("channel_binding", "prefer"),
        require_auth: values.get("require_auth"),
        hostaddr: hosts.hostaddr,
        next_hosts: hosts.next,
        password: None,
        passfile: Fact::not_applicable("there is no password file"),
        overridden: values.overridden(),
        ignored: values.ignored(),
        cloud,
        expect: args.expect,
        tenant: args.tenant.clone().map(|value| flag("--tenant", value)),
        authority: environment.get("AZURE_AUTHORITY_HOST").map(|value| Setting {
            value: value.to_owned(),
            origin: Origin::Environment { variable: "AZURE_AUTHORITY_HOST".to_owned() },
        }),
        host: hosts.host,
        user,
    };
    let password = password(&values, &mut settings, environment);
    Ok((settings, password))
}

/// The keywords that a connection string or URI sets.
///
/// # Errors
/// It cannot be understood.
pub fn keywords(conninfo: &str) -> Result<Vec<String>, UsageError> {
    Ok(parse(conninfo)?.0.into_iter().map(|(keyword, _)| keyword).collect())
}

/// Every value that was given, the winners first.
struct Values(Vec<(String, Setting<String>)>);

impl Values {
    fn collect(args: &TargetArgs, environment: &Environment) -> Result<Self, UsageError> {
        let mut values = Vec::new();
        let flags = [
            ("host", "--host", &args.host),
            ("port", "--port", &args.port),
            ("user", "--username", &args.username),
        ];
        for (keyword, name, value) in flags {
            values.extend(value.clone().map(|value| (keyword.to_owned(), flag(name, value))));
        }
        // As in psql, the database may be a connection string.
        let mut strings: Vec<&String> = args.conninfo.iter().collect();
        match &args.dbname {
            Some(text) if uri::is_uri(text) || text.contains('=') => strings.push(text),
            Some(name) => {
                values.push(("dbname".to_owned(), flag("--dbname", name.clone())));
            }
            None => {}
        }
        for text in strings {
            let (pairs, origin) = parse(text)?;
            values.extend(with_origin(pairs, &origin));
        }
        let service = values
            .iter()
            .find(|(keyword, _)| keyword == "service")
            .map(|(_, setting)| setting.value.clone())
            .or_else(|| environment.get("PGSERVICE").map(str::to_owned));
        if let Some(name) = service {
            let (pairs, path) = service::find(&name, environment)?;
            values.extend(with_origin(pairs, &Origin::ServiceFile { path, service: name }));
        }
        for (keyword, variable) in VARIABLES {
            // An empty variable counts as not set, but for the fall-back to the system's user.
            let value = environment.get(variable).map(str::to_owned);
            let origin = Origin::Environment { variable: variable.to_owned() };
            values.extend(value.map(|value| (keyword.to_owned(), Setting { value, origin })));
        }
        Ok(Self(values))
    }

    fn get(&self, keyword: &str) -> Option<Setting<String>> {
        self.0.iter().find(|(known, _)| known == keyword).map(|(_, setting)| setting.clone())
    }

    fn or_default(&self, keyword: &str, default: &str) -> Setting<String> {
        self.get(keyword)
            .unwrap_or_else(|| Setting { value: default.to_owned(), origin: Origin::Default })
    }

    /// Values that another origin won over; secrets excepted.
    fn overridden(&self) -> Vec<Overridden> {
        let mut lost = Vec::new();
        for (index, (keyword, loser)) in self.0.iter().enumerate() {
            let winner = self.0[..index].iter().find(|(earlier, _)| earlier == keyword);
            if let Some((_, winner)) = winner
                && winner.value != loser.value
                && keyword != "password"
            {
                lost.push(Overridden {
                    keyword: keyword.clone(),
                    value: loser.value.clone(),
                    origin: loser.origin.clone(),
                    used: winner.value.clone(),
                    winner: winner.origin.clone(),
                });
            }
        }
        lost
    }

    fn ignored(&self) -> Vec<String> {
        let unused = |keyword: &&String| !USED.contains(&keyword.as_str());
        self.0.iter().map(|(keyword, _)| keyword).filter(unused).cloned().collect()
    }
}

/// libpq's environment. Source: PostgreSQL documentation, "Environment Variables".
const VARIABLES: [(&str, &str); 11] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("require_auth", "PGREQUIREAUTH"),
];

/// A connection string or URI, or the name of a database.
pub(crate) fn parse(text: &str) -> Result<(Pairs, Origin), UsageError> {
    if uri::is_uri(text) {
        Ok((uri::parse(text)?, Origin::Uri))
    } else if text.contains('=') {
        Ok((conninfo::parse(text)?, Origin::Conninfo))
    } else {
        // psql's first plain argument is the database.
        Ok((vec![("dbname".to_owned(), text.to_owned())], Origin::Conninfo))
    }
}

/// Of a keyword that is written twice in one string, the last counts.
fn with_origin(pairs: Pairs, origin: &Origin) -> impl Iterator<Item = (String, Setting<String>)> {
    let mut last = Pairs::new();
    for (keyword, value) in pairs {
        last.retain(|(known, _)| *known != keyword);
        last.push((keyword, value));
    }
    let origin = origin.clone();
    last.into_iter()
        .map(move |(keyword, value)| (keyword, Setting { value, origin: origin.clone() }))
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
        let cloud = Cloud::built_in().into_iter().find(|cloud| cloud.kind == kind);
        let origin = Origin::Flag { name: "--cloud".to_owned() };
        return Ok(Setting { value: cloud.unwrap_or_default(), origin });
    }
    Ok(match host.and_then(|host| Cloud::of_server(&host.value)) {
        Some(value) => Setting {
            value,
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
    let text = crate::input::text(path, CLOUD_FILE_LIMIT)
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    let document: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| UsageError::new(format!("{name} is not JSON: {error}")))?;
    let endpoint = |key: &str| {
        document["endpoints"][key].as_str().map(host_of).filter(|host| !host.is_empty()).ok_or_else(
            || {
                UsageError::new(format!("{name} has no endpoints.{key}"))
                    .suggest("az cloud show --output json > cloud.json")
            },
        )
    };
    let text = |pointer: &str| document.pointer(pointer).and_then(serde_json::Value::as_str);
    let lacks = |key: &str| {
        UsageError::new(format!("{name} has no {key}")).suggest(
            "az cloud show --output json > cloud.json, with endpoints.ossrdbmsResourceId set",
        )
    };
    let suffix = text("/suffixes/postgresqlServerEndpoint").unwrap_or_default();
    let authority_host = endpoint("activeDirectory")?;
    // Another cloud's issuer is not guessed: where it is not known, it is not compared.
    let v1_issuer_host = Cloud::built_in()
        .into_iter()
        .find(|cloud| cloud.authority_host == authority_host)
        .map(|cloud| cloud.v1_issuer_host)
        .unwrap_or_default();
    Ok(Cloud {
        kind: CloudKind::Custom,
        authority_host,
        graph_host: endpoint("microsoftGraphResourceId")?,
        resource_manager_host: endpoint("resourceManager")?,
        resource_manager_audience: text("/endpoints/management")
            .ok_or_else(|| lacks("endpoints.management"))?
            .to_owned(),
        database_audience: text("/endpoints/ossrdbmsResourceId")
            .filter(|audience| !audience.is_empty())
            .ok_or_else(|| lacks("endpoints.ossrdbmsResourceId"))?
            .to_owned(),
        server_suffix: suffix.trim_start_matches('.').to_owned(),
        v1_issuer_host,
    })
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default().to_owned()
}

fn password(values: &Values, settings: &mut Settings, environment: &Environment) -> Option<Secret> {
    let given = values.get("password").filter(|password| !password.value.is_empty());
    if let Some(password) = given {
        settings.password = Some(password.origin);
        settings.passfile = Fact::not_applicable("a password is given, so libpq reads no file");
        return Some(Secret::new(password.value));
    }
    let path = match values.get("passfile") {
        Some(file) => PathBuf::from(file.value),
        None => environment.libpq_file(".pgpass", "pgpass.conf")?,
    };
    let wanted = Wanted {
        host: settings.host.as_ref().map_or("localhost", |host| host.value.as_str()),
        port: settings.port.value,
        database: &settings.database.value,
        user: settings.user.as_ref().map_or("", |user| user.value.as_str()),
    };
    let (seen, password) = passfile::look(&path, &wanted)?;
    if let (Some(line), Some(_)) = (seen.matching_line, &password) {
        settings.password = Some(Origin::PassFile { path: seen.path.clone(), line });
    }
    settings.passfile = Fact::Seen(seen);
    password
}

#[cfg(test)]
mod tests;
