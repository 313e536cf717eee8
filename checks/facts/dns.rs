//! Names and their addresses.

use super::{Fact, closed::closed_set};
use crate::facts::class;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Everything seen of name resolution.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Dns {
    /// How this machine is set up to resolve names.
    pub resolver: ResolverSettings,
    /// Each name that matters, in the order authority, graph, server, others.
    pub names: Vec<Name>,
}

/// The machine's resolver settings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ResolverSettings {
    /// The nameservers asked, in order.
    pub nameservers: Vec<Nameserver>,
    /// Which of them the system asks for which names, if it does not ask all of them for every name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<DnsRoute>,
    /// Search suffixes.
    #[serde(serialize_with = "class::name")]
    pub search: Vec<String>,
    /// A name with fewer dots tries the search suffixes first.
    pub ndots: u32,
    /// Seconds that the system waits for one nameserver before it asks the next, where known.
    pub timeout_s: Option<u32>,
    /// How often the system goes through the nameservers, where known.
    pub attempts: Option<u32>,
    /// The options of resolv.conf and of RES_OPTIONS, such as `rotate` or `edns0`.
    #[serde(serialize_with = "class::word")]
    pub options: Vec<String>,
    /// Environment variables that change the settings: LOCALDOMAIN and RES_OPTIONS.
    #[serde(serialize_with = "class::clause")]
    pub variables: Vec<String>,
    /// What nsswitch.conf says of host names, such as `files dns`.
    #[serde(serialize_with = "class::word")]
    pub lookup_order: Option<String>,
    /// Where the settings were read, such as `/etc/resolv.conf`.
    #[serde(serialize_with = "class::name")]
    pub source: String,
    /// Why the settings could not be read, if so.
    #[serde(serialize_with = "class::free")]
    pub unreadable: Option<String>,
}

/// Nameservers that the system asks for some names: those of one network interface or of one rule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DnsRoute {
    /// The network interface, such as `tun0` or `Wi-Fi`.
    #[serde(serialize_with = "class::name")]
    pub interface: String,
    /// The domains whose names are sent to these nameservers.
    #[serde(serialize_with = "class::name")]
    pub domains: Vec<String>,
    /// Single names that are sent to them: a whole name, or `label.*` for every name that begins with it.
    #[serde(default, serialize_with = "class::name", skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Whether names that are in no route's domains are sent to them, too.
    pub default: bool,
    /// The nameservers, in order.
    pub nameservers: Vec<SocketAddr>,
    /// What sets the route up, such as "NRPT rule".
    #[serde(serialize_with = "class::clause")]
    pub source: String,
}

/// A nameserver and why it was asked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Nameserver {
    /// Address and port.
    pub address: SocketAddr,
    /// Why it was asked.
    pub origin: NameserverOrigin,
}

/// Why a nameserver was asked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NameserverOrigin {
    /// The system is set up to use it.
    System,
    /// `--nameserver` named it.
    Option,
    /// 168.63.129.16, which answers inside Azure only.
    Azure,
}

/// What a name is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The token authority.
    Authority,
    /// Microsoft Graph.
    Graph,
    /// The database server.
    Server,
    /// Azure Resource Manager.
    ResourceManager,
    /// Another name of the server or an HTTP proxy.
    Other,
}

/// One name over every nameserver, and as programs see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Name {
    /// The name as asked, without a trailing dot.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Addresses from the hosts file, which win over every nameserver.
    pub hosts_file: Vec<HostsEntry>,
    /// What getaddrinfo gives a program such as psql.
    pub system: Fact<SystemLookup>,
    /// One entry per nameserver, transport and record type.
    pub answers: Vec<Answer>,
    /// What the search suffixes make of the name, when one of them answers.
    pub captured_by_search: Option<SearchCapture>,
    /// Names with a search suffix that the system asks for first and that got no answer.
    #[serde(default)]
    #[serde(serialize_with = "class::name")]
    pub search_unanswered: Vec<String>,
}

