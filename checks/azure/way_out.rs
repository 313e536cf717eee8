//! Whether the subnet of this machine has a way to the public addresses of Microsoft Entra ID: a NAT
//! gateway, a public address, a load balancer, a route to an appliance, or default outbound access, which
//! a private subnet does not have. Source: Microsoft Learn, "Default outbound access in Azure".

use super::{
    addresses::Addresses,
    egress_rules::share,
    place,
    routing::{self, Ways},
    security,
    tags::{LIST_COMMAND, Tags, like},
    words::{logged_in, network_group, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Fact, Topic,
        azure::{Azure, Interface},
        azure_network::{NextHop, RouteTable, Subnet, VirtualNetwork},
        outbound::{Connect, Host, Route},
        tcp::TcpOutcome,
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::IpAddr;

/// The subnet of this machine has a way out.
pub static CHECK: Check = Check {
    id: "azure/way-out",
    asserts: "the subnet of this machine has a way to Microsoft Entra ID",
    needs: &[Topic::Outbound, Topic::Server, Topic::Login, Topic::Azure],
    problems: &[&NO_WAY_OUT],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let Some(own) = Own::of(seen, azure) else {
        let why = "the address of this machine is in no subnet that was given";
        return Ok(Verdict::NotApplicable(why.to_owned()));
    };
    let Own { address, network, subnet } = own;
    if !subnet.delegations.is_empty() {
        let why =
            format!("subnet {} is delegated to a service, which has its own way out", subnet.name);
        return Ok(Verdict::NotApplicable(why));
    }
    if let Some(host) = hosts(seen).iter().find(|host| reached(host)) {
        return Ok(Verdict::Passed(format!(
            "{} is reached from subnet {}",
            host.host, subnet.name
        )));
    }
    if !hosts(seen).is_empty() && hosts(seen).iter().all(|host| host.route == Route::Proxy) {
        let why = "requests to Microsoft Entra ID go through the proxy".to_owned();
        return Ok(Verdict::NotApplicable(why));
    }
    let none = RouteTable::default();
    let table = table_of(azure, subnet)?.unwrap_or(&none);
    let tags = Tags::of(seen);
    let found = routing::ways(table, network.has_gateway() != Some(false), &tags);
    let ways = Parts::of(&found);
    let exit = exit(seen, azure, &own);
    let mut cut = ways.dropped.clone();
    if let Exit::None { .. } = &exit {
        cut = cut.or(&ways.direct);
    }
    if !cut.is_empty() {
        return Ok(Verdict::found(finding(seen, &own, table, &ways, &exit, &cut, &tags)));
    }
    if !ways.open.is_empty() {
        let share = share(&ways.open, &tags.entra);
        return Err(Missing::not_decided(
            format!("which way subnet {} has to {share}", subnet.name),
            match network.has_gateway() {
                None if found.learned => VNET,
                _ if found.learned => EFFECTIVE_ROUTES,
                _ => LIST_COMMAND,
            },
        ));
    }
    match exit {
        _ if ways.direct.is_empty() => Ok(Verdict::Passed(format!(
            "route table {} of subnet {} leads to an appliance or a gateway",
            table.name, subnet.name
        ))),
        Exit::By(what) => Ok(Verdict::Passed(format!("subnet {} has {what}", subnet.name))),
        Exit::Unknown { what, decide } => Err(Missing::not_decided(what, decide)),
        Exit::None { .. } => {
            Ok(Verdict::Passed(format!("{address} sends nothing straight to the internet")))
        }
    }
}

const VNET: &str = "`az network vnet show -g $RG -n $VNET -o json` (--azure-config)";
const EFFECTIVE_ROUTES: &str =
    "`az network nic show-effective-route-table -g $RG -n $NIC -o json` of this machine";
const INTERFACES: &str =
    "`az network nic show -g $RG -n $NIC -o json` of this machine (--azure-config)";
const GATEWAY: &str =
    "`az network nat gateway show -g $RG -n $NAT_GATEWAY -o json` (--azure-config)";
const TABLE: &str =
    "`az network route-table show -g $NETWORK_RG -n $ROUTE_TABLE -o json` (--azure-config)";

/// Where this machine is.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    /// Its private address.
    pub(crate) address: IpAddr,
    /// The network.
    pub(crate) network: &'a VirtualNetwork,
    /// The subnet.
    pub(crate) subnet: &'a Subnet,
}

impl<'a> Own<'a> {
    /// Networks that are not connected can use the same addresses: then it is not known.
    pub(crate) fn of(seen: &Evidence, azure: &'a Azure) -> Option<Self> {
        let address = seen.server.seen()?.local.filter(|local| security::private(*local))?;
        let networks = azure.networks.seen()?.iter();
        let mut all =
            networks.flat_map(|network| network.subnets.iter().map(move |one| (network, one)));
        let holds = |(_, one): &(&VirtualNetwork, &Subnet)| {
            one.prefixes.iter().any(|net| net.contains(&address))
        };
        let mut holding = all.by_ref().filter(holds);
        let (network, subnet) = holding.next()?;
        holding.next().is_none().then_some(Self { address, network, subnet })
    }
}

fn hosts(seen: &Evidence) -> &[Host] {
    seen.outbound.seen().map(|outbound| outbound.hosts.as_slice()).unwrap_or_default()
}

fn reached(host: &Host) -> bool {
    let direct = host.direct.seen().into_iter().flat_map(|path| &path.tcp);
    let connected = direct.into_iter().any(|attempt| attempt.outcome == TcpOutcome::Connected);
    let proxied = host.proxied.seen().and_then(|path| path.connect.seen());
    connected || proxied.is_some_and(|answer| matches!(answer, Connect::Established))
}

/// Whether every connection to Microsoft Entra ID was tried without an answer.
fn silent(seen: &Evidence) -> bool {
    let attempts = || {
        let paths = hosts(seen).iter().filter_map(|host| host.direct.seen());
        paths.flat_map(|path| &path.tcp)
    };
    attempts().next().is_some()
        && attempts()
            .all(|one| matches!(one.outcome, TcpOutcome::Silent | TcpOutcome::Unreachable { .. }))
}

/// The route table on the subnet.
pub(crate) fn table_of<'a>(
    azure: &'a Azure,
    subnet: &Subnet,
) -> Result<Option<&'a RouteTable>, Missing> {
    let about = |one: &'a RouteTable| (one.id.as_str(), one.name.as_str());
    on_subnet(&azure.route_tables, subnet, subnet.route_table.as_deref(), about, |name| {
        let detail = format!("the route table {name} of subnet {} was not given", subnet.name);
        Missing::not_decided(detail, TABLE)
    })
}

