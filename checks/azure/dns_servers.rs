//! Which nameservers the server's virtual network asks.

use super::{
    egress_rules::CUT_OFF,
    place::Place,
    tags::like,
    words::{given, logged_in, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        azure::{Azure, ForwardingRule},
        dns::{Answer, AnswerOutcome, Dns, Role},
    },
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::{IpAddr, Ipv4Addr};

/// The nameservers of the server's network resolve Entra's names.
pub static CHECK: Check = Check {
    id: "azure/dns-servers",
    asserts: "the nameservers of the server's network resolve Entra's names",
    needs: &[Topic::Settings, Topic::Dns, Topic::Login, Topic::Azure],
    problems: &[&CUSTOM_DNS],
    decisive: false,
    judge: Judge::Once(judge),
};

/// Azure's own resolver, at the same address in every network.
/// Source: Microsoft Learn, "What is IP address 168.63.129.16?".
pub(crate) const OF_AZURE: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// The command that exports the network.
const VNET_COMMAND: &str = "`az network vnet show -g $RG -n $VNET -o json` (--azure-config)";

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let networks = given(&seen.azure.get()?.networks, "the virtual network")?;
    let network = match (place.network, networks.as_slice()) {
        (Some(network), _) => network,
        (None, [only]) if place.id.is_none() => only,
        _ => {
            let detail = "the virtual network of the server was not given".to_owned();
            return Err(Missing(NotObserved::NotPermitted { detail }));
        }
    };
    if !network.is_whole() {
        let detail =
            format!("the document of a subnet does not name the nameservers of {}", network.name);
        return Err(Missing::not_decided(detail, VNET_COMMAND.to_owned()));
    }
    let own: Vec<IpAddr> =
        network.dns_servers.iter().copied().filter(|server| *server != OF_AZURE).collect();
    let (own, by) = if own.is_empty() {
        let azure = seen.azure.get()?;
        let rules = rules_of(azure, Some(network.id.as_str()));
        match forwarded(&rules) {
            Some(rule) if !is_linked(azure, rule) => {
                return Err(Missing::not_decided(
                    format!(
                        "whether ruleset {}, which forwards {} to {}, is linked to {}",
                        rule.ruleset,
                        if rule.domain.is_empty() { "every name" } else { &rule.domain },
                        text::list(&rule.servers, 3),
                        network.name
                    ),
                    format!(
                        "`az dns-resolver vnet-link list -g $RG --ruleset-name {} -o json` (--azure-config)",
                        rule.ruleset
                    ),
                ));
            }
            Some(rule) => (rule.servers.clone(), format!("ruleset {}", rule.ruleset)),
            None => {
                return Ok(Verdict::Passed(format!("{} asks Azure's own", network.name)));
            }
        }
    } else {
        (own, format!("dhcpOptions.dnsServers of {}", network.name))
    };
    let answers = seen.dns.seen().map(|dns| answers(dns, &own)).unwrap_or_default();
    let fine = |server: &IpAddr| {
        let mut of = answers.iter().filter(|(from, ..)| from == server).peekable();
        of.peek().is_some() && of.all(|(_, _, good)| *good)
    };
    let listed = text::list(&own, 3);
    if own.iter().all(fine) {
        return Ok(Verdict::Passed(format!("{listed}, asked from here, resolve Entra's names")));
    }
    let failing: Vec<&(IpAddr, String, bool)> =
        answers.iter().filter(|(_, _, good)| !good).collect();
    let every = own.iter().all(|server| failing.iter().any(|(from, ..)| from == server));
    let detail = if every {
        format!(
            "{listed}, which the server's network {} asks, do not resolve Entra's names",
            network.name
        )
    } else if by.starts_with("ruleset ") {
        format!(
            "{by}, which is linked to the server's network {}, forwards to {listed}: they must resolve \
                Entra's names",
            network.name
        )
    } else {
        format!(
            "the server's network {} asks nameservers of its own, {listed}: they must resolve \
                Entra's names",
            network.name
        )
    };
    let asked = own.first().map(ToString::to_string).unwrap_or_default();
    let mut finding = Finding::of(&CUSTOM_DNS, &network.name, detail)
        .because(format!("azure-config: {by} names {listed}"))
        .because_all(answers.iter().map(|(server, name, good)| {
            let word = if *good { "resolves" } else { "does not resolve" };
            format!("client: {server}, asked from here, {word} {name}")
        }))
        .fix(
            Fix::by(
                Actor::Network,
                "See that each of them resolves login.microsoftonline.com and graph.microsoft.com \
                    publicly, and forwards the server's zone to 168.63.129.16",
            )
            .run(Command::new("nslookup login.microsoftonline.com").value(asked)),
        );
    if every {
        finding = finding.severity(Severity::Error).sure(Confidence::Likely);
    }
    Ok(Verdict::found(unless_seen(
        seen,
        finding,
        logged_in(seen),
        "a login with a token was accepted",
    )))
}

