//! `entra-pg doctor`.

use super::{
    TOOL_FAILED,
    output::{self, Color, Terminal},
    speak::{self, Run},
    target::TargetOptions,
};
use crate::{
    azure,
    connect::Client,
    diagnose,
    diagnose::plan::Plan,
    diagnose::retry::{Next, Retry},
    diagnose::{FailOn, Report},
    environment::Environment,
    input,
    process::progress::Progress,
    random,
    report::Format,
    secret::Secret,
    settings::request::{AzureRequest, Request, Selection},
    settings::usage::UsageError,
    settings::{self, TargetArgs},
    text::Inert,
    time::compact_now,
};
use clap::{Args, ValueEnum};
use entra_pg_checks::facts::{credential::CredentialKind, settings::Origin, settings::Setting};
use jiff::{Span, SpanRelativeTo};
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DoctorArgs {
    /// The login.
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// The server's own side.
    #[command(flatten)]
    pub(crate) azure: AzureOptions,
    /// The choice of checks.
    #[command(flatten)]
    pub(crate) choice: ChoiceOptions,
    /// Run and report again at this interval, until interrupted.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "retry_for", help_heading = "Network")]
    pub(crate) every: Option<Duration>,
    /// The output.
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The login: what to connect to, who logs in, and how the network is probed.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionOptions {
    /// The target.
    #[command(flatten)]
    pub(crate) target: TargetOptions,
    /// The identity.
    #[command(flatten)]
    pub(crate) identity: IdentityOptions,
    /// The network.
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
}

impl ConnectionOptions {
    /// # Errors
    /// An option, or a file that it names, is not valid.
    pub(super) fn request(
        &self,
        selection: Selection,
        environment: &Environment,
    ) -> Result<Request, UsageError> {
        let target = self.target.to_args();
        let request =
            build_request(&target, &self.identity, &self.network, selection, environment)?;
        output::protect(&request.secrets);
        Ok(request)
    }
}

/// Who logs in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityOptions {
    /// Where the token comes from; `auto` takes the first source that applies.
    #[arg(long, value_enum, default_value_t = CredentialName::Auto)]
    pub(crate) credential: CredentialName,
    /// The application or the user-assigned managed identity; AZURE_CLIENT_ID by default.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the token, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Ask Microsoft Graph, with a token of its own, for the names and groups of this identity.
    #[arg(long)]
    pub(crate) graph: bool,
    /// After login, check every Entra role and its principal: not mapped, mapped twice, or mapped to another tenant.
    #[arg(long)]
    pub(crate) as_admin: bool,
    /// A role that another person cannot log in with: whether it is mapped, and the statement that fixes it.
    #[arg(long, value_name = "ROLE", requires = "as_admin")]
    pub(crate) for_role: Option<String>,
    /// Send the token although the server's TLS identity could not be verified.
    #[arg(long)]
    pub(crate) send_token_unverified: bool,
}

/// Options of the network checks.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkOptions {
    /// A nameserver to ask in addition to the system's; may be repeated.
    #[arg(long, value_name = "IP[:PORT]", value_parser = nameserver)]
    pub(crate) nameserver: Vec<SocketAddr>,
    /// The longest single wait.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// The longest whole run.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub(crate) deadline: Duration,
    /// Run again until healthy, or until time is up; stops if retrying cannot help.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) retry_for: Option<Duration>,
}

/// The server's own side, which no packet of this machine passes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The server's own side")]
pub(crate) struct AzureOptions {
    /// What `az … -o json` prints of the server, its administrators and firewall rules, its network
    /// security group, route table and network, or a published ServiceTags file; may be repeated.
    /// Without a host, only these files are judged.
    #[arg(long, value_name = "FILE")]
    pub(crate) azure_config: Vec<PathBuf>,
    /// Read the same from Azure Resource Manager, with a token of its own from the same credential.
    #[arg(long)]
    pub(crate) azure: bool,
    /// Also compute effective rules and routes with two POST requests, which change nothing.
    #[arg(long, requires = "azure")]
    pub(crate) azure_effective: bool,
    /// The server's resource id, for --azure; by default it is found by its name.
    #[arg(long, value_name = "ID", requires = "azure", value_parser = server_id)]
    pub(crate) server_id: Option<String>,
}

