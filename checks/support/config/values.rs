//! The values that libpq refuses before it contacts a server.
//!
//! Source: PostgreSQL documentation, libpq, "Parameter Key Words"; the order and the wording are those
//! of libpq 15 to 18, against which `tests/parity` compares them.

use crate::facts::settings::Settings;
use std::net::{IpAddr, Ipv6Addr};

/// A value that libpq refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The keyword of the setting.
    pub keyword: &'static str,
    /// libpq's message.
    pub message: String,
}

/// Every value that libpq refuses, in the order in which it checks them.
#[must_use]
pub fn refusals(settings: &Settings) -> Vec<Refusal> {
    let mut found = Vec::new();
    for rule in [
        authentication,
        channel_binding,
        sslmode,
        ssl_negotiation,
        ssl_versions,
        ssl_certificate,
        words,
        protocol_versions,
        addresses,
        integers,
        secrets,
    ] {
        rule(settings, &mut found);
    }
    found
}

/// An integer as libpq reads it: C's `strtol` with blanks at both ends.
#[must_use]
pub fn integer(text: &str) -> Option<i32> {
    let blank = |character: char| character == ' ' || matches!(character, '\t'..='\r');
    let digits = text.trim_matches(blank);
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let plain = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn refuse(found: &mut Vec<Refusal>, keyword: &'static str, message: String) {
    found.push(Refusal { keyword, message });
}

fn invalid(found: &mut Vec<Refusal>, keyword: &'static str, value: &str) {
    refuse(found, keyword, format!("invalid {keyword} value: \"{value}\""));
}

fn one_of(settings: &Settings, found: &mut Vec<Refusal>, keyword: &'static str, known: &[&str]) {
    if let Some(value) = settings.value_of(keyword)
        && !known.contains(&value)
    {
        invalid(found, keyword, value);
    }
}

/// The methods of `require_auth` that libpq accepts: `None` if the list is refused.
#[must_use]
pub fn methods(list: &str, version: u8) -> Option<Methods> {
    let mut found = Vec::new();
    require_auth(list, version, &mut found).filter(|_| found.is_empty())
}

/// What `require_auth` allows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Methods {
    /// Bit per method, in the order of [`METHODS`].
    allowed: u8,
}

/// The methods by name; `none` is handled apart.
const METHODS: [&str; 6] = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth"];

impl Methods {
    /// Whether the server may ask for a cleartext password, as Azure does for a token.
    #[must_use]
    pub const fn allow_password(self) -> bool {
        self.allowed & 1 != 0
    }
}

fn require_auth(list: &str, version: u8, found: &mut Vec<Refusal>) -> Option<Methods> {
    const KEYWORD: &str = "require_auth";
    let negated = list.starts_with('!');
    let mut allowed: u8 = if negated { 0b11_1111 } else { 0 };
    let mut challenge_required = !negated;
    for part in list.split(',') {
        let (method, minus) = part.strip_prefix('!').map_or((part, false), |rest| (rest, true));
        if minus != negated {
            let kinds = if minus { ["negative ", "non-negative"] } else { ["", "negative"] };
            refuse(
                found,
                KEYWORD,
                format!(
                    "{}require_auth method \"{part}\" cannot be mixed with {} methods",
                    kinds[0], kinds[1]
                ),
            );
            return None;
        }
        let repeated = if method == "none" {
            let repeated = challenge_required == negated;
            challenge_required = negated;
            repeated
        } else {
            let known = if version >= 18 { METHODS.len() } else { METHODS.len() - 1 };
            let Some(index) = METHODS[..known].iter().position(|known| *known == method) else {
                invalid(found, KEYWORD, method);
                return None;
            };
            let bit = 1 << index;
            let repeated = (allowed & bit == 0) == negated;
            allowed = if negated { allowed & !bit } else { allowed | bit };
            repeated
        };
        if repeated {
            refuse(
                found,
                KEYWORD,
                format!("require_auth method \"{part}\" is specified more than once"),
            );
            return None;
        }
    }
    Some(Methods { allowed })
}

fn authentication(settings: &Settings, found: &mut Vec<Refusal>) {
    if let Some(list) = settings.value_of("require_auth").filter(|list| !list.is_empty()) {
        require_auth(list, settings.libpq.reading(), found);
    }
}

