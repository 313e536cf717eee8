//! Checks of the family `token`: obtaining one.

pub mod acquisition;
pub mod endpoint;
pub mod identity_latency;

pub(crate) use crate::support::token::{aadsts, advice, refusal};
use crate::{
    check::{Area, Family, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "token",
    title: "token",
    summary: "a token is obtained",
    checks: &[&acquisition::CHECK, &endpoint::CHECK, &identity_latency::CHECK],
    pages: crate::support::token::pages::PAGES,
    station: Station::Entra,
    reasons: &[Area::Settings, Area::Proxy, Area::Dns, Area::Outbound, Area::Token],
    suspects: &["source of the token", "principal (oid)", "tenant of the token (tid)", "user"],
    blocks: &[
        Topic::Credential,
        Topic::Token,
        Topic::Login,
        Topic::Session,
        Topic::Graph,
        Topic::Azure,
    ],
    ..Family::DEFAULT
};
