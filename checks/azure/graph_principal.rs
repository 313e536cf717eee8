//! Whether the tenant has the application by which the service reads Microsoft Graph. Without it, Entra
//! authentication cannot be enabled and Entra roles cannot be created.

use super::words::given;
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::Topic,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The tenant has the service principal, and it is enabled.
pub static CHECK: Check = Check {
    id: "azure/graph-principal",
    asserts: "the tenant has the service principal by which PostgreSQL reads Microsoft Graph",
    needs: &[Topic::Azure],
    problems: &[&GRAPH_PRINCIPAL_MISSING],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let principal =
        given(&azure.graph_principal, "the service principal of the Graph client of PostgreSQL")?;
    let (detail, fix) = match (principal.exists, principal.enabled) {
        (false, _) => (
            "the tenant has no service principal for the Graph client of PostgreSQL",
            Fix::by(Actor::EntraAdmin, "Create it")
                .run(Command::new("az ad sp create --id 5657e26c-cc92-45d9-bc47-9da6cfdb4ed9")),
        ),
        (true, Some(false)) => (
            "the service principal of the Graph client of PostgreSQL is disabled",
            Fix::by(Actor::EntraAdmin, "Enable it").run(Command::new(
                "az ad sp update --id 5657e26c-cc92-45d9-bc47-9da6cfdb4ed9 --set accountEnabled=true",
            )),
        ),
        (true, _) => return Ok(Verdict::Passed("it exists and is not disabled".to_owned())),
    };
    let finding = Finding::of(&GRAPH_PRINCIPAL_MISSING, "Microsoft Graph", detail.to_owned());
    Ok(Verdict::found(finding.fix(fix)))
}

/// The tenant has no service principal for the Graph client of PostgreSQL.
pub static GRAPH_PRINCIPAL_MISSING: Problem = Problem {
    id: "azure/graph-principal-missing",
    title: "the tenant has no service principal for the Graph client of PostgreSQL",
    severity: Severity::Warning,
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
