//! Which kind of document a node is: by the resource type, by the id, by the Terraform type, and only
//! then by its keys.

use super::node::Node;
use entra_pg_checks::facts::azure::id_part;

/// A kind of document.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Kind {
    Server,
    Administrator,
    FirewallRule,
    Parameter,
    VirtualEndpoint,
    ServerConnection,
    PrivateEndpoint,
    NetworkInterface,
    Network,
    Subnet,
    SecurityGroup,
    SecurityRule,
    EffectiveGroup,
    RouteTable,
    Route,
    EffectiveRoute,
    AdminRule,
    DnsZone,
    DnsLink,
    DnsRecord,
    ServiceTags,
    GroupOfSubnet,
    TableOfSubnet,
    Health,
    HealthEvent,
    ForwardingRule,
    GraphPrincipal,
    Firewall,
    FirewallPolicy,
    RuleCollectionGroup,
    ForwardingLink,
    ApplicationGroup,
    GroupOfInterface,
    NatGateway,
    NatOfSubnet,
    AddressOfNat,
    PublicAddress,
    Measurement,
    OtherRecord,
    Peering,
    ZoneGroup,
}

/// What a document is.
pub(super) enum Identified {
    /// A kind that is used.
    Known(Kind),
    /// One that is not used: its name, and why.
    Other(String, &'static str),
    /// No kind of document that is known.
    Unknown,
}

/// Resource types that are used. Source: Azure REST API specifications.
const TYPES: &[(&str, Kind)] = &[
    ("microsoft.dbforpostgresql/flexibleservers", Kind::Server),
    ("microsoft.dbforpostgresql/flexibleservers/administrators", Kind::Administrator),
    ("microsoft.dbforpostgresql/flexibleservers/firewallrules", Kind::FirewallRule),
    ("microsoft.dbforpostgresql/flexibleservers/configurations", Kind::Parameter),
    ("microsoft.dbforpostgresql/flexibleservers/virtualendpoints", Kind::VirtualEndpoint),
    (
        "microsoft.dbforpostgresql/flexibleservers/privateendpointconnections",
        Kind::ServerConnection,
    ),
    ("microsoft.network/privateendpoints", Kind::PrivateEndpoint),
    ("microsoft.network/networkinterfaces", Kind::NetworkInterface),
    ("microsoft.network/virtualnetworks", Kind::Network),
    ("microsoft.network/virtualnetworks/subnets", Kind::Subnet),
    ("microsoft.network/networksecuritygroups", Kind::SecurityGroup),
    ("microsoft.network/networksecuritygroups/securityrules", Kind::SecurityRule),
    ("microsoft.network/networksecuritygroups/defaultsecurityrules", Kind::SecurityRule),
    ("microsoft.network/virtualnetworks/virtualnetworkpeerings", Kind::Peering),
    ("azurerm_virtual_network_peering", Kind::Peering),
    ("microsoft.network/privateendpoints/privatednszonegroups", Kind::ZoneGroup),
    ("microsoft.network/routetables", Kind::RouteTable),
    ("microsoft.network/routetables/routes", Kind::Route),
    (
        "microsoft.network/networkmanagers/securityadminconfigurations/rulecollections/rules",
        Kind::AdminRule,
    ),
    ("microsoft.network/servicetags", Kind::ServiceTags),
    ("microsoft.network/privatednszones", Kind::DnsZone),
    ("microsoft.network/privatednszones/virtualnetworklinks", Kind::DnsLink),
    ("microsoft.network/privatednszones/a", Kind::DnsRecord),
    ("microsoft.network/privatednszones/soa", Kind::OtherRecord),
    ("microsoft.network/privatednszones/cname", Kind::OtherRecord),
    ("microsoft.network/privatednszones/txt", Kind::OtherRecord),
    ("microsoft.network/privatednszones/aaaa", Kind::OtherRecord),
    ("microsoft.network/privatednszones/ptr", Kind::OtherRecord),
    ("microsoft.network/privatednszones/srv", Kind::OtherRecord),
    ("microsoft.network/privatednszones/mx", Kind::OtherRecord),
    ("microsoft.resourcehealth/availabilitystatuses", Kind::Health),
    ("microsoft.resourcehealth/events", Kind::HealthEvent),
    ("microsoft.network/azurefirewalls", Kind::Firewall),
    ("microsoft.network/firewallpolicies", Kind::FirewallPolicy),
    ("microsoft.network/firewallpolicies/rulecollectiongroups", Kind::RuleCollectionGroup),
    ("microsoft.network/dnsforwardingrulesets/forwardingrules", Kind::ForwardingRule),
    ("microsoft.network/dnsforwardingrulesets/virtualnetworklinks", Kind::ForwardingLink),
    ("microsoft.network/applicationsecuritygroups", Kind::ApplicationGroup),
    ("microsoft.network/natgateways", Kind::NatGateway),
    ("microsoft.network/publicipaddresses", Kind::PublicAddress),
    ("microsoft.network/publicipprefixes", Kind::PublicAddress),
    ("azurerm_private_dns_resolver_forwarding_rule", Kind::ForwardingRule),
    ("azurerm_private_dns_resolver_virtual_network_link", Kind::ForwardingLink),
    ("azurerm_application_security_group", Kind::ApplicationGroup),
    ("azurerm_network_interface_application_security_group_association", Kind::GroupOfInterface),
    ("azurerm_nat_gateway", Kind::NatGateway),
    ("azurerm_subnet_nat_gateway_association", Kind::NatOfSubnet),
    ("azurerm_nat_gateway_public_ip_association", Kind::AddressOfNat),
    ("azurerm_nat_gateway_public_ip_prefix_association", Kind::AddressOfNat),
    ("azurerm_public_ip", Kind::PublicAddress),
    ("azurerm_public_ip_prefix", Kind::PublicAddress),
    ("azurerm_firewall", Kind::Firewall),
    ("azurerm_firewall_policy", Kind::FirewallPolicy),
    ("azurerm_firewall_policy_rule_collection_group", Kind::RuleCollectionGroup),
    ("azurerm_postgresql_flexible_server", Kind::Server),
    ("azurerm_postgresql_flexible_server_active_directory_administrator", Kind::Administrator),
    ("azurerm_postgresql_flexible_server_firewall_rule", Kind::FirewallRule),
    ("azurerm_postgresql_flexible_server_configuration", Kind::Parameter),
    ("azurerm_postgresql_flexible_server_virtual_endpoint", Kind::VirtualEndpoint),
    ("azurerm_private_endpoint", Kind::PrivateEndpoint),
    ("azurerm_network_interface", Kind::NetworkInterface),
    ("azurerm_virtual_network", Kind::Network),
    ("azurerm_subnet", Kind::Subnet),
    ("azurerm_network_security_group", Kind::SecurityGroup),
    ("azurerm_network_security_rule", Kind::SecurityRule),
    ("azurerm_route_table", Kind::RouteTable),
    ("azurerm_route", Kind::Route),
    ("azurerm_network_manager_admin_rule", Kind::AdminRule),
    ("azurerm_private_dns_zone", Kind::DnsZone),
    ("azurerm_private_dns_zone_virtual_network_link", Kind::DnsLink),
    ("azurerm_private_dns_a_record", Kind::DnsRecord),
    ("azurerm_subnet_network_security_group_association", Kind::GroupOfSubnet),
    ("azurerm_subnet_route_table_association", Kind::TableOfSubnet),
];

/// Products that are mistaken for a flexible server: a part of the type, the name, and the reason.
const OTHERS: &[(&str, &str, &str)] = &[
    (
        "microsoft.dbforpostgresql/servers",
        "Single Server",
        "a Single Server, which Microsoft retired on 2025-03-28, is not a flexible server",
    ),
    (
        "microsoft.dbforpostgresql/servergroupsv2",
        "Azure Cosmos DB for PostgreSQL cluster",
        "it is another product",
    ),
    ("microsoft.horizondb/", "Azure HorizonDB cluster", "it is another product"),
    ("microsoft.dbformysql/", "Azure Database for MySQL resource", "it is another product"),
    ("microsoft.dbformariadb/", "Azure Database for MariaDB resource", "it is another product"),
    ("microsoft.sql/", "Azure SQL resource", "it is another product"),
    (
        "microsoft.network/dnsforwardingrulesets",
        "DNS forwarding ruleset",
        "it does not hold its rules; export them with `az dns-resolver forwarding-rule list`",
    ),
    (
        "microsoft.network/dnsresolvers",
        "DNS private resolver",
        "it does not decide any requirement by itself; ask the nameserver with --nameserver",
    ),
];

pub(super) fn identify(node: &Node) -> Identified {
    if let Some(name) = resource_type(node) {
        if let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == name) {
            return match elsewhere(*kind, node) {
                Some(why) => {
                    Identified::Other(titled(&format!("document of type {name}"), node), why)
                }
                None => Identified::Known(*kind),
            };
        }
        if let Some((_, what, why)) = OTHERS.iter().find(|(part, ..)| name.starts_with(part)) {
            return Identified::Other(titled(what, node), why);
        }
        if name.contains('/') || name.starts_with("azurerm_") {
            return Identified::Other(
                titled(&format!("resource of type {name}"), node),
                "no check uses this type",
            );
        }
    }
    by_keys(node)
}

