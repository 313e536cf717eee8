//! Whether the server's public endpoint admits this machine.

use super::{
    addresses::Addresses,
    place::{of_server, server},
    private_endpoint::approved,
    security,
    words::{
        BY_SERVER, client_address, connected, given, nat_addresses, on_server, planned, unless_seen,
    },
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        azure::{FirewallRule, FlexibleServer, Topology},
        azure_network::NatGateway,
        login::AuthRequest,
    },
    support::{commands, service_tags::IpNet},
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use std::net::{IpAddr, Ipv4Addr};

/// The firewall rules admit this machine.
pub static CHECK: Check = Check {
    id: "azure/firewall-rules",
    asserts: "the server's public endpoint admits this machine",
    needs: &[Topic::Settings, Topic::Server, Topic::AuthRequest, Topic::Login, Topic::Azure],
    problems: &[&PUBLIC_ACCESS_DISABLED, &CLIENT_NOT_IN_FIREWALL_RULES],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let known = server(seen);
    match known {
        Ok(server) if server.topology() == Topology::VirtualNetwork => {
            let why = "the server is in a virtual network and has no public endpoint".to_owned();
            return Ok(Verdict::NotApplicable(why));
        }
        Ok(server) if server.topology() == Topology::PrivateEndpoints => {
            return closed(seen, server);
        }
        // The export is of another server.
        Err(other) if seen.azure.seen().is_some_and(|azure| azure.server.seen().is_some()) => {
            return Err(other);
        }
        _ => {}
    }
    if goes_private(seen) {
        let why = "this machine goes to a private address, for which firewall rules do not count";
        return Ok(Verdict::NotApplicable(why.to_owned()));
    }
    firewall(seen, known.ok())
}

/// No public endpoint: fine for who has another way.
fn closed(seen: &Evidence, server: &FlexibleServer) -> Result<Verdict, Missing> {
    let name = &server.name;
    let endpoints = approved(server);
    if !endpoints.is_empty() || !server.private_endpoints.is_empty() {
        // Whether this machine uses them is a matter of its DNS.
        return Ok(Verdict::Passed(format!(
            "public access is off; {name} is reached by its private endpoints"
        )));
    }
    // A deployment may make the endpoint, or the subnet, whose reference is not known yet.
    let endpoints = seen.azure.seen().and_then(|azure| azure.endpoints.seen());
    let planned = planned(seen) || endpoints.is_some_and(|all| !all.is_empty());
    let unknown = server.private_endpoints_unknown;
    if planned || unknown && !goes_public(seen) {
        let detail = format!(
            "public access to {name} is off, and whether a private endpoint leads to it is not known"
        );
        let decide = match planned {
            true => {
                "`az postgres flexible-server show -g $RG -n $SERVER -o json` after the deployment"
            }
            false => super::private_endpoint::LIST_COMMAND,
        };
        return Err(Missing::not_decided(detail, decide.to_owned()));
    }
    let rest = match unknown {
        true => "this machine goes to its public address",
        false => "it has no private endpoint: no client can connect",
    };
    let list = if unknown { "does not list" } else { "has no" };
    let finding = Finding::of(
        &PUBLIC_ACCESS_DISABLED,
        name,
        format!("public access to {name} is off, and {rest}"),
    )
    .because(format!(
        "azure-config: network.publicNetworkAccess is Disabled, and the document {list} \
            privateEndpointConnections"
    ))
    .fix(private_endpoint(server))
    .fix(Fix::by(Actor::AzureOwner, "Or switch public access on, with firewall rules").run(
        on_server(
            Command::new(
                "az postgres flexible-server update -g $RG -n $SERVER --public-access Enabled",
            ),
            Some(server),
        ),
    ));
    let finding = unless_seen(seen, finding, admitted(seen), "the server talks to this machine");
    Ok(Verdict::found(finding))
}

/// Whether this machine tried the server's public addresses only: no private endpoint helps there.
fn goes_public(seen: &Evidence) -> bool {
    let tried = seen.server.seen().map(|server| server.tcp.as_slice()).unwrap_or_default();
    !tried.is_empty() && !tried.iter().any(|attempt| security::private(attempt.address.ip()))
}

/// The private endpoint that is missing.
fn private_endpoint(server: &FlexibleServer) -> Fix {
    let command = Command::new(
        "az network private-endpoint create -g $NETWORK_RG -n $ENDPOINT --subnet $SUBNET_ID \
         --private-connection-resource-id $SERVER_ID --group-id postgresqlServer \
         --connection-name $SERVER",
    );
    let name = format!("pe-{}", server.name);
    let text = "Make a private endpoint in a network that this machine reaches, with the DNS zone \
        privatelink.postgres.database.azure.com linked to it";
    Fix::by(Actor::AzureOwner, text).run(
        command
            .with("ENDPOINT", Some(&name))
            .with("SERVER_ID", Some(server.id.as_str()).filter(|id| !id.is_empty()))
            .with("SERVER", Some(&server.name)),
    )
}

