//! Where the route table of the server's subnet sends what is meant for Entra.

use super::{
    addresses::Addresses,
    egress_rules::{CUT_OFF, share},
    firewall::{self, Decision, Policies},
    measured::{self, Hop},
    place::{EFFECTIVE, Found, Place},
    routing::{self, Way, Ways},
    tags::{LIST_COMMAND, Tags, like, unreadable},
    words::{logged_in, login_seen, network_group, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure::Azure,
        azure_network::{CentralFirewall, Endpoint, NextHop, Route, RouteTable, RuleCollection},
    },
    support::service_tags::IpNet,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The routes send traffic for Entra to the internet.
pub static CHECK: Check = Check {
    id: "azure/routes",
    asserts: "the routes of the server's subnet lead to Entra",
    needs: &[Topic::Settings, Topic::Login, Topic::Azure],
    problems: &[&ROUTE_DROPS_ENTRA, &ROUTE_VIA_APPLIANCE, &FIREWALL_BLOCKS_ENTRA],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let tags = Tags::of(seen);
    let hops = measured::hops(seen, &place, &tags);
    let without = RouteTable { name: "the server's subnet".to_owned(), ..RouteTable::default() };
    let (table, sure) = match place.route_table() {
        Ok(Found::This(table, sure)) => (table, sure),
        // A gateway announces routes to every subnet.
        Ok(Found::None) if place.gateway() != Some(false) => (&without, true),
        Ok(Found::None) => {
            let detail = format!("the subnet has no route table{}", exit(&place));
            return Ok(Verdict::Passed(detail));
        }
        Err(why) => {
            let table = RouteTable::default();
            return by_measurement(seen, &hops, &table).ok_or(why);
        }
    };
    let found = routing::ways(table, place.gateway() != Some(false), &tags);
    let by = Classes::of(&found);
    let dropped = by.only(&by.dropped);
    let away = by.only(&by.away);
    let ways = &found.ways;
    let to = |class: Class| ways.iter().filter(|way| class_of(way) == class).collect::<Vec<_>>();
    let finding = if !dropped.is_empty() {
        let name = largest(&to(Class::Dropped)).map_or("", |route| &route.name);
        let whole = tags.main.without(&dropped).is_empty();
        let share = share(&dropped, &tags.entra);
        let detail =
            format!("route {name} of {} drops the server's traffic to {share}", table.name);
        let finding = Finding::of(&ROUTE_DROPS_ENTRA, &table.name, detail);
        if whole { finding } else { finding.severity(Severity::Warning) }
    } else if let Some(worst) = largest(&to(Class::Away)).filter(|_| !away.is_empty()) {
        match by_firewall(seen, &place, worst, &to(Class::Away), &tags) {
            Some(Ok(passed)) if by.undecided().is_empty() => {
                return place.pass(sure, &of_table(table), passed);
            }
            Some(Err(finding)) => {
                let finding = finding.because(format!("azure-config: {}", line(worst)));
                let finding = finding.because_all(login_seen(seen));
                return Ok(Verdict::found(unless_seen(
                    seen,
                    finding,
                    logged_in(seen),
                    "a login with a token was accepted",
                )));
            }
            Some(Ok(_)) | None => {}
        }
        if dropped_by(&hops).is_some()
            && let Some(verdict) = by_measurement(seen, &hops, table)
        {
            return Ok(verdict);
        }
        let detail = format!(
            "route {} of {} sends the server's traffic to {} through {}, which decides whether it arrives",
            worst.name,
            table.name,
            share(&away, &tags.entra),
            hop(worst)
        );
        let finding = Finding::of(&ROUTE_VIA_APPLIANCE, &table.name, detail);
        let finding = finding.because_all(firewall_missing(seen, worst));
        match measured::connected(seen, &place, &tags) {
            Some((false, line)) => finding.severity(Severity::Error).because(line),
            Some((true, line)) => finding.because(line),
            None => finding,
        }
    } else if let Some(verdict) = by_measurement(seen, &hops, table) {
        return Ok(verdict);
    } else if by.undecided().is_empty() {
        let detail = format!("{}{}", passed(table, ways), exit(&place));
        return place.pass(sure, &of_table(table), detail);
    } else {
        return Err(undecided(&place, table, &found, &by, &tags, &hops));
    };
    let mut finding = finding
        .because_all(ways.iter().map(|way| {
            let share = share(&way.addresses, &tags.entra);
            match way.route {
                Some(route) => format!("azure-config: {} takes {share}", line(route)),
                None => format!("azure-config: the system route to the internet takes {share}"),
            }
        }))
        .because(format!("azure-config: {}", tags.origin()))
        .because_all(login_seen(seen));
    if !by.undecided().is_empty() {
        let share = share(&by.undecided(), &tags.entra);
        finding = finding.because(format!("azure-config: not decided for {share}"));
    }
    for fix in fixes(table, largest(&to(Class::Away)), &tags) {
        finding = finding.fix(fix);
    }
    if !sure {
        finding = finding.sure(Confidence::Likely);
    }
    Ok(Verdict::found(unless_seen(
        seen,
        finding,
        logged_in(seen),
        "a login with a token was accepted",
    )))
}

/// The measured next hop that drops the packet.
fn dropped_by<'a, 'b>(hops: &'b [Hop<'a>]) -> Option<&'b Hop<'a>> {
    hops.iter().find(|one| matches!(one.hop, NextHop::None | NextHop::VirtualNetwork))
}

