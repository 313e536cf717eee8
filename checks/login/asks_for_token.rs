//! Whether the server asks this role for a token. Learnt without a secret.

use super::refusal;
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        login::AuthRequest,
        settings::Settings,
        token::{Claims, PrincipalKind},
    },
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// Entra roles are asked for a cleartext password, others for SASL.
pub static CHECK: Check = Check {
    id: "login/asks-for-token",
    asserts: "the server asks this role for a token",
    needs: &[Topic::Settings, Topic::AuthRequest, Topic::Token],
    problems: &[
        &NOT_AN_ENTRA_ROLE,
        &refusal::STALLED,
        &refusal::CLOSED,
        &refusal::NOT_UNDERSTOOD,
        &refusal::CLIENT_ADDRESS_REFUSED,
        &refusal::TLS_REQUIRED,
        &refusal::TOO_MANY_CONNECTIONS,
        &refusal::STARTING_UP,
        &refusal::REFUSED,
    ],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, request) = (seen.settings.get()?, seen.auth_request.get()?);
    let user = settings.user.as_ref().map_or("", |user| user.value.as_str());
    Ok(match request {
        AuthRequest::Cleartext => Verdict::Passed(
            "asks for a cleartext password inside TLS, as of Entra roles".to_owned(),
        ),
        AuthRequest::Sasl { mechanisms } => {
            let by = format!("SASL ({})", text::list(mechanisms, 3));
            not_entra(seen, settings, user, &by)
        }
        AuthRequest::Md5 => not_entra(seen, settings, user, "MD5"),
        AuthRequest::Trusted => not_entra(seen, settings, user, "nothing at all"),
        AuthRequest::Other { code } => {
            not_entra(seen, settings, user, &format!("authentication method {code}"))
        }
        AuthRequest::Error(error) => {
            let problem = refusal::classify(error);
            Verdict::found(refusal::finding(problem, error, settings, None))
        }
        AuthRequest::Silent => Verdict::found(refusal::silent(user, "the startup message")),
        AuthRequest::Closed => Verdict::found(refusal::closed(user, "the startup message")),
        AuthRequest::Malformed { detail } => Verdict::found(refusal::not_understood(user, detail)),
    })
}

fn not_entra(seen: &Evidence, settings: &Settings, user: &str, asked: &str) -> Verdict {
    let detail = format!("the server has no Entra role named exactly \"{user}\"");
    let host = settings.host.as_ref().map_or("<server>", |host| host.value.as_str());
    let server = host.split('.').next().unwrap_or(host);
    let mut finding = Finding::of(&NOT_AN_ENTRA_ROLE, user, detail)
        .sure(Confidence::Likely)
        .because(format!("it asks this user for {asked}, and Entra roles for a cleartext password"))
        .because("inferred from how Azure answers; an unknown role, a password role and a server without Entra authentication look alike");
    let claims = seen.token.seen().and_then(|token| token.claims.as_deref());
    if let Some(claims) = claims {
        finding = finding.because(format!("the token is that of {}", whose(claims)));
    }
    let literal = user.replace('\'', "''");
    finding = finding.fix(
        Fix::by(Actor::DatabaseAdmin, "As an Entra administrator, in database postgres: see which Entra roles there are, and create the missing one")
            .run(format!("select * from pgaadauth_list_principals(false); select * from pgaadauth_create_principal('{literal}', false, false);")),
    );
    if let Some(claims) = claims {
        let kind = match claims.principal() {
            PrincipalKind::User | PrincipalKind::Guest => "user",
            PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity => "service",
        };
        let oid = claims.oid.as_deref().unwrap_or("<object-id>");
        let identifier = user.replace('"', "\"\"");
        finding = finding.fix(
            Fix::by(Actor::DatabaseAdmin, "If the role exists with a password, map it to the token's principal")
                .run(format!("security label for \"pgaadauth\" on role \"{identifier}\" is 'aadauth,oid={oid},type={kind}';")),
        );
    }
    Verdict::found(finding.fix(
        Fix::by(Actor::AzureOwner, "If no Entra name works at all, see whether Entra authentication is on (switching it on restarts the server)")
            .run(format!("az postgres flexible-server show -g <resource-group> -n {server} --query authConfig")),
    ))
}

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
    severity: Severity::Error,
    explains: &["login/refused", "access/*"],
    page: Page {
        means: "Before any password, the server says how it wants this user to log in. Entra roles are asked for a cleartext password, which is the token; this user is asked for something else, so no Entra role has exactly this name. A token sent now could only fail with \"password authentication failed\".",
        causes: &[
            "nobody has created the role: being in Entra is not enough",
            "the name differs from the role's: letter case, the mail address in place of the user principal name, the member's name where the group is mapped",
            "the role was made with CREATE ROLE and carries no security label",
            "Entra authentication is switched off on the server",
        ],
        confirm: &[
            "as an administrator: `select rolname, label from pg_shseclabel l join pg_roles r on r.oid = l.objoid`",
            "`select * from pgaadauth_list_principals(false)` in database postgres",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "`select * from pgaadauth_create_principal('<name>', false, false)` in database postgres, as an Entra administrator",
            ),
            (
                Actor::You,
                "log in with the name that the role has; for a group, that is the group's display name",
            ),
        ],
        mistaken_for: &[
            "a wrong or expired token: the server has not seen one yet",
            "name/wrong-case: there the token's own name shows what was meant",
        ],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
            "microsoft/aspire#6205 and #9459 (which authentication request comes)",
        ],
    },
};
