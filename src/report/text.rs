//! The report for people: the verdict, then the proof, then what to do. Folded where all is well,
//! explained where it is not. The words are the same with and without colours.

use super::{Report, Style, counts::Counts, roles};
use crate::text::{Inert, Page as Lines, clean};
use entra_pg_checks::{
    Confidence, FAMILIES, Judged, Line, Outcome, Severity, Status, facts::settings::Settings,
};
use owo_colors::Style as Paint;
use std::fmt::Write;

/// Columns of text; longer lines are hard to read.
const WIDEST: usize = 100;

/// The whole report.
pub(super) fn render(report: &Report, style: &Style) -> Inert {
    let mut page = Page { out: Lines::default(), style: *style };
    page.title(report);
    page.verdict(report);
    if !style.quiet {
        page.stages(report);
    }
    page.others(report);
    if !style.quiet {
        page.mapping(report);
        page.connect(report);
    }
    page.last_line(report);
    page.out.render(style.color)
}

/// The verdict and what failed, to paste into a chat.
pub(super) fn short(report: &Report, style: &Style) -> Inert {
    let mut page = Page { out: Lines::default(), style: *style };
    page.title(report);
    let word = outcome_word(report);
    let id = report.judgement().root().map_or("", |root| root.finding.problem.id);
    page.line(&format!("{word}  {}  {id}", report.summary()));
    for line in &report.judgement().lines {
        if matches!(line.status, Status::Failed | Status::Warning | Status::Undetermined) {
            page.check(line);
        }
    }
    page.last_line(report);
    page.out.render(style.color)
}

struct Page {
    out: Lines,
    style: Style,
}

impl Page {
    fn title(&mut self, report: &Report) {
        let evidence = report.evidence();
        let target = evidence.settings.seen().map(target).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        let title = format!("entra-pg doctor {version}  {target}  run {}", evidence.run_id);
        self.paragraph("", &clean(&title), Some(Paint::new().dimmed()));
        self.line("");
    }

    fn verdict(&mut self, report: &Report) {
        let word = outcome_word(report);
        let root = report.judgement().root();
        let paint = match report.judgement().outcome {
            Outcome::Healthy => Paint::new().green().bold(),
            Outcome::Degraded | Outcome::Undetermined => Paint::new().yellow().bold(),
            Outcome::Failing => Paint::new().red().bold(),
        };
        let guess = match root.map(|root| root.finding.confidence) {
            Some(Confidence::Certain) | None => "",
            Some(Confidence::Likely) => "probably: ",
            Some(Confidence::Possible) => "perhaps: ",
        };
        let sentence = format!("{guess}{}", clean(&report.summary()));
        self.paragraph(&format!(" {word:<4}  "), &sentence, Some(paint));
        if let Some(root) = root {
            self.explain(root, true);
        }
        self.line("");
    }

    /// The other findings; those that the root explains are shown in the table alone.
    fn others(&mut self, report: &Report) {
        for judged in &report.judgement().findings {
            let hidden = judged.root || judged.explained_by.is_some();
            if hidden && self.style.verbose == 0 || judged.root {
                continue;
            }
            let (word, paint) = match judged.finding.severity {
                Severity::Error => ("FAIL", Paint::new().red().bold()),
                Severity::Warning => ("warn", Paint::new().yellow().bold()),
                Severity::Info => ("note", Paint::new().cyan().bold()),
            };
            self.paragraph(&format!(" {word:<4}  "), &clean(&judged.finding.detail), Some(paint));
            self.explain(judged, false);
            self.line("");
        }
    }

    fn explain(&mut self, judged: &Judged, root: bool) {
        let finding = &judged.finding;
        let shown = if root || self.style.verbose > 0 { usize::MAX } else { 2 };
        for (index, evidence) in finding.evidence.iter().take(shown).enumerate() {
            let label = if index == 0 { "evidence" } else { "" };
            self.labelled(label, &clean(evidence));
        }
        for (index, fix) in finding.fixes.iter().enumerate() {
            let label = if index == 0 { "fix" } else { "or" };
            self.labelled(label, &format!("{} ({})", clean(&fix.text), fix.actor.label()));
            if let Some(command) = &fix.command {
                // A command is never broken: it has to be pasted.
                self.out.text(&" ".repeat(19)).styled(&clean(command), Paint::new().bold()).end();
            }
        }
        let id = finding.problem.id;
        self.labelled("explain", &format!("entra-pg explain {id}"));
    }

    fn stages(&mut self, report: &Report) {
        let fold = self.style.verbose == 0;
        let head = format!(" {:<9}{:<7}{:>8}  {}", "STAGE", "STATUS", "TIME", "CHECK");
        self.out.styled(&head, Paint::new().dimmed()).end();
        for family in FAMILIES.iter().map(|family| family.name) {
            let lines: Vec<&Line> = report
                .judgement()
                .lines
                .iter()
                .filter(|line| line.check.family() == family)
                .collect();
            let quiet =
                |line: &&&Line| matches!(line.status, Status::Passed | Status::NotApplicable);
            if fold && lines.iter().filter(quiet).count() == lines.len() {
                self.folded(family, &lines);
            } else {
                for line in lines {
                    if !fold || line.status != Status::NotApplicable {
                        self.check(line);
                    }
                }
            }
        }
        self.line("");
    }