fn channel_binding(settings: &Settings, found: &mut Vec<Refusal>) {
    one_of(settings, found, "channel_binding", &["disable", "prefer", "require"]);
}

/// The modes that libpq knows.
pub const SSL_MODES: [&str; 6] =
    ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

fn sslmode(settings: &Settings, found: &mut Vec<Refusal>) {
    let mode = settings.sslmode.value.as_str();
    one_of(settings, found, "sslmode", &SSL_MODES);
    if settings.libpq.reading() >= 16
        && settings.value_of("sslrootcert") == Some("system")
        && SSL_MODES.contains(&mode)
        && mode != "verify-full"
    {
        refuse(
            found,
            "sslmode",
            format!(
                "weak sslmode \"{mode}\" may not be used with sslrootcert=system (use \"verify-full\")"
            ),
        );
    }
}

fn ssl_negotiation(settings: &Settings, found: &mut Vec<Refusal>) {
    one_of(settings, found, "sslnegotiation", &["postgres", "direct"]);
    let mode = settings.sslmode.value.as_str();
    if settings.value_of("sslnegotiation") == Some("direct")
        && !mode.starts_with(['r', 'v'])
        && SSL_MODES.contains(&mode)
    {
        refuse(
            found,
            "sslnegotiation",
            format!(
                "weak sslmode \"{mode}\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")"
            ),
        );
    }
}

/// The number of a TLS version as libpq reads it, without regard to case.
#[must_use]
pub fn tls_version(text: &str) -> Option<u8> {
    let known = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    let found = known.iter().position(|known| known.eq_ignore_ascii_case(text))?;
    u8::try_from(found).ok()
}

fn ssl_versions(settings: &Settings, found: &mut Vec<Refusal>) {
    let before = found.len();
    for keyword in ["ssl_min_protocol_version", "ssl_max_protocol_version"] {
        let value = settings.value_of(keyword).unwrap_or_default();
        if !value.is_empty() && tls_version(value).is_none() {
            invalid(found, keyword, value);
        }
    }
    let least = settings.value_of("ssl_min_protocol_version").unwrap_or("TLSv1.2");
    let most = settings.value_of("ssl_max_protocol_version").unwrap_or_default();
    let range = tls_version(least).zip(tls_version(most));
    if before == found.len() && range.is_some_and(|(least, most)| least > most) {
        refuse(found, "ssl_max_protocol_version", "invalid SSL protocol version range".to_owned());
    }
}

fn ssl_certificate(settings: &Settings, found: &mut Vec<Refusal>) {
    one_of(settings, found, "sslcertmode", &["disable", "allow", "require"]);
}

fn words(settings: &Settings, found: &mut Vec<Refusal>) {
    one_of(settings, found, "gssencmode", &["disable", "prefer", "require"]);
    let states = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"];
    one_of(settings, found, "target_session_attrs", &states);
    one_of(settings, found, "load_balance_hosts", &["disable", "random"]);
}

fn protocol_versions(settings: &Settings, found: &mut Vec<Refusal>) {
    let known = ["3.0", "3.2", "latest"];
    let mut range = Vec::new();
    for keyword in ["min_protocol_version", "max_protocol_version"] {
        let Some(value) = settings.value_of(keyword) else { continue };
        match known.iter().position(|known| *known == value) {
            None => invalid(found, keyword, value),
            Some(index) => range.push((keyword, index.min(1))),
        }
    }
    // Without a maximum libpq asks for 3.0, or for the minimum if that is higher.
    if let [(_, least), (_, most)] = range.as_slice()
        && least > most
    {
        refuse(
            found,
            "min_protocol_version",
            "min_protocol_version is greater than max_protocol_version".to_owned(),
        );
    }
}

/// Whether a text is an address as the system reads it without a lookup: also the short and the
/// hexadecimal forms of IPv4, and IPv6 with a zone.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let bare = text.split_once('%').map_or(
        text,
        |(address, zone)| {
            if zone.is_empty() { text } else { address }
        },
    );
    text.parse::<IpAddr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok() || is_short_address(text)
}

