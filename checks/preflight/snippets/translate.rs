//! Commands of the Azure CLI as resources.

use super::resource::{Parent, Resource, TENANT, Tree, Value};
use crate::{
    command::Arguments,
    evidence::Evidence,
    facts::{
        azure::{Azure, id_part},
        azure_network::{Access, Direction, Endpoint, NextHop, PortRange, Protocol, Route},
    },
    support::azure::tags::like,
};

/// What a command is in a template.
pub(super) enum Translated {
    Resource(Box<Resource>),
    /// Why there is none.
    Comment(String),
    /// A part of what another line makes.
    Nothing,
}

type Translate = fn(&Arguments<'_>, &Evidence) -> Translated;

/// Commands and their translations.
const COMMANDS: &[(&[&str], Translate)] = &[
    (&["az", "network", "nsg", "rule", "create"], |line, _| rule(line)),
    (&["az", "network", "nsg", "rule", "update"], changed_rule),
    (&["az", "network", "route-table", "route", "create"], |line, _| route(line)),
    (&["az", "network", "route-table", "route", "update"], changed_route),
    (&["az", "network", "private-dns", "link", "vnet", "create"], |line, _| link(line)),
    (&["az", "network", "private-endpoint", "dns-zone-group", "create"], |line, _| {
        zone_group(line)
    }),
    (&["az", "network", "private-endpoint", "create"], |line, _| endpoint(line)),
    (&["az", "network", "private-endpoint-connection", "approve"], |_, _| {
        comment(
            "The approval is not a property of a template. Run the Azure CLI, or approve it in the portal.",
        )
    }),
    (&["az", "network", "firewall", "policy", "rule-collection-group", "create"], |_, _| {
        Translated::Nothing
    }),
    (&["az", "network", "firewall", "policy", "rule-collection-group", "collection"], |line, _| {
        collection(line)
    }),
    (
        &["az", "network", "manager", "security-admin-config", "rule-collection", "rule"],
        |line, _| admin_rule(line),
    ),
    (&["az", "network", "manager", "post-commit"], |_, _| {
        comment("Then deploy the configuration to the region: az network manager post-commit.")
    }),
    (&["az", "postgres", "flexible-server", "firewall-rule", "create"], |line, _| {
        firewall_rule(line)
    }),
    (&["az", "postgres", "flexible-server", "microsoft-entra-admin", "create"], |line, _| {
        administrator(line)
    }),
    (&["az", "postgres", "flexible-server", "update"], server),
];

/// A line of a command.
pub(super) fn line(line: &Arguments<'_>, seen: &Evidence) -> Translated {
    let known = COMMANDS.iter().find(|(words, _)| line.starts_with(words));
    known.map_or_else(
        || comment("This is not a property of a template. Run the Azure CLI."),
        |(_, translate)| translate(line, seen),
    )
}

fn comment(text: &str) -> Translated {
    Translated::Comment(text.to_owned())
}

fn made(line: &Arguments<'_>, resource: Resource) -> Translated {
    let known = |option: &str| line.value(option).and_then(Result::ok);
    let scope = (known("--subscription"), known("-g"));
    Translated::Resource(Box::new(Resource { scope, ..resource }))
}

/// The value of an option; a description of it if the reader fills it in.
fn named(line: &Arguments<'_>, option: &str) -> String {
    match line.value(option) {
        Some(Ok(value) | Err(value)) => value,
        None => String::new(),
    }
}

/// The id of a resource by its subscription and resource group; a parameter if they are not known.
fn id_of(line: &Arguments<'_>, kind: &str, name: &str, parameter: &'static str) -> Value {
    let known = |option: &str| line.value(option).and_then(Result::ok);
    match (known("--subscription"), known("-g")) {
        (Some(subscription), Some(group)) => text(format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"
        )),
        _ => Value::Parameter(parameter, false),
    }
}

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn number(line: &Arguments<'_>, option: &str) -> Value {
    let digits = |value: &String| !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    match line.value(option).and_then(Result::ok).filter(digits) {
        Some(value) => Value::Number(value),
        None => Value::Parameter("priority", true),
    }
}

