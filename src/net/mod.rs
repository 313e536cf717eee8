//! What every connection uses: root certificates, TLS configurations, the system's lookups, and the one
//! way out for HTTP.

pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod gateway;
mod getent;
pub(crate) mod lookups;
pub(crate) mod pem;
pub(crate) mod proxies;
pub(crate) mod roots;
pub(crate) mod tls;

pub(crate) use lookups::Lookups;
pub(crate) use proxies::Proxies;
pub(crate) use roots::Roots;
