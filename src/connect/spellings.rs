//! `entra-pg name`: a role name, written for each place it is typed in.

use crate::settings::uri;
use entra_pg_checks::{
    command::{Command, Language, identifier, literal},
    facts::vantage::Shell,
    support::name::compare,
    text::{conninfo_value, quoted},
};

/// A place, and how the name is written there.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Spelling {
    /// The place.
    pub(crate) place: &'static str,
    /// The name as it is typed there.
    pub(crate) text: String,
}

/// The name for every place.
#[must_use]
pub(crate) fn spellings(name: &str) -> Vec<Spelling> {
    let spelling = |place, text: String| Spelling { place, text };
    let mut all = vec![
        spelling("connection string", format!("user={}", conninfo_value(name))),
        spelling("URI", format!("postgresql://{}@<host>/<database>", uri::encode(name))),
    ];
    let shells = [
        ("bash, zsh", Shell::Posix, Language::Posix),
        ("PowerShell", Shell::PowerShell, Language::PowerShell),
        ("cmd.exe", Shell::Cmd, Language::Cmd),
    ];
    for (place, shell, language) in shells {
        let rendered = Command::set("PGUSER", name).render(shell);
        let own = rendered.filter(|rendered| rendered.language == language);
        all.extend(own.map(|rendered| spelling(place, rendered.text)));
    }
    all.extend([
        spelling("psql -U", format!("psql -U {}", quoted(Shell::Posix, name))),
        spelling(".pgpass", format!("<host>:5432:<database>:{}:<token>", passfile(name))),
        spelling("service file", format!("user={name}")),
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
    ]);
    all
}

/// What is odd about a name.
#[must_use]
pub(crate) fn warnings(name: &str) -> Vec<String> {
    let mut odd = Vec::new();
    if name.len() > 63 {
        odd.push(format!("it has {} bytes; PostgreSQL keeps 63 (\"{}\"): create the role under a shorter name with pgaadauth_create_principal_with_oid", name.len(), compare::cut(name, 63)));
    }
    if name.trim() != name || name.chars().any(compare::is_invisible) {
        let places = compare::invisible_places(name);
        odd.push(format!("it holds what cannot be seen, and that is part of the name: {places}"));
    }
    if compare::mixes_scripts(name) {
        let looks = compare::as_it_looks(name);
        let difference = compare::difference(name, &looks);
        odd.push(format!("it mixes letters of two alphabets in one word: {difference}"));
    }
    if compare::is_decomposed(name) {
        odd.push("its accents are separate characters after their letters: it is displayed like the composed form, but has other bytes".to_owned());
    }
    if name.contains('\\') {
        odd.push("it holds a backslash: `sed 's/ /\\\\ /g'` in front of PGUSER is a mistake, since libpq takes backslashes off in connection strings only".to_owned());
    }
    if name.contains(['%', '"', '!']) {
        odd.push("cmd.exe: %% is for batch files, at the prompt write one %; a \" or ! in the name is better set by PowerShell".to_owned());
    }
    if name.contains(['\n', '\r']) {
        odd.push("no line of a password or service file can hold its line break".to_owned());
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        odd.push("a service file drops the blanks at its ends".to_owned());
    }
    if let Some(alike) = other_domain(name) {
        odd.push(alike);
    }
    if name.contains("%40") || name.contains("%20") || name.contains("%23") {
        odd.push("it seems to be percent-encoded; only URIs are decoded".to_owned());
    }
    let guid = name.len() == 36 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if guid {
        odd.push("it looks like an id; roles are called by the display name".to_owned());
    }
    odd
}

/// A guest in the form of the home tenant, or the older form of Single Server.
fn other_domain(name: &str) -> Option<String> {
    let (user, domain) = name.rsplit_once('@')?;
    if name.to_lowercase().contains("#ext#") && !name.contains("#EXT#") {
        return Some("a guest's #EXT# is written in capitals, and case counts".to_owned());
    }
    (!domain.contains('.') && !user.is_empty()).then(|| {
        format!("it ends with @{domain}: flexible server expects the name without @server")
    })
}

