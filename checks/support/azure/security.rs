//! Security groups, evaluated as Azure does: by ascending priority, and the first rule that matches
//! decides. Source: Microsoft Learn, "Network security groups".

use super::{
    addresses::Addresses,
    tags::{Tags, like},
};
use crate::{
    facts::azure_network::{
        Access, Direction, Endpoint, PortRange, Protocol, SecurityGroup, SecurityRule,
    },
    support::service_tags::IpNet,
};
use std::net::IpAddr;

/// What one rule decides: for which of the addresses asked about.
pub struct Decision<'a> {
    /// The rule; `None`: no rule matches, and Azure lets nothing through.
    pub rule: Option<&'a SecurityRule>,
    /// The addresses.
    pub addresses: Addresses,
}

/// What a group decides, rule by rule.
pub struct Decisions<'a> {
    /// In the order of the rules.
    pub made: Vec<Decision<'a>>,
    /// Rules that may match more than is known here.
    pub unclear: Vec<&'a SecurityRule>,
}

/// Who is inside: the addresses of the server's subnet, where they are known, and of its network.
#[derive(Clone, Copy, Default)]
pub struct Inside<'a> {
    /// The subnet.
    pub subnet: &'a [IpNet],
    /// The network's address space.
    pub network: &'a [IpNet],
}

/// Somebody who connects to the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Client {
    /// An address.
    At(IpAddr),
    /// Somebody in the virtual network, nobody in particular.
    Somewhere,
}

/// Which rule decides about TCP to a port of these public addresses, for each of them.
#[must_use]
pub fn outbound<'a>(
    group: &'a SecurityGroup,
    inside: Inside<'_>,
    port: u16,
    to: &Addresses,
    tags: &Tags<'_>,
) -> Decisions<'a> {
    let mut left = to.clone();
    let mut decisions = Decisions { made: Vec::new(), unclear: Vec::new() };
    for rule in ordered(group, Direction::Outbound, port) {
        let source = any(&rule.sources, |source| inside.is_source(source));
        if left.is_empty() || source == Some(false) {
            continue;
        }
        let mut taken = Addresses::default();
        let mut unclear = source.is_none();
        for destination in &rule.destinations {
            let part = tags.part(destination, &left);
            unclear |= part.perhaps_more && !left.without(&part.addresses).is_empty();
            left = left.without(&part.addresses);
            taken = taken.or(&part.addresses);
        }
        if unclear {
            decisions.unclear.push(rule);
        }
        if !taken.is_empty() {
            decisions.made.push(Decision { rule: Some(rule), addresses: taken });
        }
    }
    if !left.is_empty() {
        decisions.made.push(Decision { rule: None, addresses: left });
    }
    decisions
}

/// Which rule decides about TCP from a client to a port of the server.
#[must_use]
pub fn inbound<'a>(
    group: &'a SecurityGroup,
    inside: Inside<'_>,
    port: u16,
    client: Client,
) -> Option<&'a SecurityRule> {
    ordered(group, Direction::Inbound, port).into_iter().find(|rule| {
        let from = any(&rule.sources, |source| inside.is_client(source, client));
        let to = any(&rule.destinations, |destination| inside.is_source(destination));
        // Nobody in particular is stopped by what stops somebody in particular.
        from == Some(true) && to != Some(false)
    })
}

impl Decisions<'_> {
    /// The addresses that are let through, or that are not.
    #[must_use]
    pub fn with(&self, access: Access) -> Addresses {
        let wanted = |decision: &&Decision<'_>| {
            decision.rule.map_or(Access::Deny, |rule| rule.access) == access
        };
        self.made
            .iter()
            .filter(wanted)
            .fold(Addresses::default(), |all, decision| all.or(&decision.addresses))
    }
}

