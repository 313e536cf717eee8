//! psql, pgAdmin, and libpq's two forms of a connection string.

use super::{Instruction, Target};
use crate::settings::uri;
use entra_pg_checks::{
    facts::vantage::Shell,
    text::{conninfo_value, quoted, set_variable},
};

const PER_CONNECTION: &str = "the server checks the token only when a connection is made: get a token for each new connection";
const OLD_LIBPQ: &str =
    "sslrootcert=system needs libpq 16; before that, name a file of root certificates";

/// psql in a shell: on one line, or a setting a line.
pub(super) fn psql(target: &Target<'_>, shell: Shell, one_line: bool) -> Instruction {
    let text = match shell {
        Shell::Posix => {
            let token = target.token.plain();
            format!("PGPASSWORD=\"$({token})\" psql {}", double_quoted(&conninfo(target)))
        }
        Shell::PowerShell | Shell::Cmd => {
            // Quotation marks inside an argument do not survive every version of these shells.
            let port = target.port.to_string();
            let settings = [
                ("PGHOST", target.host),
                ("PGPORT", port.as_str()),
                ("PGDATABASE", target.database),
                ("PGUSER", target.user),
                ("PGSSLMODE", target.sslmode),
                ("PGSSLROOTCERT", target.roots.as_str()),
            ];
            let mut lines: Vec<String> = settings
                .into_iter()
                .map(|(variable, value)| set_variable(shell, variable, value))
                .collect();
            lines.push(target.token.password_line(shell));
            lines.push("psql".to_owned());
            let between = match (one_line, shell) {
                (false, _) => "\n",
                (true, Shell::Cmd) => "& ",
                (true, _) => "; ",
            };
            lines.join(between)
        }
    };
    let place = match shell {
        Shell::Posix => "bash, zsh",
        Shell::PowerShell => "PowerShell",
        Shell::Cmd => "cmd.exe",
    };
    let own: &[&str] =
        if target.roots == "system" { &[PER_CONNECTION, OLD_LIBPQ] } else { &[PER_CONNECTION] };
    Instruction { client: "psql", place, text, notes: target.notes(own, "") }
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

/// pgAdmin's dialogue "Register server".
pub(super) fn pgadmin(target: &Target<'_>) -> Instruction {
    let fields = [
        ("General", "Name", target.host),
        ("General", "Connect now?", "off: it would ask for the password of a server that has none"),
        ("Connection", "Host name/address", target.host),
        ("Connection", "Port", &target.port.to_string()),
        ("Connection", "Maintenance database", target.database),
        ("Connection", "Username", target.user),
        ("Connection", "Password", "(empty)"),
        ("Connection", "Save password?", "off"),
        ("Parameters", "SSL mode", target.sslmode),
        ("Parameters", "Root certificate", &target.roots),
        ("Advanced", "Password exec command", target.token.plain()),
        ("Advanced", "Password exec expiration (seconds)", "1800"),
    ];
    let lines: Vec<String> =
        fields.iter().map(|(tab, field, value)| format!("{tab:<11} {field:<35} {value}")).collect();
    let notes = target.notes(
        &[
            "with the password command, pgAdmin fetches a token for each connection; the box that asks for a password takes 255 characters in older versions, and a token has 1,500 and more",
            "in server mode (pgAdmin in a browser) password commands are switched off unless ENABLE_SERVER_PASS_EXEC_CMD is set",
        ],
        "",
    );
    Instruction { client: "pgadmin", place: "Register - Server…", text: lines.join("\n"), notes }
}

/// `key=value` pairs; quoted where libpq wants it.
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

/// Quoted for a POSIX shell: between double quotes, where nothing in it means anything there.
fn double_quoted(text: &str) -> String {
    if text.contains(['$', '`', '"', '\\', '!']) {
        quoted(Shell::Posix, text)
    } else {
        format!("\"{text}\"")
    }
}

/// A host in a URI: IPv6 addresses are enclosed in brackets.
fn host(name: &str) -> String {
    if name.contains(':') { format!("[{name}]") } else { uri::encode(name) }
}
