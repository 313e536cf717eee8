//! From evidence to outcomes, and from outcomes to the one root cause.

use crate::{
    check::{Check, Judge, Missing, NeededBy, Problem, Severity},
    evidence::Evidence,
    facts::{
        NotObserved, Topic, credential::CredentialKind, dns::Role, login::LoginOutcome,
        tls::Validity,
    },
    verdict::{Confidence, Finding, Verdict},
};

/// Everything that judging one run gave.
pub struct Judgment {
    /// One line per check and subject, in the order of the rulebook.
    pub lines: Vec<Line>,
    /// Every finding, in the order of the rulebook.
    pub findings: Vec<Judged>,
    /// The overall outcome.
    pub outcome: Outcome,
}

/// One check on one subject.
pub struct Line {
    /// The check.
    pub check: &'static Check,
    /// The subject, for checks that have one.
    pub subject: Option<String>,
    /// What became of it.
    pub status: Status,
    /// What was seen, or why nothing was.
    pub detail: String,
    /// Whether the user left it out, with `--only` or `--skip`.
    pub deselected: bool,
    /// The problem that blocks the check, for lines that were skipped.
    pub explained_by: Option<&'static Problem>,
    /// Milliseconds from the run's beginning, and milliseconds it took.
    pub span: (u64, u64),
}

/// What became of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It holds.
    Passed,
    /// It holds, with a warning.
    Warning,
    /// It does not hold.
    Failed,
    /// It was not checked, for a known reason.
    Skipped,
    /// It could not be checked.
    Undetermined,
    /// The question does not arise.
    NotApplicable,
}

/// A finding in its place.
pub struct Judged {
    /// The finding.
    pub finding: Finding,
    /// The check that made it.
    pub check: &'static Check,
    /// Whether it is the root cause. At most one is.
    pub root: bool,
    /// The finding that explains it.
    pub explained_by: Option<&'static Problem>,
    /// Whether an error became a warning because the login succeeded without what it is about.
    pub softened: bool,
}

/// The outcome of the run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Nothing is wrong.
    Healthy,
    /// Warnings only.
    Degraded,
    /// At least one error.
    Failing,
    /// Nothing failed, but a decisive check could not be made.
    Undetermined,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Passed,
        Self::Warning,
        Self::Failed,
        Self::Skipped,
        Self::Undetermined,
        Self::NotApplicable,
    ];

    /// The word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Undetermined => "undetermined",
            Self::NotApplicable => "not-applicable",
        }
    }
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Degraded, Self::Failing, Self::Undetermined];

    /// The word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
            Self::Undetermined => "undetermined",
        }
    }
}

/// Judges evidence by a rulebook. `selected` says whether the user wants a check (by family or id).
#[must_use]
pub fn judge(
    rulebook: &[&'static Check],
    evidence: &Evidence,
    selected: impl Fn(&Check) -> bool,
) -> Judgment {
    let mut verdicts = Vec::new();
    for &check in rulebook {
        if selected(check) {
            verdicts.extend(run(check, evidence));
        } else {
            verdicts.push((check, None, Err(Missing(NotObserved::Deselected))));
        }
    }
    let mut findings = collect(&verdicts);
    render_commands(&mut findings, evidence);
    explain(&mut findings, evidence);
    soften(&mut findings, evidence);
    mark_root(&mut findings, evidence);
    let lines: Vec<Line> =
        verdicts.into_iter().map(|verdict| line(verdict, &findings, evidence)).collect();
    let outcome = outcome(&lines, &findings);
    Judgment { lines, findings, outcome }
}

impl Judgment {
    /// The root cause.
    #[must_use]
    pub fn root(&self) -> Option<&Judged> {
        self.findings.iter().find(|judged| judged.root)
    }

    /// The families with a line, in the order of the rulebook.
    #[must_use]
    pub fn families(&self) -> Vec<&'static str> {
        let mut families: Vec<&'static str> = Vec::new();
        for family in self.lines.iter().map(|line| line.check.family()) {
            if !families.contains(&family) {
                families.push(family);
            }
        }
        families
    }
}

