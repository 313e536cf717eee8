//! Commands as data: what a fix or a page asks people to run, rendered for the shell they use.
//!
//! A command is built from words. Static words are written as in a POSIX shell and parsed once;
//! values that come from outside are added with [`Command::value`] and quoted by the rules of each
//! shell. Values that are not known are variables, which are set on lines of their own above the
//! command, so that a pasted line never holds a bare `<…>`.

mod page;
mod parse;
mod quote;
pub mod sql;

use crate::facts::vantage::{Shell, Vantage};
use crate::support::commands::System;
pub use page::{Forms, forms, in_shell, values};
use parse::words;
use uuid::fmt::Hyphenated;

/// What to run, in one shell or in one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    steps: Vec<Step>,
}

/// A command in the form that one reader can paste.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rendered {
    /// The text, one or more lines.
    pub text: String,
    /// What the text is written in.
    pub language: Language,
}

/// What a rendered command is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// bash, zsh and other POSIX shells.
    Posix,
    /// PowerShell on any system.
    PowerShell,
    /// The Windows command prompt.
    Cmd,
    /// SQL, to be run in the database named by the fix.
    Sql,
    /// A piece of a file or of a connection string.
    Text,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// A program with its arguments.
    Run(Line),
    /// Sets an environment variable.
    Set { variable: String, value: String },
    /// Sets an environment variable to the output of a program.
    SetOutput { variable: String, line: Line },
    /// Removes an environment variable.
    Unset { variable: String },
    /// One SQL statement.
    Sql(String),
    /// Text that no shell reads.
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Line {
    words: Vec<Word>,
    no_input: bool,
    /// The program that reads the output.
    into: Option<Box<Line>>,
}

/// Where a command is typed. az is a batch file on Windows only, and curl is an alias of another
/// command in Windows PowerShell only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Prompt {
    shell: Shell,
    windows: bool,
}

/// One argument: pieces of text and variables, side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Word(pub(crate) Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// A variable whose value the reader fills in.
    Unknown(String),
}

/// The variables that commands may leave open, and what the reader puts there.
const UNKNOWN: &[(&str, &str)] = &[
    ("RG", "resource group of the server"),
    ("SERVER", "name of the server"),
    ("SERVER_HOST", "fully qualified name of the server"),
    ("NETWORK_RG", "resource group of the network"),
    ("NSG", "name of the network security group"),
    ("ROUTE_TABLE", "name of the route table"),
    ("VNET", "name of the virtual network"),
    ("SUBNET", "name of the subnet"),
    ("NAT_GATEWAY", "name or resource ID of the NAT gateway"),
    ("NIC", "name of the network interface"),
    ("LOAD_BALANCER", "name of the load balancer"),
    ("ZONE", "private DNS zone"),
    ("APP_ID", "application (client) ID"),
    ("CLIENT_ID", "client ID of the managed identity"),
    ("OBJECT_ID", "object ID of the principal"),
    ("GROUP_ID", "object ID of the group"),
    ("TENANT", "tenant ID"),
    ("SUBSCRIPTION", "subscription ID"),
    ("USER_NAME", "name of the user"),
    ("ROLE", "name of the PostgreSQL role"),
    ("DATABASE", "name of the database"),
    ("IDENTITY", "name of the managed identity"),
    ("VM", "name of the virtual machine"),
    ("APP", "name of the app"),
    ("CLUSTER", "name of the cluster"),
    ("NAMESPACE", "Kubernetes namespace"),
    ("SERVICE_ACCOUNT", "Kubernetes service account"),
    ("DEPLOYMENT", "name of the deployment"),
    ("POD", "name of the pod"),
    ("ADDRESS", "IPv4 address of this computer as the server sees it"),
    ("PROXY", "host and port of the proxy"),
    ("NAME_SERVER", "address of the nameserver"),
    ("ENDPOINT_CONNECTION", "ID of the private endpoint connection"),
    ("PRIORITY", "number below that of the rule that denies"),
    ("ADMIN_PRIORITY", "number below that of the security admin rule that denies"),
    ("NETWORK_MANAGER", "name of the network manager"),
    ("CONFIGURATION", "name of the security admin configuration"),
    ("RULE_COLLECTION", "name of the rule collection"),
    ("SUBNET_ID", "resource ID of the subnet"),
    ("ENDPOINT", "name of the private endpoint"),
    ("ZONE_ID", "resource ID of the private DNS zone"),
    ("FIREWALL", "name of the firewall"),
    ("COLLECTION_PRIORITY", "number below that of the collection that denies"),
    ("SERVER_PREFIX", "address prefix of the server's subnet"),
    ("CLIENT_PREFIX", "address prefix of the client's subnet"),
    ("POLICY", "name of the firewall policy"),
    ("REGION", "Azure region of the server"),
    ("VNET_ID", "resource ID of the virtual network"),
    ("NAME", "name to resolve"),
    ("DISPLAY_NAME", "display name of the principal"),
    ("MAIL", "mail address of the guest"),
    ("DESTINATION", "address to reach"),
    ("PORT", "port of the server"),
    ("CLOUD", "name of the cloud, such as AzureUSGovernment"),
    ("SCOPE", "scope of the token"),
    ("EXTENSION", "name of the extension"),
    ("REVOCATION_LIST", "file of the certificate revocation list"),
    ("SERVER_ADDRESS", "address of the server"),
    ("SERVER_ID", "resource ID of the server"),
    ("ENTRA_ADDRESS", "address of login.microsoftonline.com"),
];

