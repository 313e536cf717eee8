//! Network security groups (and security admin rules before them), evaluated over yes, no and unknown:
//! rules in ascending priority, and the first match decides. Each unknown is a variable; every
//! assignment of the variables is followed, so that an outcome is certain only if no assignment
//! changes it. Source: Microsoft Learn, "Network security groups" and "Security admin rules".

use super::{
    addresses::Addresses,
    tags::{Part, Tags, like, unreadable},
};
use crate::{
    facts::azure::Interface,
    facts::azure_network::{
        Access, AdminRule, Direction, Endpoint, PortRange, Protocol, SecurityGroup, SecurityRule,
    },
    support::service_tags::IpNet,
};
use std::net::{IpAddr, Ipv4Addr};

/// Variables of one evaluation; with more, nothing is decided.
const MAX_VARIABLES: usize = 512;
/// Assignments that are followed before the rest counts as unknown.
const MAX_ASSIGNMENTS: usize = 512;
/// Ranges of possible server addresses that are followed one by one.
const MAX_SERVER_RANGES: usize = 64;
/// Ranges of addresses that one evaluation compares before the rest counts as unknown. Azure allows
/// 1,000 rules and 4,000 addresses per group, which take far less.
/// Source: Microsoft Learn, "Azure networking limits".
const MAX_WORK: usize = 4_000_000;
/// Ports that connections come from. Source: RFC 6056.
const EPHEMERAL: PortRange = PortRange { first: 1024, last: u16::MAX };

/// The rules that apply, and what is known about the addresses they name.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The network security group on the subnet; `None` if there is none.
    pub group: Option<&'a SecurityGroup>,
    /// Security admin rules, which Azure evaluates first.
    pub admin: &'a [Admin<'a>],
    /// The network around the server.
    pub inside: Inside<'a>,
}

/// A security admin rule, and what is known about its application.
#[derive(Clone, Copy)]
pub struct Admin<'a> {
    /// The rule.
    pub rule: &'a AdminRule,
    /// The rule collection, if it is not known whether it applies to the server's network.
    pub collection: Option<&'a str>,
    /// Whether the document that lists the rule as effective names the network.
    pub named: bool,
}

/// The network around the server, as far as it is known.
#[derive(Clone, Copy, Default)]
pub struct Inside<'a> {
    /// The server's own address.
    pub server: Option<Ipv4Addr>,
    /// The prefixes of its subnet.
    pub subnet: &'a [IpNet],
    /// The address spaces of the network and of its peers; empty if they are not known.
    pub network: &'a [IpNet],
    /// Whether other networks are connected through a gateway.
    pub gateway: bool,
    /// The prefixes of user-defined routes; `None` if the route table is not known.
    pub routed: Option<&'a Addresses>,
    /// Network interfaces whose application security groups are known.
    pub interfaces: &'a [Interface],
}

/// The TCP or UDP port of the traffic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Service {
    /// The destination port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// What the rules do to a set of addresses.
#[derive(Clone, Debug, Default)]
pub struct Outcome<'a> {
    /// All that were asked about.
    pub all: Addresses,
    /// Those that some assignment of the unknown allows.
    pub may_allow: Addresses,
    /// Those that some assignment of the unknown denies.
    pub may_deny: Addresses,
    /// For which addresses each rule may decide; `None`: no rule matches.
    pub by: Vec<(Option<&'a SecurityRule>, Addresses)>,
    /// What is not known and matters, in words.
    pub unknown: Vec<Unknown>,
}

/// Something that is not known here.
#[derive(Clone, Debug, PartialEq)]
pub enum Unknown {
    /// The port that a connection comes from, for rules that name some of them.
    SourcePort(Vec<PortRange>),
    /// Whether the server's address is in a prefix, when its subnet is too finely divided to follow.
    ServerIn(IpNet),
    /// What a service tag, or a prefix in a cloud without a list, holds.
    Tag(String),
    /// Which addresses Azure counts as part of the virtual network.
    Network,
    /// The members of an application security group, by id.
    Group(String),
    /// Whether a collection of security admin rules, by id, applies to the server's network.
    Collection(String),
    /// The server's address in its subnet.
    Server,
}

impl Unknown {
    /// Whether two of them are one; the names of tags have no case.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tag(one), Self::Tag(other)) => like(one, other),
            _ => self == other,
        }
    }
}

