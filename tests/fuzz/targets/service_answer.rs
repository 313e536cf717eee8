//! The JSON of Microsoft Entra ID, Microsoft Graph and the metadata service, and endpoints. The first byte
//! chooses.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    if choice % 4 == 0 {
        let text = String::from_utf8_lossy(rest);
        if let Some(host) = fuzzing::endpoint(&text) {
            let local = host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[');
            let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            assert!(local || plain, "{host}");
            assert!(!text.trim_start().starts_with("http:") || !host.contains("evil"), "{text}");
        }
        return;
    }
    if let Some((error, next, interfaces)) = fuzzing::service_answer(rest) {
        assert!(error.codes.len() <= 8 && error.description.chars().count() <= 2000);
        assert!(interfaces <= 64);
        if let Some(link) = next {
            assert!(link.starts_with("https://graph.microsoft.com/"), "{link}");
        }
    }
});