/// `sourceAddressPrefix` of one value, `sourceAddressPrefixes` of several.
fn one_or_many(
    one: &'static str,
    many: &'static str,
    mut values: Vec<String>,
) -> (&'static str, Value) {
    match values.len() {
        0 => (one, text("*")),
        1 => (one, text(values.remove(0))),
        _ => (many, Value::List(values.into_iter().map(Value::Text).collect())),
    }
}

fn values(line: &Arguments<'_>, option: &str) -> Vec<String> {
    let values = line.values(option).unwrap_or_default().into_iter();
    values.map(|value| value.unwrap_or_else(|hint| hint)).collect()
}

fn nsg(name: String) -> Vec<Parent> {
    let kind = "Microsoft.Network/networkSecurityGroups@2023-09-01";
    vec![Parent { symbol: "nsg", kind, name }]
}

fn rule_resource(line: &Arguments<'_>, name: String, properties: Tree) -> Resource {
    let group = named(line, "--nsg-name");
    let head: Tree = vec![
        ("name", text(name.clone())),
        ("resourceGroupName", text(named(line, "-g"))),
        ("networkSecurityGroupName", text(group.clone())),
    ];
    let arguments = properties.iter().filter(|(key, _)| !key.ends_with("SecurityGroups"));
    let mut arguments: Tree = head.into_iter().chain(arguments.cloned()).collect();
    for (key, argument) in [
        ("sourceApplicationSecurityGroups", "sourceApplicationSecurityGroupIds"),
        ("destinationApplicationSecurityGroups", "destinationApplicationSecurityGroupIds"),
    ] {
        let ids = properties.iter().find(|(name, _)| *name == key).map(|(_, value)| value);
        if let Some(Value::List(list)) = ids {
            let ids = list.iter().filter_map(|one| match one {
                Value::Tree(tree) => tree.first().map(|(_, id)| id.clone()),
                _ => None,
            });
            arguments.push((argument, Value::List(ids.collect())));
        }
    }
    Resource {
        symbol: "rule",
        kind: "Microsoft.Network/networkSecurityGroups/securityRules@2023-09-01",
        terraform: "azurerm_network_security_rule",
        name,
        parents: nsg(group),
        properties,
        arguments,
        ..Resource::default()
    }
}

fn rule(line: &Arguments<'_>) -> Translated {
    let sources = values(line, "--source-address-prefixes");
    let destinations = values(line, "--destination-address-prefixes");
    let ports = values(line, "--destination-port-ranges");
    let properties = vec![
        ("priority", number(line, "--priority")),
        ("direction", text(named(line, "--direction"))),
        ("access", text(named(line, "--access"))),
        ("protocol", text(named(line, "--protocol"))),
        one_or_many("sourceAddressPrefix", "sourceAddressPrefixes", sources),
        ("sourcePortRange", text("*")),
        one_or_many("destinationAddressPrefix", "destinationAddressPrefixes", destinations),
        one_or_many("destinationPortRange", "destinationPortRanges", ports),
    ];
    made(line, rule_resource(line, named(line, "-n"), properties))
}

fn azure(seen: &Evidence) -> Option<&Azure> {
    seen.azure.seen()
}

/// Whether a resource of a document is the one that a command names.
fn is_meant(line: &Arguments<'_>, id: &str, name: &str, option: &str) -> bool {
    let group = line.value("-g").and_then(Result::ok);
    let own = id_part(id, "resourceGroups");
    let same = match (own, &group) {
        (Some(own), Some(group)) => like(own, group),
        (None, _) | (_, None) => true,
    };
    same && line.value(option).and_then(Result::ok).is_some_and(|wanted| like(&wanted, name))
}

