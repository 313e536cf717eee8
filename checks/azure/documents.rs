//! Whether every document that was given is used.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    evidence::Evidence,
    facts::Topic,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Every given document is used.
pub static CHECK: Check = Check {
    id: "azure/documents",
    asserts: "every document of --azure-config is used",
    needs: &[Topic::Azure],
    problems: &[&DOCUMENT_NOT_USED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let findings = azure.unused.iter().take(MAX_NAMED).map(|one| {
        let detail = format!("{} in {} is not used: {}", one.what, one.from, one.why);
        Finding::of(&DOCUMENT_NOT_USED, &one.from, detail).fix(Fix::you(
            "Export the server, its network security group, route table and virtual network",
        ))
    });
    let passed = || match azure.sources.as_slice() {
        [] => "no document was given".to_owned(),
        [only] => only.what.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.what, rest.len()),
    };
    Ok(Verdict::unless(findings.collect(), passed))
}

/// Documents that are named.
const MAX_NAMED: usize = 20;

/// A given document is not used.
pub static DOCUMENT_NOT_USED: Problem = Problem {
    id: "azure/document-not-used",
    title: "a document of --azure-config is not used",
    severity: Severity::Info,
    waiting: Waiting::Useless,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A file of --azure-config holds a document that no check uses: another product, \
            another server, or a kind of resource that decides nothing about the login. The other \
            documents are judged without it.",
        causes: &[
            "the export is of Azure Database for MySQL, Azure SQL or a Single Server",
            "the export is of another server than the one that -h names",
            "a list was exported only to the first page",
        ],
        confirm: &["the `type` and the `id` in the document name the product and the server"],
        fix: &[(Actor::You, "export the documents of the flexible server and of its network")],
        mistaken_for: &[
            "a check that is not decided: there the document is used and does not suffice",
        ],
        sources: &["Azure REST API specifications: Microsoft.DBforPostgreSQL, Microsoft.Network"],
    },
    ..Problem::DEFAULT
};
