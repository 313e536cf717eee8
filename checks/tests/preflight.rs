//! The checklist of `preflight` over recorded observations: for every requirement and topology, one that
//! is not met and one that was not checked.
//!
//! `fixtures/preflight/<topology>/baseline.json` meets every requirement. `<requirement>.<state>.json`
//! changes it at JSON pointers (`set`); `client` is `"none"`, or changes the run in the client's network,
//! also by those of a fixture of `fixtures/evidence` (`from`).

use entra_pg_checks::{
    Evidence,
    facts::azure::Topology,
    preflight::{Checklist, REQUIREMENTS, Requirement, State, checklist},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const TOPOLOGIES: [(&str, Topology); 3] = [
    ("public", Topology::Public),
    ("private-endpoint", Topology::PrivateEndpoints),
    ("vnet", Topology::VirtualNetwork),
];

fn workspace() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn change(document: &mut Value, set: &Value) {
    for (pointer, value) in set.as_object().into_iter().flatten() {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match document.pointer_mut(parent).unwrap_or_else(|| panic!("no such place: {pointer}")) {
            Value::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
            Value::Array(list) if key == "-" => list.push(value.clone()),
            Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value.clone(),
            other => panic!("{pointer} leads into {other}"),
        }
    }
}

fn evidence(document: &Value) -> Evidence {
    serde_json::from_value(document.clone()).expect("evidence")
}

/// The checklist of a scenario: the files, and a run in the client's network if there is one.
fn list(topology: &str, scenario: &Value) -> Checklist {
    let baseline =
        read(&workspace().join("fixtures/preflight").join(topology).join("baseline.json"));
    let mut inside = read(&workspace().join("checks/support/healthy.json"));
    inside["azure"] = json!({"seen": baseline["azure"]});
    change(&mut inside, &baseline["client"]);
    change(&mut inside, &scenario["set"]);
    let mut files = inside.clone();
    let observed = ["dns", "outbound", "clock", "credential", "token", "signature", "server"];
    for topic in observed.into_iter().chain(["auth_request", "login", "session", "directory"]) {
        files[topic] = json!({"not_observed": {"reason": "not_asked"}});
    }
    change(&mut files, &scenario["files"]);
    let files = evidence(&files);
    if scenario["client"] == "none" {
        return checklist(&files, &[], None);
    }
    if let Some(name) = scenario["client"]["from"].as_str() {
        let fixture = read(&workspace().join("fixtures/evidence").join(format!("{name}.json")));
        let mut set = fixture["set"].clone();
        if let Some(set) = set.as_object_mut() {
            set.retain(|pointer, _| !pointer.starts_with("/azure"));
        }
        change(&mut inside, &set);
    }
    change(&mut inside, &scenario["client"]["set"]);
    checklist(&files, &[&evidence(&inside)], None)
}

fn state_of(name: &str) -> State {
    match name {
        "go" => State::Go,
        "no-go" => State::NoGo,
        "not-checked" => State::NotChecked,
        other => panic!("no such state: {other}"),
    }
}

#[test]
fn the_baseline_of_every_topology_is_a_go() {
    for (name, topology) in TOPOLOGIES {
        let list = list(name, &json!({"client": {}}));
        assert_eq!(list.topology, Some(topology));
        let open: Vec<(&str, &str)> = list
            .items
            .iter()
            .filter(|item| item.state != State::Go)
            .map(|item| (item.requirement.id, item.detail.as_str()))
            .collect();
        assert!(open.is_empty(), "{name}: {open:?}");
        assert!(
            list.items.iter().all(|item| !item.evidence.is_empty() && item.snippets.is_empty())
        );
        assert_eq!(list.state(), State::Go);
    }
}

/// The snippets of a fix, for the script `tests/templates`, which lets grammars parse them.
fn write(snippets: &BTreeSet<String>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder").join("advice");
    std::fs::create_dir_all(&folder).expect("a folder in the target folder");
    let lines: Vec<&str> = snippets.iter().map(String::as_str).collect();
    std::fs::write(folder.join("templates.jsonl"), lines.join("\n") + "\n").expect("a file");
}

/// Every recorded finding about the configuration, as the checklist of its topology.
fn recorded() -> Vec<(String, Checklist)> {
    let healthy = read(&workspace().join("checks/support/healthy.json"));
    let folder = workspace().join("fixtures/evidence/azure");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the fixtures") {
        let path = entry.expect("a file").path();
        let mut document = healthy.clone();
        change(&mut document, &read(&path)["set"]);
        let seen = evidence(&document);
        all.push((format!("{}", path.display()), checklist(&seen, &[&seen], None)));
    }
    all
}

