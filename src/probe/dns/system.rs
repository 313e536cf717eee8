//! The system's own lookup as a fact.

use crate::{
    net::lookups::{Hint, Lookup},
    probe::context::Context,
    time::milliseconds,
};
use entra_pg_checks::{Fact, NotObserved, Topic, facts::dns::SystemLookup};
use std::time::Instant;

/// What getaddrinfo gives. Its answer decides the address; nothing replaces it.
pub(crate) async fn system_lookup(cx: &Context, name: &str) -> Fact<SystemLookup> {
    if let Some(why) = cx.withheld_host(name) {
        return Fact::NotObserved(why);
    }
    let began = Instant::now();
    let lookup = cx.lookups.of(name);
    match cx.step(Topic::Dns, name, "system", wait(cx, name, lookup)).await {
        Some(Ok(found)) => Fact::Seen(found),
        Some(Err(detail)) => Fact::NotObserved(NotObserved::ToolFailed { detail }),
        None => Fact::Seen(SystemLookup {
            addresses: certain(cx.lookups.hint(name)),
            elapsed_ms: milliseconds(began.elapsed()),
            unfinished: true,
            ..SystemLookup::default()
        }),
    }
}

/// Waits for the timeout. If a nameserver of the system has given an address by then, the C library is
/// going to get it as well, after its own timeouts for others (5 s each by default): then the wait goes
/// on, and leaves the login its own timeout.
async fn wait(cx: &Context, name: &str, lookup: Lookup) -> Option<Result<SystemLookup, String>> {
    let first = tokio::time::timeout(cx.timeout(), lookup.clone()).await;
    if let Ok(found) = first {
        return Some(found);
    }
    let hint = cx.lookups.hint(name);
    if !hint.address || !certain(hint).is_empty() {
        return None;
    }
    let (timeout, deadline) = cx.limits();
    let elapsed = std::time::Duration::from_millis(cx.elapsed_ms());
    let left = deadline.saturating_sub(elapsed).saturating_sub(timeout);
    tokio::time::timeout(left, lookup).await.ok()
}

/// The IPv4 addresses of the nameserver that the C library asks first, if only its answer about AAAA is
/// missing: the C library waits for that, and then uses those addresses.
fn certain(hint: Hint) -> Vec<std::net::IpAddr> {
    match hint.first_ipv4 {
        Some(addresses) if !hint.first_ipv6_answered => addresses,
        _ => Vec::new(),
    }
}
