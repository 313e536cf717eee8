//! What Azure says of the server: its settings, as Resource Manager shows them. The vantage is the
//! configuration, exported to files or read live; without packets of this machine.

use super::{
    Fact, NotObserved,
    azure_network::{
        AdminRule, CentralFirewall, FirewallPolicy, Measurement, NatGateway, PublicAddress,
        RouteTable, RuleCollection, SecurityGroup, VirtualNetwork,
    },
};
use crate::facts::class;
use crate::support::service_tags::ServiceTags;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// Everything that was given or read. A part that was not given is `NotAsked`; one that this identity
/// may not read is `NotPermitted`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Azure {
    /// Where each part is from.
    pub sources: Vec<Source>,
    /// The flexible server.
    pub server: Fact<FlexibleServer>,
    /// Its Entra administrators.
    pub administrators: Fact<Vec<Administrator>>,
    /// Its firewall rules, which apply only to public access.
    pub firewall_rules: Fact<Vec<FirewallRule>>,
    /// Its server parameters, as far as they matter: `pgbouncer.enabled`.
    pub parameters: Fact<Vec<Parameter>>,
    /// Network security groups.
    pub security_groups: Fact<Vec<SecurityGroup>>,
    /// Route tables.
    pub route_tables: Fact<Vec<RouteTable>>,
    /// Virtual networks.
    pub networks: Fact<Vec<VirtualNetwork>>,
    /// Security admin rules of Azure Virtual Network Manager.
    #[serde(skip_serializing_if = "not_asked")]
    pub admin_rules: Fact<Vec<AdminRule>>,
    /// The networks, by resource id, of which Azure listed all effective security admin rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub admin_rules_of: Vec<String>,
    /// A published list of service tags, reduced to the sign-in ranges.
    pub service_tags: Fact<ServiceTags>,
    /// Private DNS zones with their links and records.
    #[serde(skip_serializing_if = "not_asked")]
    pub dns_zones: Fact<Vec<DnsZone>>,
    /// Private endpoints, as their own documents describe them.
    #[serde(skip_serializing_if = "not_asked")]
    pub endpoints: Fact<Vec<Endpoint>>,
    /// The connections of private endpoints, exported apart from the server.
    #[serde(skip_serializing_if = "not_asked")]
    pub connections: Fact<Vec<PrivateEndpoint>>,
    /// Network interfaces.
    #[serde(skip_serializing_if = "not_asked")]
    pub interfaces: Fact<Vec<Interface>>,
    /// Whether the platform reports the server as available.
    #[serde(skip_serializing_if = "not_asked")]
    pub health: Fact<Health>,
    /// Incidents and planned maintenance of the server.
    #[serde(skip_serializing_if = "not_asked")]
    pub events: Fact<Vec<ServiceEvent>>,
    /// The service principal by which the service finds principals in Microsoft Graph.
    #[serde(skip_serializing_if = "not_asked")]
    pub graph_principal: Fact<GraphPrincipal>,
    /// The rules of DNS forwarding rulesets.
    #[serde(skip_serializing_if = "not_asked")]
    pub forwarding: Fact<Vec<ForwardingRule>>,
    /// Azure Firewalls.
    #[serde(skip_serializing_if = "not_asked")]
    pub firewalls: Fact<Vec<CentralFirewall>>,
    /// The rule collections of firewall policies.
    #[serde(skip_serializing_if = "not_asked")]
    pub collections: Fact<Vec<RuleCollection>>,
    /// Firewall policies.
    #[serde(skip_serializing_if = "not_asked")]
    pub policies: Fact<Vec<FirewallPolicy>>,
    /// The virtual networks that DNS forwarding rulesets apply to.
    #[serde(skip_serializing_if = "not_asked")]
    pub forwarding_links: Fact<Vec<ForwardingLink>>,
    /// Results of Network Watcher.
    #[serde(skip_serializing_if = "not_asked")]
    pub measurements: Fact<Vec<Measurement>>,
    /// NAT gateways.
    #[serde(skip_serializing_if = "not_asked")]
    pub nat_gateways: Fact<Vec<NatGateway>>,
    /// Public IP addresses and public IP prefixes.
    #[serde(skip_serializing_if = "not_asked")]
    pub public_addresses: Fact<Vec<PublicAddress>>,
    /// Resources of which two documents say different things.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// Whether a part is the state after a deployment, not the present one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// Documents that were given and are not used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<Unused>,
}

