//! The commands of pages. A page writes a command once, as a POSIX shell reads it and with `$NAME` for a
//! value of the reader; here it gets its form for each shell.

use super::{Command, Line, Prompt, Step, UNKNOWN, parse::words, unknown_line};
use crate::facts::vantage::Shell;
use std::collections::BTreeSet;

/// A command of a page in the form of each shell; `None` if a shell has no such command.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Forms {
    /// As the page has it.
    pub text: String,
    /// bash, zsh and other POSIX shells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posix: Option<String>,
    /// PowerShell on Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_shell: Option<String>,
    /// The Windows command prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<String>,
    /// The variables that the reader fills in first.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub values: BTreeSet<String>,
}

/// Programs that have the same options on every system.
const EVERYWHERE: &[&str] = &[
    "az", "azd", "curl", "dotnet", "entra-pg", "kubectl", "npm", "nslookup", "openssl", "pip",
    "psql",
];
/// Programs of Linux and macOS.
const POSIX: &[&str] = &[
    "cat",
    "chmod",
    "command",
    "date",
    "dig",
    "dscacheutil",
    "echo",
    "env",
    "for",
    "getent",
    "grep",
    "id",
    "ip",
    "ls",
    "nc",
    "ping",
    "printf",
    "resolvectl",
    "scutil",
    "sudo",
    "time",
    "traceroute",
];
/// Programs of Windows.
const WINDOWS: &[&str] = &["findstr", "ipconfig"];
/// Commands of PowerShell.
const POWER_SHELL: &[&str] =
    &["Get-DnsClientGlobalSetting", "Get-DnsClientNrptRule", "Measure-Command", "Resolve-DnsName"];

/// Commands of POSIX shells, and the same in PowerShell and cmd; empty if there is none.
const EQUIVALENTS: &[(&str, &str, &str)] = &[
    (
        "env | grep ^PG | sed 's/^PGPASSWORD=.*/PGPASSWORD=(set)/'",
        "Get-ChildItem Env:PG* | Where-Object Name -ne PGPASSWORD",
        "set PG | findstr /b /v PGPASSWORD=",
    ),
    ("env | grep ^AZURE_ | cut -d= -f1", "(Get-ChildItem Env:AZURE_*).Name", ""),
    (
        "env | grep -E 'IDENTITY_ENDPOINT|MSI_ENDPOINT|IMDS_ENDPOINT|OIDCREQUESTURI'",
        "Get-ChildItem Env:*IDENTITY_ENDPOINT*, Env:*MSI_ENDPOINT*, Env:*IMDS_ENDPOINT*, Env:*OIDCREQUESTURI*",
        "set | findstr \"IDENTITY_ENDPOINT MSI_ENDPOINT IMDS_ENDPOINT OIDCREQUESTURI\"",
    ),
    (
        "env | grep -E '^(PGHOST|AZURE_)' | cut -c1-24",
        "Get-ChildItem Env:PGHOST, Env:AZURE_* | ForEach-Object { $_.Name + ' ' + $_.Value.Length }",
        "",
    ),
    ("printf %s \"$PGUSER\" | od -c", "$env:PGUSER | Format-Hex -Encoding utf8", ""),
    ("printf %s \"$PGUSER\" | wc -c", "[Text.Encoding]::UTF8.GetByteCount($env:PGUSER)", ""),
    (
        "printf %s \"$PGPASSWORD\" | cut -c1-3",
        "$env:PGPASSWORD.Substring(0, 3)",
        "echo %PGPASSWORD:~0,3%",
    ),
    (
        "printf %s \"$PGPASSWORD\" | od -c | sed -n 1p",
        "$env:PGPASSWORD.Substring(0, 16) | Format-Hex",
        "",
    ),
    ("printf %s \"${PGPASSWORD##*.}\" | wc -c", "$env:PGPASSWORD.Split('.')[-1].Length", ""),
    ("echo \"$PGUSER\"", "$env:PGUSER", "set PGUSER"),
    ("echo \"$PGHOST / $PGUSER\"", "\"$env:PGHOST / $env:PGUSER\"", "echo %PGHOST% / %PGUSER%"),
    (
        "echo \"$SSL_CERT_FILE $SSL_CERT_DIR\"",
        "\"$env:SSL_CERT_FILE $env:SSL_CERT_DIR\"",
        "set SSL_CERT",
    ),
    (
        "echo \"$PGSSLCERT $PGSSLKEY\"",
        "\"$env:PGSSLCERT $env:PGSSLKEY\"",
        "echo %PGSSLCERT% %PGSSLKEY%",
    ),
    ("ls -l \"$PGSSLROOTCERT\"", "Get-Item $env:PGSSLROOTCERT", "dir \"%PGSSLROOTCERT%\""),
    (
        "grep -c BEGIN \"$PGSSLROOTCERT\"",
        "(Select-String BEGIN $env:PGSSLROOTCERT).Count",
        "find /c \"BEGIN\" \"%PGSSLROOTCERT%\"",
    ),
    (
        "ls -l ~/.postgresql/",
        "Get-ChildItem $env:APPDATA\\postgresql",
        "dir \"%APPDATA%\\postgresql\"",
    ),
    (
        "ls -l ~/.pgpass",
        "Get-Item $env:APPDATA\\postgresql\\pgpass.conf",
        "dir \"%APPDATA%\\postgresql\\pgpass.conf\"",
    ),
    ("date -u", "[DateTime]::UtcNow", ""),
    ("command -v az", "Get-Command az", "where az"),
    ("id -nG", "whoami /groups", "whoami /groups"),
    ("chmod 600 ~/.pgpass", "", ""),
    ("chmod 600 ~/.postgresql/postgresql.key", "", ""),
    (
        "kubectl get pod $POD -o yaml | grep workload.identity",
        "kubectl get pod $POD -o yaml | Select-String workload.identity",
        "kubectl get pod \"%POD%\" -o yaml | findstr workload.identity",
    ),
    (
        "openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null | openssl x509 -noout -text | grep -E 'Signature Algorithm|Public-Key'",
        "$null | openssl s_client -starttls postgres -connect ($SERVER_HOST + ':5432') | openssl x509 -noout -text | Select-String 'Signature Algorithm|Public-Key'",
        "openssl s_client -starttls postgres -connect \"%SERVER_HOST%:5432\" <NUL | openssl x509 -noout -text | findstr /c:\"Signature Algorithm\" /c:\"Public-Key\"",
    ),
    (
        "curl -sI https://login.microsoftonline.com | grep -i ^date",
        "curl.exe -sI https://login.microsoftonline.com | Select-String ^date",
        "curl -sI https://login.microsoftonline.com | findstr /i /b date",
    ),
    ("time getent ahosts $NAME", "Measure-Command { Resolve-DnsName $NAME }", ""),
    (
        "time curl -sH Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'",
        "Measure-Command { curl.exe -sH Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01' }",
        "",
    ),
];

