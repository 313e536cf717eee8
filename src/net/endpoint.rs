//! Host names and URLs that come from files and environment variables.

use std::net::{IpAddr, Ipv6Addr};

/// An endpoint that must not receive a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unsafe {
    /// Scheme and host as far as they are plain, without user name, path and query.
    pub(crate) endpoint: String,
    /// What is wrong with it, as a clause.
    pub(crate) detail: &'static str,
}

/// A URL to which a secret may be sent: https, or http to this machine or its link; no user name and
/// a plain host.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<reqwest::Url, Unsafe> {
    let shown = shown(text);
    let unsafe_because = |detail| Unsafe { endpoint: shown.clone(), detail };
    // The URL parser drops line breaks and tabs and reads a backslash as a slash, as browsers do.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(unsafe_because("it holds a character that no URL has"));
    }
    let url = text.parse::<reqwest::Url>().map_err(|_| unsafe_because("it is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unsafe_because("its scheme is neither https nor http"));
    }
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || !url.username().is_empty() {
        return Err(unsafe_because("it holds a user name before the host"));
    }
    let Some(host) = url.host_str().filter(|host| is_plain_host(host)) else {
        return Err(unsafe_because("its host is not a plain host name"));
    };
    if url.scheme() == "http" && !is_local(host) {
        return Err(unsafe_because("http without TLS is only safe on this machine"));
    }
    Ok(url)
}

/// The host of an https URL with nothing but a host, port 443 and a path.
///
/// # Errors
/// What is wrong with it, as a clause.
pub(crate) fn https_host(text: &str) -> Result<String, &'static str> {
    let url = parse(text).map_err(|found| found.detail)?;
    if url.scheme() != "https" {
        return Err("its scheme is not https");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it holds a query or a fragment");
    }
    if url.port().is_some() {
        return Err("it names a port other than 443");
    }
    Ok(url.host_str().unwrap_or_default().to_owned())
}

/// Letters, digits, hyphens and dots, or an address of IPv6 in brackets.
#[must_use]
pub(crate) fn is_plain_host(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = bracketed {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let plain = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(plain)
}

/// Whether a host is this machine, or an address on its own link such as the metadata service.
#[must_use]
pub(crate) fn is_local(host: &str) -> bool {
    if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
        return true;
    }
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => match address.to_canonical() {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
        },
        Err(_) => false,
    }
}

/// Scheme and host for a report.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host: String = host.chars().filter(|character| !character.is_control()).take(100).collect();
    match (scheme, host.is_empty()) {
        (_, true) => "an empty host".to_owned(),
        ("", false) => host,
        (scheme, false) => format!("{scheme:.8}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{https_host, parse};

    #[test]
    fn http_is_only_for_this_machine() {
        for safe in [
            "http://localhost:40342/metadata/identity/oauth2/token",
            "http://127.0.0.1:41741/MSI/token/",
            "http://169.254.129.2:8081/msi/token",
            "http://[::1]:1/x",
            "https://dev.azure.com/contoso/_apis/x?y=z",
        ] {
            assert!(parse(safe).is_ok(), "{safe}");
        }
        for bad in [
            "",
            "localhost:1",
            "http://evil.example/",
            "http://10.0.0.4/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://127.0.0.1@evil.example/",
            "https://login.microsoftonline.com@evil.example/",
            "https://evil.example\\.microsoftonline.com/",
            "https://e_vil.example/",
            "http://local\thost/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "https://münchen.example/",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(!parse("https://user:geheim@h/").expect_err("unsafe").endpoint.contains("geheim"));
    }

    #[test]
    fn the_host_of_a_cloud_is_all_that_its_url_holds() {
        let good = https_host("https://login.microsoftonline.com/").expect("a host");
        assert_eq!(good, "login.microsoftonline.com");
        for bad in [
            "https://evil.example#.microsoftonline.com",
            "https://evil.example?.microsoftonline.com",
            "https://login.microsoftonline.com:8443/",
            "http://localhost/",
            "login.microsoftonline.com",
        ] {
            assert!(https_host(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_accepted_is_a_plain_host(text: String) {
            if let Ok(host) = https_host(&text) {
                proptest::prop_assert!(super::is_plain_host(&host));
            }
        }
    }
}
