//! What an Azure Firewall does to the server's traffic to Microsoft Entra ID. Network rules go before
//! application rules, the collections of a base policy before those that inherit them, groups and
//! collections by ascending priority, and what no rule matches is denied.
//! Source: Microsoft Learn, "Azure Firewall rule processing logic".

use super::{
    addresses::Addresses,
    tags::{Part, Tags, like},
};
use crate::{
    facts::azure_network::{
        CentralFirewall, CentralRule, Endpoint, FirewallPolicy, RuleCollection,
    },
    support::service_tags::IpNet,
};

/// Policies that inherit from each other. Azure allows two levels; a loop ends here.
const MAX_LEVELS: usize = 8;

const HTTPS: u16 = 443;

/// What the firewall does.
#[derive(Debug, Eq, PartialEq)]
pub enum Decision<'a> {
    /// This rule allows it.
    Allowed(&'a str),
    /// This rule denies it; `None`: no rule matches.
    Denied(Option<&'a str>),
    /// This rule allows the sign-in host, and Microsoft Graph, by this host, is denied.
    WithoutGraph(&'a str, String),
    /// This rule allows it, and the firewall inspects TLS.
    Inspected(&'a str),
    /// A group of addresses, a tag or a category that is not known here decides.
    Unknown,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Match {
    Yes,
    No,
    Maybe,
}

/// The rules that apply to a firewall.
#[derive(Clone, Copy, Default)]
pub struct Policies<'a> {
    /// The rule collections of policies.
    pub collections: &'a [RuleCollection],
    /// The policies.
    pub policies: &'a [FirewallPolicy],
}

/// The decision about the subnet's HTTPS traffic to Entra: to the host of the sign-in and to that of
/// Microsoft Graph.
#[must_use]
pub fn decide<'a>(
    firewall: &'a CentralFirewall,
    with: Policies<'a>,
    subnet: &[IpNet],
    [sign_in, graph]: [&str; 2],
    tags: &Tags<'_>,
) -> Decision<'a> {
    match decide_for(firewall, with, subnet, sign_in, tags) {
        Decision::Allowed(rule) => match decide_for(firewall, with, subnet, graph, tags) {
            Decision::Denied(_) => Decision::WithoutGraph(rule, graph.to_owned()),
            Decision::Allowed(_) => Decision::Allowed(rule),
            other => other,
        },
        other => other,
    }
}

fn decide_for<'a>(
    firewall: &'a CentralFirewall,
    with: Policies<'a>,
    subnet: &[IpNet],
    to: &str,
    tags: &Tags<'_>,
) -> Decision<'a> {
    let Some(inherited) = with.of(firewall) else { return Decision::Unknown };
    let own = firewall.collections.iter().map(|one| (0, one));
    let mut collections: Vec<(usize, &RuleCollection)> = own.chain(inherited).collect();
    if collections.is_empty() {
        return Decision::Unknown;
    }
    collections
        .sort_by_key(|(level, one)| (one.application, *level, one.group_priority, one.priority));
    let mut maybe: Option<bool> = None;
    for (_, collection) in collections {
        for rule in &collection.rules {
            match matches(rule, collection.application, subnet, to, tags) {
                Match::No => {}
                Match::Maybe if maybe.is_some_and(|allow| allow != collection.allow) => {
                    return Decision::Unknown;
                }
                Match::Maybe => maybe = Some(collection.allow),
                Match::Yes if maybe.is_some_and(|allow| allow != collection.allow) => {
                    return Decision::Unknown;
                }
                Match::Yes if collection.allow && rule.inspects => {
                    return Decision::Inspected(&rule.name);
                }
                Match::Yes if collection.allow => return Decision::Allowed(&rule.name),
                Match::Yes => return Decision::Denied(Some(&rule.name)),
            }
        }
    }
    if maybe == Some(true) { Decision::Unknown } else { Decision::Denied(None) }
}

impl<'a> Policies<'a> {
    /// The collections of the firewall's policy and of those that it inherits from, with the level of
    /// the policy: the base policy has the lowest. `None` if a policy or a group is not known.
    fn of(self, firewall: &CentralFirewall) -> Option<Vec<(usize, &'a RuleCollection)>> {
        let mut next = firewall.policy.as_deref();
        let mut found = Vec::new();
        for level in (0..MAX_LEVELS).rev() {
            let Some(id) = next else { return Some(found) };
            let policy = self.policies.iter().find(|one| like(&one.id, id))?;
            let named =
                |one: &&RuleCollection| one.policy.as_deref().is_some_and(|of| like(of, id));
            let all: Vec<&RuleCollection> = self.collections.iter().filter(named).collect();
            let given = |group: &String| {
                all.iter().any(|one| one.group.as_deref().is_some_and(|id| like(id, group)))
            };
            if !policy.groups.iter().all(given) {
                return None;
            }
            found.extend(all.into_iter().map(|one| (level, one)));
            next = policy.base.as_deref();
        }
        None
    }

