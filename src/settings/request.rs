//! Everything that the command line and the environment ask for.

use crate::{
    secret::{Secret, Secrets},
    settings::usage::UsageError,
    text::nearest,
};
use entra_pg_checks::{
    Check, FAMILIES, Topic,
    facts::{azure::Azure, credential::CredentialKind, settings::Origin, settings::Settings},
    rulebook,
};
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

/// One run's request.
#[derive(Debug)]
pub(crate) struct Request {
    /// The target, with the origin of every value.
    pub(crate) settings: Settings,
    /// The password that libpq would use; its origin is in the settings.
    pub(crate) password: Option<Arc<Secret>>,
    /// Every secret that the run has in hand, to be found where it must not be.
    pub(crate) secrets: Secrets,
    /// The contents of `--token-file`.
    pub(crate) token_file: Option<(Arc<Secret>, Origin)>,
    /// `--credential`.
    pub(crate) credential: CredentialKind,
    /// `--client-id`.
    pub(crate) client_id: Option<String>,
    /// `--tenant`.
    pub(crate) tenant: Option<String>,
    /// `--nameserver`, asked in addition to the system's.
    pub(crate) nameservers: Vec<SocketAddr>,
    /// `--timeout`: one wait.
    pub(crate) timeout: Duration,
    /// `--deadline`: the whole run.
    pub(crate) deadline: Duration,
    /// `--graph`.
    pub(crate) graph: bool,
    /// `--as-admin`.
    pub(crate) as_admin: bool,
    /// `--for-role`.
    pub(crate) for_role: Option<String>,
    /// `--send-token-unverified`.
    pub(crate) send_token_unverified: bool,
    /// `--only` and `--skip`.
    pub(crate) selection: Selection,
    /// The server's own side.
    pub(crate) azure: AzureRequest,
}

/// What is asked about the server's own side.
#[derive(Clone, Debug, Default)]
pub(crate) struct AzureRequest {
    /// What the files of `--azure-config` hold, if any was given.
    pub(crate) exported: Option<Arc<Azure>>,
    /// `--azure`: what the files do not hold is read from Resource Manager.
    pub(crate) live: bool,
    /// `--azure-effective`: the rules and routes that Azure applies are computed, too.
    pub(crate) effective: bool,
    /// `--server-id`.
    pub(crate) server_id: Option<String>,
}

/// Which checks are wanted, by family or id.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// A selection by `--only` and `--skip`.
    ///
    /// # Errors
    /// A name is neither a family nor a check, or `--skip` leaves nothing of what `--only` names.
    pub fn new(only: Vec<String>, skip: Vec<String>) -> Result<Self, UsageError> {
        let known =
            |name: &str| rulebook().iter().any(|check| check.id == name || check.family() == name);
        if let Some(unknown) = only.iter().chain(&skip).find(|name| !known(name)) {
            return Err(unknown_check(unknown));
        }
        let selection = Self { only, skip };
        let nothing_of = |name: &&String| {
            let one = Self { only: vec![(*name).clone()], skip: selection.skip.clone() };
            !rulebook().into_iter().any(|check| one.wants(check))
        };
        if let Some(name) = selection.only.iter().find(nothing_of) {
            return Err(UsageError::new(format!("--skip leaves nothing of --only {name}"))
                .suggest(format!("--only {name} without --skip")));
        }
        if !rulebook().into_iter().any(|check| selection.wants(check)) {
            return Err(UsageError::new("--skip leaves no check to run")
                .suggest("--only CHECK; `entra-pg checks` lists the checks"));
        }
        Ok(selection)
    }

    /// Whether a check is wanted.
    #[must_use]
    pub(crate) fn wants(&self, check: &Check) -> bool {
        let named =
            |list: &[String]| list.iter().any(|name| name == check.id || name == check.family());
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }

    /// The topics that must be observed for the checks that are wanted, with what has to be
    /// observed before them.
    #[must_use]
    pub(crate) fn topics(&self) -> BTreeSet<Topic> {
        let mut topics: BTreeSet<Topic> = rulebook()
            .into_iter()
            .filter(|check| self.wants(check))
            .flat_map(|check| check.needs)
            .copied()
            .collect();
        // From the end of the chain to its beginning, so that one pass is enough.
        for topic in Topic::ALL.iter().rev() {
            if topics.contains(topic) {
                topics.extend(before(*topic));
            }
        }
        topics
    }
}

fn unknown_check(name: &str) -> UsageError {
    let families = FAMILIES.iter().map(|family| family.name);
    let checks = rulebook().into_iter().map(|check| check.id);
    let near = nearest(name, families.chain(checks));
    let error = UsageError::new(format!("there is no check or family named {name}"));
    match near.first() {
        Some(near) => error.suggest(format!("{near}; `entra-pg checks` lists every check")),
        None => error.suggest("`entra-pg checks` lists them"),
    }
}

impl Request {
    /// The topics to observe. If only exported files were given, only they are judged:
    /// that is the preflight of a network in which there is no server yet.
    #[must_use]
    pub(crate) fn topics(&self) -> BTreeSet<Topic> {
        if self.judges_files_alone() {
            return BTreeSet::from([Topic::Settings, Topic::Azure]);
        }
        self.selection.topics()
    }

    /// Whether only files are judged.
    #[must_use]
    pub(crate) fn judges_files_alone(&self) -> bool {
        self.azure.exported.is_some() && !self.azure.live && self.settings.host.is_none()
    }
}

/// What has to be observed before a topic.
const fn before(topic: Topic) -> &'static [Topic] {
    match topic {
        Topic::Settings | Topic::Proxy | Topic::Azure => &[],
        Topic::Dns => &[Topic::Settings, Topic::Proxy],
        Topic::Outbound => &[Topic::Dns, Topic::Proxy],
        Topic::Clock => &[Topic::Outbound],
        Topic::Credential => &[Topic::Settings],
        Topic::Token => &[Topic::Credential],
        Topic::Keys => &[Topic::Token],
        Topic::Graph => &[Topic::Credential],
        Topic::Server => &[Topic::Dns],
        Topic::AuthRequest => &[Topic::Server],
        Topic::Login => &[Topic::AuthRequest, Topic::Token],
        Topic::Session => &[Topic::Login],
    }
}
