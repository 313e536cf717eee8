//! Which server, which subnet, which security group and route table are meant.

use super::{
    addresses::Addresses,
    routing,
    security::{Admin, Inside},
    tags::{Tags, like},
    words::given,
};
use crate::{
    check::Missing,
    evidence::Evidence,
    facts::{
        Fact, NotObserved,
        azure::{self, Azure, FlexibleServer, Topology, Unused, id_part},
        azure_network::{
            AdminRule, AdminScope, Endpoint, Route, RouteTable, SecurityGroup, Subnet,
            VirtualNetwork,
        },
        dns::Role,
    },
    verdict::Verdict,
};
use std::net::{IpAddr, Ipv4Addr};

/// The subnet of a server, or of one that is planned.
pub struct Place<'a> {
    azure: &'a Azure,
    /// Its resource id, where it is known.
    pub id: Option<&'a str>,
    /// What is known of it.
    pub subnet: Option<&'a Subnet>,
    /// Its network.
    pub network: Option<&'a VirtualNetwork>,
}

/// A rule set for a subnet.
pub enum Found<'a, T> {
    /// This one, and whether that is certain.
    This(&'a T, bool),
    /// The subnet has none.
    None,
}

impl<'a, T> Found<'a, T> {
    fn known(self) -> Option<&'a T> {
        match self {
            Self::This(known, _) => Some(known),
            Self::None => None,
        }
    }
}

/// The server that the run is about.
///
/// # Errors
/// Its document was not given, or the document is of another server.
pub fn server(seen: &Evidence) -> Result<&FlexibleServer, Missing> {
    let azure = seen.azure.get()?;
    if let (Err(NotObserved::NotAsked), Some(unused)) = (azure.server.get(), unused(azure)) {
        let detail = format!("{} is not used: {}", unused.what, unused.why);
        return Err(Missing::not_decided(detail, SERVER_COMMAND.to_owned()));
    }
    let server = given(&azure.server, "the server's own document")?;
    conflict(azure, &server.id)?;
    match host(seen) {
        Some(wanted) if !is_server(server, wanted) => {
            let detail = format!("the document is of another server, {}", server.name);
            Err(Missing::not_decided(detail, SERVER_COMMAND.to_owned()))
        }
        Some(_) | None => Ok(server),
    }
}

/// Two documents of a resource that say different things decide nothing.
///
/// # Errors
/// There are such documents of this resource.
pub fn conflict(azure: &Azure, resource: &str) -> Result<(), Missing> {
    let found =
        azure.conflicts.iter().find(|one| !resource.is_empty() && like(&one.resource, resource));
    found.map_or(Ok(()), |one| {
        Err(Missing::not_decided(
            one.detail.clone(),
            "export it again, and leave out the older file".to_owned(),
        ))
    })
}

/// The document of another server; if no document is used at all, any of them.
fn unused(azure: &Azure) -> Option<&Unused> {
    other_server(azure).or_else(|| azure.unused.first().filter(|_| azure.sources.is_empty()))
}

/// The document of a server that is not the one of the run.
fn other_server(azure: &Azure) -> Option<&Unused> {
    azure.unused.iter().find(|one| one.what.starts_with("flexible server "))
}

/// The command that exports a network.
const VNET: &str = "`az network vnet show -g $RG -n $VNET -o json`";
/// The command that says what is on a subnet.
pub(crate) const SUBNET_COMMAND: &str =
    "`az network vnet subnet show -g $RG --vnet-name $VNET -n $SUBNET -o json` (--azure-config)";

/// The command that exports a private endpoint.
const ENDPOINT_COMMAND: &str =
    "`az network private-endpoint show -g $RG -n $ENDPOINT -o json` (--azure-config)";

/// The command that exports a server.
pub const SERVER_COMMAND: &str =
    "`az postgres flexible-server show -g $RG -n $SERVER -o json` (--azure-config)";

fn host(seen: &Evidence) -> Option<&str> {
    let host = seen.settings.seen()?.host.as_ref()?;
    Some(host.value.trim_end_matches('.'))
}

