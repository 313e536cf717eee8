//! The requirements of Microsoft Entra authentication on a flexible server, as a checklist for the
//! topology at hand: each is a go, a no-go, or not checked.

mod requirements;
mod resolved;
mod runs;
mod snippets;
mod supply;

use crate::{
    azure::private_endpoint::approved,
    check::{Check, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::azure::{FlexibleServer, Topology},
    judge::{Judgment, Line, Status, judge},
    rulebook,
    support::azure::{
        place,
        words::{on_server, planned},
    },
    verdict::{Confidence, Finding, Fix},
};
pub use requirements::REQUIREMENTS;
use runs::{Client, clients_of};
pub use runs::{Run, is_of_another_server, utc};

/// What a requirement is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The server and its network: one item.
    Server,
    /// The configuration on the way from a client to the server: one item per report of a run in a
    /// client's network, or one by the configuration only.
    Path,
    /// A network that clients connect from: one item per report of a run there.
    Client,
}

/// A documented requirement.
pub struct Requirement {
    /// The name that scripts may rely on.
    pub id: &'static str,
    /// The requirement as a statement.
    pub title: &'static str,
    /// The topologies that it applies to.
    pub topologies: &'static [Topology],
    /// What it is about.
    pub side: Side,
    /// Whether only a run against this very server can show it.
    pub of_server: bool,
    /// Whether it depends on the address that the server's name resolves to.
    pub by_address: bool,
    /// The checks that judge it.
    pub checks: &'static [&'static Check],
    /// Problems of the check that leave it undecided.
    pub open: &'static [&'static Problem],
    /// The command whose output (`--azure-config`, `--from`) supplies what is missing.
    pub supply: &'static str,
    /// The role that may read it live (`--azure`).
    pub role: &'static str,
    /// Where the portal shows it.
    pub portal: &'static str,
}

/// The state of a requirement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It is met.
    Go,
    /// It is not met.
    NoGo,
    /// It was not checked, or could not be decided.
    NotChecked,
}

/// A requirement and what was found.
pub struct Item {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// Its state.
    pub state: State,
    /// What was found, or why nothing was.
    pub detail: String,
    /// The observations behind it.
    pub evidence: Vec<String>,
    /// Where it was observed: the configuration, the machine of a run, or both.
    pub vantage: String,
    /// What to do, if it is not met.
    pub fixes: Vec<Fix>,
    /// What supplies what is missing, with the names that are known.
    pub supply: String,
    /// The fix as Azure CLI, Bicep and Terraform.
    pub snippets: Vec<(&'static str, String)>,
}

/// The checklist.
pub struct Checklist {
    /// The server, if it is known.
    pub server: Option<String>,
    /// Its resource id, if its document has one.
    pub server_id: Option<String>,
    /// The runs in networks of clients.
    pub runs: Vec<Run>,
    /// How it is attached to networks; `None`: not known, so that every requirement is listed.
    pub topology: Option<Topology>,
    /// The requirements.
    pub items: Vec<Item>,
}

impl State {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::NoGo => "NO-GO",
            Self::NotChecked => "NOT CHECKED",
        }
    }
}

impl Checklist {
    /// No-go if anything is; go only if everything is.
    #[must_use]
    pub fn state(&self) -> State {
        let any = |state| self.items.iter().any(|item| item.state == state);
        if any(State::NoGo) {
            State::NoGo
        } else if any(State::NotChecked) || self.items.is_empty() {
            State::NotChecked
        } else {
            State::Go
        }
    }

    /// How many are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.items.iter().filter(|item| item.state == state).count()
    }
}

/// Judges every requirement. `clients`: the evidence of runs in the networks of clients. What they
/// observed of the server also counts for the requirements of the server's side, unless they are of
/// another server.
#[must_use]
pub fn checklist(seen: &Evidence, clients: &[&Evidence], topology: Option<Topology>) -> Checklist {
    let server = place::server(seen).ok();
    let topology = topology.or_else(|| topology_of(seen, server));
    let inside = clients_of(seen, clients);
    let sheet = Sheet { seen, inside: &inside, server, origin: origin(seen) };
    // While clients move to Private Link, a server has both ways.
    let endpoint = topology == Some(Topology::Public)
        && server.is_some_and(|server| !approved(server).is_empty());
    let applies = |requirement: &&Requirement| {
        topology.is_none_or(|topology| requirement.topologies.contains(&topology))
            || (endpoint && requirement.topologies.contains(&Topology::PrivateEndpoints))
    };
    let items = REQUIREMENTS.iter().filter(applies).flat_map(|one| match one.side {
        Side::Server => vec![sheet.of_server(one)],
        Side::Path | Side::Client if inside.is_empty() => vec![match one.side {
            Side::Client => sheet.without_client(one),
            Side::Server | Side::Path => sheet.of_server(one),
        }],
        Side::Path | Side::Client => {
            inside.iter().map(|client| sheet.of_client(one, client)).collect()
        }
    });
    let items = items.collect();
    let id = server.map(|server| server.id.clone()).filter(|id| !id.is_empty());
    let runs = inside.into_iter().map(|client| client.run).collect();
    let server = server.map(|server| server.name.clone());
    Checklist { server, server_id: id, runs, topology, items }
}

