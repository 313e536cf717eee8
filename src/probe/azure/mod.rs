//! The server's own side, live from Azure Resource Manager: only GET requests, and with
//! `--azure-effective` the two POST requests that compute effective rules, with a token of its own. What may not be read, or does not answer, is not observed, and is not a fault of the login.

mod around;
mod reader;

use crate::{
    azure::{Collected, GRAPH_CLIENT, Node, read},
    net::client::Route,
    probe::context::Context,
    probe::credential,
    secret::Secret,
    settings::request::Request,
};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{
        azure::{Azure, FlexibleServer, GraphPrincipal, Parameter, Source, Unused},
        azure_network::{Subnet, VirtualNetwork},
        credential::{CredentialOutcome, CredentialTrace},
        settings::Settings,
    },
};
use futures::{StreamExt, join};
use reader::Reader;
use std::sync::Arc;

/// Versions of the REST API. Source: Azure/azure-rest-api-specs, stable.
const POSTGRESQL: &str = "2024-08-01";
const NETWORK: &str = "2023-09-01";
const PRIVATE_DNS: &str = "2020-06-01";
const SUBSCRIPTIONS: &str = "2022-12-01";
const HEALTH: &str = "2023-07-01-preview";

/// Subscriptions that are searched at once.
const AT_ONCE: usize = 8;
/// Private endpoints, and zones, that are read.
const MOST_ENDPOINTS: usize = 8;
/// Peered networks that are read.
const MOST_PEERS: usize = 16;
/// Servers of a subscription whose virtual endpoints are read.
const MOST_SERVERS: usize = 64;
/// Pages of one list that are read.
const MOST_PAGES: usize = 50;

/// Reads what the exported files do not hold.
pub(crate) async fn look(cx: &Context, request: &Request, exported: Option<&Azure>) -> Fact<Azure> {
    let found = match token(cx, request).await {
        Ok(token) => live(cx, request, exported, &token).await,
        Err(why) => Err(why),
    };
    match (found, exported) {
        (Ok(live), Some(exported)) => Fact::Seen(merged(live, exported)),
        (Ok(live), None) => Fact::Seen(live),
        (Err(why), Some(exported)) => Fact::Seen(files_alone(&why, exported)),
        (Err(why), None) => Fact::NotObserved(why),
    }
}

async fn token(cx: &Context, request: &Request) -> Result<Arc<Secret>, NotObserved> {
    let cloud = &request.settings.cloud.value;
    // An audience that ends with a slash keeps it, so that the scope has two.
    let scope = format!("{}/.default", cloud.resource_manager_audience);
    let (trace, token) = credential::acquire_other(cx, request, cloud, &scope).await;
    token.ok_or_else(|| match &trace {
        Fact::NotObserved(why) => why.clone(),
        Fact::Seen(trace) => not_permitted(format!(
            "no token for Azure Resource Manager was obtained ({})",
            reason(trace)
        )),
    })
}

/// The first source that could have given one, and did not.
fn reason(trace: &CredentialTrace) -> String {
    let failed = trace.attempts.iter().find(|attempt| {
        !matches!(
            attempt.outcome,
            CredentialOutcome::NotConfigured { .. } | CredentialOutcome::NotTried
        )
    });
    match failed {
        Some(attempt) => match &attempt.outcome {
            CredentialOutcome::Entra(error) => {
                format!("{}: {:.200}", attempt.kind.name(), error.description)
            }
            _ => format!("{} gave none", attempt.kind.name()),
        },
        None => "a token in PGPASSWORD is only for the database, and no other credential is set up"
            .to_owned(),
    }
}

