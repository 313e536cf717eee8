//! libpq's service file: named sets of settings.
//!
//! Source: PostgreSQL documentation, libpq, "The Connection Service File"; the limits and the errors
//! are those of libpq 15 to 18, which stops at the first line that it cannot read.

use super::keywords::Pairs;
use super::options::{self, Version, is_space};
use crate::{environment::Environment, settings::usage::UsageError};
use std::path::{Path, PathBuf};

/// A service file with hundreds of services stays far below this.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// libpq reads a line into 1,024 bytes and refuses one that fills them.
const LINE_LIMIT: usize = 1023;

/// The settings of a service, and the path of its file.
pub(super) fn find(
    name: &str,
    environment: &Environment,
    version: Version,
) -> Result<(Pairs, String), UsageError> {
    let mut searched = Vec::new();
    let mut encoded = None;
    for (path, required) in files(environment) {
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(_) if required => {
                let message = format!("the service file \"{}\" was not found", path.display());
                return Err(UsageError::new(message)
                    .suggest("unset PGSERVICEFILE, or set it to an existing file"));
            }
            Err(_) => continue,
        };
        let shown = path.display().to_string();
        match section(&bytes, name, version) {
            Ok(Some(pairs)) => return Ok((pairs, shown)),
            Ok(None) => {
                if is_there_in_utf8(bytes, name, version) {
                    encoded = encoded.or_else(|| Some(shown.clone()));
                }
                searched.push(shown);
            }
            Err(refusal) => return Err(refusal.in_file(&shown)),
        }
    }
    let places = match searched.as_slice() {
        [] => "there is no service file".to_owned(),
        files => format!("it is not in {}", files.join(", ")),
    };
    let how = match encoded {
        Some(file) => format!(
            "save {file} in UTF-8 without a byte order mark: it has the section, and libpq reads no other \
                encoding (Windows PowerShell writes UTF-16)"
        ),
        None if name.is_empty() => "unset PGSERVICE: it is set, but empty".to_owned(),
        None => OWN_SECTION.to_owned(),
    };
    Err(UsageError::new(format!("the definition of service \"{name}\" was not found: {places}"))
        .suggest(how))
}

/// Whether a file would hold the section if it were in UTF-8 without a byte order mark.
fn is_there_in_utf8(bytes: Vec<u8>, name: &str, version: Version) -> bool {
    crate::input::is_marked(&bytes)
        && crate::input::utf8(bytes)
            .is_ok_and(|text| matches!(section(&text, name, version), Ok(Some(_))))
}

#[cfg(not(windows))]
const OWN_SECTION: &str = "a section in ~/.pg_service.conf, or unset PGSERVICE";
#[cfg(windows)]
const OWN_SECTION: &str = r"a section in %APPDATA%\postgresql\.pg_service.conf, or unset PGSERVICE";

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    crate::input::Source::new(path).read_start(FILE_LIMIT)
}

/// The files that libpq reads, and whether it stops if one is missing.
fn files(environment: &Environment) -> Vec<(PathBuf, bool)> {
    let own = match environment.raw("PGSERVICEFILE") {
        Some(file) => Some((PathBuf::from(file), true)),
        None => {
            environment.libpq_file(".pg_service.conf", ".pg_service.conf").map(|file| (file, false))
        }
    };
    // On Windows libpq has no such folder of its own; /etc would be one that any user may create.
    let system = environment.raw("PGSYSCONFDIR").or(cfg!(unix).then_some("/etc/postgresql-common"));
    let system = system.map(|folder| (PathBuf::from(folder).join("pg_service.conf"), false));
    own.into_iter().chain(system).collect()
}

/// A line that libpq refuses.
#[derive(Debug)]
pub(crate) struct Refusal {
    line: usize,
    message: String,
    suggestion: &'static str,
}

impl Refusal {
    fn in_file(self, path: &str) -> UsageError {
        let Self { line, message, suggestion } = self;
        UsageError::new(format!("{path} line {line}: {message}")).suggest(suggestion)
    }
}

/// The settings of one section; the first of a keyword counts.
///
/// # Errors
/// The first line that libpq refuses, up to the end of the section.
pub(crate) fn section(
    bytes: &[u8],
    name: &str,
    version: Version,
) -> Result<Option<Pairs>, Refusal> {
    let mut found: Option<Pairs> = None;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let refusal =
            |message: String, suggestion| Refusal { line: index + 1, message, suggestion };
        // C strings end at the first NUL.
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        if line.len() >= LINE_LIMIT {
            let message =
                format!("the line is too long: libpq reads at most {} bytes", LINE_LIMIT - 1);
            return Err(refusal(
                message,
                "an access token does not fit into a service file: use PGPASSWORD",
            ));
        }
        let line = trimmed(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Some(title) = line.strip_prefix(b"[") {
            if found.is_some() {
                break;
            }
            let named =
                title.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"]"));
            found = named.then(Pairs::new);
        } else if let Some(pairs) = &mut found {
            let (keyword, value) =
                setting(line, version).map_err(|(message, how)| refusal(message, how))?;
            if !pairs.iter().any(|(known, _)| *known == keyword) {
                pairs.push((keyword, value));
            }
        }
    }
    Ok(found)
}

