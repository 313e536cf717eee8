//! Whether each name resolves to an address that can be the right one.

use super::{addresses_of, cannot_be, is_silent, matrix, named, replies_of, subjects};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity},
    config::host::whole_name,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        dns::{
            Answer, AnswerOutcome, Dns, Name, NameserverOrigin, Reply, ResponseCode, Role,
            SystemLookup, Transport,
        },
        tls::Tls,
    },
    support::commands,
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};
use std::net::{IpAddr, SocketAddr};

/// Each name resolves.
pub static CHECK: Check = Check {
    id: "dns/resolution",
    asserts: "the Entra hosts and the server resolve",
    needs: &[Topic::Dns, Topic::Proxy, Topic::Server],
    problems: &[
        &PRIVATELINK_CAPTURED,
        &PRIVATE_RECORD_MISSING,
        &NAME_UNANSWERED,
        &NXDOMAIN,
        &SERVFAIL,
        &REFUSED,
        &TCP_BLOCKED,
        &NO_ADDRESS,
        &SINKHOLED,
    ],
    decisive: false,
    judge: Judge::Each { subjects, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let (dns, name) = named(seen, subject)?;
    let lookup = name.system.get()?;
    if lookup.addresses.is_empty() {
        return unresolved(seen, dns, name, lookup);
    }
    let wrong: Vec<IpAddr> =
        lookup.addresses.iter().copied().filter(|ip| cannot_be(*ip, name)).collect();
    if !wrong.is_empty() && is_tunnel(seen, name, &wrong) {
        let listed = text::list(&lookup.addresses, 2);
        return Ok(Verdict::Passed(format!("{listed}, where a tunnel leads to the server")));
    }
    if !wrong.is_empty() {
        return Ok(sinkholed(name, &wrong));
    }
    let silent = unanswered(dns, name);
    if !silent.is_empty() {
        let finding = name_unanswered(seen, dns, name, &silent).severity(Severity::Warning);
        return Ok(Verdict::found(finding));
    }
    if lookup.unfinished {
        return Err(out_of_time(lookup));
    }
    Ok(resolved(name, &lookup.addresses))
}

/// Whether the server's name leads to this machine, and the server answers there with its certificate.
fn is_tunnel(seen: &Evidence, name: &Name, addresses: &[IpAddr]) -> bool {
    let tls = seen.server.seen().and_then(|server| server.tls.seen());
    name.role == Role::Server
        && addresses.iter().all(|ip| ip.to_canonical().is_loopback())
        && tls.is_some_and(Tls::verified)
}

const fn out_of_time(lookup: &SystemLookup) -> Missing {
    Missing(NotObserved::OutOfTime { after_ms: lookup.elapsed_ms })
}

fn resolved(name: &Name, addresses: &[IpAddr]) -> Verdict {
    let by = name.replies().find(|(_, reply)| !reply.addresses.is_empty());
    let pinned = name.hosts_file.iter().find(|entry| addresses.contains(&entry.address));
    let via = match (pinned, by) {
        (Some(entry), _) => format!(" from {} line {}", entry.path, entry.line),
        (None, Some((answer, _))) => format!(" from {}", answer.nameserver.ip()),
        (None, None) => String::new(),
    };
    Verdict::Passed(format!("{}{via}", text::list(addresses, 2)))
}

/// The nameservers of this machine that do not answer for this name and do for another.
fn unanswered(dns: &Dns, name: &Name) -> Vec<SocketAddr> {
    let for_others = |nameserver: SocketAddr| {
        dns.names.iter().any(|other| replies_of(other, nameserver).next().is_some())
    };
    dns.resolver.system().filter(|at| is_silent(name, *at) && for_others(*at)).collect()
}

fn name_unanswered(seen: &Evidence, dns: &Dns, name: &Name, silent: &[SocketAddr]) -> Finding {
    let asked = &name.name;
    let servers: Vec<IpAddr> = silent.iter().map(SocketAddr::ip).collect();
    let listed = text::list(&servers, 3);
    let others: Vec<&str> = dns
        .names
        .iter()
        .filter(|other| silent.iter().any(|at| replies_of(other, *at).next().is_some()))
        .map(|other| other.name.as_str())
        .collect();
    let zone = asked.split_once('.').map_or(asked.as_str(), |(_, zone)| zone);
    let detail = format!("{listed} does not answer for {asked}, but answers for other names");
    Finding::of(&NAME_UNANSWERED, asked.clone(), detail)
        .because(format!("{listed} answers for {}", text::list(&others, 2)))
        .because_all(elsewhere(dns, name))
        .fix(Fix::by(
            Actor::Network,
            format!(
                "Repair the conditional forwarder for {zone} (or a parent zone) on {listed}: \
                the server that it forwards to does not answer; inside Azure forward to \
                168.63.129.16"
            ),
        ))
        .fix(Fix::you("Confirm").run(commands::look_up(
            &seen.vantage,
            asked,
            servers.first().copied(),
        )))
}

/// Whether nameservers of this machine answer for the name over TCP only, which the system does not use.
fn answered_over_tcp_only(dns: &Dns, name: &Name) -> bool {
    let own: Vec<SocketAddr> = dns.resolver.system().collect();
    let mut replies =
        name.replies().filter(|(answer, _)| own.contains(&answer.nameserver)).peekable();
    let asks_over_udp = !dns.resolver.has("use-vc");
    let not_as_the_system = |answer: &Answer| {
        answer.transport == Transport::Tcp || answer.edns != dns.resolver.has("edns0")
    };
    asks_over_udp
        && replies.peek().is_some()
        && replies.all(|(answer, reply)| not_as_the_system(answer) && !reply.truncated)
}

fn unresolved(
    seen: &Evidence,
    dns: &Dns,
    name: &Name,
    lookup: &SystemLookup,
) -> Result<Verdict, Missing> {
    // nsswitch.conf can put the hosts file after the nameservers.
    if lookup.unfinished && !name.hosts_file.is_empty() {
        return Err(out_of_time(lookup));
    }
    let silent = unanswered(dns, name);
    let own_replies = || {
        let own: Vec<SocketAddr> = dns.resolver.system().collect();
        name.replies().any(|(answer, _)| own.contains(&answer.nameserver))
    };
    if !silent.is_empty() && !own_replies() {
        return Ok(Verdict::found(name_unanswered(seen, dns, name, &silent)));
    }
    let settled = name.replies().next().is_some()
        || name.answers.iter().any(|answer| {
            matches!(
                answer.outcome,
                AnswerOutcome::TruncatedTcpFailed { .. } | AnswerOutcome::Malformed { .. }
            )
        });
    if !settled || answered_over_tcp_only(dns, name) {
        // dns/nameservers reports nameservers that do not answer.
        return Err(Missing(NotObserved::Blocked { by: Topic::Dns, subject: String::new() }));
    }
    let problem = problem(dns, name);
    let asked = &name.name;
    let known = dns.resolver.system().any(|at| !addresses_of(name, at).is_empty());
    if known && lookup.unfinished && problem == &NO_ADDRESS {
        return Err(out_of_time(lookup));
    }
    let detail = if is_unreadable(name) {
        format!("the nameservers answer for {asked} with something that is not DNS")
    } else if known && problem == &NO_ADDRESS {
        format!("{asked} has an address in DNS, but this machine's own lookup does not find it")
    } else {
        format!("{asked} {}", clause(name, problem))
    };
    let order = dns.resolver.lookup_order.as_ref().filter(|_| known);
    let order = order.map(|order| {
        let lacks = !order.split_whitespace().any(|source| matches!(source, "dns" | "resolve"));
        let hint = if lacks { "; it must name dns" } else { "" };
        format!("nsswitch.conf has hosts: {order}{hint}")
    });
    let table = dns.resolver.nameservers.len() > 1;
    let mut finding = Finding::of(problem, asked.clone(), detail)
        .because_all(evidence(name))
        .because_all(if table { matrix(dns, name) } else { Vec::new() })
        .because_all(order)
        .because_all(elsewhere(dns, name));
    for fix in fixes(seen, dns, name, problem) {
        finding = finding.fix(fix);
    }
    Ok(Verdict::found(finding))
}

fn is_unreadable(name: &Name) -> bool {
    let malformed = |answer: &Answer| matches!(answer.outcome, AnswerOutcome::Malformed { .. });
    name.replies().next().is_none() && name.answers.iter().any(malformed)
}

/// What a nameserver says that programs on this machine do not ask.
fn elsewhere(dns: &Dns, name: &Name) -> Option<String> {
    let others = dns.resolver.nameservers.iter();
    let mut others = others.filter(|nameserver| nameserver.origin != NameserverOrigin::System);
    others.find_map(|nameserver| {
        let addresses = addresses_of(name, nameserver.address);
        (!addresses.is_empty()).then(|| {
            let listed = text::list(&addresses, 2);
            format!("{} resolves it ({listed}), so the name is right", nameserver.address.ip())
        })
    })
}

fn problem(dns: &Dns, name: &Name) -> &'static Problem {
    // Only the answers of the machine's own nameservers decide.
    let own = |answer: &Answer| {
        dns.resolver.nameservers.iter().any(|nameserver| {
            nameserver.address == answer.nameserver && nameserver.origin == NameserverOrigin::System
        })
    };
    let decisive: Vec<&Reply> =
        name.replies().filter(|(answer, _)| own(answer)).map(|(_, reply)| reply).collect();
    let replies: Vec<&Reply> = if decisive.is_empty() {
        name.replies().map(|(_, reply)| reply).collect()
    } else {
        decisive
    };
    let has_rcode = |rcode: ResponseCode| replies.iter().any(|reply| reply.rcode == rcode);
    let passes = |zone: &str| {
        let ends_there = |reply: &Reply| {
            reply.addresses.is_empty()
                && reply.chain.iter().any(|alias| alias.target.contains(zone))
        };
        name.name.contains(zone) || replies.iter().any(|reply| ends_there(reply))
    };
    let blocked = name
        .answers
        .iter()
        .any(|answer| matches!(answer.outcome, AnswerOutcome::TruncatedTcpFailed { .. }));
    if passes(".privatelink.msidentity.com") {
        &PRIVATELINK_CAPTURED
    } else if passes(".privatelink.postgres.") {
        &PRIVATE_RECORD_MISSING
    } else if blocked {
        &TCP_BLOCKED
    } else if has_rcode(ResponseCode::NxDomain) {
        &NXDOMAIN
    } else if has_rcode(ResponseCode::Refused) {
        &REFUSED
    } else if has_rcode(ResponseCode::ServFail) || !has_rcode(ResponseCode::NoError) {
        &SERVFAIL
    } else {
        &NO_ADDRESS
    }
}

