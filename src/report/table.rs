//! The table of checks of `-v`: every row names its check. Checks of a family that the cause blocks are
//! one row.

use super::{Report, counts::Counts, outline, text::Screen};
use entra_pg_checks::{Line, Status};
use owo_colors::Style as Paint;

/// Columns of a check's name, and of the time.
const CHECK: usize = 25;
const TIME: usize = 9;

pub(super) fn checks(screen: &mut Screen, report: &Report) {
    for family in report.judgment().families() {
        let lines: Vec<&Line> =
            report.judgment().lines.iter().filter(|line| line.check.family() == family).collect();
        let every = screen.style.verbose > 1;
        let skipped = |line: &&&Line| line.status == Status::Skipped;
        let folded = lines.iter().filter(skipped).count();
        if !every && folded > 1 && folded == lines.iter().filter(|line| relevant(line)).count() {
            fold(screen, family, &lines, folded);
            continue;
        }
        for line in lines {
            if every || relevant(line) {
                row(screen, line.check.id, line.status, line.span.1, &finding(line));
                if every {
                    evidence(screen, report, line);
                }
            }
        }
    }
    screen.blank();
    let counts = Counts::of(&report.judgment().lines);
    let time = outline::seconds(report.evidence().duration_ms);
    screen.paragraph("  ", &format!("{counts} ({time})"), 4, None);
    screen.blank();
}

fn relevant(line: &Line) -> bool {
    line.status != Status::NotApplicable
}

/// A family whose checks were all skipped.
fn fold(screen: &mut Screen, family: &str, lines: &[&Line], count: usize) {
    let cause = lines.iter().find_map(|line| line.explained_by);
    let why = match (cause, lines.first()) {
        (Some(cause), _) => format!("not reached because of {}", cause.id),
        (None, Some(line)) => format!("not checked: {}", line.detail),
        (None, None) => return,
    };
    let name = format!("{family} ({count} checks)");
    row(screen, &name, Status::Skipped, 0, &why);
}

/// What was checked and what was found.
fn finding(line: &Line) -> String {
    let subject = line.subject.as_deref();
    let asserts = line.check.asserts;
    match line.status {
        Status::Failed | Status::Warning => match line.explained_by {
            Some(cause) => format!("{} (explained by {})", line.detail, cause.id),
            None => line.detail.clone(),
        },
        Status::Passed if line.detail.chars().count() < 4 => match subject {
            Some(subject) => format!("{asserts}: {subject}"),
            None => asserts.to_owned(),
        },
        Status::Skipped => match line.explained_by {
            Some(cause) => format!("not reached because of {}", cause.id),
            None => format!("not checked: {}", line.detail),
        },
        Status::Undetermined => {
            format!("could not check whether {asserts}: {}", line.detail)
        }
        Status::Passed | Status::NotApplicable => {
            format!("{}: {}", subject.unwrap_or(asserts), line.detail)
        }
    }
}

fn row(screen: &mut Screen, check: &str, status: Status, milliseconds: u64, text: &str) {
    let (symbol, word, paint) = match status {
        Status::Passed => ("✓", "ok", Paint::new().green()),
        Status::Warning => ("!", "warn", Paint::new().yellow()),
        Status::Failed => ("✗", "FAIL", Paint::new().red().bold()),
        Status::Skipped => ("-", "skip", Paint::new().dimmed()),
        Status::Undetermined => ("?", "open", Paint::new().yellow()),
        Status::NotApplicable => ("·", "n/a", Paint::new().dimmed()),
    };
    let (symbol, width) = if screen.style.unicode { (symbol, 1) } else { (word, 4) };
    let time = if milliseconds == 0 { String::new() } else { format!("{milliseconds} ms") };
    let indent = width + 1 + CHECK + 1 + TIME + 1;
    // A name longer than its column has a line of its own.
    let long = check.chars().count() > CHECK;
    let narrow = screen.width().saturating_sub(indent).max(30);
    let parts = textwrap::wrap(
        text,
        textwrap::Options::new(narrow)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation),
    );
    screen.page.styled(&format!("{symbol:width$}"), paint);
    screen.page.text(&format!(" {check:CHECK$} "));
    if long {
        screen.page.end();
        screen.page.text(&" ".repeat(indent - TIME - 1));
    }
    screen.page.text(&format!("{time:>TIME$} "));
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            screen.page.text(&" ".repeat(indent));
        }
        screen.page.text(part);
        screen.page.end();
    }
    if parts.is_empty() {
        screen.page.end();
    }
}

/// The evidence of the findings of a check, with `-vv`.
fn evidence(screen: &mut Screen, report: &Report, line: &Line) {
    let same = |subject: &str| line.subject.as_deref().is_none_or(|own| own == subject);
    for judged in &report.judgment().findings {
        if judged.check.id == line.check.id && same(&judged.finding.subject) {
            for (evidence, column) in outline::aligned(&judged.finding.evidence) {
                for part in screen.wrap(&evidence, 8, column) {
                    screen.line(&part, Some(Paint::new().dimmed()));
                }
            }
        }
    }
}
