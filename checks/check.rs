//! What a check and a problem are: static data and one function.

use crate::{
    evidence::Evidence,
    facts::{NotObserved, Topic},
    verdict::{Actor, Verdict},
};

/// An assertion about a working login, and how it is judged.
pub struct Check {
    /// `family/slug`.
    pub id: &'static str,
    /// The assertion; printed when it holds, too.
    pub asserts: &'static str,
    /// The topics it reads. A test holds it to them.
    pub needs: &'static [Topic],
    /// The only problems it may report.
    pub problems: &'static [&'static Problem],
    /// Whether the run says "undetermined" when this could not be checked.
    pub decisive: bool,
    /// The judgment.
    pub judge: Judge,
}

/// A pure judgment: no clock, no network, no environment.
pub enum Judge {
    /// Once a run.
    Once(fn(&Evidence) -> Result<Verdict, Missing>),
    /// Once for each subject (a host, mostly), each with a line of its own in the report.
    Each {
        /// The subjects.
        subjects: fn(&Evidence) -> Vec<String>,
        /// The judgment of one subject.
        judge: fn(&Evidence, &str) -> Result<Verdict, Missing>,
    },
}

/// Why a judgment could not be made. Made by `?` from a fact that was not observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing(pub NotObserved);

impl Missing {
    /// What is known leaves it open. `decide` names what would decide it.
    #[must_use]
    pub fn not_decided(detail: impl Into<String>, decide: impl Into<String>) -> Self {
        Self(NotObserved::NotDecided { detail: detail.into(), decide: decide.into() })
    }
}

/// A defect with a name. Everything that the rest of the program knows of it is here.
#[derive(Debug)]
pub struct Problem {
    /// `family/slug`; part of the contract with scripts.
    pub id: &'static str,
    /// The defect in a few words, without a full stop.
    pub title: &'static str,
    /// How bad it is, unless the finding says otherwise.
    pub severity: Severity,
    /// Problems that are consequences of this one: ids, or `family/*`.
    pub explains: &'static [&'static str],
    /// Whether it is a matter of this computer's configuration only, so that no other problem explains it.
    pub local: bool,
    /// Whether it can disappear while `--retry-for` runs.
    pub waiting: Waiting,
    /// Where its cause is observed.
    pub vantage: VantageKind,
    /// The service that its error messages are about, if it is not the family's.
    pub service: Option<Service>,
    /// Parts of error messages by which `explain` recognizes it.
    pub fragments: &'static [Fragment],
    /// Its page for `entra-pg explain`.
    pub page: Page,
}

/// Whether a problem can disappear while the diagnosis is repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Waiting {
    /// Networks, roles, rules and servers change.
    Helps,
    /// The settings and a given token stay as they are.
    Useless,
    /// Each run acquires a token, and a new one can differ. A given token does not change.
    HelpsWithNewToken,
    /// Azure's configuration is read live in each run. Exported files do not change.
    HelpsIfReadLive,
}

/// Where the cause of a problem is observed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VantageKind {
    /// On this machine.
    Client,
    /// On the server's side, concluded from how the server behaves.
    ServerInferred,
    /// In the configuration of Azure.
    AzureConfig,
}

/// Part of an error message of psql, a driver or a tool.
#[derive(Debug)]
pub struct Fragment {
    /// The text in lower case. `…` is any text in between. White space and quotation marks do not count.
    pub text: &'static str,
    /// How strongly it suggests the problem, from 1 to 100. The page of the heaviest fragment comes
    /// first.
    pub weight: u16,
}

