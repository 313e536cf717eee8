//! One event a line, for log pipelines: the run, each endpoint, each step in the order of its beginning,
//! each check, each finding, and the verdict last. The fields are those of `--format json`.

use super::{Report, json};
use serde_json::{Map, Value, json};
use std::io;

pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut document = json::value(report)?;
    let run_id = document["run_id"].take();
    let mut lines = Lines { out: Vec::new(), run_id: run_id.clone() };
    lines.event(
        "run",
        &mut take(&mut document, &["schema_version", "tool", "started_at", "target", "vantage"]),
    )?;
    for contact in list(&mut document["contacted"]) {
        lines.event("contact", &mut object(contact))?;
    }
    for step in &report.evidence().timeline {
        lines.event("step", &mut object(serde_json::to_value(step).map_err(io::Error::other)?))?;
    }
    for check in list(&mut document["checks"]) {
        lines.event("check", &mut object(check))?;
    }
    for finding in list(&mut document["findings"]) {
        lines.event("finding", &mut object(finding))?;
    }
    let mut verdict = take(&mut document, &["outcome", "duration_ms", "tool_errors"]);
    verdict.extend(object(document["verdict"].take()));
    lines.event("verdict", &mut verdict)?;
    Ok(lines.out)
}

struct Lines {
    out: Vec<u8>,
    run_id: Value,
}

impl Lines {
    fn event(&mut self, event: &str, fields: &mut Map<String, Value>) -> io::Result<()> {
        let mut line = object(json!({"event": event, "run_id": self.run_id}));
        line.append(fields);
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.push(b'\n');
        Ok(())
    }
}

fn take(document: &mut Value, keys: &[&str]) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), document[*key].take())).collect()
}

fn list(value: &mut Value) -> Vec<Value> {
    match value.take() {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