/// What a checklist is filled in from.
struct Sheet<'a> {
    seen: &'a Evidence,
    inside: &'a [Client],
    server: Option<&'a FlexibleServer>,
    origin: String,
}

/// A requirement, judged from one vantage.
struct Answer {
    state: State,
    detail: String,
    evidence: Vec<String>,
    fixes: Vec<Fix>,
    /// Whether a run contradicts the documents.
    contradicted: bool,
}

impl Answer {
    fn open(detail: String) -> Self {
        Self {
            state: State::NotChecked,
            detail,
            evidence: Vec::new(),
            fixes: Vec::new(),
            contradicted: false,
        }
    }
}

fn judged(requirement: &Requirement, seen: &Evidence) -> Answer {
    let judgment = judge(requirement.checks, seen, |_| true);
    // What was not tried on a client is explained by what failed there before it.
    let whole = (requirement.side == Side::Client).then(|| judge(&rulebook(), seen, |_| true));
    let failing = failing(requirement, &judgment).or_else(|| before(requirement, whole.as_ref()?));
    let contradicted = failing.is_some_and(|one| one.confidence == Confidence::Possible);
    let (state, detail) = state_of(failing, &judgment);
    let passed = judgment.lines.iter().filter(|line| line.status == Status::Passed);
    let passed = passed.map(|line| format!("{}: {}", line.check.id, about(line)));
    let findings = judgment.findings.iter().map(|one| &one.finding);
    let evidence = passed.chain(findings.flat_map(|one| one.evidence.clone())).collect();
    let met = state != State::NoGo;
    Answer {
        state,
        detail,
        evidence,
        fixes: failing.filter(|_| !met).map(fixes_of).unwrap_or_default(),
        contradicted,
    }
}

/// What to do about a finding, without what only confirms it.
fn fixes_of(finding: &Finding) -> Vec<Fix> {
    finding.fixes.iter().filter(|fix| !fix.check).cloned().collect()
}

impl Sheet<'_> {
    /// What the configuration says, and what a run from inside adds or contradicts.
    fn of_server(&self, requirement: &'static Requirement) -> Item {
        let mut best = judged(requirement, self.seen);
        let mut vantage = self.origin.clone();
        for client in self.inside.iter().filter(|client| client.run.other_server.is_none()) {
            let other = judged(requirement, &client.seen);
            let contradicts = best.state == State::NoGo && other.state == State::NotChecked;
            if contradicts || (best.state == State::NotChecked && other.state != best.state) {
                best = other;
                vantage = format!("{}, {}", self.origin, client.run.vantage());
            }
        }
        self.item(requirement, best, vantage)
    }

    /// What a run in a network of clients shows.
    fn of_client(&self, requirement: &'static Requirement, client: &Client) -> Item {
        let vantage = match requirement.side {
            Side::Path => format!("{}, {}", self.origin, client.run.vantage()),
            Side::Server | Side::Client => client.run.vantage(),
        };
        if let Some(other) = client.run.other_server.as_ref().filter(|_| requirement.of_server) {
            let this = match self.server {
                Some(server) => format!("of {}", server.name),
                None => "of the server that is checked".to_owned(),
            };
            let detail = format!("the run is of {other}, not {this}");
            return self.item(requirement, Answer::open(detail), vantage);
        }
        let mut answer = judged(requirement, &client.seen);
        if let Some(server) = self.server.filter(|_| requirement.by_address)
            && let Some(elsewhere) = resolved::elsewhere(&client.seen, server)
        {
            answer = elsewhere.answer(answer, requirement.checks);
        }
        if let Some(days) = client.run.days_old {
            answer.detail = format!("{}; the run is {days} days old", answer.detail);
        }
        self.item(requirement, answer, vantage)
    }

    fn without_client(&self, requirement: &'static Requirement) -> Item {
        let answer = Answer::open("no run in a client network was given".to_owned());
        self.item(requirement, answer, "client".to_owned())
    }

    fn item(&self, requirement: &'static Requirement, answer: Answer, vantage: String) -> Item {
        let snippets = match answer.state {
            State::NoGo => self.snippets(&answer.fixes),
            State::Go | State::NotChecked => Vec::new(),
        };
        let (detail, decide) = match answer.detail.split_once("; to decide it: ") {
            Some((detail, decide)) => (detail.to_owned(), decide),
            None => (answer.detail, requirement.supply),
        };
        let supply = supply::filled(decide, self.seen, self.server);
        let supply = if answer.contradicted {
            format!("the documents and the run contradict each other: export again: {supply}")
        } else {
            supply
        };
        Item {
            requirement,
            state: answer.state,
            detail,
            evidence: answer.evidence,
            vantage,
            fixes: answer.fixes,
            supply,
            snippets,
        }
    }

    /// The same fix in three languages: the first that a command makes, or what to do by hand.
    fn snippets(&self, fixes: &[Fix]) -> Vec<(&'static str, String)> {
        let changes = |action: &&Command| action.is_azure_cli() && action.changes_shared();
        let action = fixes.iter().filter_map(|fix| fix.action.as_ref()).find(changes);
        let action = action.map(|action| on_server(action.clone(), self.server));
        let by_hand = || {
            let texts: Vec<&str> = fixes.iter().map(|fix| fix.text.as_str()).collect();
            snippets::by_hand(&texts)
        };
        let Some(action) = action else { return by_hand() };
        let Some(az) = action.render_for(&self.seen.vantage) else { return by_hand() };
        let made = snippets::of(&action, self.seen);
        vec![("az", az.text), ("bicep", made.bicep), ("terraform", made.terraform)]
    }
}

