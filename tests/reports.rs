//! The formats, each held against what its reader demands, on a healthy run, one with one fault, and one
//! with many.

mod recorded;

use entra_pg::report::{Format, Style, render};
use recorded::{CASES, evidence, rendered, text};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn the_cases_are_what_they_are_called() {
    let outcomes: Vec<String> = CASES
        .iter()
        .map(|(_, patches)| {
            let document: Value = json(patches, Format::Json);
            let errors = document["findings"].as_array().expect("a list").iter();
            let errors = errors
                .filter(|finding| {
                    finding["severity"] == "error" && finding["explained_by"].is_null()
                })
                .count();
            format!("{} {}", document["outcome"], errors.min(3))
        })
        .collect();
    assert_eq!(outcomes[0], "\"healthy\" 0");
    assert_eq!(outcomes[1], "\"failing\" 1");
    assert_eq!(outcomes[2], "\"failing\" 3", "many faults are at least three");
}

#[test]
fn jsonl_is_one_event_a_line_and_the_verdict_comes_last() {
    for (name, patches) in CASES {
        let document = json(patches, Format::Json);
        let text = rendered(evidence(patches), Format::Jsonl);
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let of = |kind: &str| -> Vec<&Value> {
            events.iter().filter(|event| event["event"] == kind).collect()
        };
        assert_eq!(events[0]["event"], "run", "{name}");
        assert_eq!(events[0]["target"], document["target"], "{name}");
        let last = events.last().expect("events");
        assert_eq!(last["event"], "verdict", "{name}");
        assert_eq!(last["problem"], document["verdict"]["problem"], "{name}");
        assert_eq!(last["outcome"], document["outcome"], "{name}");
        for (kind, list) in [("check", "checks"), ("finding", "findings"), ("contact", "contacted")]
        {
            let expected = document[list].as_array().expect("a list").len();
            assert_eq!(of(kind).len(), expected, "{name}: {kind}");
        }
        assert!(events.iter().all(|event| event["run_id"] == document["run_id"]), "{name}");
    }
}

/// What sarif-schema-2.1.0.json demands of the objects that we write, and what GitHub demands beyond.
#[test]
fn sarif_has_the_structure_that_its_schema_demands() {
    for (name, patches) in CASES {
        let log = json(patches, Format::Sarif);
        let document = json(patches, Format::Json);
        only(&log, &["$schema", "version", "runs"]);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        only(run, &["tool", "automationDetails", "invocations", "columnKind", "results"]);
        let driver = &run["tool"]["driver"];
        only(driver, &["name", "semanticVersion", "informationUri", "rules"]);
        let rules = driver["rules"].as_array().expect("rules");
        let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
        assert_eq!(ids.len(), rules.len(), "{name}: rule ids are unique");
        for rule in rules {
            only(
                rule,
                &[
                    "id",
                    "name",
                    "shortDescription",
                    "fullDescription",
                    "help",
                    "defaultConfiguration",
                    "properties",
                ],
            );
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()));
            }
            level(&rule["defaultConfiguration"]["level"]);
        }
        let guid = run["automationDetails"]["guid"].as_str().expect("a GUID");
        let dashes: Vec<usize> = guid.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((guid.len(), dashes), (36, vec![8, 13, 18, 23]));
        // The schema's pattern.
        assert!(
            matches!(guid.as_bytes()[14], b'1'..=b'5') && b"89ab".contains(&guid.as_bytes()[19])
        );
        let invocation = &run["invocations"][0];
        assert!(invocation["executionSuccessful"].is_boolean());
        for time in ["startTimeUtc", "endTimeUtc"] {
            let time = invocation[time].as_str().expect("a time");
            assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
        }
        let results = run["results"].as_array().expect("results");
        let findings = document["findings"].as_array().expect("a list").iter();
        let own = findings.filter(|finding| finding["explained_by"].is_null()).count();
        assert_eq!(results.len(), own, "{name}: what the cause explains is not a result");
        for result in results {
            only(
                result,
                &[
                    "ruleId",
                    "ruleIndex",
                    "level",
                    "message",
                    "locations",
                    "partialFingerprints",
                    "properties",
                ],
            );
            let index = result["ruleIndex"].as_u64().expect("an index");
            assert_eq!(rules[usize::try_from(index).expect("small")]["id"], result["ruleId"]);
            level(&result["level"]);
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().expect("a URI");
            assert!(!uri.is_empty() && uri.bytes().all(|byte| byte.is_ascii_graphic()), "{uri}");
            assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line >= 1));
            let prints = result["partialFingerprints"].as_object().expect("fingerprints");
            assert!(prints.values().all(Value::is_string) && !prints.is_empty());
        }
    }
}

