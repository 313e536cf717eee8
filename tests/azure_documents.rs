//! Every kind of document that an engineer exports, in real shapes, and what looks like one and is not
//! used.

use entra_pg::azure::read_files;
use entra_pg_checks::{Fact, facts::azure::Azure};
use serde_json::json;
use std::{io::Write, path::PathBuf};

const HOST: &str = "pg-vnet.postgres.database.azure.com";

fn kind(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/azure/kinds").join(name)
}

fn read(name: &str) -> Azure {
    read_files(&[kind(name)], Some(HOST)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The kind of each fixture, as the sources name it.
const KINDS: &[(&str, &str)] = &[
    ("server-list.json", "flexible server pg-vnet"),
    ("server-graph.json", "flexible server pg-vnet"),
    ("server-graph-table.json", "flexible server pg-vnet"),
    ("server-powershell.json", "flexible server pg-vnet"),
    ("server-newer-api.json", "flexible server pg-vnet"),
    ("administrators.json", "administrator dba"),
    ("firewall-rules.json", "firewall rule office"),
    ("parameters.json", "parameter pgbouncer.enabled"),
    ("virtual-endpoints.json", "virtual endpoint orders"),
    ("private-endpoint-connection.json", "private endpoint connection pe-orders.1"),
    ("private-endpoint.json", "private endpoint pe-orders"),
    ("nic.json", "network interface vm1-nic"),
    ("vnet-rest.json", "virtual network vnet-data"),
    ("subnet.json", "subnet snet-postgres"),
    ("subnet-of-clients.json", "subnet snet-apps"),
    ("virtual-endpoint-of-replica.json", "virtual endpoint orders"),
    ("nsg-rule-list.json", "security rule AllowEntra"),
    ("nsg-powershell.json", "network security group nsg-postgres"),
    ("route-list.json", "route Entra"),
    ("route-table-rest.json", "route table rt-postgres"),
    ("effective-routes.json", "effective route"),
    ("effective-nsg.json", "effective security rules of nsg-postgres"),
    ("admin-rules.json", "security admin rule DenyInternet"),
    ("dns-zone.json", "private DNS zone privatelink.postgres.database.azure.com"),
    (
        "dns-links.json",
        "link vnet-data of private DNS zone privatelink.postgres.database.azure.com",
    ),
    (
        "dns-records.json",
        "record pg-vnet of private DNS zone privatelink.postgres.database.azure.com",
    ),
    ("arm-template.json", "network security group nsg-postgres"),
    ("what-if.json", "route table rt-postgres"),
    ("terraform-state.json", "flexible server pg-vnet"),
    ("terraform-plan.json", "flexible server pg-vnet"),
    ("service-tags-api.json", "service tags, edition 363"),
    ("nsg.yaml", "network security group nsg-postgres"),
    ("server-list.yaml", "flexible server pg-vnet"),
    ("firewall.json", "Azure Firewall fw-hub"),
    ("firewall-rule-collection-groups.json", "rule collection group spokes"),
    ("health.json", "resource health of the server"),
    ("health-events.json", "service event BC_1-FXZ"),
    ("dns-forwarding-rules.json", "DNS forwarding rule entra"),
    ("graph-principal.json", "service principal of the Graph client of PostgreSQL"),
    ("firewall-policy.json", "Azure Firewall policy policy-hub"),
    (
        "next-hop-10.1.1.9-to-20.190.128.7.json",
        "Network Watcher next hop from 10.1.1.9 to 20.190.128.7",
    ),
    ("next-hop-request.json", "Network Watcher next hop from 10.1.1.9 to 20.190.128.7"),
    (
        "next-hop-powershell-10.1.1.9-to-20.190.128.7.json",
        "Network Watcher next hop from 10.1.1.9 to 20.190.128.7",
    ),
    (
        "ip-flow-10.1.1.9-to-20.190.128.7-443.json",
        "Network Watcher IP flow from 10.1.1.9 to 20.190.128.7",
    ),
    (
        "ip-flow-10.1.1.9-to-20.190.128.7-443.yaml",
        "Network Watcher IP flow from 10.1.1.9 to 20.190.128.7",
    ),
    ("ip-flow-rest-sample.json", "Network Watcher IP flow from 10.1.1.9 to 20.190.128.7"),
    ("connectivity-443.json", "Network Watcher connection from 10.1.1.9 to 20.190.128.7"),
    ("asg-with-members.json", "application security group asg-web: vm1-nic"),
    ("nat-gateway.json", "NAT gateway nat"),
    ("replicas.json", "flexible server pg-replica"),
    ("virtual-endpoints-cli.json", "virtual endpoint orders"),
    ("dns-forwarding-links.json", "link vnet-data of DNS forwarding ruleset rules-hub"),
    (
        "dns-record-sets.json",
        "record pg-vnet of private DNS zone privatelink.postgres.database.azure.com",
    ),
    (
        "private-dns-powershell.json",
        "link vnet-data of private DNS zone privatelink.postgres.database.azure.com",
    ),
    ("terraform-network.json", "application security group asg-web: vm1-nic"),
];

#[test]
fn every_kind_is_used_and_every_near_miss_is_named() {
    for entry in std::fs::read_dir(kind("")).expect("the fixtures") {
        let name = entry.expect("a file").file_name().to_string_lossy().into_owned();
        let azure = read(&name);
        if name.starts_with("near-") {
            assert!(azure.sources.is_empty(), "{name}: {:?}", azure.sources);
            assert!(!azure.unused.is_empty(), "{name}");
            assert!(azure.unused.iter().all(|one| !one.why.is_empty()), "{name}");
            continue;
        }
        let what = KINDS.iter().find(|(known, _)| *known == name);
        let (_, what) = what.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert!(azure.sources.iter().any(|one| one.what == *what), "{name}: {:?}", azure.sources);
    }
}

#[test]
fn servers_are_the_same_in_every_wrapping() {
    let names = [
        "server-list.json",
        "server-graph.json",
        "server-graph-table.json",
        "server-powershell.json",
        "server-list.yaml",
        "server-newer-api.json",
        "terraform-state.json",
        "terraform-plan.json",
    ];
    for name in names {
        let azure = read(name);
        let server = azure.server.seen().unwrap_or_else(|| panic!("{name}: {:?}", azure.unused));
        assert_eq!(server.host.as_deref(), Some(HOST), "{name}");
        assert_eq!(server.entra_authentication, Some(true), "{name}");
        assert_eq!(server.password_authentication, Some(false), "{name}");
        assert_eq!(server.public_access, Some(false), "{name}");
        assert!(server.delegated_subnet.is_some(), "{name}");
    }
}

#[test]
fn a_list_of_servers_gives_the_named_one() {
    let azure =
        read_files(&[kind("server-list.json")], Some("pg-other.postgres.database.azure.com"));
    let azure = azure.expect("read");
    assert_eq!(azure.server.seen().map(|one| one.name.as_str()), Some("pg-other"));
    let none =
        read_files(&[kind("server-list.json")], Some("pg-third.postgres.database.azure.com"));
    let none = none.expect("read");
    assert!(none.server.seen().is_none());
    assert_eq!(none.unused.len(), 2);
    let error = read_files(&[kind("server-list.json")], None).expect_err("which one").message;
    assert!(error.contains("several servers (pg-vnet, pg-other)"), "{error}");
}

#[test]
fn parts_from_several_files_become_one() {
    let paths = ["subnet.json", "nsg-rule-list.json", "route-list.json"].map(kind);
    let azure = read_files(&paths, Some(HOST)).expect("read");
    let network = &azure.networks.seen().expect("a network")[0];
    assert_eq!(network.name, "vnet-data");
    assert!(network.subnets[0].security_group.is_some());
    let group = &azure.security_groups.seen().expect("a group")[0];
    assert_eq!(group.rules.len(), 8, "two of its own and the default rules");
    assert_eq!(azure.route_tables.seen().expect("a table")[0].routes.len(), 1);
    let state = read("terraform-state.json");
    let subnets = &state.networks.seen().expect("a network")[0].subnets;
    assert!(subnets[0].security_group.as_deref().is_some_and(|id| id.ends_with("nsg-postgres")));
}

#[test]
fn results_of_network_watcher_name_what_was_asked() {
    for (name, port) in [
        ("next-hop-10.1.1.9-to-20.190.128.7.json", None),
        ("next-hop-request.json", None),
        ("next-hop-powershell-10.1.1.9-to-20.190.128.7.json", None),
        ("ip-flow-10.1.1.9-to-20.190.128.7-443.json", Some(443)),
        ("ip-flow-10.1.1.9-to-20.190.128.7-443.yaml", Some(443)),
        ("ip-flow-rest-sample.json", Some(443)),
        ("connectivity-443.json", Some(443)),
    ] {
        let azure = read(name);
        let one = &azure.measurements.seen().unwrap_or_else(|| panic!("{name}"))[0];
        assert_eq!(one.source, "10.1.1.9".parse().ok(), "{name}");
        assert_eq!(one.destination, "20.190.128.7".parse().ok(), "{name}");
        assert_eq!(one.port, port, "{name}");
    }
}

#[test]
fn members_of_application_security_groups_are_known_by_address() {
    let azure = read("asg-with-members.json");
    let interfaces = azure.interfaces.seen().expect("interfaces");
    let members: Vec<_> = interfaces
        .iter()
        .filter(|one| !one.groups.is_empty())
        .flat_map(|one| &one.addresses)
        .collect();
    assert_eq!(members, [&"10.1.1.9".parse::<std::net::IpAddr>().expect("an address")]);
    let terraform = read("terraform-network.json");
    let interfaces = terraform.interfaces.seen().expect("interfaces");
    assert_eq!(interfaces[0].groups.len(), 1);
}

#[test]
fn a_nat_gateway_has_its_addresses_and_its_subnets() {
    for (name, count) in [("nat-gateway.json", 2), ("terraform-network.json", 1)] {
        let azure = read(name);
        let gateways = azure.nat_gateways.seen().expect("a gateway");
        assert_eq!(gateways[0].addresses.len(), count, "{name}");
        assert_eq!(azure.public_addresses.seen().map(Vec::len), Some(count), "{name}");
    }
    let paths = ["subnet-of-clients.json", "nat-gateway.json"].map(kind);
    let azure = read_files(&paths, Some(HOST)).expect("read");
    let subnet = &azure.networks.seen().expect("a network")[0].subnets[0];
    assert!(subnet.nat_gateway.as_deref().is_some_and(|id| id.ends_with("/natGateways/nat")));
    assert_eq!(subnet.default_outbound, Some(false));
}

#[test]
fn terraform_and_resource_manager_give_the_same_firewall_rules() {
    let terraform = read("terraform-network.json");
    let rules = terraform.collections.seen().expect("collections");
    let own = read("firewall-rule-collection-groups.json");
    let own = own.collections.seen().expect("collections");
    assert_eq!(rules[0], own[0]);
    assert!(rules[1].application && rules[1].rules[0].ports[0].first == 443);
    assert!(terraform.policies.seen().expect("a policy")[0].base.is_none());
    let policy = read("firewall-policy.json");
    let policy = &policy.policies.seen().expect("a policy")[0];
    assert!(policy.base.as_deref().is_some_and(|id| id.ends_with("/policy-base")));
}

#[test]
fn the_reader_of_a_virtual_endpoint_leads_to_the_replica() {
    let server = |host: &str| {
        let azure = read_files(&[kind("virtual-endpoints-cli.json")], Some(host)).expect("read");
        azure.server.seen().map(|one| (one.name.clone(), one.is_replica()))
    };
    let name = |name: &str, replica: bool| Some((name.to_owned(), replica));
    assert_eq!(server("orders.reader.postgres.database.azure.com"), name("pg-replica", true));
    assert_eq!(server("orders.writer.postgres.database.azure.com"), name("pg-vnet", false));
    // Without the replica's document, the primary's is not taken for it.
    let paths = ["server-list.json", "virtual-endpoints.json"].map(kind);
    let azure = read_files(&paths, Some("orders.writer.postgres.database.azure.com"));
    assert_eq!(
        azure.expect("read").server.seen().map(|one| one.name.clone()),
        Some("pg-vnet".to_owned())
    );
    let paths = ["server-list.json", "virtual-endpoint-of-replica.json"].map(kind);
    let azure = read_files(&paths, Some("orders.reader.postgres.database.azure.com"));
    let azure = azure.expect("read");
    assert!(azure.server.seen().is_none());
    let why = "the virtual endpoint orders.reader.postgres.database.azure.com leads to pg-replica";
    assert!(azure.unused.iter().any(|one| one.why == why), "{:?}", azure.unused);
}

#[test]
fn what_if_is_the_state_after_the_deployment_in_any_order() {
    for names in
        [["what-if.json", "route-table-rest.json"], ["route-table-rest.json", "what-if.json"]]
    {
        let azure = read_files(&names.map(kind), Some(HOST)).expect("read");
        assert!(azure.planned);
        let tables = azure.route_tables.seen().expect("a table");
        assert_eq!(tables.len(), 1, "{names:?}");
        assert_eq!(tables[0].routes[0].name, "Entra", "{names:?}");
        let planned = |one: &entra_pg_checks::facts::azure::Source| {
            one.from.ends_with("what-if.json (after the deployment)")
        };
        assert!(azure.sources.iter().any(planned), "{:?}", azure.sources);
    }
    let names = ["near-what-if-delete.json", "nsg-powershell.json"].map(kind);
    let azure = read_files(&names, Some(HOST)).expect("read");
    assert_eq!(azure.security_groups.seen().map(Vec::len), Some(0), "it is deleted");
    assert!(azure.unused.iter().any(|one| one.why == "the deployment deletes it"));
}

#[test]
fn private_dns_is_the_same_from_powershell() {
    let azure = read("private-dns-powershell.json");
    let zones = azure.dns_zones.seen().expect("a zone");
    assert_eq!(zones.len(), 1, "{zones:?}");
    let zone = &zones[0];
    assert_eq!((zone.links.len(), zone.record_sets), (1, Some(2)));
    assert!(zone.links[0].network.ends_with("/virtualNetworks/vnet-data"));
    assert_eq!(
        zone.records[0].addresses,
        ["10.1.1.7".parse::<std::net::IpAddr>().expect("an address")]
    );
}

#[test]
fn a_list_of_record_sets_is_whole() {
    let azure = read("dns-record-sets.json");
    assert!(azure.dns_zones.seen().expect("a zone")[0].listed);
    assert!(!read("dns-records.json").dns_zones.seen().expect("a zone")[0].listed);
}

#[test]
fn a_gateway_and_peers_are_seen() {
    let azure = read("vnet-rest.json");
    let network = &azure.networks.seen().expect("a network")[0];
    assert!(network.gateway);
    assert_eq!(network.address_space.len(), 2);
}

#[test]
fn effective_rules_replace_those_of_the_group_in_any_order() {
    for names in [
        ["effective-nsg.json", "nsg-powershell.json"],
        ["nsg-powershell.json", "effective-nsg.json"],
    ] {
        let azure = read_files(&names.map(kind), Some(HOST)).expect("read");
        let groups = azure.security_groups.seen().expect("a group");
        assert_eq!(groups.len(), 1, "{names:?}");
        assert!(groups[0].effective, "{names:?}");
    }
}

#[test]
fn a_disabled_forwarding_rule_is_none() {
    let azure = read("dns-forwarding-rules.json");
    let rules = azure.forwarding.seen().expect("rules");
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].domain.as_str(), rules[0].servers.len()), ("microsoftonline.com", 2));
}

