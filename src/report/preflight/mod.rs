//! The checklist of `preflight` as text, Markdown, HTML and JSON.

mod html;
mod json;
mod markdown;
mod text;

use super::Style;
use crate::text::{Inert, clean};
use clap::ValueEnum;
use entra_pg_checks::{
    Evidence,
    facts::azure::Topology,
    preflight::{Checklist, State},
};
pub(crate) use json::schema;
use std::io;

/// `preflight --format`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum PreflightFormat {
    /// For people.
    #[default]
    Text,
    /// For a change request.
    Markdown,
    /// One file that needs nothing else.
    Html,
    /// For programs; `entra-pg schema --preflight` prints its schema.
    Json,
}

/// The exit code: 0 all go, 1 a no-go, 3 not decided.
#[must_use]
pub(crate) fn exit_code(list: &Checklist) -> u8 {
    match list.state() {
        State::Go => 0,
        State::NoGo => 1,
        State::NotChecked => 3,
    }
}

/// The checklist in a format.
///
/// # Errors
/// The document cannot be written as JSON.
pub fn render(
    list: &Checklist,
    seen: &Evidence,
    format: PreflightFormat,
    style: &Style,
) -> io::Result<Inert> {
    Ok(match format {
        PreflightFormat::Text => text::render(list, seen, style),
        PreflightFormat::Markdown => Inert::text(&markdown::render(list, seen)),
        PreflightFormat::Html => Inert::text(&html::render(list, seen)),
        PreflightFormat::Json => Inert::json(&json::render(list, seen)?),
    })
}

const fn topology(list: &Checklist) -> &'static str {
    match list.topology {
        Some(Topology::Public) => "public access",
        Some(Topology::PrivateEndpoints) => "private endpoint",
        Some(Topology::VirtualNetwork) => "VNet integration",
        None => "topology unknown",
    }
}

fn headline(list: &Checklist) -> String {
    let server = list.server.as_deref().unwrap_or("the planned server");
    let word = match list.state() {
        State::Go => "GO",
        State::NoGo => "NO-GO",
        State::NotChecked => "NOT DECIDED",
    };
    format!(
        "{word}: Microsoft Entra authentication on {} ({}): {} go, {} no-go, {} not checked",
        clean(server),
        topology(list),
        list.count(State::Go),
        list.count(State::NoGo),
        list.count(State::NotChecked)
    )
}

/// Documents that were given and are not used.
fn unused(seen: &Evidence) -> Vec<String> {
    let all = seen.azure.seen().map(|azure| azure.unused.as_slice()).unwrap_or_default();
    all.iter()
        .map(|one| clean(&format!("{}: {} is not used: {}", one.from, one.what, one.why)))
        .collect()
}

/// Lines of a code block, which no line can end.
fn block(text: &str) -> String {
    text.lines().map(|line| clean(line).replace("```", "'''")).collect::<Vec<_>>().join("\n")
}
