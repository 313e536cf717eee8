//! `entra-pg exec -- COMMAND`: runs a command with a fresh token and the settings of the login in
//! its environment, so that the token is in no shell history and no argument list.

use super::{
    TOOL_FAILED,
    doctor::ConnectionOptions,
    output::{self, Terminal},
    token::obtain,
};
use crate::{
    diagnose::{self, Report},
    environment::{Environment, vantage},
    process::{program, progress::Progress},
    report::{self, Format, Style},
    secret::{Secret, redact},
    settings::{
        request::{Request, Selection},
        usage::UsageError,
    },
    text::{Inert, clean},
};
use clap::Args;
use entra_pg_checks::{
    Evidence,
    facts::settings::{RootFileState, Settings},
};
use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};
use tokio_util::sync::CancellationToken;

/// Exit code of shells for a command that is found and cannot be run.
const NOT_EXECUTABLE: u8 = 126;
/// Exit code of shells for a command that is not found.
const NOT_FOUND: u8 = 127;
/// What is kept of the command's error output to recognize a refused login.
const KEPT: usize = 64 * 1024;

/// Options of `exec`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExecArgs {
    /// The login.
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// Run the doctor if the command fails with an authentication error
    #[arg(long)]
    pub(crate) diagnose: bool,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Runs `exec`. Returns the command's exit code; on Unix without `--diagnose` it does not return if
/// the command starts.
///
/// # Errors
/// An option or a file that it names is not valid, or there is no server.
pub(crate) fn run(
    args: &ExecArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    let request = args.connection.request(Selection::default(), environment)?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(UsageError::new("no command was given").suggest("entra-pg exec -- psql"));
    };
    if request.settings.host.is_none() {
        return Err(UsageError::new("no server was given").suggest("set PGHOST, or add -h HOST"));
    }
    let (evidence, secret) = obtain(&request, environment);
    let Some(secret) = secret else {
        let evidence = redact::evidence(evidence, &request.secrets);
        show(without_token(evidence, &terminal.style()));
        return Ok(1);
    };
    let mut command = Command::new(started(environment, program));
    command.args(arguments);
    let bundle = vantage::observe(environment, request.timeout, request.deadline).root_bundle;
    // It is deleted when this function ends: on Windows, that is after the command.
    let written = if bundle.is_none() { system_roots() } else { None };
    let bundle = bundle.or_else(|| Some(written.as_ref()?.to_str()?.to_owned()));
    for (name, value) in
        variables(&request.settings, bundle.as_deref(), request.send_token_unverified)
    {
        command.env(name, value);
    }
    // A service file would override the settings below it.
    command.env_remove("PGSERVICE").env_remove("PGSERVICEFILE");
    command.env("PGPASSWORD", secret.expose().trim());
    if args.diagnose {
        return Ok(supervised(command, program, &request, environment, terminal, &secret));
    }
    Ok(replace(command, program, terminal))
}

/// The program to start. On Windows only an `.exe` is found by its bare name; a shell also finds the batch
/// files of PATH, such as `npm.cmd`.
fn started(environment: &Environment, name: &OsStr) -> OsString {
    let bare = name.to_str().filter(|bare| cfg!(windows) && !bare.contains(['/', '\\', ':']));
    let found = bare.and_then(|bare| program::find(environment, bare));
    found.map_or_else(|| name.to_owned(), Into::into)
}

/// A file of the roots in the system's store, which psql on Windows cannot read: the usual psql refuses
/// `sslrootcert=system` there.
#[cfg(windows)]
fn system_roots() -> Option<tempfile::TempPath> {
    let found = rustls_native_certs::load_native_certs();
    let text = crate::net::pem::certificates(found.certs.iter().map(AsRef::as_ref));
    let mut file = tempfile::Builder::new().prefix("entra-pg-").suffix(".pem").tempfile().ok()?;
    let written = !text.is_empty() && file.write_all(text.as_bytes()).is_ok();
    // Without a file, `system` is left: other builds of psql know it.
    // Closed: with an open file, programs that share it for reading only would be refused.
    written.then(|| file.into_temp_path())
}

/// Elsewhere the command takes the place of this process, and there are files of roots.
#[cfg(not(windows))]
const fn system_roots() -> Option<tempfile::TempPath> {
    None
}

/// The settings for the child, by the names of libpq's environment.
fn variables(
    settings: &Settings,
    bundle: Option<&str>,
    unverified: bool,
) -> Vec<(&'static str, String)> {
    let host = settings.host.as_ref().map(|host| host.value.to_string()).unwrap_or_default();
    let mode = settings.sslmode.value.to_string();
    let verifies = matches!(mode.as_str(), "verify-full" | "verify-ca");
    let mut all = vec![
        ("PGHOST", host),
        ("PGPORT", settings.port.value.to_string()),
        ("PGDATABASE", settings.database.value.to_string()),
        ("PGSSLMODE", if verifies || unverified { mode } else { "verify-full".to_owned() }),
    ];
    if let Some(user) = &settings.user {
        all.push(("PGUSER", user.value.to_string()));
    }
    if let Some(address) = &settings.hostaddr {
        all.push(("PGHOSTADDR", address.value.to_string()));
    }
    let given = settings
        .sslrootcert
        .as_ref()
        .filter(|roots| matches!(roots.state, RootFileState::Read { .. } | RootFileState::System))
        .map(|roots| roots.path.value.to_string());
    // libpq 15 and earlier have no word for the system's roots, so a file is named if there is one.
    let roots = given.or_else(|| bundle.map(str::to_owned)).unwrap_or_else(|| "system".to_owned());
    all.push(("PGSSLROOTCERT", roots));
    all
}

