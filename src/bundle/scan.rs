//! The last search before anything is written: the shapes of tokens and keys, and every secret of this run
//! in every encoding.

use crate::secret::{Secrets, shapes};
use std::{fmt, ops::Range};

/// A secret in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hit {
    /// The file.
    pub(crate) file: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// What it is, and in which form; never itself.
    pub(crate) what: String,
}

/// Searches a file of a bundle.
#[must_use]
pub(crate) fn scan(name: &str, bytes: &[u8], secrets: &Secrets) -> Vec<Hit> {
    let text = String::from_utf8_lossy(bytes);
    let shapes = shapes::find(&text).into_iter();
    let mut found = secrets.in_text(&text);
    found.extend(shapes.map(|shape| (shape.kind.to_owned(), shape.range)));
    hits(name, &text, found)
}

/// Searches a report. A secret that is a name typed in clear, and a password in an example of this tool's
/// pages, may be in it.
#[must_use]
pub(crate) fn scan_report(name: &str, bytes: &[u8], secrets: &Secrets) -> Vec<Hit> {
    let text = String::from_utf8_lossy(bytes);
    let shapes = shapes::find(&text).into_iter();
    let mut found = secrets.left_in(&text);
    let own = shapes.filter(|shape| shape.kind != shapes::IN_ADDRESS);
    found.extend(own.map(|shape| (shape.kind.to_owned(), shape.range)));
    hits(name, &text, found)
}

fn hits(name: &str, text: &str, found: Vec<(String, Range<usize>)>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    for (what, range) in found {
        let before = &text.as_bytes()[..range.start];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let hit = Hit { file: name.to_owned(), line, what };
        if !hits.contains(&hit) {
            hits.push(hit);
        }
    }
    hits
}

impl fmt::Display for Hit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} line {}: {}", self.file, self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::scan;
    use crate::secret::{Secret, Secrets};
    use std::sync::Arc;

    #[test]
    fn a_hit_names_its_line_and_not_the_secret() {
        let secrets = Secrets::default();
        secrets.keep("PGPASSWORD", Arc::new(Secret::new("Geheim-12345-lang".to_owned())));
        let lines = |text: &[u8]| -> Vec<(usize, String)> {
            scan("f", text, &secrets).into_iter().map(|hit| (hit.line, hit.what)).collect()
        };
        let as_it_is = || "PGPASSWORD (as it is)".to_owned();
        assert_eq!(lines(b"a\n\xff\xfe\nx Geheim-12345-lang Geheim-12345-lang"), [(3, as_it_is())]);
        assert_eq!(
            lines(b"Geheim-12345-lang\n\nGeheim-12345-lang"),
            [(1, as_it_is()), (3, as_it_is())]
        );
        assert_eq!(lines(b"a\nGeheim-\n  12345-lang"), [(2, as_it_is())]);
        assert_eq!(lines(b"ok\nhttp://me:geheim@proxy/"), [(2, "a password in an address".into())]);
        assert_eq!(lines(b"nothing\nof the kind"), []);
    }
}
