//! From documents to facts.

use super::{
    firewall,
    kind::{Identified, Kind, identify, name_of, resource_type, server_of},
    measured,
    node::Node,
    private_way, rules, template, terraform,
};
use entra_pg_checks::{
    Fact,
    facts::{
        azure::{
            Administrator, Azure, Conflict, DnsLink, DnsRecord, DnsZone, Endpoint, FirewallRule,
            FlexibleServer, ForwardingLink, ForwardingRule, GraphPrincipal, Health, Impact,
            Interface, Parameter, PrivateEndpoint, ServiceEvent, Source, Unused,
        },
        azure_network::{
            NatGateway, PublicAddress, RouteTable, SecurityGroup, SecurityRule, Subnet,
            VirtualNetwork,
        },
    },
    support::{
        azure::{place::is_server, tags::like},
        service_tags::{ENTRA, IpNet, SIGN_IN_RANGES, ServiceTag, ServiceTags},
    },
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    net::IpAddr,
};

/// What documents gave so far.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) azure: Azure,
    servers: Vec<FlexibleServer>,
    /// Rules and routes that were exported without their group or table, by its name.
    loose_rules: Vec<Loose>,
    loose_routes: Vec<Loose>,
    group_of_subnet: Vec<(String, String)>,
    table_of_subnet: Vec<(String, String)>,
    /// Subnets that a deployment takes the group or the table off.
    without_group: Vec<String>,
    without_table: Vec<String>,
    /// The file that a resource was read from, by id.
    read_from: HashMap<String, String>,
    /// Addresses of private endpoints in the documents of their network interfaces and zone groups.
    addresses_of_endpoint: Vec<(String, Vec<IpAddr>, Vec<String>)>,
    peerings: Vec<(String, Node)>,
    /// Rules that Azure applies, which go before those of the groups.
    effective_groups: Vec<SecurityGroup>,
    /// Documents of each kind so far.
    counts: HashMap<Kind, usize>,
    /// Addresses in the rules of all groups so far.
    addresses: usize,
    /// Documents of the state after a deployment, which replace those of the present state.
    planned: Vec<(String, Node)>,
    /// Resources whose state is not known, by id.
    lost: Vec<String>,
    /// Resources that a deployment deletes, by id.
    deleted: Vec<String>,
    endpoints: Vec<VirtualEndpoint>,
    /// Application security groups: the file, the id and the name.
    application_groups: Vec<(String, String, String)>,
    group_of_interface: Vec<(String, String)>,
    nat_of_subnet: Vec<(String, String)>,
    address_of_nat: Vec<(String, String)>,
    empty: Vec<EmptyOfZone>,
}

/// A rule or a route that was exported without its group or table.
#[derive(Debug)]
struct Loose {
    from: String,
    /// The id of the group or table, and its name; either may be empty.
    parent: (String, String),
    node: Node,
}

/// A list of a private DNS zone that is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EmptyOfZone {
    Links,
    Records,
}

/// A virtual endpoint: host names that lead to a server whatever its role.
#[derive(Debug)]
struct VirtualEndpoint {
    /// The server that it was exported from.
    owner: String,
    name: String,
    /// The servers that the reader's name leads to.
    members: Vec<String>,
    hosts: Vec<String>,
}

impl VirtualEndpoint {
    /// The host names and, of each, the server: the writer's is the primary server.
    fn names<'a>(&'a self, zone: &str) -> Vec<(String, &'a str)> {
        let reader = self.members.first().map_or(self.owner.as_str(), String::as_str);
        let mut hosts = self.hosts.clone();
        if hosts.is_empty() {
            hosts = ["writer", "reader"].map(|role| format!("{}.{role}.{zone}", self.name)).into();
        }
        let leads = |host: String| {
            let is_reader = host.to_ascii_lowercase().contains(".reader.");
            (host, if is_reader { reader } else { self.owner.as_str() })
        };
        hosts.into_iter().map(leads).collect()
    }
}

/// Whether two lists hold different things, in whatever order.
fn differ<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().any(|entry| !other.contains(entry)) || other.iter().any(|entry| !one.contains(entry))
}

/// Whether a document is a report or a bundle of this program.
fn is_report(node: &Node) -> bool {
    ["schemaversion", "runid", "evidence"].iter().filter(|key| !node.get(key).is_null()).count() > 1
}

impl Collected {
    /// Takes a document in; `from` names its file.
    ///
    /// # Errors
    /// Something in a document of a known kind is not understood.
    pub(crate) fn add(&mut self, from: &str, node: &Node) -> Result<(), String> {
        self.add_at(from, node, 0)
    }

    fn add_at(&mut self, from: &str, node: &Node, depth: usize) -> Result<(), String> {
        if depth > MAX_WRAPPINGS {
            self.unused(from, "document", "lists inside of lists");
            return Ok(());
        }
        if let Some(changes) = changes(node) {
            self.change(from, changes);
            return Ok(());
        }
        if let Some(planned) = terraform::planned(node) {
            let from = format!("{from}{AFTER}");
            self.planned.extend(planned.into_iter().map(|one| (from.clone(), one)));
            self.removed(&from, terraform::deleted(node));
            return Ok(());
        }
        if let Some(items) = wrapped(node) {
            if node.get("nextlink").text().is_some() && !from.starts_with(LIVE) {
                self.unused(
                    from,
                    "rest of a list",
                    "the document has only its first page (nextLink): export all pages",
                );
            }
            for (index, item) in items.iter().enumerate() {
                match self.add_at(from, item, depth + 1) {
                    // One item that is not understood does not lose the others.
                    Err(error) if items.len() > 1 => {
                        self.unused(from, &format!("item {}", index + 1), &error);
                    }
                    other => other?,
                }
            }
            return Ok(());
        }
        let node = &*with_id(node);
        match identify(node) {
            Identified::Known(kind) if self.is_full(kind) => {
                let why = format!("more than {MAX_OF_A_KIND} documents of one kind");
                self.unused(from, "document", &why);
            }
            Identified::Known(kind)
                if kind != Kind::Server && node.get(template::OPEN).text().is_some() =>
            {
                let why = node.get(template::OPEN).owned().unwrap_or_default();
                self.unused(from, &format!("resource {}", name_of(node)), &why);
                self.lose(node);
            }
            Identified::Known(kind) => {
                let read = self.convert(kind, node, from);
                if read.is_err() {
                    self.lose(node);
                }
                if let Some(what) = read? {
                    self.azure.sources.push(Source { from: from.to_owned(), what });
                }
            }
            Identified::Other(what, why) => self.unused(from, &what, why),
            Identified::Unknown if is_report(node) => {
                self.unused(from, "report of doctor", "give it with --from");
            }
            Identified::Unknown => {
                if let Some(inner) = documents_inside(node) {
                    for one in inner {
                        self.add_at(from, one, depth + 1)?;
                    }
                    return Ok(());
                }
                self.unused(from, "document", &super::kind::unrecognized(node));
            }
        }
        Ok(())
    }

    /// What a plan deletes: resources, and associations with subnets.
    fn removed(&mut self, from: &str, gone: Vec<(String, Node)>) {
        for (kind, values) in gone {
            let subnet = values.get("subnetid").owned();
            match (kind.as_str(), subnet) {
                ("azurerm_subnet_network_security_group_association", Some(subnet)) => {
                    self.without_group.push(subnet);
                }
                ("azurerm_subnet_route_table_association", Some(subnet)) => {
                    self.without_table.push(subnet);
                }
                _ => {
                    let Some(id) = values.get("id").owned() else { continue };
                    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
                    self.unused(from, &format!("resource {name}"), "the deployment deletes it");
                    self.deleted.push(id);
                }
            }
            self.azure.planned = true;
        }
    }

    /// Notes from which file a resource is, and a difference between two files.
    fn note<T>(&mut self, from: &str, key: &str, old: Option<&T>, differs: impl Fn(&T) -> bool) {
        let key = key.to_ascii_lowercase();
        if key.is_empty() {
            return;
        }
        let before = self.read_from.insert(key.clone(), from.to_owned());
        let deployed = from.ends_with(AFTER) || from.starts_with(LIVE);
        if let (Some(old), Some(before)) = (old, before)
            && !deployed
            && before != *from
            && differs(old)
        {
            let name = key.rsplit('/').next().unwrap_or_default();
            self.azure.conflicts.push(Conflict {
                detail: format!(
                    "{before} and {from} describe {name} differently: remove the older one"
                ),
                resource: key,
            });
        }
    }

    /// Takes in what a deployment changes: the state after it.
    fn change(&mut self, from: &str, changes: &[Node]) {
        for change in changes {
            let id = change.get("resourceid").text().unwrap_or_default().to_owned();
            let name = id.rsplit('/').next().unwrap_or_default();
            let kind = change.get("changetype").text().unwrap_or_default().to_ascii_lowercase();
            let (before, after) = (change.get("before"), change.get("after"));
            if kind == "delete" {
                self.unused(from, &format!("resource {name}"), "the deployment deletes it");
                self.deleted.push(id);
                self.azure.planned = true;
            } else if after.is_map() {
                self.planned.push((format!("{from}{AFTER}"), after.clone()));
            } else if kind == "nochange" && before.is_map() {
                self.planned.push((format!("{from}{AFTER}"), before.clone()));
            } else {
                let why = format!(
                    "the what-if result does not hold its state after the deployment ({kind}); request it with --result-format FullResourcePayloads"
                );
                self.unused(from, &format!("resource {name}"), &why);
                if ["modify", "create", "deploy", "unsupported"].contains(&kind.as_str()) {
                    self.lose_id(&id);
                }
            }
        }
    }