impl AzureOptions {
    /// What is asked about the server's own side.
    ///
    /// # Errors
    /// A file cannot be understood.
    pub(crate) fn to_request(&self, host: Option<&str>) -> Result<AzureRequest, UsageError> {
        let exported = match self.azure_config.as_slice() {
            [] => None,
            files => Some(Arc::new(azure::read_files(files, host)?)),
        };
        Ok(AzureRequest {
            exported,
            live: self.azure,
            effective: self.azure_effective,
            server_id: self.server_id.clone(),
        })
    }
}

/// Which checks.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Choice")]
pub(crate) struct ChoiceOptions {
    /// Only these families or checks; may be repeated. `entra-pg checks` lists them.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Not these families or checks; may be repeated.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Print every host, port and secret that would be used, as a firewall request, and stop; also
    /// with --format json.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// Where the report goes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// The format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Where to; stdout by default.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// An additional report; may be repeated.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file::<Format>)]
    pub(crate) report: Vec<(Format, PathBuf)>,
    /// Also write a support bundle: evidence, reports, settings and contacted hosts in one zip.
    #[arg(long, value_name = "FILE.zip")]
    pub(crate) bundle: Option<PathBuf>,
    /// Replace names, ids and addresses in the bundle with pseudonyms. The key stays in KEYFILE
    /// (.pseudonym-key-FILE.zip by default); an existing key gives the same pseudonyms again.
    #[arg(long, value_name = "KEYFILE", num_args = 0..=1, require_equals = true)]
    pub(crate) pseudonymize: Option<Option<PathBuf>>,
    /// When to use colors.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
    /// Say less: the verdict and what failed.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say more: every line, then also the evidence.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// What to type in this client, ready to paste; may be repeated.
    #[arg(long, value_enum, value_name = "CLIENT", value_delimiter = ',')]
    pub(crate) connect_with: Vec<Client>,
    /// From which severity on the exit code is 1.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fail_on: FailOn,
}

impl OutputOptions {
    /// Checks the outputs before the run, so that no report is lost after it.
    ///
    /// # Errors
    /// Two outputs have the same destination, a bundle would go to a terminal, or pseudonyms are wanted
    /// without a bundle.
    pub(super) fn check(&self, terminal: &Terminal) -> Result<(), UsageError> {
        if self.pseudonymize.is_some() && self.bundle.is_none() {
            return Err(UsageError::new("--pseudonymize applies to a bundle, and none is written")
                .suggest("--bundle FILE.zip"));
        }
        let stdout = Path::new("-");
        let packed = self.bundle.as_deref() == Some(stdout);
        if packed && terminal.stdout {
            return Err(UsageError::new("a bundle is a zip file and not written to a terminal")
                .suggest("entra-pg bundle -o - >bundle.zip, or --bundle FILE.zip"));
        }
        if packed && matches!(self.pseudonymize, Some(None)) {
            return Err(UsageError::new("the key of the pseudonyms needs a file")
                .suggest("--pseudonymize=KEYFILE"));
        }
        let main = self.output.as_deref().or((!packed).then_some(stdout));
        // A JSON line can be told from a text on the same stream; `merge` reads it from a log.
        let whole =
            |&(format, path): &(Format, &Path)| format != Format::JsonLine || path != stdout;
        let reports = self.report.iter().map(|(format, path)| (*format, path.as_path()));
        let reports = reports.chain(main.map(|path| (self.format, path))).filter(whole);
        let destinations = reports.map(|(_, path)| path).chain(self.bundle.as_deref());
        output::check_distinct(destinations.collect(), "-o, --report and --bundle")
    }

