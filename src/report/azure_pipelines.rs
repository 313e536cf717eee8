//! Logging commands of Azure Pipelines: an issue for each finding, and the result of the task where it
//! works with warnings. A failure is told by the exit code, as the task expects.
//!
//! Source: Microsoft Learn, "Logging commands".

use super::Report;
use crate::text::clean;
use entra_pg_checks::{Outcome, Severity};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    let judgement = report.judgement();
    for judged in &judgement.findings {
        let finding = &judged.finding;
        let fix = finding.fixes.first();
        let fix = fix.map(|fix| format!(". Fix: {}", fix.text)).unwrap_or_default();
        let message = escape(&clean(&format!("{}{fix}", finding.detail)));
        let id = finding.problem.id;
        match finding.severity {
            // Only the root is an error: the others would hide it.
            Severity::Error if judged.root => {
                out.push_str(&format!("##vso[task.logissue type=error;code={id};]{message}\n"));
            }
            Severity::Error | Severity::Warning => {
                out.push_str(&format!("##vso[task.logissue type=warning;code={id};]{message}\n"));
            }
            // There is no lower type; a command would make a warning of it.
            Severity::Info => out.push_str(&format!("{id}: {message}\n")),
        }
    }
    let summary = escape(&clean(&report.summary()));
    match judgement.outcome {
        Outcome::Failing => {}
        Outcome::Healthy => out.push_str(&format!("entra-pg: {summary}\n")),
        Outcome::Degraded | Outcome::Undetermined => {
            out.push_str(&format!("##vso[task.complete result=SucceededWithIssues;]{summary}\n"));
        }
    }
    out
}

/// In a message only the percent sign and the ends of lines have a meaning, but a line of a server must
/// not begin a command of its own.
fn escape(text: &str) -> String {
    text.replace('%', "%AZP25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace("##vso[", "## vso[")
        .replace("##[", "## [")
}
