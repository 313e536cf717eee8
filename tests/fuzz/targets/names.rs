//! Role names: every spelling that libpq reads gives the name back, and none is judged with a panic.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let name: String = String::from_utf8_lossy(bytes).replace('\0', "");
    if name.is_empty() {
        return;
    }
    let [conninfo, uri, line] = fuzzing::spellings(&name);
    assert_eq!(fuzzing::connection_string(&conninfo).as_deref(), Some(name.as_str()));
    assert_eq!(fuzzing::connection_string(&uri).as_deref(), Some(name.as_str()));
    // A line of the password file cannot hold a line break, in libpq neither.
    if !name.contains(['\n', '\r']) {
        let found = fuzzing::password_file(&line, "host", &name);
        assert_eq!(found.as_deref(), Some("secret"));
    }
    for (_, detail) in fuzzing::judge_name(&name) {
        assert!(!detail.is_empty());
    }
});
