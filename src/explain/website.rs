//! Every page as a file of a website: HTML without external addresses. Only the index has a script, which
//! searches.

use super::{
    Document, all, markdown,
    render::{OTHER_SHELLS, all_in},
};
use crate::text::content_security_policy;
use entra_pg_checks::{
    FAMILIES,
    command::{in_shell, values},
    facts::vantage::Shell,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::PathBuf;

/// The form of the website.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Site {
    /// For browsers.
    Html,
    /// For wikis and repositories.
    Markdown,
    /// For programs: one document.
    Json,
}

/// Searches the index.
const SCRIPT: &str = include_str!("search.js");

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c1f23; --muted: #5b636e; --paper: #fbfbfa; --code: #eceef0; --link: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --muted: #a3abb5; --paper: #14171a; --code: #262b31; --link: #8ab8ee; } }
body { margin: 0 auto; max-width: 46rem; padding: 1rem 1.25rem 3rem; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); } code, pre { background: var(--code); border-radius: 4px; padding: .1em .3em; font-size: .9em; } pre { padding: .6em .8em; white-space: pre-wrap; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 1.6rem; } nav, .muted { color: var(--muted); } li { margin: .25rem 0; }
[hidden] { display: none; } input { width: 100%; box-sizing: border-box; padding: .45em .6em; font: inherit; color: inherit; background: var(--code); border: 1px solid var(--muted); border-radius: 4px; }
";

/// The files, by their path inside the folder.
#[must_use]
pub(crate) fn website(site: Site) -> Vec<(PathBuf, String)> {
    let pages = all();
    match site {
        Site::Json => {
            let document = serde_json::json!({"tool": "entra-pg", "version": env!("CARGO_PKG_VERSION"), "pages": pages});
            vec![(PathBuf::from("pages.json"), format!("{document:#}\n"))]
        }
        Site::Markdown => {
            let mut files = vec![(PathBuf::from("README.md"), list(&pages))];
            files.extend(
                pages
                    .iter()
                    .map(|page| (PathBuf::from(format!("{}.md", name(page))), markdown(page))),
            );
            files
        }
        Site::Html => {
            let mut files = vec![(PathBuf::from("index.html"), index(&pages).into_string() + "\n")];
            files.extend(pages.iter().map(|page| {
                (
                    PathBuf::from(format!("{}.html", name(page))),
                    html_page(page, &pages).into_string() + "\n",
                )
            }));
            files
        }
    }
}

/// The name of a page's file; the address of a page does not change.
fn name(page: &Document) -> String {
    format!("{}-{}", page.kind, page.id.replace('/', "-"))
}

fn link(pages: &[Document], id: &str) -> Option<String> {
    pages.iter().find(|page| page.id == id).map(|page| format!("{}.html", name(page)))
}

fn list(pages: &[Document]) -> String {
    let mut out = "# Everything that entra-pg explains\n\n".to_owned();
    for page in pages {
        out.push_str(&format!("- [{}]({}.md): {}\n", page.id, name(page), page.title));
    }
    out
}

fn index(pages: &[Document]) -> Markup {
    let of = |kind: &'static str| pages.iter().filter(move |page| page.kind == kind);
    let body = html! {
        h1 { "Why a login with Microsoft Entra ID fails, and what to do" }
        p { "Every problem that " code { "entra-pg doctor" } " can find, every check, Entra's \
            error numbers and PostgreSQL's SQLSTATEs. "
            code { "entra-pg explain ID" } " shows the same pages offline." }
        p hidden {
            label for="search" { "Search" } " "
            input #search type="search" autocomplete="off" placeholder="error text, number or host name";
            span.muted #count role="status" {}
        }
        h2 { "Guides" } ul { @for page in of("guide") { (item(page)) } }
        @for family in FAMILIES.iter().map(|family| family.name) {
            h2 { "Problems: " (family) }
            ul { @for page in of("problem").filter(|page| page.id.split('/').next() == Some(family)) { (item(page)) } }
        }
        h2 { "Entra's numbers (AADSTS)" } ul { @for page in of("aadsts") { (item(page)) } }
        h2 { "SQLSTATEs" } ul { @for page in of("sqlstate") { (item(page)) } }
        h2 { "Checks" } ul { @for page in of("check") { (item(page)) } }
    };
    frame("entra-pg: every page", &body, SCRIPT)
}

fn item(page: &Document) -> Markup {
    let text = [&page.means, &page.causes.join(" "), &page.confirm.join(" ")]
        .map(String::as_str)
        .join(" ");
    html! { li data-text=(text) { a href=(format!("{}.html", name(page))) { code { (page.id) } } " " (page.title) } }
}

fn html_page(page: &Document, pages: &[Document]) -> Markup {
    let section = |title: &str, items: &[String]| {
        html! { @if !items.is_empty() { h2 { (title) } ul { @for item in items { li { (marked(item)) } } } } }
    };
    let code = |title: &str, lines: &[String]| {
        html! { @if !lines.is_empty() { h2 { (title) } pre { code { (lines.join("\n")) } } } }
    };
    let posix = |items: &[String]| -> Vec<String> {
        items.iter().map(|item| in_shell(item, Shell::Posix)).collect()
    };
    let body = html! {
        nav { a href="index.html" { "every page" } }
        h1 { code { (page.id) } " " (page.title) }
        @if let Some(severity) = page.severity { p.muted { (severity) } }
        p { (marked(&page.means)) }
        (section("Common causes", &page.causes))
        (code("Values for the commands", &values(&page.commands, Shell::Posix)))
        (section("How to confirm it", &posix(&page.confirm)))
        @if !page.fix.is_empty() {
            h2 { "How to fix it" }
            ul { @for fix in &page.fix { li { b { (fix.actor) } ": " (marked(&in_shell(&fix.text, Shell::Posix))) @if let Some(command) = &fix.command { pre { code { (command) } } } } } }
        }
        @for (title, shell) in OTHER_SHELLS { (code(title, &all_in(&page.commands, shell))) }
        (section("Similar problems", &page.mistaken_for))
        @for (index, step) in page.steps.iter().enumerate() {
            h2 { (index + 1) ". " (step.title) }
            p { (marked(&step.text)) }
            @if !step.commands.is_empty() { pre { code { (step.commands.join("\n")) } } }
        }
        @if !page.steps.is_empty() {
            h2 { "What each step proves" }
            ol { @for step in &page.steps { li { b { (step.title) } ": " (step.proves) } } }
        }
        @if !page.related.is_empty() {
            h2 { "See also" }
            ul { @for other in &page.related { li { a href=(link(pages, &other.id).unwrap_or_default()) { code { (other.id) } } " " (other.title) } } }
        }
        @if !page.references.is_empty() {
            h2 { "Sources" }
            ul { @for source in &page.references { li { a href=(source.url) { (source.title) } " (" (source.check()) ")" } } }
        }
    };
    frame(&format!("{}: {}", page.id, page.title), &body, "")
}

fn frame(title: &str, body: &Markup, script: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(content_security_policy(script));
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                @if !script.is_empty() { script { (PreEscaped(script)) } }
            }
        }
    }
}

/// A text with its commands, which are enclosed in backticks, as code.
fn marked(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
