//! Static words, written as in a POSIX shell.

use super::{Piece, Word};

/// Splits a line into words: blanks separate, `'…'` and `"…"` quote, `$NAME` is a variable outside
/// single quotes.
///
/// # Panics
/// A quotation mark is not closed: a defect of ours, which the test over all commands finds.
pub(super) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = word(rest);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

fn word(mut rest: &str) -> (Word, &str) {
    let mut pieces = Vec::new();
    while let Some(first) = rest.chars().next() {
        match first {
            ' ' => break,
            '\'' | '"' => {
                let (inside, after) =
                    rest[1..].split_once(first).expect("a quotation mark is closed");
                if first == '\'' {
                    pieces.push(Piece::Text(inside.to_owned()));
                } else {
                    split_variables(inside, &mut pieces);
                }
                rest = after;
            }
            _ => {
                let end = rest.find([' ', '\'', '"']).unwrap_or(rest.len());
                split_variables(&rest[..end], &mut pieces);
                rest = &rest[end..];
            }
        }
    }
    (Word(pieces), rest)
}

fn split_variables(text: &str, pieces: &mut Vec<Piece>) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let name = &rest[at + 1..];
        let end = name
            .find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_')
            .unwrap_or(name.len());
        if at > 0 {
            pieces.push(Piece::Text(rest[..at].to_owned()));
        }
        if end == 0 {
            pieces.push(Piece::Text("$".to_owned()));
        } else {
            pieces.push(Piece::Unknown(name[..end].to_owned()));
        }
        rest = &name[end..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
}
