//! The timeline: one bar per step, from its start to its end.

use crate::text::clean;
use entra_pg_checks::{Evidence, Step};
use maud::{Markup, html};

/// The most rows that are drawn; the longest steps are kept.
const ROWS: usize = 60;

pub(super) fn draw(evidence: &Evidence) -> Markup {
    let whole = evidence
        .timeline
        .iter()
        .map(|step| step.started_ms + step.duration_ms)
        .max()
        .unwrap_or(0)
        .max(evidence.duration_ms)
        .max(1);
    let mut shown: Vec<&Step> = evidence.timeline.iter().collect();
    shown.sort_by_key(|step| std::cmp::Reverse(step.duration_ms));
    let left_out = shown.len().saturating_sub(ROWS);
    shown.truncate(ROWS);
    shown.sort_by_key(|step| (step.started_ms, step.topic));
    html! {
        div.waterfall role="list" {
            @for step in shown {
                @let spoken = format!("{} {} {}: from {} ms, for {} ms", step.topic.name(), clean(&step.subject), clean(&step.label), step.started_ms, step.duration_ms);
                div.step role="listitem" aria-label=(spoken) {
                    span.what { b { (step.topic.name()) } " " (clean(&step.label)) " " span.muted { (clean(&step.subject)) } }
                    span.track aria-hidden="true" {
                        span class=(format!("bar {}", step.topic.name())) style=(format!("left:{}%;width:{}%", percent(step.started_ms, whole), percent(step.duration_ms, whole))) {}
                    }
                    span.number aria-hidden="true" { (step.duration_ms) " ms" }
                }
            }
            @if left_out > 0 { p.muted { (left_out) " shorter steps are not drawn" } }
        }
    }
}

/// A share with one decimal, in whole numbers.
fn percent(part: u64, whole: u64) -> String {
    let thousandths = part.saturating_mul(1000) / whole;
    format!("{}.{}", thousandths / 10, thousandths % 10)
}
