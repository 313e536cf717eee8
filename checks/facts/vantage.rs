//! Where the observations were made.

use crate::facts::class;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The machine and process of the run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Vantage {
    /// The machine's own name.
    #[serde(serialize_with = "class::name")]
    pub hostname: String,
    /// Kernel or operating system, with its release.
    #[serde(serialize_with = "class::word")]
    pub os: String,
    /// The operating-system user, which libpq falls back to when no user name is given.
    #[serde(serialize_with = "class::name")]
    pub os_user: Option<String>,
    /// The shell whose quoting the suggested commands follow.
    pub shell: Shell,
    /// Whether this machine is in Azure, as far as is known without waiting.
    pub in_azure: Option<bool>,
    /// The network interfaces of a virtual machine in Azure, as its metadata service reports them;
    /// empty outside Azure and if the metadata service does not answer at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// The file with this machine's root certificates, for clients that take no others.
    #[serde(serialize_with = "class::name")]
    pub root_bundle: Option<String>,
    /// Seconds per request the user allowed (`--timeout`), in milliseconds.
    pub timeout_ms: u64,
    /// The whole run's limit (`--deadline`), in milliseconds.
    pub deadline_ms: u64,
}

/// A network interface in a virtual network.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Interface {
    /// Its private addresses.
    pub addresses: Vec<IpAddr>,
    /// The prefixes of its subnet.
    pub subnets: Vec<IpNet>,
}

impl Vantage {
    /// The subnet of the first interface, which is the primary one.
    #[must_use]
    pub fn subnet(&self) -> Option<IpNet> {
        self.interfaces.iter().flat_map(|interface| &interface.subnets).next().copied()
    }
}

/// A command-line shell.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// bash, zsh, dash, busybox and relatives.
    #[default]
    Posix,
    /// Windows PowerShell and PowerShell 7.
    PowerShell,
    /// The Windows command prompt.
    Cmd,
}
