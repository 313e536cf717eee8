//! `diff`: two runs, check by check and fact by fact: what is the same, what differs, and what that suggests.

mod facts;
mod suggest;

use crate::{diagnose::Report, text::clean};
use entra_pg_checks::{Area, Line, Outcome, Status};
use facts::{Known, facts};
use serde::Serialize;
use std::fmt::Write;

/// What two runs have and have not in common.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The earlier run.
    pub(crate) before: Run,
    /// The later run.
    pub(crate) after: Run,
    /// Checks whose status differs.
    pub(crate) checks: Vec<CheckChange>,
    /// Facts that differ, in the order of the chain.
    pub(crate) differs: Vec<FactChange>,
    /// Facts that are the same, by name.
    pub(crate) same: Vec<String>,
    /// What that suggests, the likeliest first.
    pub(crate) suggests: Vec<String>,
}

/// One of the two.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    /// Its id.
    pub(crate) run_id: String,
    /// When it began.
    pub(crate) started_at: String,
    /// `healthy`, `degraded`, `failing` or `undetermined`.
    pub(crate) outcome: &'static str,
    /// The root cause's problem id.
    pub(crate) problem: Option<&'static str>,
    /// The verdict in a sentence.
    pub(crate) summary: String,
}

/// A check whose status differs.
#[derive(Debug, Serialize)]
pub(crate) struct CheckChange {
    /// The check.
    pub(crate) check: &'static str,
    /// Its subject.
    pub(crate) subject: Option<String>,
    /// Its status before; none where it was not there.
    pub(crate) before: Option<&'static str>,
    /// What was seen before.
    pub(crate) before_detail: String,
    /// Its status after.
    pub(crate) after: Option<&'static str>,
    /// What was seen after.
    pub(crate) after_detail: String,
}

/// A fact that differs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FactChange {
    /// The area: `machine`, `settings`, `proxy`, `dns`, …
    pub(crate) area: Area,
    /// What it is.
    pub(crate) fact: String,
    /// What it was before; none where it was not seen.
    pub(crate) before: Option<String>,
    /// What it is after.
    pub(crate) after: Option<String>,
}

/// Compares two reports, check by check.
#[must_use]
pub fn compare(before: &Report, after: &Report) -> Difference {
    let (old, new) = (facts(before.evidence()), facts(after.evidence()));
    let mut differs = Vec::new();
    let mut same = Vec::new();
    for fact in &old {
        match new.iter().find(|other| (other.area, &other.name) == (fact.area, &fact.name)) {
            Some(other) if other.value == fact.value => same.push(fact.name.clone()),
            other => differs.push(FactChange {
                area: fact.area,
                fact: fact.name.clone(),
                before: Some(fact.value.clone()),
                after: other.map(|other| other.value.clone()),
            }),
        }
    }
    let known = |fact: &&Known| {
        !old.iter().any(|other| (other.area, &other.name) == (fact.area, &fact.name))
    };
    differs.extend(new.iter().filter(known).map(|fact| FactChange {
        area: fact.area,
        fact: fact.name.clone(),
        before: None,
        after: Some(fact.value.clone()),
    }));
    differs.sort_by_key(|change| change.area);
    let checks = checks(before, after);
    let suggests = suggest::suggest(before, after, &differs, &same);
    Difference { before: run(before), after: run(after), checks, differs, same, suggests }
}

fn run(report: &Report) -> Run {
    let evidence = report.evidence();
    Run {
        run_id: evidence.run_id.clone(),
        started_at: evidence.observed_at.to_string(),
        outcome: match report.judgment().outcome {
            Outcome::Healthy => "healthy",
            Outcome::Degraded => "degraded",
            Outcome::Failing => "failing",
            Outcome::Undetermined => "undetermined",
        },
        problem: report.judgment().root().map(|root| root.finding.problem.id),
        summary: report.summary(),
    }
}

fn checks(before: &Report, after: &Report) -> Vec<CheckChange> {
    let (old, new) = (&before.judgment().lines, &after.judgment().lines);
    let find = |lines: &'_ [Line], line: &Line| {
        lines
            .iter()
            .position(|other| other.check.id == line.check.id && other.subject == line.subject)
    };
    let mut changes = Vec::new();
    for line in old {
        let other = find(new, line).and_then(|index| new.get(index));
        if other.is_none_or(|other| other.status != line.status) {
            changes.push(change(Some(line), other));
        }
    }
    changes.extend(
        new.iter().filter(|line| find(old, line).is_none()).map(|line| change(None, Some(line))),
    );
    changes
}

fn change(before: Option<&Line>, after: Option<&Line>) -> CheckChange {
    let line = before.or(after);
    CheckChange {
        check: line.map_or("", |line| line.check.id),
        subject: line.and_then(|line| line.subject.clone()),
        before: before.map(|line| status(line.status)),
        before_detail: before.map(|line| line.detail.clone()).unwrap_or_default(),
        after: after.map(|line| status(line.status)),
        after_detail: after.map(|line| line.detail.clone()).unwrap_or_default(),
    }
}

const fn status(status: Status) -> &'static str {
    crate::report::status_word(status)
}

/// The difference for people.
#[must_use]
pub fn text(difference: &Difference) -> String {
    let mut out = String::new();
    for (word, run) in [("before", &difference.before), ("after", &difference.after)] {
        let problem = run.problem.map(|problem| format!("  [{problem}]")).unwrap_or_default();
        let _ = writeln!(out, "{word:<7} {:<12} {}{problem}", run.outcome, clean(&run.summary));
        let _ = writeln!(out, "        run {}, {}", clean(&run.run_id), run.started_at);
    }
    if !difference.suggests.is_empty() {
        let _ = writeln!(out, "\nWhat it suggests");
        for line in &difference.suggests {
            let _ = writeln!(out, "  {}", clean(line));
        }
    }
    let _ = writeln!(out, "\nSeen differently");
    for change in &difference.differs {
        let value = |value: &Option<String>| {
            value.as_deref().map_or_else(|| "(not seen)".to_owned(), clean)
        };
        let _ = writeln!(out, "  {:<9} {}", change.area.name(), clean(&change.fact));
        let _ = writeln!(out, "            before  {}", value(&change.before));
        let _ = writeln!(out, "            after   {}", value(&change.after));
    }
    if difference.differs.is_empty() {
        let _ = writeln!(out, "  nothing");
    }
    let _ = writeln!(out, "\nChecks that differ");
    for change in &difference.checks {
        let subject = change.subject.as_deref().map(|subject| format!(" {}", clean(subject)));
        let (before, after) = (change.before.unwrap_or("-"), change.after.unwrap_or("-"));
        let _ =
            writeln!(out, "  {}{}: {before} -> {after}", change.check, subject.unwrap_or_default());
        let detail = if change.after == Some("passed") {
            &change.before_detail
        } else {
            &change.after_detail
        };
        if !detail.is_empty() {
            let _ = writeln!(out, "            {}", clean(detail));
        }
    }
    if difference.checks.is_empty() {
        let _ = writeln!(out, "  none");
    }
    let same: Vec<String> = difference.same.iter().map(|name| clean(name)).collect();
    if !same.is_empty() {
        let _ = writeln!(out, "\nThe same: {}", same.join("; "));
    }
    out
}
