//! Whether the private DNS zone of the server is linked to the network, holds the server's present
//! address, and is not forwarded elsewhere.

use super::{
    dns_servers::{OF_AZURE, rules_of},
    place::{endpoints, server},
    tags::like,
    words::{connected, given, network_group, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure::{Azure, DnsRecord, DnsZone, FlexibleServer, ForwardingRule, Topology, id_part},
    },
    support::service_tags::IpNet,
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::IpAddr;

/// The private DNS zone leads to the server.
pub static CHECK: Check = Check {
    id: "azure/private-zone",
    asserts: "the private DNS zone of the server is linked and holds its address",
    needs: &[Topic::Settings, Topic::Server, Topic::Azure],
    problems: &[
        &PRIVATE_ZONE_NOT_LINKED,
        &PRIVATE_ZONE_NO_RECORD,
        &PRIVATE_ZONE_OLD_RECORD,
        &PRIVATE_ZONE_FORWARDED,
    ],
    decisive: false,
    judge: Judge::Once(judge),
};

/// Names and addresses in one sentence.
const NAMED: usize = 3;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let server = server(seen)?;
    let asked = seen.settings.seen().map(|settings| settings.cloud.value.server_suffix.as_str());
    let own = server.host.as_deref().and_then(|host| host.trim_end_matches('.').split_once('.'));
    let own = own.map(|(_, suffix)| suffix).filter(|suffix| suffix.starts_with("postgres."));
    let suffix = own.or(asked);
    let Some(wanted) = zone_of(server, suffix.unwrap_or("postgres.database.azure.com")) else {
        return Ok(Verdict::NotApplicable("the server has no private address".to_owned()));
    };
    let azure = seen.azure.get()?;
    let zones = given(&azure.dns_zones, "the private DNS zone")?;
    let zone = match of_name(azure, server, zones, &wanted) {
        Ok(zone) => zone,
        Err(0) => {
            return Err(Missing::not_decided(
                format!("the document of the private DNS zone {wanted} was not given"),
                links_command(&wanted),
            ));
        }
        Err(count) => {
            return Err(Missing::not_decided(
                format!(
                    "{count} private DNS zones are named {wanted}, and which one the network resolves is not known"
                ),
                links_command(&wanted),
            ));
        }
    };
    if zone.links.is_empty() && zone.link_count != Some(0) {
        return Err(Missing::not_decided(
            format!("whether the private DNS zone {wanted} is linked to a network"),
            links_command(&wanted),
        ));
    }
    let found = unlinked(azure, server, zone)
        .or_else(|| record(azure, server, zone))
        .or_else(|| forwarded(azure, server, zone));
    let found = match found {
        Some(finding) => finding,
        None => match linked(azure, server, zone)? {
            Ok(passed) => {
                return record_known(server, zone).map(|record| passed_by(passed, record));
            }
            Err(finding) => finding,
        },
    };
    Ok(Verdict::found(unless_seen(
        seen,
        found,
        connected(seen),
        "the server's port accepts connections",
    )))
}

/// The zone of this name; of several, the one that the server names, then the one that is linked to the
/// network. Else, how many there are.
fn of_name<'a>(
    azure: &Azure,
    server: &FlexibleServer,
    zones: &'a [DnsZone],
    wanted: &str,
) -> Result<&'a DnsZone, usize> {
    let all: Vec<&DnsZone> = zones.iter().filter(|zone| like(&zone.name, wanted)).collect();
    if let [only] = all.as_slice() {
        return Ok(only);
    }
    let named =
        |zone: &&&DnsZone| server.private_dns_zone.as_deref().is_some_and(|id| like(id, &zone.id));
    if let Some(zone) = all.iter().find(named) {
        return Ok(zone);
    }
    let network = network_of(azure, server).ok_or(all.len())?;
    let mut linked = all
        .iter()
        .filter(|zone| zone.links.iter().any(|link| same_network(&link.network, network)));
    match (linked.next(), linked.next()) {
        (Some(zone), None) => Ok(zone),
        _ => Err(all.len()),
    }
}

