//! libpq's password file.

use crate::{input, secret::Secret};
use entra_pg_checks::facts::settings::PassFile;
use std::path::Path;

/// What is looked for.
pub(crate) struct Wanted<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

/// A token is a line of 64 KB at most; a file of passwords has some hundred lines.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// What a password file gives for a target; `None` where there is no such file.
pub(super) fn look(path: &Path, wanted: &Wanted<'_>) -> Option<(PassFile, Option<Secret>)> {
    let text = Secret::new(input::text(path, FILE_LIMIT).ok()?);
    let found = search(text.expose(), wanted);
    let seen = PassFile {
        path: path.display().to_string(),
        ignored_for_mode: open_to_others(path),
        matching_line: found.matching_line,
        near_line: found.near_line,
    };
    let password = found.password.filter(|_| seen.ignored_for_mode.is_none());
    Some((seen, password))
}

/// What the lines of a password file hold for a target.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) matching_line: Option<usize>,
    pub(crate) near_line: Option<usize>,
    pub(crate) password: Option<Secret>,
}

/// The first line that matches, by libpq's rules, and the first that nearly does.
pub(crate) fn search(text: &str, wanted: &Wanted<'_>) -> Found {
    let mut found = Found::default();
    let port_text = wanted.port.to_string();
    let given = [wanted.host, &port_text, wanted.database, wanted.user];
    let as_typed = given.join(":") + ":";
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let fields = fields(line);
        let [host, port, database, user, secret] = fields.as_slice() else {
            if found.near_line.is_none() && !wanted.host.is_empty() && line.contains(wanted.host) {
                found.near_line = Some(index + 1);
            }
            continue;
        };
        let exact = |(field, given): (&&Field, &&str)| field.any || field.text == **given;
        let near =
            |(field, given): (&&Field, &&str)| field.any || field.text.eq_ignore_ascii_case(given);
        let pattern = [host, port, database, user];
        if pattern.iter().zip(&given).all(exact) {
            found.matching_line = Some(index + 1);
            found.password = Some(Secret::new(secret.text.clone()));
            break;
        }
        // A field whose : or \ is not escaped is another one than was meant.
        let unescaped =
            line.get(..as_typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(&as_typed));
        if found.near_line.is_none() && (unescaped || pattern.iter().zip(&given).all(near)) {
            found.near_line = Some(index + 1);
        }
    }
    found
}

/// One field of a line.
#[derive(Default)]
struct Field {
    text: String,
    /// Whether it is a bare star, which stands for everything.
    any: bool,
}

/// Five fields between colons; a backslash takes the next character as it is. The last field, the
/// password, runs to the end of the line.
fn fields(line: &str) -> Vec<Field> {
    let mut fields = vec![Field::default()];
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        let last = fields.len() - 1;
        let field = &mut fields[last];
        match character {
            '\\' => {
                field.any = false;
                field.text.extend(rest.next());
            }
            ':' if last < 4 => fields.push(Field::default()),
            plain => {
                field.any = plain == '*' && field.text.is_empty();
                field.text.push(plain);
            }
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
