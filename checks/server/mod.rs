//! Checks of the family `server`: the way from this machine to the database server, up to TLS.

pub mod connects;
pub mod encrypts;
mod names;
mod psql;
mod roots;
pub mod speaks;

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[&connects::CHECK, &speaks::CHECK, &encrypts::CHECK];

/// What a firewall or route between client and server explains.
const EVERYTHING_AFTER: &[&str] = &["server/*", "login/*", "access/*"];
