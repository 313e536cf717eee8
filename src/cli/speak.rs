//! Where reports go: stdout, files, the summary of a CI step.

use super::{
    TOOL_FAILED,
    doctor::OutputOptions,
    file::{self, Access},
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
        && let Err(why) = write_bundle(path, output, report, run, terminal)
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
    terminal: &Terminal,
) -> Result<(), Box<dyn std::error::Error>> {
    let failed = |path: &Path, error: std::io::Error| {
        format!("{} could not be written: {error}", path.display())
    };
    let key = output.pseudonymize.as_ref().map(|key| key_path(path, key.as_deref()));
    let known = key.as_deref().map(read_key).transpose()?;
    let pseudonyms = known.as_ref().map(|(pseudonyms, _)| pseudonyms);
    let extras = Extras { plan: run.plan.clone(), secrets: &run.secrets, pseudonyms };
    let bytes = bundle::pack(report, &extras)?;
    // The key comes first: without it, the pseudonyms of a bundle cannot be resolved.
    if let (Some(key), Some((pseudonyms, exists))) = (&key, &known) {
        let text = Inert::json(&pseudonyms.file());
        let written = match exists {
            true => file::write(key, &text, Access::Owner),
            false => file::create(key, &text),
        };
        written.map_err(|error| failed(key, error))?;
        terminal.complain(&format!(
            "the key of the pseudonyms is in {}; keep it and do not send it",
            key.display()
        ));
    }
    Ok(output::to_file(path, &Inert::archive(bytes)).map_err(|error| failed(path, error))?)
}

/// By default a hidden file whose name does not start like the bundle's, so that a pattern such as
/// `entra-pg.*`, which uploads the bundle, does not include the key.
fn key_path(bundle: &Path, key: Option<&Path>) -> PathBuf {
    key.map_or_else(
        || {
            let mut name = std::ffi::OsString::from(".pseudonym-key-");
            name.push(bundle.file_name().unwrap_or_default());
            bundle.with_file_name(name)
        },
        Path::to_owned,
    )
}

/// A key and its names are at most this long.
const KEY_LIMIT: u64 = 16 * 1024 * 1024;

/// The pseudonyms of the key that exists, or of a new one, and whether it exists.
fn read_key(key: &Path) -> Result<(Pseudonyms, bool), String> {
    let failed = |error: std::io::Error| format!("cannot use the key {}: {error}", key.display());
    match file::read_private(key, KEY_LIMIT).map_err(failed)? {
        Some(text) => Ok((Pseudonyms::read(&text).map_err(failed)?, true)),
        None => Ok((Pseudonyms::new().map_err(failed)?, false)),
    }
}
