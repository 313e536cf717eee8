//! Which principal the token represents, and whether it lists this principal's groups.

use super::claims;
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, Waiting},
    command::{Command, guid},
    evidence::Evidence,
    facts::{
        Topic,
        token::{Claims, PrincipalKind},
    },
    name::candidates::candidates,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The token names its principal and its groups.
pub static CHECK: Check = Check {
    id: "claims/principal",
    asserts: "the token identifies its principal (idtyp, oid, groups)",
    needs: &[Topic::Token],
    problems: &[&GROUPS_OVERAGE],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let claims = claims(seen)?;
    if claims.groups_overage {
        let detail = "the principal is in too many groups for the token to list them: the server \
            must ask Graph whether a login as a group is allowed";
        let oid = claims.oid.as_deref().and_then(guid);
        let kind = match claims.principal() {
            PrincipalKind::User | PrincipalKind::Guest => "users",
            PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity => "servicePrincipals",
        };
        let graph = seen
            .settings
            .seen()
            .map_or("graph.microsoft.com", |settings| settings.cloud.value.graph_host.as_str());
        return Ok(Verdict::found(
            Finding::of(&GROUPS_OVERAGE, "groups", detail)
                .because(
                    "_claim_names names groups: over 200 of them, and the token holds a reference \
                        in their place",
                )
                .fix(
                    Fix::by(
                        Actor::EntraAdmin,
                        "See which groups it is in, and keep the number below 200 or limit the \
                            claim to groups assigned to the application",
                    )
                    .run(
                        Command::new("az rest --method GET --url")
                            .value(format!(
                                "https://{graph}/v1.0/{kind}/{}/transitiveMemberOf/$count",
                                oid.unwrap_or("<object ID>")
                            ))
                            .words("--headers ConsistencyLevel=eventual"),
                    ),
                ),
        ));
    }
    Ok(Verdict::Passed(format!("{}{}", who(claims), groups(claims))))
}

fn who(claims: &Claims) -> String {
    let name = candidates(claims, None).into_iter().next().map(|candidate| candidate.name);
    let name = name.or_else(|| claims.client().map(str::to_owned));
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let kind = match claims.principal() {
        PrincipalKind::User => "the user",
        PrincipalKind::Guest => "the guest",
        PrincipalKind::ServicePrincipal => "the application",
        PrincipalKind::ManagedIdentity => "the managed identity",
    };
    format!("{kind}{name}")
}

fn groups(claims: &Claims) -> String {
    match claims.groups.len() {
        0 => String::new(),
        1 => ", in 1 group".to_owned(),
        count => format!(", in {count} groups"),
    }
}

/// Too many to be listed.
pub static GROUPS_OVERAGE: Problem = Problem {
    id: "claims/groups-overage",
    title: "the token does not list its groups, since there are too many",
    severity: Severity::Info,
    waiting: Waiting::Useless,
    page: Page {
        means: "Above 200 groups Microsoft Entra ID puts a reference in place of the groups. A login as a \
            group then needs the server's own way to Graph; a login under the own name does not.",
        causes: &["a principal in more than 200 groups, nested ones counted"],
        confirm: &["`entra-pg token` says: groups too many to be listed"],
        fix: &[
            (Actor::You, "log in under the own name where there is such a role"),
            (
                Actor::EntraAdmin,
                "fewer groups, or the claim limited to groups assigned to the application",
            ),
            (Actor::Network, "let the server's subnet reach graph.microsoft.com"),
        ],
        mistaken_for: &[
            "login/not-in-group: there the server checked, and does not find the member",
        ],
        sources: &["Microsoft Learn: Access token claims reference, groups overage claim"],
    },
    ..Problem::DEFAULT
};
