//! Lines for a terminal. A color is data that the page turns into escape sequences at the end; text
//! cannot bring its own.

use super::inert::{Guard, Inert};
use owo_colors::Style;
use std::fmt::Write;

/// Lines of text with styles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    lines: Vec<Vec<Span>>,
}

#[derive(Clone, Debug)]
struct Span {
    text: String,
    style: Option<Style>,
}

impl Page {
    /// Adds text to the last line. A line break in it becomes a blank.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.span(text, None)
    }

    /// Adds text in a style to the last line.
    pub(crate) fn styled(&mut self, text: &str, style: Style) -> &mut Self {
        self.span(text, Some(style))
    }

    /// Ends the last line, without the blanks at its end.
    pub(crate) fn end(&mut self) {
        if let Some(line) = self.lines.last_mut() {
            while let Some(last) = line.last_mut() {
                last.text.truncate(last.text.trim_end().len());
                if !last.text.is_empty() {
                    break;
                }
                line.pop();
            }
        } else {
            self.lines.push(Vec::new());
        }
        self.lines.push(Vec::new());
    }

    /// Adds an empty line, unless the last one is empty.
    pub(crate) fn blank(&mut self) {
        let ended = self.lines.len().saturating_sub(1);
        if self.lines[..ended].last().is_some_and(|line| !line.is_empty()) {
            self.end();
        }
    }

    /// The text of every line that was ended.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        let ended = self.lines.len().saturating_sub(1);
        let text = |line: &Vec<Span>| line.iter().map(|span| span.text.as_str()).collect();
        self.lines[..ended].iter().map(text).collect()
    }

    /// The page as output, with or without its styles.
    #[must_use]
    pub(crate) fn render(&self, color: bool) -> Inert {
        let mut out = String::new();
        let mut guard = Guard::default();
        for (index, line) in self.lines.iter().enumerate() {
            if index > 0 {
                guard.push(&mut out, '\n');
            }
            for span in line {
                let style = span.style.filter(|_| color);
                if let Some(style) = style {
                    let _ = write!(out, "{}", style.prefix_formatter());
                }
                span.text.chars().for_each(|character| guard.push(&mut out, character));
                if let Some(style) = style {
                    let _ = write!(out, "{}", style.suffix_formatter());
                }
            }
        }
        Inert::checked(out)
    }

    fn span(&mut self, text: &str, style: Option<Style>) -> &mut Self {
        let text = text.replace(['\n', '\t'], " ");
        if self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        if let Some(line) = self.lines.last_mut() {
            line.push(Span { text, style });
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use owo_colors::Style;

    fn shown(page: &Page, color: bool) -> String {
        String::from_utf8(page.render(color).into_bytes()).expect("UTF-8")
    }

    #[test]
    fn a_style_is_the_only_source_of_escape_sequences() {
        let mut page = Page::default();
        page.styled("\u{1b}[32mred", Style::new().red()).text(" plain\nstill  ").end();
        page.end();
        page.text("##").styled("vso[x]", Style::new().bold()).end();
        assert_eq!(shown(&page, false), "\u{fffd}[32mred plain still\n\n##vso [x]\n");
        assert_eq!(
            shown(&page, true),
            "\u{1b}[31m\u{fffd}[32mred\u{1b}[0m plain still\n\n##\u{1b}[1mvso [x]\u{1b}[0m\n"
        );
    }

    #[test]
    fn blanks_at_the_end_of_a_line_are_dropped_and_spans_are_one_line() {
        let mut page = Page::default();
        page.text("a").styled("  ", Style::new().bold()).text(" ").end();
        page.text(":").styled(":error::x", Style::new().bold()).end();
        assert_eq!(shown(&page, false), "a\n: :error::x\n");
    }
}
