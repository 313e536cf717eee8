//! For tickets: the verdict, then what each party must do.

use super::{Report, json::status};
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
    let judgement = report.judgement();
    let _ = writeln!(out, "## entra-pg: {}\n", escape(&report.summary()));
    if let Some(root) = judgement.root() {
        let _ = writeln!(
            out,
            "`{}` about {}\n",
            root.finding.problem.id,
            escape(&root.finding.subject)
        );
        for evidence in &root.finding.evidence {
            let _ = writeln!(out, "- {}", escape(evidence));
        }
        let _ = writeln!(out);
    }
    for actor in ACTORS {
        let fixes = judgement
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
            let _ = writeln!(out, "- {} (`{problem}`)", escape(&fix.text));
            if let Some(command) = &fix.command {
                let _ = writeln!(out, "\n  ```\n  {}\n  ```\n", clean(command));
            }
        }
    }
    let _ = writeln!(out, "\n| check | status | detail |\n|---|---|---|");
    for line in judgement.lines.iter().filter(|line| line.status != Status::NotApplicable) {
        let about = line.subject.as_deref().map(|subject| format!(" {}", escape(subject)));
        let (id, about) = (line.check.id, about.unwrap_or_default());
        let _ =
            writeln!(out, "| {id}{about} | {} | {} |", status(line.status), escape(&line.detail));
    }
    let _ = writeln!(out, "\nrun `{}`", clean(&report.evidence().run_id).replace('`', "\u{fffd}"));
    out
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
