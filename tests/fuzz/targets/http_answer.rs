//! The answers of web servers and proxies. The first two bytes are the status.
#![no_main]

use entra_pg::fuzzing;
use entra_pg_checks::facts::outbound::Connect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((status, rest)) = bytes.split_first_chunk::<2>() {
        let (answer, _) = fuzzing::http_answer(u16::from_be_bytes(*status), rest);
        assert!(answer.title.is_none_or(|title| title.chars().count() <= 120));
        assert!(answer.location.is_none_or(|location| location.chars().count() <= 200));
    }
    if let Connect::Refused { reason, authenticate, .. } = fuzzing::proxy_answer(bytes) {
        assert!(reason.chars().count() <= 120 && authenticate.len() <= 16);
    }
});
