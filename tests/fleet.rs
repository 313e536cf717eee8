//! Reports of many targets and of many places, made of recorded evidence: what they count, what they
//! group, from where it works, and that the documents follow their schemas.

use entra_pg::{
    diagnose::Report,
    fleet::{Begin, Fleet, Gaps, Line, Placed, Results, Row, Shard, Sides, Target, merge, shared},
    report::{
        Style,
        fleet::{FleetFormat, MergeFormat, merge_schema, render, render_merge, schema},
    },
    settings::request::Selection,
};
use entra_pg_checks::{Evidence, Outcome};
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
    Fleet {
        run_id: "R".to_owned(),
        started_at,
        duration_ms: 1234,
        interrupted: false,
        rows,
        gaps: None,
    }
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
    follows(
        &merge_schema(),
        &render_merge(&places, &Sides::default(), MergeFormat::Json, &style(0)).expect("made"),
    );
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
    let text =
        render_merge(&places, &Sides::default(), MergeFormat::Text, &style(0)).expect("made");
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
    assert_ne!(names[0], names[1], "of the same second");
}

#[test]
fn a_report_that_is_given_twice_counts_once() {
    let places = merge(&[report(None, "a", "pg"), report(None, "a", "pg")]);
    assert_eq!(places[0].rows.len(), 1);
    assert_eq!(places[0].rows[0].name, "a");
}

/// The JSON lines of one run of a shard that writes only its first results.
fn lines(shard: &str, started_at: &str, results: usize) -> Vec<Value> {
    let shard: Shard = shard.parse().expect("a shard");
    let rows: Vec<Row> = four().rows.into_iter().filter(|row| shard.holds(&row.name)).collect();
    let begin = Line::FleetBegin(Begin {
        schema_version: "1".to_owned(),
        tool_version: "0".to_owned(),
        run_id: "R".to_owned(),
        started_at: started_at.parse().expect("a time"),
        vantage: "build-7".to_owned(),
        list: "L".to_owned(),
        shard: Some(shard),
        targets: rows.len(),
        all: 4,
    });
    let targets = rows.iter().take(results).filter_map(|row| Target::of(row, "L", Some(shard)));
    let lines =
        [begin].into_iter().chain(targets.map(|target| Line::FleetTarget(Box::new(target))));
    lines.map(|line| serde_json::to_value(line).expect("JSON")).collect()
}

fn joined(lines: impl IntoIterator<Item = Value>) -> Fleet {
    let mut results = Results::default();
    for line in lines {
        assert!(Line::is(&line));
        results.add(line).expect("a line");
    }
    results.fleet().expect("a fleet")
}

const FIRST: &str = "2026-11-24T12:00:00Z";
const LATER: &str = "2026-11-24T13:00:00Z";

#[test]
fn the_results_of_shards_are_those_of_the_whole_fleet() {
    let fleet = joined([lines("2/2", FIRST, 4), lines("1/2", FIRST, 4)].concat());
    assert_eq!(fleet.gaps, Some(Gaps::default()));
    // A result holds the rendered command of a fix, not what it was made from.
    let plain = |row: &Row| {
        let mut row = row.clone();
        let causes = row.root.iter_mut().chain(&mut row.warnings);
        causes.flat_map(|cause| &mut cause.fixes).for_each(|fix| fix.action = None);
        format!("{row:?}")
    };
    let all = |fleet: &Fleet| -> Vec<String> { fleet.rows.iter().map(plain).collect() };
    assert_eq!(all(&fleet), all(&four()));
    follows(&schema(), &render(&fleet, FleetFormat::Json, &style(0)).expect("made"));
}

