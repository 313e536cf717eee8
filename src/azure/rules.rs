//! Security rules and routes, of groups, of effective configurations and on their own.

use super::{kind::name_of, node::Node};
use entra_pg_checks::{
    facts::azure_network::{
        Access, AdminRule, AdminScope, Direction, Endpoint, NextHop, PortRange, Protocol, Route,
        RouteTable, SecurityGroup, SecurityRule,
    },
    support::{azure::tags::unreadable, service_tags::IpNet},
};
use std::net::IpAddr;

/// Rules of one group, and routes of one table, that are read.
/// Source: Microsoft Learn, "Azure networking limits": 1,000 rules, 400 routes.
pub(super) const MAX_RULES: usize = 5_000;
pub(super) use entra_pg_checks::support::azure::place::EFFECTIVE;
/// The start of the id of effective routes: their file follows, since each is of one interface.
pub(super) const EFFECTIVE_ID: &str = "effective:";

pub(super) fn group(node: &Node, name: &str) -> Result<SecurityGroup, String> {
    let own = || ["securityrules", "securityrule"].iter().flat_map(|key| node.field(key).items());
    known(node, &["securityrules", "securityrule"], &format!("network security group {name:.80}"))?;
    if own().count() > MAX_RULES {
        return Err(format!(
            "network security group {name:.80}: more than {MAX_RULES} rules, of which Azure allows 1,000"
        ));
    }
    let own = own();
    let mut rules = own.map(|one| rule(one, false)).collect::<Result<Vec<_>, _>>()?;
    for one in node.field("defaultsecurityrules").items() {
        rules.push(rule(one, true)?);
    }
    // They cannot be removed; an export may leave them out.
    let missing = |one: &SecurityRule| {
        !rules.iter().any(|known| {
            known.default && known.name == one.name && known.direction == one.direction
        })
    };
    let missing: Vec<SecurityRule> = default_rules().into_iter().filter(missing).collect();
    rules.extend(missing);
    let subnets = node.field("subnets").items().iter().filter_map(|one| one.get("id").owned());
    Ok(SecurityGroup {
        id: node.get("id").owned().unwrap_or_default(),
        name: name.to_owned(),
        rules,
        subnets: subnets.collect(),
        effective: false,
    })
}

/// Lists that an expression or a loop makes are not known, and are not empty.
pub(super) fn known(node: &Node, lists: &[&str], what: &str) -> Result<(), String> {
    match lists.iter().find(|key| node.field(key).is_expression()) {
        Some(_) => {
            Err(format!("{what}: an expression or a loop that is not evaluated makes its parts"))
        }
        None => Ok(()),
    }
}

/// The group of a rule that was exported without it.
pub(super) fn empty_group(rule: &Node, name: &str) -> SecurityGroup {
    let id = rule.get("id").text().unwrap_or_default();
    let id =
        ["/securityRules/", "/defaultSecurityRules/"].iter().find_map(|part| id.split_once(part));
    SecurityGroup {
        id: id.map(|(head, _)| head.to_owned()).unwrap_or_default(),
        name: name.to_owned(),
        rules: default_rules(),
        subnets: Vec::new(),
        effective: false,
    }
}

/// The rules that apply to a network interface, in which Azure has replaced tags by prefixes.
pub(super) fn effective_group(node: &Node) -> Result<SecurityGroup, String> {
    let id = node.field("networksecuritygroup").get("id").owned().unwrap_or_default();
    let subnet = node.field("association").get("subnet").get("id").owned();
    let rules = node.field("effectivesecurityrules").items();
    Ok(SecurityGroup {
        name: id.rsplit('/').next().unwrap_or_default().to_owned(),
        rules: rules.iter().map(|one| rule(one, false)).collect::<Result<Vec<_>, _>>()?,
        subnets: subnet.into_iter().collect(),
        effective: true,
        id,
    })
}

