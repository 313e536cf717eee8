//! What a server says in place of the one byte that answers SSLRequest.
#![no_main]

use entra_pg::fuzzing;
use entra_pg_checks::facts::server::PreambleOutcome;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match fuzzing::preamble(bytes) {
        PreambleOutcome::Other { starts_with } => {
            assert!(starts_with.len() <= 64);
            assert!(starts_with.chars().all(|character| !character.is_control()));
        }
        PreambleOutcome::Http { status_line } => assert!(status_line.len() <= 120),
        PreambleOutcome::Error(error) => assert!(error.message.chars().count() <= 2000),
        _ => {}
    }
});