fn clause(name: &Name, problem: &Problem) -> String {
    match problem {
        known if known == &NXDOMAIN => {
            "does not exist according to this machine's nameservers (NXDOMAIN)"
        }
        known if known == &REFUSED => "is refused by this machine's nameservers (REFUSED)",
        known if known == &SERVFAIL => {
            let mut codes: Vec<&ResponseCode> = Vec::new();
            for (_, Reply { rcode, .. }) in name.replies() {
                let failed = !matches!(rcode, ResponseCode::NoError | ResponseCode::NxDomain);
                if failed && !codes.contains(&rcode) {
                    codes.push(rcode);
                }
            }
            let codes = text::list(&codes, 3);
            return format!("cannot be resolved by this machine's nameservers ({codes})");
        }
        known if known == &TCP_BLOCKED => {
            "has an answer too large for UDP, and TCP to the nameserver fails"
        }
        known if known == &PRIVATELINK_CAPTURED => {
            "leads through privatelink.msidentity.com, which an internal zone has captured"
        }
        known if known == &PRIVATE_RECORD_MISSING => {
            "leads into the private zone, and the zone has no address for it"
        }
        _ => "exists, but has no address",
    }
    .to_owned()
}

fn evidence(name: &Name) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for answer in &name.answers {
        let line = format!("{}: {}", answer.nameserver.ip(), describe(answer));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if let Some((code, text)) = name.system.seen().and_then(|lookup| lookup.error.as_ref()) {
        lines.push(format!("getaddrinfo: \"{text}\" ({code})"));
    }
    lines
}