fn trimmed(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !is_space(*byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

fn setting(line: &[u8], version: Version) -> Result<(String, String), (String, &'static str)> {
    let text = String::from_utf8_lossy(line);
    if text.starts_with("ldap") {
        return Err((
            "settings from an LDAP server are not supported by this tool".to_owned(),
            "give the settings as a connection string",
        ));
    }
    let Some((keyword, value)) = text.split_once('=') else {
        return Err((
            "syntax error: the line has no \"=\"".to_owned(),
            "keyword=value, without blanks around =; a comment begins with #",
        ));
    };
    if keyword == "service" {
        return Err((
            "a service cannot refer to another service".to_owned(),
            "write the settings themselves into the section",
        ));
    }
    if options::find(keyword, version).is_some() {
        return Ok((keyword.to_owned(), value.to_owned()));
    }
    if options::find(keyword.trim(), version).is_some() {
        return Err((
            format!("syntax error: libpq allows no blanks around = (\"{} =\")", keyword.trim()),
            "keyword=value, without blanks around =",
        ));
    }
    let message = match options::find(keyword, Version::V18) {
        Some(later) => {
            format!("syntax error: {version} has no setting \"{keyword}\" ({} has)", later.since)
        }
        None => "syntax error: libpq has no setting of this name".to_owned(),
    };
    Err((message, "a keyword of libpq in lower case, such as host=…"))
}

#[cfg(test)]
mod tests {
    use super::{Version, is_there_in_utf8, section};

    fn pairs(text: &str, name: &str) -> Option<Vec<(String, String)>> {
        section(text.as_bytes(), name, Version::V18).expect("readable")
    }

    #[test]
    fn reads_one_section() {
        let text = "# x\n[a]\nhost=h1\n[b]\nhost=h2\n#user=z\nuser=Prod DB\nhost=h3\n[c\nport=1\n";
        let setting = |keyword: &str, value: &str| (keyword.to_owned(), value.to_owned());
        assert_eq!(pairs(text, "b"), Some(vec![setting("host", "h2"), setting("user", "Prod DB")]));
        assert_eq!(pairs(text, "c"), None);
        assert_eq!(pairs("[s] # prod\nhost=h\n", "s"), Some(vec![setting("host", "h")]));
        assert_eq!(pairs("[s]x]\nhost=h\n", "s"), Some(vec![setting("host", "h")]));
    }

    #[test]
    fn a_section_in_another_encoding_is_there_and_not_read() {
        let text = "\u{feff}[s]\r\nhost=h\r\n";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), &wide] {
            assert_eq!(section(bytes, "s", Version::V18).ok().flatten(), None);
            assert!(is_there_in_utf8(bytes.to_vec(), "s", Version::V18));
            assert!(!is_there_in_utf8(bytes.to_vec(), "t", Version::V18));
        }
        assert!(!is_there_in_utf8(b"[t]\n".to_vec(), "s", Version::V18));
    }

    #[test]
    fn refuses_the_lines_that_libpq_refuses() {
        for line in
            ["host = h", "host", ";comment", "Host=h", "requiressl=1", "service=t", "host =h"]
        {
            let text = format!("[s]\nport=1\n{line}\n");
            let refusal = section(text.as_bytes(), "s", Version::V18).expect_err(line);
            assert_eq!(refusal.line, 3, "{line}");
            // A section that is not asked for is not read.
            let other = format!("[t]\n{line}\n[s]\nhost=h\n");
            assert!(section(other.as_bytes(), "s", Version::V18).is_ok(), "{line}");
        }
    }

    #[test]
    fn refuses_a_token_in_a_line() {
        let token = |length: usize| format!("[s]\npassword={}\n", "a".repeat(length));
        // "password=" and the line break are 10 bytes.
        assert!(section(token(1012).as_bytes(), "s", Version::V15).is_ok());
        let refusal = section(token(1013).as_bytes(), "s", Version::V15).expect_err("too long");
        assert!(refusal.message.contains("too long") && refusal.suggestion.contains("token"));
        let comment = format!("#{}\n[s]\nhost=h\n", "-".repeat(1100));
        assert!(section(comment.as_bytes(), "s", Version::V15).is_err());
    }
}
