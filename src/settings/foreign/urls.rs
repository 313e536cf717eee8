//! URLs of drivers, and the parts of a URL.

use super::{Read, is_number, is_of_driver};
use crate::settings::{keywords::Pairs, options::Version, uri};
use entra_pg_checks::facts::cloud::Cloud;
use percent_encoding::percent_decode_str;

/// `jdbc:postgresql://host:port/database?user=…`, also with the driver of a wrapper or a pool in its
/// scheme, and R2DBC. pgjdbc decodes `+` as a blank.
pub(super) fn jdbc(text: &str) -> Option<Read> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let form = match scheme.split_once(':')?.0 {
        "jdbc" => "a JDBC URL",
        "r2dbc" => "an R2DBC URL",
        _ => return None,
    };
    if !["postgres", "pgsql"].iter().any(|name| scheme.contains(name)) {
        return None;
    }
    let (mut pairs, rest) = login(rest);
    let query = location(rest, &mut pairs);
    parameters(&query.replace('+', " "), &mut pairs);
    Some((form, pairs))
}

/// Schemes of libraries for PostgreSQL.
const SCHEMES: [&str; 17] = [
    "postgresql",
    "postgres",
    "postgis",
    "pgsql",
    "psql",
    "pg",
    "pgx",
    "pgx4",
    "pgx5",
    "tcp",
    "ecto",
    "asyncpg",
    "psycopg",
    "psycopg2",
    "psycopg3",
    "pg8000",
    "cockroachdb",
];

/// A URL of SQLAlchemy, Django or another library, or of a browser.
pub(super) fn of_library(text: &str) -> Option<Read> {
    let (scheme, rest) = text.split_once("://")?;
    let form = match scheme.to_ascii_lowercase().as_str() {
        _ if uri::is_uri(text) => return None,
        "http" | "https" => {
            let (mut pairs, rest) = login(rest);
            pairs.clear();
            let end = rest.find(['/', '?', ':']).unwrap_or(rest.len());
            put(&mut pairs, "host", &rest[..end]);
            return Some(("a web address", pairs));
        }
        other if SCHEMES.contains(&other) => "a database URL",
        other if other.starts_with("postgresql+") || other.starts_with("postgres+") => {
            "a SQLAlchemy URL"
        }
        _ => return None,
    };
    let (mut pairs, rest) = login(rest);
    let query = location(rest, &mut pairs);
    parameters(query, &mut pairs);
    Some((form, pairs))
}

/// `user@host:port/database`.
pub(super) fn without_scheme(text: &str) -> Option<Read> {
    let (_, host) = text.rsplit_once('@')?;
    let end = host.find([':', '/', '?']).unwrap_or(host.len());
    if text.contains([' ', '\n'])
        || text.contains("://")
        || Cloud::of_server(&host[..end]).is_none()
    {
        return None;
    }
    let (mut pairs, rest) = login(text);
    let query = location(rest, &mut pairs);
    parameters(query, &mut pairs);
    Some(("a URL without its scheme", pairs))
}

/// A URI of libpq with parameters that belong to a driver.
pub(super) fn with_driver_parameters(text: &str) -> Option<Read> {
    let (plain, query) = text.split_once('?').filter(|_| uri::is_uri(text))?;
    let name = |parameter: &&str| parameter.split('=').next().is_some_and(is_of_driver);
    let (left_out, kept): (Vec<&str>, Vec<&str>) =
        query.split('&').filter(|parameter| !parameter.is_empty()).partition(name);
    let mut pairs = uri::parse(&format!("{plain}?{}", kept.join("&")), Version::V18).ok()?;
    let names = left_out.iter().filter_map(|parameter| parameter.split('=').next());
    pairs.extend(names.map(|name| (name.to_owned(), String::new())));
    Some(("a URI with parameters of a driver", pairs))
}

/// The name of a server, perhaps with its port: libpq would take it for the name of a database.
pub(super) fn server_name(text: &str) -> Option<Read> {
    let text = text.strip_prefix("tcp:").unwrap_or(text);
    let plain = text.replacen([',', ' '], ":", 1);
    let host = plain.split([':', '/']).next()?;
    let port = plain[host.len()..].trim_start_matches(':').split('/').next()?;
    let is_name = !plain.contains(['=', ' ', '@', ',']) && Cloud::of_server(host).is_some();
    if !is_name || !(port.is_empty() || is_number(port)) {
        return None;
    }
    let mut pairs = Pairs::new();
    location(&plain, &mut pairs);
    Some(("the name of a server", pairs))
}

/// The user and the password of a URL, and what follows them. A password can hold every character, so the
/// `@` before the name of a server counts, else the last one before the path.
fn login(rest: &str) -> (Pairs, &str) {
    let mut pairs = Pairs::new();
    let before_server = rest.match_indices('@').map(|(at, _)| at).rfind(|at| {
        let host = &rest[at + 1..];
        let end = host.find([':', '/', '?', ',']).unwrap_or(host.len());
        Cloud::of_server(&host[..end]).is_some()
    });
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = before_server.or_else(|| rest[..end].rfind('@')) else { return (pairs, rest) };
    let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
    put(&mut pairs, "user", user);
    put(&mut pairs, "password", password);
    (pairs, &rest[at + 1..])
}

/// Reads `host:port,host:port/database?query` and returns the query.
pub(super) fn location<'a>(text: &'a str, pairs: &mut Pairs) -> &'a str {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let (hosts, database) = path.split_once('/').unwrap_or((path, ""));
    let (hosts, ports): (Vec<&str>, Vec<&str>) =
        hosts.split(',').map(|host| host.split_once(':').unwrap_or((host, ""))).unzip();
    put(pairs, "host", &hosts.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        put(pairs, "port", &ports.join(","));
    }
    put(pairs, "dbname", database);
    query
}

fn parameters(query: &str, pairs: &mut Pairs) {
    for (keyword, value) in query.split('&').filter_map(|parameter| parameter.split_once('=')) {
        put(pairs, keyword, value);
    }
}

fn put(pairs: &mut Pairs, keyword: &str, value: &str) {
    if !value.is_empty() {
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        pairs.push((keyword.to_owned(), value));
    }
}