impl Outcome<'_> {
    /// Those that every assignment allows.
    #[must_use]
    pub fn allowed(&self) -> Addresses {
        self.all.without(&self.may_deny)
    }

    /// Those that every assignment denies.
    #[must_use]
    pub fn denied(&self) -> Addresses {
        self.all.without(&self.may_allow)
    }

    /// Those for which the unknown decides.
    #[must_use]
    pub fn undecided(&self) -> Addresses {
        self.may_allow.and(&self.may_deny)
    }
}

/// What happens to traffic from the server to these public addresses of Entra.
#[must_use]
pub fn outbound<'a>(rules: Rules<'a>, service: Service, tags: &Tags<'_>) -> Outcome<'a> {
    let to = |endpoint: &Endpoint, variables: &mut Variables, side: &mut Side| {
        rules.inside.entra(endpoint, tags, variables, side);
    };
    evaluate(rules, Direction::Outbound, service, &tags.entra, to)
}

/// What happens to traffic from the server to addresses in or near the network, such as a nameserver.
#[must_use]
pub fn outbound_to<'a>(rules: Rules<'a>, service: Service, to: &Addresses) -> Outcome<'a> {
    let side = |endpoint: &Endpoint, variables: &mut Variables, side: &mut Side| {
        rules.inside.party(endpoint, to, Arrives::FromAnywhere, variables, side);
    };
    evaluate(rules, Direction::Outbound, service, to, side)
}

/// What is known about clients whose packets arrive at the server's subnet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrives {
    /// All of them are in what Azure counts as the virtual network.
    FromNetwork,
    /// They have private addresses. The system routes of a subnet lead to its network, to peered
    /// networks and through gateways, all of which the tag VirtualNetwork holds; for any other private
    /// address their next hop is None. So a packet from elsewhere, such as from behind an appliance,
    /// gets an answer only by a user-defined route, whose prefix the tag holds as well, unless it is a
    /// default route, which the tag "might" hold. A private address that no user-defined route covers
    /// is therefore of the virtual network. Source: Microsoft Learn, "Virtual network service tags" and
    /// "Virtual network traffic routing".
    FromPrivate,
    /// Nothing is known.
    FromAnywhere,
}

/// What happens to traffic from clients at these addresses to the server.
#[must_use]
pub fn inbound<'a>(
    rules: Rules<'a>,
    service: Service,
    from: &Addresses,
    arrives: Arrives,
) -> Outcome<'a> {
    let side = |endpoint: &Endpoint, variables: &mut Variables, side: &mut Side| {
        rules.inside.party(endpoint, from, arrives, variables, side);
    };
    evaluate(rules, Direction::Inbound, service, from, side)
}

/// The variables of an evaluation.
#[derive(Default)]
struct Variables {
    all: Vec<Unknown>,
    too_many: bool,
}

impl Variables {
    fn index(&mut self, unknown: Unknown) -> usize {
        if self.too_many {
            return 0;
        }
        if let Some(index) = self.all.iter().position(|known| known.is(&unknown)) {
            return index;
        }
        if self.all.len() >= MAX_VARIABLES {
            self.too_many = true;
            return 0;
        }
        self.all.push(unknown);
        self.all.len() - 1
    }
}

/// A condition on a variable: the addresses within it match if the variable has that value.
struct Literal {
    variable: usize,
    value: bool,
    within: Addresses,
}

/// The side of a rule that names the varying addresses.
#[derive(Default)]
struct Side {
    sure: Vec<Addresses>,
    maybe: Vec<Literal>,
}

/// What a rule does to what it matches.
#[derive(Clone, Copy)]
enum Action {
    Allow,
    Deny,
    /// The security admin rules let it pass on to the group.
    Next,
}

/// Whether a condition holds.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Yes,
    No,
    /// If the variable is true.
    If(usize),
}

struct Prepared<'a> {
    rule: &'a SecurityRule,
    action: Action,
    /// Whether the rule applies to the network.
    applies: Holds,
    source_port: Holds,
    /// The side of the server.
    own: &'a [Endpoint],
    sure: Addresses,
    maybe: Vec<Literal>,
}