pub(super) fn describe(answer: &Answer) -> String {
    match &answer.outcome {
        AnswerOutcome::Answered(reply) => reply_said(reply),
        AnswerOutcome::Silent => "no answer".to_owned(),
        AnswerOutcome::Slow => format!("no answer within {} ms", answer.elapsed_ms),
        AnswerOutcome::PortClosed => "no answer: port 53 is closed".to_owned(),
        AnswerOutcome::Closed => "no answer: the TCP connection is closed".to_owned(),
        AnswerOutcome::Unreachable { detail } | AnswerOutcome::Malformed { detail } => {
            detail.clone()
        }
        AnswerOutcome::TruncatedTcpFailed { detail } => {
            format!("a truncated answer; over TCP: {detail}")
        }
    }
}

fn reply_said(reply: &Reply) -> String {
    let chain = match reply.chain.last() {
        Some(alias) => format!(" after the alias {}", alias.target),
        None => String::new(),
    };
    let zone = match &reply.soa {
        Some(soa) => format!(", for the zone {}", soa.zone),
        None => String::new(),
    };
    format!("{}{chain}{zone}", reply.rcode)
}

fn fixes(seen: &Evidence, dns: &Dns, name: &Name, problem: &Problem) -> Vec<Fix> {
    let servers: Vec<_> =
        dns.resolver.nameservers.iter().map(|nameserver| nameserver.address.ip()).collect();
    let servers = text::list(&servers, 2);
    let asked = &name.name;
    let nameserver = dns.resolver.nameservers.first().map(|first| first.address.ip());
    let confirm = commands::look_up(&seen.vantage, asked, nameserver);
    let shadow = shadowing_zone(name);
    let forward = match (problem, name.role) {
        (known, _) if known == &TCP_BLOCKED => {
            format!("Allow TCP port 53 from this machine to {servers}")
        }
        (known, _) if known == &REFUSED => {
            format!("Allow recursive queries from this subnet on {servers}")
        }
        (known, _) if known == &PRIVATELINK_CAPTURED => format!(
            "On {servers}, do not send *.privatelink.msidentity.com to an internal zone: it is a \
                public name"
        ),
        (known, _) if known == &PRIVATE_RECORD_MISSING => {
            "Add the server's record to the private zone, or link the zone \
                privatelink.postgres.database.azure.com that has it to this virtual network"
                .to_owned()
        }
        (_, Role::Server) if shadow.is_some() => format!(
            "The private zone {} answers here for every name in it, also for servers that it does \
                not hold: add the record, or enable fall-back to internet on its virtual network \
                link",
            shadow.unwrap_or_default()
        ),
        (_, Role::Server) => format!(
            "Check the server's name; if it is private, forward its zone on {servers} to \
                168.63.129.16, or link the private DNS zone to this virtual network"
        ),
        _ => format!(
            "On {servers}, forward {asked} to a resolver that knows the internet (inside Azure: \
                168.63.129.16)"
        ),
    };
    let settings = seen.settings.seen().filter(|_| name.role == Role::Server);
    let whole = settings.and_then(whole_name).filter(|_| problem == &NXDOMAIN);
    let forward = Fix::by(Actor::Network, forward);
    let confirm = Fix::confirm("ask the nameserver").run(confirm);
    whole.into_iter().chain([forward, confirm]).collect()
}

