//! What is around the server, live: virtual endpoints, DNS forwarding rulesets, the Azure Firewalls on the
//! routes, NAT gateways, and security admin rules. With GET requests; the rules that Azure applies to a
//! network are computed by a POST request, only with `--azure-effective`.

use super::{
    NETWORK, ORIGIN, POSTGRESQL, SUBSCRIPTIONS, collect, documents, not_read, pages, reader::Reader,
};
use crate::azure::{Collected, Node};
use entra_pg_checks::{
    Fact, NotObserved,
    facts::{
        azure::{Azure, FlexibleServer},
        azure_network::NextHop,
    },
};
use futures::{future::join_all, join};
use std::net::IpAddr;

/// Source: Azure/azure-rest-api-specs, stable.
const DNS_RESOLVER: &str = "2022-07-01";
/// Resources of one kind that are read.
const MOST: usize = 16;
/// Policies that inherit from each other.
const MOST_POLICIES: usize = 4;
/// Subscriptions in which network managers are searched.
const MOST_SUBSCRIPTIONS: usize = 32;

/// What the reads are called in errors; [`super::reader::role`] names the role of each.
pub(super) const VIRTUAL_ENDPOINTS: &str = "virtual endpoints of the server";
const RULESETS: &str = "DNS forwarding rulesets of the subscription";
const FIREWALLS: &str = "Azure Firewalls of the subscription";
const POLICY: &str = "firewall policy";
const MANAGERS: &str = "network managers of the subscription";
const ADMIN_RULES: &str = "security admin rules of the network manager";
const EFFECTIVE_ADMIN: &str = "effective security admin rules";
const GATEWAY: &str = "NAT gateway";
const ADDRESS: &str = "public IP address";

/// The server with the host names of its virtual endpoints.
pub(super) async fn with_virtual_endpoints(
    reader: &Reader<'_>,
    server: FlexibleServer,
    azure: &mut Azure,
) -> FlexibleServer {
    let path = format!("{}/virtualEndpoints?api-version={POSTGRESQL}", server.id);
    match pages(reader, VIRTUAL_ENDPOINTS, &path).await {
        Ok(found) => named(&server, &found).unwrap_or(server),
        Err(why) => {
            azure.unused.push(not_read(VIRTUAL_ENDPOINTS, &why));
            server
        }
    }
}

fn named(server: &FlexibleServer, endpoints: &[Node]) -> Option<FlexibleServer> {
    let mut collected = Collected::default();
    for one in endpoints {
        collected.add(ORIGIN, one).ok()?;
    }
    collected.with_server(server.clone()).ok()?.server.seen().cloned()
}

/// Everything around the server's network.
pub(super) async fn read(reader: &Reader<'_>, azure: &mut Azure, effective: bool) {
    let own: Vec<String> = match azure.networks.seen().and_then(|all| all.first()) {
        Some(network) => vec![network.id.clone()],
        None => return,
    };
    let networks = azure.networks.seen().into_iter().flatten().map(|one| one.id.as_str());
    let subscriptions = subscriptions_of(networks);
    let hops = appliances(azure);
    let gateways = gateways(azure);
    let (rulesets, firewalls, gateways, rules) = join!(
        rulesets(reader, &subscriptions, &own),
        firewalls(reader, &subscriptions, &hops),
        nat(reader, &gateways),
        admin_rules(reader, &own[0], effective),
    );
    match rulesets {
        Ok(found) => {
            azure.forwarding = found.forwarding;
            azure.forwarding_links = found.forwarding_links;
        }
        Err((what, why)) => {
            azure.unused.push(not_read(what, &why));
            azure.forwarding = Fact::NotObserved(why);
        }
    }
    match firewalls {
        Ok(found) => {
            azure.firewalls = found.firewalls;
            azure.policies = found.policies;
            azure.collections = found.collections;
        }
        Err((what, why)) => {
            azure.unused.push(not_read(what, &why));
            azure.firewalls = Fact::NotObserved(why);
        }
    }
    match gateways {
        Ok(found) => {
            azure.nat_gateways = found.nat_gateways;
            azure.public_addresses = found.public_addresses;
        }
        Err((what, why)) => azure.unused.push(not_read(what, &why)),
    }
    match rules {
        Ok(found) => {
            azure.admin_rules = found.admin_rules;
            azure.admin_rules_of = found.admin_rules_of;
        }
        Err((what, why)) => {
            azure.unused.push(not_read(what, &why));
            azure.admin_rules = Fact::NotObserved(why);
        }
    }
}

