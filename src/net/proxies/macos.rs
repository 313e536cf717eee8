//! The proxy settings of macOS, as `scutil --proxy` prints them.

use super::{SystemSettings, bypass};
use std::collections::BTreeMap;

/// The name of the settings in reports.
const NAME: &str = "macOS network settings";

/// What the output of `scutil --proxy` says.
pub(crate) fn parse(text: &str) -> SystemSettings {
    let (mut values, mut exceptions) = (BTreeMap::new(), Vec::new());
    // The keys of the dictionaries and lists around a line. Those of single interfaces, in
    // `__SCOPED__`, do not count.
    let mut around: Vec<&str> = Vec::new();
    for line in text.lines().take(4096) {
        let line = line.trim();
        if line == "}" {
            around.pop();
        } else if let Some((key, value)) = line.split_once(" : ") {
            if value.ends_with('{') {
                around.push(key);
            } else if around == ["ExceptionsList"] {
                exceptions.push(value);
            } else if around.is_empty() {
                values.insert(key, value);
            }
        }
    }
    let is_on = |key: &str| values.get(key) == Some(&"1");
    let proxy = |scheme: &str| {
        let host = values.get(format!("{scheme}Proxy").as_str())?;
        if !is_on(&format!("{scheme}Enable")) || host.is_empty() {
            return None;
        }
        let port = values.get(format!("{scheme}Port").as_str());
        let host: String = host.chars().take(300).collect();
        // An address of IPv6 is written without brackets.
        let bare = host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if bare { format!("[{host}]") } else { host };
        Some(port.map_or_else(|| host.clone(), |port| format!("{host}:{port:.6}")))
    };
    let mut found = SystemSettings {
        name: NAME,
        https: proxy("HTTPS"),
        http: proxy("HTTP"),
        ..SystemSettings::default()
    };
    if found.https.is_some() || found.http.is_some() {
        found.exempt = bypass::of_windows(&exceptions.join(";"));
        if is_on("ExcludeSimpleHostnames") {
            found.exempt.push(bypass::Rule::Simple);
        }
        found.exceptions = (!exceptions.is_empty()).then(|| exceptions.join(", "));
    } else if proxy("SOCKS").is_some() {
        found.not_followed.push("a SOCKS proxy".to_owned());
    }
    if is_on("ProxyAutoDiscoveryEnable") {
        found.not_followed.push("automatic proxy discovery (WPAD)".to_owned());
    }
    if is_on("ProxyAutoConfigEnable")
        && let Some(script) = values.get("ProxyAutoConfigURLString")
    {
        found.not_followed.push(super::script(script));
    }
    found
}

/// Asks the system.
#[cfg(target_os = "macos")]
pub(crate) fn read() -> SystemSettings {
    parse(
        &crate::environment::command::output("/usr/sbin/scutil", &["--proxy"]).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::bypass::exempts, parse};

    const OUTPUT: &str = "<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
  }
  ExcludeSimpleHostnames : 1
  FTPPassive : 1
  HTTPEnable : 0
  HTTPPort : 8080
  HTTPProxy : old.corp
  HTTPSEnable : 1
  HTTPSPort : 3128
  HTTPSProxy : proxy.corp.contoso.com
  ProxyAutoConfigEnable : 1
  ProxyAutoConfigURLString : http://wpad.corp/proxy.pac
  __SCOPED__ : <dictionary> {
    en0 : <dictionary> {
      ExceptionsList : <array> {
        0 : *.other
      }
      HTTPEnable : 1
      HTTPSProxy : of-one-interface
    }
  }
}
";

    #[test]
    fn reads_what_is_switched_on() {
        let found = parse(OUTPUT);
        assert_eq!(found.https.as_deref(), Some("proxy.corp.contoso.com:3128"));
        assert_eq!(found.http, None);
        assert_eq!(found.exceptions.as_deref(), Some("*.local, 169.254/16"));
        assert!(exempts(&found.exempt, "169.254.169.254") && exempts(&found.exempt, "server"));
        assert_eq!(found.not_followed, ["the proxy script http://wpad.corp/proxy.pac (PAC)"]);
        assert_eq!(parse("<dictionary> {\n}\n").https, None);
        let other = "<dictionary> {\n  HTTPSEnable : 1\n  HTTPSProxy : fd00::1\n  HTTPSPort : 3128\n  ProxyAutoDiscoveryEnable : 1\n}\n";
        let found = parse(other);
        assert_eq!(found.https.as_deref(), Some("[fd00::1]:3128"));
        assert_eq!(found.not_followed, ["automatic proxy discovery (WPAD)"]);
    }

    proptest::proptest! {
        #[test]
        fn any_output_is_survived(text: String) {
            parse(&text);
        }
    }
}
