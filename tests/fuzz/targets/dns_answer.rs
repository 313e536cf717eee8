//! A nameserver's answer, whatever its bytes.
#![no_main]

use entra_pg::fuzzing;
use entra_pg_checks::facts::dns::AnswerOutcome;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let AnswerOutcome::Answered(reply) = fuzzing::dns_answer(bytes) {
        assert!(reply.addresses.len() <= 64 && reply.chain.len() <= 64);
        assert!(reply.rcode.as_str().len() <= 16);
    }
});
