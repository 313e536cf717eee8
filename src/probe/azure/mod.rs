//! The server's own side, live from Azure Resource Manager: only GET requests, with a token of its
//! own. What may not be read, or does not answer, is not observed, and is not a fault of the login.

mod reader;

use crate::{
    azure::{Collected, Node, read},
    net::client::Route,
    probe::context::Context,
    probe::credential,
    secret::Secret,
    settings::request::Request,
};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{
        azure::{Azure, FlexibleServer, Parameter, Source},
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

/// Subscriptions that are searched at once.
const AT_ONCE: usize = 8;
/// Pages of one list that are read.
const MOST_PAGES: usize = 50;

/// Reads what the exported files do not hold.
pub async fn look(cx: &Context, request: &Request, exported: Option<&Azure>) -> Fact<Azure> {
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
    let reader = Reader::new(cx, gateway, host, token);
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
    let (administrators, rules, parameters, network, zone) = join!(
        list(&reader, "administrators", &administrators),
        list(&reader, "firewall rules", &rules),
        parameters(&reader, &server),
        network(&reader, &server),
        zone(&reader, &server),
    );
    azure.administrators = part(administrators, |azure| azure.administrators, Vec::new());
    azure.firewall_rules = part(rules, |azure| azure.firewall_rules, Vec::new());
    azure.parameters = part(parameters, |azure| azure.parameters, Vec::new());
    if let Some(zone) = zone {
        azure.dns_zones = part(zone, |azure| azure.dns_zones, Vec::new());
    }
    azure.networks = network.networks;
    azure.security_groups = network.security_groups;
    azure.route_tables = network.route_tables;
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

/// The private DNS zone of a server with VNet integration: the zone, its links and its records.
async fn zone(reader: &Reader<'_>, server: &FlexibleServer) -> Option<Result<Azure, NotObserved>> {
    let id = server.private_dns_zone.as_deref()?;
    let path = |part: &str| format!("{id}{part}?api-version={PRIVATE_DNS}");
    let (zone, links, records) = (path(""), path("/virtualNetworkLinks"), path("/A"));
    let (zone, links, records) = join!(
        documents_of(reader, "private DNS zone", &zone),
        pages(reader, "links of the private DNS zone", &links),
        pages(reader, "records of the private DNS zone", &records),
    );
    let parts = [zone, links, records].into_iter().collect::<Result<Vec<_>, _>>();
    Some(parts.and_then(|parts| collect(parts.iter().flatten(), "private DNS zone")))
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
    let (group, table) = join!(fetch(group, "network security group"), fetch(table, "route table"));
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

/// What [`Source::from`] says of what was read live.
pub const ORIGIN: &str = "Azure Resource Manager";

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
        let Some(path) = next.take() else { break };
        let body = reader.get(what, &path).await?;
        for page in documents(&body, what)? {
            // A link elsewhere is not followed: the token is only for this host.
            next = page.get("nextlink").text().and_then(|link| reader.path_of(link));
            items.extend(page.get("value").items().iter().cloned());
        }
    }
    Ok(items)
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
pub fn files_alone(why: &NotObserved, files: &Azure) -> Azure {
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
pub fn merged(live: Azure, files: &Azure) -> Azure {
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
        unused: files.unused.clone(),
        service_tags: first(&files.service_tags, live.service_tags),
        dns_zones: first(&files.dns_zones, live.dns_zones),
        endpoints: first(&files.endpoints, live.endpoints),
        connections: first(&files.connections, live.connections),
        interfaces: first(&files.interfaces, live.interfaces),
        virtual_endpoints: Vec::new(),
    }
}

fn not_permitted(detail: String) -> NotObserved {
    NotObserved::NotPermitted { detail }
}
