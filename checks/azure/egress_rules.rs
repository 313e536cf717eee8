//! Whether the security group of the server's subnet lets the server reach Entra. No client can see
//! that path.

use super::{
    addresses::Addresses,
    measured::{self, Flow},
    place::Place,
    room,
    security::{self, Admin, Outcome, Rules, Service},
    tags::{Tags, like},
    words::{self, logged_in, login_seen, network_group, unless_seen},
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure::id_part,
        azure_network::{
            Access, AdminScope, Direction, Endpoint, Protocol, SecurityGroup, SecurityRule,
        },
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The NSG lets the server reach Entra.
pub static CHECK: Check = Check {
    id: "azure/egress-rules",
    asserts: "the security group of the server's subnet lets the server reach Entra",
    needs: &[Topic::Settings, Topic::Dns, Topic::Server, Topic::Login, Topic::Azure],
    problems: &[&NSG_BLOCKS_ENTRA, &NSG_PARTIAL],
    decisive: false,
    judge: Judge::Once(judge),
};

const HTTPS: Service = Service { port: 443, protocol: Protocol::Tcp };
/// Rules that are shown as evidence.
const EVIDENCE_LINES: usize = 20;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let Some((group, sure)) = place.filtering_group()? else {
        return Ok(Verdict::Passed("the subnet has no security group".to_owned()));
    };
    let tags = Tags::of(seen);
    let routed = place.routed(&tags);
    let admin = place.admin_rules();
    let rules = Rules { group, admin: &admin, inside: place.inside(seen, routed.as_ref()) };
    let outcome = security::outbound(rules, HTTPS, &tags);
    let (denied, undecided) = (outcome.denied(), outcome.undecided());
    let name = group.map_or("the security admin rules", |group| &group.name);
    let flows = group.map(|group| measured::flows(seen, &place, group, &tags)).unwrap_or_default();
    if let (Some(group), Some(finding)) =
        (group, group.and_then(|group| by_measurement(&flows, group, &denied, &tags)))
    {
        let finding = finding.because_all(login_seen(seen)).fix(fix(group, &outcome));
        let seen_login = "a login with a token was accepted";
        return Ok(Verdict::found(unless_seen(seen, finding, logged_in(seen), seen_login)));
    }
    if denied.is_empty() && undecided.is_empty() {
        return place.pass(sure, &of_group(name), passed(name, &outcome, &tags));
    }
    if denied.is_empty() {
        let share = share(&undecided, &tags.entra);
        let measured = match flows.first() {
            Some(flow) => format!(" (Network Watcher: {} is allowed)", flow.to),
            None => String::new(),
        };
        let what = format!("whether {name} lets the server reach {share}{measured}");
        return Err(words::undecided(&what, &outcome.unknown, &place));
    }
    let blocked = tags.main.without(&denied).is_empty();
    let problem = if blocked { &NSG_BLOCKS_ENTRA } else { &NSG_PARTIAL };
    let mut finding =
        Finding::of(problem, name, detail(name, &admin, &outcome, &denied, &tags, blocked))
            .because_all(evidence(&outcome, &tags))
            .because(format!("azure-config: {}", tags.origin()))
            .because_all(login_seen(seen));
    if !undecided.is_empty() {
        let share = share(&undecided, &tags.entra);
        finding = finding.because(format!("azure-config: not decided for {share}"));
    }
    let by_admin = first_denying(&outcome).and_then(|rule| admin_fix(&admin, rule));
    match (by_admin, group) {
        (Some(fix), _) => finding = finding.fix(fix),
        (None, Some(group)) => finding = finding.fix(fix(group, &outcome)),
        (None, None) => {}
    }
    if !sure {
        finding = finding.sure(Confidence::Likely);
    }
    let finding = words::unnamed_admin(finding, &admin);
    let finding = contradicted(finding, &flows, &denied);
    Ok(Verdict::found(unless_seen(
        seen,
        finding,
        logged_in(seen),
        "a login with a token was accepted",
    )))
}

