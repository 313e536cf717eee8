//! The checklist for programs.

use super::{block, files};
use crate::text::clean;
use entra_pg_checks::{
    Evidence,
    facts::azure::Topology,
    preflight::{Checklist, Item, Run, State},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, io};

/// The JSON Schema of `preflight --format json`.
#[must_use]
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

/// The checklist of `preflight`.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// The version of this format.
    schema_version: &'static str,
    /// The program.
    tool: Tool,
    /// The overall state.
    state: Word,
    /// When the checklist was made.
    checked_at: String,
    /// The server, if its document was given.
    server: Option<String>,
    /// The resource id of the server, if its document has one.
    server_id: Option<String>,
    /// The files that are used, and what each was taken as.
    files: Vec<File>,
    /// The runs in networks of clients.
    runs: Vec<RunOf>,
    /// How the server is attached to networks, if it is known.
    topology: Option<Attachment>,
    /// One entry per requirement and vantage.
    requirements: Vec<Entry>,
    /// Documents that were given and are not used.
    unused: Vec<Unused>,
}

/// The program and its version.
#[derive(Debug, JsonSchema, Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// A file that is used.
#[derive(Debug, JsonSchema, Serialize)]
struct File {
    /// Its name, or `Azure Resource Manager`.
    from: String,
    /// The documents in it.
    documents: Vec<String>,
}

/// A run in a network of clients.
#[derive(Debug, JsonSchema, Serialize)]
struct RunOf {
    /// The run's id.
    id: String,
    /// The machine's name.
    hostname: String,
    /// The address that its connections to the server come from.
    address: Option<String>,
    /// When it began.
    observed_at: String,
    /// The version of the program.
    version: String,
    /// Its age in days, if it is older than a week.
    days_old: Option<i64>,
    /// The server that it connected to, if that is not the one that is checked.
    other_server: Option<String>,
}

/// The state of a requirement.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Go,
    NoGo,
    NotChecked,
}

/// How a server is attached to networks.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Attachment {
    Public,
    PrivateEndpoint,
    Vnet,
}

/// A requirement, judged from one vantage.
#[derive(Debug, JsonSchema, Serialize)]
struct Entry {
    /// The id of the requirement.
    id: &'static str,
    /// The requirement as a statement.
    requirement: &'static str,
    state: Word,
    /// Where it was observed: the configuration, the machine of a run, or both.
    vantage: String,
    /// What was found, or why nothing was.
    detail: String,
    /// The observations behind it.
    evidence: Vec<String>,
    /// The checks that judge it.
    checks: Vec<&'static str>,
    /// The command that supplies what is missing.
    supply: String,
    /// The role that may read it live.
    role: &'static str,
    /// Where the portal shows it.
    portal: &'static str,
    /// What to do about a no-go.
    actions: Vec<String>,
    /// The fix of a no-go by language: `az`, `bicep`, `terraform`.
    fixes: BTreeMap<&'static str, String>,
}

/// A document that is not used.
#[derive(Debug, JsonSchema, Serialize)]
struct Unused {
    /// The file.
    from: String,
    /// What it is.
    what: String,
    /// Why it is not used.
    why: String,
}

/// The document.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn render(list: &Checklist, seen: &Evidence) -> io::Result<String> {
    let unused = seen.azure.seen().into_iter().flat_map(|azure| &azure.unused);
    let document = Document {
        schema_version: "1",
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        state: word(list.state()),
        checked_at: seen.observed_at.to_string(),
        server: list.server.as_deref().map(clean),
        server_id: list.server_id.as_deref().map(clean),
        files: files(seen).into_iter().map(|(from, documents)| File { from, documents }).collect(),
        runs: list.runs.iter().map(run).collect(),
        topology: list.topology.and_then(|topology| match topology {
            Topology::Public => Some(Attachment::Public),
            Topology::PrivateEndpoints => Some(Attachment::PrivateEndpoint),
            Topology::VirtualNetwork => Some(Attachment::Vnet),
            Topology::Unknown => None,
        }),
        requirements: list.items.iter().map(entry).collect(),
        unused: unused
            .map(|one| Unused {
                from: clean(&one.from),
                what: clean(&one.what),
                why: clean(&one.why),
            })
            .collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn run(run: &Run) -> RunOf {
    RunOf {
        id: clean(&run.id),
        hostname: clean(&run.hostname),
        address: run.address.map(|address| address.to_string()),
        observed_at: run.observed_at.to_string(),
        version: clean(&run.version),
        days_old: run.days_old,
        other_server: run.other_server.as_deref().map(clean),
    }
}

fn entry(item: &Item) -> Entry {
    Entry {
        id: item.requirement.id,
        requirement: item.requirement.title,
        state: word(item.state),
        vantage: clean(&item.vantage),
        detail: clean(&item.detail),
        evidence: item.evidence.iter().map(|line| clean(line)).collect(),
        checks: item.requirement.checks.iter().map(|check| check.id).collect(),
        supply: clean(&item.supply),
        role: item.requirement.role,
        portal: item.requirement.portal,
        actions: item.fixes.iter().map(|fix| clean(&fix.text)).collect(),
        fixes: item.snippets.iter().map(|(kind, text)| (*kind, block(text))).collect(),
    }
}

const fn word(state: State) -> Word {
    match state {
        State::Go => Word::Go,
        State::NoGo => Word::NoGo,
        State::NotChecked => Word::NotChecked,
    }
}
