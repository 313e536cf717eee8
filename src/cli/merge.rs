//! `entra-pg merge`: reports of many places in one matrix.

use super::{
    TOOL_FAILED,
    output::{self, Color, Terminal},
};
use crate::{
    bundle,
    diagnose::{FailOn, Report},
    fleet, input, json,
    report::{
        Style,
        fleet::{MergeFormat, exit_code, render_merge},
    },
    settings::request::Selection,
    settings::usage::UsageError,
};
use clap::Args;
use entra_pg_checks::{Evidence, Outcome};
use std::path::{Path, PathBuf};

/// Options of `merge`.
#[derive(Args, Clone, Debug)]
pub struct MergeArgs {
    /// Reports of `doctor --format json`, one or more in a file (as `kubectl logs` of several pods
    /// gives them), support bundles, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The format.
    #[arg(long, value_enum, default_value_t = MergeFormat::Text)]
    pub format: MergeFormat,
    /// Where to; stdout by default.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// When to use colors.
    #[arg(long, value_enum, default_value_t)]
    pub color: Color,
    /// From which severity on the exit code is 1.
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOn,
}

/// All reports together are no longer than this.
const LIMIT: u64 = 32 * 1024 * 1024;

/// Runs `merge`.
///
/// # Errors
/// A file cannot be read, or holds no report.
pub fn run(args: &MergeArgs, terminal: &Terminal) -> Result<u8, UsageError> {
    let mut reports = Vec::new();
    let mut left = LIMIT;
    for file in &args.files {
        let text = read(file, &mut left)?;
        let name = file.display().to_string();
        for evidence in documents(&text, &name)? {
            reports.push(Report::new(evidence, &Selection::default()));
        }
    }
    let places = fleet::merge(&reports);
    let style = |color| Style {
        color,
        width: terminal.width,
        verbose: 0,
        quiet: false,
        unicode: terminal.unicode,
    };
    let written = match &args.output {
        Some(path) => render_merge(&places, args.format, &style(false))
            .and_then(|bytes| output::to_file(path, &bytes)),
        None => render_merge(&places, args.format, &style(terminal.colors(args.color)))
            .and_then(|bytes| output::to_stdout(&bytes)),
    };
    if let Err(error) = written {
        terminal.complain(&format!("the report could not be written: {error}"));
        return Ok(TOOL_FAILED);
    }
    let worst = [Outcome::Failing, Outcome::Undetermined, Outcome::Degraded]
        .into_iter()
        .find(|wanted| places.iter().any(|place| place.outcome() == *wanted));
    Ok(exit_code(worst.unwrap_or(Outcome::Healthy), args.fail_on == FailOn::Warning))
}

fn read(path: &Path, left: &mut u64) -> Result<Vec<u8>, UsageError> {
    let name = path.display();
    let bytes = input::argument(path, *left)
        .and_then(input::utf8)
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    *left = left.saturating_sub(bytes.len() as u64);
    Ok(bytes)
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

/// A bundle; or one document after the other, with nothing between them but white space.
fn documents(bytes: &[u8], name: &str) -> Result<Vec<Evidence>, UsageError> {
    if bytes.starts_with(bundle::BEGINNING) {
        return Ok(vec![super::replay::evidence_in(bytes, name)?]);
    }
    let mut found = Vec::new();
    let read = json::documents(bytes, json::MOST_VALUES, |document| {
        let evidence = super::replay::evidence_of(document, name).map_err(Unread::Evidence)?;
        found.push(evidence);
        Ok(())
    });
    match read {
        Ok(()) => {}
        Err(Unread::Evidence(error)) => return Err(error),
        Err(Unread::Json(error)) => {
            return Err(UsageError::new(format!("{name} is not a report: {error}"))
                .suggest("files written by `entra-pg doctor --format json` or `entra-pg bundle`"));
        }
    }
    if found.is_empty() {
        return Err(UsageError::new(format!("{name} holds no report")));
    }
    Ok(found)
}
