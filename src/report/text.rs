//! The report for people: the conclusion, the evidence and the fix on one screen. `-v` adds the table
//! of checks above it, so that the conclusion stays on screen.

use super::{
    Report, Style,
    outline::{self, Group},
    roles, table,
};
use crate::{
    explain::guide_of,
    text::{Inert, Page},
};
use entra_pg_checks::{Fix, Line, Outcome, Risk, Severity};
use owo_colors::Style as Paint;

/// Columns of text; longer lines are hard to read.
const WIDEST: usize = 100;
/// Lines of evidence without `-v`.
const EVIDENCE_LINES: usize = 4;
/// Lines of evidence and fixes together without `-v`; one fix and two lines of evidence are always shown.
const PRIMARY_LINES: usize = 9;
/// Lines for other findings without `-v`.
const OTHERS: usize = 3;
/// Lines of a report with one cause, and of one with several.
const SCREEN: usize = 20;
const SEVERAL_CAUSES: usize = 24;
/// Bytes of a command that still fits on two lines.
const SHORT: usize = 120;

/// How much is left out so that the report fits on a screen; each step includes those before it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Brief {
    /// Nothing.
    Whole,
    /// Why something could not be checked.
    NoReasons,
    /// The texts of warnings and notes: their ids are shown.
    NoWarnings,
    /// Evidence after the first lines, and the fixes of other errors.
    NoFixes,
}

/// The whole report. The default one is shortened until it fits on a screen.
pub(super) fn render(report: &Report, style: &Style) -> Inert {
    let page = |brief| whole(report, style, brief);
    let errors = outline::others(report)
        .iter()
        .filter(|group| group.judged.finding.severity == Severity::Error)
        .count();
    let limit = if errors == 0 { SCREEN } else { SEVERAL_CAUSES };
    // A list of roles and the settings of a client are asked for, whatever their length.
    let asked = !roles::lines(report.evidence()).is_empty() || !report.clients().is_empty();
    let fixed = style.verbose > 0 || style.quiet || asked;
    let fits = |screen: &Screen| fixed || screen.height() <= limit;
    let steps = [Brief::Whole, Brief::NoReasons, Brief::NoWarnings];
    let screen = steps.into_iter().map(page).find(fits);
    screen.unwrap_or_else(|| page(Brief::NoFixes)).page.render(style.color)
}

fn whole(report: &Report, style: &Style, brief: Brief) -> Screen {
    let mut screen = Screen::new(style);
    screen.brief = brief;
    if style.verbose > 0 && !style.quiet {
        table::checks(&mut screen, report);
        screen.explained(report);
    }
    screen.headline(report);
    screen.primary(report);
    if !style.quiet {
        screen.areas(report);
        screen.mapping(report);
        screen.connect(report);
        screen.last_line(report);
    }
    screen
}

/// The conclusion, the first fix, the target and the time, to paste into a chat.
pub(super) fn short(report: &Report, style: &Style) -> Inert {
    let mut screen = Screen::new(style);
    screen.headline(report);
    let fix = report.primary().and_then(|judged| judged.finding.fixes.first());
    if let Some(fix) = fix {
        screen.fix("Fix", fix, 0);
    }
    let id = report.primary().map(|judged| format!(" ({})", judged.finding.problem.id));
    let line = format!("{}{}{}", when(report), user(report), id.unwrap_or_default());
    screen.paragraph("", &line, 0, Some(Paint::new().dimmed()));
    screen.page.render(style.color)
}

/// Lines of a report at a width.
pub(super) struct Screen {
    pub(super) page: Page,
    pub(super) style: Style,
    /// Fixes that only `-v` shows.
    left_out: usize,
    brief: Brief,
}

impl Screen {
    fn new(style: &Style) -> Self {
        Self { page: Page::default(), style: *style, left_out: 0, brief: Brief::Whole }
    }