fn firewall(seen: &Evidence, known: Option<&FlexibleServer>) -> Result<Verdict, Missing> {
    let all = given(&seen.azure.get()?.firewall_rules, "the list of firewall rules")?;
    let rules = of_server(seen, all, "firewall-rule", |rule| rule.server.as_deref())?;
    if admitted(seen) {
        return Ok(Verdict::Passed("the server talks to this machine".to_owned()));
    }
    if let Some((gateway, nets)) = nat_addresses(seen)
        && client_address(seen).is_none_or(|(_, how)| how != BY_SERVER)
    {
        return by_gateway(seen, known, &rules, gateway, &nets);
    }
    if let Some(rule) = rules.iter().find(|rule| is_open(rule)) {
        let passed = format!("rule {} admits every address, of the whole internet", rule.name);
        return Ok(Verdict::Passed(passed));
    }
    let address = client_address(seen);
    let (who, how) = match address {
        Some((IpAddr::V4(address), how)) => {
            if let Some(rule) = rules.iter().find(|rule| admits(rule, address)) {
                let passed = format!("{address} ({how}) is in rule {}", rule.name);
                return Ok(Verdict::Passed(passed));
            }
            (Some(address), how)
        }
        // The rules hold only IPv4.
        Some((IpAddr::V6(_), _)) | None => (None, ""),
    };
    if let Some(rule) = rules.iter().find(|rule| admits_all(rule)) {
        return Ok(Verdict::Passed(format!("rule {} admits every address", rule.name)));
    }
    if let Some(server) = known.filter(|server| who.is_none() && !approved(server).is_empty()) {
        let detail = format!(
            "{} also has a private endpoint, for which firewall rules do not count: which way a client goes is not known",
            server.name
        );
        return Ok(Verdict::NotApplicable(detail));
    }
    let azure = rules.iter().any(|rule| inside_azure(rule));
    let only_azure = rules.iter().all(|rule| inside_azure(rule));
    if who.is_none() && !(only_azure && (!azure || seen.vantage.in_azure == Some(false))) {
        let detail = format!(
            "with which address the server sees this machine is not known{}",
            if azure && seen.vantage.in_azure.is_none() {
                "; rule 0.0.0.0 admits it if it is in Azure"
            } else {
                ""
            }
        );
        return Err(Missing(NotObserved::NotPermitted { detail }));
    }
    if azure && seen.vantage.in_azure == Some(true) {
        return Ok(Verdict::Passed("every address inside Azure is admitted".to_owned()));
    }
    let name = known.map_or("the server", |server| server.name.as_str());
    let who_text = who.map_or_else(|| "this machine".to_owned(), |address| address.to_string());
    let detail = if rules.is_empty() {
        format!("{name} has no firewall rule: its public endpoint admits no client")
    } else {
        format!("{who_text} is in no firewall rule of {name}")
    };
    let allow = commands::allow_address(None, who.map(IpAddr::V4));
    let mut finding = Finding::of(&CLIENT_NOT_IN_FIREWALL_RULES, &who_text, detail)
        .because_all(who.map(|address| format!("client: its address is {address}, {how}")))
        .because(format!("azure-config: {}", listed(&rules)))
        .fix(
            Fix::by(Actor::AzureOwner, "Admit this address; it takes up to five minutes")
                .run_if(allow.map(|command| on_server(command, known))),
        );
    if how == "this machine's own" || (azure && seen.vantage.in_azure.is_none()) {
        finding = finding.sure(Confidence::Likely);
    }
    Ok(Verdict::found(finding))
}

/// Connections come from the public addresses of a NAT gateway.
fn by_gateway(
    seen: &Evidence,
    known: Option<&FlexibleServer>,
    rules: &[&FirewallRule],
    gateway: &NatGateway,
    nets: &[IpNet],
) -> Result<Verdict, Missing> {
    let ranges: Vec<IpNet> = rules
        .iter()
        .filter(|rule| !inside_azure(rule))
        .flat_map(|rule| ipnet::Ipv4Subnets::new(rule.first, rule.last, 0).map(IpNet::V4))
        .collect();
    let own = Addresses::of(nets);
    let (outside, list) = (own.without(&Addresses::of(&ranges)), text::list(nets, 3));
    let azure = rules.iter().any(|rule| inside_azure(rule));
    if azure || outside.is_empty() {
        let by = if azure { "every address inside Azure is" } else { "all of them are" };
        let name = &gateway.name;
        return Ok(Verdict::Passed(format!("NAT gateway {name} uses {list}; {by} admitted")));
    }
    if outside != own {
        let open = text::list(&outside.prefixes(3), 3);
        let detail = format!(
            "NAT gateway {} uses {list}, of which {open} is in no firewall rule",
            gateway.name
        );
        let decide = "admit every address of the NAT gateway".to_owned();
        return Err(Missing::not_decided(detail, decide));
    }
    let name = known.map_or("the server", |server| server.name.as_str());
    let detail = format!(
        "{list}, the public address of NAT gateway {} of this machine's subnet, is in no firewall rule of {name}",
        gateway.name
    );
    let first = nets.first().map(IpNet::addr);
    let allow = commands::allow_address(None, first);
    let finding = Finding::of(&CLIENT_NOT_IN_FIREWALL_RULES, &list, detail)
        .because(format!("azure-config: {}", listed(rules)))
        .fix(
            Fix::by(Actor::AzureOwner, "Admit this address; it takes up to five minutes")
                .run_if(allow.map(|command| on_server(command, known))),
        )
        .sure(Confidence::Likely);
    Ok(Verdict::found(unless_seen(seen, finding, false, "")))
}

