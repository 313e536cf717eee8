//! `--plan`: every host, port and secret that a run would use, as a firewall request.

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
use serde::Serialize;
use std::{fmt::Write, net::UdpSocket};

/// The service tag of Microsoft Entra ID; it also covers Microsoft Graph.
const ENTRA_TAG: &str = "AzureActiveDirectory";
/// Why the token authority is contacted.
const AUTHORITY: &str = "acquire a token and read the keys that sign it; psql needs the first";

/// What a run would contact and use. Nothing is contacted to make it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// This computer.
    pub(crate) source: Source,
    /// The rules that a firewall between this computer and the destinations needs.
    pub(crate) rules: Vec<Rule>,
    /// The secrets that are used, and for what.
    pub(crate) secrets: Vec<UsedSecret>,
    /// Commands that are run for a token.
    pub(crate) commands: Vec<&'static str>,
    /// What is configured and will not be contacted, and why.
    pub(crate) notes: Vec<String>,
}

/// Where connections come from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Source {
    /// The host name of this computer.
    pub(crate) host: String,
    /// The addresses that this computer uses for connections to other networks.
    pub(crate) addresses: Vec<String>,
}

/// One rule: a destination, a port and the reason.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    /// A host name or an address.
    pub(crate) destination: String,
    /// The port.
    pub(crate) port: u16,
    /// `TCP` or `UDP`.
    pub(crate) transport: &'static str,
    /// The protocol on the connection.
    pub(crate) protocol: &'static str,
    /// The service tag of Azure that contains the destination, if there is one.
    pub(crate) service_tag: Option<&'static str>,
    /// Why the connection is made.
    pub(crate) why: String,
    /// The proxy through which the connection is made.
    pub(crate) via: Option<String>,
}

/// A secret and its use.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UsedSecret {
    /// The part of the run that uses it.
    pub(crate) used_by: &'static str,
    /// The secret and where it is sent.
    pub(crate) secret: &'static str,
}

impl Plan {
    /// The plan of a request.
    #[must_use]
    pub(crate) fn of(request: &Request, environment: &Environment) -> Self {
        let vantage = vantage::observe(environment, request.timeout, request.deadline);
        let mut plan = Self {
            source: Source { host: vantage.hostname, addresses: local_addresses() },
            rules: Vec::new(),
            secrets: Vec::new(),
            commands: Vec::new(),
            notes: Vec::new(),
        };
        if request.judges_files_alone() {
            plan.notes.push("only the files of --azure-config are judged".to_owned());
            return plan;
        }
        plan.entra(request, environment);
        plan.servers(request);
        plan.nameservers(request, environment);
        plan.token_sources(request, environment);
        plan.secrets(request);
        plan.join_rules();
        plan
    }

    /// One rule per destination, port and protocol, with every reason for it.
    fn join_rules(&mut self) {
        let mut joined: Vec<Rule> = Vec::new();
        for rule in self.rules.drain(..) {
            let same = |known: &&mut Rule| {
                (&known.destination, known.port, known.transport, known.protocol, &known.via)
                    == (&rule.destination, rule.port, rule.transport, rule.protocol, &rule.via)
            };
            match joined.iter_mut().find(same) {
                Some(known) if known.why.contains(&rule.why) => {}
                Some(known) => known.why = format!("{}; {}", known.why, rule.why),
                None => joined.push(rule),
            }
        }
        self.rules = joined;
    }

    fn rule(
        &mut self,
        destination: &str,
        port: u16,
        protocol: &'static str,
        why: &str,
    ) -> &mut Rule {
        self.rules.push(Rule {
            destination: destination.to_owned(),
            port,
            transport: "TCP",
            protocol,
            service_tag: None,
            why: why.to_owned(),
            via: None,
        });
        let last = self.rules.len() - 1;
        &mut self.rules[last]
    }

