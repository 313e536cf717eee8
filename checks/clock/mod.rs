//! Checks of the family `clock`.

pub mod accuracy;

use crate::{
    check::{Area, Family, NeededBy, Station},
    facts::Topic,
};

/// The family.
pub static FAMILY: Family = Family {
    name: "clock",
    title: "clock",
    summary: "this machine's clock is right",
    checks: &[&accuracy::CHECK],
    pages: &[],
    station: Station::Machine,
    reasons: &[Area::Machine, Area::Clock],
    suspects: &["host", "port", "nameservers", "proxy for https", "token"],
    blocks: &[Topic::Clock],
    needed: NeededBy::Acquisition,
    ..Family::DEFAULT
};
