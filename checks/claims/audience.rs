//! Whether the token is for the database.

use super::{claims, fresh};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        cloud::{Cloud, DATABASE_APP_ID},
        login::LoginOutcome,
        settings::Settings,
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// Audiences that are taken for the database's, and what they are for. Sources: Azure CLI's cloud
/// table (all clouds); MicrosoftDocs/azure-docs#123030.
const LOOK_ALIKES: [(&str, &str); 21] = [
    ("https://database.windows.net", "Azure SQL"),
    ("https://database.usgovcloudapi.net", "Azure SQL (US Government)"),
    ("https://database.chinacloudapi.cn", "Azure SQL (China)"),
    ("022907d3-0f1b-48f7-badc-1ba6abab6d66", "Azure SQL"),
    ("https://management.azure.com", "Azure Resource Manager"),
    ("https://management.core.windows.net", "Azure Resource Manager"),
    ("https://management.usgovcloudapi.net", "Azure Resource Manager (US Government)"),
    ("https://management.core.usgovcloudapi.net", "Azure Resource Manager (US Government)"),
    ("https://management.chinacloudapi.cn", "Azure Resource Manager (China)"),
    ("https://management.core.chinacloudapi.cn", "Azure Resource Manager (China)"),
    ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "Azure Resource Manager"),
    ("https://graph.microsoft.com", "Microsoft Graph"),
    ("https://graph.microsoft.us", "Microsoft Graph (US Government)"),
    ("https://microsoftgraph.chinacloudapi.cn", "Microsoft Graph (China)"),
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    ("https://graph.windows.net", "the retired Azure AD Graph"),
    ("https://token.postgres.cosmos.azure.com", "Azure Cosmos DB for PostgreSQL"),
    ("https://vault.azure.net", "Key Vault"),
    ("https://storage.azure.com", "Azure Storage"),
    ("https://redis.azure.com", "Azure Cache for Redis"),
    (
        "api://AzureADTokenExchange",
        "the exchange of federated tokens: it buys tokens, and opens nothing",
    ),
];

/// The audience is the database's.
pub static CHECK: Check = Check {
    id: "claims/audience",
    asserts: "the token is for the database (aud)",
    needs: &[Topic::Settings, Topic::Token, Topic::Login],
    problems: &[&WRONG_AUDIENCE, &OTHER_CLOUD_AUDIENCE, &UNUSUAL_AUDIENCE],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, claims) = (seen.settings.get()?, claims(seen)?);
    let audience = claims.aud.as_deref().unwrap_or_default();
    let expected = &settings.cloud.value.database_audience;
    if audience == expected {
        return Ok(Verdict::Passed(audience.to_owned()));
    }
    let bare = audience.trim_end_matches('/');
    if bare == expected.trim_end_matches('/') || audience == DATABASE_APP_ID {
        return Ok(Verdict::found(unusual(seen, audience, expected)));
    }
    let other = Cloud::built_in().iter().find(|cloud| cloud.database_audience == bare);
    let finding = match other {
        Some(cloud) => {
            let detail = format!(
                "the token is for the database in {}, and the server is in {}",
                cloud.az_name(),
                settings.cloud.value.az_name()
            );
            Finding::of(&OTHER_CLOUD_AUDIENCE, "aud", detail)
        }
        None => {
            let what = what_for(bare, settings);
            Finding::of(
                &WRONG_AUDIENCE,
                "aud",
                format!("the token is for {what}, not for the database"),
            )
        }
    };
    Ok(Verdict::found(
        finding
            .because(format!("aud is \"{audience}\""))
            .because(format!("the server accepts \"{expected}\""))
            .because_all(graph_header(seen))
            .fix(fresh(seen)),
    ))
}

/// The database's audience in another form. After a rejected login it is the cause.
fn unusual(seen: &Evidence, audience: &str, expected: &str) -> Finding {
    let slash = audience != expected && audience.trim_end_matches('/') == expected;
    let rejected =
        matches!(seen.login.seen().map(|login| &login.outcome), Some(LoginOutcome::Refused(_)));
    let detail = match (slash, rejected) {
        (true, true) => {
            "the audience ends with a slash, and the server rejected the token".to_owned()
        }
        (true, false) => format!("the audience ends with a slash: {audience}"),
        (false, _) => {
            format!("the audience is {audience}; tokens for the database usually have {expected}")
        }
    };
    let mut finding = Finding::of(&UNUSUAL_AUDIENCE, "aud", detail)
        .because(format!("aud is      \"{audience}\""))
        .because(format!("usual is    \"{expected}\""));
    if slash && rejected {
        finding = finding.severity(Severity::Error).sure(Confidence::Likely);
    }
    if slash {
        let fix = "Ask for the scope with one slash before .default (two slashes put one into the \
            audience):";
        finding = finding.fix(Fix::you(fix).run(Command::text(format!("{expected}/.default"))));
    }
    finding.fix(fresh(seen))
}

