//! Checks of the family `server`: the way from this machine to the database server, up to TLS.

pub mod protocol;
pub mod tcp;
pub mod tls;

pub(crate) use crate::support::server::{names, openssl, psql, roots, tls_problems};
use crate::{
    check::{Area, Family, RelatedSetting, Service, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "server",
    title: "server",
    summary: "the server is reached over TLS that was verified",
    checks: &[&tcp::CHECK, &protocol::CHECK, &tls::CHECK],
    pages: crate::support::server::pages::PAGES,
    station: Station::Server,
    service: Some(Service::Server),
    proof_of_refusal: Some(84),
    about_resources: true,
    psql_only: true,
    reasons: &[Area::Settings, Area::Dns, Area::Server],
    suspects: &["host", "port", "nameservers", "proxy for https", "token"],
    blocks: &[Topic::Server, Topic::AuthRequest, Topic::Login, Topic::Session],
    setting: RelatedSetting::Host,
    ..Family::DEFAULT
};

/// What a firewall or route between client and server explains.
pub(crate) const EVERYTHING_AFTER: &[&str] = &["server/*", "login/*", "access/*"];