impl Azure {
    /// Whether Azure listed all security admin rules that are effective on a network.
    #[must_use]
    pub fn admin_rules_are_complete(&self, network: Option<&str>) -> bool {
        network.is_some_and(|id| self.admin_rules_of.iter().any(|one| one.eq_ignore_ascii_case(id)))
    }
}

fn not_asked<T>(fact: &Fact<T>) -> bool {
    matches!(fact, Fact::NotObserved(NotObserved::NotAsked))
}

/// The availability of a resource. Source: REST API `Microsoft.ResourceHealth` 2023-07-01-preview.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Health {
    /// The server, if the ID names it.
    #[serde(serialize_with = "class::name")]
    pub server: Option<String>,
    /// `Available`, `Unavailable`, `Degraded` or `Unknown`.
    #[serde(serialize_with = "class::word")]
    pub state: String,
    /// The summary of the platform.
    #[serde(serialize_with = "class::free")]
    pub summary: Option<String>,
}

/// An incident or planned maintenance. Source: REST API `Microsoft.ResourceHealth`, events.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ServiceEvent {
    /// `ServiceIssue`, `PlannedMaintenance`, `HealthAdvisory`, `SecurityAdvisory`.
    #[serde(serialize_with = "class::word")]
    pub kind: String,
    /// `Active` or `Resolved`.
    #[serde(serialize_with = "class::word")]
    pub status: String,
    /// The title.
    #[serde(serialize_with = "class::free")]
    pub title: String,
    /// When the impact starts, as Azure writes it.
    #[serde(serialize_with = "class::word")]
    pub starts: Option<String>,
    /// What it affects; empty if the document does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub impact: Vec<Impact>,
}

/// A service that an event affects, and where.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Impact {
    /// The service, such as `Azure Database for PostgreSQL flexible servers`.
    #[serde(serialize_with = "class::free")]
    pub service: String,
    /// The regions, such as `West Europe` or `Global`.
    #[serde(serialize_with = "class::word")]
    pub regions: Vec<String>,
}

/// A service principal in the tenant.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct GraphPrincipal {
    /// Whether the tenant has it.
    pub exists: bool,
    /// Whether it is enabled, if that is known.
    pub enabled: Option<bool>,
}

/// A rule of a DNS forwarding ruleset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ForwardingRule {
    /// The ruleset.
    #[serde(serialize_with = "class::name")]
    pub ruleset: String,
    /// The domain, without a dot at its end; empty for all.
    #[serde(serialize_with = "class::name")]
    pub domain: String,
    /// The nameservers.
    pub servers: Vec<IpAddr>,
}

/// A link of a DNS forwarding ruleset and a virtual network.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ForwardingLink {
    /// The ruleset.
    #[serde(serialize_with = "class::name")]
    pub ruleset: String,
    /// The network, by resource id.
    #[serde(serialize_with = "class::name")]
    pub network: String,
}

/// A private DNS zone.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct DnsZone {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The domain.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The networks in which the zone is resolved.
    pub links: Vec<DnsLink>,
    /// Its A records.
    pub records: Vec<DnsRecord>,
    /// The names of its CNAME records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub aliases: Vec<String>,
    /// How many record sets it has, the SOA record included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_sets: Option<u64>,
    /// How many links it has, as its own document says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_count: Option<u64>,
    /// Whether all of its records were read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
}

impl DnsZone {
    /// Whether every A record of the zone is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        // The zone's own SOA record is the one record set of an empty zone.
        self.listed || self.record_sets.is_some_and(|count| self.records.len() as u64 + 1 >= count)
    }
}