    /// What is not known about the rules of a firewall, as a clause, and the command that exports it.
    #[must_use]
    pub fn missing(self, firewall: &CentralFirewall) -> Option<(String, String)> {
        let mut next = firewall.policy.as_deref();
        for _ in 0..MAX_LEVELS {
            let id = next?;
            let name = id.rsplit('/').next().unwrap_or(id);
            let groups = format!(
                "`az network firewall policy rule-collection-group list -g $NETWORK_RG --policy-name {name} -o json` (--azure-config)"
            );
            let Some(policy) = self.policies.iter().find(|one| like(&one.id, id)) else {
                let command = format!(
                    "`az network firewall policy show -g $NETWORK_RG -n {name} -o json` and {groups}"
                );
                return Some((format!("the policy {name} and its base policy"), command));
            };
            let given = |group: &String| {
                let mut of = self.collections.iter().filter_map(|one| one.group.as_deref());
                of.any(|id| like(id, group))
            };
            if !policy.groups.iter().all(given) {
                return Some((format!("rule collection groups of the policy {name}"), groups));
            }
            next = policy.base.as_deref();
        }
        None
    }
}

fn matches(
    rule: &CentralRule,
    application: bool,
    subnet: &[IpNet],
    to: &str,
    tags: &Tags<'_>,
) -> Match {
    let port = rule.ports.iter().any(|range| (range.first..=range.last).contains(&HTTPS));
    if !port || !rule.tcp {
        return Match::No;
    }
    let source = source(rule, subnet);
    let destination = if application { host(rule, to) } else { addresses(rule, to, tags) };
    match (source, destination) {
        (Match::No, _) | (_, Match::No) => Match::No,
        (Match::Yes, Match::Yes) => Match::Yes,
        _ => Match::Maybe,
    }
}

fn source(rule: &CentralRule, subnet: &[IpNet]) -> Match {
    let own = Addresses::of(subnet);
    let any = rule.sources.contains(&Endpoint::Any);
    let nets = rule.sources.iter().filter_map(|end| match end {
        Endpoint::Prefix(net) => Some(net),
        _ => None,
    });
    let named = Addresses::of(nets);
    if any || (!own.is_empty() && own.without(&named).is_empty()) {
        return Match::Yes;
    }
    if rule.unknown_source || own.is_empty() || !own.and(&named).is_empty() {
        return Match::Maybe;
    }
    Match::No
}

fn addresses(rule: &CentralRule, to: &str, tags: &Tags<'_>) -> Match {
    let mut held = Addresses::default();
    let mut unknown = rule.unknown_destination;
    for end in &rule.destinations {
        match tags.part(end) {
            Part::Exactly(part) => held = held.or(&part),
            Part::Unknown(_) | Part::Network(_) => unknown = true,
        }
    }
    // A rule with names resolves them, and so holds the addresses that the server gets.
    if tags.main.without(&held).is_empty() || host(rule, to) == Match::Yes {
        Match::Yes
    } else if unknown || !held.is_empty() || host(rule, to) == Match::Maybe {
        Match::Maybe
    } else {
        Match::No
    }
}

