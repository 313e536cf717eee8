//! Whether the token is of the tenant that was asked for.

use super::{claims, fresh};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Waiting},
    evidence::Evidence,
    facts::{
        Topic,
        token::{Claims, PrincipalKind},
    },
    support::commands,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The tenant is the expected one.
pub static CHECK: Check = Check {
    id: "claims/tenant",
    asserts: "the token is of the expected tenant (tid)",
    needs: &[Topic::Settings, Topic::Token],
    problems: &[&WRONG_TENANT],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, claims) = (seen.settings.get()?, claims(seen)?);
    let tenant = claims.tid.as_deref().unwrap_or_default();
    let Some(expected) = &settings.tenant else {
        return Ok(Verdict::Passed(format!("{tenant} (no tenant was named to compare)")));
    };
    // A domain name cannot be compared with an id, but with that of the user.
    if expected.value.contains('.') {
        let domain =
            claims.upn.as_deref().and_then(|upn| upn.rsplit_once('@')).map(|(_, domain)| domain);
        let same = domain.is_some_and(|domain| domain.eq_ignore_ascii_case(&expected.value));
        let note =
            if same { "as the user's own domain says" } else { "a domain name cannot be compared" };
        return Ok(Verdict::Passed(format!("{tenant} ({}: {note})", expected.value)));
    }
    if expected.value.eq_ignore_ascii_case(tenant) {
        return Ok(Verdict::Passed(tenant.to_owned()));
    }
    let detail = format!(
        "the token is of tenant {tenant}, and {} names {}",
        expected.origin.phrase(),
        expected.value
    );
    Ok(Verdict::found(
        Finding::of(&WRONG_TENANT, "tid", detail)
            .because_all(claims.iss.as_ref().map(|issuer| format!("iss is \"{issuer}\"")))
            .because_all(home_token(claims))
            .fix(Fix::you("Sign in to that tenant").run(commands::sign_in(Some(&expected.value))))
            .fix(fresh(seen)),
    ))
}

/// A person's token without a foreign identity provider is of the person's own tenant.
fn home_token(claims: &Claims) -> Option<String> {
    let name = claims.upn.as_deref().or(claims.unique_name.as_deref())?;
    (claims.principal() == PrincipalKind::User).then(|| {
        format!("it is {name}'s token of the home tenant: a guest needs one of the server's tenant")
    })
}

/// Another tenant.
pub static WRONG_TENANT: Problem = Problem {
    id: "claims/wrong-tenant",
    title: "the token is of another tenant",
    explains: &["login/oid-claim-refused", "login/object-id-mismatch", "login/refused", "access/*"],
    waiting: Waiting::Useless,
    page: Page {
        means: "The token was issued by another tenant than the one named. A server accepts \
            principals of its own tenant; guests need a token of the server's tenant, not of their \
            home.",
        causes: &["`az login` chose the home tenant of a guest", "several tenants on one machine"],
        confirm: &["`az account show --query tenantId`"],
        fix: &[(Actor::You, "`az login --tenant $TENANT`")],
        mistaken_for: &["login/object-id-mismatch"],
        sources: &["Microsoft Learn: Access token claims reference, tid"],
    },
    ..Problem::DEFAULT
};
