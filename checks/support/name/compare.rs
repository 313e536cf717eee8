//! Two names, held against each other character by character.

use crate::text;
use unicode_normalization::UnicodeNormalization;

/// Characters that take no ink, or that look like a blank and are none.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// The name without what cannot be seen; blanks of other kinds become ordinary ones.
#[must_use]
pub fn without_invisible(name: &str) -> String {
    let plain = |character: char| match character {
        '\r' | '\n' => None,
        blank if blank.is_whitespace() => Some(' '),
        hidden if is_invisible(hidden) => None,
        other => Some(other),
    };
    name.chars().filter_map(plain).collect::<String>().trim().to_owned()
}

/// Where a name holds what cannot be seen, in words.
#[must_use]
pub fn invisible_places(name: &str) -> String {
    let mut places: Vec<String> = name
        .chars()
        .enumerate()
        .filter(|(_, character)| is_invisible(*character))
        .map(|(index, character)| format!("{} at character {}", called(character), index + 1))
        .collect();
    if name.starts_with(' ') {
        places.push("a blank at its beginning".to_owned());
    }
    if name.ends_with(' ') {
        places.push("a blank at its end".to_owned());
    }
    text::list(&places, 3)
}

fn called(character: char) -> String {
    let name = match character {
        '\r' => "a carriage return",
        '\n' => "a line break",
        '\t' => "a tab",
        '\u{a0}' => "a no-break space",
        '\u{200b}' => "a zero-width space",
        '\u{feff}' => "a byte-order mark",
        _ => return format!("U+{:04X}", u32::from(character)),
    };
    format!("{name} (U+{:04X})", u32::from(character))
}

/// The name with what cannot be seen written out.
#[must_use]
pub fn visible(name: &str) -> String {
    let show = |character: char| {
        if is_invisible(character) {
            format!("<U+{:04X}>", u32::from(character))
        } else {
            character.to_string()
        }
    };
    name.chars().map(show).collect()
}

/// The Latin letter or sign that a character of another script or a typographer's sign looks like.
fn latin(character: char) -> char {
    match character {
        'а' | 'α' => 'a',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' => 'C',
        'е' => 'e',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'і' | 'ι' => 'i',
        'І' | 'Ι' => 'I',
        'ј' => 'j',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'о' | 'ο' => 'o',
        'О' | 'Ο' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ѕ' => 's',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'υ' => 'u',
        'ν' => 'v',
        'х' => 'x',
        'Х' | 'Χ' => 'X',
        'у' => 'y',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        '\u{2018}' | '\u{2019}' | 'ʼ' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        other => other,
    }
}

/// The name as it is displayed: compositions and letters of other scripts made Latin. Letter case stays.
#[must_use]
pub fn as_it_looks(name: &str) -> String {
    name.nfkc().map(latin).collect()
}

/// Whether a word mixes Latin letters with letters of another script that only resemble Latin.
#[must_use]
pub fn mixes_scripts(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let alike = |c: char| !c.is_ascii() && latin(c).is_ascii_alphabetic();
        word.chars().any(alike) && word.chars().any(|c| c.is_ascii_alphabetic())
    })
}

/// Whether accents are separate characters after their letters in place of being one character with them.
#[must_use]
pub fn is_decomposed(name: &str) -> bool {
    name.nfc().ne(name.chars())
}

/// The first place where two names differ, with what distinguishes two similar characters.
#[must_use]
pub fn difference(name: &str, other: &str) -> String {
    let pairs = name.chars().zip(other.chars()).enumerate();
    match pairs.into_iter().find(|(_, (one, two))| one != two) {
        Some((index, (one, two))) if one.is_ascii() && two.is_ascii() => {
            format!("character {} is '{one}' where '{two}' is meant", index + 1)
        }
        Some((index, (one, two))) => {
            let byte = name.chars().take(index).map(char::len_utf8).sum::<usize>();
            format!(
                "character {} (byte {}) is '{one}' U+{:04X} where '{two}' U+{:04X} is meant",
                index + 1,
                byte + 1,
                u32::from(one),
                u32::from(two)
            )
        }
        None => {
            let (one, two) = (name.chars().count(), other.chars().count());
            format!("it has {one} characters, and {two} are meant")
        }
    }
}

/// At most so many bytes, cut between characters as PostgreSQL cuts names.
#[must_use]
pub fn cut(name: &str, bytes: usize) -> &str {
    let mut end = bytes.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::{as_it_looks, cut, difference, is_decomposed, mixes_scripts, without_invisible};

    #[test]
    fn places_are_counted_in_characters_and_bytes() {
        assert_eq!(difference("alice", "Alice"), "character 1 is 'a' where 'A' is meant");
        assert_eq!(
            difference("Zoë Smіth", "Zoë Smith"),
            "character 7 (byte 8) is 'і' U+0456 where 'i' U+0069 is meant"
        );
        assert_eq!(difference("ab", "abc"), "it has 2 characters, and 3 are meant");
    }

    #[test]
    fn names_as_they_look() {
        assert_eq!(as_it_looks("Рrod DB – Rеadonly"), "Prod DB - Readonly");
        assert!(mixes_scripts("Рrod DB"));
        assert!(!mixes_scripts("Прод DB"));
        assert!(is_decomposed("Zoe\u{308}") && !is_decomposed("Zoë"));
        assert_eq!(without_invisible("\u{feff}Prod\u{a0}DB\r\n"), "Prod DB");
        assert_eq!(cut("Zoë", 3), "Zo");
    }
}
