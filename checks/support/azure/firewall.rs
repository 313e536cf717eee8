//! What an Azure Firewall does to the server's traffic to Microsoft Entra ID. Network rules go before
//! application rules, groups and collections by ascending priority, and what no rule matches is denied.
//! Source: Microsoft Learn, "Azure Firewall rule processing logic".

use super::{
    addresses::Addresses,
    tags::{Part, Tags},
};
use crate::{
    facts::azure_network::{CentralFirewall, CentralRule, Endpoint, RuleCollection},
    support::service_tags::IpNet,
};

/// The sign-in host.
const HOST: &str = "login.microsoftonline.com";
const HTTPS: u16 = 443;

/// What the firewall does.
#[derive(Debug, Eq, PartialEq)]
pub enum Decision<'a> {
    /// This rule allows it.
    Allowed(&'a str),
    /// This rule denies it; `None`: no rule matches.
    Denied(Option<&'a str>),
    /// A group of addresses, a tag or a category that is not known here decides.
    Unknown,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Match {
    Yes,
    No,
    Maybe,
}

/// The decision about the subnet's HTTPS traffic to Entra. `all`: the collections of the firewall and of
/// its policy.
#[must_use]
pub fn decide<'a>(
    firewall: &'a CentralFirewall,
    all: &'a [RuleCollection],
    subnet: &[IpNet],
    tags: &Tags<'_>,
) -> Decision<'a> {
    let policy = |one: &&RuleCollection| match (&one.policy, &firewall.policy) {
        (Some(of), Some(own)) => of.eq_ignore_ascii_case(own),
        _ => false,
    };
    let mut collections: Vec<&RuleCollection> =
        firewall.collections.iter().chain(all.iter().filter(policy)).collect();
    if collections.is_empty() {
        return Decision::Unknown;
    }
    collections.sort_by_key(|one| (one.application, one.group_priority, one.priority));
    let mut maybe: Option<bool> = None;
    for collection in collections {
        for rule in &collection.rules {
            match matches(rule, collection.application, subnet, tags) {
                Match::No => {}
                Match::Maybe if maybe.is_some_and(|allow| allow != collection.allow) => {
                    return Decision::Unknown;
                }
                Match::Maybe => maybe = Some(collection.allow),
                Match::Yes if maybe.is_some_and(|allow| allow != collection.allow) => {
                    return Decision::Unknown;
                }
                Match::Yes if collection.allow => return Decision::Allowed(&rule.name),
                Match::Yes => return Decision::Denied(Some(&rule.name)),
            }
        }
    }
    if maybe == Some(true) { Decision::Unknown } else { Decision::Denied(None) }
}

fn matches(rule: &CentralRule, application: bool, subnet: &[IpNet], tags: &Tags<'_>) -> Match {
    let port = rule.ports.iter().any(|range| (range.first..=range.last).contains(&HTTPS));
    if !port || !rule.tcp {
        return Match::No;
    }
    let source = source(rule, subnet);
    let destination = if application { host(rule) } else { addresses(rule, tags) };
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

fn addresses(rule: &CentralRule, tags: &Tags<'_>) -> Match {
    let mut held = Addresses::default();
    let mut unknown = rule.unknown_destination;
    for end in &rule.destinations {
        match tags.part(end) {
            Part::Exactly(part) => held = held.or(&part),
            Part::Unknown(_) | Part::Network(_) => unknown = true,
        }
    }
    // A rule with names resolves them, and so holds the addresses that the server gets.
    if tags.main.without(&held).is_empty() || host(rule) == Match::Yes {
        Match::Yes
    } else if unknown || !held.is_empty() || host(rule) == Match::Maybe {
        Match::Maybe
    } else {
        Match::No
    }
}

fn host(rule: &CentralRule) -> Match {
    let holds = |name: &String| {
        let name = name.to_ascii_lowercase();
        name == "*"
            || name == HOST
            || name
                .strip_prefix("*.")
                .is_some_and(|rest| HOST.strip_suffix(rest).is_some_and(|head| head.ends_with('.')))
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
    use super::{Decision, decide};
    use crate::{
        facts::azure_network::{CentralFirewall, CentralRule, Endpoint, PortRange, RuleCollection},
        support::{azure::tags::Tags, service_tags::IpNet, testing::healthy_but},
    };

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
            match decide(&firewall, &[], &subnet, &tags) {
                Decision::Allowed(name) => format!("allowed by {name}"),
                Decision::Denied(name) => format!("denied by {}", name.unwrap_or("none")),
                Decision::Unknown => "unknown".to_owned(),
            }
        };
        let web = || collection(100, false, true, rule("web", Vec::new(), &["*"]));
        let tag = || collection(200, true, false, rule("entra", entra(), &[]));
        assert_eq!(decided(vec![web(), tag()]), "allowed by entra");
        assert_eq!(decided(vec![web()]), "denied by web");
        let login = rule("login", Vec::new(), &["*.microsoftonline.com"]);
        assert_eq!(decided(vec![collection(100, true, true, login)]), "allowed by login");
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
}