async fn live(
    cx: &Context,
    request: &Request,
    exported: Option<&Azure>,
    token: &Secret,
) -> Result<Azure, NotObserved> {
    let gateway = cx.gateway(Topic::Azure, Route::Configured);
    let host = &request.settings.cloud.value.resource_manager_host;
    let reader = Reader::new(cx, gateway, host, token, ORIGIN);
    let known = exported.and_then(|azure| azure.server.seen());
    let id = request
        .azure
        .server_id
        .as_deref()
        .or_else(|| known.map(|server| server.id.as_str()).filter(|id| !id.is_empty()));
    let server = match (known, id) {
        (Some(server), Some(_)) => server.clone(),
        (_, Some(id)) => by_id(&reader, id).await?,
        (_, None) => by_name(&reader, &request.settings).await?,
    };
    let mut azure = Azure::default();
    let of_server = |part: &str| format!("{}/{part}?api-version={POSTGRESQL}", server.id);
    let (administrators, rules) = (of_server("administrators"), of_server("firewallRules"));
    let (health, events) =
        (of_platform(&server, "availabilityStatuses/current"), of_platform(&server, "events"));
    let (administrators, rules, parameters, network, zone, endpoints, health, events, principal) = join!(
        list(&reader, "administrators", &administrators),
        list(&reader, "firewall rules", &rules),
        parameters(&reader, &server),
        network(&reader, &server),
        own_zone(&reader, &server),
        endpoints(&reader, &server),
        one(&reader, "resource health", &health),
        list(&reader, "service events", &events),
        graph_principal(cx, request),
    );
    azure.administrators = part(administrators, |azure| azure.administrators, Vec::new());
    azure.firewall_rules = part(rules, |azure| azure.firewall_rules, Vec::new());
    azure.parameters = part(parameters, |azure| azure.parameters, Vec::new());
    if let Some(zone) = zone {
        azure.dns_zones = part(zone, |azure| azure.dns_zones, Vec::new());
    }
    azure.health = match health {
        Ok(found) => found.health,
        Err(why) => Fact::NotObserved(why),
    };
    azure.events = part(events, |azure| azure.events, Vec::new());
    azure.graph_principal = principal;
    azure.endpoints = endpoints.endpoints;
    if azure.dns_zones.seen().is_none() {
        azure.dns_zones = endpoints.dns_zones;
    }
    azure.networks = match network.networks {
        Fact::NotObserved(NotObserved::NotAsked) => endpoints.networks,
        networks => networks,
    };
    azure.security_groups = network.security_groups;
    azure.route_tables = network.route_tables;
    azure.unused = network.unused;
    around::read(&reader, &mut azure, request.azure.effective).await;
    let server = around::with_virtual_endpoints(&reader, server, &mut azure).await;
    if request.azure.effective {
        effective(&reader, &server, &mut azure).await;
    }
    azure.sources.push(Source {
        from: ORIGIN.to_owned(),
        what: format!("flexible server {} and its network", server.name),
    });
    azure.server = Fact::Seen(server);
    Ok(azure)
}

/// Server parameters that decide about logins.
const PARAMETERS: [&str; 4] = [
    "pgbouncer.enabled",
    "require_secure_transport",
    "pgaadauth.enable_group_sync",
    "azure.extensions",
];