/// Where the configuration is from.
fn origin(seen: &Evidence) -> String {
    let sources = seen.azure.seen().map(|azure| azure.sources.as_slice()).unwrap_or_default();
    let live = |from: &str| from.starts_with(LIVE);
    let files = sources.iter().any(|source| !live(&source.from));
    let origin = match (files, sources.iter().any(|source| live(&source.from))) {
        (true, true) => format!("azure-config, {LIVE}"),
        (false, true) => LIVE.to_owned(),
        (_, false) => "azure-config".to_owned(),
    };
    if planned(seen) { format!("{origin}, after the deployment") } else { origin }
}

/// What the source of a part says that was read live.
const LIVE: &str = "Azure Resource Manager";

/// The topology of the server, or of the network that is planned for one.
fn topology_of(seen: &Evidence, server: Option<&FlexibleServer>) -> Option<Topology> {
    let azure = seen.azure.seen();
    let planned = azure.is_some_and(|azure| {
        azure.security_groups.seen().is_some()
            || azure.route_tables.seen().is_some()
            || azure.networks.seen().is_some()
    });
    match server.map(FlexibleServer::topology) {
        Some(Topology::Unknown) => None,
        Some(known) => Some(known),
        None => planned.then_some(Topology::VirtualNetwork),
    }
}

/// The finding for which a requirement is not met: the root cause before what it explains.
fn failing<'a>(requirement: &Requirement, judged: &'a Judgment) -> Option<&'a Finding> {
    let open = |problem: &Problem| requirement.open.iter().any(|one| one.id == problem.id);
    let fails = |one: &Finding| {
        one.severity >= Severity::Warning && (one.severity == Severity::Error || !open(one.problem))
    };
    let mut root = judged.findings.iter().filter(|one| one.root).map(|one| &one.finding);
    let first = || judged.findings.iter().map(|one| &one.finding).find(|one| fails(one));
    root.find(|one| fails(one)).or_else(first)
}

/// The error for which a step on a client was not tried.
fn before<'a>(requirement: &Requirement, judged: &'a Judgment) -> Option<&'a Finding> {
    let own = |line: &&Line| requirement.checks.iter().any(|one| one.id == line.check.id);
    let explained = judged.lines.iter().filter(own).find_map(|line| line.explained_by)?;
    let mut findings = judged.findings.iter().map(|one| &one.finding);
    findings.find(|one| one.problem.id == explained.id && one.severity == Severity::Error)
}

/// Nothing but a check that passed is a go.
fn state_of(failing: Option<&Finding>, judged: &Judgment) -> (State, String) {
    match failing {
        // What was observed contradicts what the configuration says.
        Some(one) if one.confidence == Confidence::Possible => {
            return (State::NotChecked, format!("contradicted by a run: {}", one.detail));
        }
        Some(one) => return (State::NoGo, one.detail.clone()),
        None => {}
    }
    let asked = |line: &&Line| line.status != Status::NotApplicable;
    let lines: Vec<&Line> = judged.lines.iter().filter(asked).collect();
    if let Some(line) = lines.iter().find(|line| line.status != Status::Passed) {
        return (State::NotChecked, line.detail.clone());
    }
    if lines.is_empty() {
        let first = judged.lines.first().map(|line| line.detail.clone());
        return (State::NotChecked, first.unwrap_or_else(|| "nothing was observed".to_owned()));
    }
    let all: Vec<String> = lines.iter().take(4).map(|line| about(line)).collect();
    (State::Go, all.join("; "))
}

fn about(line: &Line) -> String {
    match &line.subject {
        Some(subject) => format!("{subject}: {}", line.detail),
        None => line.detail.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{REQUIREMENTS, State, checklist};
    use crate::{facts::azure::Topology, support::testing::healthy_but};

    #[test]
    fn nothing_given_is_not_checked() {
        let seen = healthy_but(&[]);
        for topology in [Topology::Public, Topology::PrivateEndpoints, Topology::VirtualNetwork] {
            let list = checklist(&seen, &[], Some(topology));
            assert_eq!(list.state(), State::NotChecked);
            assert!(list.items.iter().all(|item| item.state == State::NotChecked));
        }
    }

    #[test]
    fn every_requirement_says_what_supplies_it() {
        for one in REQUIREMENTS {
            for text in [one.title, one.supply, one.role, one.portal] {
                assert!(!text.is_empty(), "{}", one.id);
            }
            assert!(!one.topologies.is_empty() && !one.checks.is_empty(), "{}", one.id);
        }
    }
}
