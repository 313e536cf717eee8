//! `entra-pg explain`: pages, offline; and all of them as a website.

use super::{
    TOOL_FAILED,
    output::{self, Terminal},
};
use crate::{
    explain::{self, Answer, Document, Site},
    settings::usage::UsageError,
    text::Inert,
};
use clap::{Args, ValueEnum};
use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The id, or the text; behind -- where it begins with a hyphen.
    #[arg(required_unless_present = "all")]
    pub text: Vec<String>,
    /// The format; with --all a website, Markdown files, or one JSON document.
    #[arg(long, value_enum, default_value_t)]
    pub format: ExplainFormat,
    /// Write every page into this folder, which is made where it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "text")]
    pub all: Option<PathBuf>,
}

/// Formats of `explain`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ExplainFormat {
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
/// No page is known for the text.
pub fn run(args: &ExplainArgs, terminal: &Terminal) -> Result<u8, UsageError> {
    if let Some(folder) = &args.all {
        return Ok(finished(write_all(folder, args.format), folder, terminal));
    }
    let text = args.text.join(" ");
    let answer = explain::find(&text);
    if answer.pages.is_empty() {
        return Err(UsageError::new(format!("no page is known for \"{}\"", text.trim()))
            .suggest("a problem id such as claims/expired, AADSTS50076, a SQLSTATE, or the error's text; `entra-pg checks` lists the ids"));
    }
    let said = said(&answer, args.format).and_then(|text| output::to_stdout(&text));
    Ok(if said.is_ok() { 0 } else { TOOL_FAILED })
}

fn said(answer: &Answer, format: ExplainFormat) -> io::Result<Inert> {
    let pages = &answer.pages;
    let joined = |page: fn(&Document) -> String, between: &str| {
        pages.iter().map(page).collect::<Vec<String>>().join(between)
    };
    Ok(match format {
        ExplainFormat::Text => {
            let mut out = String::new();
            if !answer.exact {
                let ids: Vec<&str> = pages.iter().map(|page| page.id.as_str()).collect();
                let _ = writeln!(
                    out,
                    "This text can mean: {}.\n`entra-pg doctor` tells which.\n",
                    ids.join(", ")
                );
            }
            Inert::text(&(out + &joined(explain::text, "\n\n")))
        }
        ExplainFormat::Markdown => Inert::text(&joined(explain::markdown, "\n")),
        ExplainFormat::Json => {
            let document = serde_json::json!({"exact": answer.exact, "pages": pages});
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
        output::to_file(&folder.join(name), &page)?;
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
