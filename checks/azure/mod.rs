//! Checks of the family `azure`: the server's own side, from its configuration in Azure. No packet of
//! this machine passes there.

pub mod addresses;
pub mod administrators;
pub mod admits;
pub mod egress;
pub mod entra_on;
pub mod ingress;
pub mod name_servers;
pub mod place;
pub mod pooler;
pub mod private_endpoint;
pub mod ready;
pub mod routes;
pub mod routing;
pub mod security;
pub mod tags;
pub mod tenant;
pub mod words;

use crate::check::Check;

/// The family's checks, from cause to consequence.
pub const CHECKS: &[&Check] = &[
    &ready::CHECK,
    &admits::CHECK,
    &private_endpoint::CHECK,
    &ingress::CHECK,
    &pooler::CHECK,
    &entra_on::CHECK,
    &administrators::CHECK,
    &tenant::CHECK,
    &name_servers::CHECK,
    &routes::CHECK,
    &egress::CHECK,
];
