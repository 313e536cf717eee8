//! How this machine is set up to resolve names: resolv.conf, nsswitch.conf, and further nameservers.

#[cfg(any(windows, target_os = "macos"))]
use super::routes;
use crate::environment::Environment;
#[cfg(unix)]
use crate::input;
use entra_pg_checks::facts::dns::{Nameserver, NameserverOrigin, ResolverSettings};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Azure's own resolver, which answers only inside Azure.
/// Source: Microsoft Learn, "What is IP address 168.63.129.16?".
const AZURE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)), DNS);

const DNS: u16 = 53;
#[cfg(target_os = "linux")]
const NSSWITCH: &str = "/etc/nsswitch.conf";
#[cfg(unix)]
const LIMIT: u64 = 256 * 1024;
/// Nameservers beyond the third are ignored by the C library (MAXNS in resolv.h).
const MOST_NAMESERVERS: usize = 3;
/// Options that are kept.
const MOST_OPTIONS: usize = 32;
/// Search suffixes that are tried; no more than six were taken before glibc 2.26.
const MOST_SUFFIXES: usize = 16;

/// The machine's settings, with the nameservers of `--nameserver`.
#[must_use]
pub(super) fn resolver_settings(
    environment: &Environment,
    extra: &[SocketAddr],
) -> ResolverSettings {
    let mut settings = system();
    apply_variables(&mut settings, environment.raw("LOCALDOMAIN"), environment.get("RES_OPTIONS"));
    #[cfg(target_os = "linux")]
    {
        settings.lookup_order =
            input::text_start(NSSWITCH, LIMIT).ok().and_then(|text| hosts_order(&text));
        let order = settings.lookup_order.as_deref();
        settings.routes = super::routes::resolved::read(settings.system(), order);
    }
    for &address in extra {
        settings.nameservers.push(Nameserver { address, origin: NameserverOrigin::Option });
    }
    let mut seen = Vec::new();
    settings.nameservers.retain(|nameserver| {
        let new = !seen.contains(&nameserver.address);
        seen.push(nameserver.address);
        new
    });
    settings
}

/// Whether the settings are those that Azure hands out: its own resolver, or the suffixes of its DHCP.
/// Source: Microsoft Learn, "Name resolution for resources in Azure virtual networks".
#[must_use]
pub(crate) fn are_of_azure(settings: &ResolverSettings) -> bool {
    settings.nameservers.iter().any(|nameserver| {
        nameserver.address == AZURE && nameserver.origin == NameserverOrigin::System
    }) || settings.search.iter().any(|suffix| {
        suffix.ends_with("internal.cloudapp.net") || suffix.ends_with("reddog.microsoft.com")
    })
}

