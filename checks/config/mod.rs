//! Checks of the family `config`: what was typed.

pub mod cloud;
pub mod connection_string;
pub mod host;
pub mod host_list;
pub mod password_file;
pub mod precedence;
pub mod secret;
pub mod setting_values;
pub mod tls_settings;
pub mod untested_settings;

use crate::{
    check::{Area, Family, RelatedSetting, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "config",
    title: "settings",
    summary: "the settings are understood",
    checks: &[
        &secret::CHECK,
        &connection_string::CHECK,
        &host::CHECK,
        &host_list::CHECK,
        &cloud::CHECK,
        &precedence::CHECK,
        &setting_values::CHECK,
        &tls_settings::CHECK,
        &untested_settings::CHECK,
        &password_file::CHECK,
    ],
    pages: &[],
    station: Station::Machine,
    psql_only: true,
    reasons: &[Area::Settings],
    suspects: &["host", "port", "nameservers", "proxy for https", "token"],
    blocks: &[
        Topic::Settings,
        Topic::Dns,
        Topic::Credential,
        Topic::Server,
        Topic::AuthRequest,
        Topic::Login,
        Topic::Session,
    ],
    setting: RelatedSetting::Host,
    ..Family::DEFAULT
};