/// A group of checks on one part of the login's path.
pub struct Family {
    /// The part of the ids of its checks and problems before the slash.
    pub name: &'static str,
    /// Its name in reports for people.
    pub title: &'static str,
    /// The statement that holds if all its checks pass, as a clause.
    pub summary: &'static str,
    /// Its checks, from cause to consequence.
    pub checks: &'static [&'static Check],
    /// Problems that no check can observe, such as an error of the application: only `explain` knows them.
    pub pages: &'static [&'static Problem],
    /// Its station on the path that the HTML report draws.
    pub station: Station,
    /// Whether a passed check shows that the station was reached.
    pub reaches_station: bool,
    /// The service that error messages of its problems are about; `None`: this machine or any service.
    pub service: Option<Service>,
    /// The weight from which a fragment of its problems proves that the server gave a reason. Drivers
    /// then try again without TLS, and the answer to the second attempt means nothing.
    pub proof_of_refusal: Option<u16>,
    /// Whether its findings are about a host or a resource, which a headline can name.
    pub about_resources: bool,
    /// Whether psql can fail because of its problems while the doctor, with settings of its own, logs in.
    pub psql_only: bool,
    /// The areas in which a difference between two runs can be the cause of its problems.
    pub reasons: &'static [Area],
    /// The facts that `diff` lists if they are the same in both runs, because they are suspected first.
    pub suspects: &'static [&'static str],
    /// The topics that cannot be observed because of its problems.
    pub blocks: &'static [Topic],
    /// Which logins need what its checks assert.
    pub needed: NeededBy,
    /// The setting that leads a person to the cause of its problems.
    pub setting: RelatedSetting,
    /// The topics whose observation takes the time of its checks; empty: all that a check needs.
    pub timed: &'static [Topic],
}

impl Family {
    /// The base of families: every login needs it, and the token leads to the cause.
    pub const DEFAULT: Self = Self {
        name: "",
        title: "",
        summary: "",
        checks: &[],
        pages: &[],
        station: Station::Machine,
        reaches_station: true,
        service: None,
        proof_of_refusal: None,
        about_resources: false,
        psql_only: false,
        reasons: &[],
        suspects: &[],
        blocks: &[],
        needed: NeededBy::EveryLogin,
        setting: RelatedSetting::Token,
        timed: &[],
    };
}

/// Which logins need what the checks of a family assert.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NeededBy {
    /// Every login.
    EveryLogin,
    /// A login that contacts the host that a finding is about.
    LoginToHost,
    /// A login for which a token is acquired.
    Acquisition,
}

/// A setting of the login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RelatedSetting {
    /// The host.
    Host,
    /// The user name.
    User,
    /// The database.
    Database,
    /// The source of the token.
    Token,
}

/// A station on the login's path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Station {
    /// The machine that runs the command.
    Machine,
    /// Name resolution.
    Dns,
    /// Microsoft Entra ID.
    Entra,
    /// The database server.
    Server,
    /// The login and its session.
    Login,
}

/// A service that an error message can be about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// The database server or its pooler.
    Server,
    /// Microsoft Entra ID, Microsoft Graph or Azure Resource Manager.
    Outbound,
    /// The endpoint of managed identities.
    Identity,
}

/// A part of the evidence, as `diff` groups it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The machine.
    Machine,
    /// The settings of the connection.
    Settings,
    /// The proxy rules.
    Proxy,
    /// Name resolution.
    Dns,
    /// The way to the Entra hosts.
    Outbound,
    /// The machine's clock.
    Clock,
    /// The token and its source.
    Token,
    /// The way to the server.
    Server,
    /// The login.
    Login,
    /// The session.
    Access,
}

/// The page of a problem. Plain sentences; commands are between backticks.
#[derive(Debug)]
pub struct Page {
    /// What it means, in one to three sentences.
    pub means: &'static str,
    /// Why it happens, most likely first.
    pub causes: &'static [&'static str],
    /// How to confirm it by hand.
    pub confirm: &'static [&'static str],
    /// How to fix it, and who does.
    pub fix: &'static [(Actor, &'static str)],
    /// What it is often mistaken for, and the difference.
    pub mistaken_for: &'static [&'static str],
    /// The titles of the documents that the facts are from; `support/sources.tsv` has their addresses and
    /// the day of the last check.
    pub sources: &'static [&'static str],
}

