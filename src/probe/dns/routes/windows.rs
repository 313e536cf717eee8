//! Windows: the nameservers of each network adapter, the rules of the Name Resolution Policy Table
//! (NRPT), and the suffixes of the registry.
//! Sources: Microsoft Learn, "DNS processes and interactions"; [MS-GPNRPT].

use super::{MAX_DOMAINS, addresses, domain, settings};
use entra_pg_checks::facts::dns::{DnsRoute, ResolverSettings};
use std::net::{IpAddr, SocketAddr};

/// Where the settings were read.
const SOURCE: &str = "the network adapters' settings";

/// A network adapter that is up.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    pub(crate) name: String,
    pub(crate) metric: u32,
    pub(crate) nameservers: Vec<IpAddr>,
}

/// A rule of the NRPT as the registry holds it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    /// The names: `.contoso.com` for the domain, `pg.contoso.com` for one name, `pg` for all names that begin
    /// with this label, `.` for all.
    pub(crate) names: Vec<String>,
    /// `GenericDNSServers`, or those of DirectAccess.
    pub(crate) nameservers: String,
}

/// The names of rules by their kind.
#[derive(Default)]
struct Names {
    domains: Vec<String>,
    names: Vec<String>,
    all: bool,
}

impl Names {
    fn of<'a>(written: impl IntoIterator<Item = &'a String>) -> Self {
        let mut found = Self::default();
        // The list ends with an empty text; only a dot means all names.
        for text in written.into_iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            let name = domain(text);
            if name.is_empty() {
                found.all = true;
            } else if text.starts_with(['.', '*']) {
                found.domains.push(name.trim_start_matches("*.").to_owned());
            } else if name.contains('.') {
                found.names.push(name);
            } else {
                found.names.push(format!("{name}.*"));
            }
        }
        found.domains.truncate(MAX_DOMAINS);
        found.names.truncate(MAX_DOMAINS);
        found
    }
}

/// The suffixes as the registry holds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suffixes {
    /// `SearchList` of a policy or of the computer, separated by commas.
    pub(crate) list: Option<String>,
    /// The computer's and the adapters' own: `Domain` and `DhcpDomain`.
    pub(crate) own: Vec<String>,
}

/// The settings of the machine.
pub(crate) fn resolver(
    mut adapters: Vec<Adapter>,
    rules: &[Rule],
    suffixes: &Suffixes,
) -> ResolverSettings {
    adapters.sort_by_key(|adapter| adapter.metric);
    let by_rule: Vec<DnsRoute> = rules.iter().filter_map(of_rule).collect();
    let mut routes: Vec<DnsRoute> = adapters.iter().filter_map(of_adapter).collect();
    let exempt = exempt(rules);
    for route in &mut routes {
        route.domains.clone_from(&exempt.domains);
        route.names.clone_from(&exempt.names);
        // A rule for all names leaves the adapters' nameservers only the names that are exempt.
        route.default = !by_rule.iter().any(|rule| rule.default);
    }
    routes.extend(by_rule);
    ResolverSettings { search: search(suffixes), ..settings(SOURCE, routes) }
}

/// The names of rules without nameservers: the adapters' are asked for them, whatever other rules say.
fn exempt(rules: &[Rule]) -> Names {
    let without = rules.iter().filter(|rule| addresses(&rule.nameservers).is_empty());
    Names::of(without.flat_map(|rule| &rule.names))
}

fn of_adapter(adapter: &Adapter) -> Option<DnsRoute> {
    let usable = adapter.nameservers.iter().filter(|ip| !is_placeholder(**ip));
    let nameservers: Vec<SocketAddr> =
        usable.map(|ip| SocketAddr::new(*ip, super::DNS)).take(super::MAX_NAMESERVERS).collect();
    (!nameservers.is_empty()).then(|| DnsRoute {
        interface: adapter.name.chars().take(64).collect(),
        domains: Vec::new(),
        names: Vec::new(),
        default: true,
        nameservers,
        source: format!("network adapter, metric {}", adapter.metric),
    })
}

/// The site-local addresses that Windows gives an adapter without nameservers for IPv6.
fn is_placeholder(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(ip) if ip.segments()[0] == 0xfec0)
}

