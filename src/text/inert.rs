//! The filter that all output passes.

use std::ops::Deref;

/// What replaces a character that could act.
const REPLACEMENT: char = '\u{fffd}';
/// The longest name between `##` and `[` that counts as a CI command, such as `vso` or `teamcity`.
const COMMAND_NAME: usize = 16;

/// Output that cannot act on the terminal, CI system or program that reads it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inert {
    bytes: Vec<u8>,
    kind: Kind,
}

/// What an output consists of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Kind {
    /// Text with values from outside.
    #[default]
    Text,
    /// JSON with values from outside.
    Json,
    /// No value from outside, or an output that was searched for secrets by itself.
    Searched,
}

impl Inert {
    /// Lines of text, Markdown, XML, HTML, YAML or Prometheus metrics. Line feeds and tabs pass; other
    /// active characters are replaced, and CI commands get a visible break.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut guard = Guard::default();
        for character in text.chars() {
            guard.push(&mut out, character);
        }
        Self { bytes: out.into_bytes(), kind: Kind::Text }
    }

    /// JSON, one document or one per line. Active characters and CI commands become `\u` escapes, which
    /// leaves every value as it is.
    #[must_use]
    pub(crate) fn json(json: &str) -> Self {
        let mut out = String::with_capacity(json.len());
        let mut command = CommandName::default();
        for character in json.chars() {
            let acts = character != '\n' && is_active(character);
            if command.ends_with(character) || acts {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                out.push(character);
            }
        }
        Self { bytes: out.into_bytes(), kind: Kind::Json }
    }

    /// A file that is not text, such as a zip archive. Its text parts are [`Inert`] by themselves.
    #[must_use]
    pub(crate) const fn archive(bytes: Vec<u8>) -> Self {
        Self { bytes, kind: Kind::Searched }
    }

    /// A line with an access token; `None` if the text is not a JSON Web Token and nothing else.
    #[must_use]
    pub(crate) fn token(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        // An encrypted token has five parts, of which the second, the key, may be empty.
        let base64url = |(index, part): (usize, &&str)| {
            let all = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            part.bytes().all(all) && (!part.is_empty() || index == 1 && parts.len() == 5)
        };
        let is_token = text.starts_with("eyJ")
            && matches!(parts.len(), 3 | 5)
            && parts.iter().enumerate().all(base64url);
        is_token.then(|| Self { bytes: format!("{text}\n").into_bytes(), kind: Kind::Searched })
    }

    /// What the program generates from its own definition: completions, the manual page, help.
    #[must_use]
    pub(crate) const fn own(bytes: Vec<u8>) -> Self {
        Self { bytes, kind: Kind::Searched }
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same output, which was searched for secrets.
    #[must_use]
    pub(crate) fn searched(self) -> Self {
        Self { kind: Kind::Searched, ..self }
    }

    /// What it consists of.
    #[must_use]
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Output made of several parts. Each part but the last ends with a line feed.
    #[must_use]
    pub(crate) fn concat(parts: &[Self]) -> Self {
        let bytes = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        let kind = parts.iter().map(Self::kind).find(|kind| *kind != Kind::Searched);
        Self { bytes, kind: kind.unwrap_or_default() }
    }

    pub(super) fn checked(text: String) -> Self {
        Self { bytes: text.into_bytes(), kind: Kind::Text }
    }
}

impl Deref for Inert {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// One line of untrusted text: line breaks and tabs become blanks, characters that act are replaced, CI
/// commands are broken.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut command = CommandName::default();
    for character in text.chars() {
        let shown = match character {
            '\t' | '\n' => ' ',
            active if is_active(active) => REPLACEMENT,
            plain => plain,
        };
        if command.ends_with(shown) {
            out.push(' ');
        }
        out.push(shown);
    }
    out
}

/// Whether a character controls the display in place of being displayed: controls, bidirectional marks,
/// line separators, tag characters, variation selectors and everything else that is invisible.
///
/// Source: Unicode, `Default_Ignorable_Code_Point`, `Bidi_Control`, categories Cc, Zl and Zp, and
/// noncharacters.
#[must_use]
pub const fn is_active(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || (character as u32) & 0xfffe == 0xfffe
}

/// Follows a stream of characters and changes those that would act.
#[derive(Default)]
pub(super) struct Guard {
    command: CommandName,
    /// Whether only blanks were written since the start of the line.
    in_line: bool,
    colon: bool,
}