/// Commands of az that change something in Azure or Microsoft Entra ID.
const AZURE_CHANGES: &[&str] = &[
    "add",
    "admin-consent",
    "approve",
    "assign",
    "create",
    "delete",
    "reset",
    "set",
    "start",
    "update",
];

impl Command {
    /// A program and its first arguments, written as in a POSIX shell: `az group list -g $RG`.
    ///
    /// # Panics
    /// The words are not well-formed, which the test over all commands finds.
    #[must_use]
    pub fn new(line: &'static str) -> Self {
        Self { steps: vec![Step::Run(Line { words: words(line), ..Line::default() })] }
    }

    /// A template of our own that is not static, in the same syntax as [`Command::new`].
    #[must_use]
    pub(crate) fn template(line: &str) -> Self {
        Self { steps: vec![Step::Run(Line { words: words(line), ..Line::default() })] }
    }

    /// Sets an environment variable in the reader's shell.
    #[must_use]
    pub fn set(variable: impl Into<String>, value: impl Into<String>) -> Self {
        Self { steps: vec![Step::Set { variable: variable.into(), value: value.into() }] }
    }

    /// Removes an environment variable from the reader's shell.
    #[must_use]
    pub fn unset(variable: impl Into<String>) -> Self {
        Self { steps: vec![Step::Unset { variable: variable.into() }] }
    }

    /// One SQL statement. Build names and strings with [`identifier`] and [`literal`].
    #[must_use]
    pub fn sql(statement: impl Into<String>) -> Self {
        Self { steps: vec![Step::Sql(statement.into())] }
    }

