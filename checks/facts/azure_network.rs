//! What Azure says of the network around the server: security groups, route tables, virtual networks,
//! service tags. Source: REST API `Microsoft.Network` 2023-09-01.

use crate::facts::class;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A network security group.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct SecurityGroup {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Its rules, the default rules included, in no order.
    pub rules: Vec<SecurityRule>,
    /// The subnets it is put on, by resource id.
    #[serde(serialize_with = "class::name")]
    pub subnets: Vec<String>,
    /// Whether these are the rules that Azure applies to a network interface, with the prefixes of tags.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub effective: bool,
}

/// One rule of a security group.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SecurityRule {
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// The rule with the lowest number applies first.
    pub priority: u16,
    /// Which way.
    pub direction: Direction,
    /// What it does to what it matches.
    pub access: Access,
    /// The protocol.
    pub protocol: Protocol,
    /// Source ports.
    pub source_ports: Vec<PortRange>,
    /// Destination ports.
    pub destination_ports: Vec<PortRange>,
    /// Sources; one is enough.
    pub sources: Vec<Endpoint>,
    /// Destinations; one is enough.
    pub destinations: Vec<Endpoint>,
    /// Whether it is one of the rules that every group has.
    #[serde(default)]
    pub default: bool,
}

/// A security admin rule of Azure Virtual Network Manager. Azure evaluates these before network
/// security groups.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AdminRule {
    /// The rule.
    pub rule: SecurityRule,
    /// Whether it is `AlwaysAllow`, which no network security group overrides.
    pub always: bool,
    /// Where Azure applies it.
    #[serde(default, skip_serializing_if = "AdminScope::is_unnamed")]
    pub scope: AdminScope,
}

/// Where a security admin rule applies. A rule of a configuration applies to a network only if the
/// configuration is deployed in its region and the network is in one of its groups.
/// Source: Microsoft Learn, "Security admin rules in Azure Virtual Network Manager".
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminScope {
    /// Azure lists it as effective on a network that the document does not name.
    #[default]
    Unnamed,
    /// Azure lists it as effective on this network, by resource id.
    Network(#[serde(serialize_with = "class::name")] String),
    /// It is in a rule collection, by resource id. Whether it is deployed is not known.
    Configured(#[serde(serialize_with = "class::name")] String),
}

impl AdminScope {
    const fn is_unnamed(&self) -> bool {
        matches!(self, Self::Unnamed)
    }
}

/// The direction of traffic that a rule is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the subnet.
    Inbound,
    /// Out of the subnet.
    Outbound,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Lets through.
    Allow,
    /// Drops the packet.
    Deny,
}

/// What a rule's protocol is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Every protocol.
    Any,
    /// The protocol TCP.
    Tcp,
    /// UDP, which DNS uses.
    Udp,
    /// ICMP and the others, which neither a login nor DNS uses.
    Other,
}

/// Ports from the first to the last, both included.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A source or a destination.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `*`.
    Any,
    /// Address prefixes.
    Prefix(IpNet),
    /// A service tag: `Internet`, `VirtualNetwork`, `AzureActiveDirectory`, `AzureCloud.westeurope`, …
    Tag(#[serde(serialize_with = "class::word")] String),
    /// An application security group, by id. Flexible servers are in none.
    Group(#[serde(serialize_with = "class::name")] String),
}

/// A route table.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct RouteTable {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Its routes, in no order.
    pub routes: Vec<Route>,
    /// The subnets it is associated with, by resource id.
    #[serde(serialize_with = "class::name")]
    pub subnets: Vec<String>,
    /// Whether routes learned by gateways are added; `None` if the document does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bgp_propagation: Option<bool>,
}

/// One route.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Route {
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Where it leads to: a prefix or a service tag.
    pub destination: Endpoint,
    /// Where the packet goes next.
    pub next_hop: NextHop,
    /// The appliance's address.
    pub next_hop_address: Option<IpAddr>,
    /// Whether it is an effective route that a route table made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub user: bool,
}

/// Where a packet goes next.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NextHop {
    /// The internet, and Azure's own public addresses.
    Internet,
    /// A firewall or another machine.
    VirtualAppliance,
    /// A VPN or ExpressRoute gateway.
    VirtualNetworkGateway,
    /// The virtual network itself.
    VirtualNetwork,
    /// Nowhere: it is dropped.
    None,
    /// Not understood.
    Unknown,
}

/// An Azure Firewall.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CentralFirewall {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Its private addresses, which routes name as next hop.
    pub addresses: Vec<IpAddr>,
    /// Its policy, by resource id.
    #[serde(serialize_with = "class::name")]
    pub policy: Option<String>,
    /// Its own rule collections.
    pub collections: Vec<RuleCollection>,
}

/// A rule collection of a firewall or of a policy.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct RuleCollection {
    /// The policy, by resource id.
    #[serde(serialize_with = "class::name")]
    pub policy: Option<String>,
    /// Its group in the policy, by resource id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::name")]
    pub group: Option<String>,
    /// The priority of its group in a policy.
    pub group_priority: u32,
    /// Its priority; the lowest number decides first.
    pub priority: u32,
    /// Whether its rules allow what they match.
    pub allow: bool,
    /// Whether they are application rules, which go after all network rules.
    pub application: bool,
    /// The rules.
    pub rules: Vec<CentralRule>,
}

