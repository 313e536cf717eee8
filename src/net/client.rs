//! The HTTP client that all requests with a secret share.

use super::{Lookups, Roots, tls};
use std::{sync::Arc, time::Duration};

/// A client like those of the Azure SDKs: proxies by environment, this machine's roots, and no
/// redirects. Connections are kept for the next request.
///
/// # Errors
/// There are no roots to verify against.
pub(crate) fn client(
    roots: &Roots,
    lookups: &Lookups,
    connect_timeout: Duration,
) -> Result<reqwest::Client, String> {
    let tls = tls::verifying_config(roots).map_err(|error| error.to_string())?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(lookups.clone()))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout)
        .build()
        .map_err(|error| error.to_string())
}