fn evaluate<'a>(
    rules: Rules<'a>,
    direction: Direction,
    service: Service,
    all: &Addresses,
    side: impl Fn(&Endpoint, &mut Variables, &mut Side),
) -> Outcome<'a> {
    let mut variables = Variables::default();
    let mut prepare = |Applied { rule, action, collection }: Applied<'a>| {
        let (own, others) = match direction {
            Direction::Inbound => (&rule.destinations, &rule.sources),
            Direction::Outbound => (&rule.sources, &rule.destinations),
        };
        let mut other = Side::default();
        for endpoint in others {
            side(endpoint, &mut variables, &mut other);
        }
        let applies = match collection {
            Some(id) => Holds::If(variables.index(Unknown::Collection(id.to_owned()))),
            None => Holds::Yes,
        };
        let source_port = source_port(&rule.source_ports, &mut variables);
        Prepared {
            rule,
            action,
            applies,
            source_port,
            own,
            sure: Addresses::union(&other.sure),
            maybe: other.maybe,
        }
    };
    let admin = ordered(rules.admin.iter().map(admin_action), direction, service);
    let mut prepared: Vec<Prepared<'a>> = admin.into_iter().map(&mut prepare).collect();
    let group_at = prepared.len();
    let group = rules.group.into_iter().flat_map(|group| &group.rules).map(group_action);
    prepared.extend(ordered(group, direction, service).into_iter().map(&mut prepare));
    let ranges = rules.inside.server_ranges(&prepared);
    let mut work = MAX_WORK;
    let mut follow = |range: Option<(u32, u32)>, variables: &mut Variables| {
        if variables.too_many || work == 0 {
            return undecided(all);
        }
        let own: Vec<Vec<Holds>> = prepared
            .iter()
            .map(|rule| {
                rule.own.iter().map(|end| rules.inside.is_server(end, range, variables)).collect()
            })
            .collect();
        if variables.too_many {
            return undecided(all);
        }
        let mut walk = Walk {
            rules: &prepared,
            own: &own,
            group_at,
            open: rules.group.is_none(),
            outcome: Outcome { all: all.clone(), ..Outcome::default() },
            allowed: Vec::new(),
            denied: Vec::new(),
            used: Vec::new(),
            budget: MAX_ASSIGNMENTS,
            work,
        };
        walk.run(0, all.clone(), &mut vec![None; variables.all.len()]);
        let Walk { mut outcome, allowed, denied, used, work: rest, .. } = walk;
        work = rest;
        outcome.may_allow = Addresses::union(&allowed);
        outcome.may_deny = Addresses::union(&denied);
        outcome.unknown =
            used.iter().filter_map(|index| variables.all.get(*index).cloned()).collect();
        outcome
    };
    let Some(ranges) = ranges else { return follow(None, &mut variables) };
    let mut outcomes = ranges.into_iter().map(|range| follow(Some(range), &mut variables));
    let mut merged = outcomes.next().unwrap_or_default();
    for other in outcomes {
        merged.merge(other);
    }
    merged
}

/// The rules name more unknowns than are followed.
fn undecided<'a>(all: &Addresses) -> Outcome<'a> {
    Outcome {
        all: all.clone(),
        may_allow: all.clone(),
        may_deny: all.clone(),
        by: Vec::new(),
        unknown: vec![Unknown::Server],
    }
}

impl<'a> Outcome<'a> {
    /// Another address of the server.
    fn merge(&mut self, other: Self) {
        if (&self.may_allow, &self.may_deny) != (&other.may_allow, &other.may_deny) {
            self.note(Unknown::Server);
        }
        self.may_allow = self.may_allow.or(&other.may_allow);
        self.may_deny = self.may_deny.or(&other.may_deny);
        for (rule, addresses) in other.by {
            self.decided(rule, &addresses);
        }
        for unknown in other.unknown {
            self.note(unknown);
        }
    }

    fn note(&mut self, unknown: Unknown) {
        if !self.unknown.contains(&unknown) {
            self.unknown.push(unknown);
        }
    }

    fn decided(&mut self, rule: Option<&'a SecurityRule>, addresses: &Addresses) {
        let same = |known: &Option<&'a SecurityRule>| match (known, rule) {
            (Some(one), Some(other)) => std::ptr::eq(*one, other),
            (None, None) => true,
            _ => false,
        };
        match self.by.iter_mut().find(|(known, _)| same(known)) {
            Some((_, all)) => *all = all.or(addresses),
            None => self.by.push((rule, addresses.clone())),
        }
    }
}

/// One address of the server, and the assignments of the variables that are tried.
struct Walk<'a, 'b> {
    rules: &'b [Prepared<'a>],
    own: &'b [Vec<Holds>],
    group_at: usize,
    /// There is no group, which lets everything pass.
    open: bool,
    outcome: Outcome<'a>,
    allowed: Vec<Addresses>,
    denied: Vec<Addresses>,
    used: Vec<usize>,
    budget: usize,
    work: usize,
}

