//! Where reports go: stdout, files, the summary of a CI step.

use super::{
    TOOL_FAILED,
    doctor::OutputOptions,
    file::{self, Access},
    output::{self, Terminal},
};
use crate::{
    bundle::{self, Extras, Hit, Refused, names::Pseudonyms},
    diagnose::Report,
    environment::Environment,
    report::{self, Format, Style},
    secret::Secrets,
    text::Inert,
};
use std::path::{Path, PathBuf};

/// What a bundle holds of the run in addition to its report.
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
    let style =
        |color| Style { color, verbose: output.verbose, quiet: output.quiet, ..terminal.style() };
    let mut targets: Vec<(Target, Format)> = Vec::new();
    for (format, path) in &output.report {
        targets.push((Target::File(path), *format));
    }
    targets.extend(output.output.as_deref().map(|path| (Target::File(path), output.format)));
    let summary = step_summary(output, environment);
    targets.extend(summary.as_deref().map(|path| (Target::Append(path), Format::Markdown)));
    if output.output.is_none() {
        let packed = output.bundle.as_deref().is_some_and(|path| path.as_os_str() == "-");
        targets.push((if packed { Target::Stderr } else { Target::Stdout }, output.format));
    }
    let color = terminal.colors(output.color);
    let mut failed = false;
    let mut texts = Vec::new();
    for (target, format) in targets {
        match report::render(report, format, &style(color && target == Target::Stdout)) {
            Ok(text) => texts.push((target, text)),
            Err(error) => {
                terminal.complain(&format!("{target} could not be rendered: {error}"));
                failed = true;
            }
        }
    }
    // All or nothing: what keeps a secret out of one output keeps the others back, too.
    let packed = output.bundle.as_deref().map(|path| pack(path, output, report, run)).transpose();
    let hits: Vec<Hit> = texts
        .iter()
        .flat_map(|(target, text)| bundle::scan_report(&target.to_string(), text, &run.secrets))
        .collect();
    let packed = match packed {
        Ok(packed) if hits.is_empty() => packed,
        Ok(_) => {
            terminal.complain(&Refused::Leaks(hits).to_string());
            return TOOL_FAILED;
        }
        Err(Failed::Leaks(why)) => {
            terminal.complain(&why);
            return TOOL_FAILED;
        }
        Err(Failed::Other(why)) => {
            terminal.complain(&why);
            failed = true;
            None
        }
    };
    if let Some(bundle) = &packed
        && let Err(why) = bundle.write()
    {
        terminal.complain(&why);
        failed = true;
    }
    let texts: Vec<(Target, Inert)> =
        texts.into_iter().map(|(target, text)| (target, text.searched())).collect();
    for (target, text) in &texts {
        if let Err(error) = target.write(text) {
            let main =
                matches!(target, Target::File(path) if output.output.as_deref() == Some(path));
            let follows = if main { "; the report follows" } else { "" };
            terminal.complain(&format!("{target} could not be written: {error}{follows}"));
            failed = true;
            if main {
                // A failure to write to stdout as well cannot be reported.
                let _ = output::to_stdout(text);
            }
        }
    }
    if let Some(bundle) = packed.filter(|_| !failed && !output.quiet) {
        terminal.note(&bundle.summary());
    }
    note_common(output, run, terminal);
    if failed { TOOL_FAILED } else { crate::diagnose::exit_code(report, output.fail_on) }
}

/// Where one rendered report goes.
#[derive(Clone, Copy, PartialEq)]
enum Target<'a> {
    File(&'a Path),
    Append(&'a Path),
    Stdout,
    /// If the bundle goes to stdout.
    Stderr,
}

impl Target<'_> {
    fn write(&self, text: &Inert) -> std::io::Result<()> {
        match self {
            Self::File(path) => output::to_file(path, text),
            Self::Append(path) => output::append(path, text),
            Self::Stdout => output::to_stdout(text),
            Self::Stderr => output::to_stderr(text),
        }
    }
}

impl std::fmt::Display for Target<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) | Self::Append(path) => write!(formatter, "{}", path.display()),
            Self::Stdout => formatter.write_str("standard output"),
            Self::Stderr => formatter.write_str("standard error"),
        }
    }
}

