//! Checks of the family `name`: the role name against the token's identity.

pub mod secret;
pub mod spelling;

pub(crate) use crate::support::name::{candidates, compare, slip};
use crate::{
    check::{Area, Family, Fragment, RelatedSetting, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "name",
    title: "user name",
    summary: "the user name is spelt as the role",
    checks: &[&secret::CHECK, &spelling::CHECK],
    pages: &[],
    station: Station::Login,
    reaches_station: false,
    proof_of_refusal: Some(Fragment::SPECIFIC),
    reasons: &[Area::Settings, Area::Token],
    suspects: &["token", "user", "host", "database", "what the server asks for"],
    blocks: &[Topic::Settings, Topic::AuthRequest, Topic::Login, Topic::Session],
    setting: RelatedSetting::User,
    ..Family::DEFAULT
};
