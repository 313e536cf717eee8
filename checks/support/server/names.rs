//! Why a certificate does not name the host, by the form of the host's name.

use crate::command::Command;
use crate::{
    facts::{settings::Settings, tls::Tls},
    text,
    verdict::Fix,
};
use std::net::IpAddr;

/// What is known of a host name of this form.
pub(crate) fn evidence(host: &str) -> Option<String> {
    if host.parse::<IpAddr>().is_ok() {
        return Some("certificates of flexible servers do not contain IP addresses".to_owned());
    }
    let form = form(host)?;
    Some(format!(
        "{host} is {form}; the certificate's wildcard covers one label, so it does not cover \
            that name"
    ))
}

fn form(host: &str) -> Option<&'static str> {
    let mut labels = host.split('.').skip(1);
    let second = labels.next()?;
    if second == "privatelink" {
        Some("the alias of the private endpoint")
    } else if second.starts_with("rs-") {
        Some("an internal alias of the server")
    } else if second == "private" {
        Some("a name in the private zone of a virtual network")
    } else {
        None
    }
}

/// Which names the certificate has, and which it lacks.
pub(crate) fn detail(tls: &Tls, host: &str) -> String {
    let leaf = tls.chain.first();
    let names = leaf.map(|leaf| leaf.names.as_slice()).unwrap_or_default();
    let common = leaf.map_or("no name at all", |leaf| leaf.subject_name.as_str());
    if names.is_empty() {
        return format!("the certificate has only the common name \"{common}\", not {host}");
    }
    format!("the certificate names {}, not {host}", text::list(names, 3))
}

/// Whether the host is this machine itself, as with a tunnel.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    address || name == "localhost" || name.ends_with(".localhost")
}

/// The name to connect by.
pub(crate) fn fix(settings: &Settings, tls: &Tls, host: &str, port: u16) -> Fix {
    let suffix = &settings.cloud.value.server_suffix;
    if is_loopback(host) {
        let names = tls.chain.first().map(|leaf| leaf.names.as_slice()).unwrap_or_default();
        let own = names.iter().find(|name| !name.contains('*') && name.ends_with(suffix.as_str()));
        let server = own.cloned().unwrap_or_else(|| format!("<server>.{suffix}"));
        let address = tls.address.ip();
        return Fix::you(
            "Keep the tunnel and name the server: libpq compares the certificate with host and \
                connects to hostaddr",
        )
        .run(Command::text(format!("host={server} hostaddr={address} port={port}")));
    }
    if form(host).is_some() && host.ends_with(suffix.as_str()) {
        let server = host.split('.').next().unwrap_or(host);
        let name = format!("{server}.{suffix}");
        return Fix::you(format!(
            "Connect by {name}: it resolves to the same address, and the certificate names it"
        ))
        .run(Command::set("PGHOST", &name));
    }
    Fix::you(format!(
        "Connect by the server's own name, <server>.{suffix}, also for private endpoints; where \
            only a name of your own can be used, sslmode=verify-ca checks the chain and not the \
            name (this tool and tokens insist on the name)"
    ))
}

#[cfg(test)]
mod tests {
    use super::{evidence, fix};
    use crate::support::testing::healthy_but;

    #[test]
    fn aliases_are_told_from_names_of_one_s_own() {
        let seen = healthy_but(&[]);
        let settings = seen.settings.seen().expect("settings");
        let tls = seen.server.seen().and_then(|server| server.tls.seen()).expect("TLS").clone();
        let alias = "pg-prod.privatelink.postgres.database.azure.com";
        assert!(evidence(alias).is_some_and(|line| line.contains("one label")));
        let command = fix(settings, &tls, alias, 5432).command.expect("a command");
        assert!(command.contains("pg-prod.postgres.database.azure.com"), "{command}");
        assert_eq!(evidence("db.corp.contoso.com"), None);
        assert!(fix(settings, &tls, "db.corp.contoso.com", 5432).command.is_none());
        let tunnel = fix(settings, &tls, "localhost", 15432).command.expect("a command");
        assert!(tunnel.contains("hostaddr=") && tunnel.contains("port=15432"), "{tunnel}");
    }
}
