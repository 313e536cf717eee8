//! The pages of problems, checks, AADSTS numbers and SQLSTATEs in one form.

use super::{
    guide::{self, GUIDES, Guide},
    reader::Subject,
    sqlstate::Sqlstate,
};
use entra_pg_checks::{
    Check, Family, Page, Problem, Severity,
    command::{Command, Forms, forms, sql},
    facts::vantage::Shell,
    problems, rulebook,
    support::{
        sources::{self, Source},
        token::{
            aadsts::{self, Aadsts},
            refusal::OTHER_ENTRA_ERROR,
        },
    },
};
use serde::Serialize;

/// A page of `explain`. Fields are only added.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// The id: `claims/expired`, `AADSTS50076`, `28P01`.
    pub id: String,
    /// `problem`, `check`, `family`, `aadsts`, `sqlstate` or `guide`.
    pub kind: &'static str,
    /// What it is, in a few words.
    pub title: String,
    /// The severity of a problem, unless a finding overrides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<&'static str>,
    /// What it means.
    pub means: String,
    /// Common causes, the most likely first.
    pub causes: Vec<String>,
    /// How to confirm it by hand.
    pub confirm: Vec<String>,
    /// How to fix it.
    pub fix: Vec<Remedy>,
    /// Similar problems.
    pub mistaken_for: Vec<String>,
    /// The steps of a guide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Related pages.
    pub related: Vec<Related>,
    /// The titles of the documents that the facts are from.
    pub sources: Vec<String>,
    /// The same documents with their addresses.
    pub references: Vec<Reference>,
    /// The day of the last check of the oldest reference, as `2026-11-25`.
    pub checked: String,
    /// The commands of this page in the form of each shell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Forms>,
}

/// A document that a page cites.
#[derive(Clone, Debug, Serialize)]
pub struct Reference {
    /// Its title.
    pub(crate) title: String,
    /// Its address.
    pub(crate) url: String,
    /// The day of the last check.
    pub(crate) checked: &'static str,
    /// Whether the text of the document was compared with the facts, and not only the address checked.
    pub(crate) read: bool,
}

impl Reference {
    /// What was checked, and when.
    pub(super) fn check(&self) -> String {
        let Self { checked, read, .. } = *self;
        Source { title: "", url: "", checked, read }.check()
    }
}

/// What to do, and who must act.
#[derive(Clone, Debug, Serialize)]
pub struct Remedy {
    /// Who must act.
    pub(crate) actor: &'static str,
    /// What to do.
    pub(crate) text: String,
    /// The command for bash and zsh, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// The same command, for the other shells.
    #[serde(skip)]
    pub(crate) action: Option<Command>,
}

impl Remedy {
    /// The command in the form of a shell.
    #[must_use]
    pub(crate) fn command_in(&self, shell: Shell) -> Option<String> {
        self.action.as_ref()?.render(shell).map(|rendered| rendered.text)
    }
}

/// A step of a guide.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What the step is about.
    pub(crate) title: String,
    /// What to do.
    pub(crate) text: String,
    /// The commands.
    pub(crate) commands: Vec<String>,
    /// What is known after the step.
    pub(crate) proves: String,
}

/// Another page.
#[derive(Clone, Debug, Serialize)]
pub struct Related {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
}

