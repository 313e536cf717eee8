//! What every report for people says: the findings in groups, and the areas by their state.

use crate::diagnose::Report;
use entra_pg_checks::{Judged, Line, Severity, Status, facts::settings::Settings, family};

/// Findings of the same problem.
pub(super) struct Group<'a> {
    /// The first of them.
    pub(super) judged: &'a Judged,
    /// The subjects of the others.
    pub(super) also: Vec<&'a str>,
}

/// The finding that the report leads with, and others of the same problem.
pub(super) fn primary(report: &Report) -> Option<Group<'_>> {
    report.primary().map(|judged| group(report, judged))
}

/// The findings that stand by themselves, apart from the primary one: errors first.
pub(super) fn others(report: &Report) -> Vec<Group<'_>> {
    let primary = report.primary().map(|judged| judged.finding.problem);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for judged in &report.judgment().findings {
        let problem = judged.finding.problem;
        let known = groups.iter().any(|group| group.judged.finding.problem == problem);
        if judged.explained_by.is_none() && !known && Some(problem) != primary {
            groups.push(group(report, judged));
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.judged.finding.severity));
    groups
}

/// The findings that another one explains.
pub(super) fn explained(report: &Report) -> impl Iterator<Item = &Judged> {
    report.judgment().findings.iter().filter(|judged| judged.explained_by.is_some())
}

fn group<'a>(report: &'a Report, judged: &'a Judged) -> Group<'a> {
    let mut also: Vec<&str> = Vec::new();
    for other in &report.judgment().findings {
        let same = other.finding.problem == judged.finding.problem;
        let subject = other.finding.subject.as_str();
        if same && subject != judged.finding.subject && !also.contains(&subject) {
            also.push(subject);
        }
    }
    Group { judged, also }
}

/// The areas in which checks passed and none failed or is open.
pub(super) fn passed(report: &Report) -> Vec<&'static str> {
    areas(report, |lines| {
        let open = lines.iter().any(|line| match line.status {
            Status::Failed | Status::Warning | Status::Undetermined => true,
            Status::Skipped => line.explained_by.is_some(),
            Status::Passed | Status::NotApplicable => false,
        });
        !open && lines.iter().any(|line| line.status == Status::Passed)
    })
}

/// The areas that the cause keeps from being checked, and the number of their checks.
pub(super) fn blocked(report: &Report) -> (Vec<&'static str>, usize) {
    let blocked = |line: &&Line| line.status == Status::Skipped && line.explained_by.is_some();
    let areas = areas(report, |lines| lines.iter().any(&blocked));
    (areas, report.judgment().lines.iter().filter(blocked).count())
}

/// The checks that could not be made.
pub(super) fn undetermined(report: &Report) -> Vec<&Line> {
    let lines = report.judgment().lines.iter();
    lines.filter(|line| line.status == Status::Undetermined).collect()
}

fn areas(report: &Report, holds: impl Fn(&[&Line]) -> bool) -> Vec<&'static str> {
    let lines = |family: &str| -> Vec<&Line> {
        report.judgment().lines.iter().filter(|line| line.check.family() == family).collect()
    };
    let families = report.judgment().families().into_iter();
    let holding = families.filter(|family| holds(&lines(family)));
    // A check of an embedder can be of a family of its own.
    holding.map(|name| family(name).map_or(name, |family| family.title)).collect()
}

/// `host:port/database`.
pub(super) fn target(settings: &Settings) -> String {
    match &settings.host {
        Some(host) => {
            format!("{}:{}/{}", host.value, settings.port.value, settings.database.value)
        }
        None => "no server given".to_owned(),
    }
}

/// A detail as a sentence: it starts with a capital letter, unless its first word is a name.
pub(super) fn sentence(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let plain = word.chars().all(|c| c.is_ascii_lowercase() || c == '\'' || c == ',');
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if plain => first.to_uppercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// Which run it was, when, on which machine and with which version.
pub(super) fn provenance(report: &Report) -> String {
    let evidence = report.evidence();
    let version = match evidence.tool_version.as_str() {
        "" => String::new(),
        version => format!(", entra-pg {version}"),
    };
    let (run, host) = (&evidence.run_id, &evidence.vantage.hostname);
    let time = evidence.observed_at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let judged = match env!("CARGO_PKG_VERSION") {
        own if !version.is_empty() && evidence.tool_version != own => format!(", judged by {own}"),
        _ => String::new(),
    };
    let subnet = evidence.vantage.subnet();
    let subnet = subnet.map(|prefix| format!(" in subnet {prefix}")).unwrap_or_default();
    format!("run {run}, {time}, on {host}{subnet}{version}{judged}")
}

/// A duration as "0.07 s".
pub(super) fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}

/// The word before a finding that is not the cause.
pub(super) const fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Note",
    }
}

/// Evidence with compared values under each other: adjacent lines of the form "label: value" get
/// labels of the same width. Each line comes with the column of its value.
pub(super) fn aligned(evidence: &[String]) -> Vec<(String, usize)> {
    let mut lines = Vec::new();
    let mut rest = evidence;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|line| labeled(line).is_some()).count();
        if run < 2 {
            lines.push((first.clone(), 0));
            rest = &rest[1..];
            continue;
        }
        let pairs = || rest[..run].iter().filter_map(|line| labeled(line));
        let width = pairs().map(|(label, _)| label.chars().count()).max().unwrap_or(0) + 2;
        lines.extend(pairs().map(|(label, value)| (format!("{label:width$}{value}"), width)));
        rest = &rest[run..];
    }
    lines
}

/// A line of the form "label: value" with a short label.
fn labeled(line: &str) -> Option<(&str, &str)> {
    const LONGEST: usize = 26;
    let (label, value) = line.split_once(": ")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_.'()".contains(c);
    let fits = label.chars().count() <= LONGEST && label.chars().all(plain);
    (fits && !value.is_empty()).then_some((label, value))
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn compared_values_are_under_each_other() {
        let evidence: Vec<String> =
            ["PGUSER: a", "token upn: A", "a sentence", "one: pair"].map(str::to_owned).into();
        let lines: Vec<String> = aligned(&evidence).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, ["PGUSER     a", "token upn  A", "a sentence", "one: pair"]);
    }
}