#[test]
fn the_rest_of_a_list_is_named() {
    let azure = read("parameters.json");
    assert!(azure.unused.iter().any(|one| one.why.contains("nextLink")), "{:?}", azure.unused);
}

#[test]
fn a_folder_and_a_zip_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("net")).expect("a folder");
    for (name, to) in [("server-list.json", "a.json"), ("subnet.json", "net/b.json")] {
        std::fs::copy(kind(name), folder.path().join(to)).expect("copied");
    }
    std::fs::write(folder.path().join("notes.txt"), "not JSON").expect("written");
    let azure = read_files(&[folder.path().to_owned()], Some(HOST)).expect("read");
    assert!(azure.server.seen().is_some() && azure.networks.seen().is_some());
    assert!(azure.unused.iter().any(|one| one.from.ends_with("notes.txt")), "{:?}", azure.unused);

    let path = folder.path().join("all.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).expect("a file"));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("x/subnet.json", options).expect("an entry");
    zip.write_all(&std::fs::read(kind("subnet.json")).expect("a fixture")).expect("written");
    zip.finish().expect("written");
    let zipped = read_files(&[path], Some(HOST)).expect("read");
    assert!(matches!(zipped.networks, Fact::Seen(_)));
}

#[test]
fn a_list_has_the_date_of_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["ServiceTags_Public_20250711.json", "service-tags-2025-07-11-reduced.json"] {
        let path = folder.path().join(name);
        std::fs::copy(kind("service-tags-api.json"), &path).expect("copied");
        let azure = read_files(&[path], None).expect("read");
        let tags = azure.service_tags.seen().expect("a list");
        assert_eq!(tags.date.as_deref(), Some("2025-07-11"));
    }
}

