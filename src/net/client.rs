//! The HTTP clients that all requests of a run share.

use super::{Lookups, Proxies, Roots, tls};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Which way a request takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// Through the proxy that the environment or the system names for the host, as the Azure SDKs do.
    Configured,
    /// Never through a proxy: endpoints on this machine or its link.
    Direct,
}

/// The clients of a run, each made when first needed. Connections are kept for the next request.
#[derive(Default)]
pub(crate) struct Clients {
    configured: OnceLock<Option<reqwest::Client>>,
    direct: OnceLock<Option<reqwest::Client>>,
}

impl Clients {
    /// The client for a route; none if there are no roots to verify with.
    pub(crate) fn get(
        &self,
        route: Route,
        roots: &Roots,
        lookups: &Lookups,
        proxies: &Arc<Proxies>,
        connect_timeout: Duration,
    ) -> Option<reqwest::Client> {
        let proxies = (route == Route::Configured).then_some(proxies);
        let make = || client(proxies, roots, lookups, connect_timeout).ok();
        match route {
            Route::Configured => self.configured.get_or_init(make).clone(),
            Route::Direct => self.direct.get_or_init(make).clone(),
        }
    }
}

/// A client with this machine's roots and no redirects.
fn client(
    proxies: Option<&Arc<Proxies>>,
    roots: &Roots,
    lookups: &Lookups,
    connect_timeout: Duration,
) -> Result<reqwest::Client, String> {
    let tls = tls::verifying_config(roots).map_err(|error| error.to_string())?;
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(lookups.clone()))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout)
        // What the client would read by itself is not what the probes and the plan know.
        .no_proxy();
    let builder = match proxies {
        Some(proxies) => builder.proxy(proxies.for_client()),
        None => builder,
    };
    builder.build().map_err(|error| error.to_string())
}
