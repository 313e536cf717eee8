//! What a check and a problem are: static data and one function.

use crate::{
    evidence::Evidence,
    facts::{NotObserved, Topic},
    verdict::{Actor, Verdict},
};

/// Something that is asserted of a working login, and the judgement of it.
pub struct Check {
    /// `family/slug`.
    pub id: &'static str,
    /// The assertion; printed when it holds, too.
    pub asserts: &'static str,
    /// The topics it reads. A test holds it to them.
    pub needs: &'static [Topic],
    /// The only problems it may report.
    pub problems: &'static [&'static Problem],
    /// Whether the run says "undetermined" when this could not be looked at.
    pub decisive: bool,
    /// The judgement.
    pub judge: Judge,
}

/// A pure judgement: no clock, no network, no environment.
pub enum Judge {
    /// Once a run.
    Once(fn(&Evidence) -> Result<Verdict, Missing>),
    /// Once for each subject (a host, mostly), each with a line of its own in the report.
    Each {
        /// The subjects.
        subjects: fn(&Evidence) -> Vec<String>,
        /// The judgement of one.
        judge: fn(&Evidence, &str) -> Result<Verdict, Missing>,
    },
}

/// Why a judgement could not be made. Made by `?` from a fact that was not observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing(pub NotObserved);

/// A defect with a name.
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
    /// Its page for `entra-pg explain`.
    pub page: Page,
}

/// The page of a problem. Plain sentences; commands stand between backticks.
#[derive(Debug)]
pub struct Page {
    /// What it means, in one to three sentences.
    pub means: &'static str,
    /// Why it happens, most likely first.
    pub causes: &'static [&'static str],
    /// How to confirm it by hand.
    pub confirm: &'static [&'static str],
    /// How to mend it, and who does.
    pub fix: &'static [(Actor, &'static str)],
    /// What it is often mistaken for, and the difference.
    pub mistaken_for: &'static [&'static str],
    /// Where the facts are from.
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
}

impl Problem {
    /// The family: the part of the id before the slash.
    #[must_use]
    pub fn family(&self) -> &'static str {
        family_of(self.id)
    }

    /// From where it shows: what this machine saw itself, what it concludes of the server's own
    /// side from how the server behaves, or what Azure's configuration says.
    #[must_use]
    pub fn vantage(&self) -> &'static str {
        match self.family() {
            "azure" => "azure-config",
            "login" if SERVERS_SIDE.contains(&self.id) => "server-inferred",
            _ => "client",
        }
    }

    /// Where its page can be read: in the tool itself, since hints on the web fail in a closed network.
    #[must_use]
    pub fn docs(&self) -> String {
        format!("entra-pg explain {}", self.id)
    }
}

/// Refusals of which the cause is on the server's own side, as far as this machine can tell.
const SERVERS_SIDE: &[&str] = &[
    "login/stalled",
    "login/closed",
    "login/refused",
    "login/token-refused",
    "login/server-defect",
];

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

/// Problems of one kind: errors with the same consequences, each with its page, and the list of all.
macro_rules! problems {
    (explains $explains:expr; $($name:ident $id:literal $title:literal $means:literal
        causes $causes:expr; confirm $confirm:expr; fix $fix:expr; not $not:expr; sources $sources:expr;)*) => {
        $(
            #[doc = $title]
            pub static $name: $crate::check::Problem = $crate::check::Problem {
                id: $id,
                title: $title,
                severity: $crate::check::Severity::Error,
                explains: $explains,
                page: $crate::check::Page {
                    means: $means,
                    causes: $causes,
                    confirm: $confirm,
                    fix: $fix,
                    mistaken_for: $not,
                    sources: $sources,
                },
            };
        )*
        /// Every problem that is defined here.
        pub const ALL: &[&$crate::check::Problem] = &[$(&$name),*];
    };
}
pub(crate) use problems;
