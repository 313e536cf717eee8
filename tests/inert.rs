//! Hostile text in every field of the evidence and in every argument, through every format and command:
//! the output holds no terminal control, no CI command and no broken document.

mod recorded;

use clap::ValueEnum;
use entra_pg::{
    bundle::{Extras, pack},
    diff,
    fleet::{Fleet, Row, Sides, merge},
    fuzzing::{exec_output, token_output},
    report::{
        Format, Style,
        fleet::{FleetFormat, MergeFormat, render, render_merge},
        preflight::{PreflightFormat, render as render_preflight},
        render as render_report,
    },
    secret::Secrets,
    text::{Inert, is_active},
};
use entra_pg_checks::{Evidence, preflight::checklist};
use recorded::{CASES, entra_pg, evidence, report};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read},
};
use zip::ZipArchive;

/// One character of each active class, CI commands of several systems, and each format's own syntax.
const HOSTILE: &str = "\r\n::error::planted\r::stop-commands::x\n\u{a0} ::add-mask::y \
    M##vso[task.setvariable variable=X]y ##VSO[a] ##[add-mask]z ##teamcity[message] \
    \u{1b}[31m\u{1b}]0;title\u{7}\u{9b}2J\u{7f}\u{85}\u{8}\u{202e}\u{2066}\u{200e}\u{61c}\u{2028}\u{2029}\
    \u{ad}\u{180e}\u{200b}\u{200d}\u{2060}\u{feff}\u{e0001}\u{e0041}\u{e007f}\u{fe0f}\u{3164}\u{ffff} \
    <script>x</script><img src=x onerror=y>]]>--><!-- \"'`|*_{}\\\n```\n# title";

/// Every position of a string, with indices and the names of maps erased.
type Positions = BTreeMap<String, bool>;

/// The evidence with hostile text in every string that may hold any text.
fn hostile(document: &Value, known: &mut Positions, change: &dyn Fn(&str) -> String) -> Value {
    let mut pointers = Vec::new();
    strings(document, String::new(), &mut pointers);
    let mut changed = document.clone();
    for pointer in pointers {
        let pattern: String = pointer.chars().filter(|c| !c.is_ascii_digit()).collect();
        let put = |document: &mut Value| {
            if let Some(Value::String(text)) = document.pointer_mut(&pointer) {
                *text = change(text);
            }
        };
        let free = *known.entry(pattern).or_insert_with(|| {
            let mut one = document.clone();
            put(&mut one);
            serde_json::from_value::<Evidence>(one).is_ok()
        });
        if free {
            put(&mut changed);
        }
    }
    changed
}

fn strings(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, item)| strings(item, format!("{pointer}/{index}"), found)),
        Value::Object(map) => {
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                strings(item, format!("{pointer}/{key}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check(name: &str, output: &str) {
    for character in output.chars() {
        assert!(character == '\n' || !is_active(character), "{name}: {character:?}");
    }
    let lower = output.to_lowercase();
    for command in ["##[", "##vso[", "##teamcity["] {
        assert!(!lower.contains(command), "{name}: {command}");
    }
    for line in output.lines() {
        assert!(!line.trim_start().starts_with("::"), "{name}: {line}");
    }
}

/// The output without the styles that the page itself adds.
fn unstyled(output: &str) -> String {
    let mut parts = output.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(part.len());
        assert!(part[end..].starts_with('m') && end <= 8, "only colors: {part:.20}");
        out.push_str(&part[end + 1..]);
    }
    out
}

fn text_of(output: Inert) -> String {
    String::from_utf8(output.into_bytes()).expect("UTF-8")
}

fn check_format(name: &str, format: Format, output: &str) {
    match format {
        Format::Text | Format::Short => check(name, &unstyled(output)),
        Format::Html | Format::Markdown => check(name, output),
        Format::Json | Format::JsonLine | Format::Sarif => {
            serde_json::from_str::<Value>(output).expect(name);
            check(name, output);
        }
        Format::Jsonl => {
            output.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).expect(name)));
            check(name, output);
        }
        Format::Junit => {
            quick_junit::Report::deserialize_from_str(output).expect(name);
            check(name, output);
        }
        Format::Github => {
            for line in output.lines() {
                let data = line.strip_prefix("::").expect("a command");
                assert!(
                    ["error ", "warning ", "notice "].iter().any(|kind| data.starts_with(kind))
                );
                check(name, data);
            }
        }
        Format::AzurePipelines => {
            for line in output.lines() {
                check(name, line.strip_prefix("##vso[task.").unwrap_or(line));
            }
        }
    }
}