/// The private zone in Azure that says that the name does not exist.
fn shadowing_zone(name: &Name) -> Option<String> {
    let zones = name.replies().filter_map(|(_, reply)| reply.soa.as_ref());
    let mut private = zones.filter(|soa| soa.primary.ends_with("azureprivatedns.net"));
    private.next().map(|soa| soa.zone.clone())
}

fn sinkholed(name: &Name, wrong: &[IpAddr]) -> Verdict {
    let asked = &name.name;
    let addresses = text::list(wrong, 3);
    let detail = format!("{asked} resolves to {addresses}, which cannot be the real one");
    let mut finding = Finding::of(&SINKHOLED, asked.clone(), detail).because_all(evidence(name));
    let pinned = name.hosts_file.iter().find(|entry| wrong.contains(&entry.address));
    let fix = match pinned {
        Some(entry) => {
            finding = finding
                .because(format!("{} line {} gives {}", entry.path, entry.line, entry.address));
            Fix::you(format!("Remove line {} from {}", entry.line, entry.path))
        }
        None => Fix::by(
            Actor::Network,
            format!("Exempt {asked} from the filter or zone that answers for it"),
        ),
    };
    Verdict::found(finding.fix(fix))
}

/// The name does not exist.
pub static NXDOMAIN: Problem = Problem {
    id: "dns/nxdomain",
    title: "a name does not exist for this machine's nameservers",
    explains: &["token/*", "outbound/*", "server/*"],
    fragments: &[
        Fragment::new("could not translate host name", 70),
        Fragment::new("name or service not known", 70),
        Fragment::new("nodename nor servname provided", 70),
        Fragment::new("no such host is known", 70),
        Fragment::new("unknownhostexception", 70),
        Fragment::new("getaddrinfo enotfound", 70),
        Fragment::new("no such host", 70),
        Fragment::new("nxdomain", 70),
        Fragment::new("name does not resolve", 68),
        Fragment::new("failed to lookup address information", 68),
        Fragment::new("could not resolve host", 68),
        Fragment::new("unable to resolve host", 68),
        Fragment::new("remote name could not be resolved", 68),
        Fragment::new("getaddrinfo failed", 68),
        Fragment::new("getaddrinfoerror", 68),
        Fragment::new("nameresolutionerror", 68),
        Fragment::new("name resolution failed", 66),
        Fragment::new("failed to resolve", 66),
        Fragment::new("unknown host", 66),
        Fragment::new("hostname resolving error", 66),
        Fragment::new("server name could not be resolved", 66),
        Fragment::new("konnte hostnamen … nicht in adresse übersetzen", 70),
        Fragment::new("n'a pas pu traduire le nom d'hôte", 70),
        Fragment::new("no se pudo traducir el nombre", 70),
        Fragment::new("code: enotfound", 70),
        Fragment::new("(enotfound", 70),
        Fragment::new("error: enotfound", 70),
        Fragment::new("querya enotfound", 70),
        Fragment::new("(11001)", 66),
        Fragment::new("errno 11001", 66),
        Fragment::new("winerror 11001", 66),
    ],
    page: Page {
        means: "A nameserver answered that the name does not exist (NXDOMAIN). For the Entra hosts \
            this is never true of the public DNS: a custom nameserver does not forward them. For \
            the server it may also be a wrong or deleted name.",
        causes: &[
            "the custom DNS server of the virtual network has no forwarder to the internet",
            "a private zone that is linked to the network shadows the public name",
            "the server's name is misspelt, or the server was deleted",
            "the server is integrated in a virtual network whose private zone is not linked here",
        ],
        confirm: &[
            "`dig @$NAME_SERVER $NAME` says NXDOMAIN",
            "`dig @168.63.129.16 $NAME` from inside the virtual network gives addresses",
            "without dig: `nslookup $NAME $NAME_SERVER`",
        ],
        fix: &[
            (
                Actor::Network,
                "forward the name to 168.63.129.16 (in Azure) or another resolver that knows it",
            ),
            (
                Actor::You,
                "compare the server's name with `az postgres flexible-server show -g $RG -n $SERVER --query fullyQualifiedDomainName`",
            ),
        ],
        mistaken_for: &[
            "dns/servfail: the nameserver tried and failed",
            "dns/private-record-missing: the name leads into a private zone",
        ],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, networking with private access, \
                \"Using custom DNS\"",
            "RFC 8020",
        ],
    },
    ..Problem::DEFAULT
};

