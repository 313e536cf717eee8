//! Whether the server's subnet has only what Azure supports on a delegated subnet.

use super::{
    egress_rules::of_group,
    place::{self, DELEGATION, Found, Place},
    routing,
    tags::like,
    words::{network_group, on_group},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure_network::{
            Endpoint, NextHop, Route, RouteTable, SecurityGroup, SecurityRule, Subnet,
        },
    },
    support::service_tags::IpNet,
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Rules and routes are of a kind that is supported.
pub static CHECK: Check = Check {
    id: "azure/delegated-subnet",
    asserts: "the server's subnet has only rules and routes that Azure supports there",
    needs: &[Topic::Settings, Topic::Azure],
    problems: &[&ASG_NOT_SUPPORTED, &SUBNET_ROUTE_OVERRIDDEN],
    decisive: false,
    judge: Judge::Once(judge),
};

/// Rules and routes that are named in a sentence.
const NAMED: usize = 3;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let (group, table) = (place.security_group(), place.route_table());
    let mut findings = Vec::new();
    if let Ok(Found::This(group, _)) = &group {
        findings.extend(application_groups(group));
    }
    if let (Ok(Found::This(table, _)), Some(subnet)) = (&table, place.subnet) {
        let space = place.network.map(|network| network.address_space.as_slice());
        findings.extend(own_route(table, &subnet.prefixes, space.unwrap_or_default()));
    }
    if !findings.is_empty() {
        return Ok(Verdict::unless(findings, String::new));
    }
    if let (Ok(Found::This(table, _)), Some(subnet)) = (&table, place.subnet)
        && let Some(open) = unread_route(table, &subnet.prefixes)
    {
        return Err(open);
    }
    if let Some(other) = place.subnet.and_then(delegated_elsewhere)
        && place::server(seen).is_ok()
    {
        return Err(other);
    }
    let (mut sure, mut by) = (true, String::new());
    if let Found::This(group, known) = group? {
        (sure, by) = (known, of_group(&group.name));
    }
    if let Found::This(table, known) = table?
        && sure
    {
        (sure, by) = (known, format!("the route table {}", table.name));
    }
    let passed = "no application security group, and no route for the subnet's own addresses";
    place.pass(sure, &by, passed.to_owned())
}

/// A flexible server is only in a subnet that is delegated to its service: a document that says
/// otherwise is of another time than that of the server.
fn delegated_elsewhere(subnet: &Subnet) -> Option<Missing> {
    let first = subnet.delegations.first()?;
    if subnet.delegations.iter().any(|to| like(to, DELEGATION)) {
        return None;
    }
    Some(Missing::not_decided(
        format!(
            "subnet {} is delegated to {first}, and the server's document says that the server is in it: one of the two is out of date",
            subnet.name
        ),
        "`az network vnet show -g $NETWORK_RG -n $VNET -o json` and `az postgres flexible-server show -g $RG -n $SERVER -o json` (--azure-config)".to_owned(),
))
}

fn application_groups(group: &SecurityGroup) -> Option<Finding> {
    let names_one = |rule: &&SecurityRule| {
        let mut ends = rule.sources.iter().chain(&rule.destinations);
        ends.any(|end| matches!(end, Endpoint::Group(_)))
    };
    let rules: Vec<&SecurityRule> = group.rules.iter().filter(names_one).collect();
    let first = rules.first()?;
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let detail = format!(
        "{} of {} names an application security group, which is not supported for the server",
        text::list(&names, NAMED),
        group.name
    );
    let is_group = |ends: &[Endpoint]| ends.iter().any(|end| matches!(end, Endpoint::Group(_)));
    let command = Command::new("az network nsg rule update -g $NETWORK_RG --nsg-name $NSG -n");
    let mut command = command.value(&*first.name);
    if is_group(&first.sources) {
        command = command.words("--source-address-prefixes $CLIENT_PREFIX --source-asgs ''");
    }
    if is_group(&first.destinations) {
        command =
            command.words("--destination-address-prefixes $SERVER_PREFIX --destination-asgs ''");
    }
    Some(Finding::of(&ASG_NOT_SUPPORTED, &group.name, detail).fix(
        Fix::by(Actor::Network, "Name the addresses in place of the group").run(on_group(
            command,
            &group.id,
            &group.name,
        )),
    ))
}

