//! JUnit XML: a suite for each family, a case for each check and subject.

use super::{Report, json::status};
use crate::text::clean;
use entra_pg_checks::{FAMILIES, Judged, Line, Status};
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use std::{io, time::Duration};

pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut junit = Junit::new("entra-pg");
    let judgement = report.judgement();
    for family in FAMILIES.iter().map(|family| family.name) {
        let mut suite = TestSuite::new(family);
        suite.set_time(Duration::ZERO);
        for line in judgement.lines.iter().filter(|line| line.check.family() == family) {
            let finding = judgement.findings.iter().find(|judged| belongs(judged, line));
            let name = match &line.subject {
                Some(subject) => format!("{} {}", line.check.id, clean(subject)),
                None => line.check.id.to_owned(),
            };
            let mut case = TestCase::new(name, outcome(line, finding));
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

fn outcome(line: &Line, finding: Option<&Judged>) -> TestCaseStatus {
    let message = clean(&line.detail);
    match line.status {
        Status::Passed | Status::Warning => TestCaseStatus::success(),
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
        Status::Undetermined => {
            let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
            error.set_message(message).set_type("undetermined");
            error
        }
        Status::Skipped | Status::NotApplicable => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(format!("{}: {message}", status(line.status)));
            skipped
        }
    }
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
