//! Pages as text and as Markdown.

use super::{Document, document::Remedy};
use std::fmt::Write;

/// A page for the terminal.
#[must_use]
pub fn text(page: &Document) -> String {
    let mut out = format!("{}: {}\n\n{}\n", page.id, page.title, page.means);
    let mut list = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            let _ = writeln!(out, "\n{title}");
            for item in items {
                let _ = writeln!(out, "  - {item}");
            }
        }
    };
    list("Common causes", page.causes.clone());
    list("How to confirm it", page.confirm.clone());
    list("How to fix it", page.fix.iter().map(remedy).collect());
    list("Similar problems", page.mistaken_for.clone());
    if page.kind != "problem" {
        list(
            "See also",
            page.related.iter().map(|other| format!("{}: {}", other.id, other.title)).collect(),
        );
    }
    let sources = page.references.iter().map(|source| {
        let title = Some(&source.title).filter(|title| **title != source.url);
        let title = title.map(|title| format!("{title}\n      ")).unwrap_or_default();
        format!("{title}{} (checked {})", source.url, source.checked)
    });
    list("Sources", sources.collect());
    out
}

fn remedy(remedy: &Remedy) -> String {
    let command = remedy.command.as_ref().map(|command| format!("\n      {command}"));
    format!("{}: {}{}", remedy.actor, remedy.text, command.unwrap_or_default())
}

/// A page for a wiki or a repository.
#[must_use]
pub fn markdown(page: &Document) -> String {
    let mut out =
        format!("# {}\n\n**{}**\n\n{}\n", page.id, escaped(&page.title), escaped(&page.means));
    let mut list = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            let _ = writeln!(out, "\n## {title}\n");
            for item in items {
                let _ = writeln!(out, "- {item}");
            }
        }
    };
    let escape = |items: &[String]| items.iter().map(|item| escaped(item)).collect();
    list("Common causes", escape(&page.causes));
    list("How to confirm it", escape(&page.confirm));
    let fixes = page.fix.iter().map(|remedy| {
        let command =
            remedy.command.as_ref().map(|command| format!("\n\n  ```\n  {command}\n  ```"));
        format!("**{}**: {}{}", remedy.actor, escaped(&remedy.text), command.unwrap_or_default())
    });
    list("How to fix it", fixes.collect());
    list("Similar problems", escape(&page.mistaken_for));
    let related =
        page.related.iter().map(|other| format!("`{}`: {}", other.id, escaped(&other.title)));
    list("See also", related.collect());
    let sources = page.references.iter().map(|source| {
        format!("[{}]({}) (checked {})", escaped(&source.title), source.url, source.checked)
    });
    list("Sources", sources.collect());
    out
}

/// Markdown's marks lose their meaning, but for the backticks around commands.
fn escaped(text: &str) -> String {
    let mut in_code = false;
    let mut out = String::new();
    for character in text.chars() {
        in_code ^= character == '`';
        if !in_code && matches!(character, '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '#') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