/// A rule that exists, with what the command changes.
fn changed_rule(line: &Arguments<'_>, seen: &Evidence) -> Translated {
    let groups = azure(seen).and_then(|azure| azure.security_groups.seen());
    let group = groups
        .into_iter()
        .flatten()
        .find(|group| is_meant(line, &group.id, &group.name, "--nsg-name"));
    let name = named(line, "-n");
    let known = group.and_then(|group| {
        let rule = group.rules.iter().find(|rule| like(&rule.name, &name))?;
        Some((group, rule, protocol(rule.protocol)?))
    });
    let Some((group, rule, protocol)) = known else {
        return comment(
            "The rule as it is was not given. Change its resource as the Azure CLI command does.",
        );
    };
    let priority = match line.value("--priority") {
        Some(_) => number(line, "--priority"),
        None => Value::Number(rule.priority.to_string()),
    };
    let mut properties = vec![
        ("priority", priority),
        ("direction", text(direction(rule.direction))),
        ("access", text(access(rule.access))),
        ("protocol", text(protocol)),
    ];
    properties.extend(ends(line, &rule.sources, &SOURCE));
    properties.push(one_or_many("sourcePortRange", "sourcePortRanges", ports(&rule.source_ports)));
    properties.extend(ends(line, &rule.destinations, &DESTINATION));
    let ports = ports(&rule.destination_ports);
    properties.push(one_or_many("destinationPortRange", "destinationPortRanges", ports));
    let existing = (!group.id.is_empty()).then(|| format!("{}/securityRules/{name}", group.id));
    made(line, Resource { existing, ..rule_resource(line, name, properties) })
}

/// The options and properties of one end of a rule.
struct End {
    option: &'static str,
    groups_option: &'static str,
    one: &'static str,
    many: &'static str,
    groups: &'static str,
}

const SOURCE: End = End {
    option: "--source-address-prefixes",
    groups_option: "--source-asgs",
    one: "sourceAddressPrefix",
    many: "sourceAddressPrefixes",
    groups: "sourceApplicationSecurityGroups",
};
const DESTINATION: End = End {
    option: "--destination-address-prefixes",
    groups_option: "--destination-asgs",
    one: "destinationAddressPrefix",
    many: "destinationAddressPrefixes",
    groups: "destinationApplicationSecurityGroups",
};

fn ends(line: &Arguments<'_>, known: &[Endpoint], end: &End) -> Tree {
    let mut tree = Vec::new();
    let given = line.values(end.option).is_some();
    let own = known.iter().filter_map(|end| match end {
        Endpoint::Any => Some("*".to_owned()),
        Endpoint::Prefix(net) => Some(net.to_string()),
        Endpoint::Tag(name) => Some(name.clone()),
        Endpoint::Group(_) => None,
    });
    let prefixes = if given { values(line, end.option) } else { own.collect() };
    let groups = known.iter().filter_map(|end| match end {
        Endpoint::Group(id) => Some(Value::Tree(vec![("id", text(id.clone()))])),
        _ => None,
    });
    let groups: Vec<Value> = groups.collect();
    let keeps_groups = line.values(end.groups_option).is_none() && !groups.is_empty();
    if !prefixes.is_empty() || !keeps_groups {
        tree.push(one_or_many(end.one, end.many, prefixes));
    }
    if keeps_groups {
        tree.push((end.groups, Value::List(groups)));
    }
    tree
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "Inbound",
        Direction::Outbound => "Outbound",
    }
}

const fn access(access: Access) -> &'static str {
    match access {
        Access::Allow => "Allow",
        Access::Deny => "Deny",
    }
}

const fn protocol(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Any => Some("*"),
        Protocol::Tcp => Some("Tcp"),
        Protocol::Udp => Some("Udp"),
        // Which of the others it is was not kept.
        Protocol::Other => None,
    }
}

fn ports(ranges: &[PortRange]) -> Vec<String> {
    let range = |range: &PortRange| match (range.first, range.last) {
        (0, u16::MAX) => "*".to_owned(),
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    };
    ranges.iter().map(range).collect()
}

