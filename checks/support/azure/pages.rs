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

/// The pages.
pub const PAGES: &[&Problem] = &[&GRAPH_PRINCIPAL_MISSING];