/// One to four numbers, decimal, octal or hexadecimal, of which the last fills the rest: `inet_aton`.
fn is_short_address(text: &str) -> bool {
    let parts: Option<Vec<u64>> = text.split('.').map(address_part).collect();
    let Some(parts) = parts else { return false };
    let [first @ .., last] = parts.as_slice() else { return false };
    let most = match first.len() {
        0 => 0xffff_ffff,
        1 => 0xff_ffff,
        2 => 0xffff,
        3 => 0xff,
        _ => return false,
    };
    *last <= most && first.iter().all(|part| *part <= 0xff)
}

fn address_part(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
        (Some(""), _) => return Some(0),
        (Some(hexadecimal), _) => (hexadecimal, 16),
        (None, Some("")) => return Some(0),
        (None, Some(octal)) => (octal, 8),
        (None, None) => (lower.as_str(), 10),
    };
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, radix).ok() }
}

/// With several hosts libpq goes on to the next one.
fn addresses(settings: &Settings, found: &mut Vec<Refusal>) {
    if let Some(address) = &settings.hostaddr
        && settings.next_hosts.is_empty()
        && !is_address(&address.value)
    {
        refuse(found, "hostaddr", format!("could not parse network address \"{}\"", address.value));
    }
}

/// Options that must be integers. The keepalive options count only over TCP and while keepalives are on.
fn integers(settings: &Settings, found: &mut Vec<Refusal>) {
    let mut keywords = vec!["connect_timeout"];
    let on = settings.value_of("keepalives").map(integer);
    let over_tcp = settings.host.as_ref().is_some_and(|host| !host.value.starts_with(['/', '@']));
    if over_tcp {
        keywords.push("keepalives");
    }
    if over_tcp && !matches!(on, Some(Some(0) | None)) {
        keywords.extend([
            "keepalives_idle",
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
        ]);
    }
    for keyword in keywords {
        if let Some(value) = settings.value_of(keyword)
            && integer(value).is_none()
        {
            refuse(
                found,
                keyword,
                format!("invalid integer value \"{value}\" for connection option \"{keyword}\""),
            );
        }
    }
}

fn secrets(settings: &Settings, found: &mut Vec<Refusal>) {
    for keyword in ["scram_client_key", "scram_server_key"] {
        let other = settings.others.iter().find(|other| other.keyword == keyword);
        if let Some(message) = other.and_then(|other| other.refused.clone()) {
            refuse(found, keyword, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{integer, is_address, methods};

    #[test]
    fn reads_methods_as_libpq_does() {
        for (list, password) in [
            ("password", Some(true)),
            ("scram-sha-256,password", Some(true)),
            ("scram-sha-256", Some(false)),
            ("md5, scram-sha-256", None),
            ("!md5", Some(true)),
            ("!password", Some(false)),
            ("!md5,!password", Some(false)),
            ("none", Some(false)),
            ("none,password", Some(true)),
            ("!none", Some(true)),
            ("PASSWORD", None),
            ("password,!md5", None),
            ("!md5,password", None),
            ("password,password", None),
            ("!md5,!md5", None),
            ("none,none", None),
            ("password,", None),
            ("oauth", Some(false)),
        ] {
            assert_eq!(methods(list, 18).map(|read| read.allow_password()), password, "{list}");
        }
        assert_eq!(methods("oauth", 17), None);
    }

    #[test]
    fn reads_addresses_as_the_system_does() {
        for text in ["10.0.0.5", "::1", "fe80::1%eth0", "127.1", "0x7f.1", "017.0.0.1", "1", "0"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["", "h", "10.0.0.256", "1.2.3.4.5", "09", "1.", " 10.0.0.5", "+1", "::1%"] {
            assert!(!is_address(text), "{text}");
        }
    }

    #[test]
    fn reads_integers_as_c_does() {
        for (text, number) in [
            ("5432", Some(5432)),
            (" +5432\t", Some(5432)),
            ("-1", Some(-1)),
            ("", None),
            (" ", None),
            ("5432x", None),
            ("0x10", None),
            ("99999999999", None),
            ("+-1", None),
        ] {
            assert_eq!(integer(text), number, "{text:?}");
        }
    }
}