/// Whether a host name is the server's: the domain name in its document or one of its virtual
/// endpoints; without a domain name, the server's name as the first label of a name of Azure.
#[must_use]
pub fn is_server(server: &FlexibleServer, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let named = |name: &String| like(name.trim_end_matches('.'), host);
    if server.virtual_endpoints.iter().any(named) {
        return true;
    }
    match &server.host {
        Some(own) => named(own) || private_alias(own, host) || !of_azure(host),
        None => {
            server.name.is_empty()
                || first_label(host).is_some_and(|label| like(label, &server.name))
                || !of_azure(host)
        }
    }
}

/// The name of the private endpoint's zone, which leads to the same server.
fn private_alias(own: &str, host: &str) -> bool {
    let mut parts = host.splitn(2, '.');
    let (Some(label), Some(rest)) = (parts.next(), parts.next()) else { return false };
    let Some(zone) = rest.to_ascii_lowercase().strip_prefix("privatelink.").map(str::to_owned)
    else {
        return false;
    };
    like(own, &format!("{label}.{zone}"))
}

fn first_label(host: &str) -> Option<&str> {
    host.split('.').next().filter(|label| !label.is_empty())
}

/// Whether a host name is one that Azure gives to servers; another may be an alias of any server.
#[must_use]
pub fn of_azure(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".database.azure.com", ".database.usgovcloudapi.net", ".database.chinacloudapi.cn"]
        .iter()
        .any(|suffix| host.ends_with(suffix))
}

/// The server's addresses: those that were tried, those that its name resolves to, or those of the
/// documents.
#[must_use]
pub fn addresses(seen: &Evidence) -> Vec<IpAddr> {
    let reached = seen.server.seen().into_iter().flat_map(|server| &server.tcp);
    let mut all: Vec<IpAddr> = reached.map(|attempt| attempt.address.ip()).collect();
    if all.is_empty() {
        let names = seen.dns.seen().into_iter().flat_map(|dns| &dns.names);
        all = names
            .filter(|name| name.role == Role::Server)
            .filter_map(|name| name.system.seen())
            .flat_map(|lookup| lookup.addresses.iter().copied())
            .collect();
    }
    if all.is_empty() {
        all.extend(seen.azure.seen().and_then(recorded));
        all.extend(endpoint_addresses(seen));
    }
    all.dedup();
    all
}

/// The addresses of the server's private endpoints, as their documents say.
#[must_use]
pub fn endpoint_addresses(seen: &Evidence) -> Vec<IpAddr> {
    let Some(azure) = seen.azure.seen() else { return Vec::new() };
    let Some(server) = azure.server.seen() else { return Vec::new() };
    endpoints(azure, server).flat_map(|one| one.addresses.iter().copied()).collect()
}

/// The documents of the server's private endpoints.
pub fn endpoints<'a>(
    azure: &'a Azure,
    server: &'a FlexibleServer,
) -> impl Iterator<Item = &'a azure::Endpoint> {
    azure.endpoints.seen().into_iter().flatten().filter(|one| {
        let by_target = one.target.as_deref().is_some_and(|id| like(id, &server.id));
        let known = || server.private_endpoints.iter().filter_map(|one| one.endpoint.as_deref());
        by_target || known().any(|id| like(id, &one.id))
    })
}

/// The server's private address, if exactly one is known and it is in the subnet.
fn address(seen: &Evidence, subnet: &[crate::support::service_tags::IpNet]) -> Option<Ipv4Addr> {
    let mut all = addresses(seen);
    all.retain(|address| match address {
        IpAddr::V4(address) if subnet.is_empty() => address.is_private(),
        IpAddr::V4(_) => subnet.iter().any(|net| net.contains(address)),
        IpAddr::V6(_) => false,
    });
    all.dedup();
    match all.as_slice() {
        [IpAddr::V4(only)] => Some(*only),
        _ => None,
    }
}

/// The server's address by the documents: the A record in the private DNS zone that the service writes.
/// A record that a machine registered, or one of several addresses, is not it.
fn recorded(azure: &Azure) -> Option<IpAddr> {
    let server = azure.server.seen()?;
    let id = server.private_dns_zone.as_deref()?;
    let name = id.rsplit('/').next()?;
    let mut zones = azure.dns_zones.seen()?.iter().filter(|zone| {
        if zone.id.is_empty() { like(&zone.name, name) } else { like(&zone.id, id) }
    });
    let zone = zones.next()?;
    let label = server.host.as_deref().and_then(first_label).unwrap_or(&server.name);
    let mut named = zone.records.iter().filter(|one| like(&one.name, label));
    let record = match (named.next(), zone.records.as_slice()) {
        (Some(record), _) => record,
        // The service may give the record a name of its own.
        (None, [only]) if zone.is_complete() => only,
        (None, _) => return None,
    };
    match record.addresses.as_slice() {
        [address] if !record.automatic => Some(*address),
        _ => None,
    }
}

