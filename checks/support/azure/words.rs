//! What the checks of this family say alike: commands with real names, and what this machine saw of
//! the same thing.

use super::{
    place::Place,
    security::{Admin, Unknown},
    tags::{LIST_COMMAND, like, unreadable},
};
use crate::{
    check::{Missing, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        Fact, NotObserved,
        azure::{FlexibleServer, id_part},
        azure_network::{Endpoint, NatGateway, NextHop, Route},
        login::{AuthRequest, LoginOutcome, LoginStep, ServerError},
        server::PreambleOutcome,
        tcp::TcpOutcome,
    },
    support::service_tags::IpNet,
    text,
    verdict::{Confidence, Finding},
};
use std::net::IpAddr;

/// A part of the configuration.
///
/// # Errors
/// It was not given, or could not be read.
pub fn given<'a, T>(part: &'a Fact<T>, what: &str) -> Result<&'a T, Missing> {
    part.get().map_err(|why| match why {
        NotObserved::NotAsked => {
            Missing(NotObserved::NotApplicable { why: format!("{what} was not given") })
        }
        other => Missing(other.clone()),
    })
}

/// Fills in the names of a server.
#[must_use]
pub fn on_server(command: Command, server: Option<&FlexibleServer>) -> Command {
    let name = server.map(|server| server.name.as_str()).filter(|name| !name.is_empty());
    let id = server.map_or("", |server| server.id.as_str());
    in_group(command, "RG", id).with("SERVER", name)
}

/// Fills in the names of a network security group.
#[must_use]
pub fn on_group(command: Command, id: &str, name: &str) -> Command {
    network_group(command, id).with("NSG", Some(name).filter(|name| !name.is_empty()))
}

/// Fills in the resource group of a resource of the network.
#[must_use]
pub fn network_group(command: Command, id: &str) -> Command {
    in_group(command, "NETWORK_RG", id)
}

/// Fills in the resource group of a resource, and adds its subscription: another one can have a resource
/// group of the same name.
fn in_group(command: Command, variable: &str, id: &str) -> Command {
    let group = id_part(id, "resourceGroups");
    let subscription = id_part(id, "subscriptions").filter(|_| group.is_some());
    let asks = command.asks_for(variable) && command.is_azure_cli();
    let command = command.with(variable, group);
    match subscription.filter(|_| asks) {
        Some(subscription) => command.words("--subscription").value(subscription),
        None => command,
    }
}

/// Whether the login with this very server went through.
#[must_use]
pub fn logged_in(seen: &Evidence) -> bool {
    seen.login.seen().is_some_and(|login| {
        matches!(
            login.outcome,
            LoginOutcome::Accepted { .. } | LoginOutcome::RefusedAfterAuthentication(_)
        )
    })
}

/// Whether this machine reaches the server's port.
#[must_use]
pub fn connected(seen: &Evidence) -> bool {
    seen.server.seen().is_some_and(|server| {
        server.tcp.iter().any(|attempt| attempt.outcome == TcpOutcome::Connected)
    })
}

/// What the configuration says cannot be, and was seen all the same, is no more than a hint. The state
/// after a deployment is not contradicted by what works before it.
#[must_use]
pub fn unless_seen(seen: &Evidence, finding: Finding, contradicted: bool, what: &str) -> Finding {
    if planned(seen) {
        return finding.because("azure-config: this is the state after the deployment");
    }
    if contradicted && finding.severity == Severity::Error {
        finding.severity(Severity::Warning).sure(Confidence::Possible).because(format!(
            "client: {what}; the configuration is older, of something else, or takes effect later"
        ))
    } else {
        finding
    }
}

/// Whether the configuration is, in part, the state after a deployment.
#[must_use]
pub fn planned(seen: &Evidence) -> bool {
    seen.azure.seen().is_some_and(|azure| azure.planned)
}