fn passed_by(linked: String, record: Option<&DnsRecord>) -> Verdict {
    Verdict::Passed(match record {
        Some(record) => {
            let list = text::list(&record.addresses, NAMED);
            format!("{linked}; its record {} is {list}", record.name)
        }
        None => linked,
    })
}

fn links_command(zone: &str) -> String {
    format!("`az network private-dns link vnet list -g $RG -z {zone} -o json` (--azure-config)")
}

/// The zone is linked to no network.
fn unlinked(azure: &Azure, server: &FlexibleServer, zone: &DnsZone) -> Option<Finding> {
    zone.links.is_empty().then(|| {
        let detail = format!(
            "the private DNS zone {} is linked to no virtual network, so clients cannot resolve the server",
            zone.name
        );
        Finding::of(&PRIVATE_ZONE_NOT_LINKED, &zone.name, detail)
            .because("azure-config: the zone has no virtual network link")
            .fix(link(zone, network_of(azure, server)))
    })
}

fn link(zone: &DnsZone, network: Option<&str>) -> Fix {
    let command = Command::new(
        "az network private-dns link vnet create -g $NETWORK_RG -z $ZONE -n clients -v $VNET_ID \
         -e false",
    );
    let command = network_group(command, &zone.id)
        .with("ZONE", Some(&zone.name))
        .with("VNET_ID", network.filter(|id| id.starts_with('/')));
    Fix::by(Actor::Network, "Link the zone to the network of the clients").run(command)
}

/// The zone is linked: to the server's network, to one whose nameservers ask for it, or to others only.
fn linked(
    azure: &Azure,
    server: &FlexibleServer,
    zone: &DnsZone,
) -> Result<Result<String, Finding>, Missing> {
    let own = network_of(azure, server);
    let names: Vec<String> = zone.links.iter().map(|link| told_apart(&link.network, own)).collect();
    let list = text::list(&names, NAMED);
    let passed = format!("{} is linked to {list}", zone.name);
    let Some(id) = own else {
        return Err(Missing::not_decided(
            format!("{passed}; the network of the private endpoint was not given"),
            "`az network private-endpoint show -g $RG -n $ENDPOINT -o json` (--azure-config)"
                .to_owned(),
        ));
    };
    if let Some(link) = zone.links.iter().find(|link| same_network(&link.network, id)) {
        return match link.state.as_deref() {
            Some(state) if !like(state, "Completed") => Err(Missing::not_decided(
                format!("{passed}; link {} is {state}", link.name),
                links_command(&zone.name),
            )),
            Some(_) | None => Ok(Ok(passed)),
        };
    }
    let name = id.rsplit('/').next().unwrap_or(id);
    let networks = azure.networks.seen().into_iter().flatten();
    let document = networks.into_iter().find(|one| same_network(&one.id, id) && one.is_whole());
    let Some(document) = document else {
        return Err(Missing::not_decided(
            format!(
                "{passed}, not to {name}; whether {name} asks nameservers of its own, which may be in a linked network, is not known"
            ),
            "`az network vnet show -g $RG -n $VNET -o json` (--azure-config)".to_owned(),
        ));
    };
    let own: Vec<IpAddr> =
        document.dns_servers.iter().copied().filter(|ip| *ip != OF_AZURE).collect();
    if !own.is_empty() {
        let in_linked = |ip: &IpAddr| {
            azure.networks.seen().into_iter().flatten().any(|one| {
                one.address_space.iter().any(|net| net.contains(ip))
                    && !same_network(&one.id, id)
                    && zone.links.iter().any(|link| same_network(&link.network, &one.id))
            })
        };
        if own.iter().all(in_linked) {
            return Ok(Ok(format!("{passed}; {name} asks nameservers there")));
        }
        let own = text::list(&own, NAMED);
        return Err(Missing::not_decided(
            format!(
                "{passed}, not to {name}, which asks {own}: whether these resolve the zone is not known"
            ),
            format!(
                "`entra-pg doctor -h <server> --format json -o client.json` in {name}, then --from client.json"
            ),
        ));
    }
    if server.delegated_subnet.is_none() {
        // A private endpoint does not resolve its own name: the networks of the clients matter.
        return Err(Missing::not_decided(
            format!(
                "{passed}, not to {name} of the private endpoint: whether clients are in a linked network is not known"
            ),
            "`entra-pg doctor -h <server> --format json -o client.json` on a client, then --from client.json".to_owned(),
        ));
    }
    let detail = format!(
        "the private DNS zone {} is linked to {list}, not to {name}: machines in {name} cannot resolve the server",
        zone.name
    );
    Ok(Err(Finding::of(&PRIVATE_ZONE_NOT_LINKED, &zone.name, detail)
        .because(format!("azure-config: {name} asks Azure's own nameserver"))
        .severity(Severity::Warning)
        .sure(Confidence::Likely)
        .fix(link(zone, Some(id)))))
}

