//! Who one is after the login, and whether that is who one should be.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        session::{Principal, Session},
        token::Claims,
    },
    support::commands,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The role is the token's own, and made for this work.
pub static CHECK: Check = Check {
    id: "access/role",
    asserts: "the role is that of the token's principal, and made for daily work",
    needs: &[Topic::Token, Topic::Session],
    problems: &[&LABEL_DIFFERS, &ADMIN_FOR_DAILY_USE],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let session = seen.session.get()?;
    let claims = seen.token.seen().and_then(|token| token.claims.as_deref());
    let principal = session.principal();
    let differs = principal
        .as_ref()
        .zip(claims)
        .and_then(|(principal, claims)| label_differs(principal, claims));
    let found: Vec<Finding> =
        differs.into_iter().chain(admin_for_daily_use(session, principal.as_ref())).collect();
    Ok(Verdict::unless(found, || who(session, principal.as_ref())))
}

/// Who one is, in a line.
fn who(session: &Session, principal: Option<&Principal>) -> String {
    let mut said = format!("\"{}\"", session.current_user);
    if session.session_user != session.current_user {
        said.push_str(&format!(", logged in as \"{}\"", session.session_user));
    }
    match principal {
        Some(principal) if !principal.object_id.is_empty() => {
            said.push_str(&format!(
                ", the Entra role of the {} {}",
                principal.kind, principal.object_id
            ));
        }
        Some(_) => said.push_str(", an Entra role"),
        None => {}
    }
    match session.member_of.len() {
        0 => {}
        1 => said.push_str(&format!(", a member of {}", session.member_of[0])),
        many => said.push_str(&format!(", a member of {many} roles")),
    }
    if let Some(sync) = &session.group_sync {
        said.push_str(&format!("; group sync is {sync}"));
    }
    said
}

/// The server let this token in although the label names another principal. Its rule is not public in
/// every part, so this is information.
fn label_differs(principal: &Principal, claims: &Claims) -> Option<Finding> {
    let same =
        |id: Option<&str>| id.is_some_and(|id| id.eq_ignore_ascii_case(&principal.object_id));
    let in_group = principal.kind == "group"
        && (claims.groups.is_empty() || claims.groups.iter().any(|id| same(Some(id))));
    let known = principal.object_id.is_empty()
        || same(claims.oid.as_deref())
        || same(claims.client())
        || in_group;
    let tenant = principal.tenant_id.as_str();
    let foreign = !tenant.is_empty()
        && claims.tid.as_deref().is_some_and(|tid| !tid.eq_ignore_ascii_case(tenant));
    if known && !foreign {
        return None;
    }
    let what = if foreign { "another tenant" } else { "another object id" };
    let (oid, tid) = (claims.oid.as_deref().unwrap_or("?"), claims.tid.as_deref().unwrap_or("?"));
    let detail =
        format!("the role's security label names {what} than the token, and the server let it in");
    Some(
        Finding::of(&LABEL_DIFFERS, &principal.role, detail)
            .because(format!(
                "the label: {} {}, tenant {tenant}",
                principal.kind, principal.object_id
            ))
            .because(format!("the token: object id {oid}, tenant {tid}"))
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "See who is meant to use this role, and bind it to that principal",
                )
                .run(commands::label_role(&principal.role, None, &principal.kind)),
            ),
    )
}

fn admin_for_daily_use(session: &Session, principal: Option<&Principal>) -> Option<Finding> {
    let member = session.member_of.iter().any(|role| role == "azure_pg_admin");
    let labeled = principal.is_some_and(|principal| principal.admin);
    // In database postgres, administrators administer.
    if !(member || labeled) || session.as_admin || session.database == "postgres" {
        return None;
    }
    let (user, database) = (&session.current_user, &session.database);
    let why =
        if labeled { "its security label says admin" } else { "it is a member of azure_pg_admin" };
    let detail = format!("\"{user}\" is an Entra administrator, and works in \"{database}\"");
    Some(
        Finding::of(&ADMIN_FOR_DAILY_USE, user, detail)
            .because(why)
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "Make a role without administration for daily work: a group's, say, whose \
                        members use their own tokens",
                )
                .run(commands::create_principal("<display name of the group>"))
                .in_database("postgres"),
            )
            .fix(
                Fix::you("If administration is what this login is for, say so")
                    .run(Command::new("entra-pg doctor --as-admin")),
            ),
    )
}

/// The label names another principal.
pub static LABEL_DIFFERS: Problem = Problem {
    id: "access/label-differs",
    title: "the role's security label names another principal than the token",
    severity: Severity::Info,
    page: Page {
        means: "The login works, and the security label of the role names another object id or \
            tenant than the token. The server decides by more than can be seen here, so this is \
            worth knowing and not an error.",
        causes: &[
            "the role was bound to another principal a moment ago",
            "a group's role, with a token that lists other groups",
            "the role belongs to a synchronized group",
        ],
        confirm: &[
            "`select provider, label from pg_shseclabel l join pg_roles r on r.oid = l.objoid where rolname = current_user;`, compared with `entra-pg token`",
        ],
        fix: &[(
            Actor::DatabaseAdmin,
            "bind the role to the principal that is meant: `security label for \"pgaadauth\" on role \"<role>\" is 'aadauth,oid=<object-id>,type=user';` (the function pgaadauth_update_principal_with_oid is undocumented)",
        )],
        mistaken_for: &["login/object-id-mismatch: there the server refuses"],
        sources: &["Microsoft Learn: Manage Microsoft Entra users, security labels"],
    },
    ..Problem::DEFAULT
};

/// Administration for everything.
pub static ADMIN_FOR_DAILY_USE: Problem = Problem {
    id: "access/admin-for-daily-use",
    title: "an Entra administrator is used for ordinary work",
    severity: Severity::Warning,
    page: Page {
        means: "The role is an Entra administrator of the server (a member of azure_pg_admin), \
            and the login goes to an ordinary database. A person who obtains such a token can \
            change every role and read every database.",
        causes: &[
            "the administrator that was named when the server was made is used by everybody",
            "an application was made an administrator to get past missing grants",
        ],
        confirm: &["`select pg_has_role(current_user, 'azure_pg_admin', 'member');`"],
        fix: &[
            (Actor::DatabaseAdmin, "make a role without administration and grant it what it needs"),
            (Actor::You, "`entra-pg doctor --as-admin` where administration is meant"),
        ],
        mistaken_for: &[
            "an administrator in database postgres, or with --as-admin: that is what the role is \
                for",
        ],
        sources: &["Microsoft Learn: Microsoft Entra authentication concepts, administrators"],
    },
    ..Problem::DEFAULT
};
