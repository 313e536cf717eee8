//! The checklist as one HTML file that loads nothing.

use super::{about, block, headline, unused};
use crate::text::clean;
use entra_pg_checks::{
    Evidence,
    preflight::{Checklist, Item, State},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const CSS: &str = "
:root { color-scheme: light dark; --ink: #1c1f23; --paper: #fbfbfa; --code: #eceef0; --line: #737b86; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #14171a; --code: #262b31; } }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
table { border-collapse: collapse; } td, th { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
code, pre { background: var(--code); } pre { padding: .6rem; white-space: pre-wrap; }
@media (max-width: 45rem) {
  thead { display: none; } table, tbody, tr, td { display: block; } tr { margin-bottom: 1rem; border: 1px solid var(--line); }
  td { border: 0; } td::before { content: attr(data-label); display: block; font-size: .85rem; opacity: .8; }
}
";

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
                style { (PreEscaped(CSS)) }
            }
            body {
                main {
                    h1 { (head) }
                    ul { @for (name, line) in about(list, seen) { li { (name) ": " (line) } } }
                    table {
                        thead { tr { @for column in COLUMNS { th scope="col" { (column) } } } }
                        tbody { @for item in &list.items { (row(item)) } }
                    }
                    @for item in list.items.iter().filter(|item| item.state == State::NoGo) {
                        h2 { "Fix: " (item.requirement.title) }
                        @if !item.evidence.is_empty() {
                            ul { @for line in &item.evidence { li { (clean(line)) } } }
                        }
                        @if !item.fixes.is_empty() {
                            ul { @for fix in &item.fixes { li { "Fix (" (fix.actor.label()) "): " (clean(&fix.text)) } } }
                        }
                        @for (kind, snippet) in &item.snippets {
                            h3 { (kind) }
                            pre { code { (block(snippet)) } }
                        }
                    }
                    @for line in unused(seen) { p { (line) } }
                }
            }
        }
    }
    .into_string()
}

/// The columns of the table; on a narrow screen each cell shows the name of its column.
const COLUMNS: [&str; 5] = ["Requirement", "State", "Observed from", "Found", "To check it"];

fn row(item: &Item) -> Markup {
    let [title, state, vantage, found, supply] = COLUMNS;
    html! {
        tr {
            td data-label=(title) { (item.requirement.title) }
            td data-label=(state) { strong { (item.state.name()) } }
            td data-label=(vantage) { (clean(&item.vantage)) }
            td data-label=(found) { (clean(&item.detail)) }
            td data-label=(supply) { code { (clean(&item.supply)) } br; (item.requirement.role) br; (item.requirement.portal) }
        }
    }
}