#[test]
fn a_killed_shard_is_named_and_a_second_run_loses_and_repeats_nothing() {
    let whole = (1..=2).find(|index| lines(&format!("{index}/2"), FIRST, 4).len() > 2);
    let (killed, other) = if whole == Some(1) { ("1/2", "2/2") } else { ("2/2", "1/2") };
    let targets = lines(killed, FIRST, 4).len() - 1;
    let partial = [lines(killed, FIRST, 1), lines(other, FIRST, 4)].concat();
    let fleet = joined(partial.clone());
    assert_eq!(fleet.missing(), targets - 1);
    let gaps = fleet.gaps.clone().expect("gaps");
    assert_eq!(gaps.shards, [format!("shard {killed} has results for 1 of {targets} targets")]);
    let text = render(&fleet, FleetFormat::Text, &style(0)).expect("text");
    let text = String::from_utf8(text.into_bytes()).expect("UTF-8");
    assert!(text.contains("of 4 targets: ") && text.contains("have no result"), "{text}");
    let again = joined([partial, lines(killed, LATER, 4)].concat());
    let gaps = again.gaps.clone().expect("gaps");
    assert_eq!((again.rows.len(), again.missing(), gaps.repeated), (4, 0, 1));
    let absent = joined(lines(other, FIRST, 4)).gaps.expect("gaps");
    assert_eq!(absent.shards, [format!("shard {killed} has not begun")]);
}

#[test]
fn a_target_without_a_result_is_not_healthy() {
    let mut healthy = lines("1/1", FIRST, 1);
    healthy[0]["all"] = json!(2);
    assert_eq!(joined(healthy).outcome(), Outcome::Undetermined);
}

#[test]
fn results_of_another_list_or_version_are_not_joined() {
    let mut old = lines("1/1", FIRST, 4);
    for line in &mut old {
        line["list"] = json!("old");
    }
    let fleet = joined([old, lines("1/1", LATER, 4)].concat());
    assert_eq!(fleet.gaps.expect("gaps").of_other_lists, 4);
    let mut unknown = lines("1/1", FIRST, 4);
    unknown[2]["root"]["problem"] = json!("server/from-the-future");
    let mut results = Results::default();
    unknown.into_iter().for_each(|line| results.add(line).expect("a line"));
    assert!(results.fleet().is_err());
}

#[test]
fn both_networks_are_in_one_verdict() {
    let client = report(Some("claims/expired"), "app-1", "pg");
    let sibling = report(Some("outbound/dropped"), "sibling-1", "pg");
    let sides = Sides::of(std::slice::from_ref(&client), std::slice::from_ref(&sibling));
    let verdict = sides.verdict();
    assert!(
        verdict.starts_with(
            "Clients in app-1 reach the server, but the login fails; the server's \
            subnet cannot reach Microsoft Entra ID (from its sibling sibling-1: outbound/dropped"
        ),
        "{verdict}"
    );
    let places = merge(&[client]);
    let text = render_merge(&places, &sides, MergeFormat::Text, &style(0)).expect("made");
    let text = String::from_utf8(text.into_bytes()).expect("UTF-8");
    assert!(text.contains("SIBLING") && text.contains("out outbound"), "{text}");
    follows(
        &merge_schema(),
        &render_merge(&places, &sides, MergeFormat::Json, &style(0)).expect("made"),
    );
    let reaching = Sides::of(&[report(None, "app-1", "pg")], &[report(None, "sibling-1", "pg")]);
    assert_eq!(
        reaching.verdict(),
        "Clients in app-1 can log in; the server's subnet reaches Microsoft Entra ID (from its \
            sibling sibling-1)"
    );
}

#[test]
fn the_azure_configuration_is_part_of_the_verdict() {
    let azure = report(Some("azure/nsg-blocks-entra"), "app-1", "pg");
    let verdict = Sides::of(&[azure], &[]).verdict();
    assert!(
        verdict.contains("the Azure configuration blocks it (azure/nsg-blocks-entra)"),
        "{verdict}"
    );
}

#[test]
fn machines_of_one_name_are_told_apart_by_their_subnets() {
    let of = |prefix: &str| {
        let mut evidence = report(None, "vm", "pg").evidence().clone();
        let interface = json!([{"addresses": [], "subnets": [prefix]}]);
        evidence.vantage.interfaces = serde_json::from_value(interface).expect("interfaces");
        Report::new(evidence, &Selection::default())
    };
    let places = merge(&[of("10.1.0.0/24"), of("10.2.0.0/24")]);
    let names: Vec<&str> = places[0].rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["vm (10.1.0.0/24)", "vm (10.2.0.0/24)"]);
}
