//! Whether the issuer is the tenant, in the server's cloud.

use super::{claims, fresh, of_another_cloud};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, Waiting},
    evidence::Evidence,
    facts::{Topic, cloud::Cloud},
    verdict::{Actor, Finding, Verdict},
};

/// Issuer, tenant and version belong together.
pub static CHECK: Check = Check {
    id: "claims/issuer",
    asserts: "the issuer is the tenant, in the server's cloud (iss, ver)",
    needs: &[Topic::Settings, Topic::Token],
    problems: &[&UNUSUAL_ISSUER],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, claims) = (seen.settings.get()?, claims(seen)?);
    let cloud = &settings.cloud.value;
    let (issuer, tenant) = (claims.iss.as_deref().unwrap_or_default(), claims.tid.as_deref());
    if of_another_cloud(seen) {
        // One finding is enough, and the audience gives the better one.
        let why = "the token is of another cloud, as its audience says".to_owned();
        return Ok(Verdict::NotApplicable(why));
    }
    let version = claims.ver.as_deref().unwrap_or("1.0");
    let Some(tenant) = tenant else {
        return Ok(Verdict::NotApplicable("the token names no tenant".to_owned()));
    };
    let unknown_cloud = cloud.v1_issuer_host.is_empty() && version == "1.0";
    if expected(cloud, tenant).iter().any(|known| known == issuer)
        || (unknown_cloud && issuer.ends_with(&format!("/{tenant}/")))
    {
        return Ok(Verdict::Passed(format!("{issuer} (version {version})")));
    }
    let elsewhere = Cloud::built_in()
        .iter()
        .find(|other| expected(other, tenant).iter().any(|known| known == issuer));
    let what = match elsewhere {
        Some(other) => format!("it is that of {}", other.az_name()),
        None if issuer.is_empty() => "there is none".to_owned(),
        None if !issuer.contains(tenant) => "it is another tenant's than tid says".to_owned(),
        None => "it is none that Entra is known by".to_owned(),
    };
    let detail = format!("the issuer is unusual: {what}");
    Ok(Verdict::found(
        Finding::of(&UNUSUAL_ISSUER, "iss", detail)
            .because(format!("iss is \"{issuer}\", ver is \"{version}\", tid is {tenant}"))
            .because_all(
                expected(cloud, tenant).first().map(|usual| format!("usual is \"{usual}\"")),
            )
            .fix(fresh(seen)),
    ))
}

/// The issuers of both versions, the usual one for this resource first.
fn expected(cloud: &Cloud, tenant: &str) -> [String; 2] {
    [
        format!("https://{}/{tenant}/", cloud.v1_issuer_host),
        format!("https://{}/{tenant}/v2.0", cloud.authority_host),
    ]
}

/// Not the usual one.
pub static UNUSUAL_ISSUER: Problem = Problem {
    id: "claims/unusual-issuer",
    title: "the token's issuer does not fit its tenant or cloud",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    page: Page {
        means: "Entra's tokens name their issuer: https://sts.windows.net/<tenant>/ in version \
            1.0, https://login.microsoftonline.com/<tenant>/v2.0 in version 2.0, and other hosts \
            in other clouds. This one names something else, so it is of another cloud, of a test \
            environment, or issued by another party.",
        causes: &[
            "a token of another cloud",
            "a token of a test environment or of another identity service (B2C, AD FS)",
        ],
        confirm: &["`entra-pg token --decode -` shows iss and tid"],
        fix: &[(Actor::You, "get a token from the tenant's own authority")],
        mistaken_for: &[
            "claims/bad-signature, which says it with certainty",
            "claims/wrong-tenant",
        ],
        sources: &["Microsoft Learn: Access token claims reference, iss and ver"],
    },
    ..Problem::DEFAULT
};
