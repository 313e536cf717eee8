//! Statements that contradicted each other in a report, or the facts. Each has a test.

mod recorded;

use entra_pg::{diagnose::Report, report::Format, settings::request::Selection};
use entra_pg_checks::Outcome;
use recorded::{evidence, rendered, report, set};
use serde_json::{Value, json};

fn text(evidence: Value) -> String {
    rendered(evidence, Format::Text)
}

fn document(evidence: Value) -> Value {
    serde_json::from_str(&rendered(evidence, Format::Json)).expect("JSON")
}

/// The finding of a problem.
fn finding(document: &Value, problem: &str) -> Value {
    let findings = document["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["problem"] == problem);
    found.unwrap_or_else(|| panic!("{problem} is missing: {:?}", document["verdict"])).clone()
}

fn check<'a>(document: &'a Value, id: &str) -> &'a Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["id"] == id).expect("the check")
}

#[test]
fn a_shortened_token_with_a_complete_signature_is_not_said_to_lack_a_part() {
    let mut seen = evidence(&[]);
    set(&mut seen, "/token/seen/text/wrapping", json!(["ellipsis"]));
    set(&mut seen, "/token/seen/text/signature_length", json!(342));
    let document = document(seen);
    let finding = finding(&document, "claims/truncated");
    assert!(!finding["evidence"].to_string().contains("a whole one has 342"), "{finding}");
    assert!(finding["evidence"].to_string().contains("dots"), "{finding}");
}

#[test]
fn the_head_of_a_table_has_rows() {
    let mut tables = 0;
    for name in
        ["dns/public-answer.azure", "dns/public-answer", "dns/nxdomain", "dns/nameservers-disagree"]
    {
        let text = text(evidence(&[name]));
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0].starts_with("Nameserver  ")) {
            assert!(!pair[1].is_empty(), "{name}: {text}");
            tables += 1;
        }
    }
    assert!(tables < 100);
}

#[test]
fn the_slowest_lookup_is_that_of_the_names_that_resolve() {
    let document = document(evidence(&[]));
    let detail = check(&document, "dns/latency")["detail"].to_string();
    assert!(detail.contains("lookup that succeeded took"), "{detail}");
}

#[test]
fn a_missing_credential_is_not_explained_by_the_network() {
    let mut seen = evidence(&["token/no-credential"]);
    let broken = evidence(&["dns/nameserver-unreachable"]);
    for part in ["dns", "outbound", "server", "login", "session", "auth_request"] {
        seen[part] = broken[part].clone();
    }
    let document = document(seen);
    assert_eq!(finding(&document, "token/no-credential")["explained_by"], Value::Null);
}

#[test]
fn a_login_with_other_settings_than_psql_s_says_that_psql_fails() {
    let text = text(evidence(&["config/channel-binding-required"]));
    assert!(text.contains("psql fails") || text.contains("Login fails"), "{text}");
    assert!(!text.contains("Login works"), "{text}");
}

#[test]
fn a_verified_token_that_the_server_refuses_needs_a_network_and_not_a_new_token() {
    let document = document(evidence(&["login/token-refused"]));
    let first = finding(&document, "login/token-refused")["fixes"][0].clone();
    assert_eq!(first["actor"], "network", "{first}");
    let text = text(evidence(&["login/token-refused"]));
    assert_eq!(text.matches("while validating the access").count(), 1, "{text}");
}

#[test]
fn the_name_is_not_checked_without_token_and_server() {
    let mut seen = evidence(&["server/dropped"]);
    set(&mut seen, "/token", json!({"not_observed": {"reason": "not_asked"}}));
    set(&mut seen, "/credential", json!({"not_observed": {"reason": "not_asked"}}));
    let report = report(seen.clone());
    let line = report.judgment().lines.iter().find(|line| line.check.id == "name/spelling");
    let status = format!("{:?}", line.expect("the check").status);
    assert!(status != "Passed", "{status}");
    let document = document(seen);
    let areas = document["verdict"]["ruled_out"].to_string();
    assert!(!areas.contains("name/spelling"), "{areas}");
}

#[test]
fn a_short_host_gets_the_whole_name_first() {
    let mut seen = evidence(&["dns/nxdomain"]);
    let text = seen.to_string().replace("pg-gone.postgres.database.azure.com", "pg-gone");
    seen = serde_json::from_str(&text).expect("JSON");
    let document = document(seen);
    let fix = finding(&document, "dns/nxdomain")["fixes"][0].to_string();
    assert!(fix.contains("pg-gone.postgres.database.azure.com"), "{fix}");
}

#[test]
fn a_recorded_run_takes_connect_with() {
    let text = rendered(evidence(&[]), Format::Text);
    assert!(text.contains("Connect with psql"), "{text}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), evidence(&[]).to_string()).expect("written");
    let output = assert_cmd::Command::cargo_bin("entra-pg")
        .expect("built")
        .args(["replay", &file.path().display().to_string(), "--connect-with", "jdbc"])
        .output()
        .expect("ran");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("jdbc:postgresql://"), "{text}");
}

#[test]
fn nothing_that_answers_is_one_cause() {
    let dropped = evidence(&["server/dropped"]);
    let outbound = evidence(&["outbound/dropped"]);
    let mut seen = dropped;
    let attempts = outbound["outbound"]["seen"]["hosts"][0]["direct"]["seen"].clone();
    for host in seen["outbound"]["seen"]["hosts"].as_array_mut().expect("hosts") {
        host["direct"]["seen"]["tcp"] = attempts["tcp"].clone();
    }
    let text = text(seen);
    assert!(text.contains("no outbound path"), "{text}");
    assert!(text.contains("a way out"), "{text}");
}

#[test]
fn a_selection_that_could_not_be_checked_is_not_healthy() {
    let mut seen = evidence(&[]);
    let waited = json!({"not_observed": {"reason": "blocked", "by": "dns", "subject": "a host"}});
    set(&mut seen, "/outbound/seen/hosts/0/direct", waited);
    let outcome = |families: &[&str]| {
        let only = families.iter().map(|family| (*family).to_owned()).collect();
        let selection = Selection::new(only, Vec::new()).expect("families");
        let seen = serde_json::from_value(seen.clone()).expect("evidence");
        Report::new(seen, &selection).judgment().outcome
    };
    assert_eq!(outcome(&["config", "outbound"]), Outcome::Undetermined);
    assert_eq!(outcome(&["config"]), Outcome::Healthy);
    // The login speaks for the checks before it.
    assert_eq!(outcome(&["outbound", "login"]), Outcome::Healthy);
    assert_eq!(outcome(&[]), Outcome::Healthy);
}
