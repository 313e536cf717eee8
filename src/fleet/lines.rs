//! Results of a fleet as JSON lines. A line is written as soon as its target is done, so the results of
//! a shard that is killed are kept, and the results of several shards can be joined.

use super::{Cause, Fleet, Row, Shard, State};
use crate::settings::usage::UsageError;
use entra_pg_checks::{
    Check, Confidence, FAMILIES, Fix, Outcome, Problem, Status, problems, rulebook,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One line.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Line {
    /// A run begins.
    FleetBegin(Begin),
    /// The result of one target.
    FleetTarget(Box<Target>),
    /// A run has ended.
    FleetEnd(End),
}

/// What a run will check.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Begin {
    /// The version of this format; fields are only added in version 1.
    pub schema_version: String,
    /// The version of this program.
    pub tool_version: String,
    /// The id of the run.
    pub run_id: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// The machine.
    pub vantage: String,
    /// A digest of the list, so that results of different lists are not joined.
    pub list: String,
    /// The shard; absent if the run checks the whole list.
    pub shard: Option<Shard>,
    /// Targets in this shard.
    pub targets: usize,
    /// Targets in the list.
    pub all: usize,
}

/// The result of one target.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Target {
    /// The digest of the list.
    pub(crate) list: String,
    /// The shard; absent if the run checks the whole list.
    pub(crate) shard: Option<Shard>,
    name: String,
    host: Option<String>,
    port: u16,
    database: String,
    user: Option<String>,
    vantage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subnet: Option<String>,
    run_id: String,
    started_at: Timestamp,
    duration_ms: u64,
    outcome: String,
    stages: BTreeMap<String, String>,
    root: Option<Reason>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Reason>,
    summary: String,
}

/// The end of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct End {
    /// The id of the run.
    pub(crate) run_id: String,
    /// How long the run took.
    pub(crate) duration_ms: u64,
    /// Whether the run was interrupted.
    pub(crate) interrupted: bool,
}

/// A cause or a warning.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Reason {
    problem: String,
    check: String,
    subject: String,
    own: bool,
    detail: String,
    confidence: Confidence,
    #[serde(default)]
    fixes: Vec<Fix>,
}

impl Line {
    /// Whether a JSON document is such a line.
    #[must_use]
    pub fn is(document: &Value) -> bool {
        document["kind"].as_str().is_some_and(|kind| kind.starts_with("fleet-"))
    }

    /// The line as text, with its newline.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(crate) fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

impl Target {
    /// The result of a target; nothing for a target that was not checked.
    #[must_use]
    pub fn of(row: &Row, list: &str, shard: Option<Shard>) -> Option<Self> {
        let State::Looked(outcome) = row.state else { return None };
        let stages = row.stages.iter();
        Some(Self {
            list: list.to_owned(),
            shard,
            name: row.name.clone(),
            host: row.host.clone(),
            port: row.port,
            database: row.database.clone(),
            user: row.user.clone(),
            vantage: row.vantage.clone(),
            subnet: row.subnet.clone(),
            run_id: row.run_id.clone(),
            started_at: row.started_at?,
            duration_ms: row.duration_ms,
            outcome: outcome.name().to_owned(),
            stages: stages
                .map(|(family, status)| ((*family).to_owned(), status.name().to_owned()))
                .collect(),
            root: row.root.as_ref().map(Reason::of),
            warnings: row.warnings.iter().map(Reason::of).collect(),
            summary: row.summary.clone(),
        })
    }
}

impl Reason {
    fn of(cause: &Cause) -> Self {
        Self {
            problem: cause.problem.id.to_owned(),
            check: cause.check.to_owned(),
            subject: cause.subject.clone(),
            own: cause.own,
            detail: cause.detail.clone(),
            confidence: cause.confidence,
            fixes: cause.fixes.clone(),
        }
    }
}

/// Lines of several runs, joined: one result per target, the newest.
pub struct Results {
    begun: Vec<Begin>,
    targets: BTreeMap<(String, String), Target>,
    repeated: usize,
    duration_ms: u64,
    problems: BTreeMap<&'static str, &'static Problem>,
    checks: BTreeMap<&'static str, &'static Check>,
}

impl Default for Results {
    fn default() -> Self {
        Self {
            begun: Vec::new(),
            targets: BTreeMap::new(),
            repeated: 0,
            duration_ms: 0,
            problems: problems().into_iter().map(|problem| (problem.id, problem)).collect(),
            checks: rulebook().into_iter().map(|check| (check.id, check)).collect(),
        }
    }
}

/// What the results of several shards do not hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Gaps {
    /// Targets of the list without a result.
    pub missing: usize,
    /// Shards that are not complete, each with what it holds.
    pub shards: Vec<String>,
    /// Results that a newer result of the same target replaces.
    pub repeated: usize,
    /// Results of another list, which are left out.
    pub of_other_lists: usize,
}