/// The rules that every group has, for exports without them.
/// Source: Microsoft Learn, "Network security groups", default security rules.
fn default_rules() -> Vec<SecurityRule> {
    use Access::{Allow, Deny};
    use Direction::{Inbound, Outbound};
    let tag = |name: &str| vec![Endpoint::Tag(name.to_owned())];
    let any = || vec![Endpoint::Any];
    let network = || tag("VirtualNetwork");
    [
        ("AllowVnetInBound", 65000, Inbound, Allow, network(), network()),
        ("AllowAzureLoadBalancerInBound", 65001, Inbound, Allow, tag("AzureLoadBalancer"), any()),
        ("DenyAllInBound", 65500, Inbound, Deny, any(), any()),
        ("AllowVnetOutBound", 65000, Outbound, Allow, network(), network()),
        ("AllowInternetOutBound", 65001, Outbound, Allow, any(), tag("Internet")),
        ("DenyAllOutBound", 65500, Outbound, Deny, any(), any()),
    ]
    .into_iter()
    .map(|(name, priority, direction, access, sources, destinations)| SecurityRule {
        name: name.to_owned(),
        priority,
        direction,
        access,
        protocol: Protocol::Any,
        source_ports: vec![ALL_PORTS],
        destination_ports: vec![ALL_PORTS],
        sources,
        destinations,
        default: true,
    })
    .collect()
}

const ALL_PORTS: PortRange = PortRange { first: 0, last: u16::MAX };

pub(super) fn rule(node: &Node, default: bool) -> Result<SecurityRule, String> {
    let name = name_of(node);
    let wrong = |what: &str, seen: &str| format!("security rule {name}: {what} is \"{seen:.80}\"");
    let lower = |key: &str| node.field(key).text().unwrap_or_default().to_ascii_lowercase();
    let direction = match lower("direction").as_str() {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        other => return Err(wrong("direction", other)),
    };
    let access = match lower("access").as_str() {
        "allow" => Access::Allow,
        "deny" => Access::Deny,
        other => return Err(wrong("access", other)),
    };
    // A part that is not understood leaves open what the rule matches.
    let mut open: Option<String> = None;
    let mut not_read = |what: &str, text: &str| {
        open.get_or_insert_with(|| format!("{what} \"{text:.80}\" of rule {name}"));
    };
    let protocol = match lower("protocol").as_str() {
        "*" | "all" | "any" => Protocol::Any,
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" | "icmpv6" | "ah" | "esp" => Protocol::Other,
        other => {
            not_read("protocol", other);
            Protocol::Any
        }
    };
    let priority = node.field("priority").number().and_then(|number| u16::try_from(number).ok());
    let priority = priority.ok_or_else(|| wrong("priority", "not a number up to 65535"))?;
    let mut range = |keys: [&str; 2]| {
        ports(node, keys).unwrap_or_else(|text| {
            not_read("port range", &text);
            vec![ALL_PORTS]
        })
    };
    let source_ports = range(["sourceportrange", "sourceportranges"]);
    let destination_ports = range(["destinationportrange", "destinationportranges"]);
    let destinations = match open {
        Some(what) => vec![Endpoint::Tag(what)],
        None => ends(node, "destination", &name),
    };
    Ok(SecurityRule {
        priority,
        direction,
        access,
        protocol,
        source_ports,
        destination_ports,
        sources: ends(node, "source", &name),
        destinations,
        default,
        name,
    })
}

fn ports(node: &Node, keys: [&str; 2]) -> Result<Vec<PortRange>, String> {
    let mut all = Vec::new();
    for item in keys.iter().flat_map(|key| node.field(key).items()) {
        match item {
            Node::Text(text) if text.is_empty() => {}
            Node::Map(_) | Node::List(_) => return Err("an object".to_owned()),
            other => {
                let text = raw(other);
                all.push(port_range(&text).ok_or(text)?);
            }
        }
    }
    Ok(if all.is_empty() { vec![ALL_PORTS] } else { all })
}

/// A text as it is, expressions of templates included, which no reader understands.
fn raw(node: &Node) -> String {
    match node {
        Node::Text(text) => text.clone(),
        other => other.scalar().unwrap_or_default(),
    }
}

/// `*`, or the portal's word for it.
fn is_any(text: &str) -> bool {
    text == "*" || text.eq_ignore_ascii_case("any")
}

