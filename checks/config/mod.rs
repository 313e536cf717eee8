//! Checks of the family `config`: what was typed.

pub mod cloud;
pub mod host;
pub mod host_list;
pub mod password_file;
pub mod precedence;
pub mod tls_settings;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[
    &host::CHECK,
    &host_list::CHECK,
    &cloud::CHECK,
    &precedence::CHECK,
    &tls_settings::CHECK,
    &password_file::CHECK,
];
