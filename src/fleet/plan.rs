//! `fleet --plan`: what a run costs the services that it uses, in requests and per second.

use super::{Entry, Group, Shard, Speed, same_cloud, same_identity};
use crate::{environment::Environment, probe::dns};
use std::fmt::Write;

/// Queries per second that Azure's resolver takes from one virtual machine. Source: Microsoft Learn,
/// "Azure subscription and service limits", "Azure-provided DNS resolver VM limits".
const AZURE_RESOLVER_LIMIT: usize = 1000;

/// The figures of a run, as text. Nothing is contacted.
#[must_use]
pub(crate) fn plan(
    entries: &[Entry],
    speed: Speed,
    shard: Option<Shard>,
    all: usize,
    environment: &Environment,
) -> String {
    let Some(first) = entries.first() else {
        return "This shard has no targets.\n".to_owned();
    };
    let (targets, rate) = (entries.len(), usize::try_from(speed.rate).unwrap_or(usize::MAX));
    let resolver = dns::nameservers(environment, &first.request.nameservers);
    let name = |entry: &Entry| {
        entry.request.settings.host.as_ref().map(|host| host.value.clone()).unwrap_or_default()
    };
    let per_target = entries
        .iter()
        .map(|entry| dns::queries_per_name(&name(entry), &resolver))
        .max()
        .unwrap_or(0);
    let queries = per_target.saturating_mul(rate);
    let identities = Group::of(entries, same_identity).contexts.len();
    let clouds = Group::of(entries, same_cloud).contexts.len();
    let seconds = targets.div_ceil(rate.max(1));
    let mut text = String::from("Figures:\n");
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "  {label:<16} {value}");
    };
    line(
        "targets",
        match shard {
            Some(shard) => format!("{targets} of {all} (shard {shard})"),
            None => targets.to_string(),
        },
    );
    line(
        "speed",
        format!(
            "at most {rate} targets start per second (--rate), each at a random moment of its slot; \
             at most {} at the same time (--jobs)",
            speed.jobs
        ),
    );
    line("time", format!("at least {seconds} s"));
    line(
        "nameservers",
        format!("at most {queries} queries per second: up to {per_target} per target"),
    );
    if queries > AZURE_RESOLVER_LIMIT {
        line(
            "",
            format!(
                "more than Azure's resolver takes from one machine ({AZURE_RESOLVER_LIMIT} per \
                 second): use --rate {}",
                (AZURE_RESOLVER_LIMIT / per_target.max(1)).max(1)
            ),
        );
    }
    line(
        "Entra",
        format!(
            "{} for tokens and signing keys in the whole run: at most 2 per identity ({identities}); \
             each Entra and Graph host is resolved and probed once per cloud ({clouds})",
            count(identities * 2, "request")
        ),
    );
    line(
        "",
        "a token request that is throttled (429) is repeated after the time in Retry-After, at most \
         3 times"
            .to_owned(),
    );
    if let Some(shard) = shard.filter(|shard| shard.of() > 1) {
        line(
            "all shards",
            format!(
                "{} times these figures if the {} shards run at the same time; they start within \
                 {:.1} s",
                shard.of(),
                shard.of(),
                speed.spread.as_secs_f64()
            ),
        );
    }
    text
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
