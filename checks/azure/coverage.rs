//! Whether the documents describe everything that a login depends on. Without a server to connect to,
//! a part that was not given is a part that was not checked.

use super::{
    place::server,
    tags::{LIST_COMMAND, Tags},
};
use crate::{
    check::{Check, Judge, Missing},
    evidence::Evidence,
    facts::{
        Fact, Topic,
        azure::{Azure, FlexibleServer, Topology},
        azure_network::VirtualNetwork,
    },
    text,
    verdict::Verdict,
};

/// The documents describe the server and its network.
pub static CHECK: Check = Check {
    id: "azure/coverage",
    asserts: "the documents describe the server and its whole network",
    needs: &[Topic::Settings, Topic::Server, Topic::Azure],
    problems: &[],
    decisive: false,
    judge: Judge::Once(judge),
};

/// A part of the configuration, and the command that exports it.
type Part = (&'static str, &'static str);

const SERVER: Part = ("the server", "`az postgres flexible-server show -g $RG -n $SERVER -o json`");
const ADMINISTRATORS: Part = (
    "its Microsoft Entra administrators",
    "`az postgres flexible-server microsoft-entra-admin list -g $RG -s $SERVER -o json`",
);
const FIREWALL: Part = (
    "its firewall rules",
    "`az postgres flexible-server firewall-rule list -g $RG -s $SERVER -o json`",
);
const GROUP: Part = (
    "the network security group of its subnet",
    "`az network nsg show -g $NETWORK_RG -n $NSG -o json`",
);
const TABLE: Part = (
    "the route table of its subnet",
    "`az network route-table show -g $NETWORK_RG -n $ROUTE_TABLE -o json`",
);
const NETWORK: Part =
    ("its virtual network", "`az network vnet show -g $NETWORK_RG -n $VNET -o json`");
const ZONE: Part = (
    "its private DNS zone",
    "`az network private-dns link vnet list -g $NETWORK_RG -z $ZONE -o json`",
);

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    if seen.settings.seen().is_some_and(|settings| settings.host.is_some()) {
        let why = "a login to the server is tested, which needs no document".to_owned();
        return Ok(Verdict::NotApplicable(why));
    }
    let missing = missing(seen, azure);
    if missing.is_empty() {
        let count = azure.sources.len();
        return Ok(Verdict::Passed(match azure.administrators.seen() {
            Some(_) => format!("{count} documents"),
            // A role can exist without the list of administrators; preflight asks for it.
            None => format!("{count} documents, without {}", ADMINISTRATORS.0),
        }));
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let commands: Vec<&str> = missing.iter().map(|(_, command)| *command).collect();
    Err(Missing::not_decided(
        format!("not given and not checked: {}", text::list(&names, names.len())),
        format!("{} (--azure-config)", commands.join("; ")),
    ))
}

/// The parts that no document describes.
fn missing(seen: &Evidence, azure: &Azure) -> Vec<Part> {
    let known = server(seen).ok();
    let mut parts: Vec<(Part, bool)> = vec![
        (SERVER, known.is_some()),
        (ADMINISTRATORS, known.is_some() || azure.administrators.seen().is_some()),
    ];
    match known.map(FlexibleServer::topology) {
        Some(Topology::Public) => parts.push((FIREWALL, azure.firewall_rules.seen().is_some())),
        Some(Topology::PrivateEndpoints) => parts.push((ZONE, azure.dns_zones.seen().is_some())),
        Some(Topology::VirtualNetwork | Topology::Unknown) | None => {
            let (group, table) = on_subnet(azure, known);
            parts.push((GROUP, azure.security_groups.seen().is_some() || group == Some(false)));
            parts.push((TABLE, azure.route_tables.seen().is_some() || table == Some(false)));
            parts.push((NETWORK, has_network(&azure.networks)));
        }
    }
    let mut missing: Vec<Part> =
        parts.into_iter().filter(|(_, given)| !given).map(|(part, _)| part).collect();
    if Tags::of(seen).is_placeholder() {
        missing.push(("the service tags of this cloud", LIST_COMMAND));
    }
    missing
}

/// Whether a network security group and a route table are on the server's subnet, if it is known.
fn on_subnet(azure: &Azure, server: Option<&FlexibleServer>) -> (Option<bool>, Option<bool>) {
    let id = server.and_then(|server| server.delegated_subnet.as_deref());
    let subnets = azure.networks.seen().into_iter().flatten().flat_map(|network| &network.subnets);
    let own = id.and_then(|id| {
        let mut subnets = subnets;
        subnets.find(|subnet| subnet.id.eq_ignore_ascii_case(id))
    });
    (
        own.map(|subnet| subnet.security_group.is_some()),
        own.map(|subnet| subnet.route_table.is_some()),
    )
}

/// The document of a subnet does not describe the network around it.
fn has_network(networks: &Fact<Vec<VirtualNetwork>>) -> bool {
    networks.seen().is_some_and(|networks| networks.iter().any(VirtualNetwork::is_whole))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{judge, support::testing::healthy_but};
    use serde_json::{Value, json};

    fn said(azure: Value) -> (crate::Status, String) {
        let seen = healthy_but(&[
            ("/settings/seen/host", Value::Null),
            ("/azure", json!({"seen": azure})),
        ]);
        let judged = judge(&[&CHECK], &seen, |_| true);
        (judged.lines[0].status, judged.lines[0].detail.clone())
    }

    #[test]
    fn a_group_without_its_surroundings_is_not_everything() {
        let group = json!({"seen": [{"name": "nsg", "id": "", "rules": [], "subnets": []}]});
        let (status, detail) = said(json!({"security_groups": group}));
        assert_eq!(status, crate::Status::Undetermined);
        for part in ["the server", "administrators", "route table", "virtual network"] {
            assert!(detail.contains(part), "{detail}");
        }
        assert!(!detail.contains("security group"), "{detail}");
    }

    #[test]
    fn a_public_server_with_its_lists_is_everything() {
        let server = json!({"seen": {"name": "pg-prod", "id": "", "public_access": true}});
        let (status, detail) = said(json!({
            "server": server,
            "administrators": {"seen": []},
            "firewall_rules": {"seen": []},
        }));
        assert_eq!(status, crate::Status::Passed, "{detail}");
    }
}
