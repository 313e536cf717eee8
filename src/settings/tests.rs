use super::{TargetArgs, resolve, uri};
use crate::{environment::Environment, settings::usage::UsageError};
use entra_pg_checks::facts::settings::{Origin, Settings};
use proptest::prelude::prop_assert_eq;

fn conninfo(text: &str) -> Result<Settings, UsageError> {
    let args = TargetArgs { conninfo: Some(text.to_owned()), ..TargetArgs::default() };
    resolve(&args, &Environment::default()).map(|(settings, _)| settings)
}

fn user(text: &str) -> String {
    conninfo(text).expect(text).user.expect("a user").value
}

/// What stock libpq 15 sent to a server for each of these texts.
#[test]
fn reads_names_as_libpq_does() {
    assert_eq!(user(r"user=Prod\ DB\ Readonly"), "Prod DB Readonly");
    assert_eq!(user("user='Prod DB Readonly'"), "Prod DB Readonly");
    assert_eq!(user(r"user='O\'Neil'"), "O'Neil");
    assert_eq!(user(r"user=CONTOSO\bob"), "CONTOSObob");
    assert_eq!(user("user = g_c.com#EXT#@t.onmicrosoft.com"), "g_c.com#EXT#@t.onmicrosoft.com");
    assert_eq!(user("postgresql://Prod%20DB@host/db"), "Prod DB");
    assert_eq!(user("postgresql://Prod DB@host/db"), "Prod DB");
    assert_eq!(user("postgresql://Prod+DB@host/db"), "Prod+DB");
    assert_eq!(user("postgresql://g#EXT#%40t@host/db"), "g#EXT#@t");
}

#[test]
fn a_bare_blank_is_marked_and_corrected() {
    let error = conninfo("host=h user=Prod DB Readonly dbname=x").expect_err("malformed");
    assert!(error.message.contains(r#"missing "=" after "DB""#));
    assert_eq!(error.suggestion.as_deref(), Some("host=h user='Prod DB Readonly' dbname=x"));
    assert!(error.to_string().contains("^^"));
}

#[test]
fn a_raw_at_in_a_uri_is_corrected_without_showing_the_password() {
    let error = conninfo("postgresql://a@t.com:geheim@host/db").expect_err("malformed");
    assert!(!error.to_string().contains("geheim"), "{error}");
    assert!(error.suggestion.expect("a suggestion").contains("postgresql://a%40t.com:…@host"));
}

#[test]
fn malformed_input_names_its_place() {
    for text in ["user='x", "usr=x", "postgresql://h/%zz", "port=0", "postgresql://h:99999/d"] {
        let error = conninfo(text).expect_err(text);
        assert!(error.suggestion.is_some(), "{text}: {error}");
    }
}

#[test]
fn the_command_line_wins_and_the_loser_is_kept() {
    let environment = Environment::from_pairs([("PGUSER", "env"), ("PGHOST", "h")]);
    let args = TargetArgs { username: Some("flag".to_owned()), ..TargetArgs::default() };
    let (settings, _) = resolve(&args, &environment).expect("resolved");
    assert_eq!(settings.user.expect("a user").value, "flag");
    assert_eq!((settings.overridden.len(), settings.overridden[0].value.as_str()), (1, "env"));
    assert_eq!(settings.database.value, "flag");
    assert_eq!(settings.database.origin, Origin::Default);
}

#[test]
fn the_password_is_no_setting() {
    let environment = Environment::from_pairs([("PGPASSWORD", "geheim"), ("PGHOST", "h")]);
    let (settings, password) = resolve(&TargetArgs::default(), &environment).expect("resolved");
    assert_eq!(password.expect("a password").expose(), "geheim");
    assert!(!serde_json::to_string(&settings).expect("JSON").contains("geheim"));
}

#[cfg(unix)]
#[test]
fn a_password_file_that_others_may_read_is_ignored() {
    use std::os::unix::fs::PermissionsExt;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "h:*:*:Prod DB:to\\:ken\n").expect("written");
    let path = file.path().display().to_string();
    let environment = Environment::from_pairs([
        ("PGPASSFILE", path.as_str()),
        ("PGHOST", "h"),
        ("PGUSER", "Prod DB"),
    ]);
    let mode = |mode| {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("set");
        resolve(&TargetArgs::default(), &environment).expect("resolved")
    };
    let (settings, password) = mode(0o600);
    assert_eq!(password.expect("a password").expose(), "to:ken");
    assert!(matches!(settings.password, Some(Origin::PassFile { line: 1, .. })));
    let (settings, password) = mode(0o644);
    assert!(password.is_none());
    assert_eq!(settings.passfile.seen().expect("a file").ignored_for_mode, Some(0o644));
}

proptest::proptest! {
    #[test]
    fn any_name_survives_a_quoted_conninfo(name in "[^\\x00]{1,63}") {
        let escaped = name.replace('\\', r"\\").replace('\'', r"\'");
        prop_assert_eq!(user(&format!("user='{escaped}'")), name);
    }

    #[test]
    fn any_name_survives_a_uri(name in "[^\\x00]{1,63}") {
        prop_assert_eq!(user(&format!("postgresql://{}@h/d", uri::encode(&name))), name);
    }

    #[test]
    fn any_text_is_survived(text: String) {
        let _ = conninfo(&text);
    }
}

#[test]
fn a_wide_blank_inside_a_value_is_survived() {
    // libpq's blanks are those of ASCII: U+3000 is part of the value. Found by tests/fuzz.
    let error = conninfo("user=a\u{3000}b=c d").expect_err("no equals sign after d");
    assert!(error.to_string().contains("missing"), "{error}");
}