impl Guard {
    /// Appends a character in its harmless form.
    pub(super) fn push(&mut self, out: &mut String, character: char) {
        let shown = match character {
            '\n' | '\t' => character,
            active if is_active(active) => REPLACEMENT,
            plain => plain,
        };
        // GitHub's runner trims a line and reads `::name …::` at its start as a command; both systems read
        // `##…[` anywhere.
        if self.command.ends_with(shown) || self.colon && shown == ':' {
            out.push(' ');
        }
        self.colon = shown == ':' && !self.in_line;
        self.in_line = shown != '\n' && (self.in_line || !shown.is_whitespace());
        out.push(shown);
    }
}

/// Recognizes the bracket that completes `##[`, `##vso[` or the like.
#[derive(Default)]
struct CommandName {
    hashes: usize,
    letters: usize,
}

impl CommandName {
    /// Whether this character completes the start of a CI command.
    fn ends_with(&mut self, character: char) -> bool {
        match character {
            '#' => {
                self.hashes = if self.letters == 0 { self.hashes + 1 } else { 1 };
                self.letters = 0;
            }
            '[' => {
                let completes = self.hashes >= 2 && self.letters <= COMMAND_NAME;
                *self = Self::default();
                return completes;
            }
            letter if letter.is_alphanumeric() && self.hashes >= 2 => self.letters += 1,
            _ => *self = Self::default(),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Inert, clean, is_active};
    use serde_json::{Value, json};

    fn text(text: &str) -> String {
        String::from_utf8(Inert::text(text).into_bytes()).expect("UTF-8")
    }

    proptest::proptest! {
        #[test]
        fn no_active_character_passes_clean(text: String) {
            proptest::prop_assert!(!clean(&text).chars().any(is_active));
        }

        #[test]
        fn no_active_character_passes_text(from in "(.|\n|#|\\[|:|vso){0,40}") {
            let shown = text(&from);
            proptest::prop_assert!(shown.chars().all(|c| "\n\t".contains(c) || !is_active(c)));
            proptest::prop_assert!(!shown.contains("##[") && !shown.contains("##vso["));
            proptest::prop_assert!(shown.lines().all(|line| !line.trim_start().starts_with("::")));
        }

        #[test]
        fn json_keeps_its_value(text in "(.|\n|#|\\[|:|vso|\u{9b}|\u{202e}|\u{e0041}){0,40}") {
            let value = json!({"a": text});
            for form in [value.to_string(), format!("{value:#}")] {
                let shown = Inert::json(&form).into_bytes();
                proptest::prop_assert_eq!(&serde_json::from_slice::<Value>(&shown).expect("JSON"), &value);
                let shown = String::from_utf8(shown).expect("UTF-8");
                proptest::prop_assert!(shown.chars().all(|c| c == '\n' || !is_active(c)));
                proptest::prop_assert!(!shown.contains("##[") && !shown.contains("##vso["));
            }
        }
    }

    #[test]
    fn escape_sequences_and_invisible_characters_are_replaced() {
        assert_eq!(clean("\u{1b}[31mred\r\n\u{202e}x"), "\u{fffd}[31mred\u{fffd} \u{fffd}x");
        for active in
            "\u{61c}\u{2028}\u{2029}\u{ad}\u{180e}\u{e0001}\u{e007f}\u{9b}\u{7f}\0".chars()
        {
            assert_eq!(clean(&active.to_string()), "\u{fffd}", "{active:?}");
            assert_eq!(text(&active.to_string()), "\u{fffd}", "{active:?}");
        }
        assert_eq!(clean("Zoë 王小明 राहुल محمد 🦀"), "Zoë 王小明 राहुल محمد 🦀");
    }

    #[test]
    fn ci_commands_are_broken_in_text_and_escaped_in_json() {
        assert_eq!(text("M##vso[task.x]y"), "M##vso [task.x]y");
        assert_eq!(text("##VSO[a ##[b ###[c ##teamcity[d"), "##VSO [a ## [b ### [c ##teamcity [d");
        assert_eq!(
            text("::set-env name=x::y\n \u{a0}::stop"),
            ": :set-env name=x::y\n \u{a0}: :stop"
        );
        assert_eq!(text("a::b [::1]\n## Title\n[x]"), "a::b [::1]\n## Title\n[x]");
        assert_eq!(clean("##vso[a"), "##vso [a");
        assert_eq!(Inert::json("\"##vso[a\"").into_bytes(), b"\"##vso\\u005ba\"");
    }
}