/// What could not be read, and why.
type Refused = (&'static str, NotObserved);

fn subscriptions_of<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = ids
        .filter_map(|id| id.split('/').nth(2))
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
        .map(str::to_ascii_lowercase)
        .collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(MOST);
    all
}

/// A list of a provider in each subscription.
async fn listed(
    reader: &Reader<'_>,
    what: &'static str,
    subscriptions: &[String],
    kind: &str,
    version: &str,
) -> Result<Vec<Node>, Refused> {
    let reads = subscriptions.iter().map(|id| {
        let path =
            format!("/subscriptions/{id}/providers/Microsoft.Network/{kind}?api-version={version}");
        async move { pages(reader, what, &path).await }
    });
    let mut all = Vec::new();
    for found in join_all(reads).await {
        all.extend(found.map_err(|why| (what, why))?);
    }
    Ok(all)
}

/// The rulesets that are linked to the server's network.
async fn rulesets(
    reader: &Reader<'_>,
    subscriptions: &[String],
    networks: &[String],
) -> Result<Azure, Refused> {
    let all =
        listed(reader, RULESETS, subscriptions, "dnsForwardingRulesets", DNS_RESOLVER).await?;
    let ids: Vec<String> = all.iter().filter_map(|one| one.get("id").owned()).take(MOST).collect();
    let reads = ids.iter().map(|id| async move {
        let path = |part: &str| format!("{id}/{part}?api-version={DNS_RESOLVER}");
        let (links, rules) = (path("virtualNetworkLinks"), path("forwardingRules"));
        join!(pages(reader, RULESETS, &links), pages(reader, RULESETS, &rules))
    });
    let mut documents = Vec::new();
    for (links, rules) in join_all(reads).await {
        let links = links.map_err(|why| (RULESETS, why))?;
        let linked = links.iter().any(|link| {
            let id = link.field("virtualnetwork").get("id").text();
            id.is_some_and(|id| networks.iter().any(|own| own.eq_ignore_ascii_case(id)))
        });
        if linked {
            documents.extend(links);
            documents.extend(rules.map_err(|why| (RULESETS, why))?);
        }
    }
    let mut azure = collect(documents.iter(), RULESETS).map_err(|why| (RULESETS, why))?;
    if azure.forwarding.seen().is_none() {
        azure.forwarding = Fact::Seen(Vec::new());
    }
    Ok(azure)
}

/// The appliances that the routes lead to.
fn appliances(azure: &Azure) -> Vec<IpAddr> {
    let tables = azure.route_tables.seen().into_iter().flatten();
    let routes = tables.flat_map(|table| &table.routes);
    routes
        .filter(|route| route.next_hop == NextHop::VirtualAppliance)
        .filter_map(|route| route.next_hop_address)
        .collect()
}

/// The Azure Firewalls among the appliances, with their policies.
async fn firewalls(
    reader: &Reader<'_>,
    subscriptions: &[String],
    hops: &[IpAddr],
) -> Result<Azure, Refused> {
    if hops.is_empty() {
        return Ok(Azure::default());
    }
    let all = listed(reader, FIREWALLS, subscriptions, "azureFirewalls", NETWORK).await?;
    let mut found = collect(all.iter(), FIREWALLS).map_err(|why| (FIREWALLS, why))?;
    let mut own = found.firewalls.seen().cloned().unwrap_or_default();
    own.retain(|one| one.addresses.iter().any(|address| hops.contains(address)));
    let mut next: Vec<String> = own.iter().filter_map(|one| one.policy.clone()).collect();
    let mut documents_of_policies = Vec::new();
    for _ in 0..MOST_POLICIES {
        let ids = std::mem::take(&mut next);
        let reads = ids.iter().take(MOST).map(|id| async move {
            let path = |part: &str| format!("{id}{part}?api-version={NETWORK}");
            let (policy, groups) = (path(""), path("/ruleCollectionGroups"));
            join!(super::documents_of(reader, POLICY, &policy), pages(reader, POLICY, &groups))
        });
        for (policy, groups) in join_all(reads).await {
            let policy = policy.map_err(|why| (POLICY, why))?;
            next.extend(policy.iter().filter_map(|one| one.field("basepolicy").get("id").owned()));
            documents_of_policies.extend(policy);
            documents_of_policies.extend(groups.map_err(|why| (POLICY, why))?);
        }
    }
    let policies = collect(documents_of_policies.iter(), POLICY).map_err(|why| (POLICY, why))?;
    found.firewalls = Fact::Seen(own);
    found.policies = policies.policies;
    found.collections = policies.collections;
    Ok(found)
}

