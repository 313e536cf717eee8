//! Where the JSON lines of a fleet go while it runs.

use super::{fleet::FleetOutput, output};
use crate::{
    fleet::{Begin, End, Line, Results, Row, Run, Shard, State, Target},
    input, json,
    report::fleet::FleetFormat,
    settings::usage::UsageError,
    text::Inert,
};
use entra_pg_checks::Outcome;
use std::{collections::BTreeSet, error::Error, fs::File, io, path::Path};

/// The results of 10,000 targets are shorter.
const LIMIT: u64 = 32 * 1024 * 1024;

/// The sinks of JSON lines, and what identifies the lines.
pub(super) struct Lines {
    sinks: Vec<Sink>,
    list: String,
    shard: Option<Shard>,
    done: BTreeSet<String>,
    earlier: Option<Outcome>,
    failed: Option<String>,
}

enum Sink {
    Stdout,
    File(File, String),
}

impl Lines {
    /// Opens the sinks. With `resume`, what the file of `--output` holds is kept.
    pub(super) fn of(
        options: &FleetOutput,
        resume: bool,
        list: &str,
        shard: Option<Shard>,
    ) -> Result<Self, UsageError> {
        let mut lines = Self {
            sinks: Vec::new(),
            list: list.to_owned(),
            shard,
            done: BTreeSet::new(),
            earlier: None,
            failed: None,
        };
        let reports = options.report.iter().map(|(format, path)| (*format, Some(path.as_path())));
        let main = (options.format, options.output.as_deref());
        for (format, path) in reports.chain([main]) {
            if format != FleetFormat::Jsonl {
                continue;
            }
            let sink = match path {
                Some(path) if path.as_os_str() != "-" => {
                    let kept = if resume && Some(path) == options.output.as_deref() {
                        lines.resume(path)?
                    } else {
                        0
                    };
                    let file = output::lines_into(path, kept).map_err(|error| {
                        UsageError::new(format!("{} cannot be written: {error}", path.display()))
                    })?;
                    Sink::File(file, path.display().to_string())
                }
                _ => Sink::Stdout,
            };
            lines.sinks.push(sink);
        }
        Ok(lines)
    }

    /// Reads the results of an earlier run and returns the length of its whole lines: the last line of
    /// a run that was killed can be cut off.
    fn resume(&mut self, path: &Path) -> Result<u64, UsageError> {
        if !path.exists() {
            return Ok(0);
        }
        let name = path.display();
        let failed = |error: &dyn std::fmt::Display| {
            UsageError::new(format!("{name} cannot be resumed: {error}"))
        };
        let mut bytes = input::argument(path, LIMIT).map_err(|error| failed(&error))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
        let mut results = Results::default();
        let read = json::documents::<Box<dyn Error>>(&bytes, json::MOST_VALUES, |document| {
            results.add(document).map_err(|error| error.message.into())
        });
        read.map_err(|error| failed(&error))?;
        self.done = results.done(&self.list);
        if !self.done.is_empty() {
            self.earlier = results.fleet().ok().map(|fleet| crate::fleet::worst(&fleet.rows));
        }
        u64::try_from(whole).map_err(|error| failed(&error))
    }

    /// Whether an earlier run has a result for a target.
    pub(super) fn is_done(&self, name: &str) -> bool {
        self.done.contains(name)
    }

    /// The worst result of an earlier run.
    pub(super) const fn earlier(&self) -> Option<Outcome> {
        self.earlier
    }

    /// The outputs in other formats: a format, and a file or stdout.
    pub(super) fn others_of(
        options: &FleetOutput,
    ) -> impl Iterator<Item = (FleetFormat, Option<&Path>)> {
        let reports = options.report.iter().map(|(format, path)| (*format, Some(path.as_path())));
        let main = (options.format, options.output.as_deref());
        reports.chain([main]).filter(|(format, _)| *format != FleetFormat::Jsonl)
    }

    /// Writes what the run will check.
    pub(super) fn begin(&mut self, run: &Run<'_>, targets: usize, all: usize, vantage: String) {
        let begin = Begin {
            schema_version: "1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            run_id: run.id().to_owned(),
            started_at: run.started_at(),
            vantage,
            list: self.list.clone(),
            shard: self.shard,
            targets,
            all,
        };
        self.write(&Line::FleetBegin(begin));
    }

    /// Writes the result of a target that was checked.
    pub(super) fn target(&mut self, row: &Row) {
        if let Some(target) = Target::of(row, &self.list, self.shard) {
            self.write(&Line::FleetTarget(Box::new(target)));
        }
    }

    /// Writes the end of the run.
    pub(super) fn end(&mut self, run: &Run<'_>) {
        self.write(&Line::FleetEnd(End {
            run_id: run.id().to_owned(),
            duration_ms: run.elapsed_ms(),
            interrupted: run.interrupted(),
        }));
    }

    /// The first failure to write.
    pub(super) fn into_failure(self) -> Option<String> {
        self.failed
    }

    fn write(&mut self, line: &Line) {
        if self.sinks.is_empty() {
            return;
        }
        let text = match line.text() {
            Ok(text) => Inert::json(&text),
            Err(error) => {
                self.failed.get_or_insert(format!("a result could not be written: {error}"));
                return;
            }
        };
        for sink in &mut self.sinks {
            if let Err(error) = sink.write(&text) {
                self.failed.get_or_insert(format!("{} could not be written: {error}", sink.name()));
            }
        }
    }
}

impl Sink {
    /// A line is written with one call, so that a killed run leaves at most one line cut off.
    fn write(&mut self, text: &Inert) -> io::Result<()> {
        match self {
            Self::Stdout => output::to_stdout(text),
            Self::File(file, _) => output::add_line(file, text),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Stdout => "standard output",
            Self::File(_, name) => name,
        }
    }
}

/// The worst outcome of all targets.
pub(super) struct Tally(Option<Outcome>);

impl Tally {
    pub(super) const fn new(earlier: Option<Outcome>) -> Self {
        Self(earlier)
    }

    pub(super) fn add(&mut self, row: &Row) {
        let outcome = match row.state {
            State::Looked(outcome) => outcome,
            State::NotBegun => Outcome::Undetermined,
        };
        let rank = |outcome| match outcome {
            Outcome::Healthy => 0,
            Outcome::Degraded => 1,
            Outcome::Undetermined => 2,
            Outcome::Failing => 3,
        };
        if self.0.is_none_or(|known| rank(outcome) > rank(known)) {
            self.0 = Some(outcome);
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.0.unwrap_or(Outcome::Healthy)
    }
}