/// What documents give that are written for a test, by the name of the file.
fn written(documents: &[(&str, serde_json::Value)]) -> Azure {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, document) in documents {
        std::fs::write(folder.path().join(name), document.to_string()).expect("written");
    }
    read_files(&[folder.path().to_owned()], None).expect("read")
}

fn network_id(kind: &str, name: &str) -> String {
    format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/{kind}/{name}")
}

/// A group as it is today, with the default rules.
fn todays_group() -> serde_json::Value {
    json!({"id": network_id("networkSecurityGroups", "nsg"), "name": "nsg",
        "type": "Microsoft.Network/networkSecurityGroups", "properties": {"securityRules": []}})
}

fn known<T>(list: &Fact<Vec<T>>) -> usize {
    list.seen().map_or(0, Vec::len)
}

#[test]
fn what_a_template_makes_by_loops_and_conditions_is_not_known() {
    let schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
    let counts = |resource: serde_json::Value| {
        let template = json!({"$schema": schema, "resources": [resource],
            "parameters": {"no": {"type": "bool", "defaultValue": false},
                "yes": {"type": "bool", "defaultValue": true}, "open": {"type": "bool"}}});
        let azure = written(&[("main.json", template)]);
        known(&azure.security_groups) + known(&azure.route_tables) + known(&azure.networks)
    };
    let of = |kind: &str, properties: serde_json::Value| json!({"type": format!("Microsoft.Network/{kind}"), "name": "n", "properties": properties});
    for (kind, list) in [
        ("networkSecurityGroups", "securityRules"),
        ("routeTables", "routes"),
        ("virtualNetworks", "subnets"),
    ] {
        assert_eq!(counts(of(kind, json!({list: []}))), 1, "{kind}");
        let looped = json!({"copy": [{"name": list, "count": 2, "input": {"name": "x"}}]});
        assert_eq!(counts(of(kind, looped)), 0, "{kind}: a loop of its parts");
        assert_eq!(
            counts(of(kind, json!({list: "[parameters('open')]"}))),
            0,
            "{kind}: expression"
        );
        for (key, value, wanted) in [
            ("condition", json!("[parameters('no')]"), 0),
            ("condition", json!("[parameters('open')]"), 0),
            ("condition", json!(false), 0),
            ("condition", json!("[parameters('yes')]"), 1),
            ("copy", json!({"name": "all", "count": 2}), 0),
        ] {
            let mut resource = of(kind, json!({list: []}));
            resource[key] = value.clone();
            assert_eq!(counts(resource.clone()), wanted, "{kind}: {key} {value}");
            let module = json!({"type": "Microsoft.Resources/deployments", "name": "m", key: value,
                "properties": {"parameters": {}, "template": {"resources": [of(kind, json!({list: []}))]}}});
            assert_eq!(counts(module), wanted, "{kind}: module with {key} {value}");
        }
    }
    let mut group = of("networkSecurityGroups", json!({"securityRules": []}));
    group["resources"] = json!([{"type": "securityRules", "name": "r", "copy": {"name": "c", "count": 2},
        "properties": {"priority": 100, "direction": "Outbound", "access": "Deny", "protocol": "*",
            "sourceAddressPrefix": "*", "destinationAddressPrefix": "*"}}]);
    assert_eq!(counts(group), 0, "rules of a loop");
}

