//! `entra-pg` says why a person cannot log in to Azure Database for PostgreSQL with Microsoft Entra
//! ID, and what exactly to do about it.
//!
//! One way leads through the house: [`target`] and [`request`] say what is meant, [`gather`] looks,
//! the rulebook (`entra-pg-checks`) judges, and [`report`] speaks.

pub mod azure;
pub mod bounded;
pub mod bundle;
pub mod cli;
pub mod connect;
pub mod context;
pub mod crash;
pub mod diff;
pub mod doctor;
pub mod environment;
pub mod explain;
pub mod fleet;
pub mod gather;
pub mod hostile;
pub mod manifest;
pub mod name;
pub mod plan;
pub mod probe;
pub mod progress;
pub mod report;
pub mod request;
pub mod retry;
pub mod roots;
pub mod secret;
pub mod target;
pub mod usage;
pub mod vantage;
