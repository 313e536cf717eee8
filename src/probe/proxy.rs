//! The environment's proxy rules, as curl and the Azure SDKs read them.

use crate::environment::Environment;
use entra_pg_checks::facts::{
    proxy::{Proxy, ProxyRules},
    settings::Origin,
};
use hyper_util::client::proxy::matcher::Matcher;

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
    // A CGI program must not take HTTP_PROXY from a request header; curl reads lower case alone.
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
        not_understood,
    }
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

#[cfg(test)]
mod tests {
    use super::rules;
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
