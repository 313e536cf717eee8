//! Whether the server asks this role for a token, observed without a secret.

use super::{
    attempt::{Attempt, is_pooler},
    refusal,
};
use crate::{
    azure::place,
    check::{Check, Fragment, Judge, Missing, Page, Problem},
    command::Command,
    evidence::Evidence,
    facts::{Topic, login::AuthRequest, token::Claims},
    name::{candidates::candidates, spelling::is_mistaken},
    support::commands,
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// Entra roles are asked for a cleartext password, others for SASL.
pub static CHECK: Check = Check {
    id: "login/auth-request",
    asserts: "the server asks this role for a token",
    needs: &[Topic::Settings, Topic::AuthRequest, Topic::Token, Topic::Azure],
    problems: &[
        &NOT_AN_ENTRA_ROLE,
        &refusal::STALLED,
        &refusal::CLOSED,
        &refusal::NOT_UNDERSTOOD,
        &refusal::CLIENT_ADDRESS_REFUSED,
        &refusal::TLS_REQUIRED,
        &refusal::TOO_MANY_CONNECTIONS,
        &refusal::STARTING_UP,
        &refusal::SERVER_DEFECT,
        &refusal::REFUSED,
    ],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, request) = (seen.settings.get()?, seen.auth_request.get()?);
    let attempt = Attempt::before_the_token(settings, seen);
    Ok(match request {
        AuthRequest::Cleartext => Verdict::Passed(
            "asks for a cleartext password inside TLS, as of Entra roles".to_owned(),
        ),
        AuthRequest::Sasl { mechanisms } => {
            not_entra(seen, &attempt, &format!("SASL ({})", text::list(mechanisms, 3)))
        }
        AuthRequest::Md5 => not_entra(seen, &attempt, "MD5"),
        AuthRequest::Trusted => not_entra(seen, &attempt, "nothing at all"),
        AuthRequest::Other { code } => {
            not_entra(seen, &attempt, &format!("authentication method {code}"))
        }
        AuthRequest::Error(error) if error.sqlstate == "3D000" => {
            Verdict::NotApplicable("a pooler refuses the database before it asks".to_owned())
        }
        AuthRequest::Error(error) => Verdict::found(refusal::finding(error, &attempt)),
        AuthRequest::Silent => {
            Verdict::found(refusal::silent(&attempt, "the startup message", &[]))
        }
        AuthRequest::Closed => {
            Verdict::found(refusal::closed(&attempt, "the startup message", &[]))
        }
        AuthRequest::Malformed { detail } => {
            Verdict::found(refusal::not_understood(&attempt, detail))
        }
    })
}

fn not_entra(seen: &Evidence, attempt: &Attempt<'_>, asked: &str) -> Verdict {
    let (settings, user, claims) = (attempt.settings, attempt.user(), attempt.claims());
    let detail = format!("the server has no Entra role named exactly \"{user}\"");
    let host = settings.host.as_ref().map_or("<server>", |host| host.value.as_str());
    let server = host.split('.').next().unwrap_or(host);
    let mut finding = Finding::of(&NOT_AN_ENTRA_ROLE, user, detail)
        .sure(Confidence::Likely)
        .because(format!(
            "the server asks this user for {asked}; it asks Entra roles for a \
            cleartext password"
        ))
        .because(
            "inferred from how Azure answers; an unknown role, a password role and a server \
                without Entra authentication look alike",
        );
    if let Some(claims) = claims {
        finding = finding.because(format!("the token belongs to {}", whose(claims)));
    }
    finding = finding.because_all(attempt.psql_tries_twice());
    if is_pooler(settings.port.value) {
        finding = finding.because(format!(
            "on port {} the pooler answers instead of the server and can differ: check with port \
                5432",
            settings.port.value
        ));
    }
    finding = finding.because_all(group_sync(seen));
    let fixes =
        if is_mistaken(settings, claims) { vec![listing()] } else { creating(user, claims) };
    for fix in fixes {
        finding = finding.fix(fix);
    }
    for fix in claims.map(|claims| by_group(user, claims)).unwrap_or_default() {
        finding = finding.fix(fix);
    }
    Verdict::found(
        finding.fix(
            Fix::by(
                Actor::AzureOwner,
                "If no Entra role works, check whether Entra authentication is enabled (enabling \
                    it restarts the server)",
            )
            .run(commands::show_server(Some(server), "authConfig")),
        ),
    )
}

/// No role is created under a name that has a mistake.
fn listing() -> Fix {
    Fix::by(Actor::DatabaseAdmin, "List the Entra roles, to find the right name")
        .safe()
        .run(Command::sql("select * from pgaadauth_list_principals(false);"))
        .in_database("postgres")
}

/// The statements that make the role, or map the one that is there.
fn creating(user: &str, claims: Option<&Claims>) -> Vec<Fix> {
    let create = Fix::by(Actor::DatabaseAdmin, "List the Entra roles, and create the missing one")
        .run(
            Command::sql("select * from pgaadauth_list_principals(false);")
                .then(commands::create_principal(user)),
        )
        .in_database("postgres");
    let Some(claims) = claims else { return vec![create] };
    let kind = refusal::kind(Some(claims));
    let oid = claims.oid.as_deref();
    let mut fixes = vec![create];
    let own = candidates(claims, None).iter().any(|candidate| candidate.name == user);
    // A person's name is not bound to the object ID of another principal.
    if !own && user.contains('@') {
        return fixes;
    }
    if !own {
        // A name of one's own choice is bound by the object id.
        fixes.push(
            Fix::by(
                Actor::DatabaseAdmin,
                "If this name is to be the role of the token's principal, create it with the \
                    object id",
            )
            .run(commands::create_principal_with_oid(user, oid, kind))
            .in_database("postgres"),
        );
    }
    fixes.push(
        Fix::by(
            Actor::DatabaseAdmin,
            "If the role exists with a password, map it to the token's principal",
        )
        .run(commands::label_role(user, oid, kind))
        .in_database("postgres"),
    );
    fixes
}

