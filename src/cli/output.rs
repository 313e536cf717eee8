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
pub(crate) struct Terminal {
    /// Whether stdout is one.
    pub(crate) stdout: bool,
    /// Whether stderr is one.
    pub(crate) stderr: bool,
    /// Width in columns; 80 if it is not known.
    pub(crate) width: usize,
    /// Whether it shows more than ASCII.
    pub(crate) unicode: bool,
    /// What NO_COLOR and CLICOLOR_FORCE say, if anything.
    pub(crate) color: Option<bool>,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Color {
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
    pub(crate) fn look(environment: &Environment) -> Self {
        let stdout = Stream::of(io::stdout().is_terminal(), sequences::by_stdout);
        let stderr = Stream::of(io::stderr().is_terminal(), sequences::by_stderr);
        Self::of(environment, stdout, stderr)
    }

    fn of(environment: &Environment, stdout: Stream, stderr: Stream) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| environment.get(name));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let color = color_of(environment).or((stdout == Stream::Plain).then_some(false));
        Self {
            stdout: stdout != Stream::File,
            stderr: stderr == Stream::Terminal,
            width: if stdout == Stream::File { 80 } else { columns() },
            unicode: utf8 || cfg!(windows) && decodes_utf8(stdout),
            color,
        }
    }

    /// Whether to write colors to stdout.
    #[must_use]
    pub(crate) fn colors(&self, choice: Color) -> bool {
        match choice {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => self.color.unwrap_or(self.stdout),
        }
    }

    /// How a report without colors is laid out.
    #[must_use]
    pub(crate) const fn style(&self) -> Style {
        Style { color: false, width: self.width, verbose: 0, quiet: false, unicode: self.unicode }
    }

    /// Reports on stderr what was done in addition to the report.
    pub(crate) fn note(&self, text: &str) {
        // A failure to write to stderr cannot be reported.
        let _ = to_stderr(&Inert::text(&format!("{}\n", text.trim_end())));
    }

    /// Says something about the tool itself, on stderr.
    pub(crate) fn complain(&self, text: &str) {
        let text = Inert::text(&format!("entra-pg: {}\n", text.trim_end()));
        // A failure to write to stderr cannot be reported.
        let _ = to_stderr(&text);
    }
}

/// Where progress is drawn.
#[must_use]
pub(crate) fn stderr() -> Box<dyn Write + Send> {
    Box::new(io::stderr())
}

