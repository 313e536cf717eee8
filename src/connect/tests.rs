//! What is printed is read back as each client reads it.

use super::{Client, instructions, psql};
use crate::{
    environment::Environment,
    settings::{TargetArgs, resolve},
};
use clap::ValueEnum;
use entra_pg_checks::{Evidence, facts::settings::Settings};
use proptest::prelude::prop_assert_eq;
use serde_json::{Value, json};

fn evidence(changes: &[(&str, Value)]) -> Evidence {
    let mut document: Value =
        serde_json::from_str(include_str!("../../checks/support/healthy.json")).expect("JSON");
    for (pointer, value) in changes {
        *document.pointer_mut(pointer).expect("a place") = value.clone();
    }
    serde_json::from_value(document).expect("evidence")
}

fn named(user: &str, database: &str) -> Evidence {
    evidence(&[
        ("/settings/seen/user/value", json!(user)),
        ("/settings/seen/database/value", json!(database)),
    ])
}

fn text(evidence: &Evidence, client: Client) -> String {
    instructions(evidence, &[client])[0].text.clone()
}

fn read_back(conninfo: String) -> Settings {
    let args = TargetArgs { conninfo: Some(conninfo), ..TargetArgs::default() };
    resolve(&args, &Environment::default()).expect("libpq would read it").0
}

proptest::proptest! {
    #[test]
    fn libpq_reads_the_names_back(user in "[^\\x00]{1,63}", database in "[^\\x00]{1,63}") {
        let seen = named(&user, &database);
        for client in [Client::Conninfo, Client::Uri] {
            let settings = read_back(text(&seen, client));
            prop_assert_eq!(&settings.user.expect("a user").value, &user);
            prop_assert_eq!(&settings.database.value, &database);
            prop_assert_eq!(settings.port.value, 5432);
            prop_assert_eq!(settings.sslmode.value.as_str(), "verify-full");
        }
    }

    #[test]
    fn no_client_is_at_a_loss(user in ".{0,80}", database in ".{0,80}") {
        let all = instructions(&named(&user, &database), Client::value_variants());
        prop_assert_eq!(all.len(), Client::value_variants().len() + 3);
    }
}

#[cfg(unix)]
proptest::proptest! {
    // Each case starts a shell.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn a_posix_shell_gives_psql_the_names_back(user in "[^\\x00]{1,63}") {
        let line = psql(&named(&user, "appdb")).expect("a line").text;
        let script = format!("az() {{ :; }}; psql() {{ printf %s \"$1\"; }}; {line}");
        let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash");
        let conninfo = String::from_utf8(output.stdout).expect("UTF-8");
        proptest::prop_assert!(output.status.success(), "{}", line);
        prop_assert_eq!(read_back(conninfo).user.expect("a user").value, user);
    }
}

#[test]
fn no_instruction_holds_a_token_and_each_says_where_one_comes_from() {
    let seen = evidence(&[]);
    for instruction in instructions(&seen, Client::value_variants()) {
        let text = format!("{} {}", instruction.text, instruction.notes.join(" "));
        assert!(!text.contains("eyJ"), "{}", instruction.client);
        let sources = [
            "az account",
            "DefaultAzureCredential",
            "Plugin",
            "passwordless",
            "PGPASSWORD",
            "azure_identity",
            "Microsoft account",
        ];
        assert!(sources.iter().any(|source| text.contains(source)), "{text}");
    }
}

#[test]
fn a_managed_identity_gets_its_own_command() {
    let seen = evidence(&[(
        "/credential",
        json!({"seen": {"requested": "managed-identity", "attempts": [
            {"kind": "managed-identity", "identity": "cccccccc-0000-0000-0000-0000000000a2", "tenant": null,
             "origin": null, "outcome": {"kind": "token"}, "elapsed_ms": 1, "exchanges": [], "assertion": null}]}}),
    )]);
    let line = psql(&seen).expect("a line").text;
    let command = "entra-pg token --show-token --credential managed-identity --client-id cccccccc-0000-0000-0000-0000000000a2";
    assert!(line.contains(command), "{line}");
}

#[test]
fn the_pooler_comes_with_its_caveats() {
    let seen = evidence(&[("/settings/seen/port/value", json!(6432))]);
    for instruction in instructions(&seen, Client::value_variants()) {
        let said = instruction.notes.iter().any(|note| note.contains("transaction mode"));
        assert!(said, "{}", instruction.client);
    }
}

#[test]
fn the_pooler_beside_the_server_is_mentioned_where_it_answers() {
    let notes = |outcome: &str, length: usize| {
        let seen = evidence(&[
            ("/server/seen/sibling/0/outcome", json!({"kind": outcome, "icmp_from": null})),
            ("/token/seen/text/length", json!(length)),
        ]);
        instructions(&seen, &[Client::Uri])[0].notes.join(" ")
    };
    assert!(notes("connected", 1163).contains("short enough for it"));
    assert!(notes("connected", 2048).contains("longer than PgBouncer takes"));
    assert!(!notes("refused", 1163).contains("6432"));
}

#[test]
fn another_cloud_and_a_named_identity_are_in_every_snippet_that_needs_them() {
    let seen = evidence(&[
        ("/settings/seen/cloud/value", json!(entra_pg_checks::facts::cloud::Cloud::us_gov())),
        (
            "/credential",
            json!({"seen": {"requested": "managed-identity", "attempts": [
                {"kind": "managed-identity", "identity": "cccccccc-0000-0000-0000-0000000000a2", "tenant": null,
                 "origin": null, "outcome": {"kind": "token"}, "elapsed_ms": 1, "exchanges": [], "assertion": null}]}}),
        ),
        ("/token/seen/claims/idtyp", json!("app")),
    ]);
    let whole = |client: Client| {
        let instruction = &instructions(&seen, &[client])[0];
        format!("{} {}", instruction.text, instruction.notes.join(" "))
    };
    assert!(whole(Client::Psql).contains("--cloud usgov"), "{}", whole(Client::Psql));
    assert!(
        whole(Client::Jdbc)
            .contains("azure.authorityHost=https%3A%2F%2Flogin.microsoftonline.us%2F")
    );
    assert!(whole(Client::Jdbc).contains("azure.managedIdentityEnabled=true"));
    let terraform = whole(Client::Terraform);
    assert!(
        terraform.contains("password            = var.token")
            && !terraform.contains("= true\n  azure")
    );
    for client in
        [Client::Npgsql, Client::Sqlalchemy, Client::NodePostgres, Client::Asyncpg, Client::Pgx]
    {
        let text = whole(client);
        assert!(text.contains("AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/"), "{text}");
        assert!(text.contains("AZURE_CLIENT_ID=cccccccc-0000-0000-0000-0000000000a2"), "{text}");
    }
}
