//! The system's own lookup as a fact.

use crate::{net::lookups::TRY_AGAIN, probe::context::Context, time::milliseconds};
use entra_pg_checks::{Fact, NotObserved, Topic, facts::dns::SystemLookup};
use std::time::Instant;

/// What getaddrinfo gives.
pub async fn system_lookup(cx: &Context, name: &str) -> Fact<SystemLookup> {
    let began = Instant::now();
    let lookup = tokio::time::timeout(cx.timeout(), cx.lookups.of(name));
    let waited = cx.step(Topic::Dns, name, "system", lookup).await;
    match waited {
        Ok(Ok(found)) => Fact::Seen(found),
        Ok(Err(detail)) => Fact::NotObserved(NotObserved::ToolFailed { detail }),
        Err(_) => Fact::Seen(SystemLookup {
            error: Some((TRY_AGAIN, "no answer within the timeout".to_owned())),
            elapsed_ms: milliseconds(began.elapsed()),
            ..SystemLookup::default()
        }),
    }
}
