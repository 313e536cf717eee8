//! Connection strings that are lists of fields: ADO.NET, calls of drivers, labels, `.pgpass`.

use super::{Read, is_number, is_of_driver, keyword, libpq_pairs, unquoted};
use crate::settings::keywords::Pairs;
use entra_pg_checks::facts::cloud::Cloud;

/// Prefixes of data source names.
const DATA_SOURCES: [(&str, &str); 3] = [
    ("pgsql:", "a data source name of PDO"),
    ("dbi:Pg:", "a data source name of DBI"),
    ("dbi:PgPP:", "a data source name of DBI"),
];

/// `Host=…;Username=…`, as Npgsql, ADO.NET and ODBC write it, also after `pgsql:` (PDO) or `dbi:Pg:` (DBI).
pub(super) fn semicolons(text: &str) -> Option<Read> {
    let mut pairs = Pairs::new();
    let (form, text) = DATA_SOURCES
        .iter()
        .find(|(prefix, _)| {
            text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
        .map_or(("an ADO.NET connection string", text), |(prefix, form)| {
            (*form, &text[prefix.len()..])
        });
    for part in split_outside_quotes(text).into_iter().filter(|part| !part.trim().is_empty()) {
        let (name, value) = part.split_once('=')?;
        // Several pairs in one part are libpq's own form, with a semicolon inside of a value.
        if value.contains('=')
            && value.trim().contains(' ')
            && !value.trim().starts_with(['"', '\''])
        {
            return None;
        }
        pairs.push((name.trim().to_owned(), unquoted(value.trim()).to_owned()));
    }
    let recognized = pairs.iter().filter(|(name, _)| keyword(name).is_some()).count();
    // libpq reads a single pair, and a semicolon inside of a value, itself.
    (text.contains(';') && recognized >= 2).then_some((form, pairs))
}

fn split_outside_quotes(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, ';') => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The call of a driver in program text: `psycopg2.connect(user="…")`, `{host: "…"}`.
pub(super) fn call(text: &str) -> Option<Read> {
    let open = text.find(['(', '{'])?;
    let before = &text[..open];
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._ :=$\n".contains(c);
    if !before.chars().all(is_name) || !text.trim_end_matches([';', ' ']).ends_with([')', '}']) {
        return None;
    }
    let inner = &text[open + 1..];
    // PHP gives a whole connection string.
    let quoted = inner.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
    if let Some(pairs) = quoted.filter(|text| text.contains('=')).and_then(libpq_pairs) {
        return Some(("the call of a driver", pairs));
    }
    let mut pairs = Pairs::new();
    for argument in inner.split([',', '{', '}', '(', ')', '\n']) {
        let separator = ["=>", "=", ":"].iter().find_map(|mark| argument.split_once(mark));
        if let Some((keyword, value)) = separator {
            let keyword = keyword.trim().trim_matches(['"', '\'', ':']);
            let value = unquoted(value.trim().trim_end_matches(';'));
            if !keyword.is_empty() && !value.is_empty() {
                pairs.push((keyword.to_owned(), value.to_owned()));
            }
        }
    }
    Some(("the call of a driver", pairs))
}

/// A string of libpq with parameters that belong to a driver, such as `TimeZone` in Go.
pub(super) fn with_driver_parameters(text: &str) -> Option<Read> {
    let is_left_out =
        |word: &&str| word.split_once('=').is_some_and(|(name, _)| is_of_driver(name));
    let (left_out, kept): (Vec<&str>, Vec<&str>) = text.split_whitespace().partition(is_left_out);
    if left_out.is_empty() {
        return None;
    }
    let mut pairs = libpq_pairs(&kept.join(" "))?;
    let names = left_out.iter().filter_map(|word| word.split('=').next());
    pairs.extend(names.map(|name| (name.to_owned(), String::new())));
    Some(("a connection string with parameters of a driver", pairs))
}

/// `host:port:database:user:password`, a line of a password file.
pub(super) fn passfile_line(text: &str) -> Option<Read> {
    let mut fields = text.splitn(5, ':');
    let mut next = || fields.next();
    let (host, port, database, user, password) = (next()?, next()?, next()?, next()?, next()?);
    if Cloud::of_server(host).is_none() || !(is_number(port) || port == "*") {
        return None;
    }
    let fields = [
        ("host", host),
        ("port", port),
        ("dbname", database),
        ("user", user),
        ("password", password),
    ];
    let named = fields.into_iter().filter(|(_, value)| *value != "*" && !value.is_empty());
    let pairs = named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(("a line of a password file", pairs))
}

/// `Server name: …, Login: …`, on one line or several, as YAML and the Azure portal show it.
pub(super) fn labels(text: &str) -> Option<Read> {
    let mut pairs = Pairs::new();
    for line in text.split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.trim_start_matches("- ");
        let (name, value) = line.split_once(':').or_else(|| line.split_once('='))?;
        let name = name.trim().trim_matches(['"', '\'']);
        pairs.push((name.to_owned(), unquoted(value.trim()).to_owned()));
    }
    let recognized = pairs.iter().filter(|(name, _)| keyword(name).is_some()).count();
    let known_server = pairs
        .iter()
        .any(|(name, value)| keyword(name) == Some("host") && Cloud::of_server(value).is_some());
    (known_server || recognized >= 2).then_some(("a list of settings", pairs))
}
