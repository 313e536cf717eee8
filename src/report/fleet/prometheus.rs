//! Prometheus' text format: gauges of the last run, for a textfile collector or a gateway.

use crate::{
    fleet::{Fleet, Row, State},
    report::json::outcome,
};
use entra_pg_checks::{Outcome, Status};
use std::fmt::Write;

pub(super) fn fleet(fleet: &Fleet) -> String {
    let mut out = String::new();
    let looked = || fleet.rows.iter().filter(|row| row.state != State::NotBegun);
    head(&mut out, "entra_pg_target_up", "1 if the login works, 0 if it fails or was not checked.");
    for row in looked().filter(|row| row.state != State::Looked(Outcome::Undetermined)) {
        let _ = writeln!(out, "entra_pg_target_up{{{}}} {}", labels(row), u8::from(row.works()));
    }
    head(&mut out, "entra_pg_target_problem", "1 for the problem that is the root cause.");
    for row in looked() {
        if let Some(root) = &row.root {
            let (labels, id) = (labels(row), root.problem.id);
            let _ = writeln!(out, "entra_pg_target_problem{{{labels},problem=\"{id}\"}} 1");
        }
    }
    head(&mut out, "entra_pg_target_warning", "1 for each warning that nothing explains.");
    for row in looked() {
        let mut ids: Vec<&str> = row.warnings.iter().map(|cause| cause.problem.id).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let labels = labels(row);
            let _ = writeln!(out, "entra_pg_target_warning{{{labels},problem=\"{id}\"}} 1");
        }
    }
    head(&mut out, "entra_pg_target_stage_ok", "1 if all checks of a stage hold, 0 if one fails.");
    for row in looked() {
        for (stage, status) in &row.stages {
            let holds = match status {
                Status::Passed | Status::Warning => 1,
                Status::Failed => 0,
                Status::Skipped | Status::Undetermined | Status::NotApplicable => continue,
            };
            let labels = labels(row);
            let _ = writeln!(out, "entra_pg_target_stage_ok{{{labels},stage=\"{stage}\"}} {holds}");
        }
    }
    head(&mut out, "entra_pg_target_duration_seconds", "How long the check of a target took.");
    for row in looked() {
        let (labels, seconds) = (labels(row), seconds(row.duration_ms));
        let _ = writeln!(out, "entra_pg_target_duration_seconds{{{labels}}} {seconds}");
    }
    head(&mut out, "entra_pg_targets", "Targets by outcome.");
    for state in [Outcome::Healthy, Outcome::Degraded, Outcome::Failing, Outcome::Undetermined] {
        let count = fleet.rows.iter().filter(|row| row.state == State::Looked(state)).count();
        let _ = writeln!(out, "entra_pg_targets{{outcome=\"{}\"}} {count}", outcome(state));
    }
    let not_begun = fleet.rows.len() - looked().count();
    let _ = writeln!(out, "entra_pg_targets{{outcome=\"not-begun\"}} {not_begun}");
    head(&mut out, "entra_pg_run_timestamp_seconds", "When the run began.");
    let _ = writeln!(out, "entra_pg_run_timestamp_seconds {}", fleet.started_at.as_second());
    head(&mut out, "entra_pg_run_duration_seconds", "How long the run took.");
    let _ = writeln!(out, "entra_pg_run_duration_seconds {}", seconds(fleet.duration_ms));
    out
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

fn labels(row: &Row) -> String {
    let host = row.host.as_deref().unwrap_or_default();
    let user = row.user.as_deref().unwrap_or_default();
    format!(
        "target=\"{}\",host=\"{}\",port=\"{}\",user=\"{}\",database=\"{}\"",
        escape(&row.name),
        escape(host),
        row.port,
        escape(user),
        escape(&row.database)
    )
}

/// Backslash, quotation mark and line feed, as the format demands.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn labels_are_escaped() {
        assert_eq!(super::escape("O'Neil \"Zoë\"\\\n"), "O'Neil \\\"Zoë\\\"\\\\\\n");
    }
}
