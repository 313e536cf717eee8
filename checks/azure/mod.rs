//! Checks of the family `azure`: the server's own side, from its configuration in Azure. No packet of
//! this machine passes there.

pub mod administrators;
pub mod client_rules;
pub mod coverage;
pub mod delegated_subnet;
pub mod dns_rules;
pub mod dns_servers;
pub mod documents;
pub mod egress_rules;
pub mod entra_auth;
pub mod firewall_rules;
pub mod graph_principal;
pub mod health;
pub mod ingress_rules;
pub mod pooler;
pub mod private_endpoint;
pub mod private_zone;
pub mod routes;
pub mod server_state;
pub mod service_tags;
pub mod tenant;
pub mod way_out;

pub(crate) use crate::support::azure::{
    addresses, firewall, measured, place, room, routing, security, tags, words,
};
use crate::{
    check::{Area, Family, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "azure",
    title: "Azure configuration",
    summary: "the server's settings and network in Azure let it work",
    checks: &[
        &documents::CHECK,
        &way_out::CHECK,
        &server_state::CHECK,
        &health::CHECK,
        &firewall_rules::CHECK,
        &private_endpoint::CHECK,
        &client_rules::CHECK,
        &ingress_rules::CHECK,
        &pooler::CHECK,
        &entra_auth::CHECK,
        &administrators::CHECK,
        &tenant::CHECK,
        &graph_principal::CHECK,
        &private_zone::CHECK,
        &dns_rules::CHECK,
        &dns_servers::CHECK,
        &routes::CHECK,
        &egress_rules::CHECK,
        &delegated_subnet::CHECK,
        &service_tags::CHECK,
        &coverage::CHECK,
    ],
    pages: crate::support::azure::pages::PAGES,
    station: Station::Server,
    reaches_station: false,
    about_resources: true,
    reasons: &[Area::Settings, Area::Server],
    suspects: &["host", "port", "nameservers", "proxy for https", "token"],
    blocks: &[],
    timed: &[Topic::Azure],
    ..Family::DEFAULT
};
