//! What Azure Resource Health reports of the server: its availability, incidents and maintenance.

use super::{
    tags::like,
    words::{connected, given, logged_in, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    evidence::Evidence,
    facts::{
        Topic,
        azure::{Health, Impact, ServiceEvent},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};
use jiff::Timestamp;

/// The platform reports no problem.
pub static CHECK: Check = Check {
    id: "azure/health",
    asserts: "Azure reports the server as available, without an incident or maintenance",
    needs: &[Topic::Server, Topic::Login, Topic::Azure],
    problems: &[&SERVER_UNAVAILABLE, &SERVICE_EVENT],
    decisive: false,
    judge: Judge::Once(judge),
};

/// Events that are named.
const MAX_NAMED: usize = 5;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let health = given(&azure.health, "the resource health of the server");
    let events = azure.events.seen().map(Vec::as_slice).unwrap_or_default();
    let mut findings: Vec<Finding> = Vec::new();
    if let Ok(health) = &health {
        findings.extend(unavailable(seen, health));
    }
    let region = azure.server.seen().and_then(|server| server.region.as_deref());
    let matters = |one: &&ServiceEvent| matters(one, region);
    findings.extend(
        events.iter().filter(matters).take(MAX_NAMED).map(|one| event(one, seen.observed_at)),
    );
    if findings.is_empty() {
        let health = health?;
        let state = if health.state.is_empty() { "not stated" } else { &health.state };
        return Ok(Verdict::Passed(format!("availability is {state}, no active event")));
    }
    Ok(Verdict::unless(findings, String::new))
}

fn unavailable(seen: &Evidence, health: &Health) -> Option<Finding> {
    let bad = ["Unavailable", "Degraded"].iter().find(|word| like(word, &health.state))?;
    let detail = format!("Azure Resource Health reports the server as {bad}");
    let name = health.server.as_deref().unwrap_or("the server");
    let finding = Finding::of(&SERVER_UNAVAILABLE, name, detail)
        .because_all(health.summary.iter().map(|text| format!("azure-config: {text:.300}")))
        .fix(Fix::by(
            Actor::AzureOwner,
            "Open Resource health of the server in the portal, which names the cause and the next \
                update",
        ));
    let degraded = like(bad, "Degraded");
    let finding = if degraded { finding.severity(Severity::Warning) } else { finding };
    let finding = unless_seen(seen, finding, logged_in(seen), "a login with a token was accepted");
    Some(unless_seen(seen, finding, connected(seen), "the server's port accepts connections"))
}

/// Whether an event may be about a flexible server in this region. What the document does not say is not
/// held against it.
fn matters(event: &ServiceEvent, region: Option<&str>) -> bool {
    let kinds = ["ServiceIssue", "PlannedMaintenance"];
    let active = like(&event.status, "Active") && kinds.iter().any(|kind| like(kind, &event.kind));
    let here = |name: &String| {
        like(name, "Global") || region.is_none_or(|region| plain(region) == plain(name))
    };
    let of = |one: &Impact| {
        is_service(&one.service) && (one.regions.is_empty() || one.regions.iter().any(here))
    };
    active && (event.impact.is_empty() || event.impact.iter().any(of))
}

/// Regions have a name (`westeurope`) and a title (`West Europe`).
fn plain(region: &str) -> String {
    region.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase()
}

/// Whether a service is that of flexible servers, or one that logins to them need.
fn is_service(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let other = name.contains("single server") || name.contains("cosmos");
    name.is_empty()
        || (name.contains("postgresql") && !other)
        || ["entra", "active directory", "virtual network", "dns", "private link"]
            .iter()
            .any(|word| name.contains(word))
}

fn event(event: &ServiceEvent, now: Timestamp) -> Finding {
    let later = event.starts.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    let later = later.is_some_and(|starts| starts > now);
    let what =
        if like(&event.kind, "PlannedMaintenance") { "maintenance" } else { "a service issue" };
    let starts = event.starts.as_deref().map(|at| format!(" from {at:.40}")).unwrap_or_default();
    let detail = format!("Azure reports {what}{starts}: {:.160}", event.title);
    let finding = Finding::of(&SERVICE_EVENT, &event.title, detail);
    if later {
        return finding.severity(Severity::Info);
    }
    finding.fix(Fix::you("Wait for the end of the event, or try again after it"))
}

/// The platform says that the server is not available.
pub static SERVER_UNAVAILABLE: Problem = Problem {
    id: "azure/server-unavailable",
    title: "Azure Resource Health reports the server as unavailable",
    explains: &["server/*", "login/starting-up", "login/stalled", "login/closed"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The platform observes that the server does not work, or works only in part. The \
            cause is in Azure, or it is an action of an owner, such as a restart.",
        causes: &[
            "an incident of the platform",
            "a restart, a failover or a scale operation in progress",
            "the server ran out of storage, memory or connections",
        ],
        confirm: &["`az rest --method get --url \
            \"https://management.azure.com$SERVER_ID/providers/Microsoft.ResourceHealth/availabilityStatuses/current?api-version=2023-07-01-preview\"`"],
        fix: &[
            (Actor::AzureOwner, "open Resource health of the server in the portal"),
            (Actor::Microsoft, "resolve the incident; a support request names the server"),
        ],
        mistaken_for: &["azure/server-not-ready: there the server is stopped or being changed"],
        sources: &["Microsoft Learn: Azure Resource Health overview"],
    },
    ..Problem::DEFAULT
};

/// An incident or maintenance is active.
pub static SERVICE_EVENT: Problem = Problem {
    id: "azure/service-event",
    title: "Azure reports an incident or maintenance of the server",
    severity: Severity::Warning,
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "Azure Service Health has an active event for this server. Connections can break and \
            logins can fail while it lasts.",
        causes: &["planned maintenance restarts the server", "an incident in the region"],
        confirm: &["the server in the portal > Help > Resource health"],
        fix: &[
            (Actor::You, "try again after the event"),
            (Actor::AzureOwner, "set a maintenance window outside working hours"),
        ],
        mistaken_for: &["azure/server-unavailable: there the server does not work now"],
        sources: &["Microsoft Learn: Scheduled maintenance in Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{judge, support::testing::healthy_but};
    use serde_json::{Value, json};

    fn said(event: &Value) -> Option<crate::Severity> {
        let seen = healthy_but(&[
            ("/observed_at", json!("2026-11-26T06:00:00Z")),
            (
                "/azure",
                json!({"seen": {
                    "server": {"seen": {"name": "pg-prod", "region": "West Europe"}},
                    "health": {"seen": {"state": "Available"}},
                    "events": {"seen": [event]},
                }}),
            ),
        ]);
        judge(&[&CHECK], &seen, |_| true).findings.first().map(|one| one.finding.severity)
    }

    fn issue(service: &str, region: &str) -> Value {
        json!({"kind": "ServiceIssue", "status": "Active", "title": "x",
            "impact": [{"service": service, "regions": [region]}]})
    }

    #[test]
    fn an_event_of_another_region_or_product_is_none_of_the_server() {
        let own = "Azure Database for PostgreSQL flexible servers";
        let warning = Some(crate::Severity::Warning);
        assert_eq!(said(&issue(own, "westeurope")), warning);
        assert_eq!(said(&issue("Microsoft Entra ID", "Global")), warning);
        assert_eq!(said(&issue(own, "East US")), None);
        assert_eq!(
            said(&issue("Azure Database for PostgreSQL single servers", "West Europe")),
            None
        );
        assert_eq!(said(&issue("Azure Database for MySQL", "West Europe")), None);
        let unnamed = json!({"kind": "ServiceIssue", "status": "Active", "title": "x"});
        assert_eq!(said(&unnamed), warning);
    }

    #[test]
    fn maintenance_that_has_not_begun_is_a_note() {
        let maintenance = |starts: &str| json!({"kind": "PlannedMaintenance", "status": "Active", "title": "x", "starts": starts});
        let at = |starts: &str| said(&maintenance(starts));
        assert_eq!(at("2026-12-20T01:00:00Z"), Some(crate::Severity::Info));
        assert_eq!(at("2026-11-26T01:00:00Z"), Some(crate::Severity::Warning));
    }
}
