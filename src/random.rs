//! Random numbers that are not keys, and the start of the generator for those that are.

use std::thread;

/// Random bytes of the system. They are zeros if it has none, so a caller must not depend on them for
/// secrecy.
///
/// The crypto library is not asked. If it was built without `AWS_LC_SYS_NO_JITTER_ENTROPY=1`, as by
/// `cargo install`, its first number takes 30 ms, and a name could not be asked for until then.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// Starts the crypto library's generator in a thread of its own, so that it is ready when the first
/// handshake needs a key.
pub(crate) fn prepare_keys() {
    // Without the thread the first handshake waits instead.
    let _ = thread::Builder::new().name("random".into()).spawn(|| {
        let _ = aws_lc_rs::rand::fill(&mut [0; 1]);
    });
}
