//! What two runs side by side suggest. A fact that is the same in both cannot be why one of them fails.

use super::FactChange;
use crate::diagnose::Report;
use entra_pg_checks::{Family, family};

pub(super) fn suggest(
    before: &Report,
    after: &Report,
    differs: &[FactChange],
    same: &[String],
) -> Vec<String> {
    let root = |report: &Report| report.judgment().root().map(|root| root.finding.problem);
    let (old, new) = (root(before), root(after));
    let mut lines = Vec::new();
    let failing = match (old, new) {
        (None, None) => {
            lines.push(if differs.is_empty() {
                "Both runs saw the same, and no fault.".to_owned()
            } else {
                "Neither run has a fault; what differs does no harm.".to_owned()
            });
            return lines;
        }
        (Some(one), Some(two)) if one == two => {
            lines.push(format!(
                "Both runs fail for the same reason, {}: what differs is not the cause.",
                one.id
            ));
            lines.extend(common(same, family(one.family())));
            return lines;
        }
        (Some(old), Some(new)) => {
            lines.push(format!("{} is fixed; the cause is now {}.", old.id, new.id));
            new
        }
        (Some(old), None) => {
            lines.push(format!("{} is fixed.", old.id));
            old
        }
        (None, Some(new)) => {
            lines.push(format!("{} is new.", new.id));
            new
        }
    };
    let family = family(failing.family());
    let mut candidates = differs
        .iter()
        .filter(|change| family.is_none_or(|family| family.reasons.contains(&change.area)));
    match candidates.next() {
        Some(first) => {
            lines.push(format!("The first thing in the chain that differs, and so the likeliest reason: {}.", told(first)));
            lines.extend(candidates.take(3).map(|change| format!("Also: {}.", told(change))));
        }
        None => lines.push(format!(
            "Nothing differs that {} could come from on this side: something has changed where this tool does not see it, such as roles, rules or the service itself.",
            failing.id
        )),
    }
    lines.extend(common(same, family));
    lines
}

/// What is the same, and is asked for first when such a problem is investigated.
fn common(same: &[String], family: Option<&'static Family>) -> Option<String> {
    let wanted = family?.suspects;
    let kept: Vec<&str> =
        wanted.iter().copied().filter(|name| same.iter().any(|same| same == name)).collect();
    (!kept.is_empty())
        .then(|| format!("Not the reason, since it is the same in both: {}.", kept.join(", ")))
}

fn told(change: &FactChange) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not seen".to_owned());
    format!("{}: {} before, {} after", change.fact, value(&change.before), value(&change.after))
}
