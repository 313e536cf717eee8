//! The requirements of Microsoft Entra authentication on a flexible server, as a checklist for the
//! topology at hand: each is a go, a no-go, or not checked.

use crate::{
    check::{Check, Problem, Severity},
    evidence::Evidence,
    facts::azure::{FlexibleServer, Topology, resource_group},
    judge::{Judgement, Line, Status, judge},
    support::azure::place,
    verdict::Fix,
};

const PUBLIC: Topology = Topology::Public;
const ENDPOINT: Topology = Topology::PrivateEndpoints;
const NETWORK: Topology = Topology::VirtualNetwork;

/// Whose side a requirement is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The server and its network: once.
    Server,
    /// Each network that clients connect from: once per report of a run there.
    Client,
}

/// A documented requirement.
pub struct Requirement {
    /// The name that scripts may rely on.
    pub id: &'static str,
    /// The requirement as a statement.
    pub title: &'static str,
    /// The topologies that it applies to.
    pub topologies: &'static [Topology],
    /// Whose side it is about.
    pub side: Side,
    /// The checks that judge it.
    pub checks: &'static [&'static Check],
    /// Problems of the check that leave it undecided.
    pub open: &'static [&'static Problem],
    /// The command whose output (`--azure-config`, `--report`) supplies what is missing.
    pub supply: &'static str,
    /// Where the portal shows it.
    pub portal: &'static str,
    /// The fix in Bicep.
    pub bicep: &'static str,
    /// The fix in Terraform.
    pub terraform: &'static str,
    /// The fix for the Azure CLI, if the finding gives none.
    pub az: &'static str,
}

/// The state of a requirement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It is met.
    Go,
    /// It is not met.
    NoGo,
    /// It was not checked, or could not be decided.
    NotChecked,
}

/// A requirement and what was found.
pub struct Item {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// Its state.
    pub state: State,
    /// What was found, or why nothing was.
    pub detail: String,
    /// The observations behind it.
    pub evidence: Vec<String>,
    /// Where it was seen from: `azure-config`, or the machine of a run.
    pub vantage: String,
    /// What to do, if it is not met.
    pub fixes: Vec<Fix>,
    /// The fix as Azure CLI, Bicep and Terraform.
    pub snippets: Vec<(&'static str, String)>,
}

/// The checklist.
pub struct Checklist {
    /// The server, if it is known.
    pub server: Option<String>,
    /// How it is attached to networks; `None`: not known, so that every requirement is listed.
    pub topology: Option<Topology>,
    /// The requirements.
    pub items: Vec<Item>,
}

impl State {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::NoGo => "NO-GO",
            Self::NotChecked => "NOT CHECKED",
        }
    }
}

impl Checklist {
    /// No-go if anything is; go only if everything is.
    #[must_use]
    pub fn state(&self) -> State {
        let any = |state| self.items.iter().any(|item| item.state == state);
        if any(State::NoGo) {
            State::NoGo
        } else if any(State::NotChecked) || self.items.is_empty() {
            State::NotChecked
        } else {
            State::Go
        }
    }

    /// How many are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.items.iter().filter(|item| item.state == state).count()
    }
}

/// Judges every requirement. `clients`: the evidence of runs in the networks of clients.
#[must_use]
pub fn checklist(seen: &Evidence, clients: &[&Evidence], topology: Option<Topology>) -> Checklist {
    let server = place::server(seen).ok();
    let topology = topology.or_else(|| topology_of(seen, server));
    let applies = |requirement: &&Requirement| {
        topology.is_none_or(|topology| requirement.topologies.contains(&topology))
    };
    let mut items = Vec::new();
    for requirement in REQUIREMENTS.iter().filter(applies) {
        match requirement.side {
            Side::Server => items.push(item(requirement, seen, "azure-config", server)),
            Side::Client if clients.is_empty() => {
                items.push(Item {
                    requirement,
                    state: State::NotChecked,
                    detail: "no run in a client network was given".to_owned(),
                    evidence: Vec::new(),
                    vantage: "client".to_owned(),
                    fixes: Vec::new(),
                    snippets: Vec::new(),
                });
            }
            Side::Client => {
                for client in clients {
                    let vantage = format!("client {}", client.vantage.hostname);
                    items.push(item(requirement, client, &vantage, server));
                }
            }
        }
    }
    Checklist { server: server.map(|server| server.name.clone()), topology, items }
}