/// Only Graph's tokens have a nonce in their header.
fn graph_header(seen: &Evidence) -> Option<String> {
    let header = seen.token.seen()?.header.as_ref()?;
    header
        .has_nonce
        .then(|| "its header has a nonce, as only tokens for Microsoft Graph have".to_owned())
}

fn what_for(audience: &str, settings: &Settings) -> String {
    let known = LOOK_ALIKES.iter().find(|(alike, _)| *alike == audience);
    if let Some((_, name)) = known {
        return (*name).to_owned();
    }
    let host = settings.host.as_ref().map_or("", |host| host.value.as_str());
    if !host.is_empty() && audience.contains(host) {
        return "the server's own name, which is not a resource".to_owned();
    }
    if audience.is_empty() { "nobody".to_owned() } else { format!("\"{audience}\"") }
}

/// For something else.
pub static WRONG_AUDIENCE: Problem = Problem {
    id: "claims/wrong-audience",
    title: "the token is for another service",
    explains: &[
        "claims/bad-signature",
        "login/audience-refused",
        "login/token-refused",
        "login/refused",
        "access/*",
    ],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("valid audience claim", 78),
        Fragment::new("password authentication failed", 61),
        Fragment::new("is not a supported msi token audience", 60),
    ],
    page: Page {
        means: "A token opens one service, its audience. This one is not for Azure Database for \
            PostgreSQL, so the server would refuse it. It was not sent.",
        causes: &[
            "`az account get-access-token` without `--resource-type oss-rdbms` gives a token for \
                Azure Resource Manager",
            "a look-alike: https://database.windows.net is Azure SQL",
            "the server's name used as the resource",
        ],
        confirm: &["`entra-pg token --decode -` shows aud"],
        fix: &[(
            Actor::You,
            "`az account get-access-token --resource-type oss-rdbms --query accessToken -o tsv`, or the scope \
                https://ossrdbms-aad.database.windows.net/.default",
        )],
        mistaken_for: &["login/refused: the older servers say only that the password is wrong"],
        sources: &[
            "Microsoft Learn: Connect with Microsoft Entra ID",
            "microsoft/azuredatastudio-postgresql#505",
        ],
    },
    ..Problem::DEFAULT
};

/// For another cloud.
pub static OTHER_CLOUD_AUDIENCE: Problem = Problem {
    id: "claims/other-cloud-audience",
    title: "the token is for the database of another cloud",
    explains: &["login/audience-refused", "access/*"],
    waiting: Waiting::Useless,
    page: Page {
        means: "The audience is the database's in another Azure cloud than the server's.",
        causes: &[
            "`az cloud set` points to another cloud",
            "a scope copied from documentation of the public cloud",
        ],
        confirm: &["`az cloud show --query name`"],
        fix: &[(
            Actor::You,
            "`az cloud set --name $CLOUD`, sign in again, and ask for that cloud's scope",
        )],
        mistaken_for: &["claims/wrong-audience"],
        sources: &["Azure CLI: az cloud show, ossrdbmsResourceId"],
    },
    ..Problem::DEFAULT
};

/// The audience differs in its form only.
pub static UNUSUAL_AUDIENCE: Problem = Problem {
    id: "claims/unusual-audience",
    title: "the audience is written unusually",
    severity: Severity::Warning,
    explains: &["login/audience-refused", "login/token-refused", "login/refused", "access/*"],
    waiting: Waiting::Useless,
    page: Page {
        means: "The audience is the database's, with a slash at its end or as an application id. \
            Whether every server accepts these forms is not documented.",
        causes: &["a scope with two slashes before .default", "a version 2.0 token"],
        confirm: &["`entra-pg token --decode -` shows aud"],
        fix: &[(Actor::You, "ask for https://ossrdbms-aad.database.windows.net/.default")],
        mistaken_for: &["claims/wrong-audience"],
        sources: &["Microsoft Learn: Access token claims reference, aud"],
    },
    ..Problem::DEFAULT
};
