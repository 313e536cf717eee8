//! Secrets in settings that are sent in clear text: a token in PGUSER, a client secret in
//! AZURE_CLIENT_ID.

use crate::{
    environment::Environment,
    secret::{Secrets, outgoing},
};
use entra_pg_checks::facts::settings::{MisplacedSecret, Origin, SentSetting, Settings};

/// Every setting that is sent in clear text and holds a secret.
#[must_use]
pub(crate) fn misplaced_secrets(
    settings: &Settings,
    client_id: Option<&str>,
    environment: &Environment,
    secrets: &Secrets,
) -> Vec<MisplacedSecret> {
    let variable = |name: &str| Origin::Environment { variable: name.to_owned() };
    let client = match client_id {
        Some(id) => Some((id, Origin::Flag { name: "--client-id".to_owned() })),
        None => environment.get("AZURE_CLIENT_ID").map(|id| (id, variable("AZURE_CLIENT_ID"))),
    };
    let named = [
        (SentSetting::User, &settings.user),
        (SentSetting::Host, &settings.host),
        (SentSetting::Tenant, &settings.tenant),
    ];
    let named = named.into_iter().filter_map(|(setting, value)| {
        let value = value.as_ref()?;
        Some((setting, value.value.as_str(), value.origin.clone()))
    });
    let database = &settings.database;
    // By default the database is the user name, which is reported once.
    let database = (database.origin != Origin::Default)
        .then(|| (SentSetting::Database, database.value.as_str(), database.origin.clone()));
    let options = ["options", "PGDATESTYLE", "PGTZ", "PGGEQO"].into_iter().filter_map(|keyword| {
        let (value, origin) = settings.setting(keyword)?;
        Some((SentSetting::Options, value, origin.clone()))
    });
    let client = client.map(|(id, origin)| (SentSetting::ClientId, id, origin));
    named
        .chain(database)
        .chain(options)
        .chain(client)
        .filter_map(|(setting, value, origin)| {
            let secret = match setting {
                SentSetting::Host => outgoing::secret_in_host(value, secrets),
                _ => outgoing::secret_in(value, secrets),
            }?;
            Some(MisplacedSecret { setting, origin, secret })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::misplaced_secrets;
    use crate::{
        environment::Environment,
        secret::Secrets,
        settings::{TargetArgs, resolve},
    };
    use entra_pg_checks::facts::settings::SentSetting;

    const TOKEN: &str =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL28ifQ.c2lnbmF0dXJl";

    fn found(pairs: &[(&str, &str)]) -> Vec<(SentSetting, String, String)> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let (settings, _) = resolve(&TargetArgs::default(), &environment).expect("settings");
        let secrets = Secrets::of_environment(&environment);
        misplaced_secrets(&settings, None, &environment, &secrets)
            .into_iter()
            .map(|found| (found.setting, found.origin.phrase(), found.secret))
            .collect()
    }

    #[test]
    fn a_token_in_any_setting_that_is_sent_is_found() {
        for (variable, setting) in [
            ("PGUSER", SentSetting::User),
            ("PGDATABASE", SentSetting::Database),
            ("PGHOST", SentSetting::Host),
            ("AZURE_CLIENT_ID", SentSetting::ClientId),
        ] {
            let pairs = [("PGHOST", "server.example"), ("PGUSER", "alice"), (variable, TOKEN)];
            let expected = vec![(setting, variable.to_owned(), "a token".to_owned())];
            assert_eq!(found(&pairs), expected, "{variable}");
        }
    }

    #[test]
    fn the_value_of_pgpassword_as_the_user_is_found_by_its_name() {
        let pairs = [("PGUSER", "Geheim-12345"), ("PGPASSWORD", "Geheim-12345")];
        let expected = vec![(SentSetting::User, "PGUSER".to_owned(), "PGPASSWORD".to_owned())];
        assert_eq!(found(&pairs), expected);
    }

    #[test]
    fn ordinary_names_are_not_secrets() {
        for user in ["HeyJudeIsMyApplication-0001", "Prod DB Readonly", "alice@contoso.com"] {
            let pairs = [
                ("PGUSER", user),
                ("PGDATABASE", "orders"),
                ("PGHOST", "pg-prod.postgres.database.azure.com"),
                ("AZURE_CLIENT_ID", "04b07795-8ddb-461a-bbee-02f9e1bf7b46"),
                ("KEYVAULT_SECRET", user),
            ];
            assert_eq!(found(&pairs), Vec::new(), "{user}");
        }
    }
}