/// The topology of the server, or of the network that is planned for one.
fn topology_of(seen: &Evidence, server: Option<&FlexibleServer>) -> Option<Topology> {
    let azure = seen.azure.seen();
    let planned = azure.is_some_and(|azure| {
        azure.security_groups.seen().is_some()
            || azure.route_tables.seen().is_some()
            || azure.networks.seen().is_some()
    });
    server.map(FlexibleServer::topology).or_else(|| planned.then_some(NETWORK))
}

fn item(
    requirement: &'static Requirement,
    seen: &Evidence,
    vantage: &str,
    server: Option<&FlexibleServer>,
) -> Item {
    let judged = judge(requirement.checks, seen, |_| true);
    let (state, detail) = state_of(requirement, &judged);
    let failed = state == State::NoGo;
    let findings = || judged.findings.iter().map(|one| &one.finding);
    let fixes: Vec<Fix> =
        if failed { findings().flat_map(|one| one.fixes.clone()).collect() } else { Vec::new() };
    let az = fixes.iter().find_map(|fix| fix.command.clone()).unwrap_or_default();
    let az = if az.is_empty() { requirement.az.to_owned() } else { az };
    let snippets = [
        ("az", az),
        ("bicep", requirement.bicep.to_owned()),
        ("terraform", requirement.terraform.to_owned()),
    ];
    let snippets = snippets
        .into_iter()
        .filter(|(_, text)| failed && !text.is_empty())
        .map(|(kind, text)| (kind, filled(&text, server)))
        .collect();
    Item {
        requirement,
        state,
        detail,
        evidence: findings().flat_map(|one| one.evidence.clone()).collect(),
        vantage: vantage.to_owned(),
        fixes,
        snippets,
    }
}

fn filled(text: &str, server: Option<&FlexibleServer>) -> String {
    let Some(server) = server else { return text.to_owned() };
    let plain = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let mut text = text.to_owned();
    if plain(&server.name) {
        text = text.replace("<server>", &server.name);
    }
    let group = resource_group(&server.id);
    if plain(group) {
        text = text.replace("<resource-group>", group);
    }
    text
}

/// Nothing but a check that passed is a go.
fn state_of(requirement: &Requirement, judged: &Judgement) -> (State, String) {
    let open = |problem: &Problem| requirement.open.iter().any(|one| one.id == problem.id);
    let failed = judged.findings.iter().find(|one| {
        one.finding.severity >= Severity::Warning
            && (one.finding.severity == Severity::Error || !open(one.finding.problem))
    });
    if let Some(one) = failed {
        return (State::NoGo, one.finding.detail.clone());
    }
    let asked = |line: &&Line| line.status != Status::NotApplicable;
    let lines: Vec<&Line> = judged.lines.iter().filter(asked).collect();
    if let Some(line) = lines.iter().find(|line| line.status != Status::Passed) {
        return (State::NotChecked, line.detail.clone());
    }
    if lines.is_empty() {
        let first = judged.lines.first().map(|line| line.detail.clone());
        return (State::NotChecked, first.unwrap_or_else(|| "nothing was observed".to_owned()));
    }
    let about = |line: &&Line| match &line.subject {
        Some(subject) => format!("{subject}: {}", line.detail),
        None => line.detail.clone(),
    };
    let all: Vec<String> = lines.iter().take(4).map(about).collect();
    (State::Go, all.join("; "))
}