/// Reports secrets that no search can find, if anything is written that leaves the terminal.
fn note_common(output: &OutputOptions, run: &Run, terminal: &Terminal) {
    let common = run.secrets.too_common();
    let files = output.bundle.is_some() || output.output.is_some() || !output.report.is_empty();
    if files && !common.is_empty() {
        terminal.complain(&format!(
            "outputs were not searched for {}: too short or too common a word",
            common.join(", ")
        ));
    }
}

/// The file that GitHub Actions shows as the summary of the step, where annotations are asked for.
fn step_summary(output: &OutputOptions, environment: &Environment) -> Option<PathBuf> {
    let asked = output.format == Format::Github
        || output.report.iter().any(|(format, _)| *format == Format::Github);
    environment.get("GITHUB_STEP_SUMMARY").filter(|_| asked).map(PathBuf::from)
}

/// A bundle in memory, and the key of its pseudonyms.
struct Packed<'a> {
    path: &'a Path,
    bytes: Inert,
    key: Option<(PathBuf, Pseudonyms, bool)>,
}

/// Why there is no bundle.
enum Failed {
    Leaks(String),
    Other(String),
}

fn pack<'a>(
    path: &'a Path,
    output: &OutputOptions,
    report: &Report,
    run: &Run,
) -> Result<Packed<'a>, Failed> {
    let key = output.pseudonymize.as_ref().map(|key| key_path(path, key.as_deref()));
    let key = match key {
        Some(key) => {
            let (pseudonyms, exists) = read_key(&key).map_err(Failed::Other)?;
            Some((key, pseudonyms, exists))
        }
        None => None,
    };
    let pseudonyms = key.as_ref().map(|(_, pseudonyms, _)| pseudonyms);
    let extras = Extras { plan: run.plan.clone(), secrets: &run.secrets, pseudonyms };
    let bytes = bundle::pack(report, &extras).map_err(|why| match why {
        Refused::Leaks(_) => Failed::Leaks(why.to_string()),
        Refused::Failed(_) => Failed::Other(why.to_string()),
    })?;
    Ok(Packed { path, bytes: Inert::archive(bytes), key })
}

impl Packed<'_> {
    /// The key comes first: without it, the pseudonyms of a bundle cannot be resolved.
    fn write(&self) -> Result<(), String> {
        let failed = |path: &Path, error: std::io::Error| {
            format!("{} could not be written: {error}", path.display())
        };
        if let Some((key, pseudonyms, exists)) = &self.key {
            let text = Inert::json(&pseudonyms.file());
            let written = match exists {
                true => file::write(key, &text, Access::Owner),
                false => file::create(key, &text),
            };
            written.map_err(|error| failed(key, error))?;
        }
        output::to_file(self.path, &self.bytes).map_err(|error| failed(self.path, error))
    }

    /// What was written, and what to do with it.
    fn summary(&self) -> String {
        let place = match self.path.as_os_str() == "-" {
            true => "standard output".to_owned(),
            false => self.path.display().to_string(),
        };
        let size = self.bytes.len().div_ceil(1024);
        let names = match &self.key {
            Some((key, ..)) => format!(
                "Names, ids and addresses in it are pseudonyms. Keep their key, {}, and do not send it.",
                key.display()
            ),
            None => "It names hosts, users and addresses; --pseudonymize replaces them.".to_owned(),
        };
        format!(
            "Bundle written: {place} ({size} KiB).\n\
            It holds no token, password or key of an identity: it was searched for them.\n{names}"
        )
    }
}

/// By default a hidden file whose name does not start like the bundle's, so that a pattern such as
/// `entra-pg.*`, which uploads the bundle, does not include the key.
pub(super) fn key_path(bundle: &Path, key: Option<&Path>) -> PathBuf {
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
pub(super) fn read_key(key: &Path) -> Result<(Pseudonyms, bool), String> {
    let failed = |error: std::io::Error| format!("cannot use the key {}: {error}", key.display());
    match file::read_private(key, KEY_LIMIT).map_err(failed)? {
        Some(text) => Ok((Pseudonyms::read(&text).map_err(failed)?, true)),
        None => Ok((Pseudonyms::new().map_err(failed)?, false)),
    }
}
