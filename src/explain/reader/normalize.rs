//! Brings a text into the forms that are searched: escapes decoded, frames and log prefixes removed.

use percent_encoding::percent_decode_str;

/// How often escapes are decoded: JSON inside JSON inside a log.
const DECODING_ROUNDS: usize = 6;

/// Texts at which a new statement begins, in dense form.
const BOUNDARIES: &[&str] = &[
    "psql:error:",
    "connectiontoserverat",
    "couldnotconnecttoserver",
    "fatal:",
    "error:",
    "causedby:",
    "--->",
    "httpsconnectionpool",
    "httpconnectionpool",
];

/// A text in the forms that are searched.
#[derive(Debug)]
pub(super) struct Normalized {
    /// Escapes, control sequences, frames and log prefixes are gone; letter case and lines are kept.
    pub(super) readable: String,
    /// Lower case, without white space and quotation marks: a line break anywhere does not matter.
    pub(super) dense: String,
    /// Offsets in `dense` at which statements begin.
    starts: Vec<usize>,
}

impl Normalized {
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let text = decoded(bytes);
        let mut readable = without_control_sequences(&text);
        for _ in 0..DECODING_ROUNDS {
            match unescaped(&readable) {
                Some(next) => readable = next,
                None => break,
            }
        }
        if readable.contains("error_description=") {
            readable =
                percent_decode_str(&readable.replace('+', " ")).decode_utf8_lossy().into_owned();
        }
        let readable: String = readable.lines().fold(String::new(), |mut out, line| {
            out.push_str(without_prefix(line));
            out.push('\n');
            out
        });
        let dense = dense(&readable);
        let mut starts = vec![0];
        for boundary in BOUNDARIES {
            starts.extend(dense.match_indices(boundary).map(|(at, _)| at));
        }
        starts.sort_unstable();
        starts.dedup();
        Self { readable, dense, starts }
    }

    /// The statement around an offset of the dense text.
    pub(super) fn statement(&self, at: usize) -> &str {
        let next = self.starts.partition_point(|start| *start <= at);
        let start = next.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let end = self.starts.get(next).copied().unwrap_or(self.dense.len());
        self.dense.get(start.unwrap_or(0)..end).unwrap_or_default()
    }
}

/// Lower case, without white space, quotation marks and backslashes. Fragments are brought into the
/// same form.
pub(super) fn dense(text: &str) -> String {
    text.chars()
        .filter(|character| {
            !character.is_whitespace()
                && !matches!(character, '"' | '\'' | '`' | '\\' | '«' | '»' | '„')
                && !is_frame(*character)
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// UTF-8, or UTF-16 with a byte order mark as PowerShell writes it.
fn decoded(bytes: &[u8]) -> String {
    let wide = |unit: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().copied().map(unit).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        other => String::from_utf8_lossy(other).into_owned(),
    }
}

/// Removes ANSI escape sequences and control characters; typographic quotation marks become plain.
fn without_control_sequences(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                let ends = |c: &char| c.is_ascii_alphabetic() || *c == '\u{7}';
                if characters.next_if_eq(&'[').is_some() {
                    while characters.next_if(|c| !ends(c)).is_some() {}
                    characters.next();
                }
            }
            '\r' => out.push('\n'),
            '\u{2018}' | '\u{2019}' | '\u{ff07}' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{ff02}' => out.push('"'),
            '\u{a0}' => out.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' => {}
            control if control.is_control() && !matches!(control, '\n' | '\t') => {}
            plain => out.push(plain),
        }
    }
    out
}

/// Decodes one level of JSON and HTML escapes; `None` if there is none.
fn unescaped(text: &str) -> Option<String> {
    const ENTITIES: &[(&str, char)] = &[
        ("&quot;", '"'),
        ("&#34;", '"'),
        ("&apos;", '\''),
        ("&#39;", '\''),
        ("&#x27;", '\''),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&nbsp;", ' '),
        ("&amp;", '&'),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find(['\\', '&']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let entity = ENTITIES.iter().find(|(entity, _)| from.starts_with(entity));
        let (plain, length) = match (entity, from.as_bytes()) {
            (Some((entity, plain)), _) => (Some(*plain), entity.len()),
            (None, [b'\\', b'n' | b'r', ..]) => (Some('\n'), 2),
            (None, [b'\\', b't', ..]) => (Some(' '), 2),
            (None, [b'\\', quote @ (b'"' | b'\'' | b'\\' | b'/'), ..]) => {
                (Some(char::from(*quote)), 2)
            }
            (None, [b'\\', b'u', ..]) => (from.get(2..6).and_then(hexadecimal), 6),
            _ => (None, 1),
        };
        match plain {
            Some(plain) => {
                out.push(plain);
                changed = true;
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                out.push_str(from.get(..1).unwrap_or_default());
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    changed.then(|| out + rest)
}

fn hexadecimal(digits: &str) -> Option<char> {
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}

/// A line without the frame, quotation, time and stream that a terminal or a log puts before it.
fn without_prefix(line: &str) -> &str {
    let mut rest = line.trim_start();
    loop {
        let framed = rest.trim_start_matches(|c: char| is_frame(c) || c.is_whitespace());
        let quoted = framed.strip_prefix("> ").unwrap_or(framed);
        let (word, after) = quoted.split_once(' ').unwrap_or((quoted, ""));
        let time = word.len() >= 19
            && word.as_bytes().get(4) == Some(&b'-')
            && word.as_bytes().get(10) == Some(&b'T');
        let stream = matches!(word, "stdout" | "stderr");
        let next = match (time, stream) {
            (true, _) => after,
            (_, true) => after.trim_start_matches("F ").trim_start_matches("P "),
            _ => quoted,
        };
        if next.len() == rest.len() {
            return rest;
        }
        rest = next.trim_start();
    }
}

/// Characters that draw frames around messages.
fn is_frame(character: char) -> bool {
    matches!(character, '\u{2500}'..='\u{257f}' | '|')
}
