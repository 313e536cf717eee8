//! Microsoft Graph.

use crate::{context::Context, request::Request};
use entra_pg_checks::{
    Fact,
    facts::{cloud::Cloud, graph::Directory},
};

/// What the directory says of the signed-in identity.
pub async fn directory(_cx: &Context, _request: &Request, _cloud: &Cloud) -> Fact<Directory> {
    Fact::default()
}