    /// The state after a deployment replaces the present one, in whatever order the files were given.
    fn deploy(&mut self) {
        for (from, node) in std::mem::take(&mut self.planned) {
            self.azure.planned = true;
            if let Err(error) = self.add_at(&from, &node, 1) {
                self.unused(&from, "resource", &error);
            }
        }
        let deleted = std::mem::take(&mut self.deleted);
        if deleted.is_empty() {
            return;
        }
        let stays = |id: &String| !deleted.iter().any(|gone| like(gone, id));
        self.servers.retain(|one| stays(&one.id));
        let azure = &mut self.azure;
        keep(&mut azure.security_groups, |one| stays(&one.id));
        keep(&mut azure.route_tables, |one| stays(&one.id));
        keep(&mut azure.networks, |one| stays(&one.id));
        keep(&mut azure.dns_zones, |one| stays(&one.id));
        keep(&mut azure.endpoints, |one| stays(&one.id));
        keep(&mut azure.firewalls, |one| stays(&one.id));
        keep(&mut azure.policies, |one| stays(&one.id));
        keep(&mut azure.administrators, |one| {
            !deleted.iter().any(|id| {
                id.to_ascii_lowercase()
                    .ends_with(&format!("/administrators/{}", one.object_id.to_ascii_lowercase()))
            })
        });
        keep(&mut azure.firewall_rules, |one| {
            !deleted.iter().any(|id| {
                id.to_ascii_lowercase()
                    .ends_with(&format!("/firewallrules/{}", one.name.to_ascii_lowercase()))
            })
        });
        for subnet in networks_of(azure).iter_mut().flat_map(|network| &mut network.subnets) {
            let gone = |id: &Option<String>| id.as_ref().is_some_and(|id| !stays(id));
            if gone(&subnet.security_group) {
                subnet.security_group = None;
            }
            if gone(&subnet.route_table) {
                subnet.route_table = None;
            }
        }
        let child = |kind: &str, parent: &str, name: &str| {
            deleted.iter().any(|id| {
                let mut parts = id.rsplit('/');
                let own = parts.next().is_some_and(|last| like(last, name));
                let of = parts.next().is_some_and(|part| like(part, kind));
                own && of && parts.next().is_some_and(|of| like(of, parent))
            })
        };
        if let Fact::Seen(groups) = &mut azure.security_groups {
            for group in groups {
                let SecurityGroup { name, rules, .. } = group;
                rules.retain(|rule| !child("securityRules", name, &rule.name));
            }
        }
        if let Fact::Seen(tables) = &mut azure.route_tables {
            for table in tables {
                let RouteTable { name, routes, .. } = table;
                routes.retain(|route| !child("routes", name, &route.name));
            }
        }
    }

    /// Notes a resource whose state is not known: what other documents say of it does not count.
    fn lose(&mut self, node: &Node) {
        self.lose_id(node.get("id").text().unwrap_or_default());
    }

    fn lose_id(&mut self, id: &str) {
        // A part that is not known makes the whole unknown.
        let inside = ["securityRules", "routes", "subnets", "A", "virtualNetworkLinks"];
        let lower = id.to_ascii_lowercase();
        let at =
            inside.iter().find_map(|part| lower.find(&format!("/{}/", part.to_ascii_lowercase())));
        let id = at.and_then(|at| id.get(..at)).unwrap_or(id);
        if id.contains("/providers/") && self.lost.len() < MAX_OF_A_KIND {
            self.lost.push(id.to_owned());
        }
    }

    /// Removes what is not known.
    fn without_lost(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        if lost.is_empty() {
            return;
        }
        let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let kind = |id: &str| id.rsplit('/').nth(1).unwrap_or_default().to_ascii_lowercase();
        let stays = |id: &str| {
            !lost.iter().any(|gone| {
                let planned = is_planned(gone) != is_planned(id);
                like(gone, id) || (planned && last(gone) == last(id) && kind(gone) == kind(id))
            })
        };
        let azure = &mut self.azure;
        keep(&mut azure.security_groups, |one| stays(&one.id));
        keep(&mut azure.route_tables, |one| stays(&one.id));
        keep(&mut azure.networks, |one| stays(&one.id));
        keep(&mut azure.dns_zones, |one| stays(&one.id));
        keep(&mut azure.endpoints, |one| stays(&one.id));
        keep(&mut azure.firewalls, |one| stays(&one.id));
    }

    /// Counts a document; true once there are more of its kind than are read.
    fn is_full(&mut self, kind: Kind) -> bool {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        *count > MAX_OF_A_KIND
    }

    /// Counts the addresses of a group's rules.
    ///
    /// # Errors
    /// There are more than are read.
    fn bounded(&mut self, group: SecurityGroup) -> Result<SecurityGroup, String> {
        let of_rule = |rule: &SecurityRule| rule.sources.len() + rule.destinations.len();
        self.addresses += group.rules.iter().map(of_rule).sum::<usize>();
        if self.addresses > MAX_ADDRESSES {
            return Err(format!(
                "network security group {:.80}: more than {MAX_ADDRESSES} addresses in all groups, of which Azure allows 4,000 per group",
                group.name
            ));
        }
        Ok(group)
    }

    /// Names a document that is not used.
    pub(crate) fn unused(&mut self, from: &str, what: &str, why: &str) {
        let one = Unused { from: from.to_owned(), what: what.to_owned(), why: why.to_owned() };
        let full = self.azure.unused.len() >= MAX_UNUSED;
        if !full && !self.azure.unused.contains(&one) {
            self.azure.unused.push(one);
        }
    }

    /// Everything together. `host`: the host name that the run is about.
    ///
    /// # Errors
    /// Several servers, and no host name that says which is meant.
    pub(crate) fn finish(mut self, host: Option<&str>) -> Result<Azure, String> {
        self.deploy();
        self.attach();
        self.off_subnets();
        self.groups_of_interfaces();
        self.public_addresses();
        self.interfaces_of_endpoints();
        self.peered();
        self.empty_zones();
        let names = |servers: &[FlexibleServer]| {
            let names: Vec<&str> = servers.iter().map(|one| one.name.as_str()).take(8).collect();
            names.join(", ")
        };
        let mut leads: Vec<(String, String)> = Vec::new();
        for endpoint in std::mem::take(&mut self.endpoints) {
            let own = |one: &&FlexibleServer| like(&one.name, &endpoint.owner);
            let zone = self.servers.iter().find(own).or(self.servers.first());
            let zone = zone.and_then(|one| one.host.as_deref()?.split_once('.'));
            for (host, server) in endpoint.names(zone.map_or("", |(_, zone)| zone)) {
                leads.push((host, server.to_owned()));
            }
        }
        for server in &mut self.servers {
            let own = leads.iter().filter(|(_, to)| to.is_empty() || like(to, &server.name));
            server.virtual_endpoints.extend(own.map(|(host, _)| host.clone()));
        }
        let servers = std::mem::take(&mut self.servers);
        let (mut meant, others): (Vec<_>, Vec<_>) =
            servers.into_iter().partition(|one| host.is_none_or(|host| is_server(one, host)));
        if meant.len() > 1 {
            let error =
                format!("the files describe several servers ({}): name one with -h", names(&meant));
            if host.is_none() {
                return Err(error);
            }
        }
        for other in others {
            let known = other.host.as_deref().unwrap_or("unknown");
            let asked = host.unwrap_or_default();
            let virtual_one = leads.iter().find(|(name, _)| like(name, asked));
            let why = match virtual_one {
                Some((_, to)) => format!("the virtual endpoint {asked} leads to {to}"),
                None => format!("its host name is {known}, not {asked}"),
            };
            self.unused(FILES, &format!("flexible server {}", other.name), &why);
        }
        if !meant.is_empty() {
            let mut server = meant.swap_remove(0);
            private_way::complete(&mut server, &self.azure);
            self.azure.server = Fact::Seen(server);
        }
        Ok(self.azure)
    }

