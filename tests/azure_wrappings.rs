//! Every kind of document in every casing, encoding and wrapping gives the same facts; the same document
//! of another product, of another server, or without content gives none, and says why.

use entra_pg::azure::read_files;
use entra_pg_checks::facts::azure::Azure;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

const HOST: &str = "pg-vnet.postgres.database.azure.com";
const SCHEMA: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

fn kinds() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/azure/kinds")
}

/// The documents of every kind: the name of the file without its extension, and the document.
fn documents() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(kinds()).expect("the fixtures");
    let mut all: Vec<(String, Value)> = files
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| {
            let name = path.file_stem()?.to_string_lossy().into_owned();
            let text = std::fs::read(&path).ok()?;
            (!name.starts_with("near-")).then(|| {
                (
                    name,
                    serde_json::from_str(&decoded(&text))
                        .unwrap_or_else(|error| panic!("{path:?}: {error}")),
                )
            })
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(all.len() > 40, "{}", all.len());
    all
}

/// PowerShell writes UTF-16.
fn decoded(bytes: &[u8]) -> String {
    let wide = bytes.strip_prefix(b"\xff\xfe").or((bytes.get(1) == Some(&0)).then_some(bytes));
    match wide {
        Some(wide) => {
            let units = wide.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).expect("UTF-16")
        }
        None => String::from_utf8(bytes.to_vec()).expect("UTF-8"),
    }
}

fn read(path: &Path) -> Azure {
    read_files(&[path.to_owned()], Some(HOST)).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The facts without the names of files, which differ.
fn facts(mut azure: Azure) -> Value {
    azure.sources.iter_mut().for_each(|one| one.from = String::new());
    azure.unused.clear();
    let mut value = serde_json::to_value(azure).expect("JSON");
    for one in
        value.pointer_mut("/measurements/seen").and_then(Value::as_array_mut).into_iter().flatten()
    {
        one["from"] = Value::Null;
    }
    for one in
        value.pointer_mut("/route_tables/seen").and_then(Value::as_array_mut).into_iter().flatten()
    {
        let effective = one["id"].as_str().is_some_and(|id| id.starts_with("effective:"));
        if effective {
            one["id"] = Value::Null;
        }
    }
    value
}

fn rekeyed(value: &Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let key = if key.starts_with('$') { key.clone() } else { rename(key) };
                    (key, rekeyed(value, rename))
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(|one| rekeyed(one, rename)).collect()),
        other => other.clone(),
    }
}

fn pascal(key: &str) -> String {
    let mut chars = key.chars();
    chars
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
        .unwrap_or_default()
}

fn snake(key: &str) -> String {
    let mut out = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Block YAML with quoted texts, as `az -o yaml` and others write it.
fn yaml(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let mut entry = |head: &str, value: &Value| match value {
        Value::Object(map) if !map.is_empty() => {
            out.push_str(&format!("{pad}{head}\n"));
            yaml(value, indent + 2, out);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push_str(&format!("{pad}{head}\n"));
            yaml(value, indent + 2, out);
        }
        other => out.push_str(&format!("{pad}{head} {other}\n")),
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let plain = key.chars().all(|c| c.is_ascii_alphanumeric());
                let key = if plain { key.clone() } else { Value::from(key.as_str()).to_string() };
                entry(&format!("{key}:"), value);
            }
        }
        Value::Array(list) => list.iter().for_each(|one| entry("-", one)),
        other => out.push_str(&format!("{pad}{other}\n")),
    }
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// The same document in other casings and encodings: the name, the extension, and the bytes.
fn encodings(document: &Value) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = document.to_string();
    let pretty = serde_json::to_string_pretty(document).expect("JSON");
    let cased = |rename: &dyn Fn(&str) -> String| rekeyed(document, rename).to_string();
    let mut block = String::new();
    yaml(document, 0, &mut block);
    vec![
        ("PowerShell", "json", cased(&pascal).into_bytes()),
        ("snake case", "json", cased(&snake).into_bytes()),
        ("lower case", "json", cased(&|key| key.to_ascii_lowercase()).into_bytes()),
        ("upper case", "json", cased(&|key| key.to_ascii_uppercase()).into_bytes()),
        ("UTF-16, little endian", "json", utf16(&text, false)),
        ("UTF-16, big endian", "json", utf16(&text, true)),
        ("PowerShell in UTF-16", "json", utf16(&cased(&pascal), false)),
        ("UTF-8 with a mark", "json", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("CRLF", "json", pretty.replace('\n', "\r\n").into_bytes()),
        (
            "below a warning",
            "json",
            format!("WARNING: This command is in preview.\n{pretty}\n").into_bytes(),
        ),
        ("YAML", "yaml", block.into_bytes()),
        ("YAML of PowerShell", "yml", {
            let mut block = String::new();
            yaml(&rekeyed(document, &pascal), 0, &mut block);
            block.into_bytes()
        }),
    ]
}

