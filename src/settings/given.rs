//! Every value that was given, from every source, in libpq's order of precedence.

use super::{
    TargetArgs, flag,
    keywords::Pairs,
    options::{self, OPTIONS, Version},
    parse, service, uri,
};
use crate::{environment::Environment, settings::usage::UsageError};
use base64::{Engine, engine::general_purpose::STANDARD};
use entra_pg_checks::facts::settings::{
    LibpqDifference, Origin, OtherSetting, Overridden, Setting,
};

/// Keywords that have a field of their own in the settings.
const FIELDS: [&str; 12] = [
    "service",
    "user",
    "password",
    "passfile",
    "channel_binding",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "sslmode",
    "sslrootcert",
    "require_auth",
];

/// Variables that libpq sends to the server as parameters of the session, without a keyword.
/// Source: PostgreSQL documentation, libpq, "Environment Variables".
const SESSION_VARIABLES: [&str; 3] = ["PGDATESTYLE", "PGTZ", "PGGEQO"];

/// Every value that was given, the winners first.
pub(super) struct Given(Vec<Value>);

/// A keyword and its value.
type Value = (String, Setting<String>);

/// The settings as one release of libpq reads them.
pub(super) struct Reading {
    pub(super) version: Version,
    pub(super) given: Given,
}

/// What another release does with the settings.
pub(super) type OtherReading = (Version, Result<Given, UsageError>);

/// The reading of the newest release that accepts the settings, and what every other release makes of
/// them.
///
/// # Errors
/// No release accepts them.
pub(super) fn readings(
    args: &TargetArgs,
    environment: &Environment,
) -> Result<(Reading, Vec<OtherReading>), UsageError> {
    let mut reading = None;
    let mut others = Vec::new();
    let mut first_refusal = None;
    for version in Version::NEWEST_FIRST {
        match Given::collect(args, environment, version) {
            Ok(given) if reading.is_none() => reading = Some(Reading { version, given }),
            Ok(given) => others.push((version, Ok(given))),
            Err(refusal) => {
                first_refusal.get_or_insert_with(|| refusal.clone());
                others.push((version, Err(refusal)));
            }
        }
    }
    match (reading, first_refusal) {
        (Some(reading), _) => Ok((reading, others)),
        (None, Some(refusal)) => Err(refusal),
        (None, None) => Err(UsageError::new("the settings cannot be read")),
    }
}

impl Reading {
    /// How other releases differ, neighbors with the same difference in one entry.
    pub(super) fn differences(&self, others: &[OtherReading]) -> Vec<LibpqDifference> {
        let mut found: Vec<(Vec<Version>, LibpqDifference)> = Vec::new();
        // The oldest first, so that "libpq 15 to 17" reads in order.
        for (version, outcome) in others.iter().rev() {
            let Some(difference) = self.difference(*version, outcome) else { continue };
            match found.iter_mut().find(|(_, known)| known.same_as(&difference)) {
                Some((versions, _)) => versions.push(*version),
                None => found.push((vec![*version], difference)),
            }
        }
        let named = |(versions, mut difference): (Vec<Version>, LibpqDifference)| {
            difference.versions = match versions.as_slice() {
                [first, .., last] => format!("{first} to {}", last.number()),
                [only] => only.to_string(),
                [] => String::new(),
            };
            difference
        };
        found.into_iter().map(named).collect()
    }

    fn difference(
        &self,
        version: Version,
        outcome: &Result<Given, UsageError>,
    ) -> Option<LibpqDifference> {
        let newer = version > self.version;
        let entry = |refused, detail| {
            Some(LibpqDifference { versions: String::new(), refused, newer, detail })
        };
        match outcome {
            Err(refusal) => entry(true, refusal.message.clone()),
            Ok(given) => {
                let different = OPTIONS.iter().find(|option| {
                    option.since <= version
                        && given.get(option.keyword).map(|setting| setting.value)
                            != self.given.get(option.keyword).map(|setting| setting.value)
                })?;
                let value = given.get(different.keyword).map(|setting| setting.value);
                let detail = match value {
                    _ if different.secret => format!("another {}", different.keyword),
                    Some(value) => format!("{} is \"{value}\"", different.keyword),
                    None => format!("{} is not set", different.keyword),
                };
                entry(false, detail)
            }
        }
    }
}

