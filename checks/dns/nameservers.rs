//! Whether the nameservers answer at all.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity},
    facts::{
        Topic,
        dns::{Answer, AnswerOutcome, Dns},
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
    problems: &[&NO_NAMESERVER, &NAMESERVER_UNREACHABLE, &NAMESERVER_DOWN],
    decisive: false,
    judge: Judge::Once(|seen| Ok(judge(seen.dns.get()?))),
};

fn judge(dns: &Dns) -> Verdict {
    let asked: Vec<SocketAddr> =
        dns.resolver.nameservers.iter().map(|nameserver| nameserver.address).collect();
    let resolved = dns.names.iter().any(|name| !name.usable().is_empty());
    if asked.is_empty() {
        return none(dns, resolved);
    }
    let dead: Vec<SocketAddr> = asked.iter().copied().filter(|at| is_dead(dns, *at)).collect();
    let evidence = dead.iter().map(|at| format!("{at}: {}", silence(dns, *at)));
    if dead.is_empty() {
        return Verdict::Passed(text::list(&asked, 3));
    }
    let subject = text::list(&dead, 3);
    let port = "UDP and TCP port 53 from this machine";
    if dead.len() == asked.len() && !resolved {
        let detail = format!("no nameserver answers: {subject}");
        return Verdict::found(
            Finding::of(&NAMESERVER_UNREACHABLE, subject.clone(), detail)
                .because_all(evidence)
                .fix(Fix::by(
                    Actor::Network,
                    format!(
                        "Allow {port} to {subject}; in Azure, look for a rule that denies the \
                            service tag AzurePlatformDNS"
                    ),
                ))
                .fix(Fix::by(
                    Actor::Network,
                    format!("Or name nameservers that answer in {}", dns.resolver.source),
                )),
        );
    }
    let detail = format!("{subject} does not answer; lookups that begin with it are slow or fail");
    Verdict::found(
        Finding::of(&NAMESERVER_DOWN, subject.clone(), detail).because_all(evidence).fix(Fix::by(
            Actor::Network,
            format!("Allow {port} to {subject}, or take it out of {}", dns.resolver.source),
        )),
    )
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
    answers.peek().is_some()
        && answers.all(|answer| {
            matches!(
                answer.outcome,
                AnswerOutcome::Silent
                    | AnswerOutcome::PortClosed
                    | AnswerOutcome::Unreachable { .. }
            )
        })
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
        confirm: &["`cat /etc/resolv.conf` shows no nameserver line"],
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
        Fragment::new("could not translate host name", 958),
        Fragment::new("temporary failure in name resolution", 930),
        Fragment::new("getaddrinfo eai_again", 890),
    ],
    page: Page {
        means: "Every nameserver that this machine is told to ask is silent, or has nothing \
            listening on port 53. Without names there is no way to Entra, and none to the server.",
        causes: &[
            "a network security group or firewall drops port 53 to the custom DNS server",
            "the custom DNS server is down, or its address has changed",
            "a rule denies the service tag AzurePlatformDNS (168.63.129.16)",
        ],
        confirm: &[
            "`dig @<nameserver> login.microsoftonline.com` ends with \"no servers could be \
                reached\"",
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
            "`dig @<nameserver> login.microsoftonline.com` for each nameserver in /etc/resolv.conf",
        ],
        fix: &[(Actor::Network, "repair the nameserver, or take it out of the resolver settings")],
        mistaken_for: &["a slow network: only lookups are slow"],
        sources: &["resolv.conf(5)"],
    },
    ..Problem::DEFAULT
};
