//! `postgresql://` URIs, by libpq's rules: percent-encoding is decoded, `+` stays a plus sign.

use super::keywords::{self, Pairs};
use super::options::Version;
use crate::settings::usage::UsageError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Whether libpq takes a text for a URI.
pub(super) fn is_uri(input: &str) -> bool {
    input.starts_with("postgresql://") || input.starts_with("postgres://")
}

/// Characters that need no encoding in a URI.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes a text for a URI.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Parses a URI.
pub(super) fn parse(input: &str, version: Version) -> Result<Pairs, UsageError> {
    let start = input.find("://").map_or(0, |at| at + 3);
    let mut uri = Uri { input, version, pairs: Pairs::new() };
    let rest = &input[start..];
    // libpq searches for `@` up to the first `/` only, so over a `?`, too.
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    let rest = match authority.find('@') {
        Some(at) => {
            if exposes_password(authority, at) {
                return Err(second_at(input));
            }
            uri.login(&rest[..at])?;
            &rest[at + 1..]
        }
        None => rest,
    };
    let after = uri.hosts(rest)?;
    let query = match after.strip_prefix('/') {
        Some(path) => {
            let end = path.find('?').unwrap_or(path.len());
            uri.put("dbname", &path[..end])?;
            path[end..].strip_prefix('?')
        }
        None => after.strip_prefix('?'),
    };
    if let Some(query) = query {
        uri.parameters(query)?;
    }
    Ok(uri.pairs)
}

struct Uri<'a> {
    input: &'a str,
    version: Version,
    pairs: Pairs,
}

