//! Whether the list of service tags is recent enough for the rules and routes that depend on it.

use super::{place::Place, tags::Tags};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure_network::{Direction, Endpoint},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The list is recent, or nothing depends on it.
pub static CHECK: Check = Check {
    id: "azure/service-tags",
    asserts: "the list of service tags is at most six months old",
    needs: &[Topic::Settings, Topic::Azure],
    problems: &[&SERVICE_TAGS_OUTDATED],
    decisive: false,
    judge: Judge::Once(judge),
};

/// Service tags that are named in a sentence.
const NAMED: usize = 3;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let (group, table) = place.rules_and_routes()?;
    let tags = Tags::of(seen);
    let mut ends: Vec<&Endpoint> = Vec::new();
    if let Some(group) = group {
        let outbound = group.rules.iter().filter(|rule| rule.direction == Direction::Outbound);
        ends.extend(outbound.flat_map(|rule| &rule.destinations));
    }
    if let Some(table) = table {
        ends.extend(table.routes.iter().map(|route| &route.destination));
    }
    let mut named: Vec<&str> = Vec::new();
    for end in ends {
        if let Endpoint::Tag(name) = end
            && tags.depends_on_the_list(name)
            && !named.iter().any(|known| known.eq_ignore_ascii_case(name))
        {
            named.push(name);
        }
    }
    if named.is_empty() {
        let detail = "no rule and no route depends on a list of service tags".to_owned();
        return Ok(Verdict::Passed(detail));
    }
    let Some(list) = tags.outdated(seen) else {
        return Ok(Verdict::Passed(tags.origin().to_owned()));
    };
    let listed = text::list(&named, NAMED);
    let detail = format!("{list} is older than six months, and rules or routes name {listed}");
    Ok(Verdict::found(
        Finding::of(&SERVICE_TAGS_OUTDATED, "service tags", detail)
            .because(format!("azure-config: the rules and routes of the subnet name {listed}"))
            .because(format!("azure-config: {}", tags.origin()))
            .fix(
                Fix::you("Save the current list to a file and pass it to --azure-config")
                    .run(Command::new("az network list-service-tags -l $REGION -o json")),
            ),
    ))
}

/// The list is too old to decide.
pub static SERVICE_TAGS_OUTDATED: Problem = Problem {
    id: "azure/service-tags-outdated",
    title: "the list of service tags is older than six months",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A rule of the network security group or a route of the server's subnet names a \
            service tag whose prefixes change every week, such as AzureCloud. The list at hand, \
            built in or given, is older than six months, so which addresses of Microsoft Entra ID \
            the tag holds today is not known.",
        causes: &[
            "no list was given, and the built-in one is out of date",
            "the ServiceTags file was downloaded long ago",
        ],
        confirm: &["`az network list-service-tags -l $REGION --query changeNumber`"],
        fix: &[(
            Actor::You,
            "give the current list to --azure-config: the output of `az network list-service-tags \
                -l $REGION -o json`, or the file that Microsoft publishes every week",
        )],
        mistaken_for: &[
            "azure/nsg-partial: there a current list shows that a part is blocked",
            "a rule that names AzureActiveDirectory, which needs no list",
        ],
        sources: &[
            "Microsoft Learn: Virtual network service tags",
            "Microsoft Download Center: Azure IP Ranges and Service Tags",
        ],
    },
    ..Problem::DEFAULT
};
