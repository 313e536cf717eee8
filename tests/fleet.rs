//! Reports of many targets and of many places, made of recorded evidence: what they count, what they
//! group, from where it works, and that the documents follow their schemas.

use entra_pg::{
    diagnose::Report,
    fleet::{Fleet, Placed, Row, merge, shared},
    report::{
        Style,
        fleet::{FleetFormat, MergeFormat, merge_schema, render, render_merge, schema},
    },
    settings::request::Selection,
};
use entra_pg_checks::Evidence;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The evidence of a fixture, seen from a place and about a server.
fn report(fixture: Option<&str>, place: &str, server: &str) -> Report {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("fixtures/evidence");
    let read = |path: &Path| -> Value {
        serde_json::from_str(&fs::read_to_string(path).expect("a fixture")).expect("JSON")
    };
    let mut evidence = read(&root.join("checks/support/healthy.json"));
    if let Some(name) = fixture {
        let patch = read(&folder.join(format!("{name}.json")));
        for (pointer, value) in patch["set"].as_object().expect("changes") {
            set(&mut evidence, pointer, value.clone());
        }
    }
    set(&mut evidence, "/vantage/hostname", json!(place));
    let text = evidence.to_string().replace("pg-prod.postgres.database.azure.com", server);
    let evidence: Evidence = serde_json::from_str(&text).expect("evidence");
    Report::new(evidence, &Selection::default())
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).expect("its parent");
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        other => other[key] = value,
    }
}

fn fleet(rows: Vec<Row>) -> Fleet {
    let started_at = "2026-11-24T12:00:00Z".parse().expect("a time");
    Fleet { run_id: "R".to_owned(), started_at, duration_ms: 1234, interrupted: false, rows }
}

fn four() -> Fleet {
    let row = |name: &str, fixture: Option<&str>| {
        Row::of(name, &report(fixture, "build-7", &format!("{name}.postgres.database.azure.com")))
    };
    fleet(vec![
        row("pg-a", None),
        row("pg-b", Some("server/dropped")),
        row("pg-c", Some("server/dropped")),
        row("pg-d", Some("claims/expired")),
    ])
}

fn style(verbose: u8) -> Style {
    Style { color: false, width: 100, verbose, quiet: false, unicode: true }
}

fn follows(schema: &Value, bytes: &[u8]) -> Value {
    let document: Value = serde_json::from_slice(bytes).expect("JSON");
    let validator = jsonschema::validator_for(schema).expect("the schema is a schema");
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut broken = document.clone();
    broken["schema_version"] = json!(1);
    assert!(!validator.is_valid(&broken), "the schema lets anything pass");
    document
}

#[test]
fn the_same_fault_of_several_servers_is_one() {
    let fleet = four();
    let roots = fleet.rows.iter().filter_map(|row| Some((row, row.root.as_ref()?)));
    let faults = shared(roots);
    let seen: Vec<(&str, usize)> =
        faults.iter().map(|fault| (fault.cause.problem.id, fault.rows.len())).collect();
    assert_eq!(seen, [("server/dropped", 2), ("claims/expired", 1)]);
    let text = render(&fleet, FleetFormat::Text, &style(0)).expect("text");
    let text = String::from_utf8(text.into_bytes()).expect("UTF-8");
    assert!(text.contains("of 4 targets: 3 fail, 1 work"), "{text}");
    assert!(text.contains("2 targets, server/dropped"), "{text}");
    assert!(text.contains("on        pg-b, pg-c"), "{text}");
}

#[test]
fn the_documents_follow_their_schemas() {
    let fleet = four();
    let document = follows(&schema(), &render(&fleet, FleetFormat::Json, &style(0)).expect("made"));
    assert_eq!(document["counts"]["failing"], 3);
    assert_eq!(document["roots"][0]["targets"], json!(["pg-b", "pg-c"]));
    assert_eq!(document["roots"][0]["subject"], Value::Null);
    assert_eq!(document["targets"][1]["stages"]["server"], "failed");
    assert_eq!(document["targets"][1]["stages"]["login"], "skipped");
    let places =
        merge(&[report(None, "aks-1", "pg"), report(Some("server/dropped"), "ci-1", "pg")]);
    follows(&merge_schema(), &render_merge(&places, MergeFormat::Json, &style(0)).expect("made"));
}

#[test]
fn every_server_is_a_case_and_a_metric() {
    let fleet = four();
    let junit = render(&fleet, FleetFormat::Junit, &style(0)).expect("made");
    let junit = String::from_utf8(junit.into_bytes()).expect("UTF-8");
    assert_eq!(junit.matches("<testcase ").count(), 4);
    assert_eq!(junit.matches("<failure ").count(), 3);
    let metrics = render(&fleet, FleetFormat::Prometheus, &style(0)).expect("made");
    let metrics = String::from_utf8(metrics.into_bytes()).expect("UTF-8");
    let up = |value| {
        let lines = metrics.lines().filter(|line| line.starts_with("entra_pg_target_up{"));
        lines.filter(|line| line.ends_with(value)).count()
    };
    assert_eq!((up(" 1"), up(" 0")), (1, 3));
    assert!(metrics.contains("entra_pg_targets{outcome=\"failing\"} 3"), "{metrics}");
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn from_where_it_works_and_from_where_not() {
    let places = merge(&[
        report(Some("server/dropped"), "ci-1", "pg"),
        report(None, "aks-1", "pg"),
        report(None, "aks-2", "pg"),
        report(None, "aks-1", "other"),
    ]);
    assert_eq!(places.len(), 2);
    let (other, pg) = (&places[0], &places[1]);
    assert_eq!((other.placed(), pg.placed()), (Placed::Everywhere, Placed::Somewhere));
    assert_eq!(pg.parts_at(), Some("server"));
    let text = render_merge(&places, MergeFormat::Text, &style(0)).expect("made");
    let text = String::from_utf8(text.into_bytes()).expect("UTF-8");
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("pg:5432 works from aks-1, aks-2, and not from ci-1"), "{text}");
    assert!(words.contains("the first stage in which the places differ is server"), "{text}");
}

#[test]
fn one_cause_everywhere_is_no_matter_of_the_place() {
    let everywhere = |one, other| {
        merge(&[report(Some(one), "a", "pg"), report(Some(other), "b", "pg")])[0].placed()
    };
    assert_eq!(everywhere("claims/expired", "claims/expired"), Placed::NowhereForOneCause);
    assert_eq!(everywhere("claims/expired", "server/dropped"), Placed::Nowhere);
}

#[test]
fn two_reports_of_one_place_have_two_names() {
    let places = merge(&[report(None, "a", "pg"), report(Some("server/dropped"), "a", "pg")]);
    let names: Vec<&str> = places[0].rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.iter().all(|name| name.starts_with("a (")), "{names:?}");
}