const FORMATS: [Format; 11] = [
    Format::Text,
    Format::Short,
    Format::Json,
    Format::JsonLine,
    Format::Jsonl,
    Format::Junit,
    Format::Sarif,
    Format::Github,
    Format::AzurePipelines,
    Format::Html,
    Format::Markdown,
];

fn style(color: bool, width: usize) -> Style {
    Style { color, width, verbose: 2, quiet: false, unicode: true }
}

fn hostile_cases() -> Vec<(String, Value)> {
    let mut known = Positions::new();
    let mut cases = Vec::new();
    for (name, patches) in CASES {
        let document = evidence(patches);
        let whole = |_: &str| HOSTILE.to_owned();
        let around = |text: &str| format!("::warning::a ##vso[b]{text}{HOSTILE}");
        cases.push((format!("{name}, replaced"), hostile(&document, &mut known, &whole)));
        cases.push((format!("{name}, around"), hostile(&document, &mut known, &around)));
    }
    assert!(known.values().filter(|free| **free).count() > 80);
    cases
}

#[test]
fn hostile_evidence_cannot_act_in_any_format() {
    for (name, document) in hostile_cases() {
        let report = report(document);
        for format in FORMATS {
            for (color, width) in [(false, 80), (true, 43), (true, 160)] {
                let output = render_report(&report, format, &style(color, width)).expect("made");
                check_format(&format!("{name}, {format:?}"), format, &text_of(output));
            }
        }
    }
}

/// Every recorded evidence with hostile text, and whether it has a position that no earlier one has.
fn every_hostile_evidence() -> impl Iterator<Item = (String, Value, bool)> {
    let mut known = Positions::new();
    recorded::every_evidence().into_iter().map(move |(name, document)| {
        let before = known.len();
        let document = hostile(&document, &mut known, &|text| {
            format!("{text}\n::error::x\u{9b}\u{202e}##[a]##vso[b]<script>]]>")
        });
        (name, document, known.len() > before)
    })
}

#[test]
fn every_recorded_problem_with_hostile_text_cannot_act() {
    for (name, document, has_new_position) in every_hostile_evidence() {
        let report = report(document);
        let formats = if has_new_position { &FORMATS[..] } else { &[Format::Text, Format::Json] };
        for format in formats {
            let output = render_report(&report, *format, &style(false, 60)).expect("made");
            check_format(&format!("{name}, {format:?}"), *format, &text_of(output));
        }
    }
}

#[test]
fn hostile_evidence_cannot_act_in_a_checklist_a_difference_or_a_bundle() {
    let healthy = report(evidence(&[]));
    let every = every_hostile_evidence().filter(|(_, _, has_new_position)| *has_new_position);
    let cases = hostile_cases().into_iter().map(|(name, document)| (name, document, true));
    for (name, document, packed) in
        cases.chain(every.map(|(name, document, _)| (name, document, false)))
    {
        let report = report(document);
        let seen = report.evidence();
        let list = checklist(seen, &[seen], None);
        for format in PreflightFormat::value_variants() {
            let output = render_preflight(&list, seen, *format, &style(true, 80)).expect("made");
            check(&format!("preflight, {name}, {format:?}"), &unstyled(&text_of(output)));
        }
        for (before, after) in [(&healthy, &report), (&report, &healthy)] {
            let text = Inert::text(&diff::text(&diff::compare(before, after)));
            check(&format!("diff, {name}"), &text_of(text));
        }
        // The reports in a bundle are those of the other tests: a few show the files around them.
        if !packed {
            continue;
        }
        let secrets = Secrets::default();
        let extras = Extras { plan: Some(HOSTILE.to_owned()), secrets: &secrets, pseudonyms: None };
        let bytes = pack(&report, &extras).expect("a bundle");
        let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a zip file");
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).expect("a file");
            let mut text = String::new();
            file.read_to_string(&mut text).expect("UTF-8");
            check(&format!("bundle, {name}, file {index}"), &text);
        }
    }
}

#[test]
fn hostile_evidence_cannot_act_in_what_token_and_exec_print() {
    let every = every_hostile_evidence().map(|(name, document, _)| (name, document));
    for (name, document) in hostile_cases().into_iter().chain(every) {
        let seen = report(document).evidence().clone();
        for verbose in [0, 2] {
            let output = token_output(seen.clone(), verbose, style(true, 80)).expect("made");
            check(&format!("token, {name}"), &unstyled(&output));
        }
        let output = exec_output(seen, &style(true, 80)).expect("made");
        check(&format!("exec, {name}"), &unstyled(&output));
    }
}

