//! `--plan`: every host, port and secret that a run would use.

use crate::{environment::Environment, probe::dns, settings::request::Request};
use entra_pg_checks::{Topic, facts::dns::NameserverOrigin};
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
    let mut text = String::from("This run would look at, and contact, nothing but:\n");
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
    let how = if request.graph { "with a token of its own" } else { "without a token" };
    let _ = writeln!(text, "  Microsoft Graph  {}:443 ({how})", cloud.graph_host);
    if request.azure.live {
        let host = &cloud.resource_manager_host;
        let _ = writeln!(text, "  Resource Manager {host}:443 (GET requests alone)");
    }
    if let Some(host) = &settings.host {
        let sibling = if settings.port.value == 6432 { 5432 } else { 6432 };
        let _ = writeln!(
            text,
            "  server           {}:{} and :{sibling}",
            host.value, settings.port.value
        );
    }
    if topics.contains(&Topic::Dns) {
        for nameserver in dns::nameservers(environment, &request.nameservers).nameservers {
            let whose = match nameserver.origin {
                NameserverOrigin::System => "this machine's",
                NameserverOrigin::Option => "of --nameserver",
                NameserverOrigin::Azure => "Azure's own",
            };
            let _ = writeln!(text, "  nameserver       {} ({whose})", nameserver.address);
        }
    }
    if let Some(proxy) = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .find(|name| environment.get(name).is_some())
    {
        let _ = writeln!(text, "  proxy            as {proxy} says, for the Entra hosts");
    }
    text.chars().filter(|character| *character == '\n' || !character.is_control()).collect()
}
