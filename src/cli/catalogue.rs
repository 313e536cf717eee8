//! `checks`, `schema` and `name`: what can be printed without observing anything.

use super::{TOOL_FAILED, output};
use crate::{
    report,
    text::{Inert, clean},
};
use entra_pg_checks::rulebook;
use std::fmt::Write;

/// Prints a name for each place.
pub(super) fn name(name: &str, json: bool) -> u8 {
    let (spellings, warnings) =
        (crate::connect::spellings::spellings(name), crate::connect::spellings::warnings(name));
    if json {
        let document =
            serde_json::json!({"name": name, "spellings": spellings, "warnings": warnings});
        return print(&Inert::json(&format!("{document:#}\n")));
    }
    let mut out = String::new();
    for spelling in spellings {
        let _ = writeln!(out, "{:<18} {}", spelling.place, clean(&spelling.text));
    }
    for warning in warnings {
        let _ = writeln!(out, "warning            {}", clean(&warning));
    }
    print(&Inert::text(&out))
}

/// Prints every check.
pub(super) fn checks() -> u8 {
    let mut out = String::new();
    for check in rulebook() {
        let _ = writeln!(out, "{}\n  asserts   {}", check.id, check.asserts);
        let needs: Vec<&str> = check.needs.iter().map(|topic| topic.name()).collect();
        let _ = writeln!(out, "  needs     {}", needs.join(", "));
        let mut contacts: Vec<&str> = check
            .needs
            .iter()
            .map(|topic| topic.contacts())
            .filter(|contacts| *contacts != "nothing")
            .collect();
        contacts.dedup();
        let nothing = if contacts.is_empty() { "nothing" } else { "" };
        let _ = writeln!(out, "  contacts  {nothing}{}", contacts.join("; "));
        let mut secrets: Vec<&str> = check
            .needs
            .iter()
            .map(|topic| topic.secret())
            .filter(|secret| *secret != "none")
            .collect();
        secrets.dedup();
        let none = if secrets.is_empty() { "none" } else { "" };
        let _ = writeln!(out, "  secrets   {none}{}", secrets.join("; "));
        let problems: Vec<&str> = check.problems.iter().map(|problem| problem.id).collect();
        let _ = writeln!(out, "  finds     {}\n", problems.join(", "));
    }
    print(&Inert::text(&out))
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
