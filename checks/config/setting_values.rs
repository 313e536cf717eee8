//! Whether libpq and Azure accept the values of the settings.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        login::{Login, LoginOutcome},
        settings::{Libpq, LibpqDifference, Origin, Settings},
    },
    support::config::{encodings, values},
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The values of the settings are accepted.
pub static CHECK: Check = Check {
    id: "config/setting-values",
    asserts: "libpq and Azure accept the values of all settings",
    needs: &[Topic::Settings, Topic::Login],
    problems: &[&INVALID_SETTING, &UNSUPPORTED_SETTING, &VERSION_DEPENDENT],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?, seen.login.seen()))),
};

fn judge(settings: &Settings, login: Option<&Login>) -> Verdict {
    let mut found: Vec<Finding> = values::refusals(settings)
        .into_iter()
        // The check of the TLS settings reports the mode.
        .filter(|refusal| refusal.keyword != "sslmode")
        .map(|refusal| invalid(settings, refusal.keyword, &refusal.message))
        .collect();
    found.extend(by_server(settings));
    found.extend(login.and_then(|login| session_parameter(settings, login)));
    if found.is_empty() {
        found.extend(unsupported(settings));
    }
    found.extend(settings.libpq.differences.iter().map(|entry| difference(&settings.libpq, entry)));
    Verdict::unless(found, || "libpq accepts every value".to_owned())
}

/// A value that libpq refuses before it contacts the server.
fn invalid(settings: &Settings, keyword: &str, message: &str) -> Finding {
    let origin = origin_of(settings, keyword);
    let empty = settings.value_of(keyword).is_some_and(str::is_empty);
    let detail = match (&origin, empty) {
        (Origin::Environment { variable }, true) => {
            format!("libpq refuses {variable}, which is set but empty")
        }
        (_, true) => format!("libpq refuses an empty value for {keyword}"),
        (origin, false) => format!("libpq refuses the value of {keyword} in {}", origin.phrase()),
    };
    Finding::of(&INVALID_SETTING, keyword, detail)
        .because(format!("psql says: {message}"))
        .because("libpq refuses the value before it contacts the server")
        .fix(remove(&origin, keyword))
}

fn origin_of(settings: &Settings, keyword: &str) -> Origin {
    if keyword == "hostaddr"
        && let Some(address) = &settings.hostaddr
    {
        return address.origin.clone();
    }
    if let Some((_, origin)) = settings.setting(keyword) {
        return origin.clone();
    }
    let secret = settings.others.iter().find(|other| other.keyword == keyword);
    secret.map_or(Origin::Default, |other| other.origin.clone())
}

/// Values that the server refuses in the startup message.
fn by_server(settings: &Settings) -> Vec<Finding> {
    let refused = ["client_encoding", "replication"].into_iter().filter_map(|keyword| {
        let (value, origin) = settings.setting(keyword)?;
        let is_known = match keyword {
            "replication" => is_replication(value),
            _ => encodings::is_known(value),
        };
        if value.is_empty() || is_known {
            return None;
        }
        let detail = format!("PostgreSQL refuses {keyword}=\"{value}\"");
        Some(
            Finding::of(&INVALID_SETTING, keyword, detail)
                .because(format!(
                    "psql says: invalid value for parameter \"{keyword}\": \"{value}\""
                ))
                .fix(remove(origin, keyword)),
        )
    });
    refused.collect()
}

/// Whether the server knows a value of `replication`: `database`, or a boolean as PostgreSQL reads it,
/// which is `on`, `off` or its first two letters, `1`, `0`, or the first letters of true, false, yes, no.
fn is_replication(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let word = |word: &str| word.starts_with(&lower);
    value == "database"
        || matches!(lower.as_str(), "on" | "of" | "off" | "1" | "0")
        || ["true", "false", "yes", "no"].into_iter().any(word)
}

/// A parameter of the session that the server refuses after it has accepted the token.
fn session_parameter(settings: &Settings, login: &Login) -> Option<Finding> {
    let LoginOutcome::RefusedAfterAuthentication(error) = &login.outcome else { return None };
    // undefined_object and invalid_parameter_value
    if !matches!(error.sqlstate.as_str(), "42704" | "22023") || !error.message.contains("parameter")
    {
        return None;
    }
    let sent = ["options", "PGTZ", "PGDATESTYLE", "PGGEQO"];
    let other = settings.others.iter().find(|other| sent.contains(&other.keyword.as_str()))?;
    let detail = format!("the server refuses a parameter of the session: {}", error.message);
    Some(
        Finding::of(&INVALID_SETTING, other.keyword.as_str(), detail)
            .because("the server accepted the token")
            .because(format!("{} is set in {}", other.keyword, other.origin.phrase()))
            .sure(Confidence::Likely)
            .fix(remove(&other.origin, &other.keyword)),
    )
}

