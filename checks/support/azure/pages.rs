//! Errors of Azure Resource Manager that no check can observe; only `explain` knows these pages.

use crate::{
    check::{Fragment, Page, Problem, VantageKind, Waiting},
    verdict::Actor,
};

/// The tenant has no service principal for the Graph client of PostgreSQL.
pub static GRAPH_PRINCIPAL_MISSING: Problem = Problem {
    id: "azure/graph-principal-missing",
    title: "the tenant has no service principal for the Graph client of PostgreSQL",
    waiting: Waiting::Useless,
    vantage: VantageKind::AzureConfig,
    fragments: &[
        Fragment::new("aadauthenablefailedduetomissinggraphapiaccessprincipal", 96),
        Fragment::new("5657e26c-cc92-45d9-bc47-9da6cfdb4ed9", 95),
        Fragment::new("microsoft graph api client application", 93),
        Fragment::new("an unexpected error occured while processing the request. tracking id", 60),
    ],
    page: Page {
        means: "Azure Database for PostgreSQL looks up principals with the application \
            5657e26c-cc92-45d9-bc47-9da6cfdb4ed9. The tenant has no service principal for it, or \
            it lacks permissions, so Entra authentication cannot be enabled and Entra roles \
            cannot be created. Most reports come from US Government tenants.",
        causes: &[
            "the service principal was never created in this tenant, or was deleted",
            "an administrator disabled it",
        ],
        confirm: &["`az ad sp show --id 5657e26c-cc92-45d9-bc47-9da6cfdb4ed9 --query \
            accountEnabled`"],
        fix: &[(
            Actor::EntraAdmin,
            "create it: `az ad sp create --id \
            5657e26c-cc92-45d9-bc47-9da6cfdb4ed9`, then enable Entra authentication again",
        )],
        mistaken_for: &["azure/no-entra-administrator: there the administrator is missing, not \
            the application"],
        sources: &[
            "https://github.com/hashicorp/terraform-provider-azurerm/issues/19658",
            "https://github.com/MicrosoftDocs/azure-docs/issues/121503",
        ],
    },
    ..Problem::DEFAULT
};

/// Network policies decide whether an NSG or a route table applies to a private endpoint.
pub static PRIVATE_ENDPOINT_POLICIES: Problem = Problem {
    id: "azure/private-endpoint-policies",
    title: "NSG and route table do not apply to a private endpoint without network policies",
    waiting: Waiting::Useless,
    vantage: VantageKind::AzureConfig,
    fragments: &[
        Fragment::new("privateendpointnetworkpolicies", 90),
        Fragment::new("private-endpoint-network-policies", 90),
        Fragment::new("private endpoint network policies", 88),
    ],
    page: Page {
        means: "Network policies are disabled by default for the private endpoints of a subnet: its \
            NSG and its route table then do not apply to them. They apply if the policies are \
            enabled for NSGs, for route tables, or for both.",
        causes: &[
            "a rule or route was added for the private endpoint, and the policies are disabled",
            "the policies were enabled, and rules that had no effect now block the client",
        ],
        confirm: &["`az network vnet subnet show -g $RG --vnet-name $VNET -n $SUBNET --query \
                privateEndpointNetworkPolicies -o tsv`"],
        fix: &[(
            Actor::Network,
            "set the policies that are meant: `az network vnet subnet update -g $RG --vnet-name \
                $VNET -n $SUBNET --private-endpoint-network-policies Enabled` (or Disabled, \
                NetworkSecurityGroupEnabled, RouteTableEnabled)",
        )],
        mistaken_for: &["the NSG of the client's subnet, which always applies"],
        sources: &["Microsoft Learn: Manage network policies for private endpoints"],
    },
    ..Problem::DEFAULT
};

/// The pages.
pub const PAGES: &[&Problem] = &[&GRAPH_PRINCIPAL_MISSING, &PRIVATE_ENDPOINT_POLICIES];
