//! The conclusion of a run in one sentence.

use super::Report;
use entra_pg_checks::{Confidence, Judged, Outcome, Severity, Status, facts::login::LoginOutcome};

/// The longest conclusion in characters.
const LONGEST: usize = 100;

impl Report {
    /// The conclusion in one sentence, such as "Login fails: the token expired 10 minutes ago".
    #[must_use]
    pub fn summary(&self) -> String {
        let with_cause = |conclusion: String| match self.primary() {
            Some(judged) => {
                let used = conclusion.chars().count() + 2;
                let headline = judged.finding.headline_within(LONGEST.saturating_sub(used));
                format!("{conclusion}: {headline}")
            }
            None => conclusion,
        };
        match self.judgment().outcome {
            Outcome::Failing => with_cause(format!("{}{}", self.failure(), self.certainty())),
            Outcome::Degraded => with_cause(match self.warnings() {
                0 | 1 => format!("{}, with a warning", self.success()),
                many => format!("{}, with {many} warnings", self.success()),
            }),
            Outcome::Healthy => self.success().to_owned(),
            Outcome::Undetermined => self.undecided(),
        }
    }

    /// The finding that the report leads with: the root cause, or the first warning if there is no
    /// error.
    #[must_use]
    pub(crate) fn primary(&self) -> Option<&Judged> {
        let warning = |judged: &&Judged| {
            judged.finding.severity == Severity::Warning && judged.explained_by.is_none()
        };
        self.judgment().root().or_else(|| self.judgment().findings.iter().find(warning))
    }

    /// Whether the server accepted the login.
    #[must_use]
    pub(crate) fn logged_in(&self) -> bool {
        let login = self.evidence().login.seen();
        login.is_some_and(|login| matches!(login.outcome, LoginOutcome::Accepted { .. }))
    }

    fn failure(&self) -> &'static str {
        let family = self.judgment().root().map(|root| root.finding.problem.family_data());
        let connected = self.logged_in() && self.evidence().session.seen().is_some();
        match family {
            _ if !self.has_server() && self.files_only() => "Azure configuration blocks the login",
            _ if !self.has_server() => "Preflight fails",
            // The doctor logs in with settings of its own where those given cannot work.
            Some(family) if connected && family.psql_only => "psql fails",
            Some(_) if connected => "Login works, but",
            _ => "Login fails",
        }
    }

    fn success(&self) -> &'static str {
        match self.has_server() {
            true if self.logged_in() => "Login works",
            true => "No fault found, login not tested",
            false if self.files_only() => "No fault in the Azure configuration",
            false => "Preflight passed, no server given",
        }
    }

    fn certainty(&self) -> &'static str {
        match self.judgment().root().map(|root| root.finding.confidence) {
            Some(Confidence::Likely) => ", likely cause",
            Some(Confidence::Possible) => ", possible cause",
            Some(Confidence::Certain) | None => "",
        }
    }

    fn undecided(&self) -> String {
        if self.evidence().interrupted {
            return "Not decided: interrupted, no fault found so far".to_owned();
        }
        let lines = || {
            let lines = self.judgment().lines.iter();
            lines.filter(|line| line.status == Status::Undetermined)
        };
        match lines().find(|line| line.check.decisive).or_else(|| lines().next()) {
            Some(line) => format!("Not decided: could not check whether {}", line.check.asserts),
            None => "Not decided: no check was made".to_owned(),
        }
    }

    fn warnings(&self) -> usize {
        let warning = |judged: &&Judged| {
            judged.finding.severity == Severity::Warning && judged.explained_by.is_none()
        };
        let mut problems: Vec<&str> = Vec::new();
        for judged in self.judgment().findings.iter().filter(warning) {
            problems.push(judged.finding.problem.id);
        }
        problems.dedup();
        problems.len()
    }

    fn has_server(&self) -> bool {
        self.evidence().settings.seen().is_some_and(|settings| settings.host.is_some())
    }

    /// Whether only exported configuration was judged.
    fn files_only(&self) -> bool {
        self.evidence().azure.seen().is_some() && self.evidence().outbound.seen().is_none()
    }
}
