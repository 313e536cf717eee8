//! From documents to facts. The keys that are there tell which kind of document it is.

use super::document::{
    AddressSpace, Document, EndpointConnection, List, Payload, Reference, RouteDocument,
    RuleDocument, SubnetDocument, TagDocument, Text,
};
use entra_pg_checks::{
    Fact,
    facts::{
        azure::{
            Administrator, Azure, FirewallRule, FlexibleServer, Parameter, PrivateEndpoint, Source,
            id_part,
        },
        azure_network::{
            Access, Direction, Endpoint, NextHop, PortRange, Protocol, Route, RouteTable,
            SecurityGroup, SecurityRule, Subnet, VirtualNetwork,
        },
    },
    support::service_tags::{ENTRA, IpNet, SIGN_IN_RANGES, ServiceTag, ServiceTags},
};
use std::net::IpAddr;

/// What documents gave so far.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) azure: Azure,
}

/// What a document is.
enum Kind {
    Items,
    ServiceTags,
    SecurityGroup,
    RouteTable,
    Network,
    Administrator,
    FirewallRule,
    Server,
    Parameter,
}

impl Collected {
    /// Takes a document in; `from` says where it is from.
    ///
    /// # Errors
    /// It is none that is understood, or something in it is not.
    pub(crate) fn add(&mut self, from: &str, document: &Document) -> Result<(), String> {
        let body = document.properties.as_deref().unwrap_or(document);
        let Some(kind) = kind(document, body) else {
            return Err(unknown(document));
        };
        let azure = &mut self.azure;
        let what = match kind {
            Kind::Items => {
                let Payload::Items(items) = &document.value else { return Ok(()) };
                for (index, item) in items.iter().enumerate() {
                    self.add(from, item)
                        .map_err(|error| format!("item {} of the list: {error}", index + 1))?;
                }
                return Ok(());
            }
            Kind::ServiceTags => {
                let tags = service_tags(body, document);
                let what = format!("service tags no. {}", tags.change_number);
                azure.service_tags = Fact::Seen(tags);
                what
            }
            Kind::SecurityGroup => {
                let group = security_group(document, body)?;
                let what = format!("network security group {}", group.name);
                put(&mut azure.security_groups, group, |one| &one.id);
                what
            }
            Kind::RouteTable => {
                let table = route_table(document, body)?;
                let what = format!("route table {}", table.name);
                put(&mut azure.route_tables, table, |one| &one.id);
                what
            }
            Kind::Network => {
                let network = network(document, body)?;
                let what = format!("virtual network {}", network.name);
                put(&mut azure.networks, network, |one| &one.id);
                what
            }
            Kind::Administrator => {
                let one = administrator(document, body);
                let what = format!("administrator {}", one.name);
                put(&mut azure.administrators, one, |one| &one.object_id);
                what
            }
            Kind::FirewallRule => {
                let rule = firewall_rule(document, body)?;
                let what = format!("firewall rule {}", rule.name);
                put(&mut azure.firewall_rules, rule, |one| &one.name);
                what
            }
            Kind::Server => {
                let server = server(document, body)?;
                if let Some(other) = azure.server.seen().filter(|other| other.name != server.name) {
                    return Err(format!(
                        "a second server, {}, beside {}: give one alone",
                        server.name, other.name
                    ));
                }
                let what = format!("flexible server {}", server.name);
                azure.server = Fact::Seen(server);
                what
            }
            Kind::Parameter => {
                let parameter = parameter(document, body);
                let what = format!("parameter {}", parameter.name);
                put(&mut azure.parameters, parameter, |one| &one.name);
                what
            }
        };
        azure.sources.push(Source { from: from.to_owned(), what });
        Ok(())
    }
}

