//! Where reports go: stdout, files, the summary of a CI step.

use super::{
    TOOL_FAILED,
    doctor::OutputOptions,
    output::{self, Terminal},
};
use crate::{
    environment::Environment,
    report::{self, Format, Report, Style},
};
use std::path::{Path, PathBuf};

/// Writes everything that was asked for; the exit code says whether that was possible.
pub(super) fn speak(
    output: &OutputOptions,
    report: &Report,
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
    if output.output.is_none() {
        let color = terminal.colors(output.color);
        let written = report::render(report, output.format, &style(color))
            .and_then(|bytes| output::to_stdout(&bytes));
        failed |= written.is_err();
    }
    if failed { TOOL_FAILED } else { report::exit_code(report, output.fail_on) }
}

/// The file that GitHub Actions shows as the summary of the step, where annotations are asked for.
fn step_summary(output: &OutputOptions, environment: &Environment) -> Option<PathBuf> {
    let asked = output.format == Format::Github
        || output.report.iter().any(|(format, _)| *format == Format::Github);
    environment.get("GITHUB_STEP_SUMMARY").filter(|_| asked).map(PathBuf::from)
}
