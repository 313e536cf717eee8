//! libpq's password file. Source: PostgreSQL documentation, libpq, "The Password File"; the rules of
//! escaping are those of libpq 15 to 18.

use crate::{input, secret::Secret};
use entra_pg_checks::facts::settings::PassFile;
use std::path::Path;
use zeroize::Zeroizing;

/// The login that a password is searched for, as libpq compares it.
pub(crate) struct Wanted<'a> {
    pub(crate) host: &'a str,
    /// The port as it is written: libpq compares text.
    pub(crate) port: &'a str,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

/// A token is a line of at most 64 KiB; a file with hundreds of passwords stays below this.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// The folder of the server's socket in builds of libpq; for it, libpq searches for `localhost`.
const SOCKET_FOLDERS: [&str; 1] = ["/var/run/postgresql"];

/// What a password file has for a login; `None` if libpq would not open the file.
pub(super) fn inspect(path: &Path, wanted: &Wanted<'_>) -> Option<(PassFile, Option<Secret>)> {
    // libpq warns and ignores a file that is not a regular one.
    let bytes = Zeroizing::new(input::Source::new(path).read_start(FILE_LIMIT).ok()?);
    let mut found = search(&bytes, wanted);
    let wrong_encoding = found.matching_line.is_none().then(|| elsewise(&bytes, wanted)).flatten();
    found.near_line = wrong_encoding.or(found.near_line);
    let seen = PassFile {
        path: path.display().to_string(),
        ignored_for_mode: open_to_others(path),
        matching_line: found.matching_line,
        near_line: found.near_line,
        wrong_encoding: wrong_encoding.is_some(),
    };
    let password = found.password.filter(|_| seen.ignored_for_mode.is_none());
    Some((seen, password))
}

/// The line that would match in UTF-8 without a byte order mark: libpq reads nothing else, and Windows
/// PowerShell writes UTF-16.
fn elsewise(bytes: &[u8], wanted: &Wanted<'_>) -> Option<usize> {
    let decoded = Zeroizing::new(input::utf8(bytes.to_vec()).ok()?);
    if decoded.as_slice() == bytes { None } else { search(&decoded, wanted).matching_line }
}

/// What the lines of a password file hold for a login.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) matching_line: Option<usize>,
    pub(crate) near_line: Option<usize>,
    pub(crate) password: Option<Secret>,
}

/// The first line that matches by libpq's rules, and the first that nearly does.
pub(crate) fn search(bytes: &[u8], wanted: &Wanted<'_>) -> Found {
    let mut found = Found::default();
    if wanted.database.is_empty() || wanted.user.is_empty() {
        return found;
    }
    let host = match wanted.host {
        "" => "localhost",
        folder if SOCKET_FOLDERS.contains(&folder) => "localhost",
        host => host,
    };
    let port = if wanted.port.is_empty() { "5432" } else { wanted.port };
    let fields = [host, port, wanted.database, wanted.user];
    for (index, line) in lines(bytes).enumerate() {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Some(rest) = rest_of_match(line, &fields) {
            found.matching_line = Some(index + 1);
            found.password = Some(Secret::new(password(rest)));
            break;
        }
        if found.near_line.is_none() && nearly_matches(line, &fields) {
            found.near_line = Some(index + 1);
        }
    }
    found
}

/// The lines, each up to its first NUL, without line break.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
    std::iter::from_fn(move || {
        let line = pieces.next()?;
        // Nothing follows the last line break.
        if line.is_empty() && pieces.peek().is_none() {
            return None;
        }
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
        Some(&line[..end])
    })
}

fn rest_of_match<'a>(line: &'a [u8], fields: &[&str; 4]) -> Option<&'a [u8]> {
    fields.iter().try_fold(line, |rest, field| after_field(rest, field.as_bytes()))
}

