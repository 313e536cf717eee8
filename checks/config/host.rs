//! Whether the host can be a server's name.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        cloud::Cloud,
        settings::{Origin, SentSetting, Setting, Settings, SslMode},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The host is the name of a server.
pub static CHECK: Check = Check {
    id: "config/host",
    asserts: "the host is the name of a server",
    needs: &[Topic::Settings],
    problems: &[&HOST_MISSING, &HOST_MALFORMED, &HOST_IS_ADDRESS, &HOST_UNKNOWN_SUFFIX],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?))),
};

fn judge(settings: &Settings) -> Verdict {
    let Some(host) = &settings.host else {
        return missing(settings);
    };
    if settings.misplaced_secret(SentSetting::Host).is_some() {
        return Verdict::NotApplicable("the host name holds a secret".to_owned());
    }
    let name = &host.value;
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Verdict::found(address(settings, host));
    }
    match settings.reachable_host() {
        Ok(name) => match unknown_suffix(name, host, &settings.cloud.value) {
            Some(finding) => Verdict::found(finding),
            None => Verdict::Passed(name.to_owned()),
        },
        Err(why) => malformed(settings, host, why),
    }
}

/// The server has an address and no name.
fn address(settings: &Settings, host: &Setting<String>) -> Finding {
    let name = &host.value;
    let origin = host.origin.phrase();
    let alone = settings.hostaddr.as_ref() == Some(host);
    let detail = if alone {
        format!("hostaddr={name} is set without host; the certificate names no address")
    } else {
        format!("the host {name} is an address; the certificate names no address")
    };
    let mut finding = Finding::of(&HOST_IS_ADDRESS, name, detail)
        .because(format!("it is set in {origin}"))
        .fix(Fix::you("Set host to the name of the server: its address can change"));
    if alone && settings.sslmode.value == SslMode::VerifyFull {
        finding =
            finding.because("psql says: host name must be specified for a verified SSL connection");
    }
    finding
}

/// The fix for a server's name without its suffix, which no nameserver can resolve.
pub(crate) fn whole_name(settings: &Settings) -> Option<Fix> {
    let host = settings.host.as_ref()?;
    let finding = unknown_suffix(&host.value, host, &settings.cloud.value)?;
    finding
        .fixes
        .into_iter()
        .next()
        .map(|fix| Fix { text: "Write the whole name".to_owned(), ..fix })
}

/// A name that is not a flexible server's. It may be an alias of one, so it is a warning.
fn unknown_suffix(name: &str, host: &Setting<String>, cloud: &Cloud) -> Option<Finding> {
    let bare = name.trim_end_matches('.').to_ascii_lowercase();
    let own = &cloud.server_suffix;
    let carries = |suffix: &str| bare.strip_suffix(suffix).is_some_and(|left| left.ends_with('.'));
    // A tunnel ends at this computer; a cloud file without a suffix leaves nothing to compare with.
    if bare == "localhost" || own.is_empty() || carries(own) || Cloud::of_server(&bare).is_some() {
        return None;
    }
    let what = match bare.split_once('.') {
        None => "it is the server's short name".to_owned(),
        Some((_, rest)) if rest.starts_with("privatelink.") || rest.starts_with("private.") => {
            format!("\"{rest}\" is a zone of private names")
        }
        Some((_, rest)) => match OTHER_SERVICES.iter().find(|(suffix, _)| rest.ends_with(suffix)) {
            Some((_, service)) => format!("\"{rest}\" is the suffix of {service}"),
            None => format!("\"{rest}\" is not the suffix of a known cloud"),
        },
    };
    let label = bare.split('.').next().unwrap_or(&bare);
    let likely = format!("{label}.{own}");
    Some(
        Finding::of(
            &HOST_UNKNOWN_SUFFIX,
            name,
            format!("\"{name}\" does not end as a flexible server's name does: {what}"),
        )
        .because(format!("it is set in {}", host.origin.phrase()))
        .because(format!("names of this cloud's servers end in .{own}"))
        .fix(
            Fix::you(
                "Write the whole name, unless this is an alias of your own (the certificate is \
                    made out to Azure's name)",
            )
            .run(Command::set("PGHOST", &likely)),
        ),
    )
}

/// Suffixes that are taken for a flexible server's. Source: Microsoft Learn, "Private endpoint DNS
/// zone values".
const OTHER_SERVICES: [(&str, &str); 4] = [
    ("mysql.database.azure.com", "Azure Database for MySQL"),
    ("mariadb.database.azure.com", "Azure Database for MariaDB"),
    ("postgres.cosmos.azure.com", "Azure Cosmos DB for PostgreSQL, whose tokens are others"),
    ("database.windows.net", "Azure SQL"),
];

/// Nothing named at all is a preflight; a user or database without a host is a slip.
fn missing(settings: &Settings) -> Verdict {
    let named = |origin: &Origin| !matches!(origin, Origin::Default | Origin::Derived { .. });
    let user = settings.user.as_ref().filter(|user| named(&user.origin));
    if user.is_none() && !named(&settings.database.origin) {
        return Verdict::NotApplicable("no server was named".to_owned());
    }
    let name = user.map_or(&settings.database.value, |user| &user.value);
    let detail = format!(
        "\"{name}\" is named, and no host: psql would connect to a server on this computer"
    );
    Verdict::found(Finding::of(&HOST_MISSING, "host", detail).fix(name_it()))
}