fn route_resource(line: &Arguments<'_>, name: String, properties: Tree) -> Resource {
    let table = named(line, "--route-table-name");
    let head: Tree = vec![
        ("name", text(name.clone())),
        ("resourceGroupName", text(named(line, "-g"))),
        ("routeTableName", text(table.clone())),
    ];
    let kind = "Microsoft.Network/routeTables@2023-09-01";
    Resource {
        symbol: "route",
        kind: "Microsoft.Network/routeTables/routes@2023-09-01",
        terraform: "azurerm_route",
        name,
        parents: vec![Parent { symbol: "routeTable", kind, name: table }],
        arguments: head.into_iter().chain(properties.iter().cloned()).collect(),
        properties,
        ..Resource::default()
    }
}

fn route(line: &Arguments<'_>) -> Translated {
    let properties = vec![
        ("addressPrefix", text(named(line, "--address-prefix"))),
        ("nextHopType", text(named(line, "--next-hop-type"))),
    ];
    made(line, route_resource(line, named(line, "-n"), properties))
}

/// A route that exists, with another next hop.
fn changed_route(line: &Arguments<'_>, seen: &Evidence) -> Translated {
    let tables = azure(seen).and_then(|azure| azure.route_tables.seen());
    let mut tables = tables.into_iter().flatten();
    let table = tables.find(|one| is_meant(line, &one.id, &one.name, "--route-table-name"));
    let name = named(line, "-n");
    let route = table.and_then(|one| one.routes.iter().find(|route| like(&route.name, &name)));
    let (Some(table), Some(route)) = (table, route) else {
        return comment(
            "The route as it is was not given. Change its resource as the Azure CLI does.",
        );
    };
    let destination = match &route.destination {
        Endpoint::Prefix(net) => net.to_string(),
        Endpoint::Tag(name) | Endpoint::Group(name) => name.clone(),
        Endpoint::Any => "0.0.0.0/0".to_owned(),
    };
    let hop = match line.value("--next-hop-type") {
        Some(Ok(hop) | Err(hop)) => hop,
        None => next_hop(route).to_owned(),
    };
    let properties = vec![("addressPrefix", text(destination)), ("nextHopType", text(hop))];
    let existing = (!table.id.is_empty()).then(|| format!("{}/routes/{name}", table.id));
    made(line, Resource { existing, ..route_resource(line, name, properties) })
}

const fn next_hop(route: &Route) -> &'static str {
    match route.next_hop {
        NextHop::Internet => "Internet",
        NextHop::VirtualAppliance => "VirtualAppliance",
        NextHop::VirtualNetworkGateway => "VirtualNetworkGateway",
        NextHop::VirtualNetwork => "VnetLocal",
        NextHop::None | NextHop::Unknown => "None",
    }
}

fn link(line: &Arguments<'_>) -> Translated {
    let (name, zone) = (named(line, "-n"), named(line, "-z"));
    let network = named(line, "-v");
    let kind = "Microsoft.Network/privateDnsZones@2020-06-01";
    let resource = Resource {
        symbol: "link",
        kind: "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01",
        terraform: "azurerm_private_dns_zone_virtual_network_link",
        parents: vec![Parent { symbol: "zone", kind, name: zone.clone() }],
        head: vec![("location", text("global"))],
        properties: vec![
            ("virtualNetwork", Value::Tree(vec![("id", text(network.clone()))])),
            ("registrationEnabled", Value::False),
        ],
        arguments: vec![
            ("name", text(name.clone())),
            ("resourceGroupName", text(named(line, "-g"))),
            ("privateDnsZoneName", text(zone)),
            ("virtualNetworkId", text(network)),
        ],
        name,
        ..Resource::default()
    };
    made(line, resource)
}

