//! `postgresql://` URIs, by libpq's rules: percent-encoding is decoded, `+` stays a plus sign.

use super::keywords::{self, Pairs};
use crate::settings::usage::UsageError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Whether libpq takes a text for a URI.
pub(super) fn is_uri(input: &str) -> bool {
    input.starts_with("postgresql://") || input.starts_with("postgres://")
}

/// What may stand in a URI as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as it is written in a URI.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Parses a URI.
pub(super) fn parse(input: &str) -> Result<Pairs, UsageError> {
    let start = input.find("://").map_or(0, |at| at + 3);
    let rest = &input[start..];
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
        None => (rest, None),
    };
    let mut pairs = Pairs::new();
    // libpq ends the user at the first `@`, so one that is not encoded spoils the host.
    let hosts = match authority.split_once('@') {
        Some((login, hosts)) => {
            if hosts.contains('@') {
                return Err(raw_at(input, authority, start));
            }
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            put(&mut pairs, "user", user, input)?;
            if let Some(password) = password {
                put(&mut pairs, "password", password, input)?;
            }
            hosts
        }
        None => authority,
    };
    let (hosts, ports): (Vec<&str>, Vec<&str>) = hosts.split(',').map(host_and_port).unzip();
    put(&mut pairs, "host", &hosts.join(","), input)?;
    if ports.iter().any(|port| !port.is_empty()) {
        put(&mut pairs, "port", &ports.join(","), input)?;
    }
    put(&mut pairs, "dbname", path.unwrap_or_default(), input)?;
    for parameter in query.unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
        let Some((keyword, value)) = parameter.split_once('=') else {
            let message = format!("missing \"=\" after \"{parameter}\" in the URI");
            return Err(UsageError::new(message).suggest("?sslmode=verify-full"));
        };
        let keyword = decode(keyword, input)?;
        // JDBC's spelling, which libpq takes, too.
        if keyword == "ssl" && value == "true" {
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
            continue;
        }
        keywords::check(&keyword, input, input.find(parameter).unwrap_or(0))?;
        pairs.push((keyword, decode(value, input)?));
    }
    Ok(pairs)
}

fn host_and_port(text: &str) -> (&str, &str) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((address, after)) = rest.split_once(']')
    {
        return (address, after.strip_prefix(':').unwrap_or_default());
    }
    text.split_once(':').unwrap_or((text, ""))
}

fn put(pairs: &mut Pairs, keyword: &str, value: &str, input: &str) -> Result<(), UsageError> {
    if !value.is_empty() {
        pairs.push((keyword.to_owned(), decode(value, input)?));
    }
    Ok(())
}

fn decode(text: &str, input: &str) -> Result<String, UsageError> {
    let bytes = text.as_bytes();
    for (index, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let hex = bytes.get(index + 1..index + 3).unwrap_or_default();
        if hex.len() < 2 || !hex.iter().all(u8::is_ascii_hexdigit) || hex == b"00" {
            let masked = keywords::masked(input);
            let message = "a % in the URI is not followed by two hexadecimal digits";
            let error = UsageError::new(message).suggest("write a percent sign as %25");
            return Err(match masked.find(text) {
                Some(at) => error.at(masked.clone(), at + index..at + index + 1),
                None => error,
            });
        }
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| UsageError::new("the URI's percent-encoding is not UTF-8"))
}

fn raw_at(input: &str, authority: &str, start: usize) -> UsageError {
    let last = authority.rfind('@').unwrap_or(0);
    let login = &authority[..last];
    let (user, password) = match login.split_once(':') {
        Some((user, _)) => (user, ":…"),
        None => (login, ""),
    };
    let first = authority.find('@').unwrap_or(0);
    let masked = keywords::masked(input);
    let message = "an @ in the user name of a URI must be written as %40";
    let error = UsageError::new(message).suggest(format!(
        "{}{}{password}{}",
        &input[..start],
        encode(user),
        &input[start + last..]
    ));
    // The password, if there is one, stands behind the user's @.
    match password {
        "" => error.at(masked, start + first..start + first + 1),
        _ => error,
    }
}
