//! Whether host, tenant and client ID are what they are called, not secrets.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, Waiting},
    evidence::Evidence,
    facts::{Topic, settings::SentSetting},
    support::misplaced,
    verdict::{Actor, Verdict},
};

/// DNS queries and URLs hold no secret.
pub static CHECK: Check = Check {
    id: "config/secret",
    asserts: "host, tenant and client ID hold no secret",
    needs: &[Topic::Settings, Topic::Credential],
    problems: &[&SECRET_IN_SETTING],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let settings = seen.settings.get()?;
    // Tenant and client ID do not matter to a token that is already there.
    let has_token = seen.credential.seen().is_some_and(|trace| trace.chosen().is_some());
    let found = [SentSetting::Host, SentSetting::Tenant, SentSetting::ClientId]
        .into_iter()
        .filter_map(|setting| settings.misplaced_secret(setting))
        .map(|misplaced| {
            let finding = misplaced::finding(&SECRET_IN_SETTING, misplaced);
            let unused = has_token && misplaced.setting != SentSetting::Host;
            if unused { finding.severity(Severity::Warning) } else { finding }
        })
        .collect();
    Ok(Verdict::unless(found, || "DNS queries and URLs hold no secret".to_owned()))
}

/// A secret in a DNS query or URL.
pub static SECRET_IN_SETTING: Problem = Problem {
    id: "config/secret-in-setting",
    title: "the host, tenant or client ID holds a token or another secret",
    waiting: Waiting::Useless,
    explains: &[
        "config/host-malformed",
        "config/host-unknown-suffix",
        "dns/*",
        "token/*",
        "claims/*",
        "server/*",
        "login/*",
        "access/*",
    ],
    page: Page {
        means: "A token or another secret is in a setting that leaves this machine without encryption or is logged elsewhere: a host name in DNS queries, a tenant or client ID in URLs. This run did not use the value.",
        causes: &[
            "the token was pasted into PGHOST",
            "the client secret was pasted into AZURE_CLIENT_ID or AZURE_TENANT_ID",
        ],
        confirm: &["`env | grep -E '^(PGHOST|AZURE_)' | cut -c1-24`"],
        fix: &[
            (Actor::You, "correct the setting"),
            (Actor::You, "treat a secret that was already sent as leaked"),
        ],
        mistaken_for: &["config/host-malformed: a host with a scheme, a port or a path"],
        sources: &["RFC 9076: DNS privacy considerations"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::json;

    #[test]
    fn settings_of_the_startup_message_belong_to_another_check() {
        let with = |setting: &str| {
            let origin = json!({"kind": "environment", "variable": "PGHOST"});
            let misplaced = json!([{"setting": setting, "origin": origin, "secret": "a token"}]);
            problems_of(&CHECK, &healthy_but(&[("/settings/seen/misplaced_secrets", misplaced)]))
        };
        for setting in ["host", "tenant", "client_id"] {
            assert_eq!(with(setting), ["config/secret-in-setting"], "{setting}");
        }
        assert_eq!(with("user"), Vec::<&str>::new());
    }
}