/// What Network Watcher measured, if it is not the internet. A measurement holds what the documents may
/// not: routes that a gateway announces, and the prefixes of service tags.
fn by_measurement(seen: &Evidence, hops: &[Hop<'_>], table: &RouteTable) -> Option<Verdict> {
    let away = |one: &&Hop<'_>| one.hop != NextHop::Internet;
    let worst = dropped_by(hops).or_else(|| hops.iter().find(away))?;
    let to = worst.to;
    let of_result = worst.table.rsplit('/').next().filter(|name| !name.is_empty());
    let name = of_result.unwrap_or(if table.name.is_empty() { "the subnet" } else { &table.name });
    let (problem, detail) = if dropped_by(hops).is_some() {
        (&ROUTE_DROPS_ENTRA, format!("the routes of {name} drop the server's traffic to {to}"))
    } else {
        let via = match (worst.hop, worst.address) {
            (NextHop::VirtualAppliance, Some(address)) => format!("the appliance {address}"),
            (NextHop::VirtualAppliance, None) => "an appliance".to_owned(),
            _ => "the gateway of the network".to_owned(),
        };
        let detail = format!(
            "the routes of {name} send the server's traffic to {to} through {via}, which decides whether it arrives"
        );
        (&ROUTE_VIA_APPLIANCE, detail)
    };
    let mut finding = Finding::of(problem, name, detail)
        .because_all(hops.iter().map(|one| one.line.clone()))
        .because_all(login_seen(seen))
        .sure(Confidence::Likely);
    for fix in fixes(table, None, &Tags::of(seen)) {
        finding = finding.fix(fix);
    }
    Some(Verdict::found(unless_seen(
        seen,
        finding,
        logged_in(seen),
        "a login with a token was accepted",
    )))
}

/// The hosts that the server signs in at and finds principals with.
fn hosts(seen: &Evidence) -> [&str; 2] {
    let cloud = seen.settings.seen().map(|settings| &settings.cloud.value);
    cloud.map_or(["login.microsoftonline.com", "graph.microsoft.com"], |cloud| {
        [&cloud.authority_host, &cloud.graph_host]
    })
}

/// Why the rules of the firewall on a route do not decide.
fn firewall_missing(seen: &Evidence, route: &Route) -> Option<String> {
    let azure = seen.azure.seen()?;
    let address = route.next_hop_address?;
    let given = azure.firewalls.seen()?;
    let Some(own) = given.iter().find(|one| one.addresses.contains(&address)) else {
        let first = given.first()?;
        let has = crate::text::list(&first.addresses, 3);
        return Some(format!(
            "azure-config: firewall {} has {has}, not the next hop {address}",
            first.name
        ));
    };
    let (what, command) = policies(azure).missing(own)?;
    Some(format!(
        "azure-config: the rules of firewall {} are not complete without {what}: {command}",
        own.name
    ))
}

fn policies(azure: &Azure) -> Policies<'_> {
    Policies {
        collections: azure.collections.seen().map(Vec::as_slice).unwrap_or_default(),
        policies: azure.policies.seen().map(Vec::as_slice).unwrap_or_default(),
    }
}

