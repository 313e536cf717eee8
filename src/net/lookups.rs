//! The system's own lookup, with hosts file, search suffixes and caches: what psql sees. Every name is
//! looked up once per run; the probes and the HTTP client that fetches tokens share the result.

use super::getent;
use crate::sync::lock;
use crate::{
    secret::{Secrets, outgoing},
    time::milliseconds,
};
use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use entra_pg_checks::facts::dns::SystemLookup;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, ready},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Addresses of one lookup that are kept.
const MAX_ADDRESSES: usize = 64;

/// How long to wait for a nameserver's own answer after a lookup has failed quickly.
const HINT_WAIT: Duration = Duration::from_millis(100);

/// How long a lookup may still take once no nameserver can be reached: the hosts file is read by then.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// musl waits for its timeout although it could send nothing; other C libraries fail at once.
const WAITS_IN_VAIN: bool = cfg!(target_env = "musl");

/// A failure that comes later than this is not a lost packet: the C library has tried again itself.
const QUICK: u64 = 1000;

/// Errors of getaddrinfo on Linux.
const EAI_NONAME: i32 = -2;
const EAI_AGAIN: i32 = -3;

/// The lookups of a run, in progress or finished. A name that holds a secret is not
/// resolved.
#[derive(Clone, Default)]
pub(crate) struct Lookups {
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    secrets: Secrets,
}

struct Entry {
    lookup: Lookup,
    hint: Arc<watch::Sender<Hint>>,
}

/// What this machine's nameservers have answered to the doctor's own queries. It never replaces the
/// system's answer: it decides how long to wait for that answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hint {
    /// Some nameserver of the system gave an address over UDP.
    pub(crate) address: bool,
    /// The IPv4 addresses that the first nameserver gave over UDP, in the way that the C library asks,
    /// if nothing else can answer before it.
    pub(crate) first_ipv4: Option<Vec<IpAddr>>,
    /// That nameserver has answered the AAAA query, too.
    pub(crate) first_ipv6_answered: bool,
    /// There is no way to any nameserver of the system, or nothing listens there.
    pub(crate) unreachable: bool,
}

/// Without an answer the lookup itself failed: a defect of this tool.
pub(crate) type Lookup = Shared<BoxFuture<'static, Result<SystemLookup, String>>>;

impl Lookups {
    /// Lookups of names in which none of these secrets may be.
    #[must_use]
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { entries: Arc::default(), secrets }
    }

    /// Starts the lookup of a name, or joins it. getaddrinfo has no timeout: a caller that stops
    /// waiting leaves its thread behind.
    pub(crate) fn of(&self, name: &str) -> Lookup {
        self.with(name, |entry| entry.lookup.clone())
    }

    /// Adds what a nameserver answered.
    pub(crate) fn note(&self, name: &str, change: impl FnOnce(&mut Hint)) {
        let hint = self.with(name, |entry| Arc::clone(&entry.hint));
        hint.send_modify(change);
    }

    /// What the nameservers have answered so far.
    pub(crate) fn hint(&self, name: &str) -> Hint {
        self.with(name, |entry| entry.hint.borrow().clone())
    }

    /// A lookup that is done.
    pub(crate) fn done(&self, name: &str) -> Option<SystemLookup> {
        let lookups = lock(&self.entries);
        lookups.get(name)?.lookup.peek()?.as_ref().ok().cloned()
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Entry) -> T) -> T {
        let mut lookups = lock(&self.entries);
        let start = || {
            if let Some(secret) = outgoing::secret_in_host(name, &self.secrets) {
                let refused = ready(Err(outgoing::withheld("the host name", &secret)));
                return Entry { lookup: refused.boxed().shared(), hint: Arc::default() };
            }
            let (hint, seen) = watch::channel(Hint::default());
            let name = name.to_owned();
            let lookup = if getent::IS_NEEDED {
                systems_lookup(name, seen).boxed().shared()
            } else {
                own_lookup(name, seen).boxed().shared()
            };
            Entry { lookup, hint: Arc::new(hint) }
        };
        work(lookups.entry(name.to_owned()).or_insert_with(start))
    }
}

/// The lookup by the C library of the system, or by that of this program if there is no other.
async fn systems_lookup(
    name: String,
    mut hint: watch::Receiver<Hint>,
) -> Result<SystemLookup, String> {
    match by_getent(&name, &mut hint).await {
        Some(found) => Ok(found),
        None => own_lookup(name, hint).await,
    }
}

async fn by_getent(name: &str, hint: &mut watch::Receiver<Hint>) -> Option<SystemLookup> {
    let began = Instant::now();
    let mut addresses = getent::addresses(name, MAX_ADDRESSES).await?;
    let mut elapsed_ms = milliseconds(began.elapsed());
    let mut error = None;
    if addresses.is_empty() {
        let (reason, may_be_chance) = reason(name, elapsed_ms, hint.clone()).await;
        error = Some(reason);
        if may_be_chance && hinted(hint).await {
            addresses = getent::addresses(name, MAX_ADDRESSES).await?;
            elapsed_ms = milliseconds(began.elapsed());
            error = error.filter(|_| addresses.is_empty());
        }
    }
    Some(SystemLookup { addresses, error, elapsed_ms, unfinished: false })
}

