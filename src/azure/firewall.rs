//! Azure Firewalls and the rule collections of firewall policies.

use super::{
    kind::name_of,
    node::Node,
    rules::{MAX_RULES, endpoint, port_range},
};
use entra_pg_checks::{
    facts::azure_network::{
        CentralFirewall, CentralRule, Endpoint, FirewallPolicy, PortRange, RuleCollection,
    },
    support::service_tags::IpNet,
};
use std::net::IpAddr;

/// A firewall with the rules of its own.
///
/// # Errors
/// A rule is not understood.
pub(super) fn firewall(node: &Node, name: &str) -> Result<CentralFirewall, String> {
    let own =
        ["ipconfigurations", "ipconfiguration"].iter().flat_map(|key| node.field(key).items());
    let own = own.map(|one| one.field("privateipaddress"));
    let hub = [node.field("hubipaddresses").get("privateipaddress")];
    let addresses = own.chain(hub).filter_map(|one| one.text()?.parse().ok());
    let mut collections = Vec::new();
    for (key, application) in
        [("networkrulecollections", false), ("applicationrulecollections", true)]
    {
        for one in node.field(key).items() {
            collections.push(collection(one, 0, None, application)?);
        }
    }
    Ok(CentralFirewall {
        id: node.get("id").owned().unwrap_or_default(),
        name: name.to_owned(),
        addresses: addresses.collect(),
        policy: node
            .field("firewallpolicy")
            .get("id")
            .owned()
            .or_else(|| node.field("firewallpolicyid").owned()),
        collections,
    })
}

/// A policy, its base policy and its groups, by id.
pub(super) fn policy(node: &Node) -> FirewallPolicy {
    let base = node.field("basepolicy").get("id").owned();
    let groups = node.field("rulecollectiongroups").items().iter();
    FirewallPolicy {
        id: node.get("id").owned().unwrap_or_default(),
        base: base.or_else(|| node.field("basepolicyid").owned()),
        groups: groups
            .filter_map(|one| one.get("id").owned().or_else(|| one.owned()))
            .take(MAX_GROUPS)
            .collect(),
    }
}

/// Rule collection groups of one policy that are read. Azure allows 90.
/// Source: Microsoft Learn, "Azure subscription and service limits".
const MAX_GROUPS: usize = 1_000;

/// The rule collections of a group of a policy. Collections for address translation are left out.
///
/// # Errors
/// A rule is not understood.
pub(super) fn group(node: &Node) -> Result<Vec<RuleCollection>, String> {
    let id = node.get("id").text().unwrap_or_default();
    let lower = id.to_ascii_lowercase();
    let policy = lower.find("/rulecollectiongroups/").and_then(|end| id.get(..end));
    let policy = policy.or_else(|| node.field("firewallpolicyid").text());
    let priority = number(node.field("priority"));
    let mut all = Vec::new();
    // Terraform has a block per kind.
    for (key, application) in
        [("networkrulecollection", false), ("applicationrulecollection", true)]
    {
        for one in node.get(key).items() {
            all.push(collection(one, priority, policy, application)?);
        }
    }
    // PowerShell names the list in the singular.
    let filters = ["rulecollections", "rulecollection"];
    for one in filters.iter().flat_map(|key| node.field(key).items()) {
        let kind = one.field("rulecollectiontype").text().unwrap_or_default();
        if kind.to_ascii_lowercase().contains("nat") {
            continue;
        }
        let application = one.field("rules").items().iter().any(|rule| {
            rule.get("ruletype")
                .text()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("ApplicationRule"))
        });
        all.push(collection(one, priority, policy, application)?);
    }
    if all.is_empty() {
        // A group without filter rules is known all the same.
        all.push(RuleCollection {
            policy: policy.map(str::to_owned),
            group_priority: priority,
            ..RuleCollection::default()
        });
    }
    for one in &mut all {
        one.group = Some(id.to_owned()).filter(|id| !id.is_empty());
    }
    Ok(all)
}

