//! The documented requirements. Sources: Microsoft Learn, "Use Microsoft Entra ID for authentication
//! with Azure Database for PostgreSQL", "Network with private access", "Network with public access" and
//! "Private Link".

use super::{Instead, Requirement, Side};
use crate::facts::azure::Topology;

const PUBLIC: Topology = Topology::Public;
const ENDPOINT: Topology = Topology::PrivateEndpoints;
const NETWORK: Topology = Topology::VirtualNetwork;

/// A rule of a network security group in Bicep. Literals, so that it is part of a `const`.
macro_rules! rule_bicep {
    ($name:literal, $direction:literal, $protocol:literal, from $source:literal, to $destination:literal, $port:literal) => {
        concat!(
            "resource rule 'Microsoft.Network/networkSecurityGroups/securityRules@2023-09-01' = {\n",
            "  parent: nsg\n",
            "  name: '", $name, "'\n",
            "  properties: {\n",
            "    priority: <priority>\n",
            "    direction: '", $direction, "'\n",
            "    access: 'Allow'\n",
            "    protocol: '", $protocol, "'\n",
            "    sourceAddressPrefix: '", $source, "'\n",
            "    sourcePortRange: '*'\n",
            "    destinationAddressPrefix: '", $destination, "'\n",
            "    destinationPortRange: '", $port, "'\n",
            "  }\n",
            "}",
        )
    };
}

/// The same in Terraform.
macro_rules! rule_terraform {
    ($name:literal, $direction:literal, $protocol:literal, from $source:literal, to $destination:literal, $port:literal) => {
        concat!(
            "resource \"azurerm_network_security_rule\" \"rule\" {\n",
            "  name                        = \"",
            $name,
            "\"\n",
            "  resource_group_name         = \"<network-resource-group>\"\n",
            "  network_security_group_name = \"<nsg>\"\n",
            "  priority                    = <priority>\n",
            "  direction                   = \"",
            $direction,
            "\"\n",
            "  access                      = \"Allow\"\n",
            "  protocol                    = \"",
            $protocol,
            "\"\n",
            "  source_address_prefix       = \"",
            $source,
            "\"\n",
            "  source_port_range           = \"*\"\n",
            "  destination_address_prefix  = \"",
            $destination,
            "\"\n",
            "  destination_port_range      = \"",
            $port,
            "\"\n",
            "}",
        )
    };
}

/// What several requirements need: a run on the client, a rule that allows Microsoft Entra ID, a link of
/// the private zone to the network of the clients.
const RUN_ON_CLIENT: &str =
    "entra-pg doctor --format json -o client.json on the client, then preflight --from client.json";
const ALLOW_ENTRA_AZ: &str = "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n AllowEntraOutBound --priority $PRIORITY --direction Outbound --access Allow --protocol Tcp --destination-address-prefixes AzureActiveDirectory --destination-port-ranges 443";
const ALLOW_ENTRA_BICEP: &str = rule_bicep!("AllowEntraOutBound", "Outbound", "Tcp", from "*", to "AzureActiveDirectory", "443");
const ALLOW_ENTRA_TERRAFORM: &str = rule_terraform!("AllowEntraOutBound", "Outbound", "Tcp", from "*", to "AzureActiveDirectory", "443");
const LINK_ZONE_AZ: &str = "az network private-dns link vnet create -g $NETWORK_RG -z $ZONE -n clients -v $VNET_ID -e false";
const LINK_ZONE_BICEP: &str = r#"resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = {
  parent: zone
  name: 'clients'
  location: 'global'
  properties: {
    virtualNetwork: { id: vnet.id }
    registrationEnabled: false
  }
}"#;
const LINK_ZONE_TERRAFORM: &str = r#"resource "azurerm_private_dns_zone_virtual_network_link" "clients" {
  name                  = "clients"
  resource_group_name   = "<network-resource-group>"
  private_dns_zone_name = "<zone>"
  virtual_network_id    = azurerm_virtual_network.clients.id
}"#;

