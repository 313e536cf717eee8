//! The checks of `entra-pg`: pure judgments over recorded observations of a Microsoft Entra ID login to
//! Azure Database for PostgreSQL.
//!
//! [`Evidence`] holds the typed observations of one run. A [`Check`] is a pure function from evidence to a
//! [`Verdict`]: no network, no clock, no environment. [`judge()`] runs a list of checks, such as
//! [`rulebook()`], and names the one root cause. A fact that was not observed is [`NotObserved`] with the
//! reason, so that "could not tell" is never "failed".
//!
//! `.github/CONTRIBUTING.md` of the repository describes how to add a check to the rulebook.
//!
//! # Embed a check
//!
//! A program can judge with checks of its own in addition to the rulebook. This is the test
//! `tests/embedding.rs` of this crate:
//!
//! ```no_run
#![doc = include_str!("tests/embedding.rs")]
//! ```

pub mod access;
pub mod azure;
pub mod check;
pub mod claims;
pub mod clock;
pub mod command;
pub mod config;
pub mod dns;
pub mod evidence;
pub mod facts;
pub mod judge;
pub mod login;
pub mod name;
pub mod outbound;
pub mod preflight;
pub mod server;
pub mod support;
pub mod text;
pub mod token;
pub mod verdict;

pub use check::{
    Area, Check, Family, Fragment, Judge, Missing, NeededBy, Page, Problem, RelatedSetting,
    Service, Severity, Station, VantageKind, Waiting,
};
pub use command::{Command, Language};
pub use evidence::{Contact, ContactProtocol, Evidence, Step};
pub use facts::{Fact, NotObserved, Topic};
pub use judge::{Judged, Judgment, Line, Outcome, Status, judge};
pub use verdict::{Actor, Confidence, Finding, Fix, Risk, Verdict};

/// The families in the order of the chain, from what is typed to what is queried.
pub const FAMILIES: &[&Family] = &[
    &config::FAMILY,
    &dns::FAMILY,
    &outbound::FAMILY,
    &clock::FAMILY,
    &token::FAMILY,
    &claims::FAMILY,
    &name::FAMILY,
    &server::FAMILY,
    &login::FAMILY,
    &access::FAMILY,
    &azure::FAMILY,
];

/// The family of this name.
#[must_use]
pub fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().copied().find(|family| family.name == name)
}

/// Every check, in the order of the chain.
#[must_use]
pub fn rulebook() -> Vec<&'static Check> {
    FAMILIES.iter().flat_map(|family| family.checks).copied().collect()
}

/// Every problem, once, in the order of the chain.
#[must_use]
pub fn problems() -> Vec<&'static Problem> {
    let mut all: Vec<&'static Problem> = Vec::new();
    for family in FAMILIES {
        let of_checks = family.checks.iter().flat_map(|check| check.problems);
        for problem in of_checks.chain(family.pages) {
            if !all.contains(problem) {
                all.push(problem);
            }
        }
    }
    all
}
