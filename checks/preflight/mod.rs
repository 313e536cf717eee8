//! The requirements of Microsoft Entra authentication on a flexible server, as a checklist for the
//! topology at hand: each is a go, a no-go, or not checked.

mod requirements;
mod snippets;

use crate::{
    check::{Check, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::azure::{FlexibleServer, Topology},
    judge::{Judgment, Line, Status, judge},
    support::azure::{
        place,
        words::{on_server, planned},
    },
    verdict::{Confidence, Finding, Fix},
};
pub use requirements::REQUIREMENTS;

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
    /// The fix for the Azure CLI, if the finding gives none, in the syntax of [`Command::new`].
    pub az: &'static str,
    /// The fix in Bicep.
    pub bicep: &'static str,
    /// The fix in Terraform.
    pub terraform: &'static str,
    /// Problems of the checks with another fix.
    pub instead: &'static [Instead],
}

/// The fix of one problem, in place of that of the requirement.
pub struct Instead {
    /// The problem.
    pub problem: &'static Problem,
    /// The fix in Bicep.
    pub bicep: &'static str,
    /// The fix in Terraform.
    pub terraform: &'static str,
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
    /// The fix as Azure CLI, Bicep and Terraform.
    pub snippets: Vec<(&'static str, String)>,
}

/// The checklist.
pub struct Checklist {
    /// The server, if it is known.
    pub server: Option<String>,
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
/// observed of the server also counts for the requirements of the server's side.
#[must_use]
pub fn checklist(seen: &Evidence, clients: &[&Evidence], topology: Option<Topology>) -> Checklist {
    let server = place::server(seen).ok();
    let topology = topology.or_else(|| topology_of(seen, server));
    let inside: Vec<Evidence> = clients
        .iter()
        .map(|client| Evidence { azure: seen.azure.clone(), ..(*client).clone() })
        .collect();
    let sheet = Sheet { seen, inside: &inside, server, origin: origin(seen) };
    let applies = |requirement: &&Requirement| {
        topology.is_none_or(|topology| requirement.topologies.contains(&topology))
    };
    let items = REQUIREMENTS.iter().filter(applies).flat_map(|one| match one.side {
        Side::Server => vec![sheet.of_server(one)],
        Side::Path if inside.is_empty() => vec![sheet.of_server(one)],
        Side::Path => inside
            .iter()
            .map(|client| {
                let vantage = format!("{}, client {}", sheet.origin, client.vantage.hostname);
                sheet.item(one, judged(one, client), vantage)
            })
            .collect(),
        Side::Client if inside.is_empty() => vec![without_client(one)],
        Side::Client => inside
            .iter()
            .map(|client| {
                let vantage = format!("client {}", client.vantage.hostname);
                sheet.item(one, judged(one, client), vantage)
            })
            .collect(),
    });
    let items = items.collect();
    Checklist { server: server.map(|server| server.name.clone()), topology, items }
}

/// What a checklist is filled in from.
struct Sheet<'a> {
    seen: &'a Evidence,
    inside: &'a [Evidence],
    server: Option<&'a FlexibleServer>,
    origin: String,
}

/// A requirement, judged from one vantage.
struct Answer {
    judgment: Judgment,
    state: State,
    detail: String,
}

fn judged(requirement: &Requirement, seen: &Evidence) -> Answer {
    let judgment = judge(requirement.checks, seen, |_| true);
    let (state, detail) = state_of(requirement, &judgment);
    Answer { judgment, state, detail }
}

impl Sheet<'_> {
    /// What the configuration says, and what a run from inside adds or contradicts.
    fn of_server(&self, requirement: &'static Requirement) -> Item {
        let mut best = judged(requirement, self.seen);
        let mut vantage = self.origin.clone();
        for client in self.inside {
            let other = judged(requirement, client);
            let contradicts = best.state == State::NoGo && other.state == State::NotChecked;
            if contradicts || (best.state == State::NotChecked && other.state != best.state) {
                best = other;
                vantage = format!("{}, client {}", self.origin, client.vantage.hostname);
            }
        }
        self.item(requirement, best, vantage)
    }

