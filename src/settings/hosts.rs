//! Hosts, addresses and ports: libpq reads lists, separated by commas, and tries one entry after the
//! other. Source: PostgreSQL documentation, libpq, "Specifying Multiple Hosts".

use crate::settings::usage::UsageError;
use entra_pg_checks::facts::settings::{NextHost, Origin, Setting};

/// The first entry of the lists, and the entries that libpq tries after it.
#[derive(Debug)]
pub(super) struct Hosts {
    /// The name of the server, or its `hostaddr` if it has no name.
    pub(super) host: Option<Setting<String>>,
    pub(super) hostaddr: Option<Setting<String>>,
    pub(super) port: Setting<u16>,
    /// The port as it is written, by which libpq searches the password file.
    pub(super) port_text: String,
    pub(super) next: Vec<NextHost>,
}

/// PostgreSQL's own port.
const DEFAULT_PORT: u16 = 5432;

/// Splits the lists.
///
/// # Errors
/// The lists differ in length, or a port is not a number.
pub(super) fn read(
    hosts: Option<Setting<String>>,
    addresses: Option<Setting<String>>,
    ports: Option<Setting<String>>,
) -> Result<Hosts, UsageError> {
    let (names, name_origin) = list(hosts);
    let (addresses, address_origin) = list(addresses);
    let (ports, port_origin) = list(ports);
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(UsageError::new(format!(
            "could not match {} host names to {} hostaddr values",
            names.len(),
            addresses.len()
        ))
        .suggest("one hostaddr per host"));
    }
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(UsageError::new(format!(
            "could not match {} port numbers to {count} hosts",
            ports.len()
        ))
        .suggest("one port for all hosts, or one per host"));
    }
    let given =
        |list: &[String], index: usize| list.get(index).cloned().filter(|text| !text.is_empty());
    let port_text = |index: usize| {
        let text = if ports.len() == 1 { ports.first() } else { ports.get(index) };
        text.cloned().unwrap_or_default()
    };
    let mut next = Vec::new();
    for index in 1..count {
        let host = given(&names, index).or_else(|| given(&addresses, index)).unwrap_or_default();
        next.push(NextHost { host, port: number(&port_text(index), &port_origin)? });
    }
    let hostaddr = given(&addresses, 0).map(|value| Setting { value, origin: address_origin });
    let host = given(&names, 0).map(|value| Setting { value, origin: name_origin });
    Ok(Hosts {
        host: host.or_else(|| hostaddr.clone()),
        hostaddr,
        port: Setting { value: number(&port_text(0), &port_origin)?, origin: port_origin },
        port_text: port_text(0),
        next,
    })
}

fn list(setting: Option<Setting<String>>) -> (Vec<String>, Origin) {
    match setting.filter(|setting| !setting.value.is_empty()) {
        None => (Vec::new(), Origin::Default),
        Some(setting) => (setting.value.split(',').map(str::to_owned).collect(), setting.origin),
    }
}

fn number(text: &str, origin: &Origin) -> Result<u16, UsageError> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    let port = entra_pg_checks::support::config::values::integer(text)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port > 0);
    port.ok_or_else(|| {
        let message = format!("port must be a number from 1 to 65535, in {}", origin.phrase());
        let error = UsageError::new(message).suggest("5432, or 6432 for the built-in pooler");
        // In a URI, a password that is not encoded can end up as the port.
        // `-p` takes a password in other clients. Only what resembles a number is shown.
        let others = text.chars().filter(|character| !character.is_ascii_digit()).count();
        match origin {
            Origin::Uri => error,
            _ if others > 1 || text.len() > 12 => error,
            _ => error.at(text.to_owned(), 0..text.len()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Hosts, read};
    use crate::settings::usage::UsageError;
    use entra_pg_checks::facts::settings::{NextHost, Origin, Setting};

    fn hosts(host: &str, address: &str, port: &str) -> Result<Hosts, UsageError> {
        let given = |text: &str| {
            let value = text.to_owned();
            (!text.is_empty()).then_some(Setting { value, origin: Origin::Conninfo })
        };
        read(given(host), given(address), given(port))
    }

    #[test]
    fn splits_lists_as_libpq_does() {
        let three = hosts("a,b,c", "", "1,,3").expect("three");
        assert_eq!((three.host.expect("a host").value.as_str(), three.port.value), ("a", 1));
        let next = |host: &str, port| NextHost { host: host.to_owned(), port };
        assert_eq!(three.next, [next("b", 5432), next("c", 3)]);
        assert_eq!(hosts("a,b", "", "6432").expect("two").next, [next("b", 6432)]);
        let by_address = hosts("", "10.0.0.1,10.0.0.2", "").expect("two");
        assert_eq!(by_address.hostaddr.expect("an address").value, "10.0.0.1");
        assert_eq!(by_address.host.expect("the address").value, "10.0.0.1");
        assert_eq!(by_address.next, [next("10.0.0.2", 5432)]);
        let none = hosts("", "", "").expect("none");
        assert!(none.host.is_none() && none.next.is_empty() && none.port.value == 5432);
        assert_eq!(none.port.origin, Origin::Default);
        // The URI postgresql://a,b/ has the port list ",".
        assert_eq!(hosts("a,b", "", ",").expect("two").next, [next("b", 5432)]);
        assert_eq!(hosts("a", "", " +6432 ").expect("blanks").port.value, 6432);
    }

    #[test]
    fn rejects_lists_of_different_lengths() {
        for (host, address, port) in
            [("a,b", "", "1,2,3"), ("a", "", "1,2"), ("a,b", "10.0.0.1", "")]
        {
            let error = hosts(host, address, port).expect_err("no match");
            assert!(error.message.starts_with("could not match"), "{error}");
        }
        for port in ["0", "x", "99999", "1,x"] {
            assert!(hosts("a,b", "", port).is_err(), "{port}");
        }
    }
}