/// The documented requirements. Sources: Microsoft Learn, "Use Microsoft Entra ID for authentication
/// with Azure Database for PostgreSQL", "Network with private access", "Network with public access",
/// "Private Link".
pub const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "server-ready",
        title: "The server is ready",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::server_state::CHECK],
        open: &[],
        supply: "az postgres flexible-server show -g <resource-group> -n <server> -o json",
        portal: "server > Overview > Status",
        az: "az postgres flexible-server start -g <resource-group> -n <server>",
        bicep: "// The state is not a property of a template: start the server with the Azure CLI.",
        terraform: "# The state is not an argument of azurerm_postgresql_flexible_server: start the server with the Azure CLI.",
    },
    Requirement {
        id: "entra-authentication",
        title: "Microsoft Entra authentication is on",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::entra_auth::CHECK],
        open: &[],
        supply: "az postgres flexible-server show -g <resource-group> -n <server> -o json",
        portal: "server > Security > Authentication",
        az: "az postgres flexible-server update -g <resource-group> -n <server> --microsoft-entra-auth Enabled",
        bicep: "resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {\n  name: '<server>'\n  location: location\n  properties: {\n    authConfig: {\n      activeDirectoryAuth: 'Enabled'\n      passwordAuth: 'Enabled'\n      tenantId: subscription().tenantId\n    }\n  }\n}",
        terraform: "resource \"azurerm_postgresql_flexible_server\" \"server\" {\n  name = \"<server>\"\n  authentication {\n    active_directory_auth_enabled = true\n    password_auth_enabled         = true\n    tenant_id                     = data.azurerm_client_config.current.tenant_id\n  }\n}",
    },
    Requirement {
        id: "entra-administrator",
        title: "The server has a Microsoft Entra administrator",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::administrators::CHECK],
        open: &[],
        supply: "az postgres flexible-server microsoft-entra-admin list -g <resource-group> -s <server> -o json",
        portal: "server > Security > Authentication > Microsoft Entra administrators",
        az: "az postgres flexible-server microsoft-entra-admin create -g <resource-group> -s <server> -i <object-id> -u <name> -t Group",
        bicep: "resource admin 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2024-08-01' = {\n  parent: server\n  name: '<object-id>'\n  properties: {\n    principalName: '<name>'\n    principalType: 'Group'\n    tenantId: subscription().tenantId\n  }\n}",
        terraform: "resource \"azurerm_postgresql_flexible_server_active_directory_administrator\" \"admin\" {\n  server_name         = \"<server>\"\n  resource_group_name = \"<resource-group>\"\n  tenant_id           = data.azurerm_client_config.current.tenant_id\n  object_id           = \"<object-id>\"\n  principal_name      = \"<name>\"\n  principal_type      = \"Group\"\n}",
    },
    Requirement {
        id: "nsg-entra",
        title: "The NSG of the server's subnet allows TCP 443 to AzureActiveDirectory",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::egress_rules::CHECK],
        open: &[],
        supply: "az network nsg show -g <network-resource-group> -n <nsg> -o json",
        portal: "network security group > Outbound security rules",
        az: "az network nsg rule create -g <network-resource-group> --nsg-name <nsg> -n AllowEntraOutBound --priority <priority> --direction Outbound --access Allow --protocol Tcp --destination-address-prefixes AzureActiveDirectory --destination-port-ranges 443",
        bicep: "resource rule 'Microsoft.Network/networkSecurityGroups/securityRules@2023-09-01' = {\n  parent: nsg\n  name: 'AllowEntraOutBound'\n  properties: {\n    priority: 200\n    direction: 'Outbound'\n    access: 'Allow'\n    protocol: 'Tcp'\n    sourceAddressPrefix: '*'\n    sourcePortRange: '*'\n    destinationAddressPrefix: 'AzureActiveDirectory'\n    destinationPortRange: '443'\n  }\n}",
        terraform: "resource \"azurerm_network_security_rule\" \"entra\" {\n  name                        = \"AllowEntraOutBound\"\n  resource_group_name         = \"<network-resource-group>\"\n  network_security_group_name = \"<nsg>\"\n  priority                    = 200\n  direction                   = \"Outbound\"\n  access                      = \"Allow\"\n  protocol                    = \"Tcp\"\n  source_address_prefix       = \"*\"\n  source_port_range           = \"*\"\n  destination_address_prefix  = \"AzureActiveDirectory\"\n  destination_port_range      = \"443\"\n}",
    },
    Requirement {
        id: "route-entra",
        title: "The routes of the server's subnet send AzureActiveDirectory to the internet",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::routes::CHECK],
        open: &[&crate::azure::routes::ROUTE_VIA_APPLIANCE],
        supply: "az network route-table show -g <network-resource-group> -n <route-table> -o json",
        portal: "route table > Routes",
        az: "az network route-table route create -g <network-resource-group> --route-table-name <route-table> -n Entra --address-prefix AzureActiveDirectory --next-hop-type Internet",
        bicep: "resource route 'Microsoft.Network/routeTables/routes@2023-09-01' = {\n  parent: routeTable\n  name: 'Entra'\n  properties: {\n    addressPrefix: 'AzureActiveDirectory'\n    nextHopType: 'Internet'\n  }\n}",
        terraform: "resource \"azurerm_route\" \"entra\" {\n  name                = \"Entra\"\n  resource_group_name = \"<network-resource-group>\"\n  route_table_name    = \"<route-table>\"\n  address_prefix      = \"AzureActiveDirectory\"\n  next_hop_type       = \"Internet\"\n}",
    },
    Requirement {
        id: "dns-entra",
        title: "The nameservers of the server's network resolve login.microsoftonline.com and graph.microsoft.com",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::dns_servers::CHECK],
        open: &[&crate::azure::dns_servers::CUSTOM_DNS],
        supply: "az network vnet show -g <network-resource-group> -n <vnet> -o json; with nameservers of its own, run entra-pg doctor --nameserver <address> in the network",
        portal: "virtual network > DNS servers",
        az: "az network vnet update -g <network-resource-group> -n <vnet> --dns-servers ''",
        bicep: "// dhcpOptions: {} in Microsoft.Network/virtualNetworks selects the resolver of Azure.\n// With nameservers of your own, forward public names to a public resolver.",
        terraform: "# dns_servers = [] in azurerm_virtual_network selects the resolver of Azure.\n# With nameservers of your own, forward public names to a public resolver.",
    },
    Requirement {
        id: "nsg-clients",
        title: "The NSG of the server's subnet allows clients to the port of PostgreSQL",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::ingress_rules::CHECK],
        open: &[],
        supply: "az network nsg show -g <network-resource-group> -n <nsg> -o json",
        portal: "network security group > Inbound security rules",
        az: "az network nsg rule create -g <network-resource-group> --nsg-name <nsg> -n AllowPostgreSQLInBound --priority <priority> --direction Inbound --access Allow --protocol Tcp --source-address-prefixes <client-subnet> --destination-port-ranges 5432",
        bicep: "resource rule 'Microsoft.Network/networkSecurityGroups/securityRules@2023-09-01' = {\n  parent: nsg\n  name: 'AllowPostgreSQLInBound'\n  properties: {\n    priority: 200\n    direction: 'Inbound'\n    access: 'Allow'\n    protocol: 'Tcp'\n    sourceAddressPrefix: '<client-subnet>'\n    sourcePortRange: '*'\n    destinationAddressPrefix: '*'\n    destinationPortRange: '5432'\n  }\n}",
        terraform: "resource \"azurerm_network_security_rule\" \"clients\" {\n  name                        = \"AllowPostgreSQLInBound\"\n  resource_group_name         = \"<network-resource-group>\"\n  network_security_group_name = \"<nsg>\"\n  priority                    = 200\n  direction                   = \"Inbound\"\n  access                      = \"Allow\"\n  protocol                    = \"Tcp\"\n  source_address_prefix       = \"<client-subnet>\"\n  source_port_range           = \"*\"\n  destination_address_prefix  = \"*\"\n  destination_port_range      = \"5432\"\n}",
    },
    Requirement {
        id: "firewall-rules",
        title: "The firewall rules of the server admit the client",
        topologies: &[PUBLIC],
        side: Side::Server,
        checks: &[&crate::azure::firewall_rules::CHECK],
        open: &[],
        supply: "az postgres flexible-server firewall-rule list -g <resource-group> -s <server> -o json",
        portal: "server > Settings > Networking > Firewall rules",
        az: "az postgres flexible-server firewall-rule create -g <resource-group> -s <server> -n client --start-ip-address <address> --end-ip-address <address>",
        bicep: "resource rule 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2024-08-01' = {\n  parent: server\n  name: 'client'\n  properties: {\n    startIpAddress: '<address>'\n    endIpAddress: '<address>'\n  }\n}",
        terraform: "resource \"azurerm_postgresql_flexible_server_firewall_rule\" \"client\" {\n  name             = \"client\"\n  server_id        = azurerm_postgresql_flexible_server.server.id\n  start_ip_address = \"<address>\"\n  end_ip_address   = \"<address>\"\n}",
    },
    Requirement {
        id: "private-endpoint",
        title: "A private endpoint of the server is approved",
        topologies: &[ENDPOINT],
        side: Side::Server,
        checks: &[&crate::azure::private_endpoint::CHECK],
        open: &[],
        supply: "az postgres flexible-server show -g <resource-group> -n <server> -o json",
        portal: "server > Settings > Networking > Private endpoints",
        az: "az network private-endpoint-connection approve --id <connection-id>",
        bicep: "resource endpoint 'Microsoft.Network/privateEndpoints@2023-09-01' = {\n  name: 'pe-<server>'\n  location: location\n  properties: {\n    subnet: { id: subnet.id }\n    privateLinkServiceConnections: [\n      {\n        name: '<server>'\n        properties: {\n          privateLinkServiceId: server.id\n          groupIds: [ 'postgresqlServer' ]\n        }\n      }\n    ]\n  }\n}",
        terraform: "resource \"azurerm_private_endpoint\" \"server\" {\n  name                = \"pe-<server>\"\n  resource_group_name = \"<network-resource-group>\"\n  location            = var.location\n  subnet_id           = var.subnet_id\n  private_service_connection {\n    name                           = \"<server>\"\n    private_connection_resource_id = azurerm_postgresql_flexible_server.server.id\n    subresource_names              = [\"postgresqlServer\"]\n    is_manual_connection           = false\n  }\n}",
    },
    Requirement {
        id: "private-zone",
        title: "The private DNS zone of the server is linked to a virtual network",
        topologies: &[ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::private_zone::CHECK],
        open: &[],
        supply: "az network private-dns link vnet list -g <network-resource-group> -z <zone> -o json",
        portal: "private DNS zone > Virtual network links",
        az: "az network private-dns link vnet create -g <network-resource-group> -z <zone> -n <vnet> -v <vnet-id> -e false",
        bicep: "resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = {\n  parent: zone\n  name: '<vnet>'\n  location: 'global'\n  properties: {\n    virtualNetwork: { id: vnet.id }\n    registrationEnabled: false\n  }\n}",
        terraform: "resource \"azurerm_private_dns_zone_virtual_network_link\" \"clients\" {\n  name                  = \"<vnet>\"\n  resource_group_name   = \"<network-resource-group>\"\n  private_dns_zone_name = \"<zone>\"\n  virtual_network_id    = azurerm_virtual_network.clients.id\n}",
    },
    Requirement {
        id: "client-resolves",
        title: "The client resolves the server, login.microsoftonline.com and graph.microsoft.com",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Client,
        checks: &[&crate::dns::resolution::CHECK],
        open: &[],
        supply: CLIENT_RUN,
        portal: "virtual network > DNS servers",
        az: "az network private-dns link vnet create -g <network-resource-group> -z <zone> -n <vnet> -v <vnet-id> -e false",
        bicep: "// Link the private DNS zone of the server to the client's network, or forward it to 168.63.129.16.",
        terraform: "# Link the private DNS zone of the server to the client's network, or forward it to 168.63.129.16.",
    },
    Requirement {
        id: "client-reaches-entra",
        title: "The client reaches Microsoft Entra ID and Microsoft Graph, through its proxy if it has one",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Client,
        checks: &[
            &crate::outbound::proxy::CHECK,
            &crate::outbound::tcp::CHECK,
            &crate::outbound::tls::CHECK,
            &crate::outbound::http::CHECK,
        ],
        open: &[],
        supply: CLIENT_RUN,
        portal: "network security group and firewall of the client's network",
        az: "az network nsg rule create -g <network-resource-group> --nsg-name <nsg> -n AllowEntraOutBound --priority <priority> --direction Outbound --access Allow --protocol Tcp --destination-address-prefixes AzureActiveDirectory --destination-port-ranges 443",
        bicep: "// Allow TCP 443 to the service tag AzureActiveDirectory in the client's network.",
        terraform: "# Allow TCP 443 to the service tag AzureActiveDirectory in the client's network.",
    },
    Requirement {
        id: "client-reaches-server",
        title: "The client reaches the server over TCP and TLS",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Client,
        checks: &[
            &crate::server::tcp::CHECK,
            &crate::server::protocol::CHECK,
            &crate::server::tls::CHECK,
        ],
        open: &[],
        supply: CLIENT_RUN,
        portal: "server > Settings > Networking",
        az: "az postgres flexible-server show -g <resource-group> -n <server> --query network",
        bicep: "// Allow TCP 5432 from the client's network to the server.",
        terraform: "# Allow TCP 5432 from the client's network to the server.",
    },
];