impl Walk<'_, '_> {
    fn run(&mut self, start: usize, mut left: Addresses, assigned: &mut Vec<Option<bool>>) {
        let rules = self.rules;
        for (index, rule) in rules.iter().enumerate().skip(start) {
            if left.is_empty() {
                return;
            }
            let cost = rule.sure.ranges() + left.ranges() + self.own[index].len() + 1;
            self.work = self.work.saturating_sub(cost);
            if self.work == 0 {
                self.allowed.push(left.clone());
                self.denied.push(left);
                return;
            }
            let own = all([
                any(&self.own[index], assigned),
                settle(rule.source_port, assigned),
                settle(rule.applies, assigned),
            ]);
            if own == Holds::No {
                continue;
            }
            let (taken, open) = matched(rule, &left, assigned);
            let open = match own {
                Holds::If(variable) if open.is_some() || !taken.is_empty() => Some(variable),
                _ => open,
            };
            if let Some(variable) = open {
                self.branch(variable, index, &left, assigned);
                return;
            }
            if taken.is_empty() {
                continue;
            }
            left = left.without(&taken);
            match rule.action {
                Action::Next => self.run(self.group_at, taken, assigned),
                Action::Allow => {
                    self.allowed.push(taken.clone());
                    self.outcome.decided(Some(rule.rule), &taken);
                }
                Action::Deny => {
                    self.denied.push(taken.clone());
                    self.outcome.decided(Some(rule.rule), &taken);
                }
            }
        }
        if left.is_empty() {
        } else if self.open {
            self.allowed.push(left);
        } else {
            self.outcome.decided(None, &left);
            self.denied.push(left);
        }
    }

    fn branch(
        &mut self,
        variable: usize,
        index: usize,
        left: &Addresses,
        assigned: &mut Vec<Option<bool>>,
    ) {
        if !self.used.contains(&variable) {
            self.used.push(variable);
        }
        if self.budget == 0 {
            self.allowed.push(left.clone());
            self.denied.push(left.clone());
            return;
        }
        self.budget -= 1;
        for value in [true, false] {
            assigned[variable] = Some(value);
            self.run(index, left.clone(), assigned);
        }
        assigned[variable] = None;
    }
}

/// The addresses that a rule matches under an assignment, and a variable that may add more.
fn matched(
    rule: &Prepared<'_>,
    left: &Addresses,
    assigned: &[Option<bool>],
) -> (Addresses, Option<usize>) {
    let mut taken = left.and(&rule.sure);
    let mut open = None;
    for literal in &rule.maybe {
        match assigned[literal.variable] {
            Some(value) if value == literal.value => taken = taken.or(&left.and(&literal.within)),
            Some(_) => {}
            None if left.and(&literal.within).without(&taken).is_empty() => {}
            None => open = open.or(Some(literal.variable)),
        }
    }
    (taken, open)
}

fn settle(holds: Holds, assigned: &[Option<bool>]) -> Holds {
    match holds {
        Holds::If(variable) => match assigned[variable] {
            Some(true) => Holds::Yes,
            Some(false) => Holds::No,
            None => holds,
        },
        Holds::Yes | Holds::No => holds,
    }
}

/// One is enough; an empty list matches nothing.
fn any(conditions: &[Holds], assigned: &[Option<bool>]) -> Holds {
    let mut open = Holds::No;
    for condition in conditions {
        match settle(*condition, assigned) {
            Holds::Yes => return Holds::Yes,
            Holds::No => {}
            Holds::If(variable) => open = Holds::If(variable),
        }
    }
    open
}

fn all(conditions: [Holds; 3]) -> Holds {
    if conditions.contains(&Holds::No) {
        return Holds::No;
    }
    conditions.into_iter().find(|one| *one != Holds::Yes).unwrap_or(Holds::Yes)
}

/// A rule, and what it does to what it matches.
struct Applied<'a> {
    rule: &'a SecurityRule,
    action: Action,
    collection: Option<&'a str>,
}

fn admin_action<'a>(one: &Admin<'a>) -> Applied<'a> {
    let action = match (one.rule.always, one.rule.rule.access) {
        (_, Access::Deny) => Action::Deny,
        (true, Access::Allow) => Action::Allow,
        (false, Access::Allow) => Action::Next,
    };
    Applied { rule: &one.rule.rule, action, collection: one.collection }
}