/// The entries of a list that are about the server that is meant. `command`: what lists them.
///
/// # Errors
/// All of them are about another one.
pub fn of_server<'a, T>(
    seen: &Evidence,
    list: &'a [T],
    command: &str,
    server: impl Fn(&T) -> Option<&str>,
) -> Result<Vec<&'a T>, Missing> {
    let wanted = seen
        .azure
        .seen()
        .and_then(|azure| azure.server.seen())
        .map(|known| known.name.as_str())
        .filter(|name| !name.is_empty())
        .or_else(|| host(seen).filter(|host| of_azure(host)).and_then(first_label));
    let own: Vec<&T> = list
        .iter()
        .filter(|entry| match (server(entry), wanted) {
            (Some(name), Some(wanted)) => like(name, wanted),
            (None, _) | (_, None) => true,
        })
        .collect();
    if own.is_empty() && !list.is_empty() {
        let detail = "the list that was given is of another server".to_owned();
        let known = seen.azure.seen().and_then(|azure| azure.server.seen());
        let group = known.and_then(|one| id_part(&one.id, "resourceGroups")).unwrap_or("$RG");
        let decide = format!(
            "`az postgres flexible-server {command} list -g {group} -s {} -o json` (--azure-config)",
            wanted.unwrap_or("$SERVER")
        );
        return Err(Missing::not_decided(detail, decide));
    }
    Ok(own)
}