/// Adds Azure's own resolver to those that are asked.
pub(super) fn add_azure(settings: &mut ResolverSettings) {
    if settings.nameservers.iter().all(|nameserver| nameserver.address != AZURE) {
        let origin = NameserverOrigin::Azure;
        settings.nameservers.push(Nameserver { address: AZURE, origin });
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn system() -> ResolverSettings {
    resolv_conf()
}

/// macOS's own lookup does not read resolv.conf.
#[cfg(target_os = "macos")]
fn system() -> ResolverSettings {
    routes::macos::read().unwrap_or_else(resolv_conf)
}

#[cfg(windows)]
fn system() -> ResolverSettings {
    routes::windows::read()
}

#[cfg(unix)]
fn resolv_conf() -> ResolverSettings {
    const RESOLV_CONF: &str = "/etc/resolv.conf";
    let source = RESOLV_CONF.to_owned();
    match input::text_start(RESOLV_CONF, LIMIT) {
        Ok(text) => ResolverSettings { source, ..read(text.as_bytes()) },
        Err(error) => {
            let unreadable = Some(error.to_string());
            ResolverSettings { source, unreadable, ..ResolverSettings::default() }
        }
    }
}

/// Applies the environment variables of the C library: LOCALDOMAIN replaces the search list, and
/// RES_OPTIONS adds options. Source: resolv.conf(5).
#[cfg(unix)]
fn apply_variables(
    settings: &mut ResolverSettings,
    local_domain: Option<&str>,
    options: Option<&str>,
) {
    if let Some(list) = local_domain {
        let suffixes = list.split_whitespace().map(|name| name.trim_matches('.').to_lowercase());
        settings.search = suffixes.filter(|name| !name.is_empty()).take(MOST_SUFFIXES).collect();
        settings.variables.push("LOCALDOMAIN".to_owned());
    }
    if let Some(options) = options {
        apply_options(settings, options);
        settings.variables.push("RES_OPTIONS".to_owned());
    }
}

#[cfg(not(unix))]
fn apply_variables(_: &mut ResolverSettings, _: Option<&str>, _: Option<&str>) {}

/// Applies a list of options with the limits of the C library (RES_MAXNDOTS, RES_MAXRETRANS,
/// RES_MAXRETRY in resolv.h).
fn apply_options(settings: &mut ResolverSettings, options: &str) {
    for option in options.split_whitespace().take(MOST_OPTIONS) {
        let number = |limit: u32| {
            let digits = option.split_once(':').map_or("", |(_, value)| value);
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().unwrap_or(0).min(limit)
        };
        match option.split(':').next() {
            Some("ndots") => settings.ndots = number(15),
            Some("timeout") => settings.timeout_s = Some(number(30)),
            Some("attempts") => settings.attempts = Some(number(5)),
            _ => {
                let option: String = option.chars().take(40).collect();
                if !settings.has(&option) {
                    settings.options.push(option);
                }
            }
        }
    }
}

/// What a resolv.conf says. Lines that cannot be read are ignored, as the C library does.
pub(crate) fn read(text: &[u8]) -> ResolverSettings {
    let (config, _) = resolv_conf::Config::parse_with_errors(text);
    let servers = config.nameservers.iter().take(MOST_NAMESERVERS).map(|ip| Nameserver {
        address: SocketAddr::new(ip.into(), DNS),
        origin: NameserverOrigin::System,
    });
    let suffix = |name: &String| name.trim_matches('.').to_ascii_lowercase();
    let search = config.get_last_search_or_domain().map(suffix);
    let mut settings = ResolverSettings {
        nameservers: servers.collect(),
        search: search.filter(|name| !name.is_empty()).take(MOST_SUFFIXES).collect(),
        ndots: config.ndots,
        timeout_s: Some(config.timeout),
        attempts: Some(config.attempts),
        ..ResolverSettings::default()
    };
    let text = String::from_utf8_lossy(text);
    for line in text.lines() {
        if let Some(options) = line.strip_prefix("options")
            && options.starts_with([' ', '\t'])
        {
            apply_options(&mut settings, options);
        }
    }
    settings
}

/// The `hosts:` line of nsswitch.conf, such as `files dns`.
pub(crate) fn hosts_order(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("hosts:"))?;
    let order = line.split('#').next().unwrap_or_default();
    let order: Vec<&str> = order.split_whitespace().take(16).collect();
    let order: String = order.join(" ").chars().take(200).collect();
    (!order.is_empty()).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::{are_of_azure, hosts_order, read};

    #[test]
    fn reads_what_the_c_library_reads() {
        let settings = read(
            b"# by hand\nnameserver 10.0.0.4\nnonsense here\nnameserver rubbish\nnameserver 10.0.0.5 # two\n\
              nameserver fe80::1%eth0\nnameserver 10.0.0.7\nsearch corp.example. Lab.Example\noptions ndots:5 timeout:2\n",
        );
        let addresses: Vec<String> =
            settings.nameservers.iter().map(|server| server.address.ip().to_string()).collect();
        assert_eq!(addresses, ["10.0.0.4", "10.0.0.5", "fe80::1"]);
        assert_eq!(settings.search, ["corp.example", "lab.example"]);
        assert_eq!((settings.ndots, settings.timeout_s), (5, Some(2)));
        assert!(!are_of_azure(&settings));
        assert!(are_of_azure(&read(b"search x.internal.cloudapp.net\n")));
        assert!(are_of_azure(&read(b"nameserver 168.63.129.16\n")));
    }

    #[cfg(unix)]
    #[test]
    fn variables_change_the_settings_as_in_the_c_library() {
        let mut settings = read(b"nameserver 10.0.0.4\nsearch a.example\noptions edns0 ndots:2\n");
        assert!(settings.has("edns0"));
        super::apply_variables(&mut settings, Some("b.example C.example."), Some("ndots:5 rotate"));
        assert_eq!(settings.search, ["b.example", "c.example"]);
        assert_eq!((settings.ndots, settings.has("rotate")), (5, true));
        assert_eq!(settings.variables, ["LOCALDOMAIN", "RES_OPTIONS"]);
    }

    #[test]
    fn reads_the_order_of_lookups() {
        let text = "passwd: files\nhosts:  files mdns4_minimal [NOTFOUND=return] dns # x\n";
        assert_eq!(hosts_order(text).as_deref(), Some("files mdns4_minimal [NOTFOUND=return] dns"));
        assert_eq!(hosts_order("passwd: files\n"), None);
    }
}