/// What a client's subnet names: by its id, or by its name if its document has no id.
pub(crate) fn on_subnet<'a, T>(
    list: &'a Fact<Vec<T>>,
    subnet: &Subnet,
    id: Option<&str>,
    about: impl Fn(&'a T) -> (&'a str, &'a str),
    missing: impl FnOnce(&str) -> Missing,
) -> Result<Option<&'a T>, Missing> {
    let Some(id) = id else {
        return if subnet.partial { Err(reduced(subnet)) } else { Ok(None) };
    };
    let name = id.rsplit('/').next().unwrap_or(id);
    let mut all = list.seen().into_iter().flatten();
    let same = |one: &&'a T| {
        let (own, known) = about(one);
        like(own, id) || (own.is_empty() && like(known, name))
    };
    all.find(same).map(Some).ok_or_else(|| missing(name))
}

/// A document that leaves fields out does not say that nothing is on the subnet.
fn reduced(subnet: &Subnet) -> Missing {
    Missing::not_decided(
        format!("the document of subnet {} does not say what is on it", subnet.name),
        place::SUBNET_COMMAND,
    )
}

/// The addresses of Microsoft Entra ID by what the routes do to them.
struct Parts {
    /// Sent to the internet for certain.
    direct: Addresses,
    /// Dropped for certain.
    dropped: Addresses,
    /// Not decided, and one way drops them or leads to the internet.
    open: Addresses,
}

