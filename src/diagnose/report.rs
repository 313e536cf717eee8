//! The result of one run: the evidence, its judgment, and what follows from both. Renderers read it.

use crate::{
    connect::{self, Client, Instruction},
    settings::request::Selection,
};
use entra_pg_checks::{
    Check, Evidence, Judgement, Line, Outcome, Severity, Status, judge, login, rulebook,
};

/// Evidence and what it means.
pub struct Report {
    evidence: Evidence,
    judgement: Judgement,
    clients: Vec<Client>,
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
        let judgement = judge(checks, &evidence, |check| selection.wants(check));
        Self { evidence, judgement, clients: Vec::new() }
    }

    /// The same with what to type in these clients.
    #[must_use]
    pub fn connect_with(mut self, clients: &[Client]) -> Self {
        self.clients = clients.to_vec();
        self
    }

    /// What to type next: for the clients asked for, or one line for psql where the login works.
    #[must_use]
    pub fn connect(&self) -> Vec<Instruction> {
        if !self.clients.is_empty() {
            return connect::instructions(&self.evidence, &self.clients);
        }
        let works = self.passed(&login::authentication::CHECK)
            && matches!(self.judgement.outcome, Outcome::Healthy | Outcome::Degraded);
        connect::psql(&self.evidence).filter(|_| works).into_iter().collect()
    }

    /// The clients asked for with `--connect-with`.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// What was seen.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What it means.
    #[must_use]
    pub const fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// The verdict in one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        if let Some(root) = self.judgement.root() {
            return root.finding.detail.clone();
        }
        let settings = self.evidence.settings.seen();
        let server = settings.and_then(|settings| settings.host.as_ref());
        match (self.judgement.outcome, server) {
            (Outcome::Undetermined, _) if self.evidence.interrupted => {
                "interrupted: what was looked at until then shows no fault".to_owned()
            }
            (Outcome::Undetermined, _) => {
                "nothing failed, but a decisive check could not be done".to_owned()
            }
            (_, Some(_)) if self.passed(&login::authentication::CHECK) => {
                "the login with Microsoft Entra ID works".to_owned()
            }
            (_, Some(_)) => "nothing that was looked at is wrong".to_owned(),
            (Outcome::Degraded, None) if self.evidence.azure.seen().is_some() => {
                "the files show what may keep the server from Entra now and then".to_owned()
            }
            (_, None) if self.evidence.azure.seen().is_some() => {
                "the files show nothing that would keep the server from Entra".to_owned()
            }
            (_, None) => "everything that needs no server works; no server was named".to_owned(),
        }
    }

    /// The families of which something passed and nothing failed, with the checks that passed.
    #[must_use]
    pub fn ruled_out(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let mut areas: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
        if self.judgement.root().is_none() {
            return areas;
        }
        for family in entra_pg_checks::FAMILIES.iter().map(|family| family.name) {
            let lines = || self.judgement.lines.iter().filter(|line| line.check.family() == family);
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

    fn passed(&self, check: &Check) -> bool {
        let passed = |line: &Line| line.check.id == check.id && line.status == Status::Passed;
        self.judgement.lines.iter().any(passed)
    }
}

/// The exit code: 0, 1, 3 or 130; 2 and 4 are known before there is a report.
#[must_use]
pub fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    let warned =
        report.judgement.findings.iter().any(|judged| judged.finding.severity == Severity::Warning);
    match report.judgement.outcome {
        _ if report.evidence.interrupted => 130,
        Outcome::Failing => 1,
        Outcome::Undetermined => 3,
        Outcome::Healthy | Outcome::Degraded if warned && fail_on == FailOn::Warning => 1,
        Outcome::Healthy | Outcome::Degraded => 0,
    }
}
