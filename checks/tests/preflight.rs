//! The checklist of `preflight` over recorded observations: for every requirement and topology, one that
//! is not met and one that was not checked.
//!
//! `fixtures/preflight/<topology>/baseline.json` meets every requirement. `<requirement>.<state>.json`
//! changes it at JSON pointers (`set`); `client` is `"none"`, or changes the run in the client's network,
//! also by those of a fixture of `fixtures/evidence` (`from`).

use entra_pg_checks::{
    Evidence,
    facts::azure::Topology,
    preflight::{Checklist, REQUIREMENTS, State, checklist},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

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
    change(&mut inside, &scenario["set"]);
    let mut files = inside.clone();
    let observed = ["dns", "outbound", "clock", "credential", "token", "signature", "server"];
    for topic in observed.into_iter().chain(["auth_request", "login", "session", "directory"]) {
        files[topic] = json!({"not_observed": {"reason": "not_asked"}});
    }
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

#[test]
fn every_requirement_has_its_scenarios_in_every_topology() {
    let mut missing = Vec::new();
    for requirement in REQUIREMENTS {
        for (name, topology) in TOPOLOGIES {
            for state in ["no-go", "not-checked"] {
                let file = format!("fixtures/preflight/{name}/{}.{state}.json", requirement.id);
                let applies = requirement.topologies.contains(&topology);
                if applies && !workspace().join(&file).exists() {
                    missing.push(file);
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
