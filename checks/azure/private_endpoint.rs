//! The private endpoints of a server.

use super::{
    place::server,
    words::{connected, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        azure::{FlexibleServer, Topology},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// A private endpoint of the server is approved.
pub static CHECK: Check = Check {
    id: "azure/private-endpoint",
    asserts: "the server's private endpoints are approved",
    needs: &[Topic::Settings, Topic::Server, Topic::Azure],
    problems: &[&PRIVATE_ENDPOINT_NOT_APPROVED],
    decisive: false,
    judge: Judge::Once(judge),
};

/// What lists the connections of private endpoints to a server.
pub const LIST_COMMAND: &str =
    "`az network private-endpoint-connection list --id $SERVER_ID -o json`";

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let server = server(seen)?;
    let only = server.topology() == Topology::PrivateEndpoints;
    if only && server.private_endpoints.is_empty() && server.private_endpoints_unknown {
        let detail = format!("the document of {} does not list its private endpoints", server.name);
        let decide = LIST_COMMAND.to_owned();
        return Err(Missing::not_decided(detail, decide));
    }
    if server.private_endpoints.is_empty() {
        return Ok(Verdict::NotApplicable("the server has no private endpoint".to_owned()));
    }
    let approved = approved(server);
    let documents = seen.azure.seen().and_then(|azure| azure.endpoints.seen());
    let other = documents.into_iter().flatten().find(|one| {
        one.status.as_deref().is_some_and(|status| !is_approved(status))
            && server.private_endpoints.iter().any(|own| {
                is_approved(&own.status)
                    && own.endpoint.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&one.id))
            })
    });
    if let Some(one) = other {
        let detail = format!(
            "the document of {} says that {} is Approved, and its own document says {}: one of the two is out of date",
            server.name,
            one.name,
            one.status.as_deref().unwrap_or_default()
        );
        let decide = super::place::SERVER_COMMAND.to_owned();
        return Err(Missing::not_decided(detail, decide));
    }
    let pending = server.private_endpoints.iter().find(|one| !is_approved(&one.status));
    let Some(first) = pending.filter(|_| approved.is_empty()) else {
        return Ok(Verdict::Passed(text::list(&approved, 3)));
    };
    let detail = format!(
        "the private endpoint {} of {} is {}, so that nothing passes through it",
        first.name,
        server.name,
        if first.status.is_empty() { "not approved" } else { &first.status }
    );
    let id = Some(first.connection.as_str()).filter(|id| !id.is_empty());
    let finding = Finding::of(&PRIVATE_ENDPOINT_NOT_APPROVED, &first.name, detail)
        .because_all(server.private_endpoints.iter().map(|one| {
            let words = one.description.as_deref().unwrap_or_default();
            format!("azure-config: {} is {} {words}", one.name, one.status).trim_end().to_owned()
        }))
        .fix(
            Fix::by(
                Actor::AzureOwner,
                "Approve the connection; a rejected one has to be made again",
            )
            .run(
                Command::new(
                    "az network private-endpoint-connection approve --id $ENDPOINT_CONNECTION",
                )
                .with("ENDPOINT_CONNECTION", id),
            ),
        );
    // With a public endpoint, the private one may not be needed.
    let needed = only || goes_private(seen);
    let finding = if needed { finding } else { finding.severity(Severity::Warning) };
    Ok(Verdict::found(unless_seen(
        seen,
        finding,
        connected(seen),
        "the server's port takes connections",
    )))
}

/// The names of the approved ones.
#[must_use]
pub fn approved(server: &FlexibleServer) -> Vec<&str> {
    let approved = server.private_endpoints.iter().filter(|one| is_approved(&one.status));
    approved.map(|one| one.name.as_str()).collect()
}

fn is_approved(status: &str) -> bool {
    status.eq_ignore_ascii_case("Approved")
}

fn goes_private(seen: &Evidence) -> bool {
    seen.server.seen().is_some_and(|server| {
        server.tcp.iter().any(|attempt| super::security::private(attempt.address.ip()))
    })
}

/// No private endpoint of the server is approved.
pub static PRIVATE_ENDPOINT_NOT_APPROVED: Problem = Problem {
    id: "azure/private-endpoint-not-approved",
    title: "the server's private endpoint is not approved",
    explains: &["server/*", "login/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "A private endpoint exists for the server, has an address and perhaps a DNS record, \
            and its connection waits for approval or was rejected. Packets to it go nowhere.",
        causes: &[
            "the creator of the endpoint has no rights on the server, so that its owner must approve",
            "the owner rejected it, or removed the connection",
        ],
        confirm: &["`az postgres flexible-server show -g $RG -n $SERVER --query \
            'privateEndpointConnections[].privateLinkServiceConnectionState'`"],
        fix: &[(
            Actor::AzureOwner,
            "`az network private-endpoint-connection approve --id $ENDPOINT_CONNECTION`",
        )],
        mistaken_for: &["server/dropped: what the client sees of it"],
        sources: &[
            "Microsoft Learn: Private Link for Azure Database for PostgreSQL",
            "REST API Microsoft.DBforPostgreSQL/flexibleServers, privateEndpointConnections",
        ],
    },
    ..Problem::DEFAULT
};
