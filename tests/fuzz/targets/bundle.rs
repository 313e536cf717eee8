//! A support bundle, a report, or evidence, as `replay`, `diff` and `merge` read it.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = fuzzing::replayed(bytes) {
        let active = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(active), "a control character is in the report");
        assert!(!text.contains("##["), "a command to a CI system is in the report");
    }
});
