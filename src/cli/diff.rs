//! `entra-pg diff`: two runs side by side.

use super::{
    TOOL_FAILED,
    output::{self, Terminal},
    replay,
};
use crate::{
    diagnose::Report,
    diff::{self, Difference},
    settings::request::Selection,
    settings::usage::UsageError,
    text::Inert,
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of `diff`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArgs {
    /// The earlier run: a bundle or a report of `--format json`.
    #[arg(value_name = "BEFORE")]
    pub(crate) before: PathBuf,
    /// The later run, or the run of another machine.
    #[arg(value_name = "AFTER")]
    pub(crate) after: PathBuf,
    /// The format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DiffFormat,
}

/// Formats of `diff`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Runs `diff`. Exit code 0: the two were compared, whatever they say.
///
/// # Errors
/// One of the files cannot be read.
pub(crate) fn run(args: &DiffArgs, terminal: &Terminal) -> Result<u8, UsageError> {
    let report = |path| Ok(Report::new(replay::read(path)?, &Selection::default()));
    let difference = diff::compare(&report(&args.before)?, &report(&args.after)?);
    match written(&difference, args.format) {
        Ok(()) => Ok(0),
        Err(error) => {
            terminal.complain(&error.to_string());
            Ok(TOOL_FAILED)
        }
    }
}

fn written(difference: &Difference, format: DiffFormat) -> std::io::Result<()> {
    let text = match format {
        DiffFormat::Text => Inert::text(&diff::text(difference)),
        DiffFormat::Json => Inert::json(&(serde_json::to_string_pretty(difference)? + "\n")),
    };
    output::to_stdout(&text)
}
