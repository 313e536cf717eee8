//! Checks of the family `azure`: the server's own side, from its configuration in Azure. No packet of
//! this machine passes there.

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[];
