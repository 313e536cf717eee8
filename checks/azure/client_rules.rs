//! Whether the security group and the routes of this machine's own subnet let it reach the server, and
//! what Network Watcher measured on the way from a machine to the server.

use super::{
    addresses::Addresses,
    egress_rules::line,
    measured::{self, ToServer},
    place, room, routing,
    security::{self, Inside, Outcome, Rules, Service},
    tags::Tags,
    way_out::{Own, on_subnet, table_of},
    words::{connected, network_group, on_group, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure::Azure,
        azure_network::{
            Access, Direction, Endpoint, NextHop, Protocol, Route, RouteTable, SecurityGroup,
        },
    },
    support::service_tags::IpNet,
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::{IpAddr, Ipv4Addr};

/// The subnet of this machine lets it reach the server.
pub static CHECK: Check = Check {
    id: "azure/client-rules",
    asserts: "the rules and routes of this machine's subnet let it reach the server",
    needs: &[Topic::Settings, Topic::Dns, Topic::Server, Topic::Azure],
    problems: &[&CLIENT_RULES_BLOCK],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let port = seen.settings.get()?.port.value;
    let local = seen.server.seen().and_then(|server| server.local);
    let results = measured::to_server(seen, port);
    let own = |one: &&ToServer| local.is_none_or(|local| one.from == local);
    if let Some(result) = results.iter().filter(own).find(|one| !one.reached) {
        let finding = by_measurement(result, local == Some(result.from));
        return Ok(seen_or(seen, finding));
    }
    let Some(own) = Own::of(seen, azure) else {
        return Ok(Verdict::NotApplicable(match results.iter().find(own) {
            Some(result) => result.line.clone(),
            None => "the address of this machine is in no subnet that was given".to_owned(),
        }));
    };
    let name = &own.subnet.name;
    if connected(seen) {
        return Ok(Verdict::Passed(format!("TCP {port} connects from subnet {name}")));
    }
    let to: Vec<Ipv4Addr> = place::addresses(seen)
        .into_iter()
        .filter_map(|ip| match ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
        .collect();
    if to.is_empty() {
        return Ok(Verdict::NotApplicable("the server's address is not known".to_owned()));
    }
    let table = table_of(azure, own.subnet)?;
    if let Some(missing) = table.and_then(|table| route_unknown(table, &to)) {
        return Err(missing);
    }
    if let Some(finding) = table.and_then(|table| by_route(seen, &own, table, &to)) {
        return Ok(seen_or(seen, finding));
    }
    match group_of(azure, &own)? {
        Some(group) => by_group(seen, azure, &own, group, table, &to, port),
        None => Ok(Verdict::Passed(format!("subnet {name} has no security group"))),
    }
}

fn seen_or(seen: &Evidence, finding: Finding) -> Verdict {
    let words = "the server's port accepts connections";
    Verdict::found(unless_seen(seen, finding, connected(seen), words))
}

/// What Network Watcher measured. It is the present state only at the moment of the measurement.
fn by_measurement(result: &ToServer, this_machine: bool) -> Finding {
    let ToServer { from, to, by, line, .. } = result;
    let subject = from.to_string();
    let detail = match by {
        Some(rule) => {
            format!(
                "rule {rule} blocks {from} from {to} of the server, as Network Watcher measured"
            )
        }
        None => format!("{from} does not reach {to} of the server, as Network Watcher measured"),
    };
    let finding = Finding::of(&CLIENT_RULES_BLOCK, &subject, detail)
        .because(line.clone())
        .sure(Confidence::Likely)
        .fix(Fix::by(
            Actor::Network,
            "Allow this client to the server's port in that rule's group, or measure again if it was changed since",
        ));
    // Another machine than this one may not be a client of the server at all.
    if this_machine { finding } else { finding.severity(Severity::Warning) }
}

/// The security group on the subnet of this machine.
fn group_of<'a>(azure: &'a Azure, own: &Own<'_>) -> Result<Option<&'a SecurityGroup>, Missing> {
    let about = |one: &'a SecurityGroup| (one.id.as_str(), one.name.as_str());
    let id = own.subnet.security_group.as_deref();
    on_subnet(&azure.security_groups, own.subnet, id, about, |name| {
        Missing::not_decided(
            format!("the security group {name} of subnet {} was not given", own.subnet.name),
            "`az network nsg show -g $NETWORK_RG -n $NSG -o json` (--azure-config)",
        )
    })
}

fn by_group(
    seen: &Evidence,
    azure: &Azure,
    own: &Own<'_>,
    group: &SecurityGroup,
    table: Option<&RouteTable>,
    to: &[Ipv4Addr],
    port: u16,
) -> Result<Verdict, Missing> {
    let tags = Tags::of(seen);
    let routed = match table {
        Some(table) => routing::routed(table, &tags),
        None => Some(Addresses::default()),
    };
    let inside = Inside {
        server: match own.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        },
        subnet: &own.subnet.prefixes,
        network: &own.network.address_space,
        gateway: own.network.has_gateway() == Some(true),
        routed: routed.as_ref(),
        interfaces: azure.interfaces.seen().map(Vec::as_slice).unwrap_or_default(),
    };
    let target = Addresses::union(&to.iter().map(|ip| Addresses::one(*ip)).collect::<Vec<_>>());
    let rules = Rules { group: Some(group), admin: &[], inside };
    let service = Service { port, protocol: Protocol::Tcp };
    let outcome = security::outbound_to(rules, service, &target);
    let (name, subnet) = (&group.name, &own.subnet.name);
    let list = text::list(to, 3);
    let open = opens(azure, group, &outcome);
    if let Some(what) =
        open.filter(|_| !outcome.may_allow.is_empty() || !outcome.denied().is_empty())
    {
        return Err(Missing::not_decided(
            format!("whether {name} lets subnet {subnet} reach {list} depends on {what}"),
            "`az network nic list-effective-nsg -g $RG -n $NIC -o json` of this machine".to_owned(),
        ));
    }
    if !outcome.may_allow.is_empty() {
        return Ok(Verdict::Passed(format!(
            "{name} lets subnet {subnet} reach TCP {port} of {list}"
        )));
    }
    Ok(seen_or(seen, denied(group, &outcome, own, (&list, to), port)))
}

/// Why the rules do not decide: what is not known of the addresses, of groups of machines that this one
/// may be in, or of security admin rules of its network.
fn opens(azure: &Azure, group: &SecurityGroup, outcome: &Outcome<'_>) -> Option<&'static str> {
    let grouped = group.rules.iter().any(|rule| {
        rule.direction == Direction::Outbound
            && rule.sources.iter().any(|end| matches!(end, Endpoint::Group(_)))
    });
    if !outcome.undecided().is_empty() {
        Some("addresses that are not known")
    } else if grouped {
        Some("the application security groups of this machine")
    } else if azure.admin_rules.seen().is_some_and(|rules| !rules.is_empty()) {
        Some("the security admin rules of its network")
    } else {
        None
    }
}

fn denied(
    group: &SecurityGroup,
    outcome: &Outcome<'_>,
    own: &Own<'_>,
    (list, to): (&str, &[Ipv4Addr]),
    port: u16,
) -> Finding {
    let rule = outcome.by.iter().find_map(|(rule, _)| *rule);
    let rule = rule.filter(|rule| rule.access == Access::Deny);
    let (name, subnet) = (&group.name, &own.subnet.name);
    let detail = match rule {
        Some(rule) => format!(
            "rule {} (priority {}) of {name} blocks subnet {subnet} of this machine from TCP {port} of {list}",
            rule.name, rule.priority
        ),
        None => format!("no rule of {name} lets subnet {subnet} of this machine reach {list}"),
    };
    let before = rule.map_or(u16::MAX, |rule| rule.priority);
    let number = room::free(group, Direction::Outbound, before).map(|number| number.to_string());
    let command = Command::new(
        "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n AllowPostgreSQLOutBound \
         --priority $PRIORITY --direction Outbound --access Allow --protocol Tcp \
         --destination-port-ranges 5432 6432 --destination-address-prefixes",
    )
    .value(to.first().map(ToString::to_string).unwrap_or_default());
    Finding::of(&CLIENT_RULES_BLOCK, name, detail)
        .because_all(rule.map(|rule| format!("azure-config: {} decides", line(rule))))
        .fix(
            Fix::by(Actor::Network, "Allow the server's port before that rule")
                .run(on_group(command, &group.id, name).with("PRIORITY", number.as_deref())),
        )
}

/// A route that may take what is meant for the server, and is not understood.
fn route_unknown(table: &RouteTable, to: &[Ipv4Addr]) -> Option<Missing> {
    let takes = |net: &IpNet| to.iter().any(|ip| net.contains(&IpAddr::V4(*ip)));
    let route = routing::unread(table, takes)?;
    Some(Missing::not_decided(
        format!("route {} of {} is not understood", route.name, table.name),
        "`az network nic show-effective-route-table -g $RG -n $NIC -o json` of this machine (--azure-config)".to_owned(),
))
}

/// A route of the subnet that drops what is meant for the server: the longest prefix decides, and a
/// user-defined route goes before a system route of the same length. A private endpoint has a route of
/// its own in every connected network. Source: Microsoft Learn, "Virtual network traffic routing".
fn by_route(
    seen: &Evidence,
    own: &Own<'_>,
    table: &RouteTable,
    to: &[Ipv4Addr],
) -> Option<Finding> {
    let system = |ip: &IpAddr| {
        let holding = own.network.address_space.iter().filter(|net| net.contains(ip));
        holding.map(ipnet::IpNet::prefix_len).max()
    };
    let chosen = |ip: Ipv4Addr| -> Option<&Route> {
        let ip = IpAddr::V4(ip);
        let holding = table.routes.iter().filter_map(|route| match &route.destination {
            Endpoint::Prefix(net) if net.contains(&ip) => Some((net.prefix_len(), route)),
            _ => None,
        });
        let (length, route) = holding.max_by_key(|(length, _)| *length)?;
        (system(&ip).is_none_or(|system| length >= system)).then_some(route)
    };
    if place::endpoint_addresses(seen).iter().any(|ip| to.iter().any(|to| IpAddr::V4(*to) == *ip)) {
        return None;
    }
    let routes: Option<Vec<&Route>> = to.iter().map(|ip| chosen(*ip)).collect();
    let routes = routes.filter(|all| all.iter().all(|route| route.next_hop == NextHop::None))?;
    let route = routes.first()?;
    let detail = format!(
        "route {} of {} drops what subnet {} of this machine sends to {}",
        route.name,
        table.name,
        own.subnet.name,
        text::list(to, 3)
    );
    let command = Command::new(
        "az network route-table route create -g $NETWORK_RG --route-table-name $ROUTE_TABLE \
         -n Server --next-hop-type VnetLocal --address-prefix",
    )
    .value(format!("{}/32", to.first()?));
    let command = network_group(command, &table.id).with("ROUTE_TABLE", Some(&table.name));
    Some(Finding::of(&CLIENT_RULES_BLOCK, &table.name, detail).fix(
        Fix::by(Actor::Network, "Route the server's address to the virtual network").run(command),
    ))
}

/// Rules or routes on the client's side keep it from the server.
pub static CLIENT_RULES_BLOCK: Problem = Problem {
    id: "azure/client-rules-block",
    title: "rules on the client's side in Azure keep it from the server",
    explains: &["server/*", "login/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The network security group or the route table of the subnet that the client is in stops \
            its packets before they reach the server, or Network Watcher measured that they are stopped \
            on the way.",
        causes: &[
            "a rule that denies all outbound traffic has a lower number than one that allows 5432",
            "0.0.0.0/0 has next hop None, and the server is in a network that is not peered",
            "a rule was written for the server's old address",
        ],
        confirm: &[
            "`az network nsg show -g $NETWORK_RG -n $NSG --query \
                '[securityRules,defaultSecurityRules][]' -o table`: the first outbound rule that \
                matches decides",
            "`az network watcher test-ip-flow -g $RG --vm $VM --direction Outbound --protocol TCP --local $ADDRESS:60000 --remote $SERVER_ADDRESS:5432`",
        ],
        fix: &[(
            Actor::Network,
            "allow outbound TCP 5432 (and 6432) to the server with a lower number than the rule that denies",
        )],
        mistaken_for: &[
            "azure/nsg-blocks-postgresql: there the group of the server's subnet denies it",
            "server/dropped: what the client sees of it",
        ],
        sources: &[
            "Microsoft Learn: Network security groups",
            "Microsoft Learn: Virtual network traffic routing",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{Status, judge, support::testing::healthy_but};
    use serde_json::{Value, json};

    const SUBNET: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/app";

    fn rule(access: &str, source: &Value) -> Value {
        let ports = json!([{"first": 0, "last": 65535}]);
        json!({"name": "D", "priority": 100, "direction": "outbound", "access": access,
            "protocol": "any", "source_ports": ports, "destination_ports": ports,
            "sources": [source], "destinations": ["any"]})
    }

    fn said(kind: &str, azure: Value) -> (Status, String) {
        let seen = healthy_but(&[
            ("/server/seen/local", json!("10.1.9.4")),
            ("/server/seen/tcp/0/address", json!("10.1.2.6:5432")),
            ("/server/seen/tcp/0/outcome/kind", json!(kind)),
            ("/azure", json!({"seen": azure})),
        ]);
        let judged = judge(&[&CHECK], &seen, |_| true);
        let found = judged.findings.first().map(|one| one.finding.detail.clone());
        (judged.lines[0].status, found.unwrap_or_else(|| judged.lines[0].detail.clone()))
    }

    fn world(rule: &Value, route: Option<&Value>) -> Value {
        let table = route.map(|_| "/t");
        let routes: Vec<&Value> = route.into_iter().collect();
        let subnet = json!({"id": SUBNET, "name": "app", "prefixes": ["10.1.9.0/24"],
            "security_group": "/n", "route_table": table});
        json!({
            "networks": {"seen": [{"id": "/v", "name": "vnet", "address_space": ["10.1.0.0/16"],
                "subnets": [subnet]}]},
            "security_groups": {"seen": [{"id": "/n", "name": "nsg-app", "rules": [rule]}]},
            "route_tables": {"seen": [{"id": "/t", "name": "rt-app", "routes": routes}]},
        })
    }

    #[test]
    fn what_is_not_understood_decides_nothing() {
        let odd = json!({"tag": "\"x.x.9.x/24\" of rule D"});
        let (status, detail) = said("silent", world(&rule("allow", &odd), None));
        assert_eq!(status, Status::Undetermined, "{detail}");
        let allow = rule("allow", &json!("any"));
        for (destination, hop) in [
            (json!({"prefix": "10.1.2.0/24"}), "unknown"),
            (json!({"tag": "\"x.x.2.x/24\" of route r"}), "none"),
        ] {
            let route = json!({"name": "r", "destination": destination, "next_hop": hop,
                "next_hop_address": null});
            let (status, detail) = said("silent", world(&allow, Some(&route)));
            assert_eq!(status, Status::Undetermined, "{detail}");
        }
    }

    #[test]
    fn the_group_of_the_clients_subnet_is_judged() {
        let deny = rule("deny", &json!("any"));
        let (status, detail) = said("silent", world(&deny, None));
        assert_eq!(status, Status::Failed, "{detail}");
        assert!(detail.contains("rule D (priority 100) of nsg-app"), "{detail}");
        assert_eq!(said("silent", world(&rule("allow", &json!("any")), None)).0, Status::Passed);
        assert_eq!(said("connected", world(&deny, None)).0, Status::Passed);
        // A rule for other machines does not concern this one; one for a group of machines may.
        let other = rule("deny", &json!({"prefix": "10.1.9.5/32"}));
        let (_, detail) = said("silent", world(&other, None));
        assert!(detail.contains("no rule of nsg-app"), "{detail}");
        let grouped = rule("deny", &json!({"group": "/asg"}));
        assert_eq!(said("silent", world(&grouped, None)).0, Status::Undetermined);
    }

    #[test]
    fn a_reduced_document_of_the_subnet_decides_nothing() {
        let mut azure = world(&rule("allow", &json!("any")), None);
        let subnet = &mut azure["networks"]["seen"][0]["subnets"][0];
        subnet["security_group"] = Value::Null;
        assert_eq!(said("silent", azure.clone()).0, Status::Passed);
        azure["networks"]["seen"][0]["subnets"][0]["partial"] = json!(true);
        let (status, detail) = said("silent", azure);
        assert_eq!(status, Status::Undetermined, "{detail}");
        assert!(detail.contains("subnet app does not say"), "{detail}");
    }

    #[test]
    fn a_route_of_the_clients_subnet_is_judged() {
        let allow = rule("allow", &json!("any"));
        let route = |to: &str| {
            json!({"name": "r", "destination": {"prefix": to}, "next_hop": "none",
                "next_hop_address": null})
        };
        let (status, detail) = said("silent", world(&allow, Some(&route("10.1.0.0/16"))));
        assert_eq!(status, Status::Failed, "{detail}");
        // The route of the network itself is longer.
        let (status, detail) = said("silent", world(&allow, Some(&route("0.0.0.0/0"))));
        assert_eq!(status, Status::Passed, "{detail}");
    }
}
