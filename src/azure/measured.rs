//! Results of Network Watcher. A result does not repeat what was asked, so its source and destination
//! are read from the request next to it, from the hops, or from the name of the file.

use super::{node::Node, rules};
use entra_pg_checks::facts::azure_network::{Measured, Measurement};
use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

/// Hops of a path that are kept.
const MAX_HOPS: usize = 32;

/// What a result without its request needs.
pub(super) const NO_REQUEST: &str = "it does not name its source and destination: name them in the \
    file's name, as in next-hop-10.1.9.4-to-20.190.128.7.json or ip-flow-10.1.9.4-to-20.190.128.7-443.json, \
    write {\"request\": …, \"response\": …}, or keep the command above its output";

/// A program whose command line names what was asked.
const COMMANDS: [&str; 5] = [
    "network watcher",
    "'network', 'watcher'",
    "AzNetworkWatcherIPFlow",
    "AzNetworkWatcherNextHop",
    "AzNetworkWatcherConnectivity",
];

/// Options of these commands, in lower case without hyphens, and the field of a request that each fills in.
const OPTIONS: [(&str, &str); 14] = [
    ("local", "localipaddress"),
    ("localipaddress", "localipaddress"),
    ("remote", "remoteipaddress"),
    ("remoteipaddress", "remoteipaddress"),
    ("remoteport", "remoteport"),
    ("localport", "localport"),
    ("direction", "direction"),
    ("sourceip", "sourceipaddress"),
    ("sourceipaddress", "sourceipaddress"),
    ("destip", "destinationipaddress"),
    ("destinationipaddress", "destinationipaddress"),
    ("destaddress", "destinationipaddress"),
    ("destinationaddress", "destinationipaddress"),
    ("destport", "destinationport"),
];

/// The output of a command that was copied together with its command line, or with the log of
/// `--debug`: the JSON in it, and what the command line asked.
pub(super) fn transcript(text: &str) -> Option<(&str, Vec<(String, Node)>)> {
    let start = text.lines().scan(0, |at, line| {
        let here = *at;
        *at += line.len() + 1;
        Some((here, line))
    });
    let start = start.into_iter().find(|(_, line)| line.trim_end() == "{")?.0;
    let (head, rest) = text.split_at_checked(start)?;
    if !COMMANDS.iter().any(|name| head.contains(name)) {
        return None;
    }
    let end = rest.match_indices("\n}").last().map(|(at, _)| at + 2)?;
    let mut words = head.split(|c: char| c.is_whitespace() || "'\",[]=".contains(c));
    let mut asked: Vec<(String, Node)> = Vec::new();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-') else { continue };
        let option = super::node::normal(option);
        let Some((_, field)) = OPTIONS.iter().find(|(name, _)| *name == option) else { continue };
        let Some(value) = words.by_ref().find(|word| !word.is_empty()) else { break };
        let mut put = |field: &str, value: &str| {
            asked.retain(|(known, _)| known != field);
            asked.push((field.to_owned(), Node::Text(value.to_owned())));
        };
        match (*field, value.rsplit_once(':')) {
            ("localipaddress", Some((address, port))) => {
                put("localipaddress", address);
                put("localport", port);
            }
            ("remoteipaddress", Some((address, port))) => {
                put("remoteipaddress", address);
                put("remoteport", port);
            }
            (field, _) => put(field, value),
        }
    }
    Some((rest.get(..end)?, asked))
}

/// A result with the fields of its request that it does not repeat.
pub(super) fn with_fields(node: &mut Node, asked: &[(String, Node)]) {
    if let Node::Map(entries) = node {
        for (key, value) in asked {
            if !entries.iter().any(|(known, _)| known == key) {
                entries.push((key.clone(), value.clone()));
            }
        }
    }
}

/// The name of a result.
pub(super) fn title(node: &Node) -> &'static str {
    if node.get("connectionstatus").text().is_some() {
        "Network Watcher connection"
    } else if node.get("rulename").text().is_some() {
        "Network Watcher IP flow"
    } else {
        "Network Watcher next hop"
    }
}

