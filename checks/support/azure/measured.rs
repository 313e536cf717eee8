//! What Network Watcher measured from virtual machines whose rules or routes are those of the server's
//! subnet. The server's own interface belongs to Microsoft, so no measurement is made on it. A result is
//! of one address and of one moment.

use super::{
    place::{self, Place},
    tags::{Tags, like},
};
use crate::{
    evidence::Evidence,
    facts::azure_network::{
        Access, Endpoint, Measured, Measurement, NextHop, SecurityGroup, SecurityRule,
    },
    support::service_tags::IpNet,
};
use std::net::{IpAddr, Ipv4Addr};

const HTTPS: u16 = 443;

/// What the security rules did to HTTPS traffic to an address of Entra.
pub struct Flow<'a> {
    /// The rule of the server's group that decided.
    pub rule: &'a SecurityRule,
    /// The address of Entra.
    pub to: Ipv4Addr,
    /// The measurement in a line of evidence.
    pub line: String,
}

/// Where a packet to an address of Entra went.
pub struct Hop<'a> {
    /// The next hop.
    pub hop: NextHop,
    /// The appliance's address.
    pub address: Option<IpAddr>,
    /// The address of Entra.
    pub to: Ipv4Addr,
    /// The route table with the route; empty for a system route.
    pub table: &'a str,
    /// The measurement in a line of evidence.
    pub line: String,
}

fn all(seen: &Evidence) -> impl Iterator<Item = &Measurement> {
    seen.azure.seen().and_then(|azure| azure.measurements.seen()).into_iter().flatten()
}

/// The sign-in address that the traffic goes to.
fn of_entra(one: &Measurement, tags: &Tags<'_>) -> Option<Ipv4Addr> {
    match one.destination? {
        IpAddr::V4(ip) if tags.entra.holds(ip.into()) => Some(ip),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// The results of one kind, denied or allowed, of rules of this group that hold the server, too.
#[must_use]
pub fn flows<'a>(
    seen: &'a Evidence,
    place: &Place<'_>,
    group: &'a SecurityGroup,
    tags: &Tags<'_>,
) -> Vec<Flow<'a>> {
    let mut found = Vec::new();
    for one in all(seen).filter(|one| one.port == Some(HTTPS)) {
        let Some(to) = of_entra(one, tags) else { continue };
        let names: Vec<(&str, bool)> = match &one.result {
            Measured::IpFlow { allowed, rule, group: of } => {
                if of.as_ref().is_some_and(|of| !like(of, &group.id)) {
                    continue;
                }
                vec![(rule, *allowed)]
            }
            Measured::Connection { reachable: false, rules, .. } => {
                rules.iter().map(|rule| (rule.as_str(), false)).collect()
            }
            Measured::Connection { .. } | Measured::NextHop { .. } => continue,
        };
        let rule = names.iter().find_map(|(name, allowed)| {
            let named = !matches!(&one.result, Measured::IpFlow { group: Some(_), .. });
            rule_of(group, name, *allowed, named)
        });
        if let Some(rule) = rule.filter(|rule| holds_server(rule, place)) {
            found.push(Flow { rule, to, line: line(one) });
        }
    }
    found
}

/// The outbound rule of this name. Names of default rules are the same in every group, so they count
/// only if the result names the group; connectivity checks put `UserRule_` before the name.
fn rule_of<'a>(
    group: &'a SecurityGroup,
    name: &str,
    allowed: bool,
    only_own: bool,
) -> Option<&'a SecurityRule> {
    let name = name.strip_prefix("UserRule_").unwrap_or(name);
    let access = if allowed { Access::Allow } else { Access::Deny };
    group.rules.iter().find(|rule| {
        like(&rule.name, name)
            && rule.access == access
            && rule.direction == crate::facts::azure_network::Direction::Outbound
            && !(only_own && rule.default)
    })
}

/// Whether a rule is also for traffic from every address of the server's subnet.
fn holds_server(rule: &SecurityRule, place: &Place<'_>) -> bool {
    let subnet = place.subnet.map(|subnet| subnet.prefixes.as_slice()).unwrap_or_default();
    rule.sources.iter().any(|end| match end {
        Endpoint::Any => true,
        Endpoint::Tag(name) => like(name, "VirtualNetwork"),
        Endpoint::Prefix(net) => !subnet.is_empty() && subnet.iter().all(|own| net.contains(own)),
        Endpoint::Group(_) => false,
    })
}