    /// Everything together with a server that is known already.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(crate) fn with_server(mut self, server: FlexibleServer) -> Result<Azure, String> {
        self.servers.push(server);
        self.finish(None)
    }

    /// What the document is; `None` if it is named once all documents are read, or is not used.
    fn convert(&mut self, kind: Kind, node: &Node, from: &str) -> Result<Option<String>, String> {
        let name = name_of(node);
        let azure = &mut self.azure;
        Ok(Some(match kind {
            Kind::Server => {
                let mut server = server(node)?;
                let what = format!("flexible server {}", server.name);
                if is_stub(node, SERVER_KEYS) {
                    self.unused(from, &what, STUB);
                    return Ok(None);
                }
                let same = |one: &FlexibleServer| {
                    !one.id.is_empty()
                        && (like(&one.id, &server.id)
                            || (is_planned(&one.id) != is_planned(&server.id)
                                && like(&one.name, &server.name)))
                };
                if let Some(index) = self.servers.iter().position(same) {
                    let old = self.servers.remove(index);
                    let differs = |old: &FlexibleServer| contradict(old, &server);
                    self.note(from, &server.id, Some(&old), differs);
                    fill(&mut server, old);
                } else {
                    self.note::<()>(from, &server.id, None, |()| false);
                }
                self.servers.push(server);
                what
            }
            Kind::Administrator => {
                let one = administrator(node);
                let name = if one.name.is_empty() { &one.object_id } else { &one.name };
                let what = format!("administrator {name}");
                let same = |other: &Administrator| {
                    other.server == one.server && like(&other.object_id, &one.object_id)
                };
                put_by(&mut azure.administrators, one.clone(), same);
                what
            }
            Kind::FirewallRule => {
                let one = firewall_rule(node, &name)?;
                let same = |other: &FirewallRule| {
                    other.server == one.server && like(&other.name, &one.name)
                };
                put_by(&mut azure.firewall_rules, one.clone(), same);
                format!("firewall rule {name}")
            }
            Kind::Parameter => {
                let value = node.field("value").scalar().unwrap_or_default();
                let one = Parameter { server: server_of(node), name: name.clone(), value };
                let same =
                    |other: &Parameter| other.server == one.server && like(&other.name, &one.name);
                put_by(&mut azure.parameters, one.clone(), same);
                format!("parameter {name}")
            }
            Kind::VirtualEndpoint => {
                let id = node.field("sourceserverid").text();
                let by_id = id.and_then(|id| id.rsplit('/').next()).map(str::to_owned);
                let replica = node.field("replicaserverid").text();
                let replica = replica.and_then(|id| id.rsplit('/').next()).map(str::to_owned);
                let members = node.field("members").texts().map(str::to_owned);
                let hosts = node.field("virtualendpoints").texts();
                self.endpoints.push(VirtualEndpoint {
                    owner: server_of(node).or(by_id).unwrap_or_default(),
                    members: members.chain(replica).take(MAX_NAMED).collect(),
                    hosts: hosts
                        .filter(|host| host.contains(".postgres."))
                        .map(str::to_owned)
                        .take(MAX_NAMED)
                        .collect(),
                    name: name.clone(),
                });
                format!("virtual endpoint {name}")
            }
            Kind::ServerConnection => {
                let one = connection(node);
                put(&mut azure.connections, one, |one| &one.connection);
                format!("private endpoint connection {name}")
            }
            Kind::PrivateEndpoint => {
                put(&mut azure.endpoints, endpoint(node, &name), |one| &one.id);
                format!("private endpoint {name}")
            }
            Kind::NetworkInterface => {
                let of_endpoint = node.field("privateendpoint").get("id").owned();
                if let Some(endpoint) = of_endpoint {
                    let all = interfaces(node, &name);
                    let own = all.into_iter().flat_map(|one| one.addresses).collect();
                    self.addresses_of_endpoint.push((endpoint, own, Vec::new()));
                }
                let id = node.get("id").text().unwrap_or_default();
                let all = listed(&mut azure.interfaces);
                all.retain(|one| id.is_empty() || !like(&one.id, id));
                all.extend(interfaces(node, &name));
                format!("network interface {name}")
            }
            Kind::Network => {
                let what = format!("virtual network {name}");
                if is_stub(node, &["addressspace", "subnets", "subnet", "dhcpoptions"]) {
                    self.unused(from, &what, STUB);
                    return Ok(None);
                }
                let one = network(node, &name)?;
                self.add_network(from, one);
                what
            }
            Kind::Subnet => {
                let one = subnet(node)?;
                let what = format!("subnet {}", one.name);
                self.add_subnet(node, one, from);
                what
            }
            Kind::SecurityGroup => {
                let what = format!("network security group {name}");
                if is_stub(node, &["securityrules", "securityrule", "defaultsecurityrules"]) {
                    self.unused(from, &what, STUB);
                    return Ok(None);
                }
                let group = self.bounded(rules::group(node, &name)?)?;
                let groups = self.azure.security_groups.seen().into_iter().flatten();
                let old = groups.into_iter().find(|one| like(&one.id, &group.id)).cloned();
                self.note(from, &group.id, old.as_ref(), |old| differ(&old.rules, &group.rules));
                put(&mut self.azure.security_groups, group, |one| &one.id);
                what
            }
            Kind::EffectiveGroup => {
                let one = self.bounded(rules::effective_group(node)?)?;
                let what = format!("effective security rules of {}", one.name);
                self.effective_groups.push(one);
                what
            }
            Kind::SecurityRule => {
                let group = parent(node, "networkSecurityGroups", "networksecuritygroupname");
                self.loose_rules.push(loose(from, node, group));
                format!("security rule {name}")
            }
            Kind::RouteTable => {
                let what = format!("route table {name}");
                if is_stub(node, &["routes", "route"]) {
                    self.unused(from, &what, STUB);
                    return Ok(None);
                }
                let table = rules::table(node, &name)?;
                let tables = self.azure.route_tables.seen().into_iter().flatten();
                let old = tables.into_iter().find(|one| like(&one.id, &table.id)).cloned();
                self.note(from, &table.id, old.as_ref(), |old| differ(&old.routes, &table.routes));
                put(&mut self.azure.route_tables, table, |one| &one.id);
                what
            }
            Kind::Route => {
                let table = parent(node, "routeTables", "routetablename");
                self.loose_routes.push(loose(from, node, table));
                format!("route {name}")
            }
            Kind::EffectiveRoute => {
                let parent =
                    (format!("{}{from}", rules::EFFECTIVE_ID), rules::EFFECTIVE.to_owned());
                let from = from.to_owned();
                self.loose_routes.push(Loose { from, parent, node: node.clone() });
                "effective route".to_owned()
            }
            Kind::AdminRule => {
                // Rules of different collections can have the same name.
                let all = listed(&mut azure.admin_rules);
                for rule in rules::admin_rules(node)? {
                    if !all.contains(&rule) {
                        all.push(rule);
                    }
                }
                format!("security admin rule {name}")
            }
            Kind::DnsZone => {
                let id = node.get("id").owned().unwrap_or_default();
                let one = zone(&mut azure.dns_zones, &name, &id);
                one.record_sets = node.field("numberofrecordsets").number();
                one.link_count = node.field("numberofvirtualnetworklinks").number();
                format!("private DNS zone {name}")
            }
            Kind::DnsLink => {
                let of = parent(node, "privateDnsZones", "privatednszonename");
                let link = DnsLink {
                    name: name.clone(),
                    network: linked_network(node),
                    state: node.field("virtualnetworklinkstate").owned(),
                    registration: node.field("registrationenabled").flag(),
                };
                let links = &mut zone(&mut azure.dns_zones, &of, zone_id(node)).links;
                links.retain(|one| !like(&one.name, &link.name));
                links.push(link);
                format!("link {name} of private DNS zone {of}")
            }
            Kind::DnsRecord => {
                let of = parent(node, "privateDnsZones", "zonename");
                let records = &mut zone(&mut azure.dns_zones, &of, zone_id(node)).records;
                records.retain(|one| !like(&one.name, &name));
                records.push(record(node, &name));
                format!("record {name} of private DNS zone {of}")
            }
            Kind::ServiceTags => {
                let tags = service_tags(node)?;
                let what = format!("service tags, edition {}", tags.change_number);
                match azure.service_tags.seen() {
                    Some(known)
                        if like(&known.cloud, &tags.cloud)
                            && known.change_number > tags.change_number =>
                    {
                        self.unused(from, &what, "another file holds a newer edition");
                        return Ok(None);
                    }
                    Some(_) | None => azure.service_tags = Fact::Seen(tags),
                }
                what
            }
            Kind::Peering => {
                let of = parent(node, "virtualNetworks", "virtualnetworkname");
                self.peerings.push((of.clone(), node.clone()));
                format!("peering {name} of virtual network {of}")
            }
            Kind::ZoneGroup => {
                let configs = || node.field("privatednszoneconfigs").items().iter();
                let zones = configs().filter_map(|one| one.field("privatednszoneid").owned());
                let records = configs().flat_map(|one| one.field("recordsets").items());
                let texts = records.flat_map(|one| one.get("ipaddresses").texts());
                let own: Vec<IpAddr> = texts.filter_map(|text| text.parse().ok()).collect();
                let id = node.get("id").text().unwrap_or_default();
                let endpoint = id.split("/privateDnsZoneGroups/").next().unwrap_or_default();
                let entry = (endpoint.to_owned(), own, zones.take(MAX_NAMED).collect());
                self.addresses_of_endpoint.push(entry);
                format!("DNS zone group {name} of a private endpoint")
            }
            Kind::GroupOfSubnet => {
                let ids =
                    (node.field("subnetid").owned(), node.field("networksecuritygroupid").owned());
                if let (Some(subnet), Some(group)) = ids {
                    self.group_of_subnet.push((subnet, group));
                }
                "association of a subnet and a network security group".to_owned()
            }
            Kind::TableOfSubnet => {
                let ids = (node.field("subnetid").owned(), node.field("routetableid").owned());
                if let (Some(subnet), Some(table)) = ids {
                    self.table_of_subnet.push((subnet, table));
                }
                "association of a subnet and a route table".to_owned()
            }
            Kind::Health => {
                azure.health = Fact::Seen(Health {
                    server: server_of(node),
                    state: node.field("availabilitystate").owned().unwrap_or_default(),
                    summary: node.field("summary").owned(),
                });
                "resource health of the server".to_owned()
            }
            Kind::HealthEvent => {
                let text = |key: &str| node.field(key).owned().unwrap_or_default();
                let one = ServiceEvent {
                    kind: text("eventtype"),
                    status: text("status"),
                    title: text("title"),
                    starts: node.field("impactstarttime").owned(),
                    impact: node
                        .field("impact")
                        .items()
                        .iter()
                        .take(MAX_NAMED)
                        .map(impact)
                        .collect(),
                };
                listed(&mut azure.events).push(one);
                format!("service event {name}")
            }
            Kind::ForwardingRule => {
                let rule = forwarding_rule(node)?;
                let what = format!("DNS forwarding rule {name}");
                listed(&mut azure.forwarding).extend(rule);
                what
            }
            Kind::Firewall => {
                put(&mut azure.firewalls, firewall::firewall(node, &name)?, |one| &one.id);
                format!("Azure Firewall {name}")
            }
            Kind::RuleCollectionGroup => {
                listed(&mut azure.collections).extend(firewall::group(node)?);
                format!("rule collection group {name}")
            }
            Kind::GraphPrincipal => {
                let enabled = node.get("accountenabled").flag();
                azure.graph_principal = Fact::Seen(GraphPrincipal { exists: true, enabled });
                "service principal of the Graph client of PostgreSQL".to_owned()
            }
            Kind::FirewallPolicy => {
                put(&mut azure.policies, firewall::policy(node), |one| &one.id);
                format!("Azure Firewall policy {name}")
            }
            Kind::ForwardingLink => {
                let ruleset = parent(node, "dnsForwardingRulesets", "dnsforwardingrulesetname");
                let ruleset = match node.field("dnsforwardingrulesetid").text() {
                    Some(id) => id.rsplit('/').next().unwrap_or_default().to_owned(),
                    None => ruleset,
                };
                let network = linked_network(node);
                let what = format!("link {name} of DNS forwarding ruleset {ruleset}");
                listed(&mut azure.forwarding_links).push(ForwardingLink { ruleset, network });
                what
            }
            Kind::ApplicationGroup => {
                let id = node.get("id").owned().unwrap_or_else(|| name.clone());
                self.application_groups.push((from.to_owned(), id, name));
                return Ok(None);
            }
            Kind::GroupOfInterface => {
                let id = |key: &str| node.field(key).owned();
                if let (Some(interface), Some(group)) =
                    (id("networkinterfaceid"), id("applicationsecuritygroupid"))
                {
                    self.group_of_interface.push((interface, group));
                }
                "association of a network interface and an application security group".to_owned()
            }
            Kind::NatGateway => {
                put(&mut azure.nat_gateways, nat_gateway(node, &name), |one| &one.id);
                format!("NAT gateway {name}")
            }
            Kind::NatOfSubnet => {
                let id = |key: &str| node.field(key).owned();
                self.nat_of_subnet.extend(id("subnetid").zip(id("natgatewayid")));
                "association of a subnet and a NAT gateway".to_owned()
            }
            Kind::AddressOfNat => {
                let id = |key: &str| node.field(key).owned();
                let address = id("publicipaddressid").or_else(|| id("publicipprefixid"));
                self.address_of_nat.extend(id("natgatewayid").zip(address));
                "association of a NAT gateway and a public IP address".to_owned()
            }
            Kind::PublicAddress => {
                put(&mut azure.public_addresses, public_address(node), |one| &one.id);
                format!("public IP address {name}")
            }
            Kind::OtherRecord => {
                let of = parent(node, "privateDnsZones", "zonename");
                let zone = zone(&mut azure.dns_zones, &of, zone_id(node));
                zone.listed = true;
                let kind = resource_type(node).unwrap_or_default();
                if kind.ends_with("/cname") || kind.ends_with("cname_record") {
                    zone.aliases.push(name.clone());
                }
                format!("record {name} of private DNS zone {of}")
            }
            Kind::Measurement => {
                let title = measured::title(node);
                let Some(one) = measured::measurement(node, from)? else {
                    self.unused(from, title, measured::NO_REQUEST);
                    return Ok(None);
                };
                let end = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
                let (source, destination) = (end(one.source), end(one.destination));
                listed(&mut azure.measurements).push(one);
                format!("{title} from {source} to {destination}")
            }
        }))
    }

    /// Application security groups are of use with the interfaces that are their members.
    fn groups_of_interfaces(&mut self) {
        let interfaces = match &mut self.azure.interfaces {
            Fact::Seen(interfaces) => interfaces.as_mut_slice(),
            Fact::NotObserved(_) => &mut [],
        };
        for (interface, group) in std::mem::take(&mut self.group_of_interface) {
            for one in interfaces.iter_mut().filter(|one| like(&one.id, &interface)) {
                one.groups.push(group.clone());
            }
        }
        for (from, id, name) in std::mem::take(&mut self.application_groups) {
            let known = self.azure.interfaces.seen().map(Vec::as_slice).unwrap_or_default();
            let members: Vec<&str> = known
                .iter()
                .filter(|one| one.groups.iter().any(|group| like(group, &id)))
                .map(|one| one.name.as_str())
                .take(MAX_NAMED)
                .collect();
            if members.is_empty() {
                let what = format!("application security group {name}");
                self.unused(
                    &from,
                    &what,
                    "its document does not list the members, and no given network interface is one; `az network nic list -g $RG -o json` does",
                );
            } else {
                let what = format!("application security group {name}: {}", members.join(", "));
                self.azure.sources.push(Source { from, what });
            }
        }
    }

    /// An empty list does not name the zone that it is of: it is of the only one.
    pub(crate) fn empty_of_zone(&mut self, part: EmptyOfZone) {
        self.empty.push(part);
    }

    fn empty_zones(&mut self) {
        let Fact::Seen(zones) = &mut self.azure.dns_zones else { return };
        let [zone] = zones.as_mut_slice() else { return };
        for part in std::mem::take(&mut self.empty) {
            match part {
                EmptyOfZone::Links if zone.links.is_empty() => zone.link_count = Some(0),
                EmptyOfZone::Records if zone.records.is_empty() => zone.listed = true,
                EmptyOfZone::Links | EmptyOfZone::Records => {}
            }
        }
    }

    /// Puts NAT gateways on their subnets, and public addresses into NAT gateways.
    fn public_addresses(&mut self) {
        for (gateway, address) in std::mem::take(&mut self.address_of_nat) {
            if let Fact::Seen(gateways) = &mut self.azure.nat_gateways {
                for one in gateways.iter_mut().filter(|one| like(&one.id, &gateway)) {
                    one.addresses.push(address.clone());
                }
            }
        }
        let mut pairs = std::mem::take(&mut self.nat_of_subnet);
        for one in self.azure.nat_gateways.seen().into_iter().flatten() {
            pairs.extend(one.subnets.iter().map(|subnet| (subnet.clone(), one.id.clone())));
        }
        for subnet in networks_of(&mut self.azure).iter_mut().flat_map(|one| &mut one.subnets) {
            let gateway = pairs.iter().find(|(id, _)| like(id, &subnet.id));
            if let (None, Some((_, gateway))) = (&subnet.nat_gateway, gateway) {
                subnet.nat_gateway = Some(gateway.clone());
            }
        }
    }

    /// Rules and routes of a group or a table that is known go into it.
    fn attach_rule(
        &mut self,
        from: &str,
        parent: &(String, String),
        node: &Node,
        rule: SecurityRule,
    ) {
        let groups = listed(&mut self.azure.security_groups);
        let group = find_or(
            groups,
            |one: &SecurityGroup| is_parent(parent, &one.id, &one.name),
            || rules::empty_group(node, &parent.1),
        );
        let same =
            |one: &&SecurityRule| like(&one.name, &rule.name) && one.direction == rule.direction;
        match group.rules.iter().find(same) {
            None => group.rules.push(rule),
            Some(known) if known.default || *known == rule || from.ends_with(AFTER) => {}
            Some(_) => {
                let id = if group.id.is_empty() { &group.name } else { &group.id };
                let detail = format!(
                    "{from} and the document of {} describe rule {} differently: remove the older one",
                    group.name, rule.name
                );
                self.azure.conflicts.push(Conflict { resource: id.to_ascii_lowercase(), detail });
            }
        }
    }

    /// Takes groups and tables off the subnets, as a deployment does.
    fn off_subnets(&mut self) {
        let (groups, tables) =
            (std::mem::take(&mut self.without_group), std::mem::take(&mut self.without_table));
        for subnet in networks_of(&mut self.azure).iter_mut().flat_map(|one| &mut one.subnets) {
            if groups.iter().any(|id| like(id, &subnet.id)) {
                subnet.security_group = None;
            }
            if tables.iter().any(|id| like(id, &subnet.id)) {
                subnet.route_table = None;
            }
        }
        for (gone, lists) in [(&groups, true), (&tables, false)] {
            let stays = |id: &String| !gone.iter().any(|one| like(one, id));
            if lists {
                for group in slice(&mut self.azure.security_groups) {
                    group.subnets.retain(stays);
                }
            } else {
                for table in slice(&mut self.azure.route_tables) {
                    table.subnets.retain(stays);
                }
            }
        }
    }

    /// The addresses of private endpoints, from their network interfaces and zone groups.
    fn interfaces_of_endpoints(&mut self) {
        for (id, addresses, zones) in std::mem::take(&mut self.addresses_of_endpoint) {
            let all = listed(&mut self.azure.endpoints);
            let one = find_or(
                all,
                |one: &Endpoint| like(&one.id, &id),
                || Endpoint {
                    name: id.rsplit('/').next().unwrap_or_default().to_owned(),
                    id: id.clone(),
                    ..Endpoint::default()
                },
            );
            for address in addresses {
                if !one.addresses.contains(&address) {
                    one.addresses.push(address);
                }
            }
            one.zones.extend(zones);
        }
    }

    /// Peerings that were exported without their network.
    fn peered(&mut self) {
        for (name, node) in std::mem::take(&mut self.peerings) {
            let network =
                networks_of(&mut self.azure).iter_mut().find(|one| like(&one.name, &name));
            if let Some(network) = network
                && let Err(error) = peering(network, &node)
            {
                self.unused(FILES, &format!("peering of {name}"), &error);
            }
        }
    }

    /// A network keeps the subnets that were given on their own.
    fn add_network(&mut self, from: &str, mut network: VirtualNetwork) {
        let known = self.azure.networks.seen().into_iter().flatten();
        let old = known.into_iter().find(|one| {
            (!network.id.is_empty() && like(&one.id, &network.id))
                || (one.id.is_empty() || is_planned(&one.id)) && like(&one.name, &network.name)
        });
        let old = old.cloned();
        let whole = |one: &VirtualNetwork| !one.address_space.is_empty();
        self.note(from, &network.id, old.as_ref().filter(|old| whole(old)), |old| {
            whole(&network)
                && ((&old.address_space, &old.dns_servers)
                    != (&network.address_space, &network.dns_servers))
        });
        if let Some(old) = old {
            for subnet in &old.subnets {
                let same = network.subnets.iter().position(|one| {
                    like(&one.id, &subnet.id)
                        || (one.id.is_empty() && like(&one.name, &subnet.name))
                });
                match same {
                    None => network.subnets.push(subnet.clone()),
                    Some(index) => {
                        self.differing_subnets(from, subnet, &network.subnets[index]);
                        if network.subnets[index].partial {
                            network.subnets[index] = subnet.clone();
                        }
                    }
                }
            }
            let all = listed(&mut self.azure.networks);
            all.retain(|one| !(like(&one.id, &old.id) && like(&one.name, &old.name)));
        }
        listed(&mut self.azure.networks).push(network);
    }

    /// Two documents of one subnet that name different groups or tables.
    fn differing_subnets(&mut self, from: &str, old: &Subnet, new: &Subnet) {
        let deployed = from.ends_with(AFTER) || from.starts_with(LIVE);
        if old.partial || new.partial || deployed {
            return;
        }
        let other = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => !like(one, other),
            (one, other) => one.is_some() != other.is_some(),
        };
        let mut note = |resource: &str, what: &str| {
            let detail = format!(
                "{from} and another document name different {what} for subnet {}: export the network again",
                new.name
            );
            let resource = resource.to_ascii_lowercase();
            self.azure.conflicts.push(Conflict { resource, detail });
        };
        if other(&old.security_group, &new.security_group) {
            note(&format!("{}/networkSecurityGroup", new.id), "network security groups");
        }
        if other(&old.route_table, &new.route_table) {
            note(&format!("{}/routeTable", new.id), "route tables");
        }
    }

    fn add_subnet(&mut self, node: &Node, subnet: Subnet, from: &str) {
        let id = subnet.id.split("/subnets/").next().unwrap_or_default().to_owned();
        let name = match node.field("virtualnetworkname").text() {
            Some(name) => name.to_owned(),
            None => id.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        let networks = match &mut self.azure.networks {
            Fact::Seen(networks) => networks,
            other => {
                *other = Fact::Seen(Vec::new());
                match other {
                    Fact::Seen(networks) => networks,
                    Fact::NotObserved(_) => return,
                }
            }
        };
        let known = networks.iter_mut().find(|one| {
            (!id.is_empty() && like(&one.id, &id)) || (one.id.is_empty() && like(&one.name, &name))
        });
        let network = match known {
            Some(network) => network,
            None => {
                networks.push(VirtualNetwork { id, name, ..VirtualNetwork::default() });
                let last = networks.len() - 1;
                &mut networks[last]
            }
        };
        let same = |one: &Subnet| !subnet.id.is_empty() && like(&one.id, &subnet.id);
        let old = network.subnets.iter().position(same).map(|index| network.subnets.remove(index));
        let partial = subnet.partial;
        network.subnets.push(match &old {
            Some(old) if partial => old.clone(),
            Some(_) | None => subnet.clone(),
        });
        if let Some(old) = old {
            self.differing_subnets(from, &old, &subnet);
        }
    }

    /// Puts rules into groups, routes into tables, and associations on subnets.
    fn attach(&mut self) {
        for Loose { from, parent, node } in std::mem::take(&mut self.loose_rules) {
            match rules::rule(&node, false) {
                Ok(rule) if parent.1.is_empty() => {
                    let why = "it does not name its network security group: export it with `az network nsg show`";
                    self.unused(&from, &format!("security rule {}", rule.name), why);
                }
                Ok(rule) => self.attach_rule(&from, &parent, &node, rule),
                Err(error) => self.unused(&from, "security rule", &error),
            }
        }
        for Loose { from, parent, node } in std::mem::take(&mut self.loose_routes) {
            match rules::routes(&node) {
                Ok(routes) if parent.1.is_empty() => {
                    let name = routes.first().map_or("", |route| &route.name);
                    let why = "it does not name its route table: export it with `az network route-table show`";
                    self.unused(&from, &format!("route {name}"), why);
                }
                Ok(routes) => {
                    let tables = listed(&mut self.azure.route_tables);
                    let table = find_or(
                        tables,
                        |one: &RouteTable| is_parent(&parent, &one.id, &one.name),
                        || rules::empty_table(&node, &parent.0, &parent.1),
                    );
                    let new = routes.into_iter().filter(|route| !table.routes.contains(route));
                    let new: Vec<_> = new.collect();
                    table.routes.extend(new);
                }
                Err(error) => self.unused(&from, "route", &error),
            }
        }
        self.without_lost();
        for group in std::mem::take(&mut self.effective_groups) {
            put(&mut self.azure.security_groups, group, |one| &one.id);
        }
        let networks = match &mut self.azure.networks {
            Fact::Seen(networks) => networks.as_mut_slice(),
            Fact::NotObserved(_) => &mut [],
        };
        for subnet in networks.iter_mut().flat_map(|network| &mut network.subnets) {
            let of = |pairs: &[(String, String)]| {
                pairs.iter().find(|(id, _)| like(id, &subnet.id)).map(|(_, other)| other.clone())
            };
            if let Some(group) = of(&self.group_of_subnet) {
                subnet.security_group = Some(group);
            }
            if let Some(table) = of(&self.table_of_subnet) {
                subnet.route_table = Some(table);
            }
        }
    }
}

