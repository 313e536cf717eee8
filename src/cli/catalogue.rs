//! `checks`, `schema` and `name`: what can be printed without observing anything.

use super::{TOOL_FAILED, doctor::selection_of, output};
use crate::{
    report,
    secret::shapes,
    settings::usage::UsageError,
    text::{Inert, clean},
};
use clap::{Args, ValueEnum};
use entra_pg_checks::{Check, FAMILIES, Severity, Topic, rulebook};
use serde_json::{Value, json};
use std::fmt::Write;

/// Formats of lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Options of `name`.
#[derive(Args, Clone, Debug)]
pub(crate) struct NameArgs {
    /// The name, exactly as in the database.
    pub(crate) name: String,
    /// The format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ListFormat,
    /// The same as --format json.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `checks`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChecksArgs {
    /// Only these families or checks.
    #[arg(value_name = "FAMILY|CHECK")]
    pub(crate) selected: Vec<String>,
    /// The format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ListFormat,
    /// The same as --format json.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show what each check contacts, which secrets it uses and what it finds.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Prints a name for each place.
pub(super) fn name(args: &NameArgs) -> Result<u8, UsageError> {
    let name = args.name.as_str();
    if let Some(shape) = shapes::find(name).into_iter().next() {
        return Err(UsageError::new(format!("the name holds {}", shape.kind))
            .suggest("entra-pg name 'alice@contoso.onmicrosoft.com'"));
    }
    let (spellings, warnings) =
        (crate::connect::spellings::spellings(name), crate::connect::spellings::warnings(name));
    if args.json || args.format == ListFormat::Json {
        let document = json!({"name": name, "spellings": spellings, "warnings": warnings});
        return Ok(print(&Inert::json(&format!("{document:#}\n"))));
    }
    let mut out = String::new();
    for spelling in spellings {
        let _ = writeln!(out, "{:<18} {}", spelling.place, clean(&spelling.text));
    }
    for warning in warnings {
        let _ = writeln!(out, "warning            {}", clean(&warning));
    }
    Ok(print(&Inert::text(&out)))
}

/// Prints the checks: as a table, in full, or as JSON.
pub(super) fn checks(args: &ChecksArgs) -> Result<u8, UsageError> {
    let selection = selection_of(&args.selected, &[])?;
    let checks: Vec<&Check> =
        rulebook().into_iter().filter(|check| selection.wants(check)).collect();
    Ok(if args.json || args.format == ListFormat::Json {
        let list: Vec<Value> = checks.iter().map(|check| document(check)).collect();
        print(&Inert::json(&format!("{:#}\n", json!({"checks": list}))))
    } else if args.verbose {
        print(&Inert::text(&checks.iter().map(|check| details(check)).collect::<String>()))
    } else {
        print(&Inert::text(&table(&checks)))
    })
}

/// One row for each check: its id, how many problems it can find, what it asserts.
fn table(checks: &[&Check]) -> String {
    let width = checks.iter().map(|check| check.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for family in FAMILIES {
        let mut rows = checks.iter().filter(|check| check.family() == family.name).peekable();
        if rows.peek().is_some() {
            let _ = writeln!(out, "{} ({})", family.title, family.name);
        }
        for check in rows {
            let blank = " ".repeat(width + 4);
            let options = textwrap::Options::new(80)
                .initial_indent("  ")
                .subsequent_indent(&blank)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            let row = format!("{:<width$}  {}", check.id, check.asserts);
            let _ = writeln!(out, "{}", textwrap::fill(&row, options));
        }
    }
    let problems: usize = checks.iter().map(|check| check.problems.len()).sum();
    let _ = writeln!(
        out,
        "{} checks, {problems} problems. More: -v, entra-pg explain CHECK",
        checks.len()
    );
    out
}

/// One check with everything about it.
fn details(check: &Check) -> String {
    let or = |list: Vec<&str>, none: &str| match list.is_empty() {
        true => none.to_owned(),
        false => list.join("; "),
    };
    let topics: Vec<&str> = check.needs.iter().map(|topic| topic.name()).collect();
    let problems: Vec<&str> = check.problems.iter().map(|problem| problem.id).collect();
    format!(
        "{}\n  asserts   {}\n  needs     {}\n  contacts  {}\n  secrets   {}\n  finds     {}\n\n",
        check.id,
        check.asserts,
        topics.join(", "),
        or(contacts(check), "nothing"),
        or(secrets(check), "none"),
        problems.join(", ")
    )
}

fn document(check: &Check) -> Value {
    let topics: Vec<&str> = check.needs.iter().map(|topic| topic.name()).collect();
    let severity = |severity| match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let problems: Vec<Value> = check
        .problems
        .iter()
        .map(|problem| {
            let severity = severity(problem.severity);
            json!({"id": problem.id, "title": problem.title, "severity": severity})
        })
        .collect();
    json!({
        "id": check.id,
        "family": check.family(),
        "asserts": check.asserts,
        "needs": topics,
        "contacts": contacts(check),
        "secrets": secrets(check),
        "problems": problems,
    })
}

fn contacts(check: &Check) -> Vec<&'static str> {
    let contacts = check.needs.iter().map(|topic| Topic::contacts(*topic));
    without_repetition(contacts.filter(|contacts| *contacts != "nothing"))
}

fn secrets(check: &Check) -> Vec<&'static str> {
    let secrets = check.needs.iter().map(|topic| Topic::secret(*topic));
    without_repetition(secrets.filter(|secret| *secret != "none"))
}

fn without_repetition(texts: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut texts: Vec<&'static str> = texts.collect();
    texts.dedup();
    texts
}

/// Prints the JSON Schema of a report.
pub(super) fn schema(fleet: bool, merge: bool, preflight: bool) -> u8 {
    let schema = match (fleet, merge, preflight) {
        (true, _, _) => report::fleet::schema(),
        (_, true, _) => report::fleet::merge_schema(),
        (_, _, true) => report::preflight::schema(),
        (false, false, false) => report::schema(),
    };
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => print(&Inert::json(&(text + "\n"))),
        Err(_) => TOOL_FAILED,
    }
}

fn print(text: &Inert) -> u8 {
    if output::to_stdout(text).is_ok() { 0 } else { TOOL_FAILED }
}
