//! A second evaluator of network security groups and route tables, written from Microsoft's rules and
//! without the code of the checks: it tries every assignment of what is not known, address by address.
//! The checks must never decide what it leaves open.
//!
//! `ENTRA_PG_RULE_SETS=5000 cargo test --test azure_rules -- --nocapture` for the full number, which also
//! writes the tables of `tests/azure_rules/`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the figures are for the person who runs the full number of rounds"
)]

use entra_pg_checks::{
    Evidence, Fact, Status,
    facts::{
        azure::{Azure, FlexibleServer, Interface},
        azure_network::{
            Access, AdminRule, AdminScope, Direction, Endpoint, NextHop, PortRange, Protocol,
            Route, RouteTable, SecurityGroup, SecurityRule, Subnet, VirtualNetwork,
        },
    },
    judge, rulebook,
    support::service_tags::{IpNet, ServiceTag, ServiceTags},
};

use std::{net::Ipv4Addr, sync::LazyLock};

const NSG: &str = "/n/networkSecurityGroups/nsg";
const TABLE: &str = "/n/routeTables/rt";
const SUBNET: &str = "/n/virtualNetworks/vnet/subnets/pg";
const ENTRA: [&str; 4] = ["20.190.128.0/18", "40.126.0.0/18", "20.20.32.0/19", "20.231.128.0/19"];