/// Why getent finds no address, which it does not say: the C library of this program does, if it finds
/// none, either. Also whether the failure may be chance.
async fn reason(
    name: &str,
    elapsed_ms: u64,
    mut hint: watch::Receiver<Hint>,
) -> ((i32, String), bool) {
    let temporary = |chance| {
        let text = format!("getent found no address after {elapsed_ms} ms");
        ((EAI_AGAIN, text), chance)
    };
    if elapsed_ms >= QUICK {
        return temporary(false);
    }
    let name = name.to_owned();
    let own = tokio::task::spawn_blocking(move || resolve(&name));
    let nearly_as_quick = HINT_WAIT + 2 * Duration::from_millis(elapsed_ms);
    tokio::select! {
        own = own => match own {
            Ok((SystemLookup { error: Some(error), .. }, kind)) => (error, is_temporary(kind)),
            Ok(_) | Err(_) => ((EAI_NONAME, "getent found no address".to_owned()), true),
        },
        Ok(_) = hint.wait_for(|hint| hint.unreachable) => temporary(false),
        () = tokio::time::sleep(nearly_as_quick) => temporary(true),
    }
}

/// Starts at once, before the first poll.
fn own_lookup(
    name: String,
    mut hint: watch::Receiver<Hint>,
) -> impl Future<Output = Result<SystemLookup, String>> {
    let began = Instant::now();
    let asked = name.clone();
    let lookup = tokio::task::spawn_blocking(move || resolve(&asked));
    async move {
        let found = tokio::select! {
            found = lookup => found.map_err(|error| error.to_string())?,
            () = hopeless(hint.clone()), if WAITS_IN_VAIN => return Ok(given_up(began)),
        };
        // If a nameserver gives us addresses, the failure may be chance: a packet was lost, or the
        // machine is busy.
        let (found, kind) = found;
        if may_be_chance(&found, kind) && hinted(&mut hint).await {
            let again = tokio::task::spawn_blocking(move || resolve(&name).0).await;
            let elapsed_ms = milliseconds(began.elapsed());
            let again = again.map(|found| SystemLookup { elapsed_ms, ..found });
            return again.map_err(|error| error.to_string());
        }
        Ok(found)
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
            if found.unfinished {
                return Err(io::Error::other("no nameserver can be reached").into());
            }
            // The port is the URL's.
            let addresses = found.addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Whether a nameserver has given an address, or does so right now.
async fn hinted(hint: &mut watch::Receiver<Hint>) -> bool {
    let answered = hint.wait_for(|hint| hint.address);
    matches!(tokio::time::timeout(HINT_WAIT, answered).await, Ok(Ok(_)))
}

/// Ends when no nameserver can be reached, and a lookup had the time to read the hosts file.
async fn hopeless(mut hint: watch::Receiver<Hint>) {
    if hint.wait_for(|hint| hint.unreachable).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(LAST_WAIT).await;
}

fn given_up(began: Instant) -> SystemLookup {
    let elapsed_ms = milliseconds(began.elapsed());
    SystemLookup { elapsed_ms, unfinished: true, ..SystemLookup::default() }
}

/// Whether the lookup failed quickly, and the C library calls the failure temporary; or had an answer
/// without an address for one family, and perhaps lost the other.
fn may_be_chance(found: &SystemLookup, kind: Option<LookupErrorKind>) -> bool {
    found.elapsed_ms < QUICK && is_temporary(kind)
}

const fn is_temporary(kind: Option<LookupErrorKind>) -> bool {
    matches!(kind, Some(LookupErrorKind::Again | LookupErrorKind::NoData))
}

/// The lookup, and the kind of its failure: the numbers differ between systems.
fn resolve(name: &str) -> (SystemLookup, Option<LookupErrorKind>) {
    let began = Instant::now();
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let mut found = SystemLookup::default();
    let mut kind = None;
    match getaddrinfo(Some(name), None, Some(hints)) {
        Ok(entries) => {
            for entry in entries.flatten().take(MAX_ADDRESSES) {
                let address = entry.sockaddr.ip();
                if !found.addresses.contains(&address) {
                    found.addresses.push(address);
                }
            }
        }
        Err(error) => {
            let number = error.error_num();
            kind = Some(error.kind());
            let text = std::io::Error::from(error).to_string();
            found.error = Some((number, text));
        }
    }
    found.elapsed_ms = milliseconds(began.elapsed());
    (found, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lookup_is_hopeless_only_without_a_nameserver() {
        let (sender, seen) = watch::channel(Hint::default());
        let mut waiting = Box::pin(hopeless(seen));
        sender.send_modify(|hint| hint.address = true);
        assert!(tokio::time::timeout(2 * LAST_WAIT, &mut waiting).await.is_err());
        sender.send_modify(|hint| hint.unreachable = true);
        waiting.await;
        let found = given_up(Instant::now());
        assert!(found.unfinished && found.addresses.is_empty() && found.error.is_none());
    }
}