fn gateways(azure: &Azure) -> Vec<String> {
    let networks = azure.networks.seen().into_iter().flatten();
    let subnets = networks.flat_map(|network| &network.subnets);
    let mut ids: Vec<String> = subnets.filter_map(|subnet| subnet.nat_gateway.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MOST);
    ids
}

/// NAT gateways of the subnets, with their public addresses.
async fn nat(reader: &Reader<'_>, ids: &[String]) -> Result<Azure, Refused> {
    let read = |id: String, what: &'static str| async move {
        let path = format!("{id}?api-version={NETWORK}");
        super::documents_of(reader, what, &path).await.map_err(|why| (what, why))
    };
    let mut documents = Vec::new();
    for found in join_all(ids.iter().map(|id| read(id.clone(), GATEWAY))).await {
        documents.extend(found?);
    }
    let lists = ["publicipaddresses", "publicipprefixes"];
    let addresses: Vec<String> = documents
        .iter()
        .flat_map(|one| lists.iter().flat_map(|key| one.field(key).items()))
        .filter_map(|one| one.get("id").owned())
        .take(MOST)
        .collect();
    for found in join_all(addresses.into_iter().map(|id| read(id, ADDRESS))).await {
        documents.extend(found?);
    }
    collect(documents.iter(), GATEWAY).map_err(|why| (GATEWAY, why))
}

/// The security admin rules: those that Azure applies to the network, or those that are configured.
async fn admin_rules(
    reader: &Reader<'_>,
    network: &str,
    effective: bool,
) -> Result<Azure, Refused> {
    if effective {
        return effective_rules(reader, network).await.map_err(|why| (EFFECTIVE_ADMIN, why));
    }
    let path = format!("/subscriptions?api-version={SUBSCRIPTIONS}");
    let seen = pages(reader, MANAGERS, &path).await.map_err(|why| (MANAGERS, why))?;
    let ids = seen.iter().filter_map(|one| one.get("subscriptionid").text());
    let mut all: Vec<String> = ids.map(str::to_owned).take(MOST_SUBSCRIPTIONS).collect();
    all.retain(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
    let managers = listed(reader, MANAGERS, &all, "networkManagers", NETWORK).await?;
    let mut parents: Vec<String> =
        managers.iter().filter_map(|one| one.get("id").owned()).take(MOST).collect();
    let mut level = Vec::new();
    for part in ["securityAdminConfigurations", "ruleCollections", "rules"] {
        let reads = parents.iter().map(|id| {
            let path = format!("{id}/{part}?api-version={NETWORK}");
            async move { pages(reader, ADMIN_RULES, &path).await }
        });
        level = Vec::new();
        for found in join_all(reads).await {
            level.extend(found.map_err(|why| (ADMIN_RULES, why))?);
        }
        parents = level.iter().filter_map(|one| one.get("id").owned()).take(MOST).collect();
    }
    let mut azure = collect(level.iter(), ADMIN_RULES).map_err(|why| (ADMIN_RULES, why))?;
    if azure.admin_rules.seen().is_none() {
        azure.admin_rules = Fact::Seen(Vec::new());
    }
    Ok(azure)
}

async fn effective_rules(reader: &Reader<'_>, network: &str) -> Result<Azure, NotObserved> {
    let path =
        format!("{network}/listNetworkManagerEffectiveSecurityAdminRules?api-version={NETWORK}");
    let body = reader.computed(EFFECTIVE_ADMIN, &path, "{}").await?;
    let mut items: Vec<Node> = Vec::new();
    let mut whole = true;
    for page in documents(&body, EFFECTIVE_ADMIN)? {
        whole &= page.get("skiptoken").text().is_none();
        items.extend(page.get("value").items().iter().cloned());
    }
    for item in &mut items {
        if let Node::Map(entries) = item {
            entries.push(("virtualnetworkid".to_owned(), Node::Text(network.to_owned())));
            entries.push(("rulegroups".to_owned(), Node::Flag(true)));
        }
    }
    let mut azure = collect(items.iter(), EFFECTIVE_ADMIN)?;
    if azure.admin_rules.seen().is_none() {
        azure.admin_rules = Fact::Seen(Vec::new());
    }
    if whole {
        azure.admin_rules_of.push(network.to_owned());
    }
    Ok(azure)
}
