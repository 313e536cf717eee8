//! Why a Microsoft Entra ID login to Azure Database for PostgreSQL fails, and how to fix it.
//!
//! This is the library of the command `entra-pg`; [`run`] is the whole command. Data flows in one
//! direction: [`settings`] state which login is meant, probes observe it, the checks of
//! [`entra_pg_checks`] judge what was observed ([`diagnose::Report`]), and [`report`] renders the result.
//! Observing belongs to the command: a program that embeds this library starts from recorded
//! evidence, which [`bundle::read`] takes from a support bundle or from a report in JSON.
//!
//! # Judge recorded evidence and render a report
//!
//! ```
//! use entra_pg::{
//!     diagnose::Report,
//!     report::{Format, Style, render},
//!     settings::request::Selection,
//! };
//! use entra_pg_checks::Evidence;
//!
//! // The `evidence` of a report of `entra-pg doctor --format json`, or of a bundle.
//! let evidence = Evidence::default();
//! let report = Report::new(evidence, &Selection::default());
//! println!("{}", report.summary());
//!
//! let style = Style { color: false, width: 80, verbose: 0, quiet: false, unicode: true };
//! let markdown = render(&report, Format::Markdown, &style)?;
//! assert!(!markdown.is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Explain an error message
//!
//! ```
//! let answer = entra_pg::explain::find(b"FATAL: The access token has expired. Acquire a new token");
//! assert_eq!(answer.pages[0].id, "login/token-expired");
//! ```
//!
//! # Embed a check
//!
//! [`entra_pg_checks`] shows how a program adds a check of its own to the rulebook.
//!
//! # Stability
//!
//! Ids of problems and checks, exit codes and the fields of the JSON documents do not change within a
//! major version. The Rust API can change in each minor version.

pub mod azure;
pub mod bundle;
mod cli;
mod connect;
pub mod diagnose;
pub mod diff;
mod environment;
pub mod explain;
pub mod fleet;
#[doc(hidden)]
pub mod fuzzing;
mod input;
mod json;
mod manifest;
mod net;
mod probe;
mod process;
mod random;
pub mod report;
pub mod secret;
pub mod settings;
mod sync;
pub mod text;
mod time;

pub use cli::run;
