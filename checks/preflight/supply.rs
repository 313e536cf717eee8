//! The commands that supply what is missing, with the names that the documents hold.

use crate::{
    azure::private_zone,
    evidence::Evidence,
    facts::azure::{FlexibleServer, id_part},
    support::azure::tags::like,
};

/// The commands, separated by `; `, with the names of the server and of its network.
pub(super) fn filled(text: &str, seen: &Evidence, server: Option<&FlexibleServer>) -> String {
    let Some(server) = server else { return text.to_owned() };
    let azure = seen.azure.seen();
    let endpoints = azure.and_then(|azure| azure.endpoints.seen()).into_iter().flatten();
    let own = |id: &&str| id.contains("/subnets/");
    let mut of_endpoint = endpoints
        .filter(|one| one.target.as_deref().is_some_and(|id| like(id, &server.id)))
        .filter_map(|one| one.subnet.as_deref());
    let subnet = server.delegated_subnet.as_deref().or_else(|| of_endpoint.next()).filter(own);
    let networks = azure.and_then(|azure| azure.networks.seen()).into_iter().flatten();
    let document = networks
        .flat_map(|network| &network.subnets)
        .find(|one| subnet.is_some_and(|id| like(&one.id, id)));
    let group = document.and_then(|one| one.security_group.as_deref());
    let table = document.and_then(|one| one.route_table.as_deref());
    let zone = private_zone::zone_id(seen, server);
    let pieces = text.split("; ").map(|piece| {
        let named = [
            ("$ZONE", zone.as_deref()),
            ("$NSG", group),
            ("$ROUTE_TABLE", table),
            ("$VNET", subnet),
            ("$NETWORK_RG", subnet),
            ("flexible-server", Some(server.id.as_str())),
        ];
        // What no document names, such as a network interface, can be in any resource group.
        let id = named.into_iter().find(|(sign, _)| piece.contains(sign)).and_then(|(_, id)| id);
        with_names(piece, id.unwrap_or_default(), server)
    });
    pieces.collect::<Vec<_>>().join("; ")
}

/// One command, with the names in a resource id.
fn with_names(piece: &str, id: &str, server: &FlexibleServer) -> String {
    let group = id_part(id, "resourceGroups");
    let last = |kind: &str| id_part(id, kind);
    let names = [
        ("$NETWORK_RG", group),
        ("$ROUTE_TABLE", last("routeTables")),
        ("$SERVER", Some(server.name.as_str())),
        ("$VNET", last("virtualNetworks")),
        ("$ZONE", last("privateDnsZones")),
        ("$NSG", last("networkSecurityGroups")),
        ("$RG", group),
    ];
    let mut text = piece.to_owned();
    for (variable, value) in names {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text = text.replace(variable, &quoted(value));
        }
    }
    match id_part(id, "subscriptions").filter(|_| text.trim_start_matches('`').starts_with("az ")) {
        Some(subscription) => text.replacen(
            " -o json",
            &format!(" --subscription {} -o json", quoted(subscription)),
            1,
        ),
        None => text,
    }
}

/// A word for POSIX shells and PowerShell alike.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        let kept: String = value.chars().filter(|c| *c != '\'' && !c.is_control()).collect();
        format!("'{kept}'")
    }
}

#[cfg(test)]
mod tests {
    use super::with_names;
    use crate::facts::azure::FlexibleServer;

    #[test]
    fn names_are_filled_in_and_quoted() {
        let id = "/subscriptions/s-1/resourceGroups/rg(prod).1/providers/Microsoft.Network/networkSecurityGroups/nsg";
        let server = FlexibleServer { name: "pg".to_owned(), ..FlexibleServer::default() };
        assert_eq!(
            with_names("az network nsg show -g $NETWORK_RG -n $NSG -o json", id, &server),
            "az network nsg show -g 'rg(prod).1' -n nsg --subscription s-1 -o json"
        );
        assert_eq!(with_names("az x -g $RG -o json", "", &server), "az x -g $RG -o json");
    }
}
