//! Checks of the family `clock`.

pub mod agrees;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&agrees::CHECK];