impl Document {
    pub(super) fn problem(problem: &'static Problem) -> Self {
        let page = &problem.page;
        let found_by = rulebook().into_iter().filter(|check| check.problems.contains(&problem));
        Self {
            id: problem.id.to_owned(),
            kind: "problem",
            title: problem.title.to_owned(),
            severity: Some(match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            }),
            means: page.means.to_owned(),
            causes: owned(page.causes),
            confirm: page.confirm.iter().map(|text| sql::with_places(text)).collect(),
            fix: page
                .fix
                .iter()
                .map(|(actor, text)| Remedy {
                    actor: actor.label(),
                    text: sql::with_places(text),
                    command: None,
                    action: None,
                })
                .collect(),
            commands: commands(page),
            mistaken_for: owned(page.mistaken_for),
            related: found_by
                .map(|check| Related { id: check.id.to_owned(), title: check.asserts.to_owned() })
                .chain(GUIDES.iter().filter(|guide| guide.is_for(problem)).map(Related::to))
                .collect(),
            ..Self::citing(references(page.sources))
        }
    }

    /// An empty page with these references.
    fn citing(references: Vec<Reference>) -> Self {
        let checked = references.iter().map(|reference| reference.checked).min();
        Self {
            id: String::new(),
            kind: "problem",
            title: String::new(),
            severity: None,
            means: String::new(),
            causes: Vec::new(),
            confirm: Vec::new(),
            fix: Vec::new(),
            mistaken_for: Vec::new(),
            steps: Vec::new(),
            related: Vec::new(),
            sources: references.iter().map(|reference| reference.title.clone()).collect(),
            checked: checked.unwrap_or_default().to_owned(),
            commands: Vec::new(),
            references,
        }
    }

    /// A guide.
    pub(super) fn guide(guide: &'static Guide) -> Self {
        let others = GUIDES.iter().filter(|other| guide.related.contains(&other.id));
        Self {
            id: guide.id.to_owned(),
            kind: "guide",
            title: guide.title.to_owned(),
            means: guide.means.to_owned(),
            steps: guide.steps.iter().map(Step::of).collect(),
            related: others.map(Related::to).collect(),
            ..Self::citing(references(guide.sources))
        }
    }

    pub(super) fn check(check: &'static Check) -> Self {
        let topics: Vec<&str> = check.needs.iter().map(|topic| topic.name()).collect();
        let mut contacts: Vec<&str> = check
            .needs
            .iter()
            .map(|topic| topic.contacts())
            .filter(|contacts| *contacts != "nothing")
            .collect();
        contacts.dedup();
        let cited = check.problems.iter().flat_map(|problem| problem.page.sources);
        let contacts = if contacts.is_empty() { "nothing".to_owned() } else { contacts.join("; ") };
        Self {
            id: check.id.to_owned(),
            kind: "check",
            title: check.asserts.to_owned(),
            means: format!(
                "This check asserts: {}. It reads the observations of {}; for these, the run \
                    contacts {contacts}.",
                check.asserts,
                topics.join(", ")
            ),
            confirm: vec![format!(
                "`entra-pg doctor --only {} -vv` runs only this check and what it needs",
                check.id
            )],
            related: check.problems.iter().map(|problem| related(problem)).collect(),
            ..Self::citing(references(cited))
        }
    }

    /// A family: its problems and checks.
    pub(super) fn family(family: &'static Family) -> Self {
        let problems = problems().into_iter().filter(|problem| problem.family() == family.name);
        let checks = family.checks.iter();
        let related = problems.map(related);
        let related = related.chain(checks.map(|check| Related {
            id: check.id.to_owned(),
            title: format!("check: {}", check.asserts),
        }));
        Self {
            id: family.name.to_owned(),
            kind: "family",
            title: family.title.to_owned(),
            means: format!("If every check of this family passes, {}.", family.summary),
            confirm: vec![format!(
                "`entra-pg doctor --only {}` runs only this family",
                family.name
            )],
            related: related.collect(),
            ..Self::citing(Vec::new())
        }
    }

    /// An AADSTS number: its own advice first, then the page of its problem.
    pub(super) fn number(known: &'static Aadsts) -> Self {
        let problem = Self::problem(known.problem);
        let code = known.code;
        let own = known.advice.iter().map(|advice| {
            let (text, action) = advice.shown();
            let command = action.as_ref().and_then(|action| action.render(Shell::Posix));
            let command = command.map(|command| command.text);
            Remedy { actor: advice.actor.label(), text, command, action }
        });
        let (actor, text) = known.todo;
        let todo =
            Remedy { actor: actor.label(), text: text.to_owned(), command: None, action: None };
        let mut fix: Vec<Remedy> = own.collect();
        if fix.is_empty() {
            fix.push(todo);
        }
        let name = Some(known.name).filter(|name| !name.is_empty());
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        let mut means = format!(
            "Microsoft Entra ID refused the request with this number{name}: {}.",
            known.meaning
        );
        if !known.occurs {
            means.push_str(
                " The number belongs to another kind of request: it cannot occur when a token \
                    for PostgreSQL is requested.",
            );
        }
        // The general page says nothing that the number does not say better, and a number with advice of
        // its own differs from the others of its problem.
        let general = known.problem == &OTHER_ENTRA_ERROR || !known.advice.is_empty();
        if !general {
            means = format!("{means} {}", problem.means);
            fix.extend(problem.fix);
        }
        let mut confirm = vec![format!("Microsoft's text: {}", aadsts::address(code))];
        confirm.extend(problem.confirm.into_iter().filter(|_| !general));
        Self {
            id: format!("AADSTS{code}"),
            kind: "aadsts",
            title: known.meaning.to_owned(),
            severity: problem.severity,
            means,
            causes: if general { Vec::new() } else { problem.causes },
            confirm,
            fix,
            mistaken_for: problem.mistaken_for,
            related: vec![related(known.problem)],
            ..Self::citing(with_text_of(code, problem.references))
        }
    }

    /// A number that Microsoft does not publish: the general page with the number.
    pub(super) fn unpublished(code: u32) -> Self {
        let general = Self::problem(&OTHER_ENTRA_ERROR);
        Self {
            id: format!("AADSTS{code}"),
            kind: "aadsts",
            title: "Microsoft Entra ID refused the request; Microsoft publishes no text for this \
                number"
                .to_owned(),
            means: format!(
                "Microsoft Entra ID refused the request with the number {code}, which is not in \
                    Microsoft's list of error codes. Read the text after the number."
            ),
            causes: Vec::new(),
            confirm: vec![format!("Microsoft's text, if there is one: {}", aadsts::address(code))],
            related: vec![related(&OTHER_ENTRA_ERROR)],
            ..general
        }
    }

    /// The page of a candidate.
    pub(super) fn of(subject: Subject) -> Self {
        match subject {
            Subject::Problem(problem) => Self::problem(problem),
            Subject::Number(known) => Self::number(known),
            Subject::Unpublished(code) => Self::unpublished(code),
            Subject::State(state) => Self::sqlstate(state),
        }
    }

    pub(super) fn sqlstate(state: &'static Sqlstate) -> Self {
        let related: Vec<Related> = state.problems.iter().map(|problem| related(problem)).collect();
        let first = state.problems.first();
        Self {
            id: state.code.to_owned(),
            kind: "sqlstate",
            title: state.name.to_owned(),
            means: state.means.to_owned(),
            causes: related
                .iter()
                .map(|related| format!("{}: {}", related.id, related.title))
                .collect(),
            confirm: vec!["`entra-pg doctor` finds the cause".to_owned()],
            fix: first.map(|problem| Self::problem(problem).fix).unwrap_or_default(),
            mistaken_for: owned(state.mistaken_for),
            related,
            ..Self::citing(references([&sources::SQLSTATES]))
        }
    }
}

