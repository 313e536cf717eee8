//! Whether the login of this tool has every setting that psql would apply.

use super::setting_values::UNSUPPORTED_SETTING;
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, Waiting},
    evidence::Evidence,
    facts::{
        Fact, NotObserved, Topic,
        session::Session,
        settings::{OtherSetting, Settings},
    },
    support::config::values,
    text::list,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Every setting is applied or judged.
pub static CHECK: Check = Check {
    id: "config/untested-settings",
    asserts: "every setting that can decide the login is applied or judged",
    needs: &[Topic::Settings, Topic::Server, Topic::Session],
    problems: &[&SESSION_ATTRIBUTES, &UNSUPPORTED_SETTING, &NOT_TESTED],
    decisive: true,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let settings = seen.settings.get()?;
    if settings.host.is_none() {
        return Ok(Verdict::NotApplicable("no server was named".to_owned()));
    }
    let mut decisive = Vec::new();
    let mut harmless = Vec::new();
    for other in &settings.others {
        match treatment(other, settings, seen) {
            Treatment::Applied => {}
            Treatment::Failed(finding) => return Ok(Verdict::found(*finding)),
            Treatment::NotTested => harmless.push(shown(other)),
            Treatment::Decisive => decisive.push(shown(other)),
        }
    }
    if !decisive.is_empty() {
        let detail = format!(
            "not tested: {}; with {} psql can fail where this tool logs in",
            list(&decisive, 6),
            if decisive.len() == 1 { "it" } else { "them" }
        );
        return Err(Missing(NotObserved::NotPermitted { detail }));
    }
    if harmless.is_empty() {
        return Ok(Verdict::Passed("every setting is applied or judged".to_owned()));
    }
    let detail = format!("not tested: {}", list(&harmless, 6));
    Ok(Verdict::found(
        Finding::of(&NOT_TESTED, "settings", detail)
            .because_all(settings.others.iter().map(from))
            .fix(Fix::you("Run psql once with the same settings")),
    ))
}

enum Treatment {
    /// The login of this tool has it, or another check judges it, or it has no effect here.
    Applied,
    /// It is not applied, and cannot decide whether the login works.
    NotTested,
    /// It is not applied, and psql can fail because of it.
    Decisive,
    /// psql would fail.
    Failed(Box<Finding>),
}

fn treatment(other: &OtherSetting, settings: &Settings, seen: &Evidence) -> Treatment {
    let value = other.value.as_deref().unwrap_or_default();
    match other.keyword.as_str() {
        // Sent in the startup message, or judged by config/setting-values.
        "options" | "client_encoding" | "PGDATESTYLE" | "PGTZ" | "PGGEQO" | "replication" => {
            Treatment::Applied
        }
        // For sockets, for Kerberos, for SCRAM, for OAuth: none of them is part of this login.
        "requirepeer"
        | "krbsrvname"
        | "gsslib"
        | "gssdelegation"
        | "sslcompression"
        | "scram_client_key"
        | "scram_server_key"
        | "oauth_issuer"
        | "oauth_client_id"
        | "oauth_client_secret"
        | "oauth_scope"
        | "fallback_application_name" => Treatment::Applied,
        "gssencmode" | "max_protocol_version" => Treatment::Applied,
        "sslcertmode" if value != "require" => Treatment::Applied,
        "sslnegotiation" if value == "postgres" => Treatment::Applied,
        "min_protocol_version" if value == "3.0" => Treatment::Applied,
        "sslsni" if value.starts_with('1') => Treatment::Applied,
        "load_balance_hosts" if settings.next_hosts.is_empty() || value == "disable" => {
            Treatment::Applied
        }
        "sslpassword" | "sslcert" | "sslkey" | "sslcrl" | "sslcrldir" if value.is_empty() => {
            Treatment::Applied
        }
        "sslcert" | "sslkey" | "sslcrl" | "sslcrldir" if tls_files_were_read(seen) => {
            Treatment::Applied
        }
        "ssl_min_protocol_version" => least_tls(value, seen, other),
        "ssl_max_protocol_version" => most_tls(value, seen),
        "target_session_attrs" => session_attributes(value, settings, &seen.session, other),
        "application_name"
        | "connect_timeout"
        | "keepalives"
        | "keepalives_idle"
        | "keepalives_interval"
        | "keepalives_count"
        | "tcp_user_timeout"
        | "load_balance_hosts"
        | "sslkeylogfile"
        | "sslpassword" => Treatment::NotTested,
        _ => Treatment::Decisive,
    }
}

