//! Checks of the family `token`.

pub mod aadsts;

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[];
