//! Whether the nameservers answer at all.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity},
    facts::{
        Topic,
        dns::{Answer, AnswerOutcome, Dns, Transport},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};
use std::net::SocketAddr;

/// Every nameserver of this machine answers.
pub static CHECK: Check = Check {
    id: "dns/nameservers",
    asserts: "every nameserver answers",
    needs: &[Topic::Dns],
    problems: &[
        &NO_NAMESERVER,
        &NAMESERVER_UNREACHABLE,
        &UDP_BLOCKED,
        &EDNS_DROPPED,
        &NAMESERVER_DOWN,
    ],
    decisive: false,
    judge: Judge::Once(|seen| Ok(judge(seen.dns.get()?))),
};

fn judge(dns: &Dns) -> Verdict {
    let nameservers = dns.resolver.nameservers.iter().map(|nameserver| nameserver.address);
    // Those that the system asks for other names only are not asked here.
    let asked: Vec<SocketAddr> = nameservers
        .filter(|at| dns.resolver.routes.is_empty() || answers(dns, *at).next().is_some())
        .collect();
    let resolved = dns.names.iter().any(|name| !name.usable().is_empty());
    if asked.is_empty() {
        return none(dns, resolved);
    }
    let dead: Vec<SocketAddr> = asked.iter().copied().filter(|at| is_dead(dns, *at)).collect();
    let own: Vec<SocketAddr> = dns.resolver.system().collect();
    let without_edns = of(&own, |at| edns_dropped(dns, at));
    let over_tcp_only = of(&own, |at| !without_edns.contains(&at) && udp_blocked(dns, at));
    let usable = |at: &SocketAddr| {
        !dead.contains(at) && !without_edns.contains(at) && !over_tcp_only.contains(at)
    };
    let severity = if resolved || own.iter().any(usable) || own.is_empty() {
        Severity::Warning
    } else {
        Severity::Error
    };
    let findings: Vec<Finding> = [
        (!dead.is_empty()).then(|| unreachable(dns, &asked, &dead, resolved)),
        (!over_tcp_only.is_empty())
            .then(|| blocked_over_udp(dns, &over_tcp_only, resolved).severity(severity)),
        (!without_edns.is_empty())
            .then(|| blocked_with_edns(dns, &without_edns, resolved).severity(severity)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if findings.is_empty() {
        return Verdict::Passed(answering(dns, &asked));
    }
    Verdict::Found(findings)
}

/// The nameservers that answered, and those that were not waited for.
fn answering(dns: &Dns, asked: &[SocketAddr]) -> String {
    let has_answered = |at: SocketAddr| answers(dns, at).any(is_answered);
    let (those, others): (Vec<SocketAddr>, Vec<SocketAddr>) =
        asked.iter().partition(|at| has_answered(**at) || answers(dns, **at).next().is_none());
    let late = (!others.is_empty()).then(|| {
        let waited = others.iter().flat_map(|at| answers(dns, *at)).map(|answer| answer.elapsed_ms);
        let waited = waited.max().unwrap_or_default();
        format!("; {} gave no answer within {waited} ms", text::list(&others, 3))
    });
    text::list(&those, 3) + &late.unwrap_or_default()
}

fn of(nameservers: &[SocketAddr], wanted: impl Fn(SocketAddr) -> bool) -> Vec<SocketAddr> {
    nameservers.iter().copied().filter(|at| wanted(*at)).collect()
}

fn unreachable(dns: &Dns, asked: &[SocketAddr], dead: &[SocketAddr], resolved: bool) -> Finding {
    let evidence = dead.iter().map(|at| format!("{at}: {}", silence(dns, *at)));
    let subject = text::list(dead, 3);
    let port = "UDP and TCP port 53 from this machine";
    if dead.len() == asked.len() && !resolved {
        let detail = format!("no nameserver answers: {subject}");
        return Finding::of(&NAMESERVER_UNREACHABLE, subject.clone(), detail)
            .because_all(evidence)
            .fix(Fix::by(Actor::Network, format!("Allow {port} to {subject}; in Azure, check for a rule that denies the service tag AzurePlatformDNS")))
            .fix(Fix::by(Actor::Network, format!("Or set nameservers that answer in {}", dns.resolver.source)));
    }
    let detail = format!("{subject} does not answer; lookups that begin with it are slow or fail");
    Finding::of(&NAMESERVER_DOWN, subject.clone(), detail).because_all(evidence).fix(Fix::by(
        Actor::Network,
        format!("Allow {port} to {subject}, or remove it from {}", dns.resolver.source),
    ))
}

fn blocked_over_udp(dns: &Dns, nameservers: &[SocketAddr], resolved: bool) -> Finding {
    let subject = text::list(nameservers, 3);
    let effect = effect(resolved);
    let detail = format!("{subject} answers over TCP but not over UDP; {effect}");
    let finding = Finding::of(&UDP_BLOCKED, subject.clone(), detail).fix(Fix::by(
        Actor::Network,
        format!("Allow UDP port 53 from this machine to {subject}, and the answers back"),
    ));
    // Other systems have no such option.
    if !dns.resolver.source.ends_with("resolv.conf") {
        return finding.because("the system's lookup, and so psql, asks over UDP");
    }
    finding
        .because("getaddrinfo, and so psql, asks over UDP unless resolv.conf has `options use-vc`")
        .fix(Fix::you("Until then, use TCP: add `options use-vc` to /etc/resolv.conf"))
}

fn blocked_with_edns(dns: &Dns, nameservers: &[SocketAddr], resolved: bool) -> Finding {
    let subject = text::list(nameservers, 3);
    let effect = effect(resolved);
    let detail = format!("{subject} answers plain queries but not queries with EDNS; {effect}");
    let source = &dns.resolver.source;
    Finding::of(&EDNS_DROPPED, subject.clone(), detail)
        .because(format!("{source} sets options edns0, so every query has an EDNS record"))
        .fix(Fix::you(format!("Remove edns0 from the options in {source}")))
        .fix(Fix::by(Actor::Network, "Let DNS packets with EDNS records pass the firewall"))
}

const fn effect(resolved: bool) -> &'static str {
    if resolved { "lookups that begin with it are slow" } else { "names do not resolve" }
}

fn is_answered(answer: &Answer) -> bool {
    !is_no_answer(answer)
}

/// Whether the nameserver shows signs of life and was not waited for, since another had answered.
fn was_cut_off(answer: &Answer) -> bool {
    answer.outcome == AnswerOutcome::Slow && answer.elapsed_ms < super::FULL_WAIT_MS
}

/// Whether nothing came back.
const fn is_no_answer(answer: &Answer) -> bool {
    matches!(
        answer.outcome,
        AnswerOutcome::Silent
            | AnswerOutcome::Slow
            | AnswerOutcome::PortClosed
            | AnswerOutcome::Closed
            | AnswerOutcome::Unreachable { .. }
    )
}

/// Whether the nameserver answers over TCP and nothing over UDP, which the system uses.
fn udp_blocked(dns: &Dns, nameserver: SocketAddr) -> bool {
    let over = |transport: Transport| {
        answers(dns, nameserver).filter(move |answer| answer.transport == transport)
    };
    !dns.resolver.has("use-vc")
        && over(Transport::Udp).count() > 1
        && over(Transport::Udp).all(is_no_answer)
        && over(Transport::Tcp).any(|a| matches!(a.outcome, AnswerOutcome::Answered(_)))
}

/// Whether the nameserver answers over UDP, and not if the query has an EDNS record, as the system's.
fn edns_dropped(dns: &Dns, nameserver: SocketAddr) -> bool {
    let over_udp = |edns: bool| {
        answers(dns, nameserver)
            .filter(move |answer| answer.transport == Transport::Udp && answer.edns == edns)
    };
    dns.resolver.has("edns0")
        && !dns.resolver.has("use-vc")
        && over_udp(true).count() > 1
        && over_udp(true).all(is_no_answer)
        && over_udp(false).any(|a| matches!(a.outcome, AnswerOutcome::Answered(_)))
}

fn none(dns: &Dns, resolved: bool) -> Verdict {
    let source = &dns.resolver.source;
    if resolved {
        return Verdict::NotApplicable(format!("{source} names no nameserver, and names resolve"));
    }
    let detail = format!("{source} names no nameserver, and no name resolves");
    Verdict::found(
        Finding::of(&NO_NAMESERVER, source.clone(), detail)
            .because_all(dns.resolver.unreadable.clone())
            .fix(Fix::you(format!(
                "Name a nameserver in {source}, such as `nameserver 168.63.129.16` inside Azure"
            ))),
    )
}

fn is_dead(dns: &Dns, nameserver: SocketAddr) -> bool {
    let mut answers = answers(dns, nameserver).peekable();
    answers.peek().is_some() && answers.all(|answer| is_no_answer(answer) && !was_cut_off(answer))
}

fn silence(dns: &Dns, nameserver: SocketAddr) -> String {
    let outcomes: Vec<&AnswerOutcome> =
        answers(dns, nameserver).map(|answer| &answer.outcome).collect();
    let questions = outcomes.len();
    match outcomes.first() {
        Some(AnswerOutcome::PortClosed) => "nothing listens on the port".to_owned(),
        Some(AnswerOutcome::Unreachable { detail }) => detail.clone(),
        _ => format!("no answer to any of {questions} questions"),
    }
}

fn answers(dns: &Dns, nameserver: SocketAddr) -> impl Iterator<Item = &Answer> {
    let all = dns.names.iter().flat_map(|name| &name.answers);
    all.filter(move |answer| answer.nameserver == nameserver)
}

/// No nameserver is configured.
pub static NO_NAMESERVER: Problem = Problem {
    id: "dns/no-nameserver",
    title: "no nameserver is configured",
    explains: &["dns/*", "outbound/*", "server/*", "token/*"],
    page: Page {
        means: "This machine has no nameserver in its resolver settings and no name resolves, so \
            nothing can be reached by name.",
        causes: &[
            "a container or image with an empty /etc/resolv.conf",
            "a resolver service that has not started",
        ],
        confirm: &[
            "`cat /etc/resolv.conf` shows no nameserver line",
            "Windows: `ipconfig /all` and `Get-DnsClientNrptRule`; macOS: `scutil --dns`; systemd-resolved: `resolvectl status`",
        ],
        fix: &[(
            Actor::You,
            "name a nameserver; inside an Azure virtual network 168.63.129.16 answers",
        )],
        mistaken_for: &[
            "dns/nameserver-unreachable: there a nameserver is named, and does not answer",
        ],
        sources: &["resolv.conf(5)", "Microsoft Learn: What is IP address 168.63.129.16?"],
    },
    ..Problem::DEFAULT
};

/// Every nameserver is silent.
pub static NAMESERVER_UNREACHABLE: Problem = Problem {
    id: "dns/nameserver-unreachable",
    title: "no nameserver answers",
    explains: &["dns/*", "outbound/*", "server/*", "token/*"],
    fragments: &[
        Fragment::new("temporary failure in name resolution", 72),
        Fragment::new("eai_again", 72),
        Fragment::new("lookup … i/o timeout", 72),
        Fragment::new("could not contact dns servers", 72),
        Fragment::new("dns … timed out", 70),
        Fragment::new("could not translate host name", 62),
    ],
    page: Page {
        means: "Every nameserver in this machine's settings is silent, or has nothing \
            listening on port 53. Without names there is no way to Entra, and none to the server.",
        causes: &[
            "a network security group or firewall drops port 53 to the custom DNS server",
            "the custom DNS server is down, or its address has changed",
            "a rule denies the service tag AzurePlatformDNS (168.63.129.16)",
        ],
        confirm: &[
            "`dig @$NAME_SERVER login.microsoftonline.com` ends with \"no servers could be \
                reached\"",
            "Windows: `ipconfig /all` and `Get-DnsClientNrptRule`; macOS: `scutil --dns`; systemd-resolved: `resolvectl status`",
        ],
        fix: &[(
            Actor::Network,
            "allow UDP and TCP 53 from this subnet to the nameserver, or name another in the \
                virtual network's DNS servers and renew the lease",
        )],
        mistaken_for: &[
            "dns/servfail: there the nameserver answers, but cannot find out",
            "outbound/dropped: names resolve, connections do not",
        ],
        sources: &["Microsoft Learn: Name resolution for resources in Azure virtual networks"],
    },
    ..Problem::DEFAULT
};

/// UDP is dropped and TCP is not.
pub static UDP_BLOCKED: Problem = Problem {
    id: "dns/udp-blocked",
    title: "a nameserver answers over TCP but not over UDP",
    explains: &["dns/*", "outbound/*", "server/*", "token/*"],
    page: Page {
        means: "Queries over TCP are answered, and queries over UDP are not. getaddrinfo, which psql and most programs use, asks over UDP, so names do not resolve, or resolve only after a timeout per nameserver.",
        causes: &[
            "a firewall rule or network security group that allows port 53 for TCP only",
            "a VPN or NAT device that drops UDP",
        ],
        confirm: &[
            "`dig +notcp @$NAME_SERVER $NAME` times out and `dig +tcp @$NAME_SERVER $NAME` answers",
            "`time getent ahosts $NAME`",
        ],
        fix: &[
            (Actor::Network, "allow UDP port 53 to the nameserver in addition to TCP"),
            (Actor::You, "set `options use-vc` in /etc/resolv.conf until then"),
        ],
        mistaken_for: &[
            "dns/nameserver-unreachable: there TCP is not answered, either",
            "dns/tcp-blocked: there UDP works and TCP does not",
        ],
        sources: &["resolv.conf(5), option use-vc", "RFC 7766"],
    },
    ..Problem::DEFAULT
};

/// Queries with EDNS are dropped.
pub static EDNS_DROPPED: Problem = Problem {
    id: "dns/edns-dropped",
    title: "queries with EDNS get no answer",
    explains: &["dns/*", "outbound/*", "server/*", "token/*"],
    page: Page {
        means: "resolv.conf sets `options edns0`, so the system adds an EDNS record to every query. The nameserver, or a firewall in front of it, drops such queries and answers plain ones. psql cannot resolve names, although dig +noedns can.",
        causes: &[
            "a firewall that inspects DNS and drops packets with EDNS records",
            "an old DNS forwarder",
            "a container that copied the options `edns0 trust-ad` of systemd-resolved, with another nameserver",
        ],
        confirm: &[
            "`dig +notcp +edns=0 @$NAME_SERVER $NAME` times out and `dig +notcp +noedns @$NAME_SERVER $NAME` answers",
        ],
        fix: &[
            (Actor::You, "remove edns0 from the options in /etc/resolv.conf"),
            (Actor::Network, "let EDNS pass, or update the forwarder"),
        ],
        mistaken_for: &["dns/udp-blocked: there plain queries over UDP get no answer, either"],
        sources: &["resolv.conf(5), option edns0", "RFC 6891"],
    },
    ..Problem::DEFAULT
};

/// One of several nameservers is silent.
pub static NAMESERVER_DOWN: Problem = Problem {
    id: "dns/nameserver-down",
    title: "one of the nameservers does not answer",
    severity: Severity::Warning,
    page: Page {
        means: "At least one nameserver of this machine is silent while names still resolve. \
            Programs that ask it first wait several seconds, or give up.",
        causes: &["one DNS server of a pair is down", "a firewall lets only one of them through"],
        confirm: &[
            "`dig @$NAME_SERVER login.microsoftonline.com` for each nameserver in /etc/resolv.conf",
            "Windows: `ipconfig /all` and `Get-DnsClientNrptRule`; macOS: `scutil --dns`; systemd-resolved: `resolvectl status`",
        ],
        fix: &[(Actor::Network, "repair the nameserver, or take it out of the resolver settings")],
        mistaken_for: &["a slow network: only lookups are slow"],
        sources: &["resolv.conf(5)"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        Severity,
        support::testing::{healthy_but, judged, problems_of},
    };
    use serde_json::{Value, json};

    fn answer(transport: &str, record: &str, edns: bool, kind: &str) -> Value {
        json!({"nameserver": "10.0.0.4:53", "transport": transport, "record": record, "edns": edns,
               "elapsed_ms": 3000, "outcome": {"kind": kind, "rcode": "NOERROR"}})
    }

    fn seen(answers: &[Value], resolved: bool) -> crate::Evidence {
        let names = json!([{"name": "pg-prod.postgres.database.azure.com", "role": "server",
            "hosts_file": [], "answers": answers,
            "system": {"seen": {"addresses": if resolved { json!(["20.50.1.10"]) } else { json!([]) },
                                "unfinished": true}},
            "captured_by_search": null}]);
        healthy_but(&[
            (
                "/dns/seen/resolver/nameservers",
                json!([{"address": "10.0.0.4:53", "origin": "system"}]),
            ),
            ("/dns/seen/resolver/options", json!(["edns0"])),
            ("/dns/seen/names", names),
        ])
    }

    #[test]
    fn udp_that_is_dropped_is_not_hidden_by_answers_over_tcp() {
        let both = |transport, edns, kind| {
            ["A", "AAAA"].map(|record| answer(transport, record, edns, kind))
        };
        let tcp = both("tcp", true, "answered");
        let silent =
            [both("udp", true, "silent"), both("udp", false, "silent"), tcp.clone()].concat();
        let judgment = judged(&CHECK, &seen(&silent, false));
        let finding = &judgment.findings[0].finding;
        assert_eq!((finding.problem.id, finding.severity), ("dns/udp-blocked", Severity::Error));
        assert_eq!(
            judged(&CHECK, &seen(&silent, true)).findings[0].finding.severity,
            Severity::Warning
        );
        let plain =
            [both("udp", true, "silent"), both("udp", false, "answered"), tcp.clone()].concat();
        assert_eq!(problems_of(&CHECK, &seen(&plain, false)), ["dns/edns-dropped"]);
        let good = [both("udp", true, "answered"), tcp].concat();
        assert_eq!(problems_of(&CHECK, &seen(&good, true)), Vec::<&str>::new());
    }
}