fn zone_group(line: &Arguments<'_>) -> Translated {
    let (endpoint, zone) = (named(line, "--endpoint-name"), named(line, "--private-dns-zone"));
    let config = vec![
        ("name", text(named(line, "--zone-name"))),
        ("properties", Value::Tree(vec![("privateDnsZoneId", text(zone.clone()))])),
    ];
    let kind = "Microsoft.Network/privateEndpoints@2023-09-01";
    let resource = Resource {
        symbol: "zoneGroup",
        kind: "Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2023-09-01",
        terraform: "azurerm_private_endpoint",
        name: named(line, "-n"),
        parents: vec![Parent { symbol: "endpoint", kind, name: endpoint.clone() }],
        properties: vec![("privateDnsZoneConfigs", Value::List(vec![Value::Tree(config)]))],
        arguments: vec![
            ("name", text(endpoint)),
            ("resourceGroupName", text(named(line, "-g"))),
            ("location", Value::Parameter("location", false)),
            ("subnetId", Value::Parameter("subnetId", false)),
            (
                "privateDnsZoneGroup",
                Value::Tree(vec![
                    ("name", text(named(line, "-n"))),
                    ("privateDnsZoneIds", Value::List(vec![text(zone)])),
                ]),
            ),
        ],
        remark: Some(PART),
        ..Resource::default()
    };
    made(line, resource)
}

/// Resources that are shown in part.
const PART: &str =
    "Only what is new is shown: in Terraform, keep the other arguments and blocks of the resource.";

fn endpoint(line: &Arguments<'_>) -> Translated {
    let name = named(line, "-n");
    let (subnet, server) =
        (named(line, "--subnet"), named(line, "--private-connection-resource-id"));
    let (connection, part) = (named(line, "--connection-name"), named(line, "--group-id"));
    let service = Value::Tree(vec![
        ("name", text(connection.clone())),
        (
            "properties",
            Value::Tree(vec![
                ("privateLinkServiceId", text(server.clone())),
                ("groupIds", Value::List(vec![text(part.clone())])),
            ]),
        ),
    ]);
    let resource = Resource {
        symbol: "endpoint",
        kind: "Microsoft.Network/privateEndpoints@2023-09-01",
        terraform: "azurerm_private_endpoint",
        head: vec![("location", Value::Expression("resourceGroup().location", "var.location"))],
        properties: vec![
            ("subnet", Value::Tree(vec![("id", text(subnet.clone()))])),
            ("privateLinkServiceConnections", Value::List(vec![service])),
        ],
        arguments: vec![
            ("name", text(name.clone())),
            ("resourceGroupName", text(named(line, "-g"))),
            ("location", Value::Parameter("location", false)),
            ("subnetId", text(subnet)),
            (
                "privateServiceConnection",
                Value::Tree(vec![
                    ("name", text(connection)),
                    ("privateConnectionResourceId", text(server)),
                    ("subresourceNames", Value::List(vec![text(part)])),
                    ("isManualConnection", Value::False),
                ]),
            ),
        ],
        name,
        ..Resource::default()
    };
    made(line, resource)
}