    /// One line for a family in which all is well.
    fn folded(&mut self, family: &str, lines: &[&Line]) {
        let passed: Vec<&&Line> =
            lines.iter().filter(|line| line.status == Status::Passed).collect();
        let Some(first) = passed.first() else { return };
        let took = passed.iter().map(|line| line.span.1).max().unwrap_or(0);
        let text =
            entra_pg_checks::family(family).map_or(first.check.asserts, |known| known.summary);
        self.row(family, Status::Passed, took, text);
    }

    fn check(&mut self, line: &Line) {
        let subject = line.subject.as_deref().map(clean);
        let says = subject.unwrap_or_else(|| line.check.asserts.to_owned());
        let text = match line.status {
            Status::Failed | Status::Warning => match line.explained_by {
                Some(cause) => format!("{} (explained by {})", clean(&line.detail), cause.id),
                None => clean(&line.detail),
            },
            _ if line.detail.is_empty() => says,
            _ => format!("{says}: {}", clean(&line.detail)),
        };
        self.row(line.check.family(), line.status, line.span.1, &text);
    }

    fn row(&mut self, family: &str, status: Status, milliseconds: u64, text: &str) {
        let (symbol, word, paint) = match status {
            Status::Passed => ("✓", "ok", Paint::new().green()),
            Status::Warning => ("!", "warn", Paint::new().yellow()),
            Status::Failed => ("✗", "FAIL", Paint::new().red().bold()),
            Status::Skipped => ("-", "skip", Paint::new().dimmed()),
            Status::Undetermined => ("?", "????", Paint::new().yellow()),
            Status::NotApplicable => ("·", "n/a", Paint::new().dimmed()),
        };
        let symbol = if self.style.unicode { symbol } else { " " };
        let took = match milliseconds {
            0 => String::new(),
            short => format!("{short}ms"),
        };
        let word = format!("{symbol} {word:<5}");
        let prefix = format!(" {family:<9}");
        let middle = format!("{took:>8}  ");
        let indent = prefix.len() + 7 + middle.len();
        let wrapped = wrap(text, self.width().saturating_sub(indent));
        for (index, part) in wrapped.iter().enumerate() {
            if index == 0 {
                self.out.text(&prefix).styled(&word, paint).text(&format!("{middle}{part}")).end();
            } else {
                self.line(&format!("{:indent$}{part}", ""));
            }
        }
    }

    /// Every Entra role and its principal, where an administrator asked.
    fn mapping(&mut self, report: &Report) {
        let lines = roles::lines(report.evidence());
        for line in &lines {
            self.line(&clean(line));
        }
        if !lines.is_empty() {
            self.line("");
        }
    }

    /// What to type next. Nothing of it is broken: it has to be pasted.
    fn connect(&mut self, report: &Report) {
        for instruction in report.connect() {
            self.paragraph(
                " next  ",
                &format!("{} ({})", instruction.client, instruction.place),
                Some(Paint::new().bold()),
            );
            for line in instruction.text.lines() {
                self.line(&format!("       {}", clean(line)));
            }
            let told = |note: &&String| !report.clients().is_empty() || note.contains("6432");
            for note in instruction.notes.iter().filter(told) {
                self.paragraph("       note: ", note, Some(Paint::new().dimmed()));
            }
            self.line("");
        }
    }

    fn last_line(&mut self, report: &Report) {
        let counts = Counts::of(&report.judgement().lines);
        let milliseconds = report.evidence().duration_ms;
        let mut text = format!(
            " {} ok  {} warn  {} FAIL  {} skip  {} ????   {}.{:02} s",
            counts.passed,
            counts.warned,
            counts.failed,
            counts.skipped,
            counts.undetermined,
            milliseconds / 1000,
            milliseconds % 1000 / 10
        );
        let areas: Vec<&str> = report.ruled_out().iter().map(|(area, _)| *area).collect();
        if !areas.is_empty() {
            let _ = write!(text, "   ruled out: {}", areas.join(", "));
        }
        for part in wrap(&text, self.width()) {
            self.line(&part);
        }
        for error in &report.evidence().tool_errors {
            self.paragraph(" note  ", &format!("the tool itself: {}", clean(error)), None);
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        self.paragraph(&format!("       {label:<10}"), text, None);
    }

    /// A text behind a label, broken to the width, with what follows set under its beginning.
    fn paragraph(&mut self, label: &str, text: &str, paint: Option<Paint>) {
        let indent = label.chars().count();
        for (index, part) in wrap(text, self.width().saturating_sub(indent)).iter().enumerate() {
            let before = if index == 0 { label.to_owned() } else { " ".repeat(indent) };
            let text = format!("{before}{part}");
            match paint {
                Some(paint) => self.out.styled(&text, paint).end(),
                None => self.line(&text),
            }
        }
    }

    fn width(&self) -> usize {
        self.style.width.clamp(40, WIDEST)
    }

    fn line(&mut self, text: &str) {
        self.out.text(text).end();
    }
}

fn target(settings: &Settings) -> String {
    let user = settings.user.as_ref().map_or("", |user| user.value.as_str());
    match &settings.host {
        Some(host) => format!(
            "{}:{}/{} as \"{user}\"",
            host.value, settings.port.value, settings.database.value
        ),
        None => "no server named".to_owned(),
    }
}

const fn outcome_word(report: &Report) -> &'static str {
    match report.judgement().outcome {
        Outcome::Healthy => "OK",
        Outcome::Degraded => "WARN",
        Outcome::Failing => "FAIL",
        Outcome::Undetermined => "????",
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    // Names and addresses have hyphens that belong to them.
    let options =
        textwrap::Options::new(width.max(20)).word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines: Vec<String> =
        textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}
