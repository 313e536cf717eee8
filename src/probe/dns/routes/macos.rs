//! macOS: the resolvers that `scutil --dns` prints, among them those of VPNs and of `/etc/resolver`.
//! Source: scutil(8), resolver(5).

use super::{DNS, MAX_DOMAINS, MAX_NAMESERVERS, domain, settings};
use entra_pg_checks::facts::dns::{DnsRoute, ResolverSettings};
use std::net::SocketAddr;

/// Where the settings were read.
const SOURCE: &str = "the network settings of macOS";

#[derive(Default)]
struct Resolver {
    domain: Option<String>,
    search: Vec<String>,
    nameservers: Vec<SocketAddr>,
    port: Option<u16>,
    interface: Option<String>,
    multicast: bool,
}

/// What the output of `scutil --dns` says. Its second part, for queries that are bound to an interface,
/// does not matter: getaddrinfo asks by the first.
pub(crate) fn parse(text: &str) -> ResolverSettings {
    let mut resolvers: Vec<Resolver> = Vec::new();
    for line in text.lines().take(8192) {
        let line = line.trim();
        if line.contains("for scoped queries") {
            break;
        }
        if line.starts_with("resolver #") {
            resolvers.push(Resolver::default());
        }
        if let (Some(resolver), Some((key, value))) = (resolvers.last_mut(), line.split_once(':')) {
            resolver.set(key.trim(), value.trim());
        }
    }
    let search = resolvers.iter().find(|resolver| resolver.domain.is_none());
    let search = search.map(|resolver| resolver.search.clone()).unwrap_or_default();
    let routes = resolvers.into_iter().filter_map(Resolver::route).collect();
    ResolverSettings { search, ..settings(SOURCE, routes) }
}

impl Resolver {
    fn set(&mut self, key: &str, value: &str) {
        if key.starts_with("nameserver[") {
            self.nameservers.extend(super::address(value));
        } else if key.starts_with("search domain[") {
            self.search.push(domain(value));
        }
        match key {
            "domain" => self.domain = Some(domain(value)),
            "port" => self.port = value.parse().ok(),
            "options" => self.multicast |= value.contains("mdns"),
            // `if_index : 6 (en0)`.
            "if_index" => {
                let name = value.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
                self.interface = name.map(|name| name.chars().take(64).collect());
            }
            _ => {}
        }
        self.search.truncate(MAX_DOMAINS);
        self.nameservers.truncate(MAX_NAMESERVERS);
    }

    fn route(mut self) -> Option<DnsRoute> {
        if self.multicast || self.nameservers.is_empty() {
            return None;
        }
        if let Some(port) = self.port.filter(|port| *port != DNS) {
            self.nameservers.iter_mut().for_each(|address| address.set_port(port));
        }
        let domains: Vec<String> =
            self.domain.into_iter().filter(|name| !name.is_empty()).collect();
        Some(DnsRoute {
            interface: self.interface.unwrap_or_else(|| "any interface".to_owned()),
            default: domains.is_empty(),
            domains,
            names: Vec::new(),
            nameservers: self.nameservers,
            source: "scutil --dns".to_owned(),
        })
    }
}

/// Asks the system.
#[cfg(target_os = "macos")]
pub(crate) fn read() -> Option<ResolverSettings> {
    let text = crate::environment::command::output("/usr/sbin/scutil", &["--dns"])?;
    Some(parse(&text)).filter(|settings| !settings.nameservers.is_empty())
}

#[cfg(test)]
mod tests {
    use super::parse;

    const OUTPUT: &str = "DNS configuration

resolver #1
  search domain[0] : corp.contoso.com
  nameserver[0] : 192.168.1.1
  nameserver[1] : fe80::1%en0
  if_index : 6 (en0)
  flags    : Request A records, Request AAAA records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5

resolver #3
  domain   : privatelink.postgres.database.azure.com.
  nameserver[0] : 10.8.0.1
  port     : 5353
  if_index : 17 (utun4)
  flags    : Supplemental, Request A records

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 9.9.9.9
  if_index : 6 (en0)
  flags    : Scoped, Request A records
";

    #[test]
    fn reads_resolvers_with_the_domains_that_they_serve() {
        let found = parse(OUTPUT);
        let addresses: Vec<String> =
            found.nameservers.iter().map(|server| server.address.to_string()).collect();
        assert_eq!(addresses, ["192.168.1.1:53", "[fe80::1]:53", "10.8.0.1:5353"]);
        assert_eq!(found.search, ["corp.contoso.com"]);
        let [first, vpn] = found.routes.as_slice() else { panic!("two routes: {found:?}") };
        assert_eq!((first.interface.as_str(), first.default), ("en0", true));
        assert_eq!((vpn.interface.as_str(), vpn.default), ("utun4", false));
        assert_eq!(vpn.domains, ["privatelink.postgres.database.azure.com"]);
        let asked = |name| found.nameservers_for(name);
        assert_eq!(asked("pg.privatelink.postgres.database.azure.com").len(), 1);
        assert_eq!(asked("login.microsoftonline.com").len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_output_is_survived(text: String) {
            parse(&text);
        }
    }
}
