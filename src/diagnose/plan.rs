//! `--plan`: every host, port and secret that a run would use.

use crate::{
    environment::{Environment, vantage},
    net::{Proxies, endpoint},
    probe::{dns, subnet},
    settings::request::Request,
};
use entra_pg_checks::{
    Topic,
    facts::{credential::CredentialKind, dns::NameserverOrigin},
};
use std::fmt::Write;

/// The plan, in words. Nothing is contacted to make it.
#[must_use]
pub fn text(request: &Request, environment: &Environment) -> String {
    let topics = request.topics();
    let settings = &request.settings;
    let cloud = &settings.cloud.value;
    if request.judges_files_alone() {
        return "This run would judge the files of --azure-config, and contact nothing.\n"
            .to_owned();
    }
    let mut text = String::from("This run would contact only:\n");
    for topic in Topic::ALL {
        let wanted = topics.contains(&topic)
            && match topic {
                Topic::Graph => request.graph,
                Topic::Azure => request.azure.live || request.azure.exported.is_some(),
                Topic::Server | Topic::AuthRequest | Topic::Login | Topic::Session => {
                    settings.host.is_some()
                }
                _ => true,
            };
        if wanted {
            let (name, contacts, secret) = (topic.name(), topic.contacts(), topic.secret());
            let _ = writeln!(text, "  {name:<13} contacts {contacts}; secrets: {secret}");
        }
    }
    let _ = writeln!(text, "Hosts:");
    let _ = writeln!(text, "  token authority  {}:443", cloud.authority_host);
    let how = if request.graph || request.azure.live {
        "with a token of its own"
    } else {
        "without a token"
    };
    let _ = writeln!(text, "  Microsoft Graph  {}:443 ({how})", cloud.graph_host);
    if request.azure.live {
        let host = &cloud.resource_manager_host;
        let how = if request.azure.effective {
            "GET requests, and two POST requests for effective rules"
        } else {
            "only GET requests"
        };
        let _ = writeln!(text, "  Resource Manager {host}:443 ({how})");
    }
    if let Some(host) = &settings.host {
        let sibling = if settings.port.value == 6432 { 5432 } else { 6432 };
        let _ = writeln!(
            text,
            "  server           {}:{} and :{sibling}",
            host.value, settings.port.value
        );
    }
    let resolver = dns::nameservers(environment, &request.nameservers);
    let in_azure = vantage::in_azure(environment, dns::are_of_azure(&resolver));
    if subnet::is_asked(environment, in_azure) {
        let _ =
            writeln!(text, "  metadata service 169.254.169.254:80 (the subnet of this machine)");
    }
    if topics.contains(&Topic::Dns) {
        for nameserver in resolver.nameservers {
            let whose = match nameserver.origin {
                NameserverOrigin::System => "this machine's",
                NameserverOrigin::Option => "of --nameserver",
                NameserverOrigin::Azure => "Azure's own",
            };
            let _ = writeln!(text, "  nameserver       {} ({whose})", nameserver.address);
        }
    }
    if topics.contains(&Topic::Credential) {
        for line in token_sources(request, environment) {
            let _ = writeln!(text, "  {line}");
        }
    }
    let hosts = [cloud.authority_host.as_str(), cloud.graph_host.as_str()];
    let rules = Proxies::read(environment).rules(&hosts);
    for (origin, what) in &rules.not_followed {
        let _ = writeln!(text, "  proxy            not followed: {what}, named by {origin}");
    }
    if let Some(proxy) = rules.https {
        let (scheme, host, port) = (&proxy.scheme, &proxy.host, proxy.port);
        let from = proxy.origin.phrase();
        let _ = writeln!(
            text,
            "  proxy            {scheme}://{host}:{port} ({from}), for the Entra hosts"
        );
    }
    text.chars().filter(|character| *character == '\n' || !character.is_control()).collect()
}

/// Endpoints and commands that may be asked for a token other than the token authority.
fn token_sources(request: &Request, environment: &Environment) -> Vec<String> {
    let kind = request.credential;
    let mut lines = Vec::new();
    let named = |label: &str, variable: &str| {
        let value = environment.get(variable)?;
        Some(match endpoint::parse(value) {
            Ok(url) => {
                let host = url.host_str().unwrap_or_default();
                let port = url.port_or_known_default().unwrap_or_default();
                format!("{label:<16} {host}:{port} ({variable})")
            }
            Err(found) => {
                let (shown, detail) = (found.endpoint, found.detail);
                format!("{label:<16} not contacted: {variable} is {shown}, and {detail}")
            }
        })
    };
    if matches!(kind, CredentialKind::Auto | CredentialKind::ManagedIdentity) {
        lines.push(named("identity endpoint", "IDENTITY_ENDPOINT").unwrap_or_else(|| {
            "metadata service 169.254.169.254:80, never through a proxy".to_owned()
        }));
    }
    if kind == CredentialKind::AzurePipelines {
        lines.extend(named("OIDC endpoint", "SYSTEM_OIDCREQUESTURI"));
    }
    let command = match kind {
        CredentialKind::Auto => Some("az, azd"),
        CredentialKind::AzureCli => Some("az"),
        CredentialKind::AzureDeveloperCli => Some("azd"),
        _ => None,
    };
    lines.extend(command.map(|command| format!("{:<16} {command}", "command")));
    lines
}