/// The forms of a text in code type, or `None` if it is not a command of a shell.
#[must_use]
pub fn forms(text: &str) -> Option<Forms> {
    let first = text.split_whitespace().next()?;
    // A single word names a program in a sentence.
    if text == first && !first.starts_with("Get-") {
        return None;
    }
    let known = |list: &[&str]| list.contains(&first);
    let at = |shell| Prompt { shell, windows: shell != Shell::Posix };
    let mut forms = Forms {
        text: text.to_owned(),
        posix: None,
        power_shell: None,
        cmd: None,
        values: BTreeSet::new(),
    };
    if let Some((_, power_shell, cmd)) = EQUIVALENTS.iter().find(|(posix, ..)| *posix == text) {
        let own = |form: &str| (!form.is_empty()).then(|| form.to_owned());
        let unknown = UNKNOWN.iter().map(|(name, _)| *name);
        let name = unknown.into_iter().find(|name| text.contains(&format!(" ${name}")));
        let posix = name.map(|name| text.replace(&format!("${name}"), &format!("\"${name}\"")));
        forms.posix = Some(posix.unwrap_or_else(|| text.to_owned()));
        (forms.power_shell, forms.cmd) = (own(power_shell), own(cmd));
        forms.values = name.into_iter().map(str::to_owned).collect();
        return Some(forms);
    }
    if known(POWER_SHELL) || known(WINDOWS) || known(POSIX) || known(EVERYWHERE) {
        let command = parsed(text);
        let steps = |command: &Command, shell| Some(command.render_steps(at(shell))?.0);
        forms.values = command.unknown().into_iter().map(str::to_owned).collect();
        if known(POSIX) || known(EVERYWHERE) {
            forms.posix = steps(&command, Shell::Posix);
        }
        if !known(POSIX) {
            forms.power_shell = steps(&command, Shell::PowerShell);
        }
        if known(WINDOWS) || known(EVERYWHERE) {
            forms.cmd = steps(&command, Shell::Cmd);
        }
        if let Some((power_shell, cmd)) = other_lookup(text) {
            forms.power_shell = steps(&power_shell, Shell::PowerShell);
            forms.cmd = steps(&cmd, Shell::Cmd);
        }
        return Some(forms);
    }
    None
}