/// A denial that Network Watcher measured and that the rules, as far as they are known, leave open.
fn by_measurement(
    flows: &[Flow<'_>],
    group: &SecurityGroup,
    denied: &Addresses,
    tags: &Tags<'_>,
) -> Option<Finding> {
    let flow = flows
        .iter()
        .find(|flow| flow.rule.access == Access::Deny && !denied.holds(flow.to.into()))?;
    // A rule for some prefixes denies only these; one for a tag or for everything denies Entra.
    let prefixes = flow.rule.destinations.iter().filter_map(|end| match end {
        Endpoint::Prefix(net) => Some(net),
        _ => None,
    });
    let only_prefixes = prefixes.clone().count() == flow.rule.destinations.len();
    let whole = !only_prefixes || tags.main.without(&Addresses::of(prefixes)).is_empty();
    let problem = if whole { &NSG_BLOCKS_ENTRA } else { &NSG_PARTIAL };
    let detail = format!(
        "rule {} (priority {}) of {} blocks the server's outbound traffic to {}, as Network Watcher measured",
        flow.rule.name, flow.rule.priority, group.name, flow.to
    );
    let finding = Finding::of(problem, &group.name, detail)
        .because(flow.line.clone())
        .because(format!("azure-config: {} decides", line(flow.rule)));
    Some(finding.sure(Confidence::Likely))
}

/// A measurement is newer or older than the documents: one of the two is not the present state.
fn contradicted(finding: Finding, flows: &[Flow<'_>], denied: &Addresses) -> Finding {
    let allowed =
        flows.iter().find(|flow| flow.rule.access == Access::Allow && denied.holds(flow.to.into()));
    match allowed {
        Some(flow) if finding.severity == Severity::Error => finding
            .severity(Severity::Warning)
            .sure(Confidence::Possible)
            .because(flow.line.clone()),
        _ => finding,
    }
}

fn evidence(outcome: &Outcome<'_>, tags: &Tags<'_>) -> Vec<String> {
    let lines = outcome.by.iter().take(EVIDENCE_LINES).map(|(rule, addresses)| {
        let share = share(addresses, &tags.entra);
        match rule {
            Some(rule) => format!("azure-config: {} decides for {share}", line(rule)),
            None => format!("azure-config: no rule matches {share}, which are denied"),
        }
    });
    lines.collect()
}

fn passed(name: &str, outcome: &Outcome<'_>, tags: &Tags<'_>) -> String {
    let rules = || outcome.by.iter().filter_map(|(rule, _)| *rule);
    let mut names: Vec<&str> = Vec::new();
    for rule in rules() {
        if !names.contains(&rule.name.as_str()) {
            names.push(&rule.name);
        }
    }
    // A rule that names the tag needs no list.
    let by_list = rules().flat_map(|rule| &rule.destinations).any(|end| match end {
        Endpoint::Tag(name) => name.get(..10).is_some_and(|head| like(head, "AzureCloud")),
        Endpoint::Prefix(net) => net.prefix_len() > 0,
        Endpoint::Any | Endpoint::Group(_) => false,
    });
    let by = format!("{name} by {}", crate::text::list(&names, 3));
    if by_list { format!("{by}; {}", tags.origin()) } else { by }
}

fn detail(
    name: &str,
    admin: &[Admin<'_>],
    outcome: &Outcome<'_>,
    denied: &Addresses,
    tags: &Tags<'_>,
    blocked: bool,
) -> String {
    let rule = outcome
        .by
        .iter()
        .filter(|(rule, _)| rule.is_none_or(|rule| rule.access == Access::Deny))
        .max_by_key(|(_, addresses)| addresses.count())
        .and_then(|(rule, _)| *rule);
    let by = match rule {
        Some(rule) if admin.iter().any(|one| std::ptr::eq(&one.rule.rule, rule)) => {
            format!("security admin rule {} (priority {})", rule.name, rule.priority)
        }
        Some(rule) => format!("rule {} (priority {}) of {name}", rule.name, rule.priority),
        None => name.to_owned(),
    };
    if blocked {
        format!(
            "{by} blocks the server's outbound traffic to Microsoft Entra ID: it cannot validate tokens"
        )
    } else {
        let share = share(denied, &tags.entra);
        let most = denied.count() * 2 > tags.entra.count();
        let fail = if most { "most logins fail" } else { "logins fail intermittently" };
        format!("{by} blocks the server's outbound traffic to {share}: {fail}")
    }
}

/// A group by its name, in a sentence.
#[must_use]
pub fn of_group(name: &str) -> String {
    format!("the security group {name}")
}

/// The first rule that denies.
fn first_denying<'a>(outcome: &Outcome<'a>) -> Option<&'a SecurityRule> {
    let rules = outcome.by.iter().filter_map(|(rule, _)| *rule);
    rules.filter(|rule| rule.access == Access::Deny).min_by_key(|rule| rule.priority)
}

/// The one missing rule, in front of the first that denies.
fn fix(group: &SecurityGroup, outcome: &Outcome<'_>) -> Fix {
    let command = Command::new(
        "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n $RULE --priority $PRIORITY \
         --direction Outbound --access Allow --protocol Tcp \
         --destination-address-prefixes AzureActiveDirectory --destination-port-ranges 443",
    );
    let first = first_denying(outcome).map(|rule| rule.priority);
    let text = "Allow the service tag AzureActiveDirectory in front of that rule";
    room::fix(group, Direction::Outbound, first, ("AllowEntraOutBound", command), text)
}

/// A security admin rule goes before every network security group, so only another one helps.
fn admin_fix(admin: &[Admin<'_>], rule: &SecurityRule) -> Option<Fix> {
    let own = admin.iter().find(|one| std::ptr::eq(&one.rule.rule, rule))?;
    let taken = |number: &u16| {
        admin.iter().any(|one| {
            one.rule.rule.direction == rule.direction && one.rule.rule.priority == *number
        })
    };
    let priority = (1..rule.priority).rev().find(|number| !taken(number));
    let priority = priority.map(|number| number.to_string());
    let id = match &own.rule.scope {
        AdminScope::Configured(id) => id.as_str(),
        AdminScope::Unnamed | AdminScope::Network(_) => "",
    };
    let command = Command::new(
        "az network manager security-admin-config rule-collection rule create -g $NETWORK_RG \
         --network-manager-name $NETWORK_MANAGER --configuration-name $CONFIGURATION \
         --rule-collection-name $RULE_COLLECTION -n AllowEntraOutBound --kind Custom \
         --priority $ADMIN_PRIORITY --direction Outbound --access AlwaysAllow --protocol Tcp \
         --dest-port-ranges 443 \
         --destinations address-prefix-type=ServiceTag address-prefix=AzureActiveDirectory",
    );
    let command = network_group(command, id)
        .with("NETWORK_MANAGER", id_part(id, "networkManagers"))
        .with("CONFIGURATION", id_part(id, "securityAdminConfigurations"))
        .with("RULE_COLLECTION", id_part(id, "ruleCollections"))
        .with("ADMIN_PRIORITY", priority.as_deref());
    let text = format!(
        "Allow the service tag AzureActiveDirectory in a security admin rule in front of {}, in Azure \
            Virtual Network Manager, and deploy its configuration; no rule of a network security group \
            helps",
        rule.name
    );
    let fix = Fix::by(Actor::Network, text);
    // The list of effective rules does not name the configuration.
    Some(if id.is_empty() { fix } else { fix.run(command) })
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
    match (part, part * 100 / all.max(1)) {
        (1, _) => "1 of Entra's sign-in addresses".to_owned(),
        (_, 0) => "less than 1 % of Entra's sign-in addresses".to_owned(),
        (_, percent) => format!("{percent} % of Entra's sign-in addresses"),
    }
}

/// What a server that cannot reach Entra explains.
pub const CUT_OFF: &[&str] =
    &["login/stalled", "login/closed", "login/token-refused", "login/refused"];

/// The NSG blocks the server's traffic to Entra.
pub static NSG_BLOCKS_ENTRA: Problem = Problem {
    id: "azure/nsg-blocks-entra",
    title: "NSG blocks outbound traffic to Microsoft Entra ID",
    explains: CUT_OFF,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    fragments: &[Fragment::new("could not validate aad user", 50)],
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
            "`az network nsg show -g $RG -n $NSG --query \
                '[securityRules,defaultSecurityRules][]' -o table`: the first outbound rule for \
                TCP 443 to AzureActiveDirectory, * or Internet decides",
            "a role with a password logs in from the same client, and no Entra role does",
            "`pgaadauth_create_principal` fails on the server as well: it has to resolve the name",
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

/// The NSG allows only a part of Entra's addresses.
pub static NSG_PARTIAL: Problem = Problem {
    id: "azure/nsg-partial",
    title: "NSG allows the server only a part of Microsoft Entra ID",
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
            "`az network nsg show -g $RG -n $NSG --query \
                '[securityRules,defaultSecurityRules][]' -o table`",
            "`az network list-service-tags -l $REGION --query \"values[?name=='AzureActiveDirectory'].properties.addressPrefixes\"`",
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
