//! From documents to facts.

use super::{
    firewall,
    kind::{Identified, Kind, identify, name_of, resource_type, server_of},
    node::Node,
    rules,
};
use entra_pg_checks::{
    Fact,
    facts::{
        azure::{
            Administrator, Azure, DnsLink, DnsRecord, DnsZone, Endpoint, FirewallRule,
            FlexibleServer, ForwardingRule, GraphPrincipal, Health, Interface, Parameter,
            PrivateEndpoint, ServiceEvent, Source, Unused,
        },
        azure_network::{
            AdminRule, RouteTable, SecurityGroup, SecurityRule, Subnet, VirtualNetwork,
        },
    },
    support::{
        azure::place::is_server,
        service_tags::{ENTRA, IpNet, SIGN_IN_RANGES, ServiceTag, ServiceTags},
    },
};
use std::{borrow::Cow, collections::HashMap, net::IpAddr};

/// What documents gave so far.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) azure: Azure,
    servers: Vec<FlexibleServer>,
    /// Rules and routes that were exported without their group or table, by its name.
    loose_rules: Vec<(String, Node)>,
    loose_routes: Vec<(String, Node)>,
    group_of_subnet: Vec<(String, String)>,
    table_of_subnet: Vec<(String, String)>,
    /// Rules that Azure applies, which go before those of the groups.
    effective_groups: Vec<SecurityGroup>,
    /// Documents of each kind so far.
    counts: HashMap<Kind, usize>,
    /// Addresses in the rules of all groups so far.
    addresses: usize,
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
        if let Some(items) = wrapped(node) {
            if node.get("nextlink").text().is_some() && !from.starts_with(LIVE) {
                self.unused(
                    from,
                    "rest of a list",
                    "the document has only its first page (nextLink): export all pages",
                );
            }
            for (index, item) in items.iter().enumerate() {
                self.add_at(from, item, depth + 1).map_err(|error| match items.len() {
                    1 => error,
                    _ => format!("item {}: {error}", index + 1),
                })?;
            }
            return Ok(());
        }
        match identify(node) {
            Identified::Known(kind) if self.is_full(kind) => {
                let why = format!("more than {MAX_OF_A_KIND} documents of one kind");
                self.unused(from, "document", &why);
            }
            Identified::Known(kind) => {
                let what = self.convert(kind, node)?;
                self.azure.sources.push(Source { from: from.to_owned(), what });
            }
            Identified::Other(what, why) => self.unused(from, &what, why),
            Identified::Unknown => {
                self.unused(from, "document", "unrecognized document type");
            }
        }
        Ok(())
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
        self.attach();
        let names = |servers: &[FlexibleServer]| {
            let names: Vec<&str> = servers.iter().map(|one| one.name.as_str()).take(8).collect();
            names.join(", ")
        };
        let endpoints = std::mem::take(&mut self.azure.virtual_endpoints);
        for (owner, name) in &endpoints {
            for server in
                self.servers.iter_mut().filter(|one| like(&one.name, owner) || owner.is_empty())
            {
                if let Some((_, zone)) = server.host.as_deref().and_then(|own| own.split_once('.'))
                {
                    server.virtual_endpoints.push(format!("{name}.writer.{zone}"));
                    server.virtual_endpoints.push(format!("{name}.reader.{zone}"));
                }
            }
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
            let known = other.host.as_deref().unwrap_or("unknown").to_owned();
            let why = format!("its host name is {known}, not {}", host.unwrap_or_default());
            self.unused(FILES, &format!("flexible server {}", other.name), &why);
        }
        if !meant.is_empty() {
            self.azure.server = Fact::Seen(meant.swap_remove(0));
        }
        Ok(self.azure)
    }

    fn convert(&mut self, kind: Kind, node: &Node) -> Result<String, String> {
        let name = name_of(node);
        let azure = &mut self.azure;
        Ok(match kind {
            Kind::Server => {
                let server = server(node)?;
                let what = format!("flexible server {}", server.name);
                self.servers.retain(|one| one.id.is_empty() || !like(&one.id, &server.id));
                self.servers.push(server);
                what
            }
            Kind::Administrator => {
                let one = administrator(node);
                let what = format!("administrator {}", one.name);
                put(&mut azure.administrators, one, |one| &one.object_id);
                what
            }
            Kind::FirewallRule => {
                put(&mut azure.firewall_rules, firewall_rule(node, &name)?, |one| &one.name);
                format!("firewall rule {name}")
            }
            Kind::Parameter => {
                let value = node.field("value").scalar().unwrap_or_default();
                let one = Parameter { server: server_of(node), name: name.clone(), value };
                put(&mut azure.parameters, one, |one| &one.name);
                format!("parameter {name}")
            }
            Kind::VirtualEndpoint => {
                let owner = server_of(node).unwrap_or_default();
                azure.virtual_endpoints.push((owner, name.clone()));
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
                put(&mut azure.interfaces, interface(node, &name), |one| &one.id);
                format!("network interface {name}")
            }
            Kind::Network => {
                put(&mut azure.networks, network(node, &name)?, |one| &one.id);
                format!("virtual network {name}")
            }
            Kind::Subnet => {
                let one = subnet(node)?;
                let what = format!("subnet {}", one.name);
                self.add_subnet(node, one);
                what
            }
            Kind::SecurityGroup => {
                let group = self.bounded(rules::group(node, &name)?)?;
                put(&mut self.azure.security_groups, group, |one| &one.id);
                format!("network security group {name}")
            }
            Kind::EffectiveGroup => {
                let one = self.bounded(rules::effective_group(node)?)?;
                let what = format!("effective security rules of {}", one.name);
                self.effective_groups.push(one);
                what
            }
            Kind::SecurityRule => {
                let group = parent(node, "networkSecurityGroups", "networksecuritygroupname");
                self.loose_rules.push((group, node.clone()));
                format!("security rule {name}")
            }
            Kind::RouteTable => {
                put(&mut azure.route_tables, rules::table(node, &name)?, |one| &one.id);
                format!("route table {name}")
            }
            Kind::Route => {
                let table = parent(node, "routeTables", "routetablename");
                self.loose_routes.push((table, node.clone()));
                format!("route {name}")
            }
            Kind::EffectiveRoute => {
                self.loose_routes.push((rules::EFFECTIVE.to_owned(), node.clone()));
                "effective route".to_owned()
            }
            Kind::AdminRule => {
                for rule in rules::admin_rules(node)? {
                    put(&mut azure.admin_rules, rule, |one: &AdminRule| &one.rule.name);
                }
                format!("security admin rule {name}")
            }
            Kind::DnsZone => {
                zone(&mut azure.dns_zones, &name).id = node.get("id").owned().unwrap_or_default();
                format!("private DNS zone {name}")
            }
            Kind::DnsLink => {
                let of = parent(node, "privateDnsZones", "privatednszonename");
                let network = node
                    .field("virtualnetwork")
                    .get("id")
                    .text()
                    .or_else(|| node.field("virtualnetworkid").text());
                let network = network.unwrap_or_default().to_owned();
                let state = node.field("virtualnetworklinkstate").owned();
                zone(&mut azure.dns_zones, &of).links.push(DnsLink {
                    name: name.clone(),
                    network,
                    state,
                });
                format!("link {name} of private DNS zone {of}")
            }
            Kind::DnsRecord => {
                let of = parent(node, "privateDnsZones", "zonename");
                zone(&mut azure.dns_zones, &of).records.push(record(node, &name));
                format!("record {name} of private DNS zone {of}")
            }
            Kind::ServiceTags => {
                let tags = service_tags(node);
                let what = format!("service tags, edition {}", tags.change_number);
                azure.service_tags = Fact::Seen(tags);
                what
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
        })
    }

    fn add_subnet(&mut self, node: &Node, subnet: Subnet) {
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
        network.subnets.retain(|one| subnet.id.is_empty() || !like(&one.id, &subnet.id));
        network.subnets.push(subnet);
    }

    /// Puts rules into groups, routes into tables, and associations on subnets.
    fn attach(&mut self) {
        for (name, node) in std::mem::take(&mut self.loose_rules) {
            match rules::rule(&node, false) {
                Ok(rule) => {
                    let groups = listed(&mut self.azure.security_groups);
                    let group = find_or(
                        groups,
                        |one: &SecurityGroup| like(&one.name, &name),
                        || rules::empty_group(&node, &name),
                    );
                    if !group
                        .rules
                        .iter()
                        .any(|one| one.name == rule.name && one.direction == rule.direction)
                    {
                        group.rules.push(rule);
                    }
                }
                Err(error) => self.unused(FILES, "security rule", &error),
            }
        }
        for (name, node) in std::mem::take(&mut self.loose_routes) {
            match rules::routes(&node) {
                Ok(routes) => {
                    let tables = listed(&mut self.azure.route_tables);
                    let table = find_or(
                        tables,
                        |one: &RouteTable| like(&one.name, &name),
                        || rules::empty_table(&node, &name),
                    );
                    table.routes.extend(routes);
                }
                Err(error) => self.unused(FILES, "route", &error),
            }
        }
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
    let data = node.get("data");
    if data.get("columns").is_list() && data.get("rows").is_list() {
        return Some(Cow::Owned(rows(data)));
    }
    if node.get("$schema").text().is_some() && node.get("resources").is_list() {
        return Some(Cow::Owned(node.get("resources").items().iter().flat_map(template).collect()));
    }
    let changes = if node.get("changes").is_list() {
        node.get("changes")
    } else {
        node.get("properties").get("changes")
    };
    if changes.is_list() {
        let after = |change: &Node| {
            let after = change.get("after");
            if after.is_null() { change.get("before").clone() } else { after.clone() }
        };
        return Some(Cow::Owned(changes.items().iter().map(after).filter(Node::is_map).collect()));
    }
    let planned = if node.get("plannedvalues").is_map() {
        node.get("plannedvalues")
    } else {
        node.get("values")
    };
    if planned.get("rootmodule").is_map() {
        let mut found = Vec::new();
        module(planned.get("rootmodule"), &mut found);
        return Some(Cow::Owned(found));
    }
    None
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

/// A resource of a template, and the resources inside of it with their full types.
fn template(resource: &Node) -> Vec<Node> {
    let mut all = vec![resource.clone()];
    let kind = resource.get("type").text().unwrap_or_default();
    for child in resource.get("resources").items() {
        let Node::Map(entries) = child else { continue };
        let mut entries = entries.clone();
        for (key, value) in &mut entries {
            if let (true, Node::Text(text)) = (key == "type", &*value)
                && !text.contains("Microsoft.")
            {
                *value = Node::Text(format!("{kind}/{text}"));
            }
        }
        all.push(Node::Map(entries));
    }
    all
}

/// The resources of a Terraform module and of the modules inside of it. serde_json bounds the depth.
fn module(node: &Node, found: &mut Vec<Node>) {
    for resource in node.get("resources").items() {
        if let (Some(kind), Node::Map(values)) =
            (resource.get("type").text(), resource.get("values"))
        {
            let mut entries = values.clone();
            entries.retain(|(key, _)| key != "type");
            entries.push(("type".to_owned(), Node::Text(kind.to_owned())));
            found.push(Node::Map(entries));
        }
    }
    for child in node.get("childmodules").items() {
        module(child, found);
    }
}

/// Adds an entry; one that was there already, from another file, is replaced.
fn put<T>(list: &mut Fact<Vec<T>>, entry: T, key: impl Fn(&T) -> &String) {
    let all = listed(list);
    all.retain(|one| key(one).is_empty() || !like(key(one), key(&entry)));
    all.push(entry);
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

fn zone<'a>(zones: &'a mut Fact<Vec<DnsZone>>, name: &str) -> &'a mut DnsZone {
    find_or(
        listed(zones),
        |one| like(&one.name, name),
        || DnsZone { name: name.to_owned(), ..DnsZone::default() },
    )
}

fn like(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
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

fn service_tags(node: &Node) -> ServiceTags {
    let source = if node.get("values").is_list() { node } else { node.get("properties") };
    let cloud = source.get("cloud").text().unwrap_or_default().to_owned();
    let public = cloud.is_empty() || like(&cloud, "Public");
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
    let unrelated = unrelated.into_iter().map(|tag| tag.name).filter(|name| !name.contains('.'));
    ServiceTags {
        cloud,
        change_number: source.get("changenumber").number().unwrap_or_default(),
        date: None,
        unrelated: unrelated
            .filter(|name| !tags.iter().any(|tag| region_of(&tag.name, name)))
            .collect(),
        tags,
    }
}

fn network(node: &Node, name: &str) -> Result<VirtualNetwork, String> {
    let space = |space: &Node| {
        let list = if space.is_list() { space } else { space.get("addressprefixes") };
        rules::prefixes(list, "addressPrefixes")
    };
    let mut address_space = space(node.field("addressspace"))?;
    let subnets = ["subnets", "subnet"].iter().flat_map(|key| node.field(key).items());
    let subnets = subnets.map(subnet).collect::<Result<Vec<_>, _>>()?;
    // The subnet of gateways has this name in every network.
    let mut gateway = subnets.iter().any(|one| like(&one.name, "GatewaySubnet"));
    let mut peers = Vec::new();
    for peering in node.field("virtualnetworkpeerings").items() {
        peers.extend(peering.field("remotevirtualnetwork").get("id").owned());
        address_space.extend(space(peering.field("remoteaddressspace"))?);
        gateway |= peering.field("useremotegateways").flag() == Some(true);
    }
    let servers = match node.field("dhcpoptions").get("dnsservers") {
        Node::Null => node.field("dnsservers"),
        servers => servers,
    };
    let dns_servers = servers
        .texts()
        .map(|text| text.parse().map_err(|_| format!("dnsServers holds \"{text:.80}\"")))
        .collect::<Result<Vec<IpAddr>, _>>()?;
    let id = node.get("id").owned().unwrap_or_default();
    Ok(VirtualNetwork {
        id,
        name: name.to_owned(),
        address_space,
        peers,
        dns_servers,
        gateway,
        subnets,
    })
}

fn subnet(node: &Node) -> Result<Subnet, String> {
    let mut prefixes = rules::prefixes(node.field("addressprefix"), "a subnet's addressPrefix")?;
    prefixes.extend(rules::prefixes(node.field("addressprefixes"), "a subnet's addressPrefixes")?);
    prefixes.dedup();
    let id_of = |key: &str| match node.field(key) {
        text @ Node::Text(_) => text.owned(),
        other => other.get("id").owned(),
    };
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
    })
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
        delegated_subnet: text(&[
            network.get("delegatedsubnetresourceid"),
            &field("delegatedsubnetid"),
            &field("networkdelegatedsubnetresourceid"),
        ]),
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
        virtual_endpoints: Vec::new(),
        tier: text(&[sku.get("tier"), &field("skutier")]),
        host,
        name,
    })
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
    }
}

fn interface(node: &Node, name: &str) -> Interface {
    let configurations =
        || ["ipconfigurations", "ipconfiguration"].iter().flat_map(|key| node.field(key).items());
    let addresses = configurations().filter_map(|one| one.field("privateipaddress").text());
    let subnet = configurations().find_map(|one| {
        one.field("subnet").get("id").owned().or_else(|| one.field("subnetid").owned())
    });
    let groups = configurations()
        .flat_map(|one| one.field("applicationsecuritygroups").items())
        .filter_map(|one| one.get("id").owned());
    Interface {
        id: node.get("id").owned().unwrap_or_default(),
        name: name.to_owned(),
        addresses: addresses.filter_map(|text| text.parse().ok()).collect(),
        subnet,
        groups: groups.collect(),
    }
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
    let addresses = lists.iter().flat_map(|key| node.field(key).items()).filter_map(|one| {
        one.get("ipv4address").text().or_else(|| one.text()).and_then(|text| text.parse().ok())
    });
    DnsRecord { name: name.to_owned(), addresses: addresses.collect() }
}
