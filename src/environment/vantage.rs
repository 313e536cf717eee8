//! Where the run looks from.

use crate::{environment::Environment, input, time::milliseconds};
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
        in_azure: in_azure(environment, false),
        root_bundle: root_bundle(environment),
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

/// The file with this machine's root certificates: SSL_CERT_FILE, or where systems keep it.
fn root_bundle(environment: &Environment) -> Option<String> {
    const PLACES: [&str; 5] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let named = environment.get("SSL_CERT_FILE").into_iter();
    named.chain(PLACES).find(|path| std::path::Path::new(path).is_file()).map(str::to_owned)
}

/// Whether this machine is in Azure, as far as can be told without asking anybody. `resolver` says
/// that Azure handed out the resolver settings.
#[must_use]
pub fn in_azure(environment: &Environment, resolver: bool) -> Option<bool> {
    /// The asset tag of every virtual machine in Azure.
    /// Source: Microsoft Learn, "Azure Instance Metadata Service", "Identify Azure".
    const ASSET_TAG: &str = "7783-7084-3265-9085-8269-3286-77";
    // App Service and Functions; Container Apps.
    let platform = ["WEBSITE_INSTANCE_ID", "CONTAINER_APP_ENV_DNS_SUFFIX"];
    if resolver || platform.iter().any(|name| environment.get(name).is_some()) {
        return Some(true);
    }
    let tag = input::text_start("/sys/class/dmi/id/chassis_asset_tag", 256).ok()?;
    Some(tag.trim() == ASSET_TAG)
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