/// Why a document about the health of something is not about a server.
fn elsewhere(kind: Kind, node: &Node) -> Option<&'static str> {
    match kind {
        Kind::Health => {
            let id = node.get("id").text().unwrap_or_default().to_ascii_lowercase();
            let server = id.contains("/microsoft.dbforpostgresql/flexibleservers/");
            (!server).then_some("it is about another resource than a flexible server")
        }
        Kind::HealthEvent => {
            let services = node.field("impact").items();
            let mut named = services.iter().filter_map(|one| one.get("impactedservice").text());
            let other = !services.is_empty() && !named.any(|name| name.contains("PostgreSQL"));
            other.then_some("it is about another service")
        }
        _ => None,
    }
}

fn titled(what: &str, node: &Node) -> String {
    match node.get("name").text() {
        Some(name) => format!("{what} {name}"),
        None => what.to_owned(),
    }
}

/// The resource type in lower case: as the document says, or as its id does.
pub(super) fn resource_type(node: &Node) -> Option<String> {
    let named = node.get("type").text().or_else(|| node.get("resourcetype").text());
    let by_name = named.filter(|name| name.contains('/') || name.starts_with("azurerm_"));
    let name = by_name.map(str::to_ascii_lowercase).or_else(|| type_in(node.get("id").text()?))?;
    // Records of a zone have the record's type as last part; events of Resource Health start as an id.
    let name = name.trim_matches('/');
    Some(name.strip_prefix("providers/").unwrap_or(name).to_owned())
}