/// What the Azure Firewall that is the next hop does: `Ok` if it allows the traffic. `None` if the
/// firewall is not known, or something in its rules is not.
fn by_firewall(
    seen: &Evidence,
    place: &Place<'_>,
    route: &Route,
    away: &[&Way<'_>],
    tags: &Tags<'_>,
) -> Option<Result<String, Finding>> {
    let azure = seen.azure.seen()?;
    let address = route.next_hop_address?;
    let other = away
        .iter()
        .any(|way| way.route.is_none_or(|other| other.next_hop_address != route.next_hop_address));
    let mut firewalls = azure.firewalls.seen()?.iter();
    let own = firewalls.find(|one| one.addresses.contains(&address)).filter(|_| !other)?;
    let subnet = place.subnet.map(|subnet| subnet.prefixes.as_slice()).unwrap_or_default();
    let hosts = hosts(seen);
    match firewall::decide(own, policies(azure), subnet, hosts, tags) {
        Decision::Allowed(rule) => Some(Ok(format!("firewall {} allows it by {rule}", own.name))),
        Decision::Denied(rule) => {
            let name = &own.name;
            let detail = match rule {
                Some(rule) => format!(
                    "rule {rule} of firewall {name} denies the server's HTTPS traffic to Microsoft Entra ID"
                ),
                None => {
                    format!("firewall {name} has no rule that allows HTTPS to Microsoft Entra ID")
                }
            };
            let finding = Finding::of(&FIREWALL_BLOCKS_ENTRA, &own.name, detail);
            Some(Err(finding.fix(allow_in_firewall(own, policies(azure), rule, subnet))))
        }
        Decision::WithoutGraph(rule, graph) => {
            let detail = format!(
                "rule {rule} of firewall {} allows {}, and no rule allows {graph}, by which the server finds users and groups",
                own.name, hosts[0]
            );
            let text = "Allow HTTPS to both hosts, or to the service tag AzureActiveDirectory in a \
                network rule";
            let finding = Finding::of(&FIREWALL_BLOCKS_ENTRA, &own.name, detail);
            Some(Err(finding.severity(Severity::Warning).fix(Fix::by(Actor::Network, text))))
        }
        Decision::Inspected(rule) => {
            let detail = format!(
                "rule {rule} of firewall {} inspects TLS: the server does not trust the firewall's certificate for Microsoft Entra ID",
                own.name
            );
            let text = "Exempt the sign-in hosts from TLS inspection in that rule";
            let finding = Finding::of(&FIREWALL_BLOCKS_ENTRA, &own.name, detail);
            Some(Err(finding.fix(Fix::by(Actor::Network, text))))
        }
        Decision::Unknown => None,
    }
}

/// The network rule that is missing, in a collection in front of all others.
fn allow_in_firewall(
    firewall: &CentralFirewall,
    with: Policies<'_>,
    rule: Option<&str>,
    subnet: &[IpNet],
) -> Fix {
    let text = "Allow the service tag AzureActiveDirectory in a network rule";
    let denies = |one: &&RuleCollection| {
        !one.allow && one.rules.iter().any(|known| Some(known.name.as_str()) == rule)
    };
    let holder = with.collections.iter().find(denies).and_then(|one| one.policy.as_deref());
    let policy = holder.or(firewall.policy.as_deref());
    let of_policy = |one: &&RuleCollection| match (policy, one.policy.as_deref()) {
        (Some(policy), Some(of)) => like(policy, of),
        _ => false,
    };
    let first = match policy {
        Some(_) => with.collections.iter().filter(of_policy).map(|one| one.group_priority).min(),
        None => firewall.collections.iter().map(|one| one.priority).min(),
    };
    let priority = first.unwrap_or(200).saturating_sub(1);
    let priority = (priority >= LOWEST).then(|| priority.to_string());
    let sources: Vec<String> = subnet.iter().map(ToString::to_string).collect();
    let fill = |command: Command, id: &str| {
        network_group(command, id)
            .with("COLLECTION_PRIORITY", priority.as_deref())
            .with("SERVER_PREFIX", sources.first().map(String::as_str))
    };
    let command = match policy {
        Some(id) => {
            let name = id.rsplit('/').next();
            let group = Command::new(
                "az network firewall policy rule-collection-group create -g $NETWORK_RG \
                 --policy-name $POLICY -n AllowEntra --priority $COLLECTION_PRIORITY",
            );
            let collection = Command::new(
                "az network firewall policy rule-collection-group collection add-filter-collection \
                 -g $NETWORK_RG --policy-name $POLICY --rcg-name AllowEntra -n AllowEntra \
                 --collection-priority $COLLECTION_PRIORITY --action Allow --rule-name AllowEntra \
                 --rule-type NetworkRule --source-addresses $SERVER_PREFIX \
                 --destination-addresses AzureActiveDirectory --ip-protocols TCP \
                 --destination-ports 443",
            );
            let on = |command: Command| fill(command.with("POLICY", name), id);
            on(group).then(on(collection))
        }
        None => {
            let command = Command::new(
                "az network firewall network-rule create -g $NETWORK_RG -f $FIREWALL \
                 --collection-name AllowEntra --priority $COLLECTION_PRIORITY --action Allow \
                 -n AllowEntra --protocols TCP --source-addresses $SERVER_PREFIX \
                 --destination-addresses AzureActiveDirectory --destination-ports 443",
            );
            fill(command.with("FIREWALL", Some(&firewall.name)), &firewall.id)
        }
    };
    Fix::by(Actor::Network, text).run(command)
}

/// The lowest priority of a group or of a collection.
const LOWEST: u32 = 100;

/// What a next hop does to packets for Entra.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    Direct,
    Away,
    Dropped,
}