/// The server has got as far as asking who this is.
fn admitted(seen: &Evidence) -> bool {
    super::words::logged_in(seen)
        || seen.auth_request.seen().is_some_and(|asked| {
            matches!(asked, AuthRequest::Cleartext | AuthRequest::Sasl { .. } | AuthRequest::Md5)
        })
}

fn goes_private(seen: &Evidence) -> bool {
    let Some(server) = seen.server.seen() else { return false };
    !server.tcp.is_empty()
        && server.tcp.iter().all(|attempt| security::private(attempt.address.ip()))
        && (connected(seen) || client_address(seen).is_none())
}

/// Whether a rule admits every address of the internet.
fn is_open(rule: &FirewallRule) -> bool {
    rule.first <= Ipv4Addr::new(1, 0, 0, 0) && rule.last >= Ipv4Addr::new(223, 255, 255, 255)
}

fn admits(rule: &FirewallRule, address: Ipv4Addr) -> bool {
    (rule.first..=rule.last).contains(&address)
}

fn admits_all(rule: &FirewallRule) -> bool {
    rule.first.is_unspecified() && rule.last.is_broadcast()
}

/// Source: Microsoft Learn, "Firewall rules": 0.0.0.0 to 0.0.0.0 means every address of Azure.
fn inside_azure(rule: &FirewallRule) -> bool {
    rule.first.is_unspecified() && rule.last.is_unspecified()
}

fn listed(rules: &[&FirewallRule]) -> String {
    let lines: Vec<String> = rules
        .iter()
        .map(|rule| match rule {
            rule if inside_azure(rule) => format!("{} (every address of Azure)", rule.name),
            rule if rule.first == rule.last => format!("{} ({})", rule.name, rule.first),
            rule => format!("{} ({} to {})", rule.name, rule.first, rule.last),
        })
        .collect();
    if lines.is_empty() {
        "there is no rule".to_owned()
    } else {
        format!("the rules are {}", text::list(&lines, 6))
    }
}

/// Public access is off, and there is no private endpoint.
pub static PUBLIC_ACCESS_DISABLED: Problem = Problem {
    id: "azure/public-access-disabled",
    title: "public access to the server is off, and there is no private way",
    explains: &["server/*", "login/*", "azure/client-not-in-firewall-rules"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    fragments: &[Fragment::new(
        "firewall rule operations are not supported for a server without public \
            access",
        90,
    )],
    page: Page {
        means: "The server has neither a public endpoint that is open nor a private endpoint, nor \
            is it in a virtual network: no client can connect.",
        causes: &[
            "public access was switched off for security before a private endpoint was made",
            "the private endpoint was deleted",
            "a policy of the company switches public access off",
        ],
        confirm: &["`az postgres flexible-server show -g $RG -n $SERVER --query \
            '[network.publicNetworkAccess,privateEndpointConnections]'`"],
        fix: &[
            (Actor::AzureOwner, "make a private endpoint, and link its DNS zone"),
            (Actor::AzureOwner, "or switch public access on, with firewall rules"),
        ],
        mistaken_for: &[
            "azure/client-not-in-firewall-rules: there some addresses are admitted",
            "dns/public-answer: there is a private way, and this machine's DNS does not know it",
        ],
        sources: &["Microsoft Learn: Network with public access for Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};

/// No firewall rule holds the address of this machine.
pub static CLIENT_NOT_IN_FIREWALL_RULES: Problem = Problem {
    id: "azure/client-not-in-firewall-rules",
    title: "the server's firewall rules do not admit this machine",
    explains: &[
        "server/dropped",
        "server/refused",
        "login/client-address-refused",
        "login/stalled",
    ],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The public endpoint of the server admits only the addresses of its firewall \
            rules. The address that the server sees this machine with, which is that of the last \
            NAT on the way, is in none of them.",
        causes: &[
            "no rule was made for this network",
            "the rule has the address of another way out: VPN on or off, another NAT gateway, the \
                cloud shell",
            "a rule that is younger than five minutes",
        ],
        confirm: &[
            "`az postgres flexible-server firewall-rule list -g $RG -s $SERVER -o \
                table`",
            "the address in the server's own words: no pg_hba.conf entry for host \"…\"",
        ],
        fix: &[(
            Actor::AzureOwner,
            "`az postgres flexible-server firewall-rule create -g $RG -s $SERVER -n client --start-ip-address $ADDRESS --end-ip-address $ADDRESS`, with the address that the server \
                prints",
        )],
        mistaken_for: &[
            "login/client-address-refused: the same in the server's words",
            "outbound/dropped: the way to Entra has nothing to do with it",
        ],
        sources: &["Microsoft Learn: Firewall rules in Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};
