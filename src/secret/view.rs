//! Views of a text in which a secret cannot hide: escapes are decoded, separators and letter case are
//! removed. Each view knows where in the text its parts come from.

use crate::text::is_active;
use std::ops::Range;

/// The letters and digits of a text in lower case, with the position of each byte's source.
#[derive(Default)]
pub(super) struct Squeezed {
    pub(super) text: String,
    sources: Vec<Range<usize>>,
}

impl Squeezed {
    /// Squeezes a text after it has decoded percent escapes, backslash escapes and HTML references.
    pub(super) fn of(text: &str) -> Self {
        let mut squeezed = Self::default();
        for (character, source) in decoded(text) {
            if character.is_alphanumeric() {
                let lower = character.to_ascii_lowercase();
                squeezed.text.push(lower);
                let bytes = std::iter::repeat_n(source, lower.len_utf8());
                squeezed.sources.extend(bytes);
            }
        }
        squeezed
    }

    /// The part of the text that a part of the view comes from.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.sources.get(range.start);
        let last = range.end.checked_sub(1).and_then(|last| self.sources.get(last));
        match (first, last) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }
}

/// A text without invisible characters, with the position of each byte's source; `None` if it has none.
pub(super) fn visible(text: &str) -> Option<(String, Vec<usize>)> {
    // The output layer replaces active characters with U+FFFD.
    let hidden = |character: char| {
        character == char::REPLACEMENT_CHARACTER
            || is_active(character) && !"\n\r\t".contains(character)
    };
    if !text.contains(hidden) {
        return None;
    }
    let mut shown = String::with_capacity(text.len());
    let mut sources = Vec::with_capacity(text.len() + 1);
    for (at, character) in text.char_indices().filter(|(_, character)| !hidden(*character)) {
        shown.push(character);
        sources.extend((0..character.len_utf8()).map(|offset| at + offset));
    }
    sources.push(text.len());
    Some((shown, sources))
}

/// The characters of a text with their sources. A text may be escaped twice.
fn decoded(text: &str) -> Vec<(char, Range<usize>)> {
    let mut characters: Vec<(char, Range<usize>)> =
        text.char_indices().map(|(at, c)| (c, at..at + c.len_utf8())).collect();
    for _ in 0..2 {
        if !characters.iter().any(|(character, _)| matches!(character, '%' | '\\' | '&')) {
            break;
        }
        characters = decoded_once(&characters);
    }
    characters
}

fn decoded_once(characters: &[(char, Range<usize>)]) -> Vec<(char, Range<usize>)> {
    let mut out = Vec::with_capacity(characters.len());
    let mut at = 0;
    while let Some((character, source)) = characters.get(at) {
        let ahead = characters.get(at + 1..characters.len().min(at + 12)).unwrap_or_default();
        match escape(*character, ahead) {
            Some((decoded, length)) => {
                let end = characters.get(at + length).map_or(source.end, |(_, last)| last.end);
                out.push((decoded, source.start..end));
                at += length + 1;
            }
            None => {
                out.push((*character, source.clone()));
                at += 1;
            }
        }
    }
    out
}

/// The character that an escape encodes, and how many characters follow the first.
fn escape(first: char, ahead: &[(char, Range<usize>)]) -> Option<(char, usize)> {
    let hex = |from: usize, count: usize| -> Option<char> {
        let digits: String = ahead.get(from..from + count)?.iter().map(|(c, _)| *c).collect();
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    };
    let second = ahead.first().map(|(character, _)| *character);
    match (first, second) {
        ('%', Some(_)) => Some((hex(0, 2)?, 2)),
        ('\\', Some('x')) => Some((hex(1, 2)?, 3)),
        ('\\', Some('u')) => Some((hex(1, 4)?, 5)),
        ('\\', Some('n' | 'r' | 't')) => Some((' ', 1)),
        ('&', Some('#')) => {
            let end = ahead.iter().position(|(character, _)| *character == ';')?;
            let digits: String = ahead.get(1..end)?.iter().map(|(c, _)| *c).collect();
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => digits.parse().ok()?,
            };
            Some((char::from_u32(code)?, end + 1))
        }
        ('&', Some(_)) => {
            let end = ahead.iter().position(|(character, _)| *character == ';')?;
            let name: String = ahead.get(..end)?.iter().map(|(c, _)| *c).collect();
            let character = match name.as_str() {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                _ => return None,
            };
            Some((character, end + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Squeezed, visible};

    #[test]
    fn escapes_are_decoded_and_positions_lead_back() {
        let text = "a%42-\\u0043 \\x44&#69;&#x46;&amp;\u{200b}g%2548";
        let squeezed = Squeezed::of(text);
        assert_eq!(squeezed.text, "abcdefgh");
        assert_eq!(&text[squeezed.source(&(1..2))], "%42");
        assert_eq!(&text[squeezed.source(&(2..4))], "\\u0043 \\x44");
        assert_eq!(&text[squeezed.source(&(7..8))], "%2548");
    }

    #[test]
    fn invisible_characters_are_removed() {
        let (shown, sources) = visible("a\u{200b}b\u{e0041}c").expect("some");
        assert_eq!((shown.as_str(), sources), ("abc", vec![0, 4, 9, 10]));
        assert!(visible("abc\n").is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_squeezed(text: String) {
            let squeezed = Squeezed::of(&text);
            for at in 0..squeezed.text.len() {
                proptest::prop_assert!(text.get(squeezed.source(&(at..at + 1))).is_some());
            }
        }
    }
}