impl<'a> Place<'a> {
    /// The subnet whose rules count for the server's way to Entra.
    ///
    /// # Errors
    /// The server is in no virtual network: its way to Entra is Microsoft's; or nothing was given.
    pub fn of(seen: &'a Evidence) -> Result<Self, Missing> {
        let azure = seen.azure.get()?;
        let id = match server(seen) {
            Ok(server) => match (server.topology(), &server.delegated_subnet) {
                (Topology::VirtualNetwork, Some(subnet)) => Some(subnet.as_str()),
                (Topology::Public, _) => return Err(elsewhere("has a public endpoint")),
                (Topology::Unknown, _) => {
                    let detail = "the documents do not say how the server is attached to networks";
                    return Err(Missing::not_decided(detail.to_owned(), SERVER_COMMAND.to_owned()));
                }
                (_, _) => return Err(elsewhere("has only private endpoints")),
            },
            // Nothing of a server was given, or nothing could be read: the files are of a subnet.
            Err(Missing(_)) if azure.server.seen().is_none() && other_server(azure).is_none() => {
                None
            }
            Err(other) => return Err(other),
        };
        let networks = azure.networks.seen().map(Vec::as_slice).unwrap_or_default();
        let mut subnets = networks
            .iter()
            .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)));
        let found = match id {
            Some(id) => subnets.find(|(_, subnet)| like(&subnet.id, id)),
            None => {
                let mut delegated = subnets
                    .filter(|(_, subnet)| subnet.delegations.iter().any(|to| like(to, DELEGATION)));
                match (delegated.next(), delegated.next()) {
                    (Some(first), None) => Some(first),
                    (Some(_), Some(_)) => None,
                    (None, _) => only(networks),
                }
            }
        };
        Ok(Self {
            azure,
            id: id.or(found.map(|(_, subnet)| subnet.id.as_str())),
            subnet: found.map(|(_, subnet)| subnet),
            network: found.map(|(network, _)| network),
        })
    }

    /// The subnet of the server's private endpoint; `None` if the server has no approved one.
    ///
    /// # Errors
    /// It was not given, or there are several.
    pub fn of_endpoint(seen: &'a Evidence) -> Result<Option<Self>, Missing> {
        let azure = seen.azure.get()?;
        let Ok(server) = server(seen) else { return Ok(None) };
        let approved = server.private_endpoints.iter().any(|one| like(&one.status, "Approved"));
        if server.topology() == Topology::VirtualNetwork || !approved {
            return Ok(None);
        }
        let mut ids: Vec<&str> =
            endpoints(azure, server).filter_map(|one| one.subnet.as_deref()).collect();
        ids.dedup_by(|one, other| like(one, other));
        let not_given = |what: String| {
            let why = format!("{what} of the private endpoint was not given");
            Err(Missing(NotObserved::NotApplicable { why }))
        };
        let id = match ids.as_slice() {
            [id] => *id,
            [] => return not_given("the subnet".to_owned()),
            _ => {
                let detail = format!("{} has private endpoints in several subnets", server.name);
                return Err(Missing::not_decided(detail, ENDPOINT_COMMAND.to_owned()));
            }
        };
        let networks = azure.networks.seen().into_iter().flatten();
        let mut subnets = networks
            .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)));
        let Some((network, subnet)) = subnets.find(|(_, subnet)| like(&subnet.id, id)) else {
            return not_given(format!("the subnet {}", id.rsplit('/').next().unwrap_or(id)));
        };
        Ok(Some(Self { azure, id: Some(id), subnet: Some(subnet), network: Some(network) }))
    }

    /// Whether network security groups count for private endpoints in the subnet. Source: Microsoft Learn,
    /// "Manage network policies for private endpoints".
    ///
    /// # Errors
    /// The document of the subnet does not say.
    pub fn filters_endpoints(&self) -> Result<bool, Missing> {
        let subnet = self.subnet.map_or("", |subnet| &subnet.name);
        self.subnet.and_then(|subnet| subnet.endpoint_policies).ok_or_else(|| {
            let detail = format!("whether security groups count for private endpoints in {subnet}");
            Missing::not_decided(detail, SUBNET_COMMAND.to_owned())
        })
    }

    /// The security group on the subnet.
    ///
    /// # Errors
    /// It was not given, or which of several it is is not known.
    pub fn security_group(&self) -> Result<Found<'a, SecurityGroup>, Missing> {
        let subnet = self.subnet;
        let named = subnet.and_then(|subnet| subnet.security_group.as_deref());
        let kind = Kind { name: "security group", part: "networkSecurityGroup" };
        self.choose(&self.azure.security_groups, self.on_subnet(named), &kind, |group| {
            (&group.id, &group.name, &group.subnets)
        })
    }

    /// What the subnet's document says of a group or table; `None`: it does not say.
    fn on_subnet<'b>(&self, named: Option<&'b str>) -> Option<Option<&'b str>> {
        let subnet = self.subnet?;
        match named {
            Some(id) => Some(Some(id)),
            None if subnet.partial => None,
            None => Some(None),
        }
    }

    /// The security group and the route table on the subnet, each if there is one and it is known.
    ///
    /// # Errors
    /// Neither of them was given.
    pub fn rules_and_routes(
        &self,
    ) -> Result<(Option<&'a SecurityGroup>, Option<&'a RouteTable>), Missing> {
        match (self.security_group(), self.route_table()) {
            (Err(why), Err(_)) => Err(why),
            (group, table) => {
                Ok((group.ok().and_then(Found::known), table.ok().and_then(Found::known)))
            }
        }
    }

    /// The security group that filters the subnet's traffic, and whether it is certain that it is on
    /// the subnet. There is no group if only security admin rules apply; nothing is returned if
    /// neither applies.
    ///
    /// # Errors
    /// As [`Self::security_group`].
    pub fn filtering_group(&self) -> Result<Option<(Option<&'a SecurityGroup>, bool)>, Missing> {
        Ok(match self.security_group()? {
            Found::This(group, sure) => Some((Some(group), sure)),
            Found::None => (!self.admin_rules().is_empty()).then_some((None, true)),
        })
    }

    /// The route table on the subnet.
    ///
    /// # Errors
    /// It was not given, or which of several it is is not known.
    pub fn route_table(&self) -> Result<Found<'a, RouteTable>, Missing> {
        let named = self.subnet.and_then(|subnet| subnet.route_table.as_deref());
        let kind = Kind { name: "route table", part: "routeTable" };
        let own = self.choose(&self.azure.route_tables, self.on_subnet(named), &kind, |table| {
            (&table.id, &table.name, &table.subnets)
        });
        let tables = self.azure.route_tables.seen().map(Vec::as_slice).unwrap_or_default();
        let effective: Vec<&RouteTable> =
            tables.iter().filter(|table| table.name == EFFECTIVE).collect();
        // They are of an interface, which the document does not name: of one with the same routes.
        let fits = |one: &&&RouteTable| match &own {
            Ok(Found::This(table, _)) => is_part(table, one),
            Ok(Found::None) => !one.routes.iter().any(|route| route.user),
            Err(_) => self.subnet.is_none(),
        };
        let fitting: Vec<&RouteTable> = effective.iter().filter(fits).copied().collect();
        match fitting.as_slice() {
            [] => own,
            [one, rest @ ..] if rest.iter().all(|other| other.routes == one.routes) => {
                let sure = matches!(own, Ok(Found::This(_, true) | Found::None));
                Ok(Found::This(one, sure))
            }
            _ => Err(Missing::not_decided(
                "the effective routes of several network interfaces were given, and they differ"
                    .to_owned(),
                "give those of one in a subnet with the route table of the server's subnet"
                    .to_owned(),
            )),
        }
    }

    /// The network around the server, as far as it is known.
    #[must_use]
    pub fn inside<'b>(&'b self, seen: &Evidence, routed: Option<&'b Addresses>) -> Inside<'b> {
        let subnet = self.subnet.map(|subnet| subnet.prefixes.as_slice()).unwrap_or_default();
        Inside {
            server: address(seen, subnet),
            subnet,
            network: self
                .network
                .map(|network| network.address_space.as_slice())
                .unwrap_or_default(),
            gateway: self.gateway() == Some(true),
            routed,
            interfaces: self.azure.interfaces.seen().map(Vec::as_slice).unwrap_or_default(),
        }
    }

    /// Whether a gateway connects other networks; `None` if the document of the network was not given.
    #[must_use]
    pub fn gateway(&self) -> Option<bool> {
        self.network.and_then(VirtualNetwork::has_gateway)
    }

    /// A pass by a group or a table: it counts only if it is certain that it is on the subnet.
    ///
    /// # Errors
    /// It is not.
    pub fn pass(&self, sure: bool, by: &str, detail: String) -> Result<Verdict, Missing> {
        if sure {
            return Ok(Verdict::Passed(detail));
        }
        Err(Missing::not_decided(
            format!("whether {by} is on the server's subnet"),
            SUBNET_COMMAND.to_owned(),
        ))
    }

    /// The prefixes of the subnet's user-defined routes; `None` if they are not known.
    #[must_use]
    pub fn routed(&self, tags: &Tags<'_>) -> Option<Addresses> {
        match self.route_table() {
            Ok(Found::This(table, true)) => routing::routed(table, tags),
            Ok(Found::This(_, false)) => None,
            Ok(Found::None) => Some(Addresses::default()),
            Err(_) => None,
        }
    }

    /// The command that decides what is part of the virtual network.
    #[must_use]
    pub fn network_command(&self) -> String {
        let mut commands = Vec::new();
        if self.network.is_none() {
            commands.push(VNET);
        }
        if self.route_table().is_err() {
            commands.push("`az network route-table show -g $RG -n $ROUTE_TABLE -o json`");
        }
        if commands.is_empty() {
            commands.push("`az network nic list-effective-nsg -g $RG -n $NIC -o json` of a machine in a subnet with the same group and route table");
        }
        format!("{} (--azure-config)", commands.join(" and "))
    }

    /// The security admin rules that apply, or may apply, to the server's network. What Azure lists as
    /// effective goes before what is only configured.
    #[must_use]
    pub fn admin_rules(&self) -> Vec<Admin<'a>> {
        let all = self.azure.admin_rules.seen().map(Vec::as_slice).unwrap_or_default();
        let network = self.network_id();
        let listed = |rule: &AdminRule| match &rule.scope {
            AdminScope::Unnamed => Some(false),
            AdminScope::Network(id) => match network {
                Some(own) => like(id, own).then_some(true),
                None => Some(false),
            },
            AdminScope::Configured(_) => None,
        };
        let effective: Vec<Admin<'a>> = all
            .iter()
            .filter_map(|rule| listed(rule).map(|named| Admin { rule, collection: None, named }))
            .collect();
        if !effective.is_empty() || self.azure.admin_rules_are_complete(network) {
            return effective;
        }
        let configured = all.iter().filter_map(|rule| match &rule.scope {
            AdminScope::Configured(id) => {
                Some(Admin { rule, collection: Some(id.as_str()), named: true })
            }
            AdminScope::Unnamed | AdminScope::Network(_) => None,
        });
        configured.collect()
    }

    /// The resource id of the server's network.
    fn network_id(&self) -> Option<&'a str> {
        let known = self.network.map(|network| network.id.as_str()).filter(|id| !id.is_empty());
        known.or_else(|| self.id?.split_once("/subnets/").map(|(network, _)| network))
    }

    /// Whether all of these subnets are known, and none is one that servers can be in.
    fn of_others(&self, ids: &[String]) -> bool {
        let networks = self.azure.networks.seen().into_iter().flatten();
        let known: Vec<&Subnet> = networks.flat_map(|network| &network.subnets).collect();
        !ids.is_empty()
            && ids.iter().all(|id| {
                known.iter().any(|one| {
                    like(&one.id, id)
                        && !one.partial
                        && !one.delegations.iter().any(|to| like(to, DELEGATION))
                })
            })
    }

    fn choose<T>(
        &self,
        list: &'a Fact<Vec<T>>,
        on_subnet: Option<Option<&str>>,
        kind: &Kind,
        about: impl Fn(&T) -> (&String, &String, &Vec<String>),
    ) -> Result<Found<'a, T>, Missing> {
        let on_it = |one: &&T| {
            let (.., subnets) = about(one);
            self.id.is_some_and(|id| subnets.iter().any(|subnet| like(subnet, id)))
        };
        if let Some(id) = self.id {
            conflict(self.azure, &format!("{id}/{}", kind.part))?;
        }
        let Kind { name: kind, .. } = *kind;
        match on_subnet {
            Some(None) => {
                // A document that was written after it was put on the subnet.
                let later = list.seen().into_iter().flatten().find(on_it);
                return match later {
                    None => Ok(Found::None),
                    Some(one) => Err(Missing::not_decided(
                        format!(
                            "the document of the subnet names no {kind}, and {} names the subnet: one of them is older",
                            about(one).1
                        ),
                        "export the network again (`az network vnet show`)".to_owned(),
                    )),
                };
            }
            Some(Some(id)) => {
                let name = id.rsplit('/').next().unwrap_or(id);
                let why = || {
                    let Missing(missing) =
                        not_given(&format!("the {kind} {name} of the server's subnet"));
                    Missing(with_unused(missing, self.azure, name))
                };
                let all = match list.get() {
                    Ok(all) => all,
                    // It is known that there is one: not to have it is not to know.
                    Err(NotObserved::NotAsked) => return Err(why()),
                    Err(other) => return Err(other.into()),
                };
                let this = all
                    .iter()
                    .find(|one| like(about(one).0, id))
                    .or_else(|| all.iter().find(|one| like(about(one).0, name)));
                if let Some(one) = this {
                    conflict(self.azure, about(one).0)?;
                    return Ok(Found::This(one, true));
                }
                // A document without its id has the name only, and so has one of a deployment.
                let open = |id: &str| {
                    id.is_empty()
                        || id.starts_with("/subscriptions/deployment/")
                        || id.starts_with("/subscriptions/planned/")
                };
                let mut same = all.iter().filter(|one| {
                    let (own, known, _) = about(one);
                    like(known, name) && (open(own) || open(id))
                });
                return match (same.next(), same.next()) {
                    (Some(one), None) => Ok(Found::This(one, false)),
                    _ => Err(why()),
                };
            }
            None => {}
        }
        let all = given(list, &format!("the {kind}"))?;
        if let Some(one) = all.iter().find(on_it) {
            return Ok(Found::This(one, true));
        }
        // One that is put on other subnets, and not on this one, is not meant.
        let mut rest = all.iter().filter(|one| {
            let (_, name, subnets) = about(one);
            let open =
                if self.id.is_none() { !self.of_others(subnets) } else { subnets.is_empty() };
            name != EFFECTIVE && open
        });
        match (rest.next(), rest.next()) {
            (Some(one), None) => Ok(Found::This(one, self.id.is_none())),
            (Some(_), Some(_)) => Err(not_given(&format!(
                "which {kind} is on the server's subnet (`az network vnet show` names it)"
            ))),
            (None, _) => Err(not_given(&format!("the {kind} of the server's subnet"))),
        }
    }
}