/// The name of a network; of another one with the same name, what differs in its id.
fn told_apart(id: &str, own: Option<&str>) -> String {
    let name = id.rsplit('/').next().unwrap_or_default();
    let Some(own) = own.filter(|own| !like(own, id) && own.contains('/') && id.contains('/'))
    else {
        return name.to_owned();
    };
    if !own.rsplit('/').next().is_some_and(|other| like(other, name)) {
        return name.to_owned();
    }
    let differs = |kind: &str| match (id_part(id, kind), id_part(own, kind)) {
        (Some(part), Some(other)) if !like(part, other) => Some(part),
        _ => None,
    };
    let group = differs("resourceGroups").map(|name| format!("resource group {name}"));
    let subscription = differs("subscriptions").map(|name| format!("subscription {name}"));
    let parts: Vec<String> = [group, subscription].into_iter().flatten().collect();
    format!("{name} of {}", parts.join(" in "))
}

/// The network that the server or its private endpoint is in, by id.
fn network_of<'a>(azure: &'a Azure, server: &'a FlexibleServer) -> Option<&'a str> {
    let subnet = match &server.delegated_subnet {
        Some(subnet) => Some(subnet.as_str()),
        None => endpoints(azure, server).find_map(|one| one.subnet.as_deref()),
    };
    subnet.and_then(|id| id.split("/subnets/").next())
}

fn same_network(one: &str, other: &str) -> bool {
    // Templates name a network without its id.
    like(one, other) || (!one.contains('/') && other.rsplit('/').next() == Some(one))
}

/// The record that leads to the server: by the server's name, or in a zone of VNet integration by the
/// first label of its host name. `None` if its name is not known.
fn label<'a>(server: &'a FlexibleServer, zone: &DnsZone) -> Option<&'a str> {
    let (label, rest) = server.host.as_deref()?.trim_end_matches('.').split_once('.')?;
    let endpoint = zone.name.to_ascii_lowercase().starts_with("privatelink.");
    (endpoint || like(rest, &zone.name)).then_some(label)
}

/// The server's record; `None` if which one it is, or whether there is one, was not given.
fn own_record<'a>(server: &FlexibleServer, zone: &'a DnsZone) -> Option<&'a DnsRecord> {
    match label(server, zone) {
        Some(label) => {
            let named = |name: &str| zone.records.iter().find(|one| like(&one.name, name));
            let alias = zone.aliases.iter().any(|alias| like(alias, label));
            named(label).or_else(|| named("*").filter(|_| !alias))
        }
        None => match zone.records.as_slice() {
            [only] => Some(only),
            _ => None,
        },
    }
}

/// Whether a record is known, for a check that passes otherwise. A zone of VNet integration is filled by
/// the service itself; the record of a private endpoint is the owner's.
fn record_known<'a>(
    server: &FlexibleServer,
    zone: &'a DnsZone,
) -> Result<Option<&'a DnsRecord>, Missing> {
    let record = own_record(server, zone);
    if let Some(record) = record.filter(|record| record.unread) {
        return Err(Missing::not_decided(
            format!(
                "the record {} of the private DNS zone {} has an address that was not read",
                record.name, zone.name
            ),
            format!(
                "`az network private-dns record-set a list -g $RG -z {} -o json` (--azure-config)",
                zone.name
            ),
        ));
    }
    if record.is_some() || server.delegated_subnet.is_some() {
        return Ok(record);
    }
    Err(Missing::not_decided(
        format!("whether the private DNS zone {} has a record of {}", zone.name, server.name),
        format!(
            "`az network private-dns record-set a list -g $RG -z {} -o json` (--azure-config)",
            zone.name
        ),
    ))
}

