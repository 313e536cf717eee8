//! The only place that writes to stdout, stderr and files. It takes only [`Inert`] output.

#![allow(clippy::disallowed_methods, reason = "the home of stdout and stderr")]

use super::file::{self, Access};
use crate::{
    environment::Environment,
    report::Style,
    secret::Secrets,
    settings::usage::UsageError,
    sync::lock,
    text::{Inert, Kind},
};
use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::Mutex,
};

/// The secrets that every output is searched for.
static SECRETS: Mutex<Option<Secrets>> = Mutex::new(None);
/// Outputs are searched in parts of about this length, since a search needs many times its memory.
const PART: usize = 128 * 1024;

/// The secrets of the environment, to which a run adds its own.
pub(super) fn secrets(environment: &Environment) -> Secrets {
    let known = lock(&SECRETS).as_ref().map(Secrets::fork);
    known.unwrap_or_else(|| Secrets::of_environment(environment))
}

/// Names the secrets that must not be in any output from now on.
pub(super) fn protect(secrets: &Secrets) {
    *lock(&SECRETS) = Some(secrets.clone());
}

/// The output without secrets.
///
/// # Errors
/// JSON would not be valid without a secret in it.
fn searched(output: &Inert) -> io::Result<Cow<'_, [u8]>> {
    let text = match output.kind() {
        Kind::Searched => return Ok(Cow::Borrowed(output)),
        Kind::Text | Kind::Json => String::from_utf8_lossy(output),
    };
    let secrets = lock(&SECRETS).clone().unwrap_or_default();
    let Some(redacted) = redacted(&text, &secrets) else { return Ok(Cow::Borrowed(output)) };
    if output.kind() == Kind::Json {
        let mut documents = serde_json::Deserializer::from_str(&redacted).into_iter();
        if documents.any(|document: Result<serde::de::IgnoredAny, _>| document.is_err()) {
            return Err(io::Error::other("it holds a secret"));
        }
        return Ok(Cow::Owned(Inert::json(&redacted).into_bytes()));
    }
    Ok(Cow::Owned(redacted.into_bytes()))
}

/// The text without secrets, or `None` if there is none in it.
fn redacted(text: &str, secrets: &Secrets) -> Option<String> {
    let mut out = String::new();
    let (mut rest, mut any) = (text, false);
    while !rest.is_empty() {
        let least = rest.len().min(PART);
        let end = rest.as_bytes()[least..].iter().position(|byte| *byte == b'\n');
        let (part, after) = rest.split_at(end.map_or(rest.len(), |at| least + at));
        match secrets.redacted_output(part) {
            Some(redacted) => {
                any = true;
                out.push_str(&redacted);
            }
            None => out.push_str(part),
        }
        rest = after;
    }
    any.then_some(out)
}

/// What is known of the terminal.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Whether stdout is one.
    pub stdout: bool,
    /// Whether stderr is one.
    pub stderr: bool,
    /// Width in columns; 80 if it is not known.
    pub width: usize,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
    /// What NO_COLOR and CLICOLOR_FORCE say, if anything.
    pub color: Option<bool>,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR says otherwise.
    #[default]
    Auto,
    /// Always use colors.
    Always,
    /// Never use colors.
    Never,
}

impl Terminal {
    /// Detects the terminal from stdout, stderr and the environment.
    #[must_use]
    pub fn look(environment: &Environment) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| environment.get(name));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let stdout = io::stdout().is_terminal();
        let stderr = io::stderr().is_terminal();
        // A console that does not understand control sequences would print them.
        let understands = !(stdout || stderr) || understands_sequences();
        let color = color_of(environment).or((!understands).then_some(false));
        Self {
            stdout,
            stderr: stderr && understands,
            width: if stdout { columns() } else { 80 },
            unicode: utf8 || cfg!(windows),
            color,
        }
    }

    /// Whether to write colors to stdout.
    #[must_use]
    pub fn colors(&self, choice: Color) -> bool {
        match choice {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => self.color.unwrap_or(self.stdout),
        }
    }

    /// How a report without colors is laid out.
    #[must_use]
    pub const fn style(&self) -> Style {
        Style { color: false, width: self.width, verbose: 0, quiet: false, unicode: self.unicode }
    }

    /// Reports on stderr what was done in addition to the report.
    pub fn note(&self, text: &str) {
        // A failure to write to stderr cannot be reported.
        let _ = to_stderr(&Inert::text(&format!("{}\n", text.trim_end())));
    }

    /// Says something about the tool itself, on stderr.
    pub fn complain(&self, text: &str) {
        let text = Inert::text(&format!("entra-pg: {}\n", text.trim_end()));
        // A failure to write to stderr cannot be reported.
        let _ = to_stderr(&text);
    }
}

