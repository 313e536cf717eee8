//! JUnit XML of a fleet: a case for every target.

use crate::{
    fleet::{Fleet, Row, State},
    text::clean,
};
use entra_pg_checks::Outcome;
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use std::{io, time::Duration};

pub(super) fn fleet(fleet: &Fleet) -> io::Result<Vec<u8>> {
    let mut junit = Junit::new("entra-pg");
    let mut suite = TestSuite::new("fleet");
    suite.set_time(Duration::from_millis(fleet.duration_ms));
    for row in &fleet.rows {
        let mut case = TestCase::new(clean(&row.name), outcome(row));
        // GitLab shows the class name as the suite.
        case.set_classname("entra-pg.fleet");
        case.set_time(Duration::from_millis(row.duration_ms));
        suite.add_test_case(case);
    }
    junit.add_test_suite(suite);
    let text = junit.to_string().map_err(io::Error::other)?;
    Ok(text.into_bytes())
}

fn outcome(row: &Row) -> TestCaseStatus {
    let message = clean(&row.summary);
    match row.state {
        State::Looked(Outcome::Healthy | Outcome::Degraded) => TestCaseStatus::success(),
        State::Looked(Outcome::Failing) => {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failed.set_message(message.clone());
            if let Some(root) = &row.root {
                failed.set_type(root.problem.id);
                let mut body = format!("{message}\n");
                for fix in &root.fixes {
                    let command = fix.command.as_deref().map(clean).unwrap_or_default();
                    let (actor, text) = (fix.actor.label(), clean(&fix.text));
                    body.push_str(&format!("fix ({actor}): {text} {command}\n"));
                }
                // Some systems show the body and not the message.
                failed.set_description(body);
            }
            failed
        }
        State::Looked(Outcome::Undetermined) => {
            let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
            error.set_message(message).set_type("undetermined");
            error
        }
        State::NotBegun => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(message);
            skipped
        }
    }
}
