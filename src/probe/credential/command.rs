//! The Azure CLI and the Azure Developer CLI.

use super::{
    descendants,
    source::{Source, Tried},
};
use crate::{net::gateway::Contacts, probe::context::Context};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, Executor,
};
use entra_pg_checks::{
    Topic,
    facts::credential::{CredentialKind, CredentialOutcome},
};
use std::{
    ffi::OsStr,
    io,
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a command prints beyond this is not read.
const OUTPUT_LIMIT: u64 = 256 * 1024;
/// A Python program on a slow machine needs its time; the run's deadline still holds.
const COMMAND_WAIT: Duration = Duration::from_secs(10);

impl Source<'_> {
    pub(super) async fn azure_cli(&self) -> Tried {
        let runner = Arc::new(Runner::new("az", self.cx));
        let options = AzureCliCredentialOptions {
            executor: Some(Arc::clone(&runner) as Arc<_>),
            tenant_id: self.tenant(),
            ..AzureCliCredentialOptions::default()
        };
        let credential = AzureCliCredential::new(Some(options));
        self.run(CredentialKind::AzureCli, credential, &runner).await
    }

    pub(super) async fn azure_developer_cli(&self) -> Tried {
        let runner = Arc::new(Runner::new("azd", self.cx));
        let options = AzureDeveloperCliCredentialOptions {
            executor: Some(Arc::clone(&runner) as Arc<_>),
            tenant_id: self.tenant(),
        };
        let credential = AzureDeveloperCliCredential::new(Some(options));
        self.run(CredentialKind::AzureDeveloperCli, credential, &runner).await
    }

    async fn run(
        &self,
        kind: CredentialKind,
        credential: azure_core::Result<Arc<impl azure_core::credentials::TokenCredential>>,
        runner: &Runner,
    ) -> Tried {
        let recorder = self.recorder("azure-cli".into());
        let (_, deadline) = self.cx.limits();
        let left = deadline.saturating_sub(Duration::from_millis(self.cx.elapsed_ms()));
        let limit = COMMAND_WAIT.min(left.saturating_sub(Duration::from_secs(1)));
        let mut tried = self.ask(kind, credential, &recorder, limit).await;
        tried.attempt.identity = None;
        if tried.token.is_none()
            && let Some(outcome) = runner.outcome()
        {
            tried.attempt.outcome = outcome;
        }
        tried
    }
}

/// Runs a command in a process group of its own, and ends it with all of its descendants when the run
/// stops waiting for it.
#[derive(Debug)]
struct Runner {
    command: &'static str,
    contacts: Contacts,
    failure: Mutex<Option<(Option<i32>, String)>>,
}

impl Runner {
    fn new(command: &'static str, cx: &Context) -> Self {
        Self { command, contacts: cx.contacts().clone(), failure: Mutex::new(None) }
    }

    fn outcome(&self) -> Option<CredentialOutcome> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (exit, stderr) = failure?;
        let command = self.command.to_owned();
        // The shell's own exit code for a command that it cannot find.
        Some(if exit == Some(127) {
            CredentialOutcome::CommandMissing { command }
        } else {
            CredentialOutcome::CommandFailed { command, exit, stderr }
        })
    }
}

#[async_trait::async_trait]
impl Executor for Runner {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = tokio::process::Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        descendants::adopt();
        let mut child = command.spawn()?;
        self.contacts.process(self.command, Topic::Credential.name());
        let _group = Group(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr, status) = futures::join!(read(stdout), read(stderr), child.wait());
        let output = Output { status: status?, stdout: stdout?, stderr: stderr? };
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).chars().take(2000).collect();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((output.status.code(), text));
        }
        Ok(output)
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(OUTPUT_LIMIT).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            descendants::end(id);
        }
    }
}
