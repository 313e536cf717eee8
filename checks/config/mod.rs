//! Checks of the family `config`: what was typed.

pub mod host;
pub mod tls_settings;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&host::CHECK, &tls_settings::CHECK];
