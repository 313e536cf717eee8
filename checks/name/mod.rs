//! Checks of the family `name`: the role name against the token's identity.

pub mod candidates;
pub mod compare;
mod slip;
pub mod spelling;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&spelling::CHECK];
