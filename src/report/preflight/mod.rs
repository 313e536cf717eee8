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
    preflight::{Checklist, Run, State, utc},
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
        Some(Topology::Unknown) | None => "topology unknown",
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

/// What a reader of a change request asks first: when, by which version, which server, from which
/// files and runs.
fn about(list: &Checklist, seen: &Evidence) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("Checked", utc(seen.observed_at)),
        ("By", concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned()),
    ];
    if let Some(id) = &list.server_id {
        lines.push(("Server", clean(id)));
    }
    for (from, all) in files(seen) {
        lines.push(("File", format!("{from}: {}", all.join(", "))));
    }
    lines.extend(list.runs.iter().map(|run| ("Run", self::run(run))));
    lines
}

/// Documents that are named per file.
const MAX_NAMED: usize = 20;

/// The files, and what each was taken as.
fn files(seen: &Evidence) -> Vec<(String, Vec<String>)> {
    let all = seen.azure.seen().map(|azure| azure.sources.as_slice()).unwrap_or_default();
    let mut files: Vec<(String, Vec<String>)> = Vec::new();
    for source in all {
        let what = clean(&source.what);
        let from = clean(&source.from);
        match files.iter_mut().find(|(known, _)| *known == from) {
            Some((_, known)) if known.len() < MAX_NAMED => known.push(what),
            Some((_, known)) if known.len() == MAX_NAMED => known.push("and more".to_owned()),
            Some(_) => {}
            None => files.push((from, vec![what])),
        }
    }
    files
}

/// A run in a line: host name, address, time, id, and whether it counts.
fn run(run: &Run) -> String {
    let mut text = clean(&run.hostname);
    if let Some(address) = run.address {
        text += &format!(" ({address})");
    }
    text += &format!(", {}", utc(run.observed_at));
    if let Some(days) = run.days_old {
        text += &format!(", {days} days old");
    }
    if !run.version.is_empty() {
        text += &format!(", version {}", clean(&run.version));
    }
    if !run.id.is_empty() {
        text += &format!(", id {}", clean(&run.id));
    }
    if let Some(other) = &run.other_server {
        text += &format!("; of another server, {}", clean(other));
    }
    text
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
