//! The proxies of this machine: those of the environment, or those of the operating system. The plan,
//! the probes and the HTTP client that fetches tokens all take the answer of [`Proxies`].

mod bypass;
#[cfg_attr(not(any(test, target_os = "macos")), allow(dead_code, reason = "macOS only"))]
pub(crate) mod macos;
#[cfg_attr(not(any(test, windows)), allow(dead_code, reason = "Windows only"))]
pub(crate) mod windows;

use crate::{environment::Environment, secret::Secret};
use base64::prelude::{BASE64_STANDARD, Engine};
use bypass::Rule;
use entra_pg_checks::facts::{
    proxy::{Proxy, ProxyRules},
    settings::Origin,
};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// The proxy for each scheme, and the hosts that are exempt.
pub(crate) struct Proxies {
    https: Option<Named>,
    http: Option<Named>,
    /// `NO_PROXY`.
    no_proxy: Option<String>,
    matcher: Matcher,
    system: SystemSettings,
    differences: Vec<String>,
    not_understood: Vec<(String, String)>,
}

/// A proxy with its credentials, which stay out of the facts.
#[derive(Clone)]
struct Named {
    proxy: Proxy,
    url: Url,
}

/// The proxy settings of the operating system.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SystemSettings {
    /// What the system calls them.
    name: &'static str,
    /// Host and port of the proxy for `https://` addresses.
    pub(crate) https: Option<String>,
    /// Host and port of the proxy for `http://` addresses.
    pub(crate) http: Option<String>,
    /// The hosts that are exempt.
    exempt: Vec<Rule>,
    /// The same as written.
    exceptions: Option<String>,
    /// What the settings name and neither this tool nor the Azure CLI follows.
    pub(crate) not_followed: Vec<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = |named: &Option<Named>| named.as_ref().map(|named| named.proxy.clone());
        let (https, http) = (proxy(&self.https), proxy(&self.http));
        formatter.debug_struct("Proxies").field("https", &https).field("http", &http).finish()
    }
}

impl Proxies {
    /// The environment's proxies; those of the operating system if the environment names none.
    #[must_use]
    pub(crate) fn read(environment: &Environment) -> Self {
        Self::new(environment, system_settings())
    }

