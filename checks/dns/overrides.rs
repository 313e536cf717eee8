//! Whether the hosts file or the search list of this machine overrides a name.

use super::{addresses_of, cannot_be, named, subjects};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        dns::{Dns, HostsEntry, Name, Role, SearchCapture},
        tcp::{TcpAttempt, TcpOutcome},
    },
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::IpAddr;

/// Names are looked up as they are written, at the nameservers.
pub static CHECK: Check = Check {
    id: "dns/overrides",
    asserts: "neither the hosts file nor a search suffix changes a name's answer",
    needs: &[Topic::Dns, Topic::Proxy, Topic::Outbound, Topic::Server],
    problems: &[&SEARCH_SUFFIX_CAPTURED, &HOSTS_FILE_OVERRIDE],
    decisive: false,
    judge: Judge::Each { subjects, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let (dns, name) = named(seen, subject)?;
    let lookup = name.system.get()?;
    let answered: Vec<IpAddr> = dns
        .resolver
        .nameservers
        .iter()
        .flat_map(|nameserver| addresses_of(name, nameserver.address))
        .collect();
    let new = |addresses: &[IpAddr]| addresses.iter().any(|ip| !answered.contains(ip));
    if let Some(capture) = &name.captured_by_search
        && new(&capture.addresses)
    {
        return Ok(Verdict::found(captured(dns, name, capture, &answered)));
    }
    let pinned: Vec<IpAddr> = name.hosts_file.iter().map(|entry| entry.address).collect();
    let Some(entry) = name.hosts_file.first() else {
        let detail = "neither the hosts file nor a search suffix overrides it".to_owned();
        return Ok(Verdict::Passed(detail));
    };
    // The order in nsswitch.conf may ask the nameservers first.
    if !lookup.addresses.is_empty() && !lookup.addresses.iter().any(|ip| pinned.contains(ip)) {
        let unused = format!("{} line {} has no effect on the lookup", entry.path, entry.line);
        return Ok(Verdict::Passed(unused));
    }
    if pinned.iter().any(|ip| cannot_be(*ip, name)) {
        let why = "dns/resolution reports the line in the hosts file".to_owned();
        return Ok(Verdict::NotApplicable(why));
    }
    if name.replies().next().is_none() {
        return Ok(Verdict::Passed(format!(
            "only {} line {} has the name",
            entry.path, entry.line
        )));
    }
    if !new(&pinned) {
        let same =
            format!("{} line {} gives the same address as the nameservers", entry.path, entry.line);
        return Ok(Verdict::Passed(same));
    }
    Ok(Verdict::found(overridden(seen, name, entry, &pinned, &answered)))
}

fn captured(dns: &Dns, name: &Name, capture: &SearchCapture, answered: &[IpAddr]) -> Finding {
    let asked = &name.name;
    let source = if dns.resolver.variables.is_empty() {
        dns.resolver.source.clone()
    } else {
        format!("{} and {}", dns.resolver.source, text::list(&dns.resolver.variables, 2))
    };
    let own = match answered {
        [] => "the nameservers give no address for the name itself".to_owned(),
        some => format!("for the name itself the nameservers give {}", text::list(some, 3)),
    };
    let detail = format!("{asked} resolves as {}: a search suffix captures it", capture.name);
    Finding::of(&SEARCH_SUFFIX_CAPTURED, asked.clone(), detail)
        .because(format!("{} resolves to {}", capture.name, text::list(&capture.addresses, 3)))
        .because(own)
        .because(format!(
            "{source}: search {}, options ndots:{}",
            dns.resolver.search.join(" "),
            dns.resolver.ndots
        ))
        .fix(Fix::you(format!(
            "Ask for names with dots as they are: options ndots:1 in {source} (in Kubernetes: \
                dnsConfig.options of the pod)"
        )))
        .fix(Fix::by(
            Actor::Network,
            format!("Remove the record {}, mostly a wildcard", capture.name),
        ))
}

fn overridden(
    seen: &Evidence,
    name: &Name,
    entry: &HostsEntry,
    pinned: &[IpAddr],
    answered: &[IpAddr],
) -> Finding {
    let asked = &name.name;
    let (path, line) = (&entry.path, entry.line);
    let dns = match answered {
        [] => "the nameservers give it no address".to_owned(),
        some => format!("the nameservers say {}", text::list(some, 3)),
    };
    let detail = format!("{path} line {line} pins {asked} to {}; {dns}", text::list(pinned, 3));
    let finding = Finding::of(&HOSTS_FILE_OVERRIDE, asked.clone(), detail).fix(
        Fix::you(format!("Remove {asked} from line {line} of {path}, and keep the other names on that line; addresses in Azure change")).review(),
    );
    // Where the pinned address does not even connect, it is the cause.
    let attempts = attempts(seen, name);
    let open = |attempt: &TcpAttempt| attempt.outcome == TcpOutcome::Connected;
    if attempts.is_empty() || attempts.iter().any(open) {
        return finding;
    }
    finding
        .severity(Severity::Error)
        .sure(Confidence::Likely)
        .because("no connection to the pinned address succeeds")
}

fn attempts<'a>(seen: &'a Evidence, name: &Name) -> &'a [TcpAttempt] {
    if name.role == Role::Server {
        return seen.server.seen().map(|server| server.tcp.as_slice()).unwrap_or_default();
    }
    let host = seen.outbound.seen().and_then(|outbound| outbound.role(name.role));
    let path = host.and_then(|host| host.direct.seen());
    path.map(|path| path.tcp.as_slice()).unwrap_or_default()
}

