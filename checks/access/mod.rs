//! Checks of the family `access`.

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[];
