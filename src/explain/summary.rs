//! The answer to a pasted text, short enough for one screen: the first candidate, and a line for each of
//! the others.

use super::{Answer, Document, document::Remedy};
use entra_pg_checks::{
    command::{forms, in_shell, values},
    facts::vantage::Shell,
};

/// Lines of the whole answer.
const LINES: usize = 23;

/// Lines of what the first page means, and of each of its fixes.
const MEANS: usize = 4;
const FIX: usize = 3;

/// Other candidates that are shown.
const OTHERS: usize = 5;

/// The candidates of an answer for a terminal of this width.
#[must_use]
pub(crate) fn summary(answer: &Answer, width: usize, shell: Shell) -> String {
    let (Some(page), Some(reason)) = (answer.pages.first(), answer.reasons.first()) else {
        return String::new();
    };
    let kind = if reason.confidence == "likely" { "Likely cause" } else { "Possible cause" };
    let mut lines = wrapped(&format!("{kind}: {}: {}", page.id, page.title), width, 2, "");
    lines.extend(wrapped(&format!("Reason: {}.", reason.reason), width, 1, ""));
    if answer.truncated {
        lines.push("Only the first 1 MiB of the text was read.".to_owned());
    }
    lines.push(String::new());
    lines.extend(wrapped(&page.means, width, MEANS, ""));
    let tail = tail(answer, page, width);
    lines.extend(fixes(page, (width, shell), LINES.saturating_sub(lines.len() + tail.len())));
    lines.extend(tail);
    lines.join("\n") + "\n"
}

/// As many fixes as fit.
fn fixes(page: &Document, (width, shell): (usize, Shell), room: usize) -> Vec<String> {
    let mut lines = vec![String::new(), "How to fix it".to_owned()];
    for fix in &page.fix {
        let (text, commands) = apart(fix, shell);
        let mut fix_lines = wrapped(&format!("{}: {text}", fix.actor), width, FIX, "  - ");
        fix_lines.extend(commands.iter().map(|command| format!("      {command}")));
        if lines.len() + fix_lines.len() > room {
            break;
        }
        lines.extend(fix_lines);
    }
    if lines.len() > 2 { lines } else { Vec::new() }
}

/// The sentence of a fix, and its long command on lines that are never broken.
fn apart(fix: &Remedy, shell: Shell) -> (String, Vec<String>) {
    if let Some(command) = fix.command_in(shell) {
        return (fix.text.clone(), command.lines().map(str::to_owned).collect());
    }
    let parts: Vec<&str> = fix.text.split('`').collect();
    match parts.as_slice() {
        [before, command, after] if command.len() > SHORT => {
            let shown = in_shell(&format!("`{command}`"), shell);
            let mut lines = values(&forms(command), shell);
            lines.push(shown.trim_matches('`').to_owned());
            (format!("{}{after}:", before.trim_end_matches([':', ' '])), lines)
        }
        _ => (in_shell(&fix.text, shell), Vec::new()),
    }
}

/// A command of at most so many bytes stays in its sentence.
const SHORT: usize = 40;

/// The other candidates, and where to go on.
fn tail(answer: &Answer, page: &Document, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let others = answer.pages.get(1..).unwrap_or_default();
    if !others.is_empty() {
        lines.push("Other possible causes".to_owned());
        let line = |other: &Document| format!("{}: {}", other.id, other.title);
        lines.extend(
            others.iter().take(OTHERS).flat_map(|other| wrapped(&line(other), width, 1, "  - ")),
        );
        lines.push(String::new());
    }
    lines.push(format!("Full page: entra-pg explain {}", page.id));
    lines.push("To find the cause: entra-pg doctor".to_owned());
    lines
}

/// Wraps a text to at most so many lines; ` …` marks the end of a longer one.
fn wrapped(text: &str, width: usize, most: usize, indent: &str) -> Vec<String> {
    let blank = " ".repeat(indent.len());
    let options = textwrap::Options::new(width.max(20) - 2)
        .initial_indent(indent)
        .subsequent_indent(&blank)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut lines: Vec<String> =
        textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect();
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::summary;
    use crate::explain::{all, find};
    use entra_pg_checks::facts::vantage::Shell;

    #[test]
    fn an_answer_fits_the_screen() {
        let ambiguous = [
            "FATAL: password authentication failed for user \"alice@contoso.com\"",
            "connection timed out",
            "certificate verify failed",
            "The access token has invalid format. Please ensure the token is passed exactly",
            "DefaultAzureCredential failed to retrieve a token from the included credentials. Please run 'az login'",
            "ERROR 28000",
        ];
        let numbers =
            all().into_iter().filter(|page| page.kind == "aadsts").map(|page| page.id + ":");
        for text in ambiguous.into_iter().map(str::to_owned).chain(numbers.step_by(9)) {
            let answer = find(text.as_bytes());
            assert!(!answer.pages.is_empty(), "{text}");
            let shown = summary(&answer, 80, Shell::Posix);
            assert!(shown.lines().count() <= 24, "{shown}");
            let long =
                shown.lines().find(|line| line.chars().count() > 80 && !line.starts_with("      "));
            assert!(long.is_none(), "{shown}");
            assert!(shown.contains("How to fix it"), "{shown}");
            assert!(shown.lines().all(|line| !line.starts_with("az ")), "not indented: {shown}");
        }
    }
}
