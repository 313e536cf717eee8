//! The server's Entra administrators, and whether this token's identity is one.

use super::{
    place::{of_server, server},
    words::{given, logged_in, on_server, unless_seen},
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::{Command, guid},
    evidence::Evidence,
    facts::{
        Topic,
        azure::Administrator,
        login::AuthRequest,
        token::{Claims, PrincipalKind},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The server has an Entra administrator.
pub static CHECK: Check = Check {
    id: "azure/administrators",
    asserts: "the server has an Entra administrator",
    needs: &[Topic::Settings, Topic::Token, Topic::AuthRequest, Topic::Login, Topic::Azure],
    problems: &[&NO_ENTRA_ADMINISTRATOR],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let all = given(&seen.azure.get()?.administrators, "the list of administrators")?;
    let administrators =
        of_server(seen, all, "microsoft-entra-admin", |one| one.server.as_deref())?;
    let claims = seen.token.seen().and_then(|token| token.claims.as_deref());
    let tenant = server(seen).ok().and_then(|server| server.tenant.as_deref());
    let foreign = |one: &&Administrator| {
        tenant
            .zip(one.tenant.as_deref())
            .is_some_and(|(own, other)| !own.eq_ignore_ascii_case(other))
    };
    let others = administrators.iter().filter(|one| foreign(one)).count();
    if others > 0 && others == administrators.len() {
        return Ok(Verdict::found(of_other_tenant(seen, &administrators, tenant)));
    }
    if !administrators.is_empty() {
        return Ok(Verdict::Passed(passed(&administrators, claims)));
    }
    let known = server(seen).ok();
    let name = known.map_or("<server>", |server| &server.name);
    let detail = match known {
        Some(server) => format!("{} has no Entra administrator", server.name),
        None => "the server has no Entra administrator".to_owned(),
    };
    let finding = Finding::of(&NO_ENTRA_ADMINISTRATOR, name, detail)
        .because("azure-config: the list of administrators is empty")
        .because(
            "only an Entra administrator can create Entra roles, so there are none but \
                administrators' own",
        )
        .fix(
            Fix::by(Actor::AzureOwner, "Make a group, or a user, an Entra administrator")
                .run(on_server(create(claims), known)),
        );
    let asked = seen.auth_request.seen() == Some(&AuthRequest::Cleartext);
    let finding = unless_seen(seen, finding, logged_in(seen), "a login with a token was accepted");
    Ok(Verdict::found(unless_seen(seen, finding, asked, "the server asks this user for a token")))
}

/// An administrator without a name is one whose principal was deleted, or whose name the document holds
/// as an expression.
fn named(one: &Administrator) -> String {
    if one.name.is_empty() {
        format!("object id {}, without a name: it may be deleted in Entra", one.object_id)
    } else {
        one.name.clone()
    }
}

/// The server takes tokens of one tenant only.
fn of_other_tenant(
    seen: &Evidence,
    administrators: &[&Administrator],
    tenant: Option<&str>,
) -> Finding {
    let names: Vec<&str> = administrators.iter().map(|one| one.name.as_str()).collect();
    let (names, tenant) = (text::list(&names, 3), tenant.unwrap_or_default());
    let known = server(seen).ok();
    let subject = known.map_or("<server>", |server| &server.name);
    let detail = format!(
        "{names} is an administrator from another tenant than {tenant}, whose tokens {subject} takes"
    );
    let finding = Finding::of(&NO_ENTRA_ADMINISTRATOR, subject, detail)
        .because(format!("azure-config: authConfig.tenantId is {tenant}"))
        .because_all(administrators.iter().map(|one| {
            let of = one.tenant.as_deref().unwrap_or_default();
            format!("azure-config: administrator {} is of tenant {of}", one.name)
        }))
        .fix(
            Fix::by(Actor::AzureOwner, "Make a group, or a user, of that tenant an administrator")
                .run(on_server(create(None), known)),
        );
    unless_seen(seen, finding, logged_in(seen), "a login with a token was accepted")
}

/// Who they are, and whether this token is of one of them.
fn passed(administrators: &[&Administrator], claims: Option<&Claims>) -> String {
    let names: Vec<String> = administrators.iter().map(|one| named(one)).collect();
    let listed = text::list(&names, 3);
    let Some(claims) = claims else { return listed };
    let is = |id: &String| administrators.iter().find(|one| one.object_id.eq_ignore_ascii_case(id));
    if let Some(own) = claims.oid.as_ref().and_then(is) {
        return format!("this token is of one of them: {} ({})", own.name, own.kind);
    }
    if let Some(group) = claims.groups.iter().find_map(is) {
        return format!(
            "this token is of a member of one of them: {} ({})",
            group.name, group.kind
        );
    }
    format!("{listed}; this token's object id is none of theirs")
}

/// The command that makes this token's own identity an administrator.
fn create(claims: Option<&Claims>) -> Command {
    let oid = claims.and_then(|claims| claims.oid.as_deref());
    let kind = claims.map_or("User", |claims| match claims.principal() {
        PrincipalKind::User | PrincipalKind::Guest => "User",
        PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity => "ServicePrincipal",
    });
    let id = oid.and_then(guid);
    Command::new(
        "az postgres flexible-server microsoft-entra-admin create -g $RG -s $SERVER \
         -i $OBJECT_ID -u $USER_NAME -t",
    )
    .value(kind)
    .with("OBJECT_ID", id)
}

/// The server has no Entra administrator.
pub static NO_ENTRA_ADMINISTRATOR: Problem = Problem {
    id: "azure/no-entra-administrator",
    title: "the server has no Entra administrator",
    explains: &["login/not-an-entra-role", "login/refused"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    fragments: &[Fragment::new("does not have activedirectoryauth enabled", 74)],
    page: Page {
        means: "Entra authentication has no administrator on this server. Only an Entra \
            administrator can create roles for Entra users, groups and applications; the \
            administrator with a password cannot. So no login with Entra ID succeeds.",
        causes: &[
            "Entra authentication was switched on, and the second step, adding an administrator, \
                was left out",
            "a template that lists no administrators removed them",
            "adding one failed: the server was not ready, or could not reach Microsoft Graph",
        ],
        confirm: &["`az postgres flexible-server microsoft-entra-admin list -g $RG -s \
                $SERVER`"],
        fix: &[(
            Actor::AzureOwner,
            "`az postgres flexible-server microsoft-entra-admin create -g $RG -s $SERVER -u $USER_NAME -i $OBJECT_ID`, with a group of which you \
                are a member",
        )],
        mistaken_for: &[
            "login/not-an-entra-role: the symptom on the client",
            "the server's administrator login, which has a password and no Entra identity",
        ],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
            "hashicorp/terraform-provider-azurerm#27383, Azure/azure-postgresql#127 (adding fails)",
        ],
    },
    ..Problem::DEFAULT
};