/// A result; `None` if it does not name what was asked.
///
/// # Errors
/// Something in it is not understood.
pub(super) fn measurement(node: &Node, from: &str) -> Result<Option<Measurement>, String> {
    let result = result(node)?;
    let (mut source, mut destination) = (
        address(node, &["sourceipaddress", "localipaddress"]),
        address(node, &["destinationipaddress", "remoteipaddress"]),
    );
    let mut port = port(node, &["remoteport", "destinationport"]);
    // An inbound flow comes from the remote address.
    if node.get("direction").text().is_some_and(|text| text.eq_ignore_ascii_case("Inbound")) {
        std::mem::swap(&mut source, &mut destination);
        port = self::port(node, &["localport"]);
    }
    for (side, of) in [("source", &mut source), ("destination", &mut destination)] {
        let inner = node.get(side);
        *of = of.or_else(|| address(inner, &["address", "ipaddress"]));
        if side == "destination" {
            port = port.or_else(|| self::port(inner, &["port"]));
        }
    }
    let named = Named::of(from);
    source = source.or(named.source);
    destination = destination.or(named.destination);
    port = port.or(named.port);
    let hops = node.get("hops").items();
    let first = hops.first().filter(|hop| is_kind(hop, &["Source"]));
    source = source.or_else(|| address(first?, &["address"]));
    let last = hops.last().filter(|_| hops.len() > 1);
    destination = destination.or_else(|| address(last?, &["address"]));
    if source.is_none() || destination.is_none() {
        return Ok(None);
    }
    Ok(Some(Measurement { from: from.to_owned(), source, destination, port, result }))
}

fn result(node: &Node) -> Result<Measured, String> {
    if let Some(status) = node.get("connectionstatus").text() {
        return Ok(connection(node, status));
    }
    if let Some(rule) = node.get("rulename").text() {
        let access = node.get("access").text().unwrap_or_default();
        let allowed = match access.to_ascii_lowercase().as_str() {
            "allow" => true,
            "deny" => false,
            other => return Err(format!("IP flow: access is \"{other:.80}\"")),
        };
        let id = node.get("ruleid").text().unwrap_or_default();
        let lower = id.to_ascii_lowercase();
        let end =
            ["/securityrules/", "/defaultsecurityrules/"].iter().find_map(|part| lower.find(part));
        return Ok(Measured::IpFlow {
            allowed,
            rule: rule.rsplit('/').next().unwrap_or(rule).to_owned(),
            group: end.and_then(|end| id.get(..end)).map(str::to_owned),
        });
    }
    let hop = node.get("nexthoptype").text().unwrap_or_default();
    let table = node.get("routetableid").text().filter(|id| id.contains('/'));
    Ok(Measured::NextHop {
        hop: rules::next_hop(hop)
            .ok_or_else(|| format!("next hop: nextHopType is \"{hop:.80}\""))?,
        address: address(node, &["nexthopipaddress"]),
        table: table.map(str::to_owned),
    })
}

fn connection(node: &Node, status: &str) -> Measured {
    let hops = node.get("hops").items();
    let links = || hops.iter().flat_map(|hop| hop.get("links").items());
    let issues = hops.iter().chain(links()).flat_map(|one| one.get("issues").items());
    let issues: Vec<&Node> = issues.collect();
    let value = |one: &Node, key: &str| one.get(key).owned();
    let rules = issues
        .iter()
        .filter(|one| is_kind(one, &["NetworkSecurityRule"]))
        .flat_map(|one| one.get("context").items())
        .filter(|one| value(one, "key").is_some_and(|key| key.eq_ignore_ascii_case("RuleName")))
        .filter_map(|one| value(one, "value"));
    Measured::Connection {
        reachable: !status.eq_ignore_ascii_case("Unreachable")
            && !status.eq_ignore_ascii_case("Disconnected"),
        rules: rules
            .map(|name| name.rsplit('/').next().unwrap_or(&name).to_owned())
            .take(MAX_HOPS)
            .collect(),
        route: issues.iter().any(|one| is_kind(one, &["UserDefinedRoute"])),
        hops: hops.iter().filter_map(|hop| address(hop, &["address"])).take(MAX_HOPS).collect(),
    }
}

fn is_kind(node: &Node, kinds: &[&str]) -> bool {
    let own = node.get("type").text().unwrap_or_default();
    kinds.iter().any(|kind| own.eq_ignore_ascii_case(kind))
}

fn address(node: &Node, keys: &[&str]) -> Option<IpAddr> {
    keys.iter().find_map(|key| node.get(key).text()?.parse().ok())
}

fn port(node: &Node, keys: &[&str]) -> Option<u16> {
    let number = keys.iter().find_map(|key| node.get(key).number())?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}

/// What a file's name says: the source, the destination, and the destination port.
#[derive(Default)]
struct Named {
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    port: Option<u16>,
}

