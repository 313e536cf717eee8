//! The JSON documents of `fleet` and `merge`, version 1: fields are only added.

use crate::{
    fleet::{Cause, Fleet, Gaps, Place, Placed, Row, Shared, Sides, State, shared},
    report::json::{Fix, Tool, confidence, outcome, status},
};
use entra_pg_checks::Outcome;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, io};

/// The JSON Schema of `fleet --format json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(FleetDocument).to_value()
}

/// The JSON Schema of `merge --format json`.
#[must_use]
pub fn merge_schema() -> serde_json::Value {
    schemars::schema_for!(MergeDocument).to_value()
}

pub(super) fn fleet(fleet: &Fleet) -> io::Result<Vec<u8>> {
    let roots = fleet.rows.iter().filter_map(|row| Some((row, row.root.as_ref()?)));
    let warnings =
        fleet.rows.iter().flat_map(|row| row.warnings.iter().map(move |cause| (row, cause)));
    write(&FleetDocument {
        schema_version: "1",
        kind: "fleet",
        tool: Tool::this(),
        run_id: fleet.run_id.clone(),
        started_at: fleet.started_at,
        duration_ms: fleet.duration_ms,
        interrupted: fleet.interrupted,
        outcome: outcome(fleet.outcome()),
        counts: Counts::of(&fleet.rows),
        joined: fleet.gaps.as_ref().map(Joined::of),
        roots: shared(roots).iter().map(Fault::of).collect(),
        warnings: shared(warnings).iter().map(Fault::of).collect(),
        targets: fleet.rows.iter().map(Target::of).collect(),
    })
}

pub(super) fn merge(places: &[Place], sides: &Sides) -> io::Result<Vec<u8>> {
    write(&MergeDocument {
        schema_version: "1",
        kind: "merge",
        tool: Tool::this(),
        networks: sides.is_known().then(|| Networks::of(sides)),
        servers: places.iter().map(Server::of).collect(),
    })
}