    /// Text for a file or a connection string.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { steps: vec![Step::Text(text.into())] }
    }

    /// Adds arguments, written as in a POSIX shell.
    #[must_use]
    pub fn words(mut self, more: &'static str) -> Self {
        if let Some(line) = self.last_line() {
            line.words.extend(words(more));
        }
        self
    }

    /// Adds one argument with exactly this text.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        if let Some(line) = self.last_line() {
            line.words.push(Word(vec![Piece::Text(value.into())]));
        }
        self
    }

    /// Fills in a variable if its value is known.
    #[must_use]
    pub fn with(mut self, variable: &str, value: Option<&str>) -> Self {
        let Some(value) = value else { return self };
        let fill = |piece: &mut Piece| {
            if matches!(piece, Piece::Unknown(name) if name == variable) {
                *piece = Piece::Text(value.to_owned());
            }
        };
        for step in &mut self.steps {
            if let Step::Run(line) | Step::SetOutput { line, .. } = step {
                line.words.iter_mut().flat_map(|word| &mut word.0).for_each(fill);
            }
        }
        self
    }

    /// Whether the reader fills in this variable.
    #[must_use]
    pub fn asks_for(&self, variable: &str) -> bool {
        self.unknown().contains(&variable)
    }

    /// Gives the program an empty standard input.
    #[must_use]
    pub fn no_input(mut self) -> Self {
        if let Some(line) = self.last_line() {
            line.no_input = true;
        }
        self
    }

    /// Puts the output of the program into an environment variable, without showing it.
    #[must_use]
    pub fn into_variable(mut self, variable: impl Into<String>) -> Self {
        if let Some(Step::Run(line)) = self.steps.pop() {
            self.steps.push(Step::SetOutput { variable: variable.into(), line });
        }
        self
    }

    /// Adds a command that is run after this one.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.steps.extend(next.steps);
        self
    }

    /// The value of an option, if it is known: of `-n`, the word behind it.
    #[must_use]
    pub fn argument(&self, option: &str) -> Option<String> {
        self.steps.iter().find_map(|step| {
            let (Step::Run(line) | Step::SetOutput { line, .. }) = step else { return None };
            let at = line.words.iter().position(|word| word.plain() == option)?;
            let value = line.words.get(at + 1)?;
            let unknown = value.0.iter().any(|piece| matches!(piece, Piece::Unknown(_)));
            (!unknown).then(|| value.plain())
        })
    }

    /// The programs with their arguments, in their order.
    pub fn arguments(&self) -> impl Iterator<Item = Arguments<'_>> {
        self.steps.iter().filter_map(|step| match step {
            Step::Run(line) => Some(Arguments { line }),
            _ => None,
        })
    }

    /// Whether the first program is called with these words.
    #[must_use]
    pub fn starts_with(&self, words: &[&str]) -> bool {
        let Some(Step::Run(line)) = self.steps.first() else { return false };
        words.len() <= line.words.len()
            && line.words.iter().zip(words).all(|(word, wanted)| word.plain() == *wanted)
    }

    /// Whether it is a command of the Azure CLI.
    #[must_use]
    pub fn is_azure_cli(&self) -> bool {
        self.starts_with(&["az"])
    }

    /// Whether it changes what other people use: a server, a network, a directory, a cluster, a role.
    #[must_use]
    pub fn changes_shared(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Run(line) | Step::SetOutput { line, .. } => line.changes_shared(),
            Step::Sql(statement) => sql::changes(statement),
            Step::Set { .. } | Step::Unset { .. } | Step::Text(_) => false,
        })
    }

    /// The programs that are started.
    pub fn programs(&self) -> impl Iterator<Item = String> + '_ {
        self.steps.iter().filter_map(|step| match step {
            Step::Run(line) | Step::SetOutput { line, .. } => line.words.first().map(Word::plain),
            _ => None,
        })
    }

    /// The command for a shell; PowerShell is that of Windows. If that shell cannot quote a value, the
    /// form for PowerShell, or nothing if PowerShell cannot quote it either.
    #[must_use]
    pub fn render(&self, shell: Shell) -> Option<Rendered> {
        self.render_at(Prompt { shell, windows: shell != Shell::Posix })
    }

    /// The command for the shell and the system of a run.
    #[must_use]
    pub fn render_for(&self, vantage: &Vantage) -> Option<Rendered> {
        let windows = System::of(vantage) == System::Windows;
        self.render_at(Prompt { shell: vantage.shell, windows })
    }

    fn render_at(&self, prompt: Prompt) -> Option<Rendered> {
        let alternatives = match prompt.shell {
            Shell::Cmd => &[Shell::Cmd, Shell::PowerShell][..],
            Shell::PowerShell => &[Shell::PowerShell],
            Shell::Posix => &[Shell::Posix],
        };
        alternatives.iter().find_map(|&shell| self.render_in(Prompt { shell, ..prompt }))
    }

    fn render_in(&self, prompt: Prompt) -> Option<Rendered> {
        let mut lines: Vec<String> =
            self.unknown().iter().map(|name| unknown_line(prompt.shell, name)).collect();
        let (text, language) = self.render_steps(prompt)?;
        lines.push(text);
        Some(Rendered { text: lines.join("\n"), language })
    }

    /// The lines of the steps, without those that set variables which the reader fills in.
    fn render_steps(&self, prompt: Prompt) -> Option<(String, Language)> {
        let shell = prompt.shell;
        let mut language = match shell {
            Shell::Posix => Language::Posix,
            Shell::PowerShell => Language::PowerShell,
            Shell::Cmd => Language::Cmd,
        };
        let mut lines = Vec::new();
        for step in &self.steps {
            lines.push(match step {
                Step::Run(line) => line.render(prompt)?,
                Step::Set { variable, value } => quote::set(shell, variable, value)?,
                Step::SetOutput { variable, line } => {
                    quote::set_output(shell, variable, &line.render(prompt)?)
                }
                Step::Unset { variable } => quote::unset(shell, variable),
                Step::Sql(statement) => {
                    language = Language::Sql;
                    statement.clone()
                }
                Step::Text(text) => {
                    language = Language::Text;
                    text.clone()
                }
            });
        }
        Some((lines.join("\n"), language))
    }

    /// The variables that the reader fills in, in the order of their use.
    fn unknown(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for step in &self.steps {
            let (Step::Run(line) | Step::SetOutput { line, .. }) = step else { continue };
            for piece in line.all_words().flat_map(|word| &word.0) {
                if let Piece::Unknown(name) = piece
                    && !names.contains(&name.as_str())
                {
                    names.push(name);
                }
            }
        }
        names
    }

    fn last_line(&mut self) -> Option<&mut Line> {
        self.steps.iter_mut().rev().find_map(|step| match step {
            Step::Run(line) | Step::SetOutput { line, .. } => Some(line),
            _ => None,
        })
    }
}