fn host(rule: &CentralRule, to: &str) -> Match {
    let holds = |name: &String| {
        let name = name.to_ascii_lowercase();
        name == "*"
            || name == to
            || name
                .strip_prefix("*.")
                .is_some_and(|rest| to.strip_suffix(rest).is_some_and(|head| head.ends_with('.')))
    };
    if rule.hosts.iter().any(holds) {
        Match::Yes
    } else if rule.unknown_destination {
        Match::Maybe
    } else {
        Match::No
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Policies, decide};
    use crate::{
        facts::azure_network::{
            CentralFirewall, CentralRule, Endpoint, FirewallPolicy, PortRange, RuleCollection,
        },
        support::{azure::tags::Tags, service_tags::IpNet, testing::healthy_but},
    };

    const HOSTS: [&str; 2] = ["login.microsoftonline.com", "graph.microsoft.com"];

    fn rule(name: &str, destinations: Vec<Endpoint>, hosts: &[&str]) -> CentralRule {
        CentralRule {
            name: name.to_owned(),
            sources: vec![Endpoint::Prefix("10.1.0.0/16".parse().expect("a prefix"))],
            destinations,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ports: vec![PortRange { first: 443, last: 443 }],
            tcp: true,
            ..CentralRule::default()
        }
    }

    fn collection(
        priority: u32,
        allow: bool,
        application: bool,
        rule: CentralRule,
    ) -> RuleCollection {
        RuleCollection {
            priority,
            allow,
            application,
            rules: vec![rule],
            ..RuleCollection::default()
        }
    }

    #[test]
    fn network_rules_go_first_and_nothing_is_denied() {
        let seen = healthy_but(&[]);
        let tags = Tags::of(&seen);
        let subnet: Vec<IpNet> = vec!["10.1.2.0/24".parse().expect("a prefix")];
        let entra = || vec![Endpoint::Tag("AzureActiveDirectory".to_owned())];
        let decided = |collections: Vec<RuleCollection>| {
            let firewall = CentralFirewall { collections, ..CentralFirewall::default() };
            match decide(&firewall, Policies::default(), &subnet, HOSTS, &tags) {
                Decision::Allowed(name) => format!("allowed by {name}"),
                Decision::Denied(name) => format!("denied by {}", name.unwrap_or("none")),
                Decision::Inspected(name) => format!("inspected by {name}"),
                Decision::WithoutGraph(name, host) => format!("allowed by {name} without {host}"),
                Decision::Unknown => "unknown".to_owned(),
            }
        };
        let web = || collection(100, false, true, rule("web", Vec::new(), &["*"]));
        let tag = || collection(200, true, false, rule("entra", entra(), &[]));
        assert_eq!(decided(vec![web(), tag()]), "allowed by entra");
        assert_eq!(decided(vec![web()]), "denied by web");
        let login = rule("login", Vec::new(), &["*.microsoftonline.com"]);
        assert_eq!(
            decided(vec![collection(100, true, true, login.clone())]),
            "allowed by login without graph.microsoft.com"
        );
        let graph = rule("graph", Vec::new(), &["graph.microsoft.com"]);
        let both = vec![collection(100, true, true, login), collection(200, true, true, graph)];
        assert_eq!(decided(both), "allowed by login");
        let inspects = CentralRule { inspects: true, ..rule("tls", Vec::new(), &["*"]) };
        assert_eq!(decided(vec![collection(100, true, true, inspects)]), "inspected by tls");
        let other = rule("other", Vec::new(), &["*.contoso.com"]);
        assert_eq!(decided(vec![collection(100, true, true, other)]), "denied by none");
        let group = CentralRule {
            unknown_source: true,
            sources: Vec::new(),
            ..rule("group", entra(), &[])
        };
        assert_eq!(decided(vec![collection(100, true, false, group)]), "unknown");
        assert_eq!(decided(Vec::new()), "unknown");
    }

    #[test]
    fn a_base_policy_goes_first_and_must_be_known() {
        let seen = healthy_but(&[]);
        let tags = Tags::of(&seen);
        let subnet: Vec<IpNet> = vec!["10.1.2.0/24".parse().expect("a prefix")];
        let entra = || vec![Endpoint::Tag("AzureActiveDirectory".to_owned())];
        let of = |policy: &str, priority: u32, allow: bool, application: bool| RuleCollection {
            policy: Some(policy.to_owned()),
            group: Some(format!("{policy}/g")),
            ..collection(priority, allow, application, rule(policy, entra(), &["*"]))
        };
        let policy = |id: &str, base: Option<&str>| FirewallPolicy {
            id: id.to_owned(),
            base: base.map(str::to_owned),
            groups: vec![format!("{id}/G")],
        };
        let firewall =
            CentralFirewall { policy: Some("CHILD".to_owned()), ..CentralFirewall::default() };
        let decided = |collections: &[RuleCollection], policies: &[FirewallPolicy]| {
            let with = Policies { collections, policies };
            match decide(&firewall, with, &subnet, HOSTS, &tags) {
                Decision::Allowed(name) => format!("allowed by {name}"),
                Decision::Denied(name) => format!("denied by {}", name.unwrap_or("none")),
                other @ (Decision::WithoutGraph(..) | Decision::Inspected(_)) => {
                    panic!("{other:?}")
                }
                Decision::Unknown => {
                    let (what, _) = with.missing(&firewall).expect("something is missing");
                    format!("unknown: {what}")
                }
            }
        };
        let both = [policy("child", Some("base")), policy("base", None)];
        // The collection of the base policy goes first, whatever its priority.
        let rules = [of("child", 100, true, false), of("base", 900, false, false)];
        assert_eq!(decided(&rules, &both), "denied by base");
        assert_eq!(decided(&rules, &both[..1]), "unknown: the policy base and its base policy");
        assert_eq!(decided(&rules, &[]), "unknown: the policy CHILD and its base policy");
        assert_eq!(
            decided(&rules[..1], &both),
            "unknown: rule collection groups of the policy base"
        );
        // Network rules of the child go before application rules of the base policy.
        let rules = [of("child", 100, true, false), of("base", 100, false, true)];
        assert_eq!(decided(&rules, &both), "allowed by child");
        let ring = [policy("child", Some("base")), policy("base", Some("child"))];
        assert!(matches!(
            decide(
                &firewall,
                Policies { collections: &rules, policies: &ring },
                &subnet,
                HOSTS,
                &tags
            ),
            Decision::Unknown
        ));
    }
}