/// The type in a resource id: the namespace and every second segment behind it.
fn type_in(id: &str) -> Option<String> {
    let lower = id.to_ascii_lowercase();
    let rest = lower.rsplit_once("/providers/").map(|(_, rest)| rest)?;
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    let mut name = segments.next()?.to_owned();
    let mut any = false;
    while let Some(kind) = segments.next() {
        name.push('/');
        name.push_str(kind);
        segments.next();
        any = true;
    }
    any.then_some(name)
}

fn by_keys(node: &Node) -> Identified {
    let has = |key: &str| !node.field(key).is_null();
    let text = |key: &str| node.field(key).text().is_some();
    let known = Identified::Known;
    if let Some(id) = node.get("appid").text() {
        return if id.eq_ignore_ascii_case(GRAPH_CLIENT) {
            known(Kind::GraphPrincipal)
        } else {
            Identified::Other(
                format!("application {id:.40}"),
                "it is not the application by which the service reads Microsoft Graph",
            )
        };
    }
    if [node.get("values"), node.get("properties").get("values")].into_iter().any(is_tags) {
        return known(Kind::ServiceTags);
    }
    if node.field("effectivesecurityrules").is_list() {
        return known(Kind::EffectiveGroup);
    }
    if has("securityrules") || has("defaultsecurityrules") {
        return known(Kind::SecurityGroup);
    }
    if has("nexthoptype")
        && has("addressprefix")
        && (has("state") || node.field("addressprefix").is_list())
    {
        return known(Kind::EffectiveRoute);
    }
    if has("nexthoptype") && text("addressprefix") {
        return known(Kind::Route);
    }
    if has("priority") && has("direction") && has("access") {
        return known(Kind::SecurityRule);
    }
    if has("addressspace") && has("subnets") {
        return known(Kind::Network);
    }
    if node.field("routes").is_list() {
        return known(Kind::RouteTable);
    }
    if text("startipaddress") {
        return known(Kind::FirewallRule);
    }
    if text("objectid") && (text("principaltype") || text("principalname")) {
        return known(Kind::Administrator);
    }
    if let Some(host) = node.field("fullyqualifieddomainname").text() {
        return by_host(host, node);
    }
    if has("authconfig") && has("network") {
        return known(Kind::Server);
    }
    if has("delegations") && (has("addressprefix") || has("addressprefixes")) {
        return known(Kind::Subnet);
    }
    if has("nexthoptype")
        || text("access") && text("rulename")
        || text("connectionstatus") && (has("hops") || has("probessent"))
    {
        return known(Kind::Measurement);
    }
    if node.get("name").text().is_some()
        && node.field("value").scalar().is_some()
        && has("datatype")
    {
        return known(Kind::Parameter);
    }
    if node.get("name").text().is_some_and(|name| PARAMETERS.contains(&name)) && has("value") {
        return known(Kind::Parameter);
    }
    Identified::Unknown
}