fn kind(document: &Document, body: &Document) -> Option<Kind> {
    let named = |kind: &str| {
        document.kind.get().is_some_and(|name| {
            name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(kind))
        })
    };
    Some(if document.values.given() || body.values.given() {
        Kind::ServiceTags
    } else if body.security_rules.given() || body.default_security_rules.given() {
        Kind::SecurityGroup
    } else if body.address_space.is_some() {
        Kind::Network
    } else if body.routes.given() {
        Kind::RouteTable
    } else if body.start_ip_address.get().is_some() {
        Kind::FirewallRule
    } else if body.object_id.get().is_some()
        && (body.principal_type.get().is_some() || body.principal_name.get().is_some())
    {
        Kind::Administrator
    } else if body.fully_qualified_domain_name.get().is_some()
        || body.auth_config.is_some()
        || named("flexibleServers")
    {
        Kind::Server
    } else if matches!(document.value, Payload::Items(_)) {
        Kind::Items
    } else if document.name.get().is_some()
        && (matches!(body.value, Payload::Text(_)) || named("configurations"))
    {
        Kind::Parameter
    } else {
        return None;
    })
}

fn unknown(document: &Document) -> String {
    let about = match (document.kind.get(), document.name.get()) {
        (Some(kind), Some(name)) => format!(" ({name}, of type {kind})"),
        (Some(kind), None) => format!(" (of type {kind})"),
        (None, Some(name)) => format!(" ({name})"),
        (None, None) => String::new(),
    };
    format!("a document of no kind that is understood here{about}")
}

/// Adds an entry; one that was there already, from another file, is replaced.
fn put<T>(list: &mut Fact<Vec<T>>, entry: T, key: impl Fn(&T) -> &String) {
    match list {
        Fact::Seen(all) => {
            let known =
                |one: &T| !key(one).is_empty() && key(one).eq_ignore_ascii_case(key(&entry));
            all.retain(|one| !known(one));
            all.push(entry);
        }
        Fact::NotObserved(_) => *list = Fact::Seen(vec![entry]),
    }
}

fn service_tags(body: &Document, document: &Document) -> ServiceTags {
    let source = if body.values.given() { body } else { document };
    let of = |tag: &TagDocument| {
        let inner = tag.properties.as_deref().unwrap_or(tag);
        (tag.name.or_empty(), inner.address_prefixes.0.clone())
    };
    let cloud = source.cloud.or_empty();
    let public = cloud.is_empty() || cloud.eq_ignore_ascii_case("Public");
    let entra: Vec<IpNet> = source
        .values
        .iter()
        .filter(|tag| tag.name.get().is_some_and(|name| name.eq_ignore_ascii_case(ENTRA)))
        .flat_map(|tag| of(tag).1)
        .chain(SIGN_IN_RANGES.iter().filter(|_| public).filter_map(|net| net.parse().ok()))
        .collect();
    // Only the part of each tag that holds sign-in addresses matters.
    let entra = IpNet::aggregate(&entra);
    let tags = source.values.iter().map(of).map(|(name, prefixes)| {
        let inside = |net: &IpNet| entra.iter().any(|one| one.contains(net) || net.contains(one));
        let mut prefixes: Vec<IpNet> = prefixes.into_iter().filter(inside).collect();
        prefixes.sort_unstable();
        ServiceTag { name, prefixes }
    });
    let (tags, unrelated): (Vec<_>, Vec<_>) = tags.partition(|tag| !tag.prefixes.is_empty());
    let unrelated = unrelated.into_iter().map(|tag| tag.name).filter(|name| !name.contains('.'));
    ServiceTags {
        cloud,
        change_number: source.change_number.0.unwrap_or_default(),
        date: None,
        unrelated: unrelated
            .filter(|name| !tags.iter().any(|tag| in_region(&tag.name, name)))
            .collect(),
        tags,
    }
}

/// Whether a tag is a region of another.
fn in_region(tag: &str, of: &str) -> bool {
    tag.split_once('.').is_some_and(|(base, _)| base.eq_ignore_ascii_case(of))
}