    /// If the environment names any proxy, the system's settings do not count, as in Python and .NET.
    fn new(environment: &Environment, system: SystemSettings) -> Self {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| {
                environment.get(name).map(|value| ((*name).to_owned(), value.to_owned()))
            })
        };
        let all = first(&["ALL_PROXY", "all_proxy"]);
        let https = first(&["HTTPS_PROXY", "https_proxy"]).or_else(|| all.clone());
        // A CGI program must not take HTTP_PROXY from a request header; curl reads only lower case.
        let http = first(&["http_proxy", "HTTP_PROXY"]).or(all);
        let no_proxy = first(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value);
        let mut differences = differences(environment);
        let mut not_understood = Vec::new();
        let mut read = |origin: Origin, value: &str| {
            let named = parse(&origin, value);
            if named.is_none() {
                not_understood.push((origin.phrase(), why_not(value).to_owned()));
            }
            named
        };
        let of_environment = https.is_some() || http.is_some();
        let (https, http) = if of_environment {
            let mut read = |named: Option<(String, String)>| {
                let (variable, value) = named?;
                read(Origin::Environment { variable }, &value)
            };
            (read(https), read(http))
        } else {
            if no_proxy.is_some() && (system.https.is_some() || system.http.is_some()) {
                differences.push(format!(
                    "NO_PROXY is set without HTTPS_PROXY: Python, and so az, then ignores {}",
                    system.name
                ));
            }
            let origin = || Origin::System { name: system.name.to_owned() };
            let mut read = |value: &Option<String>| read(origin(), value.as_deref()?);
            (read(&system.https), read(&system.http))
        };
        let system = match of_environment {
            true => behind_environment(system, https.as_ref(), http.as_ref(), &mut differences),
            false => system,
        };
        let matcher = Matcher::builder()
            .all("http://proxy.invalid:1")
            .no(no_proxy.clone().unwrap_or_default())
            .build();
        Self { https, http, no_proxy, matcher, system, differences, not_understood }
    }

    /// The proxy that a request takes, if it takes one.
    #[must_use]
    pub(crate) fn for_request(&self, scheme: &str, host: &str) -> Option<&Proxy> {
        self.named(scheme, host).map(|named| &named.proxy)
    }

    fn named(&self, scheme: &str, host: &str) -> Option<&Named> {
        let named = match scheme {
            "https" => self.https.as_ref(),
            "http" => self.http.as_ref(),
            _ => None,
        };
        named.filter(|_| !self.exempts(scheme, host))
    }

    fn exempts(&self, scheme: &str, host: &str) -> bool {
        let uri = format!("{scheme}://{host}/").parse();
        uri.is_ok_and(|uri| self.matcher.intercept(&uri).is_none())
            || bypass::exempts(&self.system.exempt, host)
    }

    /// The same answers for the HTTP client.
    pub(crate) fn for_client(self: &Arc<Self>) -> reqwest::Proxy {
        let proxies = Arc::clone(self);
        reqwest::Proxy::custom(move |url| {
            let host = url.host_str().unwrap_or_default();
            proxies.named(url.scheme(), host).map(|named| named.url.clone())
        })
    }

    /// What applies to these hosts.
    #[must_use]
    pub(crate) fn rules(&self, hosts: &[&str]) -> ProxyRules {
        let proxy = |named: &Option<Named>| named.as_ref().map(|named| named.proxy.clone());
        let name = self.system.name;
        ProxyRules {
            https: proxy(&self.https),
            http: proxy(&self.http),
            no_proxy: self.no_proxy.clone(),
            exceptions: self.system.exceptions.clone(),
            exempt: hosts
                .iter()
                .filter(|host| self.exempts("https", host))
                .map(|host| (*host).to_owned())
                .collect(),
            covers_metadata_service: self.named("http", "169.254.169.254").is_some(),
            differences: self.differences.clone(),
            not_understood: self.not_understood.clone(),
            not_followed: self
                .system
                .not_followed
                .iter()
                .map(|what| (name.to_owned(), what.clone()))
                .collect(),
        }
    }

    /// The user name and password of the proxy's address as HTTP's Basic scheme sends them; they stay
    /// out of the facts.
    #[must_use]
    pub(crate) fn authorization(&self, proxy: &Proxy) -> Option<Secret> {
        if !proxy.has_credentials {
            return None;
        }
        let mut all = [&self.https, &self.http].into_iter().flatten();
        let url = &all.find(|named| named.proxy == *proxy)?.url;
        let decoded = |text: &str| Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
        let (user, password) =
            (decoded(url.username()), decoded(url.password().unwrap_or_default()));
        let pair = Zeroizing::new([&*user, b":".as_slice(), &*password].concat());
        Some(Secret::new(BASE64_STANDARD.encode(&*pair)))
    }
}

/// What is left of the system's settings if the environment names a proxy. A proxy for `http://` addresses
/// only also switches the system's off, so that `https://` addresses go without one.
fn behind_environment(
    system: SystemSettings,
    https: Option<&Named>,
    http: Option<&Named>,
    differences: &mut Vec<String>,
) -> SystemSettings {
    let Some(proxy) = system.https.as_deref().map(without_credentials) else {
        return SystemSettings::default();
    };
    let name = system.name;
    let mut left = SystemSettings { name, ..SystemSettings::default() };
    match (https.or(http), https) {
        (Some(named), None) => left.not_followed.push(format!(
            "the proxy {proxy}, which does not count while {} names a proxy",
            named.proxy.origin.phrase()
        )),
        _ => differences.push(format!(
            "{name} names the proxy {proxy}, which browsers use; the environment comes first for az and this tool"
        )),
    }
    left
}

/// What is wrong with a value that is not the address of a proxy. The value can hold a password.
fn why_not(value: &str) -> &'static str {
    if value.contains(['"', '\'']) {
        "it is in quotation marks, which are part of the value"
    } else if value.contains(char::is_whitespace) {
        "it holds a blank"
    } else {
        "it is not the address of a proxy"
    }
}

#[cfg(windows)]
fn system_settings() -> SystemSettings {
    windows::read()
}

#[cfg(target_os = "macos")]
fn system_settings() -> SystemSettings {
    macos::read()
}

/// Other systems have no settings that all programs share.
#[cfg(not(any(windows, target_os = "macos")))]
fn system_settings() -> SystemSettings {
    SystemSettings::default()
}