/// Service tags have a name and prefixes.
fn is_tags(values: &Node) -> bool {
    let first = values.items().first();
    values.is_list()
        && first.is_some_and(|tag| {
            tag.get("name").text().is_some() && !tag.field("addressprefixes").is_null()
        })
}

/// Why a document is of no kind that is known.
pub(super) fn unrecognized(node: &Node) -> String {
    let error = node.get("error");
    if let Some(code) = error.get("code").text() {
        let role = if code.eq_ignore_ascii_case("AuthorizationFailed") {
            "; the role Reader on the resource permits it"
        } else {
            ""
        };
        return format!("it holds an error of Azure, {code:.80}{role}");
    }
    let has = |key: &str| !node.get(key).is_null();
    let text = if has("runid") && has("checks") {
        "it is a report of entra-pg doctor: give it to preflight with --from"
    } else if has("@level") {
        "it is a log of terraform plan: give the output of `terraform show -json PLANFILE`"
    } else if has("name") || has("id") {
        "unrecognized document type: without its type and its properties, it may be reduced by --query; export it without --query"
    } else {
        "unrecognized document type"
    };
    text.to_owned()
}

/// The application by which the service resolves principals in Microsoft Graph.
/// Source: hashicorp/terraform-provider-azurerm#19658.
pub(crate) const GRAPH_CLIENT: &str = "5657e26c-cc92-45d9-bc47-9da6cfdb4ed9";

/// Parameters that exports without a type are recognized by.
const PARAMETERS: [&str; 3] =
    ["pgbouncer.enabled", "require_secure_transport", "pgaadauth.enable_group_sync"];

/// A server without a type: its domain name says which product it is.
fn by_host(host: &str, node: &Node) -> Identified {
    let host = host.to_ascii_lowercase();
    let is = |part: &str| host.contains(part);
    if is(".mysql.database.") {
        Identified::Other(titled("Azure Database for MySQL server", node), "it is another product")
    } else if is(".database.windows.net") || is(".database.chinacloudapi.cn") && !is(".postgres.") {
        Identified::Other(titled("Azure SQL server", node), "it is another product")
    } else if !node.field("sslenforcement").is_null() || !node.field("uservisiblestate").is_null() {
        Identified::Other(titled("Single Server", node), OTHERS[0].2)
    } else {
        Identified::Known(Kind::Server)
    }
}

/// The name of the last segment of an id, or the name itself.
pub(super) fn name_of(node: &Node) -> String {
    let from_id =
        || node.get("id").text().and_then(|id| id.rsplit('/').find(|part| !part.is_empty()));
    let name = node.get("name").text().or_else(from_id).unwrap_or("(without a name)");
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

/// The server that a child resource belongs to.
pub(super) fn server_of(node: &Node) -> Option<String> {
    let id = node.get("id").text().or_else(|| node.get("serverid").text());
    let by_id = id.and_then(|id| id_part(id, "flexibleServers"));
    by_id.or_else(|| node.get("servername").text()).map(str::to_owned)
}
