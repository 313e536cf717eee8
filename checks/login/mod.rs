//! Checks of the family `login`.

pub mod auth_request;
pub mod authentication;

pub(crate) use crate::support::login::{attempt, refusal};
use crate::{
    check::{Area, Family, Fragment, RelatedSetting, Service, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "login",
    title: "login",
    summary: "the server accepts the token",
    checks: &[&auth_request::CHECK, &authentication::CHECK],
    pages: &[],
    station: Station::Login,
    service: Some(Service::Server),
    proof_of_refusal: Some(Fragment::SPECIFIC),
    reasons: &[Area::Settings, Area::Token, Area::Server, Area::Login],
    suspects: &["token", "user", "host", "database", "what the server asks for"],
    blocks: &[Topic::AuthRequest, Topic::Login, Topic::Session],
    setting: RelatedSetting::User,
    ..Family::DEFAULT
};