    fn headline(&mut self, report: &Report) {
        let (symbol, ascii, paint) = match report.judgment().outcome {
            Outcome::Healthy => ("✓", "OK", Paint::new().green().bold()),
            Outcome::Degraded => ("!", "!", Paint::new().yellow().bold()),
            Outcome::Undetermined => ("?", "?", Paint::new().yellow().bold()),
            Outcome::Failing => ("✗", "X", Paint::new().red().bold()),
        };
        let symbol = if self.style.unicode { symbol } else { ascii };
        let text = format!("{symbol} {}", report.summary());
        self.paragraph("", &text, symbol.chars().count() + 1, Some(paint));
    }

    /// Evidence and fixes of the finding that the report leads with.
    fn primary(&mut self, report: &Report) {
        let Some(group) = outline::primary(report) else { return };
        self.blank();
        let start = self.height();
        let fixes = &group.judged.finding.fixes;
        if !self.style.quiet {
            let first = fixes.first().map(|fix| self.fix_lines("Fix", fix, 2)).unwrap_or_default();
            let taken = self.height_of(first.iter().map(|(line, _)| line));
            let most = if self.brief < Brief::NoFixes { EVIDENCE_LINES } else { 2 };
            let limit = PRIMARY_LINES.saturating_sub(taken).clamp(2, most);
            self.evidence(&group, &report.summary(), limit);
        }
        let mut left_out = 0;
        for (index, fix) in fixes.iter().enumerate() {
            let block = self.fix_lines(if index == 0 { "Fix" } else { "Or" }, fix, 2);
            let used = self.height() - start + self.height_of(block.iter().map(|(line, _)| line));
            if index > 0 && self.style.verbose == 0 && used > PRIMARY_LINES {
                left_out += 1;
            } else {
                block.iter().for_each(|(line, paint)| self.line(line, *paint));
            }
        }
        self.left_out = left_out;
        if !fixes.is_empty() && !self.style.quiet {
            self.blank();
        }
    }

    /// The detail, unless it is the headline, then what was observed.
    fn evidence(&mut self, group: &Group<'_>, headline: &str, limit: usize) {
        let finding = &group.judged.finding;
        let mut lines = Vec::new();
        // The words of a server are quoted in the detail, and whole in the evidence.
        let quoted = finding.detail.strip_prefix(finding.problem.title);
        let quoted = quoted.and_then(|rest| rest.strip_prefix(": \"")?.strip_suffix('"'));
        let repeated =
            quoted.is_some_and(|quoted| finding.evidence.iter().any(|line| line.contains(quoted)));
        if !headline.ends_with(&finding.detail) && !repeated {
            lines.push(finding.detail.clone());
        }
        if !group.also.is_empty() {
            lines.push(format!("the same for {}", group.also.join(", ")));
        }
        lines.extend(finding.evidence.iter().cloned());
        let limit = if self.style.verbose > 0 { usize::MAX } else { limit };
        let mut used = 0;
        let mut lines = outline::aligned(&lines).into_iter().peekable();
        while let Some((line, column)) = lines.next() {
            let line = if column == 0 { outline::sentence(&line) } else { line };
            let wrapped = self.wrap(&line, 2, column);
            // The head of a table is not shown without a row.
            let rows = usize::from(is_head(&line) && lines.peek().is_some());
            if used > 0 && used + wrapped.len() + rows > limit {
                break;
            }
            used += wrapped.len();
            wrapped.iter().for_each(|part| self.line(part, None));
        }
        if used > 0 {
            self.blank();
        }
    }

    /// What to do, who does it, and the command.
    fn fix(&mut self, label: &str, fix: &Fix, indent: usize) {
        for (line, paint) in self.fix_lines(label, fix, indent) {
            self.line(&line, paint);
        }
    }

