//! The hosts that the operating system's settings exempt from the proxy.

use ipnet::IpNet;
use std::net::IpAddr;

/// Entries that are kept; a longer list is cut.
const MAX_RULES: usize = 512;

/// One entry of an exception list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// A name or address in lower case; `*` matches any text.
    Pattern(String),
    /// A range of addresses.
    Network(IpNet),
    /// Every name without a dot.
    Simple,
}

/// The entries of a list as Windows writes it: `*.contoso.com;10.*;<local>`.
/// Source: Microsoft Learn, "Proxy settings" of WinINet (`lpszProxyBypass`).
pub(crate) fn of_windows(list: &str) -> Vec<Rule> {
    list.split([';', ' ', ',']).filter_map(rule).take(MAX_RULES).collect()
}

/// One entry. A scheme before it and a port after it do not count.
pub(crate) fn rule(entry: &str) -> Option<Rule> {
    let entry = entry.trim().to_ascii_lowercase();
    match entry.as_str() {
        "" | "<-loopback>" => return None,
        "<local>" => return Some(Rule::Simple),
        _ => {}
    }
    let entry = entry.split_once("://").map_or(entry.as_str(), |(_, rest)| rest);
    if let Some(network) = network(entry) {
        return Some(Rule::Network(network));
    }
    let host = match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
        _ => entry,
    };
    Some(Rule::Pattern(host.trim_matches(['[', ']']).chars().take(253).collect()))
}

/// A range of addresses, also as macOS abbreviates it: `169.254/16`.
fn network(entry: &str) -> Option<IpNet> {
    let (address, length) = entry.split_once('/')?;
    if let Ok(network) = entry.parse() {
        return Some(network);
    }
    let given = address.split('.').count();
    if !(1..4).contains(&given) {
        return None;
    }
    format!("{address}{}/{length}", ".0".repeat(4 - given)).parse().ok()
}

/// Whether one of the rules exempts a host.
pub(crate) fn exempts(rules: &[Rule], host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    rules.iter().any(|rule| match rule {
        Rule::Simple => address.is_none() && !host.contains('.'),
        Rule::Network(network) => address.is_some_and(|address| network.contains(&address)),
        Rule::Pattern(pattern) => matches(pattern, &host),
    })
}

/// Whether a text matches a pattern; `*` matches any text. A leading dot means every name below, as in
/// `NO_PROXY`.
fn matches(pattern: &str, text: &str) -> bool {
    if pattern.starts_with('.') {
        return text.ends_with(pattern);
    }
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        if let Some(middle) = last.replace(piece) {
            match rest.split_once(middle) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.ends_with(last),
    }
}

#[cfg(test)]
mod tests {
    use super::{exempts, matches, of_windows, rule};

    #[test]
    fn lists_of_windows_exempt_what_windows_exempts() {
        let rules = of_windows("*.contoso.com;10.*; <local>;http://intranet.corp:8080;login.*.com");
        for host in [
            "pg.contoso.com",
            "PG.Contoso.COM.",
            "10.1.2.3",
            "server",
            "intranet.corp",
            "login.a.com",
        ] {
            assert!(exempts(&rules, host), "{host}");
        }
        for host in ["contoso.com", "login.microsoftonline.com.evil.example", "110.1.2.3", "::1"] {
            assert!(!exempts(&rules, host), "{host}");
        }
    }

    #[test]
    fn networks_of_macos_are_abbreviated() {
        let rules: Vec<_> =
            ["169.254/16", "*.local", "fd00::/8"].into_iter().filter_map(rule).collect();
        assert!(exempts(&rules, "169.254.169.254") && exempts(&rules, "[fd00::1]"));
        assert!(exempts(&rules, "printer.local") && !exempts(&rules, "169.253.0.1"));
    }

    #[test]
    fn stars_match_any_text() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abc"), ("*b*", "abc"), ("a**c", "ac"), (".b", "a.b")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a*c", "ab"), ("a*b*c", "acb"), (".b", "b")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_list_is_survived(list: String, host: String) {
            exempts(&of_windows(&list), &host);
        }
    }
}
