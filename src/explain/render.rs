//! Pages as text and as Markdown.

use super::{Document, Related, document::Remedy, guide::is_guide};
use entra_pg_checks::{
    command::{Forms, in_shell, values},
    facts::vantage::Shell,
};
use std::fmt::Write;

/// A page for the terminal, with commands for the reader's shell.
#[must_use]
pub(crate) fn text(page: &Document, shell: Shell) -> String {
    let mut out = format!("{}: {}\n\n{}\n", page.id, page.title, page.means);
    let section = |out: &mut String, title: &str, items: &[String]| {
        list(out, &format!("\n{title}"), "  - ", items);
    };
    section(&mut out, "Common causes", &page.causes);
    list(&mut out, "\nValues for the commands", "  ", &values(&page.commands, shell));
    let confirm: Vec<String> = page.confirm.iter().map(|text| in_shell(text, shell)).collect();
    section(&mut out, "How to confirm it", &confirm);
    let fixes: Vec<String> = page.fix.iter().map(|fix| remedy(fix, shell)).collect();
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
        format!("{title}{} ({})", source.url, source.check())
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

fn remedy(remedy: &Remedy, shell: Shell) -> String {
    let lines = remedy.command_in(shell).unwrap_or_default();
    let command: String = lines.lines().map(|line| format!("\n      {line}")).collect();
    format!("{}: {}{command}", remedy.actor, in_shell(&remedy.text, shell))
}

/// A page for a wiki or a repository.
#[must_use]
pub(crate) fn markdown(page: &Document) -> String {
    let mut out =
        format!("# {}\n\n**{}**\n\n{}\n", page.id, escaped(&page.title), escaped(&page.means));
    let section = |out: &mut String, title: &str, items: &[String]| {
        list(out, &format!("\n## {title}\n"), "- ", items);
    };
    let escape =
        |items: &[String]| -> Vec<String> { items.iter().map(|item| escaped(item)).collect() };
    section(&mut out, "Common causes", &escape(&page.causes));
    let posix = |text: &str| escaped(&in_shell(text, Shell::Posix));
    code(&mut out, "Values for the commands", &values(&page.commands, Shell::Posix));
    let confirm: Vec<String> = page.confirm.iter().map(|text| posix(text)).collect();
    section(&mut out, "How to confirm it", &confirm);
    let fixes = page.fix.iter().map(|remedy| {
        let command = remedy
            .command
            .as_ref()
            .map(|command| format!("\n\n  ```\n  {}\n  ```", command.replace('\n', "\n  ")));
        format!("**{}**: {}{}", remedy.actor, posix(&remedy.text), command.unwrap_or_default())
    });
    section(&mut out, "How to fix it", &fixes.collect::<Vec<String>>());
    for (title, shell) in OTHER_SHELLS {
        code(&mut out, title, &all_in(&page.commands, shell));
    }
    section(&mut out, "Similar problems", &escape(&page.mistaken_for));
    markdown_steps(&mut out, page);
    let related =
        page.related.iter().map(|other| format!("`{}`: {}", other.id, escaped(&other.title)));
    section(&mut out, "See also", &related.collect::<Vec<String>>());
    let sources = page
        .references
        .iter()
        .map(|source| format!("[{}]({}) ({})", escaped(&source.title), source.url, source.check()));
    section(&mut out, "Sources", &sources.collect::<Vec<String>>());
    out
}

/// The shells other than bash and zsh, with the title of their commands.
pub(super) const OTHER_SHELLS: [(&str, Shell); 2] = [
    ("The same commands in PowerShell", Shell::PowerShell),
    ("The same commands in cmd", Shell::Cmd),
];

/// The lines that set the values, and every command that the shell has; nothing if bash has the same.
pub(super) fn all_in(commands: &[Forms], shell: Shell) -> Vec<String> {
    let lines = commands.iter().filter_map(|command| match shell {
        Shell::Posix => command.posix.clone(),
        Shell::PowerShell => command.power_shell.clone(),
        Shell::Cmd => command.cmd.clone(),
    });
    let lines: Vec<String> = lines.collect();
    let differs = lines
        .iter()
        .any(|line| commands.iter().all(|command| command.posix.as_ref() != Some(line)));
    if differs { [values(commands, shell), lines].concat() } else { Vec::new() }
}

fn code(out: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(out, "\n## {title}\n\n```\n{}\n```", lines.join("\n"));
    }
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
