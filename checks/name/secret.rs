//! Whether user name and database name are names, not secrets.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Waiting},
    evidence::Evidence,
    facts::{Topic, settings::SentSetting},
    support::misplaced,
    verdict::{Actor, Verdict},
};

/// The startup message holds no secret.
pub static CHECK: Check = Check {
    id: "name/secret",
    asserts: "user name and database name hold no secret",
    needs: &[Topic::Settings],
    problems: &[&TOKEN_AS_USER],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let settings = seen.settings.get()?;
    let found = [SentSetting::User, SentSetting::Database, SentSetting::Options]
        .into_iter()
        .filter_map(|setting| settings.misplaced_secret(setting))
        .map(|misplaced| misplaced::finding(&TOKEN_AS_USER, misplaced))
        .collect();
    Ok(Verdict::unless(found, || "the startup message holds no secret".to_owned()))
}

/// A secret in the startup message.
pub static TOKEN_AS_USER: Problem = Problem {
    id: "name/token-as-user",
    title: "the user name or database name holds a token or another secret",
    waiting: Waiting::Useless,
    explains: &[
        "token/no-credential",
        "token/cli-missing",
        "token/cli-signed-out",
        "claims/not-a-token",
        "name/too-long",
        "login/*",
        "access/*",
    ],
    page: Page {
        means: "A token or another secret is in the user name or the database name. Clients send both in the startup message, before the server asks for a password, and the server writes them to its log. This run sent no startup message.",
        causes: &[
            "the token was pasted into PGUSER instead of PGPASSWORD",
            "-U or -d with the variable that holds the token",
            "user and password are swapped in a connection string",
        ],
        confirm: &["`printf %s \"$PGUSER\" | wc -c`: a role name has at most 63 bytes"],
        fix: &[
            (Actor::You, "set PGUSER to the role name and PGPASSWORD to the token"),
            (Actor::You, "treat a secret that was already sent as leaked"),
        ],
        mistaken_for: &["name/too-long: a role name with more than 63 bytes"],
        sources: &["PostgreSQL documentation: Frontend/Backend Protocol, StartupMessage"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::{Value, json};

    fn with(setting: &str) -> Vec<&'static str> {
        let origin = json!({"kind": "environment", "variable": "PGUSER"});
        let misplaced: Value = json!([{"setting": setting, "origin": origin, "secret": "a token"}]);
        problems_of(&CHECK, &healthy_but(&[("/settings/seen/misplaced_secrets", misplaced)]))
    }

    #[test]
    fn only_the_startup_message_counts() {
        assert_eq!(with("user"), ["name/token-as-user"]);
        assert_eq!(with("database"), ["name/token-as-user"]);
        assert_eq!(with("host"), Vec::<&str>::new());
        assert_eq!(with("a setting of a later version"), Vec::<&str>::new());
    }
}
