//! Reports: the judgement of one run, spoken in many formats.

use crate::request::Selection;
use entra_pg_checks::{Evidence, Judgement, Outcome, judge, rulebook};
use std::io;

/// Evidence and what it means.
pub struct Report {
    evidence: Evidence,
    judgement: Judgement,
}

/// The formats.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How to lay out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Colours.
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// How often `-v` was given.
    pub verbose: u8,
    /// `-q`.
    pub quiet: bool,
    /// More than ASCII.
    pub unicode: bool,
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
    /// Judges evidence.
    #[must_use]
    pub fn new(evidence: Evidence, selection: &Selection) -> Self {
        let judgement = judge(&rulebook(), &evidence, |check| selection.wants(check));
        Self {
            evidence,
            judgement,
        }
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
}

/// Speaks.
///
/// # Errors
/// The format could not be made.
pub fn render(report: &Report, _format: Format, _style: &Style) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(&report.evidence).map_err(io::Error::other)
}

/// The exit code.
#[must_use]
pub fn exit_code(report: &Report, _fail_on: FailOn) -> u8 {
    match report.judgement.outcome {
        _ if report.evidence.interrupted => 130,
        Outcome::Failing => 1,
        Outcome::Undetermined => 3,
        Outcome::Healthy | Outcome::Degraded => 0,
    }
}