fn security_group(document: &Document, body: &Document) -> Result<SecurityGroup, String> {
    let own = body.security_rules.iter().map(|rule| (rule, false));
    let defaults = body.default_security_rules.iter().map(|rule| (rule, true));
    let mut rules: Vec<SecurityRule> = Vec::new();
    for (rule, default) in own.chain(defaults) {
        rules.push(security_rule(rule, default)?);
    }
    if !body.default_security_rules.given() {
        rules.extend(default_rules());
    }
    let (id, name) = identity(document);
    Ok(SecurityGroup { id, name, rules, subnets: ids(&body.subnets) })
}

/// The rules that every group has, for exports that leave them out.
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
        source_ports: vec![PortRange { first: 0, last: u16::MAX }],
        destination_ports: vec![PortRange { first: 0, last: u16::MAX }],
        sources,
        destinations,
        default: true,
    })
    .collect()
}

fn security_rule(rule: &RuleDocument, default: bool) -> Result<SecurityRule, String> {
    let body = rule.properties.as_deref().unwrap_or(rule);
    let name = rule.name.or_empty();
    let wrong = |what: &str, seen: &str| {
        let seen: String = seen.chars().take(80).collect();
        format!("security rule {name}: {what} is \"{seen}\"")
    };
    let direction = match lower(&body.direction).as_str() {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        other => return Err(wrong("direction", other)),
    };
    let access = match lower(&body.access).as_str() {
        "allow" => Access::Allow,
        "deny" => Access::Deny,
        other => return Err(wrong("access", other)),
    };
    let protocol = match lower(&body.protocol).as_str() {
        "*" => Protocol::Any,
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" | "icmpv6" | "ah" | "esp" => Protocol::Other,
        other => return Err(wrong("protocol", other)),
    };
    let priority = body.priority.0.and_then(|number| u16::try_from(number).ok());
    let priority = priority.ok_or_else(|| wrong("priority", "not a number up to 65535"))?;
    let ports = |one: &Text, many: &List<Text, 10_000>| {
        let all = one.get().into_iter().chain(many.iter().filter_map(Text::get));
        all.map(|text| port_range(text).ok_or_else(|| wrong("a port range", text)))
            .collect::<Result<Vec<_>, _>>()
    };
    let ends = |one: &Text, many: &List<Text, 10_000>, groups: &List<Reference, 10_000>| {
        let named = one.get().into_iter().chain(many.iter().filter_map(Text::get));
        let mut all = named
            .map(|text| endpoint(text).ok_or_else(|| wrong("an address prefix", text)))
            .collect::<Result<Vec<_>, _>>()?;
        all.extend(groups.iter().filter_map(|group| group.id.owned()).map(Endpoint::Group));
        Ok::<_, String>(all)
    };
    Ok(SecurityRule {
        priority,
        direction,
        access,
        protocol,
        source_ports: ports(&body.source_port_range, &body.source_port_ranges)?,
        destination_ports: ports(&body.destination_port_range, &body.destination_port_ranges)?,
        sources: ends(
            &body.source_address_prefix,
            &body.source_address_prefixes,
            &body.source_application_security_groups,
        )?,
        destinations: ends(
            &body.destination_address_prefix,
            &body.destination_address_prefixes,
            &body.destination_application_security_groups,
        )?,
        default,
        name,
    })
}