impl Inside<'_> {
    /// Whether the server's subnet is meant; `None`: perhaps.
    fn is_source(self, endpoint: &Endpoint) -> Option<bool> {
        match endpoint {
            Endpoint::Any => Some(true),
            Endpoint::Tag(name) => Some(like(name, "VirtualNetwork")),
            // Flexible servers cannot be put into application security groups.
            Endpoint::Group(_) => Some(false),
            Endpoint::Prefix(net) if self.subnet.is_empty() => {
                // A rule on this very subnet that names addresses of a network means its own.
                if net.prefix_len() == 0 { Some(true) } else { None }
            }
            Endpoint::Prefix(net) => {
                let apart = |one: &IpNet| !one.contains(net) && !net.contains(one);
                if self.subnet.iter().all(|one| net.contains(one)) {
                    Some(true)
                } else if self.subnet.iter().all(apart) {
                    Some(false)
                } else {
                    None
                }
            }
        }
    }

    /// Whether a client is meant; `None`: perhaps.
    fn is_client(self, endpoint: &Endpoint, client: Client) -> Option<bool> {
        let Client::At(address) = client else {
            return match endpoint {
                Endpoint::Any => Some(true),
                Endpoint::Tag(name) => Some(like(name, "VirtualNetwork")),
                Endpoint::Prefix(net) => (net.prefix_len() == 0).then_some(true),
                Endpoint::Group(_) => None,
            };
        };
        let in_network = private(address) || self.network.iter().any(|net| net.contains(&address));
        match endpoint {
            Endpoint::Any => Some(true),
            Endpoint::Prefix(net) => Some(net.contains(&address)),
            Endpoint::Tag(name) if like(name, "VirtualNetwork") => Some(in_network),
            Endpoint::Tag(name) if like(name, "Internet") => Some(!in_network),
            Endpoint::Tag(_) => Some(false),
            Endpoint::Group(_) => None,
        }
    }
}

/// Whether an address is one of private networks.
#[must_use]
pub const fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

