//! Checks of the family `access`: what comes after authentication.

pub mod database;
pub mod entra_functions;
pub mod group_sync;
pub mod role;
pub mod role_mapping;
pub mod second_factor;

use crate::{
    check::{Area, Family, Fragment, RelatedSetting, Service, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "access",
    title: "database access",
    summary: "the database lets the role in",
    checks: &[
        &database::CHECK,
        &role::CHECK,
        &entra_functions::CHECK,
        &role_mapping::CHECK,
        &group_sync::CHECK,
        &second_factor::CHECK,
    ],
    pages: crate::support::access::pages::PAGES,
    station: Station::Login,
    reaches_station: false,
    service: Some(Service::Server),
    proof_of_refusal: Some(Fragment::SPECIFIC),
    reasons: &[Area::Settings, Area::Login, Area::Access],
    suspects: &["token", "user", "host", "database", "what the server asks for"],
    blocks: &[Topic::Login, Topic::Session],
    setting: RelatedSetting::Database,
    ..Family::DEFAULT
};
