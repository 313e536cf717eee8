//! Logging commands of Azure Pipelines: an issue for the cause and for each finding apart from it, and the
//! result of the task if there are warnings only. The exit code reports a failure, as the task expects.
//!
//! Source: Microsoft Learn, "Logging commands".

use super::{Report, github::message, outline};
use crate::text::{AzureLog, Inert};
use entra_pg_checks::{Outcome, Severity};

pub(super) fn render(report: &Report) -> Inert {
    let mut log = AzureLog::default();
    let groups = outline::primary(report).into_iter().chain(outline::others(report));
    for group in groups {
        let finding = &group.judged.finding;
        let message = message(report, &group);
        let id = finding.problem.id;
        let mut issue = |kind| {
            log.command("task.logissue", &[("type", kind), ("code", id)], &message);
        };
        match finding.severity {
            Severity::Error if group.judged.root => issue("error"),
            Severity::Error | Severity::Warning => issue("warning"),
            // There is no lower type; a command would turn it into a warning.
            Severity::Info => log.line(&format!("{id}: {message}")),
        }
    }
    let summary = report.summary();
    match report.judgment().outcome {
        Outcome::Failing => {}
        Outcome::Healthy => log.line(&format!("entra-pg: {summary}")),
        Outcome::Degraded | Outcome::Undetermined => {
            log.command("task.complete", &[("result", "SucceededWithIssues")], &summary);
        }
    }
    log.finish()
}