/// A kind of resource on a subnet: in words, and as the property of the subnet.
struct Kind {
    name: &'static str,
    part: &'static str,
}

/// The name of the table that holds the routes that Azure applies to a network interface.
pub const EFFECTIVE: &str = "effective routes";

/// Whether every route of a table is among the effective ones. A route to a service tag is there with the
/// prefixes of the tag, and with its own name where the document has names.
fn is_part(table: &RouteTable, effective: &RouteTable) -> bool {
    let named = effective.routes.iter().any(|route| !route.name.starts_with("to "));
    let has = |route: &Route| {
        effective.routes.iter().any(|other| {
            other.next_hop == route.next_hop
                && match route.destination {
                    Endpoint::Prefix(_) => other.destination == route.destination,
                    _ => !named || like(&other.name, &route.name),
                }
        })
    };
    table.name != effective.name && table.routes.iter().all(has)
}

/// The subnet, if the documents describe only one.
fn only(networks: &[VirtualNetwork]) -> Option<(&VirtualNetwork, &Subnet)> {
    let mut all = networks
        .iter()
        .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)));
    let first = all.next();
    // A server is only in a delegated subnet.
    let may_be = |(_, subnet): &(&VirtualNetwork, &Subnet)| {
        subnet.partial || subnet.delegations.iter().any(|to| like(to, DELEGATION))
    };
    if all.next().is_some() { None } else { first.filter(may_be) }
}

