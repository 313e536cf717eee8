//! Pages as text and as Markdown.

use super::{Document, Related, document::Remedy, guide::is_guide};
use std::fmt::Write;

/// A page for the terminal.
#[must_use]
pub fn text(page: &Document) -> String {
    let mut out = format!("{}: {}\n\n{}\n", page.id, page.title, page.means);
    let section = |out: &mut String, title: &str, items: &[String]| {
        list(out, &format!("\n{title}"), "  - ", items);
    };
    section(&mut out, "Common causes", &page.causes);
    section(&mut out, "How to confirm it", &page.confirm);
    let fixes: Vec<String> = page.fix.iter().map(remedy).collect();
    section(&mut out, "How to fix it", &fixes);
    section(&mut out, "Similar problems", &page.mistaken_for);
    steps(&mut out, page);
    // The checks that find a problem are no help to its reader; guides are.
    let shown = |other: &&Related| page.kind != "problem" || is_guide(&other.id);
    let related = page.related.iter().filter(shown);
    let related: Vec<String> =
        related.map(|other| format!("{}: {}", other.id, other.title)).collect();
    section(&mut out, "See also", &related);
    let sources = page.references.iter().map(|source| {
        let title = Some(&source.title).filter(|title| **title != source.url);
        let title = title.map(|title| format!("{title}\n      ")).unwrap_or_default();
        format!("{title}{} (checked {})", source.url, source.checked)
    });
    section(&mut out, "Sources", &sources.collect::<Vec<String>>());
    out
}

fn list(out: &mut String, head: &str, mark: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "{head}");
    for item in items {
        let _ = writeln!(out, "{mark}{item}");
    }
}

/// The steps of a guide, and what each of them proves as a checklist.
fn steps(out: &mut String, page: &Document) {
    for (index, step) in page.steps.iter().enumerate() {
        let _ = writeln!(out, "\n{}. {}\n", index + 1, step.title);
        for line in textwrap::wrap(&step.text, STEP_WIDTH) {
            let _ = writeln!(out, "   {line}");
        }
        // A command is never broken: it has to be pasted.
        let gap = if step.commands.is_empty() { "" } else { "\n" };
        out.push_str(gap);
        for command in &step.commands {
            let _ = writeln!(out, "     {command}");
        }
    }
    if !page.steps.is_empty() {
        let _ = writeln!(out, "\nWhat each step proves");
    }
    for (index, step) in page.steps.iter().enumerate() {
        let _ = writeln!(out, "  [ ] {}. {}: {}", index + 1, step.title, step.proves);
    }
}

/// Columns of the text of a step.
const STEP_WIDTH: usize = 84;

fn remedy(remedy: &Remedy) -> String {
    let lines = remedy.command.iter().flat_map(|command| command.lines());
    let command: String = lines.map(|line| format!("\n      {line}")).collect();
    format!("{}: {}{command}", remedy.actor, remedy.text)
}

/// A page for a wiki or a repository.
#[must_use]
pub fn markdown(page: &Document) -> String {
    let mut out =
        format!("# {}\n\n**{}**\n\n{}\n", page.id, escaped(&page.title), escaped(&page.means));
    let section = |out: &mut String, title: &str, items: &[String]| {
        list(out, &format!("\n## {title}\n"), "- ", items);
    };
    let escape =
        |items: &[String]| -> Vec<String> { items.iter().map(|item| escaped(item)).collect() };
    section(&mut out, "Common causes", &escape(&page.causes));
    section(&mut out, "How to confirm it", &escape(&page.confirm));
    let fixes = page.fix.iter().map(|remedy| {
        let command = remedy
            .command
            .as_ref()
            .map(|command| format!("\n\n  ```\n  {}\n  ```", command.replace('\n', "\n  ")));
        format!("**{}**: {}{}", remedy.actor, escaped(&remedy.text), command.unwrap_or_default())
    });
    section(&mut out, "How to fix it", &fixes.collect::<Vec<String>>());
    section(&mut out, "Similar problems", &escape(&page.mistaken_for));
    markdown_steps(&mut out, page);
    let related =
        page.related.iter().map(|other| format!("`{}`: {}", other.id, escaped(&other.title)));
    section(&mut out, "See also", &related.collect::<Vec<String>>());
    let sources = page.references.iter().map(|source| {
        format!("[{}]({}) (checked {})", escaped(&source.title), source.url, source.checked)
    });
    section(&mut out, "Sources", &sources.collect::<Vec<String>>());
    out
}

fn markdown_steps(out: &mut String, page: &Document) {
    for (index, step) in page.steps.iter().enumerate() {
        let (title, text) = (escaped(&step.title), escaped(&step.text));
        let _ = writeln!(out, "\n## {}. {title}\n\n{text}", index + 1);
        if !step.commands.is_empty() {
            let _ = writeln!(out, "\n```\n{}\n```", step.commands.join("\n"));
        }
    }
    if !page.steps.is_empty() {
        out.push_str("\n## What each step proves\n\n");
    }
    for step in &page.steps {
        let _ = writeln!(out, "- [ ] {}: {}", escaped(&step.title), escaped(&step.proves));
    }
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