    /// The destinations of --report and --bundle.
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.report.iter().map(|(_, path)| path.as_path()).chain(self.bundle.as_deref())
    }

    /// Checks that every file can be written.
    ///
    /// # Errors
    /// The first file that cannot be written, and why.
    pub(super) fn check_writable(&self) -> Result<(), String> {
        output::check_writable(self.files().chain(self.output.as_deref()))?;
        if let (Some(bundle), Some(key)) = (&self.bundle, &self.pseudonymize) {
            let key = speak::key_path(bundle, key.as_deref());
            speak::read_key(&key)?;
            output::check_writable([key.as_path()])?;
        }
        Ok(())
    }
}

/// `--credential`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum CredentialName {
    /// The first of the others that applies, in this order.
    Auto,
    /// A token in PGPASSWORD, the connection string or the password file.
    Password,
    /// AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_SECRET.
    ClientSecret,
    /// AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_CERTIFICATE_PATH.
    ClientCertificate,
    /// AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE.
    WorkloadIdentity,
    /// The metadata service, App Service, Container Apps or Azure Arc.
    ManagedIdentity,
    /// `az account get-access-token`.
    AzureCli,
    /// `azd auth token`.
    AzureDeveloperCli,
    /// The service connection of an Azure Pipelines job.
    AzurePipelines,
}

/// Runs `doctor`.
///
/// # Errors
/// What was typed, or a file that it names, cannot be understood.
pub(crate) fn run(
    args: &DoctorArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    perform(args.clone(), false, environment, terminal)
}

/// Runs `bundle`: `doctor`, with what `-o` names as the bundle, or with a name for it.
///
/// # Errors
/// As [`run`].
pub(crate) fn bundle(
    mut args: DoctorArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    if args.output.bundle.is_none() {
        args.output.bundle = args.output.output.take();
    }
    perform(args, true, environment, terminal)
}

fn perform(
    mut args: DoctorArgs,
    packed: bool,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    let selection = selection_of(&args.choice.only, &args.choice.skip)?;
    let mut request = args.connection.request(selection, environment)?;
    let host = request.settings.host.as_ref().map(|host| host.value.clone());
    if packed && args.output.bundle.is_none() && !args.choice.plan {
        let named = host.as_deref().filter(|_| args.output.pseudonymize.is_none());
        args.output.bundle = Some(bundle_name(named));
    }
    args.output.check(terminal)?;
    request.azure = args.azure.to_request(host.as_deref())?;
    if args.choice.plan {
        return Ok(finished(print_plan(&args.output, &request, environment)));
    }
    if let Err(why) = args.output.check_writable() {
        terminal.complain(&format!("{why}; nothing was tested"));
        return Ok(TOOL_FAILED);
    }
    Ok(observe(&args, &request, environment, terminal))
}

/// The run or runs, each with its report.
fn observe(
    args: &DoctorArgs,
    request: &Request,
    environment: &Environment,
    terminal: &Terminal,
) -> u8 {
    let runtime = runtime();
    let code = loop {
        let report = runtime
            .block_on(repeat(args, request, environment, terminal))
            .connect_with(&args.output.connect_with);
        let code = speak(args, request, &report, environment, terminal);
        match args.every {
            Some(every) if !report.evidence().interrupted => {
                if runtime.block_on(ended_within(every)) {
                    break interrupted_code();
                }
            }
            Some(_) | None => break code,
        }
    };
    // A lookup that the system's resolver does not give up must not hold the process.
    runtime.shutdown_background();
    code
}

/// Prints what a run would contact, as text or as JSON.
fn print_plan(
    options: &OutputOptions,
    request: &Request,
    environment: &Environment,
) -> std::io::Result<()> {
    let plan = Plan::of(request, environment);
    let json = options.format == Format::Json;
    let text = if json { serde_json::to_string_pretty(&plan)? + "\n" } else { plan.text() };
    let text = request.secrets.redacted(&text).unwrap_or(text);
    let text = if json { Inert::json(&text) } else { Inert::text(&text) };
    output::to_file(options.output.as_deref().unwrap_or(Path::new("-")), &text)
}

/// `entra-pg-<host>-<time>.zip`, in the current folder; without the host if names are replaced.
fn bundle_name(host: Option<&str>) -> PathBuf {
    let host: String = host
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
        .take(100)
        .collect();
    let host = host.trim_matches(['-', '.']);
    let dash = if host.is_empty() { "" } else { "-" };
    PathBuf::from(format!("entra-pg{dash}{host}-{}.zip", compact_now()))
}

