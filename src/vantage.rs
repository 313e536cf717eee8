//! Where the run looks from.

use crate::{context::milliseconds, environment::Environment};
use entra_pg_checks::facts::vantage::{Shell, Vantage};
use std::time::Duration;

/// This machine and process.
#[must_use]
pub fn look(environment: &Environment, timeout: Duration, deadline: Duration) -> Vantage {
    Vantage {
        hostname: hostname(),
        os: os(),
        os_user: os_user(environment),
        shell: shell(environment),
        in_azure: None,
        timeout_ms: milliseconds(timeout),
        deadline_ms: milliseconds(deadline),
    }
}

/// The operating-system user, whom libpq takes when no user is named.
#[must_use]
pub fn os_user(environment: &Environment) -> Option<String> {
    #[cfg(unix)]
    if let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::geteuid()) {
        return Some(user.name);
    }
    let named = environment.get("USERNAME").or_else(|| environment.get("USER"));
    named.map(str::to_owned)
}

#[cfg(unix)]
fn hostname() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn hostname() -> String {
    String::new()
}

#[cfg(unix)]
fn os() -> String {
    match nix::sys::utsname::uname() {
        Ok(name) => format!(
            "{} {} {}",
            name.sysname().to_string_lossy(),
            name.release().to_string_lossy(),
            name.machine().to_string_lossy()
        ),
        Err(_) => std::env::consts::OS.to_owned(),
    }
}

#[cfg(not(unix))]
fn os() -> String {
    std::env::consts::OS.to_owned()
}

/// PowerShell sets PSModulePath for its children, also on Linux; cmd sets PROMPT and no SHELL.
fn shell(environment: &Environment) -> Shell {
    if environment.get("PSModulePath").is_some() && environment.get("SHELL").is_none() {
        Shell::PowerShell
    } else if cfg!(windows) && environment.get("PROMPT").is_some() {
        Shell::Cmd
    } else {
        Shell::Posix
    }
}
