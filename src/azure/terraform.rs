//! Plans and states of Terraform. In a plan, what is known only after the deployment is resolved by the
//! references of the configuration, and is unknown otherwise.

use super::{
    node::{Node, read},
    template::id,
};

/// In ids of resources that a plan creates.
const PLANNED: &str = "planned";
/// Modules inside of each other.
const MAX_DEPTH: usize = 16;
/// An unknown value: no reader takes it for a text.
const UNKNOWN: &str = "[known after the deployment]";

/// The resource types whose ids others name.
const TYPES: &[(&str, &str)] = &[
    ("azurerm_postgresql_flexible_server", "Microsoft.DBforPostgreSQL/flexibleServers"),
    ("azurerm_virtual_network", "Microsoft.Network/virtualNetworks"),
    ("azurerm_network_security_group", "Microsoft.Network/networkSecurityGroups"),
    ("azurerm_route_table", "Microsoft.Network/routeTables"),
    ("azurerm_private_dns_zone", "Microsoft.Network/privateDnsZones"),
    ("azurerm_private_endpoint", "Microsoft.Network/privateEndpoints"),
    ("azurerm_network_interface", "Microsoft.Network/networkInterfaces"),
    ("azurerm_nat_gateway", "Microsoft.Network/natGateways"),
    ("azurerm_public_ip", "Microsoft.Network/publicIPAddresses"),
    ("azurerm_public_ip_prefix", "Microsoft.Network/publicIPPrefixes"),
    ("azurerm_application_security_group", "Microsoft.Network/applicationSecurityGroups"),
    ("azurerm_firewall", "Microsoft.Network/azureFirewalls"),
    ("azurerm_firewall_policy", "Microsoft.Network/firewallPolicies"),
];

/// A planned resource, or one of a state.
struct Resource {
    address: String,
    kind: String,
    values: Node,
}

/// The resources of a plan as they are once it is applied; `None` if the document is not a plan.
pub(super) fn planned(node: &Node) -> Option<Vec<Node>> {
    let root = node.get("plannedvalues").get("rootmodule");
    if !root.is_map() {
        return None;
    }
    let mut all = Vec::new();
    module(root, &mut all, 0);
    let ids: Vec<(String, String)> =
        all.iter().map(|one| (one.address.clone(), id_of(one))).collect();
    let parents: Vec<(&str, String)> = all.iter().filter_map(parent_of).collect();
    let unknown_of = |address: &str| {
        let changes = node.get("resourcechanges").items().iter();
        changes
            .clone()
            .find(|one| matches!(one.get("address"), Node::Text(text) if text == address))
            .map(|one| one.get("change").get("afterunknown"))
    };
    let configuration = node.get("configuration").get("rootmodule");
    for one in &mut all {
        let Some(unknown) = unknown_of(&one.address) else { continue };
        let expressions = expressions(configuration, &one.address);
        let prefix =
            one.address.rsplit_once(&format!("{}.", one.kind)).map_or("", |(head, _)| head);
        let resolve = |reference: &str| {
            let target = format!("{prefix}{}", reference.strip_suffix(".id")?);
            let same = |address: &str| address == target || without_index(address) == target;
            ids.iter().find(|(address, _)| same(address)).map(|(_, id)| id.clone())
        };
        let own = ids.iter().find(|(address, _)| *address == one.address).map(|(_, id)| id.clone());
        fill(&mut one.values, unknown, expressions, &resolve);
        without_inline(one, &parents);
        if let (Node::Map(entries), Some(own)) = (&mut one.values, own) {
            entries.retain(|(key, value)| key != "id" || value.text().is_some());
            if !entries.iter().any(|(key, _)| key == "id") {
                entries.push(("id".to_owned(), Node::Text(own)));
            }
        }
    }
    Some(all.into_iter().map(typed).collect())
}

/// Resources that are inside of another one: the type, the key of the outer one's name, and the type and
/// the block of the outer one. The provider does not allow both forms for one resource.
const INSIDE: &[(&str, &str, &str, &str)] = &[
    (
        "azurerm_network_security_rule",
        "networksecuritygroupname",
        "azurerm_network_security_group",
        "securityrule",
    ),
    ("azurerm_route", "routetablename", "azurerm_route_table", "route"),
    ("azurerm_subnet", "virtualnetworkname", "azurerm_virtual_network", "subnet"),
];