/// The record is missing, or has an address that is not the server's.
fn record(azure: &Azure, server: &FlexibleServer, zone: &DnsZone) -> Option<Finding> {
    let Some(record) = own_record(server, zone) else {
        let name = label(server, zone).unwrap_or("the server");
        if zone.aliases.iter().any(|alias| like(alias, name)) {
            return None;
        }
        let none = zone.records.is_empty() || label(server, zone).is_some();
        return (zone.is_complete() && none).then(|| {
            let detail = format!(
                "the private DNS zone {} has no A record of {name}, so clients in linked networks cannot resolve the server",
                zone.name
            );
            let finding = Finding::of(&PRIVATE_ZONE_NO_RECORD, &zone.name, detail)
                .because(format!("azure-config: the zone has {} A records", zone.records.len()));
            with_record(finding, azure, server, zone)
        });
    };
    let list = text::list(&record.addresses, NAMED);
    let name = &record.name;
    if record.addresses.is_empty() && !record.unread {
        let detail = format!(
            "the A record {name} of the private DNS zone {} has no address, so clients in linked networks cannot resolve the server",
            zone.name
        );
        let finding = Finding::of(&PRIVATE_ZONE_NO_RECORD, &zone.name, detail)
            .because(format!("azure-config: the record {name} is empty"));
        return Some(with_record(finding, azure, server, zone));
    }
    if record.automatic {
        let detail = format!(
            "the record {name} of the private DNS zone {} is {list}, which a virtual machine of that name registered",
            zone.name
        );
        let finding = Finding::of(&PRIVATE_ZONE_OLD_RECORD, &zone.name, detail)
            .because("azure-config: the record is registered automatically");
        return Some(with_record(finding, azure, server, zone));
    }
    let present = addresses(azure, server);
    let own_subnet = subnet(azure, server);
    let is_old = |ip: &IpAddr| {
        if own_subnet.is_empty() {
            !present.is_empty() && !present.contains(ip)
        } else {
            !own_subnet.iter().any(|net| net.contains(ip))
        }
    };
    if !record.addresses.iter().any(is_old) {
        return None;
    }
    let (now, where_from) = if own_subnet.is_empty() {
        (format!("has {}", text::list(&present, NAMED)), "its private endpoint")
    } else {
        (format!("is in {}", text::list(own_subnet, NAMED)), "the server")
    };
    let detail = format!(
        "the record {name} of the private DNS zone {} is {list}, and {where_from} {now}",
        zone.name
    );
    let finding = Finding::of(&PRIVATE_ZONE_OLD_RECORD, &zone.name, detail)
        .because(format!("azure-config: record {name} is {list}"));
    Some(with_record(finding, azure, server, zone))
}

/// The fix: a DNS zone group keeps the record of a private endpoint up to date.
fn with_record(
    finding: Finding,
    azure: &Azure,
    server: &FlexibleServer,
    zone: &DnsZone,
) -> Finding {
    if server.delegated_subnet.is_some() {
        let text = "Let the service write the record again: restart the server, which registers its address in the zone";
        let command = Command::new("az postgres flexible-server restart -g $RG -n $SERVER");
        return finding.fix(
            Fix::by(Actor::AzureOwner, text).run(super::words::on_server(command, Some(server))),
        );
    }
    let endpoint = endpoints(azure, server).next();
    let named = server.private_endpoints.first().map(|one| one.name.as_str());
    let name = endpoint.map(|one| one.name.as_str()).or(named);
    let id = endpoint.map_or("", |one| one.id.as_str());
    let command = Command::new(
        "az network private-endpoint dns-zone-group create -g $NETWORK_RG --endpoint-name \
         $ENDPOINT -n default --zone-name postgres --private-dns-zone $ZONE_ID",
    );
    let command = network_group(command, id)
        .with("ENDPOINT", name)
        .with("ZONE_ID", Some(zone.id.as_str()).filter(|id| !id.is_empty()));
    finding.fix(
        Fix::by(
            Actor::Network,
            "Give the private endpoint a DNS zone group, which writes the record and keeps it up to date",
        )
        .run(command),
    )
}

