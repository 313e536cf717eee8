//! Certificates and root files, in PEM and in DER.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for certificate in fuzzing::certificates(bytes) {
        assert!(certificate.names.len() <= 64);
    }
});