/// Waits for the next run; returns whether it was interrupted first.
async fn ended_within(every: Duration) -> bool {
    let interrupt = CancellationToken::new();
    tokio::spawn(listen(interrupt.clone()));
    tokio::time::timeout(every, interrupt.cancelled()).await.is_ok()
}

/// Everything that is asked for.
///
/// # Errors
/// What was typed, or a file that it names, cannot be understood.
pub(super) fn build_request(
    target: &TargetArgs,
    identity: &IdentityOptions,
    network: &NetworkOptions,
    selection: Selection,
    environment: &Environment,
) -> Result<Request, UsageError> {
    let (mut settings, password) = settings::resolve(target, environment)?;
    if settings.tenant.is_none() {
        settings.tenant = environment.get("AZURE_TENANT_ID").map(|value| Setting {
            value: value.to_owned(),
            origin: Origin::Environment { variable: "AZURE_TENANT_ID".to_owned() },
        });
    }
    let password = password.map(Arc::new);
    let token_file = identity.token_file.as_deref().map(read_token).transpose()?;
    let secrets = output::secrets(environment);
    if let Some(password) = &password {
        secrets.keep("the password", Arc::clone(password));
    }
    if let Some((token, _)) = &token_file {
        secrets.keep("the token file", Arc::clone(token));
    }
    let client_id = identity.client_id.as_deref();
    settings.misplaced_secrets =
        settings::misplaced_secrets(&settings, client_id, environment, &secrets);
    Ok(Request {
        settings,
        password,
        secrets,
        token_file,
        credential: identity.credential.into(),
        client_id: identity.client_id.clone(),
        tenant: target.tenant.clone(),
        nameservers: network.nameserver.clone(),
        timeout: network.timeout,
        deadline: network.deadline,
        graph: identity.graph,
        as_admin: identity.as_admin,
        for_role: identity.for_role.clone(),
        send_token_unverified: identity.send_token_unverified,
        selection,
        azure: AzureRequest::default(),
    })
}

/// The choice of checks.
pub(super) fn selection_of(only: &[String], skip: &[String]) -> Result<Selection, UsageError> {
    Selection::new(only.to_vec(), skip.to_vec())
}

impl From<CredentialName> for CredentialKind {
    fn from(name: CredentialName) -> Self {
        match name {
            CredentialName::Auto => Self::Auto,
            CredentialName::Password => Self::Password,
            CredentialName::ClientSecret => Self::ClientSecret,
            CredentialName::ClientCertificate => Self::ClientCertificate,
            CredentialName::WorkloadIdentity => Self::WorkloadIdentity,
            CredentialName::ManagedIdentity => Self::ManagedIdentity,
            CredentialName::AzureCli => Self::AzureCli,
            CredentialName::AzureDeveloperCli => Self::AzureDeveloperCli,
            CredentialName::AzurePipelines => Self::AzurePipelines,
        }
    }
}

async fn repeat(
    args: &DoctorArgs,
    request: &Request,
    environment: &Environment,
    terminal: &Terminal,
) -> Report {
    let interrupt = CancellationToken::new();
    tokio::spawn(listen(interrupt.clone()));
    let mut retry = Retry::new(Instant::now(), args.connection.network.retry_for);
    loop {
        let progress = progress(args, terminal);
        let report = diagnose::run(request, environment, &interrupt, progress).await;
        match retry.next(&report, Instant::now(), interrupt.is_cancelled()) {
            Next::Stop(said) => {
                said.iter().for_each(|said| terminal.complain(said));
                return report;
            }
            Next::Again(pause, said) => {
                terminal.complain(&said);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = interrupt.cancelled() => {}
                }
            }
        }
    }
}