/// A link of a private DNS zone and a virtual network.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct DnsLink {
    /// The link's name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The network, by resource id.
    #[serde(serialize_with = "class::name")]
    pub network: String,
    /// `Completed` or `InProgress`.
    #[serde(serialize_with = "class::word")]
    pub state: Option<String>,
    /// Whether the zone gets records of the machines in the network by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<bool>,
}

/// An A record set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct DnsRecord {
    /// The name in the zone.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether an address of it is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// Whether a machine in a linked network registered it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
}

/// A private endpoint, as its own document describes it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Endpoint {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The server, by resource id.
    #[serde(serialize_with = "class::name")]
    pub target: Option<String>,
    /// `Approved`, `Pending`, `Rejected` or `Disconnected`.
    #[serde(serialize_with = "class::word")]
    pub status: Option<String>,
    /// The subnet, by resource id.
    #[serde(serialize_with = "class::name")]
    pub subnet: Option<String>,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// The private DNS zones that its zone group writes records into, by resource id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub zones: Vec<String>,
}

/// A network interface.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Interface {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The private addresses.
    pub addresses: Vec<IpAddr>,
    /// The subnet, by resource id.
    #[serde(serialize_with = "class::name")]
    pub subnet: Option<String>,
    /// The application security groups, by resource id.
    #[serde(serialize_with = "class::id")]
    pub groups: Vec<String>,
    /// Whether it has a public IP address.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub public_address: bool,
    /// Whether it is in the backend pool of a load balancer, which may have outbound rules.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub load_balancer: bool,
}

/// A resource of which two documents say different things: one of them is older.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Conflict {
    /// The resource, by id or by name.
    #[serde(serialize_with = "class::name")]
    pub resource: String,
    /// The documents, and what differs.
    #[serde(serialize_with = "class::clause")]
    pub detail: String,
}

/// A document that was given and is not used.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Unused {
    /// The file, and the place in it.
    #[serde(serialize_with = "class::name")]
    pub from: String,
    /// What it is.
    #[serde(serialize_with = "class::free")]
    pub what: String,
    /// Why it is not used, as a clause.
    #[serde(serialize_with = "class::clause")]
    pub why: String,
}

/// Where a part is from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Source {
    /// The file, or `Azure Resource Manager`.
    #[serde(serialize_with = "class::name")]
    pub from: String,
    /// What was found there, such as `network security group nsg-pg`.
    #[serde(serialize_with = "class::free")]
    pub what: String,
}

/// A flexible server. Source: REST API `Microsoft.DBforPostgreSQL/flexibleServers` 2024-08-01.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct FlexibleServer {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The server's name, the first label of its host name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The fully qualified domain name.
    #[serde(serialize_with = "class::name")]
    pub host: Option<String>,
    /// The region, such as `westeurope` or `West Europe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::word")]
    pub region: Option<String>,
    /// `Ready`, `Stopped`, `Updating`, … as Azure spells it.
    #[serde(serialize_with = "class::word")]
    pub state: Option<String>,
    /// Whether Entra authentication is on.
    pub entra_authentication: Option<bool>,
    /// Whether password authentication is on.
    pub password_authentication: Option<bool>,
    /// The tenant whose tokens it takes.
    #[serde(serialize_with = "class::name")]
    pub tenant: Option<String>,
    /// Whether it has a public endpoint that may be used.
    pub public_access: Option<bool>,
    /// Whether its documents leave open how it is attached to networks.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub network_unknown: bool,
    /// The subnet it is injected into, by resource id.
    #[serde(serialize_with = "class::name")]
    pub delegated_subnet: Option<String>,
    /// The private DNS zone of a server in a virtual network, by resource id.
    #[serde(serialize_with = "class::name")]
    pub private_dns_zone: Option<String>,
    /// Its private endpoints.
    pub private_endpoints: Vec<PrivateEndpoint>,
    /// Whether its documents leave out the list of private endpoints, as those of old API versions do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private_endpoints_unknown: bool,
    /// The host names of its virtual endpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub virtual_endpoints: Vec<String>,
    /// `Burstable`, `GeneralPurpose` or `MemoryOptimized`.
    #[serde(serialize_with = "class::word")]
    pub tier: Option<String>,
    /// `Primary`, `AsyncReplica`, `GeoAsyncReplica` or `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::word")]
    pub role: Option<String>,
    /// The server that a replica copies, by resource id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::name")]
    pub source_server: Option<String>,
}