#[test]
fn every_fix_is_the_same_in_three_languages() {
    let mut lists = recorded();
    for (topology, _) in TOPOLOGIES {
        let folder = workspace().join("fixtures/preflight").join(topology);
        for entry in std::fs::read_dir(&folder).expect("the scenarios") {
            let path = entry.expect("a file").path();
            lists.push((format!("{}", path.display()), list(topology, &read(&path))));
        }
    }
    let mut snippets = BTreeSet::new();
    for (name, list) in lists {
        for item in &list.items {
            let id = item.requirement.id;
            assert_eq!(item.snippets.is_empty(), item.state != State::NoGo, "{name} {id}");
            let text = |kind: &str| {
                let mut all = item.snippets.iter();
                all.find(|(known, _)| *known == kind).map_or("", |(_, text)| text.as_str())
            };
            for (kind, text) in &item.snippets {
                assert!(!text.trim().is_empty(), "{name} {id}: {kind}");
                let line =
                    json!({"source": format!("{name} {id}"), "language": kind, "text": text});
                snippets.insert(line.to_string());
            }
            // What one of them makes, each of them makes.
            let made =
                [text("bicep").contains("resource "), text("terraform").contains("resource ")];
            assert_eq!(made[0], made[1], "{name} {id}");
            if text("bicep").contains("resource ") {
                assert!(text("az").contains("az "), "{name} {id}");
                // Names without a subscription can be those of another one.
                let known = text("az").contains("--subscription");
                let open =
                    text("az").contains("<resource group of") || !text("az").contains(" -g ");
                assert!(known || open, "{name} {id}: {}", text("az"));
            }
        }
    }
    assert!(snippets.len() > 60, "only {} snippets", snippets.len());
    write(&snippets);
}

