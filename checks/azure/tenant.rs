//! The tenant whose tokens the server takes, against the token's.

use super::{
    place::server,
    words::{logged_in, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, VantageKind, Waiting},
    evidence::Evidence,
    facts::{NotObserved, Topic},
    support::commands,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The token is from the server's tenant.
pub static CHECK: Check = Check {
    id: "azure/tenant",
    asserts: "the token is from the server's tenant",
    needs: &[Topic::Settings, Topic::Token, Topic::Login, Topic::Azure],
    problems: &[&TENANT_MISMATCH],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let server = server(seen)?;
    let token = seen.token.get()?;
    let tid = token.claims.as_deref().and_then(|claims| claims.tid.as_deref());
    let (Some(tenant), Some(tid)) = (server.tenant.as_deref(), tid) else {
        let what = if server.tenant.is_none() { "the export" } else { "the token" };
        let detail = format!("{what} does not tell the tenant");
        return Err(Missing(NotObserved::NotPermitted { detail }));
    };
    if tenant.eq_ignore_ascii_case(tid) {
        return Ok(Verdict::Passed(tenant.to_owned()));
    }
    let name = &server.name;
    let detail = format!("the token is from tenant {tid}, and {name} takes those of {tenant}");
    let audience =
        seen.settings.seen().map_or("", |settings| &settings.cloud.value.database_audience);
    let finding = Finding::of(&TENANT_MISMATCH, name, detail)
        .because(format!("azure-config: authConfig.tenantId is {tenant}"))
        .because(format!("client: the token's tid is {tid}"))
        .fix(
            Fix::you("Get a token from the server's tenant")
                .run(commands::fresh_token(audience, Some(tenant))),
        );
    Ok(Verdict::found(unless_seen(seen, finding, logged_in(seen), "this token was accepted")))
}

/// The token is from another tenant than the server's.
pub static TENANT_MISMATCH: Problem = Problem {
    id: "azure/tenant-mismatch",
    title: "the token is from another tenant than the server's",
    explains: &[
        "login/token-refused",
        "login/refused",
        "login/object-id-mismatch",
        "login/not-an-entra-role",
    ],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A server accepts tokens of one tenant, that of its subscription or the one it \
            was set up with. This token was issued by another.",
        causes: &[
            "the Azure CLI is signed in to another tenant, the home tenant of a guest, say",
            "AZURE_TENANT_ID or --tenant names another",
            "the subscription has moved to another tenant, and the server still takes the former's",
        ],
        confirm: &[
            "`az postgres flexible-server show -g $RG -n $SERVER --query \
                authConfig.tenantId`",
            "`entra-pg token` prints the token's tenant",
        ],
        fix: &[
            (Actor::You, "`az login --tenant $TENANT`, then a fresh token"),
            (Actor::EntraAdmin, "invite the user as a guest of the server's tenant"),
        ],
        mistaken_for: &["claims/wrong-tenant: that compares with the tenant that was asked for"],
        sources: &[
            "Microsoft Learn: Use Microsoft Entra ID for authentication with Azure Database for \
                PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};
