//! Checks of the family `clock`.

pub mod accuracy;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&accuracy::CHECK];
