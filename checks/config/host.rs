//! Whether the host can be a server's name.

use crate::{
    check::{Check, Judge, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        settings::{Origin, Setting, Settings},
        vantage::Shell,
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The host is the name of a server.
pub static CHECK: Check = Check {
    id: "config/host",
    asserts: "the host is the name of a server",
    needs: &[Topic::Settings],
    problems: &[&HOST_MISSING, &HOST_MALFORMED, &HOST_IS_ADDRESS],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?, seen.vantage.shell))),
};

fn judge(settings: &Settings, shell: Shell) -> Verdict {
    let Some(host) = &settings.host else {
        return missing(settings);
    };
    let name = &host.value;
    if name.parse::<std::net::IpAddr>().is_ok() {
        let detail =
            format!("the host {name} is an address; the certificate is made out to a name");
        return Verdict::found(
            Finding::of(&HOST_IS_ADDRESS, name, detail)
                .because(format!("it stands in {}", host.origin.phrase()))
                .fix(Fix::you("Use the server's name: its address changes")),
        );
    }
    match settings.reachable_host() {
        Ok(name) => Verdict::Passed(name.to_owned()),
        Err(why) => malformed(host, why, shell),
    }
}

/// Nothing named at all is a preflight; a user or database without a host is a slip.
fn missing(settings: &Settings) -> Verdict {
    let named = |origin: &Origin| !matches!(origin, Origin::Default | Origin::Derived { .. });
    let user = settings.user.as_ref().filter(|user| named(&user.origin));
    if user.is_none() && !named(&settings.database.origin) {
        return Verdict::NotApplicable("no server was named".to_owned());
    }
    let whom = user.map_or(&settings.database.value, |user| &user.value);
    let detail =
        format!("\"{whom}\" is named, and no host: psql would look for a server on this machine");
    Verdict::found(
        Finding::of(&HOST_MISSING, "host", detail).fix(
            Fix::you("Name the server").run("export PGHOST=<server>.postgres.database.azure.com"),
        ),
    )
}

fn malformed(host: &Setting<String>, why: &str, shell: Shell) -> Verdict {
    let name = &host.value;
    let mut bare = name.trim();
    let scheme = bare.split_once("://");
    if let Some((_, rest)) = scheme {
        bare = rest;
    }
    bare = bare.split('/').next().unwrap_or(bare);
    bare = bare.rsplit('@').next().unwrap_or(bare);
    let (bare, port) = match bare.split_once(':') {
        Some((bare, port)) => (bare, Some(port)),
        None => (bare, None),
    };
    let what = if scheme.is_some() {
        "it holds a scheme"
    } else if port.is_some() {
        "it holds a port"
    } else if name.contains('@') {
        "it holds an @: in a URI, an @ of the user name is written %40"
    } else if name.contains(char::is_whitespace) {
        "it holds a blank"
    } else {
        why
    };
    let detail = format!("\"{name}\" is no host name: {what}");
    let mut finding = Finding::of(&HOST_MALFORMED, name, detail)
        .because(format!("it stands in {}", host.origin.phrase()))
        .because("nothing was looked up or contacted for it");
    if !bare.is_empty() {
        let mut command = text::set_variable(shell, "PGHOST", bare);
        if let Some(port) = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit())) {
            command = format!("{command}; {}", text::set_variable(shell, "PGPORT", port));
        }
        finding = finding.fix(Fix::you("Write the bare name").run(command));
    }
    Verdict::found(finding)
}

/// No host.
pub static HOST_MISSING: Problem = Problem {
    id: "config/host-missing",
    title: "no host is named",
    severity: Severity::Error,
    explains: &["server/*", "login/*", "access/*"],
    page: Page {
        means: "A user or database is named and no host, so libpq looks for a server on this machine's Unix socket.",
        causes: &["PGHOST is not exported", "a variable that is empty in this shell or job"],
        confirm: &["`env | grep ^PG`", "`psql` says: connection to server on socket … failed"],
        fix: &[(Actor::You, "export PGHOST, or give --host")],
        mistaken_for: &["a server that is down: none was asked"],
        sources: &["PostgreSQL documentation: libpq, host"],
    },
};

/// No host name.
pub static HOST_MALFORMED: Problem = Problem {
    id: "config/host-malformed",
    title: "the host is not a host name",
    severity: Severity::Error,
    explains: &["dns/*", "server/*", "login/*", "access/*"],
    page: Page {
        means: "The host holds something that no host name has: a scheme, a port, an @, a blank or a slash.",
        causes: &[
            "a URL pasted into PGHOST",
            "host:port where the port has a setting of its own",
            "a URI whose user name holds an unencoded @",
        ],
        confirm: &["`psql` says: could not translate host name"],
        fix: &[(
            Actor::You,
            "write the bare name, and the port on its own; in a URI write @ of the user name as %40",
        )],
        mistaken_for: &["dns/nxdomain: there the name is well formed"],
        sources: &["RFC 1123, section 2.1", "PostgreSQL documentation: libpq, connection URIs"],
    },
};

/// An address.
pub static HOST_IS_ADDRESS: Problem = Problem {
    id: "config/host-is-address",
    title: "the host is an address",
    severity: Severity::Warning,
    explains: &[],
    page: Page {
        means: "The server is named by its address. Its certificate is made out to names only, and the address changes with failovers and scaling.",
        causes: &["a way around name resolution that did not work"],
        confirm: &["`psql` with sslmode=verify-full refuses"],
        fix: &[(
            Actor::You,
            "use <server>.postgres.database.azure.com, and mend the name resolution",
        )],
        mistaken_for: &["server/tls-wrong-name, which it leads to"],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, public access: use the fully qualified domain name",
        ],
    },
};