/// Whether server/tls judges the files that libpq reads for TLS.
fn tls_files_were_read(seen: &Evidence) -> bool {
    seen.server.seen().is_some_and(|server| server.tls_files.is_some())
}

/// The TLS version of the handshake, if it is known.
fn negotiated(seen: &Evidence) -> Option<u8> {
    let tls = seen.server.seen()?.tls.seen()?;
    values::tls_version(tls.version.as_deref()?)
}

fn least_tls(value: &str, seen: &Evidence, other: &OtherSetting) -> Treatment {
    // TLS 1.2 is the least that Azure and this tool speak.
    let Some(least) = values::tls_version(value).filter(|least| *least > 2) else {
        return Treatment::Applied;
    };
    match negotiated(seen) {
        Some(version) if version >= least => Treatment::Applied,
        // The handshake takes the highest version that the server supports.
        Some(_) => {
            let detail = format!("the server does not support ssl_min_protocol_version={value}");
            Treatment::Failed(Box::new(
                Finding::of(&UNSUPPORTED_SETTING, "ssl_min_protocol_version", detail)
                    .because("this tool offers TLS 1.2 and 1.3, and the server chose TLS 1.2")
                    .because(from(other))
                    .fix(Fix::you("Remove ssl_min_protocol_version, or set it to TLSv1.2")),
            ))
        }
        None => Treatment::Decisive,
    }
}

fn most_tls(value: &str, seen: &Evidence) -> Treatment {
    let Some(most) = values::tls_version(value) else { return Treatment::Applied };
    match negotiated(seen) {
        // A lower version than the one that was negotiated may be refused by the server.
        Some(version) if version <= most => Treatment::Applied,
        None if most >= 3 => Treatment::Applied,
        _ => Treatment::Decisive,
    }
}

/// What libpq requires of the session. With several hosts it goes on to the next one.
fn session_attributes(
    value: &str,
    settings: &Settings,
    session: &Fact<Session>,
    other: &OtherSetting,
) -> Treatment {
    if matches!(value, "" | "any") || (value == "prefer-standby" && settings.next_hosts.is_empty())
    {
        return Treatment::Applied;
    }
    let Some(session) = session.seen() else { return Treatment::Decisive };
    let (holds, message) = match value {
        "read-write" => (!session.read_only, "session is read-only"),
        "read-only" => (session.read_only, "session is not read-only"),
        "primary" => (!session.in_recovery, "server is in hot standby mode"),
        "standby" => (session.in_recovery, "server is not in hot standby mode"),
        // Another check reports a value that libpq does not know.
        _ => (session.in_recovery, ""),
    };
    if holds || message.is_empty() && settings.next_hosts.is_empty() {
        return Treatment::Applied;
    }
    if !settings.next_hosts.is_empty() {
        return Treatment::Decisive;
    }
    let detail = format!("target_session_attrs={value} does not fit this server");
    Treatment::Failed(Box::new(
        Finding::of(&SESSION_ATTRIBUTES, "target_session_attrs", detail)
            .because(format!("psql says: {message}"))
            .because(from(other))
            .fix(Fix::you("Remove target_session_attrs, or name the server that it asks for")),
    ))
}

fn shown(other: &OtherSetting) -> String {
    match &other.value {
        Some(value) => format!("{}={value}", other.keyword),
        None => other.keyword.clone(),
    }
}