impl Uri<'_> {
    fn login(&mut self, login: &str) -> Result<(), UsageError> {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        self.put("user", user)?;
        self.put("password", password)
    }

    /// Reads the list of `host:port` and returns what follows it.
    fn hosts<'a>(&mut self, mut rest: &'a str) -> Result<&'a str, UsageError> {
        let (mut hosts, mut ports) = (String::new(), String::new());
        loop {
            let host;
            (host, rest) = self.host(rest)?;
            hosts.push_str(host);
            if let Some(port) = rest.strip_prefix(':') {
                let end = port.find(['/', '?', ',']).unwrap_or(port.len());
                ports.push_str(&port[..end]);
                rest = &port[end..];
            }
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
            hosts.push(',');
            ports.push(',');
        }
        self.put("host", &hosts)?;
        self.put("port", &ports)?;
        Ok(rest)
    }

    fn host<'a>(&self, rest: &'a str) -> Result<(&'a str, &'a str), UsageError> {
        let Some(address) = rest.strip_prefix('[') else {
            return Ok(rest.split_at(rest.find([':', '/', '?', ',']).unwrap_or(rest.len())));
        };
        let Some((address, after)) = address.split_once(']') else {
            return Err(self.error("the [ of an IPv6 address in the URI has no ]"));
        };
        if address.is_empty() {
            return Err(self.error("the IPv6 address in the URI is empty"));
        }
        if after.is_empty() || after.starts_with([':', '/', '?', ',']) {
            return Ok((address, after));
        }
        Err(self.error("an unexpected character follows the IPv6 address in the URI"))
    }

    fn error(&self, message: &str) -> UsageError {
        let masked = keywords::masked(self.input);
        let error = UsageError::new(message).suggest("postgresql://user@[fd00::4]:5432/dbname");
        match masked.find('[') {
            Some(at) => error.at(masked.clone(), at..at + 1),
            None => error,
        }
    }

    fn put(&mut self, keyword: &str, value: &str) -> Result<(), UsageError> {
        if !value.is_empty() {
            self.pairs.push((keyword.to_owned(), self.decode(value)?));
        }
        Ok(())
    }

    fn parameters(&mut self, query: &str) -> Result<(), UsageError> {
        let mut rest = query;
        while !rest.is_empty() {
            let (parameter, next) = rest.split_once('&').unwrap_or((rest, ""));
            rest = next;
            self.parameter(parameter)?;
        }
        Ok(())
    }

    fn parameter(&mut self, parameter: &str) -> Result<(), UsageError> {
        let Some((keyword, value)) = parameter.split_once('=') else {
            let message = if parameter.is_empty() {
                "the URI has an empty parameter".to_owned()
            } else if keywords::masked(self.input) == self.input {
                format!("missing \"=\" after \"{parameter}\" in the URI")
            } else {
                "a parameter of the URI has no \"=\"".to_owned()
            };
            return Err(UsageError::new(message).suggest("?sslmode=verify-full&connect_timeout=5"));
        };
        if value.contains('=') {
            let message = "a parameter of the URI has a second \"=\"";
            return Err(
                UsageError::new(message).suggest("write an equals sign inside a value as %3D")
            );
        }
        let (keyword, value) = (self.decode(keyword)?, self.decode(value)?);
        // JDBC's spelling, which libpq accepts as well.
        if keyword == "ssl" && value == "true" {
            self.pairs.push(("sslmode".to_owned(), "require".to_owned()));
            return Ok(());
        }
        let at = self.input.find(parameter).unwrap_or(0);
        keywords::check(&keyword, self.input, at, self.version)?;
        self.pairs.push(keywords::translated(keyword, value));
        Ok(())
    }

    /// Decodes percent-encoding. A value that is not UTF-8 afterwards gets replacement characters: libpq
    /// passes the bytes on.
    fn decode(&self, text: &str) -> Result<String, UsageError> {
        let text = match self.version {
            Version::V18 => self.without_blanks(text)?,
            Version::V15 | Version::V16 | Version::V17 => text,
        };
        let bytes = text.as_bytes();
        for (index, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
            let hex = bytes.get(index + 1..index + 3).unwrap_or_default();
            if hex.len() < 2 || !hex.iter().all(u8::is_ascii_hexdigit) || hex == b"00" {
                return Err(self.not_encoded(text, index));
            }
        }
        Ok(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
    }

    /// libpq 18 ignores blanks at both ends and refuses them inside.
    fn without_blanks<'a>(&self, text: &'a str) -> Result<&'a str, UsageError> {
        let begun = text.trim_start_matches(' ');
        let end = begun.find(' ').unwrap_or(begun.len());
        if begun[end..].trim_start_matches(' ').is_empty() {
            return Ok(&begun[..end]);
        }
        let message = "a value in the URI holds a blank that is not encoded";
        Err(UsageError::new(message).suggest("write a blank in a URI as %20"))
    }

    fn not_encoded(&self, text: &str, index: usize) -> UsageError {
        let masked = keywords::masked(self.input);
        let message = "a % in the URI is not followed by two hexadecimal digits";
        let error = UsageError::new(message).suggest("write a percent sign as %25");
        match masked.find(text) {
            Some(at) => error.at(masked.clone(), at + index..at + index + 1),
            None => error,
        }
    }
}

/// Whether the host that libpq would read holds a part of a password: a message about that host, or a
/// report, would show it.
fn exposes_password(authority: &str, at: usize) -> bool {
    let (login, hosts) = (&authority[..at], &authority[at + 1..]);
    let misread = hosts.rfind('@').map(|last| &hosts[..last]);
    misread.is_some_and(|misread| login.contains(':') || misread.contains(':'))
        || authority.contains("password=")
}

fn second_at(input: &str) -> UsageError {
    let message = "the URI has an @ that is not encoded, in the user name or in the password";
    let start = input.find("://").map_or(0, |at| at + 3);
    let rest = &input[start..];
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    let error = UsageError::new(message);
    if authority.contains('?') {
        return error.suggest("write an @ as %40, and a / before the ?");
    }
    let last = authority.rfind('@').unwrap_or(0);
    let login = &authority[..last];
    // The password is not shown: it may begin before the first @ or after it.
    let user = login.split(':').next().unwrap_or(login);
    error.suggest(format!(
        "write an @ as %40: {}{}:…{}",
        &input[..start],
        encode(user),
        &input[start + last..]
    ))
}