#[test]
fn what_a_plan_does_not_know_is_not_todays_state() {
    let plan = |also: Option<serde_json::Value>| {
        let id = network_id("networkSecurityGroups", "nsg");
        let own = json!({"address": "azurerm_network_security_group.n", "type": "azurerm_network_security_group",
            "values": {"id": id, "name": "nsg", "resource_group_name": "rg"}});
        let all: Vec<_> = std::iter::once(own).chain(also).collect();
        json!({"planned_values": {"root_module": {"resources": all}}, "resource_changes": [
            {"address": "azurerm_network_security_group.n", "type": "azurerm_network_security_group",
             "change": {"actions": ["update"], "after_unknown": {"security_rule": true}}}]})
    };
    let azure = written(&[("nsg.json", todays_group()), ("plan.json", plan(None))]);
    assert_eq!(known(&azure.security_groups), 0, "{:?}", azure.security_groups);
    let rule = json!({"address": "azurerm_network_security_rule.r", "type": "azurerm_network_security_rule",
        "values": {"name": "Deny", "network_security_group_name": "nsg", "resource_group_name": "rg",
            "priority": 100, "direction": "Outbound", "access": "Deny", "protocol": "*",
            "source_port_range": "*", "destination_port_range": "*", "source_address_prefix": "*",
            "destination_address_prefix": "*"}});
    let azure = written(&[("plan.json", plan(Some(rule)))]);
    let groups = azure.security_groups.seen().expect("a group");
    assert!(groups[0].rules.iter().any(|rule| rule.name == "Deny"), "{groups:?}");
}

