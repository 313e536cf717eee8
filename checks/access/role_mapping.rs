//! The mapping of roles to principals, as an administrator sees it.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        session::{Principal, Session},
    },
    support::commands,
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The most roles for which a statement is shown; there may be thousands.
const MOST: usize = 20;

/// Every role that looks like an Entra role is one, of this tenant, once.
pub static CHECK: Check = Check {
    id: "access/role-mapping",
    asserts: "every role that looks like an Entra role is mapped, once, to this tenant",
    needs: &[Topic::Token, Topic::Session],
    problems: &[&ROLE_MISSING, &UNLABELLED_LOOK_ALIKE, &CASE_TWINS, &OTHER_TENANT],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let session = seen.session.get()?;
    if !session.as_admin {
        return Ok(Verdict::NotApplicable("--as-admin was not given".to_owned()));
    }
    let roles = Roles { entra: session.principals.get()?, others: session.unlabelled.get()? };
    let tenant = seen.token.seen().and_then(|token| token.claims.as_deref()?.tid.as_deref());
    let found: Vec<Finding> = [
        asked_for(session, &roles),
        unlabelled(&roles),
        case_twins(&roles),
        tenant.and_then(|tenant| other_tenant(&roles, tenant)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let passed = || match session.for_role.as_deref().and_then(|name| roles.principal(name)) {
        Some(principal) => format!(
            "{} Entra roles; \"{}\" is that of the {} {}",
            roles.entra.len(),
            principal.role,
            principal.kind,
            principal.object_id
        ),
        None => format!("{} Entra roles, {} others", roles.entra.len(), roles.others.len()),
    };
    Ok(Verdict::unless(found, passed))
}

struct Roles<'a> {
    entra: &'a [Principal],
    others: &'a [String],
}

impl Roles<'_> {
    fn principal(&self, name: &str) -> Option<&Principal> {
        self.entra.iter().find(|principal| principal.role == name)
    }

    /// A role whose name differs in letter case only.
    fn twin(&self, name: &str) -> Option<&str> {
        let all = self.entra.iter().map(|principal| &principal.role).chain(self.others);
        all.map(String::as_str).find(|other| *other != name && folded(other) == folded(name))
    }
}

fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The statement that makes an existing role an Entra role, and the one that finds its object id.
fn label(role: &str) -> (Command, Command) {
    let person = role.contains('@');
    let look_up = if person {
        Command::new("az ad user show --id").value(role).words("--query id -o tsv")
    } else {
        Command::new("az ad sp list --display-name").value(role).words("--query '[].id' -o tsv")
    };
    (commands::label_role(role, None, if person { "user" } else { "service" }), look_up)
}

/// The role with which another person cannot log in.
fn asked_for(session: &Session, roles: &Roles<'_>) -> Option<Finding> {
    let name = session.for_role.as_deref()?;
    if roles.principal(name).is_some() {
        return None;
    }
    let exists = roles.others.iter().any(|other| other == name);
    let detail = if exists {
        format!("the role \"{name}\" exists, but it is not an Entra role: it has no security label")
    } else {
        format!("there is no role \"{name}\"")
    };
    let mut finding = Finding::of(&ROLE_MISSING, name, detail).because(format!(
        "{} Entra roles and {} others were searched",
        roles.entra.len(),
        roles.others.len()
    ));
    if let Some(twin) = roles.twin(name) {
        finding = finding
            .because(format!("there is a role \"{twin}\", which differs in letter case only"))
            .fix(Fix::you(format!("Log in as \"{twin}\": role names are case-sensitive")));
    }
    if !exists
        && session.group_sync.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("on"))
    {
        finding = finding
            .because("pgaadauth.enable_group_sync is on: members of groups get roles every 30 minutes")
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "If this person was added to a group a moment ago, create the members' roles now",
                )
                .run(Command::sql("select * from pgaadauth_sync_roles_for_group_members();"))
                .in_database("postgres"),
            );
    }
    Some(if exists {
        let (statement, look_up) = label(name);
        finding
            .fix(Fix::by(Actor::DatabaseAdmin, "Map it to its principal").run(statement))
            .fix(Fix::you("Find the object ID").run(look_up))
    } else {
        finding
            .fix(
                Fix::by(Actor::DatabaseAdmin, "Create it")
                    .run(commands::create_principal(name))
                    .in_database("postgres"),
            )
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "Where the name is not unique in Entra, or is to be another one",
                )
                .run(commands::create_principal_with_oid(name, None, "user"))
                .in_database("postgres"),
            )
    })
}

