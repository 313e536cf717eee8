//! What every connection shares: roots, TLS configurations, the system's lookups, the HTTP client.

pub(crate) mod client;
pub(crate) mod lookups;
pub mod roots;
pub(crate) mod tls;

pub use lookups::Lookups;
pub use roots::Roots;