    fn fix_lines(&self, label: &str, fix: &Fix, indent: usize) -> Vec<(String, Option<Paint>)> {
        let label = match fix.check {
            true => "Check by hand".to_owned(),
            false if fix.risk == Risk::Review => {
                format!("{label} ({}, affects others)", fix.actor.label())
            }
            false => format!("{label} ({})", fix.actor.label()),
        };
        let text = fix.text.strip_prefix("Or ").unwrap_or(&fix.text);
        let place = fix.sql_place().map(|place| format!(" ({place})")).unwrap_or_default();
        let end = if fix.command.is_some() { ":" } else { "" };
        let text = format!("{label}: {}{place}{end}", lowered(text.trim_end_matches(':')));
        let mut lines: Vec<(String, Option<Paint>)> =
            self.wrap(&text, indent, 2).into_iter().map(|line| (line, None)).collect();
        // A command is never broken: it is pasted.
        let command = fix.command.iter().flat_map(|command| command.lines());
        let before = " ".repeat(indent + 2);
        lines.extend(command.map(|line| (format!("{before}{line}"), Some(Paint::new().bold()))));
        lines
    }

    /// One line each for what passed, what the cause blocks, what could not be checked, and what else
    /// was found.
    fn areas(&mut self, report: &Report) {
        self.blank();
        let blank = self.page.lines().len();
        let passed = outline::passed(report);
        if !passed.is_empty() {
            self.paragraph("  ", &format!("Passed: {}", passed.join(", ")), 4, None);
        }
        let (areas, count) = outline::blocked(report);
        if count > 0 {
            let text =
                format!("Not reached because of this: {} ({})", areas.join(", "), checks(count));
            self.paragraph("  ", &text, 4, None);
        }
        self.not_tested(report);
        self.undetermined(report);
        self.others(report);
        if self.page.lines().len() > blank {
            self.blank();
        }
    }

    /// What a run without a server leaves open, and how to name one.
    fn not_tested(&mut self, report: &Report) {
        let settings = report.evidence().settings.seen();
        if settings.is_none_or(|settings| settings.host.is_some()) {
            return;
        }
        if self.brief > Brief::Whole {
            let text = "Not tested without a server (-h NAME): server, login, database access";
            return self.paragraph("  ", text, 4, None);
        }
        let text = "Not tested without a server: server, login, database access. To test them:";
        self.paragraph("  ", text, 4, None);
        let line = "entra-pg doctor -h NAME.postgres.database.azure.com -U ROLE -d DATABASE";
        self.line(&format!("    {line}"), Some(Paint::new().bold()));
    }

    /// What could not be checked: one row per reason. How to decide it is shown with `-v`, and for a
    /// single short reason.
    fn undetermined(&mut self, report: &Report) {
        let mut reasons: Vec<(&Line, usize)> = Vec::new();
        let lines = outline::undetermined(report);
        if self.brief > Brief::Whole {
            return self.unchecked(&lines);
        }
        for line in &lines {
            match reasons.iter_mut().find(|(first, _)| first.detail == line.detail) {
                Some((_, others)) => *others += 1,
                None => reasons.push((line, 0)),
            }
        }
        for (line, others) in reasons.iter().take(OTHERS) {
            let subject = line.subject.as_deref().map(|subject| format!(" ({subject})"));
            let others = match others {
                0 => String::new(),
                1 => " (and one more check)".to_owned(),
                more => format!(" (and {more} more checks)"),
            };
            let mut reason = line.detail.trim_start_matches("not decided: ");
            if let Some((why, how)) = reason.split_once("; to decide it: ") {
                let short = reasons.len() == 1 && how.len() < SHORT;
                reason = if short || self.style.verbose > 0 { reason } else { why };
            }
            let asserts = line.check.asserts;
            let text = format!(
                "Could not check: {asserts}{}{others}: {reason}",
                subject.unwrap_or_default()
            );
            self.paragraph("  ", &text, 4, Some(Paint::new().yellow()));
        }
        self.more("Could not check", reasons.len());
    }

    /// What could not be checked, without reasons.
    fn unchecked(&mut self, lines: &[&Line]) {
        let mut asserts: Vec<&str> = lines.iter().map(|line| line.check.asserts).collect();
        asserts.dedup();
        let text = match asserts.as_slice() {
            [] => return,
            [only] => format!("Could not check: {only} (-v says why)"),
            many => format!("Could not check: {} (-v says why)", checks(many.len())),
        };
        self.paragraph("  ", &text, 4, Some(Paint::new().yellow()));
    }