/// The same question in the programs of Windows: `dig @SERVER NAME` and `getent ahosts NAME`.
fn other_lookup(text: &str) -> Option<(Command, Command)> {
    let mut words = text.split(' ');
    let program = words.next()?;
    let words: Vec<&str> = words.collect();
    let (server, name) = match (program, words.as_slice()) {
        ("dig", [server, name]) if server.starts_with('@') => (server.strip_prefix('@'), *name),
        ("dig", [name]) => (None, *name),
        ("getent", ["ahosts" | "hosts", name]) => (None, *name),
        _ => return None,
    };
    let with = |line: String, option: &str| {
        let server = server.map(|server| format!(" {option}{server}")).unwrap_or_default();
        Command::template(&format!("{line}{server}"))
    };
    Some((
        with(format!("Resolve-DnsName -Name {name}"), "-Server "),
        with(format!("nslookup {name}"), ""),
    ))
}

/// The programs of a line: `|` hands the output over, `;` ends a program, `</dev/null` is no input.
fn parsed(text: &str) -> Command {
    let mut steps = Vec::new();
    for part in split(text, ';') {
        let mut line: Option<Line> = None;
        for program in split(&part, '|').into_iter().rev() {
            let program = program.trim();
            let (program, no_input) = match program.strip_suffix("</dev/null") {
                Some(rest) => (rest.trim_end(), true),
                None => (program, false),
            };
            line = Some(Line { words: words(program), no_input, into: line.map(Box::new) });
        }
        steps.extend(line.map(Step::Run));
    }
    Command { steps }
}

/// Splits a line outside quotation marks and braces.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quote) = (vec![String::new()], None);
    for character in text.chars() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        if quote.is_none() && character == separator {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts
}

/// The lines that set the values of these commands, in the form of a shell.
#[must_use]
pub fn values<'a>(commands: impl IntoIterator<Item = &'a Forms>, shell: Shell) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in commands.into_iter().flat_map(|command| &command.values) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| unknown_line(shell, name)).collect()
}

/// A sentence with its commands in the form of a shell. A command that the shell lacks stays as it is.
#[must_use]
pub fn in_shell(sentence: &str, shell: Shell) -> String {
    let parts = sentence.split('`').enumerate().map(|(index, part)| {
        let form = (index % 2 == 1).then(|| forms(part)).flatten();
        let form = form.and_then(|forms| match shell {
            Shell::Posix => forms.posix,
            Shell::PowerShell => forms.power_shell,
            Shell::Cmd => forms.cmd.or(forms.power_shell),
        });
        form.unwrap_or_else(|| part.to_owned())
    });
    parts.collect::<Vec<String>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::{forms, in_shell, values};
    use crate::facts::vantage::Shell;

    #[test]
    fn a_command_of_a_page_has_a_form_for_each_shell() {
        let chain = forms(
            "openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null | openssl x509 -noout -dates",
        )
        .expect("a command");
        assert_eq!(
            chain.posix.as_deref(),
            Some(
                "openssl s_client -starttls postgres -connect \"$SERVER_HOST\":5432 </dev/null | openssl x509 -noout -dates"
            )
        );
        assert_eq!(
            chain.power_shell.as_deref(),
            Some(
                "$null | openssl s_client -starttls postgres -connect ($SERVER_HOST + ':5432') | openssl x509 -noout -dates"
            )
        );
        assert_eq!(
            chain.cmd.as_deref(),
            Some(
                "openssl s_client -starttls postgres -connect \"%SERVER_HOST%:5432\" <NUL | openssl x509 -noout -dates"
            )
        );
        assert_eq!(
            values([&chain], Shell::PowerShell),
            ["$SERVER_HOST = '<fully qualified name of the server>'"]
        );
    }

    #[test]
    fn a_lookup_is_asked_with_the_programs_of_the_system() {
        let lookup = forms("dig @$NAME_SERVER $NAME").expect("a command");
        assert_eq!(lookup.posix.as_deref(), Some("dig @\"$NAME_SERVER\" \"$NAME\""));
        assert_eq!(
            lookup.power_shell.as_deref(),
            Some("Resolve-DnsName -Name $NAME -Server $NAME_SERVER")
        );
        assert_eq!(lookup.cmd.as_deref(), Some("nslookup \"%NAME%\" \"%NAME_SERVER%\""));
    }

    #[test]
    fn what_is_not_a_command_stays_in_the_sentence() {
        for text in ["psql", "options use-vc", "select 1;", "--query accessToken -o tsv"] {
            assert_eq!(forms(text), None, "{text}");
        }
        assert_eq!(in_shell("`date -u` in `psql`", Shell::Cmd), "`[DateTime]::UtcNow` in `psql`");
        assert_eq!(
            in_shell("`curl -m 5 https://a`", Shell::PowerShell),
            "`curl.exe -m 5 https://a`"
        );
    }
}