fn name_it() -> Fix {
    Fix::you("Name the server").run(Command::set("PGHOST", "<server>.postgres.database.azure.com"))
}

/// libpq ends the user of a URI at the first @ before the first /, even after a ?.
fn misread_uri(settings: &Settings, host: &Setting<String>) -> Option<Finding> {
    let user = settings.user.as_ref().filter(|user| user.origin == Origin::Uri)?;
    let finding = |reason: &str| {
        let detail = format!("libpq reads \"{}\" in the URI as the host: {reason}", host.value);
        Finding::of(&HOST_MALFORMED, &host.value, detail)
            .because(format!("libpq reads \"{}\" as the user", user.value))
            .because("nothing was looked up or contacted for it")
    };
    if let Some((server, rest)) = user.value.split_once('?') {
        let uri = format!("postgresql://{server}/?{rest}%40{}", host.value);
        let fix = Fix::you("Write a / before the ?, and the @ as %40:").run(Command::text(uri));
        return Some(finding("the @ after the ? ends the user name, no / comes before").fix(fix));
    }
    let (more, server) = host.value.rsplit_once('@')?;
    let name = format!("{}@{more}", user.value);
    let encoded: String = name.bytes().map(percent_encoded).collect();
    let uri = format!("postgresql://{encoded}@{server}/{}", settings.database.value);
    let fix = Fix::you("Write the @ of the user name as %40:").run(Command::text(uri));
    Some(finding("an @ of the user name is not encoded").fix(fix))
}

fn percent_encoded(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    }
}

fn malformed(settings: &Settings, host: &Setting<String>, why: &str) -> Verdict {
    let name = &host.value;
    if host.origin == Origin::Uri
        && let Some(finding) = misread_uri(settings, host)
    {
        return Verdict::found(finding);
    }
    let is_quote = |character| matches!(character, '"' | '\'');
    let mut bare = name.trim().trim_matches(is_quote);
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
    } else if name.contains(is_quote) {
        "it holds quotation marks, which cmd keeps in `set PGHOST=\"…\"`"
    } else if name.contains('@') {
        "it holds an @: in a URI, an @ of the user name is written %40"
    } else if name.contains(char::is_whitespace) {
        "it holds a blank"
    } else {
        why
    };
    let shown = if name.contains(is_quote) { name.clone() } else { format!("\"{name}\"") };
    let detail = format!("{shown} is not a host name: {what}");
    let mut finding = Finding::of(&HOST_MALFORMED, name, detail)
        .because(format!("it is set in {}", host.origin.phrase()))
        .because("nothing was looked up or contacted for it");
    if bare.is_empty() || bare.contains(|c: char| c.is_whitespace() || is_quote(c)) {
        finding = finding.fix(name_it());
    } else {
        let mut command = Command::set("PGHOST", bare);
        if let Some(port) = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit())) {
            command = command.then(Command::set("PGPORT", port));
        }
        finding = finding.fix(Fix::you("Write the bare name").run(command));
    }
    Verdict::found(finding)
}

/// No host.
pub static HOST_MISSING: Problem = Problem {
    id: "config/host-missing",
    title: "no host is named",
    explains: &["server/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("connection to server on socket", 86),
        Fragment::new("is the server running locally and accepting", 86),
        Fragment::new("/.s.pgsql.5432", 86),
        Fragment::new("definition of service … not found", 84),
        Fragment::new("connect econnrefused 127.0.0.1:5432", 52),
        Fragment::new("connect econnrefused ::1:5432", 52),
    ],
    page: Page {
        means: "A user or database is named and no host, so libpq connects to a server on this \
            machine's Unix socket.",
        causes: &["PGHOST is not exported", "a variable that is empty in this shell or job"],
        confirm: &[
            "`env | grep ^PG | sed 's/^PGPASSWORD=.*/PGPASSWORD=(set)/'`",
            "`psql` says: connection to server on socket … failed",
        ],
        fix: &[(Actor::You, "export PGHOST, or give --host")],
        mistaken_for: &["a server that is down: none was asked"],
        sources: &["PostgreSQL documentation: libpq, host"],
    },
    ..Problem::DEFAULT
};

