//! The matrix for people: the faults that targets share, then a line for each target.

use crate::{
    fleet::{Fleet, Gaps, Place, Placed, Row, Shared, Sides, State, shared, worst},
    report::Style,
    text::{Inert, Page as Lines, clean},
};
use entra_pg_checks::{Confidence, Outcome, Status};
use owo_colors::Style as Paint;
use std::fmt::Write;

/// A fleet of more targets than this shows only those that do not work.
const MOST_ROWS: usize = 40;
/// Names in a list of targets.
const MOST_NAMES: usize = 6;
/// Columns of a target's name.
const NAME: usize = 36;

pub(super) fn fleet(fleet: &Fleet, style: &Style) -> Inert {
    let mut page = Page { out: Lines::default(), style: *style };
    let (version, run) = (env!("CARGO_PKG_VERSION"), &fleet.run_id);
    let title =
        format!("entra-pg fleet {version}  {}  run {run}", count(fleet.rows.len(), "target"));
    page.out.styled(&title, Paint::new().dimmed()).end();
    page.line("");
    page.headline(fleet.outcome(), &sentence(fleet));
    for gap in fleet.gaps.iter().flat_map(gaps) {
        page.paragraph("       ", &gap, None);
    }
    page.line("");
    let roots = fleet.rows.iter().filter_map(|row| Some((row, row.root.as_ref()?)));
    page.faults(&shared(roots), "FAIL", "target");
    let warnings =
        fleet.rows.iter().flat_map(|row| row.warnings.iter().map(move |cause| (row, cause)));
    if !style.quiet {
        page.faults(&shared(warnings), "warn", "target");
        let all = style.verbose > 0 || fleet.rows.len() <= MOST_ROWS;
        let shown = |row: &&Row| all || !row.works();
        let rows: Vec<&Row> = fleet.rows.iter().filter(shown).collect();
        page.matrix("TARGET", &rows);
        let hidden = fleet.rows.len() - rows.len();
        if hidden > 0 {
            page.line(&format!(" … and {} where the login works (-v)", count(hidden, "target")));
        }
    }
    page.out.render(style.color)
}

pub(super) fn merge(places: &[Place], sides: &Sides, style: &Style) -> Inert {
    let mut page = Page { out: Lines::default(), style: *style };
    if sides.is_known() {
        page.headline(worst_of(places, sides), &clean(&sides.verdict()));
        page.line("");
    }
    for (index, place) in places.iter().enumerate() {
        if index > 0 {
            page.line("");
        }
        page.headline(place.outcome(), &conclusion(place));
        page.line("");
        let roots = place.rows.iter().filter_map(|row| Some((row, row.root.as_ref()?)));
        page.faults(&shared(roots), "FAIL", "location");
        page.matrix("LOCATION", &place.rows.iter().collect::<Vec<_>>());
    }
    if !sides.siblings.is_empty() {
        page.line("");
        page.matrix("SIBLING", &sides.siblings.iter().collect::<Vec<_>>());
    }
    page.line("");
    let rows = places.iter().flat_map(|place| &place.rows).chain(&sides.siblings);
    page.legend(&rows.collect::<Vec<&Row>>());
    page.out.render(style.color)
}

/// The worst of both networks.
fn worst_of(places: &[Place], sides: &Sides) -> Outcome {
    let rows = places.iter().flat_map(|place| &place.rows).chain(&sides.siblings);
    let rows: Vec<Row> = rows.cloned().collect();
    if sides.azure.is_empty() { worst(&rows) } else { Outcome::Failing }
}

/// From where it works, and where the ways part.
fn conclusion(place: &Place) -> String {
    let names = |works: bool| {
        let rows: Vec<&Row> = place.rows.iter().filter(|row| row.works() == works).collect();
        some_names(&rows)
    };
    let server = clean(&place.target);
    match place.placed() {
        Placed::Everywhere => format!("{server} works from {}", names(true)),
        Placed::NowhereForOneCause => format!(
            "{server} fails from every location for the same reason, so the location is not the cause"
        ),
        Placed::Nowhere => format!("{server} fails from every location: {}", names(false)),
        Placed::Somewhere => {
            let parts = match place.parts_at() {
                Some(family) => format!("; the first stage in which the places differ is {family}"),
                None => String::new(),
            };
            format!("{server} works from {}, and not from {}{parts}", names(true), names(false))
        }
    }
}

