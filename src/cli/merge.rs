//! `entra-pg merge`: reports of many places in one matrix.

use super::{
    TOOL_FAILED,
    output::{self, Color, Terminal},
};
use crate::{
    bundle,
    diagnose::{FailOn, Report},
    fleet::{self, Fleet, Line, Results, Sides},
    input, json,
    report::fleet::{FleetFormat, MergeFormat, exit_code, render, render_merge},
    settings::request::Selection,
    settings::usage::UsageError,
};
use clap::Args;
use entra_pg_checks::{Evidence, Outcome};
use std::path::{Path, PathBuf};

/// Options of `merge`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MergeArgs {
    /// Reports of `doctor --format json` or `json-line`, results of `fleet --format jsonl`, support
    /// bundles, or - for standard input. A file can hold several of them, and can be the log of a
    /// pod or job.
    #[arg(value_name = "FILE", required_unless_present = "sibling")]
    pub(crate) files: Vec<PathBuf>,
    /// A report from a subnet with the NSG and the route table of the server's subnet, in which nothing
    /// but the server can run; may be repeated. With it, and with reports that hold the configuration in
    /// Azure, the verdict is about the networks of clients and server together.
    #[arg(long, value_name = "FILE")]
    pub(crate) sibling: Vec<PathBuf>,
    /// The format.
    #[arg(long, value_enum, default_value_t = MergeFormat::Text)]
    pub(crate) format: MergeFormat,
    /// Where to; stdout by default.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// When to use colors.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
    /// From which severity on the exit code is 1.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fail_on: FailOn,
}

/// All reports together are no longer than this.
const LIMIT: u64 = 32 * 1024 * 1024;

/// Runs `merge`.
///
/// # Errors
/// A file cannot be read, or holds no report.
pub(crate) fn run(args: &MergeArgs, terminal: &Terminal) -> Result<u8, UsageError> {
    let mut results = Results::default();
    let mut left = LIMIT;
    let mut reports_of = |files: &[PathBuf]| -> Result<Vec<Report>, UsageError> {
        let mut reports = Vec::new();
        for file in files {
            let text = read(file, &mut left)?;
            let name = file.display().to_string();
            let found = documents(&text, &name, &mut results)?;
            reports.extend(found.into_iter().map(|one| Report::new(one, &Selection::default())));
        }
        Ok(reports)
    };
    let (reports, siblings) = (reports_of(&args.files)?, reports_of(&args.sibling)?);
    if !results.is_empty() {
        if !reports.is_empty() || !siblings.is_empty() {
            return Err(UsageError::new(
                "results of a fleet and reports of doctor cannot be combined",
            )
            .suggest("one `entra-pg merge` for each of them"));
        }
        return join(args, &results.fleet()?, terminal);
    }
    let places = fleet::merge(&reports);
    let sides = Sides::of(&reports, &siblings);
    let written = output::render_to(args.output.as_deref(), args.color, terminal, |style| {
        render_merge(&places, &sides, args.format, style)
    });
    if let Err(error) = written {
        terminal.complain(&format!("the report could not be written: {error}"));
        return Ok(TOOL_FAILED);
    }
    let worst =
        [Outcome::Failing, Outcome::Undetermined, Outcome::Degraded].into_iter().find(|wanted| {
            let siblings = !sides.siblings.is_empty() && fleet::worst(&sides.siblings) == *wanted;
            siblings || places.iter().any(|place| place.outcome() == *wanted)
        });
    Ok(exit_code(worst.unwrap_or(Outcome::Healthy), args.fail_on == FailOn::Warning))
}

/// Writes the joined results of a fleet.
fn join(args: &MergeArgs, fleet: &Fleet, terminal: &Terminal) -> Result<u8, UsageError> {
    let format = match args.format {
        MergeFormat::Text => FleetFormat::Text,
        MergeFormat::Json => FleetFormat::Json,
    };
    let written = output::render_to(args.output.as_deref(), args.color, terminal, |style| {
        render(fleet, format, style)
    });
    if let Err(error) = written {
        terminal.complain(&format!("the report could not be written: {error}"));
        return Ok(TOOL_FAILED);
    }
    Ok(exit_code(fleet.outcome(), args.fail_on == FailOn::Warning))
}

fn read(path: &Path, left: &mut u64) -> Result<Vec<u8>, UsageError> {
    let name = path.display();
    let bytes = input::argument(path, *left)
        .and_then(input::utf8)
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    *left = left.saturating_sub(bytes.len() as u64);
    Ok(bytes)
}

/// The reports in a file: a bundle, a report, or the log of pods.
///
/// # Errors
/// The file cannot be read, or holds no report.
pub(super) fn reports(path: &Path) -> Result<Vec<Evidence>, UsageError> {
    let name = path.display().to_string();
    let (mut results, mut left) = (Results::default(), LIMIT);
    let found = documents(&read(path, &mut left)?, &name, &mut results)?;
    if found.is_empty() {
        return Err(UsageError::new(format!("{name} holds results of a fleet, not a report"))
            .suggest("a file written by `entra-pg bundle` or `entra-pg doctor --format json`"));
    }
    Ok(found)
}

/// Why a file of reports cannot be read.
enum Unread {
    Json(serde_json::Error),
    Evidence(UsageError),
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// A bundle; or reports and results of a fleet, one after the other or between the lines of a log.
pub(crate) fn documents(
    bytes: &[u8],
    name: &str,
    results: &mut Results,
) -> Result<Vec<Evidence>, UsageError> {
    if bytes.starts_with(bundle::BEGINNING) {
        return Ok(vec![super::replay::evidence_in(bytes, name)?]);
    }
    let mut found = Vec::new();
    let mut lines = 0_usize;
    let read = json::documents_in_log(bytes, json::MOST_VALUES, |document| {
        if Line::is(&document) {
            lines += 1;
            return results.add(document).map_err(Unread::Evidence);
        }
        let evidence = super::replay::evidence_of(document, name).map_err(Unread::Evidence)?;
        found.push(evidence);
        Ok(())
    });
    match read {
        // The last result of a shard that was killed can be cut off; the target has no result.
        Ok(cut) if !cut || lines > 0 => {}
        Ok(_) => {
            return Err(UsageError::new(format!(
                "{name} is not a report: the last one is cut off"
            )));
        }
        Err(Unread::Evidence(error)) => return Err(error),
        Err(Unread::Json(error)) => {
            return Err(UsageError::new(format!("{name} is not a report: {error}"))
                .suggest("files written by `entra-pg doctor --format json` or `entra-pg bundle`"));
        }
    }
    if found.is_empty() && lines == 0 {
        return Err(UsageError::new(format!("{name} holds no report"))
            .suggest("files written by `entra-pg doctor --format json` or `entra-pg bundle`"));
    }
    Ok(found)
}
