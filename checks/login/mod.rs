//! Checks of the family `login`.

pub mod auth_request;
pub mod authentication;

use crate::check::Check;
pub(crate) use crate::support::login::{attempt, refusal};

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[&auth_request::CHECK, &authentication::CHECK];