/// The present addresses of the server's private endpoints.
fn addresses(azure: &Azure, server: &FlexibleServer) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> =
        endpoints(azure, server).flat_map(|one| one.addresses.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The prefixes of the server's delegated subnet.
fn subnet<'a>(azure: &'a Azure, server: &FlexibleServer) -> &'a [IpNet] {
    let networks = azure.networks.seen().into_iter().flatten();
    let mut subnets = networks.flat_map(|network| &network.subnets);
    let own = server
        .delegated_subnet
        .as_deref()
        .and_then(|id| subnets.find(|subnet| like(&subnet.id, id)));
    own.map(|subnet| subnet.prefixes.as_slice()).unwrap_or_default()
}

/// The private zones of the server that were given.
fn zones_of<'a>(seen: &'a Evidence, server: &FlexibleServer) -> Vec<&'a DnsZone> {
    let suffix = seen.settings.seen().map(|settings| settings.cloud.value.server_suffix.as_str());
    let wanted = zone_of(server, suffix.unwrap_or("postgres.database.azure.com"));
    let zones = seen.azure.seen().and_then(|azure| azure.dns_zones.seen()).into_iter().flatten();
    zones.filter(|zone| wanted.as_deref().is_some_and(|name| like(name, &zone.name))).collect()
}

/// The resource id of the server's private zone.
pub(crate) fn zone_id(seen: &Evidence, server: &FlexibleServer) -> Option<String> {
    let own = server.private_dns_zone.clone().filter(|id| id.starts_with('/'));
    own.or_else(|| match zones_of(seen, server).as_slice() {
        [only] => Some(only.id.clone()).filter(|id| !id.is_empty()),
        _ => None,
    })
}

/// The server's private addresses, by its records and by its private endpoints, and the prefixes of its
/// delegated subnet.
pub(crate) fn private_addresses<'a>(
    seen: &'a Evidence,
    server: &'a FlexibleServer,
) -> (Vec<IpAddr>, &'a [IpNet]) {
    let Some(azure) = seen.azure.seen() else { return (Vec::new(), &[]) };
    let zones = zones_of(seen, server);
    let records = zones.iter().filter_map(|zone| own_record(server, zone));
    let mut all: Vec<IpAddr> = records.flat_map(|record| record.addresses.clone()).collect();
    let present = addresses(azure, server);
    // What the endpoints have goes before a record, which may be old.
    if !present.is_empty() {
        all = present;
    }
    all.sort_unstable();
    all.dedup();
    (all, subnet(azure, server))
}

/// The fix for clients that do not use the server's private zone.
pub(crate) fn link_to_clients(seen: &Evidence, server: &FlexibleServer) -> Fix {
    let zones = zones_of(seen, server);
    let named = match zones.as_slice() {
        [only] => DnsZone { id: only.id.clone(), name: only.name.clone(), ..DnsZone::default() },
        _ => DnsZone {
            id: zone_id(seen, server).unwrap_or_default(),
            name: zone_of(server, "postgres.database.azure.com").unwrap_or_default(),
            ..DnsZone::default()
        },
    };
    let fix = link(&named, None);
    let text = "Link the private DNS zone to the network of the client; outside of Azure, forward it to a \
        resolver in a linked network";
    Fix { text: text.to_owned(), ..fix }
}

/// A DNS forwarding ruleset sends queries for the zone to nameservers other than Azure's.
fn forwarded(azure: &Azure, server: &FlexibleServer, zone: &DnsZone) -> Option<Finding> {
    let network = network_of(azure, server);
    let rules = rules_of(azure, network);
    let name = match label(server, zone) {
        Some(label) => format!("{label}.{}", zone.name),
        None => zone.name.clone(),
    };
    let rule = longest(&rules, &name)?;
    let servers = text::list(&rule.servers, NAMED);
    let detail = format!(
        "DNS forwarding ruleset {} sends queries for {} to {servers}, which must resolve the server",
        rule.ruleset, rule.domain
    );
    Some(
        Finding::of(&PRIVATE_ZONE_FORWARDED, &rule.ruleset, detail)
            .because(format!(
                "azure-config: rule for {} names {servers}; the zone is {}",
                rule.domain, zone.name
            ))
            .sure(Confidence::Likely)
            .fix(
                Fix::by(
                    Actor::Network,
                    "Ask one of them for the server's name; it must answer with the private address",
                )
                .run(Command::new("nslookup $HOST").with("HOST", server.host.as_deref())),
            ),
    )
}