#[test]
fn what_if_without_payloads_makes_what_it_changes_unknown() {
    let changed = |kind: &str, id: String| {
        let changes = json!({"changes": [{"resourceId": id, "changeType": kind}]});
        let azure = written(&[("nsg.json", todays_group()), ("what-if.json", changes)]);
        known(&azure.security_groups)
    };
    let id = network_id("networkSecurityGroups", "nsg");
    assert_eq!(changed("Modify", id.clone()), 0);
    assert_eq!(changed("Create", format!("{id}/securityRules/r")), 0);
    assert_eq!(changed("NoChange", id.clone()), 1);
    assert_eq!(changed("Ignore", id), 1);
}

#[test]
fn an_address_of_a_record_that_is_not_read_is_not_none() {
    let record = |properties: serde_json::Value| {
        let zone = network_id("privateDnsZones", "privatelink.postgres.database.azure.com");
        let azure = written(&[(
            "a.json",
            json!({"id": format!("{zone}/A/pg"), "name": "pg",
            "type": "Microsoft.Network/privateDnsZones/A", "properties": properties}),
        )]);
        azure.dns_zones.seen().expect("a zone")[0].records[0].clone()
    };
    assert!(!record(json!({"aRecords": [{"ipv4Address": "10.1.3.5"}]})).unread);
    assert!(!record(json!({"aRecords": []})).unread, "no address at all");
    for unread in [json!([{"ipv4Address": "x.x.3.x"}]), json!([{"ipv4Address": "10.1.3.5"}, {}])] {
        assert!(record(json!({"aRecords": unread})).unread, "{unread}");
    }
    assert!(record(json!({"ttl": 10})).unread, "a reduced document");
}