/// Writes to stdout. A reader that went away (`| head -1`) has seen enough.
///
/// # Errors
/// Any other failure to write.
pub(crate) fn to_stdout(bytes: &Inert) -> io::Result<()> {
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
pub(crate) fn to_stderr(bytes: &Inert) -> io::Result<()> {
    io::stderr().lock().write_all(&searched(bytes)?)
}

/// Writes a file that only its owner may read, or stdout for `-`. The file is written completely or not
/// at all.
///
/// # Errors
/// The file cannot be written; then the file that was there before is unchanged.
pub(crate) fn to_file(path: &Path, bytes: &Inert) -> io::Result<()> {
    match path.as_os_str() == "-" {
        true => to_stdout(bytes),
        false => file::write(path, &searched(bytes)?, Access::Owner),
    }
}

/// Renders a report and writes it to a file without colors, or to stdout.
///
/// # Errors
/// The report cannot be rendered or written.
pub(crate) fn render_to(
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
pub(crate) fn check_distinct(mut paths: Vec<&Path>, options: &str) -> Result<(), UsageError> {
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
pub(crate) fn to_shared_file(path: &Path, bytes: &Inert) -> io::Result<()> {
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
pub(crate) fn lines_into(path: &Path, kept: u64) -> io::Result<std::fs::File> {
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
pub(crate) fn check_writable<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), String> {
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
pub(crate) fn append(path: &Path, bytes: &Inert) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&searched(bytes)?)
}

/// Where an output goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stream {
    /// A file or a pipe.
    File,
    /// A console that prints control sequences instead of obeying them.
    Plain,
    /// A terminal that obeys them.
    Terminal,
}

impl Stream {
    fn of(is_terminal: bool, obeys: fn() -> bool) -> Self {
        match is_terminal {
            false => Self::File,
            true if obeys() => Self::Terminal,
            true => Self::Plain,
        }
    }
}

/// Whether what Windows does with UTF-8 on stdout is known: a terminal shows it, and a program behind a pipe,
/// such as Windows PowerShell, takes it for the old code page.
fn decodes_utf8(stdout: Stream) -> bool {
    stdout != Stream::File
}

/// Whether the terminal obeys control sequences: the classic console of Windows has to be asked, and does
/// so since Windows 10.
#[cfg(windows)]
mod sequences {
    use winsafe::{HSTD, co};

    pub(super) fn by_stdout() -> bool {
        switched_on(co::STD_HANDLE::OUTPUT)
    }

    pub(super) fn by_stderr() -> bool {
        switched_on(co::STD_HANDLE::ERROR)
    }

    fn switched_on(stream: co::STD_HANDLE) -> bool {
        let Ok(mut guard) = HSTD::GetStdHandle(stream) else {
            return false;
        };
        // The guard would close the stream.
        let console = guard.leak();
        match console.GetConsoleMode() {
            Ok(mode) => console
                .SetConsoleMode(mode | co::CONSOLE::ENABLE_VIRTUAL_TERMINAL_PROCESSING)
                .is_ok(),
            // A terminal that is no console: that of Git Bash, MSYS2 or Cygwin.
            Err(_) => true,
        }
    }
}

#[cfg(not(windows))]
mod sequences {
    pub(super) const fn by_stdout() -> bool {
        true
    }

    pub(super) const fn by_stderr() -> bool {
        true
    }
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

#[cfg(test)]
mod tests {
    use super::{Color, Stream, Terminal, decodes_utf8};
    use crate::environment::Environment;

    #[test]
    fn a_console_that_prints_sequences_gets_none() {
        let look = |stdout, stderr, pairs: &[(&str, &str)]| {
            Terminal::of(&Environment::from_pairs(pairs.iter().copied()), stdout, stderr)
        };
        let classic = look(Stream::Plain, Stream::Plain, &[]);
        assert!(!classic.colors(Color::Auto) && classic.colors(Color::Always));
        // It is a terminal all the same, but progress cannot be drawn on it.
        assert_eq!((classic.stdout, classic.stderr), (true, false));
        assert!(look(Stream::Plain, Stream::Plain, &[("CLICOLOR_FORCE", "1")]).colors(Color::Auto));
        // Each stream is judged by itself.
        assert!(look(Stream::Terminal, Stream::File, &[]).colors(Color::Auto));
        let piped = look(Stream::File, Stream::Terminal, &[]);
        assert!(!piped.colors(Color::Auto) && piped.stderr);
        assert!(!look(Stream::Terminal, Stream::File, &[("NO_COLOR", "1")]).colors(Color::Auto));
    }

    #[test]
    fn a_pipe_of_windows_gets_ascii_unless_the_locale_says_otherwise() {
        assert!(decodes_utf8(Stream::Terminal) && decodes_utf8(Stream::Plain));
        assert!(!decodes_utf8(Stream::File));
        let utf8 = Environment::from_pairs([("LANG", "C.UTF-8")]);
        assert!(Terminal::of(&utf8, Stream::File, Stream::File).unicode);
        let none = Environment::default();
        assert!(!Terminal::of(&none, Stream::File, Stream::File).unicode);
        assert_eq!(Terminal::of(&none, Stream::Plain, Stream::File).unicode, cfg!(windows));
    }

    #[test]
    fn a_stream_is_asked_only_if_it_is_a_terminal() {
        assert_eq!(Stream::of(false, || true), Stream::File);
        assert_eq!(Stream::of(true, || false), Stream::Plain);
        assert_eq!(Stream::of(true, || true), Stream::Terminal);
    }
}
