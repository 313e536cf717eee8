//! Whether the security group of the server's subnet lets the server ask its nameservers.

use super::{
    addresses::Addresses,
    dns_servers::OF_AZURE,
    egress_rules::{CUT_OFF, line, of_group},
    place::{Found, Place},
    room,
    security::{self, Outcome, Rules, Service},
    tags::{Tags, like},
    words::{self, given, logged_in, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure_network::{Access, Direction, Endpoint, Protocol, SecurityGroup, SecurityRule},
    },
    text,
    verdict::{Finding, Verdict},
};
use std::net::{IpAddr, Ipv4Addr};

/// The NSG lets the server query its nameservers.
pub static CHECK: Check = Check {
    id: "azure/dns-rules",
    asserts: "the security group of the server's subnet lets the server ask its nameservers",
    needs: &[Topic::Settings, Topic::Dns, Topic::Server, Topic::Login, Topic::Azure],
    problems: &[&NSG_BLOCKS_DNS],
    decisive: false,
    judge: Judge::Once(judge),
};

const DNS: Service = Service { port: 53, protocol: Protocol::Udp };
/// The tag of Azure's own resolver. Rules for other destinations do not affect it.
/// Source: Microsoft Learn, "Virtual network service tags" and "What is IP address 168.63.129.16?".
const PLATFORM: &str = "AzurePlatformDNS";

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let networks = given(&seen.azure.get()?.networks, "the virtual network")?;
    let Some(network) = place.network.or_else(|| networks.first().filter(|_| networks.len() == 1))
    else {
        let detail = "which nameservers the server asks depends on its virtual network".to_owned();
        return Err(Missing::not_decided(detail, place.network_command()));
    };
    if network.address_space.is_empty() && network.dns_servers.is_empty() {
        let detail =
            "the document of a subnet does not name the nameservers of the network".to_owned();
        return Err(Missing::not_decided(detail, place.network_command()));
    }
    let (group, sure) = match place.security_group()? {
        Found::This(group, sure) => (group, sure),
        Found::None => return Ok(Verdict::Passed("the subnet has no security group".to_owned())),
    };
    let own: Vec<Ipv4Addr> = network
        .dns_servers
        .iter()
        .filter_map(|ip| match ip {
            IpAddr::V4(ip) if IpAddr::V4(*ip) != OF_AZURE => Some(*ip),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        })
        .collect();
    let platform;
    let (group_of_rules, to) = if own.is_empty() {
        platform = of_platform(group);
        (&platform, Addresses::one(AZURE))
    } else {
        (group, Addresses::union(&own.iter().map(|ip| Addresses::one(*ip)).collect::<Vec<_>>()))
    };
    let tags = Tags::of(seen);
    let routed = place.routed(&tags);
    let inside = place.inside(seen, routed.as_ref());
    let admin = place.admin_rules();
    let rules = Rules { group: Some(group_of_rules), admin: &admin, inside };
    let outcome = security::outbound_to(rules, DNS, &to);
    let (denied, open) = (outcome.denied(), outcome.undecided());
    let list = text::list(&to.prefixes(4), 3);
    if denied.is_empty() && open.is_empty() {
        let detail = format!("{} allows UDP 53 to {list}", group.name);
        return place.pass(sure, &of_group(&group.name), detail);
    }
    if denied.is_empty() {
        let what = format!("whether {} allows UDP 53 to {list}", group.name);
        return Err(words::undecided(&what, &outcome.unknown, &place));
    }
    let finding = words::unnamed_admin(finding(group, &outcome, &denied, &own), &admin);
    // One nameserver that answers is enough, after a delay for each that does not.
    let finding = if outcome.may_allow.is_empty() {
        finding
    } else {
        finding.severity(crate::check::Severity::Warning)
    };
    Ok(Verdict::found(unless_seen(
        seen,
        finding,
        logged_in(seen),
        "a login with a token was accepted",
    )))
}