impl Named {
    fn of(from: &str) -> Self {
        let name = Path::new(from).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        let mut found = Self::default();
        for part in stem.split(|c: char| !c.is_ascii_digit() && c != '.') {
            let part = part.trim_matches('.');
            if let Ok(address) = part.parse::<Ipv4Addr>() {
                if found.source.is_none() {
                    found.source = Some(address.into());
                } else if found.destination.is_none() {
                    found.destination = Some(address.into());
                }
            } else if found.destination.is_some() && found.port.is_none() {
                found.port = part.parse().ok().filter(|port| *port > 0);
            }
        }
        // One address does not say which side it is. A check of a connection names both in its hops.
        if found.destination.is_none() {
            let mut parts = stem.split(|c: char| !c.is_ascii_digit() && c != '.');
            let only = parts.by_ref().find(|part| !part.is_empty());
            let only = only.filter(|_| parts.all(str::is_empty));
            let connection = stem.to_ascii_lowercase().contains("connect");
            let port = only.filter(|_| connection).and_then(|part| part.parse().ok());
            return Self { port: port.filter(|port| *port > 0), ..Self::default() };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, measurement, transcript, with_fields};
    use crate::azure::node::read;
    use entra_pg_checks::facts::azure_network::{Measured, NextHop};

    #[test]
    fn a_file_is_named_after_its_request() {
        let named = Named::of("/x/ip-flow-10.1.9.4-to-20.190.128.7-443.json");
        assert_eq!(named.source, "10.1.9.4".parse().ok());
        assert_eq!(named.destination, "20.190.128.7".parse().ok());
        assert_eq!(named.port, Some(443));
        assert!(Named::of("next-hop-10.1.9.4.json").source.is_none());
        assert_eq!(Named::of("connectivity-443.json").port, Some(443));
        assert_eq!(Named::of("results-443.json").port, None);
        assert!(Named::of("results-2025-07-11.json").source.is_none());
    }

    #[test]
    fn a_command_line_names_what_was_asked() {
        let flow = "{\n  \"access\": \"Deny\",\n  \"ruleName\": \"securityRules/DenyAll\"\n}\n";
        let shells = [
            "$ az network watcher test-ip-flow -g rg --vm vm1 --direction Outbound \\\n  --protocol TCP --local 10.1.9.4:60000 --remote 20.190.128.7:443\n",
            "PS C:\\> Test-AzNetworkWatcherIPFlow -NetworkWatcher $nw -Direction Outbound -LocalIPAddress 10.1.9.4 -LocalPort 60000 -RemoteIPAddress 20.190.128.7 -RemotePort 443 | ConvertTo-Json\n",
            "DEBUG: cli.knack.cli: Command arguments: ['network', 'watcher', 'test-ip-flow', '--direction', 'Outbound', '--local', '10.1.9.4:60000', '--remote', '20.190.128.7:443', '--debug']\nDEBUG: {\"a\": 1}\n",
        ];
        for shell in shells {
            let text = format!("{shell}{flow}DEBUG: telemetry\n");
            let (json, asked) = transcript(&text).unwrap_or_else(|| panic!("{text}"));
            let mut nodes = read(json.as_bytes()).expect("JSON");
            with_fields(&mut nodes[0], &asked);
            let found = measurement(&nodes[0], "flow.txt").expect("understood").expect("named");
            assert_eq!(found.source, "10.1.9.4".parse().ok(), "{text}");
            assert_eq!(found.destination, "20.190.128.7".parse().ok(), "{text}");
            assert_eq!(found.port, Some(443), "{text}");
        }
        assert!(transcript(&format!("$ cat x\n{flow}")).is_none());
        assert!(transcript("az network watcher {").is_none());
    }

    #[test]
    fn a_result_needs_its_request() {
        let hop = r#"{"nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4",
            "routeTableId": "System Route"}"#;
        let of = |text: &str, name: &str| {
            let nodes = read(text.as_bytes()).expect("JSON");
            measurement(&nodes[0], name).expect("understood")
        };
        assert_eq!(of(hop, "next-hop.json"), None);
        let found = of(hop, "next-hop-10.1.9.4-20.190.128.7.json").expect("named");
        assert_eq!(
            found.result,
            Measured::NextHop {
                hop: NextHop::VirtualAppliance,
                address: "10.0.0.4".parse().ok(),
                table: None
            }
        );
        let flow = r#"{"Access": "Deny", "RuleName": "securityRules/DenyAll", "direction": "Inbound",
            "localIPAddress": "10.1.2.4", "localPort": "5432", "remoteIPAddress": "10.1.9.4",
            "remotePort": "60000"}"#;
        let found = of(flow, "flow.json").expect("with its request");
        assert_eq!((found.source, found.port), ("10.1.9.4".parse().ok(), Some(5432)));
        let path = r#"{"connectionStatus": "Unreachable", "hops": [
            {"type": "Source", "address": "10.1.9.4", "issues": [{"type": "NetworkSecurityRule",
                "context": [{"key": "RuleName", "value": "UserRule_DenyAll"}]}]},
            {"type": "Internet", "address": "20.190.128.7", "issues": []}]}"#;
        let found = of(path, "connectivity.json").expect("the hops name both ends");
        assert_eq!((found.destination, found.port), ("20.190.128.7".parse().ok(), None));
        assert!(matches!(found.result, Measured::Connection { reachable: false, .. }));
    }
}