/// The conclusion is on one screen: 20 lines at 80 columns, never more than 24, with long lines counted as
/// the terminal shows them. The headline has at most 100 characters.
#[test]
fn one_fault_fits_on_one_screen() {
    let mut long = Vec::new();
    let (mut all, mut above_20) = (0, 0);
    for (name, evidence) in recorded::every_evidence() {
        let document: Value =
            serde_json::from_str(&rendered(evidence.clone(), Format::Json)).expect("JSON");
        let summary = document["verdict"]["summary"].as_str().expect("a summary");
        assert!(summary.chars().count() <= 100, "{name}: {summary}");
        let text = rendered(evidence.clone(), Format::Text);
        let lines: usize = text.lines().map(|line| line.chars().count().div_ceil(80).max(1)).sum();
        let findings = document["findings"].as_array().expect("a list");
        let own = findings.iter().filter(|finding| finding["explained_by"].is_null()).count();
        let limit = 24;
        let checks = document["checks"].as_array().expect("a list");
        let open = checks.iter().any(|check| check["status"] == "undetermined");
        // A list of roles is asked for, whatever its length.
        let listed = text.contains("\nENTRA ROLE ");
        let one_cause = own <= 1 && !open && !listed;
        all += usize::from(one_cause);
        above_20 += usize::from(one_cause && lines > 20);
        if one_cause && lines > limit {
            long.push(format!("{name}: {lines} lines"));
        }
        let symbols = text.lines().filter(|line| line.starts_with(['✓', '✗', '!', '?'])).count();
        assert_eq!(symbols, 1, "{name}: one conclusion:\n{text}");
        assert!(!text.contains("????") && !text.contains(" 0 "), "{name}:\n{text}");
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    assert!(above_20 * 20 < all, "{above_20} of {all} reports have more than 20 lines");
}

/// A fault that the login did not need: it works, exit code 0, and the fault is named.
#[test]
fn a_fault_off_the_path_of_a_login_that_works_is_a_warning() {
    for name in ["outbound/dropped", "outbound/refused", "outbound/tls-reset", "clock/skewed"] {
        let report = recorded::report(evidence(&[name]));
        let document = json(&[name], Format::Json);
        assert_eq!(document["outcome"], "degraded", "{name}");
        assert_eq!(document["verdict"]["problem"], name);
        let summary = document["verdict"]["summary"].as_str().expect("a summary");
        assert!(summary.starts_with("Login works, with a warning: "), "{name}: {summary}");
        let code = |fail_on| entra_pg::diagnose::exit_code(&report, fail_on);
        assert_eq!(code(entra_pg::diagnose::FailOn::Error), 0, "{name}");
        assert_eq!(code(entra_pg::diagnose::FailOn::Warning), 1, "{name}");
    }
}

/// A given token does not need this machine's clock: the error of the login is the root.
#[test]
fn a_wrong_clock_is_not_the_root_of_another_failure() {
    let others = [
        "server/dropped",
        "server/tls-expired",
        "server/refused",
        "claims/wrong-audience",
        "name/wrong-case",
    ];
    for other in others {
        let document = json(&["clock/skewed", other], Format::Json);
        assert_eq!(document["verdict"]["problem"], other);
        let findings = document["findings"].as_array().expect("a list");
        assert!(findings.iter().any(|finding| finding["problem"] == "clock/skewed"), "{other}");
    }
}

#[test]
fn the_table_names_the_check_on_every_row() {
    let style = Style { color: false, width: 80, verbose: 1, quiet: false, unicode: true };
    for (name, patches) in CASES {
        let report = recorded::report(evidence(patches));
        let text = render(&report, Format::Text, &style).expect("rendered");
        let text = String::from_utf8(text.into_bytes()).expect("UTF-8");
        let rows = text.lines().filter(|line| line.starts_with(['✓', '✗', '!', '-', '?']));
        let mut checks = 0;
        for row in rows.filter(|row| !row.contains("Login")) {
            let check = row.split_whitespace().nth(1).unwrap_or_default();
            let family = check.split('/').next().unwrap_or_default();
            assert!(entra_pg_checks::family(family).is_some(), "{name}: {row}");
            checks += 1;
        }
        assert!(checks > 10, "{name}:\n{text}");
    }
}

#[test]
fn the_fingerprint_of_a_finding_outlives_the_run() {
    let mut again = evidence(&["name/wrong-case"]);
    recorded::set(&mut again, "/run_id", "06H0VR5K9HRWMCYD".into());
    recorded::set(&mut again, "/duration_ms", 7000.into());
    let print = |evidence: Value| -> Value {
        let log: Value = serde_json::from_str(&rendered(evidence, Format::Sarif)).expect("JSON");
        log["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    assert_eq!(print(evidence(&["name/wrong-case"])), print(again));
    assert_ne!(print(evidence(&["name/wrong-case"])), print(evidence(&["dns/nxdomain"])));
}

#[test]
fn annotations_have_one_error_and_no_line_of_their_own_from_a_server() {
    for (format, error) in
        [(Format::Github, "::error "), (Format::AzurePipelines, "##vso[task.logissue type=error;")]
    {
        for (name, patches) in CASES {
            let text = rendered(evidence(patches), format);
            let errors = text.lines().filter(|line| line.starts_with(error)).count();
            assert_eq!(errors, usize::from(name != "healthy"), "{name}:\n{text}");
            let document = json(patches, Format::Json);
            for finding in document["findings"].as_array().expect("a list") {
                let id = finding["problem"].as_str().expect("an id");
                let explained = finding["explained_by"].is_string();
                assert!(!explained || !text.contains(id), "{name}: {id} is explained:\n{text}");
            }
            let command = document["findings"][0]["fixes"][0]["command"].as_str();
            assert!(text.contains(command.unwrap_or_default()), "{name}:\n{text}");
        }
        let mut hostile = evidence(&["login/refused"]);
        let message =
            "no\n::error::forged %0A::error::forged\r\n##vso[task.complete result=Succeeded;]done";
        recorded::set(&mut hostile, "/login/seen/outcome/message", message.into());
        let text = rendered(hostile, format);
        assert!(text.contains("forged"), "the message is shown:\n{text}");
        for line in text.lines() {
            assert!(!line.contains("##vso[task.complete") && !line.contains("%0A"), "{line}");
            assert!(line.starts_with("::") || line.starts_with("##vso[task.logissue "), "{line}");
            assert!(!line.starts_with("::error::"), "{line}");
        }
    }
    let degraded = rendered(evidence(&["claims/expires-soon"]), Format::AzurePipelines);
    assert!(degraded.contains("##vso[task.complete result=SucceededWithIssues;]"), "{degraded}");
}

/// A job whose exit code is 0 must not have a red test view.
#[test]
fn junit_has_an_error_only_if_the_run_is_undetermined() {
    let mut open = evidence(&[]);
    let out_of_time = serde_json::json!({"not_observed": {"reason": "out_of_time", "after_ms": 5}});
    recorded::set(&mut open, "/directory", out_of_time.clone());
    let text = rendered(open.clone(), Format::Junit);
    assert!(!text.contains("<error "), "{text}");
    for topic in ["/login", "/session"] {
        recorded::set(&mut open, topic, out_of_time.clone());
    }
    let text = rendered(open, Format::Junit);
    assert!(text.contains("<error "), "{text}");
}

#[test]
fn junit_is_what_gitlab_jenkins_and_azure_pipelines_read() {
    for (name, patches) in CASES {
        let text = rendered(evidence(patches), Format::Junit);
        let document = json(patches, Format::Json);
        let of = |status: &str, explained: bool| {
            let checks = document["checks"].as_array().expect("a list");
            let counted = |check: &&Value| {
                check["status"] == status && check["explained_by"].is_string() == explained
            };
            checks.iter().filter(counted).count()
        };
        assert_eq!(text.matches("<failure ").count(), of("failed", false), "{name}");
        assert_eq!(
            text.matches("<skipped ").count(),
            of("skipped", true)
                + of("skipped", false)
                + of("not-applicable", false)
                + of("failed", true)
                + of("undetermined", false),
            "{name}"
        );
        // GitLab keys on class and name, and drops what is there twice.
        let cases: Vec<&str> = text.lines().filter(|line| line.contains("<testcase ")).collect();
        let unique: BTreeSet<String> = cases
            .iter()
            .map(|line| line.split(" time=").next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(unique.len(), cases.len(), "{name}:\n{text}");
        assert!(cases.iter().all(|line| line.contains("classname=\"entra-pg.")), "{name}");
    }
}

fn json(patches: &[&str], format: Format) -> Value {
    serde_json::from_str(&rendered(evidence(patches), format)).expect("JSON")
}

fn only(object: &Value, known: &[&str]) {
    let keys: Vec<&String> = object.as_object().expect("an object").keys().collect();
    assert!(keys.iter().all(|key| known.contains(&key.as_str())), "{keys:?} beyond {known:?}");
}

fn level(value: &Value) {
    assert!(matches!(value.as_str(), Some("error" | "warning" | "note" | "none")), "{value}");
}

/// Every format as last reviewed. `BLESS=1 cargo test --test reports` writes the
/// files again; review the difference in git.
#[test]
#[allow(clippy::disallowed_methods, reason = "BLESS is a matter of the test, not of the program")]
fn the_formats_are_as_the_golden_files_show_them() {
    let bless = std::env::var_os("BLESS").is_some();
    let formats = [
        (Format::Text, "txt"),
        (Format::Short, "short.txt"),
        (Format::Json, "json"),
        (Format::Jsonl, "jsonl"),
        (Format::Junit, "junit.xml"),
        (Format::Sarif, "sarif"),
        (Format::Github, "github.txt"),
        (Format::AzurePipelines, "azure-pipelines.txt"),
        (Format::Markdown, "md"),
        (Format::Html, "html"),
    ];
    let mut wrong = Vec::new();
    for (name, _) in CASES {
        // The evidence is the golden report's own: what is recorded elsewhere may change.
        let golden = recorded::fixture(&format!("reports/{name}.json"));
        let document: Value =
            serde_json::from_str(&std::fs::read_to_string(&golden).expect("a golden report"))
                .expect("JSON");
        for (format, end) in formats {
            let path = recorded::fixture(&format!("reports/{name}.{end}"));
            let made = text(&recorded::golden(document["evidence"].clone()), format, false);
            if bless {
                std::fs::write(&path, &made).expect("written");
            }
            let shown = std::fs::read_to_string(&path).unwrap_or_default();
            if let Some((line, (was, is))) =
                shown.lines().zip(made.lines()).enumerate().find(|(_, (was, is))| was != is)
            {
                wrong.push(format!(
                    "{name}.{end} line {}:\n  was {was:.200}\n  is  {is:.200}",
                    line + 1
                ));
            } else if shown != made {
                wrong.push(format!("{name}.{end} has another length"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nif this is meant: BLESS=1 cargo test --test reports",
        wrong.join("\n")
    );
}
