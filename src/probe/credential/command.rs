//! The Azure CLI and the Azure Developer CLI.

#[cfg(unix)]
use super::descendants;
use super::source::{Source, Tried};
use crate::{input, net::gateway::Contacts, probe::context::Context, process::program, sync::lock};
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
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a command prints beyond this is not read.
const OUTPUT_LIMIT: u64 = 256 * 1024;
/// A Python program on a slow machine needs its time; the run's deadline still holds.
const COMMAND_WAIT: Duration = Duration::from_secs(10);

impl Source<'_> {
    pub(super) async fn azure_cli(&self) -> Tried {
        if let Some(missing) = self.without_command(CredentialKind::AzureCli, "az") {
            return missing;
        }
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
        if let Some(missing) = self.without_command(CredentialKind::AzureDeveloperCli, "azd") {
            return missing;
        }
        let runner = Arc::new(Runner::new("azd", self.cx));
        let options = AzureDeveloperCliCredentialOptions {
            executor: Some(Arc::clone(&runner) as Arc<_>),
            tenant_id: self.tenant(),
        };
        let credential = AzureDeveloperCliCredential::new(Some(options));
        self.run(CredentialKind::AzureDeveloperCli, credential, &runner).await
    }

    /// The outcome if a command is in no folder of PATH. What the shell says of that is in the language
    /// of the system, with an exit code that says nothing.
    fn without_command(&self, kind: CredentialKind, command: &str) -> Option<Tried> {
        if program::is_on_path(&self.cx.environment, command) != Some(false) {
            return None;
        }
        let command = command.to_owned();
        Some(Tried::without_token(kind, CredentialOutcome::CommandMissing { command }))
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
        let failure = lock(&self.failure).clone();
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

#[cfg(not(windows))]
fn shell(program: &OsStr) -> tokio::process::Command {
    tokio::process::Command::new(program)
}

/// azure_identity starts `cmd /C cd %SYSTEMROOT% && az …`. If the current folder is on another drive, that
/// `cd` does not leave it, and cmd would take an `az.bat` of that folder before those of PATH. A `cmd.exe`
/// beside this program is not the system's.
#[cfg(windows)]
fn shell(program: &OsStr) -> tokio::process::Command {
    let folder = crate::environment::registry::windows_folder();
    let system = format!(r"{folder}\System32\cmd.exe");
    let is_cmd = program.eq_ignore_ascii_case("cmd");
    let mut command =
        tokio::process::Command::new(if is_cmd { OsStr::new(&system) } else { program });
    command.current_dir(folder);
    command
}

#[async_trait::async_trait]
impl Executor for Runner {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = shell(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        let output = self.output(command).await?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let text = text.chars().filter(|character| *character != '\r').take(2000).collect();
            *lock(&self.failure) = Some((output.status.code(), text));
        }
        Ok(output)
    }
}

impl Runner {
    #[cfg(unix)]
    async fn output(&self, mut command: tokio::process::Command) -> io::Result<Output> {
        command.process_group(0);
        descendants::adopt();
        let mut child = command.spawn()?;
        self.contacts.process(self.command, Topic::Credential.name());
        let _group = Group(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr, status) = futures::join!(read(stdout), read(stderr), child.wait());
        Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
    }

    /// The job object ends with the handle, and everything that the command started with it.
    #[cfg(windows)]
    async fn output(&self, command: tokio::process::Command) -> io::Result<Output> {
        use process_wrap::tokio::{CommandWrap, JobObject, KillOnDrop};
        let mut wrapped = CommandWrap::from(command);
        wrapped.wrap(KillOnDrop).wrap(JobObject);
        let mut child = wrapped.spawn()?;
        self.contacts.process(self.command, Topic::Credential.name());
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        let (stdout, stderr, status) = futures::join!(read(stdout), read(stderr), child.wait());
        Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(OUTPUT_LIMIT).read_to_end(&mut bytes).await?;
    }
    input::utf8(bytes)
}

#[cfg(unix)]
struct Group(Option<u32>);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            descendants::end(id);
        }
    }
}
