//! The system's own lookup, with hosts file, search suffixes and caches: what psql will see. Every
//! name is looked up once, whoever asks: the probes, and the HTTP client that fetches tokens.

use crate::time::milliseconds;
use dns_lookup::{AddrInfoHints, SockType, getaddrinfo};
use entra_pg_checks::facts::dns::SystemLookup;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// More addresses than this are of no use to anybody.
const MOST: usize = 64;

/// How long the system may still take once a nameserver has answered us: it asks them one after
/// the other, and waits five seconds for each that is silent.
const GRACE: Duration = Duration::from_millis(100);

/// The lookups of a run, under way or over.
#[derive(Clone, Default)]
pub struct Lookups(Arc<Mutex<BTreeMap<String, Entry>>>);

struct Entry {
    lookup: Lookup,
    hint: Option<oneshot::Sender<Vec<IpAddr>>>,
}

/// Without an answer the lookup itself failed: a defect of ours.
pub(crate) type Lookup = Shared<BoxFuture<'static, Result<SystemLookup, String>>>;

impl Lookups {
    /// getaddrinfo knows no timeout: a thread is left behind by whoever does not wait for it.
    pub(crate) fn of(&self, name: &str) -> Lookup {
        self.with(name, |entry| entry.lookup.clone())
    }

    /// What the system is going to arrive at, as a nameserver of its own tells: whoever waits for
    /// the lookup goes on with that if the system stays behind.
    pub(crate) fn hint(&self, name: &str, addresses: Vec<IpAddr>) {
        if let Some(hint) = self.with(name, |entry| entry.hint.take()) {
            // Nobody listens any more: the lookup is over.
            let _ = hint.send(addresses);
        }
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Entry) -> T) -> T {
        let mut lookups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || {
            let (sender, hint) = oneshot::channel();
            let lookup = lookup(name.to_owned(), hint).boxed().shared();
            Entry { lookup, hint: Some(sender) }
        };
        work(lookups.entry(name.to_owned()).or_insert_with(start))
    }
}

/// Starts at once, also before somebody waits for it.
fn lookup(
    name: String,
    hint: oneshot::Receiver<Vec<IpAddr>>,
) -> impl Future<Output = Result<SystemLookup, String>> {
    let began = Instant::now();
    let asked = name.clone();
    let mut looking = tokio::task::spawn_blocking(move || look(&asked));
    async move {
        let mut hint = pin!(hint);
        let addresses = tokio::select! {
            biased;
            found = &mut looking => match found {
                // Where a nameserver gives us addresses, this may be chance: a packet was lost, or the
                // machine is busy.
                Ok(found) if may_be_chance(&found) && hinted(&mut hint).await => {
                    let again = tokio::task::spawn_blocking(move || look(&name)).await;
                    let elapsed_ms = milliseconds(began.elapsed());
                    let again = again.map(|found| SystemLookup { elapsed_ms, ..found });
                    return again.map_err(|error| error.to_string());
                }
                found => return found.map_err(|error| error.to_string()),
            },
            Ok(addresses) = &mut hint => addresses,
        };
        match tokio::time::timeout(GRACE, &mut looking).await {
            Ok(found) => found.map_err(|error| error.to_string()),
            Err(_) => Ok(SystemLookup {
                addresses,
                elapsed_ms: milliseconds(began.elapsed()),
                unfinished: true,
                ..SystemLookup::default()
            }),
        }
    }
}

impl Resolve for Lookups {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.of(name.as_str());
        Box::pin(async move {
            let found = lookup.await?;
            if let Some((_, text)) = found.error {
                return Err(io::Error::other(text).into());
            }
            // The port is the URL's.
            let addresses = found.addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// EAI_AGAIN of Linux: a temporary failure, which is what a lookup that does not end is.
pub(crate) const TRY_AGAIN: i32 = -3;
/// EAI_NODATA of Linux: the name is there, and has no address.
const NO_DATA: i32 = -5;

/// Whether a nameserver has answered us, or does so right now.
async fn hinted(
    hint: impl Future<Output = Result<Vec<IpAddr>, oneshot::error::RecvError>>,
) -> bool {
    matches!(tokio::time::timeout(GRACE, hint).await, Ok(Ok(_)))
}

/// Whether the C library calls the failure temporary; or had an answer without an address for one family,
/// and perhaps lost the other.
fn may_be_chance(found: &SystemLookup) -> bool {
    found.error.as_ref().is_some_and(|(code, _)| matches!(*code, TRY_AGAIN | NO_DATA))
}

fn look(name: &str) -> SystemLookup {
    let began = Instant::now();
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let mut found = SystemLookup::default();
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
    found.elapsed_ms = milliseconds(began.elapsed());
    found
}