/// Source: Microsoft Learn, "Network with private access" of Azure Database for PostgreSQL.
pub const DELEGATION: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

fn elsewhere(how: &str) -> Missing {
    let why = format!("the server {how}: its own way to Entra is Microsoft's, and open");
    Missing(NotObserved::NotApplicable { why })
}

/// Adds the document that may be the missing one, and why it is not used.
fn with_unused(missing: NotObserved, azure: &Azure, name: &str) -> NotObserved {
    let names = |one: &&Unused| {
        let mut words = one.what.split(' ').chain(one.from.split(['/', '.', ' ']));
        words.any(|word| like(word, name))
    };
    match (missing, azure.unused.iter().find(names)) {
        (NotObserved::NotPermitted { detail }, Some(one)) => NotObserved::NotPermitted {
            detail: format!("{detail} in a form that is understood: {}: {}", one.from, one.why),
        },
        (other, _) => other,
    }
}

fn not_given(what: &str) -> Missing {
    Missing(NotObserved::NotPermitted { detail: format!("{what} was not given") })
}

#[cfg(test)]
mod tests {
    use super::{EFFECTIVE, is_part};
    use crate::facts::azure_network::RouteTable;
    use serde_json::{Value, json};

    fn table(name: &str, routes: &Value) -> RouteTable {
        serde_json::from_value(json!({"name": name, "routes": routes})).expect("a table")
    }

    fn route(name: &str, to: &Value, hop: &str) -> Value {
        json!({"name": name, "destination": to, "next_hop": hop, "next_hop_address": null})
    }

    #[test]
    fn effective_routes_hold_every_route_of_the_table() {
        let default = json!({"prefix": "0.0.0.0/0"});
        let entra = json!({"prefix": "20.190.128.0/18"});
        let own = table(
            "rt",
            &json!([
                route("d", &default, "virtual_appliance"),
                route("e", &json!({"tag": "AzureActiveDirectory"}), "internet"),
            ]),
        );
        let effective = |routes: Value| table(EFFECTIVE, &routes);
        let d = || route("d", &default, "virtual_appliance");
        assert!(is_part(&own, &effective(json!([d(), route("e", &entra, "internet")]))));
        // They were read before the route to the tag was made.
        assert!(!is_part(&own, &effective(json!([d()]))));
        // A document without names: the prefixes of the tag are not compared.
        let unnamed = json!([
            route("to VirtualAppliance", &default, "virtual_appliance"),
            route("to Internet", &entra, "internet"),
        ]);
        assert!(is_part(&own, &effective(unnamed)));
    }
}
