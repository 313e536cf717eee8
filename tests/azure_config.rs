//! Reading what `az … -o json` and the REST API give: every shape, and files that mean harm.

use assert_cmd::Command;
use entra_pg::azure::read_files;
use entra_pg_checks::facts::{azure::Azure, azure_network::Access};
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

fn export(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/azure").join(name)
}

fn read(names: &[&str]) -> Azure {
    let paths: Vec<PathBuf> = names.iter().map(|name| export(name)).collect();
    read_files(&paths, None).unwrap_or_else(|error| panic!("{names:?}: {error}"))
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

/// The error that a file leads to.
fn refused(bytes: &[u8]) -> String {
    let file = file(bytes);
    read_files(&[file.path().to_owned()], None).expect_err("cannot be understood").message
}

#[test]
fn every_export_is_understood() {
    for entry in std::fs::read_dir(export("")).expect("the exports") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            continue;
        }
        let azure = read_files(std::slice::from_ref(&path), None);
        let azure = azure.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!azure.sources.is_empty(), "{}", path.display());
    }
}

#[test]
fn flat_and_nested_are_one() {
    let (mut flat, mut nested) = (read(&["nsg-blocked.json"]), read(&["nsg-blocked.rest.json"]));
    flat.sources.clear();
    nested.sources.clear();
    assert_eq!(flat, nested);
    let groups = flat.security_groups.seen().expect("a group");
    assert_eq!(groups[0].rules.len(), 9);
    assert_eq!(groups[0].subnets.len(), 1);
    let rules = read(&["firewall-rules.rest.json"]);
    assert_eq!(rules.firewall_rules.seen().map(Vec::len), Some(1));
}

#[test]
fn several_documents_in_one_file_and_in_any_order() {
    let together = read(&["everything.json"]);
    let apart = read(&["server-vnet.json", "nsg-blocked.json", "routes-tagged.json", "vnet.json"]);
    assert_eq!(together.security_groups, apart.security_groups);
    assert_eq!(together.route_tables, apart.route_tables);
    assert_eq!(together.networks, apart.networks);
    let subnet = |azure: &Azure| azure.server.seen().and_then(|one| one.delegated_subnet.clone());
    assert!(subnet(&together).is_some());
    assert_eq!(subnet(&together), subnet(&apart));
}

#[test]
fn a_group_without_its_default_rules_has_them_all_the_same() {
    let group = br#"{"name": "n", "securityRules": []}"#;
    let file = file(group);
    let azure = read_files(&[file.path().to_owned()], None).expect("understood");
    let rules = &azure.security_groups.seen().expect("a group")[0].rules;
    assert_eq!(rules.iter().filter(|rule| rule.access == Access::Deny).count(), 2);
}

#[test]
fn windows_writes_utf_16() {
    let text = std::fs::read_to_string(export("nsg-open.json")).expect("an export");
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let wide = file(&bytes);
    let wide = read_files(&[wide.path().to_owned()], None).expect("understood");
    assert_eq!(wide.security_groups, read(&["nsg-open.json"]).security_groups);
    let marked = file(&[b"\xef\xbb\xbf", text.as_bytes()].concat());
    assert!(read_files(&[marked.path().to_owned()], None).is_ok());
}

#[test]
fn tags_are_cut_to_what_is_of_entra() {
    let azure = read(&["service-tags.json"]);
    let tags = azure.service_tags.seen().expect("a list");
    assert_eq!(tags.change_number, 363);
    assert!(tags.tag("Storage").is_none(), "it holds no address of Entra");
    let cloud = tags.tag("azurecloud").expect("it holds some");
    assert!(cloud.prefixes.iter().all(|net| net.to_string() != "52.0.0.0/8"));
}

