//! `entra-pg` says why a person cannot log in to Azure Database for PostgreSQL with Microsoft Entra
//! ID, and what exactly to do about it.
//!
//! Data flows in one direction: [`settings`] state which login is meant, [`probe`]s observe,
//! the rulebook (`entra-pg-checks`) judges, [`diagnose`] holds the result, and [`report`] renders it.

pub mod azure;
pub mod bundle;
pub mod cli;
pub mod connect;
pub mod diagnose;
pub mod diff;
pub mod environment;
pub mod explain;
pub mod fleet;
pub mod fuzzing;
pub mod input;
pub mod json;
pub mod manifest;
pub mod net;
pub mod probe;
pub mod process;
pub mod report;
pub mod secret;
pub mod settings;
mod sync;
pub mod text;
pub mod time;
