//! For tickets: the verdict, then what each party must do.

use super::{Report, json::status, outline};
use crate::text::clean;
use entra_pg_checks::{Actor, Status};
use std::fmt::Write;

const ACTORS: [Actor; 6] = [
    Actor::You,
    Actor::Network,
    Actor::EntraAdmin,
    Actor::DatabaseAdmin,
    Actor::AzureOwner,
    Actor::Microsoft,
];

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    let judgment = report.judgment();
    let _ = writeln!(out, "## entra-pg: {}\n", escape(&report.summary()));
    head(&mut out, report);
    if let Some(group) = outline::primary(report) {
        let finding = &group.judged.finding;
        let _ = writeln!(out, "`{}`: {}\n", finding.problem.id, escape(&finding.detail));
        if !group.also.is_empty() {
            let _ = writeln!(out, "- the same for {}", escape(&group.also.join(", ")));
        }
        for evidence in &finding.evidence {
            let _ = writeln!(out, "- {}", escape(evidence));
        }
        let _ = writeln!(out);
    }
    for group in outline::others(report) {
        let finding = &group.judged.finding;
        let (label, id) = (outline::label(finding.severity), finding.problem.id);
        let _ = writeln!(out, "- Also found: {label}: {} (`{id}`)", escape(&finding.headline()));
    }
    for actor in ACTORS {
        let fixes = judgment
            .findings
            .iter()
            .filter(|judged| judged.explained_by.is_none())
            .flat_map(|judged| {
                judged.finding.fixes.iter().map(|fix| (judged.finding.problem.id, fix))
            })
            .filter(|(_, fix)| fix.actor == actor);
        for (index, (problem, fix)) in fixes.enumerate() {
            if index == 0 {
                let _ = writeln!(out, "### For {}\n", actor.label());
            }
            let label = if fix.check { "Check by hand: " } else { "" };
            let place = fix.sql_place().map(|place| format!(" ({place})")).unwrap_or_default();
            let _ = writeln!(out, "- {label}{}{place} (`{problem}`)", escape(&fix.text));
            if let Some(command) = &fix.command {
                let language = if fix.sql_place().is_some() { "sql" } else { "" };
                let _ = writeln!(out, "\n  ```{language}\n  {}\n  ```\n", clean(command));
            }
        }
    }
    let _ = writeln!(out, "\n| check | status | detail |\n|---|---|---|");
    for line in judgment.lines.iter().filter(|line| line.status != Status::NotApplicable) {
        let about = line.subject.as_deref().map(|subject| format!(" {}", escape(subject)));
        let (id, about) = (line.check.id, about.unwrap_or_default());
        let _ =
            writeln!(out, "| {id}{about} | {} | {} |", status(line.status), escape(&line.detail));
    }
    out
}

/// Server, user, database, and the run.
fn head(out: &mut String, report: &Report) {
    if let Some(settings) = report.evidence().settings.seen() {
        if let Some(host) = &settings.host {
            let _ = writeln!(out, "- Server: {}:{}", escape(&host.value), settings.port.value);
            let _ = writeln!(out, "- Database: {}", escape(&settings.database.value));
        } else {
            let _ = writeln!(out, "- Server: not given");
        }
        if let Some(user) = &settings.user {
            let _ = writeln!(out, "- User: {}", escape(&user.value));
        }
    }
    let time = outline::seconds(report.evidence().duration_ms);
    let _ = writeln!(out, "- Source: {}, took {time}\n", escape(&outline::provenance(report)));
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in clean(text).chars() {
        if matches!(character, '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