#[test]
fn errors_name_the_place() {
    let cases = [
        (refused(br#"{"name": "n", "securityRules": [{"direction": "Sideways"}]}"#), "direction is \"sideways\""),
        (refused(br#"{"name": "n", "securityRules": [{"name": "bad", "direction": "Inbound", "access": "Maybe"}]}"#), "rule bad: access is \"maybe\""),
        (refused(br#"{"name": "n", "securityRules": [{"name": "bad", "direction": "Inbound", "access": "Deny", "priority": 99999}]}"#), "rule bad: priority is"),
        (refused(br#"{"securityRules": "all of them"}"#), "direction is"),
        (refused(br#"{"routes": [{"name": "r", "nextHopType": "None"}]}"#), "route r: addressPrefix is missing"),
        (refused(br#"{"name": "a", "fullyQualifiedDomainName": "a.b"} {"name": "c", "fullyQualifiedDomainName": "c.b"}"#), "several servers (a, c)"),
        (refused(br#"{"value": [{"startIpAddress": "1.2.3", "endIpAddress": "1.2.3.4"}]}"#), "firewall rule (without a name)"),
        (refused(b"[]"), "an empty list"),
        (refused(b""), "the file is empty"),
        (refused(b"ERROR: Please run 'az login' to setup account."), "an error of the Azure CLI: Please run 'az login'"),
        (refused(b"Name  Access\n----  ------\nr1    Deny\n"), "it is a table (-o table)"),
        (refused(b"what is this"), "not JSON: expected value at line 1 column 1"),
        (refused(b"\xff\xfe\x00\xd8"), "is damaged UTF-16"),
    ];
    for (message, part) in cases {
        assert!(message.contains(part), "{message}\n  has no {part}");
    }
}

#[test]
fn an_empty_list_is_told_by_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let admins = folder.path().join("entra-admins.json");
    std::fs::write(&admins, "[]").expect("written");
    let azure = read_files(&[admins], None).expect("understood");
    assert_eq!(azure.administrators.seen().map(Vec::len), Some(0));
    assert!(azure.firewall_rules.seen().is_none());
}

#[test]
fn an_empty_list_of_a_zone_is_of_the_only_zone() {
    let folder = tempfile::tempdir().expect("a folder");
    let zone = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z.postgres.database.azure.com";
    let text = format!(r#"{{"id": "{zone}", "name": "z.postgres.database.azure.com"}}"#);
    std::fs::write(folder.path().join("a-zone.json"), text).expect("written");
    std::fs::write(folder.path().join("links.json"), r#"{"value": []}"#).expect("written");
    std::fs::write(folder.path().join("record-sets.json"), "[]").expect("written");
    let azure = read_files(&[folder.path().to_owned()], None).expect("understood");
    let zones = azure.dns_zones.seen().expect("a zone");
    assert_eq!((zones[0].link_count, zones[0].listed), (Some(0), true));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    /// A piece of an export, cut or with bytes changed, is read or refused; nothing panics.
    #[test]
    fn damaged_exports_are_survived(
        name in proptest::sample::select(vec!["everything.json", "admins.json", "service-tags.json", "nsg-blocked.rest.json"]),
        cut in 0.0_f64..1.0,
        place in 0.0_f64..1.0,
        byte: u8,
    ) {
        let mut bytes = std::fs::read(export(name)).expect("an export");
        let at = |share: f64, of: usize| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
            let index = (share * of as f64) as usize;
            index
        };
        let place = at(place, bytes.len());
        bytes[place] = byte;
        bytes.truncate(bytes.len() - at(cut * cut, bytes.len()));
        let _ = entra_pg::fuzzing::azure_document(&bytes);
    }
}

/// 12 MB of everything, read with 400 MB of address space: an error (exit 2), neither a crash nor
/// an abort for want of memory.
#[cfg(target_os = "linux")]
#[test]
fn hostile_files_cost_no_memory() {
    const SIZE: usize = 12_000_000;
    let filled = |head: &str, item: &str, tail: &str| {
        let mut text = String::with_capacity(SIZE + 1000);
        text.push_str(head);
        while text.len() < SIZE {
            text.push_str(item);
        }
        text.push_str(tail);
        text
    };
    let cases = [
        (filled("", "[", ""), "nested more deeply than any export"),
        (filled("", "{\"properties\":", ""), "nested more deeply than any export"),
        (filled("[{}", ",{}", "]"), "more than 300000 values"),
        (filled("{\"value\":[{}", ",{}", "]}"), "more than 300000 values"),
        (filled("{\"routes\":[{}", ",{}", "]}"), "more than 300000 values"),
        (filled("{\"other\":[0", ",0", "]}"), "more than 300000 values"),
        (
            filled(
                "{\"values\":[{\"properties\":{\"addressPrefixes\":[\"1.2.3.4/32\"",
                ",\"1.2.3.4/32\"",
                "]}}]}",
            ),
            "more than 300000 values",
        ),
        (filled("", "{} ", ""), "more than 5000 documents"),
    ];
    for (text, part) in cases {
        let file = file(text.as_bytes());
        let limited = "ulimit -v 400000; exec \"$0\" doctor --azure-config \"$1\"";
        let output = Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_entra-pg")])
            .arg(file.path())
            .env_clear()
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{part}: {said}");
        assert!(said.contains(part), "{part}: {said}");
        assert!(said.len() < 2000, "{said:.200}");
    }
}

#[test]
fn the_checklist_follows_its_schema_and_the_exit_code_is_its_state() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entra-pg"));
        command.args(args).env_clear().output().expect("it runs")
    };
    let schema = run(&["schema", "--preflight"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let server = export("server-public.json").display().to_string();
    let open = run(&["preflight", "--format", "json", "--azure-config", &server]);
    assert_eq!(open.status.code(), Some(3), "{}", String::from_utf8_lossy(&open.stdout));
    let mut document: serde_json::Value = serde_json::from_slice(&open.stdout).expect("JSON");
    assert!(validator.is_valid(&document), "{document:#}");
    document["schema_version"] = serde_json::json!(1);
    assert!(!validator.is_valid(&document), "the schema lets anything pass");

    let files = ["server-vnet.json", "vnet.json", "nsg-blocked.json"];
    let files = files.map(|name| export(name).display().to_string());
    let mut args = vec!["preflight", "--color", "always"];
    args.extend(files.iter().flat_map(|file| ["--azure-config", file.as_str()]));
    let blocked = run(&args);
    assert_eq!(blocked.status.code(), Some(1));
    let text = String::from_utf8_lossy(&blocked.stdout);
    assert!(text.contains("\u{1b}[31mNO-GO"), "{text}");
    assert!(text.contains("--nsg-name nsg-postgres"), "{text}");
}

#[test]
fn a_tag_of_the_list_without_sign_in_addresses_is_known_to_hold_none() {
    let tag = |name: &str, prefix: &str| serde_json::json!({"name": name, "properties": {"addressPrefixes": [prefix]}});
    let list = serde_json::json!({"cloud": "Public", "changeNumber": 400, "values": [
        tag("AzureActiveDirectory", "20.190.128.0/18"),
        tag("AzureFrontDoor.Frontend", "13.107.213.0/24"),
        tag("Storage", "13.65.107.32/28"),
        tag("Storage.WestEurope", "13.95.96.176/28"),
    ]});
    let file = file(list.to_string().as_bytes());
    let azure =
        read_files(&[file.path().to_owned()], None).unwrap_or_else(|error| panic!("{error}"));
    let tags = azure.service_tags.seen().expect("a list");
    for name in ["azurefrontdoor.frontend", "Storage", "Storage.WestEurope"] {
        assert!(tags.excludes(name), "{name}: {:?}", tags.unrelated);
    }
    assert!(!tags.excludes("AzureFrontDoor.Backend"));
    assert_eq!(tags.unrelated, ["AzureFrontDoor.Frontend", "Storage"]);
}

#[test]
fn the_log_of_a_pod_counts_as_a_run_from_inside() {
    let evidence: serde_json::Value =
        serde_json::from_str(include_str!("../checks/support/healthy.json")).expect("JSON");
    let log = file(format!("Login works\n\n{evidence}\n").as_bytes());
    let empty = file(b"Login works\n");
    let run = |from: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entra-pg"));
        command.args(["preflight", "--format", "json", "--from"]).arg(from);
        command.env_clear().output().expect("it runs")
    };
    let document: serde_json::Value =
        serde_json::from_slice(&run(log.path()).stdout).expect("a checklist");
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(1), "{document:#}");
    assert_eq!(run(empty.path()).status.code(), Some(2));
}

#[test]
fn a_server_document_without_the_list_of_private_endpoints_leaves_them_open() {
    let code = |list: &str| {
        let server = format!(
            r#"{{"name": "pg", "type": "Microsoft.DBforPostgreSQL/flexibleServers", "state": "Ready",
                "fullyQualifiedDomainName": "pg.postgres.database.azure.com",
                "network": {{"publicNetworkAccess": "Disabled"}}{list}}}"#
        );
        let file = file(server.as_bytes());
        let mut command = Command::new(env!("CARGO_BIN_EXE_entra-pg"));
        command.args(["doctor", "--azure-config"]).arg(file.path());
        command.env_clear().output().expect("it runs").status.code()
    };
    assert_eq!(code(r#", "privateEndpointConnections": []"#), Some(1));
    assert_ne!(code(""), Some(1));
}