const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// The rules that affect Azure's own resolver: those that name its tag, and nothing else denies it.
fn of_platform(group: &SecurityGroup) -> SecurityGroup {
    let named = |rule: &&SecurityRule| {
        rule.destinations
            .iter()
            .any(|end| matches!(end, Endpoint::Tag(name) if like(name, PLATFORM)))
    };
    let mut rules: Vec<SecurityRule> = group
        .rules
        .iter()
        .filter(named)
        .cloned()
        .map(|rule| SecurityRule { destinations: vec![Endpoint::Any], ..rule })
        .collect();
    let ports = vec![crate::facts::azure_network::PortRange { first: 0, last: u16::MAX }];
    rules.push(SecurityRule {
        name: "the platform's own rule".to_owned(),
        priority: u16::MAX,
        direction: Direction::Outbound,
        access: Access::Allow,
        protocol: Protocol::Any,
        source_ports: ports.clone(),
        destination_ports: ports,
        sources: vec![Endpoint::Any],
        destinations: vec![Endpoint::Any],
        default: true,
    });
    SecurityGroup { rules, ..group.clone() }
}

fn finding(
    group: &SecurityGroup,
    outcome: &Outcome<'_>,
    denied: &Addresses,
    own: &[Ipv4Addr],
) -> Finding {
    let list = text::list(&denied.prefixes(4), 3);
    let denying = outcome.by.iter().filter_map(|(rule, _)| *rule);
    let denying =
        denying.filter(|rule| rule.access == Access::Deny).min_by_key(|rule| rule.priority);
    let by = match denying {
        Some(rule) => format!("rule {} (priority {}) of {}", rule.name, rule.priority, group.name),
        None => group.name.clone(),
    };
    let mut command = Command::new(
        "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n $RULE --priority $PRIORITY \
         --direction Outbound --access Allow --protocol '*' --destination-port-ranges 53 \
         --destination-address-prefixes",
    );
    if denied.holds(AZURE.into()) {
        command = command.value(PLATFORM);
    } else {
        for server in own.iter().filter(|ip| denied.holds((**ip).into())) {
            command = command.value(server.to_string());
        }
    }
    let first = denying.map(|rule| rule.priority);
    let text = "Allow DNS to the nameservers before that rule";
    let fix = room::fix(group, Direction::Outbound, first, ("AllowDnsOutBound", command), text);
    let detail = format!(
        "{by} blocks the server's DNS queries to {list}: it cannot resolve Microsoft Entra ID"
    );
    Finding::of(&NSG_BLOCKS_DNS, &group.name, detail)
        .because_all(denying.map(|rule| format!("azure-config: {} decides", line(rule))))
        .fix(fix)
}

/// The NSG blocks the server's DNS queries.
pub static NSG_BLOCKS_DNS: Problem = Problem {
    id: "azure/nsg-blocks-dns",
    title: "NSG blocks the server's DNS queries",
    explains: CUT_OFF,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The server resolves login.microsoftonline.com and graph.microsoft.com with the \
            nameservers of its virtual network. The network security group of its subnet denies UDP \
            53 to them, so the server cannot validate tokens.",
        causes: &[
            "a rule that denies all outbound traffic has a lower number than any that allows DNS",
            "a rule denies the service tag AzurePlatformDNS, which is Azure's own resolver",
            "the nameservers changed, and the rule allows the old addresses",
        ],
        confirm: &[
            "`az network vnet show -g $RG -n $VNET --query dhcpOptions.dnsServers`",
            "`az network nsg show -g $RG -n $NSG -o json`: the first outbound rule for UDP 53 to them decides",
        ],
        fix: &[(crate::verdict::Actor::Network, "allow UDP and TCP 53 to the nameservers")],
        mistaken_for: &[
            "azure/custom-dns: there the nameservers are reached and do not resolve the names",
            "azure/nsg-blocks-entra: there the name resolves, and the rule denies HTTPS",
        ],
        sources: &[
            "Microsoft Learn: What is IP address 168.63.129.16?",
            "Microsoft Learn: Virtual network service tags",
        ],
    },
    ..Problem::DEFAULT
};