/// A nameserver is silent for this name only.
pub static NAME_UNANSWERED: Problem = Problem {
    id: "dns/name-unanswered",
    title: "a nameserver does not answer for one name",
    explains: &["token/*", "outbound/*", "server/*"],
    page: Page {
        means: "The nameserver answers for other names, and not for this one. It forwards the \
            zone of this name to another server (a conditional forwarder), and that server does \
            not answer. If another nameserver of this machine answers, lookups are slow: the \
            system waits for the silent one first.",
        causes: &[
            "the conditional forwarder of the zone leads to a server that is down, or that a \
                firewall blocks",
            "a forwarder to 168.63.129.16 on a DNS server outside Azure, where that address does \
                not answer",
            "a DNS filter that drops queries for the zone",
        ],
        confirm: &[
            "`dig @$NAME_SERVER $NAME` times out while `dig @$NAME_SERVER login.microsoftonline.com` answers",
        ],
        fix: &[(
            Actor::Network,
            "repair the conditional forwarder of the zone, or forward it to a resolver that \
                answers",
        )],
        mistaken_for: &[
            "dns/nameserver-unreachable: there the nameserver answers for no name",
            "dns/servfail: there the nameserver reports that it could not resolve the name",
        ],
        sources: &[
            "Microsoft Learn: Azure Private Endpoint DNS integration, conditional forwarding",
        ],
    },
    ..Problem::DEFAULT
};