/// What keeps the record of a private endpoint up to date.
const ZONE_GROUP_BICEP: &str = r#"resource group 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2023-09-01' = {
  name: '<endpoint>/default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: 'postgres'
        properties: { privateDnsZoneId: '<zone-id>' }
      }
    ]
  }
}"#;
const ZONE_GROUP_TERRAFORM: &str = r#"resource "azurerm_private_endpoint" "server" {
  name                = "<endpoint>"
  resource_group_name = "<network-resource-group>"
  location            = var.location
  subnet_id           = var.subnet_id
  private_service_connection {
    name                           = "<server>"
    private_connection_resource_id = azurerm_postgresql_flexible_server.server.id
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }
  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = ["<zone-id>"]
  }
}"#;

/// The requirements, in the order in which they are met.
pub const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "server-ready",
        title: "The server is ready",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::server_state::CHECK],
        open: &[],
        supply: "az postgres flexible-server show -g $RG -n $SERVER -o json",
        role: "Reader on the server",
        portal: "server > Overview > Status",
        az: "az postgres flexible-server start -g $RG -n $SERVER",
        bicep: "// The state is not a property of a template. Start the server with the Azure CLI.",
        terraform: "# The state is not an argument of azurerm_postgresql_flexible_server. Start the server with the Azure CLI.",
        instead: &[],
    },
    Requirement {
        id: "entra-authentication",
        title: "Microsoft Entra authentication is on",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::entra_auth::CHECK],
        open: &[],
        supply: "az postgres flexible-server show -g $RG -n $SERVER -o json",
        role: "Reader on the server",
        portal: "server > Security > Authentication",
        az: "az postgres flexible-server update -g $RG -n $SERVER --microsoft-entra-auth Enabled",
        bicep: r#"resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: '<server>'
  location: location
  properties: {
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Enabled'
      tenantId: subscription().tenantId
    }
  }
}"#,
        terraform: r#"resource "azurerm_postgresql_flexible_server" "server" {
  name                = "<server>"
  resource_group_name = "<resource-group>"
  authentication {
    active_directory_auth_enabled = true
    password_auth_enabled         = true
    tenant_id                     = data.azurerm_client_config.current.tenant_id
  }
}"#,
        instead: &[],
    },
    Requirement {
        id: "entra-administrator",
        title: "The server has a Microsoft Entra administrator",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::administrators::CHECK],
        open: &[],
        supply: "az postgres flexible-server microsoft-entra-admin list -g $RG -s $SERVER -o json",
        role: "Reader on the server",
        portal: "server > Security > Authentication > Microsoft Entra administrators",
        az: "az postgres flexible-server microsoft-entra-admin create -g $RG -s $SERVER -i $OBJECT_ID -u $USER_NAME -t Group",
        bicep: r#"resource admin 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2024-08-01' = {
  parent: server
  name: '<object-id>'
  properties: {
    principalName: '<name>'
    principalType: '<principal-type>'
    tenantId: subscription().tenantId
  }
}"#,
        terraform: r#"resource "azurerm_postgresql_flexible_server_active_directory_administrator" "admin" {
  server_name         = "<server>"
  resource_group_name = "<resource-group>"
  tenant_id           = data.azurerm_client_config.current.tenant_id
  object_id           = "<object-id>"
  principal_name      = "<name>"
  principal_type      = "<principal-type>"
}"#,
        instead: &[],
    },
    Requirement {
        id: "nsg-entra",
        title: "The NSG of the server's subnet allows TCP 443 to AzureActiveDirectory",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::egress_rules::CHECK],
        open: &[],
        supply: "az network nsg show -g $NETWORK_RG -n $NSG -o json",
        role: "Reader on the virtual network's resource group",
        portal: "network security group > Outbound security rules",
        az: ALLOW_ENTRA_AZ,
        bicep: ALLOW_ENTRA_BICEP,
        terraform: ALLOW_ENTRA_TERRAFORM,
        instead: &[],
    },
    Requirement {
        id: "route-entra",
        title: "The routes of the server's subnet send AzureActiveDirectory to the internet",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::routes::CHECK],
        open: &[&crate::azure::routes::ROUTE_VIA_APPLIANCE],
        supply: "az network route-table show -g $NETWORK_RG -n $ROUTE_TABLE -o json",
        role: "Reader on the virtual network's resource group",
        portal: "route table > Routes",
        az: "az network route-table route create -g $NETWORK_RG --route-table-name $ROUTE_TABLE -n Entra --address-prefix AzureActiveDirectory --next-hop-type Internet",
        bicep: r#"resource route 'Microsoft.Network/routeTables/routes@2023-09-01' = {
  parent: routeTable
  name: 'Entra'
  properties: {
    addressPrefix: 'AzureActiveDirectory'
    nextHopType: 'Internet'
  }
}"#,
        terraform: r#"resource "azurerm_route" "entra" {
  name                = "Entra"
  resource_group_name = "<network-resource-group>"
  route_table_name    = "<route-table>"
  address_prefix      = "AzureActiveDirectory"
  next_hop_type       = "Internet"
}"#,
        instead: &[],
    },
    Requirement {
        id: "dns-entra",
        title: "The server's nameservers are reachable and resolve Microsoft Entra ID and Microsoft Graph",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::dns_servers::CHECK, &crate::azure::dns_rules::CHECK],
        open: &[&crate::azure::dns_servers::CUSTOM_DNS],
        supply: "az network vnet show -g $NETWORK_RG -n $VNET -o json; if it lists nameservers, also entra-pg doctor --nameserver $NAME_SERVER --format json -o client.json in the network",
        role: "Reader on the virtual network's resource group",
        portal: "virtual network > DNS servers",
        az: "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n AllowDnsOutBound --priority $PRIORITY --direction Outbound --access Allow --protocol '*' --destination-port-ranges 53 --destination-address-prefixes $NAME_SERVER",
        bicep: concat!(
            rule_bicep!("AllowDnsOutBound", "Outbound", "*", from "*", to "<nameserver>", "53"),
            r#"
// If the nameservers do not resolve: dhcpOptions: {} in Microsoft.Network/virtualNetworks selects
// the resolver of Azure. Otherwise forward public names to a public resolver."#,
        ),
        terraform: concat!(
            rule_terraform!("AllowDnsOutBound", "Outbound", "*", from "*", to "<nameserver>", "53"),
            r#"
# If the nameservers do not resolve: dns_servers = [] in azurerm_virtual_network selects the
# resolver of Azure. Otherwise forward public names to a public resolver."#,
        ),
        instead: &[Instead {
            problem: &crate::azure::dns_servers::CUSTOM_DNS,
            bicep: r#"// Azure's own resolver. With nameservers of your own, forward public names to a public resolver.
resource vnet 'Microsoft.Network/virtualNetworks@2023-09-01' = {
  name: '<vnet>'
  location: location
  properties: {
    addressSpace: { addressPrefixes: addressPrefixes }
    dhcpOptions: { dnsServers: [] }
  }
}"#,
            terraform: r#"# Azure's own resolver. With nameservers of your own, forward public names to a public resolver.
resource "azurerm_virtual_network_dns_servers" "dns" {
  virtual_network_id = "<vnet-id>"
  dns_servers        = []
}"#,
        }],
    },
    Requirement {
        id: "subnet-supported",
        title: "The server's subnet has only rules and routes that Azure supports there",
        topologies: &[NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::delegated_subnet::CHECK],
        open: &[],
        supply: "az network nsg show -g $NETWORK_RG -n $NSG -o json; az network vnet show -g $NETWORK_RG -n $VNET -o json",
        role: "Reader on the virtual network's resource group",
        portal: "virtual network > Subnets",
        az: "az network route-table route create -g $NETWORK_RG --route-table-name $ROUTE_TABLE -n OwnSubnet --next-hop-type VnetLocal --address-prefix $SERVER_PREFIX",
        bicep: r#"resource route 'Microsoft.Network/routeTables/routes@2023-09-01' = {
  parent: routeTable
  name: 'OwnSubnet'
  properties: {
    addressPrefix: '<prefix>'
    nextHopType: 'VnetLocal'
  }
}
// In rules, name address prefixes (sourceAddressPrefixes) in place of application security groups."#,
        terraform: r#"resource "azurerm_route" "own_subnet" {
  name                = "OwnSubnet"
  resource_group_name = "<network-resource-group>"
  route_table_name    = "<route-table>"
  address_prefix      = "<prefix>"
  next_hop_type       = "VnetLocal"
}
# In rules, name source_address_prefixes in place of source_application_security_group_ids."#,
        instead: &[Instead {
            problem: &crate::azure::delegated_subnet::ASG_NOT_SUPPORTED,
            bicep: rule_bicep!("<rule>", "Inbound", "Tcp", from "<client-prefix>", to "*", "<port>"),
            terraform: rule_terraform!("<rule>", "Inbound", "Tcp", from "<client-prefix>", to "*", "<port>"),
        }],
    },
    Requirement {
        id: "nsg-clients",
        title: "The NSG of the server's subnet allows the client to the port of PostgreSQL",
        topologies: &[NETWORK],
        side: Side::Path,
        checks: &[&crate::azure::ingress_rules::CHECK],
        open: &[],
        supply: "az network nsg show -g $NETWORK_RG -n $NSG -o json; entra-pg doctor --format json -o client.json on the client (--from)",
        role: "Reader on the virtual network's resource group",
        portal: "network security group > Inbound security rules",
        az: "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n AllowPostgreSQLInBound --priority $PRIORITY --direction Inbound --access Allow --protocol Tcp --source-address-prefixes $CLIENT_PREFIX --destination-port-ranges 5432",
        bicep: rule_bicep!("AllowPostgreSQLInBound", "Inbound", "Tcp", from "<client-prefix>", to "*", "<port>"),
        terraform: rule_terraform!("AllowPostgreSQLInBound", "Inbound", "Tcp", from "<client-prefix>", to "*", "<port>"),
        instead: &[],
    },
    Requirement {
        id: "firewall-rules",
        title: "The firewall rules of the server admit the client",
        topologies: &[PUBLIC],
        side: Side::Path,
        checks: &[&crate::azure::firewall_rules::CHECK],
        open: &[],
        supply: "az postgres flexible-server firewall-rule list -g $RG -s $SERVER -o json; entra-pg doctor --format json -o client.json on the client (--from)",
        role: "Reader on the server",
        portal: "server > Settings > Networking > Firewall rules",
        az: "az postgres flexible-server firewall-rule create -g $RG -s $SERVER -n client --start-ip-address $ADDRESS --end-ip-address $ADDRESS",
        bicep: r#"resource rule 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2024-08-01' = {
  parent: server
  name: 'client'
  properties: {
    startIpAddress: '<address>'
    endIpAddress: '<address>'
  }
}"#,
        terraform: r#"resource "azurerm_postgresql_flexible_server_firewall_rule" "client" {
  name             = "client"
  server_id        = azurerm_postgresql_flexible_server.server.id
  start_ip_address = "<address>"
  end_ip_address   = "<address>"
}"#,
        instead: &[],
    },
    Requirement {
        id: "private-endpoint",
        title: "A private endpoint of the server is approved",
        topologies: &[ENDPOINT],
        side: Side::Server,
        checks: &[&crate::azure::private_endpoint::CHECK],
        open: &[],
        supply: "az postgres flexible-server show -g $RG -n $SERVER -o json",
        role: "Reader on the server",
        portal: "server > Settings > Networking > Private endpoints",
        az: "az network private-endpoint-connection approve --id $ENDPOINT_CONNECTION",
        bicep: r#"resource endpoint 'Microsoft.Network/privateEndpoints@2023-09-01' = {
  name: 'pe-<server>'
  location: location
  properties: {
    subnet: { id: subnet.id }
    privateLinkServiceConnections: [
      {
        name: '<server>'
        properties: {
          privateLinkServiceId: server.id
          groupIds: [ 'postgresqlServer' ]
        }
      }
    ]
  }
}"#,
        terraform: r#"resource "azurerm_private_endpoint" "server" {
  name                = "pe-<server>"
  resource_group_name = "<network-resource-group>"
  location            = var.location
  subnet_id           = var.subnet_id
  private_service_connection {
    name                           = "<server>"
    private_connection_resource_id = azurerm_postgresql_flexible_server.server.id
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }
}"#,
        instead: &[],
    },
    Requirement {
        id: "private-zone",
        title: "The private DNS zone of the server is linked to the network and holds its address",
        topologies: &[ENDPOINT, NETWORK],
        side: Side::Server,
        checks: &[&crate::azure::private_zone::CHECK],
        open: &[&crate::azure::private_zone::PRIVATE_ZONE_FORWARDED],
        supply: "az network private-dns link vnet list -g $NETWORK_RG -z $ZONE -o json; az network private-dns record-set list -g $NETWORK_RG -z $ZONE -o json",
        role: "Reader on the private DNS zone",
        portal: "private DNS zone > Virtual network links",
        az: LINK_ZONE_AZ,
        bicep: LINK_ZONE_BICEP,
        terraform: LINK_ZONE_TERRAFORM,
        instead: &[
            Instead {
                problem: &crate::azure::private_zone::PRIVATE_ZONE_NO_RECORD,
                bicep: ZONE_GROUP_BICEP,
                terraform: ZONE_GROUP_TERRAFORM,
            },
            Instead {
                problem: &crate::azure::private_zone::PRIVATE_ZONE_OLD_RECORD,
                bicep: ZONE_GROUP_BICEP,
                terraform: ZONE_GROUP_TERRAFORM,
            },
        ],
    },
    Requirement {
        id: "client-resolves",
        title: "The client resolves the server, login.microsoftonline.com and graph.microsoft.com",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Client,
        checks: &[&crate::dns::resolution::CHECK],
        open: &[],
        supply: RUN_ON_CLIENT,
        role: "none: run it on the client",
        portal: "virtual network > DNS servers",
        az: LINK_ZONE_AZ,
        bicep: LINK_ZONE_BICEP,
        terraform: LINK_ZONE_TERRAFORM,
        instead: &[],
    },
    Requirement {
        id: "client-reaches-entra",
        title: "The client reaches Microsoft Entra ID and Microsoft Graph, through its proxy if it has one",
        topologies: &[PUBLIC, ENDPOINT, NETWORK],
        side: Side::Client,
        checks: &[
            &crate::azure::way_out::CHECK,
            &crate::outbound::proxy::CHECK,
            &crate::outbound::tcp::CHECK,
            &crate::outbound::tls::CHECK,
            &crate::outbound::http::CHECK,
        ],
        open: &[],
        supply: RUN_ON_CLIENT,
        role: "none: run it on the client",
        portal: "network security group and firewall of the client's network",
        az: ALLOW_ENTRA_AZ,
        bicep: ALLOW_ENTRA_BICEP,
        terraform: ALLOW_ENTRA_TERRAFORM,
        instead: &[],
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
        supply: RUN_ON_CLIENT,
        role: "none: run it on the client",
        portal: "server > Settings > Networking",
        az: "az network nsg rule create -g $NETWORK_RG --nsg-name $NSG -n AllowPostgreSQLOutBound --priority $PRIORITY --direction Outbound --access Allow --protocol Tcp --destination-address-prefixes '*' --destination-port-ranges 5432",
        bicep: rule_bicep!("AllowPostgreSQLOutBound", "Outbound", "Tcp", from "*", to "*", "5432"),
        terraform: rule_terraform!("AllowPostgreSQLOutBound", "Outbound", "Tcp", from "*", to "*", "5432"),
        instead: &[],
    },
];
