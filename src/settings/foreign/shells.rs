//! Lines of a shell: commands of PostgreSQL's clients, and variables.

use super::{Read, is_connection_string, keyword, libpq_pairs, unquoted};
use crate::settings::{keywords::Pairs, options};
use entra_pg_checks::facts::cloud::Cloud;

/// Clients of PostgreSQL with the options of psql.
const CLIENTS: [&str; 7] =
    ["psql", "pg_dump", "pg_restore", "pg_isready", "createdb", "pgbench", "vacuumdb"];

/// `psql -h HOST -U USER -d DATABASE`, `psql "host=…"`, also after variables, and a server with the options.
pub(super) fn command(text: &str) -> Option<Read> {
    let words = words(text.trim_start_matches("$ "));
    let mut pairs = Pairs::new();
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some((name, value)) = rest.peek().and_then(|word| word.split_once('=')) {
        let name = is_variable(name).then_some(name)?;
        pairs.push((name.to_owned(), value.to_owned()));
        rest.next();
    }
    let first = rest.next()?;
    let program = first.rsplit(['/', '\\']).next()?.trim_end_matches(".exe");
    if Cloud::of_server(first).is_some() {
        rest.peek().filter(|word| word.starts_with('-'))?;
        pairs.push(("host".to_owned(), first.to_owned()));
    } else if !CLIENTS.contains(&program) {
        return None;
    }
    let mut names = ["dbname", "user"].into_iter();
    while let Some(word) = rest.next() {
        match option(word) {
            Kind::Name => names.next().into_iter().for_each(|name| place(&mut pairs, name, word)),
            Kind::Flag => {}
            Kind::Value(name, attached) => {
                let value = attached.or_else(|| rest.next());
                if let (Some(name), Some(value)) = (name, value) {
                    place(&mut pairs, name, value);
                }
            }
        }
    }
    Some(("the command of a client", pairs))
}

/// Puts a value where it belongs; a connection string can take the place of a database.
fn place(pairs: &mut Pairs, name: &str, value: &str) {
    let inner = (name == "dbname" && is_connection_string(value)).then(|| libpq_pairs(value));
    match inner.flatten() {
        Some(inner) => pairs.extend(inner),
        None => pairs.push((name.to_owned(), value.to_owned())),
    }
}

/// A word of a command.
enum Kind<'a> {
    /// The name of a database or a user.
    Name,
    /// An option without a value.
    Flag,
    /// An option with a value: its keyword, unless it does not belong to the login, and a value that is
    /// written in the same word.
    Value(Option<&'static str>, Option<&'a str>),
}

fn option(word: &str) -> Kind<'_> {
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        return match keyword(name)
            .filter(|_| ["host", "port", "username", "dbname"].contains(&name))
        {
            Some(keyword) => Kind::Value(Some(keyword), value),
            None => Kind::Flag,
        };
    }
    let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) else {
        return Kind::Name;
    };
    let name = match short.chars().next() {
        Some('h') => Some("host"),
        Some('p') => Some("port"),
        Some('U') => Some("user"),
        Some('d') => Some("dbname"),
        Some('c' | 'f' | 'v' | 'o' | 'L' | 'F' | 'j' | 'n' | 't' | 'T') => None,
        _ => return Kind::Flag,
    };
    Kind::Value(name, short.get(1..).filter(|value| !value.is_empty()))
}

/// The value of `NAME=VALUE` or `NAME: VALUE`, if it can be a connection string, and the name is not one
/// of its keywords: `DATABASE_URL=postgresql://…`, `spring.datasource.url=jdbc:…`.
pub(super) fn assignment(text: &str) -> Option<&str> {
    let text = without_export(text);
    let separator = text.find(['=', ':'])?;
    let name = text[..separator].trim().trim_matches(['"', '\'']);
    let value = text[separator + 1..].trim().trim_end_matches([',', ';']);
    let value = unquoted(value);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let own = keyword(name).is_some() || options::find(name, options::Version::V18).is_some();
    let is_string = value.contains("://") || value.contains('=') || value.contains(':');
    let scheme = value.starts_with("//") || ["jdbc", "r2dbc", "dbi"].contains(&name);
    (!name.is_empty() && name.chars().all(is_name) && !own && is_string && !scheme).then_some(value)
}

/// `PGHOST=… PGUSER=…`, `export DB_HOST=…`, `set "PGHOST=…" & set …`, `$env:PGHOST='…'; …`.
pub(super) fn variables(text: &str) -> Option<Read> {
    let mut pairs = Pairs::new();
    let separated = text.replace(" = ", "=").replace("$env:", "");
    for word in words(&separated.replace([';', '\n'], " ")) {
        if ["export", "set", "setx", "&", "&&", "env", "ENV", "SET"].contains(&word.as_str()) {
            continue;
        }
        let (name, value) = word.split_once('=')?;
        pairs.push((is_variable(name).then(|| name.to_owned())?, value.to_owned()));
    }
    Some(("environment variables", pairs))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn without_export(text: &str) -> &str {
    ["export ", "set ", "$env:", "- "]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text)
}

/// The words of a line, as a POSIX shell splits it: quotation marks group, and a backslash joins lines.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.replace("\\\n", " ").chars() {
        match (quote, c) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}