fn class_of(way: &Way<'_>) -> Class {
    match way.route.map(|route| route.next_hop) {
        None | Some(NextHop::Internet) => Class::Direct,
        Some(NextHop::VirtualAppliance | NextHop::VirtualNetworkGateway | NextHop::Unknown) => {
            Class::Away
        }
        // Addresses outside of the network that are sent into it go nowhere.
        Some(NextHop::None | NextHop::VirtualNetwork) => Class::Dropped,
    }
}

/// The routes whose next hop is not understood, with what they take.
fn unknown_hops<'a, 'b>(found: &'b Ways<'a>) -> impl Iterator<Item = (&'a Route, &'b Way<'a>)> {
    let ways = found.ways.iter().filter_map(|way| Some((way.route?, way)));
    ways.filter(|(route, _)| route.next_hop == NextHop::Unknown)
}

/// The addresses that may go each way.
struct Classes {
    direct: Addresses,
    away: Addresses,
    dropped: Addresses,
}

impl Classes {
    fn of(found: &Ways<'_>) -> Self {
        let all = |class: Class| {
            let of_class = found.ways.iter().filter(|way| class_of(way) == class);
            Addresses::union(&of_class.map(|way| way.addresses.clone()).collect::<Vec<_>>())
        };
        let system = found.ways.iter().find(|way| way.route.is_none());
        // A gateway may announce a route for what the system route takes.
        let learned = system.filter(|_| found.learned).map(|way| way.addresses.clone());
        let unknown: Vec<Addresses> =
            unknown_hops(found).map(|(_, way)| way.addresses.clone()).collect();
        let unknown = Addresses::union(&unknown);
        Self {
            direct: all(Class::Direct).or(&unknown),
            away: all(Class::Away).or(&learned.unwrap_or_default()),
            dropped: all(Class::Dropped),
        }
    }

