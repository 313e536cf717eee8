//! The nameservers and proxies of other systems: `scutil`, systemd-resolved, the Windows registry. The first
//! byte chooses.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    if choice % 2 == 0 {
        let (settings, routes) = fuzzing::nameserver_settings(&String::from_utf8_lossy(rest));
        assert!(settings.nameservers.len() <= 16 && settings.routes.len() <= 64);
        for route in &settings.routes {
            assert!(route.nameservers.len() <= 16 && route.domains.len() <= 64);
        }
        assert!(routes[0] <= 64 && routes[1] <= 64);
    } else {
        for proxy in fuzzing::proxy_settings(rest) {
            assert!(proxy.chars().count() <= 600, "{} characters", proxy.chars().count());
        }
    }
});