#[test]
fn a_type_may_start_like_an_id() {
    let event = json!({"type": "/providers/Microsoft.ResourceHealth/events", "name": "AB-CD1",
        "id": "/subscriptions/s/providers/Microsoft.ResourceHealth/events/AB-CD1",
        "properties": {"eventType": "ServiceIssue", "status": "Active", "title": "t"}});
    let azure = written(&[("events.json", json!({"value": [event]}))]);
    assert!(azure.unused.is_empty(), "{:?}", azure.unused);
}

/// A rule of a group for outbound traffic, with one part of it as given.
fn outbound(name: &str, key: &str, value: &str) -> serde_json::Value {
    let mut rule = json!({"name": name, "properties": {"priority": 100, "direction": "Outbound",
        "access": "Deny", "protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "10.9.0.0/16"}});
    rule["properties"][key] = json!(value);
    rule
}

#[test]
fn what_is_not_understood_in_a_rule_is_unknown_and_the_others_count() {
    use entra_pg_checks::{facts::azure_network::Endpoint, support::azure::tags::unreadable};
    let unknown = |end: &Endpoint| matches!(end, Endpoint::Tag(name) if unreadable(name));
    for (key, value, at_source) in [
        ("sourceAddressPrefix", "x.x.9.x/24", true),
        ("sourceAddressPrefix", "10.1.9.0/33", true),
        ("sourceAddressPrefix", "10.1.9.1-10.1.9.9", true),
        ("sourceAddressPrefix", "", true),
        ("destinationAddressPrefix", "[parameters('x')]", false),
        ("destinationAddressPrefix", "<redacted>", false),
        ("destinationPortRange", "4x3", false),
        ("protocol", "Gre", false),
    ] {
        let mut group = todays_group();
        group["properties"]["securityRules"] =
            json!([outbound("Odd", key, value), outbound("Plain", "protocol", "Tcp")]);
        let azure = written(&[("nsg.json", group)]);
        let groups = azure.security_groups.seen().expect("a group");
        let rule =
            |name: &str| groups[0].rules.iter().find(|one| one.name == name).expect("a rule");
        let odd = rule("Odd");
        let ends = if at_source { &odd.sources } else { &odd.destinations };
        assert!(ends.iter().all(unknown), "{key} {value}: {odd:?}");
        let plain = rule("Plain");
        assert!(!plain.sources.iter().chain(&plain.destinations).any(unknown), "{plain:?}");
    }
}

#[test]
fn what_is_not_understood_in_a_route_is_unknown_and_the_others_count() {
    use entra_pg_checks::facts::azure_network::{Endpoint, NextHop};
    let table = json!({"id": network_id("routeTables", "rt"), "name": "rt",
        "type": "Microsoft.Network/routeTables", "properties": {"routes": [
            {"name": "ecmp", "properties": {"addressPrefix": "10.1.0.0/16", "nextHopType": "VirtualApplianceEcmp"}},
            {"name": "new", "properties": {"addressPrefix": "10.2.0.0/16", "nextHopType": "SomethingNew"}},
            {"name": "odd", "properties": {"addressPrefix": "x.x.0.x/16", "nextHopType": "None"}},
            {"name": "plain", "properties": {"addressPrefix": "AzureActiveDirectory", "nextHopType": "Internet"}}]}});
    let azure = written(&[("rt.json", table)]);
    let routes = &azure.route_tables.seen().expect("a table")[0].routes;
    let hops: Vec<NextHop> = routes.iter().map(|one| one.next_hop).collect();
    let wanted = [NextHop::VirtualAppliance, NextHop::Unknown, NextHop::None, NextHop::Internet];
    assert_eq!(hops, wanted, "{routes:?}");
    assert!(matches!(&routes[2].destination, Endpoint::Tag(name) if name.contains("x.x.0.x/16")));
}