/// A line of the hosts file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct HostsEntry {
    /// The file.
    #[serde(serialize_with = "class::name")]
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The address it gives.
    pub address: IpAddr,
}

/// What the system's own lookup gave.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct SystemLookup {
    /// The addresses, in the order that a program would try them.
    pub addresses: Vec<IpAddr>,
    /// The lookup's failure: the EAI code and its text.
    #[serde(serialize_with = "class::clause")]
    pub error: Option<(i32, String)>,
    /// Milliseconds it took.
    pub elapsed_ms: u64,
    /// Whether it had not ended when the time for it was over. Then there are no addresses, unless the
    /// nameserver that the C library asks first has given them and stays silent about AAAA only.
    pub unfinished: bool,
}

/// A name that a search suffix turned into another.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SearchCapture {
    /// The name that answered.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// What it answered.
    pub addresses: Vec<IpAddr>,
}

/// One question to one nameserver.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Answer {
    /// Who was asked.
    pub nameserver: SocketAddr,
    /// Over which transport the final answer came.
    pub transport: Transport,
    /// What was asked.
    pub record: RecordType,
    /// Whether the query had an EDNS record, as with `options edns0`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edns: bool,
    /// What happened.
    pub outcome: AnswerOutcome,
    /// Milliseconds until then.
    pub elapsed_ms: u64,
}

/// UDP or TCP.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A stream.
    Tcp,
}

/// The record type asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum RecordType {
    /// IPv4 address.
    #[serde(rename = "A")]
    A,
    /// IPv6 address.
    #[serde(rename = "AAAA")]
    Aaaa,
}

/// What a nameserver did with a question.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerOutcome {
    /// A DNS message came back.
    Answered(Reply),
    /// Nothing came back in time.
    Silent,
    /// It is alive, and had not answered when another's answer was long there.
    Slow,
    /// The machine is there, but nothing listens on the port (ICMP port unreachable, or RST).
    PortClosed,
    /// The nameserver accepted the TCP connection and closed it without an answer.
    Closed,
    /// There is no way to the machine.
    Unreachable {
        /// The operating system's words.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
    /// Something came back that is not an answer to the question.
    Malformed {
        /// What is wrong with it.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
    /// UDP said "truncated" and the same question over TCP got nothing.
    TruncatedTcpFailed {
        /// What TCP did.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
}

closed_set! {
    /// A response code of DNS. Others are written as `RCODE<n>`.
    ResponseCode {
        /// The name exists.
        NoError = "NOERROR",
        /// The nameserver cannot read the question.
        FormErr = "FORMERR",
        /// The nameserver failed.
        ServFail = "SERVFAIL",
        /// The name does not exist.
        NxDomain = "NXDOMAIN",
        /// The nameserver does not support the question.
        NotImp = "NOTIMP",
        /// The nameserver does not answer this client.
        Refused = "REFUSED",
        /// The nameserver is not authoritative for the zone.
        NotAuth = "NOTAUTH",
    }
}

impl Default for ResponseCode {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

/// A DNS message, reduced to what matters.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Reply {
    /// The response code.
    pub rcode: ResponseCode,
    /// The aliases followed, in order.
    pub chain: Vec<Alias>,
    /// The addresses at the end of the chain.
    pub addresses: Vec<Address>,
    /// The start of authority of a negative answer.
    pub soa: Option<Soa>,
    /// Whether the UDP answer had been cut.
    pub truncated: bool,
    /// Whether the answer is authoritative.
    pub authoritative: bool,
    /// Whether the nameserver offers recursion.
    pub recursion_available: bool,
}

/// One CNAME record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Alias {
    /// The alias.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// What it means.
    #[serde(serialize_with = "class::name")]
    pub target: String,
    /// Seconds it may be kept.
    pub ttl: u32,
}

/// One address record.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Seconds it may be kept.
    pub ttl: u32,
}

/// The zone that a negative answer speaks for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Soa {
    /// The zone.
    #[serde(serialize_with = "class::name")]
    pub zone: String,
    /// Its primary nameserver.
    #[serde(serialize_with = "class::name")]
    pub primary: String,
}

