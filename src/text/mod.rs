//! Text that comes from outside, and the output that shows it.
//!
//! Untrusted text can act on what displays it: escape sequences move a terminal's cursor, bidirectional
//! marks reorder a line, `##vso[…]` sets a variable of a pipeline. Renderers escape each value with
//! [`clean`]. Every byte that leaves the process is an [`Inert`], and only this module makes one, so a
//! renderer that forgets a value cannot let it act.

mod commands;
mod inert;
mod nearest;
mod page;
mod policy;

pub(crate) use commands::{AzureLog, GithubLog};
pub use inert::{Inert, Kind, clean, is_active};
pub(crate) use nearest::nearest;
pub(crate) use page::Page;
pub(crate) use policy::content_security_policy;
