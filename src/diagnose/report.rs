//! The result of one run: the evidence, its judgment, and what follows from both. Renderers read it.

use crate::{
    connect::{self, Client, Instruction},
    settings::request::Selection,
};
use entra_pg_checks::{Check, Evidence, Judgment, Outcome, Severity, Status, judge, rulebook};

/// Evidence and what it means.
pub struct Report {
    evidence: Evidence,
    judgment: Judgment,
    clients: Vec<Client>,
    recorded: bool,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum FailOn {
    /// Warnings fail, too.
    Warning,
    /// Only errors fail.
    #[default]
    Error,
}

impl Report {
    /// Judges evidence by the whole rulebook.
    #[must_use]
    pub fn new(evidence: Evidence, selection: &Selection) -> Self {
        Self::judged_by(&rulebook(), evidence, selection)
    }

    /// Judges evidence by these checks.
    #[must_use]
    pub fn judged_by(checks: &[&'static Check], evidence: Evidence, selection: &Selection) -> Self {
        let judgment = judge(checks, &evidence, |check| selection.wants(check));
        Self { evidence, judgment, clients: Vec::new(), recorded: false }
    }

    /// The same with what to type in these clients.
    #[must_use]
    pub(crate) fn connect_with(mut self, clients: &[Client]) -> Self {
        self.clients = clients.to_vec();
        self
    }

    /// The same for evidence of an earlier run, perhaps of another machine.
    #[must_use]
    pub(crate) const fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// Whether the evidence is that of an earlier run.
    #[must_use]
    pub(crate) const fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// What to type next: for the clients asked for, or one line for psql where the login works.
    #[must_use]
    pub(crate) fn connect(&self) -> Vec<Instruction> {
        if !self.clients.is_empty() {
            return connect::instructions(&self.evidence, &self.clients);
        }
        let works = self.logged_in()
            && matches!(self.judgment.outcome, Outcome::Healthy | Outcome::Degraded);
        connect::psql(&self.evidence).filter(|_| works).into_iter().collect()
    }

    /// The clients asked for with `--connect-with`.
    #[must_use]
    pub(crate) fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// What was seen.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What it means.
    #[must_use]
    pub const fn judgment(&self) -> &Judgment {
        &self.judgment
    }

    /// The families of which something passed and nothing failed, with the checks that passed.
    #[must_use]
    pub(crate) fn ruled_out(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let mut areas: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
        if self.judgment.root().is_none() {
            return areas;
        }
        for family in self.judgment.families() {
            let lines = || self.judgment.lines.iter().filter(|line| line.check.family() == family);
            let failed = lines().any(|line| {
                matches!(line.status, Status::Failed | Status::Undetermined | Status::Skipped)
            });
            let mut by: Vec<&'static str> = lines()
                .filter(|line| matches!(line.status, Status::Passed | Status::Warning))
                .map(|line| line.check.id)
                .collect();
            by.dedup();
            if !failed && !by.is_empty() {
                areas.push((family, by));
            }
        }
        areas
    }
}

/// The exit code: 0, 1, 3 or 130; 2 and 4 are known before there is a report.
#[must_use]
pub fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    let warned =
        report.judgment.findings.iter().any(|judged| judged.finding.severity == Severity::Warning);
    match report.judgment.outcome {
        _ if report.evidence.interrupted => 130,
        Outcome::Failing => 1,
        Outcome::Undetermined => 3,
        Outcome::Healthy | Outcome::Degraded if warned && fail_on == FailOn::Warning => 1,
        Outcome::Healthy | Outcome::Degraded => 0,
    }
}
