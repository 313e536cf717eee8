//! Checks of the family `login`.

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[];