/// What `Source::from` starts with for what was read live.
const LIVE: &str = "Azure Resource Manager";
/// The origin of what several files give together.
const FILES: &str = "--azure-config";
/// What is added to the name of a file that describes the state after a deployment.
const AFTER: &str = " (after the deployment)";
/// Names in one line, and entries of a short list.
const MAX_NAMED: usize = 16;
/// Subnets of what announces routes. Source: Microsoft Learn, "Azure Route Server" and "VPN Gateway".
const GATEWAYS: [&str; 2] = ["GatewaySubnet", "RouteServerSubnet"];
/// Lists, pages and changes inside of each other.
const MAX_WRAPPINGS: usize = 8;
/// Network interfaces of one subnet that are kept.
const MAX_INTERFACES: usize = 32;
/// Documents of one kind that are read.
const MAX_OF_A_KIND: usize = 5_000;
/// Addresses in the rules of all groups. Effective rules list the prefixes of service tags.
const MAX_ADDRESSES: usize = 40_000;
/// Unused documents that are named.
const MAX_UNUSED: usize = 200;

/// PowerShell's objects of private DNS name their id `ResourceId`.
fn with_id(node: &Node) -> Cow<'_, Node> {
    let id = node.get("resourceid").text().filter(|id| id.starts_with("/subscriptions/"));
    match (node, id) {
        (Node::Map(entries), Some(id)) if node.get("id").is_null() => {
            let mut entries = entries.clone();
            entries.push(("id".to_owned(), Node::Text(id.to_owned())));
            Cow::Owned(Node::Map(entries))
        }
        _ => Cow::Borrowed(node),
    }
}

