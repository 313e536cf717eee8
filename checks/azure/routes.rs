//! Where the route table of the server's subnet sends what is meant for Entra.

use super::{
    addresses::Addresses,
    egress_rules::{CUT_OFF, share},
    place::{Found, Place},
    routing::{self, Way},
    tags::Tags,
    words::{logged_in, login_seen, unless_seen, word},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    evidence::Evidence,
    facts::{
        Topic,
        azure::resource_group,
        azure_network::{Endpoint, NextHop, Route, RouteTable},
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// What is meant for Entra gets to the internet.
pub static CHECK: Check = Check {
    id: "azure/routes",
    asserts: "the routes of the server's subnet lead to Entra",
    needs: &[Topic::Settings, Topic::Login, Topic::Azure],
    problems: &[&ROUTE_DROPS_ENTRA, &ROUTE_VIA_APPLIANCE],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let (table, sure) = match place.route_table()? {
        Found::This(table, sure) => (table, sure),
        Found::None => return Ok(Verdict::Passed("the subnet has no route table".to_owned())),
    };
    let tags = Tags::of(seen)?;
    let ways = routing::ways(table, &tags.entra, &tags);
    let to = |wanted: fn(NextHop) -> bool| {
        ways.iter()
            .filter(|way| way.route.is_some_and(|route| wanted(route.next_hop)))
            .collect::<Vec<&Way<'_>>>()
    };
    // What is sent back into the network for addresses that are not in it goes nowhere.
    let dropped = to(|hop| matches!(hop, NextHop::None | NextHop::VirtualNetwork));
    let away = to(|hop| matches!(hop, NextHop::VirtualAppliance | NextHop::VirtualNetworkGateway));
    let finding = if let Some(worst) = largest(&dropped) {
        let all = dropped.iter().fold(Addresses::default(), |all, way| all.or(&way.addresses));
        let whole = tags.main.without(&all).is_empty();
        let share = share(&all, &tags.entra);
        let detail = format!(
            "route {} of {} sends what the server has for Entra nowhere ({share})",
            worst.name, table.name
        );
        let finding = Finding::of(&ROUTE_DROPS_ENTRA, &table.name, detail);
        if whole { finding } else { finding.severity(Severity::Warning) }
    } else if let Some(worst) = largest(&away) {
        let detail = format!(
            "route {} of {} sends what the server has for Entra through {}: whether it gets there \
                is decided behind that",
            worst.name,
            table.name,
            hop(worst)
        );
        Finding::of(&ROUTE_VIA_APPLIANCE, &table.name, detail)
    } else {
        return Ok(Verdict::Passed(passed(table, &ways)));
    };
    let mut finding = finding
        .because_all(ways.iter().map(|way| {
            let share = share(&way.addresses, &tags.entra);
            match way.route {
                Some(route) => format!("azure-config: {} takes {share}", line(route)),
                None => format!("azure-config: Azure's own route to the internet takes {share}"),
            }
        }))
        .because(format!("azure-config: {}", tags.origin()))
        .because_all(login_seen(seen));
    for fix in fixes(seen, table, largest(&away)) {
        finding = finding.fix(fix);
    }
    if !sure {
        finding = finding.sure(Confidence::Likely);
    }
    Ok(Verdict::found(unless_seen(finding, logged_in(seen), "a login with a token was accepted")))
}

fn largest<'a>(ways: &[&Way<'a>]) -> Option<&'a Route> {
    ways.iter().max_by_key(|way| way.addresses.count()).and_then(|way| way.route)
}

