//! The list of a fleet: TOML, JSON, what `az postgres flexible-server list` prints, or lines.

use crate::settings::usage::UsageError;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Map, Value};

/// More targets than this in one list are a mistake.
const MOST: usize = 20_000;
/// Values in a list in JSON: `az` prints about 60 per server.
const MOST_VALUES: usize = 100_000;
/// A list in TOML is read as a whole before its targets are counted.
const TOML_LIMIT: usize = 2 * 1024 * 1024;

/// One target as it is written; what is not written is taken from the list's defaults, then from the
/// command line, then from the environment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Item {
    /// The name in the matrix.
    pub(crate) name: Option<String>,
    /// A connection string or URI.
    pub(crate) conninfo: Option<String>,
    /// The server.
    pub(crate) host: Option<String>,
    /// Its port.
    pub(crate) port: Option<u16>,
    /// The role to log in as.
    #[serde(alias = "username")]
    pub(crate) user: Option<String>,
    /// The database.
    #[serde(alias = "database")]
    pub(crate) dbname: Option<String>,
    /// As `--credential`.
    pub(crate) credential: Option<String>,
    /// As `--client-id`.
    pub(crate) client_id: Option<String>,
    /// As `--tenant`.
    pub(crate) tenant: Option<String>,
    /// As `--token-file`.
    pub(crate) token_file: Option<String>,
    /// As `--cloud`.
    pub(crate) cloud: Option<String>,
    /// As `--expect`.
    pub(crate) expect: Option<String>,
    /// The login of the list's defaults: it counts only if the target itself says nothing, not even in
    /// its connection string.
    #[serde(skip)]
    pub(crate) defaults: Option<Box<Item>>,
    /// Why this resource of Azure cannot be tested. It has no host then.
    #[serde(skip)]
    pub(crate) untestable: Option<String>,
}

/// Reads a list; the first character decides its format.
///
/// # Errors
/// It is in none of the forms, or holds a key that is not known.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, UsageError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut head = text.trim_start().chars().filter(|character| !character.is_whitespace());
    let items = match (head.next(), head.next()) {
        (Some('{'), _) | (Some('['), Some('{' | '"' | ']')) => document(json(text)?)?,
        // A table's head, or a key and a table below it.
        (Some('['), _) => document(toml(text)?)?,
        _ if looks_like_toml(text) => document(toml(text)?)?,
        _ if looks_like_yaml(text) => {
            return Err(UsageError::new("the list is YAML")
                .suggest("az postgres flexible-server list -o json | entra-pg fleet - -U …"));
        }
        _ => lines(text),
    };
    match items.len() {
        0 => Err(UsageError::new("the list holds no target").suggest(EXAMPLE)),
        many if many > MOST => Err(UsageError::new(format!("more than {MOST} targets in a list"))),
        _ => Ok(items),
    }
}

/// Identifies a list: results of different lists are not joined.
#[must_use]
pub(crate) fn digest_of(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

const EXAMPLE: &str = "a line such as host=….postgres.database.azure.com user=…, or\n  \
    az postgres flexible-server list -o json | entra-pg fleet - -U …";

fn json(text: &str) -> Result<Value, UsageError> {
    crate::json::document(text.as_bytes(), MOST_VALUES)
        .map_err(|error| UsageError::new(format!("the list is not valid JSON: {error}")))
}

fn toml(text: &str) -> Result<Value, UsageError> {
    if text.len() > TOML_LIMIT {
        return Err(UsageError::new("the list is longer than 2 MiB of TOML")
            .suggest("JSON, or one connection string per line"));
    }
    toml::from_str(text).map_err(|error| {
        UsageError::new(format!("the list is not valid TOML: {}", error.to_string().trim_end()))
    })
}

/// Keys with a colon, as `az … -o yaml` writes them; a connection string has none at the beginning.
fn looks_like_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    lines.any(|line| {
        ["fullyQualifiedDomainName:", "authConfig:", "administratorLogin:"]
            .iter()
            .any(|key| line.starts_with(key))
    })
}

/// Comments before the first table are TOML's, and so is a table anywhere at a line's beginning.
fn looks_like_toml(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("[[target") || line.starts_with("[defaults]"))
}

