//! The HTTP clients that all requests of a run share.

use super::{Lookups, Roots, tls};
use hyper_util::client::proxy::matcher::Matcher;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Which way a request takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// Through a proxy if the environment names one for the host, as the Azure SDKs do.
    ByEnvironment,
    /// Never through a proxy: endpoints on this machine or its link.
    Direct,
}

/// The clients of a run, each made when first needed. Connections are kept for the next request.
#[derive(Default)]
pub(crate) struct Clients {
    by_environment: OnceLock<Option<reqwest::Client>>,
    direct: OnceLock<Option<reqwest::Client>>,
    proxies: OnceLock<Arc<Matcher>>,
}

impl Clients {
    /// The client for a route and its proxy rules; no client if there are no roots to verify with.
    pub(crate) fn get(
        &self,
        route: Route,
        roots: &Roots,
        lookups: &Lookups,
        connect_timeout: Duration,
    ) -> (Option<reqwest::Client>, Option<Arc<Matcher>>) {
        let make = || client(route, roots, lookups, connect_timeout).ok();
        match route {
            Route::ByEnvironment => {
                let proxies = self.proxies.get_or_init(|| Arc::new(Matcher::from_env()));
                (self.by_environment.get_or_init(make).clone(), Some(Arc::clone(proxies)))
            }
            Route::Direct => (self.direct.get_or_init(make).clone(), None),
        }
    }
}

/// A client with this machine's roots and no redirects.
fn client(
    route: Route,
    roots: &Roots,
    lookups: &Lookups,
    connect_timeout: Duration,
) -> Result<reqwest::Client, String> {
    let tls = tls::verifying_config(roots).map_err(|error| error.to_string())?;
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(lookups.clone()))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout);
    let builder = match route {
        Route::ByEnvironment => builder,
        Route::Direct => builder.no_proxy(),
    };
    builder.build().map_err(|error| error.to_string())
}