    fn undecided(&self) -> Addresses {
        let pairs = [
            (&self.direct, &self.away),
            (&self.direct, &self.dropped),
            (&self.away, &self.dropped),
        ];
        Addresses::union(&pairs.map(|(one, other)| one.and(other)))
    }

    /// Those of one class that cannot be of another.
    fn only(&self, class: &Addresses) -> Addresses {
        class.without(&self.undecided())
    }
}

fn undecided(
    place: &Place<'_>,
    table: &RouteTable,
    found: &Ways<'_>,
    by: &Classes,
    tags: &Tags<'_>,
    hops: &[Hop<'_>],
) -> Missing {
    let share = share(&by.undecided(), &tags.entra);
    let mut on: Vec<String> =
        found.unknown.iter().take(3).map(|name| format!("the prefixes of {name}")).collect();
    let mut decide = Vec::new();
    if found.unknown.iter().any(|name| !unreadable(name)) {
        decide.push(LIST_COMMAND);
    }
    let hops_of = unknown_hops(found).take(3);
    on.extend(hops_of.map(|(route, _)| format!("the next hop of route {}", route.name)));
    if decide.is_empty() && !on.is_empty() {
        decide.push("`az network nic show-effective-route-table -g $RG -n $NIC -o json` of a machine in a subnet with the same route table (--azure-config)");
    }
    if found.learned && place.gateway().is_none() {
        on.push("whether the virtual network has a gateway, which announces routes".to_owned());
        decide.push("`az network vnet show -g $RG -n $VNET -o json` (--azure-config)");
    } else if found.learned {
        on.push("the routes that the network's gateway learns".to_owned());
        decide.push("`az network nic show-effective-route-table -g $RG -n $NIC -o json` of a machine in a subnet with the same route table (--azure-config)");
    }
    let measured = match hops {
        [] => String::new(),
        [first, ..] => format!("; measured for {} only: to the internet", first.to),
    };
    Missing::not_decided(
        format!("where {} sends {share} depends on {}{measured}", table.name, on.join(", and on ")),
        decide.join("; "),
    )
}

fn of_table(table: &RouteTable) -> String {
    match table.name.as_str() {
        EFFECTIVE => "the network interface of the effective routes".to_owned(),
        name => format!("the route table {name}"),
    }
}

fn largest<'a>(ways: &[&Way<'a>]) -> Option<&'a Route> {
    ways.iter().max_by_key(|way| way.addresses.count()).and_then(|way| way.route)
}

fn passed(table: &RouteTable, ways: &[Way<'_>]) -> String {
    let mut names: Vec<&str> =
        ways.iter().map(|way| way.route.map_or("the system route", |route| &route.name)).collect();
    // An effective route has an entry for each prefix.
    names.dedup();
    format!("{} by {}", table.name, crate::text::list(&names, 3))
}

/// What else is known of the way out. Private subnets do not apply to delegated subnets, of which the
/// service manages the way out. Source: Microsoft Learn, "Default outbound access in Azure".
fn exit(place: &Place<'_>) -> String {
    let gateway = place.subnet.and_then(|subnet| subnet.nat_gateway.as_deref());
    let private = place.subnet.is_some_and(|subnet| subnet.default_outbound == Some(false));
    match gateway {
        Some(id) => format!("; through NAT gateway {}", id.rsplit('/').next().unwrap_or(id)),
        None if private => {
            "; defaultOutboundAccess is false, which Azure does not apply to a delegated subnet"
                .to_owned()
        }
        None => String::new(),
    }
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
        (NextHop::Unknown, _) => "a next hop that is not understood".to_owned(),
    }
}

