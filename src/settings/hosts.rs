//! The hosts and ports that are named: libpq takes lists, separated by commas, and tries one after the
//! other. Source: PostgreSQL documentation, libpq, "Specifying Multiple Hosts".

use crate::settings::usage::UsageError;
use entra_pg_checks::facts::settings::{NextHost, Origin, Setting};

/// What is looked at, and what libpq would try after it.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) host: Option<Setting<String>>,
    pub(super) hostaddr: Option<Setting<String>>,
    pub(super) port: Setting<u16>,
    pub(super) next: Vec<NextHost>,
}

/// Takes the lists apart.
///
/// # Errors
/// They are not of one length, or a port is no number.
pub(super) fn read(
    hosts: Option<Setting<String>>,
    addresses: Option<Setting<String>>,
    ports: Option<Setting<String>>,
) -> Result<Hosts, UsageError> {
    let (names, name_origin) = list(hosts);
    let (addresses, address_origin) = list(addresses);
    let (port_texts, port_origin) = list(ports);
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(UsageError::new(format!(
            "could not match {} host names to {} hostaddr values",
            names.len(),
            addresses.len()
        )));
    }
    let count = names.len().max(addresses.len()).max(1);
    if port_texts.len() > 1 && port_texts.len() != count {
        return Err(UsageError::new(format!(
            "could not match {} port numbers to {count} hosts",
            port_texts.len()
        ))
        .suggest("one port for all of them, or one for each"));
    }
    let ports = port_texts
        .iter()
        .map(|text| number(text, &port_origin))
        .collect::<Result<Vec<u16>, UsageError>>()?;
    let port_of = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(DEFAULT);
    let given =
        |list: &[String], index: usize| list.get(index).cloned().filter(|text| !text.is_empty());
    let next = (1..count).map(|index| NextHost {
        host: given(&names, index).or_else(|| given(&addresses, index)).unwrap_or_default(),
        port: port_of(index),
    });
    Ok(Hosts {
        next: next.collect(),
        host: given(&names, 0).map(|value| Setting { value, origin: name_origin }),
        hostaddr: given(&addresses, 0).map(|value| Setting { value, origin: address_origin }),
        port: Setting { value: port_of(0), origin: port_origin },
    })
}

/// PostgreSQL's own port.
const DEFAULT: u16 = 5432;

fn list(setting: Option<Setting<String>>) -> (Vec<String>, Origin) {
    match setting.filter(|setting| !setting.value.is_empty()) {
        None => (Vec::new(), Origin::Default),
        Some(setting) => (setting.value.split(',').map(str::to_owned).collect(), setting.origin),
    }
}

fn number(text: &str, origin: &Origin) -> Result<u16, UsageError> {
    match text.trim() {
        "" => Ok(DEFAULT),
        digits => digits.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
            UsageError::new(format!("invalid port number in {}", origin.phrase()))
                .at(text.to_owned(), 0..text.len())
                .suggest("5432, or 6432 for the built-in pooler")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Hosts, read};
    use crate::settings::usage::UsageError;
    use entra_pg_checks::facts::settings::{NextHost, Origin, Setting};

    fn look(host: &str, address: &str, port: &str) -> Result<Hosts, UsageError> {
        let given = |text: &str| {
            let value = text.to_owned();
            (!text.is_empty()).then_some(Setting { value, origin: Origin::Conninfo })
        };
        read(given(host), given(address), given(port))
    }

    #[test]
    fn lists_are_taken_apart_as_libpq_does() {
        let hosts = look("a,b,c", "", "1,,3").expect("three");
        assert_eq!((hosts.host.expect("a host").value.as_str(), hosts.port.value), ("a", 1));
        let next = |host: &str, port| NextHost { host: host.to_owned(), port };
        assert_eq!(hosts.next, [next("b", 5432), next("c", 3)]);
        assert_eq!(look("a,b", "", "6432").expect("two").next, [next("b", 6432)]);
        let by_address = look("", "10.0.0.1,10.0.0.2", "").expect("two");
        assert_eq!(by_address.hostaddr.expect("an address").value, "10.0.0.1");
        assert_eq!(by_address.next, [next("10.0.0.2", 5432)]);
        let none = look("", "", "").expect("none");
        assert!(none.host.is_none() && none.next.is_empty() && none.port.value == 5432);
        assert_eq!(none.port.origin, Origin::Default);
    }

    #[test]
    fn lists_of_different_lengths_are_refused() {
        for (host, address, port) in
            [("a,b", "", "1,2,3"), ("a", "", "1,2"), ("a,b", "10.0.0.1", "")]
        {
            let error = look(host, address, port).expect_err("no match");
            assert!(error.message.starts_with("could not match"), "{error}");
        }
        for port in ["0", "x", "99999", "1,x"] {
            assert!(look("a,b", "", port).is_err(), "{port}");
        }
    }
}
