//! What checks share and what is not a check itself, so that one file in a family's folder is one check.

pub mod access;
pub mod azure;
pub mod clients;
pub mod commands;
pub mod config;
pub mod login;
pub(crate) mod misplaced;
pub mod name;
pub mod outbound;
pub mod reach;
pub mod server;
pub mod service_tags;
pub mod sources;
pub mod token;

#[cfg(test)]
pub(crate) mod testing;