/// Values that libpq accepts and a login with a token to Azure cannot have.
fn unsupported(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut report = |keyword: &'static str, reason: &str, confidence| {
        let (value, origin) = settings.setting(keyword)?;
        let detail = format!("{keyword}={value} is not possible here: {reason}");
        let finding = Finding::of(&UNSUPPORTED_SETTING, keyword, detail)
            .because(format!("{keyword} is set in {}", origin.phrase()))
            .sure(confidence)
            .fix(remove(origin, keyword));
        found.push(finding);
        Some(())
    };
    if settings.value_of("replication").is_some_and(asks_for_replication) {
        let reason = "Azure rejects tokens on replication connections";
        report("replication", reason, Confidence::Certain);
    }
    if settings.value_of("gssencmode") == Some("require") {
        let reason = "Azure does not offer GSSAPI encryption";
        report("gssencmode", reason, Confidence::Certain);
    }
    if settings.value_of("sslcertmode") == Some("require") {
        let reason = "Azure does not request a client certificate";
        report("sslcertmode", reason, Confidence::Likely);
    }
    let most = settings.value_of("ssl_max_protocol_version").unwrap_or_default();
    if values::tls_version(most).is_some_and(|version| version < 2) {
        let reason = "Azure accepts only TLS 1.2 and TLS 1.3";
        report("ssl_max_protocol_version", reason, Confidence::Certain);
    }
    found
}

/// Whether the value asks for a replication connection: `database`, or a boolean that is true.
fn asks_for_replication(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let prefix_of = |word: &str| !value.is_empty() && word.starts_with(&value);
    value == "database" || value == "on" || value == "1" || prefix_of("true") || prefix_of("yes")
}

/// Another release of libpq refuses the settings or reads another value.
fn difference(libpq: &Libpq, entry: &LibpqDifference) -> Finding {
    let (versions, reading) = (&entry.versions, libpq.reading());
    let several = versions.contains(" to ");
    let verb = match (entry.refused, several) {
        (true, true) => "refuse these settings",
        (true, false) => "refuses these settings",
        (false, true) => "read other values",
        (false, false) => "reads another value",
    };
    let severity = if entry.refused && entry.newer { Severity::Warning } else { Severity::Info };
    Finding::of(&VERSION_DEPENDENT, versions, format!("{versions} {verb}: {}", entry.detail))
        .severity(severity)
        .because(format!("this report reads the settings as libpq {reading} does"))
        .fix(Fix::you("Write the settings in a form that every release reads the same way"))
}

fn remove(origin: &Origin, keyword: &str) -> Fix {
    match origin {
        Origin::Environment { variable } => {
            Fix::you(format!("Unset {variable}:")).run(Command::unset(variable))
        }
        other => Fix::you(format!("Remove {keyword} from {}", other.phrase())),
    }
}

/// A value that libpq or the server refuses.
pub static INVALID_SETTING: Problem = Problem {
    id: "config/invalid-setting",
    title: "libpq refuses the value of a setting",
    explains: &["server/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("for connection option \"", 84),
        Fragment::new("invalid channel_binding value", 91),
        Fragment::new("invalid target_session_attrs value", 91),
        Fragment::new("invalid gssencmode value", 91),
        Fragment::new("invalid require_auth value", 91),
        Fragment::new("invalid ssl_min_protocol_version value", 91),
        Fragment::new("invalid ssl_max_protocol_version value", 91),
        Fragment::new("invalid ssl protocol version range", 91),
        Fragment::new("invalid sslnegotiation value", 91),
        Fragment::new("invalid value for parameter \"client_encoding\"", 91),
        Fragment::new("could not parse network address", 91),
        Fragment::new("invalid load_balance_hosts value", 90),
        Fragment::new("invalid sslcertmode value", 90),
        Fragment::new("invalid min_protocol_version value", 88),
    ],
    page: Page {
        means: "A setting has a value that libpq refuses before it contacts the server, or that the \
            server refuses as soon as the session starts. The network and the token do not matter.",
        causes: &[
            "an environment variable that is set but empty, such as PGSSLMODE= from \
                PGSSLMODE=${UNDEFINED} in a compose file",
            "a misspelled value, or a value of another driver",
            "a blank in the list of require_auth",
        ],
        confirm: &[
            "`env | grep ^PG | sed 's/^PGPASSWORD=.*/PGPASSWORD=(set)/'`",
            "`psql` prints the message and exits at once",
        ],
        fix: &[(Actor::You, "correct the value, or unset the variable")],
        mistaken_for: &["config/invalid-sslmode, which is the same for sslmode"],
        sources: &["PostgreSQL documentation: libpq, parameter key words"],
    },
    ..Problem::DEFAULT
};