fn passed(table: &RouteTable, ways: &[Way<'_>]) -> String {
    let names: Vec<&str> =
        ways.iter().map(|way| way.route.map_or("Azure's own route", |route| &route.name)).collect();
    format!("{} by {}", table.name, crate::text::list(&names, 3))
}

fn line(route: &Route) -> String {
    let to = match &route.destination {
        Endpoint::Prefix(net) => net.to_string(),
        Endpoint::Tag(name) | Endpoint::Group(name) => name.clone(),
        Endpoint::Any => "*".to_owned(),
    };
    format!("route {} ({to} to {})", route.name, hop(route))
}

fn hop(route: &Route) -> String {
    match (route.next_hop, route.next_hop_address) {
        (NextHop::Internet, _) => "the internet".to_owned(),
        (NextHop::VirtualAppliance, Some(address)) => format!("the appliance {address}"),
        (NextHop::VirtualAppliance, None) => "an appliance".to_owned(),
        (NextHop::VirtualNetworkGateway, _) => "the gateway of the network".to_owned(),
        (NextHop::VirtualNetwork, _) => "the network itself".to_owned(),
        (NextHop::None, _) => "nowhere".to_owned(),
    }
}

fn fixes(seen: &Evidence, table: &RouteTable, through: Option<&Route>) -> Vec<Fix> {
    let shell = seen.vantage.shell;
    let (rg, name) = (word(shell, resource_group(&table.id)), word(shell, &table.name));
    let mut fixes = vec![
        Fix::by(
            Actor::Network,
            "Route the service tag AzureActiveDirectory straight to the internet",
        )
        .run(format!(
            "az network route-table route create -g {rg} --route-table-name {name} -n Entra \
                --address-prefix AzureActiveDirectory --next-hop-type Internet"
        )),
    ];
    if let Some(route) = through {
        let via = hop(route);
        fixes.push(Fix::by(
            Actor::Network,
            format!(
                "Or allow HTTPS from the server's subnet to AzureActiveDirectory at {via}, without \
                    inspecting TLS"
            ),
        ));
    }
    fixes
}

/// Nowhere.
pub static ROUTE_DROPS_ENTRA: Problem = Problem {
    id: "azure/route-drops-entra",
    title: "a route of the server's subnet drops what is meant for Entra",
    explains: CUT_OFF,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The route table on the server's subnet sends packets for Entra's addresses to next \
            hop None, or back into the network: they are dropped, and the server cannot validate \
            tokens.",
        causes: &[
            "0.0.0.0/0 has next hop None, to keep the subnet off the internet, and nothing exempts \
                AzureActiveDirectory",
            "a prefix of Entra was routed into the network by mistake",
        ],
        confirm: &[
            "`az network route-table show -g <resource-group> -n <route-table> --query routes -o \
                table`: the longest prefix that holds 20.190.128.0 decides",
        ],
        fix: &[(
            Actor::Network,
            "add a route to the service tag AzureActiveDirectory with next hop Internet",
        )],
        mistaken_for: &[
            "azure/nsg-blocks-entra: there a rule denies, and the route is right",
            "login/stalled: what the client sees of it",
        ],
        sources: &[
            "Microsoft Learn: Virtual network traffic routing",
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// Through something that decides by itself.
pub static ROUTE_VIA_APPLIANCE: Problem = Problem {
    id: "azure/route-via-appliance",
    title: "what the server has for Entra goes through an appliance",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The route table on the server's subnet sends packets for Entra through a firewall, \
            another appliance or a gateway. Whether they arrive is decided there, and cannot be \
            seen from Azure's configuration of the subnet.",
        causes: &[
            "all traffic of the subnet is forced through a central firewall, which is a common \
                design",
            "forced tunnelling to the company's own network",
        ],
        confirm: &[
            "the firewall's log: TCP 443 from the server's subnet to 20.190.128.0/18 and \
                40.126.0.0/18",
            "a role with a password logs in, and no Entra role does",
        ],
        fix: &[
            (
                Actor::Network,
                "route the service tag AzureActiveDirectory to the internet, beside the default \
                    route",
            ),
            (Actor::Network, "or allow it at the firewall, and exempt it from TLS inspection"),
        ],
        mistaken_for: &["azure/route-drops-entra: there nothing can arrive"],
        sources: &[
            "Microsoft Learn: Virtual network traffic routing",
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};