/// Roles named like people or applications, without a label.
fn unlabelled(roles: &Roles<'_>) -> Option<Finding> {
    let alike: Vec<&String> = roles
        .others
        .iter()
        .filter(|name| name.contains('@') && roles.twin(name).is_none())
        .collect();
    let first = alike.first()?;
    let detail = format!(
        "{} named like Entra principals and {} no security label: {}",
        if alike.len() == 1 {
            "1 role is".to_owned()
        } else {
            format!("{} roles are", alike.len())
        },
        if alike.len() == 1 { "has" } else { "have" },
        text::list(&alike, 5)
    );
    let mut finding = Finding::of(&UNLABELLED_LOOK_ALIKE, *first, detail)
        .because("they are asked for SASL, and no token lets them in");
    for name in alike.iter().take(MOST) {
        let (statement, look_up) = label(name);
        finding = finding.fix(Fix::you("Find the object ID").run(look_up)).fix(
            Fix::by(
                Actor::DatabaseAdmin,
                format!(
                    "If \"{name}\" is to log in with Microsoft Entra ID, map it to its principal"
                ),
            )
            .run(statement),
        );
    }
    Some(finding)
}

/// Roles that differ in letter case only.
fn case_twins(roles: &Roles<'_>) -> Option<Finding> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for principal in roles.entra {
        if let Some(twin) = roles.twin(&principal.role) {
            let known = pairs.iter().any(|(one, _)| folded(one) == folded(twin));
            if !known {
                pairs.push((&principal.role, twin));
            }
        }
    }
    let (first, _) = pairs.first()?;
    let words: Vec<String> =
        pairs.iter().map(|(one, other)| format!("\"{one}\" and \"{other}\"")).collect();
    let detail = format!("roles that differ in letter case only: {}", text::list(&words, 5));
    Some(
        Finding::of(&CASE_TWINS, *first, detail)
            .because(
                "role names are case-sensitive; a statement without quotation marks means the \
                    lower-case one",
            )
            .fix(
                Fix::by(Actor::DatabaseAdmin, "See which of them holds grants, and drop the other")
                    .run(Command::sql(
                        "select rolname, rolcanlogin, (select string_agg(label, ' \
                        ') from pg_shseclabel where objoid = r.oid) from pg_roles r where \
                        lower(rolname) in (select lower(rolname) from pg_roles group by 1 having \
                        count(*) > 1);",
                    )),
            ),
    )
}

/// Roles whose principal is of another tenant than the token.
fn other_tenant(roles: &Roles<'_>, tenant: &str) -> Option<Finding> {
    let foreign: Vec<&Principal> = roles
        .entra
        .iter()
        .filter(|principal| {
            !principal.tenant_id.is_empty() && !principal.tenant_id.eq_ignore_ascii_case(tenant)
        })
        .collect();
    let first = foreign.first()?;
    let names: Vec<&String> = foreign.iter().map(|principal| &principal.role).collect();
    let detail =
        format!("mapped to another tenant than the server's own: {}", text::list(&names, 5));
    Some(
        Finding::of(&OTHER_TENANT, &first.role, detail)
            .because(format!("this token is of tenant {tenant}"))
            .because_all(foreign.iter().take(MOST).map(|principal| {
                format!("\"{}\" is of tenant {}", principal.role, principal.tenant_id)
            }))
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "Bind each to its principal in this tenant (guests have one, too)",
                )
                .run(commands::label_role(&first.role, None, &first.kind))
                .in_database("postgres"),
            ),
    )
}