/// A rule collection group of a firewall policy with one network rule.
fn collection(line: &Arguments<'_>) -> Translated {
    let list =
        |option: &str| Value::List(values(line, option).into_iter().map(Value::Text).collect());
    let (name, rule) = (named(line, "--rcg-name"), named(line, "--rule-name"));
    let (sources, destinations) = (list("--source-addresses"), list("--destination-addresses"));
    let ports = list("--destination-ports");
    let priority = number(line, "--collection-priority");
    let policy = named(line, "--policy-name");
    let policy_id = id_of(line, "Microsoft.Network/firewallPolicies", &policy, "firewallPolicyId");
    let in_bicep = vec![
        ("ruleType", text("NetworkRule")),
        ("name", text(rule.clone())),
        ("ipProtocols", Value::List(vec![text("TCP")])),
        ("sourceAddresses", sources.clone()),
        ("destinationAddresses", destinations.clone()),
        ("destinationPorts", ports.clone()),
    ];
    let in_terraform = vec![
        ("name", text(rule.clone())),
        ("protocols", Value::List(vec![text("TCP")])),
        ("sourceAddresses", sources),
        ("destinationAddresses", destinations),
        ("destinationPorts", ports),
    ];
    let collection = vec![
        ("ruleCollectionType", text("FirewallPolicyFilterRuleCollection")),
        ("name", text(rule.clone())),
        ("priority", priority.clone()),
        ("action", Value::Tree(vec![("type", text("Allow"))])),
        ("rules", Value::List(vec![Value::Tree(in_bicep)])),
    ];
    let kind = "Microsoft.Network/firewallPolicies@2023-09-01";
    let resource = Resource {
        symbol: "group",
        kind: "Microsoft.Network/firewallPolicies/ruleCollectionGroups@2023-09-01",
        terraform: "azurerm_firewall_policy_rule_collection_group",
        parents: vec![Parent { symbol: "policy", kind, name: policy }],
        properties: vec![
            ("priority", priority.clone()),
            ("ruleCollections", Value::List(vec![Value::Tree(collection)])),
        ],
        arguments: vec![
            ("name", text(name.clone())),
            ("firewallPolicyId", policy_id),
            ("priority", priority.clone()),
            (
                "networkRuleCollection",
                Value::Tree(vec![
                    ("name", text(rule)),
                    ("priority", priority),
                    ("action", text("Allow")),
                    ("rule", Value::Tree(in_terraform)),
                ]),
            ),
        ],
        name,
        ..Resource::default()
    };
    made(line, resource)
}

/// A rule of Azure Virtual Network Manager.
fn admin_rule(line: &Arguments<'_>) -> Translated {
    let name = named(line, "-n");
    let priority = number(line, "--priority");
    let (direction, access) = (named(line, "--direction"), named(line, "--access"));
    let tree = |kind: &'static str, tag: &'static str| {
        Value::List(vec![Value::Tree(vec![
            ("addressPrefixType", text(kind)),
            ("addressPrefix", text(tag)),
        ])])
    };
    let (from, to) = (tree("IPPrefix", "*"), tree("ServiceTag", "AzureActiveDirectory"));
    let ports = Value::List(vec![text("443")]);
    let manager = "Microsoft.Network/networkManagers@2023-09-01";
    let configuration = "Microsoft.Network/networkManagers/securityAdminConfigurations@2023-09-01";
    let collection =
        "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections@2023-09-01";
    let path = format!(
        "{}/securityAdminConfigurations/{}/ruleCollections/{}",
        named(line, "--network-manager-name"),
        named(line, "--configuration-name"),
        named(line, "--rule-collection-name")
    );
    let id = id_of(line, "Microsoft.Network/networkManagers", &path, "adminRuleCollectionId");
    let parent = |symbol, kind, option: &str| Parent { symbol, kind, name: named(line, option) };
    let resource = Resource {
        symbol: "rule",
        kind: "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules@2023-09-01",
        terraform: "azurerm_network_manager_admin_rule",
        parents: vec![
            parent("manager", manager, "--network-manager-name"),
            parent("configuration", configuration, "--configuration-name"),
            parent("collection", collection, "--rule-collection-name"),
        ],
        head: vec![("kind", text("Custom"))],
        properties: vec![
            ("priority", priority.clone()),
            ("direction", text(direction.clone())),
            ("access", text(access.clone())),
            ("protocol", text("Tcp")),
            ("sources", from.clone()),
            ("sourcePortRanges", Value::List(vec![text("0-65535")])),
            ("destinations", to.clone()),
            ("destinationPortRanges", ports.clone()),
        ],
        arguments: vec![
            ("name", text(name.clone())),
            ("adminRuleCollectionId", id),
            ("priority", priority),
            ("direction", text(direction)),
            ("action", text(access)),
            ("protocol", text("Tcp")),
            ("destinationPortRanges", ports),
            ("source", from),
            ("destination", to),
        ],
        name,
        ..Resource::default()
    };
    made(line, resource)
}

/// The flexible server around a resource.
fn of_server(name: &str) -> Vec<Parent> {
    let kind = "Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01";
    vec![Parent { symbol: "server", kind, name: name.to_owned() }]
}

