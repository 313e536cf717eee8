//! Checks of the family `dns`: the names of the Entra hosts and of the server.

pub mod address_class;
pub mod consistency;
pub mod latency;
pub mod nameservers;
pub mod overrides;
pub mod resolution;

use crate::{
    check::{Area, Family, Missing, NeededBy, RelatedSetting, Station},
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        dns::{
            Answer, AnswerOutcome, Dns, Name, NameserverOrigin, RecordType, Reply, ResponseCode,
            Role, Transport,
        },
        proxy::ProxyRules,
    },
    support::server::names::is_loopback,
    text,
};
use std::net::{IpAddr, SocketAddr};

/// The family.
pub static FAMILY: Family = Family {
    name: "dns",
    title: "DNS",
    summary: "every nameserver answers, every name resolves",
    checks: &[
        &nameservers::CHECK,
        &overrides::CHECK,
        &consistency::CHECK,
        &resolution::CHECK,
        &address_class::CHECK,
        &latency::CHECK,
    ],
    pages: &[],
    station: Station::Dns,
    about_resources: true,
    reasons: &[Area::Machine, Area::Settings, Area::Proxy, Area::Dns],
    suspects: &["host", "port", "nameservers", "proxy for https", "token"],
    blocks: &[
        Topic::Proxy,
        Topic::Dns,
        Topic::Outbound,
        Topic::Clock,
        Topic::Credential,
        Topic::Token,
        Topic::Keys,
        Topic::Server,
        Topic::AuthRequest,
        Topic::Login,
        Topic::Session,
        Topic::Graph,
        Topic::Azure,
    ],
    needed: NeededBy::LoginToHost,
    setting: RelatedSetting::Host,
    ..Family::DEFAULT
};

/// The names looked up.
fn subjects(seen: &Evidence) -> Vec<String> {
    let names = seen.dns.seen().map(|dns| dns.names.as_slice()).unwrap_or_default();
    names.iter().map(|name| name.name.clone()).collect()
}

/// One name, unless a proxy resolves it.
fn named<'a>(seen: &'a Evidence, subject: &str) -> Result<(&'a Dns, &'a Name), Missing> {
    let dns = seen.dns.get()?;
    let Some(name) = dns.name(subject) else {
        return Err(Missing(NotObserved::NotAsked));
    };
    if is_loopback(subject) {
        let why = "the name means this machine itself".to_owned();
        return Err(Missing(NotObserved::NotApplicable { why }));
    }
    let proxy = seen.proxy.get().ok();
    if is_entra(name) && proxy.is_some_and(|rules| through_proxy(rules, subject)) {
        let why = "the proxy resolves this name".to_owned();
        return Err(Missing(NotObserved::NotApplicable { why }));
    }
    Ok((dns, name))
}

fn is_entra(name: &Name) -> bool {
    matches!(name.role, Role::Authority | Role::Graph | Role::ResourceManager)
}

fn through_proxy(rules: &ProxyRules, host: &str) -> bool {
    rules.https.is_some() && !rules.exempt.iter().any(|name| name == host)
}

/// Whether the address cannot be that of the name: no host on a network has it, or it is the private
/// address of an Entra host, which has public addresses only.
/// Source: IANA special-purpose address registries.
fn cannot_be(address: IpAddr, name: &Name) -> bool {
    let address = address.to_canonical();
    let no_host = match address {
        IpAddr::V4(ip) => {
            let [first, ..] = ip.octets();
            first == 0 || first >= 224 || ip.is_link_local()
        }
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unicast_link_local(),
    };
    let local = address.is_loopback() || address.is_unspecified();
    local || no_host || (is_entra(name) && is_private(address))
}

/// Whether the address is one of a private network; shared and link-local addresses count.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            ip.is_private() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether a nameserver answered none of the queries for a name, although there was time for it.
fn is_silent(name: &Name, nameserver: SocketAddr) -> bool {
    let mut asked = name.answers.iter().filter(|answer| answer.nameserver == nameserver).peekable();
    asked.peek().is_some()
        && asked.all(|answer| match answer.outcome {
            AnswerOutcome::Silent | AnswerOutcome::Slow => answer.elapsed_ms >= FULL_WAIT_MS,
            AnswerOutcome::Closed | AnswerOutcome::PortClosed => answer.transport == Transport::Tcp,
            _ => false,
        })
}

