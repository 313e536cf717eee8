//! Connection strings in the form of other drivers: what people have at hand is often not libpq's.

use super::{keywords::Pairs, uri};
use entra_pg_checks::{
    facts::{cloud::Cloud, settings::Converted},
    text::conninfo_value,
};
use percent_encoding::percent_decode_str;

/// A connection string in libpq's form, and what to say of it.
pub(super) struct Conversion {
    /// The whole string, with its password.
    pub(super) conninfo: String,
    /// The same without its password, for the report.
    pub(super) converted: Converted,
}

/// Keywords of drivers, in lower case and without blanks, and libpq's.
const KEYWORDS: [(&str, &str); 38] = [
    ("host", "host"),
    ("hostname", "host"),
    ("server", "host"),
    ("datasource", "host"),
    ("address", "host"),
    ("addr", "host"),
    ("port", "port"),
    ("user", "user"),
    ("username", "user"),
    ("userid", "user"),
    ("uid", "user"),
    ("password", "password"),
    ("pwd", "password"),
    ("pass", "password"),
    ("database", "dbname"),
    ("dbname", "dbname"),
    ("db", "dbname"),
    ("initialcatalog", "dbname"),
    ("sslmode", "sslmode"),
    ("ssl_mode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
    ("rootcertificate", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("sslkey", "sslkey"),
    ("timeout", "connect_timeout"),
    ("connecttimeout", "connect_timeout"),
    ("connect_timeout", "connect_timeout"),
    ("applicationname", "application_name"),
    ("application_name", "application_name"),
    ("options", "options"),
    ("channelbinding", "channel_binding"),
    ("channel_binding", "channel_binding"),
    ("gssencmode", "gssencmode"),
    ("requireauth", "require_auth"),
    ("sslnegotiation", "sslnegotiation"),
    ("replication", "replication"),
    ("targetservertype", "target_session_attrs"),
    ("target_session_attrs", "target_session_attrs"),
];

/// Reads a text that is not in a form of libpq; `None` if libpq's own rules apply.
pub(super) fn convert(text: &str) -> Option<Conversion> {
    let text = text.trim();
    conversion(connection(text).or_else(|| bare_host(text))?)
}

/// The same for `--dbname`, in which the name of a server is the name of a database.
pub(super) fn convert_database(text: &str) -> Option<Conversion> {
    conversion(connection(text.trim())?)
}

fn connection(text: &str) -> Option<Read> {
    psql(text)
        .or_else(|| jdbc(text))
        .or_else(|| url(text))
        .or_else(|| semicolons(text))
        .or_else(|| call(text))
}

fn conversion((form, raw): Read) -> Option<Conversion> {
    let mut found = Found::default();
    raw.into_iter().for_each(|(keyword, value)| found.add(&keyword, value));
    let named = found.pairs.iter().any(|(keyword, _)| keyword == "host");
    named.then(|| found.conversion(form))
}

#[derive(Default)]
struct Found {
    pairs: Pairs,
    left_out: Vec<String>,
}

impl Found {
    fn add(&mut self, keyword: &str, value: String) {
        let plain: String = keyword.chars().filter(|character| *character != ' ').collect();
        let plain = plain.to_ascii_lowercase();
        let known = KEYWORDS.iter().find(|(known, _)| *known == plain);
        let placeholder = value.starts_with(['{', '<']) && value.ends_with(['}', '>']);
        match known {
            Some((_, keyword)) if !placeholder => {
                let value = translated(keyword, value);
                self.pairs.push(((*keyword).to_owned(), value));
            }
            None if plain == "ssl" => match value.to_ascii_lowercase().as_str() {
                "true" | "require" => self.pairs.push(("sslmode".into(), "require".into())),
                _ => self.left_out.push("ssl".to_owned()),
            },
            _ => self.left_out.push(keyword.trim().chars().take(40).collect()),
        }
    }

    fn conversion(self, form: &str) -> Conversion {
        let write =
            |(keyword, value): &(String, String)| format!("{keyword}={}", conninfo_value(value));
        let shown = self.pairs.iter().filter(|(keyword, _)| keyword != "password").map(write);
        let converted = Converted {
            form: form.to_owned(),
            conninfo: shown.collect::<Vec<_>>().join(" "),
            left_out: self.left_out,
        };
        let conninfo = self.pairs.iter().map(write).collect::<Vec<_>>().join(" ");
        Conversion { conninfo, converted }
    }
}

/// Values that drivers write differently.
fn translated(keyword: &str, value: String) -> String {
    let lower = value.to_ascii_lowercase();
    let known = match (keyword, lower.as_str()) {
        ("sslmode", "verifyfull") => "verify-full",
        ("sslmode", "verifyca") => "verify-ca",
        ("sslmode", "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full") => {
            return lower;
        }
        ("target_session_attrs", "master") => "primary",
        ("target_session_attrs", "secondary" | "slave") => "standby",
        ("target_session_attrs", "prefersecondary" | "preferslave") => "prefer-standby",
        _ => return value,
    };
    known.to_owned()
}

type Read = (&'static str, Pairs);

/// `psql "host=…"`, as the portal shows it.
fn psql(text: &str) -> Option<Read> {
    let inner = unquoted(text.strip_prefix("psql ")?.trim());
    let pairs = super::parse(inner, super::options::Version::V18).ok()?.0;
    Some(("a psql command", pairs))
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text)
}

/// `jdbc:postgresql://host:port/database?user=…`; pgjdbc decodes `+` as a blank.
fn jdbc(text: &str) -> Option<Read> {
    let rest = text.strip_prefix("jdbc:postgresql://")?;
    let mut pairs = Pairs::new();
    let query = location(rest, &mut pairs);
    parameters(&query.replace('+', " "), &mut pairs);
    Some(("a JDBC URL", pairs))
}

/// A URL of SQLAlchemy, Django or another library, or of a browser.
fn url(text: &str) -> Option<Read> {
    let (scheme, rest) = text.split_once("://")?;
    let form = match scheme.to_ascii_lowercase().as_str() {
        _ if uri::is_uri(text) => return None,
        "http" | "https" => "a web address",
        "postgis" | "pgsql" | "psql" | "tcp" | "postgresql" | "postgres" => "a database URL",
        other if other.starts_with("postgresql+") || other.starts_with("postgres+") => {
            "a SQLAlchemy URL"
        }
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let mut pairs = Pairs::new();
    // SQLAlchemy allows an @ in the user name, so the last one counts.
    let start = match rest[..end].rfind('@') {
        Some(at) => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            put(&mut pairs, "user", user);
            put(&mut pairs, "password", password);
            at + 1
        }
        None => 0,
    };
    if form == "a web address" {
        let host = rest[start..end].split(':').next().unwrap_or_default();
        put(&mut pairs, "host", host);
        return Some((form, pairs));
    }
    let query = location(&rest[start..], &mut pairs);
    parameters(query, &mut pairs);
    Some((form, pairs))
}

/// Reads `host:port,host:port/database?query` and returns the query.
fn location<'a>(text: &'a str, pairs: &mut Pairs) -> &'a str {
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

/// `Host=…;Username=…`, as Npgsql and ADO.NET write it.
fn semicolons(text: &str) -> Option<Read> {
    let mut pairs = Pairs::new();
    for part in split_outside_quotes(text).into_iter().filter(|part| !part.trim().is_empty()) {
        let (keyword, value) = part.split_once('=')?;
        // Several pairs in one part are libpq's own form, with a semicolon inside of a value.
        if value.contains('=')
            && value.trim().contains(' ')
            && !value.trim().starts_with(['"', '\''])
        {
            return None;
        }
        pairs.push((keyword.trim().to_owned(), unquoted(value.trim()).to_owned()));
    }
    let known = |keyword: &str| {
        let plain = keyword.replace(' ', "").to_ascii_lowercase();
        KEYWORDS.iter().any(|(known, _)| *known == plain)
    };
    let recognized = pairs.iter().filter(|(keyword, _)| known(keyword)).count();
    // libpq reads a single pair, and a semicolon inside of a value, itself.
    (text.contains(';') && recognized >= 2).then_some(("an ADO.NET connection string", pairs))
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
fn call(text: &str) -> Option<Read> {
    let open = text.find(['(', '{'])?;
    let before = &text[..open];
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._ :=$\n".contains(c);
    if !before.chars().all(is_name) || !text.trim_end_matches([';', ' ']).ends_with([')', '}']) {
        return None;
    }
    let inner = &text[open + 1..];
    // PHP gives a whole connection string.
    let quoted = inner.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
    if let Some(pairs) = quoted.filter(|text| text.contains('=')).and_then(super::conninfo_pairs) {
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

/// The name of a server, perhaps with its port: libpq would take it for the name of a database.
fn bare_host(text: &str) -> Option<Read> {
    let mut pairs = Pairs::new();
    let host = text.split([':', '/']).next()?;
    if text.contains(['=', ' ', '@']) || Cloud::of_server(host.trim_end_matches('.')).is_none() {
        return None;
    }
    location(text, &mut pairs);
    Some(("the name of a server", pairs))
}

#[cfg(test)]
mod tests {
    use super::{convert, convert_database};

    fn read(text: &str) -> String {
        convert(text).map(|read| read.converted.conninfo).unwrap_or_default()
    }

    #[test]
    fn reads_what_people_have() {
        const HOST: &str = "pg.postgres.database.azure.com";
        for (text, conninfo) in [
            (HOST.to_owned(), format!("host='{HOST}'")),
            (format!("{HOST}:6432"), format!("host='{HOST}' port='6432'")),
            (format!("https://{HOST}/"), format!("host='{HOST}'")),
            (
                format!(
                    "jdbc:postgresql://{HOST}:5432/{{your_database}}?user=me%40c.com&password=Geheim&sslmode=require"
                ),
                format!("host='{HOST}' port='5432' user='me@c.com' sslmode='require'"),
            ),
            (
                format!("postgresql+psycopg://me@c.com:Geheim@{HOST}/app?sslmode=verify-full"),
                format!("user='me@c.com' host='{HOST}' dbname='app' sslmode='verify-full'"),
            ),
            (
                format!(
                    "Server={HOST};Database=app;Port=5432;User Id=me@c.com;Password='Ge;heim';Ssl Mode=VerifyFull;"
                ),
                format!(
                    "host='{HOST}' dbname='app' port='5432' user='me@c.com' sslmode='verify-full'"
                ),
            ),
            (
                format!(
                    "psql \"host={HOST} user=me dbname={{your_database}} password={{your_password}} sslmode=require\""
                ),
                format!("host='{HOST}' user='me' sslmode='require'"),
            ),
            (
                format!(
                    "cnx = psycopg2.connect(user=\"me\", password=\"{{your_password}}\", host=\"{HOST}\", port=5432, database=\"app\")"
                ),
                format!("user='me' host='{HOST}' port='5432' dbname='app'"),
            ),
            (
                format!(
                    "var config={{host:\"{HOST}\",user:\"me\",password:\"Geheim\",port:5432}};"
                ),
                format!("host='{HOST}' user='me' port='5432'"),
            ),
            (
                format!("pg_connect(\"host={HOST} port=5432 user=me password=Geheim\");"),
                format!("host='{HOST}' port='5432' user='me'"),
            ),
        ] {
            assert_eq!(read(&text), conninfo, "{text}");
        }
    }

    #[test]
    fn a_database_that_is_called_like_a_server_stays_a_database() {
        let host = "pg.postgres.database.azure.com";
        assert!(convert(host).is_some() && convert_database(host).is_none());
        let url = format!("jdbc:postgresql://{host}/app?user=me");
        assert!(convert_database(&url).is_some());
    }

    #[test]
    fn leaves_to_libpq_what_libpq_reads() {
        for text in [
            "appdb",
            "db.example",
            "host=h user=u",
            "host=a;b user=c",
            "postgresql://u:p@h/db?sslmode=require",
            "user='f(x)'",
            "",
        ] {
            assert!(convert(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_has_no_password() {
        assert!(convert("host=h port=5432 dbname=; user=a sslmode=verify-full").is_none());
        let read = convert("Host=h;Username=u;Password=Geheim;Pooling=true").expect("converted");
        assert!(read.conninfo.contains("Geheim"));
        assert!(!read.converted.conninfo.contains("Geheim"));
        assert_eq!(read.converted.left_out, ["Pooling"]);
    }
}