/// The role that was asked about.
pub static ROLE_MISSING: Problem = Problem {
    id: "access/role-missing",
    title: "the role given with --for-role is not an Entra role",
    explains: &["access/unlabelled-look-alike", "access/case-twins"],
    page: Page {
        means: "With --as-admin --for-role, an administrator asks why another person cannot log \
            in. The server has no Entra role of exactly this name, so it asks that person for a \
            password, and no token is accepted.",
        causes: &[
            "the role was not created: a principal in Microsoft Entra ID is not enough",
            "the role was made with CREATE ROLE and has no security label",
            "the name differs in letter case",
        ],
        confirm: &[
            "`select rolname, provider, label from pg_roles r left join pg_shseclabel l on l.objoid = r.oid where lower(rolname) = lower('<role>');`",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "`select * from pgaadauth_create_principal('<role>', false, false);`",
            ),
            (
                Actor::DatabaseAdmin,
                "for a role that exists: `security label for \"pgaadauth\" on role \"<role>\" is 'aadauth,oid=<object-id>,type=user';`",
            ),
        ],
        mistaken_for: &["login/not-an-entra-role: the same, seen by the person who cannot log in"],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// A role without a label.
pub static UNLABELLED_LOOK_ALIKE: Problem = Problem {
    id: "access/unlabelled-look-alike",
    title: "a role is named like an Entra principal and is not mapped to one",
    severity: Severity::Warning,
    page: Page {
        means: "The role has the name of a person and no security label, so that no token can be \
            used to log in to it.",
        causes: &[
            "it was created with CREATE ROLE instead of pgaadauth_create_principal",
            "it comes from a dump made with --no-security-labels",
        ],
        confirm: &[
            "`select rolname from pg_roles r where rolname like '%@%' and not exists (select from pg_shseclabel where objoid = r.oid);`",
        ],
        fix: &[(
            Actor::DatabaseAdmin,
            "label the role, which keeps its grants: `security label for \"pgaadauth\" on role \"<role>\" is 'aadauth,oid=<object-id>,type=user';`",
        )],
        mistaken_for: &["a role that is meant to have a password: then nothing is to be done"],
        sources: &["Microsoft Learn: Manage Microsoft Entra users, security labels"],
    },
    ..Problem::DEFAULT
};

/// Two roles, one name.
pub static CASE_TWINS: Problem = Problem {
    id: "access/case-twins",
    title: "two roles differ in letter case only",
    severity: Severity::Warning,
    page: Page {
        means: "Role names are case-sensitive. Of two that differ in letter case only, one holds \
            the label and the other perhaps the grants.",
        causes: &[
            "CREATE ROLE or GRANT without quotation marks, which folds to lower case",
            "the name was typed in another case the second time",
        ],
        confirm: &[
            "`select lower(rolname), array_agg(rolname) from pg_roles group by 1 having count(*) > 1;`",
        ],
        fix: &[(
            Actor::DatabaseAdmin,
            "grant to the Entra role, in quotation marks, and drop the other",
        )],
        mistaken_for: &["name/wrong-case: there the person's own name is written in another case"],
        sources: &["PostgreSQL documentation: identifiers and key words"],
    },
    ..Problem::DEFAULT
};

/// A principal of another tenant.
pub static OTHER_TENANT: Problem = Problem {
    id: "access/other-tenant",
    title: "a role is mapped to a principal of another tenant",
    severity: Severity::Warning,
    page: Page {
        means: "The security label names another tenant than the one that issues tokens for this \
            server; tokens of that tenant are refused.",
        causes: &[
            "the server moved to another tenant",
            "the label was copied from a server in another tenant",
        ],
        confirm: &[
            "`select rolname, label from pg_shseclabel l join pg_roles r on r.oid = l.objoid where provider = 'pgaadauth-int';`",
        ],
        fix: &[(
            Actor::DatabaseAdmin,
            "bind the role to the principal of this tenant: `security label for \"pgaadauth\" on role \"<role>\" is 'aadauth,oid=<object-id>,type=user';` (the function pgaadauth_update_principal_with_oid is undocumented)",
        )],
        mistaken_for: &["a guest: guests have an object id in this tenant"],
        sources: &["Microsoft Learn: Microsoft Entra authentication concepts, one tenant"],
    },
    ..Problem::DEFAULT
};
