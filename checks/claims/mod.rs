//! Checks of the family `claims`: what the token says, before it is sent anywhere.

pub mod audience;
pub mod issuer;
pub mod lifetime;
pub mod principal;
pub mod signature;
pub mod tenant;
pub mod well_formed;

use crate::{
    check::{Area, Family, Fragment, Missing, Service, Station},
    evidence::Evidence,
    facts::{NotObserved, Topic, cloud::Cloud, token::Claims},
    support::commands,
    verdict::Fix,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "claims",
    title: "token claims",
    summary: "the token is whole, genuine, in its time and for the database",
    checks: &[
        &well_formed::CHECK,
        &signature::CHECK,
        &audience::CHECK,
        &issuer::CHECK,
        &tenant::CHECK,
        &lifetime::CHECK,
        &principal::CHECK,
    ],
    pages: &[],
    station: Station::Entra,
    service: Some(Service::Server),
    proof_of_refusal: Some(Fragment::SPECIFIC),
    reasons: &[Area::Settings, Area::Clock, Area::Token],
    suspects: &["source of the token", "principal (oid)", "tenant of the token (tid)", "user"],
    blocks: &[Topic::Token, Topic::Login, Topic::Session],
    ..Family::DEFAULT
};

/// What a token that cannot be used explains.
const EVERYTHING_AFTER: &[&str] = &["claims/*", "login/token-refused", "login/refused", "access/*"];

/// The claims, or that the token could not be decoded.
fn claims(seen: &Evidence) -> Result<&Claims, Missing> {
    let token = seen.token.get()?;
    token
        .claims
        .as_deref()
        .ok_or(Missing(NotObserved::Blocked { by: Topic::Token, subject: String::new() }))
}

/// Whether the audience is the database of another cloud than the server's.
fn of_another_cloud(seen: &Evidence) -> bool {
    let audience = seen.token.seen().and_then(|token| token.claims.as_deref()?.aud.as_deref());
    let own = seen.settings.seen().map(|settings| &settings.cloud.value.database_audience);
    let is = |cloud: &Cloud| {
        audience.map(|audience| audience.trim_end_matches('/')) == Some(&cloud.database_audience)
            && own != Some(&cloud.database_audience)
    };
    Cloud::built_in().iter().any(is)
}

/// A fresh token for the right audience and tenant.
fn fresh(seen: &Evidence) -> Fix {
    let settings = seen.settings.seen();
    let audience = settings.map_or("https://ossrdbms-aad.database.windows.net", |settings| {
        settings.cloud.value.database_audience.as_str()
    });
    let tenant = settings.and_then(|settings| settings.tenant.as_ref());
    Fix::you("Get a token for the database")
        .run(commands::fresh_token(audience, tenant.map(|tenant| tenant.value.as_str())))
}