/// What follows a field if it matches: a bare `*`, or the value, in which a backslash takes the next
/// byte as it is. A colon ends the field only once the whole value has been matched, so one inside
/// the value needs no escape.
fn after_field<'a>(rest: &'a [u8], value: &[u8]) -> Option<&'a [u8]> {
    if let Some(after) = rest.strip_prefix(b"*:") {
        return Some(after);
    }
    let mut rest = rest;
    let mut value = value;
    loop {
        let (&byte, mut after) = rest.split_first()?;
        if byte == b':' && value.is_empty() {
            return Some(after);
        }
        let mut byte = byte;
        if byte == b'\\' {
            let (&escaped, behind) = after.split_first()?;
            (byte, after) = (escaped, behind);
        }
        let (&wanted, left) = value.split_first()?;
        if byte != wanted {
            return None;
        }
        (rest, value) = (after, left);
    }
}

/// The password: up to the first colon that is not escaped. A backslash at the end is kept.
fn password(rest: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = rest.iter().copied().peekable();
    while let Some(byte) = rest.next_if(|byte| *byte != b':') {
        match byte {
            b'\\' => bytes.push(rest.next().unwrap_or(byte)),
            plain => bytes.push(plain),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a line would match if the case were right, or the fields were separated otherwise.
fn nearly_matches(line: &[u8], fields: &[&str; 4]) -> bool {
    let text = String::from_utf8_lossy(line);
    let lower = |field: &str| field.to_ascii_lowercase();
    let folded: [String; 4] = fields.map(lower);
    let folded: [&str; 4] = [&folded[0], &folded[1], &folded[2], &folded[3]];
    if rest_of_match(lower(&text).as_bytes(), &folded).is_some() {
        return true;
    }
    // A name with a backslash that is not escaped, such as DOMAIN\user.
    let as_typed = folded.join(":") + ":";
    if lower(&text).starts_with(&as_typed) {
        return true;
    }
    let separators = line.iter().filter(|byte| **byte == b':').count();
    separators < 4 && !fields[0].is_empty() && text.contains(fields[0])
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::{Wanted, elsewise, search};

    fn found(text: &str, wanted: [&str; 4]) -> Option<String> {
        let [host, port, database, user] = wanted;
        let found = search(text.as_bytes(), &Wanted { host, port, database, user });
        found.password.map(|password| password.expose().to_owned())
    }

    #[test]
    fn a_line_in_utf_16_matches_in_utf_8_only() {
        let wanted = Wanted { host: "h", port: "5432", database: "d", user: "u" };
        let wide: Vec<u8> =
            "\u{feff}#\r\nh:5432:d:u:p\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(search(&wide, &wanted).matching_line, None);
        assert_eq!(elsewise(&wide, &wanted), Some(2));
        assert_eq!(elsewise("\u{feff}h:5432:d:u:p".as_bytes(), &wanted), Some(1));
        assert_eq!(elsewise(b"x:5432:d:u:p", &wanted), None);
    }

    #[test]
    fn separates_fields_as_libpq_does() {
        let login = ["h", "5432", "d", "u"];
        assert_eq!(found("h:5432:d:u:pa:ss\n", login).as_deref(), Some("pa"));
        assert_eq!(found("h:5432:d:u:pa\\:ss", login).as_deref(), Some("pa:ss"));
        assert_eq!(found("h:5432:d:u:pw\\\n", login).as_deref(), Some("pw\\"));
        assert_eq!(found("h:5432:d:u:pw\r\n", login).as_deref(), Some("pw"));
        assert_eq!(found("*:*:*:*:pw", login).as_deref(), Some("pw"));
        assert_eq!(found("\\*:*:*:*:pw", login), None);
        assert_eq!(found("h:5432:d:u", login), None);
        assert_eq!(found("::1:5432:d:u:pw", ["::1", "5432", "d", "u"]).as_deref(), Some("pw"));
        assert_eq!(found("h:5432:d:a:b:pw", ["h", "5432", "d", "a:b"]).as_deref(), Some("pw"));
    }

    #[test]
    fn compares_the_port_as_text_and_a_socket_as_localhost() {
        assert_eq!(found("h:5432:d:u:pw", ["h", "05432", "d", "u"]), None);
        assert_eq!(found("h:5432:d:u:pw", ["h", "", "d", "u"]).as_deref(), Some("pw"));
        let socket = ["/var/run/postgresql", "5432", "d", "u"];
        assert_eq!(found("localhost:5432:d:u:pw", socket).as_deref(), Some("pw"));
        assert_eq!(found("localhost:5432:d:u:pw", ["", "5432", "d", "u"]).as_deref(), Some("pw"));
    }
}