/// Becomes the command.
#[cfg(unix)]
fn replace(mut command: Command, program: &OsStr, terminal: &Terminal) -> u8 {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    not_started(program, &error, terminal)
}

/// Runs the command and passes its exit code on, since a process cannot be replaced on Windows.
#[cfg(not(unix))]
fn replace(mut command: Command, program: &OsStr, terminal: &Terminal) -> u8 {
    let _interrupts = leave_interrupts();
    match command.status() {
        Ok(status) => exit_code(status),
        Err(error) => not_started(program, &error, terminal),
    }
}

/// While the listeners live, Ctrl-C is the command's: psql, for one, only cancels a query by it. This process
/// waits for the command to end.
#[cfg(windows)]
fn leave_interrupts() -> impl Sized {
    use tokio::signal::windows::{ctrl_break, ctrl_c};
    (ctrl_c().ok(), ctrl_break().ok())
}

/// The same on Unix. The command starts with the default action for the signal.
#[cfg(unix)]
fn leave_interrupts() -> impl Sized {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = super::doctor::runtime();
    let listener = {
        let _entered = runtime.enter();
        signal(SignalKind::interrupt()).ok()
    };
    (runtime, listener)
}

fn not_started(program: &OsStr, error: &std::io::Error, terminal: &Terminal) -> u8 {
    terminal.complain(&format!("{}: {error}", clean(&program.to_string_lossy())));
    match error.kind() {
        std::io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    }
}

/// The child's exit code; 128 plus the signal that ended it, as shells report it.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(TOOL_FAILED);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(TOOL_FAILED)
}

/// Runs the command, passes its error output on, and runs the doctor if the login was refused.
fn supervised(
    mut command: Command,
    program: &OsStr,
    request: &Request,
    environment: &Environment,
    terminal: &Terminal,
    secret: &Arc<Secret>,
) -> u8 {
    let interrupts = leave_interrupts();
    let mut child = match command.stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return not_started(program, &error, terminal),
    };
    let errors = child.stderr.take().map(|stream| thread::spawn(move || pass_on(stream)));
    let status = child.wait();
    let errors = errors.and_then(|reader| reader.join().ok()).unwrap_or_default();
    let code = status.map_or(TOOL_FAILED, exit_code);
    if code == 0 || !is_refused_login(&String::from_utf8_lossy(&errors)) {
        return code;
    }
    request.secrets.keep("the token", Arc::clone(secret));
    drop(interrupts);
    let interrupt = CancellationToken::new();
    let report = super::doctor::runtime().block_on(async {
        tokio::spawn(super::doctor::listen(interrupt.clone()));
        diagnose::run(request, environment, &interrupt, Progress::none()).await
    });
    show(report::render(&report, Format::Text, &terminal.style()));
    code
}

/// Copies the command's error output to ours as it comes, and keeps its beginning.
fn pass_on(mut stream: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    let mut out = output::stderr();
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        // The command's own output goes to its own reader: what fails there is not ours to report.
        let _ = out.write_all(&buffer[..length]).and_then(|()| out.flush());
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
    kept
}

/// Whether an error output says that the server refused the login.
fn is_refused_login(text: &str) -> bool {
    const SIGNS: [&str; 7] = [
        "authentication failed",
        "28p01",
        "28000",
        "no pg_hba.conf entry",
        "access token",
        "is not permitted to log in",
        "certificate verify failed",
    ];
    let text = text.to_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// The report if there is no token.
pub(crate) fn without_token(evidence: Evidence, style: &Style) -> io::Result<Inert> {
    let selection = Selection::new(vec!["token".to_owned()], Vec::new()).unwrap_or_default();
    report::render(&Report::new(evidence, &selection), Format::Text, style)
}

/// The report on the error output: standard output belongs to the command.
fn show(rendered: io::Result<Inert>) {
    if let Ok(text) = rendered {
        // If this fails, the exit code still says that the command failed.
        let _ = output::to_stderr(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::{is_refused_login, variables};
    use crate::{
        environment::Environment,
        settings::{TargetArgs, resolve},
    };

    fn of(conninfo: &str, unverified: bool) -> Vec<(&'static str, String)> {
        let args = TargetArgs { conninfo: Some(conninfo.to_owned()), ..TargetArgs::default() };
        let (settings, _) = resolve(&args, &Environment::default()).expect("settings");
        variables(&settings, Some("/etc/roots.pem"), unverified)
    }

    fn value(all: &[(&'static str, String)], name: &str) -> Option<String> {
        all.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn the_server_is_verified_unless_told_otherwise() {
        let login = "host=pg.postgres.database.azure.com user='Prod DB' dbname=app sslmode=require";
        let all = of(login, false);
        assert_eq!(value(&all, "PGSSLMODE").as_deref(), Some("verify-full"));
        assert_eq!(value(&all, "PGSSLROOTCERT").as_deref(), Some("/etc/roots.pem"));
        assert_eq!(value(&all, "PGUSER").as_deref(), Some("Prod DB"));
        assert_eq!(value(&all, "PGDATABASE").as_deref(), Some("app"));
        assert_eq!(value(&of(login, true), "PGSSLMODE").as_deref(), Some("require"));
    }

    #[test]
    fn only_a_refused_login_is_diagnosed() {
        assert!(is_refused_login("FATAL:  password authentication failed for user \"x\""));
        assert!(is_refused_login("FATAL: no pg_hba.conf entry for host"));
        assert!(!is_refused_login("ERROR:  relation \"x\" does not exist"));
    }
}