#[test]
fn hostile_evidence_cannot_act_in_a_fleet_or_a_merge() {
    for (name, document) in hostile_cases() {
        let report = report(document);
        let fleet = Fleet {
            run_id: HOSTILE.to_owned(),
            started_at: "2026-11-24T12:00:00Z".parse().expect("a time"),
            duration_ms: 1,
            interrupted: false,
            rows: vec![Row::of(HOSTILE, &report), Row::of("b", &report)],
            gaps: None,
        };
        for format in [
            FleetFormat::Text,
            FleetFormat::Json,
            FleetFormat::Jsonl,
            FleetFormat::Junit,
            FleetFormat::Prometheus,
        ] {
            let output = text_of(render(&fleet, format, &style(true, 80)).expect("made"));
            let name = format!("fleet, {name}, {format:?}");
            match format {
                FleetFormat::Text => check(&name, &unstyled(&output)),
                FleetFormat::Json => drop(serde_json::from_str::<Value>(&output).expect("JSON")),
                FleetFormat::Jsonl => output
                    .lines()
                    .for_each(|line| drop(serde_json::from_str::<Value>(line).expect("JSON"))),
                FleetFormat::Junit => {
                    quick_junit::Report::deserialize_from_str(&output).expect("XML");
                }
                FleetFormat::Prometheus => {
                    for line in output.lines() {
                        assert!(line.starts_with("# ") || line.starts_with("entra_pg_"), "{line}");
                    }
                }
            }
            check(&name, &unstyled(&output));
        }
        let places = merge(&[report]);
        for format in [MergeFormat::Text, MergeFormat::Json] {
            let output =
                render_merge(&places, &Sides::default(), format, &style(true, 80)).expect("made");
            check(&format!("merge, {name}, {format:?}"), &unstyled(&text_of(output)));
        }
    }
}

/// Runs the command without network and environment; both streams are held to the same rule.
fn run(arguments: &[&str]) {
    let output = entra_pg(arguments).output().expect("ran");
    for (stream, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        let text = String::from_utf8(bytes).expect("UTF-8");
        check(&format!("{arguments:?}, {stream}"), &text);
    }
}

#[test]
fn hostile_arguments_and_files_cannot_act_in_any_command() {
    let hostile_argument: String = HOSTILE.chars().filter(|c| *c != '\0').collect();
    let text = hostile_argument.as_str();
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path.to_string_lossy().into_owned()
    };
    let (_, document) = hostile_cases().swap_remove(2);
    let foreign = file("foreign.json", &document.to_string());
    let healthy = file("healthy.json", &evidence(&[]).to_string());
    let mut unknown = evidence(&[]);
    unknown["server"] = serde_json::json!({ text: text });
    let unknown = file("unknown.json", &unknown.to_string());
    let list = file("list.toml", &format!("[[target]]\nhost = {:?}\n", "a##vso[x]b"));
    let token = file("token", &format!("{text}.{text}.x"));
    for arguments in [
        vec!["replay", &foreign],
        vec!["replay", &foreign, "--format", "short"],
        vec!["replay", &unknown],
        vec!["diff", &healthy, &foreign],
        vec!["diff", &foreign, &healthy, "--format", "json"],
        vec!["diff", &unknown, &healthy],
        vec!["merge", &healthy, &foreign],
        vec!["merge", &unknown],
        vec!["merge", &healthy, &foreign, "--format", "json"],
        vec!["name", text],
        vec!["name", text, "--json"],
        vec!["explain", text],
        vec!["explain", "FATAL: password authentication failed for user", text],
        vec!["explain", "AADSTS50076", text, "--format", "json"],
        vec!["token", "--decode", &token],
        vec!["token", "--decode", &token, "-vv"],
        vec!["token", "--decode", text],
        vec!["exec", "--token-file", &token, "-h", "h", "-U", text, "--", text],
        vec!["exec", "--token-file", &token, "-h", text, "--", "/nonexistent"],
        vec!["exec", "--token-file", &token, "-h", "h", "--diagnose", "--", text],
        vec!["exec", "--token-file", text, "-h", "h", "--", "/nonexistent"],
        vec!["exec", "-h", "h", text],
        vec!["doctor", "--plan", "-h", text, "-U", text, "-d", text],
        vec!["doctor", "--plan", "-h", "h", "-U", text, "-d", text],
        vec!["doctor", text],
        vec!["doctor", "--only", text],
        vec!["doctor", "--token-file", text],
        vec!["doctor", "--format", text],
        vec!["doctor", "-p", text],
        vec!["fleet", "--plan", &list],
        vec!["fleet", "--plan", text],
        vec!["manifest", "kubernetes", "--image", text, "-h", "h", "-U", text],
        vec!["manifest", "kubernetes", "--image", text, "-h", "h", "--format", "json"],
        vec!["manifest", "kubernetes", "--image", "i", "--name", text],
        vec![text],
        vec!["completions", text],
    ] {
        run(&arguments);
    }
}