impl Parts {
    fn of(found: &Ways<'_>) -> Self {
        let by = |wanted: fn(Option<NextHop>) -> bool| {
            let of = found.ways.iter().filter(|way| wanted(way.route.map(|route| route.next_hop)));
            Addresses::union(&of.map(|way| way.addresses.clone()).collect::<Vec<_>>())
        };
        let direct = by(|hop| matches!(hop, None | Some(NextHop::Internet)));
        let dropped = by(|hop| matches!(hop, Some(NextHop::None | NextHop::VirtualNetwork)));
        let open = found.undecided.clone();
        Self { direct: direct.without(&open), dropped: dropped.without(&open), open }
    }
}

/// What gives the subnet's machines a public address.
enum Exit {
    /// This.
    By(String),
    /// Nothing; whether the documents show it, or only what this machine observed suggests it.
    None {
        why: String,
        shown: bool,
    },
    Unknown {
        what: String,
        decide: &'static str,
    },
}

fn exit(seen: &Evidence, azure: &Azure, own: &Own<'_>) -> Exit {
    let subnet = own.subnet;
    let private = subnet.default_outbound == Some(false);
    if let Some(id) = subnet.nat_gateway.as_deref() {
        let name = id.rsplit('/').next().unwrap_or(id);
        let known = azure.nat_gateways.seen().into_iter().flatten().find(|one| like(&one.id, id));
        return match known {
            Some(gateway) if gateway.addresses.is_empty() && private => Exit::None {
                why: format!(
                    "NAT gateway {name} of subnet {} has no public IP address",
                    subnet.name
                ),
                shown: true,
            },
            Some(gateway) if gateway.addresses.is_empty() => Exit::Unknown {
                what: format!(
                    "whether subnet {} has default outbound access with NAT gateway {name}, which has no public IP address",
                    subnet.name
                ),
                decide: "add a public IP address to the NAT gateway",
            },
            Some(_) => Exit::By(format!("NAT gateway {name}")),
            None if private => Exit::Unknown {
                what: format!("whether NAT gateway {name} has a public IP address"),
                decide: GATEWAY,
            },
            None => Exit::By(format!("NAT gateway {name}")),
        };
    }
    if !private {
        return Exit::By("default outbound access".to_owned());
    }
    match interface(azure, own) {
        Some(one) if one.public_address => Exit::By(format!(
            "no default outbound access, but network interface {} has a public IP address",
            one.name
        )),
        Some(one) if one.load_balancer => Exit::Unknown {
            what: format!("whether the load balancer of {} has outbound rules", one.name),
            decide: "`az network lb outbound-rule list -g $RG --lb-name $LOAD_BALANCER -o json`",
        },
        Some(one) => Exit::None {
            why: format!(
                "subnet {} is private (defaultOutboundAccess is false) and has no NAT gateway, and network interface {} has no public IP address",
                subnet.name, one.name
            ),
            shown: true,
        },
        None if silent(seen) => Exit::None {
            why: format!(
                "subnet {} is private (defaultOutboundAccess is false) and has no NAT gateway",
                subnet.name
            ),
            shown: false,
        },
        None => Exit::Unknown {
            what: format!(
                "whether {} in the private subnet {} has a public IP address or a load balancer with outbound rules",
                own.address, subnet.name
            ),
            decide: INTERFACES,
        },
    }
}

/// The network interface with this machine's address.
fn interface<'a>(azure: &'a Azure, own: &Own<'_>) -> Option<&'a Interface> {
    azure.interfaces.seen()?.iter().find(|one| {
        one.addresses.contains(&own.address)
            && one.subnet.as_deref().is_none_or(|id| like(id, &own.subnet.id))
    })
}

