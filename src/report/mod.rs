//! Reports: the judgment of one run, rendered in several formats. A renderer sees a [`Report`] and a
//! [`Style`]; colors are only in `text`.

mod azure_pipelines;
mod counts;
pub mod fleet;
mod github;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod outline;
pub mod preflight;
mod roles;
mod sarif;
mod table;
mod text;

use crate::{diagnose::Report, text::Inert};
use std::io;

pub(crate) use json::schema;
pub(crate) use json::status as status_word;

/// The formats.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// The verdict in a few lines, to paste into a chat.
    Short,
    /// One JSON document; `entra-pg schema` prints its schema.
    Json,
    /// The JSON document on one line, for logs that hold other text as well; `merge` finds it there.
    JsonLine,
    /// One JSON event a line, for log pipelines.
    Jsonl,
    /// JUnit XML, for the test views of CI systems.
    Junit,
    /// SARIF 2.1.0, for code-scanning views.
    Sarif,
    /// Annotations of GitHub Actions, and the summary of its step.
    Github,
    /// Logging commands of Azure Pipelines.
    AzurePipelines,
    /// One file for a browser; it needs no network.
    Html,
    /// For tickets, grouped by who must act.
    Markdown,
}

/// How to lay out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to use colors.
    pub color: bool,
    /// The width in columns.
    pub width: usize,
    /// How often `-v` was given.
    pub verbose: u8,
    /// `-q`.
    pub quiet: bool,
    /// More than ASCII.
    pub unicode: bool,
}

/// Renders a report.
///
/// # Errors
/// The format could not be made.
pub fn render(report: &Report, format: Format, style: &Style) -> io::Result<Inert> {
    Ok(match format {
        Format::Text => text::render(report, style),
        Format::Short => text::short(report, style),
        Format::Json => json_output(json::render(report)?)?,
        Format::JsonLine => json_output(json::line(report)?)?,
        Format::Junit => text_output(junit::render(report)?)?,
        Format::Jsonl => json_output(jsonl::render(report)?)?,
        Format::Sarif => json_output(sarif::render(report)?)?,
        Format::AzurePipelines => azure_pipelines::render(report),
        Format::Github => github::render(report),
        Format::Html => Inert::text(&html::render(report)),
        Format::Markdown => Inert::text(&markdown::render(report)),
    })
}

fn json_output(bytes: Vec<u8>) -> io::Result<Inert> {
    Ok(Inert::json(&String::from_utf8(bytes).map_err(io::Error::other)?))
}

fn text_output(bytes: Vec<u8>) -> io::Result<Inert> {
    Ok(Inert::text(&String::from_utf8(bytes).map_err(io::Error::other)?))
}
