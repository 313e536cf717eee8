//! The hosts file, which wins over every nameserver.

use crate::input;
use entra_pg_checks::facts::dns::HostsEntry;
use std::net::IpAddr;

/// Hosts files that block advertisements reach a few megabytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The lines that give this name an address.
pub(super) fn entries(name: &str) -> Vec<HostsEntry> {
    // Without a hosts file there is no override.
    let path = path();
    input::text_start(&path, LIMIT).map(|text| parse(&text, name, &path)).unwrap_or_default()
}

#[cfg(not(windows))]
fn path() -> String {
    "/etc/hosts".to_owned()
}

#[cfg(windows)]
fn path() -> String {
    format!(r"{}\System32\drivers\etc\hosts", crate::environment::registry::windows_folder())
}

/// Lines that give the name an address; a name has no use for more than a few.
pub(crate) fn parse(text: &str, name: &str, path: &str) -> Vec<HostsEntry> {
    let line = |(index, line): (usize, &str)| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then(|| HostsEntry {
            path: path.to_owned(),
            line: index + 1,
            address,
        })
    };
    text.lines().enumerate().filter_map(line).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn finds_the_name_among_aliases_and_not_in_comments() {
        let text = "127.0.0.1 localhost\n# 10.0.0.1 a.b\n10.9.9.9 x a.B # note\n10.0.0.2 xa.b\n";
        let found = parse(text, "A.b", "/etc/hosts");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].address.to_string().as_str()), (3, "10.9.9.9"));
    }
}