fn rounds() -> u64 {
    std::env::var("ENTRA_PG_RULE_SETS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// Reproducible numbers. Source: G. Marsaglia, "Xorshift RNGs".
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// What is known in one round.
#[derive(Clone, Copy, Debug)]
struct Known {
    list: bool,
    network: bool,
    client: bool,
    server: bool,
}

impl Known {
    fn all() -> impl Iterator<Item = Self> {
        (0..16_u8).map(|bits| Self {
            list: bits & 1 > 0,
            network: bits & 2 > 0,
            client: bits & 4 > 0,
            server: bits & 8 > 0,
        })
    }
}

/// One world: the documents, and the truth as far as they tell it.
struct World {
    known: Known,
    rules: Vec<SecurityRule>,
    routes: Vec<Route>,
    gateway: bool,
    /// Whether the route table is given; without it, only whether there is one may be known.
    table: bool,
    server: Ipv4Addr,
    client: Ipv4Addr,
    /// Security admin rules, and whether an allowing one is `AlwaysAllow`.
    admin: Vec<(SecurityRule, bool)>,
    /// Whether Azure lists them as effective on the server's network; they are only configured otherwise.
    admin_applies: bool,
    /// Whether the client is in the application security group `web`; `None`: its network interface
    /// was not given.
    member: Option<bool>,
    /// Whether the group was exported without its default rules.
    without_defaults: bool,
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

fn endpoint(text: &str) -> Endpoint {
    if text == "*" {
        Endpoint::Any
    } else if let Some(id) = text.strip_prefix("asg:") {
        Endpoint::Group(id.to_owned())
    } else if let Ok(net) = text.parse::<IpNet>() {
        Endpoint::Prefix(net)
    } else {
        Endpoint::Tag(text.to_owned())
    }
}

/// The prefixes of the made-up list.
fn list() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("AzureActiveDirectory", ENTRA.to_vec()),
        ("AzureCloud", vec!["20.190.128.0/19", "40.126.0.0/18", "20.20.32.0/24"]),
        ("AzureCloud.westeurope", vec!["20.190.129.0/24", "40.126.32.0/20"]),
    ]
}

fn service_rule(dice: &mut Dice, priority: u16) -> SecurityRule {
    let inside = [
        "*",
        "*",
        "*",
        "VirtualNetwork",
        "Internet",
        "10.1.2.0/24",
        "10.1.2.0/25",
        "10.1.2.4",
        "10.1.2.9",
        "10.1.0.0/16",
        "10.9.0.0/16",
        "::/0",
        "0.0.0.0/0",
        "asg:web",
        "AzureLoadBalancer",
    ];
    let outside = [
        "*",
        "Internet",
        "VirtualNetwork",
        "AzureActiveDirectory",
        "AzureCloud",
        "azurecloud.westeurope",
        "Storage",
        "ContosoTag",
        "20.190.128.0/18",
        "20.190.128.0/24",
        "40.126.0.0/18",
        "40.126.32.0/20",
        "20.20.32.0/19",
        "20.231.128.0/19",
        "20.0.0.0/8",
        "0.0.0.0/1",
        "10.0.0.0/8",
        "::/0",
    ];
    let clients = [
        "*",
        "VirtualNetwork",
        "Internet",
        "10.1.9.0/24",
        "10.1.9.9",
        "10.1.0.0/16",
        "10.2.0.0/16",
        "10.1.2.0/24",
        "192.168.0.0/16",
        "asg:web",
        "asg:app",
        "::/0",
        "AzureLoadBalancer",
        "ContosoTag",
        "10.0.0.0/8",
    ];
    let inbound = dice.roll(2) == 0;
    let ends = |from: &[&'static str], dice: &mut Dice| -> Vec<Endpoint> {
        (0..=dice.roll(2)).map(|_| endpoint(&with_length(dice.pick(from)))).collect()
    };
    let (sources, destinations) = if inbound {
        (ends(&clients, dice), ends(&inside, dice))
    } else {
        (ends(&inside, dice), ends(&outside, dice))
    };
    let port = |dice: &mut Dice| match dice.roll(5) {
        0 => PortRange { first: 443, last: 443 },
        1 => PortRange { first: 5432, last: 6432 },
        2 => PortRange { first: 80, last: 90 },
        _ => PortRange { first: 0, last: 65535 },
    };
    SecurityRule {
        name: format!("r{priority}"),
        priority,
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        access: if dice.roll(2) == 0 { Access::Allow } else { Access::Deny },
        protocol: [Protocol::Any, Protocol::Tcp, Protocol::Tcp, Protocol::Udp][dice.roll(4)],
        source_ports: vec![match dice.roll(12) {
            0 => PortRange { first: 1, last: 1023 },
            1 => PortRange { first: 32768, last: 60999 },
            _ => PortRange { first: 0, last: 65535 },
        }],
        destination_ports: (0..=dice.roll(2)).map(|_| port(dice)).collect(),
        sources,
        destinations,
        default: false,
    }
}

fn with_length(text: &str) -> String {
    let address = text.parse::<Ipv4Addr>().is_ok();
    if address { format!("{text}/32") } else { text.to_owned() }
}

/// The rules of every group. Source: Microsoft Learn, "Network security groups", default rules.
fn default_rules() -> Vec<SecurityRule> {
    let rows = [
        (65000, Direction::Inbound, Access::Allow, "VirtualNetwork", "VirtualNetwork"),
        (65001, Direction::Inbound, Access::Allow, "AzureLoadBalancer", "*"),
        (65500, Direction::Inbound, Access::Deny, "*", "*"),
        (65000, Direction::Outbound, Access::Allow, "VirtualNetwork", "VirtualNetwork"),
        (65001, Direction::Outbound, Access::Allow, "*", "Internet"),
        (65500, Direction::Outbound, Access::Deny, "*", "*"),
    ];
    rows.map(|(priority, direction, access, from, to)| SecurityRule {
        name: format!("d{priority}"),
        priority,
        direction,
        access,
        protocol: Protocol::Any,
        source_ports: vec![PortRange { first: 0, last: 65535 }],
        destination_ports: vec![PortRange { first: 0, last: 65535 }],
        sources: vec![endpoint(from)],
        destinations: vec![endpoint(to)],
        default: true,
    })
    .to_vec()
}

fn route(dice: &mut Dice, index: usize) -> Route {
    let to = [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "20.0.0.0/8",
        "20.190.128.0/18",
        "20.190.129.0/24",
        "40.126.0.0/17",
        "40.126.32.0/20",
        "20.20.32.0/19",
        "20.231.128.0/19",
        "AzureActiveDirectory",
        "AzureCloud",
        "AzureCloud.westeurope",
        "ContosoTag",
        "Storage",
        "10.1.0.0/16",
        "::/0",
        "20.190.128.7/32",
    ];
    let (next_hop, address) = match dice.roll(6) {
        0 | 1 => (NextHop::Internet, None),
        2 => (NextHop::None, None),
        3 => (NextHop::VirtualNetworkGateway, None),
        4 => (NextHop::VirtualNetwork, None),
        _ => (NextHop::VirtualAppliance, Some("10.1.0.4".parse().expect("an address"))),
    };
    Route {
        name: format!("r{index}"),
        destination: endpoint(dice.pick(&to)),
        next_hop,
        next_hop_address: address,
        user: false,
    }
}

fn world(dice: &mut Dice, known: Known) -> World {
    let mut priorities: Vec<u16> = Vec::new();
    for _ in 0..=dice.roll(5) {
        let priority = 100 + u16::try_from(dice.roll(40)).expect("small");
        if !priorities.contains(&priority) {
            priorities.push(priority);
        }
    }
    let mut rules: Vec<SecurityRule> =
        priorities.into_iter().map(|priority| service_rule(dice, priority)).collect();
    rules.extend(default_rules());
    let mut routes: Vec<Route> = Vec::new();
    for index in 0..dice.roll(5) {
        let route = route(dice, index);
        if !routes.iter().any(|one| one.destination == route.destination) {
            routes.push(route);
        }
    }
    let server = ["10.1.2.4", "10.1.2.200", "10.1.2.9"];
    let client = ["10.1.9.9", "10.1.3.3", "10.2.0.7", "192.168.1.1"];
    World {
        known,
        rules,
        routes,
        gateway: dice.roll(4) == 0,
        table: dice.roll(3) > 0,
        server: dice.pick(&server).parse().expect("an address"),
        client: dice.pick(&client).parse().expect("an address"),
        admin: if dice.roll(4) == 0 {
            let count = u16::try_from(dice.roll(2)).expect("small");
            (0..=count).map(|index| (admin_rule(dice, 10 + index), dice.roll(2) == 0)).collect()
        } else {
            Vec::new()
        },
        admin_applies: dice.roll(3) > 0,
        member: match dice.roll(6) {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        },
        without_defaults: dice.roll(10) == 0,
    }
}

/// A security admin rule names prefixes and tags, no application security groups.
fn admin_rule(dice: &mut Dice, priority: u16) -> SecurityRule {
    loop {
        let rule = service_rule(dice, priority);
        let mut ends = rule.sources.iter().chain(&rule.destinations);
        if !ends.any(|end| matches!(end, Endpoint::Group(_))) {
            return SecurityRule { name: format!("a{priority}"), ..rule };
        }
    }
}

/// The group as an export without default rules, read as the program reads files.
fn exported(rules: &[SecurityRule]) -> SecurityGroup {
    let text = |end: &Endpoint| match end {
        Endpoint::Any => "*".to_owned(),
        Endpoint::Prefix(net) => net.to_string(),
        Endpoint::Tag(name) | Endpoint::Group(name) => name.clone(),
    };
    let ranges = |ranges: &[PortRange]| -> Vec<String> {
        ranges.iter().map(|range| format!("{}-{}", range.first, range.last)).collect()
    };
    let side = |ends: &[Endpoint]| {
        let (groups, others): (Vec<&Endpoint>, Vec<&Endpoint>) =
            ends.iter().partition(|end| matches!(end, Endpoint::Group(_)));
        let ids: Vec<_> =
            groups.into_iter().map(|id| serde_json::json!({"id": text(id)})).collect();
        (others.into_iter().map(text).collect::<Vec<_>>(), ids)
    };
    let rules: Vec<serde_json::Value> = rules
        .iter()
        .filter(|rule| !rule.default)
        .map(|rule| {
            let ((sources, source_groups), (destinations, destination_groups)) =
                (side(&rule.sources), side(&rule.destinations));
            serde_json::json!({
                "name": rule.name,
                "priority": rule.priority,
                "direction": format!("{:?}", rule.direction),
                "access": format!("{:?}", rule.access),
                "protocol": if rule.protocol == Protocol::Any { "*".to_owned() } else { format!("{:?}", rule.protocol) },
                "sourcePortRanges": ranges(&rule.source_ports),
                "destinationPortRanges": ranges(&rule.destination_ports),
                "sourceAddressPrefixes": sources,
                "destinationAddressPrefixes": destinations,
                "sourceApplicationSecurityGroups": source_groups,
                "destinationApplicationSecurityGroups": destination_groups,
            })
        })
        .collect();
    let document = serde_json::json!({"id": NSG, "name": "nsg", "securityRules": rules,
        "subnets": [{"id": SUBNET}]});
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), document.to_string()).expect("written");
    let azure = entra_pg::azure::read_files(&[file.path().to_owned()], None).expect("read");
    azure.security_groups.seen().expect("a group")[0].clone()
}