/// The own name is used, and only a group is mapped.
fn by_group(user: &str, claims: &Claims) -> Vec<Fix> {
    let own = [&claims.upn, &claims.unique_name].into_iter().flatten().any(|name| name == user);
    let listed = match claims.groups.len() {
        0 if claims.groups_overage => "very many groups".to_owned(),
        0 => return Vec::new(),
        1 => "a group".to_owned(),
        many => format!("{many} groups"),
    };
    if !own {
        return Vec::new();
    }
    vec![
        Fix::you(format!(
            "This identity is in {listed}: if one of them has the role, log in with the group's \
                display name and your own token"
        )),
        Fix::by(
            Actor::DatabaseAdmin,
            "If pgaadauth.enable_group_sync is on, create the roles of the group's members now, as \
                a Microsoft Entra administrator; otherwise this happens every 30 minutes",
        )
        .run(Command::sql("select * from pgaadauth_sync_roles_for_group_members();"))
        .in_database("postgres"),
    ]
}

/// What the server parameter says about roles of members.
fn group_sync(seen: &Evidence) -> Option<String> {
    let parameters = seen.azure.seen()?.parameters.seen()?;
    let own = place::of_server(seen, parameters, "parameter", |one| one.server.as_deref()).ok()?;
    let setting = own.iter().find(|one| one.name.eq_ignore_ascii_case(GROUP_SYNC))?;
    let meaning = if setting.value.eq_ignore_ascii_case("on") {
        "roles of new members are created every 30 minutes"
    } else {
        "members of a group have no roles of their own and log in with the name of the group"
    };
    Some(format!("azure-config: {GROUP_SYNC} is {}: {meaning}", setting.value))
}

/// Source: Microsoft Learn, "Use Microsoft Entra ID for authentication".
const GROUP_SYNC: &str = "pgaadauth.enable_group_sync";

fn whose(claims: &Claims) -> String {
    let name = claims
        .upn
        .as_deref()
        .or(claims.unique_name.as_deref())
        .or(claims.preferred_username.as_deref())
        .or(claims.app_displayname.as_deref());
    let oid = claims.oid.as_deref().unwrap_or("?");
    match name {
        Some(name) => format!("\"{name}\" (object id {oid})"),
        None => format!("the application {} (object id {oid})", claims.client().unwrap_or("?")),
    }
}

/// No Entra role of exactly this name.
pub static NOT_AN_ENTRA_ROLE: Problem = Problem {
    id: "login/not-an-entra-role",
    title: "the server has no Entra role of exactly this name",
    explains: &["login/refused", "access/*"],
    fragments: &[
        Fragment::new("sasl authentication failed", 85),
        Fragment::new("failed sasl auth", 85),
        Fragment::new("authentication failed against database server", 85),
        Fragment::new("the authentication type 10 is not supported", 85),
        Fragment::new("authentication type 10", 84),
        Fragment::new("authentication method 10 not supported", 84),
        Fragment::new("scram authentication requires libpq version 10", 84),
        Fragment::new("unknown authentication method: 10", 84),
        Fragment::new("the server requested scram-based authentication", 76),
        Fragment::new("password authentication failed", 70),
        Fragment::new("saslinitialresponse", 70),
        Fragment::new("invalid scram", 70),
        Fragment::new("password authentication is not supported for this user", 70),
        Fragment::new("scram-server-final-message", 66),
        Fragment::new("client password must be a string", 64),
        Fragment::new("role … does not exist", 62),
        Fragment::new("p1000:", 85),
        Fragment::new("code: p1000", 85),
    ],
    page: Page {
        means: "Before it receives a password, the server states the authentication method of \
            this user. It asks Entra roles for a cleartext password, which is the token; it asks \
            this user for another method, so no Entra role has exactly this name. A token sent \
            now would fail with \"password authentication failed\".",
        causes: &[
            "the role was not created: a principal in Microsoft Entra ID is not enough",
            "the name differs from the role's: letter case, the mail address instead of the user \
                principal name, or the name of a member if only the group is mapped",
            "the role was created with CREATE ROLE and has no security label",
            "Entra authentication is disabled on the server",
        ],
        confirm: &[
            "`select rolname, label from pg_shseclabel l join pg_roles r on r.oid = l.objoid;`",
            "`select * from pgaadauth_list_principals(false);`",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "`select * from pgaadauth_create_principal('<name>', false, false);`",
            ),
            (
                Actor::You,
                "log in with the name that the role has; for a group, that is the group's \
                    display name",
            ),
        ],
        mistaken_for: &[
            "a wrong or expired token: the server has not received one yet",
            "name/wrong-case: there the token contains the name in another letter case",
        ],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
            "microsoft/aspire#6205 and #9459 (which authentication request comes)",
        ],
    },
    ..Problem::DEFAULT
};
