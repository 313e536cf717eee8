//! `entra-pg replay`: judge the evidence of an earlier run again, with this version's checks; no network.

use super::{
    TOOL_FAILED,
    doctor::OutputOptions,
    output::Terminal,
    speak::{Run, speak},
};
use crate::{
    bundle, diagnose::Report, environment::Environment, input, secret::Secrets, secret::redact,
    settings::request::Selection, settings::usage::UsageError,
};
use clap::Args;
use entra_pg_checks::Evidence;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Options of `replay`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArgs {
    /// A support bundle, or a report of `--format json`; also of an older version.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The output.
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Runs `replay`.
///
/// # Errors
/// The file cannot be read, or holds no evidence.
pub(crate) fn run(
    args: &ReplayArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    args.output.check(terminal)?;
    let secrets = super::output::secrets(environment);
    super::output::protect(&secrets);
    let evidence = redact::evidence(read(&args.file)?, &secrets);
    if let Err(why) = args.output.check_writable() {
        terminal.complain(&why);
        return Ok(TOOL_FAILED);
    }
    let report = Report::new(evidence, &Selection::default())
        .recorded()
        .connect_with(&args.output.connect_with);
    let run = Run { plan: None, secrets };
    Ok(speak(&args.output, &report, &run, environment, terminal))
}

/// The evidence in a bundle or a report, without what looks like a secret.
///
/// # Errors
/// The file cannot be read, or holds no evidence.
pub(super) fn read(path: &Path) -> Result<Evidence, UsageError> {
    let name = path.display();
    let bytes = input::argument(path, bundle::LIMIT)
        .and_then(input::utf8)
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    evidence_in(&bytes, &name.to_string())
}

/// The evidence in the bytes of a bundle or a report, without what looks like a secret.
pub(super) fn evidence_in(bytes: &[u8], name: &str) -> Result<Evidence, UsageError> {
    bundle::read(bytes).map(without_secrets).map_err(|wrong| {
        UsageError::new(format!("{name} is not a report or bundle of entra-pg: {wrong}"))
            .suggest("a file written by `entra-pg bundle` or `entra-pg doctor --format json`")
    })
}

/// The evidence in a report, or the document itself where it is evidence; the same way.
pub(super) fn evidence_of(document: Value, name: &str) -> Result<Evidence, UsageError> {
    bundle::of_document(document).map(without_secrets).map_err(|wrong| {
        UsageError::new(format!("{name} is not a report or bundle of entra-pg: {wrong}"))
    })
}

fn without_secrets(evidence: Evidence) -> Evidence {
    redact::evidence(evidence, &Secrets::default())
}
