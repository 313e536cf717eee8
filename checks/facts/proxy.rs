//! The HTTP proxy rules of the environment or of the operating system.

use super::settings::Origin;
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// What HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say, in either case; or, without them, the
/// settings of Windows or macOS.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ProxyRules {
    /// The proxy for `https://` addresses.
    pub https: Option<Proxy>,
    /// The proxy for `http://` addresses (the metadata service is one).
    pub http: Option<Proxy>,
    /// NO_PROXY as written.
    #[serde(serialize_with = "class::name")]
    pub no_proxy: Option<String>,
    /// The exceptions in the operating system's settings, as written.
    #[serde(serialize_with = "class::name", skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<String>,
    /// Hosts of this run that are exempt.
    #[serde(serialize_with = "class::name")]
    pub exempt: Vec<String>,
    /// Whether a request to 169.254.169.254 would go to the proxy.
    pub covers_metadata_service: bool,
    /// Where programs read the environment differently, one sentence each.
    #[serde(serialize_with = "class::clause")]
    pub differences: Vec<String>,
    /// Variables that are set but not understood: the name and what is wrong with it.
    #[serde(serialize_with = "class::free")]
    pub not_understood: Vec<(String, String)>,
    /// What the operating system's settings name and neither this tool nor the Azure CLI follows, such
    /// as a proxy script: the settings and what they name.
    #[serde(serialize_with = "class::free", skip_serializing_if = "Vec::is_empty")]
    pub not_followed: Vec<(String, String)>,
}

/// One proxy, without its credentials.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Proxy {
    /// `http`, `https` or `socks5`.
    #[serde(serialize_with = "class::word")]
    pub scheme: String,
    /// Host name or address.
    #[serde(serialize_with = "class::name")]
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether a user name is written into the address.
    pub has_credentials: bool,
    /// The variable or the settings that name it.
    pub origin: Origin,
}