/// The route that takes the subnet's own addresses out of the virtual network: the longest prefix
/// decides, and a user-defined route goes before the system route of the same length.
fn own_route(table: &RouteTable, subnet: &[IpNet], space: &[IpNet]) -> Option<Finding> {
    let own = subnet.iter().find(|net| matches!(net, IpNet::V4(_)))?;
    let system = space.iter().filter(|net| net.contains(own)).map(IpNet::prefix_len).max();
    // Without the network, the subnet's own prefix is the only length that is certain.
    let shortest = system.unwrap_or_else(|| own.prefix_len());
    let prefix = |route: &Route| match route.destination {
        Endpoint::Prefix(net) if net.contains(own) || own.contains(&net) => Some(net),
        _ => None,
    };
    let mut routes: Vec<(u8, &Route)> = table
        .routes
        .iter()
        .filter_map(|route| Some((prefix(route)?.prefix_len(), route)))
        .filter(|(length, _)| *length >= shortest)
        .collect();
    routes.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    let route = routes.first().map(|(_, route)| *route)?;
    if matches!(route.next_hop, NextHop::VirtualNetwork | NextHop::Unknown) {
        return None;
    }
    let detail = format!(
        "route {} of {} takes {own}, the server's own subnet, out of the virtual network",
        route.name, table.name
    );
    let command = Command::new(
        "az network route-table route create -g $NETWORK_RG --route-table-name $ROUTE_TABLE \
         -n OwnSubnet --next-hop-type VnetLocal --address-prefix",
    )
    .value(own.to_string());
    let command = network_group(command, &table.id).with("ROUTE_TABLE", Some(&table.name));
    Some(
        Finding::of(&SUBNET_ROUTE_OVERRIDDEN, &table.name, detail).fix(
            Fix::by(Actor::Network, "Route the subnet's own prefix to the virtual network")
                .run(command),
        ),
    )
}

/// A route that may take the subnet's own addresses, of which a part could not be read.
fn unread_route(table: &RouteTable, subnet: &[IpNet]) -> Option<Missing> {
    let overlaps = |net: &IpNet| subnet.iter().any(|own| net.contains(own) || own.contains(net));
    let route = routing::unread(table, overlaps)?;
    let detail = format!("route {} of {} could not be read whole", route.name, table.name);
    let decide = "`az network route-table show -g $NETWORK_RG -n $ROUTE_TABLE -o json`".to_owned();
    Some(Missing::not_decided(detail, decide))
}

/// A rule names an application security group.
pub static ASG_NOT_SUPPORTED: Problem = Problem {
    id: "azure/asg-not-supported",
    title: "a rule of the server's NSG names an application security group",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "Azure does not support a network security group on the subnet of a flexible server \
            if one of its rules names an application security group. Such a rule may not match \
            the traffic that it is meant for.",
        causes: &["the rules were written for virtual machines and reused for the server's subnet"],
        confirm: &["`az network nsg show -g $NETWORK_RG -n $NSG --query \
            'securityRules[?sourceApplicationSecurityGroups||destinationApplicationSecurityGroups].name'`"],
        fix: &[(Actor::Network, "name the address prefixes of the clients in the rule")],
        mistaken_for: &["azure/nsg-blocks-postgresql: there the rules deny the client"],
        sources: &[
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// A route takes the subnet's own addresses elsewhere.
pub static SUBNET_ROUTE_OVERRIDDEN: Problem = Problem {
    id: "azure/subnet-route-overridden",
    title: "a route takes the server's own subnet out of the virtual network",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The route table on the server's subnet sends the addresses of that very subnet to an \
            appliance or nowhere. High availability and replication use port 5432 inside the \
            subnet, and answers to clients of the subnet go astray.",
        causes: &[
            "one route sends the whole address space of the virtual network to a firewall",
            "the subnet's prefix was routed by mistake",
        ],
        confirm: &[
            "`az network route-table show -g $NETWORK_RG -n $ROUTE_TABLE --query routes -o \
            table`: the longest prefix that holds the subnet decides",
        ],
        fix: &[(
            Actor::Network,
            "add a route for the subnet's prefix with next hop Virtual network (VnetLocal)",
        )],
        mistaken_for: &["azure/route-drops-entra: that is the route to Microsoft Entra ID"],
        sources: &[
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::unread_route;
    use crate::facts::azure_network::RouteTable;
    use serde_json::json;

    #[test]
    fn a_route_that_could_not_be_read_leaves_it_open() {
        let subnet = ["10.1.2.0/24".parse().expect("a prefix")];
        let open = |destination, hop: &str| {
            let route = json!({"name": "r", "destination": destination, "next_hop": hop});
            let table: RouteTable =
                serde_json::from_value(json!({"name": "rt", "routes": [route]})).expect("a table");
            unread_route(&table, &subnet).is_some()
        };
        assert!(open(json!({"prefix": "10.1.0.0/16"}), "unknown"));
        assert!(open(json!({"tag": "\"x.x.2.x/24\" of route r"}), "none"));
        assert!(!open(json!({"prefix": "10.50.0.0/16"}), "unknown"));
        assert!(!open(json!({"tag": "AzureActiveDirectory"}), "internet"));
    }
}