/// A value that Azure does not support.
pub static UNSUPPORTED_SETTING: Problem = Problem {
    id: "config/unsupported-setting",
    title: "a setting asks for something that Azure does not support",
    explains: &["server/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("server is not in hot standby mode", 93),
        Fragment::new("server is in hot standby mode", 93),
        Fragment::new("session is not read-only", 93),
        Fragment::new("session is read-only", 93),
        Fragment::new("gssapi encryption required but was impossible", 92),
        Fragment::new("could not initiate gssapi security context", 92),
        Fragment::new("gssapi continuation error", 88),
        Fragment::new("unsupported startup parameter", 92),
        Fragment::new("requirepeer", 90),
        Fragment::new("server accepted connection without a valid ssl certificate", 91),
        Fragment::new("gssapi encryption required but", 91),
    ],
    page: Page {
        means: "libpq accepts the setting, and a login with a Microsoft Entra token cannot succeed \
            with it: replication=database, gssencmode=require, sslcertmode=require, or a maximum \
            TLS version below 1.2.",
        causes: &[
            "a connection string of a replication or change-data-capture tool",
            "hardening rules written for a server in an Active Directory domain",
            "a TLS version that was limited for an old server",
        ],
        confirm: &["`psql` with the same setting fails, and without it logs in"],
        fix: &[
            (Actor::You, "remove the setting"),
            (Actor::DatabaseAdmin, "for replication create a role with a password"),
        ],
        mistaken_for: &["login/token-refused: the token is not the cause"],
        sources: &[
            "PostgreSQL documentation: libpq, parameter key words",
            "Microsoft Learn: Azure Database for PostgreSQL, Microsoft Entra authentication",
        ],
    },
    ..Problem::DEFAULT
};

/// Releases of libpq differ.
pub static VERSION_DEPENDENT: Problem = Problem {
    id: "config/version-dependent",
    title: "releases of libpq read the settings differently",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("unexpected spaces found in", 91)],
    page: Page {
        means: "The settings are valid for one release of libpq and not for another, or another \
            release reads a different value. The report names the release whose rules it used. It is \
            a warning if a newer release refuses the settings, otherwise information.",
        causes: &[
            "a blank in a URI that is not written as %20: libpq 18 refuses it",
            "a keyword of a newer release: require_auth (16), sslnegotiation (17), \
                min_protocol_version (18)",
            "sslrootcert=system, which libpq 15 reads as the name of a file",
        ],
        confirm: &["`psql --version`; a driver can contain another libpq than psql"],
        fix: &[(Actor::You, "write the settings so that every release in use reads them alike")],
        mistaken_for: &["config/invalid-setting, which every release refuses"],
        sources: &["PostgreSQL release notes, libpq"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::{CHECK, asks_for_replication};
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::json;

    fn with(keyword: &str, value: &str) -> Vec<&'static str> {
        let origin = json!({"kind": "conninfo"});
        let other = json!([{"keyword": keyword, "value": value, "origin": origin}]);
        problems_of(&CHECK, &healthy_but(&[("/settings/seen/others", other)]))
    }

    #[test]
    fn values_are_judged_by_keyword() {
        for (keyword, value) in [
            ("connect_timeout", "abc"),
            ("gssencmode", "foo"),
            ("target_session_attrs", ""),
            ("client_encoding", "foo"),
            ("sslnegotiation", "Direct"),
            ("min_protocol_version", "3"),
            ("ssl_max_protocol_version", "TLSv1.1"),
            ("replication", "foo"),
            ("replication", "Database"),
            ("replication", " on"),
            ("replication", "o"),
        ] {
            assert_eq!(with(keyword, value), ["config/invalid-setting"], "{keyword}={value}");
        }
        for (keyword, value) in
            [("replication", "database"), ("gssencmode", "require"), ("sslcertmode", "require")]
        {
            assert_eq!(with(keyword, value), ["config/unsupported-setting"], "{keyword}={value}");
        }
        for (keyword, value) in [
            ("connect_timeout", " 5 "),
            ("client_encoding", "latin-1"),
            ("replication", "false"),
            ("ssl_max_protocol_version", ""),
            ("application_name", "x"),
        ] {
            assert_eq!(with(keyword, value), Vec::<&str>::new(), "{keyword}={value}");
        }
    }

    #[test]
    fn replication_is_a_boolean_or_database() {
        for value in ["database", "true", "T", "yes", "on", "1"] {
            assert!(asks_for_replication(value), "{value}");
        }
        for value in ["", "false", "off", "0", "no"] {
            assert!(!asks_for_replication(value), "{value}");
        }
    }
}