/// The nameserver could not resolve the name.
pub static SERVFAIL: Problem = Problem {
    id: "dns/servfail",
    title: "the nameserver cannot resolve a name",
    explains: &["token/*", "outbound/*", "server/*"],
    fragments: &[
        Fragment::new("servfail", 72),
        Fragment::new("server misbehaving", 72),
        Fragment::new("temporary failure in name resolution", 60),
        Fragment::new("eai_again", 60),
    ],
    page: Page {
        means: "The nameserver answered SERVFAIL: it took the question and could not get an answer \
            itself.",
        causes: &[
            "its forwarder is unreachable",
            "it validates DNSSEC behind a forwarder that breaks it",
        ],
        confirm: &[
            "`dig @$NAME_SERVER $NAME` says SERVFAIL while other names work",
            "without dig: `nslookup $NAME $NAME_SERVER`",
        ],
        fix: &[(
            Actor::Network,
            "repair the forwarder of that nameserver; inside Azure forward to 168.63.129.16",
        )],
        mistaken_for: &["dns/nxdomain: there the nameserver is sure that there is no such name"],
        sources: &["RFC 1035, section 4.1.1"],
    },
    ..Problem::DEFAULT
};

/// The nameserver refuses the query.
pub static REFUSED: Problem = Problem {
    id: "dns/refused",
    title: "the nameserver refuses to answer this machine",
    explains: &["token/*", "outbound/*", "server/*"],
    page: Page {
        means: "The nameserver answered REFUSED: its policy does not let this machine ask for this \
            name.",
        causes: &[
            "recursion is allowed for other subnets only",
            "the nameserver serves only its own zones",
        ],
        confirm: &[
            "`dig @$NAME_SERVER $NAME` says REFUSED",
            "without dig: `nslookup $NAME $NAME_SERVER`",
        ],
        fix: &[(
            Actor::Network,
            "allow recursive queries from this subnet, or name another nameserver",
        )],
        mistaken_for: &["dns/nameserver-unreachable: there nothing answers"],
        sources: &["RFC 1035, section 4.1.1"],
    },
    ..Problem::DEFAULT
};

