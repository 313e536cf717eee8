//! Whether lookups take the time that they may take.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    facts::{
        Topic,
        dns::{AnswerOutcome, Dns, Name},
        vantage::Vantage,
    },
    support::commands,
    verdict::{Actor, Finding, Fix, Verdict},
};

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
    let slowest = dns.names.iter().max_by_key(|name| taken(name));
    let Some(name) = slowest else {
        return Ok(Verdict::NotApplicable("no name was looked up".to_owned()));
    };
    let lookup = name.system.get()?;
    let elapsed = lookup.elapsed_ms;
    if lookup.addresses.is_empty() {
        return Ok(Verdict::NotApplicable("dns/resolution tells what fails".to_owned()));
    }
    // The system waits for a dead nameserver: that has a name of its own.
    let silent = name.answers.iter().any(|answer| {
        matches!(answer.outcome, AnswerOutcome::Silent | AnswerOutcome::Unreachable { .. })
    });
    if elapsed < SLOW_MS || silent {
        return Ok(Verdict::Passed(format!("{elapsed} ms at most")));
    }
    let asked = &name.name;
    let mut times: Vec<String> = Vec::new();
    for (answer, _) in name.replies() {
        let line = format!("{} took {} ms", answer.nameserver.ip(), answer.elapsed_ms);
        if times.len() < 8 && !times.contains(&line) {
            times.push(line);
        }
    }
    let detail = format!("this machine takes {elapsed} ms to look {asked} up");
    Ok(Verdict::found(
        Finding::of(&SLOW, asked.clone(), detail)
            .because_all(times)
            .because_all(
                dns.resolver
                    .lookup_order
                    .as_ref()
                    .map(|order| format!("nsswitch.conf: hosts: {order}")),
            )
            .fix(Fix::by(
                Actor::Network,
                "See why that nameserver takes so long: a forwarder that is far away, or the first \
                    of several that does not answer",
            ))
            .fix(Fix::you("Measure it by hand").run(commands::system_look_up(vantage, asked))),
    ))
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
        confirm: &[
            "`time getent ahosts <name>`",
            "`dig @<nameserver> <name>` shows the query time",
        ],
        fix: &[
            (Actor::Network, "repair or replace the slow nameserver or forwarder"),
            (Actor::You, "cache lookups (systemd-resolved, nscd, dnsmasq), or set ndots:1"),
        ],
        mistaken_for: &[
            "dns/nameserver-down: there one of the nameservers does not answer at all",
            "a slow database: look at the time before the first connection",
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
    fn a_dead_nameserver_is_not_called_slow() {
        let slow = ("/dns/seen/names/2/system/seen/elapsed_ms", json!(1500));
        assert_eq!(problems_of(&CHECK, &healthy_but(std::slice::from_ref(&slow))), ["dns/slow"]);
        let silent = ("/dns/seen/names/2/answers/0/outcome", json!({"kind": "silent"}));
        assert_eq!(problems_of(&CHECK, &healthy_but(&[slow, silent])), Vec::<&str>::new());
    }
}