fn passfile(name: &str) -> String {
    // By itself, an asterisk matches every name.
    if name == "*" {
        return r"\*".to_owned();
    }
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

#[cfg(test)]
mod tests {
    use super::{compare, spellings, warnings};
    use crate::{
        environment::Environment,
        settings::{TargetArgs, resolve},
    };
    use proptest::prelude::{prop_assert, prop_assert_eq};

    fn optional(name: &str, place: &str) -> Option<String> {
        let all = spellings(name);
        all.into_iter().find(|spelling| spelling.place == place).map(|spelling| spelling.text)
    }

    fn text(name: &str, place: &str) -> String {
        optional(name, place).expect(place)
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

    #[test]
    fn warnings_name_what_is_odd() {
        let says = |name: &str, part: &str| {
            let said = warnings(name);
            assert!(said.iter().any(|warning| warning.contains(part)), "{name}: {said:?}");
        };
        says("Prod DB\r", "carriage return");
        says("\u{420}rod DB", "two alphabets");
        says("Zoe\u{308}", "accents");
        says("alice@pg-prod", "@pg-prod");
        says("bob_x.com#ext#@contoso.onmicrosoft.com", "capitals");
        says(&"x".repeat(64), "64 bytes");
        assert_eq!(warnings("bob_x.com#EXT#@contoso.onmicrosoft.com"), Vec::<String>::new());
        assert_eq!(warnings("Прод БД"), Vec::<String>::new());
    }

    /// What a reader of the place's own format makes of the spelling.
    fn unquote(text: &str, quote: char) -> Option<String> {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        let doubled: String = [quote, quote].iter().collect();
        // Every quotation mark inside must be one of a pair.
        let bare = inner.replace(&doubled, "");
        (!bare.contains(quote)).then(|| inner.replace(&doubled, &quote.to_string()))
    }

    /// A quoted identifier of PostgreSQL, with or without Unicode escapes.
    fn sql_name(text: &str) -> Option<String> {
        let Some(escaped) = text.strip_prefix("U&") else { return unquote(text, '"') };
        let escaped = unquote(escaped, '"')?;
        let (mut out, mut rest) = (String::new(), escaped.as_str());
        while let Some((before, after)) = rest.split_once('\\') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('\\') {
                out.push('\\');
                rest = after;
            } else {
                out.push(char::from_u32(u32::from_str_radix(after.get(..4)?, 16).ok()?)?);
                rest = &after[4..];
            }
        }
        Some(out + rest)
    }

    /// PowerShell treats typographic quotation marks as its own; each is doubled.
    fn powershell(text: &str) -> Option<String> {
        let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
        let is_quote = |c: char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
        let (mut out, mut rest) = (String::new(), inner.chars());
        while let Some(character) = rest.next() {
            if is_quote(character) {
                rest.next().filter(|next| is_quote(*next))?;
            }
            out.push(character);
        }
        Some(out)
    }

    proptest::proptest! {
        #[test]
        fn every_other_reader_gives_the_name_back(name in "[^\\x00]{1,63}") {
            // SQL, JSON (which YAML, Python and JavaScript read alike), ADO.NET, PowerShell, URL.
            prop_assert_eq!(sql_name(&text(&name, "SQL identifier")), Some(name.clone()));
            let role = text(&name, "create the role");
            let literal = role.strip_prefix("select * from pgaadauth_create_principal(");
            let literal = literal.and_then(|rest| rest.strip_suffix(", false, false);"));
            prop_assert_eq!(unquote(literal.unwrap_or_default(), '\''), Some(name.clone()));
            let yaml = text(&name, "YAML").replacen("PGUSER: ", "", 1);
            prop_assert_eq!(serde_json::from_str::<String>(&yaml).ok(), Some(name.clone()));
            let dotnet = text(&name, "Npgsql").replacen("Username=", "", 1);
            prop_assert_eq!(unquote(&dotnet, '"').unwrap_or(dotnet), name.clone());
            // A character that a terminal may act on has no spelling in PowerShell, so no line is printed.
            if let Some(shell) = optional(&name, "PowerShell") {
                let shell = shell.replacen("$env:PGUSER = ", "", 1);
                prop_assert_eq!(powershell(&shell), Some(name.clone()));
            } else {
                prop_assert!(name.chars().any(|c| c.is_control() || compare::is_invisible(c)));
            }
            let url = text(&name, "JDBC URL");
            let encoded = url.split_once("?user=").map(|(_, user)| user).unwrap_or_default();
            // JDBC takes + for a blank, so none may be left.
            prop_assert!(!encoded.contains('+'));
            let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8();
            prop_assert_eq!(decoded.unwrap_or_default(), name.as_str());
        }

        #[test]
        fn connection_string_and_uri_give_the_name_back(name in "[^\\x00]{1,63}") {
            prop_assert_eq!(user_of(text(&name, "connection string")), name.clone());
            let uri = text(&name, "URI").replace("<host>", "h").replace("/<database>", "/d");
            prop_assert_eq!(user_of(uri), name);
        }

        #[cfg(unix)]
        #[test]
        fn bash_gives_the_name_back(name in "[^\\x00]{1,63}") {
            let line = format!("{}; printf %s \"$PGUSER\"", text(&name, "bash, zsh"));
            let output = std::process::Command::new("bash").args(["-c", &line]).output().expect("bash");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout).into_owned(), name);
        }
    }
}