/// What this machine saw of the login, in a line.
#[must_use]
pub fn login_seen(seen: &Evidence) -> Option<String> {
    let login = seen.login.seen()?;
    Some(match &login.outcome {
        LoginOutcome::Silent { after } => {
            format!("server-inferred: the server fell silent after {}", phrase(after))
        }
        LoginOutcome::Closed { after } => {
            format!("server-inferred: the server hung up after {}", phrase(after))
        }
        LoginOutcome::Refused(error) => {
            format!("client: the server refused the token: {} {}", error.sqlstate, error.message)
        }
        LoginOutcome::Accepted { .. } | LoginOutcome::RefusedAfterAuthentication(_) => {
            "client: the server accepted the token".to_owned()
        }
        LoginOutcome::TokenWithheld { .. } | LoginOutcome::Malformed { .. } => return None,
    })
}

fn phrase(step: &LoginStep) -> &str {
    match step {
        LoginStep::TokenSent => "the token was sent",
        other => other.as_str(),
    }
}

/// How an address is known that the server printed.
pub const BY_SERVER: &str = "as the server says";

/// The address that the server sees this client with, as far as it is known, and how.
#[must_use]
pub fn client_address(seen: &Evidence) -> Option<(IpAddr, &'static str)> {
    if let Some(address) = errors(seen).find_map(|error| address_in(&error.message)) {
        return Some((address, BY_SERVER));
    }
    let local = seen.server.seen()?.local?;
    (!super::security::private(local)).then_some((local, "this machine's own"))
}

/// The public addresses that this machine's connections come from by a NAT gateway: the gateway on the
/// subnet that this machine's private address is in, and its addresses. `None` unless all are known.
/// Source: Microsoft Learn, "What is Azure NAT Gateway?".
#[must_use]
pub fn nat_addresses(seen: &Evidence) -> Option<(&NatGateway, Vec<IpNet>)> {
    let azure = seen.azure.seen()?;
    let local = seen.server.seen()?.local.filter(|local| super::security::private(*local))?;
    let networks = azure.networks.seen()?.iter();
    let subnets =
        networks.flat_map(|network| network.subnets.iter().map(move |one| (network, one)));
    let mut own = subnets.filter(|(_, one)| one.prefixes.iter().any(|net| net.contains(&local)));
    let (network, subnet) = own.next()?;
    // Networks that are not connected can use the same addresses.
    if own.next().is_some() {
        return None;
    }
    // Routes to an appliance, and those that a gateway of the network announces, go before it.
    let past = subnet.route_table.as_deref().is_some_and(|id| {
        let table = azure.route_tables.seen().into_iter().flatten().find(|one| like(&one.id, id));
        table.is_none_or(|table| table.routes.iter().any(takes_public))
    });
    if past || network.gateway {
        return None;
    }
    let id = subnet.nat_gateway.as_deref()?;
    let gateway = azure.nat_gateways.seen()?.iter().find(|one| like(&one.id, id))?;
    let known = azure.public_addresses.seen()?;
    let nets = gateway.addresses.iter().map(|id| {
        let address = known.iter().find(|one| like(&one.id, id))?;
        address.prefix
    });
    let nets = nets.collect::<Option<Vec<IpNet>>>().filter(|nets| !nets.is_empty())?;
    Some((gateway, nets))
}

/// Whether a route may take traffic for public addresses elsewhere than to the internet.
fn takes_public(route: &Route) -> bool {
    let public = match &route.destination {
        Endpoint::Prefix(net) => net.prefix_len() == 0 || !super::security::private(net.addr()),
        Endpoint::Tag(_) | Endpoint::Any | Endpoint::Group(_) => true,
    };
    public && route.next_hop != NextHop::Internet
}