fn finding(
    seen: &Evidence,
    own: &Own<'_>,
    table: &RouteTable,
    ways: &Parts,
    exit: &Exit,
    cut: &Addresses,
    tags: &Tags<'_>,
) -> Finding {
    let share = share(cut, &tags.entra);
    let (detail, shown) = match exit {
        Exit::None { why, shown } if !ways.direct.is_empty() => {
            (format!("{why}: nothing leads to {share}"), *shown)
        }
        _ => (
            format!("route table {} of subnet {} drops {share}", table.name, own.subnet.name),
            true,
        ),
    };
    let id = &own.subnet.id;
    let name = Some(own.subnet.name.as_str()).filter(|name| !name.is_empty());
    let network = Some(own.network.name.as_str()).filter(|name| !name.is_empty());
    let command = Command::new(
        "az network vnet subnet update -g $NETWORK_RG --vnet-name $VNET -n $SUBNET \
         --nat-gateway $NAT_GATEWAY",
    );
    let command = network_group(command, id).with("VNET", network).with("SUBNET", name);
    let mut finding = Finding::of(&NO_WAY_OUT, &own.subnet.name, detail)
        .because(format!("client: this machine is {} in subnet {}", own.address, own.subnet.name));
    if silent(seen) {
        finding = finding.because("client: no connection to Microsoft Entra ID is answered");
    }
    finding = if ways.direct.is_empty() {
        let text = "Route the service tag AzureActiveDirectory to the internet or to a firewall";
        finding.fix(Fix::by(Actor::Network, text))
    } else {
        let text = "Associate a NAT gateway that has a public IP address with the subnet";
        finding.fix(Fix::by(Actor::Network, text).run(command))
    };
    // A login with a token that was given does not need the way.
    if !tags.main.without(cut).is_empty() || logged_in(seen) {
        finding = finding.severity(Severity::Warning);
    }
    if !shown {
        finding = finding.sure(Confidence::Likely).because(
            "azure-config: its network interface was not given: a public IP address or a load balancer would be a way out",
        );
    }
    unless_seen(seen, finding, false, "")
}

/// The subnet of the client has no way out.
pub static NO_WAY_OUT: Problem = Problem {
    id: "azure/no-way-out",
    title: "the client's subnet has no way to Microsoft Entra ID",
    explains: &["outbound/dropped", "outbound/unreachable", "outbound/some-addresses-blocked"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The subnet of this machine is private: machines in it reach public addresses only with \
            a NAT gateway, a public IP address, a load balancer with outbound rules, or a route to a \
            firewall. It has none of these, so no token can be acquired and no public endpoint is \
            reached.",
        causes: &[
            "defaultOutboundAccess is false: the default of new virtual networks since the version of \
                the API that followed March 31, 2026",
            "a route for AzureActiveDirectory with next hop Internet bypasses the firewall, and a private \
                subnet has no way there",
            "the NAT gateway of the subnet has no public IP address",
            "a route drops the traffic",
        ],
        confirm: &[
            "`az network vnet subnet show -g $NETWORK_RG --vnet-name $VNET -n $SUBNET --query \
                '[defaultOutboundAccess,natGateway,routeTable]'`",
        ],
        fix: &[
            (
                Actor::Network,
                "`az network vnet subnet update -g $NETWORK_RG --vnet-name $VNET -n $SUBNET \
                    --nat-gateway $NAT_GATEWAY`",
            ),
            (Actor::Network, "or route AzureActiveDirectory to a firewall that allows it"),
        ],
        mistaken_for: &[
            "outbound/dropped: a firewall or a rule on the way drops the packets",
            "azure/route-drops-entra: that is about the server's subnet. Private subnets do not apply to \
                delegated subnets, of which the service manages the way out",
        ],
        sources: &["Microsoft Learn: Default outbound access in Azure"],
    },
    ..Problem::DEFAULT
};