/// One program of a command with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    line: &'a Line,
}

impl Arguments<'_> {
    /// Whether the program is called with these words.
    #[must_use]
    pub fn starts_with(&self, words: &[&str]) -> bool {
        words.len() <= self.line.words.len()
            && self.line.words.iter().zip(words).all(|(word, wanted)| word.plain() == *wanted)
    }

    /// The value of an option. `Err`: what the reader fills in there.
    #[must_use]
    pub fn value(&self, option: &str) -> Option<Result<String, String>> {
        self.values(option)?.into_iter().next()
    }

    /// The values of an option, up to the next one; `None` if the option is not there.
    #[must_use]
    pub fn values(&self, option: &str) -> Option<Vec<Result<String, String>>> {
        let words = &self.line.words;
        let at = words.iter().position(|word| word.plain() == option)?;
        let is_option = |word: &&Word| {
            let text = word.plain();
            text.len() > 1 && text.starts_with('-')
        };
        let values = words.iter().skip(at + 1).take_while(|word| !is_option(word));
        Some(values.map(Word::known).collect())
    }
}

/// The line that sets a variable which the reader fills in.
fn unknown_line(shell: Shell, name: &str) -> String {
    quote::assign(shell, name, &format!("<{}>", hint(name)))
}

fn hint(name: &str) -> String {
    let known = UNKNOWN.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.to_lowercase(), |(_, hint)| (*hint).to_owned())
}

impl Line {
    fn render(&self, prompt: Prompt) -> Option<String> {
        let program = self.words.first().map(Word::plain).unwrap_or_default();
        let words: Option<Vec<String>> =
            self.words.iter().map(|word| quote::word(prompt, &program, word)).collect();
        let mut line = words?.join(" ");
        // `curl` is another command in Windows PowerShell.
        if prompt == (Prompt { shell: Shell::PowerShell, windows: true }) && program == "curl" {
            line = line.replacen("curl", "curl.exe", 1);
        }
        let line = match (self.no_input, prompt.shell) {
            (false, _) => line,
            (true, Shell::Posix) => format!("{line} </dev/null"),
            (true, Shell::Cmd) => format!("{line} <NUL"),
            (true, Shell::PowerShell) => format!("$null | {line}"),
        };
        match &self.into {
            Some(next) => Some(format!("{line} | {}", next.render(prompt)?)),
            None => Some(line),
        }
    }

    fn changes_shared(&self) -> bool {
        let words: Vec<String> = self.words.iter().map(Word::plain).collect();
        let has = |verbs: &[&str]| words.iter().any(|word| verbs.contains(&word.as_str()));
        match words.first().map(String::as_str) {
            Some("az") => has(AZURE_CHANGES),
            Some("kubectl") => has(&["annotate", "apply", "label", "patch"]),
            _ => false,
        }
    }

    /// The words of this program and of those that read its output.
    fn all_words(&self) -> impl Iterator<Item = &Word> {
        let lines = std::iter::successors(Some(self), |line| line.into.as_deref());
        lines.flat_map(|line| &line.words)
    }
}

impl Word {
    /// The text; `Err` with a description if the reader fills in a part of it.
    fn known(&self) -> Result<String, String> {
        let unknown = self.0.iter().find_map(|piece| match piece {
            Piece::Unknown(name) => Some(format!("<{}>", hint(name))),
            Piece::Text(_) => None,
        });
        unknown.map_or_else(|| Ok(self.plain()), Err)
    }

    /// The text without variables, for comparison.
    fn plain(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Unknown(name) => format!("${name}"),
        };
        self.0.iter().map(text).collect()
    }
}

/// A SQL identifier between double quotes. Shells act on some characters between double quotes. A name
/// that holds one is written with escapes, so that the statement is harmless in a shell as well.
#[must_use]
pub fn identifier(name: &str) -> String {
    let quoted = name.replace('"', "\"\"");
    if !name.contains(['$', '`', '\\']) {
        return format!("\"{quoted}\"");
    }
    let escaped = quoted.replace('\\', r"\\").replace('$', r"\0024").replace('`', r"\0060");
    format!("U&\"{escaped}\"")
}

/// A SQL string. A backslash needs no escape, since `standard_conforming_strings` is on by default.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An object ID as SQL may hold it: only a GUID is, everything else is left out.
#[must_use]
pub fn guid(text: &str) -> Option<&str> {
    text.parse::<Hyphenated>().is_ok().then_some(text)
}

#[cfg(test)]
mod tests;
