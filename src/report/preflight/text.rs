//! The checklist for people, at the width of the terminal.

use super::{about, headline, unused};
use crate::{
    report::Style,
    text::{Inert, Page, clean},
};
use entra_pg_checks::{
    Evidence,
    preflight::{Checklist, Item, State},
};
use owo_colors::Style as Paint;

/// Columns of the state before each requirement.
const INDENT: &str = "            ";
/// Lines of evidence of a requirement without `-v`.
const EVIDENCE_LINES: usize = 3;

pub(super) fn render(list: &Checklist, seen: &Evidence, style: &Style) -> Inert {
    let mut screen = Screen { page: Page::default(), width: style.width.clamp(40, 120) };
    screen.paragraph(&headline(list), "", "  ", Some(paint(list.state()).bold()));
    // The files are named in the formats that are attached to a change request.
    for (name, line) in about(list, seen).into_iter().filter(|(name, _)| *name != "File") {
        screen.paragraph(&format!("{name}: {line}"), "", "  ", None);
    }
    screen.page.end();
    for item in &list.items {
        screen.item(item);
    }
    for line in unused(seen) {
        screen.paragraph(&line, "", "  ", None);
    }
    screen.page.render(style.color)
}

const fn paint(state: State) -> Paint {
    match state {
        State::Go => Paint::new().green(),
        State::NoGo => Paint::new().red(),
        State::NotChecked => Paint::new().yellow(),
    }
}

struct Screen {
    page: Page,
    width: usize,
}

impl Screen {
    fn item(&mut self, item: &Item) {
        let mut lines = self.wrap(item.requirement.title, INDENT, INDENT).into_iter();
        let first = lines.next().unwrap_or_default();
        let mark = format!("{:<12}", item.state.name());
        self.page.styled(&mark, paint(item.state)).text(first.trim_start());
        self.page.end();
        for line in lines {
            self.page.text(&line);
            self.page.end();
        }
        self.inner(&format!("{}: {}", item.vantage, item.detail));
        if item.state == State::NoGo {
            for line in item.evidence.iter().take(EVIDENCE_LINES) {
                self.inner(line);
            }
        }
        if item.state == State::NotChecked {
            self.inner(&format!("to check: {}", item.supply));
            self.inner(&format!("role: {}", item.requirement.role));
            self.inner(&format!("portal: {}", item.requirement.portal));
        }
        for fix in &item.fixes {
            self.inner(&format!("fix: {}", fix.text));
        }
        if let Some((_, az)) = item.snippets.first() {
            self.inner("by the Azure CLI (Bicep and Terraform with --format markdown):");
            for line in az.lines() {
                self.page.text(&format!("{INDENT}{}", clean(line)));
                self.page.end();
            }
        }
    }

    fn inner(&mut self, text: &str) {
        self.paragraph(&clean(text), INDENT, INDENT, None);
    }

    fn paragraph(&mut self, text: &str, first: &str, rest: &str, paint: Option<Paint>) {
        for line in self.wrap(text, first, rest) {
            match paint {
                Some(paint) => self.page.styled(&line, paint),
                None => self.page.text(&line),
            };
            self.page.end();
        }
    }

    fn wrap(&self, text: &str, first: &str, rest: &str) -> Vec<String> {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
    }
}