fn errors(seen: &Evidence) -> impl Iterator<Item = &ServerError> {
    let preamble = seen.server.seen().and_then(|server| server.preamble.seen());
    let preamble = preamble.and_then(|preamble| match &preamble.outcome {
        PreambleOutcome::Error(error) => Some(error),
        _ => None,
    });
    let request = seen.auth_request.seen().and_then(|request| match request {
        AuthRequest::Error(error) => Some(error),
        _ => None,
    });
    let login = seen.login.seen().and_then(|login| match &login.outcome {
        LoginOutcome::Refused(error) => Some(error),
        _ => None,
    });
    [preamble, request, login].into_iter().flatten()
}

/// `no pg_hba.conf entry for host "203.0.113.7", user …`
fn address_in(message: &str) -> Option<IpAddr> {
    let rest = message.split_once("for host \"")?.1;
    rest.split_once('"')?.0.parse().ok()
}

/// The command that lists the security admin rules that apply to a network.
const ADMIN_COMMAND: &str = "`az rest --method post --url \"$VNET_ID/listNetworkManagerEffectiveSecurityAdminRules?api-version=2023-09-01\" --body '{}'` (--azure-config)";

/// What makes a finding by security admin rules no more than likely.
#[must_use]
pub fn unnamed_admin(finding: Finding, admin: &[Admin<'_>]) -> Finding {
    if admin.iter().all(|one| one.named) {
        return finding;
    }
    finding.sure(Confidence::Likely).because(
        "azure-config: the list of effective security admin rules does not name its network",
    )
}

/// What is not known and matters, and what would decide it.
#[must_use]
pub fn undecided(what: &str, unknown: &[Unknown], place: &Place<'_>) -> Missing {
    let mut on: Vec<String> = Vec::new();
    let mut decide: Vec<String> = Vec::new();
    let mut add = |clause: String, by: String| {
        if !on.contains(&clause) {
            on.push(clause);
        }
        if !decide.contains(&by) {
            decide.push(by);
        }
    };
    for one in unknown {
        match one {
            Unknown::Tag(name) if unreadable(name) => add(
                format!("{name}, which is not understood"),
                "`az network nsg show -g $NETWORK_RG -n $NSG -o json`, not redacted (--azure-config)"
                    .to_owned(),
            ),
            Unknown::Tag(name) => {
                add(format!("which addresses {name} holds"), LIST_COMMAND.to_owned())
            }
            Unknown::Network => add(
                "which addresses Azure counts as VirtualNetwork".to_owned(),
                place.network_command(),
            ),
            Unknown::Group(id) => {
                let name = id.rsplit('/').next().unwrap_or(id);
                add(
                    format!("which machines are in the application security group {name}"),
                    "`az network nic show -g $RG -n $NIC --query ipConfigurations[].applicationSecurityGroups[].id` of the client".to_owned(),
                );
            }
            Unknown::Collection(id) => {
                let name = id.rsplit('/').next().filter(|name| !name.is_empty());
                add(
                    format!(
                        "whether the security admin rules of {} apply to the server's network",
                        name.map_or_else(
                            || "a configuration".to_owned(),
                            |name| format!("collection {name}")
                        )
                    ),
                    ADMIN_COMMAND.to_owned(),
                );
            }
            Unknown::Server | Unknown::ServerIn(_) => add(
                "the server's address in its subnet".to_owned(),
                "run `entra-pg doctor -h <server>` in the network, which resolves it".to_owned(),
            ),
            Unknown::SourcePort(ports) => {
                let ports: Vec<String> =
                    ports.iter().map(|range| format!("{}-{}", range.first, range.last)).collect();
                add(
                    format!("the port that the connection comes from ({})", text::list(&ports, 3)),
                    "remove the source port from the rule".to_owned(),
                );
            }
        }
    }
    let detail = format!("{what} depends on {}", on.join(", and on "));
    Missing::not_decided(detail, decide.join("; "))
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn reads_the_address_that_the_server_prints() {
        let text = "no pg_hba.conf entry for host \"203.0.113.7\", user \"a\", database \"b\", SSL \
            encryption";
        assert_eq!(address_in(text), "203.0.113.7".parse().ok());
        assert_eq!(address_in("for host \"x\""), None);
    }
}