/// One endpoint is enough; none at all is nobody.
fn any(endpoints: &[Endpoint], meant: impl Fn(&Endpoint) -> Option<bool>) -> Option<bool> {
    let said: Vec<Option<bool>> = endpoints.iter().map(meant).collect();
    if said.contains(&Some(true)) {
        Some(true)
    } else if said.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// The rules that can decide about TCP to a port, the first first.
fn ordered(group: &SecurityGroup, direction: Direction, port: u16) -> Vec<&SecurityRule> {
    let mut rules: Vec<&SecurityRule> = group
        .rules
        .iter()
        .filter(|rule| {
            rule.direction == direction
                && rule.protocol != Protocol::Other
                && rule.destination_ports.iter().any(|ports| holds(ports, port))
                && rule.source_ports.iter().any(|ports| holds(ports, EPHEMERAL))
        })
        .collect();
    rules.sort_by_key(|rule| rule.priority);
    rules
}

/// A port that connections begin at; rules that name others for the source match none of them.
const EPHEMERAL: u16 = 50_000;

fn holds(ports: &PortRange, port: u16) -> bool {
    (ports.first..=ports.last).contains(&port)
}

#[cfg(test)]
mod tests {
    use super::{Client, Inside, inbound, outbound};
    use crate::{
        azure::{addresses::Addresses, tags::Tags},
        facts::azure_network::{
            Access, Direction, Endpoint, PortRange, Protocol, SecurityGroup, SecurityRule,
        },
        support::service_tags::{IpNet, SIGN_IN_RANGES},
        support::testing::healthy_but,
    };
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

    const SUBNET: &str = "10.1.2.0/24";

    fn net(text: &str) -> IpNet {
        text.parse().expect("a prefix")
    }

    /// The second implementation: one address, one rule after the other, as a person would do it.
    fn naive(rules: &[SecurityRule], to: Ipv4Addr) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (index, rule) in rules.iter().enumerate() {
            let source = rule.sources.iter().any(|end| match end {
                Endpoint::Any => true,
                Endpoint::Prefix(net) => ["10.1.2.0", "10.1.2.77", "10.1.2.255"]
                    .iter()
                    .all(|host| net.contains(&host.parse::<IpAddr>().expect("an address"))),
                Endpoint::Tag(name) => name.to_lowercase() == "virtualnetwork",
                Endpoint::Group(_) => false,
            });
            let destination = rule.destinations.iter().any(|end| match end {
                Endpoint::Any => true,
                Endpoint::Prefix(net) => net.contains(&IpAddr::V4(to)),
                Endpoint::Tag(name) => match name.to_lowercase().as_str() {
                    "internet" | "azureactivedirectory" => true,
                    "azurecloud" => {
                        [(20, 190), (40, 126)].contains(&(to.octets()[0], to.octets()[1]))
                    }
                    _ => false,
                },
                Endpoint::Group(_) => false,
            });
            let port =
                rule.destination_ports.iter().any(|range| range.first <= 443 && 443 <= range.last);
            let from =
                rule.source_ports.iter().any(|range| range.first <= 50_000 && 50_000 <= range.last);
            if rule.direction == Direction::Outbound
                && matches!(rule.protocol, Protocol::Any | Protocol::Tcp)
                && source
                && destination
                && port
                && from
                && best.is_none_or(|best| rule.priority < rules[best].priority)
            {
                best = Some(index);
            }
        }
        best
    }

    fn destination() -> impl Strategy<Value = Endpoint> {
        let prefix = (
            prop::sample::select(vec![
                "20.190.128.0",
                "40.126.0.0",
                "20.20.32.0",
                "20.231.128.0",
                "20.0.0.0",
                "10.0.0.0",
                "40.126.31.67",
            ]),
            prop::sample::select(vec![0_u8, 1, 8, 11, 17, 18, 19, 20, 24, 31, 32]),
        )
            .prop_map(|(address, bits)| {
                Endpoint::Prefix(
                    IpNet::new(address.parse().expect("an address"), bits).expect("bits").trunc(),
                )
            });
        prop_oneof![
            1 => Just(Endpoint::Any),
            2 => prop::sample::select(vec![
                "Internet", "AzureActiveDirectory", "azurecloud", "VirtualNetwork", "Storage",
                "AzureActiveDirectory.ServiceEndpoint",
            ]).prop_map(|name| Endpoint::Tag(name.to_owned())),
            6 => prefix,
            1 => Just(Endpoint::Group("/asg".to_owned())),
            1 => Just(Endpoint::Prefix(net("2603:1006:2000::/48"))),
        ]
    }

    fn source() -> impl Strategy<Value = Endpoint> {
        prop_oneof![
            4 => Just(Endpoint::Any),
            1 => Just(Endpoint::Tag("VirtualNetwork".to_owned())),
            1 => Just(Endpoint::Tag("Internet".to_owned())),
            1 => Just(Endpoint::Prefix(net(SUBNET))),
            1 => Just(Endpoint::Prefix(net("10.1.0.0/16"))),
            1 => Just(Endpoint::Prefix(net("10.9.0.0/16"))),
        ]
    }

    fn ports() -> impl Strategy<Value = Vec<PortRange>> {
        let range = prop::sample::select(vec![
            (0, 65_535),
            (443, 443),
            (80, 443),
            (444, 5432),
            (5432, 5432),
        ]);
        prop::collection::vec(range.prop_map(|(first, last)| PortRange { first, last }), 1..3)
    }

    fn rule() -> impl Strategy<Value = SecurityRule> {
        let way = prop_oneof![4 => Just(Direction::Outbound), 1 => Just(Direction::Inbound)];
        let protocol = prop_oneof![2 => Just(Protocol::Any), 3 => Just(Protocol::Tcp), 1 => Just(Protocol::Other)];
        let access = prop_oneof![Just(Access::Allow), Just(Access::Deny)];
        let from = prop_oneof![
            6 => Just(vec![PortRange { first: 0, last: 65_535 }]),
            1 => Just(vec![PortRange { first: 1024, last: 2048 }]),
        ];
        (
            way,
            protocol,
            access,
            from,
            ports(),
            prop::collection::vec(source(), 1..3),
            prop::collection::vec(destination(), 1..4),
        )
            .prop_map(
                |(
                    direction,
                    protocol,
                    access,
                    source_ports,
                    destination_ports,
                    sources,
                    destinations,
                )| {
                    SecurityRule {
                        name: String::new(),
                        priority: 0,
                        direction,
                        access,
                        protocol,
                        source_ports,
                        destination_ports,
                        sources,
                        destinations,
                        default: false,
                    }
                },
            )
    }

    fn rules() -> impl Strategy<Value = Vec<SecurityRule>> {
        prop::collection::vec(rule(), 0..12)
            .prop_flat_map(|rules| {
                let priorities = (100..1000_u16).collect::<Vec<_>>();
                (Just(rules), Just(priorities).prop_shuffle())
            })
            .prop_map(|(rules, priorities)| {
                rules
                    .into_iter()
                    .zip(priorities)
                    .map(|(mut rule, priority)| {
                        rule.priority = priority;
                        rule.name = format!("r{priority}");
                        rule
                    })
                    .collect()
            })
    }

    /// Addresses at the edges of every prefix that a rule could name.
    fn samples() -> Vec<Ipv4Addr> {
        let mut all: Vec<Ipv4Addr> = Vec::new();
        for range in SIGN_IN_RANGES {
            let range: ipnet::Ipv4Net = range.parse().expect("a prefix");
            for step in 0..16 {
                let size = 1_u32 << (32 - range.prefix_len());
                let first = u32::from(range.network()) + step * (size / 16);
                all.extend([
                    Ipv4Addr::from(first),
                    Ipv4Addr::from(first + 7),
                    Ipv4Addr::from(first + size / 16 - 1),
                ]);
            }
        }
        all.push(Ipv4Addr::new(40, 126, 31, 67));
        all
    }

    proptest! {
        #[test]
        fn both_implementations_agree(rules in rules()) {
            let seen = healthy_but(&[]);
            let tags = Tags::of(&seen).expect("the public cloud");
            let group = SecurityGroup { rules, ..SecurityGroup::default() };
            let subnet = [net(SUBNET)];
            let inside = Inside { subnet: &subnet, network: &[] };
            let decisions = outbound(&group, inside, 443, &tags.entra, &tags);
            let whole: Addresses = decisions.made.iter().fold(Addresses::default(), |all, one| all.or(&one.addresses));
            prop_assert_eq!(&whole, &tags.entra);
            prop_assert_eq!(
                decisions.made.iter().map(|one| one.addresses.count()).sum::<u64>(),
                tags.entra.count(),
                "each address is decided once"
            );
            for address in samples() {
                let expected = naive(&group.rules, address).map(|index| &group.rules[index].name);
                let deciding = decisions.made.iter().find(|one| one.addresses.holds(address.into()));
                let seen = deciding.and_then(|one| one.rule).map(|rule| &rule.name);
                prop_assert_eq!(seen, expected, "{}", address);
            }
        }
    }

    fn inbound_rule(priority: u16, access: Access, from: Endpoint) -> SecurityRule {
        SecurityRule {
            name: format!("r{priority}"),
            priority,
            direction: Direction::Inbound,
            access,
            protocol: Protocol::Tcp,
            source_ports: vec![PortRange { first: 0, last: 65_535 }],
            destination_ports: vec![PortRange { first: 5432, last: 5432 }],
            sources: vec![from],
            destinations: vec![Endpoint::Any],
            default: false,
        }
    }

    #[test]
    fn a_client_is_stopped_by_what_names_it() {
        let group = SecurityGroup {
            rules: vec![
                inbound_rule(100, Access::Allow, Endpoint::Prefix(net("10.2.0.0/16"))),
                inbound_rule(200, Access::Deny, Endpoint::Tag("VirtualNetwork".to_owned())),
                inbound_rule(300, Access::Allow, Endpoint::Any),
            ],
            ..SecurityGroup::default()
        };
        let decides =
            |client| inbound(&group, Inside::default(), 5432, client).map(|rule| rule.priority);
        let at = |address: &str| Client::At(address.parse().expect("an address"));
        assert_eq!(decides(at("10.2.0.9")), Some(100));
        assert_eq!(decides(at("10.3.0.9")), Some(200));
        assert_eq!(decides(at("203.0.113.9")), Some(300));
        assert_eq!(decides(Client::Somewhere), Some(200));
        assert!(inbound(&group, Inside::default(), 6432, at("10.2.0.9")).is_none());
    }
}