fn port_range(text: &str) -> Option<PortRange> {
    if text == "*" {
        return Some(PortRange { first: 0, last: u16::MAX });
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(PortRange { first, last })
}

/// `*`, a prefix, an address, or the name of a service tag.
fn endpoint(text: &str) -> Option<Endpoint> {
    if text == "*" {
        return Some(Endpoint::Any);
    }
    if let Some(net) = prefix(text) {
        return Some(Endpoint::Prefix(net));
    }
    let like_an_address =
        text.starts_with(|c: char| c.is_ascii_digit()) || text.contains([':', '/', ' ']);
    (!like_an_address).then(|| Endpoint::Tag(text.to_owned()))
}

fn prefix(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .ok()
}

fn route_table(document: &Document, body: &Document) -> Result<RouteTable, String> {
    let routes = body.routes.iter().map(route).collect::<Result<Vec<_>, _>>()?;
    let (id, name) = identity(document);
    let bgp_propagation = body.disable_bgp_route_propagation.0.map(|disabled| !disabled);
    Ok(RouteTable { id, name, routes, subnets: ids(&body.subnets), bgp_propagation })
}

fn route(route: &RouteDocument) -> Result<Route, String> {
    let body = route.properties.as_deref().unwrap_or(route);
    let name = route.name.or_empty();
    let to = body.address_prefix.or_empty();
    let destination = endpoint(&to).filter(|to| *to != Endpoint::Any);
    let destination =
        destination.ok_or_else(|| format!("route {name}: addressPrefix is \"{to}\""))?;
    let next_hop = match lower(&body.next_hop_type).as_str() {
        "internet" => NextHop::Internet,
        "virtualappliance" => NextHop::VirtualAppliance,
        "virtualnetworkgateway" => NextHop::VirtualNetworkGateway,
        "vnetlocal" => NextHop::VirtualNetwork,
        "none" => NextHop::None,
        other => return Err(format!("route {name}: nextHopType is \"{other}\"")),
    };
    let next_hop_address = body.next_hop_ip_address.get().and_then(|text| text.parse().ok());
    Ok(Route { name, destination, next_hop, next_hop_address })
}

fn network(document: &Document, body: &Document) -> Result<VirtualNetwork, String> {
    let (id, name) = identity(document);
    let mut address_space = prefixes(body.address_space.as_ref())?;
    let mut gateway = false;
    for peering in body.virtual_network_peerings.iter() {
        let inner = peering.properties.as_deref().unwrap_or(peering);
        address_space.extend(prefixes(inner.remote_address_space.as_ref())?);
        gateway |= inner.use_remote_gateways.0 == Some(true);
    }
    // The subnet of gateways has this name in every network.
    gateway |= body
        .subnets
        .iter()
        .any(|one| one.name.get().is_some_and(|name| name.eq_ignore_ascii_case("GatewaySubnet")));
    let servers = body.dhcp_options.iter().flat_map(|options| options.dns_servers.iter());
    let dns_servers = servers
        .filter_map(Text::get)
        .map(|text| text.parse().map_err(|_| format!("dnsServers holds \"{text}\"")))
        .collect::<Result<Vec<IpAddr>, _>>()?;
    let subnets = body.subnets.iter().map(subnet).collect::<Result<Vec<_>, _>>()?;
    Ok(VirtualNetwork { id, name, address_space, dns_servers, gateway, subnets })
}

fn prefixes(space: Option<&AddressSpace>) -> Result<Vec<IpNet>, String> {
    let all = space.into_iter().flat_map(|space| space.address_prefixes.iter());
    all.filter_map(Text::get)
        .map(|text| prefix(text).ok_or_else(|| format!("addressPrefixes holds \"{text}\"")))
        .collect()
}

fn subnet(subnet: &SubnetDocument) -> Result<Subnet, String> {
    let body = subnet.properties.as_deref().unwrap_or(subnet);
    let one = body.address_prefix.get().into_iter();
    let prefixes = one
        .chain(body.address_prefixes.iter().filter_map(Text::get))
        .map(|text| prefix(text).ok_or_else(|| format!("a subnet's addressPrefix is \"{text}\"")))
        .collect::<Result<Vec<_>, _>>()?;
    let id_of = |reference: &Option<Reference>| reference.as_ref().and_then(|one| one.id.owned());
    let delegations = body
        .delegations
        .iter()
        .filter_map(|one| one.properties.as_deref().unwrap_or(one).service_name.owned());
    Ok(Subnet {
        id: subnet.id.or_empty(),
        name: subnet.name.or_empty(),
        prefixes,
        security_group: id_of(&body.network_security_group),
        route_table: id_of(&body.route_table),
        delegations: delegations.collect(),
    })
}

fn administrator(document: &Document, body: &Document) -> Administrator {
    Administrator {
        server: server_of(document),
        object_id: body.object_id.or_empty(),
        name: body.principal_name.or_empty(),
        kind: body.principal_type.or_empty(),
        tenant: body.tenant_id.owned(),
    }
}

fn firewall_rule(document: &Document, body: &Document) -> Result<FirewallRule, String> {
    let name = document.name.or_empty();
    let address = |text: &Text| {
        let text = text.get().unwrap_or_default();
        text.parse().map_err(|_| format!("firewall rule {name}: \"{text}\" is no IPv4 address"))
    };
    let (first, last) = (address(&body.start_ip_address)?, address(&body.end_ip_address)?);
    Ok(FirewallRule { server: server_of(document), first, last, name })
}

fn parameter(document: &Document, body: &Document) -> Parameter {
    let value = match &body.value {
        Payload::Text(text) => text.clone(),
        Payload::Absent | Payload::Items(_) => String::new(),
    };
    Parameter { server: server_of(document), name: document.name.or_empty(), value }
}

fn server(document: &Document, body: &Document) -> Result<FlexibleServer, String> {
    let auth = body.auth_config.clone().unwrap_or_default();
    let network = body.network.clone().unwrap_or_default();
    let host = body.fully_qualified_domain_name.owned();
    let from_host = || host.as_deref().and_then(|host| host.split('.').next()).map(str::to_owned);
    let name = document.name.owned().or_else(from_host).unwrap_or_default();
    let switch = |text: &Text, what: &str| match lower(text).as_str() {
        "" => Ok(None),
        "enabled" | "true" => Ok(Some(true)),
        "disabled" | "false" => Ok(Some(false)),
        other => Err(format!("server {name}: {what} is \"{other}\"")),
    };
    Ok(FlexibleServer {
        id: document.id.or_empty(),
        state: body.state.owned(),
        entra_authentication: switch(&auth.active_directory_auth, "activeDirectoryAuth")?,
        password_authentication: switch(&auth.password_auth, "passwordAuth")?,
        tenant: auth.tenant_id.owned(),
        public_access: switch(&network.public_network_access, "publicNetworkAccess")?,
        delegated_subnet: network.delegated_subnet_resource_id.owned(),
        private_dns_zone: network.private_dns_zone_arm_resource_id.owned(),
        private_endpoints: body.private_endpoint_connections.iter().map(private_endpoint).collect(),
        virtual_endpoints: Vec::new(),
        tier: document.sku.as_ref().or(body.sku.as_ref()).and_then(|sku| sku.tier.owned()),
        host,
        name,
    })
}

fn private_endpoint(connection: &EndpointConnection) -> PrivateEndpoint {
    let body = connection.properties.as_deref().unwrap_or(connection);
    let state = body.private_link_service_connection_state.clone().unwrap_or_default();
    let endpoint = body.private_endpoint.as_ref().and_then(|one| one.id.get());
    let name = endpoint.and_then(|id| id.rsplit('/').next()).map(str::to_owned);
    PrivateEndpoint {
        name: name.or_else(|| connection.name.owned()).unwrap_or_default(),
        connection: connection.id.or_empty(),
        status: state.status.or_empty(),
        description: state.description.owned(),
    }
}

fn identity(document: &Document) -> (String, String) {
    let id = document.id.or_empty();
    let last = id.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
    (id, document.name.owned().or(last).unwrap_or_else(|| "(without a name)".to_owned()))
}

fn server_of(document: &Document) -> Option<String> {
    id_part(document.id.get()?, "flexibleServers").map(str::to_owned)
}

fn ids(subnets: &List<SubnetDocument, 10_000>) -> Vec<String> {
    subnets.iter().filter_map(|subnet| subnet.id.owned()).collect()
}

fn lower(text: &Text) -> String {
    text.get().unwrap_or_default().to_ascii_lowercase()
}
