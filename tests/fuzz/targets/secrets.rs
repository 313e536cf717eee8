//! The search for secrets: none is left in any text, whatever surrounds it.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let redacted = fuzzing::redacted(&text);
    assert!(!redacted.contains(fuzzing::SECRET), "the secret is left");
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let (start, end) = text.split_at(middle);
    let redacted = fuzzing::redacted(&format!("{start}{}{end}", fuzzing::SECRET));
    assert!(!redacted.contains(fuzzing::SECRET), "the secret is left");
});
