//! The way to one Entra host.

use crate::context::Context;
use entra_pg_checks::{
    Fact,
    facts::{
        dns::{Role, SystemLookup},
        outbound::{Host, Route},
        proxy::ProxyRules,
    },
};

/// One host, layer by layer.
pub async fn host(
    _cx: &Context,
    host: &str,
    role: Role,
    _system: &Fact<SystemLookup>,
    _proxy: &ProxyRules,
) -> Host {
    Host {
        host: host.to_owned(),
        role,
        route: Route::Direct,
        direct: Fact::default(),
        proxied: Fact::default(),
    }
}
