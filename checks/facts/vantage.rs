//! Where the observations were made.

use crate::facts::class;
use serde::{Deserialize, Serialize};

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
    /// The file with this machine's root certificates, for clients that take no others.
    #[serde(serialize_with = "class::name")]
    pub root_bundle: Option<String>,
    /// Seconds per request the user allowed (`--timeout`), in milliseconds.
    pub timeout_ms: u64,
    /// The whole run's limit (`--deadline`), in milliseconds.
    pub deadline_ms: u64,
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