pub(super) fn port_range(text: &str) -> Option<PortRange> {
    if is_any(text) {
        return Some(ALL_PORTS);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(PortRange { first, last })
}

/// The sources or destinations of a rule. Expanded prefixes, where Azure gives them, replace tags. One
/// that is not understood may hold any address, and is told apart from those of other rules.
fn ends(node: &Node, side: &str, rule: &str) -> Vec<Endpoint> {
    let of_rule = |text: &str| Endpoint::Tag(format!("\"{text:.80}\" of rule {rule}"));
    let read = |text: &str| match endpoint(text) {
        Some(Endpoint::Tag(name)) if unreadable(&name) => of_rule(text),
        Some(known) => known,
        None => of_rule(text),
    };
    let key = |suffix: &str| format!("{side}{suffix}");
    let expanded = node.field(&format!("expanded{side}addressprefix"));
    let given = [key("addressprefix"), key("addressprefixes")];
    let texts: Vec<&Node> = if expanded.items().is_empty() {
        given.iter().flat_map(|key| node.field(key).items()).collect()
    } else {
        expanded.items().iter().collect()
    };
    let mut all = Vec::new();
    for text in texts {
        // Security admin rules wrap each prefix.
        let text = if text.is_map() { raw(text.get("addressprefix")) } else { raw(text) };
        if !text.is_empty() {
            all.push(read(&text));
        }
    }
    for item in [key("s")].iter().flat_map(|key| node.field(key).items()) {
        let text = raw(item.get("addressprefix"));
        if !text.is_empty() {
            all.push(read(&text));
        }
    }
    for item in node.field(&key("applicationsecuritygroups")).items() {
        all.extend(item.get("id").owned().map(Endpoint::Group));
    }
    all.extend(
        node.field(&key("applicationsecuritygroupids"))
            .texts()
            .map(|id| Endpoint::Group(id.to_owned())),
    );
    if all.is_empty() {
        all.push(Endpoint::Tag(format!("the missing {side} of rule {rule}")));
    }
    all
}

/// `*`, a prefix, an address, or the name of a service tag.
pub(super) fn endpoint(text: &str) -> Option<Endpoint> {
    if is_any(text) {
        return Some(Endpoint::Any);
    }
    if let Some(net) = prefix(text) {
        return Some(Endpoint::Prefix(net));
    }
    let like_an_address =
        text.starts_with(|c: char| c.is_ascii_digit()) || text.contains([':', '/', ' ', '[']);
    (!like_an_address).then(|| Endpoint::Tag(text.to_owned()))
}

pub(super) fn prefix(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .ok()
}

/// Prefixes of a list; `what` names it in errors.
pub(super) fn prefixes(list: &Node, what: &str) -> Result<Vec<IpNet>, String> {
    list.texts()
        .map(|text| prefix(text).ok_or_else(|| format!("{what} holds \"{text:.80}\"")))
        .collect()
}

pub(super) fn table(node: &Node, name: &str) -> Result<RouteTable, String> {
    let all = || ["routes", "route"].iter().flat_map(|key| node.field(key).items());
    known(node, &["routes", "route"], &format!("route table {name:.80}"))?;
    if all().count() > MAX_RULES {
        return Err(format!(
            "route table {name:.80}: more than {MAX_RULES} routes, of which Azure allows 400"
        ));
    }
    let all = all();
    let routes: Result<Vec<Vec<Route>>, String> = all.map(routes).collect();
    let propagation = node.field("disablebgproutepropagation").flag().map(|disabled| !disabled);
    let subnets = node.field("subnets").items().iter().filter_map(|one| match one {
        Node::Text(_) => one.owned(),
        one => one.get("id").owned(),
    });
    Ok(RouteTable {
        id: node.get("id").owned().unwrap_or_default(),
        name: name.to_owned(),
        routes: routes?.into_iter().flatten().collect(),
        subnets: subnets.collect(),
        bgp_propagation: propagation.or_else(|| node.field("bgproutepropagationenabled").flag()),
    })
}

/// The table of a route that was exported without it.
pub(super) fn empty_table(route: &Node, id: &str, name: &str) -> RouteTable {
    let own = route.get("id").text().and_then(|id| id.split_once("/routes/"));
    RouteTable {
        id: own.map_or(id, |(head, _)| head).to_owned(),
        name: name.to_owned(),
        // Effective routes include those that gateways announce.
        bgp_propagation: (name == EFFECTIVE).then_some(false),
        ..RouteTable::default()
    }
}

/// The next hop of a route, of an effective route or of Network Watcher.
pub(super) fn next_hop(name: &str) -> Option<NextHop> {
    Some(match name.to_ascii_lowercase().as_str() {
        "internet" | "virtualnetworkserviceendpoint" | "microsoftedge" => NextHop::Internet,
        "virtualappliance" | "virtualapplianceecmp" => NextHop::VirtualAppliance,
        "virtualnetworkgateway" | "hypernetgateway" => NextHop::VirtualNetworkGateway,
        "vnetlocal"
        | "vnetpeering"
        | "vnetglobalpeering"
        | "interfaceendpoint"
        | "virtualnetwork"
        | "virtualnetworkpeering" => NextHop::VirtualNetwork,
        "none" | "null" => NextHop::None,
        _ => return None,
    })
}

/// A route, or an effective one with several prefixes. One that is not active is none.
pub(super) fn routes(node: &Node) -> Result<Vec<Route>, String> {
    let given = node.get("name").text().map(str::to_owned);
    let state = node.field("state").text().unwrap_or("Active");
    if state.eq_ignore_ascii_case("Invalid") {
        return Ok(Vec::new());
    }
    let hop = node.field("nexthoptype").text().unwrap_or_default();
    let name = given.unwrap_or_else(|| format!("to {hop}"));
    let next_hop = next_hop(hop).unwrap_or(NextHop::Unknown);
    let address = ["nexthopipaddress", "nexthopinipaddress"]
        .iter()
        .find_map(|key| node.field(key).texts().next());
    let next_hop_address = address.and_then(|text| text.parse().ok());
    let to: Vec<String> = node.field("addressprefix").items().iter().map(raw).collect();
    let of_route = |text: &str| Endpoint::Tag(format!("\"{text:.80}\" of route {name}"));
    let destinations = to.iter().filter(|text| !text.is_empty()).map(|text| match endpoint(text) {
        None | Some(Endpoint::Any) => of_route(text),
        Some(Endpoint::Tag(tag)) if unreadable(&tag) => of_route(text),
        Some(known) => known,
    });
    let destinations: Vec<Endpoint> = destinations.collect();
    if destinations.is_empty() {
        return Err(format!("route {name}: addressPrefix is missing"));
    }
    let user =
        node.field("source").text().is_some_and(|source| source.eq_ignore_ascii_case("User"));
    let route =
        |destination| Route { name: name.clone(), destination, next_hop, next_hop_address, user };
    Ok(destinations.into_iter().map(route).collect())
}

/// A security admin rule. `AlwaysAllow` is an access of its own.
pub(super) fn admin_rules(node: &Node) -> Result<Vec<AdminRule>, String> {
    let access =
        ["access", "action"].iter().find_map(|key| node.field(key).text()).unwrap_or_default();
    let always = access.eq_ignore_ascii_case("AlwaysAllow");
    let Node::Map(entries) = node else { return Ok(Vec::new()) };
    let mut entries = entries.clone();
    let plain = if always { "Allow" } else { access };
    if let Some((_, Node::Map(properties))) =
        entries.iter_mut().find(|(key, _)| key == "properties")
    {
        properties.retain(|(key, _)| key != "access");
        properties.push(("access".to_owned(), Node::Text(plain.to_owned())));
    } else {
        entries.retain(|(key, _)| key != "access");
        entries.push(("access".to_owned(), Node::Text(plain.to_owned())));
    }
    Ok(vec![AdminRule { rule: rule(&Node::Map(entries), false)?, always, scope: scope(node) }])
}

/// Where an admin rule applies: Azure lists effective rules with the groups of their collection. Active
/// rules, which have the time of their deployment, and configured ones do not say to which network.
fn scope(node: &Node) -> AdminScope {
    let has = |key: &str| !node.field(key).is_null();
    let listed = has("rulecollectionappliestogroups") || has("rulegroups");
    if listed && !has("committime") {
        return match node.get("virtualnetworkid").text() {
            Some(id) => AdminScope::Network(id.to_owned()),
            None => AdminScope::Unnamed,
        };
    }
    let id = node.get("id").text().unwrap_or_default();
    let collection = id.rsplit_once('/').and_then(|(parent, _)| parent.strip_suffix("/rules"));
    let named = collection.or_else(|| node.field("adminrulecollectionid").text());
    AdminScope::Configured(named.unwrap_or_default().to_owned())
}
