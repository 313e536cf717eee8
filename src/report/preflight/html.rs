//! The checklist as one HTML file that loads nothing.

use super::{block, headline, unused};
use crate::text::clean;
use entra_pg_checks::{
    Evidence,
    preflight::{Checklist, Item, State},
};
use maud::{DOCTYPE, Markup, html};

const CSS: &str = "body{font:1rem/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse}td,th{border:1px solid #888;padding:.3rem .6rem;text-align:left;vertical-align:top}pre{overflow-x:auto;background:#eee;color:#111;padding:.6rem}";

pub(super) fn render(list: &Checklist, seen: &Evidence) -> String {
    let head = headline(list);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (head) }
                style { (CSS) }
            }
            body {
                h1 { (head) }
                table {
                    thead { tr { th { "Requirement" } th { "State" } th { "Observed from" } th { "Found" } th { "To check it" } } }
                    tbody { @for item in &list.items { (row(item)) } }
                }
                @for item in list.items.iter().filter(|item| item.state == State::NoGo) {
                    h2 { "Fix: " (item.requirement.title) }
                    ul { @for line in &item.evidence { li { (clean(line)) } } }
                    @for (kind, snippet) in &item.snippets {
                        h3 { (kind) }
                        pre { code { (block(snippet)) } }
                    }
                }
                @for line in unused(seen) { p { (line) } }
            }
        }
    }
    .into_string()
}

fn row(item: &Item) -> Markup {
    html! {
        tr {
            td { (item.requirement.title) }
            td { strong { (item.state.name()) } }
            td { (clean(&item.vantage)) }
            td { (clean(&item.detail)) }
            td { code { (item.requirement.supply) } br; (item.requirement.role) br; (item.requirement.portal) }
        }
    }
}