impl Results {
    /// Adds a line.
    ///
    /// # Errors
    /// It is not a line of a version that is known.
    pub fn add(&mut self, document: Value) -> Result<(), UsageError> {
        let line: Line = serde_json::from_value(document)
            .map_err(|error| UsageError::new(format!("not a result of a fleet: {error}")))?;
        match line {
            Line::FleetBegin(begin) => self.begun.push(begin),
            Line::FleetEnd(end) => self.duration_ms = self.duration_ms.max(end.duration_ms),
            Line::FleetTarget(target) => {
                let key = (target.list.clone(), target.name.clone());
                match self.targets.get(&key) {
                    Some(known) => {
                        self.repeated += 1;
                        if known.started_at < target.started_at {
                            self.targets.insert(key, *target);
                        }
                    }
                    None => drop(self.targets.insert(key, *target)),
                }
            }
        }
        Ok(())
    }

    /// Whether no line was added.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.targets.is_empty()
    }

    /// The targets of a list that have a result.
    #[must_use]
    pub(crate) fn done(&self, list: &str) -> BTreeSet<String> {
        let of_list = self.targets.keys().filter(|(of, _)| of == list);
        of_list.map(|(_, name)| name.clone()).collect()
    }

    /// The whole fleet, as far as there are results.
    ///
    /// # Errors
    /// A result is of a problem that this version does not know.
    pub fn fleet(self) -> Result<Fleet, UsageError> {
        let newest = self.begun.iter().max_by_key(|begin| begin.started_at).cloned();
        let Some(newest) = newest else {
            return Err(UsageError::new("the results do not hold the beginning of a run")
                .suggest("the whole output of `entra-pg fleet --format jsonl`"));
        };
        let mut gaps = Gaps { repeated: self.repeated, ..Gaps::default() };
        let (of_list, others): (Vec<Target>, Vec<Target>) =
            self.targets.into_values().partition(|target| target.list == newest.list);
        gaps.of_other_lists = others.len();
        gaps.missing = newest.all.saturating_sub(of_list.len());
        if gaps.missing > 0 {
            gaps.shards = incomplete(&self.begun, &newest, &of_list);
        }
        let known = Known { problems: &self.problems, checks: &self.checks };
        let mut rows = Vec::with_capacity(of_list.len());
        for target in of_list {
            rows.push(known.row(target)?);
        }
        let first = self.begun.iter().filter(|begin| begin.list == newest.list);
        let started_at = first.map(|begin| begin.started_at).min().unwrap_or(newest.started_at);
        Ok(Fleet {
            run_id: newest.run_id,
            started_at,
            duration_ms: self.duration_ms,
            interrupted: false,
            rows,
            gaps: Some(gaps),
        })
    }
}

/// Which shards have fewer results than targets.
fn incomplete(begun: &[Begin], newest: &Begin, targets: &[Target]) -> Vec<String> {
    let of = newest.shard.map_or(1, Shard::of);
    let mut sentences = Vec::new();
    for index in 1..=of {
        let Ok(shard) = Shard::new(index, of) else { continue };
        let whole = |of: Option<Shard>| of.or_else(|| Shard::new(1, 1).ok()) == Some(shard);
        let results = targets.iter().filter(|target| whole(target.shard)).count();
        let same = |begin: &&Begin| begin.list == newest.list && whole(begin.shard);
        match begun.iter().rev().find(same) {
            None => sentences.push(format!("shard {shard} has not begun")),
            Some(begin) if results < begin.targets => sentences.push(format!(
                "shard {shard} has results for {results} of {} targets",
                begin.targets
            )),
            Some(_) => {}
        }
    }
    sentences
}

struct Known<'a> {
    problems: &'a BTreeMap<&'static str, &'static Problem>,
    checks: &'a BTreeMap<&'static str, &'static Check>,
}

impl Known<'_> {
    fn row(&self, target: Target) -> Result<Row, UsageError> {
        let unknown = |what: &str| {
            UsageError::new(format!("the results are of another version: unknown {what}"))
                .suggest("merge with the version that made the results")
        };
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.name() == target.outcome);
        let outcome = outcome.ok_or_else(|| unknown(&format!("outcome {}", target.outcome)))?;
        let cause = |reason: Reason| {
            let problem = self.problems.get(reason.problem.as_str());
            let check = self.checks.get(reason.check.as_str());
            Ok(Cause {
                problem: problem.ok_or_else(|| unknown(&format!("problem {}", reason.problem)))?,
                check: check.ok_or_else(|| unknown(&format!("check {}", reason.check)))?.id,
                subject: reason.subject,
                own: reason.own,
                detail: reason.detail,
                confidence: reason.confidence,
                fixes: reason.fixes,
            })
        };
        let stage = |family: &'static str| {
            let word = target.stages.get(family)?;
            Some((family, Status::ALL.into_iter().find(|status| status.name() == word)?))
        };
        Ok(Row {
            stages: FAMILIES.iter().filter_map(|family| stage(family.name)).collect(),
            root: target.root.map(cause).transpose()?,
            warnings: target.warnings.into_iter().map(cause).collect::<Result<_, _>>()?,
            name: target.name,
            host: target.host,
            port: target.port,
            database: target.database,
            user: target.user,
            vantage: target.vantage,
            subnet: target.subnet,
            run_id: target.run_id,
            started_at: Some(target.started_at),
            duration_ms: target.duration_ms,
            state: State::Looked(outcome),
            summary: target.summary,
        })
    }
}
