//! Whether every document that was given is used.

use super::place::{EFFECTIVE, Found, Place};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    evidence::Evidence,
    facts::{Topic, azure::Azure, azure_network::SecurityGroup},
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Every given document is used.
pub static CHECK: Check = Check {
    id: "azure/documents",
    asserts: "every document of --azure-config is used",
    needs: &[Topic::Settings, Topic::Azure],
    problems: &[&DOCUMENT_NOT_USED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let finding = |subject: &str, detail: String| {
        Finding::of(&DOCUMENT_NOT_USED, subject, detail).fix(Fix::you(
            "Export the server, its network security group, route table and virtual network",
        ))
    };
    let unused = azure.unused.iter().map(|one| {
        finding(&one.from, format!("{} in {} is not used: {}", one.what, one.from, one.why))
    });
    let others = of_other_interfaces(seen, azure);
    let others = others
        .into_iter()
        .map(|(what, why)| finding(&what, format!("{what} in --azure-config are not used: {why}")));
    let findings = unused.chain(others).take(MAX_NAMED);
    let passed = || match azure.sources.as_slice() {
        [] => "no document was given".to_owned(),
        [only] => only.what.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.what, rest.len()),
    };
    Ok(Verdict::unless(findings.collect(), passed))
}

/// Effective rules and routes of network interfaces that do not have the group or the table of the server's
/// subnet.
fn of_other_interfaces(seen: &Evidence, azure: &Azure) -> Vec<(String, String)> {
    let Ok(place) = Place::of(seen) else { return Vec::new() };
    let mut found = Vec::new();
    let groups = azure.security_groups.seen().into_iter().flatten();
    if let Ok(used) = place.security_group() {
        let is_used = |one: &SecurityGroup| matches!(used, Found::This(used, _) if used == one);
        found.extend(groups.filter(|one| one.effective && !is_used(one)).map(|one| {
            let what = format!("the effective security rules of {}", one.name);
            (what, "that group is not on the server's subnet".to_owned())
        }));
    }
    let tables = azure.route_tables.seen().into_iter().flatten();
    let effective = tables.filter(|one| one.name == EFFECTIVE).count() > 0;
    let used = place.route_table();
    if effective && matches!(used, Ok(Found::None)) {
        let why = "the server's subnet has no route table, and they are of one that has";
        found.push((format!("the {EFFECTIVE}"), why.to_owned()));
    } else if let (true, Ok(Found::This(table, _))) = (effective, used)
        && table.name != EFFECTIVE
    {
        let why = format!("they lack routes of {}, or are older", table.name);
        found.push((format!("the {EFFECTIVE}"), why));
    }
    found
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