fn firewall_rule(line: &Arguments<'_>) -> Translated {
    let (name, server) = (named(line, "-n"), named(line, "-s"));
    let properties = vec![
        ("startIpAddress", text(named(line, "--start-ip-address"))),
        ("endIpAddress", text(named(line, "--end-ip-address"))),
    ];
    let id = id_of(line, "Microsoft.DBforPostgreSQL/flexibleServers", &server, "serverId");
    let head = vec![("name", text(name.clone())), ("serverId", id)];
    let resource = Resource {
        symbol: "rule",
        kind: "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2024-08-01",
        terraform: "azurerm_postgresql_flexible_server_firewall_rule",
        name,
        parents: of_server(&server),
        arguments: head.into_iter().chain(properties.iter().cloned()).collect(),
        properties,
        ..Resource::default()
    };
    made(line, resource)
}

fn administrator(line: &Arguments<'_>) -> Translated {
    let (id, server) = (named(line, "-i"), named(line, "-s"));
    let (name, kind) = (named(line, "-u"), named(line, "-t"));
    let tenant = Value::Expression("subscription().tenantId", TENANT);
    let resource = Resource {
        symbol: "admin",
        kind: "Microsoft.DBforPostgreSQL/flexibleServers/administrators@2024-08-01",
        terraform: "azurerm_postgresql_flexible_server_active_directory_administrator",
        parents: of_server(&server),
        properties: vec![
            ("principalName", text(name.clone())),
            ("principalType", text(kind.clone())),
            ("tenantId", tenant.clone()),
        ],
        arguments: vec![
            ("serverName", text(server)),
            ("resourceGroupName", text(named(line, "-g"))),
            ("tenantId", tenant),
            ("objectId", text(id.clone())),
            ("principalName", text(name)),
            ("principalType", text(kind)),
        ],
        name: id,
        ..Resource::default()
    };
    made(line, resource)
}

/// The settings of a server that exists.
fn server(line: &Arguments<'_>, seen: &Evidence) -> Translated {
    let name = named(line, "-n");
    let known = azure(seen).and_then(|azure| azure.server.seen());
    let known = known.filter(|server| is_meant(line, &server.id, &server.name, "-n"));
    let tenant = Value::Expression("subscription().tenantId", TENANT);
    let password = match known.and_then(|server| server.password_authentication) {
        Some(false) => (text("Disabled"), Value::False),
        Some(true) | None => (text("Enabled"), Value::True),
    };
    let (property, argument) = if line.values("--microsoft-entra-auth").is_some() {
        (
            (
                "authConfig",
                Value::Tree(vec![
                    ("activeDirectoryAuth", text("Enabled")),
                    ("passwordAuth", password.0),
                    ("tenantId", tenant.clone()),
                ]),
            ),
            (
                "authentication",
                Value::Tree(vec![
                    ("activeDirectoryAuthEnabled", Value::True),
                    ("passwordAuthEnabled", password.1),
                    ("tenantId", tenant),
                ]),
            ),
        )
    } else if line.values("--public-access").is_some() {
        (
            ("network", Value::Tree(vec![("publicNetworkAccess", text("Enabled"))])),
            ("publicNetworkAccessEnabled", Value::True),
        )
    } else {
        return comment("This is not a property of a template. Run the Azure CLI.");
    };
    let resource = Resource {
        symbol: "server",
        kind: "Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01",
        terraform: "azurerm_postgresql_flexible_server",
        head: vec![("location", Value::Expression("resourceGroup().location", "var.location"))],
        properties: vec![property],
        arguments: vec![
            ("name", text(name.clone())),
            ("resourceGroupName", text(named(line, "-g"))),
            ("location", Value::Parameter("location", false)),
            argument,
        ],
        name,
        remark: Some(MERGE),
        ..Resource::default()
    };
    made(line, resource)
}

/// Resources that exist and are shown in part.
const MERGE: &str =
    "Merge this into the resource that exists: its other properties stay as they are.";
