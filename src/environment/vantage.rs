//! The machine and the process that the run observes from.

#[cfg(windows)]
use crate::environment::registry::{self, Hive};
#[cfg(not(any(windows, target_os = "macos")))]
use crate::input;
use crate::{environment::Environment, time::milliseconds};
use entra_pg_checks::facts::vantage::{Shell, Vantage};
use std::time::Duration;

/// Describes this machine and process.
#[must_use]
pub(crate) fn observe(environment: &Environment, timeout: Duration, deadline: Duration) -> Vantage {
    Vantage {
        hostname: hostname(environment),
        os: os(),
        os_user: os_user(environment),
        shell: shell(environment),
        in_azure: in_azure(environment, false),
        interfaces: Vec::new(),
        root_bundle: root_bundle(environment),
        timeout_ms: milliseconds(timeout),
        deadline_ms: milliseconds(deadline),
    }
}

/// The operating-system user, which libpq uses if no user is named.
#[must_use]
pub(crate) fn os_user(environment: &Environment) -> Option<String> {
    #[cfg(unix)]
    if let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::geteuid()) {
        return Some(user.name);
    }
    let named = environment.get("USERNAME").or_else(|| environment.get("USER"));
    named.map(str::to_owned)
}

/// The file with this machine's root certificates: SSL_CERT_FILE, or where the systems keep it.
fn root_bundle(environment: &Environment) -> Option<String> {
    const PATHS: [&str; 5] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    // On Windows these would be paths on the current drive, where any user may create folders.
    let paths: &[&str] = if cfg!(unix) { &PATHS } else { &[] };
    let named = environment.get("SSL_CERT_FILE").into_iter();
    let mut all = named.chain(paths.iter().copied());
    all.find(|path| std::path::Path::new(path).is_file()).map(str::to_owned)
}

/// Whether this machine is in Azure, as far as is known without a request. `resolver` says that Azure
/// handed out the resolver settings.
#[must_use]
pub(crate) fn in_azure(environment: &Environment, resolver: bool) -> Option<bool> {
    // App Service and Functions; Container Apps.
    let platform = ["WEBSITE_INSTANCE_ID", "CONTAINER_APP_ENV_DNS_SUFFIX"];
    if resolver || platform.iter().any(|name| environment.get(name).is_some()) {
        return Some(true);
    }
    has_asset_tag()
}

/// The asset tag of every virtual machine in Azure.
/// Source: Microsoft Learn, "Azure Instance Metadata Service", "Identify Azure".
#[cfg_attr(target_os = "macos", allow(dead_code, reason = "Azure has no machines with macOS"))]
const ASSET_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

#[cfg(not(any(windows, target_os = "macos")))]
fn has_asset_tag() -> Option<bool> {
    let tag = input::text_start("/sys/class/dmi/id/chassis_asset_tag", 256).ok()?;
    Some(tag.trim() == ASSET_TAG)
}

/// Azure has no machines with macOS.
#[cfg(target_os = "macos")]
const fn has_asset_tag() -> Option<bool> {
    Some(false)
}

/// Windows keeps a copy of the firmware's tables (SMBIOS) in the registry.
#[cfg(windows)]
fn has_asset_tag() -> Option<bool> {
    const FIRMWARE: &str = r"SYSTEM\CurrentControlSet\Services\mssmbios\Data";
    let tables = registry::bytes(Hive::Machine, FIRMWARE, "SMBiosData")?;
    Some(tables.windows(ASSET_TAG.len()).any(|text| text == ASSET_TAG.as_bytes()))
}