fn collection(
    node: &Node,
    group_priority: u32,
    policy: Option<&str>,
    application: bool,
) -> Result<RuleCollection, String> {
    let rules = match node.field("rules") {
        Node::Null => node.field("rule").items(),
        rules => rules.items(),
    };
    if rules.len() > MAX_RULES {
        return Err(format!("{:.80}: more than {MAX_RULES} rules", name_of(node)));
    }
    let action = node.field("action");
    let action = action.get("type").text().or_else(|| action.text()).unwrap_or_default();
    Ok(RuleCollection {
        policy: policy.map(str::to_owned),
        group: None,
        group_priority,
        priority: number(node.field("priority")),
        allow: action.eq_ignore_ascii_case("Allow"),
        application,
        rules: rules.iter().map(|one| rule(one, application)).collect::<Result<_, _>>()?,
    })
}

fn rule(node: &Node, application: bool) -> Result<CentralRule, String> {
    let name = name_of(node);
    let ends = |keys: [&str; 2]| -> Result<Vec<Endpoint>, String> {
        keys.iter()
            .flat_map(|key| node.get(key).texts())
            .flat_map(|text| match range(text) {
                Some(prefixes) => {
                    prefixes.into_iter().map(|one| Ok(Endpoint::Prefix(one))).collect()
                }
                None => {
                    let wrong = || format!("firewall rule {name}: \"{text:.80}\"");
                    vec![endpoint(text).ok_or_else(wrong)]
                }
            })
            .collect()
    };
    let has = |keys: &[&str]| keys.iter().any(|key| !node.get(key).items().is_empty());
    let protocols = || {
        let all = ["protocols", "ipprotocols"].into_iter().flat_map(|key| node.get(key).items());
        all.map(|one| {
            let named = one.text().or_else(|| one.get("protocoltype").text());
            named.or_else(|| one.get("type").text()).unwrap_or_default()
        })
    };
    let tcp = protocols()
        .any(|name| ["tcp", "any", "https"].iter().any(|known| name.eq_ignore_ascii_case(known)));
    let hosts = ["targetfqdns", "destinationfqdns"].iter().flat_map(|key| node.get(key).texts());
    Ok(CentralRule {
        sources: ends(["sourceaddresses", "sourceaddress"])?,
        destinations: ends(["destinationaddresses", "destinationaddress"])?,
        hosts: hosts.map(str::to_owned).collect(),
        ports: if application { application_ports(node) } else { network_ports(node) },
        tcp,
        inspects: ["terminatetls", "terminate"]
            .iter()
            .any(|key| node.get(key).flag() == Some(true)),
        unknown_source: has(&["sourceipgroups"]),
        unknown_destination: has(&[
            "destinationipgroups",
            "fqdntags",
            "destinationfqdntags",
            "webcategories",
            "targeturls",
            "destinationurls",
        ]),
        name,
    })
}

/// The prefixes of `10.1.2.0-10.1.2.255`.
fn range(text: &str) -> Option<Vec<IpNet>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let (IpAddr::V4(first), IpAddr::V4(last)) = (first, last) else { return Some(Vec::new()) };
    (first <= last).then(|| ipnet::Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect())
}

fn network_ports(node: &Node) -> Vec<PortRange> {
    node.get("destinationports").texts().filter_map(port_range).collect()
}

/// HTTPS without a port is on 443.
fn application_ports(node: &Node) -> Vec<PortRange> {
    let https = node.get("protocols").items().iter().filter(|one| {
        let kind = one.get("protocoltype").text().or_else(|| one.get("type").text());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Https"))
    });
    let port = |one: &Node| one.get("port").number().and_then(|port| u16::try_from(port).ok());
    https
        .map(|one| port(one).unwrap_or(443))
        .map(|port| PortRange { first: port, last: port })
        .collect()
}

fn number(node: &Node) -> u32 {
    node.number().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}