/// The route of a rule with nameservers.
fn of_rule(rule: &Rule) -> Option<DnsRoute> {
    let nameservers = addresses(&rule.nameservers);
    let Names { domains, names, all } = Names::of(&rule.names);
    let any = all || !domains.is_empty() || !names.is_empty();
    (!nameservers.is_empty() && any).then(|| DnsRoute {
        interface: "any adapter".to_owned(),
        domains,
        names,
        default: all,
        nameservers,
        source: "NRPT rule".to_owned(),
    })
}

/// A search list takes the place of the computer's and the adapters' own suffixes.
fn search(suffixes: &Suffixes) -> Vec<String> {
    let listed: Vec<&str> =
        suffixes.list.as_deref().unwrap_or_default().split([',', ' ']).collect();
    let own = suffixes.own.iter().map(String::as_str);
    let mut found: Vec<String> = Vec::new();
    let chosen: Vec<&str> =
        if listed.iter().any(|name| !name.is_empty()) { listed } else { own.collect() };
    for name in chosen.into_iter().map(domain).filter(|name| !name.is_empty()).take(MAX_DOMAINS) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Reads the adapters and the registry.
#[cfg(windows)]
pub(crate) fn read() -> ResolverSettings {
    match ipconfig::get_adapters() {
        Ok(adapters) => {
            let up = adapters.iter().filter(|adapter| {
                adapter.oper_status() == ipconfig::OperStatus::IfOperStatusUp
                    && adapter.if_type() != ipconfig::IfType::SoftwareLoopback
            });
            let known = up.map(|adapter| Adapter {
                name: adapter.friendly_name().to_owned(),
                metric: adapter.ipv4_metric().min(adapter.ipv6_metric()),
                nameservers: adapter.dns_servers().to_vec(),
            });
            resolver(known.collect(), &rules(), &suffixes())
        }
        Err(error) => ResolverSettings {
            source: SOURCE.to_owned(),
            unreadable: Some(error.to_string()),
            ..ResolverSettings::default()
        },
    }
}

/// The rules of the policy; without a policy, those of the machine, such as a VPN's.
#[cfg(windows)]
fn rules() -> Vec<Rule> {
    use crate::environment::registry::{Hive, number, subkeys, text, texts};
    /// The bits of `ConfigOptions` by which the nameservers of a rule count.
    const DIRECT_ACCESS: u32 = 4;
    const GENERIC: u32 = 8;
    const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig";
    const LOCAL: &str = r"SYSTEM\CurrentControlSet\Services\Dnscache\Parameters\DnsPolicyConfig";
    let read = |path: &str| -> Vec<Rule> {
        let keys = subkeys(Hive::Machine, path);
        keys.iter()
            .map(|key| {
                let path = format!("{path}\\{key}");
                // Without this value, what is there counts.
                let options = number(Hive::Machine, &path, "ConfigOptions").unwrap_or(u32::MAX);
                let servers = |option: u32, name| {
                    let found = text(Hive::Machine, &path, name).filter(|text| !text.is_empty());
                    found.filter(|_| options & option != 0)
                };
                Rule {
                    names: texts(Hive::Machine, &path, "Name"),
                    nameservers: servers(GENERIC, "GenericDNSServers")
                        .or_else(|| servers(DIRECT_ACCESS, "DirectAccessDNSServers"))
                        .unwrap_or_default(),
                }
            })
            .collect()
    };
    let policy = read(POLICY);
    if policy.is_empty() { read(LOCAL) } else { policy }
}

#[cfg(windows)]
fn suffixes() -> Suffixes {
    use crate::environment::registry::{Hive, subkeys, text};
    const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient";
    const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
    let value =
        |path: &str, name: &str| text(Hive::Machine, path, name).filter(|text| !text.is_empty());
    let interfaces = format!("{PARAMETERS}\\Interfaces");
    let keys = subkeys(Hive::Machine, &interfaces);
    let paths = keys.iter().map(|key| format!("{interfaces}\\{key}"));
    let own = std::iter::once(PARAMETERS.to_owned()).chain(paths);
    Suffixes {
        list: value(POLICY, "SearchList").or_else(|| value(PARAMETERS, "SearchList")),
        own: own
            .flat_map(|path| [value(&path, "Domain"), value(&path, "DhcpDomain")])
            .flatten()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Adapter, Rule, Suffixes, resolver};

    fn adapter(name: &str, metric: u32, nameservers: &[&str]) -> Adapter {
        let nameservers = nameservers.iter().map(|ip| ip.parse().expect("an address")).collect();
        Adapter { name: name.to_owned(), metric, nameservers }
    }

    #[test]
    fn adapters_keep_their_nameservers_apart() {
        let adapters = vec![
            adapter("Wi-Fi", 50, &["192.168.1.1", "fec0:0:0:ffff::1"]),
            adapter("Contoso VPN", 1, &["10.8.0.1"]),
        ];
        let found = resolver(adapters, &[], &Suffixes::default());
        let names: Vec<&str> = found.routes.iter().map(|route| route.interface.as_str()).collect();
        assert_eq!(names, ["Contoso VPN", "Wi-Fi"]);
        assert_eq!(found.nameservers.len(), 2);
        assert_eq!(found.nameservers_for("pg.postgres.database.azure.com").len(), 2);
    }

    #[test]
    fn a_rule_of_the_policy_table_takes_its_names() {
        let rule = Rule {
            names: [".corp.contoso.com", "PG.postgres.database.azure.com", ""]
                .map(str::to_owned)
                .to_vec(),
            nameservers: "10.8.0.1; 10.8.0.2".to_owned(),
        };
        let exemption = Rule { names: vec![".x".to_owned()], nameservers: String::new() };
        let adapters = vec![adapter("Wi-Fi", 50, &["192.168.1.1"])];
        let found = resolver(adapters, &[rule, exemption], &Suffixes::default());
        let asked = |name| -> Vec<String> {
            found.nameservers_for(name).iter().map(|at| at.ip().to_string()).collect()
        };
        assert_eq!(asked("pg.postgres.database.azure.com"), ["10.8.0.1", "10.8.0.2"]);
        assert_eq!(asked("login.microsoftonline.com"), ["192.168.1.1"]);
    }

    #[test]
    fn a_rule_for_one_name_leaves_the_names_below_it_to_others() {
        let rule = |name: &str, nameservers: &str| Rule {
            names: vec![name.to_owned()],
            nameservers: nameservers.to_owned(),
        };
        let rules = [
            rule(".contoso.com", "10.8.0.1"),
            rule("vpn.contoso.com", ""),
            rule("azure.com", "10.8.0.2"),
            rule("intranet", "10.8.0.3"),
        ];
        let adapters = vec![adapter("Wi-Fi", 50, &["192.168.1.1"])];
        let found = resolver(adapters, &rules, &Suffixes::default());
        let asked = |name| -> Vec<String> {
            found.nameservers_for(name).iter().map(|at| at.ip().to_string()).collect()
        };
        assert_eq!(asked("pg.contoso.com"), ["10.8.0.1"]);
        assert_eq!(asked("vpn.contoso.com"), ["192.168.1.1"]);
        assert_eq!(asked("a.vpn.contoso.com"), ["10.8.0.1"]);
        assert_eq!(asked("pg.postgres.database.azure.com"), ["192.168.1.1"]);
        assert_eq!(asked("AZURE.com."), ["10.8.0.2"]);
        assert_eq!(asked("Intranet.contoso.com"), ["10.8.0.3"]);
    }

    #[test]
    fn a_rule_for_all_names_leaves_the_adapters_only_what_is_exempt() {
        let all = Rule { names: vec![".".to_owned()], nameservers: "10.8.0.1".to_owned() };
        let exemption =
            Rule { names: vec![".microsoftonline.com".to_owned()], nameservers: String::new() };
        let adapters = vec![adapter("Wi-Fi", 50, &["192.168.1.1"])];
        let found = resolver(adapters, &[all, exemption], &Suffixes::default());
        let asked = |name| -> Vec<String> {
            found.nameservers_for(name).iter().map(|at| at.ip().to_string()).collect()
        };
        assert_eq!(asked("pg.postgres.database.azure.com"), ["10.8.0.1"]);
        assert_eq!(asked("login.microsoftonline.com"), ["192.168.1.1"]);
    }

    #[test]
    fn suffixes_are_those_of_the_list_or_of_the_adapters() {
        let own = vec!["x.internal.cloudapp.net".to_owned(), String::new()];
        let suffixes = Suffixes { list: None, own };
        assert_eq!(resolver(Vec::new(), &[], &suffixes).search, ["x.internal.cloudapp.net"]);
        let suffixes = Suffixes { list: Some("a.example,B.example".to_owned()), ..suffixes };
        assert_eq!(resolver(Vec::new(), &[], &suffixes).search, ["a.example", "b.example"]);
    }
}
