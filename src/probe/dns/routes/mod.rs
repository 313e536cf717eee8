//! Which nameservers the operating system asks for which names: systemd-resolved, macOS and Windows
//! each keep nameservers per network interface and per domain.

#[cfg_attr(not(any(test, target_os = "macos")), allow(dead_code, reason = "macOS only"))]
pub(crate) mod macos;
#[cfg_attr(not(any(test, target_os = "linux")), allow(dead_code, reason = "Linux only"))]
pub(crate) mod resolved;
#[cfg_attr(not(any(test, windows)), allow(dead_code, reason = "Windows only"))]
pub(crate) mod windows;

use entra_pg_checks::facts::dns::{DnsRoute, Nameserver, NameserverOrigin, ResolverSettings};
use std::net::{IpAddr, SocketAddr};

/// The port of a nameserver, unless the settings name another.
const DNS: u16 = 53;
/// Routes that are kept; a machine has a few.
const MAX_ROUTES: usize = 64;
/// Nameservers that are kept of one route, and of all.
const MAX_NAMESERVERS: usize = 16;
/// Domains that are kept of one route.
const MAX_DOMAINS: usize = 64;

/// A nameserver as settings write it: `10.0.0.4`, `10.0.0.4:5353`, `[fd00::4]:53`, `fe80::1%2`,
/// `1.1.1.1#cloudflare-dns.com`.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.split('#').next()?.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let text = text.split('%').next()?.trim_matches(['[', ']']);
    text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, DNS))
}

/// The nameservers in a list that blanks, commas or semicolons separate.
fn addresses(text: &str) -> Vec<SocketAddr> {
    text.split([' ', ',', ';', '\t']).filter_map(address).take(MAX_NAMESERVERS).collect()
}

/// A domain without dots around it, in lower case; empty for the root.
fn domain(text: &str) -> String {
    text.trim().trim_matches('.').chars().take(253).collect::<String>().to_ascii_lowercase()
}

/// The settings of these routes, with every nameserver once: those for all names first.
fn settings(source: &str, mut routes: Vec<DnsRoute>) -> ResolverSettings {
    routes.truncate(MAX_ROUTES);
    let ordered = routes.iter().filter(|route| route.default);
    let ordered = ordered.chain(routes.iter().filter(|route| !route.default));
    let mut nameservers: Vec<Nameserver> = Vec::new();
    for &address in ordered.flat_map(|route| &route.nameservers) {
        let known = nameservers.iter().any(|nameserver| nameserver.address == address);
        if !known && nameservers.len() < MAX_NAMESERVERS {
            nameservers.push(Nameserver { address, origin: NameserverOrigin::System });
        }
    }
    ResolverSettings {
        nameservers,
        routes,
        ndots: 1,
        source: source.to_owned(),
        ..ResolverSettings::default()
    }
}
