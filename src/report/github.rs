//! Annotations of GitHub Actions: the root as an error, everything else as a warning, since only ten of
//! a kind are shown for a step.

use super::Report;
use crate::text::{GithubLog, Inert};
use entra_pg_checks::Severity;

pub(super) fn render(report: &Report) -> Inert {
    let mut log = GithubLog::default();
    for judged in &report.judgement().findings {
        let finding = &judged.finding;
        let kind = match finding.severity {
            _ if judged.root => "error",
            Severity::Error | Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let fix = finding.fixes.first();
        let fix = fix.map(|fix| format!(". Fix: {}", fix.text)).unwrap_or_default();
        log.annotation(kind, finding.problem.id, &format!("{}{fix}", finding.detail));
    }
    if report.judgement().findings.is_empty() {
        log.annotation("notice", "entra-pg", &report.summary());
    }
    log.finish()
}