/// The documents inside of a list, a page, a query's result, a template, a change or a plan.
fn wrapped(node: &Node) -> Option<Cow<'_, [Node]>> {
    if let Node::List(items) = node {
        return Some(Cow::Borrowed(items));
    }
    if !node.is_map() {
        return None;
    }
    let own_type = resource_type(node).is_some();
    if node.get("value").is_list() && !own_type {
        return Some(Cow::Borrowed(node.get("value").items()));
    }
    if node.get("networksecuritygroups").is_list() && !own_type {
        return Some(Cow::Borrowed(node.get("networksecuritygroups").items()));
    }
    if node.get("data").is_list() && !own_type {
        return Some(Cow::Borrowed(node.get("data").items()));
    }
    if let Some(resources) = terraform::state(node) {
        return Some(Cow::Owned(resources));
    }
    let data = node.get("data");
    if data.get("columns").is_list() && data.get("rows").is_list() {
        return Some(Cow::Owned(rows(data)));
    }
    if template::is_template(node) {
        return Some(Cow::Owned(template::resources(node)));
    }
    // A sample of the REST API: the request, and the answer to it.
    let samples = node.get("responses");
    let answer = samples.get("200").get("body");
    if answer.is_map() {
        return Some(Cow::Owned(vec![with_request(answer, node.get("parameters"))]));
    }
    if node.get("request").is_map() && node.get("response").is_map() {
        return Some(Cow::Owned(vec![with_request(node.get("response"), node.get("request"))]));
    }
    None
}

