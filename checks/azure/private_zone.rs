//! Whether the private DNS zone of the server is linked to a virtual network.

use super::{
    place::server,
    tags::like,
    words::{connected, given, network_group, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        azure::{FlexibleServer, Topology},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The private DNS zone is linked to a virtual network.
pub static CHECK: Check = Check {
    id: "azure/private-zone",
    asserts: "the private DNS zone of the server is linked to a virtual network",
    needs: &[Topic::Settings, Topic::Server, Topic::Azure],
    problems: &[&PRIVATE_ZONE_NOT_LINKED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let server = server(seen)?;
    let suffix = seen.settings.seen().map(|settings| settings.cloud.value.server_suffix.as_str());
    let Some(wanted) = zone_of(server, suffix.unwrap_or("postgres.database.azure.com")) else {
        return Ok(Verdict::NotApplicable("the server has no private address".to_owned()));
    };
    let zones = given(&seen.azure.get()?.dns_zones, "the private DNS zone")?;
    let Some(zone) = zones.iter().find(|zone| like(&zone.name, &wanted)) else {
        return Err(Missing(NotObserved::NotDecided {
            detail: format!("the document of the private DNS zone {wanted} was not given"),
            decide: format!(
                "`az network private-dns link vnet list -g $RG -z {wanted} -o json` (--azure-config)"
            ),
        }));
    };
    if !zone.links.is_empty() {
        let networks: Vec<&str> = zone
            .links
            .iter()
            .map(|link| link.network.rsplit('/').next().unwrap_or_default())
            .collect();
        return Ok(Verdict::Passed(format!("{wanted} is linked to {}", text::list(&networks, 3))));
    }
    let command = Command::new(
        "az network private-dns link vnet create -g $NETWORK_RG -z $ZONE -n clients -v $VNET_ID \
         -e false",
    );
    let command = network_group(command, &zone.id).with("ZONE", Some(&zone.name));
    let detail = format!(
        "the private DNS zone {wanted} is linked to no virtual network, so clients cannot resolve the server"
    );
    let finding = Finding::of(&PRIVATE_ZONE_NOT_LINKED, &wanted, detail)
        .because("azure-config: the zone has no virtual network link")
        .fix(Fix::by(Actor::Network, "Link the zone to the network of the clients").run(command));
    Ok(Verdict::found(unless_seen(
        finding,
        connected(seen),
        "the server's port accepts connections",
    )))
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
        Topology::Public => None,
    }
}

/// The private DNS zone is linked to no virtual network.
pub static PRIVATE_ZONE_NOT_LINKED: Problem = Problem {
    id: "azure/private-zone-not-linked",
    title: "the private DNS zone of the server is not linked to a virtual network",
    explains: &["dns/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A server with a private address is found through a private DNS zone. The zone is \
            resolved only in the virtual networks that it is linked to. This zone has no link, so \
            no client resolves the server through Azure's resolver.",
        causes: &[
            "the zone was created by a template without its virtual network links",
            "the link was removed with the network that it belonged to",
            "the zone is in another subscription, and its links were never created there",
        ],
        confirm: &[
            "`az network private-dns link vnet list -g $RG -z $ZONE -o table` prints no line",
            "`nslookup <host> 168.63.129.16` in the client's network",
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
