//! The checklist of `preflight` as text, Markdown, HTML and JSON.

use crate::text::{Inert, clean};
use clap::ValueEnum;
use entra_pg_checks::{
    Evidence,
    facts::azure::Topology,
    preflight::{Checklist, Item, State},
};
use maud::{DOCTYPE, html};
use serde_json::{Value, json};
use std::fmt::Write;

/// `preflight --format`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum PreflightFormat {
    /// For people.
    #[default]
    Text,
    /// For a change request.
    Markdown,
    /// One file that needs nothing else.
    Html,
    /// For programs.
    Json,
}

/// The exit code: 0 all go, 1 a no-go, 3 not decided.
#[must_use]
pub fn exit_code(list: &Checklist) -> u8 {
    match list.state() {
        State::Go => 0,
        State::NoGo => 1,
        State::NotChecked => 3,
    }
}

/// The checklist in a format.
#[must_use]
pub fn render(list: &Checklist, seen: &Evidence, format: PreflightFormat, width: usize) -> Inert {
    match format {
        PreflightFormat::Text => Inert::text(&text(list, seen, width)),
        PreflightFormat::Markdown => Inert::text(&markdown(list, seen)),
        PreflightFormat::Html => Inert::text(&page(list, seen)),
        PreflightFormat::Json => Inert::json(&format!("{:#}\n", value(list, seen))),
    }
}

const fn topology(list: &Checklist) -> &'static str {
    match list.topology {
        Some(Topology::Public) => "public access",
        Some(Topology::PrivateEndpoints) => "private endpoint",
        Some(Topology::VirtualNetwork) => "VNet integration",
        None => "topology unknown",
    }
}

fn headline(list: &Checklist) -> String {
    let server = list.server.as_deref().unwrap_or("the planned server");
    let word = match list.state() {
        State::Go => "GO",
        State::NoGo => "NO-GO",
        State::NotChecked => "NOT DECIDED",
    };
    format!(
        "{word}: Microsoft Entra authentication on {} ({}): {} go, {} no-go, {} not checked",
        clean(server),
        topology(list),
        list.count(State::Go),
        list.count(State::NoGo),
        list.count(State::NotChecked)
    )
}

/// Documents that were given and are not used.
fn unused(seen: &Evidence) -> Vec<String> {
    let all = seen.azure.seen().map(|azure| azure.unused.as_slice()).unwrap_or_default();
    all.iter()
        .map(|one| clean(&format!("{}: {} is not used: {}", one.from, one.what, one.why)))
        .collect()
}

fn text(list: &Checklist, seen: &Evidence, width: usize) -> String {
    let width = width.clamp(40, 120);
    let mut out = wrapped(&headline(list), "", "  ", width);
    out.push('\n');
    for item in &list.items {
        out.push_str(&row(item, width));
    }
    for line in unused(seen) {
        out.push_str(&wrapped(&line, "", "  ", width));
    }
    out
}

fn row(item: &Item, width: usize) -> String {
    let inner = |text: &str| wrapped(text, INDENT, INDENT, width);
    let title = wrapped(item.requirement.title, INDENT, INDENT, width);
    let mark = format!("{:<12}", item.state.name());
    let mut out = format!("{mark}{}", title.strip_prefix(INDENT).unwrap_or(&title));
    out.push_str(&inner(&clean(&format!("{}: {}", item.vantage, item.detail))));
    if item.state == State::NotChecked {
        out.push_str(&inner(&format!("to check: {}", item.requirement.supply)));
        out.push_str(&inner(&format!("portal: {}", item.requirement.portal)));
    }
    if let Some((_, az)) = item.snippets.first() {
        out.push_str(&inner("fix (Bicep and Terraform with --format markdown):"));
        for line in az.lines() {
            let _ = writeln!(out, "{INDENT}{}", clean(line));
        }
    }
    out
}

fn wrapped(text: &str, first: &str, rest: &str, width: usize) -> String {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false);
    let mut out = textwrap::fill(text, options);
    out.push('\n');
    out
}

