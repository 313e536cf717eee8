//! Reports of many targets: a matrix of servers (or of places) and stages, and the faults that they
//! share.

mod json;
mod junit;
mod prometheus;
mod text;

use super::{Style, json_output, text_output};
use crate::{
    fleet::{Fleet, Line, Place, Sides, Target},
    text::Inert,
};
use entra_pg_checks::Outcome;
use std::io;

pub use json::{merge_schema, schema};

/// The formats of `fleet`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum FleetFormat {
    /// For people: the faults, and a matrix of servers and stages.
    Text,
    /// One JSON document; `entra-pg schema --fleet` prints its schema.
    Json,
    /// One JSON document per line: a result is written as soon as its target is done. `merge` joins
    /// the lines of several shards and runs.
    Jsonl,
    /// JUnit XML with a case for every server.
    Junit,
    /// Metrics in Prometheus' text format, for a textfile collector or a gateway.
    Prometheus,
}

/// The formats of `merge`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum MergeFormat {
    /// For people: from where it works, and a matrix of places and stages.
    Text,
    /// One JSON document; `entra-pg schema --merge` prints its schema.
    Json,
}

/// Renders a fleet.
///
/// # Errors
/// The format could not be made.
pub fn render(fleet: &Fleet, format: FleetFormat, style: &Style) -> io::Result<Inert> {
    Ok(match format {
        FleetFormat::Text => text::fleet(fleet, style),
        FleetFormat::Json => json_output(json::fleet(fleet)?)?,
        FleetFormat::Jsonl => Inert::json(&lines(fleet)?),
        FleetFormat::Junit => text_output(junit::fleet(fleet)?)?,
        FleetFormat::Prometheus => Inert::text(&prometheus::fleet(fleet)),
    })
}

/// The results of a whole fleet; a run in progress writes the same lines one by one.
fn lines(fleet: &Fleet) -> io::Result<String> {
    let targets = fleet.rows.iter().filter_map(|row| Target::of(row, "", None));
    targets.map(|target| Ok(Line::FleetTarget(Box::new(target)).text()?)).collect()
}

/// Renders several places.
///
/// # Errors
/// The format could not be made.
pub fn render_merge(
    places: &[Place],
    sides: &Sides,
    format: MergeFormat,
    style: &Style,
) -> io::Result<Inert> {
    Ok(match format {
        MergeFormat::Text => text::merge(places, sides, style),
        MergeFormat::Json => json_output(json::merge(places, sides)?)?,
    })
}

/// The exit code: the worst of all targets, as for one.
#[must_use]
pub(crate) const fn exit_code(outcome: Outcome, warnings_fail: bool) -> u8 {
    match outcome {
        Outcome::Failing => 1,
        Outcome::Undetermined => 3,
        Outcome::Degraded if warnings_fail => 1,
        Outcome::Degraded | Outcome::Healthy => 0,
    }
}
