//! Name resolution.

use crate::context::Context;
use entra_pg_checks::{
    Fact,
    facts::dns::{Name, ResolverSettings, Role, SystemLookup},
};
use std::net::SocketAddr;

/// How this machine resolves names.
#[must_use]
pub fn resolver_settings(_cx: &Context, _extra: &[SocketAddr]) -> ResolverSettings {
    ResolverSettings::default()
}

/// What getaddrinfo gives a program.
pub async fn system_lookup(_cx: &Context, _name: &str) -> Fact<SystemLookup> {
    Fact::default()
}

/// One name over every nameserver.
pub async fn name_facts(
    _cx: &Context,
    name: &str,
    role: Role,
    _resolver: &ResolverSettings,
    system: Fact<SystemLookup>,
) -> Name {
    Name {
        name: name.to_owned(),
        role,
        hosts_file: Vec::new(),
        system,
        answers: Vec::new(),
        captured_by_search: None,
    }
}
