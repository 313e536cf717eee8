//! What every connection uses: root certificates, TLS configurations, the system's lookups, and the one
//! way out for HTTP.

pub(crate) mod client;
pub mod endpoint;
pub(crate) mod error;
pub(crate) mod gateway;
pub(crate) mod lookups;
pub(crate) mod pem;
pub mod proxies;
pub mod roots;
pub(crate) mod tls;

pub use lookups::Lookups;
pub use proxies::Proxies;
pub use roots::Roots;
