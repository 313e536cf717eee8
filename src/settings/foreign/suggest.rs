//! The `doctor` line for a connection string that cannot be converted, from the parts that can be recognized.

use super::{is_connection_string, is_number, keyword};
use crate::{
    secret::{Secrets, outgoing},
    settings::usage::UsageError,
};
use entra_pg_checks::{
    facts::{cloud::Cloud, vantage::Shell},
    text::quoted,
};

/// A text that psql would read as the name of a database and that is the connection string of something
/// else. Its parts must not be sent to a server as a name: they can hold a password.
pub(in crate::settings) fn misread(text: &str) -> Option<UsageError> {
    let text = text.trim();
    let is_url = text.contains("://") || text.starts_with("jdbc:") || text.starts_with("r2dbc:");
    let names_server = server(text).is_some_and(|(start, end)| end - start < text.len());
    if is_connection_string(text) || !(is_url || names_server) {
        return None;
    }
    let message = match text.split_once("://") {
        _ if text.starts_with("jdbc:postgresql:") => "the JDBC URL names no server".to_owned(),
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') => {
            format!("\"{scheme}://\" is not the beginning of a PostgreSQL connection string")
        }
        Some(_) | None => "the connection string is in an unknown form".to_owned(),
    };
    let example = "entra-pg doctor -h NAME.postgres.database.azure.com -U ROLE -d DATABASE";
    let line = doctor_line(text).unwrap_or_else(|| example.to_owned());
    Some(UsageError::new(message).suggest(line))
}

/// `entra-pg doctor -h … -U … -d …` with the server, the user and the database that a text names. `None` if
/// it names no server.
pub(in crate::settings) fn doctor_line(text: &str) -> Option<String> {
    let (start, end) = server(text)?;
    let (before, after) = (&text[..start], &text[end..]);
    let mut line = format!("entra-pg doctor -h {}", &text[start..end]);
    let port = after.strip_prefix([':', ',']).map(|rest| until(rest, |c| !c.is_ascii_digit()));
    let port =
        port.filter(|port| is_number(port)).map(str::to_owned).or_else(|| value(text, "port"));
    if let Some(port) = port.filter(|port| port != "5432" && is_number(port)) {
        line.push_str(&format!(" -p {port}"));
    }
    let login = before.strip_suffix('@').and_then(|login| {
        let login = login.rsplit_once("://").map_or(login, |(_, login)| login);
        login.split(':').next().map(decoded)
    });
    let path = after.find('/').map(|slash| until(&after[slash + 1..], |c| "?&;,\"' ".contains(c)));
    let database = path.filter(|path| !path.is_empty()).map(decoded);
    for (option, given, name, example) in
        [("-U", login, "user", "ROLE"), ("-d", database, "dbname", "DATABASE")]
    {
        let value = given.or_else(|| value(text, name)).filter(|value| is_shown(value));
        let value = value.map_or(example.to_owned(), |value| word(&value));
        line.push_str(&format!(" {option} {value}"));
    }
    Some(line)
}

/// Where the name of a server is in a text.
fn server(text: &str) -> Option<(usize, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let mut start = 0;
    while let Some(at) = text[start..].find(is_part).map(|at| start + at) {
        let end = at + until(&text[at..], |c| !is_part(c)).len();
        if Cloud::of_server(&text[at..end]).is_some() {
            return Some((at, end));
        }
        start = end;
    }
    None
}

/// The value behind a keyword and `=` or `:`. A value without quotation marks ends before the next keyword.
fn value(text: &str, wanted: &str) -> Option<String> {
    text.match_indices(['=', ':']).find_map(|(at, _)| {
        let before = text[..at].trim_end().trim_end_matches(['"', '\'']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let name = before.rsplit(|c: char| !is_part(c)).next()?;
        if keyword(name) != Some(wanted) {
            return None;
        }
        let rest = text[at + 1..].trim_start();
        let value = match rest.chars().next()? {
            quote @ ('"' | '\'') => until(&rest[1..], |c| c == quote),
            _ => unquoted_value(until(rest, |c| ";&,)}\n".contains(c))),
        };
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

/// A value without its successors in `a b next=…`.
fn unquoted_value(text: &str) -> &str {
    let Some(separator) = text.find('=') else { return text };
    let before = text[..separator].trim_end();
    before.rfind(char::is_whitespace).map_or("", |blank| &before[..blank])
}

fn until(text: &str, ends: impl Fn(char) -> bool) -> &str {
    &text[..text.find(ends).unwrap_or(text.len())]
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether a value is a name and not, perhaps, a secret.
fn is_shown(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 128
        && !value.contains(char::is_control)
        && outgoing::secret_in(value, &Secrets::default()).is_none()
}

fn word(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    if value.chars().all(is_plain) && !value.starts_with('-') {
        return value.to_owned();
    }
    quoted(Shell::Posix, value)
}

#[cfg(test)]
mod tests {
    use super::{doctor_line, misread};

    const HOST: &str = "pg.postgres.database.azure.com";

    #[test]
    fn the_line_names_what_was_recognized_and_no_password() {
        for (text, line) in [
            ("mysql://me:Geheim@HOST:3306/app", "-h HOST -p 3306 -U me -d app"),
            ("host=HOST user=Prod DB dbname=app sslmod=x", "-h HOST -U 'Prod DB' -d app"),
            ("postgresql://me@c.com:Geheim@HOST/app", "-h HOST -U me@c.com -d app"),
            ("connect to HOST please", "-h HOST -U ROLE -d DATABASE"),
            ("{\"user\": \"a'b\", \"server\": \"HOST\"", "-h HOST -U 'a'\\''b' -d DATABASE"),
        ] {
            let (text, line) = (text.replace("HOST", HOST), line.replace("HOST", HOST));
            assert_eq!(doctor_line(&text), Some(format!("entra-pg doctor {line}")), "{text}");
        }
        assert_eq!(doctor_line("host=db.example user=me"), None);
    }

    #[test]
    fn names_of_databases_are_not_refused() {
        for text in ["app", "my db", "a@b", "x:y", "host=h", HOST] {
            assert_eq!(misread(text), None, "{text}");
        }
        let error = misread("mysql://me:Geheim@db.example/app").expect("refused").to_string();
        assert!(error.contains("mysql://") && !error.contains("Geheim"), "{error}");
    }
}