    /// The ids of warnings and notes.
    fn other_ids(&mut self, others: &[Group<'_>]) {
        let ids: Vec<String> = others
            .iter()
            .map(|group| &group.judged.finding)
            .map(|finding| {
                format!(
                    "{} ({})",
                    finding.problem.id,
                    outline::label(finding.severity).to_lowercase()
                )
            })
            .collect();
        if !ids.is_empty() {
            self.paragraph(
                "  ",
                &format!("Also found: {}", ids.join(", ")),
                4,
                Some(Paint::new().yellow()),
            );
        }
    }

    fn others(&mut self, report: &Report) {
        let others = outline::others(report);
        let is_error = |group: &Group<'_>| group.judged.finding.severity == Severity::Error;
        let whole = |group: &Group<'_>| self.brief < Brief::NoWarnings || is_error(group);
        let (others, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(whole);
        let shown = if self.style.verbose > 0 { usize::MAX } else { OTHERS };
        for group in others.iter().take(shown) {
            let finding = &group.judged.finding;
            let label = outline::label(finding.severity);
            let text =
                format!("Also found: {label}: {} ({})", finding.headline(), finding.problem.id);
            let paint = match finding.severity {
                Severity::Error => Paint::new().red(),
                Severity::Warning => Paint::new().yellow(),
                Severity::Info => Paint::new(),
            };
            self.paragraph("  ", &text, 4, Some(paint));
            if self.style.verbose > 0 {
                self.evidence(group, &finding.headline(), EVIDENCE_LINES);
            }
            let every = self.style.verbose > 0;
            let error = finding.severity == Severity::Error;
            let one = error && self.brief < Brief::NoFixes;
            let fixes = if every { usize::MAX } else { usize::from(one) };
            for fix in finding.fixes.iter().take(fixes) {
                self.fix("Fix", fix, 4);
            }
        }
        if shown < others.len() {
            self.more("Also found", others.len());
        }
        self.other_ids(&rest);
    }

    fn more(&mut self, label: &str, all: usize) {
        if all > OTHERS {
            self.paragraph("  ", &format!("{label}: {} more, see -v", all - OTHERS), 4, None);
        }
    }

    /// The findings that another one explains, with `-v`.
    fn explained(&mut self, report: &Report) {
        for judged in outline::explained(report) {
            let finding = &judged.finding;
            let cause = judged.explained_by.map(|cause| cause.id).unwrap_or_default();
            let text =
                format!("Explained by {cause}: {} ({})", finding.headline(), finding.problem.id);
            self.paragraph("  ", &text, 4, Some(Paint::new().dimmed()));
        }
        if outline::explained(report).next().is_some() {
            self.blank();
        }
    }

    /// Every Entra role and its principal, if an administrator asked for it.
    fn mapping(&mut self, report: &Report) {
        let lines = roles::lines(report.evidence());
        for line in &lines {
            self.line(line, None);
        }
        if !lines.is_empty() {
            self.blank();
        }
    }

    /// How to connect. No line is broken: it is pasted.
    fn connect(&mut self, report: &Report) {
        let healthy = report.judgment().outcome == Outcome::Healthy;
        if report.clients().is_empty() && !healthy && self.style.verbose == 0 {
            return;
        }
        for instruction in report.connect() {
            let title = format!("Connect with {} ({}):", instruction.client, instruction.place);
            self.paragraph("  ", &title, 4, None);
            for line in instruction.text.lines() {
                self.line(&format!("    {line}"), Some(Paint::new().bold()));
            }
            let wanted = |note: &&String| !report.clients().is_empty() || note.contains("6432");
            for note in instruction.notes.iter().filter(wanted) {
                self.paragraph("    ", &format!("Note: {note}"), 6, Some(Paint::new().dimmed()));
            }
            self.blank();
        }
    }

    /// The target, the time, and where more is.
    fn last_line(&mut self, report: &Report) {
        for input in &report.evidence().unreadable_inputs {
            self.paragraph(
                "  ",
                &format!("Could not read {input}"),
                4,
                Some(Paint::new().yellow()),
            );
        }
        for error in &report.evidence().tool_errors {
            self.paragraph("  ", &format!("Error in entra-pg itself: {error}"), 4, None);
        }
        let mut hints = Vec::new();
        hints.push(match (self.style.verbose, self.left_out) {
            (0, 0) => "-v".to_owned(),
            (0, 1) => "-v (1 more fix)".to_owned(),
            (0, many) => format!("-v ({many} more fixes)"),
            (_, _) => "-vv".to_owned(),
        });
        if let Some(judged) = report.primary() {
            let problem = judged.finding.problem;
            let guide = guide_of(problem).map(|guide| format!(" or {guide}"));
            hints.push(problem.explain_command() + &guide.unwrap_or_default());
            if self.brief == Brief::Whole {
                hints.push("entra-pg bundle".to_owned());
            }
        }
        let mut line = when(report);
        if self.style.verbose > 0 || report.is_recorded() {
            let text = outline::sentence(&outline::provenance(report));
            self.paragraph("", &text, 2, Some(Paint::new().dimmed()));
            line.push_str(&user(report));
        }
        self.paragraph("", &line, 2, Some(Paint::new().dimmed()));
        let text = format!("More: {}", hints.join(", "));
        self.paragraph("", &text, 2, Some(Paint::new().dimmed()));
    }

    /// A text behind an indentation, broken to the width; further lines are indented by `hanging`.
    pub(super) fn paragraph(
        &mut self,
        before: &str,
        text: &str,
        hanging: usize,
        paint: Option<Paint>,
    ) {
        let text = format!("{before}{text}");
        let indent = before.len().max(text.len() - text.trim_start().len());
        let hanging = hanging.saturating_sub(indent);
        for part in self.wrap(text.trim_start(), indent, hanging) {
            self.line(&part, paint);
        }
    }

    /// A text in lines of the width, all indented, and all but the first by `hanging` more.
    pub(super) fn wrap(&self, text: &str, indent: usize, hanging: usize) -> Vec<String> {
        let first = " ".repeat(indent);
        let next = " ".repeat(indent + hanging);
        // Names and addresses have hyphens that belong to them.
        let options = textwrap::Options::new(self.width())
            .initial_indent(&first)
            .subsequent_indent(&next)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
    }

    pub(super) fn width(&self) -> usize {
        self.style.width.clamp(40, WIDEST)
    }

    pub(super) fn line(&mut self, text: &str, paint: Option<Paint>) {
        match paint {
            Some(paint) => self.page.styled(text, paint),
            None => self.page.text(text),
        };
        self.page.end();
    }

    /// Lines that the page takes on the screen: long ones take several.
    fn height(&self) -> usize {
        self.height_of(self.page.lines().iter())
    }

    fn height_of<'a>(&self, lines: impl Iterator<Item = &'a String>) -> usize {
        let width = self.style.width.max(1);
        lines.map(|line| line.chars().count().div_ceil(width).max(1)).sum()
    }

    /// An empty line, unless the last one is empty.
    pub(super) fn blank(&mut self) {
        self.page.blank();
    }
}

/// Whether a line is the head of a table: several columns of words.
fn is_head(line: &str) -> bool {
    let columns = line.split("  ").filter(|column| !column.trim().is_empty()).count();
    columns > 2 && !line.chars().any(|c| c.is_ascii_digit() || c == ':')
}

/// The target and the time.
fn when(report: &Report) -> String {
    let evidence = report.evidence();
    let target = evidence.settings.seen().map(outline::target).unwrap_or_default();
    format!("{target} | {}", outline::seconds(evidence.duration_ms))
}

/// The user, behind the target.
fn user(report: &Report) -> String {
    let user = report.evidence().settings.seen().and_then(|settings| settings.user.as_ref());
    user.map(|user| format!(" | user {}", user.value)).unwrap_or_default()
}

fn checks(count: usize) -> String {
    format!("{count} check{}", if count == 1 { "" } else { "s" })
}

/// A sentence behind a label: it starts with a lower-case letter, unless its first word is a name.
fn lowered(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if word.chars().skip(1).all(|c| c.is_ascii_lowercase()) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