fn document(document: Value) -> Result<Vec<Item>, UsageError> {
    let (defaults, targets) = match document {
        Value::Array(targets) => (Item::default(), targets),
        Value::Object(mut object) => {
            // A page of the REST API, or a result of Resource Graph.
            let mut lists = ["value", "data"].into_iter();
            let list = lists.find(|key| object.get(*key).is_some_and(Value::is_array));
            if let Some(Value::Array(targets)) = list.and_then(|key| object.remove(key)) {
                (Item::default(), targets)
            } else if is_azure(&object) {
                (Item::default(), vec![Value::Object(object)])
            } else {
                let defaults = object.remove("defaults").unwrap_or(Value::Object(Map::new()));
                let targets = object.remove("targets").or_else(|| object.remove("target"));
                if let Some(key) = object.keys().next() {
                    return Err(UsageError::new(format!("the list has an unknown key {key}"))
                        .suggest("[defaults] and [[target]], or a list of targets"));
                }
                let Some(Value::Array(targets)) = targets else {
                    return Err(UsageError::new("the list holds no target").suggest(EXAMPLE));
                };
                (item(defaults, "the defaults")?, targets)
            }
        }
        _ => return Err(UsageError::new("the list holds no target").suggest(EXAMPLE)),
    };
    let read =
        |(index, value)| Ok(target(value, &format!("target {}", index + 1))?.over(&defaults));
    targets.into_iter().enumerate().map(read).collect()
}

fn target(value: Value, place: &str) -> Result<Item, UsageError> {
    match value {
        Value::String(text) => Ok(line(&text)),
        Value::Object(object) if object.is_empty() => {
            Err(UsageError::new(format!("{place} is empty")).suggest(EXAMPLE))
        }
        Value::Object(object) if is_azure(&object) => Ok(azure(&object)),
        Value::Object(object) => item(Value::Object(object), place),
        _ => Err(UsageError::new(format!("{place} is neither a text nor an object"))),
    }
}

fn item(value: Value, place: &str) -> Result<Item, UsageError> {
    serde_json::from_value(value)
        .map_err(|error| UsageError::new(format!("{place}: {}", crate::json::message(&error))))
}

/// What Azure Resource Manager says of a flexible server.
fn is_azure(object: &Map<String, Value>) -> bool {
    let resource =
        |key: &str| object.get(key).and_then(Value::as_str).is_some_and(|text| text.contains('/'));
    object.contains_key("fullyQualifiedDomainName")
        || object.contains_key("properties")
        || resource("type")
        || resource("id")
}

/// Why a resource is no flexible server, by its type.
fn other_product(object: &Map<String, Value>) -> Option<String> {
    let kind = object.get("type").and_then(Value::as_str)?;
    (!kind.eq_ignore_ascii_case("Microsoft.DBforPostgreSQL/flexibleServers"))
        .then(|| format!("is of another product ({kind:.80})"))
}

fn azure(object: &Map<String, Value>) -> Item {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let host = object
        .get("fullyQualifiedDomainName")
        .or_else(|| object.get("properties")?.get("fullyQualifiedDomainName"));
    let name = object.get("name").and_then(text);
    let unnamed = || {
        let state = object.get("state").or_else(|| object.get("properties")?.get("state"));
        let state = state.and_then(text).unwrap_or_else(|| "state unknown".to_owned());
        format!("has no domain name yet ({state})")
    };
    match (other_product(object), host.and_then(text)) {
        (None, Some(host)) => Item { name, host: Some(host), ..Item::default() },
        // No other host must be tested under its name.
        (why, _) => {
            let why = why.unwrap_or_else(unnamed);
            let name = name.or_else(|| Some("(server without a name)".to_owned()));
            Item { name, untestable: Some(format!("not tested: it {why}")), ..Item::default() }
        }
    }
}

/// A connection string, a URI, or a bare host name in each line.
fn lines(text: &str) -> Vec<Item> {
    text.lines()
        .map(str::trim)
        .filter(|text| !text.is_empty() && !text.starts_with('#'))
        .map(line)
        .collect()
}

fn line(text: &str) -> Item {
    if text.contains('=') || text.contains("://") {
        return Item { conninfo: Some(text.to_owned()), ..Item::default() };
    }
    // A host with its port; more colons make an IPv6 address.
    let port = text.rsplit_once(':').filter(|(host, _)| !host.contains(':'));
    let port = port.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match port {
        Some((host, port)) => {
            Item { host: Some(host.to_owned()), port: Some(port), ..Item::default() }
        }
        None => Item { host: Some(text.to_owned()), ..Item::default() },
    }
}

