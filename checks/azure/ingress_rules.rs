//! Whether the security group of the server's subnet lets this machine reach PostgreSQL.

use super::{
    addresses::Addresses,
    egress_rules::{line, of_group},
    place::{self, Place},
    room,
    security::{self, Arrives, Inside, Outcome, Rules, Service},
    tags::Tags,
    words::{self, connected, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure::Topology,
        azure_network::{Direction, Protocol, SecurityGroup, SecurityRule},
        tcp::TcpOutcome,
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::{IpAddr, Ipv4Addr};

/// The port of the built-in PgBouncer.
const POOLER: u16 = 6432;
/// Prefixes that are named in a sentence.
const SOURCES: usize = 4;

/// The NSG lets clients reach PostgreSQL.
pub static CHECK: Check = Check {
    id: "azure/ingress-rules",
    asserts: "the security group of the server's subnet lets clients reach PostgreSQL",
    needs: &[Topic::Settings, Topic::Dns, Topic::Server, Topic::Azure],
    problems: &[&NSG_BLOCKS_POSTGRESQL, &NSG_BLOCKS_POOLER],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let endpoint = Place::of_endpoint(seen)?;
    if let Some(place) = &endpoint
        && !place.filters_endpoints()?
    {
        let subnet = place.subnet.map_or("", |subnet| &subnet.name);
        return Ok(Verdict::Passed(format!(
            "security groups do not count for private endpoints in subnet {subnet}"
        )));
    }
    let of_endpoint = endpoint.is_some();
    let place = match endpoint {
        Some(place) => place,
        None => Place::of(seen)?,
    };
    let Some((group, sure)) = place.filtering_group()? else {
        return Ok(Verdict::Passed("the subnet has no security group".to_owned()));
    };
    let port = seen.settings.get()?.port.value;
    let tags = Tags::of(seen);
    let routed = place.routed(&tags);
    let inside = place.inside(seen, routed.as_ref());
    let admin = place.admin_rules();
    let rules = Rules { group, admin: &admin, inside };
    let client = client(seen);
    let from = client.map_or_else(|| clients(inside), Addresses::one);
    let service = Service { port, protocol: Protocol::Tcp };
    let arrives = match client {
        None => Arrives::FromNetwork,
        Some(_) => Arrives::FromPrivate,
    };
    let outcome = security::inbound(rules, service, &from, arrives);
    let who =
        client.map_or_else(|| "clients in the virtual network".to_owned(), |ip| ip.to_string());
    let name = group.map_or("the security admin rules", |group| &group.name);
    if outcome.may_deny.is_empty() {
        if port != POOLER && pooler_on(seen) {
            let pooler = Service { port: POOLER, protocol: Protocol::Tcp };
            let outcome = security::inbound(rules, pooler, &from, arrives);
            if outcome.may_allow.is_empty() {
                return Ok(Verdict::found(pooler_blocked(name, &who, &outcome, group, client)));
            }
        }
        return place.pass(sure, &of_group(name), passed(name, &who, port, &outcome));
    }
    if !outcome.may_allow.is_empty() {
        if connected(seen) {
            return Ok(Verdict::Passed(format!("TCP {port} connects from this machine")));
        }
        return Err(open(name, &who, port, &outcome, client, &place));
    }
    let rule = outcome.by.first().and_then(|(rule, _)| *rule);
    let detail = match rule {
        Some(rule) => format!(
            "rule {} (priority {}) of {name} blocks {who} from TCP {port} of the server",
            rule.name, rule.priority
        ),
        None => format!("no rule of {name} allows {who} to TCP {port} of the server"),
    };
    let server = seen.server.seen();
    let mut finding = Finding::of(&NSG_BLOCKS_POSTGRESQL, name, detail)
        .because_all(rule.map(|rule| format!("azure-config: {} decides", line(rule))))
        .because_all(server.into_iter().flat_map(|server| {
            server.tcp.iter().filter(|attempt| attempt.outcome == TcpOutcome::Silent).map(
                |attempt| {
                    format!("client: {}: no answer in {} ms", attempt.address, attempt.elapsed_ms)
                },
            )
        }));
    if let Some(group) = group {
        finding = finding.fix(fix(group, rule, port, client));
    }
    if !sure || client.is_none() {
        finding = finding.sure(Confidence::Likely);
    }
    let finding = words::unnamed_admin(finding, &admin);
    // With a public endpoint, the private one may not be needed.
    let spare = of_endpoint
        && place::server(seen).is_ok_and(|server| server.topology() == Topology::Public);
    let finding = if spare { finding.severity(Severity::Warning) } else { finding };
    Ok(Verdict::found(unless_seen(
        seen,
        finding,
        connected(seen),
        "the server's port accepts connections",
    )))
}

/// This machine's private address. Another one is not the address that arrives at the server.
fn client(seen: &Evidence) -> Option<Ipv4Addr> {
    match seen.server.seen()?.local? {
        IpAddr::V4(address) if address.is_private() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// The addresses that a client may have: those of the network and its peers, and any if a gateway
/// connects other networks. Only servers are in the delegated subnet.
fn clients(inside: Inside<'_>) -> Addresses {
    let all = if inside.network.is_empty() || inside.gateway {
        Addresses::all()
    } else {
        Addresses::of(inside.network)
    };
    let others = all.without(&Addresses::of(inside.subnet));
    if others.is_empty() { all } else { others }
}

fn passed(name: &str, who: &str, port: u16, outcome: &Outcome<'_>) -> String {
    let names: Vec<&str> =
        outcome.by.iter().filter_map(|(rule, _)| rule.map(|rule| rule.name.as_str())).collect();
    format!("{name} allows {who} to TCP {port} by {}", crate::text::list(&names, 3))
}

/// PostgreSQL's port is open, and that of the pooler, which is on, is not.
fn pooler_blocked(
    name: &str,
    who: &str,
    outcome: &Outcome<'_>,
    group: Option<&SecurityGroup>,
    client: Option<Ipv4Addr>,
) -> Finding {
    let rule = outcome.by.first().and_then(|(rule, _)| *rule);
    let detail = format!("{name} blocks {who} from TCP {POOLER} of PgBouncer, which is on");
    let finding = Finding::of(&NSG_BLOCKS_POOLER, name, detail)
        .because("azure-config: pgbouncer.enabled is true")
        .because_all(rule.map(|rule| format!("azure-config: {} decides", line(rule))));
    match group {
        Some(group) => finding.fix(fix(group, rule, POOLER, client)),
        None => finding,
    }
}

fn pooler_on(seen: &Evidence) -> bool {
    let parameters = seen.azure.seen().and_then(|azure| azure.parameters.seen());
    parameters.into_iter().flatten().any(|one| {
        one.name.eq_ignore_ascii_case("pgbouncer.enabled") && one.value.eq_ignore_ascii_case("true")
    })
}

/// Some clients get in and others do not, or an unknown decides.
fn open(
    name: &str,
    who: &str,
    port: u16,
    outcome: &Outcome<'_>,
    client: Option<Ipv4Addr>,
    place: &Place<'_>,
) -> Missing {
    let allowed = outcome.allowed();
    if client.is_some() || (allowed.is_empty() && outcome.denied().is_empty()) {
        let what = format!("whether {name} allows {who} to TCP {port}");
        return words::undecided(&what, &outcome.unknown, place);
    }
    let list = |addresses: &Addresses| crate::text::list(&addresses.prefixes(SOURCES), SOURCES - 1);
    let (mut admitted, denied) = (list(&allowed), list(&outcome.denied()));
    if allowed.is_empty() {
        admitted = "an unknown part".to_owned();
    }
    let detail = format!(
        "{name} allows TCP {port} from {admitted} and blocks it from {}: the client's address decides",
        if denied.is_empty() { "an unknown part" } else { &denied }
    );
    let decide = "run `entra-pg doctor -h <server>` on the client".to_owned();
    Missing::not_decided(detail, decide)
}

/// The rule that is missing, before the one that denies.
fn fix(
    group: &SecurityGroup,
    rule: Option<&SecurityRule>,
    port: u16,
    client: Option<Ipv4Addr>,
) -> Fix {
    let source = client.map(|address| address.to_string());
    let command = Command::new(
        "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n $RULE --priority $PRIORITY \
         --direction Inbound --access Allow --protocol Tcp \
         --source-address-prefixes $CLIENT_PREFIX --destination-port-ranges",
    );
    let command = command.value(port.to_string()).with("CLIENT_PREFIX", source.as_deref());
    let text = format!("Allow TCP {port} from the client before that rule");
    let first = rule.map(|rule| rule.priority);
    room::fix(group, Direction::Inbound, first, ("AllowPostgreSQLInBound", command), &text)
}

/// The NSG blocks clients from PostgreSQL.
pub static NSG_BLOCKS_POSTGRESQL: Problem = Problem {
    id: "azure/nsg-blocks-postgresql",
    title: "a security group keeps clients from PostgreSQL",
    explains: &["server/*", "login/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The network security group on the server's subnet denies TCP to the port of \
            PostgreSQL, or of its pooler, from where this client is.",
        causes: &[
            "a rule that denies everything from the network has a lower number than the one that \
                allows 5432",
            "5432 is allowed, and 6432, the pooler's port, is not",
            "the client's subnet is not among the sources that are allowed",
        ],
        confirm: &[
            "`az network nsg show -g $RG -n $NSG --query \
                '[securityRules,defaultSecurityRules][]' -o table`: the first inbound rule that \
                matches decides",
            "`az network watcher test-ip-flow -g $RG --vm $VM --direction Inbound --protocol TCP --local $SERVER_ADDRESS:5432 --remote $ADDRESS:60000` from the client's machine",
        ],
        fix: &[(
            Actor::Network,
            "allow inbound TCP 5432 (and 6432) from the client's subnet with a lower number than \
                the rule that denies",
        )],
        mistaken_for: &[
            "server/dropped: what the client sees of it",
            "azure/nsg-blocks-entra: that is the other direction, and the server's own way",
        ],
        sources: &[
            "Microsoft Learn: Network security groups",
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// The NSG blocks only the port of PgBouncer.
pub static NSG_BLOCKS_POOLER: Problem = Problem {
    id: "azure/nsg-blocks-pooler",
    title: "NSG blocks the port of PgBouncer",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "PgBouncer is on and listens on port 6432. The network security group of the server's \
            subnet allows port 5432 and denies 6432, so clients that use the pooler time out.",
        causes: &["the rule was written for 5432 before PgBouncer was switched on"],
        confirm: &[
            "`az postgres flexible-server parameter show -g $RG -s $SERVER -n pgbouncer.enabled \
                --query value`",
            "`az network nsg show -g $NETWORK_RG -n $NSG -o json`: the first inbound rule for TCP \
                6432 decides",
        ],
        fix: &[(
            Actor::Network,
            "allow inbound TCP 6432 from the client's subnet, or do not use it",
        )],
        mistaken_for: &[
            "azure/pooler-disabled: there nothing listens on 6432",
            "azure/nsg-blocks-postgresql: there the port that the client uses is blocked",
        ],
        sources: &[
            "Microsoft Learn: PgBouncer in Azure Database for PostgreSQL",
            "Microsoft Learn: Network security groups",
        ],
    },
    ..Problem::DEFAULT
};