/// Where progress is drawn.
#[must_use]
pub fn stderr() -> Box<dyn Write + Send> {
    Box::new(io::stderr())
}

/// Writes to stdout. A reader that went away (`| head -1`) has seen enough.
///
/// # Errors
/// Any other failure to write.
pub fn to_stdout(bytes: &Inert) -> io::Result<()> {
    let bytes = searched(bytes)?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to stderr, where stdout is for something else.
///
/// # Errors
/// A failure to write.
pub fn to_stderr(bytes: &Inert) -> io::Result<()> {
    io::stderr().lock().write_all(&searched(bytes)?)
}

/// Writes a file that only its owner may read, or stdout for `-`. The file is written completely or not
/// at all.
///
/// # Errors
/// The file cannot be written; then the file that was there before is unchanged.
pub fn to_file(path: &Path, bytes: &Inert) -> io::Result<()> {
    match path.as_os_str() == "-" {
        true => to_stdout(bytes),
        false => file::write(path, &searched(bytes)?, Access::Owner),
    }
}

/// Renders a report and writes it to a file without colors, or to stdout.
///
/// # Errors
/// The report cannot be rendered or written.
pub fn render_to(
    path: Option<&Path>,
    color: Color,
    terminal: &Terminal,
    render: impl FnOnce(&Style) -> io::Result<Inert>,
) -> io::Result<()> {
    let color = path.is_none() && terminal.colors(color);
    let bytes = render(&Style { color, ..terminal.style() })?;
    to_file(path.unwrap_or(Path::new("-")), &bytes)
}

/// Checks that no two outputs have the same destination; `options` names the options that set one.
///
/// # Errors
/// Two outputs do.
pub fn check_distinct(mut paths: Vec<&Path>, options: &str) -> Result<(), UsageError> {
    paths.sort();
    let Some(same) = paths.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
    Err(if same[0].as_os_str() == "-" {
        UsageError::new("two outputs go to standard output")
            .suggest("-o FILE for the report, or a file for the other output")
    } else {
        UsageError::new(format!("two outputs are written to {}", same[0].display()))
            .suggest(format!("a file of its own for each of {options}"))
    })
}

/// Writes a file whose readers the file that was there before, or the umask, decides. For output that is
/// meant for other users: pages, metrics.
///
/// # Errors
/// As [`to_file`].
pub fn to_shared_file(path: &Path, bytes: &Inert) -> io::Result<()> {
    match path.as_os_str() == "-" {
        true => to_stdout(bytes),
        false => file::write(path, &searched(bytes)?, Access::Umask),
    }
}

/// Opens a file for lines that are added one by one, and keeps its first bytes. Only its owner may read
/// a new file.
///
/// # Errors
/// The file cannot be opened.
pub fn lines_into(path: &Path, kept: u64) -> io::Result<std::fs::File> {
    file::open_to_add(path, kept)
}

/// Adds a line with one call, so that a killed run leaves at most one line cut off.
///
/// # Errors
/// The file cannot be written.
pub(super) fn add_line(file: &mut std::fs::File, line: &Inert) -> io::Result<()> {
    file.write_all(&searched(line)?)
}

/// Checks before a long run that every file can be written; `-` is stdout.
///
/// # Errors
/// The first file that cannot be written, and why.
pub fn check_writable<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), String> {
    let mut files = paths.into_iter().filter(|path| path.as_os_str() != "-");
    files.try_for_each(|path| {
        file::check_writable(path)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    })
}

/// Adds to a file.
///
/// # Errors
/// The file cannot be written.
pub fn append(path: &Path, bytes: &Inert) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&searched(bytes)?)
}

/// The classic console of Windows has to be asked for it.
#[cfg(windows)]
fn understands_sequences() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(false)
}

#[cfg(not(windows))]
const fn understands_sequences() -> bool {
    true
}

/// NO_COLOR counts when it is present and not empty, and wins over CLICOLOR_FORCE.
fn color_of(environment: &Environment) -> Option<bool> {
    if environment.get("NO_COLOR").is_some() {
        return Some(false);
    }
    match environment.get("CLICOLOR_FORCE").or_else(|| environment.get("FORCE_COLOR")) {
        Some("0") | None => None,
        Some(_) => Some(true),
    }
}

fn columns() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0).clamp(40, 160))
}
