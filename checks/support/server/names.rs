//! Why a certificate does not name the host, by the form of the host's name.

use crate::command::Command;
use crate::{facts::settings::Settings, verdict::Fix};
use std::net::IpAddr;

/// What is known of a host name of this form.
pub(crate) fn evidence(host: &str) -> Option<String> {
    if host.parse::<IpAddr>().is_ok() {
        return Some("certificates of flexible servers name no addresses".to_owned());
    }
    let form = form(host)?;
    Some(format!(
        "{host} is {form}; the certificate's wildcard stands for one label, so it does not cover \
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

/// The name to connect by.
pub(crate) fn fix(settings: &Settings, host: &str) -> Fix {
    let suffix = &settings.cloud.value.server_suffix;
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
        let alias = "pg-prod.privatelink.postgres.database.azure.com";
        assert!(evidence(alias).is_some_and(|line| line.contains("one label")));
        let command = fix(settings, alias).command.expect("a command");
        assert!(command.contains("pg-prod.postgres.database.azure.com"), "{command}");
        assert_eq!(evidence("db.corp.contoso.com"), None);
        assert!(fix(settings, "db.corp.contoso.com").command.is_none());
    }
}