/// A line of the hosts file.
pub static HOSTS_FILE_OVERRIDE: Problem = Problem {
    id: "dns/hosts-file-override",
    title: "the hosts file pins a name to an address",
    severity: Severity::Warning,
    explains: &["token/*", "outbound/*", "server/*"],
    page: Page {
        means: "A line in this machine's hosts file gives the name an address of its own, and the \
            nameservers say another. It wins over every nameserver. The addresses of Entra and of \
            servers in Azure change without notice, and a pinned one goes stale. Where the pinned \
            address does not connect, this is an error.",
        causes: &[
            "a test or a work-around that was left behind",
            "an image or a configuration tool that writes hosts files",
            "extra_hosts of Docker Compose, or hostAliases of a Kubernetes pod",
        ],
        confirm: &[
            "compare `getent ahosts $NAME` with `dig $NAME`",
            "`grep $NAME /etc/hosts`",
            "Windows: `findstr $NAME C:\\Windows\\System32\\drivers\\etc\\hosts`",
        ],
        fix: &[(Actor::You, "remove the line")],
        mistaken_for: &[
            "dns/nameservers-disagree: there the nameservers differ among each other",
            "outbound/dropped: the firewall is not to blame for an address that is no longer in \
                use",
        ],
        sources: &[
            "hosts(5)",
            "Microsoft Learn: Azure Database for PostgreSQL, networking (use the name, not the \
                address)",
        ],
    },
    ..Problem::DEFAULT
};

/// A search suffix answers in the name's place.
pub static SEARCH_SUFFIX_CAPTURED: Problem = Problem {
    id: "dns/search-suffix-captured",
    title: "a search suffix captures a name",
    explains: &["dns/*", "token/*", "outbound/*", "server/*", "clock/*"],
    page: Page {
        means: "The resolver tries its search suffixes before the name itself when the name has \
            fewer dots than `ndots`. Here a name that is made with a suffix exists (a wildcard \
            record mostly), and its answer is taken for that of the real name.",
        causes: &[
            "Kubernetes sets ndots:5, and a cluster or company domain in its search list has a \
                wildcard record",
            "a wildcard record in the zone of a search suffix of /etc/resolv.conf",
        ],
        confirm: &[
            "`getent ahosts $NAME` and `getent ahosts $NAME.` (with a dot at its end) differ",
            "`cat /etc/resolv.conf` shows search and ndots",
            "Windows: `Get-DnsClientGlobalSetting` and `ipconfig /all`; macOS: `scutil --dns`",
        ],
        fix: &[
            (
                Actor::You,
                "set ndots:1 (dnsConfig.options of the pod), or write the name with a dot at its \
                    end",
            ),
            (Actor::Network, "remove the wildcard record"),
        ],
        mistaken_for: &["dns/sinkholed: there the name itself has the wrong answer"],
        sources: &[
            "resolv.conf(5)",
            "Kubernetes documentation: DNS for Services and Pods, pod's DNS config",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, judged, problems_of};
    use serde_json::{Value, json};

    fn pinned(address: &str) -> Value {
        json!([{"path": "/etc/hosts", "line": 3, "address": address}])
    }

    #[test]
    fn a_line_that_says_the_same_changes_nothing() {
        let same = healthy_but(&[("/dns/seen/names/2/hosts_file", pinned("20.50.1.10"))]);
        assert_eq!(problems_of(&CHECK, &same), Vec::<&str>::new());
        let other =
            [("/dns/seen/names/2/hosts_file", pinned("20.50.1.11")), resolved("20.50.1.11")];
        assert_eq!(problems_of(&CHECK, &healthy_but(&other)), ["dns/hosts-file-override"]);
    }

    fn resolved(address: &str) -> (&'static str, Value) {
        ("/dns/seen/names/2/system/seen/addresses", json!([address]))
    }

    #[test]
    fn a_line_that_the_lookup_does_not_use_is_no_override() {
        let unused = healthy_but(&[("/dns/seen/names/2/hosts_file", pinned("10.77.1.4"))]);
        assert_eq!(problems_of(&CHECK, &unused), Vec::<&str>::new());
    }

    #[test]
    fn a_pinned_address_that_does_not_connect_is_an_error() {
        let dead = healthy_but(&[
            ("/dns/seen/names/2/hosts_file", pinned("20.50.1.11")),
            resolved("20.50.1.11"),
            ("/server/seen/tcp/0/outcome", json!({"kind": "silent"})),
        ]);
        let judgment = judged(&CHECK, &dead);
        assert!(judgment.root().is_some());
    }
}
