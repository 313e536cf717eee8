//! What `az … -o json` and `-o yaml`, Azure Resource Manager and other exports give.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(azure) = fuzzing::azure_document(bytes) {
        let groups = azure.security_groups.seen().map(Vec::as_slice).unwrap_or_default();
        assert!(groups.iter().all(|group| group.rules.len() <= 20_006));
    }
});
