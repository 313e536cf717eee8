//! What is typed and what libpq's files hold: connection strings, URIs, password and service files.
//! The first byte chooses.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match choice % 5 {
        0 => {
            let _ = fuzzing::connection_string(&text);
            let _ = fuzzing::typed_error(&text);
        }
        1 => {
            let _ = fuzzing::connection_string(&format!("postgresql://{text}"));
        }
        2 => {
            if let Some(password) = fuzzing::password_file(&text, "host", "user") {
                assert!(!password.contains('\n') && password.len() <= text.len());
            }
        }
        3 => {
            // Nothing of a password that was typed comes out in an error.
            let typed = format!("host=h password=Xq7{text}");
            let said = fuzzing::typed_error(&typed).unwrap_or_default();
            assert!(!said.contains("Xq7"), "the password is in the error");
        }
        _ => {
            let _ = fuzzing::service_file(&text, "prod");
        }
    }
});
