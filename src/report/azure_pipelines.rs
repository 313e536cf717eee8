//! Logging commands of Azure Pipelines: an issue for each finding, and the result of the task if it
//! works with warnings. The exit code reports a failure, as the task expects.
//!
//! Source: Microsoft Learn, "Logging commands".

use super::Report;
use crate::text::{AzureLog, Inert};
use entra_pg_checks::{Outcome, Severity};

pub(super) fn render(report: &Report) -> Inert {
    let mut log = AzureLog::default();
    let judgement = report.judgement();
    for judged in &judgement.findings {
        let finding = &judged.finding;
        let fix = finding.fixes.first();
        let fix = fix.map(|fix| format!(". Fix: {}", fix.text)).unwrap_or_default();
        let message = format!("{}{fix}", finding.detail);
        let id = finding.problem.id;
        let mut issue = |kind| {
            log.command("task.logissue", &[("type", kind), ("code", id)], &message);
        };
        match finding.severity {
            // Only the root is an error: the others would hide it.
            Severity::Error if judged.root => issue("error"),
            Severity::Error | Severity::Warning => issue("warning"),
            // There is no lower type; a command would make a warning of it.
            Severity::Info => log.line(&format!("{id}: {message}")),
        }
    }
    let summary = report.summary();
    match judgement.outcome {
        Outcome::Failing => {}
        Outcome::Healthy => log.line(&format!("entra-pg: {summary}")),
        Outcome::Degraded | Outcome::Undetermined => {
            log.command("task.complete", &[("result", "SucceededWithIssues")], &summary);
        }
    }
    log.finish()
}