    /// Microsoft Entra ID, Microsoft Graph and Azure Resource Manager, and the proxy to them.
    fn entra(&mut self, request: &Request, environment: &Environment) {
        let cloud = &request.settings.cloud.value;
        let proxies = Proxies::read(environment);
        let rules = proxies.rules(&[]);
        for (origin, what) in &rules.not_followed {
            self.notes.push(format!("proxy not followed: {what}, named by {origin}"));
        }
        for (origin, what) in &rules.not_understood {
            self.notes.push(format!("{origin} does not count: {what}"));
        }
        let graph = match request.graph || request.azure.live {
            true => "names and groups of the identity, with a token of its own (--graph, --azure)",
            false => "whether it is reachable, without a token; the server needs it for groups",
        };
        let mut hosts = vec![
            (&cloud.authority_host, ENTRA_TAG, AUTHORITY),
            (&cloud.graph_host, ENTRA_TAG, graph),
        ];
        if request.azure.live {
            let why = match request.azure.effective {
                true => "read the server's configuration: GET, and two POST for effective rules",
                false => "read the server's configuration, only with GET (--azure)",
            };
            hosts.push((&cloud.resource_manager_host, "AzureResourceManager", why));
        }
        for (host, tag, why) in hosts {
            let proxy = proxies.for_request("https", host);
            if let Some(proxy) = proxy {
                let why = format!(
                    "proxy ({}, {}) to the hosts of Microsoft Entra ID",
                    proxy.scheme,
                    proxy.origin.phrase()
                );
                self.rule(&proxy.host, proxy.port, "HTTP", &why);
            }
            let rule = self.rule(host, 443, "HTTPS", why);
            rule.service_tag = Some(tag);
            rule.via = proxy.map(|proxy| host_and_port(&proxy.host, proxy.port));
        }
    }

    /// Every server that libpq would try, and the port of its pooler.
    fn servers(&mut self, request: &Request) {
        let settings = &request.settings;
        let first = settings.host.iter().map(|host| (host.value.clone(), settings.port.value));
        let hosts =
            first.chain(settings.next_hosts.iter().map(|next| (next.host.clone(), next.port)));
        let hosts: Vec<(String, u16)> = hosts.collect();
        for (host, port) in hosts {
            let sibling = if port == 6432 { 5432 } else { 6432 };
            self.rule(&host, port, "PostgreSQL", "the login, with TLS");
            self.rule(&host, sibling, "PostgreSQL", "whether the other port answers; no login");
        }
    }

    fn nameservers(&mut self, request: &Request, environment: &Environment) {
        let resolver = dns::nameservers(environment, &request.nameservers);
        let in_azure = vantage::in_azure(environment, dns::are_of_azure(&resolver));
        if subnet::is_asked(environment, in_azure) {
            let why = "the subnet of this machine; never through a proxy";
            let rule = self.rule("169.254.169.254", 80, "HTTP", why);
            rule.service_tag = Some("AzurePlatformIMDS");
        }
        if !request.topics().contains(&Topic::Dns) {
            return;
        }
        for nameserver in resolver.nameservers {
            let (tag, why) = match nameserver.origin {
                NameserverOrigin::System => (None, "resolve names; nameserver of this computer"),
                NameserverOrigin::Option => (None, "resolve names; --nameserver"),
                NameserverOrigin::Azure => {
                    (Some("AzurePlatformDNS"), "resolve names; Azure's own nameserver")
                }
            };
            let address = nameserver.address;
            let destination = address.ip().to_string();
            for transport in ["UDP", "TCP"] {
                let rule = self.rule(&destination, address.port(), "DNS", why);
                rule.transport = transport;
                rule.service_tag = tag;
            }
        }
    }

    /// Endpoints and commands that may be asked for a token other than the token authority.
    fn token_sources(&mut self, request: &Request, environment: &Environment) {
        if !request.topics().contains(&Topic::Credential) {
            return;
        }
        let kind = request.credential;
        if matches!(kind, CredentialKind::Auto | CredentialKind::ManagedIdentity)
            && !self.endpoint(environment, "IDENTITY_ENDPOINT", "token of the managed identity")
        {
            let why = "token of the managed identity; only inside Azure, never through a proxy";
            let rule = self.rule("169.254.169.254", 80, "HTTP", why);
            rule.service_tag = Some("AzurePlatformIMDS");
        }
        if kind == CredentialKind::AzurePipelines {
            self.endpoint(environment, "SYSTEM_OIDCREQUESTURI", "token of the pipeline's job");
        }
        self.commands.extend_from_slice(match kind {
            CredentialKind::Auto => &["az", "azd"],
            CredentialKind::AzureCli => &["az"],
            CredentialKind::AzureDeveloperCli => &["azd"],
            _ => &[],
        });
    }