/// How bad a problem is.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It works, but it will not always.
    Warning,
    /// It prevents the login, or a part of what was asked for.
    Error,
}

impl Check {
    /// The family: the part of the id before the slash.
    #[must_use]
    pub fn family(&self) -> &'static str {
        family_of(self.id)
    }

    /// The data of its family; [`Family::DEFAULT`] for a family that is not in [`crate::FAMILIES`].
    #[must_use]
    pub fn family_data(&self) -> &'static Family {
        crate::family(self.family()).unwrap_or(&Family::DEFAULT)
    }
}

impl Problem {
    /// The base of problems: an error on this machine's side that explains nothing else and can
    /// disappear by itself.
    pub const DEFAULT: Self = Self {
        id: "",
        title: "",
        severity: Severity::Error,
        explains: &[],
        local: false,
        waiting: Waiting::Helps,
        vantage: VantageKind::Client,
        service: None,
        fragments: &[],
        page: Page {
            means: "",
            causes: &[],
            confirm: &[],
            fix: &[],
            mistaken_for: &[],
            sources: &[],
        },
    };

    /// The family: the part of the id before the slash.
    #[must_use]
    pub fn family(&self) -> &'static str {
        family_of(self.id)
    }

    /// The data of its family; [`Family::DEFAULT`] for a family that is not in [`crate::FAMILIES`].
    #[must_use]
    pub fn family_data(&self) -> &'static Family {
        crate::family(self.family()).unwrap_or(&Family::DEFAULT)
    }

    /// The command that prints the page. It needs no network.
    #[must_use]
    pub fn explain_command(&self) -> String {
        format!("entra-pg explain {}", self.id)
    }

    /// The address of the page if the program was built with the address of a website, else the command.
    #[must_use]
    pub fn docs(&self) -> String {
        self.docs_url().unwrap_or_else(|| self.explain_command())
    }

    /// The address of the page, if the program was built with the address of a website.
    #[must_use]
    pub fn docs_url(&self) -> Option<String> {
        WEBSITE.filter(|website| !website.is_empty()).map(|website| self.docs_at(website))
    }

    /// The address of the page on a website that `explain --all` wrote.
    #[must_use]
    pub fn docs_at(&self, website: &str) -> String {
        format!("{}/problem-{}.html", website.trim_end_matches('/'), self.id.replace('/', "-"))
    }
}

/// The address of the website of the pages. A release sets it when it builds the program.
const WEBSITE: Option<&str> = option_env!("ENTRA_PG_DOCS_URL");

impl VantageKind {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::ServerInferred => "server-inferred",
            Self::AzureConfig => "azure-config",
        }
    }
}

impl Fragment {
    /// A lighter fragment, such as "connection refused", means nothing by itself: it counts only for
    /// problems of the service that the text is about.
    pub const SPECIFIC: u16 = 60;

    /// A fragment of a message, in lower case.
    #[must_use]
    pub const fn new(text: &'static str, weight: u16) -> Self {
        Self { text, weight }
    }
}

impl Station {
    /// Every station, in the order of the path.
    pub const ALL: [Self; 5] = [Self::Machine, Self::Dns, Self::Entra, Self::Server, Self::Login];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine => "this machine",
            Self::Dns => "DNS",
            Self::Entra => "Entra ID",
            Self::Server => "server",
            Self::Login => "login",
        }
    }
}

impl Area {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Settings => "settings",
            Self::Proxy => "proxy",
            Self::Dns => "dns",
            Self::Outbound => "outbound",
            Self::Clock => "clock",
            Self::Token => "token",
            Self::Server => "server",
            Self::Login => "login",
            Self::Access => "access",
        }
    }
}

impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl From<&NotObserved> for Missing {
    fn from(why: &NotObserved) -> Self {
        Self(why.clone())
    }
}

fn family_of(id: &'static str) -> &'static str {
    id.split_once('/').map_or(id, |(family, _)| family)
}
