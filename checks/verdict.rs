//! What checks say: a verdict, its findings, and the fixes.

use crate::{
    check::{Problem, Severity},
    command::{Command, Language, sql},
    facts::vantage::{Shell, Vantage},
};
use serde::{Deserialize, Serialize};

/// What a check concludes from its evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The assertion holds; with what was seen, in a few words ("3 A, 2 AAAA via 10.0.0.4").
    Passed(String),
    /// Problems. A verdict whose findings are all information counts as passed.
    Found(Vec<Finding>),
    /// The question does not arise; why, as a clause.
    NotApplicable(String),
}

/// One occurrence of a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The problem.
    pub problem: &'static Problem,
    /// Its severity here.
    pub severity: Severity,
    /// What it is about: a host, a claim, a role.
    pub subject: String,
    /// One sentence with the user's own values.
    pub detail: String,
    /// What was seen, one observation a line.
    pub evidence: Vec<String>,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// How sure it is. A guess says that it is one.
    pub confidence: Confidence,
}

/// The longest headline in characters.
pub const HEADLINE: usize = 90;

/// How sure a finding is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The evidence fits several causes.
    Possible,
    /// The evidence fits this cause best.
    Likely,
    /// The evidence leaves no other cause.
    Certain,
}

/// What to do about it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fix {
    /// Who must act.
    pub actor: Actor,
    /// What to do, in the imperative.
    pub text: String,
    /// What to run, before it is rendered for a shell.
    #[serde(skip)]
    pub action: Option<Command>,
    /// The exact command, with the user's own values and ready to paste; never with a secret.
    /// Set when the evidence is judged, for the shell of the run.
    pub command: Option<String>,
    /// What the command is written in.
    #[serde(default)]
    pub language: Option<Language>,
    /// The database in which SQL is to be run.
    #[serde(default)]
    pub database: Option<String>,
    /// Whether it can be run without thinking twice.
    pub risk: Risk,
    /// Whether it confirms the cause and changes nothing.
    #[serde(default)]
    pub check: bool,
}

/// Who must act.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The person who runs the command.
    You,
    /// Whoever runs network, firewall, proxy and DNS.
    Network,
    /// The Entra administrator.
    EntraAdmin,
    /// The database administrator.
    DatabaseAdmin,
    /// Whoever owns the server in Azure.
    AzureOwner,
    /// Microsoft support.
    Microsoft,
}

/// What running a fix may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// It changes nothing but this shell or this login.
    Safe,
    /// It changes something that others use.
    Review,
}

impl Verdict {
    /// One finding.
    #[must_use]
    pub fn found(finding: Finding) -> Self {
        Self::Found(vec![finding])
    }

    /// Findings if there are any, and what to say if there are none.
    pub fn unless(findings: Vec<Finding>, passed: impl FnOnce() -> String) -> Self {
        if findings.is_empty() { Self::Passed(passed()) } else { Self::Found(findings) }
    }
}