/// The rule of a DNS forwarding ruleset that takes the sign-in host: the longest domain wins.
/// Source: Microsoft Learn, "Azure DNS Private Resolver endpoints and rulesets".
fn forwarded<'a>(rules: &[&'a ForwardingRule]) -> Option<&'a ForwardingRule> {
    const HOST: &str = "login.microsoftonline.com";
    let holds = |rule: &&&ForwardingRule| {
        let domain = rule.domain.as_str();
        domain.is_empty()
            || HOST == domain
            || HOST.strip_suffix(domain).is_some_and(|head| head.ends_with('.'))
    };
    let rule = rules.iter().filter(holds).max_by_key(|rule| rule.domain.len())?;
    (!rule.servers.iter().all(|ip| *ip == OF_AZURE)).then_some(*rule)
}

/// The rules of the forwarding rulesets that apply to a network: those whose links name it, and those
/// whose links were not given.
pub(crate) fn rules_of<'a>(azure: &'a Azure, network: Option<&str>) -> Vec<&'a ForwardingRule> {
    let links = azure.forwarding_links.seen().map(Vec::as_slice).unwrap_or_default();
    let applies = |rule: &&ForwardingRule| {
        let mut own = links.iter().filter(|link| like(&link.ruleset, &rule.ruleset)).peekable();
        own.peek().is_none() || network.is_none_or(|id| own.any(|link| like(&link.network, id)))
    };
    azure.forwarding.seen().into_iter().flatten().filter(applies).collect()
}

/// Whether the links of a rule's ruleset were given.
fn is_linked(azure: &Azure, rule: &ForwardingRule) -> bool {
    let mut links = azure.forwarding_links.seen().into_iter().flatten();
    links.any(|link| like(&link.ruleset, &rule.ruleset))
}

/// What these nameservers said of Entra's names when this machine asked them: the nameserver, the name,
/// and whether an address came.
fn answers(dns: &Dns, own: &[IpAddr]) -> Vec<(IpAddr, String, bool)> {
    let mut said: Vec<(IpAddr, String, bool)> = Vec::new();
    let names = dns.names.iter().filter(|name| matches!(name.role, Role::Authority | Role::Graph));
    for name in names {
        for &server in own {
            let of = || name.answers.iter().filter(move |answer| answer.nameserver.ip() == server);
            if of().next().is_some() {
                said.push((server, name.name.clone(), of().any(has_address)));
            }
        }
    }
    said
}

fn has_address(answer: &Answer) -> bool {
    matches!(&answer.outcome, AnswerOutcome::Answered(reply) if !reply.addresses.is_empty())
}

/// The network has custom nameservers.
pub static CUSTOM_DNS: Problem = Problem {
    id: "azure/custom-dns",
    title: "the server's network asks nameservers of its own",
    severity: Severity::Warning,
    explains: CUT_OFF,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The virtual network of the server does not use Azure's resolver but its own \
            nameservers. They must resolve Entra's names publicly, or the server can neither \
            validate tokens nor resolve principals, and they must forward the server's own zone to \
            Azure's resolver.",
        causes: &[
            "the company's nameservers serve every network, which is a common design",
            "a forwarder that is missing, blocked, or has a zone of its own for privatelink names: \
                the names of Entra pass through such names",
        ],
        confirm: &[
            "`az network vnet show -g $RG -n $VNET --query dhcpOptions.dnsServers`",
            "`nslookup login.microsoftonline.com $NAME_SERVER` from a machine in that network; or \
                give it to this tool with --nameserver",
        ],
        fix: &[(
            Actor::Network,
            "forward public names to the internet's nameservers, and the zone of the server to \
                168.63.129.16",
        )],
        mistaken_for: &[
            "dns/nxdomain: that is what this machine's nameservers say",
            "azure/nsg-blocks-entra: there the name resolves, and packets are dropped",
        ],
        sources: &[
            "Microsoft Learn: Use Microsoft Entra ID for authentication with Azure Database for \
                PostgreSQL",
            "Microsoft Learn: Name resolution for resources in Azure virtual networks",
        ],
    },
    ..Problem::DEFAULT
};
