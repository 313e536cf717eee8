//! Whether the security group of the server's subnet lets the server reach Entra. No client can see
//! that path.

use super::{
    addresses::Addresses,
    place::{Found, Place},
    security::{self, Decisions},
    tags::{Tags, like},
    words::{logged_in, login_seen, unless_seen, word},
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    evidence::Evidence,
    facts::{
        Topic,
        azure::resource_group,
        azure_network::{Access, Direction, Endpoint, NextHop, SecurityGroup, SecurityRule},
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The server may reach Entra.
pub static CHECK: Check = Check {
    id: "azure/egress-rules",
    asserts: "the security group of the server's subnet lets the server reach Entra",
    needs: &[Topic::Settings, Topic::Login, Topic::Azure],
    problems: &[&NSG_BLOCKS_ENTRA, &NSG_PARTIAL],
    decisive: false,
    judge: Judge::Once(judge),
};

/// HTTPS.
const PORT: u16 = 443;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let (group, sure) = match place.security_group()? {
        Found::This(group, sure) => (group, sure),
        Found::None => {
            return Ok(Verdict::Passed("the subnet has no security group".to_owned()));
        }
    };
    let tags = Tags::of(seen)?;
    let decisions = security::outbound(group, place.inside(), PORT, &tags.entra, &tags);
    let denied = decisions.with(Access::Deny);
    if denied.is_empty() {
        return Ok(Verdict::Passed(passed(group, &decisions)));
    }
    let blocked = tags.main.without(&denied).is_empty();
    let problem = if blocked { &NSG_BLOCKS_ENTRA } else { &NSG_PARTIAL };
    let mut finding =
        Finding::of(problem, &group.name, detail(group, &decisions, &denied, &tags, blocked))
            .because_all(decisions.made.iter().map(|decision| {
                let share = share(&decision.addresses, &tags.entra);
                match decision.rule {
                    Some(rule) => format!("azure-config: {} decides for {share}", line(rule)),
                    None => {
                        format!("azure-config: no rule matches {share}, and nothing is let through")
                    }
                }
            }))
            .because_all(decisions.unclear.iter().map(|rule| {
                format!(
                    "azure-config: {} may match more than is known here; a published ServiceTags \
                        file and the virtual network would tell",
                    line(rule)
                )
            }))
            .because(format!("azure-config: {}", tags.origin()))
            .because_all(login_seen(seen))
            .fix(fix(seen, group, &decisions));
    if !sure || !decisions.unclear.is_empty() {
        finding = finding.sure(Confidence::Likely);
    }
    if rides_on_a_route(&place, group) {
        finding = finding.sure(Confidence::Possible).because(
            "azure-config: a route sends everything to an appliance or a gateway, and Azure then \
                counts such addresses to VirtualNetwork, which a rule allows",
        );
    }
    Ok(Verdict::found(unless_seen(finding, logged_in(seen), "a login with a token was accepted")))
}

fn passed(group: &SecurityGroup, decisions: &Decisions<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for rule in decisions.made.iter().filter_map(|decision| decision.rule) {
        if !names.contains(&rule.name.as_str()) {
            names.push(&rule.name);
        }
    }
    format!("{} by {}", group.name, crate::text::list(&names, 3))
}

fn detail(
    group: &SecurityGroup,
    decisions: &Decisions<'_>,
    denied: &Addresses,
    tags: &Tags<'_>,
    blocked: bool,
) -> String {
    let name = &group.name;
    let rule = decisions
        .made
        .iter()
        .filter(|decision| decision.rule.is_none_or(|rule| rule.access == Access::Deny))
        .max_by_key(|decision| decision.addresses.count())
        .and_then(|decision| decision.rule);
    let by = match rule {
        Some(rule) => format!("rule {} (priority {}) of {name}", rule.name, rule.priority),
        None => format!("{name}, which lets nothing out,"),
    };
    if blocked {
        format!("{by} keeps the server from Entra: it cannot validate tokens")
    } else {
        let share = share(denied, &tags.entra);
        format!("{by} keeps the server from a part of Entra, {share}: logins fail now and then")
    }
}

/// The one missing rule, in front of the first that denies.
fn fix(seen: &Evidence, group: &SecurityGroup, decisions: &Decisions<'_>) -> Fix {
    let shell = seen.vantage.shell;
    let first = decisions
        .made
        .iter()
        .filter_map(|decision| decision.rule)
        .filter(|rule| rule.access == Access::Deny)
        .map(|rule| rule.priority)
        .min()
        .unwrap_or(4097);
    let taken = |number: &u16| {
        group
            .rules
            .iter()
            .any(|rule| rule.direction == Direction::Outbound && rule.priority == *number)
    };
    let priority = (100..first.min(4097)).rev().find(|number| !taken(number));
    let text = match priority {
        Some(_) => "Allow the service tag AzureActiveDirectory in front of that rule".to_owned(),
        None => format!(
            "Give the denying rule a number above {first}, so that there is room in front of it, \
                and allow AzureActiveDirectory there"
        ),
    };
    let number = priority.map_or_else(|| "<priority>".to_owned(), |number| number.to_string());
    let (rg, nsg) = (word(shell, resource_group(&group.id)), word(shell, &group.name));
    Fix::by(Actor::Network, text).run(format!(
        "az network nsg rule create -g {rg} --nsg-name {nsg} -n AllowEntraOutBound --priority \
            {number} --direction Outbound --access Allow --protocol Tcp \
            --destination-address-prefixes AzureActiveDirectory --destination-port-ranges 443"
    ))
}

/// With a default route to an appliance or gateway, VirtualNetwork may hold every address.
/// Source: Microsoft Learn, "Virtual network service tags".
fn rides_on_a_route(place: &Place<'_>, group: &SecurityGroup) -> bool {
    let Ok(Found::This(table, _)) = place.route_table() else { return false };
    let away = table.routes.iter().any(|route| {
        matches!(&route.destination, Endpoint::Prefix(net) if net.prefix_len() == 0)
            && matches!(route.next_hop, NextHop::VirtualAppliance | NextHop::VirtualNetworkGateway)
    });
    let lets = |rule: &SecurityRule| {
        rule.direction == Direction::Outbound
            && rule.access == Access::Allow
            && rule
                .destinations
                .iter()
                .any(|to| matches!(to, Endpoint::Tag(name) if like(name, "VirtualNetwork")))
    };
    let denies =
        |rule: &SecurityRule| rule.direction == Direction::Outbound && rule.access == Access::Deny;
    let number = |wanted: &dyn Fn(&SecurityRule) -> bool| {
        group.rules.iter().filter(|rule| wanted(rule)).map(|rule| rule.priority).min()
    };
    away && number(&lets) < number(&denies) && number(&lets).is_some()
}

/// A rule in a line.
#[must_use]
pub fn line(rule: &SecurityRule) -> String {
    let access = match rule.access {
        Access::Allow => "Allow",
        Access::Deny => "Deny",
    };
    let ends = |ends: &[Endpoint]| {
        let words: Vec<String> = ends
            .iter()
            .map(|end| match end {
                Endpoint::Any => "*".to_owned(),
                Endpoint::Prefix(net) => net.to_string(),
                Endpoint::Tag(name) => name.clone(),
                Endpoint::Group(id) => id.rsplit('/').next().unwrap_or(id).to_owned(),
            })
            .collect();
        crate::text::list(&words, 3)
    };
    format!(
        "rule {} (priority {}, {access} {} to {})",
        rule.name,
        rule.priority,
        ends(&rule.sources),
        ends(&rule.destinations)
    )
}

/// How much of a whole: "all of Entra's 49,152 addresses", "12 %".
#[must_use]
pub fn share(part: &Addresses, whole: &Addresses) -> String {
    let (part, all) = (part.count(), whole.count());
    if part == all {
        return "all of Entra's sign-in addresses".to_owned();
    }
    let percent = (part * 100 / all.max(1)).clamp(1, 99);
    format!("{percent} % of Entra's sign-in addresses")
}

/// What a server that cannot reach Entra explains.
pub const CUT_OFF: &[&str] =
    &["login/stalled", "login/closed", "login/token-refused", "login/refused"];

/// Nothing gets through.
pub static NSG_BLOCKS_ENTRA: Problem = Problem {
    id: "azure/nsg-blocks-entra",
    title: "a security group keeps the server from Entra",
    explains: CUT_OFF,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    fragments: &[Fragment::new("could not validate aad user", 18)],
    page: Page {
        means: "The server itself must reach Entra over HTTPS to validate tokens, from its own \
            subnet. The network security group there denies it, so that every login with Entra \
            stalls or is refused, while passwords work. Nothing that this machine can reach says \
            anything about that path.",
        causes: &[
            "a rule that denies the internet, or everything, has a lower number than any that \
                allows AzureActiveDirectory",
            "the rule that allows it is for another port, protocol, source or direction",
            "the addresses of Entra are allowed one by one, and are not those any more",
        ],
        confirm: &[
            "`az network nsg show -g <resource-group> -n <nsg> --query \
                '[securityRules,defaultSecurityRules][]' -o table`: the first outbound rule for \
                TCP 443 to AzureActiveDirectory, * or Internet decides",
            "a role with a password logs in from the same client, and no Entra role does",
            "`pgaadauth_create_principal` fails on the server as well: it has to look the name up",
        ],
        fix: &[(
            Actor::Network,
            "allow outbound TCP 443 to the service tag AzureActiveDirectory with a lower number \
                than the rule that denies",
        )],
        mistaken_for: &[
            "login/stalled and login/token-refused: what the client sees of it",
            "outbound/dropped: that is the client's own way to Entra",
            "azure/route-drops-entra: there the security group is right, and the route is not",
        ],
        sources: &[
            "Microsoft Learn: Use Microsoft Entra ID for authentication with Azure Database for \
                PostgreSQL",
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
            "Microsoft Learn: Network security groups",
        ],
    },
    ..Problem::DEFAULT
};

/// A part gets through.
pub static NSG_PARTIAL: Problem = Problem {
    id: "azure/nsg-partial",
    title: "a security group lets the server reach a part of Entra alone",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The security group of the server's subnet allows some of Entra's addresses and \
            denies others. Which one the server gets from DNS changes by the minute: logins fail \
            now and then.",
        causes: &[
            "AzureCloud is allowed in place of AzureActiveDirectory: it holds the older sign-in \
                ranges and about three quarters of the newer ones",
            "prefixes were typed in from an older list",
            "a rule denies a range in which some of Entra's addresses are",
        ],
        confirm: &[
            "`az network nsg show -g <resource-group> -n <nsg> --query \
                '[securityRules,defaultSecurityRules][]' -o table`",
            "`az network list-service-tags -l <region> --query \
                \"values[?name=='AzureActiveDirectory'].properties.addressPrefixes\"`",
        ],
        fix: &[(
            Actor::Network,
            "allow the service tag AzureActiveDirectory: Microsoft keeps its prefixes up to date",
        )],
        mistaken_for: &["an outage of Entra: it comes and goes in the same way, for everybody"],
        sources: &[
            "Microsoft Learn: Virtual network service tags",
            "Microsoft 365 URLs and IP address ranges, ID 56",
        ],
    },
    ..Problem::DEFAULT
};