/// Silence that is shorter than this was cut off because another nameserver had answered.
const FULL_WAIT_MS: u64 = 900;

/// The replies of one nameserver about a name.
fn replies_of(name: &Name, nameserver: SocketAddr) -> impl Iterator<Item = (&Answer, &Reply)> {
    name.replies().filter(move |(answer, _)| answer.nameserver == nameserver)
}

/// The addresses that one nameserver gives a name, each once.
fn addresses_of(name: &Name, nameserver: SocketAddr) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for (_, reply) in replies_of(name, nameserver) {
        for address in &reply.addresses {
            if !addresses.contains(&address.ip) {
                addresses.push(address.ip);
            }
        }
    }
    addresses
}

/// What every nameserver says of a name, as a small table.
fn matrix(dns: &Dns, name: &Name) -> Vec<String> {
    let row = |nameserver: &crate::facts::dns::Nameserver| {
        let origin = match nameserver.origin {
            NameserverOrigin::System => "this machine's",
            NameserverOrigin::Option => "--nameserver",
            NameserverOrigin::Azure => "Azure's own",
        };
        let cell = |record| cell(name, nameserver.address, record);
        [
            format!("{} ({origin})", nameserver.address.ip()),
            cell(RecordType::A),
            cell(RecordType::Aaaa),
        ]
    };
    let head = ["nameserver", "A", "AAAA"].map(str::to_owned);
    let rows: Vec<[String; 3]> =
        std::iter::once(head).chain(dns.resolver.nameservers.iter().take(8).map(row)).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    let mut lines: Vec<String> =
        rows.iter().map(|[at, a, aaaa]| format!("{at:first$}  {a:second$}  {aaaa}")).collect();
    lines.extend(routes(dns));
    lines
}

/// Which nameservers the system asks for which names, if that is not the same for all.
fn routes(dns: &Dns) -> Vec<String> {
    let routes = &dns.resolver.routes;
    let is_plain =
        |route: &crate::facts::dns::DnsRoute| route.domains.is_empty() && route.names.is_empty();
    if routes.len() < 2 && routes.iter().all(is_plain) {
        return Vec::new();
    }
    let line = |route: &crate::facts::dns::DnsRoute| {
        let servers: Vec<IpAddr> = route.nameservers.iter().map(SocketAddr::ip).collect();
        let some = |list: &[String], what: &str| {
            (!list.is_empty()).then(|| format!("{what}{}", text::list(list, 4)))
        };
        let all = if is_plain(route) { "all names" } else { "all other names" };
        let all = route.default.then(|| all.to_owned());
        let parts = [some(&route.domains, "names in "), some(&route.names, ""), all];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let names = if parts.is_empty() { "no name".to_owned() } else { parts.join(" and ") };
        let (interface, source) = (&route.interface, &route.source);
        format!("{interface} asks {} for {names} ({source})", text::list(&servers, 3))
    };
    routes.iter().take(8).map(line).collect()
}

fn cell(name: &Name, nameserver: SocketAddr, record: RecordType) -> String {
    let asked = || name.answers.iter().filter(|a| a.nameserver == nameserver && a.record == record);
    let reply = asked().find_map(|answer| match &answer.outcome {
        AnswerOutcome::Answered(reply) => Some(reply),
        _ => None,
    });
    match (reply, asked().next()) {
        (Some(reply), _) if reply.addresses.is_empty() => match &reply.rcode {
            ResponseCode::NoError => "none".to_owned(),
            other => other.to_string(),
        },
        (Some(reply), _) => {
            let addresses: Vec<IpAddr> = reply.addresses.iter().map(|address| address.ip).collect();
            text::list(&addresses, 2)
        }
        (None, Some(answer)) => resolution::describe(answer),
        (None, None) => "not asked".to_owned(),
    }
}