fn write(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(document).map_err(io::Error::other)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// One run of `entra-pg fleet`.
#[derive(JsonSchema, Serialize)]
struct FleetDocument {
    /// The version of this format; fields are only added in version 1.
    schema_version: &'static str,
    /// `fleet`.
    kind: &'static str,
    tool: Tool,
    run_id: String,
    /// When the run began, RFC 3339 in UTC, by this machine's clock.
    #[schemars(with = "String")]
    started_at: Timestamp,
    duration_ms: u64,
    /// Whether the run ended before every target had its turn.
    interrupted: bool,
    /// The worst of all targets: `healthy`, `degraded`, `failing` or `undetermined`.
    outcome: &'static str,
    counts: Counts,
    /// What is missing, if the results of several runs were joined by `merge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<Joined>,
    /// Root causes, those of most targets first.
    roots: Vec<Fault>,
    /// Warnings that nothing explains, those of most targets first.
    warnings: Vec<Fault>,
    /// One object per target, in the order of the list.
    targets: Vec<Target>,
}

/// One run of `entra-pg merge`.
#[derive(JsonSchema, Serialize)]
struct MergeDocument {
    /// The version of this format; fields are only added in version 1.
    schema_version: &'static str,
    /// `merge`.
    kind: &'static str,
    tool: Tool,
    /// The networks of clients and server together, if a report says anything about the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<Networks>,
    /// One object per server.
    servers: Vec<Server>,
}

/// Both networks of a login.
#[derive(JsonSchema, Serialize)]
struct Networks {
    /// One sentence.
    verdict: String,
    /// Runs of clients.
    clients: Vec<Target>,
    /// Runs in a subnet with the NSG and the route table of the server's subnet.
    siblings: Vec<Target>,
    /// Problem ids of errors in the configuration in Azure; `null` if no report holds it.
    azure: Option<Vec<&'static str>>,
}

impl Networks {
    fn of(sides: &Sides) -> Self {
        Self {
            verdict: sides.verdict(),
            clients: sides.clients.iter().map(Target::of).collect(),
            siblings: sides.siblings.iter().map(Target::of).collect(),
            azure: sides.has_azure.then(|| sides.azure.iter().map(|(id, _)| *id).collect()),
        }
    }
}

#[derive(JsonSchema, Serialize)]
struct Counts {
    targets: usize,
    healthy: usize,
    degraded: usize,
    failing: usize,
    undetermined: usize,
    /// Targets whose turn did not come.
    not_begun: usize,
}

/// Results of several runs.
#[derive(JsonSchema, Serialize)]
struct Joined {
    /// Targets of the list without a result.
    missing: usize,
    /// Shards that are not complete, one sentence each.
    incomplete: Vec<String>,
    /// Results that a newer result of the same target replaced.
    repeated: usize,
    /// Results of another list, which were left out.
    of_other_lists: usize,
}

impl Joined {
    fn of(gaps: &Gaps) -> Self {
        Self {
            missing: gaps.missing,
            incomplete: gaps.shards.clone(),
            repeated: gaps.repeated,
            of_other_lists: gaps.of_other_lists,
        }
    }
}

/// The same fault of several targets.
#[derive(JsonSchema, Serialize)]
struct Fault {
    problem: &'static str,
    check: &'static str,
    /// What it is about; absent where it is about each target itself.
    subject: Option<String>,
    /// One sentence, in the words of the first target that has it.
    detail: String,
    /// `certain`, `likely` or `possible`.
    confidence: &'static str,
    /// How many targets have it.
    count: usize,
    /// Their names.
    targets: Vec<String>,
    /// What to do, with the values of the first target that has it.
    fixes: Vec<Fix>,
    docs: String,
}

#[derive(JsonSchema, Serialize)]
struct Target {
    name: String,
    host: Option<String>,
    port: u16,
    database: String,
    user: Option<String>,
    /// The machine on which the run was made.
    vantage: String,
    /// The subnet of that machine, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet: Option<String>,
    /// The id that the server's log shows as `application_name`; absent if its turn did not come.
    run_id: Option<String>,
    #[schemars(with = "Option<String>")]
    started_at: Option<Timestamp>,
    duration_ms: u64,
    /// `healthy`, `degraded`, `failing`, `undetermined` or `not-begun`.
    outcome: &'static str,
    verdict: Verdict,
    /// What became of each family of checks: `passed`, `warning`, `failed`, `skipped`,
    /// `undetermined` or `not-applicable`.
    stages: BTreeMap<&'static str, &'static str>,
    /// The problem ids of its warnings.
    warnings: Vec<&'static str>,
}

#[derive(JsonSchema, Serialize)]
struct Verdict {
    /// The root cause's problem id.
    problem: Option<&'static str>,
    check: Option<&'static str>,
    subject: Option<String>,
    summary: String,
    confidence: &'static str,
}

/// One server, as several places see it.
#[derive(JsonSchema, Serialize)]
struct Server {
    /// Host and port.
    server: String,
    /// `everywhere`, `somewhere`, `nowhere-for-one-cause` or `nowhere`.
    works: &'static str,
    /// The first family of checks that holds from some places and fails from others.
    parts_at: Option<&'static str>,
    works_from: Vec<String>,
    fails_from: Vec<String>,
    /// Root causes, those of most places first.
    roots: Vec<Fault>,
    /// One object per location; `name` is the location.
    places: Vec<Target>,
}

impl Counts {
    fn of(rows: &[Row]) -> Self {
        let count = |state| rows.iter().filter(|row| row.state == state).count();
        Self {
            targets: rows.len(),
            healthy: count(State::Looked(Outcome::Healthy)),
            degraded: count(State::Looked(Outcome::Degraded)),
            failing: count(State::Looked(Outcome::Failing)),
            undetermined: count(State::Looked(Outcome::Undetermined)),
            not_begun: count(State::NotBegun),
        }
    }
}

impl Fault {
    fn of(shared: &Shared<'_>) -> Self {
        let cause = shared.cause;
        Self {
            problem: cause.problem.id,
            check: cause.check,
            subject: (!cause.own).then(|| cause.subject.clone()),
            detail: cause.detail.clone(),
            confidence: confidence(cause.confidence),
            count: shared.rows.len(),
            targets: shared.rows.iter().map(|row| row.name.clone()).collect(),
            fixes: cause.fixes.iter().map(Fix::of).collect(),
            docs: cause.problem.docs(),
        }
    }
}

impl Target {
    fn of(row: &Row) -> Self {
        let root = row.root.as_ref();
        let certain = entra_pg_checks::Confidence::Certain;
        Self {
            name: row.name.clone(),
            host: row.host.clone(),
            port: row.port,
            database: row.database.clone(),
            user: row.user.clone(),
            vantage: row.vantage.clone(),
            subnet: row.subnet.clone(),
            run_id: row.started_at.map(|_| row.run_id.clone()),
            started_at: row.started_at,
            duration_ms: row.duration_ms,
            outcome: match row.state {
                State::Looked(looked) => outcome(looked),
                State::NotBegun => "not-begun",
            },
            verdict: Verdict {
                problem: root.map(|root| root.problem.id),
                check: root.map(|root| root.check),
                subject: root.map(|root| root.subject.clone()),
                summary: row.summary.clone(),
                confidence: confidence(root.map_or(certain, |root| root.confidence)),
            },
            stages: row.stages.iter().map(|(family, word)| (*family, status(*word))).collect(),
            warnings: row.warnings.iter().map(|cause: &Cause| cause.problem.id).collect(),
        }
    }
}

impl Server {
    fn of(place: &Place) -> Self {
        let roots = place.rows.iter().filter_map(|row| Some((row, row.root.as_ref()?)));
        let names = |works: bool| {
            let rows = place.rows.iter().filter(|row| row.works() == works);
            rows.map(|row| row.name.clone()).collect()
        };
        Self {
            server: place.target.clone(),
            works: match place.placed() {
                Placed::Everywhere => "everywhere",
                Placed::Somewhere => "somewhere",
                Placed::NowhereForOneCause => "nowhere-for-one-cause",
                Placed::Nowhere => "nowhere",
            },
            parts_at: place.parts_at(),
            works_from: names(true),
            fails_from: names(false),
            roots: shared(roots).iter().map(Fault::of).collect(),
            places: place.rows.iter().map(Target::of).collect(),
        }
    }
}
