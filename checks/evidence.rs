//! Everything that one run saw, and nothing that it thinks of it.

use crate::facts::class;
use crate::facts::{
    Fact, Topic, azure::Azure, clock::ClockReading, closed::closed_set,
    credential::CredentialTrace, dns::Dns, graph::Directory, login::AuthRequest, login::Login,
    outbound::Outbound, proxy::ProxyRules, server::Server, session::Session, settings::Settings,
    token::Signature, token::Token, vantage::Vantage,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The evidence of one run: what a bundle holds and what `replay` judges again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Evidence {
    /// The version of this document; see [`Evidence::VERSION`].
    pub version: u32,
    /// The version of entra-pg that made the observations; empty in older documents.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[serde(serialize_with = "class::name")]
    pub tool_version: String,
    /// The run's own id, also sent as `application_name`.
    #[serde(serialize_with = "class::word")]
    pub run_id: String,
    /// This machine's clock when the run began.
    pub observed_at: Timestamp,
    /// Milliseconds from beginning to end.
    pub duration_ms: u64,
    /// Whether the user interrupted the run.
    pub interrupted: bool,
    /// Where it was seen from.
    pub vantage: Vantage,
    /// What was typed.
    pub settings: Fact<Settings>,
    /// The environment's proxy rules.
    pub proxy: Fact<ProxyRules>,
    /// Name resolution.
    pub dns: Fact<Dns>,
    /// The way to the Entra hosts.
    pub outbound: Fact<Outbound>,
    /// This machine's clock against an authenticated one.
    pub clock: Fact<ClockReading>,
    /// How a token was obtained.
    pub credential: Fact<CredentialTrace>,
    /// The token.
    pub token: Fact<Token>,
    /// The token's signature against the tenant's published keys.
    pub signature: Fact<Signature>,
    /// The way to the database server.
    pub server: Fact<Server>,
    /// The server's first authentication request, read without a secret.
    pub auth_request: Fact<AuthRequest>,
    /// The login with the token.
    pub login: Fact<Login>,
    /// The session after login.
    pub session: Fact<Session>,
    /// What Microsoft Graph says.
    pub directory: Fact<Directory>,
    /// The server's own side, from exported files or from Resource Manager.
    pub azure: Fact<Azure>,
    /// When each observation began and how long it took.
    pub timeline: Vec<Step>,
    /// Every endpoint that was contacted.
    pub contacted: Vec<Contact>,
    /// Files that settings name and that could not be read: the setting, the file and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(serialize_with = "class::free")]
    pub unreadable_inputs: Vec<String>,
    /// Defects of the tool itself that were caught.
    #[serde(serialize_with = "class::free")]
    pub tool_errors: Vec<String>,
}

/// One observation, for the waterfall and for the times of checks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Step {
    /// What it observed.
    pub topic: Topic,
    /// What it was about: a host, a credential; may be empty.
    #[serde(serialize_with = "class::name")]
    pub subject: String,
    /// The step in a word or two: `tcp`, `tls`, `A @10.0.0.4`.
    #[serde(serialize_with = "class::clause")]
    pub label: String,
    /// Milliseconds from the run's beginning.
    pub started_ms: u64,
    /// Milliseconds it took.
    pub duration_ms: u64,
}

closed_set! {
    /// The means of a contact.
    ContactProtocol {
        /// A TCP connection.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// A process that was started.
        Process = "process",
    }
}

/// An endpoint that was contacted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Contact {
    /// Its name, or its address where it has none.
    #[serde(serialize_with = "class::name")]
    pub host: String,
    /// Its address.
    #[serde(serialize_with = "class::name")]
    pub address: String,
    /// Its port.
    pub port: u16,
    /// How it was contacted.
    pub protocol: ContactProtocol,
    /// Which probe.
    #[serde(serialize_with = "class::word")]
    pub probe: String,
}

impl Evidence {
    /// The version of this document that this crate writes. Older ones are read, too.
    pub const VERSION: u32 = 1;

    /// The time by which tokens are judged: this machine's clock, corrected where an authenticated
    /// answer showed that it is off.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let ahead = match self.clock.seen() {
            Some(reading) if reading.authenticated => reading.ahead_seconds(),
            Some(_) | None => 0,
        };
        self.observed_at.checked_sub(SignedDuration::from_secs(ahead)).unwrap_or(self.observed_at)
    }

    /// The span of the steps of these topics (and, where given, of this subject), as
    /// (beginning, length) in milliseconds.
    #[must_use]
    pub fn span(&self, topics: &[Topic], subject: Option<&str>) -> (u64, u64) {
        let of_topic = |step: &&Step| topics.contains(&step.topic);
        let of_subject = |step: &&Step| subject.is_none_or(|subject| step.subject == subject);
        let steps = || self.timeline.iter().filter(of_topic).filter(of_subject);
        let started = steps().map(|step| step.started_ms).min().unwrap_or(0);
        let ended = steps().map(|step| step.started_ms + step.duration_ms).max().unwrap_or(started);
        (started, ended - started)
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            tool_version: String::new(),
            run_id: String::new(),
            observed_at: Timestamp::UNIX_EPOCH,
            duration_ms: 0,
            interrupted: false,
            vantage: Vantage::default(),
            settings: Fact::default(),
            proxy: Fact::default(),
            dns: Fact::default(),
            outbound: Fact::default(),
            clock: Fact::default(),
            credential: Fact::default(),
            token: Fact::default(),
            signature: Fact::default(),
            server: Fact::default(),
            auth_request: Fact::default(),
            login: Fact::default(),
            session: Fact::default(),
            directory: Fact::default(),
            azure: Fact::default(),
            timeline: Vec::new(),
            contacted: Vec::new(),
            unreadable_inputs: Vec::new(),
            tool_errors: Vec::new(),
        }
    }
}
