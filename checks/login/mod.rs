//! Checks of the family `login`.

pub mod accepted;
pub mod asks_for_token;
pub mod attempt;
pub mod refusal;

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[&asks_for_token::CHECK, &accepted::CHECK];