/// The rule for the longest domain that holds a name, unless it leads to Azure's own nameserver. Rules
/// for every name are left out: the zone, which is linked, is the longer one.
fn longest<'a>(rules: &[&'a ForwardingRule], name: &str) -> Option<&'a ForwardingRule> {
    let name = name.to_ascii_lowercase();
    let holds = |rule: &&&ForwardingRule| {
        let domain = rule.domain.as_str();
        !domain.is_empty()
            && (name == domain || name.strip_suffix(domain).is_some_and(|head| head.ends_with('.')))
    };
    let rule = rules.iter().filter(holds).max_by_key(|rule| rule.domain.len())?;
    (!rule.servers.iter().all(|ip| *ip == OF_AZURE)).then_some(*rule)
}

/// The zone that a private address of the server needs.
fn zone_of(server: &FlexibleServer, suffix: &str) -> Option<String> {
    match server.topology() {
        Topology::VirtualNetwork => {
            let id = server.private_dns_zone.as_deref()?;
            id.rsplit('/').next().map(str::to_owned)
        }
        Topology::PrivateEndpoints => Some(format!("privatelink.{suffix}")),
        Topology::Public if !server.private_endpoints.is_empty() => {
            Some(format!("privatelink.{suffix}"))
        }
        Topology::Public | Topology::Unknown => None,
    }
}

/// The private DNS zone is linked to no virtual network.
pub static PRIVATE_ZONE_NOT_LINKED: Problem = Problem {
    id: "azure/private-zone-not-linked",
    title: "the private DNS zone is not linked to the network",
    explains: &["dns/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A server with a private address is found through a private DNS zone. The zone is \
            resolved only in the virtual networks that it is linked to. This zone has no link, or \
            none to the network of the server or of its private endpoint.",
        causes: &[
            "the zone is linked only to another network, such as the one that was tested first",
            "the zone was created by a template without its virtual network links",
            "the link was removed with the network that it belonged to",
            "the zone is in another subscription, and its links were never created there",
        ],
        confirm: &[
            "`az network private-dns link vnet list -g $RG -z $ZONE -o table` prints no line",
            "`nslookup $SERVER_HOST 168.63.129.16` in the client's network",
        ],
        fix: &[(Actor::Network, "link the zone to the network of the clients")],
        mistaken_for: &[
            "dns/nxdomain: what the client sees of it",
            "azure/custom-dns: the network has nameservers of its own, which must forward the zone",
        ],
        sources: &[
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
            "Microsoft Learn: What is a virtual network link?",
        ],
    },
    ..Problem::DEFAULT
};

