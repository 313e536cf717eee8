//! The lookup by `getent`, for the static program: its own C library, musl, reads neither nsswitch.conf
//! nor LOCALDOMAIN, and asks nameservers in another way than that of the system, which psql uses.

use crate::secret::outgoing::SECRET_VARIABLES;
use std::{io, net::IpAddr, process::Stdio};
use tokio::{io::AsyncReadExt, process::Command};

/// Whether the C library of this program can be another than that of the system.
pub(super) const IS_NEEDED: bool = cfg!(target_env = "musl");

/// Without the option, which glibc 2.37 added, getent leaves out the families of which this machine has
/// no address; libpq does not. PATH is not trusted here. NixOS has a folder of its own.
const WAYS: [Way; 6] = [
    ("/usr/bin/getent", &["--no-addrconfig", "ahosts"]),
    ("/usr/bin/getent", &["ahosts"]),
    ("/bin/getent", &["--no-addrconfig", "ahosts"]),
    ("/bin/getent", &["ahosts"]),
    ("/run/current-system/sw/bin/getent", &["--no-addrconfig", "ahosts"]),
    ("/run/current-system/sw/bin/getent", &["ahosts"]),
];

/// A program and its arguments before the name.
type Way<'a> = (&'a str, &'a [&'a str]);

/// What is printed beyond this is not read.
const LIMIT: u64 = 256 * 1024;

/// The longest name in DNS, with a dot at its end.
const MAX_NAME: usize = 254;

/// Exit codes of glibc's getent: the name is unknown, or an option is.
const NOT_FOUND: i32 = 2;
const USAGE: i32 = 64;

/// At most so many addresses in the system's order, or none if the name is not found. `None` if there is
/// no getent, or it is musl's: that finds what this program finds by itself.
pub(super) async fn addresses(name: &str, limit: usize) -> Option<Vec<IpAddr>> {
    addresses_by(&WAYS, name, limit).await
}

/// The process ends with this future.
async fn addresses_by(ways: &[Way<'_>], name: &str, limit: usize) -> Option<Vec<IpAddr>> {
    if !is_plain(name) {
        return None;
    }
    for way in ways {
        let Ok((code, printed)) = run(way, name).await else {
            continue;
        };
        match code {
            Some(0) => return Some(parsed(&printed, limit)).filter(|found| !found.is_empty()),
            Some(NOT_FOUND) => return Some(Vec::new()),
            Some(USAGE) => {}
            // musl's does not know the option, either, and ends with 1.
            Some(_) | None => return None,
        }
    }
    None
}

/// Whether a name can be an argument: it is no option, and has only visible ASCII characters.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The exit code and what was printed. A program that prints more than the limit is ended, and what it
/// has printed counts.
async fn run((program, arguments): &Way<'_>, name: &str) -> io::Result<(Option<i32>, Vec<u8>)> {
    let mut command = Command::new(program);
    command.args(*arguments).arg(name).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    let mut child = command.spawn()?;
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LIMIT).read_to_end(&mut printed).await?;
    }
    if printed.len() as u64 == LIMIT {
        return Ok((Some(0), printed));
    }
    Ok((child.wait().await?.code(), printed))
}

/// Lines such as `fe80::1%eth0  STREAM pg.example`: one per address and kind of socket.
fn parsed(printed: &[u8], limit: usize) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(printed).lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(address), Some("STREAM")) = (words.next(), words.next()) else {
            continue;
        };
        let address = address.split_once('%').map_or(address, |(address, _)| address);
        if let Ok(address) = address.parse()
            && !found.contains(&address)
        {
            found.push(address);
        }
        if found.len() == limit {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(printed: &[u8]) -> Vec<String> {
        parsed(printed, 3).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_of_several_lines_is_taken_once() {
        let printed = "fe80::1%eth0    STREAM pg.example\nfe80::1%eth0    DGRAM  \n\
                       fe80::1%eth0    RAW    \n10.1.0.4        STREAM \n10.1.0.4 STREAM\n";
        assert_eq!(shown(printed.as_bytes()), ["fe80::1", "10.1.0.4"]);
    }

    #[test]
    fn only_addresses_are_taken() {
        assert_eq!(shown(b""), Vec::<String>::new());
        let printed = b"\x1b[2J10.0.0.1 STREAM\n\xff\xfe STREAM x\n10.0.0.2\n10.0.0.3 STREAMING\n\
            10.0.0.4;id STREAM\n  10.0.0.5\tSTREAM\x1b]0;x\x07\n%eth0 STREAM\n\0 STREAM\n10.0.0.6 STREAM";
        assert_eq!(shown(printed), ["10.0.0.6"]);
        let many: String = (0..255).map(|n| format!("10.0.0.{n} STREAM\n")).collect();
        assert_eq!(shown(many.as_bytes()), ["10.0.0.0", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(shown(&b"1".repeat(1 << 20)), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_name_is_never_an_option() {
        let way: &[Way<'_>] = &[("/nonexistent/getent", &["ahosts"])];
        for name in ["", "-i", "a b", "a\nb", "b\u{fc}cher.example", &"a".repeat(MAX_NAME + 1)] {
            assert!(!is_plain(name), "{name}");
            assert_eq!(addresses_by(way, name, 3).await, None);
        }
        assert!(is_plain("pg-prod.postgres.database.azure.com."));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_exit_code_decides() {
        async fn by(scripts: &[&str]) -> Option<Vec<IpAddr>> {
            let arguments: Vec<_> = scripts.iter().map(|script| ["-c", script, "getent"]).collect();
            let mut ways: Vec<Way<'_>> = vec![("/nonexistent/getent", &[])];
            ways.extend(arguments.iter().map(|arguments| ("/bin/sh", arguments.as_slice())));
            addresses_by(&ways, "10.0.0.7", 3).await
        }
        let found = Some(vec![IpAddr::from([10, 0, 0, 7])]);
        let prints = "test -z \"$PGPASSWORD\" && echo \"$1 STREAM\"";
        assert_eq!(by(&[prints]).await, found);
        assert_eq!(by(&["exit 64", prints]).await, found, "an old one");
        assert_eq!(by(&["exit 2", prints]).await, Some(Vec::new()));
        assert_eq!(by(&["exit 1", prints]).await, None, "musl's");
        assert_eq!(by(&["exit 0", prints]).await, None);
        assert_eq!(by(&["kill -9 $$", prints]).await, None);
        assert_eq!(by(&["exec yes \"$1 STREAM\""]).await, found, "it is ended");
        assert_eq!(by(&[]).await, None);
    }
}
