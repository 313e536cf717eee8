//! psql, pgAdmin, and libpq's two forms of a connection string.

use super::{Instruction, Target};
use crate::settings::uri;
use entra_pg_checks::{Command, Language, facts::vantage::Shell, text::conninfo_value};

const PER_CONNECTION: &str = "the server checks the token only when a connection is made: get a token for each new connection";
const OLD_LIBPQ: &str =
    "sslrootcert=system needs libpq 16; before that, name a file of root certificates";
const WINDOWS: &str = "sslrootcert=system fails with the usual psql for Windows (\"unregistered scheme\"): `entra-pg exec -- psql` gives it a file of this computer's roots; or save the roots that Azure documents as a PEM file, and name it";

/// psql in a shell: on one line, or one setting per line.
pub(super) fn psql(target: &Target<'_>, shell: Shell, one_line: bool) -> Instruction {
    let (text, place) = match shell {
        Shell::Posix => (posix_line(target), "bash, zsh"),
        Shell::PowerShell | Shell::Cmd => lines(target, shell, one_line),
    };
    let own: &[&str] = match shell {
        Shell::PowerShell | Shell::Cmd if windows_roots(target) == "system" => {
            &[PER_CONNECTION, WINDOWS]
        }
        Shell::Posix if target.roots == "system" => &[PER_CONNECTION, OLD_LIBPQ],
        _ => &[PER_CONNECTION],
    };
    Instruction { client: "psql", place, text, notes: target.notes(own, "") }
}

fn posix_line(target: &Target<'_>) -> String {
    let token = target.token.plain(Shell::Posix);
    let psql = Command::new("psql").value(conninfo(target)).render(Shell::Posix);
    format!("PGPASSWORD=\"$({token})\" {}", psql.map(|psql| psql.text).unwrap_or_default())
}

/// A path of another system means nothing on Windows.
fn windows_roots<'a>(target: &'a Target<'_>) -> &'a str {
    if target.roots.starts_with('/') && !target.roots_given { "system" } else { &target.roots }
}

/// Quotation marks inside an argument do not survive every version of PowerShell and cmd, so the
/// settings are variables there.
fn lines(target: &Target<'_>, shell: Shell, one_line: bool) -> (String, &'static str) {
    let port = target.port.to_string();
    let settings = [
        ("PGHOST", target.host),
        ("PGPORT", port.as_str()),
        ("PGDATABASE", target.database),
        ("PGUSER", target.user),
        ("PGSSLMODE", target.sslmode),
        ("PGSSLROOTCERT", windows_roots(target)),
    ];
    let mut settings = settings.into_iter().map(|(name, value)| Command::set(name, value));
    let first = settings.next().unwrap_or_else(|| Command::text(""));
    let command = settings
        .fold(first, Command::then)
        .then(target.token.password_command())
        .then(Command::new("psql"));
    let Some(rendered) = command.render(shell) else {
        return (String::new(), "no shell can hold these values");
    };
    let (between, place) = match (rendered.language, one_line) {
        (Language::Cmd, true) => ("& ", "cmd.exe"),
        (Language::Cmd, false) => ("\n", "cmd.exe"),
        (_, true) => ("; ", "PowerShell"),
        (_, false) => ("\n", "PowerShell"),
    };
    (rendered.text.replace('\n', between), place)
}

pub(super) fn conninfo_instruction(target: &Target<'_>) -> Instruction {
    let notes = target.notes(&["the token goes into PGPASSWORD", PER_CONNECTION], "");
    Instruction { client: "conninfo", place: "libpq", text: conninfo(target), notes }
}

pub(super) fn uri_instruction(target: &Target<'_>) -> Instruction {
    let text = format!(
        "postgresql://{}@{}:{}/{}?sslmode={}&sslrootcert={}",
        uri::encode(target.user),
        host(target.host),
        target.port,
        uri::encode(target.database),
        target.sslmode,
        uri::encode(&target.roots)
    );
    let notes = target.notes(&["the token goes into PGPASSWORD", PER_CONNECTION], "");
    Instruction { client: "uri", place: "libpq", text, notes }
}

/// pgAdmin's dialog "Register server".
pub(super) fn pgadmin(target: &Target<'_>) -> Instruction {
    let token = target.token.plain(target.shell);
    let fields = [
        ("General", "Name", target.host),
        ("General", "Connect now?", "off: it would ask for a password"),
        ("Connection", "Host name/address", target.host),
        ("Connection", "Port", &target.port.to_string()),
        ("Connection", "Maintenance database", target.database),
        ("Connection", "Username", target.user),
        ("Connection", "Password", "(empty)"),
        ("Connection", "Save password?", "off"),
        ("Parameters", "SSL mode", target.sslmode),
        ("Parameters", "Root certificate", &target.roots),
        ("Advanced", "Password exec command", &token),
        ("Advanced", "Password exec expiration (seconds)", "1800"),
    ];
    let lines: Vec<String> =
        fields.iter().map(|(tab, field, value)| format!("{tab:<11} {field:<35} {value}")).collect();
    let notes = target.notes(
        &[
            "pgAdmin runs the password command at most once per expiration time (0: for each connection); older versions limit the password field to 255 characters, and a token is longer",
            "in server mode (pgAdmin in a browser) password commands are disabled unless ENABLE_SERVER_PASS_EXEC_CMD is set",
        ],
        "",
    );
    Instruction { client: "pgadmin", place: "Register - Server…", text: lines.join("\n"), notes }
}

/// `key=value` pairs, quoted if libpq requires it.
pub(super) fn conninfo(target: &Target<'_>) -> String {
    let port = target.port.to_string();
    let pairs = [
        ("host", target.host),
        ("port", port.as_str()),
        ("dbname", target.database),
        ("user", target.user),
        ("sslmode", target.sslmode),
        ("sslrootcert", target.roots.as_str()),
    ];
    let words: Vec<String> = pairs
        .into_iter()
        .map(|(keyword, value)| format!("{keyword}={}", libpq_value(value)))
        .collect();
    words.join(" ")
}

fn libpq_value(value: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && c != '\'' && c != '\\';
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        conninfo_value(value)
    }
}

/// A host in a URI: IPv6 addresses are enclosed in brackets.
fn host(name: &str) -> String {
    if name.contains(':') { format!("[{name}]") } else { uri::encode(name) }
}
