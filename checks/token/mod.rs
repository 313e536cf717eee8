//! Checks of the family `token`: obtaining one.

pub mod aadsts;
pub mod advice;
pub mod obtained;
pub mod refusal;

use crate::check::Check;

/// The family's checks.
pub const CHECKS: &[&Check] = &[&obtained::CHECK];