#[test]
fn every_scenario_is_judged() {
    let mut wrong = Vec::new();
    for (topology, _) in TOPOLOGIES {
        let folder = workspace().join("fixtures/preflight").join(topology);
        for entry in std::fs::read_dir(&folder).expect("the scenarios") {
            let path = entry.expect("a file").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let mut parts = name.split('.');
            let (Some(requirement), Some(state)) = (parts.next(), parts.next()) else { continue };
            let list = list(topology, &read(&path));
            let item = list.items.iter().find(|item| item.requirement.id == requirement);
            let item = item.unwrap_or_else(|| panic!("{topology}/{name}: no such requirement"));
            if item.state != state_of(state) {
                wrong.push(format!("{topology}/{name}: {:?}, {}", item.state, item.detail));
                continue;
            }
            match item.state {
                State::NoGo => {
                    let kinds: Vec<&str> = item.snippets.iter().map(|(kind, _)| *kind).collect();
                    assert_eq!(kinds, ["az", "bicep", "terraform"], "{topology}/{name}");
                    assert_eq!(list.state(), State::NoGo, "{topology}/{name}");
                    let open = |text: &String| text.contains("<server>");
                    assert!(!item.snippets.iter().any(|(_, text)| open(text)), "{topology}/{name}");
                }
                State::NotChecked => assert_ne!(list.state(), State::Go, "{topology}/{name}"),
                State::Go => {}
            }
            assert!(!item.detail.is_empty() && !item.vantage.is_empty(), "{topology}/{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every requirement has a recorded case for each state in each topology that it applies to. The baseline
/// is the go of all of them.
#[test]
fn every_requirement_has_its_scenarios_in_every_topology() {
    let mut missing = Vec::new();
    for (name, topology) in TOPOLOGIES {
        let baseline = list(name, &json!({"client": {}}));
        let applies = |one: &&Requirement| one.topologies.contains(&topology);
        for requirement in REQUIREMENTS.iter().filter(applies) {
            let mut of_it =
                baseline.items.iter().filter(|item| item.requirement.id == requirement.id);
            if !of_it.any(|item| item.state == State::Go) {
                missing.push(format!("{name}: the baseline has no go of {}", requirement.id));
            }
            for state in ["no-go", "not-checked"] {
                let file = format!("fixtures/preflight/{name}/{}.{state}.json", requirement.id);
                if !workspace().join(&file).exists() {
                    missing.push(file);
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_run_says_where_and_when_and_whether_it_is_old() {
    let list = list("public", &json!({"files": {"/observed_at": "2026-12-24T14:00:00Z"}}));
    let run = list.runs.first().expect("a run");
    assert_eq!(run.days_old, Some(29));
    assert_eq!(list.server_id.as_deref().map(|id| id.ends_with("/pg-prod")), Some(true));
    let item = list.items.iter().find(|item| item.requirement.id == "client-resolves");
    let item = item.expect("the requirement");
    assert!(item.vantage.contains("2026-11-24 14:19 UTC"), "{}", item.vantage);
    assert!(item.detail.contains("29 days old"), "{}", item.detail);
}

#[test]
fn the_names_that_are_known_are_in_the_commands() {
    let none = json!({"not_observed": {"reason": "not_asked"}});
    let scenario = json!({"client": "none", "set": {
        "/azure/seen/administrators": none, "/azure/seen/dns_zones": none,
        "/azure/seen/security_groups": none, "/azure/seen/route_tables": none}});
    let list = list("vnet", &scenario);
    for (id, wanted) in [
        ("entra-administrator", "-g rg-data -s pg-prod"),
        ("nsg-entra", "-g rg-network -n nsg-postgres"),
        ("route-entra", "-g rg-network -n rt-postgres"),
        ("private-zone", "-z contoso.postgres.database.azure.com"),
    ] {
        let item = list.items.iter().find(|item| item.requirement.id == id).expect("an item");
        assert_eq!(item.state, State::NotChecked, "{id}");
        assert!(item.supply.contains(wanted), "{id}: {}", item.supply);
        assert!(!item.supply.contains('$'), "{id}: {}", item.supply);
    }
}

fn snippet(list: &Checklist, requirement: &str, kind: &str) -> String {
    let item = list.items.iter().find(|item| item.requirement.id == requirement).expect("an item");
    let text = item.snippets.iter().find(|(known, _)| *known == kind);
    text.unwrap_or_else(|| panic!("{requirement} is {:?}: {}", item.state, item.detail)).1.clone()
}

#[test]
fn what_decides_goes_before_what_supplies_the_documents() {
    let set = json!({"/azure/seen/administrators/seen/0/server": "pg-dev"});
    let list = list("public", &json!({"set": set, "client": "none"}));
    let mut items = list.items.iter();
    let item = items.find(|item| item.requirement.id == "entra-administrator").expect("an item");
    assert!(!item.detail.contains("to decide it"), "{}", item.detail);
    for wanted in ["microsoft-entra-admin list", "-g rg-data", "-s pg-prod"] {
        assert!(item.supply.contains(wanted), "{}", item.supply);
    }
}

#[test]
fn the_route_that_decides_is_changed_and_no_second_one_made() {
    let route = |name: &str, to: Value, hop: &str| json!({"name": name, "destination": to, "next_hop": hop, "next_hop_address": null});
    let tag = || route("aad", json!({"tag": "AzureActiveDirectory"}), "internet");
    let narrow = route("narrow", json!({"prefix": "20.190.128.0/18"}), "none");
    let all = || route("all", json!({"prefix": "0.0.0.0/0"}), "none");
    for (routes, wanted, unwanted) in [
        (vec![narrow.clone(), tag()], "route update", "route create"),
        (vec![all()], "route create", "route update"),
        (vec![narrow, all()], "-n narrow", "-n all"),
    ] {
        let set = json!({"/azure/seen/route_tables/seen/0/routes": routes});
        let list = list("vnet", &json!({"set": set, "client": "none"}));
        let az = snippet(&list, "route-entra", "az");
        assert!(az.contains(wanted) && !az.contains(unwanted), "{az}");
        let bicep = snippet(&list, "route-entra", "bicep");
        assert_eq!(az.matches("az network").count(), bicep.matches("parent: ").count(), "{bicep}");
    }
}

#[test]
fn a_rule_in_front_of_the_first_number_moves_the_rule_that_denies() {
    let every = json!([{"first": 0, "last": 65535}]);
    let deny = json!({"name": "DenyAll", "priority": 100, "direction": "outbound",
        "access": "deny", "protocol": "any", "source_ports": every, "destination_ports": every,
        "sources": ["any"], "destinations": ["any"], "default": false});
    let set = json!({"/azure/seen/security_groups/seen/0/rules": [deny]});
    let list = list("vnet", &json!({"set": set, "client": "none"}));
    let az = snippet(&list, "nsg-entra", "az");
    let (moved, made) = az.split_once('\n').expect("two commands");
    assert!(moved.contains("rule update") && moved.contains("--priority 101 -n DenyAll"), "{az}");
    assert!(made.contains("rule create") && made.contains("--priority 100"), "{az}");
    let bicep = snippet(&list, "nsg-entra", "bicep");
    let (moved, made) = bicep.split_once("AllowEntraOutBound").expect("two rules");
    assert!(moved.contains("priority: 101") && moved.contains("access: 'Deny'"), "{bicep}");
    assert!(made.contains("priority: 100") && made.contains("dependsOn"), "{bicep}");
    let terraform = snippet(&list, "nsg-entra", "terraform");
    assert!(terraform.contains("securityRules/DenyAll\"") && terraform.contains("depends_on"));
}
