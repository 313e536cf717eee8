//! `entra-pg replay`: judge the evidence of an earlier run again, with this version's checks; no network.

use super::{doctor::OutputOptions, output::Terminal, speak::speak};
use crate::{environment::Environment, report::Report, request::Selection, usage::UsageError};
use clap::Args;
use entra_pg_checks::Evidence;
use serde_json::Value;
use std::{io::Read, path::PathBuf};

/// A report with its evidence is some 30 KB; whatever is longer than this is none.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Options of `replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// A report of `--format json`.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The output.
    #[command(flatten)]
    pub output: OutputOptions,
}

/// Runs `replay`.
///
/// # Errors
/// The file cannot be read, or holds no evidence.
pub fn run(
    args: &ReplayArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    let report = Report::new(read(&args.file)?, &Selection::default());
    Ok(speak(&args.output, &report, environment, terminal))
}

fn read(path: &std::path::Path) -> Result<Evidence, UsageError> {
    let name = path.display();
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text))
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    if text.len() as u64 > LIMIT {
        return Err(UsageError::new(format!("{name} is longer than any report (64 MiB)")));
    }
    let document: Value = serde_json::from_str(&text).map_err(|error| {
        UsageError::new(format!("{name} is no report: {error}"))
            .suggest("a file written by `entra-pg doctor --format json`")
    })?;
    evidence_of(document, &name.to_string())
}

/// The evidence in a report, or the document itself where it is evidence.
pub(super) fn evidence_of(mut document: Value, name: &str) -> Result<Evidence, UsageError> {
    let evidence = document.get_mut("evidence").map(Value::take).unwrap_or(document);
    let evidence: Evidence = serde_json::from_value(evidence).map_err(|error| {
        UsageError::new(format!("the evidence in {name} cannot be read: {error}"))
    })?;
    if evidence.run_id.is_empty() {
        return Err(UsageError::new(format!("{name} holds no evidence of a run"))
            .suggest("a file written by `entra-pg doctor --format json`"));
    }
    if evidence.version > Evidence::VERSION {
        let (theirs, ours) = (evidence.version, Evidence::VERSION);
        return Err(UsageError::new(format!(
            "{name} was written by a newer version (evidence {theirs}; this one reads up to {ours})"
        )));
    }
    Ok(evidence)
}
