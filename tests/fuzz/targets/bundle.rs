//! A support bundle, a report, or evidence, as `replay`, `diff` and `merge` read it.
#![no_main]

use entra_pg::{fuzzing, text::is_active};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = fuzzing::replayed(bytes, 0) {
        let active = |c: char| is_active(c) && c != '\n';
        assert!(!text.contains(active), "a control character is in the report");
        assert!(!text.contains("##["), "a command to a CI system is in the report");
    }
});
