//! Checks of the family `access`: what comes after authentication.

pub mod database;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&database::CHECK];