/// The changes of a what-if result.
fn changes(node: &Node) -> Option<&[Node]> {
    [node.get("changes"), node.get("properties").get("changes")]
        .into_iter()
        .find(|changes| changes.is_list())
        .map(Node::items)
}

/// An answer with the fields of its request, which it does not repeat.
fn with_request(answer: &Node, request: &Node) -> Node {
    let Node::Map(mut entries) = answer.clone() else { return answer.clone() };
    let body = match request.get("parameters") {
        Node::Null => request,
        body => body,
    };
    if let Node::Map(asked) = body {
        for (key, value) in asked {
            if !entries.iter().any(|(known, _)| known == key) {
                entries.push((key.clone(), value.clone()));
            }
        }
    }
    Node::Map(entries)
}

/// The table form of a Resource Graph result.
fn rows(data: &Node) -> Vec<Node> {
    let names: Vec<String> = data
        .get("columns")
        .items()
        .iter()
        .map(|column| column.get("name").text().unwrap_or_default().to_ascii_lowercase())
        .collect();
    let row =
        |row: &Node| Node::Map(names.iter().cloned().zip(row.items().iter().cloned()).collect());
    data.get("rows").items().iter().map(row).collect()
}

/// Adds an entry; one that was there already, from another file, is replaced.
fn put<T>(list: &mut Fact<Vec<T>>, entry: T, key: impl Fn(&T) -> &String) {
    let all = listed(list);
    all.retain(|one| key(one).is_empty() || !like(key(one), key(&entry)));
    all.push(entry);
}

/// Leaves out entries of a list.
fn keep<T>(list: &mut Fact<Vec<T>>, stays: impl Fn(&T) -> bool) {
    if let Fact::Seen(all) = list {
        all.retain(stays);
    }
}

fn networks_of(azure: &mut Azure) -> &mut [VirtualNetwork] {
    slice(&mut azure.networks)
}

fn slice<T>(list: &mut Fact<Vec<T>>) -> &mut [T] {
    match list {
        Fact::Seen(all) => all,
        Fact::NotObserved(_) => &mut [],
    }
}

/// The virtual network of a link.
fn linked_network(node: &Node) -> String {
    let id = node.field("virtualnetwork").get("id").text();
    id.or_else(|| node.field("virtualnetworkid").text()).unwrap_or_default().to_owned()
}

fn nat_gateway(node: &Node, name: &str) -> NatGateway {
    let ids = |keys: &[&str]| -> Vec<String> {
        let all = keys.iter().flat_map(|key| node.field(key).items());
        all.filter_map(|one| one.get("id").owned().or_else(|| one.owned()))
            .take(MAX_INTERFACES)
            .collect()
    };
    NatGateway {
        id: node.get("id").owned().unwrap_or_default(),
        name: name.to_owned(),
        addresses: ids(&["publicipaddresses", "publicipprefixes"]),
        subnets: ids(&["subnets"]),
    }
}

fn public_address(node: &Node) -> PublicAddress {
    let text = node.field("ipaddress").text().or_else(|| node.field("ipprefix").text());
    PublicAddress {
        id: node.get("id").owned().unwrap_or_default(),
        prefix: text.and_then(rules::prefix),
    }
}

fn listed<T>(list: &mut Fact<Vec<T>>) -> &mut Vec<T> {
    if list.seen().is_none() {
        *list = Fact::Seen(Vec::new());
    }
    match list {
        Fact::Seen(all) => all,
        Fact::NotObserved(_) => unreachable!("it was just set"),
    }
}

fn find_or<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let index = list.iter().position(is).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    &mut list[index]
}

/// The zone of this id, or of this name if one of the two documents has no id.
fn zone<'a>(zones: &'a mut Fact<Vec<DnsZone>>, name: &str, id: &str) -> &'a mut DnsZone {
    let same = |one: &DnsZone| {
        if id.is_empty() || one.id.is_empty() { like(&one.name, name) } else { like(&one.id, id) }
    };
    let zone =
        find_or(listed(zones), same, || DnsZone { name: name.to_owned(), ..DnsZone::default() });
    if zone.id.is_empty() {
        id.clone_into(&mut zone.id);
    }
    zone
}

/// The id of the zone that a link or a record is of.
fn zone_id(node: &Node) -> &str {
    let id = node.get("id").text().unwrap_or_default();
    let lower = id.to_ascii_lowercase();
    let Some(at) = lower.find("/privatednszones/") else { return "" };
    let name = at + "/privatednszones/".len();
    let end = lower.get(name..).and_then(|rest| rest.find('/'));
    end.and_then(|end| id.get(..name + end)).unwrap_or_default()
}

/// Whether a group or a table is the one that a rule or a route names.
fn is_parent(parent: &(String, String), id: &str, name: &str) -> bool {
    if parent.0.is_empty() || id.is_empty() { like(&parent.1, name) } else { like(&parent.0, id) }
}

fn loose(from: &str, node: &Node, name: String) -> Loose {
    let id = node.get("id").text().unwrap_or_default();
    let lower = id.to_ascii_lowercase();
    let end = ["/securityrules/", "/defaultsecurityrules/", "/routes/"]
        .iter()
        .find_map(|part| lower.find(part));
    let parent = end.and_then(|end| id.get(..end)).unwrap_or_default().to_owned();
    Loose { from: from.to_owned(), parent: (parent, name), node: node.clone() }
}

/// Whether a document names a resource without its properties, as `az resource list` does: a list that is
/// empty is known, one that is left out is not.
fn is_stub(node: &Node, keys: &[&str]) -> bool {
    let has = |key: &&str| !node.field(key).is_null();
    // A template leaves out what is empty.
    let template = !node.get("apiversion").is_null();
    !keys.iter().any(has) && !template
}

const STUB: &str = "it names the resource without its properties: export it with `az … show`";
const SERVER_KEYS: &[&str] = &[
    "network",
    "authconfig",
    "state",
    "fullyqualifieddomainname",
    "fqdn",
    "authentication",
    "delegatedsubnetid",
    "publicnetworkaccessenabled",
    "version",
    "administratorlogin",
    "authconfigactivedirectoryauth",
    "networkpublicnetworkaccess",
];

/// Whether an id was made for a resource that a template or a plan creates.
fn is_planned(id: &str) -> bool {
    id.starts_with("/subscriptions/deployment/")
        || id.starts_with("/subscriptions/planned/")
        || id.starts_with("/planned/")
}

/// Whether two documents of one server cannot both be of the present.
fn contradict(one: &FlexibleServer, other: &FlexibleServer) -> bool {
    fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
        one.zip(other).is_some_and(|(one, other)| one != other)
    }
    differ(one.state.as_ref(), other.state.as_ref())
        || differ(one.entra_authentication.as_ref(), other.entra_authentication.as_ref())
        || differ(one.public_access.as_ref(), other.public_access.as_ref())
        || differ(one.tenant.as_ref(), other.tenant.as_ref())
        || differ(one.delegated_subnet.as_ref(), other.delegated_subnet.as_ref())
}

