//! The environment's proxy rules, as curl and the Azure SDKs read them.

use crate::{environment::Environment, secret::Secret};
use base64::prelude::{BASE64_STANDARD, Engine};
use entra_pg_checks::facts::{
    proxy::{Proxy, ProxyRules},
    settings::Origin,
};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// What the environment says for these hosts. The matching is that of the HTTP client which fetches
/// tokens, so the report says what really happens.
#[must_use]
pub fn rules(environment: &Environment, hosts: &[&str]) -> ProxyRules {
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
    let matcher = Matcher::builder()
        .all("http://proxy.invalid:1")
        .no(no_proxy.clone().unwrap_or_default())
        .build();
    let exempts = |scheme: &str, host: &str| {
        format!("{scheme}://{host}/").parse().is_ok_and(|uri| matcher.intercept(&uri).is_none())
    };
    let mut not_understood = Vec::new();
    let mut read = |named: Option<(String, String)>| {
        let (variable, value) = named?;
        let proxy = parse(&variable, &value);
        if proxy.is_none() {
            not_understood.push((variable, "not the address of a proxy".to_owned()));
        }
        proxy
    };
    let (https, http) = (read(https), read(http));
    ProxyRules {
        covers_metadata_service: http.is_some() && !exempts("http", "169.254.169.254"),
        exempt: hosts
            .iter()
            .filter(|host| exempts("https", host))
            .map(|host| (*host).to_owned())
            .collect(),
        https,
        http,
        no_proxy,
        differences: differences(environment),
        not_understood,
    }
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

fn parse(variable: &str, value: &str) -> Option<Proxy> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let authority = rest.split(['/', '?', '#']).next()?;
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    };
    let uri: http::uri::Authority = address.parse().ok()?;
    let port = uri.port_u16().unwrap_or(match scheme {
        "https" => 443,
        "socks5" | "socks5h" => 1080,
        _ => 80,
    });
    let host = uri.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    (!host.is_empty()).then(|| Proxy {
        scheme: scheme.to_ascii_lowercase(),
        host,
        port,
        has_credentials: credentials.is_some(),
        origin: Origin::Environment { variable: variable.to_owned() },
    })
}

/// The user name and password of the proxy's address as HTTP's Basic scheme sends them; they stay
/// out of the facts.
#[must_use]
pub fn authorization(environment: &Environment, proxy: &Proxy) -> Option<Secret> {
    let Origin::Environment { variable } = &proxy.origin else {
        return None;
    };
    let value = environment.get(variable)?;
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let (credentials, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let decoded = |text: &str| Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
    let pair = Zeroizing::new([&*decoded(user), b":".as_slice(), &*decoded(password)].concat());
    Some(Secret::new(BASE64_STANDARD.encode(&*pair)))
}

#[cfg(test)]
mod tests {
    use super::{authorization, rules};
    use crate::environment::Environment;

    const LOGIN: &str = "login.microsoftonline.com";

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
        let sent = authorization(&environment, &proxy).expect("credentials");
        assert_eq!(sent.expose(), "dUB4OnA6Lw==");
        let without = Environment::from_pairs([("HTTPS_PROXY", "http://proxy:1/x@y")]);
        let proxy = rules(&without, &[LOGIN]).https.expect("a proxy");
        assert!(authorization(&without, &proxy).is_none());
    }

    #[test]
    fn says_where_programs_differ() {
        let pairs = [
            ("HTTPS_PROXY", "http://one:1"),
            ("https_proxy", "http://two:1"),
            ("HTTP_PROXY", "http://one:1"),
            ("NO_PROXY", "10.0.0.0/8,*.corp"),
        ];
        assert_eq!(rules(&Environment::from_pairs(pairs), &[]).differences.len(), 4);
        let pairs = [("https_proxy", "http://one:1"), ("no_proxy", ".corp,localhost")];
        assert_eq!(rules(&Environment::from_pairs(pairs), &[]).differences, Vec::<String>::new());
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
}