    fn item(&self, requirement: &'static Requirement, answer: Answer, vantage: String) -> Item {
        let failed = answer.state == State::NoGo;
        let findings = || answer.judgment.findings.iter().map(|one| &one.finding);
        let fixes: Vec<Fix> = if failed {
            findings().flat_map(|one| one.fixes.clone()).collect()
        } else {
            Vec::new()
        };
        let passed = answer.judgment.lines.iter().filter(|line| line.status == Status::Passed);
        let passed = passed.map(|line| format!("{}: {}", line.check.id, about(line)));
        let evidence = passed.chain(findings().flat_map(|one| one.evidence.clone())).collect();
        let problem = failing(requirement, &answer.judgment).map(|one| one.problem);
        let snippets =
            if failed { self.snippets(requirement, problem, &fixes) } else { Vec::new() };
        Item {
            requirement,
            state: answer.state,
            detail: answer.detail,
            evidence,
            vantage,
            fixes,
            snippets,
        }
    }

    /// The same fix in three languages.
    fn snippets(
        &self,
        requirement: &Requirement,
        problem: Option<&Problem>,
        fixes: &[Fix],
    ) -> Vec<(&'static str, String)> {
        let own = requirement
            .instead
            .iter()
            .find(|one| problem.is_some_and(|problem| problem.id == one.problem.id));
        let (mut bicep, mut terraform) = own
            .map_or((requirement.bicep, requirement.terraform), |one| (one.bicep, one.terraform));
        let action = fixes.iter().find_map(|fix| fix.action.clone().filter(Command::is_azure_cli));
        let action = action.unwrap_or_else(|| on_server(Command::new(requirement.az), self.server));
        if action.starts_with(&["az", "postgres", "flexible-server", "restart"]) {
            (bicep, terraform) = snippets::NOT_A_PROPERTY;
        }
        let az = action.render_for(&self.seen.vantage).map(|rendered| rendered.text);
        [
            ("az", az.unwrap_or_else(|| requirement.az.to_owned())),
            ("bicep", snippets::filled(bicep, &action, self.server)),
            ("terraform", snippets::filled(terraform, &action, self.server)),
        ]
        .to_vec()
    }
}

fn without_client(requirement: &'static Requirement) -> Item {
    Item {
        requirement,
        state: State::NotChecked,
        detail: "no run in a client network was given".to_owned(),
        evidence: Vec::new(),
        vantage: "client".to_owned(),
        fixes: Vec::new(),
        snippets: Vec::new(),
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
    server.map(FlexibleServer::topology).or_else(|| planned.then_some(Topology::VirtualNetwork))
}

/// The finding for which a requirement is not met.
fn failing<'a>(requirement: &Requirement, judged: &'a Judgment) -> Option<&'a Finding> {
    let open = |problem: &Problem| requirement.open.iter().any(|one| one.id == problem.id);
    judged.findings.iter().map(|one| &one.finding).find(|one| {
        one.severity >= Severity::Warning && (one.severity == Severity::Error || !open(one.problem))
    })
}

/// Nothing but a check that passed is a go.
fn state_of(requirement: &Requirement, judged: &Judgment) -> (State, String) {
    match failing(requirement, judged) {
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
    use crate::{command::Command, facts::azure::Topology, support::testing::healthy_but};

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
    fn every_requirement_says_what_supplies_it_and_how_to_fix_it() {
        for one in REQUIREMENTS {
            for text in
                [one.title, one.supply, one.role, one.portal, one.az, one.bicep, one.terraform]
            {
                assert!(!text.is_empty(), "{}", one.id);
            }
            assert!(!one.topologies.is_empty() && !one.checks.is_empty(), "{}", one.id);
            assert!(Command::new(one.az).is_azure_cli(), "{}", one.id);
        }
    }
}
