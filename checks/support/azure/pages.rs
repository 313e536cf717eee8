//! Errors of Azure Resource Manager that no check can observe; only `explain` knows these pages.

use crate::{
    check::{Fragment, Page, Problem, VantageKind, Waiting},
    verdict::Actor,
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
pub const PAGES: &[&Problem] = &[&PRIVATE_ENDPOINT_POLICIES];
