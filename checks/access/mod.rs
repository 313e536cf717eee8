//! Checks of the family `access`: what comes after authentication.

pub mod database;
pub mod functions;
pub mod mapping;
pub mod role;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&database::CHECK, &role::CHECK, &functions::CHECK, &mapping::CHECK];