const INDENT: &str = "            ";

fn escape(text: &str) -> String {
    clean(text).replace('|', "\\|").replace('<', "&lt;").replace('`', "'")
}

fn markdown(list: &Checklist, seen: &Evidence) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## {}\n", escape(&headline(list)));
    let _ = writeln!(out, "| requirement | state | seen from | found |\n|---|---|---|---|");
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
        let _ = writeln!(out, "\n### Fix: {}\n", escape(item.requirement.title));
        for line in &item.evidence {
            let _ = writeln!(out, "- {}", escape(line));
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
    let open: Vec<&Item> =
        list.items.iter().filter(|item| item.state == State::NotChecked).collect();
    if !open.is_empty() {
        let _ = writeln!(out, "\n### What would decide the rest\n");
        for item in open {
            let _ = writeln!(
                out,
                "- {}: `{}`; in the portal: {}",
                escape(item.requirement.title),
                item.requirement.supply.replace('`', "'"),
                item.requirement.portal
            );
        }
    }
    for line in unused(seen) {
        let _ = writeln!(out, "\n{}", escape(&line));
    }
    out
}

/// Lines of a code block, which no line can end.
fn block(text: &str) -> String {
    text.lines().map(|line| clean(line).replace("```", "'''")).collect::<Vec<_>>().join("\n")
}

fn page(list: &Checklist, seen: &Evidence) -> String {
    let head = headline(list);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (head) }
                style { "body{font:1rem/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse}td,th{border:1px solid #888;padding:.3rem .6rem;text-align:left;vertical-align:top}pre{overflow-x:auto;background:#eee;color:#111;padding:.6rem}" }
            }
            body {
                h1 { (head) }
                table {
                    thead { tr { th { "Requirement" } th { "State" } th { "Seen from" } th { "Found" } th { "Supplied by" } } }
                    tbody {
                        @for item in &list.items {
                            tr {
                                td { (item.requirement.title) }
                                td { strong { (item.state.name()) } }
                                td { (clean(&item.vantage)) }
                                td { (clean(&item.detail)) }
                                td { code { (item.requirement.supply) } br; (item.requirement.portal) }
                            }
                        }
                    }
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

fn value(list: &Checklist, seen: &Evidence) -> Value {
    let items: Vec<Value> = list
        .items
        .iter()
        .map(|item| {
            let checks: Vec<&str> = item.requirement.checks.iter().map(|check| check.id).collect();
            let fixes: serde_json::Map<String, Value> = item
                .snippets
                .iter()
                .map(|(kind, text)| ((*kind).to_owned(), json!(block(text))))
                .collect();
            json!({
                "id": item.requirement.id,
                "requirement": item.requirement.title,
                "state": state(item.state),
                "vantage": clean(&item.vantage),
                "detail": clean(&item.detail),
                "evidence": item.evidence.iter().map(|line| clean(line)).collect::<Vec<_>>(),
                "checks": checks,
                "supply": item.requirement.supply,
                "portal": item.requirement.portal,
                "fixes": fixes,
            })
        })
        .collect();
    let unused: Vec<Value> = seen
        .azure
        .seen()
        .into_iter()
        .flat_map(|azure| &azure.unused)
        .map(|one| json!({"from": clean(&one.from), "what": clean(&one.what), "why": clean(&one.why)}))
        .collect();
    json!({
        "schema_version": "1",
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "state": state(list.state()),
        "server": list.server,
        "topology": list.topology.map(|topology| match topology {
            Topology::Public => "public",
            Topology::PrivateEndpoints => "private-endpoint",
            Topology::VirtualNetwork => "vnet",
        }),
        "requirements": items,
        "unused": unused,
    })
}

const fn state(state: State) -> &'static str {
    match state {
        State::Go => "go",
        State::NoGo => "no-go",
        State::NotChecked => "not-checked",
    }
}