/// A private endpoint's connection to the server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct PrivateEndpoint {
    /// The private endpoint's name, or that of the connection.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The private endpoint's resource id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::name")]
    pub endpoint: Option<String>,
    /// The connection's resource id, which approving it needs.
    #[serde(serialize_with = "class::name")]
    pub connection: String,
    /// `Approved`, `Pending`, `Rejected` or `Disconnected`.
    #[serde(serialize_with = "class::word")]
    pub status: String,
    /// What the requester or the approver wrote.
    #[serde(serialize_with = "class::free")]
    pub description: Option<String>,
}

/// An Entra administrator of the server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Administrator {
    /// The server, if the ID names it.
    #[serde(serialize_with = "class::name")]
    pub server: Option<String>,
    /// The object id in Entra.
    #[serde(serialize_with = "class::id")]
    pub object_id: String,
    /// The user principal name, the group's or the application's name: the role's name, too.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// `User`, `Group` or `ServicePrincipal`.
    #[serde(serialize_with = "class::word")]
    pub kind: String,
    /// The tenant.
    #[serde(serialize_with = "class::name")]
    pub tenant: Option<String>,
}

/// A firewall rule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FirewallRule {
    /// The server, if the ID names it.
    #[serde(serialize_with = "class::name")]
    pub server: Option<String>,
    /// The rule's name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The first address. 0.0.0.0 to 0.0.0.0 means "every address inside Azure".
    pub first: Ipv4Addr,
    /// The last address.
    pub last: Ipv4Addr,
}

/// A server parameter.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Parameter {
    /// The server, if the ID names it.
    #[serde(serialize_with = "class::name")]
    pub server: Option<String>,
    /// Its name.
    #[serde(serialize_with = "class::word")]
    pub name: String,
    /// Its value.
    #[serde(serialize_with = "class::word")]
    pub value: String,
}

/// How the server is attached to networks. It decides which hypotheses are possible at all: only a
/// server in a virtual network can be cut off from Entra by its owner's rules.
/// Source: Microsoft Learn, "Networking overview" of Azure Database for PostgreSQL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Topology {
    /// Injected into a delegated subnet: security groups, routes and DNS of the network apply to it.
    VirtualNetwork,
    /// A public endpoint, perhaps with private ones as well; its way to Entra is Microsoft's.
    Public,
    /// Only private endpoints; its way to Entra is Microsoft's.
    PrivateEndpoints,
    /// The documents do not say.
    Unknown,
}

impl FlexibleServer {
    /// Whether it is a read replica, whose data and roles are those of another server.
    #[must_use]
    pub fn is_replica(&self) -> bool {
        let role = self.role.as_deref().unwrap_or_default();
        role.to_ascii_lowercase().ends_with("replica")
    }

    /// How it is attached to networks.
    #[must_use]
    pub const fn topology(&self) -> Topology {
        match (&self.delegated_subnet, self.public_access) {
            (Some(_), _) => Topology::VirtualNetwork,
            (None, _) if self.network_unknown => Topology::Unknown,
            (None, Some(false)) => Topology::PrivateEndpoints,
            (None, Some(true) | None) => Topology::Public,
        }
    }

    /// The resource group; a placeholder where the export has no id.
    #[must_use]
    pub fn resource_group(&self) -> &str {
        resource_group(&self.id)
    }
}

/// The resource group of a resource id; a placeholder where there is none.
#[must_use]
pub fn resource_group(id: &str) -> &str {
    id_part(id, "resourceGroups").unwrap_or("<resource-group>")
}

/// The segment of a resource id behind another, compared without case as Azure does.
#[must_use]
pub fn id_part<'a>(id: &'a str, kind: &str) -> Option<&'a str> {
    let mut segments = id.split('/');
    segments.find(|segment| segment.eq_ignore_ascii_case(kind))?;
    segments.next().filter(|name| !name.is_empty())
}
