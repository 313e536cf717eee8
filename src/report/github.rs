//! Annotations of GitHub Actions: the cause as an error, findings apart from it as warnings. Findings that
//! the cause explains are left out, since only ten of a kind are shown per step.

use super::{Report, outline, outline::Group};
use crate::text::{GithubLog, Inert};
use entra_pg_checks::Severity;

pub(super) fn render(report: &Report) -> Inert {
    let mut log = GithubLog::default();
    let groups = outline::primary(report).into_iter().chain(outline::others(report));
    let mut found = false;
    for group in groups {
        let finding = &group.judged.finding;
        let kind = match finding.severity {
            Severity::Error if group.judged.root => "error",
            Severity::Error | Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        log.annotation(kind, finding.problem.id, &message(report, &group));
        found = true;
    }
    if !found {
        log.annotation("notice", "entra-pg", &report.summary());
    }
    log.finish()
}

/// The conclusion or the finding, with the first fix and its command.
pub(super) fn message(report: &Report, group: &Group<'_>) -> String {
    let finding = &group.judged.finding;
    let mut text = if report.primary().is_some_and(|primary| primary.finding == *finding) {
        report.summary()
    } else {
        finding.headline()
    };
    if !text.ends_with(&finding.detail) {
        text.push_str(&format!(". {}", finding.detail));
    }
    if !group.also.is_empty() {
        text.push_str(&format!(". The same for {}", group.also.join(", ")));
    }
    if let Some(fix) = finding.fixes.first() {
        text.push_str(&format!(". Fix ({}): {}", fix.actor.label(), fix.text));
        if let Some(command) = &fix.command {
            text.push_str(&format!(": {command}"));
        }
    }
    text
}
