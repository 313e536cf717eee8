//! Probes: async, one protocol a file. They return typed facts and never an opinion.

pub(crate) mod azure;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod credential;
pub(crate) mod dns;
pub(crate) mod graph;
pub(crate) mod http;
pub(crate) mod keys;
pub(crate) mod outbound;
pub(crate) mod server;
pub(crate) mod subnet;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod tunnel;
