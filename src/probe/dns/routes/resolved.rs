//! systemd-resolved: nameservers per network link, with domains that decide which link is asked.
//! Sources: systemd-resolved.service(8), "Protocols and routing"; resolved.conf(5).

use super::{MAX_DOMAINS, MAX_NAMESERVERS, addresses, domain};
use entra_pg_checks::facts::dns::DnsRoute;

/// The stub, through which programs ask that go by resolv.conf.
#[cfg(target_os = "linux")]
const STUBS: [&str; 2] = ["127.0.0.53", "127.0.0.54"];

/// Nameservers, and whether the domain `~.` sends them every name that no other domain holds.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) route: DnsRoute,
    takes_all: bool,
}

/// One link as resolved or networkd saved it.
/// Files: `/run/systemd/resolve/netif/<index>` and `/run/systemd/netif/links/<index>`.
pub(crate) fn link(interface: &str, texts: &[String]) -> Option<Link> {
    let (mut servers, mut domains) = (Vec::new(), Vec::new());
    let (mut default, mut routes_only) = (None, false);
    for line in texts.iter().flat_map(|text| text.lines()).take(1024) {
        let Some((key, value)) = line.split_once('=') else { continue };
        match key.trim() {
            "DNS" | "SERVERS" => servers.extend(addresses(value)),
            "DOMAINS" | "ROUTE_DOMAINS" => {
                routes_only |= key == "ROUTE_DOMAINS" && !value.trim().is_empty();
                for name in value.split_whitespace() {
                    routes_only |= name.starts_with('~');
                    domains.push(domain(name.trim_start_matches('~')));
                }
            }
            "DEFAULT_ROUTE" | "DNS_DEFAULT_ROUTE" => default = is_true(value).or(default),
            _ => {}
        }
    }
    if servers.is_empty() {
        return None;
    }
    // "~." takes every name that no other domain fits better.
    let takes_all = domains.iter().any(String::is_empty);
    domains.retain(|name| !name.is_empty());
    domains.truncate(MAX_DOMAINS);
    servers.dedup();
    servers.truncate(MAX_NAMESERVERS);
    let route = DnsRoute {
        interface: interface.chars().take(64).collect(),
        domains,
        names: Vec::new(),
        default: takes_all || default.unwrap_or(!routes_only),
        nameservers: servers,
        source: "systemd-resolved".to_owned(),
    };
    Some(Link { route, takes_all })
}

/// The routes of all links. `~.` on one of them, as a VPN for all traffic sets it, makes it the only
/// one for names that no domain holds.
fn routes(links: Vec<Link>) -> Vec<DnsRoute> {
    let any = links.iter().any(|link| link.takes_all);
    let route = |link: Link| DnsRoute {
        default: if any { link.takes_all } else { link.route.default },
        ..link.route
    };
    links.into_iter().map(route).collect()
}

/// The nameservers for all links in resolved.conf and its drop-ins.
pub(crate) fn global(texts: &[String]) -> Option<Link> {
    let (mut servers, mut domains) = (Vec::new(), Vec::new());
    for line in texts.iter().flat_map(|text| text.lines()).take(4096) {
        match line.trim().split_once('=') {
            // An empty value clears what was set before.
            Some((key, "")) if key.trim() == "DNS" => servers.clear(),
            Some((key, value)) if key.trim() == "DNS" => servers.extend(addresses(value)),
            Some((key, value)) if key.trim() == "Domains" => {
                let names = value.split_whitespace();
                domains.extend(names.map(|name| domain(name.trim_start_matches('~'))));
            }
            _ => {}
        }
    }
    let takes_all = domains.iter().any(String::is_empty);
    domains.retain(|name: &String| !name.is_empty());
    domains.truncate(MAX_DOMAINS);
    servers.truncate(MAX_NAMESERVERS);
    let route = DnsRoute {
        interface: "all links".to_owned(),
        domains,
        names: Vec::new(),
        default: true,
        nameservers: servers,
        source: "resolved.conf".to_owned(),
    };
    (!route.nameservers.is_empty()).then_some(Link { route, takes_all })
}

