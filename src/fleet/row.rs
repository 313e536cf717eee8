//! What is kept of a target that is done: a line of the matrix and the cause of its failure.

use super::Entry;
use crate::diagnose::Report;
use entra_pg_checks::{
    Confidence, Fix, Judged, Line, Outcome, Problem, Severity, Status, facts::settings::Settings,
};
use jiff::Timestamp;

/// One target.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name in the matrix.
    pub name: String,
    /// The server, if one was named.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role.
    pub user: Option<String>,
    /// The machine on which the run was made.
    pub vantage: String,
    /// The subnet of that machine, if it is known.
    pub subnet: Option<String>,
    /// The run ID in the server's log; empty if the target was not checked.
    pub run_id: String,
    /// When the run began.
    pub started_at: Option<Timestamp>,
    /// How long it took.
    pub duration_ms: u64,
    /// What became of it.
    pub state: State,
    /// What became of each family of checks, in the order of the chain.
    pub stages: Vec<(&'static str, Status)>,
    /// The root cause.
    pub root: Option<Cause>,
    /// Warnings that nothing explains.
    pub warnings: Vec<Cause>,
    /// The verdict in one sentence.
    pub summary: String,
}

/// What became of a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// The target was checked.
    Looked(Outcome),
    /// The run was interrupted before its turn.
    NotBegun,
}

/// A finding, as far as a fleet needs it.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The problem.
    pub problem: &'static Problem,
    /// The check that found it.
    pub check: &'static str,
    /// What it is about.
    pub subject: String,
    /// Whether it is about the target itself, so that others have it with another subject.
    pub own: bool,
    /// One sentence.
    pub detail: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What to do.
    pub fixes: Vec<Fix>,
}

impl Row {
    /// What a report says of its target.
    #[must_use]
    pub fn of(name: &str, report: &Report) -> Self {
        let (evidence, judgment) = (report.evidence(), report.judgment());
        let settings = evidence.settings.seen();
        let cause = |judged: &Judged| Cause::of(judged, settings);
        let warning = |judged: &&Judged| {
            judged.finding.severity == Severity::Warning && judged.explained_by.is_none()
        };
        Self {
            vantage: evidence.vantage.hostname.clone(),
            subnet: evidence.vantage.subnet().map(|prefix| prefix.to_string()),
            run_id: evidence.run_id.clone(),
            started_at: Some(evidence.observed_at),
            duration_ms: evidence.duration_ms,
            state: State::Looked(judgment.outcome),
            stages: judgment
                .families()
                .into_iter()
                .map(|family| (family, stage(family, &judgment.lines)))
                .collect(),
            root: judgment.root().map(cause),
            warnings: judgment.findings.iter().filter(warning).map(cause).collect(),
            summary: report.summary(),
            ..Self::unseen(name, settings)
        }
    }

    /// A target whose turn did not come.
    #[must_use]
    pub(crate) fn not_begun(entry: &Entry) -> Self {
        Self::unseen(&entry.name, Some(&entry.request.settings))
    }

    /// A target that cannot be tested.
    #[must_use]
    pub(crate) fn not_tested(entry: &Entry, why: &str, at: Timestamp) -> Self {
        Self {
            state: State::Looked(Outcome::Undetermined),
            started_at: Some(at),
            summary: why.to_owned(),
            ..Self::not_begun(entry)
        }
    }

    fn unseen(name: &str, settings: Option<&Settings>) -> Self {
        Self {
            name: name.to_owned(),
            host: settings.and_then(|settings| Some(settings.host.as_ref()?.value.clone())),
            port: settings.map_or(0, |settings| settings.port.value),
            database: settings.map(|settings| settings.database.value.clone()).unwrap_or_default(),
            user: settings.and_then(|settings| Some(settings.user.as_ref()?.value.clone())),
            vantage: String::new(),
            subnet: None,
            run_id: String::new(),
            started_at: None,
            duration_ms: 0,
            state: State::NotBegun,
            stages: Vec::new(),
            root: None,
            warnings: Vec::new(),
            summary: "interrupted before its turn".to_owned(),
        }
    }

    /// Whether nothing is wrong with it.
    #[must_use]
    pub(crate) const fn works(&self) -> bool {
        matches!(self.state, State::Looked(Outcome::Healthy | Outcome::Degraded))
    }
}

impl Cause {
    fn of(judged: &Judged, settings: Option<&Settings>) -> Self {
        let finding = &judged.finding;
        let host = settings.and_then(|settings| settings.host.as_ref());
        let user = settings.and_then(|settings| settings.user.as_ref());
        let about_host = host.is_some_and(|host| finding.subject.contains(&host.value));
        let about_user = user.is_some_and(|user| finding.subject == user.value);
        Self {
            problem: finding.problem,
            check: judged.check.id,
            subject: finding.subject.clone(),
            own: about_host || about_user,
            detail: finding.detail.clone(),
            confidence: finding.confidence,
            fixes: finding.fixes.clone(),
        }
    }

    /// Whether both are one and the same fault: the same problem with the same host, gateway or
    /// claim, or with the target itself.
    #[must_use]
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.problem == other.problem
            && self.own == other.own
            && (self.own || self.subject == other.subject)
    }
}

/// A family in one word: the worst of its checks; what was not asked for does not count.
fn stage(family: &str, lines: &[Line]) -> Status {
    let rank = |line: &&Line| match line.status {
        Status::Failed => 5,
        Status::Undetermined => 4,
        Status::Warning => 3,
        Status::Skipped if line.explained_by.is_some() => 2,
        Status::Passed => 1,
        Status::Skipped | Status::NotApplicable => 0,
    };
    let of_family = lines.iter().filter(|line| line.check.family() == family);
    of_family.max_by_key(rank).map_or(Status::NotApplicable, |line| line.status)
}

/// The same fault of several targets.
#[derive(Debug)]
pub struct Shared<'a> {
    /// The cause, as the first of them has it.
    pub cause: &'a Cause,
    /// The targets.
    pub rows: Vec<&'a Row>,
}

/// Faults, those of most targets first.
pub fn shared<'a>(causes: impl Iterator<Item = (&'a Row, &'a Cause)>) -> Vec<Shared<'a>> {
    let mut shared: Vec<Shared<'a>> = Vec::new();
    for (row, cause) in causes {
        match shared.iter_mut().find(|known| known.cause.same(cause)) {
            Some(known) => known.rows.push(row),
            None => shared.push(Shared { cause, rows: vec![row] }),
        }
    }
    shared.sort_by_key(|known| std::cmp::Reverse(known.rows.len()));
    shared
}

/// The worst of several; a target whose turn did not come is undetermined.
#[must_use]
pub fn worst(rows: &[Row]) -> Outcome {
    let any = |wanted: Outcome| rows.iter().any(|row| row.state == State::Looked(wanted));
    let not_begun = rows.iter().any(|row| row.state == State::NotBegun);
    if any(Outcome::Failing) {
        Outcome::Failing
    } else if any(Outcome::Undetermined) || not_begun {
        Outcome::Undetermined
    } else if any(Outcome::Degraded) {
        Outcome::Degraded
    } else {
        Outcome::Healthy
    }
}
