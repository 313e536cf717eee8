//! Checks of the family `token`: obtaining one.

pub mod acquisition;

use crate::check::Check;
pub(crate) use crate::support::token::{aadsts, advice, refusal};

/// The family's checks.
pub const CHECKS: &[&Check] = &[&acquisition::CHECK];
