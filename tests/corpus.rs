//! The error texts of public reports in `corpus/reports.toml`: `explain` shows one of the wanted pages
//! first. `cargo test --test corpus -- --nocapture` prints the figure.

#![allow(clippy::print_stdout, reason = "the figure is for the contributor who runs the test")]

use entra_pg::explain::find;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    report: Vec<Report>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    /// A short name: repository and number, or `form-…`.
    id: String,
    /// The public report.
    url: Option<String>,
    text: String,
    /// The pages of which one must come first.
    want: Vec<String>,
}

fn corpus() -> Vec<Report> {
    let corpus: Corpus = toml::from_str(include_str!("corpus/reports.toml")).expect("reports.toml");
    corpus.report
}

/// The id of the first page, and the problem of an AADSTS number.
fn first(text: &str) -> Vec<String> {
    let answer = find(text.as_bytes());
    let Some(page) = answer.pages.first() else { return Vec::new() };
    let problem = page.related.first().filter(|_| page.kind == "aadsts");
    std::iter::once(page.id.clone()).chain(problem.map(|problem| problem.id.clone())).collect()
}

/// Whether one of the wanted pages exists. Others are counted when they do.
fn is_decided(report: &Report, known: &BTreeSet<&str>) -> bool {
    report.want.iter().any(|want| known.contains(want.as_str()) || want.starts_with("AADSTS"))
}

fn known() -> BTreeSet<&'static str> {
    entra_pg_checks::problems().iter().map(|problem| problem.id).collect()
}

#[test]
fn every_report_leads_to_its_page() {
    let (reports, pending): (Vec<Report>, Vec<Report>) =
        corpus().into_iter().partition(|report| is_decided(report, &known()));
    let wrong: Vec<String> = reports
        .iter()
        .filter_map(|report| {
            let found = first(&report.text);
            let right = found.iter().any(|id| report.want.contains(id));
            (!right).then(|| format!("{}: {found:?}, not {:?}", report.id, report.want))
        })
        .collect();
    let right = reports.len() - wrong.len();
    println!("explain shows the right page first for {right} of {} reports", reports.len());
    for report in pending {
        println!("{} waits for a page: {}", report.id, report.want.join(", "));
    }
    assert!(wrong.is_empty(), "{right} of {}:\n{}", reports.len(), wrong.join("\n"));
}

#[test]
fn entries_are_unique_and_name_pages_that_exist() {
    let families: Vec<&str> = entra_pg_checks::FAMILIES.iter().map(|family| family.name).collect();
    let mut ids = BTreeSet::new();
    for report in corpus() {
        assert!(ids.insert(report.id.clone()), "{} is there twice", report.id);
        assert!(
            report.url.as_deref().is_none_or(|url| url.starts_with("https://")),
            "{}",
            report.id
        );
        assert!(!report.text.trim().is_empty() && !report.want.is_empty(), "{}", report.id);
        for want in &report.want {
            let family = want.split('/').next().unwrap_or_default();
            assert!(
                want.starts_with("AADSTS") || families.contains(&family),
                "{}: {want}",
                report.id
            );
        }
    }
    assert!(ids.len() >= 178, "{} reports", ids.len());
}

/// What surrounds a message does not change the answer.
#[test]
fn wrapping_escaping_and_prefixes_change_nothing() {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 4] = [
        ("escaped as JSON", |text| serde_json::to_string(text).expect("JSON")),
        ("in a log", |text| {
            text.lines().map(|line| format!("2026-11-25T10:00:00.000Z stdout F {line}\n")).collect()
        }),
        ("with ANSI codes", |text| format!("\u{1b}[31m{text}\u{1b}[0m")),
        ("in a frame", |text| text.lines().map(|line| format!("│ {line}\r\n")).collect()),
    ];
    let mut wrong = Vec::new();
    let known = known();
    for report in corpus().into_iter().filter(|report| is_decided(report, &known)) {
        for (name, change) in changes {
            let found = first(&change(&report.text));
            if !found.iter().any(|id| report.want.contains(id)) {
                wrong.push(format!("{} {name}: {found:?}, not {:?}", report.id, report.want));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
