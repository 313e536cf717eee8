//! The documents that the pages cite: their addresses and the day of the last check.

use crate::Page;

/// A document that a page cites.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Source {
    /// The title, as pages cite it.
    pub title: &'static str,
    /// The address.
    pub url: &'static str,
    /// The day of the last check, as `2026-11-25`.
    pub checked: &'static str,
    /// Whether the text of the document was compared with the facts, and not only the address checked.
    pub read: bool,
}

impl Source {
    /// What was checked, and when.
    #[must_use]
    pub fn check(&self) -> String {
        let what = if self.read { "read" } else { "address checked" };
        format!("{what} {}", self.checked)
    }
}

/// The document that explains the SQLSTATEs.
pub const SQLSTATES: &str = "PostgreSQL documentation, appendix A: error codes";

const TABLE: &str = include_str!("sources.tsv");

/// Every known document.
pub fn all() -> impl Iterator<Item = Source> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        let (title, url, checked) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Source { title, url, checked, read: fields.next() == Some("text") })
    })
}

/// The document of this title.
#[must_use]
pub fn source(title: &str) -> Option<Source> {
    all().find(|source| source.title == title)
}

impl Page {
    /// The documents that the page cites.
    #[must_use]
    pub fn documents(&self) -> Vec<Source> {
        self.sources.iter().filter_map(|title| source(title)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::all;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_has_an_address_and_a_day() {
        let mut titles = BTreeSet::new();
        for source in all() {
            assert!(titles.insert(source.title), "{} is there twice", source.title);
            assert!(source.url.starts_with("https://"), "{}: {}", source.title, source.url);
            let day: jiff::civil::Date = source.checked.parse().expect("a day");
            assert!(day.year() >= 2026, "{}: {day}", source.title);
        }
        assert!(titles.len() > 100, "{} documents", titles.len());
    }
}