/// The parameters. A server without one of them answers "not found" for it.
async fn parameters(reader: &Reader<'_>, server: &FlexibleServer) -> Result<Azure, NotObserved> {
    let reads = PARAMETERS.map(|name| async move {
        let path = format!("{}/configurations/{name}?api-version={POSTGRESQL}", server.id);
        one(reader, &format!("parameter {name}"), &path).await
    });
    let mut found: Vec<Parameter> = Vec::new();
    let mut failed = None;
    for read in futures::future::join_all(reads).await {
        match read {
            Ok(azure) => found.extend(azure.parameters.seen().into_iter().flatten().cloned()),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    match failed {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(Azure { parameters: Fact::Seen(found), ..Azure::default() }),
    }
}

/// A read of the platform about the server.
fn of_platform(server: &FlexibleServer, part: &str) -> String {
    format!("{}/providers/Microsoft.ResourceHealth/{part}?api-version={HEALTH}", server.id)
}

/// Whether the tenant has the service principal by which the service reads Microsoft Graph.
async fn graph_principal(cx: &Context, request: &Request) -> Fact<GraphPrincipal> {
    const WHAT: &str = "service principal of the Graph client of PostgreSQL";
    let cloud = &request.settings.cloud.value;
    let scope = format!("https://{}/.default", cloud.graph_host);
    let (_, token) = credential::acquire_other(cx, request, cloud, &scope).await;
    let Some(token) = token else {
        return Fact::NotObserved(not_permitted(
            "no token for Microsoft Graph was obtained".to_owned(),
        ));
    };
    let gateway = cx.gateway(Topic::Azure, Route::Configured);
    let reader = Reader::new(cx, gateway, &cloud.graph_host, &token, "Microsoft Graph");
    let path =
        format!("/v1.0/servicePrincipals(appId='{GRAPH_CLIENT}')?$select=appId,accountEnabled");
    match one(&reader, WHAT, &path).await {
        Ok(azure) => azure.graph_principal,
        Err(NotObserved::NotPermitted { detail }) if detail.contains(" 404 ") => {
            Fact::Seen(GraphPrincipal { exists: false, enabled: None })
        }
        Err(why) => Fact::NotObserved(why),
    }
}

/// The private endpoints of the server, and the private DNS zones that they register in.
async fn endpoints(reader: &Reader<'_>, server: &FlexibleServer) -> Azure {
    let ids: Vec<&str> = server
        .private_endpoints
        .iter()
        .filter_map(|one| one.endpoint.as_deref())
        .take(MOST_ENDPOINTS)
        .collect();
    if ids.is_empty() {
        return Azure::default();
    }
    let mut azure = Azure::default();
    let reads = ids.iter().map(|id| async move {
        let path = |part: &str| format!("{id}{part}?api-version={NETWORK}");
        let (endpoint, groups) = (path(""), path("/privateDnsZoneGroups"));
        join!(
            documents_of(reader, "private endpoint", &endpoint),
            pages(reader, "DNS zone groups of the private endpoint", &groups),
        )
    });
    let (mut documents, mut zones, mut failed) = (Vec::new(), Vec::<String>::new(), None);
    for (endpoint, groups) in futures::future::join_all(reads).await {
        match endpoint {
            Ok(found) => documents.extend(found),
            Err(why) => failed = failed.or(Some(why)),
        }
        let configs = groups
            .iter()
            .flatten()
            .flat_map(|group| group.field("privatednszoneconfigs").items().iter());
        zones.extend(configs.filter_map(|one| one.field("privatednszoneid").owned()));
        if let Err(why) = groups {
            failed = failed.or(Some(why));
        }
    }
    zones.sort_unstable();
    zones.dedup();
    zones.truncate(MOST_ENDPOINTS);
    let reads = zones.iter().map(|id| zone(reader, id));
    let mut of_zones = Vec::new();
    for found in futures::future::join_all(reads).await {
        match found {
            Ok(azure) => of_zones.extend(azure.dns_zones.seen().into_iter().flatten().cloned()),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    match collect(documents.iter(), "private endpoint") {
        Ok(found) => azure.endpoints = found.endpoints,
        Err(why) => failed = failed.or(Some(why)),
    }
    azure.networks = networks_of(reader, &azure).await;
    azure.dns_zones = match failed {
        Some(why) if of_zones.is_empty() => Fact::NotObserved(why),
        _ => Fact::Seen(of_zones),
    };
    azure
}

/// The networks of private endpoints.
async fn networks_of(reader: &Reader<'_>, azure: &Azure) -> Fact<Vec<VirtualNetwork>> {
    let subnets =
        azure.endpoints.seen().into_iter().flatten().filter_map(|one| one.subnet.as_ref());
    let mut ids: Vec<&str> = subnets.filter_map(|id| id.split("/subnets/").next()).collect();
    ids.sort_unstable();
    ids.dedup();
    let reads = ids.iter().map(|id| async move {
        one(reader, "virtual network", &format!("{id}?api-version={NETWORK}")).await
    });
    let (mut all, mut failed) = (Vec::new(), None);
    for found in futures::future::join_all(reads).await {
        match found {
            Ok(found) => all.extend(found.networks.seen().into_iter().flatten().cloned()),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    match failed {
        Some(why) if all.is_empty() => Fact::NotObserved(why),
        None if all.is_empty() => Fact::default(),
        _ => Fact::Seen(all),
    }
}

/// The rules and routes that Azure applies to a network interface in a subnet with the group and the
/// table of the server's subnet. The server's own interface belongs to Microsoft.
async fn effective(reader: &Reader<'_>, server: &FlexibleServer, azure: &mut Azure) {
    let Some(interface) = comparable(server, azure) else {
        let why = "no network interface in a subnet with the same network security group and route \
            table was found";
        azure.unused.push(Unused {
            from: ORIGIN.to_owned(),
            what: "effective rules".to_owned(),
            why: why.to_owned(),
        });
        return;
    };
    let path = |part: &str| format!("{interface}/{part}?api-version={NETWORK}");
    let (rules, routes) = (path("effectiveNetworkSecurityGroups"), path("effectiveRouteTable"));
    let (rules, routes) = join!(
        computed(reader, "effective security rules", &rules),
        computed(reader, "effective routes", &routes),
    );
    match rules {
        Ok(found) => {
            let own = azure.security_groups.seen().cloned().unwrap_or_default();
            for group in found.security_groups.seen().into_iter().flatten() {
                if own.iter().any(|one| one.id.eq_ignore_ascii_case(&group.id))
                    && let Fact::Seen(groups) = &mut azure.security_groups
                {
                    groups.retain(|one| !one.id.eq_ignore_ascii_case(&group.id));
                    groups.push(group.clone());
                }
            }
        }
        Err(why) => azure.unused.push(not_read("effective security rules", &why)),
    }
    match routes {
        Ok(found) => {
            let effective = found.route_tables.seen().into_iter().flatten().cloned();
            if let Fact::Seen(tables) = &mut azure.route_tables {
                tables.extend(effective);
            }
        }
        Err(why) => azure.unused.push(not_read("effective routes", &why)),
    }
}

/// A network interface whose rules and routes are those of the server's subnet.
fn comparable(server: &FlexibleServer, azure: &Azure) -> Option<String> {
    let id = server.delegated_subnet.as_deref()?;
    let subnets = || azure.networks.seen().into_iter().flatten().flat_map(|one| &one.subnets);
    let own = subnets().find(|subnet| subnet.id.eq_ignore_ascii_case(id))?;
    let same = |one: &&Subnet| {
        (&one.security_group, &one.route_table) == (&own.security_group, &own.route_table)
    };
    subnets().filter(same).flat_map(|subnet| &subnet.interfaces).next().cloned()
}

fn not_read(what: &str, why: &NotObserved) -> Unused {
    let why = match why {
        NotObserved::NotPermitted { detail } => detail.clone(),
        _ => "it was not read in time".to_owned(),
    };
    Unused { from: ORIGIN.to_owned(), what: what.to_owned(), why }
}

async fn computed(reader: &Reader<'_>, what: &str, path: &str) -> Result<Azure, NotObserved> {
    let body = reader.computed(what, path, "").await?;
    let documents = documents(&body, what)?;
    collect(documents.iter(), what)
}

/// The private DNS zone of a server with VNet integration.
async fn own_zone(
    reader: &Reader<'_>,
    server: &FlexibleServer,
) -> Option<Result<Azure, NotObserved>> {
    Some(zone(reader, server.private_dns_zone.as_deref()?).await)
}

/// A private DNS zone, its links and its records.
async fn zone(reader: &Reader<'_>, id: &str) -> Result<Azure, NotObserved> {
    let path = |part: &str| format!("{id}{part}?api-version={PRIVATE_DNS}");
    let (zone, links, records) = (path(""), path("/virtualNetworkLinks"), path("/A"));
    let (zone, links, records) = join!(
        documents_of(reader, "private DNS zone", &zone),
        pages(reader, "links of the private DNS zone", &links),
        pages(reader, "records of the private DNS zone", &records),
    );
    let parts = [zone, links, records].into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut azure = collect(parts.iter().flatten(), "private DNS zone")?;
    if let Fact::Seen(zones) = &mut azure.dns_zones {
        for zone in zones {
            zone.listed = true;
            zone.link_count = u64::try_from(zone.links.len()).ok();
        }
    }
    Ok(azure)
}

async fn documents_of(
    reader: &Reader<'_>,
    what: &str,
    path: &str,
) -> Result<Vec<Node>, NotObserved> {
    documents(&reader.get(what, path).await?, what)
}

/// The server's network: the virtual network, and the group and the table on the server's subnet.
async fn network(reader: &Reader<'_>, server: &FlexibleServer) -> Azure {
    let mut azure = Azure::default();
    let Some(subnet) = &server.delegated_subnet else {
        return azure;
    };
    let id = subnet.split("/subnets/").next().unwrap_or_default();
    let at = |id: &str| format!("{id}?api-version={NETWORK}");
    let found = one(reader, "virtual network", &at(id)).await;
    azure.networks = part(found, |azure| azure.networks, Vec::new());
    let networks = match &azure.networks {
        Fact::Seen(networks) => networks,
        Fact::NotObserved(why) => {
            azure.security_groups = Fact::NotObserved(why.clone());
            azure.route_tables = Fact::NotObserved(why.clone());
            return azure;
        }
    };
    let own = networks
        .iter()
        .flat_map(|network| &network.subnets)
        .find(|one| one.id.eq_ignore_ascii_case(subnet));
    let group = own.and_then(|subnet| subnet.security_group.clone());
    let table = own.and_then(|subnet| subnet.route_table.clone());
    let fetch = |id: Option<String>, what: &'static str| async move {
        match id {
            Some(id) => one(reader, what, &at(&id)).await,
            None => Ok(Azure::default()),
        }
    };
    let peers: Vec<String> =
        networks.iter().flat_map(|network| &network.peers).take(MOST_PEERS).cloned().collect();
    let peered = futures::future::join_all(peers.iter().map(|peer| {
        let path = at(peer);
        async move { one(reader, "peered network", &path).await }
    }));
    let (group, table, peered) =
        join!(fetch(group, "network security group"), fetch(table, "route table"), peered);
    for found in peered {
        match found {
            Ok(found) => {
                if let (Fact::Seen(all), Fact::Seen(more)) = (&mut azure.networks, found.networks) {
                    all.extend(more);
                }
            }
            Err(why) => azure.unused.push(not_read("peered network", &why)),
        }
    }
    azure.security_groups = part(group, |azure| azure.security_groups, Vec::new());
    azure.route_tables = part(table, |azure| azure.route_tables, Vec::new());
    azure
}

async fn by_id(reader: &Reader<'_>, id: &str) -> Result<FlexibleServer, NotObserved> {
    let azure = one(reader, "server", &format!("{id}?api-version={POSTGRESQL}")).await?;
    azure.server.get().cloned().map_err(|_| not_permitted(format!("{id} is not a flexible server")))
}

/// The server of this host name, in any subscription that this identity sees.
async fn by_name(reader: &Reader<'_>, settings: &Settings) -> Result<FlexibleServer, NotObserved> {
    let Some(host) = &settings.host else {
        return Err(NotObserved::NotApplicable { why: "no server was named".to_owned() });
    };
    let host = host.value.trim_end_matches('.');
    let suffix = format!(".{}", settings.cloud.value.server_suffix);
    let name = host.split('.').next().unwrap_or_default();
    let role = host.get(..host.len().saturating_sub(suffix.len())).unwrap_or_default();
    let is_virtual =
        [".writer", ".reader"].iter().any(|end| role.to_ascii_lowercase().ends_with(end));
    if !host.to_ascii_lowercase().ends_with(&suffix) || name.is_empty() {
        return Err(not_permitted(format!(
            "{host} is not a server's own name; give its resource id with --server-id"
        )));
    }
    let path = format!("/subscriptions?api-version={SUBSCRIPTIONS}");
    let subscriptions: Vec<String> = pages(reader, "subscriptions", &path)
        .await?
        .iter()
        .filter_map(|one| one.get("subscriptionid").owned())
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
        .collect();
    let looks = subscriptions.iter().map(|id| async move {
        let path = format!("/subscriptions/{id}/providers/Microsoft.DBforPostgreSQL/flexibleServers?api-version={POSTGRESQL}");
        pages(reader, "servers of a subscription", &path).await
    });
    let mut looks = futures::stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut refused = None;
    while let Some(servers) = looks.next().await {
        match servers {
            Ok(servers) if is_virtual => match by_endpoint(reader, &servers, host).await {
                Ok(Some(server)) => return Ok(server),
                Ok(None) => {}
                Err(why) => refused = Some(why),
            },
            Ok(servers) => {
                let found = servers.iter().find(|one| {
                    one.get("name").text().is_some_and(|known| known.eq_ignore_ascii_case(name))
                });
                if let Some(document) = found {
                    let mut collected = Collected::default();
                    collected.add(ORIGIN, document).map_err(not_permitted)?;
                    let server = collected.finish(None).map_err(not_permitted)?.server;
                    return server.get().cloned().map_err(Clone::clone);
                }
            }
            Err(why) => refused = Some(why),
        }
    }
    Err(refused.unwrap_or_else(|| {
        not_permitted(format!(
            "no server named {name} is in the {} subscriptions that this identity sees",
            subscriptions.len()
        ))
    }))
}

/// The server that a virtual endpoint of one of these leads to.
async fn by_endpoint(
    reader: &Reader<'_>,
    servers: &[Node],
    host: &str,
) -> Result<Option<FlexibleServer>, NotObserved> {
    let ids = servers.iter().filter_map(|one| one.get("id").owned()).take(MOST_SERVERS);
    let reads = ids.map(|id| async move {
        let path = format!("{id}/virtualEndpoints?api-version={POSTGRESQL}");
        pages(reader, around::VIRTUAL_ENDPOINTS, &path).await
    });
    let mut collected = Collected::default();
    let mut documents = servers.to_vec();
    for found in futures::future::join_all(reads).await {
        documents.extend(found?);
    }
    for one in &documents {
        collected.add(ORIGIN, one).map_err(not_permitted)?;
    }
    let azure = collected.finish(Some(host)).map_err(not_permitted)?;
    Ok(azure.server.seen().cloned())
}

/// What [`Source::from`] says of what was read live.
pub(crate) const ORIGIN: &str = "Azure Resource Manager";

/// One resource.
async fn one(reader: &Reader<'_>, what: &str, path: &str) -> Result<Azure, NotObserved> {
    let body = reader.get(what, path).await?;
    let documents = documents(&body, what)?;
    collect(documents.iter(), what)
}

/// A list of resources.
async fn list(reader: &Reader<'_>, what: &str, path: &str) -> Result<Azure, NotObserved> {
    let documents = pages(reader, what, path).await?;
    collect(documents.iter(), what)
}

/// The items of a list, page after page.
async fn pages(reader: &Reader<'_>, what: &str, path: &str) -> Result<Vec<Node>, NotObserved> {
    let mut items = Vec::new();
    let mut next = Some(path.to_owned());
    for _ in 0..MOST_PAGES {
        let Some(path) = next.take() else { return Ok(items) };
        let body = reader.get(what, &path).await?;
        for page in documents(&body, what)? {
            // A link elsewhere is not followed: the token is only for this host. A part of a list
            // must not count as all of it.
            if let Some(link) = page.get("nextlink").text() {
                next = Some(reader.path_of(link).ok_or_else(|| {
                    not_permitted(format!(
                        "the next page of the {what} is on another host, which is not asked"
                    ))
                })?);
            }
            items.extend(page.get("value").items().iter().cloned());
        }
    }
    match next {
        None => Ok(items),
        Some(_) => Err(not_permitted(format!("the {what} have more than {MOST_PAGES} pages"))),
    }
}

fn documents(body: &[u8], what: &str) -> Result<Vec<Node>, NotObserved> {
    let tops = read(body).map_err(|error| {
        not_permitted(format!("the answer about {what} cannot be read: {error}"))
    })?;
    Ok(tops)
}

fn collect<'a>(
    documents: impl Iterator<Item = &'a Node>,
    what: &str,
) -> Result<Azure, NotObserved> {
    let mut collected = Collected::default();
    for document in documents {
        collected
            .add(ORIGIN, document)
            .map_err(|error| not_permitted(format!("the answer about {what}: {error}")))?;
    }
    collected.finish(None).map_err(not_permitted)
}

/// A part of what was read; nothing in it is `none`.
fn part<T>(
    found: Result<Azure, NotObserved>,
    of: impl FnOnce(Azure) -> Fact<T>,
    none: T,
) -> Fact<T> {
    match found {
        Ok(azure) => match of(azure) {
            Fact::NotObserved(NotObserved::NotAsked) => Fact::Seen(none),
            other => other,
        },
        Err(why) => Fact::NotObserved(why),
    }
}

/// What the files say, if nothing else could be read.
#[must_use]
pub(crate) fn files_alone(why: &NotObserved, files: &Azure) -> Azure {
    merged(unseen(why), files)
}

/// Nothing could be read, for one reason.
fn unseen(why: &NotObserved) -> Azure {
    let no = || why.clone();
    Azure {
        sources: Vec::new(),
        server: Fact::NotObserved(no()),
        administrators: Fact::NotObserved(no()),
        firewall_rules: Fact::NotObserved(no()),
        parameters: Fact::NotObserved(no()),
        security_groups: Fact::NotObserved(no()),
        route_tables: Fact::NotObserved(no()),
        networks: Fact::NotObserved(no()),
        service_tags: Fact::default(),
        ..Azure::default()
    }
}

/// What the files say goes before what was read.
#[must_use]
pub(crate) fn merged(live: Azure, files: &Azure) -> Azure {
    fn first<T: Clone>(files: &Fact<T>, live: Fact<T>) -> Fact<T> {
        if files.seen().is_some() { files.clone() } else { live }
    }
    Azure {
        sources: files.sources.iter().cloned().chain(live.sources).collect(),
        server: first(&files.server, live.server),
        administrators: first(&files.administrators, live.administrators),
        firewall_rules: first(&files.firewall_rules, live.firewall_rules),
        parameters: first(&files.parameters, live.parameters),
        security_groups: first(&files.security_groups, live.security_groups),
        route_tables: first(&files.route_tables, live.route_tables),
        networks: first(&files.networks, live.networks),
        admin_rules: first(&files.admin_rules, live.admin_rules),
        admin_rules_of: files.admin_rules_of.iter().cloned().chain(live.admin_rules_of).collect(),
        unused: files.unused.iter().cloned().chain(live.unused).collect(),
        service_tags: first(&files.service_tags, live.service_tags),
        dns_zones: first(&files.dns_zones, live.dns_zones),
        endpoints: first(&files.endpoints, live.endpoints),
        connections: first(&files.connections, live.connections),
        interfaces: first(&files.interfaces, live.interfaces),
        health: first(&files.health, live.health),
        events: first(&files.events, live.events),
        graph_principal: first(&files.graph_principal, live.graph_principal),
        forwarding: first(&files.forwarding, live.forwarding),
        firewalls: first(&files.firewalls, live.firewalls),
        collections: first(&files.collections, live.collections),
        policies: first(&files.policies, live.policies),
        forwarding_links: first(&files.forwarding_links, live.forwarding_links),
        measurements: first(&files.measurements, live.measurements),
        nat_gateways: first(&files.nat_gateways, live.nat_gateways),
        public_addresses: first(&files.public_addresses, live.public_addresses),
        conflicts: files.conflicts.iter().cloned().chain(live.conflicts).collect(),
        planned: files.planned || live.planned,
    }
}

fn not_permitted(detail: String) -> NotObserved {
    NotObserved::NotPermitted { detail }
}
