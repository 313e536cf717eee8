//! The types of what can be seen, one file a topic. Facts carry numbers and names, never an opinion.
//!
//! What the world does (NXDOMAIN, a reset, SQLSTATE 28P01) is a variant of a fact. Only our own
//! failure to observe is [`NotObserved`].

pub mod azure;
pub mod azure_network;
pub mod class;
pub mod clock;
pub(crate) mod closed;
pub mod cloud;
pub mod credential;
pub mod dns;
pub mod graph;
pub mod http;
pub mod login;
pub mod outbound;
pub mod proxy;
pub mod server;
pub mod session;
pub mod settings;
pub mod tcp;
pub mod tls;
pub mod tls_files;
pub mod token;
pub mod vantage;

use serde::{Deserialize, Serialize};

/// An observation, or the reason why there is none.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// It was observed.
    Seen(T),
    /// It was not observed, or the probe did not finish.
    NotObserved(NotObserved),
}

/// Why nothing is known. Never a statement about the thing itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NotObserved {
    /// This run had no reason to probe it (no host given, an older recording, a command that needs less).
    #[default]
    NotAsked,
    /// The question does not arise; `why` is a full clause such as "the proxy resolves this name".
    NotApplicable {
        /// The clause shown to the user.
        #[serde(serialize_with = "class::clause")]
        why: String,
    },
    /// An earlier stage had to succeed first and did not.
    Blocked {
        /// The stage that failed.
        by: Topic,
        /// What that stage was about: a host name, a credential; empty when there is only one.
        #[serde(serialize_with = "class::name")]
        subject: String,
    },
    /// The run's deadline, or an interrupt, came first.
    OutOfTime {
        /// How long the probe had been running, in milliseconds.
        after_ms: u64,
    },
    /// The user excluded it with `--only` or `--skip`.
    Deselected,
    /// Reading it needs a right that this identity or process lacks.
    NotPermitted {
        /// What was refused, in the refuser's words.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// What is known fits several answers.
    NotDecided {
        /// What depends on what, as a clause.
        #[serde(serialize_with = "class::free")]
        detail: String,
        /// The file or command that would decide it.
        #[serde(serialize_with = "class::clause")]
        decide: String,
    },
    /// Our own probe failed; this is a defect or a limit of the tool.
    ToolFailed {
        /// What went wrong, in one line.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

/// The topics of evidence, in the order of the chain from typing to querying.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// What was typed, and where each value came from.
    Settings,
    /// The environment's proxy rules.
    Proxy,
    /// Name resolution of every host.
    Dns,
    /// TCP, TLS and HTTPS to the Entra hosts.
    Outbound,
    /// This machine's clock against an authenticated answer.
    Clock,
    /// How a token was obtained.
    Credential,
    /// The token as text, its header and its claims.
    Token,
    /// The tenant's published signing keys.
    Keys,
    /// TCP, preamble and TLS to the database server.
    Server,
    /// The server's first authentication request, read without a secret.
    AuthRequest,
    /// The login itself.
    Login,
    /// What the session shows after login.
    Session,
    /// What Microsoft Graph says of the signed-in identity.
    Graph,
    /// The server's own side: what Azure says of its settings and its network.
    Azure,
}

impl Topic {
    /// Every topic, in chain order.
    pub const ALL: [Self; 14] = [
        Self::Settings,
        Self::Proxy,
        Self::Dns,
        Self::Outbound,
        Self::Clock,
        Self::Credential,
        Self::Token,
        Self::Keys,
        Self::Server,
        Self::AuthRequest,
        Self::Login,
        Self::Session,
        Self::Graph,
        Self::Azure,
    ];

    /// The name used in JSON and in `entra-pg checks`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Proxy => "proxy",
            Self::Dns => "dns",
            Self::Outbound => "outbound",
            Self::Clock => "clock",
            Self::Credential => "credential",
            Self::Token => "token",
            Self::Keys => "keys",
            Self::Server => "server",
            Self::AuthRequest => "auth_request",
            Self::Login => "login",
            Self::Session => "session",
            Self::Graph => "graph",
            Self::Azure => "azure",
        }
    }

    /// Which hosts the probes of this topic contact, in words.
    #[must_use]
    pub const fn contacts(self) -> &'static str {
        match self {
            Self::Settings | Self::Proxy | Self::Token => "nothing",
            Self::Dns => "every nameserver, UDP and TCP 53; inside Azure also 168.63.129.16",
            Self::Outbound | Self::Clock => "the Entra and Graph hosts, TCP 443 (or the proxy)",
            Self::Credential => {
                "the token authority TCP 443, or the metadata service TCP 80, or the local Azure \
                    CLI"
            }
            Self::Keys => "the token authority, TCP 443",
            Self::Server | Self::AuthRequest | Self::Login | Self::Session => {
                "the database server, TCP 5432 or 6432"
            }
            Self::Graph => {
                "Microsoft Graph, TCP 443, and the token authority again; only with --graph"
            }
            Self::Azure => "Azure Resource Manager, TCP 443, only with --azure; files otherwise",
        }
    }

    /// Which secret the probes of this topic use, in words.
    #[must_use]
    pub const fn secret(self) -> &'static str {
        match self {
            Self::Outbound | Self::Clock => {
                "none but the proxy's own user name and password, sent to the proxy"
            }
            Self::Credential => {
                "the credential's own secret, sent only to the token authority or the identity endpoint"
            }
            Self::Token => "the token, read and never sent",
            Self::Login | Self::Session => "the token, sent only to the verified database server",
            Self::Graph => "a token of its own for that service",
            Self::Azure => "with --azure a token of its own, sent to Azure Resource Manager alone",
            Self::Settings
            | Self::Proxy
            | Self::Dns
            | Self::Keys
            | Self::Server
            | Self::AuthRequest => "none",
        }
    }
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::NotObserved(NotObserved::NotAsked)
    }
}

impl<T> Fact<T> {
    /// The observation, if there is one.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            Self::NotObserved(_) => None,
        }
    }

    /// The observation, or the reason why there is none; made for `?` in checks.
    ///
    /// # Errors
    /// The reason why nothing is known.
    pub fn get(&self) -> Result<&T, &NotObserved> {
        match self {
            Self::Seen(value) => Ok(value),
            Self::NotObserved(why) => Err(why),
        }
    }

    /// A fact that waits for another stage which did not succeed.
    pub fn blocked(by: Topic, subject: impl Into<String>) -> Self {
        Self::NotObserved(NotObserved::Blocked { by, subject: subject.into() })
    }

    /// A fact about a question that does not arise.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotObserved(NotObserved::NotApplicable { why: why.into() })
    }
}
