//! The messages of a server up to its authentication request.
#![no_main]

use entra_pg::fuzzing;
use entra_pg_checks::facts::login::AuthRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match fuzzing::authentication_request(bytes) {
        Some(AuthRequest::Sasl { mechanisms }) => assert!(mechanisms.len() <= 8),
        Some(AuthRequest::Error(error)) => assert!(error.message.chars().count() <= 2000),
        // A request for the password is exactly that message, after notices at most.
        Some(AuthRequest::Cleartext) => {
            assert!(bytes.windows(9).any(|window| window == [b'R', 0, 0, 0, 8, 0, 0, 0, 3]));
        }
        _ => {}
    }
});