/// The documents that a map holds under names of the caller, as `jq -n '{server: $a, nsg: $b}'` does.
fn documents_inside(node: &Node) -> Option<Vec<&Node>> {
    let Node::Map(entries) = node else { return None };
    let is_document = |one: &Node| {
        one.is_map()
            && (one.get("id").text().is_some_and(|id| id.contains("/providers/"))
                || one.get("type").text().is_some_and(|kind| kind.contains('/')))
    };
    let found: Vec<&Node> = entries
        .iter()
        .map(|(_, value)| value)
        .filter(|value| {
            is_document(value)
                || (value.is_list() && value.items().first().is_some_and(is_document))
                || (value.get("value").is_list()
                    && value.get("value").items().first().is_some_and(is_document))
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

/// Adds an entry in place of the same one.
fn put_by<T>(list: &mut Fact<Vec<T>>, entry: T, same: impl Fn(&T) -> bool) {
    let all = listed(list);
    all.retain(|one| !same(one));
    all.push(entry);
}

/// The name of the resource that a child belongs to.
fn parent(node: &Node, kind: &str, key: &str) -> String {
    let id = node.get("id").text().unwrap_or_default();
    let by_id = entra_pg_checks::facts::azure::id_part(id, kind);
    // A template names a child `parent/child`.
    let by_name =
        || node.get("name").text().and_then(|name| name.rsplit_once('/')).map(|(head, _)| head);
    by_id.or_else(|| node.field(key).text()).or_else(by_name).unwrap_or_default().to_owned()
}

fn service_tags(node: &Node) -> Result<ServiceTags, String> {
    let source = if node.get("values").is_list() { node } else { node.get("properties") };
    let cloud = source.get("cloud").text().unwrap_or_default().to_owned();
    let public = cloud.is_empty() || like(&cloud, "Public");
    // PowerShell's ConvertTo-Json joins what is nested too deeply, and cuts it.
    let damaged = |text: &&str| text.parse::<IpNet>().is_err();
    for tag in source.get("values").items() {
        if let Some(text) = tag.field("addressprefixes").texts().find(damaged) {
            return Err(format!(
                "service tag {:.80} holds \"{text:.60}\", which is not a prefix; in PowerShell, export with ConvertTo-Json -Depth 10",
                tag.get("name").text().unwrap_or_default()
            ));
        }
    }
    let nets = |tag: &Node| -> Vec<IpNet> {
        let texts = tag.field("addressprefixes").texts().filter(|text| !text.contains(':'));
        texts.filter_map(|text| text.parse::<IpNet>().ok()).map(|net| net.trunc()).collect()
    };
    let tags = || source.get("values").items().iter();
    let entra: Vec<IpNet> = tags()
        .filter(|tag| tag.get("name").text().is_some_and(|name| like(name, ENTRA)))
        .flat_map(nets)
        .chain(SIGN_IN_RANGES.iter().filter(|_| public).filter_map(|net| net.parse().ok()))
        .collect();
    // Only the part of each tag that holds sign-in addresses matters.
    let entra = IpNet::aggregate(&entra);
    let reduced = tags().map(|tag| {
        let inside = |net: &IpNet| entra.iter().any(|one| one.contains(net) || net.contains(one));
        let mut prefixes: Vec<IpNet> = nets(tag).into_iter().filter(inside).collect();
        prefixes.sort_unstable();
        ServiceTag { name: tag.get("name").text().unwrap_or_default().to_owned(), prefixes }
    });
    let (tags, unrelated): (Vec<_>, Vec<_>) = reduced.partition(|tag| !tag.prefixes.is_empty());
    let region_of =
        |tag: &str, name: &str| tag.split_once('.').is_some_and(|(base, _)| like(base, name));
    let names: HashSet<String> = tags_of(source).map(str::to_ascii_lowercase).collect();
    // A region of a tag is left out if the tag itself is in the list.
    let regional = |name: &str| {
        let base = name.split_once('.').map(|(base, _)| base.to_ascii_lowercase());
        base.is_some_and(|base| names.contains(&base))
    };
    let unrelated = unrelated.into_iter().map(|tag| tag.name).filter(|name| !regional(name));
    Ok(ServiceTags {
        cloud,
        change_number: source.get("changenumber").number().unwrap_or_default(),
        date: None,
        unrelated: unrelated
            .filter(|name| !tags.iter().any(|tag| region_of(&tag.name, name)))
            .collect(),
        tags,
    })
}

fn tags_of(source: &Node) -> impl Iterator<Item = &str> {
    source.get("values").items().iter().filter_map(|tag| tag.get("name").text())
}

fn network(node: &Node, name: &str) -> Result<VirtualNetwork, String> {
    rules::known(node, &["subnets", "subnet"], &format!("virtual network {name:.80}"))?;
    let address_space = prefixes_of(node.field("addressspace"))?;
    let subnets = ["subnets", "subnet"].iter().flat_map(|key| node.field(key).items());
    let subnets = subnets.map(subnet).collect::<Result<Vec<_>, _>>()?;
    // The subnets of gateways and of route servers have these names in every network.
    let gateway = subnets.iter().any(|one| GATEWAYS.iter().any(|name| like(&one.name, name)));
    let servers = match node.field("dhcpoptions").get("dnsservers") {
        Node::Null => node.field("dnsservers"),
        servers => servers,
    };
    let dns_servers = servers
        .texts()
        .map(|text| text.parse().map_err(|_| format!("dnsServers holds \"{text:.80}\"")))
        .collect::<Result<Vec<IpAddr>, _>>()?;
    let id = node.get("id").owned().unwrap_or_default();
    let mut network = VirtualNetwork {
        id,
        name: name.to_owned(),
        address_space,
        peers: Vec::new(),
        dns_servers,
        gateway,
        subnets,
    };
    for one in node.field("virtualnetworkpeerings").items() {
        peering(&mut network, one)?;
    }
    Ok(network)
}

fn prefixes_of(space: &Node) -> Result<Vec<IpNet>, String> {
    let list = if space.is_list() { space } else { space.get("addressprefixes") };
    rules::prefixes(list, "addressPrefixes")
}

/// A peering that is connected and gives access makes the addresses of the peer part of the network.
/// Source: Microsoft Learn, "Create, change, or delete a virtual network peering".
fn peering(network: &mut VirtualNetwork, node: &Node) -> Result<(), String> {
    let state = node.field("peeringstate").text();
    let connected = state.is_none_or(|state| like(state, "Connected"));
    if !connected || node.field("allowvirtualnetworkaccess").flag() == Some(false) {
        return Ok(());
    }
    network.peers.extend(node.field("remotevirtualnetwork").get("id").owned());
    for net in prefixes_of(node.field("remoteaddressspace"))? {
        if !network.address_space.contains(&net) {
            network.address_space.push(net);
        }
    }
    network.gateway |= node.field("useremotegateways").flag() == Some(true);
    Ok(())
}

/// Takes over what a newer document of the same server leaves open.
fn fill(server: &mut FlexibleServer, old: FlexibleServer) {
    fn first<T>(new: &mut Option<T>, old: Option<T>) {
        if new.is_none() {
            *new = old;
        }
    }
    first(&mut server.host, old.host);
    first(&mut server.state, old.state);
    first(&mut server.entra_authentication, old.entra_authentication);
    first(&mut server.password_authentication, old.password_authentication);
    first(&mut server.tenant, old.tenant);
    first(&mut server.public_access, old.public_access);
    first(&mut server.delegated_subnet, old.delegated_subnet);
    first(&mut server.private_dns_zone, old.private_dns_zone);
    first(&mut server.tier, old.tier);
    first(&mut server.role, old.role);
    first(&mut server.source_server, old.source_server);
    if server.private_endpoints.is_empty() {
        server.private_endpoints = old.private_endpoints;
    }
    server.network_unknown &= old.network_unknown;
    server.private_endpoints_unknown &= old.private_endpoints_unknown;
}

fn subnet(node: &Node) -> Result<Subnet, String> {
    let mut prefixes = rules::prefixes(node.field("addressprefix"), "a subnet's addressPrefix")?;
    prefixes.extend(rules::prefixes(node.field("addressprefixes"), "a subnet's addressPrefixes")?);
    prefixes.dedup();
    // An expression that is not known is still a group or a table.
    let id_of = |key: &str| match node.field(key) {
        text @ Node::Text(_) => text.reference(),
        other => other.get("id").reference(),
    };
    let key = |key: &str| !node.field(key).is_null();
    // The resource of Terraform has no attribute for either; a reduced document leaves them out.
    let of_terraform = resource_type(node).is_some_and(|kind| kind == "azurerm_subnet");
    let complete =
        ["provisioningstate", "delegations", "privateendpointnetworkpolicies", "apiversion"]
            .iter()
            .any(|name| key(name))
            || node.get("properties").is_map();
    let delegations = ["delegations", "delegation"].iter().flat_map(|key| node.field(key).items());
    let service = |one: &Node| {
        let inner = one.get("servicedelegation").items().first();
        one.field("servicename").owned().or_else(|| inner.and_then(|one| one.get("name").owned()))
    };
    Ok(Subnet {
        id: node.get("id").owned().unwrap_or_default(),
        name: name_of(node),
        prefixes,
        security_group: id_of("networksecuritygroup")
            .or_else(|| id_of("networksecuritygroupid"))
            .or_else(|| id_of("securitygroup")),
        route_table: id_of("routetable").or_else(|| id_of("routetableid")),
        interfaces: node
            .field("ipconfigurations")
            .items()
            .iter()
            .filter_map(|one| one.get("id").text()?.split_once("/ipConfigurations/"))
            .map(|(interface, _)| interface.to_owned())
            .filter(|interface| interface.contains("/networkInterfaces/"))
            .take(MAX_INTERFACES)
            .collect(),
        delegations: delegations.filter_map(service).collect(),
        nat_gateway: id_of("natgateway"),
        partial: of_terraform || (!complete && !key("networksecuritygroup") && !key("routetable")),
        endpoint_policies: endpoint_policies(node),
        default_outbound: node
            .field("defaultoutboundaccess")
            .flag()
            .or_else(|| node.field("defaultoutboundaccessenabled").flag()),
    })
}

/// Whether the network policies of a subnet make security groups count for private endpoints.
fn endpoint_policies(node: &Node) -> Option<bool> {
    let text = node.field("privateendpointnetworkpolicies").text();
    let on = |text: &str| like(text, "Enabled") || like(text, "NetworkSecurityGroupEnabled");
    text.map(on).or_else(|| node.field("privateendpointnetworkpoliciesenabled").flag())
}

fn administrator(node: &Node) -> Administrator {
    let text = |key: &str| node.field(key).owned();
    Administrator {
        server: server_of(node),
        object_id: text("objectid").unwrap_or_default(),
        name: text("principalname").unwrap_or_default(),
        kind: text("principaltype").unwrap_or_default(),
        tenant: text("tenantid"),
    }
}

fn firewall_rule(node: &Node, name: &str) -> Result<FirewallRule, String> {
    let address = |key: &str| {
        let text = node.field(key).text().unwrap_or_default();
        text.parse()
            .map_err(|_| format!("firewall rule {name}: \"{text:.80}\" is not an IPv4 address"))
    };
    let (first, last) = (address("startipaddress")?, address("endipaddress")?);
    Ok(FirewallRule { server: server_of(node), first, last, name: name.to_owned() })
}

fn server(node: &Node) -> Result<FlexibleServer, String> {
    let first = |key: &str| node.field(key).items().first().cloned().unwrap_or_default();
    let auth = match first("authconfig") {
        Node::Null => first("authentication"),
        auth => auth,
    };
    let network = first("network");
    let host =
        node.field("fullyqualifieddomainname").owned().or_else(|| node.field("fqdn").owned());
    let from_host = || host.as_deref().and_then(|host| host.split('.').next()).map(str::to_owned);
    let name = match name_of(node) {
        unnamed if unnamed.starts_with('(') => from_host().unwrap_or_default(),
        name => name,
    };
    let any = |keys: &[&Node]| keys.iter().find(|node| !node.is_null()).map(|node| (*node).clone());
    let switch = |keys: &[&Node], what: &str| match any(keys) {
        None => Ok(None),
        Some(Node::Text(text)) if text.is_empty() => Ok(None),
        // A parameter of a template without a value.
        Some(value) if value.is_expression() => Ok(None),
        Some(value) => match value.flag() {
            Some(value) => Ok(Some(value)),
            None => Err(format!(
                "server {name}: {what} is \"{:.80}\"",
                value.scalar().unwrap_or_default()
            )),
        },
    };
    let text = |keys: &[&Node]| any(keys).and_then(|node| node.owned());
    let field = |key: &str| node.field(key).clone();
    let sku = match node.get("sku") {
        Node::Null => field("sku"),
        sku => sku.clone(),
    };
    Ok(FlexibleServer {
        id: node.get("id").owned().unwrap_or_default(),
        region: node.get("location").owned(),
        state: node.field("state").owned(),
        entra_authentication: switch(
            &[
                auth.get("activedirectoryauth"),
                auth.get("microsoftentraauth"),
                auth.get("activedirectoryauthenabled"),
                &field("authconfigactivedirectoryauth"),
            ],
            "activeDirectoryAuth",
        )?,
        password_authentication: switch(
            &[
                auth.get("passwordauth"),
                auth.get("passwordauthenabled"),
                &field("authconfigpasswordauth"),
            ],
            "passwordAuth",
        )?,
        tenant: text(&[auth.get("tenantid"), &field("authconfigtenantid")]),
        public_access: switch(
            &[
                network.get("publicnetworkaccess"),
                &field("publicnetworkaccessenabled"),
                &field("networkpublicnetworkaccess"),
            ],
            "publicNetworkAccess",
        )?,
        network_unknown: [network.get("publicnetworkaccess"), &field("publicnetworkaccessenabled")]
            .iter()
            .any(|value| value.is_expression())
            || field("network").is_expression(),
        // An expression that is not known is still a subnet.
        delegated_subnet: any(&[
            network.get("delegatedsubnetresourceid"),
            &field("delegatedsubnetid"),
            &field("networkdelegatedsubnetresourceid"),
        ])
        .and_then(|node| node.reference()),
        private_dns_zone: text(&[
            network.get("privatednszonearmresourceid"),
            &field("privatednszoneid"),
            &field("networkprivatednszonearmresourceid"),
        ]),
        private_endpoints: node
            .field("privateendpointconnections")
            .items()
            .iter()
            .map(connection)
            .collect(),
        private_endpoints_unknown: node.field("privateendpointconnections").is_null(),
        virtual_endpoints: Vec::new(),
        tier: text(&[sku.get("tier"), &field("skutier")]),
        role: text(&[&field("replicationrole"), first("replica").get("role")])
            .filter(|role| !like(role, "None")),
        source_server: text(&[&field("sourceserverresourceid"), &field("sourceserverid")]),
        host,
        name,
    })
}

fn impact(node: &Node) -> Impact {
    let regions = node.field("impactedregions").items().iter();
    let name = |one: &Node| one.field("impactedregion").owned().or_else(|| one.owned());
    Impact {
        service: node.field("impactedservice").owned().unwrap_or_default(),
        regions: regions.filter_map(name).take(MAX_INTERFACES).collect(),
    }
}

fn connection(node: &Node) -> PrivateEndpoint {
    let state = node.field("privatelinkserviceconnectionstate");
    let endpoint = node.field("privateendpoint").get("id").text();
    let name = endpoint.and_then(|id| id.rsplit('/').next()).map(str::to_owned);
    PrivateEndpoint {
        name: name.unwrap_or_else(|| name_of(node)),
        endpoint: endpoint.map(str::to_owned),
        connection: node.get("id").owned().unwrap_or_default(),
        status: state.get("status").owned().unwrap_or_default(),
        description: state.get("description").owned(),
    }
}

fn endpoint(node: &Node, name: &str) -> Endpoint {
    let lists = [
        "privatelinkserviceconnections",
        "manualprivatelinkserviceconnections",
        "privateserviceconnection",
    ];
    let connections = || lists.iter().flat_map(|key| node.field(key).items());
    let first = |of: &dyn Fn(&Node) -> Option<String>| connections().find_map(of);
    let subnet = node.field("subnet").get("id").owned().or_else(|| node.field("subnetid").owned());
    let addresses = node
        .field("customdnsconfigs")
        .items()
        .iter()
        .flat_map(|one| one.get("ipaddresses").texts())
        .filter_map(|text| text.parse().ok());
    Endpoint {
        id: node.get("id").owned().unwrap_or_default(),
        name: name.to_owned(),
        target: first(&|one| {
            one.field("privatelinkserviceid")
                .owned()
                .or_else(|| one.field("privateconnectionresourceid").owned())
        }),
        status: first(&|one| one.field("privatelinkserviceconnectionstate").get("status").owned()),
        subnet,
        addresses: addresses.collect(),
        zones: Vec::new(),
    }
}

/// A network interface: one entry per set of application security groups of its configurations.
fn interfaces(node: &Node, name: &str) -> Vec<Interface> {
    let configurations =
        ["ipconfigurations", "ipconfiguration"].iter().flat_map(|key| node.field(key).items());
    let mut all: Vec<Interface> = Vec::new();
    // One public address is the way out of the whole machine.
    let any = |keys: &[&str]| {
        let has = |one: &Node| keys.iter().any(|key| !one.field(key).items().is_empty());
        configurations.clone().take(MAX_INTERFACES).any(has)
    };
    let public_address = any(&["publicipaddress", "publicipaddressid"]);
    let load_balancer = any(&["loadbalancerbackendaddresspools"]);
    for one in configurations.take(MAX_INTERFACES) {
        let subnet =
            one.field("subnet").get("id").owned().or_else(|| one.field("subnetid").owned());
        let address = one.field("privateipaddress").text().and_then(|text| text.parse().ok());
        let groups = one.field("applicationsecuritygroups").items().iter();
        let groups: Vec<String> = groups.filter_map(|one| one.get("id").owned()).collect();
        match all.iter_mut().find(|known| known.groups == groups) {
            Some(known) => known.addresses.extend(address),
            None => all.push(Interface {
                id: node.get("id").owned().unwrap_or_default(),
                name: name.to_owned(),
                addresses: address.into_iter().collect(),
                subnet,
                groups,
                public_address,
                load_balancer,
            }),
        }
    }
    all
}

/// A rule that is enabled.
fn forwarding_rule(node: &Node) -> Result<Option<ForwardingRule>, String> {
    let enabled = match node.field("forwardingrulestate") {
        Node::Null => node.field("enabled"),
        state => state,
    };
    if enabled.flag() == Some(false) {
        return Ok(None);
    }
    let domain = node.field("domainname").text().unwrap_or_default();
    let servers = node.field("targetdnsservers").items().iter().map(|one| {
        let text = one.get("ipaddress").text().unwrap_or_default();
        text.parse().map_err(|_| format!("targetDnsServers holds \"{text:.80}\""))
    });
    Ok(Some(ForwardingRule {
        ruleset: parent(node, "dnsForwardingRulesets", "dnsforwardingrulesetname"),
        domain: domain.trim_end_matches('.').to_ascii_lowercase(),
        servers: servers.collect::<Result<Vec<IpAddr>, _>>()?,
    }))
}

fn record(node: &Node, name: &str) -> DnsRecord {
    let lists = ["arecords", "records"];
    let given = || lists.iter().flat_map(|key| node.field(key).items());
    let addresses: Vec<IpAddr> = given()
        .filter_map(|one| {
            one.get("ipv4address").text().or_else(|| one.text()).and_then(|text| text.parse().ok())
        })
        .collect();
    DnsRecord {
        name: name.to_owned(),
        unread: addresses.len() < given().count()
            || lists.iter().all(|key| node.field(key).is_null()),
        addresses,
        automatic: node.field("isautoregistered").flag().unwrap_or_default(),
    }
}
