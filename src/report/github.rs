//! Annotations of GitHub Actions: the root as an error, everything else as a warning, since only ten of
//! a kind are shown for a step.

use super::Report;
use crate::text::clean;
use entra_pg_checks::Severity;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    for judged in &report.judgement().findings {
        let finding = &judged.finding;
        let kind = match finding.severity {
            _ if judged.root => "error",
            Severity::Error | Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let fix = finding.fixes.first();
        let fix = fix.map(|fix| format!(". Fix: {}", clean(&fix.text))).unwrap_or_default();
        let message = format!("{}{fix}", clean(&finding.detail));
        out.push_str(&format!("::{kind} title={}::{}\n", finding.problem.id, escape(&message)));
    }
    if report.judgement().findings.is_empty() {
        out.push_str(&format!("::notice title=entra-pg::{}\n", escape(&clean(&report.summary()))));
    }
    out
}

/// Source: GitHub's toolkit, workflow commands. The older form `##[…]` counts anywhere in a line, so what
/// a server says must not hold one.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace("##[", "## [")
        .replace("##vso[", "## vso[")
}
