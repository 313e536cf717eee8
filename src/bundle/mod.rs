//! The support bundle: one zip with the evidence of a run, its report, and what the run went by.
//!
//! Safe by type (a token cannot be evidence), with pseudonyms on request, and scanned before it is
//! written. The same evidence gives the same bytes.

mod archive;
mod classes;
mod contents;
pub mod names;
mod read;
mod scan;

pub(crate) use archive::LIMIT;
pub use read::{BEGINNING, of_document, read};
pub(crate) use scan::{Hit, scan, scan_report};

use crate::{diagnose::Report, secret::Secrets, settings::request::Selection};
use names::Pseudonyms;
use std::{fmt, io};

/// The layout of bundles that this version writes. Older ones are read, too.
pub(crate) const VERSION: u64 = 1;

/// What a bundle holds in addition to the report.
pub struct Extras<'a> {
    /// The plan of the run, where the bundle is made by the run itself.
    pub plan: Option<String>,
    /// Every secret that the run had in hand.
    pub secrets: &'a Secrets,
    /// Replaces names, where that was asked for.
    pub pseudonyms: Option<&'a Pseudonyms>,
}

/// Why there is no bundle.
#[derive(Debug)]
pub enum Refused {
    /// A secret, or what looks like one, would be in it.
    Leaks(Vec<Hit>),
    /// It could not be made.
    Failed(io::Error),
}

/// The bytes of a bundle.
///
/// # Errors
/// A file of it holds a secret of this run, or the shape of one; or a file could not be made.
pub fn pack(report: &Report, extras: &Extras) -> Result<Vec<u8>, Refused> {
    let replaced = match extras.pseudonyms {
        None => None,
        Some(pseudonyms) => {
            let evidence = pseudonyms.evidence(report.evidence())?;
            Some(Report::new(evidence, &Selection::default()))
        }
    };
    let plan = extras.plan.as_ref().map(|plan| match extras.pseudonyms {
        Some(pseudonyms) => pseudonyms.text(plan),
        None => plan.clone(),
    });
    let report = replaced.as_ref().unwrap_or(report);
    let unscanned = extras.secrets.too_common().len();
    let files = contents::files(report, plan.as_deref(), extras.pseudonyms.is_some(), unscanned)?;
    let hits: Vec<Hit> =
        files.iter().flat_map(|file| scan(&file.name, &file.bytes, extras.secrets)).collect();
    if !hits.is_empty() {
        return Err(Refused::Leaks(hits));
    }
    Ok(archive::write(&files, report.evidence().observed_at)?)
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(formatter, "the bundle could not be made: {error}"),
            Self::Leaks(hits) => {
                write!(formatter, "nothing is written, since a secret would be in it:")?;
                for hit in hits.iter().take(10) {
                    write!(formatter, "\n  {hit}")?;
                }
                match hits.len().saturating_sub(10) {
                    0 => Ok(()),
                    more => write!(formatter, "\n  and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for Refused {}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}
