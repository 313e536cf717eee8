//! Checks of the family `config`: what was typed.

pub mod cloud;
pub mod host;
pub mod one_host;
pub mod password_file;
pub mod sources;
pub mod tls_settings;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[
    &host::CHECK,
    &one_host::CHECK,
    &cloud::CHECK,
    &sources::CHECK,
    &tls_settings::CHECK,
    &password_file::CHECK,
];