/// Where curl, the Azure SDKs and this tool part ways.
/// Sources: curl(1), "Environment"; urllib.request.getproxies of Python; Go's net/http/httpproxy.
fn differences(environment: &Environment) -> Vec<String> {
    let mut lines = Vec::new();
    for (upper, lower) in [
        ("HTTPS_PROXY", "https_proxy"),
        ("HTTP_PROXY", "http_proxy"),
        ("ALL_PROXY", "all_proxy"),
        ("NO_PROXY", "no_proxy"),
    ] {
        if let (Some(one), Some(other)) = (environment.get(upper), environment.get(lower))
            && one != other
        {
            lines.push(format!(
                "{upper} and {lower} differ: curl and Python read the lower case first, Go and this tool the upper"
            ));
        }
    }
    if environment.get("HTTP_PROXY").is_some() && environment.get("http_proxy").is_none() {
        lines.push(
            "curl does not read HTTP_PROXY, only http_proxy; the Azure SDKs read it".to_owned(),
        );
    }
    let no_proxy = environment.get("NO_PROXY").or_else(|| environment.get("no_proxy"));
    let entries = || no_proxy.unwrap_or_default().split(',').map(str::trim);
    if entries().any(|entry| entry.contains('/')) {
        lines.push(
            "NO_PROXY holds an address range: Python and curl before 7.86 do not understand it"
                .to_owned(),
        );
    }
    if entries().any(|entry| entry.starts_with("*.")) {
        lines.push(
            "NO_PROXY holds a name with *.: only a leading dot is understood everywhere".to_owned(),
        );
    }
    lines
}

/// A proxy's address, of a scheme that the HTTP client knows.
fn parse(origin: &Origin, value: &str) -> Option<Named> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next()?;
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    };
    let uri: http::uri::Authority = address.parse().ok()?;
    let port = address.rsplit(']').next().and_then(|end| Some(end.rsplit_once(':')?.1));
    if port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err()) {
        return None;
    }
    let port = uri.port_u16().unwrap_or(match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => 1080,
    });
    let host = uri.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() || !SCHEMES.contains(&scheme.as_str()) {
        return None;
    }
    let user = credentials.map(|credentials| format!("{credentials}@")).unwrap_or_default();
    let url = Url::parse(&format!("{scheme}://{user}{}:{port}", uri.host())).ok()?;
    let has_credentials = credentials.is_some();
    Some(Named {
        proxy: Proxy { scheme, host, port, has_credentials, origin: origin.clone() },
        url,
    })
}

/// A proxy script as reports name it.
fn script(url: &str) -> String {
    let url: String = without_credentials(url).chars().take(200).collect();
    format!("the proxy script {} (PAC)", url.split(['?', '#']).next().unwrap_or_default())
}