/// The type and the name of the resource that a planned one is inside of.
fn parent_of(one: &Resource) -> Option<(&'static str, String)> {
    let (_, key, outer, _) = INSIDE.iter().find(|(kind, ..)| *kind == one.kind)?;
    Some((outer, one.values.get(key).owned()?))
}

/// Blocks that are unknown in the plan are empty if the plan has them as resources of their own.
fn without_inline(one: &mut Resource, parents: &[(&str, String)]) {
    let Some((_, _, _, block)) = INSIDE.iter().find(|(_, _, outer, _)| *outer == one.kind) else {
        return;
    };
    let name = one.values.get("name").owned();
    let apart = parents.iter().any(|(kind, of)| *kind == one.kind && Some(of) == name.as_ref());
    if let Node::Map(entries) = &mut one.values
        && apart
    {
        entries.retain(|(key, value)| key != block || !value.is_expression());
        if !entries.iter().any(|(key, _)| key == block) {
            entries.push(((*block).to_owned(), Node::List(Vec::new())));
        }
    }
}

/// The ids of what a plan deletes, and the associations that it deletes: the type and the values.
pub(super) fn deleted(node: &Node) -> Vec<(String, Node)> {
    let changes = node.get("resourcechanges").items().iter();
    let gone = |one: &&Node| {
        let mut actions = one.get("change").get("actions").texts();
        actions.next() == Some("delete") && actions.next().is_none()
    };
    changes
        .filter(gone)
        .filter_map(|one| {
            Some((one.get("type").text()?.to_owned(), one.get("change").get("before").clone()))
        })
        .collect()
}

/// The resources of a state: `terraform show -json`, or the file of the state.
pub(super) fn state(node: &Node) -> Option<Vec<Node>> {
    let root = node.get("values").get("rootmodule");
    if root.is_map() {
        let mut all = Vec::new();
        module(root, &mut all, 0);
        return Some(all.into_iter().map(typed).collect());
    }
    let resources = node.get("resources");
    if node.get("terraformversion").is_null() || !resources.is_list() {
        return None;
    }
    let mut found = Vec::new();
    for one in resources.items() {
        let Some(kind) = one.get("type").text() else { continue };
        for instance in one.get("instances").items() {
            let values = instance.get("attributes").clone();
            let address = String::new();
            found.push(typed(Resource { address, kind: kind.to_owned(), values }));
        }
    }
    Some(found)
}

fn module(node: &Node, found: &mut Vec<Resource>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for resource in node.get("resources").items() {
        if let (Some(kind), Node::Map(_)) = (resource.get("type").text(), resource.get("values")) {
            let address = match resource.get("address") {
                Node::Text(text) => text.clone(),
                _ => String::new(),
            };
            let values = resource.get("values").clone();
            found.push(Resource { address, kind: kind.to_owned(), values });
        }
    }
    for child in node.get("childmodules").items() {
        module(child, found, depth + 1);
    }
}

/// The values with their type. A resource of the provider azapi has the document of the REST API.
fn typed(resource: Resource) -> Node {
    let Resource { kind, values, .. } = resource;
    if kind.starts_with("azapi_") {
        return rest(&values);
    }
    let Node::Map(mut entries) = values else { return Node::Null };
    entries.retain(|(key, _)| key != "type");
    entries.push(("type".to_owned(), Node::Text(kind)));
    Node::Map(entries)
}

fn rest(values: &Node) -> Node {
    let body = match values.get("body") {
        Node::Text(text) => {
            read(text.as_bytes()).ok().and_then(|all| all.into_iter().next()).unwrap_or_default()
        }
        other => other.clone(),
    };
    let Node::Map(mut entries) = body else { return Node::Map(Vec::new()) };
    for key in ["id", "name", "type", "location"] {
        if let Node::Text(text) = values.get(key) {
            entries.retain(|(known, _)| known != key);
            let text = text.split('@').next().unwrap_or_default();
            entries.push((key.to_owned(), Node::Text(text.to_owned())));
        }
    }
    Node::Map(entries)
}

/// The id of a planned resource: its own, or one of its type, group and name.
fn id_of(resource: &Resource) -> String {
    let values = &resource.values;
    if let Some(id) = values.get("id").text() {
        return id.to_owned();
    }
    let text = |key: &str| values.get(key).text();
    let group = text("resourcegroupname").unwrap_or(PLANNED);
    let name = text("name");
    if resource.kind == "azurerm_subnet"
        && let (Some(network), Some(name)) = (text("virtualnetworkname"), name)
    {
        return id(PLANNED, group, "Microsoft.Network/virtualNetworks/subnets", &[network, name]);
    }
    let kind = TYPES.iter().find(|(known, _)| *known == resource.kind);
    match (kind, name) {
        (Some((_, kind)), Some(name)) => id(PLANNED, group, kind, &[name]),
        _ => format!("/{PLANNED}/{}", resource.address),
    }
}