/// No host name.
pub static HOST_MALFORMED: Problem = Problem {
    id: "config/host-malformed",
    title: "the host is not a host name",
    explains: &["dns/*", "server/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("invalid port number", 90),
        Fragment::new("invalid connection option", 90),
        Fragment::new("invalid integer value … for connection option port", 90),
        Fragment::new("missing \"=\" after … in connection info string", 90),
        Fragment::new("invalid uri query parameter", 90),
        Fragment::new("invalid percent-encoded token", 90),
        Fragment::new("unterminated quoted string in connection info string", 90),
        Fragment::new("in uri (expected \":\" or \"/\")", 90),
        Fragment::new("p1013:", 88),
        Fragment::new("the provided database string is invalid", 88),
        Fragment::new("invalid port number in database url", 88),
        Fragment::new("format of the initialization string does not conform", 84),
        Fragment::new("could not parse rfc1738 url", 84),
        Fragment::new("no suitable driver found for", 80),
        Fragment::new("invalid dsn", 78),
        Fragment::new("error parsing connection string", 78),
        Fragment::new("cannot parse … failed to parse as", 78),
        Fragment::new("could not translate host name", 46),
        Fragment::new("code: p1013", 88),
    ],
    page: Page {
        means: "The host holds something that no host name has: a scheme, a port, an @, a blank or \
            a slash.",
        causes: &[
            "a URL pasted into PGHOST",
            "host:port where the port has a setting of its own",
            "a URI whose user name holds an unencoded @",
        ],
        confirm: &["`psql` says: could not translate host name"],
        fix: &[(
            Actor::You,
            "write the bare name, and the port on its own; in a URI write @ of the user name as \
                %40",
        )],
        mistaken_for: &["dns/nxdomain: there the name is well formed"],
        sources: &["RFC 1123, section 2.1", "PostgreSQL documentation: libpq, connection URIs"],
    },
    ..Problem::DEFAULT
};

/// An address.
pub static HOST_IS_ADDRESS: Problem = Problem {
    id: "config/host-is-address",
    title: "the host is an address",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    page: Page {
        means: "The server is named by its address. Its certificate is made out to names only, and \
            the address changes with failovers and scaling.",
        causes: &["a way around name resolution that did not work"],
        confirm: &["`psql` with sslmode=verify-full refuses"],
        fix: &[(
            Actor::You,
            "use <server>.postgres.database.azure.com, and fix the name resolution",
        )],
        mistaken_for: &["server/tls-wrong-name, which it leads to"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, public access: use the fully \
            qualified domain name"],
    },
    ..Problem::DEFAULT
};

/// Not Azure's.
pub static HOST_UNKNOWN_SUFFIX: Problem = Problem {
    id: "config/host-unknown-suffix",
    title: "the host does not end as a flexible server's name does",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    page: Page {
        means: "Flexible servers are called <server>.postgres.database.azure.com (or the like in \
            other clouds). This host is not, so it is a short name, a slip, another service, or an \
            alias of your own.",
        causes: &[
            "the server's short name without its suffix",
            "a slip in the suffix, or that of another service or of the retired Single Server's \
                private zone",
            "an alias (CNAME) of your own: then verify-full fails, since the certificate is made \
                out to Azure's name",
        ],
        confirm: &[
            "`az postgres flexible-server show -g $RG -n $SERVER --query fullyQualifiedDomainName`",
        ],
        fix: &[(Actor::You, "use the fully qualified domain name that Azure shows")],
        mistaken_for: &["dns/nxdomain, which a wrong suffix leads to"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, networking"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, judged, problems_of};
    use serde_json::json;

    fn named(host: &str) -> Vec<&'static str> {
        problems_of(&CHECK, &healthy_but(&[("/settings/seen/host/value", json!(host))]))
    }

    #[test]
    fn a_uri_without_encoding_is_corrected() {
        for (user, host, uri) in [
            ("me", "contoso.com@pg", "postgresql://me%40contoso.com@pg/appdb"),
            (
                "pg?user=me",
                "contoso.com&sslmode=require",
                "postgresql://pg/?user=me%40contoso.com&sslmode=require",
            ),
        ] {
            let seen = healthy_but(&[
                ("/settings/seen/host", json!({"value": host, "origin": {"kind": "uri"}})),
                ("/settings/seen/user", json!({"value": user, "origin": {"kind": "uri"}})),
            ]);
            let judgment = judged(&CHECK, &seen);
            let finding = &judgment.findings[0].finding;
            assert_eq!(finding.problem.id, "config/host-malformed");
            assert_eq!(finding.fixes[0].command.as_deref(), Some(uri));
        }
    }

    #[test]
    fn the_fix_leaves_quotation_marks_out() {
        let quoted = json!("\"pg.postgres.database.azure.com\"");
        let judgment = judged(&CHECK, &healthy_but(&[("/settings/seen/host/value", quoted)]));
        let finding = &judgment.findings[0].finding;
        assert!(finding.detail.contains("quotation marks"), "{}", finding.detail);
        let command = finding.fixes[0].command.as_deref();
        assert_eq!(command, Some("export PGHOST='pg.postgres.database.azure.com'"));
    }

    #[test]
    fn suffixes_of_every_cloud_are_known() {
        for host in [
            "pg.postgres.database.azure.com",
            "PG.postgres.database.azure.com.",
            "pg.private.postgres.database.azure.com",
            "pg.postgres.database.usgovcloudapi.net",
            "pg.postgres.database.chinacloudapi.cn",
        ] {
            assert_eq!(named(host), Vec::<&str>::new(), "{host}");
        }
        for host in ["pg", "postgres.database.azure.com", "pg.mysql.database.azure.com", "db.corp"]
        {
            assert_eq!(named(host), ["config/host-unknown-suffix"], "{host}");
        }
    }
}
