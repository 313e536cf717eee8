//! Reports made of recorded evidence.

#![allow(dead_code, reason = "each test file uses a part of it")]

use assert_cmd::Command;
use entra_pg::{
    diagnose::Report,
    report::{Format, Style, render},
    settings::request::Selection,
};
use entra_pg_checks::rulebook;
use serde_json::Value;
use std::{env, fs, path::Path, path::PathBuf};

/// The runs that the golden files show: nothing wrong, one fault, and many.
pub(crate) const CASES: [(&str, &[&str]); 3] = [
    ("healthy", &[]),
    ("one-fault", &["name/wrong-case"]),
    (
        "many-faults",
        &[
            "dns/nameserver-down",
            "outbound/tls-intercepted",
            "server/tls-expired",
            "name/wrong-case",
            "claims/expired",
        ],
    ),
];

/// The command with an empty environment. Only the folder of Windows stays: nothing opens a socket there without it.
pub(crate) fn entra_pg(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("entra-pg").expect("built");
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    #[expect(clippy::disallowed_methods, reason = "the tests' own environment")]
    if let Some(folder) = env::var_os("SystemRoot") {
        command.env("SystemRoot", folder);
    }
    command
}

/// A file of the fixtures.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The healthy evidence with the changes of these fixtures, one after the other.
pub(crate) fn evidence(patches: &[&str]) -> Value {
    let read = |path: PathBuf| -> Value {
        serde_json::from_str(&fs::read_to_string(path).expect("a fixture")).expect("JSON")
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut document = read(root.join("checks/support/healthy.json"));
    for name in patches {
        let patch = read(fixture(&format!("evidence/{name}.json")));
        for (pointer, value) in patch["set"].as_object().expect("changes") {
            set(&mut document, pointer, value.clone());
        }
    }
    document
}

/// Sets a value at a JSON pointer.
pub(crate) fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match document.pointer_mut(parent).expect("the place exists") {
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        place => place[key] = value,
    }
}

/// The judgment of evidence.
pub(crate) fn report(evidence: Value) -> Report {
    let evidence = serde_json::from_value(evidence).expect("evidence");
    Report::new(evidence, &Selection::default())
}

/// The checks that the golden files show. The list is fixed so that a new check changes none of them.
const GOLDEN_CHECKS: &[&str] = &[
    "config/host",
    "config/tls-settings",
    "dns/nameservers",
    "dns/consistency",
    "dns/resolution",
    "dns/address-class",
    "outbound/tcp",
    "outbound/tls",
    "outbound/http",
    "clock/accuracy",
    "token/acquisition",
    "claims/well-formed",
    "claims/signature",
    "claims/audience",
    "claims/lifetime",
    "name/spelling",
    "server/tcp",
    "server/protocol",
    "server/tls",
    "login/auth-request",
    "login/authentication",
    "access/database",
    "access/role",
    "azure/egress-rules",
];

/// A report of the checks that the golden files show.
pub(crate) fn golden(evidence: Value) -> Report {
    let evidence = serde_json::from_value(evidence).expect("evidence");
    let mut checks = rulebook();
    checks.retain(|check| GOLDEN_CHECKS.contains(&check.id));
    assert_eq!(checks.len(), GOLDEN_CHECKS.len(), "a check that the golden files show is gone");
    Report::judged_by(&checks, evidence, &Selection::default())
}

/// A report in a format, 80 columns wide and without colors.
pub(crate) fn rendered(evidence: Value, format: Format) -> String {
    styled(evidence, format, false)
}

/// The same, with colors if wanted.
pub(crate) fn styled(evidence: Value, format: Format, color: bool) -> String {
    text(&report(evidence), format, color)
}

/// A rendered report.
pub(crate) fn text(report: &Report, format: Format, color: bool) -> String {
    let style = Style { color, width: 80, verbose: 0, quiet: false, unicode: true };
    String::from_utf8(render(report, format, &style).expect("rendered").into_bytes())
        .expect("UTF-8")
}

/// Every recorded observation: its name and the evidence.
pub(crate) fn every_evidence() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for family in fs::read_dir(fixture("evidence")).expect("a folder") {
        let folder = family.expect("readable").path();
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("readable").path();
            let family = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let name = format!("{family}/{}", file.trim_end_matches(".json"));
            all.push((name.clone(), evidence(&[&name])));
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}
