//! Probes: async, one protocol a file. They return typed facts and never an opinion.

pub mod azure;
pub mod clock;
pub mod context;
pub mod credential;
pub mod dns;
pub mod graph;
pub mod http;
pub mod keys;
pub mod outbound;
pub mod server;
pub mod subnet;
pub mod tcp;
pub mod tls;
pub mod token;
pub(crate) mod tunnel;
