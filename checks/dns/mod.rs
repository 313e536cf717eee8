//! Checks of the family `dns`: the names of the Entra hosts and of the server.

pub mod nameservers;
pub mod resolves;

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[&nameservers::CHECK, &resolves::CHECK];
