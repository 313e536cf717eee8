//! What came from outside, made fit to be shown.

/// Replaces what could move a terminal's cursor, colour it, or turn the direction of writing: control
/// characters, escape sequences, bidirectional marks, invisible characters.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' | '\n' => ' ',
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => '\u{fffd}',
            control if control.is_control() => '\u{fffd}',
            plain => plain,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::clean;

    proptest::proptest! {
        #[test]
        fn no_control_character_is_left(text: String) {
            proptest::prop_assert!(!clean(&text).chars().any(char::is_control));
        }
    }

    #[test]
    fn an_escape_sequence_loses_its_power() {
        assert_eq!(clean("\u{1b}[31mred\r\n\u{202e}x"), "\u{fffd}[31mred\u{fffd} \u{fffd}x");
    }
}