fn fixes(table: &RouteTable, through: Option<&Route>, tags: &Tags<'_>) -> Vec<Fix> {
    let mut fixes = vec![to_internet(table, tags)];
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

/// Routes with shorter prefixes are about more than Entra: the fix leaves them as they are.
const SHORTEST: u8 = 8;
const TAG: &str = "AzureActiveDirectory";

// Routes that a gateway learns are left out: a user-defined route of the same length goes before them.
/// The routes that take Entra's addresses elsewhere even with a route to the service tag, and whether
/// the table needs that route. A route to a longer prefix, or to one of the same length, goes before a
/// route to a tag; and a table takes one route per destination.
fn deciding(table: &RouteTable, tags: &Tags<'_>) -> (Vec<String>, bool) {
    let is_tag =
        |route: &Route| matches!(&route.destination, Endpoint::Tag(name) if like(name, TAG));
    let has_tag = table.routes.iter().any(is_tag);
    let mut planned = table.clone();
    if !has_tag {
        planned.routes.push(Route {
            name: String::new(),
            destination: Endpoint::Tag(TAG.to_owned()),
            next_hop: NextHop::Internet,
            next_hop_address: None,
            user: false,
        });
    }
    let wrong = |planned: &RouteTable| -> Option<String> {
        let found = routing::ways(planned, false, tags);
        let elsewhere = found.ways.iter().filter(|way| class_of(way) != Class::Direct);
        let narrow = |route: &&Route| match &route.destination {
            Endpoint::Prefix(net) => net.prefix_len() >= SHORTEST,
            Endpoint::Tag(_) | Endpoint::Group(_) => true,
            Endpoint::Any => false,
        };
        let mut routes = elsewhere.filter_map(|way| way.route).filter(narrow);
        routes.next().map(|route| route.name.clone())
    };
    let mut changed = Vec::new();
    while let Some(name) = wrong(&planned).filter(|name| !changed.contains(name)) {
        let own = planned.routes.iter_mut().filter(|route| route.name == name);
        own.for_each(|route| route.next_hop = NextHop::Internet);
        changed.push(name);
    }
    if !has_tag {
        planned.routes.pop();
    }
    let elsewhere = |planned: &RouteTable| {
        let found = routing::ways(planned, false, tags);
        found.ways.iter().any(|way| class_of(way) != Class::Direct)
    };
    let needs_tag = !has_tag && (changed.is_empty() || elsewhere(&planned));
    (changed, needs_tag)
}

/// The fix that sends Entra's addresses straight to the internet.
fn to_internet(table: &RouteTable, tags: &Tags<'_>) -> Fix {
    let (changed, needs_tag) = deciding(table, tags);
    let name = Some(table.name.as_str()).filter(|name| !name.is_empty() && *name != EFFECTIVE);
    let on_table = |command: Command| network_group(command, &table.id).with("ROUTE_TABLE", name);
    let updates = changed.iter().map(|route| {
        let command = Command::new(
            "az network route-table route update -g $NETWORK_RG --route-table-name $ROUTE_TABLE \
             --next-hop-type Internet -n",
        );
        on_table(command.value(&**route))
    });
    let create = needs_tag.then(|| {
        on_table(Command::new(
            "az network route-table route create -g $NETWORK_RG --route-table-name $ROUTE_TABLE \
             -n Entra --address-prefix AzureActiveDirectory --next-hop-type Internet",
        ))
    });
    let names: Vec<&str> = changed.iter().map(String::as_str).collect();
    let names = crate::text::list(&names, 3);
    let text = match (changed.is_empty(), needs_tag) {
        (true, _) => {
            "Route the service tag AzureActiveDirectory straight to the internet".to_owned()
        }
        (false, true) => format!(
            "Give route {names} the next hop Internet, or delete it, because it goes before a route to \
                the service tag; and route AzureActiveDirectory straight to the internet"
        ),
        (false, false) => format!(
            "Give route {names} the next hop Internet, or delete it: it decides before a route to the \
                service tag AzureActiveDirectory"
        ),
    };
    Fix::by(Actor::Network, text).run_if(updates.chain(create).reduce(Command::then))
}

/// A route drops the traffic for Entra.
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
        confirm: &["`az network route-table show -g $RG -n $ROUTE_TABLE --query routes -o \
                table`: the longest prefix that holds 20.190.128.0 decides"],
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

/// A route sends the traffic for Entra to an appliance or a gateway.
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
            "forced tunneling to the company's own network",
        ],
        confirm: &[
            "the firewall's log: TCP 443 from the server's subnet to 20.190.128.0/18 and \
                40.126.0.0/18",
            "a role with a password logs in, and no Entra role does",
        ],
        fix: &[
            (
                Actor::Network,
                "route the service tag AzureActiveDirectory to the internet, in addition to the default \
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

/// The Azure Firewall on the route denies the traffic for Entra.
pub static FIREWALL_BLOCKS_ENTRA: Problem = Problem {
    id: "azure/firewall-blocks-entra",
    title: "Azure Firewall blocks the server's traffic to Microsoft Entra ID",
    explains: CUT_OFF,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The route table of the server's subnet sends traffic for Microsoft Entra ID to an Azure \
            Firewall, and the firewall's rules deny HTTPS from the subnet to the sign-in hosts. The \
            server cannot validate tokens.",
        causes: &[
            "no rule allows AzureActiveDirectory or the sign-in hosts, and what no rule matches is \
                denied",
            "the rule that allows it names other source addresses than the server's subnet",
            "a network rule denies it before the application rule that allows it",
        ],
        confirm: &[
            "the firewall's log: TCP 443 from the server's subnet to 20.190.128.0/18 and \
                40.126.0.0/18",
            "`az network firewall policy rule-collection-group list -g $NETWORK_RG --policy-name \
                $POLICY -o json`",
        ],
        fix: &[
            (
                Actor::Network,
                "allow TCP 443 from the server's subnet to the service tag AzureActiveDirectory in a \
                    network rule",
            ),
            (Actor::Network, "or route AzureActiveDirectory to the internet, past the firewall"),
        ],
        mistaken_for: &[
            "azure/route-via-appliance: there the rules of the appliance are not known",
            "azure/nsg-blocks-entra: there the rules of the subnet deny it",
        ],
        sources: &[
            "Microsoft Learn: Azure Firewall rule processing logic",
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{Status, judge, support::testing::healthy_but};
    use serde_json::{Value, json};

    fn judged(route: &Value) -> (Status, String) {
        let network =
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet";
        let subnet = format!("{network}/subnets/pg");
        let azure = json!({
            "server": {"seen": {"id": "/s/pg-prod", "name": "pg-prod", "delegated_subnet": subnet,
                "host": "pg-prod.postgres.database.azure.com"}},
            "networks": {"seen": [{"id": network, "name": "vnet", "address_space": ["10.1.0.0/16"],
                "subnets": [{"id": subnet, "name": "pg", "prefixes": ["10.1.2.0/24"], "route_table": "/t"}]}]},
            "route_tables": {"seen": [{"id": "/t", "name": "rt", "bgp_propagation": false, "routes": [route]}]},
        });
        let seen = healthy_but(&[("/azure", json!({"seen": azure}))]);
        let judged = judge(&[&CHECK], &seen, |_| true);
        (judged.lines[0].status, judged.lines[0].detail.clone())
    }

    #[test]
    fn a_next_hop_that_is_not_understood_decides_nothing() {
        let route = |to: &str, hop: &str| {
            judged(&json!({"name": "r", "destination": {"prefix": to}, "next_hop": hop,
                "next_hop_address": null}))
        };
        assert_eq!(route("0.0.0.0/0", "internet").0, Status::Passed);
        let (status, detail) = route("0.0.0.0/0", "unknown");
        assert_eq!(status, Status::Undetermined, "{detail}");
        assert!(detail.contains("the next hop of route r"), "{detail}");
        assert_eq!(route("10.50.0.0/16", "unknown").0, Status::Passed);
    }
}