impl Item {
    /// Adds the defaults. The login is kept apart, since a connection string is read later.
    fn over(self, defaults: &Self) -> Self {
        let or = |own: Option<String>, default: &Option<String>| own.or_else(|| default.clone());
        Self {
            defaults: Some(Box::new(defaults.clone())),
            credential: or(self.credential, &defaults.credential),
            client_id: or(self.client_id, &defaults.client_id),
            tenant: or(self.tenant, &defaults.tenant),
            token_file: or(self.token_file, &defaults.token_file),
            cloud: or(self.cloud, &defaults.cloud),
            expect: or(self.expect, &defaults.expect),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_toml_with_defaults() {
        let text = "# ours\n[defaults]\nuser = \"orders-app\"\nport = 6432\n\n\
            [[target]]\nhost = \"a\"\n\n[[target]]\nname = \"b\"\nconninfo = \"host=b\"\nuser = \"x\"\n";
        let items = parse(text).expect("a list");
        assert_eq!(items.len(), 2);
        let defaults = items[0].defaults.as_ref().expect("defaults");
        assert_eq!((items[0].host.as_deref(), defaults.port), (Some("a"), Some(6432)));
        assert_eq!(defaults.user.as_deref(), Some("orders-app"));
        assert_eq!((items[1].name.as_deref(), items[1].user.as_deref()), (Some("b"), Some("x")));
    }

    #[test]
    fn reads_what_az_prints() {
        let text = r#"[{"name": "pg1", "fullyQualifiedDomainName": "pg1.postgres.database.azure.com",
            "state": "Ready", "network": {"publicNetworkAccess": "Enabled"}},
            {"name": "pg2", "properties": {"fullyQualifiedDomainName": "pg2.x"}}]"#;
        let items = parse(text).expect("a list");
        assert_eq!(items[0].host.as_deref(), Some("pg1.postgres.database.azure.com"));
        assert_eq!(
            (items[1].name.as_deref(), items[1].host.as_deref()),
            (Some("pg2"), Some("pg2.x"))
        );
    }

    #[test]
    fn reads_lines() {
        let text = "# hosts\n\nhost=a user='Prod DB'\npostgresql://u@b/d\n  c.example \n";
        let items = parse(text).expect("a list");
        assert_eq!(items[0].conninfo.as_deref(), Some("host=a user='Prod DB'"));
        assert_eq!(items[1].conninfo.as_deref(), Some("postgresql://u@b/d"));
        assert_eq!(items[2].host.as_deref(), Some("c.example"));
        let items = parse("d.example:6432\nfd00::4\n").expect("a list");
        assert_eq!((items[0].host.as_deref(), items[0].port), (Some("d.example"), Some(6432)));
        assert_eq!((items[1].host.as_deref(), items[1].port), (Some("fd00::4"), None));
    }

    #[test]
    fn a_wrong_key_is_named_with_its_place() {
        let error = parse(r#"[{"host": "a"}, {"hots": "b"}]"#).expect_err("an unknown key");
        assert!(error.message.contains("target 2") && error.message.contains("hots"), "{error}");
        assert!(parse("[]").is_err() && parse("\n# nothing\n").is_err() && parse("[{").is_err());
        assert!(parse("[defaults]\nuser = \"x\"\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_list_is_survived(text: String) {
            // What comes of it is a list or an error.
            let _ = parse(&text);
        }
    }

    #[test]
    fn what_cannot_be_tested_has_no_other_host() {
        let text = r#"{"value": [{"name": "pg-new", "fullyQualifiedDomainName": null, "state": "Provisioning",
            "type": "Microsoft.DBforPostgreSQL/flexibleServers"},
            {"name": "my", "fullyQualifiedDomainName": "my.mysql.database.azure.com",
            "type": "Microsoft.DBforMySQL/flexibleServers"}]}"#;
        let items = parse(text).expect("a list");
        assert!(items.iter().all(|item| item.host.is_none()));
        let why: Vec<&str> = items.iter().filter_map(|item| item.untestable.as_deref()).collect();
        assert_eq!(why[0], "not tested: it has no domain name yet (Provisioning)");
        assert!(why[1].starts_with("not tested: it is of another product"), "{}", why[1]);
        assert!(parse("- authConfig:\n    passwordAuth: Disabled\n").is_err());
    }
}
