//! The runs in networks of clients: of which server, where, when.

use crate::{
    evidence::Evidence,
    support::azure::{place, tags::like},
};
use jiff::Timestamp;
use std::net::IpAddr;

/// Days after which the age of a run is stated.
const OLD_DAYS: i64 = 7;
const SECONDS_PER_DAY: i64 = 86_400;

/// A run in a network of clients.
pub struct Run {
    /// The machine's name.
    pub hostname: String,
    /// The address that its connections to the server come from.
    pub address: Option<IpAddr>,
    /// When it began.
    pub observed_at: Timestamp,
    /// Its id.
    pub id: String,
    /// The version of the program.
    pub version: String,
    /// The server that it connected to, if that is not the one that is checked.
    pub other_server: Option<String>,
    /// Its age in days, if it is old.
    pub days_old: Option<i64>,
}

/// A run, and its observations with the configuration of the checklist.
pub(super) struct Client {
    pub run: Run,
    pub seen: Evidence,
}

impl Run {
    /// Where and when.
    #[must_use]
    pub fn vantage(&self) -> String {
        format!("client {}, {}", self.hostname, utc(self.observed_at))
    }
}

/// A time in UTC, to the minute.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) fn clients_of(seen: &Evidence, clients: &[&Evidence]) -> Vec<Client> {
    let client = |client: &&Evidence| Client {
        run: run(seen, client),
        seen: Evidence { azure: seen.azure.clone(), ..(*client).clone() },
    };
    clients.iter().map(client).collect()
}

fn run(seen: &Evidence, client: &Evidence) -> Run {
    let age = seen.observed_at.as_second().saturating_sub(client.observed_at.as_second());
    let days = age / SECONDS_PER_DAY;
    Run {
        hostname: client.vantage.hostname.clone(),
        address: client.server.seen().and_then(|server| server.local),
        observed_at: client.observed_at,
        id: client.run_id.clone(),
        version: client.tool_version.clone(),
        other_server: other_server(seen, client).map(str::to_owned),
        days_old: (days > OLD_DAYS).then_some(days),
    }
}

/// Whether a run connected to another server than the one that the documents or `-h` name.
#[must_use]
pub fn is_of_another_server(seen: &Evidence, client: &Evidence) -> bool {
    other_server(seen, client).is_some()
}

fn other_server<'a>(seen: &Evidence, client: &'a Evidence) -> Option<&'a str> {
    let host = host(client)?;
    let same = match (place::server(seen), self::host(seen)) {
        (Ok(server), _) => place::is_server(server, host),
        (Err(_), Some(wanted)) => like(wanted, host),
        (Err(_), None) => true,
    };
    (!same).then_some(host)
}

fn host(seen: &Evidence) -> Option<&str> {
    let host = seen.settings.seen()?.host.as_ref()?;
    Some(host.value.trim_end_matches('.'))
}