/// An address without user name and password.
fn without_credentials(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::{Proxies, SystemSettings, bypass};
    use crate::environment::Environment;
    use entra_pg_checks::facts::{proxy::ProxyRules, settings::Origin};
    use std::sync::Arc;

    const LOGIN: &str = "login.microsoftonline.com";

    fn proxies(environment: &Environment) -> Proxies {
        Proxies::new(environment, SystemSettings::default())
    }

    fn rules(environment: &Environment, hosts: &[&str]) -> ProxyRules {
        proxies(environment).rules(hosts)
    }

    #[test]
    fn credentials_are_not_kept() {
        let environment =
            Environment::from_pairs([("HTTPS_PROXY", "http://user:geheim@proxy.corp:3128")]);
        let rules = rules(&environment, &[LOGIN]);
        let proxy = rules.https.as_ref().expect("a proxy");
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.corp", 3128));
        assert!(proxy.has_credentials);
        assert!(!serde_json::to_string(&rules).expect("JSON").contains("geheim"));
    }

    #[test]
    fn credentials_are_sent_decoded() {
        let environment =
            Environment::from_pairs([("HTTPS_PROXY", "http://u%40x:p%3A%2f@proxy:1/")]);
        let proxy = rules(&environment, &[LOGIN]).https.expect("a proxy");
        let sent = proxies(&environment).authorization(&proxy).expect("credentials");
        assert_eq!(sent.expose(), "dUB4OnA6Lw==");
        let without = Environment::from_pairs([("HTTPS_PROXY", "http://proxy:1/x@y")]);
        let proxy = rules(&without, &[LOGIN]).https.expect("a proxy");
        assert!(proxies(&without).authorization(&proxy).is_none());
    }

    #[test]
    fn says_where_programs_differ() {
        let pairs = [
            ("HTTPS_PROXY", "http://one:1"),
            ("https_proxy", "http://two:1"),
            ("HTTP_PROXY", "http://one:1"),
            ("NO_PROXY", "10.0.0.0/8,*.corp"),
        ];
        // Windows does not distinguish the two spellings of a variable.
        let differences = if cfg!(windows) { 3 } else { 4 };
        assert_eq!(rules(&Environment::from_pairs(pairs), &[]).differences.len(), differences);
        let pairs = [("https_proxy", "http://one:1"), ("no_proxy", ".corp,localhost")];
        assert_eq!(rules(&Environment::from_pairs(pairs), &[]).differences, Vec::<String>::new());
    }

    #[test]
    fn a_value_that_is_not_an_address_says_what_is_wrong() {
        for (value, why) in [
            ("\"http://u:geheim@proxy:1\"", "quotation marks"),
            ("http://proxy:1 ", "a blank"),
            ("http://proxy:port", "not the address"),
        ] {
            let rules = rules(&Environment::from_pairs([("HTTPS_PROXY", value)]), &[LOGIN]);
            assert!(rules.https.is_none());
            let [(origin, found)] = rules.not_understood.as_slice() else { panic!("{rules:?}") };
            assert!(origin == "HTTPS_PROXY" && found.contains(why), "{found}");
            assert!(!found.contains("geheim"));
        }
    }

    #[test]
    fn no_proxy_exempts_the_metadata_service() {
        let pairs =
            [("HTTP_PROXY", "proxy:1"), ("NO_PROXY", "169.254.169.254,.microsoftonline.com")];
        let with = rules(&Environment::from_pairs(pairs), &[LOGIN]);
        assert!(!with.covers_metadata_service);
        assert_eq!(with.exempt, [LOGIN]);
        let without = rules(&Environment::from_pairs(pairs[..1].to_vec()), &[LOGIN]);
        assert!(without.covers_metadata_service);
    }

    fn of_system() -> SystemSettings {
        SystemSettings {
            name: "Windows Internet Settings",
            https: Some("proxy.corp:3128".to_owned()),
            http: Some("proxy.corp:3128".to_owned()),
            exempt: bypass::of_windows("*.contoso.com;169.254.*"),
            exceptions: Some("*.contoso.com;169.254.*".to_owned()),
            not_followed: Vec::new(),
        }
    }

    #[test]
    fn the_system_counts_if_the_environment_names_no_proxy() {
        let hosts = [LOGIN, "pg.contoso.com"];
        let found = Proxies::new(&Environment::default(), of_system());
        let rules = found.rules(&hosts);
        let proxy = rules.https.as_ref().expect("the system's proxy");
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.corp", 3128));
        assert_eq!(proxy.origin, Origin::System { name: "Windows Internet Settings".to_owned() });
        assert_eq!(
            (rules.exempt.as_slice(), rules.covers_metadata_service),
            (&["pg.contoso.com".to_owned()][..], false)
        );
        let environment = Environment::from_pairs([("HTTPS_PROXY", "http://other:1")]);
        let rules = Proxies::new(&environment, of_system()).rules(&hosts);
        assert_eq!(rules.https.as_ref().map(|proxy| proxy.host.as_str()), Some("other"));
        assert_eq!((rules.http, rules.exceptions), (None, None));
        assert!(rules.differences[0].contains("proxy.corp:3128"), "{:?}", rules.differences);
        // Without a proxy for https:// the system's would be missed.
        let environment = Environment::from_pairs([("http_proxy", "http://other:1")]);
        let rules = Proxies::new(&environment, of_system()).rules(&hosts);
        assert_eq!((rules.https, rules.not_followed.len()), (None, 1));
        assert!(rules.not_followed[0].1.contains("while http_proxy names a proxy"));
        let environment = Environment::from_pairs([("NO_PROXY", LOGIN)]);
        let rules = Proxies::new(&environment, of_system()).rules(&hosts);
        assert_eq!((rules.exempt.len(), rules.differences.len()), (2, 1));
    }

    #[test]
    fn the_client_and_the_facts_take_the_same_proxy() {
        let schemes = ["http://", "https://", "socks5://", "ftp://", ""];
        for scheme in schemes {
            let value = format!("{scheme}user:p%40ss@Proxy.Corp:3128/x");
            let environment = Environment::from_pairs([("HTTPS_PROXY", value.as_str())]);
            let found = Arc::new(proxies(&environment));
            let fact = found.for_request("https", LOGIN).map(|proxy| proxy.port);
            let sent = found.named("https", LOGIN).and_then(|named| named.url.port());
            assert_eq!(fact, sent, "{value}");
            assert_eq!(fact.is_some(), scheme != "ftp://");
            assert!(!format!("{found:?}").contains("p%40ss"));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_survived(value: String) {
            rules(&Environment::from_pairs([("ALL_PROXY", value)]), &[LOGIN]);
        }
    }
}
