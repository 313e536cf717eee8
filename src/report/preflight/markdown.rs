//! The checklist as Markdown, to attach to a change request.

use super::{about, block, headline, unused};
use crate::text::clean;
use entra_pg_checks::{
    Evidence,
    preflight::{Checklist, Item, State},
};
use std::fmt::Write;

pub(super) fn render(list: &Checklist, seen: &Evidence) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## {}\n", escape(&headline(list)));
    for (name, line) in about(list, seen) {
        let _ = writeln!(out, "- {name}: {}", escape(&line));
    }
    let _ = writeln!(out, "\n| requirement | state | observed from | found |\n|---|---|---|---|");
    for item in &list.items {
        let _ = writeln!(
            out,
            "| {} | **{}** | {} | {} |",
            escape(item.requirement.title),
            item.state.name(),
            escape(&item.vantage),
            escape(&item.detail)
        );
    }
    for item in list.items.iter().filter(|item| item.state == State::NoGo) {
        fix(&mut out, item);
    }
    let open: Vec<&Item> =
        list.items.iter().filter(|item| item.state == State::NotChecked).collect();
    if !open.is_empty() {
        let _ = writeln!(out, "\n### To check the rest\n");
        for item in open {
            let _ = writeln!(
                out,
                "- {}: `{}` ({}); portal: {}",
                escape(item.requirement.title),
                clean(&item.supply).replace('`', "'"),
                escape(item.requirement.role),
                escape(item.requirement.portal)
            );
        }
    }
    for line in unused(seen) {
        let _ = writeln!(out, "\n{}", escape(&line));
    }
    out
}

fn fix(out: &mut String, item: &Item) {
    let _ = writeln!(out, "\n### Fix: {}\n", escape(item.requirement.title));
    for line in &item.evidence {
        let _ = writeln!(out, "- {}", escape(line));
    }
    for fix in &item.fixes {
        let _ = writeln!(out, "- Fix ({}): {}", fix.actor.label(), escape(&fix.text));
    }
    for (kind, snippet) in &item.snippets {
        let fence = match *kind {
            "az" => "sh",
            "terraform" => "hcl",
            other => other,
        };
        let _ = writeln!(out, "\n```{fence}\n{}\n```", block(snippet));
    }
}

fn escape(text: &str) -> String {
    clean(text).replace('|', "\\|").replace('<', "&lt;").replace('`', "'")
}