/// The expressions of a resource in the configuration of its module.
fn expressions<'a>(root: &'a Node, address: &str) -> &'a Node {
    static NULL: Node = Node::Null;
    let plain = without_index(address);
    let mut parts = plain.split('.').peekable();
    let mut module = root;
    while parts.peek() == Some(&"module") {
        parts.next();
        let name = super::node::normal(parts.next().unwrap_or_default());
        module = module.get("modulecalls").get(&name).get("module");
    }
    let rest = parts.collect::<Vec<_>>().join(".");
    let of = |one: &&Node| matches!(one.get("address"), Node::Text(text) if *text == rest);
    module.get("resources").items().iter().find(of).map_or(&NULL, |one| one.get("expressions"))
}

/// `azurerm_subnet.pg[0]` without the index of `count` or `for_each`.
fn without_index(address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    let mut inside = false;
    for c in address.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Puts references, or the mark of an unknown value, where the plan does not know the value.
fn fill(
    values: &mut Node,
    unknown: &Node,
    expressions: &Node,
    resolve: &dyn Fn(&str) -> Option<String>,
) {
    match (values, unknown) {
        (Node::Map(entries), Node::Map(open)) => {
            for (key, mark) in open {
                let by = expressions.get(key);
                if *mark == Node::Flag(true) {
                    let mut references = by.get("references").texts();
                    let id = references.find_map(resolve).unwrap_or_else(|| UNKNOWN.to_owned());
                    entries.retain(|(known, _)| known != key);
                    entries.push((key.clone(), Node::Text(id)));
                } else if let Some((_, value)) = entries.iter_mut().find(|(known, _)| known == key)
                {
                    fill(value, mark, by, resolve);
                }
            }
        }
        (Node::List(items), Node::List(open)) => {
            for (index, (value, mark)) in items.iter_mut().zip(open).enumerate() {
                let by = expressions.items().get(index).unwrap_or(expressions);
                fill(value, mark, by, resolve);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{planned, state};
    use crate::azure::node::read;

    #[test]
    fn references_resolve_what_is_known_later() {
        let text = r#"{"planned_values": {"root_module": {"child_modules": [{"resources": [
              {"address": "module.db.azurerm_subnet.pg[0]", "type": "azurerm_subnet", "values":
                {"name": "pg", "resource_group_name": "rg", "virtual_network_name": "vnet"}},
              {"address": "module.db.azurerm_postgresql_flexible_server.pg", "type": "azurerm_postgresql_flexible_server",
                "values": {"name": "pg", "resource_group_name": "rg"}}]}]}},
            "resource_changes": [{"address": "module.db.azurerm_postgresql_flexible_server.pg", "change": {"actions": ["create"],
                "after_unknown": {"id": true, "delegated_subnet_id": true, "private_dns_zone_id": true}}}],
            "configuration": {"root_module": {"module_calls": {"db": {"module": {"resources": [
                {"address": "azurerm_postgresql_flexible_server.pg", "expressions": {
                    "delegated_subnet_id": {"references": ["azurerm_subnet.pg[0].id", "azurerm_subnet.pg"]}}}]}}}}}}"#;
        let found = planned(&read(text.as_bytes()).expect("JSON")[0]).expect("a plan");
        let server = &found[1];
        let subnet = server.get("delegatedsubnetid").text().unwrap_or_default();
        assert!(subnet.ends_with("/virtualNetworks/vnet/subnets/pg"), "{subnet}");
        assert!(server.get("privatednszoneid").is_expression());
        assert!(server.get("id").text().is_some_and(|id| id.ends_with("/flexibleServers/pg")));
    }

    #[test]
    fn the_file_of_a_state_is_read() {
        let text = r#"{"version": 4, "terraform_version": "1.9.5", "resources": [{"mode": "managed", "type": "azurerm_route_table",
            "name": "rt", "instances": [{"attributes": {"name": "rt", "route": []}}]}]}"#;
        let found = state(&read(text.as_bytes()).expect("JSON")[0]).expect("a state");
        assert_eq!(found[0].get("type").text(), Some("azurerm_route_table"));
    }
}