trait SameAs {
    fn same_as(&self, other: &Self) -> bool;
}

impl SameAs for LibpqDifference {
    /// Messages about a release name it, so they are compared without digits.
    fn same_as(&self, other: &Self) -> bool {
        let plain = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        self.refused == other.refused
            && self.newer == other.newer
            && plain(&self.detail) == plain(&other.detail)
    }
}

impl Given {
    /// Collects the values of every source.
    ///
    /// # Errors
    /// The release refuses a connection string or the service file.
    pub(super) fn collect(
        args: &TargetArgs,
        environment: &Environment,
        version: Version,
    ) -> Result<Self, UsageError> {
        let mut values = Vec::new();
        let mut service = None;
        for layer in std::iter::once(args).chain(&args.defaults) {
            values.extend(typed(layer, version)?);
            if service.is_none() {
                service = find(&values, "service").map(|setting| setting.value.clone());
                values.extend(of_service(service.as_deref(), environment, version)?);
            }
        }
        if service.is_none() {
            values.extend(of_service(environment.raw("PGSERVICE"), environment, version)?);
        }
        for option in OPTIONS.iter().filter(|option| option.since <= version) {
            // A variable that is set but empty is a value: libpq refuses an empty PGSSLMODE.
            let variable = option.variable.and_then(|name| Some((name, environment.raw(name)?)));
            if let Some((name, value)) = variable
                && name != "PGSERVICE"
            {
                values.push((option.keyword.to_owned(), of_variable(name, value)));
            }
        }
        // The deprecated PGREQUIRESSL counts where nothing else sets the mode.
        if environment.raw("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
            values.push(("sslmode".to_owned(), of_variable("PGREQUIRESSL", "require")));
        }
        for (keyword, setting) in &mut values {
            if keyword == "host" || keyword == "hostaddr" {
                setting.value = without_password(&setting.value);
            }
        }
        Ok(Self(values))
    }

    pub(super) fn get(&self, keyword: &str) -> Option<Setting<String>> {
        find(&self.0, keyword).cloned()
    }

    pub(super) fn or_default(&self, keyword: &str, default: &str) -> Setting<String> {
        self.get(keyword)
            .unwrap_or_else(|| Setting { value: default.to_owned(), origin: Origin::Default })
    }

    /// Values that another source overrides; secrets excepted.
    pub(super) fn overridden(&self) -> Vec<Overridden> {
        let mut lost = Vec::new();
        for (index, (keyword, loser)) in self.0.iter().enumerate() {
            let winner = self.0[..index].iter().find(|(earlier, _)| earlier == keyword);
            if let Some((_, winner)) = winner
                && winner.value != loser.value
                && !is_secret(keyword)
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

    /// Settings without a field of their own, so that none is dropped.
    pub(super) fn others(&self, environment: &Environment) -> Vec<OtherSetting> {
        let mut others: Vec<OtherSetting> = OPTIONS
            .iter()
            .filter(|option| !FIELDS.contains(&option.keyword))
            .filter_map(|option| {
                let Setting { value, origin } = self.get(option.keyword)?;
                let refused =
                    is_scram_key(option.keyword).then(|| scram_key(option.keyword, &value));
                let value = (!option.secret).then_some(value);
                let keyword = option.keyword.to_owned();
                Some(OtherSetting { keyword, value, origin, refused: refused.flatten() })
            })
            .collect();
        others.extend(SESSION_VARIABLES.iter().filter_map(|name| {
            let Setting { value, origin } = of_variable(name, environment.raw(name)?);
            let keyword = (*name).to_owned();
            Some(OtherSetting { keyword, value: Some(value), origin, refused: None })
        }));
        others
    }
}

fn find<'a>(values: &'a [Value], keyword: &str) -> Option<&'a Setting<String>> {
    values.iter().find(|(known, _)| known == keyword).map(|(_, setting)| setting)
}