/// Ends the run at the first Ctrl-C or SIGTERM, on Windows also if its window is closed; the partial
/// report is still written.
pub(super) async fn listen(interrupt: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => TERMINATED.store(true, std::sync::atomic::Ordering::Relaxed),
        }
    }
    #[cfg(windows)]
    {
        use tokio::signal::windows::{ctrl_break, ctrl_close, ctrl_logoff, ctrl_shutdown};
        let (Ok(mut stop), Ok(mut close), Ok(mut logoff), Ok(mut shutdown)) =
            (ctrl_break(), ctrl_close(), ctrl_logoff(), ctrl_shutdown())
        else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = stop.recv() => {}
            _ = close.recv() => {}
            _ = logoff.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
    interrupt.cancel();
}

/// The exit code of a run that was interrupted.
pub(super) fn interrupted_code() -> u8 {
    if TERMINATED.load(std::sync::atomic::Ordering::Relaxed) { 143 } else { 130 }
}

static TERMINATED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

fn speak(
    args: &DoctorArgs,
    request: &Request,
    report: &Report,
    environment: &Environment,
    terminal: &Terminal,
) -> u8 {
    let terminated = TERMINATED.load(std::sync::atomic::Ordering::Relaxed);
    let plan = Plan::of(request, environment).text();
    let plan = request.secrets.redacted(&plan).unwrap_or(plan);
    let run = Run { plan: Some(plan), secrets: request.secrets.clone() };
    match speak::speak(&args.output, report, &run, environment, terminal) {
        130 if terminated => 143,
        code => code,
    }
}

fn progress(args: &DoctorArgs, terminal: &Terminal) -> Progress {
    if terminal.stderr && !args.output.quiet {
        Progress::on(output::stderr(), terminal.width)
    } else {
        Progress::none()
    }
}

pub(super) fn runtime() -> Runtime {
    random::prepare_keys();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives one more thread of control")
}

fn finished(written: std::io::Result<()>) -> u8 {
    if written.is_ok() { 0 } else { TOOL_FAILED }
}

/// Longer than any token.
const TOKEN_LIMIT: u64 = 64 * 1024;

/// A token and the file it came from.
pub(super) type TokenFile = (Arc<Secret>, Origin);

pub(super) fn read_token(path: &Path) -> Result<TokenFile, UsageError> {
    let name = path.display().to_string();
    // The byte order mark of UTF-8 stays, since psql would send it.
    let bytes = input::argument(path, TOKEN_LIMIT).and_then(input::utf16).map_err(|error| {
        UsageError::new(format!("the token file {name} cannot be read: {error}"))
    })?;
    // The line break at a file's end is the file's, not the token's.
    let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
    Ok((Arc::new(Secret::new(text)), Origin::File { path: name }))
}

fn nameserver(text: &str) -> Result<SocketAddr, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, 53))
        .or_else(|_| text.parse::<SocketAddr>())
        .map_err(|_| "an address such as 10.0.0.4, 10.0.0.4:5353 or [fd00::4]:53".to_owned())
}

/// A resource id of a flexible server, which becomes part of an address.
fn server_id(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.()".contains(c);
    let whole = text.starts_with("/subscriptions/")
        && text.contains("/flexibleServers/")
        && text.len() < 1024
        && !text.contains("..")
        && text.chars().all(plain);
    if whole {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("/subscriptions/…/resourceGroups/…/providers/Microsoft.DBforPostgreSQL/flexibleServers/…".to_owned())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| duration.try_into().ok()),
    };
    let parsed = parsed.ok_or("a time such as 3s, 500ms or 1m30s")?;
    if parsed.is_zero() || parsed > Duration::from_secs(86_400) {
        return Err("between 1 millisecond and 1 day".to_owned());
    }
    Ok(parsed)
}

/// `FORMAT=FILE` of `--report`.
pub(super) fn report_file<T: ValueEnum>(text: &str) -> Result<(T, PathBuf), String> {
    let (format, path) =
        text.split_once('=').ok_or("it must be FORMAT=FILE, such as junit=entra-pg.xml")?;
    let known: Vec<String> = T::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_owned())
        .collect();
    let format = T::from_str(format, true)
        .map_err(|_| format!("the format must be one of {}", known.join(", ")))?;
    if path.is_empty() {
        return Err("the file name behind the = is missing".to_owned());
    }
    Ok((format, PathBuf::from(path)))
}
