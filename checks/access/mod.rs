//! Checks of the family `access`: what comes after authentication.

pub mod database;
pub mod entra_functions;
pub mod role;
pub mod role_mapping;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] =
    &[&database::CHECK, &role::CHECK, &entra_functions::CHECK, &role_mapping::CHECK];