fn from(other: &OtherSetting) -> String {
    format!("{} is set in {}", other.keyword, other.origin.phrase())
}

/// The session is not what libpq requires.
pub static SESSION_ATTRIBUTES: Problem = Problem {
    id: "config/session-attributes",
    title: "the server is not what target_session_attrs asks for",
    waiting: Waiting::Helps,
    fragments: &[
        Fragment::new("session is not read-only", 91),
        Fragment::new("session is read-only", 91),
        Fragment::new("server is not in hot standby mode", 91),
        Fragment::new("server is in hot standby mode", 91),
    ],
    page: Page {
        means: "The login works, and libpq ends the connection: target_session_attrs asks for a \
            read-only server or a replica and this is a primary, or the other way round.",
        causes: &[
            "a connection string for read replicas with the name of the primary",
            "the name of a replica after the replica was promoted",
        ],
        confirm: &["psql: `select pg_is_in_recovery(), current_setting('transaction_read_only');`"],
        fix: &[(Actor::You, "remove target_session_attrs, or name the other server")],
        mistaken_for: &["access/read-only, where the login works and writing fails"],
        sources: &["PostgreSQL documentation: libpq, target_session_attrs"],
    },
    ..Problem::DEFAULT
};

/// Settings that this tool does not apply.
pub static NOT_TESTED: Problem = Problem {
    id: "config/not-tested",
    title: "some settings are not applied to the login of this tool",
    severity: Severity::Info,
    waiting: Waiting::Useless,
    page: Page {
        means: "psql applies these settings and this tool does not. They do not decide whether the \
            login works. A setting that can decide it makes the run undetermined instead.",
        causes: &["application_name, timeouts and keepalives in the connection string"],
        confirm: &["the list in the finding"],
        fix: &[(Actor::You, "run psql once with the same settings")],
        mistaken_for: &["config/unsupported-setting, with which psql fails"],
        sources: &["PostgreSQL documentation: libpq, parameter key words"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        judge::Status,
        support::testing::{healthy_but, judged},
    };
    use serde_json::json;

    fn status(keyword: &str, value: &str, changes: &[(&str, serde_json::Value)]) -> Status {
        let origin = json!({"kind": "conninfo"});
        let other = json!([{"keyword": keyword, "value": value, "origin": origin}]);
        let changes: Vec<_> =
            [("/settings/seen/others", other)].into_iter().chain(changes.iter().cloned()).collect();
        judged(&CHECK, &healthy_but(&changes)).lines[0].status
    }

    #[test]
    fn no_setting_is_dropped() {
        for (keyword, value, expected) in [
            ("options", "-cfoo=1", Status::Passed),
            ("application_name", "x", Status::Passed),
            ("sslcrl", "/crl.pem", Status::Undetermined),
            ("sslsni", "0", Status::Undetermined),
            ("sslnegotiation", "direct", Status::Undetermined),
            ("min_protocol_version", "3.2", Status::Undetermined),
            ("target_session_attrs", "read-write", Status::Passed),
            ("target_session_attrs", "standby", Status::Failed),
            ("target_session_attrs", "prefer-standby", Status::Passed),
            ("a_keyword_of_libpq_25", "x", Status::Undetermined),
        ] {
            assert_eq!(status(keyword, value, &[]), expected, "{keyword}={value}");
        }
        let files = ("/server/seen/tls_files", json!({"roots": {"state": "system"}}));
        assert_eq!(status("sslcrl", "/crl.pem", &[files]), Status::Passed);
        let old = ("/server/seen/tls/seen/version", json!("TLSv1.2"));
        let least = |value| status("ssl_min_protocol_version", value, std::slice::from_ref(&old));
        assert_eq!([least("TLSv1.2"), least("TLSv1.3")], [Status::Passed, Status::Failed]);
        let replica = ("/session/seen/in_recovery", json!(true));
        assert_eq!(status("target_session_attrs", "standby", &[replica]), Status::Passed);
    }
}
