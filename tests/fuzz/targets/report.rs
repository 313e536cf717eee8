//! Every format of a report on evidence from elsewhere, and the differences between two runs. The first byte
//! chooses.
#![no_main]

use entra_pg::{fuzzing, text::is_active};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = match choice % 9 {
        8 => {
            let middle = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len() / 2);
            let (before, after) = rest.split_at(middle);
            fuzzing::compared(before, after)
        }
        format => fuzzing::replayed(rest, format),
    };
    if let Ok(text) = text {
        // Differences are text that the output layer cleans.
        let active = |c: char| is_active(c) && c != '\n' && c != '\t';
        assert!(choice % 9 == 8 || !text.contains(active), "a character that acts is in the report");
        assert!(choice % 9 == 8 || !text.contains("##["), "a command to a CI system is in the report");
    }
});
