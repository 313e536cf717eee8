//! Checks of the family `outbound`.

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[];