impl Finding {
    /// A finding about a subject, certain and with the problem's own severity.
    #[must_use]
    pub fn of(
        problem: &'static Problem,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            problem,
            severity: problem.severity,
            subject: subject.into(),
            detail: detail.into(),
            evidence: Vec::new(),
            fixes: Vec::new(),
            confidence: Confidence::Certain,
        }
    }

    /// Adds an observation.
    #[must_use]
    pub fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Adds observations.
    #[must_use]
    pub fn because_all(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds a fix.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }

    /// Adds several fixes.
    #[must_use]
    pub fn fix_all(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        self.fixes.extend(fixes);
        self
    }

    /// The defect in at most [`HEADLINE`] characters.
    #[must_use]
    pub fn headline(&self) -> String {
        self.headline_within(HEADLINE)
    }

    /// The defect in so many characters: the detail if it fits, or the problem's title with the subject
    /// if that is a host or a resource, or the title.
    #[must_use]
    pub fn headline_within(&self, limit: usize) -> String {
        let fits = |text: &str| text.chars().count() <= limit;
        if fits(&self.detail) {
            return self.detail.clone();
        }
        let title = self.problem.title;
        let named = format!("{title}: {}", self.subject);
        let is_name = self.problem.family_data().about_resources;
        if is_name && !self.subject.is_empty() && fits(&named) { named } else { title.to_owned() }
    }

    /// Adds two or more values that are compared, one per line with its label.
    #[must_use]
    pub fn compare<L: AsRef<str>, V: AsRef<str>>(
        self,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> Self {
        let line = |(label, value): (L, V)| format!("{}: {}", label.as_ref(), value.as_ref());
        self.because_all(values.into_iter().map(line))
    }

    /// Says how sure it is.
    #[must_use]
    pub const fn sure(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Says how bad it is here.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

impl Fix {
    /// Something the user does, without risk.
    #[must_use]
    pub fn you(text: impl Into<String>) -> Self {
        Self::new(Actor::You, text.into(), Risk::Safe)
    }

    /// Something that another person does, to be reviewed.
    #[must_use]
    pub fn by(actor: Actor, text: impl Into<String>) -> Self {
        Self::new(actor, text.into(), Risk::Review)
    }

    fn new(actor: Actor, text: String, risk: Risk) -> Self {
        Self {
            actor,
            text,
            action: None,
            command: None,
            language: None,
            database: None,
            risk,
            check: false,
        }
    }

    /// A step that confirms the cause and changes nothing.
    #[must_use]
    pub fn confirm(text: impl Into<String>) -> Self {
        Self { check: true, ..Self::you(text) }
    }

    /// Adds the exact command. One that changes what others use is to be reviewed.
    #[must_use]
    pub fn run(mut self, command: Command) -> Self {
        if command.changes_shared() {
            self.risk = Risk::Review;
        }
        self.action = Some(command);
        self.render(&Vantage::default());
        self
    }

    /// Adds a command where there is one.
    #[must_use]
    pub fn run_if(self, command: Option<Command>) -> Self {
        match command {
            Some(command) => self.run(command),
            None => self,
        }
    }

    /// Names the database in which SQL is to be run.
    #[must_use]
    pub fn in_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// States that the step only reads.
    #[must_use]
    pub const fn safe(mut self) -> Self {
        self.risk = Risk::Safe;
        self
    }

    /// States that the command changes what others use.
    #[must_use]
    pub const fn review(mut self) -> Self {
        self.risk = Risk::Review;
        self
    }

    /// Renders the command for the shell of a run.
    pub(crate) fn render(&mut self, vantage: &Vantage) {
        let rendered = self.action.as_ref().and_then(|action| action.render_for(vantage));
        self.language = rendered.as_ref().map(|rendered| rendered.language);
        self.command = rendered.map(|rendered| rendered.text);
        // The command prompt cannot quote some values.
        let other = vantage.shell == Shell::Cmd && self.language == Some(Language::PowerShell);
        if other && !self.text.ends_with(IN_POWERSHELL) {
            self.text.push_str(IN_POWERSHELL);
        }
    }

    /// Where the command is typed, if it is SQL.
    #[must_use]
    pub fn sql_place(&self) -> Option<String> {
        (self.language == Some(Language::Sql)).then(|| {
            let place = sql::place(self.command.as_deref().unwrap_or_default());
            let database = self.database.as_ref().map(|name| format!("database {name}"));
            let database = database.as_deref().unwrap_or(place.database);
            // Who acts is named before the text; only a Microsoft Entra administrator is more than that.
            let role = if place.needs_entra { ", as Entra administrator" } else { "" };
            format!("SQL in {database}{role}")
        })
    }
}

/// Marks a command that is not for the command prompt in which the run was started.
const IN_POWERSHELL: &str = ", in PowerShell";

impl Actor {
    /// The actor in a report.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::Network => "network team",
            Self::EntraAdmin => "Entra administrator",
            Self::DatabaseAdmin => "database administrator",
            Self::AzureOwner => "owner of the server in Azure",
            Self::Microsoft => "Microsoft",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fix;
    use crate::{
        command::Command,
        facts::vantage::{Shell, Vantage},
    };

    #[test]
    fn a_command_that_the_command_prompt_cannot_quote_names_its_shell() {
        let fix = |shell, value: &str| {
            let command = Command::new("entra-pg name").value(value);
            let mut fix = Fix::you("read the account").run(command);
            fix.render(&Vantage { shell, ..Vantage::default() });
            fix.text
        };
        assert_eq!(fix(Shell::Cmd, "%PATH%"), "read the account, in PowerShell");
        for shell in [Shell::Posix, Shell::PowerShell] {
            assert_eq!(fix(shell, "%PATH%"), "read the account");
        }
        assert_eq!(fix(Shell::Cmd, "alice"), "read the account");
    }
}