const CLIENT_RUN: &str =
    "entra-pg doctor --format json -o client.json on the client, then preflight --from client.json";

#[cfg(test)]
mod tests {
    use super::{Checklist, REQUIREMENTS, State, checklist};
    use crate::{facts::azure::Topology, support::testing::healthy_but};
    use serde_json::json;

    fn state(list: &Checklist, id: &str) -> State {
        let item = list.items.iter().find(|item| item.requirement.id == id);
        item.map_or(State::NotChecked, |item| item.state)
    }

    #[test]
    fn nothing_given_is_not_checked() {
        let seen = healthy_but(&[]);
        for topology in [Topology::Public, Topology::PrivateEndpoints, Topology::VirtualNetwork] {
            let list = checklist(&seen, &[], Some(topology));
            assert_eq!(list.state(), State::NotChecked);
            assert!(list.items.iter().all(|item| item.state == State::NotChecked));
        }
    }

    #[test]
    fn a_server_without_entra_is_a_no_go_with_three_fixes() {
        let azure = json!({"seen": {"server": {"seen": {"name": "pg-prod", "id": "",
            "host": "pg-prod.postgres.database.azure.com", "state": "Ready", "public_access": true,
            "entra_authentication": false}}}});
        let seen = healthy_but(&[("/azure", azure)]);
        let list = checklist(&seen, &[&seen], None);
        assert_eq!(list.topology, Some(Topology::Public));
        assert_eq!(state(&list, "server-ready"), State::Go);
        assert_eq!(state(&list, "client-reaches-entra"), State::Go);
        assert_eq!(list.state(), State::NoGo);
        let item = list.items.iter().find(|item| item.requirement.id == "entra-authentication");
        let item = item.expect("the requirement");
        assert_eq!(
            item.snippets.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
            ["az", "bicep", "terraform"]
        );
        assert!(
            item.snippets.iter().all(|(_, text)| !text.contains("<server>")),
            "{:?}",
            item.snippets
        );
    }

    #[test]
    fn every_requirement_says_what_supplies_it_and_how_to_fix_it() {
        for one in REQUIREMENTS {
            for text in [one.title, one.supply, one.portal, one.az, one.bicep, one.terraform] {
                assert!(!text.is_empty(), "{}", one.id);
            }
            assert!(!one.topologies.is_empty() && !one.checks.is_empty(), "{}", one.id);
        }
    }
}