const fn group_action(rule: &SecurityRule) -> Applied<'_> {
    let action = match rule.access {
        Access::Allow => Action::Allow,
        Access::Deny => Action::Deny,
    };
    Applied { rule, action, collection: None }
}

/// The rules that can match the traffic, by ascending priority.
fn ordered<'a>(
    rules: impl Iterator<Item = Applied<'a>>,
    direction: Direction,
    service: Service,
) -> Vec<Applied<'a>> {
    let mut rules: Vec<_> = rules
        .filter(|Applied { rule, .. }| {
            rule.direction == direction
                && (rule.protocol == Protocol::Any || rule.protocol == service.protocol)
                && rule.destination_ports.iter().any(|ports| holds(ports, service.port))
        })
        .collect();
    rules.sort_by_key(|one| one.rule.priority);
    rules
}

fn holds(ports: &PortRange, port: u16) -> bool {
    (ports.first..=ports.last).contains(&port)
}

/// Whether a rule's source ports hold the port that the connection comes from.
fn source_port(ports: &[PortRange], variables: &mut Variables) -> Holds {
    let mut sorted: Vec<PortRange> =
        ports.iter().copied().filter(|range| range.last >= EPHEMERAL.first).collect();
    sorted.sort_by_key(|range| range.first);
    if sorted.is_empty() {
        return Holds::No;
    }
    let mut next = u32::from(EPHEMERAL.first);
    for range in &sorted {
        if u32::from(range.first) <= next {
            next = next.max(u32::from(range.last) + 1);
        }
    }
    if next > u32::from(EPHEMERAL.last) {
        return Holds::Yes;
    }
    Holds::If(variables.index(Unknown::SourcePort(sorted)))
}