/// Booleans as systemd reads them.
fn is_true(value: &str) -> Option<bool> {
    match value.trim() {
        "1" | "yes" | "y" | "true" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// The routes of this machine, if its programs ask systemd-resolved.
#[cfg(target_os = "linux")]
pub(crate) fn read(
    nameservers: impl IntoIterator<Item = std::net::SocketAddr>,
    lookup_order: Option<&str>,
) -> Vec<DnsRoute> {
    let is_stub =
        |address: std::net::SocketAddr| STUBS.contains(&address.ip().to_string().as_str());
    let order = lookup_order.unwrap_or_default();
    let by_module = order.split_whitespace().any(|module| module == "resolve");
    if !by_module && !nameservers.into_iter().any(is_stub) {
        return Vec::new();
    }
    routes(links().chain(global(&files(&CONFIGURATION))).collect())
}

#[cfg(target_os = "linux")]
const CONFIGURATION: [&str; 3] =
    ["/etc/systemd/resolved.conf", "/run/systemd/resolved.conf.d", "/etc/systemd/resolved.conf.d"];

#[cfg(target_os = "linux")]
fn links() -> impl Iterator<Item = Link> {
    const STATES: [&str; 2] = ["/run/systemd/netif/links", "/run/systemd/resolve/netif"];
    let interfaces = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    interfaces.take(super::MAX_ROUTES).filter_map(|entry| {
        let index = crate::input::text_start(entry.path().join("ifindex"), 32).ok()?;
        let paths = STATES.map(|folder| format!("{folder}/{}", index.trim()));
        link(&entry.file_name().to_string_lossy(), &files(&paths))
    })
}

/// The texts of files, and of the files in folders.
#[cfg(target_os = "linux")]
fn files(paths: &[impl AsRef<std::path::Path>]) -> Vec<String> {
    const LIMIT: u64 = 64 * 1024;
    let mut texts = Vec::new();
    for path in paths {
        let mut inside: Vec<_> = std::fs::read_dir(path.as_ref())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .take(super::MAX_ROUTES)
            .collect();
        inside.sort();
        inside.push(path.as_ref().to_owned());
        texts.extend(inside.iter().filter_map(|path| crate::input::text_start(path, LIMIT).ok()));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::{global, link, routes};

    #[test]
    fn a_vpn_link_with_routing_domains_is_not_the_default() {
        let text = "# This is private data. Do not parse.\nLLMNR=yes\nSERVERS=10.8.0.1 fe80::1%3\nDOMAINS=~corp.contoso.com ~privatelink.postgres.database.azure.com\n";
        let vpn = link("tun0", &[text.to_owned()]).expect("a link with nameservers").route;
        assert_eq!(vpn.domains, ["corp.contoso.com", "privatelink.postgres.database.azure.com"]);
        assert_eq!((vpn.default, vpn.nameservers.len()), (false, 2));
        let text = "DNS=192.168.1.1\nDOMAINS=home.arpa\n".to_owned();
        let wireless = link("wlan0", &[text]).expect("a link");
        assert!(wireless.route.default);
        let all = "SERVERS=10.8.0.1\nDOMAINS=~.\nDEFAULT_ROUTE=no\n".to_owned();
        let all = link("tun0", &[all]).expect("a link");
        assert!(all.route.default && all.route.domains.is_empty());
        let both = routes(vec![wireless, all]);
        assert_eq!(both.iter().map(|route| route.default).collect::<Vec<_>>(), [false, true]);
        assert_eq!(both[0].domains, ["home.arpa"]);
        assert!(link("lo", &["LLMNR=no\n".to_owned()]).is_none());
    }

    #[test]
    fn nameservers_for_all_links() {
        let text =
            "[Resolve]\n#DNS=1.1.1.1\nDNS=9.9.9.9#dns.quad9.net [2620:fe::fe]:53\nDomains=~.\n";
        let found = global(&[text.to_owned()]).expect("nameservers");
        assert_eq!((found.route.nameservers.len(), found.route.default), (2, true));
        assert!(found.takes_all);
        assert!(global(&["[Resolve]\nDNS=9.9.9.9\n".to_owned(), "DNS=\n".to_owned()]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_survived(text: String) {
            link("eth0", std::slice::from_ref(&text));
            global(&[text]);
        }
    }
}
