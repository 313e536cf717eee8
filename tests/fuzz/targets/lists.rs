//! Documents of users: the list of a fleet, a workload of Kubernetes, a pasted error text, and the reports
//! and results that `merge` finds in a log. The first byte chooses.
#![no_main]

use entra_pg::{fuzzing, text::is_active};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    match choice % 4 {
        0 => assert!(fuzzing::fleet_list(rest).is_none_or(|targets| targets <= 10_000)),
        1 => {
            let _ = fuzzing::workload(rest);
        }
        2 => {
            if let Some(text) = fuzzing::merged(rest) {
                assert!(!text.contains(|c: char| is_active(c) && c != '\n'), "a control character");
            }
        }
        _ => {
            let _ = fuzzing::explained(rest);
        }
    }
});