/// The evidence that the checks see.
fn evidence(world: &World) -> Evidence {
    static HEALTHY: LazyLock<Evidence> = LazyLock::new(|| {
        let text = include_str!("../checks/support/healthy.json");
        serde_json::from_str(text).expect("evidence")
    });
    let mut seen = HEALTHY.clone();
    seen.login = Fact::default();
    seen.auth_request = Fact::default();
    if let Fact::Seen(settings) = &mut seen.settings {
        settings.host = None;
    }
    if let Fact::Seen(dns) = &mut seen.dns {
        dns.names.clear();
    }
    if let Fact::Seen(server) = &mut seen.server {
        server.local = world.known.client.then(|| world.client.into());
        let mut attempt = server.tcp[0].clone();
        attempt.address = std::net::SocketAddr::from((world.server, 5432));
        attempt.outcome = entra_pg_checks::facts::tcp::TcpOutcome::Silent;
        server.tcp = if world.known.server { vec![attempt] } else { Vec::new() };
    }
    let has_table = !world.routes.is_empty();
    let network = VirtualNetwork {
        id: "/n/virtualNetworks/vnet".to_owned(),
        name: "vnet".to_owned(),
        address_space: vec![net("10.1.0.0/16")],
        gateway: world.gateway,
        subnets: vec![Subnet {
            id: SUBNET.to_owned(),
            name: "pg".to_owned(),
            prefixes: vec![net("10.1.2.0/24")],
            security_group: Some(NSG.to_owned()),
            route_table: has_table.then(|| TABLE.to_owned()),
            ..Subnet::default()
        }],
        ..VirtualNetwork::default()
    };
    let list = ServiceTags {
        cloud: "Public".to_owned(),
        change_number: 400,
        tags: list()
            .into_iter()
            .map(|(name, nets)| ServiceTag {
                name: name.to_owned(),
                prefixes: nets.into_iter().map(net).collect(),
            })
            .collect(),
        ..ServiceTags::default()
    };
    let group = if world.without_defaults {
        exported(&world.rules)
    } else {
        SecurityGroup {
            id: NSG.to_owned(),
            name: "nsg".to_owned(),
            rules: world.rules.clone(),
            subnets: vec![SUBNET.to_owned()],
            effective: false,
        }
    };
    let interface = world.member.map(|member| Interface {
        id: "/n/networkInterfaces/client".to_owned(),
        name: "client".to_owned(),
        addresses: vec![world.client.into()],
        subnet: None,
        groups: if member { vec!["web".to_owned()] } else { Vec::new() },
        ..Interface::default()
    });
    let admin: Vec<AdminRule> = world
        .admin
        .iter()
        .map(|(rule, always)| AdminRule {
            rule: rule.clone(),
            always: *always,
            scope: if world.admin_applies {
                AdminScope::Network(SUBNET.split("/subnets/").next().unwrap_or_default().to_owned())
            } else {
                AdminScope::Configured("/n/networkManagers/nm/ruleCollections/rc".to_owned())
            },
        })
        .collect();
    let table = RouteTable {
        id: TABLE.to_owned(),
        name: "rt".to_owned(),
        routes: world.routes.clone(),
        subnets: vec![SUBNET.to_owned()],
        ..RouteTable::default()
    };
    seen.azure = Fact::Seen(Azure {
        server: Fact::Seen(FlexibleServer {
            name: "pg".to_owned(),
            delegated_subnet: Some(SUBNET.to_owned()),
            ..FlexibleServer::default()
        }),
        security_groups: Fact::Seen(vec![group]),
        route_tables: if has_table && world.table {
            Fact::Seen(vec![table])
        } else {
            Fact::default()
        },
        networks: if world.known.network { Fact::Seen(vec![network]) } else { Fact::default() },
        service_tags: if world.known.list { Fact::Seen(list) } else { Fact::default() },
        admin_rules: if admin.is_empty() { Fact::default() } else { Fact::Seen(admin) },
        interfaces: interface.map_or_else(Fact::default, |one| Fact::Seen(vec![one])),
        ..Azure::default()
    });
    seen
}