    /// The endpoint that a variable names; whether it names one.
    fn endpoint(&mut self, environment: &Environment, variable: &str, why: &str) -> bool {
        let Some(value) = environment.get(variable) else { return false };
        match endpoint::parse(value) {
            Ok(url) => {
                let host = url.host_str().unwrap_or_default().to_owned();
                let port = url.port_or_known_default().unwrap_or_default();
                let protocol = if url.scheme() == "https" { "HTTPS" } else { "HTTP" };
                self.rule(&host, port, protocol, &format!("{why} ({variable})"));
            }
            Err(found) => {
                let (shown, detail) = (found.endpoint, found.detail);
                self.notes.push(format!("{variable} is not contacted: {shown}: {detail}"));
            }
        }
        true
    }

    fn secrets(&mut self, request: &Request) {
        let topics = request.topics();
        let settings = &request.settings;
        for topic in Topic::ALL {
            let wanted = topics.contains(&topic)
                && match topic {
                    Topic::Graph => request.graph,
                    Topic::Azure => request.azure.live,
                    Topic::Server | Topic::AuthRequest | Topic::Login | Topic::Session => {
                        settings.host.is_some()
                    }
                    _ => true,
                };
            if wanted && topic.secret() != "none" {
                self.secrets.push(UsedSecret { used_by: topic.name(), secret: topic.secret() });
            }
        }
    }

    /// The plan for people.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        if self.rules.is_empty() {
            let notes = self.notes.join("; ");
            return format!("This run would contact nothing: {notes}.\n");
        }
        let mut text = String::from("Firewall request: this run would contact only these.\n\n");
        let _ = writeln!(text, "Source: {}", self.source.text());
        let _ = writeln!(text, "\n{:<44} {:<16} Service tag\n  Why", "Destination", "Protocol");
        for rule in &self.rules {
            let destination = host_and_port(&rule.destination, rule.port);
            let protocol = format!("{} ({})", rule.transport, rule.protocol);
            let tag = rule.service_tag.unwrap_or("-");
            let _ = writeln!(text, "{destination:<44} {protocol:<16} {tag}");
            let via = rule.via.as_ref().map(|via| format!(" through the proxy {via}"));
            let _ = writeln!(text, "  {}{}", rule.why, via.unwrap_or_default());
        }
        if !self.commands.is_empty() {
            let _ = writeln!(text, "\nCommands for a token: {}", self.commands.join(", "));
        }
        for note in &self.notes {
            let _ = writeln!(text, "\nNote: {note}");
        }
        if !self.secrets.is_empty() {
            let _ = writeln!(text, "\nSecrets:");
        }
        for secret in &self.secrets {
            let _ = writeln!(text, "  {:<13} {}", secret.used_by, secret.secret);
        }
        text.chars().filter(|character| *character == '\n' || !character.is_control()).collect()
    }
}

impl Source {
    fn text(&self) -> String {
        let host = if self.host.is_empty() { "this computer" } else { &self.host };
        match self.addresses.is_empty() {
            true => host.to_owned(),
            false => format!("{host} ({})", self.addresses.join(", ")),
        }
    }
}

/// The addresses from which this computer would connect to another network. Connecting a UDP socket
/// sends no packet. The destinations are documentation addresses (RFC 5737 and RFC 3849).
fn local_addresses() -> Vec<String> {
    [("0.0.0.0:0", "192.0.2.1:443"), ("[::]:0", "[2001:db8::1]:443")]
        .into_iter()
        .filter_map(|(local, remote)| {
            let socket = UdpSocket::bind(local).ok()?;
            socket.connect(remote).ok()?;
            let address = socket.local_addr().ok()?.ip();
            (!address.is_unspecified() && !address.is_loopback()).then(|| address.to_string())
        })
        .collect()
}

/// A host and a port; an address of IPv6 is in brackets.
fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
