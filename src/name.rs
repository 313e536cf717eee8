//! `entra-pg name`: a role name, written for each place it is typed in.

use crate::target::uri;
use entra_pg_checks::{
    facts::vantage::Shell,
    text::{quoted, set_variable},
};

/// A place, and how the name is written there.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Spelling {
    /// The place.
    pub place: &'static str,
    /// The name as it is typed there.
    pub text: String,
}

/// The name for every place.
#[must_use]
pub fn spellings(name: &str) -> Vec<Spelling> {
    let spelling = |place, text: String| Spelling { place, text };
    vec![
        spelling("connection string", format!("user={}", conninfo(name))),
        spelling("URI", format!("postgresql://{}@<host>/<database>", uri::encode(name))),
        spelling("bash, zsh", set_variable(Shell::Posix, "PGUSER", name)),
        spelling("PowerShell", set_variable(Shell::PowerShell, "PGUSER", name)),
        spelling("cmd.exe", set_variable(Shell::Cmd, "PGUSER", name)),
        spelling("psql -U", format!("psql -U {}", quoted(Shell::Posix, name))),
        spelling(".pgpass", format!("<host>:5432:<database>:{}:<token>", passfile(name))),
        spelling(
            "JDBC URL",
            format!("jdbc:postgresql://<host>/<database>?user={}", uri::encode(name)),
        ),
        spelling("Npgsql", format!("Username={}", npgsql(name))),
        spelling(
            "SQLAlchemy",
            format!("URL.create(\"postgresql+psycopg\", username={})", json(name)),
        ),
        spelling("node-postgres", format!("new Client({{ user: {} }})", json(name))),
        spelling("YAML", format!("PGUSER: {}", json(name))),
        spelling("Terraform", format!("username = {}", terraform(name))),
        spelling("SQL identifier", identifier(name)),
        spelling(
            "create the role",
            format!("select * from pgaadauth_create_principal({}, false, false);", literal(name)),
        ),
    ]
}

/// What is odd about a name.
#[must_use]
pub fn warnings(name: &str) -> Vec<String> {
    let mut odd = Vec::new();
    if name.len() > 63 {
        odd.push(format!("it has {} bytes; PostgreSQL keeps 63: create the role under a shorter name with pgaadauth_create_principal_with_oid", name.len()));
    }
    if name.trim() != name {
        odd.push("it begins or ends with a blank, which is part of the name".to_owned());
    }
    if name.chars().any(char::is_control) {
        odd.push("it holds a control character, such as a carriage return".to_owned());
    }
    if name.contains('\\') {
        odd.push("it holds a backslash: `sed 's/ /\\\\ /g'` in front of PGUSER is a mistake, since libpq takes backslashes off in connection strings only".to_owned());
    }
    if name.contains("%40") || name.contains("%20") || name.contains("%23") {
        odd.push("it looks percent-encoded; only URIs are decoded".to_owned());
    }
    let guid = name.len() == 36 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if guid {
        odd.push("it looks like an id; roles are called by the display name".to_owned());
    }
    odd
}

/// Inside single quotes libpq takes `\` and `'` after a backslash.
fn conninfo(name: &str) -> String {
    format!("'{}'", name.replace('\\', r"\\").replace('\'', r"\'"))
}

fn passfile(name: &str) -> String {
    name.replace('\\', r"\\").replace(':', r"\:")
}

/// Npgsql follows the rules of ADO.NET connection strings.
pub(crate) fn npgsql(name: &str) -> String {
    let plain = name.trim() == name && !name.contains([';', '"', '\'', '=']);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

pub(crate) fn json(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// HCL opens `${` and `%{` in strings.
pub(crate) fn terraform(name: &str) -> String {
    json(name).replace("${", "$${").replace("%{", "%%{")
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{spellings, warnings};
    use crate::{
        environment::Environment,
        target::{TargetArgs, resolve},
    };
    use proptest::prelude::prop_assert_eq;

    fn text(name: &str, place: &str) -> String {
        let all = spellings(name);
        all.into_iter().find(|spelling| spelling.place == place).expect(place).text
    }

    fn user_of(conninfo: String) -> String {
        let args = TargetArgs { conninfo: Some(conninfo), ..TargetArgs::default() };
        let (settings, _) = resolve(&args, &Environment::default()).expect("parsed");
        settings.user.expect("a user").value
    }

    #[test]
    fn the_awkward_ones() {
        assert_eq!(text("O'Neil", "connection string"), r"user='O\'Neil'");
        assert_eq!(text("a:b\\c", ".pgpass"), r"<host>:5432:<database>:a\:b\\c:<token>");
        assert_eq!(text("g#EXT#@t", "URI"), "postgresql://g%23EXT%23%40t@<host>/<database>");
        assert_eq!(text("Prod DB", "cmd.exe"), "set \"PGUSER=Prod DB\"");
        assert_eq!(text("a\"b", "SQL identifier"), "\"a\"\"b\"");
        assert_eq!(text("${x}", "Terraform"), "username = \"$${x}\"");
        assert_eq!(warnings("Prod DB Readonly"), Vec::<String>::new());
        assert_eq!(warnings(r"Prod\ DB").len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn connection_string_and_uri_give_the_name_back(name in "[^\\x00]{1,63}") {
            prop_assert_eq!(user_of(text(&name, "connection string")), name.clone());
            let uri = text(&name, "URI").replace("<host>", "h").replace("/<database>", "/d");
            prop_assert_eq!(user_of(uri), name);
        }

        #[test]
        fn a_posix_shell_gives_the_name_back(name in "[^\\x00]{1,63}") {
            let line = format!("{}; printf %s \"$PGUSER\"", text(&name, "bash, zsh"));
            let output = std::process::Command::new("sh").args(["-c", &line]).output().expect("sh");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout).into_owned(), name);
        }
    }
}
