//! Whether lookups are fast enough.

use super::{is_silent, replies_of};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    facts::{
        Topic,
        dns::{AnswerOutcome, Dns, Name, RecordType, Transport},
        vantage::Vantage,
    },
    support::commands,
    verdict::{Actor, Finding, Fix, Verdict},
};
use std::net::SocketAddr;

/// Milliseconds from which a lookup is slow: most logins take less in all.
const SLOW_MS: u64 = 1000;

/// The system's lookups are quick.
pub static CHECK: Check = Check {
    id: "dns/latency",
    asserts: "names resolve without delay",
    needs: &[Topic::Dns],
    problems: &[&SLOW],
    decisive: false,
    judge: Judge::Once(|seen| judge(seen.dns.get()?, &seen.vantage)),
};

fn judge(dns: &Dns, vantage: &Vantage) -> Result<Verdict, Missing> {
    let taken = |name: &Name| name.system.seen().map(|lookup| lookup.elapsed_ms);
    let resolved = dns.names.iter().filter(|name| !name.usable().is_empty());
    let Some(name) = resolved.max_by_key(|name| taken(name)) else {
        return Ok(Verdict::NotApplicable(match dns.names.is_empty() {
            true => "no name was looked up".to_owned(),
            false => "dns/resolution reports the failure".to_owned(),
        }));
    };
    let lookup = name.system.get()?;
    let elapsed = lookup.elapsed_ms;
    if elapsed < SLOW_MS && !lookup.unfinished {
        return Ok(Verdict::Passed(format!("the slowest lookup that succeeded took {elapsed} ms")));
    }
    let asked = &name.name;
    let detail = if lookup.unfinished {
        format!("the lookup of {asked} had not finished after {elapsed} ms")
    } else {
        format!("the lookup of {asked} takes {elapsed} ms")
    };
    let mut finding = Finding::of(&SLOW, asked.clone(), detail).because_all(causes(dns, name));
    if !unanswered(name, RecordType::Aaaa).is_empty() {
        finding = finding.fix(Fix::by(
            Actor::Network,
            "Let AAAA queries and their answers pass (a firewall or an old forwarder drops them)",
        ));
        if dns.resolver.source.ends_with("resolv.conf") {
            finding = finding.fix(Fix::you(
                "Or set `options no-aaaa` in /etc/resolv.conf (glibc 2.36 and later)",
            ));
        }
    } else {
        finding = finding.fix(Fix::by(
            Actor::Network,
            "Repair or remove the nameserver or forwarder that answers late or not at all",
        ));
    }
    let measure = Fix::you("Measure the lookup").run(commands::system_look_up(vantage, asked));
    Ok(Verdict::found(finding.fix(measure)))
}

/// What makes the lookup slow, as far as it was observed.
fn causes(dns: &Dns, name: &Name) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let wait = dns.resolver.timeout_s.unwrap_or(5);
    for nameserver in dns.resolver.system() {
        if is_silent(name, nameserver) {
            lines.push(format!(
                "{} does not answer; the system waits {wait} s before it asks the next nameserver",
                nameserver.ip()
            ));
        }
    }
    for nameserver in unanswered(name, RecordType::Aaaa) {
        let waits = 3 * wait;
        lines.push(format!(
            "{} answers the A query and not the AAAA query; psql waits up to {waits} s for it",
            nameserver.ip()
        ));
    }
    for extended in &name.search_unanswered {
        lines.push(format!(
            "{extended} is asked first (search list, ndots:{}) and gets no answer",
            dns.resolver.ndots
        ));
    }
    for (answer, _) in name.replies() {
        let line = format!("{} took {} ms", answer.nameserver.ip(), answer.elapsed_ms);
        if lines.len() < 8 && !lines.contains(&line) {
            lines.push(line);
        }
    }
    let order = dns.resolver.lookup_order.as_ref();
    lines.extend(order.map(|order| format!("nsswitch.conf: hosts: {order}")));
    lines
}

/// The nameservers that answered the query for the other family over UDP, and not this one.
fn unanswered(name: &Name, record: RecordType) -> Vec<SocketAddr> {
    let silent = name.answers.iter().filter(|answer| {
        answer.record == record
            && answer.transport == Transport::Udp
            && matches!(answer.outcome, AnswerOutcome::Silent | AnswerOutcome::Slow)
    });
    let mut nameservers: Vec<SocketAddr> = silent.map(|answer| answer.nameserver).collect();
    nameservers.dedup();
    nameservers.retain(|&nameserver| {
        let mut replies = replies_of(name, nameserver);
        replies.any(|(answer, _)| answer.record != record && answer.transport == Transport::Udp)
    });
    nameservers
}

/// Lookups that take seconds.
pub static SLOW: Problem = Problem {
    id: "dns/slow",
    title: "lookups are slow",
    severity: Severity::Warning,
    page: Page {
        means: "A lookup by this machine's own resolver takes a second or more. Every new \
            connection pays for it, and programs with short timeouts fail.",
        causes: &[
            "the nameserver's forwarder is slow, or its first forwarder is dead",
            "the resolver tries several search suffixes first (ndots)",
            "AAAA questions are dropped on the way, and the resolver waits for them",
        ],
        confirm: &["`time getent ahosts $NAME`", "`dig @$NAME_SERVER $NAME` shows the query time"],
        fix: &[
            (Actor::Network, "repair or replace the slow nameserver or forwarder"),
            (Actor::You, "cache lookups (systemd-resolved, nscd, dnsmasq), or set ndots:1"),
        ],
        mistaken_for: &[
            "dns/nameserver-down: there one of the nameservers does not answer at all",
            "a slow database: there the time is lost after the connection",
        ],
        sources: &["resolv.conf(5)"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::json;

    #[test]
    fn the_time_of_the_system_lookup_decides() {
        let slow = ("/dns/seen/names/2/system/seen/elapsed_ms", json!(1500));
        assert_eq!(problems_of(&CHECK, &healthy_but(std::slice::from_ref(&slow))), ["dns/slow"]);
        let silent = ("/dns/seen/names/2/answers/0/outcome", json!({"kind": "silent"}));
        let seen = healthy_but(&[slow, silent.clone()]);
        assert_eq!(problems_of(&CHECK, &seen), ["dns/slow"]);
        assert_eq!(problems_of(&CHECK, &healthy_but(&[silent])), Vec::<&str>::new());
    }

    #[test]
    fn a_lookup_that_has_not_finished_is_slow() {
        let unfinished = ("/dns/seen/names/2/system/seen/unfinished", json!(true));
        assert_eq!(problems_of(&CHECK, &healthy_but(&[unfinished])), ["dns/slow"]);
    }
}