/// Large answers do not get through.
pub static TCP_BLOCKED: Problem = Problem {
    id: "dns/tcp-blocked",
    title: "large DNS answers do not get through",
    explains: &["dns/no-address", "token/*", "outbound/*", "server/*"],
    page: Page {
        means: "The answer over UDP was cut (truncated), and fetching the whole of it over TCP \
            failed.",
        causes: &["a firewall lets UDP 53 through and drops TCP 53"],
        confirm: &[
            "`dig +tcp @$NAME_SERVER $NAME` fails while `dig +notcp +ignore @$NAME_SERVER $NAME` answers",
        ],
        fix: &[(Actor::Network, "allow TCP port 53 to the nameserver in addition to UDP")],
        mistaken_for: &["dns/servfail: there the nameserver itself fails"],
        sources: &["RFC 7766"],
    },
    ..Problem::DEFAULT
};

/// The name exists without addresses.
pub static NO_ADDRESS: Problem = Problem {
    id: "dns/no-address",
    title: "a name exists and has no address",
    explains: &["token/*", "outbound/*", "server/*"],
    fragments: &[
        Fragment::new("no address associated with hostname", 74),
        Fragment::new("no data, requested name is valid", 74),
        Fragment::new("enodata", 74),
    ],
    page: Page {
        means: "The nameserver knows the name, and gave neither an IPv4 nor an IPv6 address for \
            it.",
        causes: &[
            "a private zone holds the name with other records only",
            "a filter empties the answer",
        ],
        confirm: &[
            "`dig @$NAME_SERVER $NAME A` says NOERROR without an answer",
            "without dig: `nslookup $NAME $NAME_SERVER`",
        ],
        fix: &[(
            Actor::Network,
            "give the name an address record, or remove the zone that shadows it",
        )],
        mistaken_for: &["dns/nxdomain: there the name does not exist at all"],
        sources: &["RFC 2308"],
    },
    ..Problem::DEFAULT
};

/// The answer cannot be the real one.
pub static SINKHOLED: Problem = Problem {
    id: "dns/sinkholed",
    title: "a name resolves to an address that cannot be the real one",
    explains: &["token/*", "outbound/*", "server/*"],
    page: Page {
        means: "The name resolves to a loopback or unspecified address, or an Entra host resolves \
            to a private one. Entra has public addresses only.",
        causes: &[
            "a DNS filter sends unwanted names nowhere",
            "a line in the hosts file",
            "an internal zone shadows microsoftonline.com",
        ],
        confirm: &[
            "compare `getent hosts $NAME` with `dig @168.63.129.16 $NAME`",
            "on macOS: `dscacheutil -q host -a name $NAME`",
        ],
        fix: &[
            (Actor::Network, "exempt the name from the filter or zone"),
            (Actor::You, "remove the line from the hosts file"),
        ],
        mistaken_for: &[
            "outbound/refused: the connection is refused because it goes to the wrong machine",
        ],
        sources: &[
            "Microsoft 365 endpoints, ID 56: login.microsoftonline.com, graph.microsoft.com",
        ],
    },
    ..Problem::DEFAULT
};

/// An internal zone captured Entra's own `privatelink` names.
pub static PRIVATELINK_CAPTURED: Problem = Problem {
    id: "dns/privatelink-captured",
    title: "an internal zone has captured privatelink.msidentity.com",
    explains: &["token/*", "outbound/*"],
    page: Page {
        means: "The public names of Entra lead through aliases such as \
            ak.privatelink.msidentity.com. The label looks like Private Link, and is public all \
            the same. Here the chain ends there.",
        causes: &["a conditional forwarder sends every *.privatelink.* name to an internal zone"],
        confirm: &["`dig @$NAME_SERVER ak.privatelink.msidentity.com` says NXDOMAIN"],
        fix: &[(
            Actor::Network,
            "except privatelink.msidentity.com from the rule for privatelink zones",
        )],
        mistaken_for: &["dns/nxdomain: there the name itself is unknown, not the end of its chain"],
        sources: &["The CNAME chain of login.microsoftonline.com in public DNS"],
    },
    ..Problem::DEFAULT
};

