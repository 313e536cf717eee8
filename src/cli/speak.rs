//! Where reports go: stdout, files, the summary of a CI step.

use super::{
    TOOL_FAILED,
    doctor::OutputOptions,
    output::{self, Terminal},
};
use crate::{
    bundle::{self, Extras, names::Pseudonyms},
    diagnose::Report,
    environment::Environment,
    report::{self, Format, Style},
    secret::Secrets,
    text::Inert,
};
use std::path::{Path, PathBuf};

/// What a bundle holds of the run beside its report.
pub(super) struct Run {
    /// The plan, where the run was made just now.
    pub(super) plan: Option<String>,
    /// The secrets that must not be in the bundle.
    pub(super) secrets: Secrets,
}

/// Writes everything that was asked for; the exit code says whether that was possible.
pub(super) fn speak(
    output: &OutputOptions,
    report: &Report,
    run: &Run,
    environment: &Environment,
    terminal: &Terminal,
) -> u8 {
    let style = |color| Style {
        color,
        width: terminal.width,
        verbose: output.verbose,
        quiet: output.quiet,
        unicode: terminal.unicode,
    };
    let mut files: Vec<(Format, &Path)> =
        output.report.iter().map(|(format, path)| (*format, path.as_path())).collect();
    files.extend(output.output.as_deref().map(|path| (output.format, path)));
    let mut failed = false;
    for (format, path) in files {
        let written = report::render(report, format, &style(false))
            .and_then(|bytes| output::to_file(path, &bytes));
        if let Err(error) = written {
            terminal.complain(&format!("{} could not be written: {error}", path.display()));
            failed = true;
        }
    }
    if let Some(path) = step_summary(output, environment) {
        let written = report::render(report, Format::Markdown, &style(false))
            .and_then(|bytes| output::append(&path, &bytes));
        if let Err(error) = written {
            terminal.complain(&format!("{} could not be written: {error}", path.display()));
            failed = true;
        }
    }
    if let Some(path) = &output.bundle
        && let Err(why) = write_bundle(path, output, report, run)
    {
        terminal.complain(&why.to_string());
        failed = true;
    }
    if output.output.is_none() {
        let color = terminal.colors(output.color);
        let written = report::render(report, output.format, &style(color))
            .and_then(|bytes| output::to_stdout(&bytes));
        failed |= written.is_err();
    }
    if failed { TOOL_FAILED } else { crate::diagnose::exit_code(report, output.fail_on) }
}

/// The file that GitHub Actions shows as the summary of the step, where annotations are asked for.
fn step_summary(output: &OutputOptions, environment: &Environment) -> Option<PathBuf> {
    let asked = output.format == Format::Github
        || output.report.iter().any(|(format, _)| *format == Format::Github);
    environment.get("GITHUB_STEP_SUMMARY").filter(|_| asked).map(PathBuf::from)
}

/// Nothing is written of a bundle that is refused.
fn write_bundle(
    path: &Path,
    output: &OutputOptions,
    report: &Report,
    run: &Run,
) -> Result<(), Box<dyn std::error::Error>> {
    let said = |path: &Path, error: std::io::Error| {
        format!("{} could not be written: {error}", path.display())
    };
    let key = output.pseudonymize.as_ref().map(|key| key_file(path, key.as_deref()));
    let pseudonyms = key.as_deref().map(pseudonyms).transpose()?;
    let extras =
        Extras { plan: run.plan.clone(), secrets: &run.secrets, pseudonyms: pseudonyms.as_ref() };
    let bytes = bundle::pack(report, &extras)?;
    // The key comes first: a bundle without it could never be understood again.
    if let (Some(key), Some(pseudonyms)) = (&key, &pseudonyms) {
        output::to_private_file(key, &Inert::json(&pseudonyms.file()))
            .map_err(|error| said(key, error))?;
    }
    Ok(output::to_file(path, &Inert::archive(bytes)).map_err(|error| said(path, error))?)
}

fn key_file(bundle: &Path, key: Option<&Path>) -> PathBuf {
    key.map_or_else(
        || {
            let mut beside = bundle.as_os_str().to_owned();
            beside.push(".key");
            PathBuf::from(beside)
        },
        Path::to_owned,
    )
}

/// Under the key that is there, or a new one.
fn pseudonyms(key: &Path) -> Result<Pseudonyms, String> {
    match std::fs::read_to_string(key) {
        Ok(text) => Pseudonyms::read(&text).map_err(|error| format!("{}: {error}", key.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Pseudonyms::new().map_err(|error| error.to_string())
        }
        Err(error) => Err(format!("{} cannot be read: {error}", key.display())),
    }
}