type Spoken = (&'static Check, Option<String>, Result<Verdict, Missing>);

fn run(check: &'static Check, evidence: &Evidence) -> Vec<Spoken> {
    match check.judge {
        Judge::Once(judge) => vec![(check, None, judge(evidence))],
        Judge::Each { subjects, judge } => subjects(evidence)
            .into_iter()
            .map(|subject| {
                let verdict = judge(evidence, &subject);
                (check, Some(subject), verdict)
            })
            .collect(),
    }
}

fn collect(verdicts: &[Spoken]) -> Vec<Judged> {
    let mut findings: Vec<Judged> = Vec::new();
    for (check, _, verdict) in verdicts {
        let Ok(Verdict::Found(found)) = verdict else {
            continue;
        };
        for finding in found {
            findings.push(Judged {
                finding: finding.clone(),
                check,
                root: false,
                explained_by: None,
                softened: false,
            });
        }
    }
    findings
}

/// Commands are data until the shell of the run is known.
fn render_commands(findings: &mut [Judged], evidence: &Evidence) {
    for fix in findings.iter_mut().flat_map(|judged| &mut judged.finding.fixes) {
        fix.render(&evidence.vantage);
    }
}

/// A finding is explained by the first error that says so and whose subject can have to do with it.
/// Of two that explain each other, the earlier in the chain is the cause.
fn explain(findings: &mut [Judged], evidence: &Evidence) {
    let explains =
        |cause: usize, effect: usize| causes(&findings[cause], &findings[effect], evidence);
    let causes: Vec<Option<&'static Problem>> = (0..findings.len())
        .map(|effect| {
            (0..findings.len())
                .find(|&cause| {
                    let mutual = effect < cause && explains(effect, cause);
                    cause != effect && explains(cause, effect) && !mutual
                })
                .map(|cause| findings[cause].finding.problem)
        })
        .collect();
    for (judged, cause) in findings.iter_mut().zip(causes) {
        judged.explained_by = cause;
    }
}

fn causes(by: &Judged, of: &Judged, evidence: &Evidence) -> bool {
    let (cause, effect) = (&by.finding, &of.finding);
    let named = cause.problem.explains.iter().any(|pattern| matches(pattern, effect.problem));
    let same_subject = cause.subject == effect.subject;
    // A guess explains nothing.
    cause.severity == Severity::Error
        && cause.confidence != Confidence::Possible
        && named
        // A whole family does not explain what is wrong on this machine; a problem that names it does.
        && (!effect.problem.local || cause.problem.explains.contains(&effect.problem.id))
        && (same_subject || on_path(cause, evidence))
        && cause.problem != effect.problem
        && (!by.check.needs.contains(&Topic::Clock) || clock_matters(of.check, evidence))
}

/// Whether the server's certificate would be valid at the true time. A clock that is off by minutes does
/// not explain a certificate that expired last year.
fn clock_matters(check: &Check, evidence: &Evidence) -> bool {
    let tls = evidence.server.seen().and_then(|server| server.tls.seen());
    let validity = tls.and_then(|tls| tls.trust.as_ref()).map(|trust| &trust.validity);
    let valid = match validity {
        Some(Validity::Expired { not_after }) => evidence.now() <= *not_after,
        Some(Validity::NotYet { not_before }) => *not_before <= evidence.now(),
        Some(_) | None => true,
    };
    !check.needs.contains(&Topic::Server) || valid
}

fn matches(pattern: &str, problem: &Problem) -> bool {
    match pattern.strip_suffix("/*") {
        Some(family) => problem.family() == family,
        None => problem.id == pattern,
    }
}

/// Whether this login has to pass what the finding is about. Graph is needed to resolve names, not
/// to log in; the authority is not needed any more by who holds a token.
fn on_path(finding: &Finding, evidence: &Evidence) -> bool {
    if needed_by(finding) != NeededBy::LoginToHost {
        return true;
    }
    match role(finding, evidence) {
        Some(Role::Graph | Role::ResourceManager) => false,
        Some(Role::Authority) => evidence.token.seen().is_none(),
        Some(Role::Server | Role::Other) | None => true,
    }
}

/// The role of the host that a finding is about.
fn role(finding: &Finding, evidence: &Evidence) -> Option<Role> {
    let name = evidence.dns.seen().and_then(|dns| dns.name(&finding.subject));
    name.map(|name| name.role).or_else(|| {
        let outbound = evidence.outbound.seen()?;
        outbound.hosts.iter().find(|host| host.host == finding.subject).map(|host| host.role)
    })
}

/// Whether this login needs what the finding is about. A token that is at hand was not issued for this
/// run's clock or hosts: they matter only for acquiring one.
fn needed(finding: &Finding, evidence: &Evidence) -> bool {
    match needed_by(finding) {
        NeededBy::Acquisition => evidence.token.seen().is_none(),
        NeededBy::LoginToHost | NeededBy::EveryLogin => on_path(finding, evidence),
    }
}

/// Which logins need what the finding is about. Checks of an unknown family concern every login.
fn needed_by(finding: &Finding) -> NeededBy {
    finding.problem.family_data().needed
}

/// Whether the token was acquired in this run. A given token needs no Entra host.
fn token_acquired(evidence: &Evidence) -> bool {
    let given = [CredentialKind::Password, CredentialKind::TokenFile];
    let chosen = evidence.credential.seen().and_then(|trace| trace.chosen());
    chosen.is_some_and(|attempt| !given.contains(&attempt.kind))
}

/// After a successful login, an error that concerns a host or a clock which the login did not need is a
/// warning. A host through which the token was acquired was needed.
fn soften(findings: &mut [Judged], evidence: &Evidence) {
    let login = evidence.login.seen().map(|login| &login.outcome);
    if !matches!(login, Some(LoginOutcome::Accepted { .. })) {
        return;
    }
    let acquired = token_acquired(evidence);
    for judged in findings {
        let finding = &mut judged.finding;
        let authority = role(finding, evidence) == Some(Role::Authority);
        let for_token = authority || needed_by(finding) == NeededBy::Acquisition;
        let off_path = !(needed(finding, evidence) || acquired && for_token);
        if off_path && finding.severity == Severity::Error {
            finding.severity = Severity::Warning;
            judged.softened = true;
        }
    }
}

/// The root is the earliest unexplained error that the login needs to be absent; a guess yields to what
/// is certain. If no error is left, it is the earliest one that became a warning.
fn mark_root(findings: &mut [Judged], evidence: &Evidence) {
    let error = |judged: &Judged| judged.finding.severity == Severity::Error;
    let root = findings
        .iter()
        .enumerate()
        .filter(|(_, judged)| judged.explained_by.is_none() && (error(judged) || judged.softened))
        .min_by_key(|(index, judged)| {
            let off_path = !needed(&judged.finding, evidence);
            let guess = judged.finding.confidence == Confidence::Possible;
            (!error(judged), off_path, guess, *index)
        })
        .map(|(index, _)| index);
    if let Some(index) = root {
        findings[index].root = true;
    }
}

fn line((check, subject, verdict): Spoken, findings: &[Judged], evidence: &Evidence) -> Line {
    // What configuration says took as long as reading it, whatever it is compared with.
    let timed = check.family_data().timed;
    let topics = if timed.is_empty() { check.needs } else { timed };
    let span = evidence.span(topics, subject.as_deref());
    let deselected = matches!(verdict, Err(Missing(NotObserved::Deselected)));
    let (status, detail, explained_by) = match verdict {
        Ok(Verdict::Passed(detail)) => (Status::Passed, detail, None),
        Ok(Verdict::NotApplicable(why)) => (Status::NotApplicable, why, None),
        Ok(Verdict::Found(found)) => spoken(check, &found, findings),
        Err(Missing(why)) => unspoken(&why, findings),
    };
    Line { check, subject, status, detail, deselected, explained_by, span }
}

fn spoken(
    check: &Check,
    found: &[Finding],
    findings: &[Judged],
) -> (Status, String, Option<&'static Problem>) {
    let Some(worst) = found.iter().rev().max_by_key(|finding| finding.severity) else {
        return (Status::Passed, String::new(), None);
    };
    let placed = findings.iter().find(|judged| {
        judged.check.id == check.id
            && judged.finding.problem == worst.problem
            && judged.finding.subject == worst.subject
    });
    let severity = placed.map_or(worst.severity, |judged| judged.finding.severity);
    let status = match severity {
        Severity::Error => Status::Failed,
        Severity::Warning => Status::Warning,
        Severity::Info => Status::Passed,
    };
    (status, worst.detail.clone(), placed.and_then(|judged| judged.explained_by))
}

fn unspoken(why: &NotObserved, findings: &[Judged]) -> (Status, String, Option<&'static Problem>) {
    match why {
        NotObserved::NotAsked => (Status::Skipped, "not asked for".to_owned(), None),
        NotObserved::NotApplicable { why } => (Status::NotApplicable, why.clone(), None),
        NotObserved::Deselected => (Status::Skipped, "deselected".to_owned(), None),
        NotObserved::Blocked { by, subject } => blocked(*by, subject, findings),
        NotObserved::OutOfTime { after_ms } => {
            (Status::Undetermined, format!("not finished after {after_ms} ms"), None)
        }
        NotObserved::NotPermitted { detail } => (Status::Undetermined, detail.clone(), None),
        NotObserved::NotDecided { detail, decide } => {
            (Status::Undetermined, format!("not decided: {detail}; to decide it: {decide}"), None)
        }
        NotObserved::ToolFailed { detail } => {
            (Status::Undetermined, format!("the tool failed: {detail}"), None)
        }
    }
}

fn blocked(
    by: Topic,
    subject: &str,
    findings: &[Judged],
) -> (Status, String, Option<&'static Problem>) {
    let blocks = |problem: &Problem| problem.family_data().blocks.contains(&by);
    let errors = || {
        findings.iter().filter(|judged| {
            let error = judged.finding.severity == Severity::Error || judged.softened;
            error && blocks(judged.finding.problem)
        })
    };
    let cause = errors()
        .find(|judged| !subject.is_empty() && judged.finding.subject.contains(subject))
        .or_else(|| errors().next())
        .or_else(|| findings.iter().find(|judged| judged.root));
    let about = if subject.is_empty() { by.name() } else { subject };
    match cause {
        Some(judged) => {
            let problem = judged.finding.problem;
            (Status::Skipped, format!("explained by {}", problem.id), Some(problem))
        }
        None => (Status::Undetermined, format!("waited for {about}"), None),
    }
}

fn outcome(lines: &[Line], findings: &[Judged]) -> Outcome {
    let worst = findings.iter().map(|judged| judged.finding.severity).max();
    let undetermined = |line: &&Line| line.status == Status::Undetermined;
    // Where nothing decisive was asked, as with files only, what was asked decides.
    let asked = |line: &Line| !matches!(line.status, Status::NotApplicable | Status::Skipped);
    let all_count = !lines.iter().any(|line| line.check.decisive && asked(line));
    // The decisive checks of a chain speak for those before them, unless they were left out.
    let left_out = |rest: &[Line]| {
        let mut decisive = rest.iter().filter(|line| line.check.decisive).peekable();
        decisive.peek().is_some() && decisive.all(|line| line.deselected)
    };
    let undecided = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| undetermined(line))
        .any(|(index, line)| line.check.decisive || all_count || left_out(&lines[index + 1..]));
    match worst {
        Some(Severity::Error) => Outcome::Failing,
        _ if undecided => Outcome::Undetermined,
        Some(Severity::Warning) => Outcome::Degraded,
        Some(Severity::Info) | None => Outcome::Healthy,
    }
}
