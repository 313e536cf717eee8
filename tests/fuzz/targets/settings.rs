//! What is typed and what libpq's files hold: connection strings of libpq and of other drivers, URIs, password
//! and service files.
//! The first byte chooses.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match choice % 7 {
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
        4 => {
            if let Some((conninfo, _)) = fuzzing::converted(&text) {
                let _ = fuzzing::connection_string(&conninfo);
            }
        }
        5 => {
            // Nothing of a password is in what the report shows of a string of another driver.
            for start in ["jdbc:postgresql://h/d?user=a&password=Xq7", "Server=h;User Id=a;Password=Xq7"] {
                let shown = fuzzing::converted(&format!("{start}{text}")).map(|(_, shown)| shown);
                assert!(!shown.is_some_and(|shown| shown.contains("Xq7")), "the password is shown");
            }
        }
        _ => {
            let _ = fuzzing::service_file(&text, "prod");
        }
    }
});
