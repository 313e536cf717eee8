//! What `az … -o json` and the REST API of Azure give, read into facts: from files and from answers,
//! flattened or nested under `properties`, single, in lists, or several in one file.

mod convert;
mod document;
mod files;

pub(crate) use convert::Collected;
pub(crate) use document::{Document, Payload, read};
pub use files::read_files;
