//! The last look before a bundle is written: the shapes of tokens and keys, and every secret of this run in
//! every form in which it could stand in a file.

use crate::secret::{Secrets, shapes};
use std::fmt;

/// A secret in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hit {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What it is, and in which form; never itself.
    pub what: String,
}

/// Looks through a file. It is looked through a second time without white space, since a secret may be
/// broken over lines.
#[must_use]
pub fn scan(name: &str, bytes: &[u8], secrets: &Secrets) -> Vec<Hit> {
    let text = String::from_utf8_lossy(bytes);
    let mut hits = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for what in looks(line, secrets) {
            hits.push(Hit { file: name.to_owned(), line: index + 1, what });
        }
    }
    if hits.is_empty() {
        let joined: String = text.split_whitespace().collect();
        for what in secrets.in_text(&joined) {
            hits.push(Hit {
                file: name.to_owned(),
                line: 1,
                what: format!("{what}, broken over lines"),
            });
        }
    }
    hits
}

fn looks(line: &str, secrets: &Secrets) -> Vec<String> {
    let shapes = shapes::find(line).into_iter().map(|shape| shape.kind.to_owned());
    secrets.in_text(line).into_iter().chain(shapes).collect()
}

impl fmt::Display for Hit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} line {}: {}", self.file, self.line, self.what)
    }
}
