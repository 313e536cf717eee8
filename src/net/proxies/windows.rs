//! The proxy settings of Windows: "Internet Settings" in the registry, which browsers, Python and .NET
//! follow, and those of WinHTTP, which only services follow.

use super::{
    SystemSettings,
    bypass::{self, Rule},
};

/// What the registry holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// `ProxyEnable`.
    pub(crate) enabled: bool,
    /// `ProxyServer`: one proxy, or `http=…;https=…`.
    pub(crate) server: Option<String>,
    /// `ProxyOverride`.
    pub(crate) exceptions: Option<String>,
    /// `AutoConfigURL`.
    pub(crate) script: Option<String>,
    /// `WinHttpSettings`.
    pub(crate) winhttp: Option<Vec<u8>>,
}

/// The name of the settings in reports.
const NAME: &str = "Windows Internet Settings";

/// Reads the values as proxy settings.
pub(crate) fn settings(values: &Values) -> SystemSettings {
    let server = values.server.as_deref().filter(|_| values.enabled).unwrap_or_default();
    let mut found = SystemSettings {
        name: NAME,
        https: server_for(server, "https"),
        http: server_for(server, "http"),
        ..SystemSettings::default()
    };
    if found.https.is_some() || found.http.is_some() {
        let list = values.exceptions.as_deref().unwrap_or_default();
        found.exempt = bypass::of_windows(list);
        // Windows never sends requests for this machine to the proxy.
        found
            .exempt
            .extend(["localhost", "127.*", "::1"].map(|host| Rule::Pattern(host.to_owned())));
        found.exceptions = values.exceptions.clone().filter(|list| !list.is_empty());
    } else if server_for(server, "socks").is_some() {
        found.not_followed.push("a SOCKS proxy".to_owned());
    }
    if let Some(script) = values.script.as_deref().filter(|script| !script.is_empty()) {
        found.not_followed.push(super::script(script));
    }
    if found.https.is_none()
        && let Some(proxy) = values.winhttp.as_deref().and_then(winhttp_proxy)
        && let Some(server) = server_for(&proxy, "https")
    {
        found.not_followed.push(format!(
            "the proxy {} of WinHTTP (netsh winhttp), which only services use",
            super::without_credentials(&server)
        ));
    }
    found
}

/// The proxy for a scheme in a `ProxyServer`.
fn server_for(text: &str, scheme: &str) -> Option<String> {
    let mut entries = text.split([';', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    let entry = if text.contains('=') {
        entries.find_map(|entry| {
            let (named, server) = entry.split_once('=')?;
            named.eq_ignore_ascii_case(scheme).then_some(server)
        })?
    } else {
        entries.next().filter(|_| scheme != "socks")?
    };
    (!entry.is_empty()).then(|| entry.chars().take(400).collect())
}

/// The proxy in the binary value `WinHttpSettings`: a version, a counter and flags of four bytes each,
/// then the proxy and the exceptions, each after its length.
fn winhttp_proxy(bytes: &[u8]) -> Option<String> {
    const FLAGS: usize = 8;
    /// The flag for a proxy.
    const PROXY: u32 = 2;
    let number = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if number(FLAGS)? & PROXY == 0 {
        return None;
    }
    let length = usize::try_from(number(FLAGS + 4)?).ok()?;
    let start = FLAGS + 8;
    let text = bytes.get(start..start.checked_add(length)?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Reads the registry. A policy can make the machine's settings count instead of the user's.
#[cfg(windows)]
pub(crate) fn read() -> SystemSettings {
    use crate::environment::registry::{self, Hive};
    const SETTINGS: &str = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings";
    const POLICY: &str = r"Software\Policies\Microsoft\Windows\CurrentVersion\Internet Settings";
    const CONNECTIONS: &str =
        r"Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections";
    let of_machine = registry::number(Hive::Machine, POLICY, "ProxySettingsPerUser") == Some(0);
    let hive = if of_machine { Hive::Machine } else { Hive::User };
    settings(&Values {
        enabled: registry::number(hive, SETTINGS, "ProxyEnable").is_some_and(|value| value != 0),
        server: registry::text(hive, SETTINGS, "ProxyServer"),
        exceptions: registry::text(hive, SETTINGS, "ProxyOverride"),
        script: registry::text(hive, SETTINGS, "AutoConfigURL"),
        winhttp: registry::bytes(Hive::Machine, CONNECTIONS, "WinHttpSettings"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Values, settings, winhttp_proxy};

    fn values(server: &str) -> Values {
        Values { enabled: true, server: Some(server.to_owned()), ..Values::default() }
    }

    #[test]
    fn one_proxy_serves_every_scheme_and_a_list_only_its_own() {
        let one = settings(&values("proxy.corp:3128"));
        assert_eq!(one.https.as_deref(), Some("proxy.corp:3128"));
        assert_eq!(one.http, one.https);
        let list = settings(&values("http=web:80;https=secure:443;socks=s:1080"));
        assert_eq!(
            (list.http.as_deref(), list.https.as_deref()),
            (Some("web:80"), Some("secure:443"))
        );
        let socks = settings(&values("socks=s:1080"));
        assert_eq!((socks.https, socks.not_followed.len()), (None, 1));
    }

    #[test]
    fn what_is_disabled_does_not_count_and_a_script_is_named() {
        let found = settings(&Values {
            enabled: false,
            script: Some("http://user:geheim@wpad.corp/proxy.pac?x=1".to_owned()),
            ..values("proxy:1")
        });
        assert_eq!(found.https, None);
        assert_eq!(found.not_followed, ["the proxy script http://wpad.corp/proxy.pac (PAC)"]);
    }

    #[test]
    fn the_proxy_of_winhttp_is_named_only() {
        let mut bytes = Vec::new();
        for number in [0x28_u32, 1, 3, 8] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"proxy:80");
        bytes.extend(7_u32.to_le_bytes());
        bytes.extend(b"<local>");
        assert_eq!(winhttp_proxy(&bytes).as_deref(), Some("proxy:80"));
        let found = settings(&Values { winhttp: Some(bytes.clone()), ..Values::default() });
        assert!(found.https.is_none() && found.not_followed[0].contains("proxy:80"), "{found:?}");
        bytes[8] = 1;
        assert_eq!(winhttp_proxy(&bytes), None);
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_survived(server: String, bytes: Vec<u8>) {
            settings(&Values { winhttp: Some(bytes), ..values(&server) });
        }
    }
}
