//! Documents of users: the list of a fleet, a workload of Kubernetes, a pasted error text. The first byte
//! chooses.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    match choice % 3 {
        0 => assert!(fuzzing::fleet_list(rest).is_none_or(|targets| targets <= 10_000)),
        1 => {
            let _ = fuzzing::workload(rest);
        }
        _ => {
            let _ = fuzzing::explained(rest);
        }
    }
});