/// The settings of a service, if one is named; its name may be empty.
fn of_service(
    name: Option<&str>,
    environment: &Environment,
    version: Version,
) -> Result<Vec<Value>, UsageError> {
    let Some(name) = name else { return Ok(Vec::new()) };
    let (pairs, path) = service::find(name, environment, version)?;
    Ok(with_origin(pairs, &Origin::ServiceFile { path, service: name.to_owned() }).collect())
}

/// The values of the command line. As in psql, a connection string overrides the options, and an
/// empty option counts as not given.
fn typed(args: &TargetArgs, version: Version) -> Result<Vec<Value>, UsageError> {
    let is_string = |text: &str| uri::is_uri(text) || text.contains('=');
    let (mut strings, mut plain) = (Vec::new(), Vec::new());
    let mut username = args.username.clone();
    let mut username_flag = "--username";
    if let Some(text) = args.conninfo.as_deref().filter(|text| !text.is_empty()) {
        match &args.dbname {
            _ if is_string(text) => strings.push(text),
            // psql reads a second plain name as the user.
            Some(_) => {
                if username.is_none() {
                    username = Some(text.to_owned());
                    username_flag = "the command line";
                }
            }
            None => {
                plain.push(("dbname", Setting { value: text.to_owned(), origin: Origin::Conninfo }))
            }
        }
    }
    if let Some(text) = args.dbname.as_deref().filter(|text| !text.is_empty()) {
        if is_string(text) {
            strings.push(text);
        } else {
            plain.push(("dbname", flag("--dbname", text.to_owned())));
        }
    }
    let mut values = Vec::new();
    for text in strings {
        let (pairs, origin) = parse(text, version)?;
        values.extend(with_origin(pairs, &origin));
    }
    let flags = [
        ("host", "--host", args.host.clone()),
        ("port", "--port", args.port.clone()),
        ("user", username_flag, username),
    ];
    for (keyword, name, value) in flags {
        let value = value.filter(|value| !value.is_empty());
        values.extend(value.map(|value| (keyword.to_owned(), flag(name, value))));
    }
    values.extend(plain.into_iter().map(|(keyword, setting)| (keyword.to_owned(), setting)));
    Ok(values)
}

/// Of a keyword that is written twice in one string, the last counts.
/// Hosts as typed, without the password of a login such as `alice:secret@host`.
fn without_password(hosts: &str) -> String {
    let plain = |host: &str| match host.rsplit_once('@') {
        Some((login, name)) if !host.starts_with('/') => match login.split_once(':') {
            Some((user, password)) if !password.is_empty() => format!("{user}:***@{name}"),
            _ => host.to_owned(),
        },
        Some(_) | None => host.to_owned(),
    };
    // A password may contain the comma that separates hosts.
    if hosts.contains(',') && hosts.contains(':') && hosts.contains('@') {
        return plain(hosts);
    }
    hosts.split(',').map(plain).collect::<Vec<String>>().join(",")
}

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

fn of_variable(name: &str, value: &str) -> Setting<String> {
    let origin = Origin::Environment { variable: name.to_owned() };
    Setting { value: value.to_owned(), origin }
}

fn is_secret(keyword: &str) -> bool {
    options::find(keyword, Version::V18).is_some_and(|option| option.secret)
}

fn is_scram_key(keyword: &str) -> bool {
    matches!(keyword, "scram_client_key" | "scram_server_key")
}

/// Why libpq refuses a SCRAM key: it must be 32 bytes in base64.
fn scram_key(keyword: &str, value: &str) -> Option<String> {
    let what = if keyword == "scram_client_key" { "client" } else { "server" };
    match STANDARD.decode(value) {
        Err(_) => Some(format!("invalid SCRAM {what} key")),
        Ok(key) if key.len() != 32 => {
            Some(format!("invalid SCRAM {what} key length: {}", key.len()))
        }
        Ok(_) => None,
    }
}
