//! resolv.conf, nsswitch.conf and the hosts file.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (settings, order) = fuzzing::resolver_file(bytes);
    assert!(settings.nameservers.len() <= 3 && settings.search.len() <= 16);
    assert!(order.is_none_or(|order| order.chars().count() <= 200));
    let text = String::from_utf8_lossy(bytes);
    assert!(fuzzing::hosts_file(&text, "login.microsoftonline.com").len() <= 64);
});
