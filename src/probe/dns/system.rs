//! The system's own lookup, with hosts file, search suffixes and caches: what psql will see.

use crate::context::{Context, milliseconds};
use dns_lookup::{AddrInfoHints, SockType, getaddrinfo};
use entra_pg_checks::{Fact, NotObserved, Topic, facts::dns::SystemLookup};
use std::time::Instant;

/// More addresses than this are of no use to anybody.
const MOST: usize = 64;

/// What getaddrinfo gives. It knows no timeout: a thread is left behind when ours is over.
pub async fn system_lookup(cx: &Context, name: &str) -> Fact<SystemLookup> {
    let began = Instant::now();
    let asked = name.to_owned();
    let lookup = tokio::task::spawn_blocking(move || look(&asked));
    let waited = cx.step(Topic::Dns, name, "system", tokio::time::timeout(cx.timeout(), lookup));
    let elapsed_ms = |began: Instant| milliseconds(began.elapsed());
    match waited.await {
        Ok(Ok(mut found)) => {
            found.elapsed_ms = elapsed_ms(began);
            Fact::Seen(found)
        }
        Ok(Err(error)) => Fact::NotObserved(NotObserved::ToolFailed { detail: error.to_string() }),
        Err(_) => Fact::Seen(SystemLookup {
            addresses: Vec::new(),
            error: Some((TRY_AGAIN, "no answer within the timeout".to_owned())),
            elapsed_ms: elapsed_ms(began),
        }),
    }
}

/// EAI_AGAIN of Linux: a temporary failure, which is what a lookup that does not end is.
const TRY_AGAIN: i32 = -3;

fn look(name: &str) -> SystemLookup {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let mut found = SystemLookup { addresses: Vec::new(), error: None, elapsed_ms: 0 };
    match getaddrinfo(Some(name), None, Some(hints)) {
        Ok(entries) => {
            for entry in entries.flatten().take(MOST) {
                let address = entry.sockaddr.ip();
                if !found.addresses.contains(&address) {
                    found.addresses.push(address);
                }
            }
        }
        Err(error) => {
            let number = error.error_num();
            let text = std::io::Error::from(error).to_string();
            found.error = Some((number, text));
        }
    }
    found
}
