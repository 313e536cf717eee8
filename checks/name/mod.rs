//! Checks of the family `name`: the role name against the token's identity.

pub mod spelling;

use crate::check::Check;
pub(crate) use crate::support::name::{candidates, compare, slip};

/// The family's checks.
pub const CHECKS: &[&Check] = &[&spelling::CHECK];
