//! Roles that accept only tokens with a second factor (isMfa).

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
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// Principals whose role requires a second factor can show one.
pub static CHECK: Check = Check {
    id: "access/second-factor",
    asserts: "principals whose role requires a second factor can show one",
    needs: &[Topic::Token, Topic::Session],
    problems: &[&SECOND_FACTOR_REQUIRED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let session = seen.session.get()?;
    let claims = seen.token.seen().and_then(|token| token.claims.as_deref());
    if !session.as_admin {
        return Ok(own_role(session, claims));
    }
    let strict: Vec<&Principal> =
        session.principals.get()?.iter().filter(|principal| principal.mfa).collect();
    if let Some(finding) = refused(session, &strict) {
        return Ok(Verdict::found(finding));
    }
    Ok(Verdict::Passed(match strict.as_slice() {
        [] => "no role requires a second factor".to_owned(),
        roles => format!(
            "{} require a second factor: {}",
            if roles.len() == 1 {
                "1 role of a person".to_owned()
            } else {
                format!("{} roles of persons", roles.len())
            },
            names(roles)
        ),
    }))
}

/// The login worked, so the role accepts this token.
fn own_role(session: &Session, claims: Option<&Claims>) -> Verdict {
    match session.principal() {
        Some(principal) if principal.mfa => Verdict::Passed(format!(
            "\"{}\" requires a second factor; {}",
            principal.role,
            shown(claims)
        )),
        Some(_) => Verdict::Passed("this role does not require a second factor".to_owned()),
        None => Verdict::NotApplicable("the labels of this role cannot be read".to_owned()),
    }
}

fn shown(claims: Option<&Claims>) -> String {
    match claims.map(|claims| claims.amr.as_slice()) {
        Some(methods) if methods.iter().any(|method| method == "mfa") => {
            "the token's amr contains mfa".to_owned()
        }
        Some([]) | None => "the token has no amr".to_owned(),
        Some(methods) => format!("the token's amr is {}", methods.join(", ")),
    }
}

/// The role of `--for-role`, or roles of applications, whose tokens show no second factor.
fn refused(session: &Session, strict: &[&Principal]) -> Option<Finding> {
    let asked = session.for_role.as_deref();
    let asked = strict.iter().find(|principal| Some(principal.role.as_str()) == asked);
    let services: Vec<&Principal> =
        strict.iter().copied().filter(|principal| principal.kind == "service").collect();
    let (subject, detail) = match (asked, services.first()) {
        (Some(principal), _) if principal.kind != "service" => (
            principal,
            format!("\"{}\" accepts only tokens whose amr contains mfa", principal.role),
        ),
        (_, Some(first)) => (
            first,
            format!(
                "roles of applications require a second factor, which tokens of applications \
                    never show: {}",
                names(&services)
            ),
        ),
        _ => return None,
    };
    Some(
        Finding::of(&SECOND_FACTOR_REQUIRED, &subject.role, detail)
            .sure(Confidence::Likely)
            .because("pgaadauth_list_principals: isMfa is 1")
            .fix(
                Fix::you("See how the token of this principal was acquired: amr contains mfa?")
                    .run(Command::new("entra-pg token")),
            )
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "If no second factor is meant, write the label without mfa",
                )
                .run(commands::label_role(&subject.role, object_id(subject), &subject.kind))
                .in_database("postgres"),
            ),
    )
}

fn object_id(principal: &Principal) -> Option<&str> {
    Some(principal.object_id.as_str()).filter(|id| !id.is_empty())
}

fn names(roles: &[&Principal]) -> String {
    let names: Vec<&String> = roles.iter().map(|principal| &principal.role).collect();
    text::list(&names, 5)
}

/// The role requires a second factor.
pub static SECOND_FACTOR_REQUIRED: Problem = Problem {
    id: "access/second-factor-required",
    title: "the role accepts only tokens that show a second factor",
    severity: Severity::Warning,
    page: Page {
        means: "The role was created with isMfa. The server accepts only tokens whose claim amr \
            contains mfa. isMfa does not make Microsoft Entra ID ask for a second factor: the \
            tenant's policy decides that. Tokens of applications and managed identities have no \
            amr. The text of the server's refusal is not documented.",
        causes: &[
            "isMfa, the last argument of pgaadauth_create_principal, is true",
            "the person signed in without a second factor, because the tenant does not require \
                one",
            "the role belongs to an application or managed identity",
        ],
        confirm: &[
            "`select * from pgaadauth_list_principals(false);` shows isMfa 1",
            "`entra-pg token` shows amr",
        ],
        fix: &[
            (
                Actor::You,
                "sign in with a second factor and get a new token: `az logout`, then `az login`",
            ),
            (
                Actor::EntraAdmin,
                "require multifactor authentication for these users (Conditional Access)",
            ),
            (
                Actor::DatabaseAdmin,
                "for an application: write the security label without mfa, or create the role \
                    again with isMfa false",
            ),
        ],
        mistaken_for: &[
            "AADSTS50076: there Microsoft Entra ID refuses the token; here the database refuses a \
                valid token",
        ],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};