/// One rule of a firewall.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CentralRule {
    /// The name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Sources; one is enough.
    pub sources: Vec<Endpoint>,
    /// Destinations; one is enough.
    pub destinations: Vec<Endpoint>,
    /// Destination hosts, with `*` at the start.
    #[serde(serialize_with = "class::name")]
    pub hosts: Vec<String>,
    /// Destination ports.
    pub ports: Vec<PortRange>,
    /// Whether it is for TCP.
    pub tcp: bool,
    /// Whether the firewall inspects TLS, with a certificate of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inspects: bool,
    /// Whether it names groups of source addresses that are not known.
    pub unknown_source: bool,
    /// Whether it names groups, tags or categories of destinations that are not known.
    pub unknown_destination: bool,
}

/// A virtual network.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct VirtualNetwork {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Its address space, and that of its peers.
    pub address_space: Vec<IpNet>,
    /// The peered networks, by resource id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub peers: Vec<String>,
    /// Its own DNS servers; empty: Azure's.
    pub dns_servers: Vec<IpAddr>,
    /// Whether a gateway connects other networks: its own, or that of a peer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gateway: bool,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

impl VirtualNetwork {
    /// Whether its own document was given, not only that of one of its subnets.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.address_space.is_empty() || !self.dns_servers.is_empty()
    }

    /// Whether a gateway connects other networks; `None` if that was not given.
    #[must_use]
    pub fn has_gateway(&self) -> Option<bool> {
        (self.gateway || self.is_whole()).then_some(self.gateway)
    }
}

/// A subnet.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Subnet {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Its addresses.
    pub prefixes: Vec<IpNet>,
    /// The security group on it, by resource id.
    #[serde(serialize_with = "class::name")]
    pub security_group: Option<String>,
    /// The route table on it, by resource id.
    #[serde(serialize_with = "class::name")]
    pub route_table: Option<String>,
    /// The network interfaces in it, by resource id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub interfaces: Vec<String>,
    /// The services it is delegated to.
    #[serde(serialize_with = "class::word")]
    pub delegations: Vec<String>,
    /// The NAT gateway on it, by resource id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "class::name")]
    pub nat_gateway: Option<String>,
    /// Whether the document is reduced: that it names no group or table does not say that there is none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Whether network security groups count for private endpoints in it; `None` if the document does not
    /// say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_policies: Option<bool>,
    /// Whether machines without a public address of their own reach the internet; `None` if the
    /// document does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_outbound: Option<bool>,
}

/// A NAT gateway: what its subnets send to the internet comes from its public addresses.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct NatGateway {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// Its name.
    #[serde(serialize_with = "class::name")]
    pub name: String,
    /// Its public IP addresses and prefixes, by resource id.
    #[serde(serialize_with = "class::name")]
    pub addresses: Vec<String>,
    /// The subnets it is associated with, by resource id.
    #[serde(serialize_with = "class::name")]
    pub subnets: Vec<String>,
}

/// A public IP address or a public IP prefix.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct PublicAddress {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The address, or the addresses.
    pub prefix: Option<IpNet>,
}

/// A firewall policy. A policy inherits the rule collections of its base policy.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct FirewallPolicy {
    /// The resource id.
    #[serde(serialize_with = "class::name")]
    pub id: String,
    /// The base policy, by resource id.
    #[serde(serialize_with = "class::name")]
    pub base: Option<String>,
    /// Its rule collection groups, by resource id.
    #[serde(serialize_with = "class::name")]
    pub groups: Vec<String>,
}

/// A result of Network Watcher: what Azure computed or measured from a virtual machine, at one moment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Measurement {
    /// The file.
    #[serde(serialize_with = "class::name")]
    pub from: String,
    /// The address that the traffic comes from.
    pub source: Option<IpAddr>,
    /// The address that the traffic goes to.
    pub destination: Option<IpAddr>,
    /// The destination port.
    pub port: Option<u16>,
    /// The result.
    pub result: Measured,
}

/// What was measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// The next hop of a packet.
    NextHop {
        /// Where the packet goes next.
        hop: NextHop,
        /// The appliance's address.
        address: Option<IpAddr>,
        /// The route table with the route, by resource id; `None`: a system route.
        #[serde(serialize_with = "class::name")]
        table: Option<String>,
    },
    /// What the security rules do to a packet.
    IpFlow {
        /// Whether they let it through.
        allowed: bool,
        /// The rule that decides.
        #[serde(serialize_with = "class::name")]
        rule: String,
        /// The network security group with the rule, by resource id.
        #[serde(serialize_with = "class::name")]
        group: Option<String>,
    },
    /// Connections that were tried.
    Connection {
        /// Whether one was made.
        reachable: bool,
        /// The network security rules that Network Watcher names as the cause.
        #[serde(serialize_with = "class::name")]
        rules: Vec<String>,
        /// Whether Network Watcher names a user-defined route as the cause.
        route: bool,
        /// The machines on the way.
        hops: Vec<IpAddr>,
    },
}
