//! Recorded observations for the tests of checks.

use crate::{check::Check, evidence::Evidence, judge::Judgment, judge::judge};
use serde_json::{Value, json};

/// The evidence of a healthy run, changed at JSON pointers such as `/token/seen/claims/aud`.
pub(crate) fn healthy_but(changes: &[(&str, Value)]) -> Evidence {
    let mut document: Value = serde_json::from_str(include_str!("healthy.json")).expect("healthy");
    for (pointer, value) in changes {
        *place(&mut document, pointer) = value.clone();
    }
    serde_json::from_value(document).expect("the change keeps the shape of evidence")
}

/// The problems that one check finds.
pub(crate) fn problems_of(check: &'static Check, evidence: &Evidence) -> Vec<&'static str> {
    judged(check, evidence).findings.iter().map(|judged| judged.finding.problem.id).collect()
}

/// The judgment of a single check.
pub(crate) fn judged(check: &'static Check, evidence: &Evidence) -> Judgment {
    judge(&[check], evidence, |_| true)
}

fn place<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("no such place: {pointer}")) {
        Value::Object(map) => map.entry(key).or_insert(json!(null)),
        Value::Array(list) => {
            let index: usize = key.parse().expect("an index");
            list.get_mut(index).unwrap_or_else(|| panic!("no such place: {pointer}"))
        }
        other => panic!("{pointer} leads into {other}"),
    }
}