/// The next hops to Entra of machines with the server's routes: the result names the route table of the
/// server's subnet, or the machine is in a subnet with the same table.
#[must_use]
pub fn hops<'a>(seen: &'a Evidence, place: &Place<'_>, tags: &Tags<'_>) -> Vec<Hop<'a>> {
    let mut found = Vec::new();
    for one in all(seen) {
        let Some(to) = of_entra(one, tags) else { continue };
        let (hop, address, table) = match &one.result {
            Measured::NextHop { hop, address, table } => (*hop, *address, table.as_deref()),
            Measured::Connection { reachable: false, route: true, .. } => {
                (NextHop::None, None, None)
            }
            Measured::Connection { .. } | Measured::IpFlow { .. } => continue,
        };
        let own = place.subnet.and_then(|subnet| subnet.route_table.as_deref());
        let same = match (table, own) {
            (Some(table), Some(own)) => like(table, own),
            _ => one.source.is_some_and(|from| shares_routes(from, place)),
        };
        if same {
            found.push(Hop { hop, address, to, table: table.unwrap_or_default(), line: line(one) });
        }
    }
    found
}

/// Whether connections to Entra were made, from a machine with the server's routes: `Some(false)` if
/// one failed.
#[must_use]
pub fn connected(seen: &Evidence, place: &Place<'_>, tags: &Tags<'_>) -> Option<(bool, String)> {
    let tried = all(seen)
        .filter(|one| one.port == Some(HTTPS) && of_entra(one, tags).is_some())
        .filter(|one| one.source.is_some_and(|from| shares_routes(from, place)))
        .filter_map(|one| match &one.result {
            Measured::Connection { reachable, .. } => Some((*reachable, line(one))),
            Measured::NextHop { .. } | Measured::IpFlow { .. } => None,
        });
    tried.min_by_key(|(reachable, _)| *reachable)
}

/// What was measured of traffic to the server.
pub struct ToServer {
    /// The machine.
    pub from: IpAddr,
    /// The server's address.
    pub to: IpAddr,
    /// Whether the rules let it through, or a connection was made.
    pub reached: bool,
    /// The rule that stops it.
    pub by: Option<String>,
    /// The measurement in a line of evidence.
    pub line: String,
}

/// The results about this port of the server: at its address, or, if that is not known, at one of its
/// subnet, in which only servers are.
#[must_use]
pub fn to_server(seen: &Evidence, port: u16) -> Vec<ToServer> {
    let addresses = place::addresses(seen);
    let place = Place::of(seen).ok().filter(|place| place.id.is_some());
    let subnet = place.and_then(|place| place.subnet);
    let nets = subnet.map(|subnet| subnet.prefixes.as_slice()).unwrap_or_default();
    let is_server = |ip: &IpAddr| {
        addresses.contains(ip) || (addresses.is_empty() && nets.iter().any(|net| net.contains(ip)))
    };
    let mut found = Vec::new();
    for one in all(seen) {
        let (Some(from), Some(to)) = (one.source, one.destination.filter(is_server)) else {
            continue;
        };
        let (reached, by) = match &one.result {
            Measured::IpFlow { allowed, rule, .. } if one.port == Some(port) => {
                (*allowed, Some(rule.clone()).filter(|_| !allowed))
            }
            Measured::Connection { reachable, rules, .. }
                if one.port.is_none_or(|one| one == port) =>
            {
                (*reachable, rules.first().cloned())
            }
            Measured::NextHop { hop: NextHop::None, .. } => (false, None),
            _ => continue,
        };
        found.push(ToServer { from, to, reached, by, line: line(one) });
    }
    found
}

/// Whether an address is of a subnet with the route table of the server's subnet.
fn shares_routes(from: IpAddr, place: &Place<'_>) -> bool {
    let (Some(network), Some(own)) = (place.network, place.subnet) else { return false };
    let of = |net: &IpNet| net.contains(&from);
    let mut subnets = network.subnets.iter().filter(|one| one.prefixes.iter().any(of));
    subnets.any(|one| match (&one.route_table, &own.route_table) {
        (Some(one), Some(own)) => like(one, own),
        (None, None) => true,
        _ => false,
    })
}

fn line(one: &Measurement) -> String {
    let end = |ip: Option<IpAddr>| ip.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
    let port = one.port.map(|port| format!(":{port}")).unwrap_or_default();
    let what = match &one.result {
        Measured::NextHop { hop, address, .. } => {
            let hop = match hop {
                NextHop::Internet => "Internet",
                NextHop::VirtualAppliance => "VirtualAppliance",
                NextHop::VirtualNetworkGateway => "VirtualNetworkGateway",
                NextHop::VirtualNetwork => "VirtualNetwork",
                NextHop::None => "None",
                NextHop::Unknown => "not known",
            };
            let address = address.map(|ip| format!(" {ip}")).unwrap_or_default();
            format!("the next hop is {hop}{address}")
        }
        Measured::IpFlow { allowed, rule, .. } => {
            format!("rule {rule} {} it", if *allowed { "allows" } else { "denies" })
        }
        Measured::Connection { reachable: true, .. } => "a connection was made".to_owned(),
        Measured::Connection { .. } => "no connection was made".to_owned(),
    };
    format!(
        "network-watcher: from {} to {}{port}, {what} (at the time of the measurement)",
        end(one.source),
        end(one.destination)
    )
}
