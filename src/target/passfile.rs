//! libpq's password file.

use crate::secret::Secret;
use entra_pg_checks::facts::settings::PassFile;
use std::path::Path;

/// What is looked for.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// What a password file gives for a target; `None` where there is no such file.
pub(super) fn look(path: &Path, wanted: &Wanted<'_>) -> Option<(PassFile, Option<Secret>)> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut seen = PassFile {
        path: path.display().to_string(),
        ignored_for_mode: open_to_others(path),
        matching_line: None,
        near_line: None,
    };
    let mut password = None;
    let port_text = wanted.port.to_string();
    let given = [wanted.host, &port_text, wanted.database, wanted.user];
    let as_typed = given.join(":") + ":";
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let fields = fields(line);
        let [host, port, database, user, secret] = fields.as_slice() else {
            if seen.near_line.is_none() && !wanted.host.is_empty() && line.contains(wanted.host) {
                seen.near_line = Some(index + 1);
            }
            continue;
        };
        let exact = |(field, given): (&&String, &&str)| *field == "*" || field == given;
        let near =
            |(field, given): (&&String, &&str)| *field == "*" || field.eq_ignore_ascii_case(given);
        let pattern = [host, port, database, user];
        if pattern.iter().zip(&given).all(exact) {
            seen.matching_line = Some(index + 1);
            password = Some(Secret::new(secret.clone()));
            break;
        }
        // A field whose : or \ is not escaped is another one than was meant.
        let unescaped =
            line.get(..as_typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(&as_typed));
        if seen.near_line.is_none() && (unescaped || pattern.iter().zip(&given).all(near)) {
            seen.near_line = Some(index + 1);
        }
    }
    if seen.ignored_for_mode.is_some() {
        password = None;
    }
    Some((seen, password))
}

/// Five fields between colons; a backslash takes the next character as it is. The last field, the
/// password, runs to the end of the line.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        let field = fields.len() - 1;
        match character {
            '\\' => fields[field].extend(rest.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            plain => fields[field].push(plain),
        }
    }
    fields
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
