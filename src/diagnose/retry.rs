//! `--retry-for`: runs again until the login works, and stops at once if retrying cannot help.

use crate::{diagnose::Report, probe::azure::ORIGIN};
use entra_pg_checks::{Judged, Outcome, Waiting, facts::settings::Origin, text::duration};
use std::time::{Duration, Instant};

/// The first pause between two runs; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The runs of one command.
#[derive(Debug)]
pub(crate) struct Retry {
    until: Instant,
    began: Instant,
    pause: Duration,
    looks: u32,
    /// The problem of the previous run.
    blocked_by: Option<&'static str>,
}

/// What to do after a run.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// This was the last run; what to report about the waiting, if there was any.
    Stop(Option<String>),
    /// Wait for this time, print this, and run again.
    Again(Duration, String),
}

impl Retry {
    /// Runs until then; once if there is no time.
    #[must_use]
    pub(crate) fn new(now: Instant, time: Option<Duration>) -> Self {
        Self {
            until: now + time.unwrap_or_default(),
            began: now,
            pause: FIRST_PAUSE,
            looks: 0,
            blocked_by: None,
        }
    }

    /// Decides after a run.
    pub(crate) fn next(&mut self, report: &Report, now: Instant, interrupted: bool) -> Next {
        self.looks += 1;
        if interrupted || self.until == self.began {
            return Next::Stop(None);
        }
        let waited = duration(i64::try_from((now - self.began).as_secs()).unwrap_or(i64::MAX));
        let judgment = report.judgment();
        if matches!(judgment.outcome, Outcome::Healthy | Outcome::Degraded) {
            let said = format!("it works: {} runs in {waited}", self.looks);
            return Next::Stop((self.looks > 1).then_some(said));
        }
        let root = judgment.root();
        let blocked_by = root.map(|root| root.finding.problem.id);
        let what = match root {
            Some(root) => format!("{} ({})", root.finding.problem.id, root.finding.detail),
            None => "a decisive check could not be done".to_owned(),
        };
        if let Some(root) = root
            && !waiting_helps(root, report)
        {
            return Next::Stop(Some(format!("retrying will not help: {what}")));
        }
        let left = self.until.saturating_duration_since(now);
        if left < Duration::from_secs(1) {
            return Next::Stop(Some(format!("time is up after {} runs: still {what}", self.looks)));
        }
        let pause = self.pause.min(left);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let before = std::mem::replace(&mut self.blocked_by, blocked_by);
        let word = match before {
            Some(before) if blocked_by != Some(before) => format!("{before} is gone; now"),
            Some(_) => "still".to_owned(),
            None => "blocked by".to_owned(),
        };
        Next::Again(pause, format!("{word} {what}; retrying in {} s", pause.as_secs().max(1)))
    }
}

/// Whether Azure's configuration was read live: files stay as they are.
fn read_live(report: &Report) -> bool {
    let azure = report.evidence().azure.seen();
    azure.is_some_and(|azure| azure.sources.iter().any(|source| source.from == ORIGIN))
}

fn waiting_helps(root: &Judged, report: &Report) -> bool {
    match root.finding.problem.waiting {
        Waiting::Helps => true,
        Waiting::Useless => false,
        Waiting::HelpsWithNewToken => {
            let token = report.evidence().token.seen();
            token.is_some_and(|token| matches!(token.origin, Origin::Derived { .. }))
        }
        Waiting::HelpsIfReadLive => read_live(report),
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Retry};
    use crate::{diagnose::Report, settings::request::Selection};
    use entra_pg_checks::Evidence;
    use serde_json::{Value, json};
    use std::time::{Duration, Instant};

    fn report(changes: &[(&str, Value)]) -> Report {
        let mut document: Value =
            serde_json::from_str(include_str!("../../checks/support/healthy.json")).expect("JSON");
        for (pointer, value) in changes {
            *document.pointer_mut(pointer).expect("a place") = value.clone();
        }
        let evidence: Evidence = serde_json::from_value(document).expect("evidence");
        Report::new(evidence, &Selection::default())
    }

    fn refused(message: &str, acquired: bool) -> Report {
        let origin = if acquired {
            json!({"kind": "derived", "from": "the credential azure-cli"})
        } else {
            json!({"kind": "environment", "variable": "PGPASSWORD"})
        };
        report(&[
            ("/token/seen/origin", origin),
            (
                "/session",
                json!({"not_observed": {"reason": "blocked", "by": "login", "subject": ""}}),
            ),
            (
                "/login/seen/outcome",
                json!({"kind": "refused", "severity": "FATAL", "sqlstate": "28000", "message": message,
                       "detail": null, "hint": null, "routine": null}),
            ),
        ])
    }

    const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

    #[test]
    fn pauses_grow_and_the_end_is_kept() {
        let now = Instant::now();
        let mut retry = Retry::new(now, MINUTE);
        let blocked = refused("no pg_hba.conf entry for host \"1.2.3.4\", SSL encryption", false);
        let mut at = now;
        let mut pauses = Vec::new();
        while let Next::Again(pause, said) = retry.next(&blocked, at, false) {
            assert!(said.contains("login/client-address-refused"), "{said}");
            pauses.push(pause.as_secs());
            at += pause;
        }
        assert_eq!(pauses, [2, 4, 8, 15, 15, 15, 1]);
        assert_eq!(at - now, Duration::from_secs(60));
    }

    #[test]
    fn what_changed_is_said() {
        let now = Instant::now();
        let mut retry = Retry::new(now, MINUTE);
        let first = refused("no pg_hba.conf entry for host \"1.2.3.4\", SSL encryption", false);
        assert!(matches!(retry.next(&first, now, false), Next::Again(..)));
        let second = refused("Service principal oid mismatch for role \"x\"", false);
        let Next::Again(_, said) = retry.next(&second, now, false) else { panic!("it waits") };
        assert!(
            said.starts_with("login/client-address-refused is gone; now login/object-id-mismatch")
        );
        let Next::Stop(Some(said)) = retry.next(&report(&[]), now, false) else {
            panic!("it ends")
        };
        assert!(said.starts_with("it works: 3 runs"), "{said}");
    }

    #[test]
    fn a_given_token_never_joins_a_group_and_a_new_one_may() {
        let message = "does not contain group ID bbbbbbbb-0000-0000-0000-00000000000a";
        let next = |acquired| {
            Retry::new(Instant::now(), MINUTE).next(
                &refused(message, acquired),
                Instant::now(),
                false,
            )
        };
        assert!(
            matches!(next(false), Next::Stop(Some(said)) if said.contains("retrying will not help"))
        );
        assert!(matches!(next(true), Next::Again(..)));
    }

    #[test]
    fn without_the_option_there_is_one_look_and_no_word() {
        let now = Instant::now();
        let blocked = refused("The access token has expired", false);
        assert_eq!(Retry::new(now, None).next(&blocked, now, false), Next::Stop(None));
        assert_eq!(Retry::new(now, MINUTE).next(&report(&[]), now, false), Next::Stop(None));
        assert_eq!(Retry::new(now, MINUTE).next(&blocked, now, true), Next::Stop(None));
    }
}