/// The machine's own name.
#[cfg(unix)]
#[must_use]
pub(crate) fn hostname(_: &Environment) -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The machine's own name.
#[cfg(windows)]
#[must_use]
pub(crate) fn hostname(environment: &Environment) -> String {
    const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
    let named =
        registry::text(Hive::Machine, PARAMETERS, "Hostname").filter(|name| !name.is_empty());
    named.or_else(|| environment.get("COMPUTERNAME").map(str::to_owned)).unwrap_or_default()
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

#[cfg(windows)]
fn os() -> String {
    const VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    let text = |name| registry::text(Hive::Machine, VERSION, name);
    let version = Version {
        product: text("ProductName"),
        release: text("DisplayVersion"),
        build: text("CurrentBuildNumber"),
        revision: registry::number(Hive::Machine, VERSION, "UBR"),
    };
    version.name(std::env::consts::ARCH)
}

/// The version of Windows as the registry holds it.
#[cfg(any(windows, test))]
#[derive(Default)]
struct Version {
    product: Option<String>,
    release: Option<String>,
    build: Option<String>,
    revision: Option<u32>,
}

#[cfg(any(windows, test))]
impl Version {
    /// Such as "Windows 11 Pro 23H2 22631.4037 x86_64". Windows 11 calls itself "Windows 10" in the
    /// registry; its first build is 22000.
    fn name(&self, architecture: &str) -> String {
        let mut product = self.product.clone().unwrap_or_else(|| "Windows".to_owned());
        let build = self.build.as_deref().unwrap_or_default();
        if build.parse::<u32>().is_ok_and(|build| build >= 22_000) {
            product = product.replacen("Windows 10", "Windows 11", 1);
        }
        let product = product.strip_prefix("Microsoft ").map(str::to_owned).unwrap_or(product);
        let build = match self.revision {
            Some(revision) if !build.is_empty() => format!("{build}.{revision}"),
            _ => build.to_owned(),
        };
        let words =
            [product.as_str(), self.release.as_deref().unwrap_or_default(), &build, architecture];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join(" ").chars().take(120).collect()
    }
}

/// The shell in which suggested commands will be typed.
pub(crate) fn shell(environment: &Environment) -> Shell {
    shell_of(&ancestors(), environment, cfg!(windows))
}

/// The nearest ancestor that is a shell decides. Without one: every process of Windows has
/// PSModulePath, with two entries; PowerShell adds those of its user.
fn shell_of(ancestors: &[String], environment: &Environment, windows: bool) -> Shell {
    let known = ancestors.iter().find_map(|name| {
        let name = name.to_ascii_lowercase();
        match name.trim_end_matches(".exe") {
            "powershell" | "pwsh" | "powershell_ise" => Some(Shell::PowerShell),
            "cmd" => Some(Shell::Cmd),
            "bash" | "zsh" | "sh" | "dash" | "fish" | "ksh" | "busybox" | "nu" => {
                Some(Shell::Posix)
            }
            _ => None,
        }
    });
    if let Some(shell) = known {
        return shell;
    }
    let modules = environment.get("PSModulePath");
    if !windows {
        let by_powershell = modules.is_some() && environment.get("SHELL").is_none();
        return if by_powershell { Shell::PowerShell } else { Shell::Posix };
    }
    // Git Bash, MSYS2 and Cygwin.
    let posix = environment.get("MSYSTEM").is_some() || environment.get("SHELL").is_some();
    let entries = modules.map_or(0, |modules| modules.split(';').count());
    if posix {
        Shell::Posix
    } else if entries < 3 && environment.get("PROMPT").is_some() {
        Shell::Cmd
    } else {
        Shell::PowerShell
    }
}

/// The file names of the processes that led to this one, the parent first.
#[cfg(windows)]
fn ancestors() -> Vec<String> {
    use winsafe::{GetCurrentProcessId, HPROCESSLIST, co};
    let Ok(mut list) = HPROCESSLIST::CreateToolhelp32Snapshot(co::TH32CS::SNAPPROCESS, None) else {
        return Vec::new();
    };
    let processes = list.iter_processes().map_while(Result::ok).take(65_536);
    let all: Vec<(u32, u32, String)> = processes
        .map(|process| (process.th32ProcessID, process.th32ParentProcessID, process.szExeFile()))
        .collect();
    lineage(&all, GetCurrentProcessId())
}

/// Only the parent: further up, a login shell says nothing of the one that is used.
#[cfg(target_os = "linux")]
fn ancestors() -> Vec<String> {
    let parent = nix::unistd::getppid();
    let name = input::text_start(format!("/proc/{parent}/comm"), 64).ok();
    name.map(|name| name.trim().to_owned()).filter(|name| name == "pwsh").into_iter().collect()
}

/// The same on macOS, which has no `/proc`.
#[cfg(target_os = "macos")]
fn ancestors() -> Vec<String> {
    let parent = nix::unistd::getppid().to_string();
    let name = super::command::output("/bin/ps", &["-o", "comm=", "-p", &parent]);
    let name = name.and_then(|path| Some(path.trim().rsplit('/').next()?.to_owned()));
    name.filter(|name| name == "pwsh").into_iter().collect()
}

#[cfg(not(any(windows, target_os = "linux", target_os = "macos")))]
const fn ancestors() -> Vec<String> {
    Vec::new()
}

/// The names of a process's ancestors among processes: id, parent and name.
#[cfg(any(windows, test))]
fn lineage(processes: &[(u32, u32, String)], own: u32) -> Vec<String> {
    const MAX_ANCESTORS: usize = 16;
    let find = |id: u32| processes.iter().find(|(known, ..)| *known == id);
    let mut names = Vec::new();
    let mut next = find(own).map(|(_, parent, _)| *parent);
    while let Some((id, parent, name)) = next.and_then(find)
        && names.len() < MAX_ANCESTORS
        && *id != own
    {
        names.push(name.clone());
        next = Some(*parent);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{Version, lineage, shell_of};
    use crate::environment::Environment;
    use entra_pg_checks::facts::vantage::Shell;

    #[test]
    fn the_parent_process_decides_the_shell() {
        let machine = [("PSModulePath", r"C:\a;C:\b"), ("PROMPT", "$P$G")];
        let environment = Environment::from_pairs(machine);
        let with = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            shell_of(&names, &environment, true)
        };
        assert_eq!(with(&["cmd.exe", "explorer.exe"]), Shell::Cmd);
        assert_eq!(with(&["shim.exe", "PowerShell.EXE"]), Shell::PowerShell);
        assert_eq!(with(&["pwsh.exe", "cmd.exe"]), Shell::PowerShell);
        assert_eq!(with(&["bash.exe"]), Shell::Posix);
        assert_eq!(with(&["explorer.exe"]), Shell::Cmd);
    }

    #[test]
    fn without_a_parent_the_environment_decides() {
        let shell = |pairs: &[(&str, &str)], windows| {
            shell_of(&[], &Environment::from_pairs(pairs.iter().copied()), windows)
        };
        assert_eq!(shell(&[], true), Shell::PowerShell);
        assert_eq!(shell(&[], false), Shell::Posix);
        assert_eq!(shell(&[("MSYSTEM", "MINGW64"), ("PSModulePath", "a;b")], true), Shell::Posix);
        assert_eq!(
            shell(&[("PROMPT", "$P$G"), ("PSModulePath", "a;b;c")], true),
            Shell::PowerShell
        );
        assert_eq!(shell(&[("PSModulePath", "/opt")], false), Shell::PowerShell);
        assert_eq!(shell(&[("PSModulePath", "/opt"), ("SHELL", "/bin/zsh")], false), Shell::Posix);
    }

    #[test]
    fn ancestors_are_followed_without_a_loop() {
        let process = |id, parent, name: &str| (id, parent, name.to_owned());
        let all = [process(9, 5, "entra-pg.exe"), process(5, 2, "cmd.exe"), process(2, 5, "a.exe")];
        assert_eq!(lineage(&all, 9).len(), 16);
        let all = [process(9, 5, "entra-pg.exe"), process(5, 2, "cmd.exe")];
        assert_eq!(lineage(&all, 9), ["cmd.exe"]);
        assert!(lineage(&all, 7).is_empty());
    }

    #[test]
    fn windows_11_is_known_by_its_build() {
        let version = Version {
            product: Some("Windows 10 Pro".to_owned()),
            release: Some("23H2".to_owned()),
            build: Some("22631".to_owned()),
            revision: Some(4037),
        };
        assert_eq!(version.name("x86_64"), "Windows 11 Pro 23H2 22631.4037 x86_64");
        assert_eq!(Version::default().name("x86_64"), "Windows x86_64");
    }
}