/// The resources of a list or a page; `None` if some are not resources.
fn resources(document: &Value) -> Option<Vec<Value>> {
    let items = match document {
        Value::Array(list) => list.clone(),
        Value::Object(map) => match map.get("value").and_then(Value::as_array) {
            Some(list) if !map.contains_key("type") => list.clone(),
            _ => vec![document.clone()],
        },
        _ => return None,
    };
    let is = |one: &Value| {
        one["type"].as_str().is_some_and(|kind| kind.contains('/')) && one["id"].is_string()
    };
    items.iter().all(is).then_some(items)
}

/// `properties` put on the level of the resource, as the Azure CLI does, at every depth.
fn flat(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("properties", Value::Object(inner)) => {
                        for (key, value) in inner {
                            out.entry(key.clone()).or_insert_with(|| flat(value));
                        }
                    }
                    _ => drop(out.insert(key.clone(), flat(value))),
                }
            }
            Value::Object(out)
        }
        Value::Array(list) => Value::Array(list.iter().map(flat).collect()),
        other => other.clone(),
    }
}

/// The same resources in other wrappings.
fn wrappings(items: &[Value]) -> Vec<(&'static str, Value)> {
    let mut columns: Vec<&String> =
        items.iter().filter_map(Value::as_object).flat_map(Map::keys).collect();
    columns.sort();
    columns.dedup();
    let rows: Vec<Value> = items
        .iter()
        .map(|one| {
            columns.iter().map(|key| one.get(key.as_str()).cloned().unwrap_or_default()).collect()
        })
        .collect();
    let heads: Vec<Value> =
        columns.iter().map(|name| json!({"name": name, "type": "object"})).collect();
    let named: Map<String, Value> = items
        .iter()
        .enumerate()
        .map(|(index, one)| (format!("part{index}"), one.clone()))
        .collect();
    vec![
        ("list", json!(items)),
        ("page", json!({"value": items})),
        ("first page", json!({"value": items, "nextLink": "https://management.azure.com/next"})),
        (
            "Resource Graph",
            json!({"count": items.len(), "data": items, "total_records": items.len()}),
        ),
        (
            "Resource Graph, table",
            json!({"count": items.len(), "data": {"columns": heads, "rows": rows}}),
        ),
        ("Azure CLI", flat(&json!(items))),
        ("named by jq", Value::Object(named)),
        ("template", json!({"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": items})),
    ]
}