/// The commands of a page, each once, in the order of the page.
fn commands(page: &Page) -> Vec<Forms> {
    let texts = page.confirm.iter().chain(page.fix.iter().map(|(_, text)| text));
    let mut found: Vec<Forms> = Vec::new();
    for text in texts.flat_map(|text| text.split('`').skip(1).step_by(2)) {
        if let Some(command) = forms(text)
            && !found.contains(&command)
        {
            found.push(command);
        }
    }
    found
}

/// The documents of these titles, each once.
fn references<'a>(titles: impl IntoIterator<Item = &'a &'static str>) -> Vec<Reference> {
    let mut found: Vec<Reference> = Vec::new();
    for Source { title, url, checked, read } in
        titles.into_iter().filter_map(|title| sources::source(title))
    {
        if !found.iter().any(|known| known.title == title) {
            found.push(Reference { title: title.to_owned(), url: url.to_owned(), checked, read });
        }
    }
    found
}

/// Microsoft's text about a number, before the documents of its problem.
fn with_text_of(code: u32, others: Vec<Reference>) -> Vec<Reference> {
    let own = Reference {
        title: format!("Microsoft Entra ID: text of error {code}"),
        url: aadsts::address(code),
        checked: aadsts::CHECKED,
        read: true,
    };
    [own].into_iter().chain(others).collect()
}

impl Step {
    fn of(step: &guide::Step) -> Self {
        Self {
            title: step.title.to_owned(),
            text: step.text.to_owned(),
            commands: step.command.lines().map(str::to_owned).collect(),
            proves: step.proves.to_owned(),
        }
    }
}

impl Related {
    fn to(guide: &Guide) -> Self {
        Self { id: guide.id.to_owned(), title: guide.title.to_owned() }
    }

    pub(super) fn family(family: &Family) -> Self {
        Self { id: family.name.to_owned(), title: family.title.to_owned() }
    }

    pub(super) fn of(problem: &Problem) -> Self {
        Self { id: problem.id.to_owned(), title: problem.title.to_owned() }
    }
}

fn related(problem: &Problem) -> Related {
    Related::of(problem)
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