/// The private DNS zone has no record of the server.
pub static PRIVATE_ZONE_NO_RECORD: Problem = Problem {
    id: "azure/private-zone-no-record",
    title: "the private DNS zone has no record of the server",
    explains: &["dns/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The private DNS zone is linked to a network and holds no A record of the server. \
            In a linked network the zone answers for its whole domain, so the server's name does \
            not exist there, even if public DNS knows it.",
        causes: &[
            "the private endpoint was created without a DNS zone group, and no record was added",
            "the DNS zone group registers in another zone of the same name, in another subscription",
            "the record was deleted with an earlier private endpoint",
        ],
        confirm: &[
            "`az network private-dns record-set a list -g $RG -z $ZONE -o table`",
            "`az network private-endpoint dns-zone-group list -g $RG --endpoint-name $ENDPOINT -o table`",
        ],
        fix: &[(
            Actor::Network,
            "add a DNS zone group to the private endpoint, or an A record with its address",
        )],
        mistaken_for: &[
            "dns/nxdomain: what the client sees of it",
            "azure/private-zone-not-linked: there the zone is not used at all",
        ],
        sources: &[
            "Microsoft Learn: Azure private endpoint private DNS zone values",
            "Microsoft Learn: Private Link for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// The record in the private DNS zone is not of the server.
pub static PRIVATE_ZONE_OLD_RECORD: Problem = Problem {
    id: "azure/private-zone-old-record",
    title: "the private DNS zone has an outdated address of the server",
    explains: &["dns/*", "server/*", "login/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The A record of the server in the private DNS zone has an address that is neither \
            that of its private endpoint nor in its subnet. Clients connect to another machine, or \
            to none.",
        causes: &[
            "the private endpoint was created again with another address, and the record was added \
                by hand",
            "a virtual machine with the server's name is in a network whose link registers machines \
                automatically",
        ],
        confirm: &[
            "`az network private-dns record-set a list -g $RG -z $ZONE -o table`",
            "`az network private-endpoint show -g $RG -n $ENDPOINT --query customDnsConfigs`",
        ],
        fix: &[(
            Actor::Network,
            "correct the record, or add a DNS zone group to the private endpoint, which keeps it \
                up to date",
        )],
        mistaken_for: &[
            "server/dropped and server/refused: what the client sees of it",
            "azure/private-endpoint-not-approved: there the address is right",
        ],
        sources: &[
            "Microsoft Learn: Azure private endpoint private DNS zone values",
            "Microsoft Learn: What is the auto registration feature in Azure DNS private zones?",
        ],
    },
    ..Problem::DEFAULT
};

/// A DNS forwarding ruleset sends the zone elsewhere.
pub static PRIVATE_ZONE_FORWARDED: Problem = Problem {
    id: "azure/private-zone-forwarded",
    title: "a DNS forwarding rule covers the private zone",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A rule of a DNS forwarding ruleset covers the private DNS zone of the server and \
            names nameservers other than Azure's. In networks linked to the ruleset, these \
            nameservers decide whether the server is found, and with which address.",
        causes: &[
            "the rule leads to the inbound endpoint of a resolver in a hub, which is a common design",
            "the rule leads to nameservers of the company that do not know the zone",
        ],
        confirm: &[
            "`az dns-resolver forwarding-rule list -g $RG --ruleset-name $RULESET -o table`",
            "`nslookup $SERVER_HOST $NAME_SERVER` from a machine in the network; or give it to this tool \
                with --nameserver",
        ],
        fix: &[(
            Actor::Network,
            "let the rule name nameservers that resolve the zone, or remove the rule",
        )],
        mistaken_for: &[
            "azure/custom-dns: there the names of Entra go to other nameservers",
            "azure/private-zone-not-linked: there no rule sends the queries elsewhere",
        ],
        sources: &["Microsoft Learn: Azure DNS Private Resolver endpoints and rulesets"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{Status, judge, support::testing::healthy_but};
    use serde_json::{Value, json};

    fn status(record: &Value) -> (Status, String) {
        let subnet = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/pe";
        let zone = "privatelink.postgres.database.azure.com";
        let azure = json!({
            "server": {"seen": {"id": "/s/pg", "name": "pg", "host": "pg-prod.postgres.database.azure.com",
                "public_access": false, "private_endpoints": [{"name": "pe", "status": "Approved"}]}},
            "endpoints": {"seen": [{"id": "/pe", "name": "pe", "target": "/s/pg", "subnet": subnet}]},
            "dns_zones": {"seen": [{"id": "/z", "name": zone, "records": [record], "links": [
                {"name": "l", "network": subnet.split("/subnets").next()}]}]},
        });
        let judged =
            judge(&[&CHECK], &healthy_but(&[("/azure", json!({"seen": azure}))]), |_| true);
        (judged.lines[0].status, judged.lines[0].detail.clone())
    }

    #[test]
    fn a_record_without_an_address_that_was_read_does_not_pass() {
        let found = status(&json!({"name": "pg-prod", "addresses": ["10.1.3.5"]}));
        assert_eq!(found.0, Status::Passed, "{}", found.1);
        let found = status(&json!({"name": "pg-prod", "unread": true}));
        assert_eq!(found.0, Status::Undetermined, "{}", found.1);
        let found = status(&json!({"name": "pg-prod"}));
        assert_eq!(found.0, Status::Warning, "{}", found.1);
    }
}