/// The private zone has no record of the server.
pub static PRIVATE_RECORD_MISSING: Problem = Problem {
    id: "dns/private-record-missing",
    title: "the private zone has no record of the server",
    explains: &["server/*"],
    fragments: &[
        Fragment::new("could not translate host name … .privatelink.", 76),
        Fragment::new("enotfound … .privatelink.", 76),
        Fragment::new("no address associated with hostname", 66),
        Fragment::new("could not translate host name", 50),
    ],
    page: Page {
        means: "The server's name is an alias into privatelink.postgres.database.azure.com, so it \
            has a private endpoint; the zone that answers here has no address for it.",
        causes: &[
            "the private zone is linked to this network, and the endpoint's record is missing",
            "a zone group of another subscription holds the record",
        ],
        confirm: &["`dig @$NAME_SERVER $SERVER.privatelink.postgres.database.azure.com`"],
        fix: &[(
            Actor::Network,
            "add the record (a DNS zone group on the private endpoint does it), or link the zone \
                that has it",
        )],
        mistaken_for: &["dns/nxdomain: a wrong server name has no alias into privatelink"],
        sources: &["Microsoft Learn: Azure Private Endpoint private DNS zone values"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::json;

    #[test]
    fn behind_a_proxy_the_names_of_entra_do_not_matter() {
        let proxy = json!({"scheme": "http", "host": "proxy", "port": 3128, "has_credentials": false,
                           "origin": {"kind": "environment", "variable": "HTTPS_PROXY"}});
        let failed = json!({"addresses": [], "error": [-2, "unknown"], "elapsed_ms": 1});
        let seen =
            healthy_but(&[("/proxy/seen/https", proxy), ("/dns/seen/names/0/system/seen", failed)]);
        assert_eq!(problems_of(&CHECK, &seen), Vec::<&str>::new());
    }

    #[test]
    fn a_name_that_its_nameserver_does_not_answer_is_found() {
        let silent = |record: &str, transport: &str| {
            json!({"nameserver": "10.0.0.4:53", "transport": transport, "record": record,
                   "elapsed_ms": 3000, "outcome": {"kind": "silent"}})
        };
        let answers = json!([silent("A", "udp"), silent("AAAA", "udp"), silent("A", "tcp")]);
        let servers = json!([{"address": "10.0.0.4:53", "origin": "system"}]);
        let changes = [
            ("/dns/seen/resolver/nameservers", servers),
            ("/dns/seen/names/2/answers", answers),
            ("/dns/seen/names/2/system/seen/addresses", json!([])),
            ("/dns/seen/names/2/system/seen/unfinished", json!(true)),
        ];
        assert_eq!(problems_of(&CHECK, &healthy_but(&changes)), ["dns/name-unanswered"]);
        // With `hosts: dns files` the hosts file answers after the nameserver's silence.
        let line = json!([{"path": "/etc/hosts", "line": 3, "address": "10.77.1.4"}]);
        let pinned = [("/dns/seen/names/2/hosts_file", line)];
        let both: Vec<_> = changes.iter().cloned().chain(pinned).collect();
        assert_eq!(problems_of(&CHECK, &healthy_but(&both)), Vec::<&str>::new());
        let resolved = healthy_but(&changes[..2]);
        let judgment = crate::support::testing::judged(&CHECK, &resolved);
        assert_eq!(judgment.findings[0].finding.severity, crate::Severity::Warning);
    }

    #[test]
    fn addresses_that_no_host_has_are_sinkholes() {
        for address in ["224.0.0.5", "255.255.255.255", "240.0.0.1", "169.254.1.1"] {
            let seen =
                healthy_but(&[("/dns/seen/names/2/system/seen/addresses", json!([address]))]);
            assert_eq!(problems_of(&CHECK, &seen), ["dns/sinkholed"], "{address}");
        }
    }

    #[test]
    fn a_private_server_is_no_sinkhole() {
        let seen = healthy_but(&[("/dns/seen/names/2/system/seen/addresses", json!(["10.1.2.5"]))]);
        assert_eq!(problems_of(&CHECK, &seen), Vec::<&str>::new());
        let seen = healthy_but(&[("/dns/seen/names/0/system/seen/addresses", json!(["10.1.2.5"]))]);
        assert_eq!(problems_of(&CHECK, &seen), ["dns/sinkholed"]);
    }
}