/// How well a route fits a name, the worst first.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Fit {
    /// The name is in a domain of this length.
    Domain(usize),
    /// The name begins with a label.
    Label,
    /// It is the name itself.
    Name,
}

impl DnsRoute {
    fn fit(&self, name: &str) -> Option<Fit> {
        let domains = self.domains.iter().filter(|domain| is_below(name, domain));
        let domains = domains.map(|domain| Fit::Domain(domain.len()));
        let names = self.names.iter().filter_map(|known| match known.strip_suffix(".*") {
            Some(label) => {
                let first = name.split('.').next()?;
                first.eq_ignore_ascii_case(label).then_some(Fit::Label)
            }
            None => known.eq_ignore_ascii_case(name.trim_end_matches('.')).then_some(Fit::Name),
        });
        domains.chain(names).max()
    }
}

impl ResolverSettings {
    /// Whether resolv.conf or RES_OPTIONS sets this option.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|known| known == option)
    }

    /// The nameservers that programs on this machine ask, in order.
    pub fn system(&self) -> impl Iterator<Item = SocketAddr> {
        let own = |server: &&Nameserver| server.origin == NameserverOrigin::System;
        self.nameservers.iter().filter(own).map(|server| server.address)
    }

    /// The routes that the system takes for a name: those that fit best, otherwise those for all names.
    #[must_use]
    pub fn routes_for(&self, name: &str) -> Vec<&DnsRoute> {
        let best = self.routes.iter().filter_map(|route| route.fit(name)).max();
        let taken = |route: &&DnsRoute| match best {
            Some(_) => route.fit(name) == best,
            None => route.default,
        };
        self.routes.iter().filter(taken).collect()
    }

    /// Whether programs on this machine ask this nameserver of the system for a name.
    #[must_use]
    pub fn asks(&self, nameserver: SocketAddr, name: &str) -> bool {
        let holds = |route: &DnsRoute| route.nameservers.contains(&nameserver);
        !self.routes.iter().any(holds) || self.routes_for(name).into_iter().any(holds)
    }

    /// The nameservers that programs on this machine ask for a name, in order.
    #[must_use]
    pub fn nameservers_for(&self, name: &str) -> Vec<SocketAddr> {
        self.system().filter(|address| self.asks(*address, name)).collect()
    }

    /// The first nameserver that the C library asks, where nothing but the hosts file comes before it:
    /// its answer over UDP is then certain to be the C library's, too.
    #[must_use]
    pub fn first_certain(&self) -> Option<SocketAddr> {
        let plain = matches!(self.lookup_order.as_deref(), None | Some("files dns"));
        let changed = self.has("use-vc") || self.has("rotate");
        (plain && !changed).then(|| self.system().next()).flatten()
    }
}

/// Whether a name is a domain or below it, letter case aside.
fn is_below(name: &str, domain: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let domain = domain.to_ascii_lowercase();
    name.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl Dns {
    /// The observations of one name, letter case aside.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&Name> {
        self.names.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }
}

impl Name {
    /// The addresses that a program on this machine would use; empty when there are none.
    #[must_use]
    pub fn usable(&self) -> Vec<IpAddr> {
        match &self.system {
            Fact::Seen(lookup) => lookup.addresses.clone(),
            Fact::NotObserved(_) => Vec::new(),
        }
    }

    /// The replies that came, with who gave them.
    pub fn replies(&self) -> impl Iterator<Item = (&Answer, &Reply)> {
        self.answers.iter().filter_map(|answer| match &answer.outcome {
            AnswerOutcome::Answered(reply) => Some((answer, reply)),
            AnswerOutcome::Silent
            | AnswerOutcome::Slow
            | AnswerOutcome::PortClosed
            | AnswerOutcome::Closed
            | AnswerOutcome::Unreachable { .. }
            | AnswerOutcome::Malformed { .. }
            | AnswerOutcome::TruncatedTcpFailed { .. } => None,
        })
    }
}
