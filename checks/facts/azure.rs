//! The server's configuration in Azure, from exported files or read live.

use serde::{Deserialize, Serialize};

/// Everything that was read of the configuration.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct AzureConfig {}
