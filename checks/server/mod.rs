//! Checks of the family `server`: the way from this machine to the database server, up to TLS.

pub mod protocol;
pub mod tcp;
pub mod tls;

use crate::check::Check;
pub(crate) use crate::support::server::{names, psql, roots};

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[&tcp::CHECK, &protocol::CHECK, &tls::CHECK];

/// What a firewall or route between client and server explains.
pub(crate) const EVERYTHING_AFTER: &[&str] = &["server/*", "login/*", "access/*"];