#[test]
fn every_kind_is_the_same_in_every_casing_and_encoding() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, document) in documents() {
        let wanted = facts(read(&kinds().join(format!("{name}.json"))));
        for (form, extension, bytes) in encodings(&document) {
            let path = folder.path().join(format!("{name}.{extension}"));
            std::fs::write(&path, bytes).expect("written");
            count += 1;
            let found = match read_files(std::slice::from_ref(&path), Some(HOST)) {
                Ok(azure) => facts(azure),
                Err(error) => json!(error.message),
            };
            if found != wanted {
                wrong.push(format!("{name}, {form}: {}", different(&wanted, &found)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_resource_is_the_same_in_every_wrapping() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    let (mut kinds_seen, mut count) = (0, 0);
    for (name, document) in documents() {
        let Some(items) = resources(&document) else { continue };
        kinds_seen += 1;
        let wanted = facts(read(&kinds().join(format!("{name}.json"))));
        for (form, wrapped) in wrappings(&items) {
            let path = folder.path().join(format!("{name}.json"));
            std::fs::write(&path, wrapped.to_string()).expect("written");
            count += 1;
            let found = match read_files(std::slice::from_ref(&path), Some(HOST)) {
                Ok(azure) => {
                    if form == "first page" {
                        assert!(
                            azure.unused.iter().any(|one| one.why.contains("nextLink")),
                            "{name}"
                        );
                    }
                    facts(azure)
                }
                Err(error) => json!(error.message),
            };
            if found != wanted {
                wrong.push(format!("{name}, {form}: {}", different(&wanted, &found)));
            }
        }
    }
    assert!(kinds_seen > 20, "{kinds_seen}");
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}

/// The first places that differ.
fn different(wanted: &Value, found: &Value) -> String {
    let (Value::Object(one), Value::Object(other)) = (wanted, found) else {
        return format!("{found}").chars().take(300).collect();
    };
    let keys = one.keys().chain(other.keys());
    let keys = keys.filter(|key| one.get(*key) != other.get(*key)).take(2);
    let parts: Vec<String> = keys
        .map(|key| {
            let text = |map: &Map<String, Value>| {
                map.get(key).map(|value| value.to_string().chars().take(400).collect::<String>())
            };
            format!("{key}: {:?} is {:?}", text(one), text(other))
        })
        .collect();
    parts.join("; ")
}

/// Another provider with resources of similar types.
fn of_other_product(document: &Value) -> Option<Value> {
    let text = document.to_string();
    let other = text
        .replace("Microsoft.DBforPostgreSQL", "Microsoft.DBforMySQL")
        .replace("microsoft.dbforpostgresql", "microsoft.dbformysql")
        .replace("Microsoft.Network/", "Microsoft.ClassicNetwork/")
        .replace("microsoft.network/", "microsoft.classicnetwork/")
        .replace(".postgres.database.azure.com", ".mysql.database.azure.com");
    (other != text).then(|| serde_json::from_str(&other).expect("JSON"))
}

#[test]
fn a_document_of_another_product_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, document) in documents() {
        let Some(items) = resources(&document) else { continue };
        let Some(other) = of_other_product(&json!(items)) else { continue };
        let path = folder.path().join(format!("{name}.json"));
        std::fs::write(&path, other.to_string()).expect("written");
        let azure = read(&path);
        assert!(azure.sources.is_empty(), "{name}: {:?}", azure.sources);
        assert!(!azure.unused.is_empty(), "{name}");
        assert!(
            azure.unused.iter().all(|one| !one.why.is_empty() && !one.what.is_empty()),
            "{name}"
        );
    }
}

#[test]
fn a_document_of_another_server_is_not_taken_for_this_one() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, document) in documents() {
        let Some(items) = resources(&document) else { continue };
        let text = json!(items).to_string();
        let other =
            text.replace("/pg-vnet", "/pg-elsewhere").replace("\"pg-vnet", "\"pg-elsewhere");
        if !text.contains("DBforPostgreSQL/flexibleServers/pg-vnet") {
            continue;
        }
        let path = folder.path().join(format!("{name}.json"));
        std::fs::write(&path, other).expect("written");
        let azure = read(&path);
        assert_ne!(azure.server.seen().map(|one| one.name.as_str()), Some("pg-vnet"), "{name}");
        let lists = [
            azure
                .administrators
                .seen()
                .map(|all| all.iter().map(|one| one.server.clone()).collect::<Vec<_>>()),
            azure
                .firewall_rules
                .seen()
                .map(|all| all.iter().map(|one| one.server.clone()).collect()),
            azure.parameters.seen().map(|all| all.iter().map(|one| one.server.clone()).collect()),
        ];
        for server in lists.into_iter().flatten().flatten() {
            assert_eq!(server.as_deref(), Some("pg-elsewhere"), "{name}");
        }
    }
}

#[test]
fn a_document_without_content_decides_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, document) in documents() {
        let stubs = resources(&document).map(|items| {
            items
                .iter()
                .map(|one| json!({"id": one["id"], "name": one["name"], "type": one["type"], "properties": null}))
                .collect::<Vec<Value>>()
        });
        let empty =
            [json!({}), json!([]), json!({"value": []}), json!([{}]), json!({"properties": {}})];
        for empty in empty.into_iter().chain(stubs.map(Value::Array)) {
            let path = folder.path().join(format!("{name}.json"));
            std::fs::write(&path, empty.to_string()).expect("written");
            let azure =
                read_files(&[folder.path().to_owned()], Some(HOST)).expect("a folder is lenient");
            let known = |list: Option<usize>| list.is_some_and(|length| length > 0);
            assert!(azure.server.seen().is_none(), "{name}: {empty}");
            assert!(!known(azure.security_groups.seen().map(Vec::len)), "{name}: {empty}");
            assert!(!known(azure.route_tables.seen().map(Vec::len)), "{name}: {empty}");
            assert!(
                !known(azure.networks.seen().map(Vec::len))
                    || azure
                        .networks
                        .seen()
                        .into_iter()
                        .flatten()
                        .all(|one| one.subnets.iter().all(|one| one.partial)),
                "{name}: {empty}"
            );
            assert!(!azure.sources.is_empty() || !azure.unused.is_empty(), "{name}: {empty}");
            std::fs::remove_file(&path).expect("removed");
        }
    }
}
