//! JUnit XML: one suite per family, one case per check and subject.

use super::{Report, json::status};
use crate::text::clean;
use entra_pg_checks::{Judged, Line, Outcome, Status};
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use std::{io, time::Duration};

pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut junit = Junit::new("entra-pg");
    let judgment = report.judgment();
    let passes = matches!(judgment.outcome, Outcome::Healthy | Outcome::Degraded);
    for family in judgment.families() {
        let mut suite = TestSuite::new(family);
        suite.set_time(Duration::ZERO);
        for line in judgment.lines.iter().filter(|line| line.check.family() == family) {
            let finding = judgment.findings.iter().find(|judged| belongs(judged, line));
            let name = match &line.subject {
                Some(subject) => format!("{} {}", line.check.id, clean(subject)),
                None => line.check.id.to_owned(),
            };
            let mut case = TestCase::new(name, outcome(line, finding, passes));
            // GitLab shows the class name as the suite.
            case.set_classname(format!("entra-pg.{family}"));
            case.set_time(Duration::from_millis(line.span.1));
            suite.add_test_case(case);
        }
        junit.add_test_suite(suite);
    }
    let text = junit.to_string().map_err(io::Error::other)?;
    Ok(text.into_bytes())
}

fn belongs(judged: &Judged, line: &Line) -> bool {
    let same_check = judged.check.id == line.check.id;
    same_check && line.subject.as_ref().is_none_or(|subject| *subject == judged.finding.subject)
}

fn outcome(line: &Line, finding: Option<&Judged>, passes: bool) -> TestCaseStatus {
    let message = clean(&line.detail);
    match line.status {
        Status::Passed | Status::Warning => TestCaseStatus::success(),
        // A failure that the cause explains is not one of its own.
        Status::Failed if line.explained_by.is_some() => {
            let cause = line.explained_by.map(|cause| cause.id).unwrap_or_default();
            skipped(&format!("explained by {cause}: {message}"))
        }
        Status::Failed => {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failed.set_message(message.clone());
            if let Some(judged) = finding {
                failed.set_type(judged.finding.problem.id);
                // Some systems show the body and not the message.
                failed.set_description(body(&message, judged));
            }
            failed
        }
        // A run that passes in spite of it must not turn the test view red.
        Status::Undetermined if passes => skipped(&format!("not decided: {message}")),
        Status::Undetermined => {
            let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
            error.set_message(message).set_type("undetermined");
            error
        }
        Status::Skipped | Status::NotApplicable => {
            skipped(&format!("{}: {message}", status(line.status)))
        }
    }
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut skipped = TestCaseStatus::skipped();
    skipped.set_message(message);
    skipped
}

fn body(message: &str, judged: &Judged) -> String {
    let mut text = format!("{message}\n");
    for evidence in &judged.finding.evidence {
        text.push_str(&format!("evidence: {}\n", clean(evidence)));
    }
    for fix in &judged.finding.fixes {
        let command = fix.command.as_deref().map(clean).unwrap_or_default();
        text.push_str(&format!("fix ({}): {} {command}\n", fix.actor.label(), clean(&fix.text)));
    }
    text
}
