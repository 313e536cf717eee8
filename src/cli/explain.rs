//! `entra-pg explain`: shows pages offline, and writes all of them as a website.

use super::{
    TOOL_FAILED,
    output::{self, Terminal},
};
use crate::{
    environment::{Environment, vantage},
    explain::{self, Answer, Site},
    input::Source,
    settings::usage::UsageError,
    text::Inert,
};
use clap::{Args, ValueEnum};
use entra_pg_checks::facts::vantage::Shell;
use std::{
    fmt::Write,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// A problem, a check, a family, an AADSTS number, a SQLSTATE or an error text. `-` reads standard
    /// input, which is also read if nothing is given. A text that starts with a hyphen follows `--`.
    pub(crate) text: Vec<String>,
    /// Read the error text from a file; at most 1 MiB is read.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// The format; with --all a website, Markdown files, or one JSON document.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExplainFormat,
    /// Write every page into this folder, which is created if it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["text", "file"])]
    pub(crate) all: Option<PathBuf>,
}

/// Formats of `explain`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people.
    #[default]
    Text,
    /// For wikis and tickets.
    Markdown,
    /// For programs.
    Json,
}

/// Runs `explain`.
///
/// # Errors
/// The input cannot be read, or no page is known for it.
pub(crate) fn run(
    args: &ExplainArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    if let Some(folder) = &args.all {
        return Ok(finished(write_all(folder, args.format), folder, terminal));
    }
    let text = input(args)?;
    let nothing = args.text.is_empty() && args.file.is_none();
    if nothing && text.iter().all(u8::is_ascii_whitespace) {
        let text = families(args.format)?;
        return Ok(if output::to_stdout(&text).is_ok() { 0 } else { TOOL_FAILED });
    }
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(UsageError::new("the text is empty").suggest(SUGGESTION));
    }
    let answer = explain::find(&text);
    if answer.pages.is_empty() && args.format != ExplainFormat::Json {
        return Err(unknown(&answer, &text));
    }
    let written = rendered(&answer, args.format, (terminal.width, vantage::shell(environment)))
        .and_then(|text| output::to_stdout(&text));
    match written {
        Err(_) => Ok(TOOL_FAILED),
        Ok(()) if answer.pages.is_empty() => Err(unknown(&answer, &text)),
        Ok(()) => Ok(0),
    }
}

/// The families, for `explain` without a text.
fn families(format: ExplainFormat) -> Result<Inert, UsageError> {
    let families = explain::families();
    if format == ExplainFormat::Json {
        let text = serde_json::to_string_pretty(&families)
            .map_err(|error| UsageError::new(format!("the list cannot be written: {error}")))?;
        return Ok(Inert::json(&(text + "\n")));
    }
    let mut out = String::from("Families of problems:\n");
    for family in families {
        let problems = family.related.iter().filter(|page| !page.title.starts_with("check: "));
        let (id, title) = (&family.id, &family.title);
        let count = problems.count();
        let plural = if count == 1 { "" } else { "s" };
        let _ = writeln!(out, "  {id:<10} {title}: {count} problem{plural}");
    }
    out.push_str(
        "\nentra-pg explain FAMILY lists the problems of a family. More that can be explained:\n  \
        entra-pg explain name/wrong-case     a problem or a check\n  \
        entra-pg explain AADSTS50076         a number of Microsoft Entra ID\n  \
        entra-pg explain 28P01               a SQLSTATE\n  \
        entra-pg explain 'FATAL: ...'        the text of an error\n  \
        psql 2>&1 | entra-pg explain -       the output of a program\n",
    );
    Ok(Inert::text(&out))
}

/// What `explain` takes.
const SUGGESTION: &str = "a problem id such as claims/expired, AADSTS50076, a SQLSTATE, or the text of \
    the error; `entra-pg explain` lists the families, and `entra-pg doctor` finds the cause by itself";

/// The text of the arguments, of a file, or of standard input. A little more than the limit is read, so
/// that a longer text is noticed.
fn input(args: &ExplainArgs) -> Result<Vec<u8>, UsageError> {
    let limit = u64::try_from(explain::reader::LIMIT).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let text = args.text.join(" ");
    if let Some(path) = args.file.as_deref().or_else(|| file_named(&text)) {
        return match Source::new(path).read_start(limit) {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(UsageError::new(format!("cannot read {}: {error}", path.display()))),
        };
    }
    if text != "-" && !args.text.is_empty() {
        return Ok(text.into_bytes());
    }
    if text != "-" && io::stdin().is_terminal() {
        return Ok(bytes);
    }
    match io::stdin().lock().take(limit).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(UsageError::new(format!("cannot read standard input: {error}"))),
    }
}

/// The file that a text names, such as `error.log`. An id is never taken for a file.
fn file_named(text: &str) -> Option<&Path> {
    let path = Path::new(text);
    let file = !text.is_empty() && text.len() < 1024 && !text.contains('\n') && path.is_file();
    (file && !explain::find(text.as_bytes()).exact).then_some(path)
}

/// The error for a text without candidates. It never repeats the text, which can hold a secret.
fn unknown(answer: &Answer, text: &[u8]) -> UsageError {
    let mut message = if text.contains(&0) {
        "no page is known for this input: it is not a text".to_owned()
    } else {
        "no page is known for this text".to_owned()
    };
    if answer.truncated {
        message.push_str("; only the first 1 MiB was read");
    }
    for page in &answer.nearest {
        let _ = write!(message, "\n  nearest page: {}: {}", page.id, page.title);
    }
    UsageError::new(message).suggest(SUGGESTION)
}

fn rendered(
    answer: &Answer,
    format: ExplainFormat,
    (width, shell): (usize, Shell),
) -> io::Result<Inert> {
    let pages = &answer.pages;
    Ok(match format {
        ExplainFormat::Text if answer.exact => {
            Inert::text(&pages.iter().map(|page| explain::text(page, shell)).collect::<String>())
        }
        ExplainFormat::Text => Inert::text(&explain::summary(answer, width, shell)),
        ExplainFormat::Markdown => {
            let mut out: String = pages.iter().take(1).map(explain::markdown).collect();
            let others = pages.get(1..).unwrap_or_default();
            if !others.is_empty() {
                out.push_str("\n## Other possible causes\n\n");
            }
            for page in others {
                let _ = writeln!(out, "- `{}`: {}", page.id, page.title);
            }
            Inert::text(&out)
        }
        ExplainFormat::Json => {
            let document = serde_json::json!({
                "exact": answer.exact,
                "pages": pages,
                "candidates": answer.reasons,
                "truncated": answer.truncated,
                "nearest": answer.nearest,
            });
            Inert::json(&(serde_json::to_string_pretty(&document)? + "\n"))
        }
    })
}

fn write_all(folder: &Path, format: ExplainFormat) -> io::Result<()> {
    let site = match format {
        ExplainFormat::Text => Site::Html,
        ExplainFormat::Markdown => Site::Markdown,
        ExplainFormat::Json => Site::Json,
    };
    std::fs::create_dir_all(folder)?;
    for (name, text) in explain::website(site) {
        let page = match format {
            ExplainFormat::Text | ExplainFormat::Markdown => Inert::text(&text),
            ExplainFormat::Json => Inert::json(&text),
        };
        output::to_shared_file(&folder.join(name), &page)?;
    }
    Ok(())
}

fn finished(written: io::Result<()>, folder: &Path, terminal: &Terminal) -> u8 {
    match written {
        Ok(()) => 0,
        Err(error) => {
            terminal.complain(&format!("{} could not be written: {error}", folder.display()));
            TOOL_FAILED
        }
    }
}