impl Inside<'_> {
    /// The ranges of addresses that the server may have, divided where rules divide them; `None` if
    /// there are too many.
    fn server_ranges(self, rules: &[Prepared<'_>]) -> Option<Vec<(u32, u32)>> {
        if let Some(server) = self.server {
            return Some(vec![(server.into(), server.into())]);
        }
        let whole =
            if self.subnet.is_empty() { Addresses::all() } else { Addresses::of(self.subnet) };
        let mut parts = vec![whole];
        let nets = rules.iter().flat_map(|rule| rule.own).filter_map(|end| match end {
            Endpoint::Prefix(net @ IpNet::V4(_)) => Some(net),
            _ => None,
        });
        for net in nets {
            let net = Addresses::of([net]);
            let divides = |part: &Addresses| {
                let inside = part.and(&net);
                !inside.is_empty() && inside != *part
            };
            if !parts.iter().any(divides) {
                continue;
            }
            parts = parts
                .iter()
                .flat_map(|part| [part.and(&net), part.without(&net)])
                .filter(|part| !part.is_empty())
                .collect();
            if parts.len() > MAX_SERVER_RANGES {
                return None;
            }
        }
        Some(parts.iter().filter_map(Addresses::first).map(|first| (first, first)).collect())
    }

    /// Whether an endpoint holds the server; `at`: an address that it may have.
    fn is_server(
        self,
        endpoint: &Endpoint,
        at: Option<(u32, u32)>,
        variables: &mut Variables,
    ) -> Holds {
        let yes = |holds: bool| if holds { Holds::Yes } else { Holds::No };
        match (endpoint, at) {
            (Endpoint::Any, _) => Holds::Yes,
            (Endpoint::Tag(name), _) if unreadable(name) => {
                Holds::If(variables.index(Unknown::Tag(name.clone())))
            }
            (Endpoint::Tag(name), _) => yes(like(name, "VirtualNetwork")),
            // Flexible servers cannot be members of application security groups.
            (Endpoint::Group(_) | Endpoint::Prefix(IpNet::V6(_)), _) => Holds::No,
            (Endpoint::Prefix(net), Some((first, _))) => {
                yes(net.contains(&IpAddr::V4(first.into())))
            }
            (Endpoint::Prefix(net), None) => Holds::If(variables.index(Unknown::ServerIn(*net))),
        }
    }

    fn entra(
        self,
        endpoint: &Endpoint,
        tags: &Tags<'_>,
        variables: &mut Variables,
        side: &mut Side,
    ) {
        match tags.part(endpoint) {
            Part::Exactly(addresses) => side.sure.push(addresses),
            Part::Unknown(name) => side.maybe.push(Literal {
                variable: variables.index(Unknown::Tag(name)),
                value: true,
                within: tags.entra.clone(),
            }),
            Part::Network(wanted) => {
                let vague =
                    tags.is_placeholder() && self.routed.is_none_or(|routed| !routed.is_empty());
                self.network_part(&tags.entra, wanted, vague, variables, side);
            }
        }
    }

    /// A client or a nameserver.
    fn party(
        self,
        endpoint: &Endpoint,
        of: &Addresses,
        arrives: Arrives,
        variables: &mut Variables,
        side: &mut Side,
    ) {
        match endpoint {
            Endpoint::Any => side.sure.push(of.clone()),
            Endpoint::Prefix(net) => side.sure.push(of.and(&Addresses::of([net]))),
            Endpoint::Group(id) => self.members(id, of, variables, side),
            Endpoint::Tag(name) if like(name, "VirtualNetwork") || like(name, "Internet") => {
                let wanted = like(name, "VirtualNetwork");
                match arrives {
                    Arrives::FromNetwork if wanted => side.sure.push(of.clone()),
                    Arrives::FromNetwork => {}
                    Arrives::FromPrivate => self.private_part(of, wanted, variables, side),
                    Arrives::FromAnywhere => {
                        self.network_part(of, wanted, false, variables, side);
                    }
                }
            }
            Endpoint::Tag(name) => {
                // Service tags hold public addresses.
                let within =
                    if unreadable(name) { of.clone() } else { of.without(&Addresses::private()) };
                if !within.is_empty() {
                    let variable = variables.index(Unknown::Tag(name.clone()));
                    side.maybe.push(Literal { variable, value: true, within });
                }
            }
        }
    }

    /// The members of an application security group: known of the interfaces that were given.
    fn members(self, id: &str, of: &Addresses, variables: &mut Variables, side: &mut Side) {
        let known = |member: bool| {
            let of_kind = self
                .interfaces
                .iter()
                .filter(|one| !member || one.groups.iter().any(|group| like(group, id)));
            let addresses = of_kind.flat_map(|one| &one.addresses).filter_map(|ip| match ip {
                IpAddr::V4(ip) => Some(Addresses::one(*ip)),
                IpAddr::V6(_) => None,
            });
            Addresses::union(&addresses.collect::<Vec<_>>())
        };
        side.sure.push(of.and(&known(true)));
        let open = of.without(&known(false));
        if !open.is_empty() {
            let variable = variables.index(Unknown::Group(id.to_owned()));
            side.maybe.push(Literal { variable, value: true, within: open });
        }
    }

    /// Private addresses that packets arrive from: see [`Arrives::FromPrivate`].
    fn private_part(
        self,
        of: &Addresses,
        wanted: bool,
        variables: &mut Variables,
        side: &mut Side,
    ) {
        let known = Addresses::of(self.network.iter().chain(self.subnet));
        let rest = of.without(&known);
        let closed = !self.network.is_empty() && !self.gateway;
        let open = match self.routed {
            Some(routed) => rest.and(routed),
            None => rest.clone(),
        };
        // A known network without a gateway holds nothing else: no route leads there.
        let elsewhere = if closed { rest.without(&open) } else { Addresses::default() };
        side.sure.push(if wanted { of.without(&open).without(&elsewhere) } else { elsewhere });
        if !open.is_empty() {
            let variable = variables.index(Unknown::Network);
            side.maybe.push(Literal { variable, value: wanted, within: open });
        }
    }

    /// Addresses that are part of the virtual network, or that are not. Microsoft's definition: the
    /// network's address space, connected on-premises address spaces, peered networks, networks
    /// connected to a gateway, and the prefixes of user-defined routes; "this tag might also contain
    /// default routes". Source: Microsoft Learn, "Virtual network service tags".
    fn network_part(
        self,
        of: &Addresses,
        wanted: bool,
        vague: bool,
        variables: &mut Variables,
        side: &mut Side,
    ) {
        let known = Addresses::of(self.network.iter().chain(self.subnet));
        let rest = of.without(&known);
        let open = match self.routed {
            Some(routed) if !self.network.is_empty() && !self.gateway && !vague => rest.and(routed),
            _ => rest.clone(),
        };
        side.sure.push(if wanted { of.and(&known) } else { rest.without(&open) });
        if !open.is_empty() {
            let variable = variables.index(Unknown::Network);
            side.maybe.push(Literal { variable, value: wanted, within: open });
        }
    }
}

/// Whether an address belongs to a private network.
#[must_use]
pub const fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}