/// What a check says: its status and its problem.
fn said(id: &str, seen: &Evidence) -> (Status, Option<&'static str>, bool) {
    let check = rulebook().into_iter().find(|check| check.id == id).expect("the check");
    let judged = judge(&[check], seen, |_| true);
    let error =
        judged.findings.iter().any(|one| one.finding.severity == entra_pg_checks::Severity::Error);
    let problem = judged.findings.first().map(|one| one.finding.problem.id);
    (judged.lines[0].status, problem, error)
}

/// An assignment of everything that is not known, about one far address.
#[derive(Clone, Copy)]
struct Assignment {
    server: Ipv4Addr,
    /// Whether the address is part of the virtual network.
    network: bool,
    contoso: bool,
    cloud: bool,
    region: bool,
    web: bool,
    app: bool,
    /// Whether the security admin rules apply to the server's network.
    admin: bool,
    port: u16,
}

/// Every assignment that the documents allow for one address.
fn assignments(world: &World, far: Ipv4Addr, inbound: bool) -> Vec<Assignment> {
    let known = world.known;
    let servers: Vec<Ipv4Addr> = if known.server {
        vec![world.server]
    } else if known.network {
        ["10.1.2.4", "10.1.2.9", "10.1.2.77", "10.1.2.200"]
            .map(|ip| ip.parse().expect("an address"))
            .to_vec()
    } else {
        ["10.1.2.4", "10.1.2.9", "10.1.2.77", "10.1.2.200", "10.1.7.7", "10.9.0.1", "172.16.0.4"]
            .map(|ip| ip.parse().expect("an address"))
            .to_vec()
    };
    let both = [false, true];
    let networks: Vec<bool> = network_values(world, far, inbound);
    let public = !far.is_private();
    // Service tags hold public addresses; the list, if there is one, says which.
    let free = |listed: bool| -> Vec<bool> {
        if !public {
            vec![false]
        } else if known.list && !inbound {
            vec![listed]
        } else {
            both.to_vec()
        }
    };
    let holds = |name: &str| {
        list().iter().any(|(tag, nets)| *tag == name && nets.iter().any(|one| contains(one, far)))
    };
    let clouds = free(holds("AzureCloud"));
    let regions = free(holds("AzureCloud.westeurope"));
    let contosos: Vec<bool> = if public { both.to_vec() } else { vec![false] };
    // The groups of the client are those of its network interface, if that was given.
    let members = |known: Option<bool>| match known {
        _ if !inbound => vec![false],
        Some(member) if far == world.client => vec![member],
        _ => both.to_vec(),
    };
    let (webs, apps) = (members(world.member), members(world.member.map(|_| false)));
    let admins = if world.admin_applies { vec![true] } else { both.to_vec() };
    let ports = [1024, 40000, 65000].into_iter();
    let ports: Vec<(u16, bool)> =
        ports.flat_map(|port| admins.iter().map(move |admin| (port, *admin))).collect();
    let mut all = Vec::new();
    for &server in &servers {
        for &network in &networks {
            for &contoso in &contosos {
                for &cloud in &clouds {
                    for &region in &regions {
                        for &web in &webs {
                            for &app in &apps {
                                for (port, admin) in &ports {
                                    all.push(Assignment {
                                        server,
                                        network,
                                        contoso,
                                        cloud,
                                        region,
                                        web,
                                        app,
                                        admin: *admin,
                                        port: *port,
                                    });
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

/// Whether the tag VirtualNetwork holds an address. Microsoft's definition: "the virtual network address
/// space (all IP address ranges defined for the virtual network), all connected on-premises address
/// spaces, peered virtual networks, virtual networks connected to a virtual network gateway, the virtual
/// IP address of the host, and address prefixes used on user-defined routes. This tag might also contain
/// default routes." Source: Microsoft Learn, "Virtual network service tags".
fn network_values(world: &World, far: Ipv4Addr, inbound: bool) -> Vec<bool> {
    if inbound && !world.known.client {
        // The question is about clients in the virtual network.
        return vec![true];
    }
    if inbound && far.is_private() {
        return arrivals(world, far);
    }
    if !world.known.network {
        return vec![false, true];
    }
    if contains("10.1.0.0/16", far) {
        return vec![true];
    }
    if world.gateway {
        return vec![false, true];
    }
    if world.routes.is_empty() {
        return vec![false];
    }
    if !world.table {
        return vec![false, true];
    }
    let unknown_tag =
        |name: &str| name == "ContosoTag" || (!world.known.list && name.starts_with("AzureCloud"));
    // One tag of unknown prefixes makes the set of routed prefixes unknown.
    if world
        .routes
        .iter()
        .any(|one| matches!(&one.destination, Endpoint::Tag(name) if unknown_tag(name)))
    {
        return vec![false, true];
    }
    let routed = world.routes.iter().any(|one| match &one.destination {
        Endpoint::Prefix(net) => net.contains(&std::net::IpAddr::V4(far)),
        Endpoint::Tag(name) => list()
            .iter()
            .any(|(tag, nets)| tag == name && nets.iter().any(|one| contains(one, far))),
        _ => false,
    });
    if routed { vec![false, true] } else { vec![false] }
}

/// Where a client with a private address can be, so that the answer of the server finds its way back, and
/// for each place, whether the tag VirtualNetwork holds it. The way back is a system route (the network
/// itself, a peer, a gateway; to any other private address the system's next hop is None) or a
/// user-defined route. Source: Microsoft Learn, "Virtual network traffic routing".
fn arrivals(world: &World, far: Ipv4Addr) -> Vec<bool> {
    let known = world.known.network;
    if known && contains("10.1.0.0/16", far) {
        return vec![true];
    }
    let routes_are_known = if known && world.routes.is_empty() {
        true
    } else {
        world.table && !world.routes.is_empty()
    };
    let user_defined = !routes_are_known
        || world.routes.iter().any(|one| match &one.destination {
            Endpoint::Prefix(net) => net.contains(&std::net::IpAddr::V4(far)),
            _ => false,
        });
    let mut values = Vec::new();
    if !known {
        // In the network, or in a peered one.
        values.push(true);
    }
    if !known || world.gateway {
        values.push(true);
    }
    if user_defined {
        // By a route whose prefix the tag holds, or by a default route, which it might hold.
        values.extend([true, false]);
    } else if values.is_empty() {
        // There is no way from there: the tag does not hold it.
        values.push(false);
    }
    values.sort_unstable();
    values.dedup();
    values
}

fn of_entra(address: Ipv4Addr) -> bool {
    static NETS: LazyLock<Vec<IpNet>> =
        LazyLock::new(|| ENTRA.iter().map(|one| net(one)).collect());
    NETS.iter().any(|one| one.contains(&std::net::IpAddr::V4(address)))
}

fn contains(net: &str, address: Ipv4Addr) -> bool {
    net.parse::<IpNet>().expect("a prefix").contains(&std::net::IpAddr::V4(address))
}

/// The decision about one packet, as the documentation describes it: security admin rules go first; one
/// that denies and one that always allows are final, and one that allows leaves it to the group.
/// Source: Microsoft Learn, "Security admin rules in Azure Virtual Network Manager".
fn allowed(
    world: &World,
    direction: Direction,
    port: u16,
    far: Ipv4Addr,
    with: Assignment,
) -> bool {
    let admin = world.admin.iter().filter(|_| with.admin).map(|(rule, _)| rule);
    if let Some(first) = first_match(admin, direction, port, far, with) {
        let always = world.admin.iter().any(|(rule, always)| *always && rule.name == first.name);
        if first.access == Access::Deny || always {
            return first.access == Access::Allow;
        }
    }
    first_match(world.rules.iter(), direction, port, far, with)
        .is_some_and(|rule| rule.access == Access::Allow)
}

/// The rule with the lowest number that matches a packet.
fn first_match<'a>(
    rules: impl Iterator<Item = &'a SecurityRule>,
    direction: Direction,
    port: u16,
    far: Ipv4Addr,
    with: Assignment,
) -> Option<&'a SecurityRule> {
    let own = |end: &Endpoint| match end {
        Endpoint::Any => true,
        Endpoint::Prefix(net) => net.contains(&std::net::IpAddr::V4(with.server)),
        Endpoint::Tag(name) => name == "VirtualNetwork",
        Endpoint::Group(_) => false,
    };
    let other = |end: &Endpoint| match end {
        Endpoint::Any => true,
        Endpoint::Prefix(net) => net.contains(&std::net::IpAddr::V4(far)),
        Endpoint::Group(id) => {
            if id == "web" {
                with.web
            } else {
                with.app
            }
        }
        Endpoint::Tag(name) => {
            let is = |tag: &str| name.eq_ignore_ascii_case(tag);
            is("VirtualNetwork") && with.network
                || is("Internet") && !with.network
                || is("AzureActiveDirectory") && of_entra(far)
                || is("AzureCloud") && with.cloud
                || is("AzureCloud.westeurope") && with.region
                || is("ContosoTag") && with.contoso
        }
    };
    let mut best: Option<&SecurityRule> = None;
    for rule in rules.filter(|rule| rule.direction == direction) {
        let (source, destination) = match direction {
            Direction::Outbound => {
                (rule.sources.iter().any(own), rule.destinations.iter().any(other))
            }
            Direction::Inbound => {
                (rule.sources.iter().any(other), rule.destinations.iter().any(own))
            }
        };
        let ports =
            rule.destination_ports.iter().any(|range| range.first <= port && port <= range.last);
        let from = rule
            .source_ports
            .iter()
            .any(|range| range.first <= with.port && with.port <= range.last);
        let protocol = matches!(rule.protocol, Protocol::Any | Protocol::Tcp);
        if source
            && destination
            && ports
            && from
            && protocol
            && best.is_none_or(|best| rule.priority < best.priority)
        {
            best = Some(rule);
        }
    }
    best
}

/// One address of each kind that the prefixes of rules and lists distinguish.
fn samples() -> Vec<Ipv4Addr> {
    [
        "20.190.128.7",
        "20.190.128.9",
        "20.190.129.1",
        "20.190.140.1",
        "20.190.170.1",
        "40.126.1.1",
        "40.126.33.1",
        "20.20.32.1",
        "20.20.40.1",
        "20.231.130.1",
    ]
    .map(|ip| ip.parse().expect("an address"))
    .to_vec()
}

/// Whether the addresses are of the two ranges that the names nearly always resolve to.
fn is_main(address: Ipv4Addr) -> bool {
    contains(ENTRA[0], address) || contains(ENTRA[1], address)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Truth {
    Yes,
    No,
    Open,
}

fn truth(outcomes: impl Iterator<Item = bool>) -> Truth {
    let (mut yes, mut no) = (false, false);
    for outcome in outcomes {
        if outcome { yes = true } else { no = true }
    }
    match (yes, no) {
        (true, false) => Truth::Yes,
        (false, true) => Truth::No,
        _ => Truth::Open,
    }
}

/// How many rounds were judged, how many were not decided, and how many of those could have been.
#[derive(Default)]
struct Tally {
    rounds: u64,
    open: u64,
    timid: u64,
}

/// What is known in one row of a table.
fn what_is_known(parts: &[(&str, bool)]) -> String {
    let given: Vec<&str> =
        parts.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if given.is_empty() { "nothing else".to_owned() } else { given.join(", ") }
}

/// The table of a full run.
fn write(name: &str, rows: &[String]) {
    const FULL: u64 = 5_000;
    if rounds() < FULL {
        return;
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azure_rules");
    let head = format!(
        "# Agreement with the second evaluator: {name}\n\nWritten by `ENTRA_PG_RULE_SETS={} cargo test --test azure_rules`. \"Could be decided\": the second evaluator leaves nothing open, and the check does not decide.\n\n| given with the rules | rounds | wrong | not decided | of these could be decided |\n|---|---:|---:|---:|---:|\n",
        rounds()
    );
    std::fs::create_dir_all(&path).expect("a folder");
    std::fs::write(path.join(format!("{name}.md")), head + &rows.concat()).expect("written");
}

impl Tally {
    fn row(&self, known: &str) -> String {
        let share = self.open * 1000 / self.rounds.max(1);
        let share = format!("{}.{} %", share / 10, share % 10);
        println!("{known}: {} rounds, 0 wrong, not decided {share} ({})", self.rounds, self.timid);
        format!("| {known} | {} | 0 | {share} | {} |\n", self.rounds, self.timid)
    }
}

#[test]
fn outbound_rules_agree() {
    let mut rows = Vec::new();
    for known in Known::all().filter(|known| !known.client) {
        let mut tally = Tally::default();
        for seed in 1..=rounds() {
            let world = world(&mut Dice(seed * 7919), known);
            let truths: Vec<(Ipv4Addr, Truth)> = samples()
                .into_iter()
                .map(|far| {
                    let all = assignments(&world, far, false);
                    (
                        far,
                        truth(
                            all.into_iter()
                                .map(|with| allowed(&world, Direction::Outbound, 443, far, with)),
                        ),
                    )
                })
                .collect();
            let (status, problem, _) = said("azure/egress-rules", &evidence(&world));
            let main_denied = truths
                .iter()
                .filter(|(far, _)| is_main(*far))
                .all(|(_, truth)| *truth == Truth::No);
            let some_denied = truths.iter().any(|(_, truth)| *truth == Truth::No);
            let all_allowed = truths.iter().all(|(_, truth)| *truth == Truth::Yes);
            let context = || {
                format!(
                    "{known:?} seed {seed}: {status:?} {problem:?} {truths:?}\n{:#?}",
                    world.rules
                )
            };
            tally.rounds += 1;
            match (status, problem) {
                (Status::Passed, _) => assert!(all_allowed, "{}", context()),
                (_, Some("azure/nsg-blocks-entra")) => assert!(main_denied, "{}", context()),
                (_, Some("azure/nsg-partial")) => {
                    assert!(some_denied && !main_denied, "{}", context())
                }
                (Status::Undetermined, _) => {
                    tally.open += 1;
                    tally.timid += u64::from(all_allowed || some_denied);
                }
                _ => panic!("{}", context()),
            }
        }
        rows.push(tally.row(&what_is_known(&[
            ("list", known.list),
            ("network", known.network),
            ("server's address", known.server),
        ])));
    }
    write("outbound", &rows);
}

#[test]
fn inbound_rules_agree() {
    let mut rows = Vec::new();
    for known in Known::all().filter(|known| !known.list) {
        let mut tally = Tally::default();
        for seed in 1..=rounds() {
            let world = world(&mut Dice(seed * 104_729), known);
            let clients: Vec<Ipv4Addr> = if known.client {
                vec![world.client]
            } else if known.network && !world.gateway {
                ["10.1.9.9", "10.1.9.10", "10.1.3.3"]
                    .map(|ip| ip.parse().expect("an address"))
                    .to_vec()
            } else {
                // The server's own subnet holds servers only; without the network it may be any.
                let mut all = vec![
                    "10.1.9.9",
                    "10.1.9.10",
                    "10.1.3.3",
                    "10.2.0.7",
                    "10.3.0.1",
                    "192.168.1.1",
                    "172.16.9.9",
                    "203.0.113.1",
                ];
                if !known.network {
                    all.push("10.1.2.50");
                }
                all.into_iter().map(|ip| ip.parse().expect("an address")).collect()
            };
            let port = 5432;
            let truths: Vec<(Ipv4Addr, Truth)> = clients
                .into_iter()
                .map(|far| {
                    let all = assignments(&world, far, true);
                    (
                        far,
                        truth(
                            all.into_iter()
                                .map(|with| allowed(&world, Direction::Inbound, port, far, with)),
                        ),
                    )
                })
                .collect();
            let (status, problem, _) = said("azure/ingress-rules", &evidence(&world));
            let every = |wanted: Truth| truths.iter().all(|(_, truth)| *truth == wanted);
            let context = || {
                format!(
                    "{known:?} seed {seed}: {status:?} {problem:?} {truths:?}\n{:#?}",
                    world.rules
                )
            };
            tally.rounds += 1;
            match (status, problem) {
                (Status::Passed, _) => assert!(every(Truth::Yes), "{}", context()),
                (_, Some("azure/nsg-blocks-postgresql")) => {
                    assert!(every(Truth::No), "{}", context())
                }
                (Status::Undetermined, _) => {
                    tally.open += 1;
                    tally.timid += u64::from(every(Truth::Yes) || every(Truth::No));
                }
                _ => panic!("{}", context()),
            }
        }
        rows.push(tally.row(&what_is_known(&[
            ("network", known.network),
            ("client's address", known.client),
            ("server's address", known.server),
        ])));
    }
    write("inbound", &rows);
}

/// What a next hop does: 0 to the internet, 1 to something that decides, 2 nowhere.
fn class(hop: NextHop) -> u8 {
    match hop {
        NextHop::Internet => 0,
        NextHop::VirtualAppliance | NextHop::VirtualNetworkGateway | NextHop::Unknown => 1,
        NextHop::VirtualNetwork | NextHop::None => 2,
    }
}

/// Explicit prefixes, regional tags, tags, regions of AzureCloud, AzureCloud.
fn preference(destination: &Endpoint) -> u8 {
    match destination {
        Endpoint::Tag(name) if name == "AzureCloud" => 4,
        Endpoint::Tag(name) if name.starts_with("AzureCloud.") => 3,
        Endpoint::Tag(name) if name.contains('.') => 1,
        Endpoint::Tag(_) => 2,
        _ => 0,
    }
}

/// Every class that an address may end up in, by trying prefix lengths for tags that are not known.
fn classes(world: &World, far: Ipv4Addr) -> Vec<u8> {
    let mut sets: Vec<Vec<(Option<u8>, u8, u8)>> = Vec::new();
    for route in &world.routes {
        let lengths: Vec<Option<u8>> = match &route.destination {
            Endpoint::Prefix(net) => {
                vec![net.contains(&std::net::IpAddr::V4(far)).then(|| net.prefix_len())]
            }
            Endpoint::Tag(name) if name == "Storage" => vec![None],
            Endpoint::Tag(name) if name == "AzureActiveDirectory" => {
                let of = ENTRA
                    .iter()
                    .map(|one| net(one))
                    .find(|one| one.contains(&std::net::IpAddr::V4(far)));
                vec![of.map(|one| one.prefix_len())]
            }
            Endpoint::Tag(name) if world.known.list && name != "ContosoTag" => {
                let nets =
                    list().into_iter().filter(|(tag, _)| tag == name).flat_map(|(_, nets)| nets);
                let holding =
                    nets.filter(|one| contains(one, far)).map(|one| net(one).prefix_len());
                vec![holding.max()]
            }
            _ => vec![
                None,
                Some(1),
                Some(8),
                Some(17),
                Some(18),
                Some(19),
                Some(20),
                Some(24),
                Some(31),
                Some(32),
            ],
        };
        let rank = preference(&route.destination);
        sets.push(
            lengths.into_iter().map(|length| (length, rank, class(route.next_hop))).collect(),
        );
    }
    let mut found = Vec::new();
    let mut chosen = vec![0; sets.len()];
    loop {
        let taken = sets.iter().zip(&chosen).map(|(set, index)| set[*index]);
        let best = taken
            .filter_map(|(length, rank, class)| {
                length.map(|length| (std::cmp::Reverse(length), rank, class))
            })
            .min_by_key(|(length, rank, _)| (*length, *rank));
        match best {
            Some((_, _, class)) => found.push(class),
            None => {
                found.push(0);
                // A gateway of the network may announce a route. Source: Microsoft Learn, "Virtual
                // network traffic routing", border gateway protocol.
                if !world.known.network || world.gateway {
                    found.push(1);
                }
            }
        }
        let mut place = 0;
        while place < sets.len() {
            chosen[place] += 1;
            if chosen[place] < sets[place].len() {
                break;
            }
            chosen[place] = 0;
            place += 1;
        }
        if place == sets.len() {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn routes_agree() {
    let mut rows = Vec::new();
    for known in Known::all().filter(|known| !known.client && !known.server) {
        let mut tally = Tally::default();
        for seed in 1..=rounds() {
            let mut world = world(&mut Dice(seed * 15_485_863), known);
            world.table = true;
            // Whether there is a route table is not known without the network.
            if world.routes.is_empty() && !known.network {
                continue;
            }
            let found: Vec<(Ipv4Addr, Vec<u8>)> =
                samples().into_iter().map(|far| (far, classes(&world, far))).collect();
            let (status, problem, error) = said("azure/routes", &evidence(&world));
            let any = |wanted: u8| found.iter().any(|(_, classes)| *classes == [wanted]);
            let main_dropped =
                found.iter().filter(|(far, _)| is_main(*far)).all(|(_, classes)| *classes == [2]);
            let all_direct = found.iter().all(|(_, classes)| *classes == [0]);
            let context = || {
                format!(
                    "{known:?} seed {seed}: {status:?} {problem:?} {found:?}\n{:#?}",
                    world.routes
                )
            };
            tally.rounds += 1;
            match (status, problem) {
                (Status::Passed, _) => assert!(all_direct, "{}", context()),
                (_, Some("azure/route-drops-entra")) => {
                    assert!(any(2), "{}", context());
                    assert_eq!(error, main_dropped, "{}", context());
                }
                (_, Some("azure/route-via-appliance")) => {
                    assert!(any(1) && !any(2), "{}", context())
                }
                (Status::Undetermined, _) => {
                    tally.open += 1;
                    tally.timid += u64::from(all_direct || any(1) || any(2));
                }
                _ => panic!("{}", context()),
            }
        }
        rows.push(tally.row(&what_is_known(&[("list", known.list), ("network", known.network)])));
    }
    write("routes", &rows);
}