fn sentence(fleet: &Fleet) -> String {
    let count_of = |state: State| fleet.rows.iter().filter(|row| row.state == state).count();
    let mut parts = Vec::new();
    for (state, words) in [
        (State::Looked(Outcome::Failing), "fail"),
        (State::Looked(Outcome::Undetermined), "undetermined"),
        (State::Looked(Outcome::Degraded), "work, with a warning"),
        (State::Looked(Outcome::Healthy), "work"),
        (State::NotBegun, "were not checked: interrupted"),
    ] {
        let count = count_of(state);
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    if fleet.missing() > 0 {
        parts.push(format!("{} have no result", fleet.missing()));
    }
    let targets = count(fleet.rows.len() + fleet.missing(), "target");
    let (seconds, tenths) = (fleet.duration_ms / 1000, fleet.duration_ms % 1000 / 100);
    format!("of {targets}: {} ({seconds}.{tenths} s)", parts.join(", "))
}

/// What the joined results of several runs do not hold, one sentence each.
fn gaps(gaps: &Gaps) -> Vec<String> {
    let mut sentences = gaps.shards.clone();
    if gaps.of_other_lists > 0 {
        let results = count(gaps.of_other_lists, "result");
        sentences.push(format!("{results} of another list left out"));
    }
    sentences
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn some_names(rows: &[&Row]) -> String {
    let shown = if rows.len() > MOST_NAMES { MOST_NAMES - 1 } else { rows.len() };
    let mut names: Vec<String> = rows.iter().take(shown).map(|row| clean(&row.name)).collect();
    if rows.len() > shown {
        names.push(format!("{} more", rows.len() - shown));
    }
    names.join(", ")
}

struct Page {
    out: Lines,
    style: Style,
}

impl Page {
    fn headline(&mut self, outcome: Outcome, sentence: &str) {
        let (word, paint) = match outcome {
            Outcome::Healthy => ("OK", Paint::new().green().bold()),
            Outcome::Degraded => ("WARN", Paint::new().yellow().bold()),
            Outcome::Undetermined => ("????", Paint::new().yellow().bold()),
            Outcome::Failing => ("FAIL", Paint::new().red().bold()),
        };
        self.paragraph(&format!(" {word:<4}  "), sentence, Some(paint));
    }

    fn faults(&mut self, faults: &[Shared<'_>], word: &str, noun: &str) {
        for fault in faults {
            let cause = fault.cause;
            let guess = match cause.confidence {
                Confidence::Certain => "",
                Confidence::Likely => "probably: ",
                Confidence::Possible => "perhaps: ",
            };
            let about = match (cause.own, fault.rows.len()) {
                (true, 2..) => format!(", such as: {guess}{}", clean(&cause.detail)),
                _ => format!(": {guess}{}", clean(&cause.detail)),
            };
            let head = format!("{}, {}{about}", count(fault.rows.len(), noun), cause.problem.id);
            let paint = if word == "FAIL" { Paint::new().red() } else { Paint::new().yellow() };
            self.paragraph(&format!(" {word:<4}  "), &head, Some(paint));
            self.paragraph("       on        ", &some_names(&fault.rows), None);
            if let Some(fix) = cause.fixes.first() {
                let text = format!("{} ({})", clean(&fix.text), fix.actor.label());
                self.paragraph("       fix       ", &text, None);
                if let Some(command) = &fix.command {
                    // A command is never broken: it has to be pasted.
                    self.line(&format!("{:17}  {}", "", clean(command)));
                }
            }
            self.line("");
        }
    }

    fn matrix(&mut self, what: &str, rows: &[&Row]) {
        if rows.is_empty() {
            return;
        }
        let suffix = common_suffix(rows);
        let short = |row: &Row| clean(row.name.strip_suffix(suffix).unwrap_or(&row.name));
        let widest = rows.iter().map(|row| short(row).chars().count()).max().unwrap_or(0);
        let width = widest.clamp(what.len(), NAME);
        if !suffix.is_empty() {
            let text = format!(" every name ends in {}", clean(suffix));
            self.out.styled(&text, Paint::new().dimmed()).end();
        }
        let mut head = format!(" {what:<width$} ");
        let families = stages(rows);
        for family in &families {
            let short: String = family.chars().take(3).collect();
            let _ = write!(head, " {short:<4}");
        }
        head.push_str("    TIME");
        self.out.styled(&head, Paint::new().dimmed()).end();
        for row in rows {
            let name = shortened(&short(row), width);
            self.out.text(&format!(" {name:<width$} "));
            for family in &families {
                let of_family = row.stages.iter().find(|(known, _)| known == family);
                self.cell(of_family.map(|(_, status)| *status));
            }
            let took = format!("{}ms", row.duration_ms);
            let problem = row.root.as_ref().map_or("", |root| root.problem.id);
            self.out.text(&format!("{took:>8}  {problem}")).end();
        }
    }

    /// What the columns and the symbols are.
    fn legend(&mut self, rows: &[&Row]) {
        let columns = stages(rows).into_iter().map(|family| {
            let short: String = family.chars().take(3).collect();
            format!("{short} {family}")
        });
        let columns: Vec<String> = columns.collect();
        self.paragraph(" columns  ", &columns.join(", "), None);
        let symbols = [
            (Status::Passed, "passed"),
            (Status::Warning, "warning"),
            (Status::Failed, "failed"),
            (Status::Skipped, "skipped"),
            (Status::Undetermined, "could not check"),
            (Status::NotApplicable, "not applicable"),
        ];
        let symbols = symbols.map(|(status, meaning)| {
            let (symbol, word, _) = signs(Some(status));
            format!("{} {meaning}", if self.style.unicode { symbol } else { word })
        });
        self.paragraph(" cells    ", &symbols.join(", "), None);
    }

    fn cell(&mut self, status: Option<Status>) {
        let (symbol, word, paint) = signs(status);
        let text = if self.style.unicode { symbol } else { word };
        self.out.text(" ").styled(&format!("{text:<4}"), paint);
    }

    fn paragraph(&mut self, label: &str, text: &str, paint: Option<Paint>) {
        let indent = label.chars().count();
        let width = self.style.width.clamp(40, 100).saturating_sub(indent).max(20);
        // A host name is not broken at its hyphens: it has to be found again.
        let options =
            textwrap::Options::new(width).word_splitter(textwrap::WordSplitter::NoHyphenation);
        for (index, part) in textwrap::wrap(text, options).iter().enumerate() {
            let before = if index == 0 { label.to_owned() } else { " ".repeat(indent) };
            let line = format!("{before}{part}");
            match paint {
                Some(paint) => self.out.styled(&line, paint).end(),
                None => self.line(&line),
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.out.text(text).end();
    }
}

/// The families that any row has, in the order of the row with the most.
fn stages(rows: &[&Row]) -> Vec<&'static str> {
    let longest = rows.iter().max_by_key(|row| row.stages.len());
    longest.map(|row| row.stages.iter().map(|(family, _)| *family).collect()).unwrap_or_default()
}

/// The domain that all names end in, from its dot on.
fn common_suffix<'a>(rows: &[&'a Row]) -> &'a str {
    let Some((first, others)) = rows.split_first() else { return "" };
    let starts = first.name.match_indices('.').map(|(at, _)| &first.name[at..]);
    starts
        .filter(|_| !others.is_empty())
        .find(|suffix| others.iter().all(|row| row.name.ends_with(suffix)))
        .unwrap_or("")
}

/// The beginning distinguishes servers, and so does the end.
fn shortened(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head: String = name.chars().take(kept - kept / 3).collect();
    let tail: String = name.chars().skip(length - kept / 3).collect();
    format!("{head}…{tail}")
}

/// The symbol, the word where there are no symbols, and the color of a status.
fn signs(status: Option<Status>) -> (&'static str, &'static str, Paint) {
    match status {
        Some(Status::Passed) => ("✓", "ok", Paint::new().green()),
        Some(Status::Warning) => ("!", "warn", Paint::new().yellow()),
        Some(Status::Failed) => ("✗", "FAIL", Paint::new().red().bold()),
        Some(Status::Skipped) => ("-", "-", Paint::new().dimmed()),
        Some(Status::Undetermined) => ("?", "????", Paint::new().yellow()),
        Some(Status::NotApplicable) => ("·", ".", Paint::new().dimmed()),
        None => (" ", " ", Paint::new()),
    }
}
