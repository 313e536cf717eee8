//! SARIF 2.1.0, for code-scanning views.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub Docs, "SARIF
//! support for code scanning" (a result without a physical location is not shown).

use super::{Report, json};
use crate::explain;
use crate::text::clean;
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use entra_pg_checks::{
    Judged, Problem, RelatedSetting, Severity, Status,
    facts::settings::{Origin, Settings},
    family,
};
use jiff::SignedDuration;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use std::io;

pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let (evidence, judgment) = (report.evidence(), report.judgment());
    let mut rules: Vec<&'static Problem> = Vec::new();
    // Findings that the cause explains are not results of their own.
    let found = || judgment.findings.iter().filter(|judged| judged.explained_by.is_none());
    for judged in found() {
        if !rules.contains(&judged.finding.problem) {
            rules.push(judged.finding.problem);
        }
    }
    let duration =
        SignedDuration::from_millis(i64::try_from(evidence.duration_ms).unwrap_or(i64::MAX));
    let ended = evidence.observed_at.checked_add(duration).unwrap_or(evidence.observed_at);
    let settings = evidence.settings.seen();
    let host = settings.and_then(|settings| settings.host.as_ref());
    let host = host.map_or_else(|| "no-server".to_owned(), |host| uri(&host.value));
    let results: io::Result<Vec<Value>> =
        found().map(|judged| result(judged, &rules, settings, &host)).collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "entra-pg",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.iter().map(|problem| rule(problem)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("entra-pg/{host}/"), "guid": guid(&evidence.run_id)},
            "invocations": [{
                "executionSuccessful": evidence.tool_errors.is_empty(),
                "startTimeUtc": seconds(evidence.observed_at),
                "endTimeUtc": seconds(ended),
                "toolExecutionNotifications": notifications(report),
            }],
            "columnKind": "unicodeCodePoints",
            "results": results?,
        }],
    });
    let mut bytes = serde_json::to_vec_pretty(&document).map_err(io::Error::other)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn rule(problem: &'static Problem) -> Value {
    let mut rule = json!({
        "id": problem.id,
        "name": camel(problem.id),
        "shortDescription": {"text": problem.title},
        "fullDescription": {"text": problem.page.means},
        "help": explain::help(problem),
        "defaultConfiguration": {"level": level(problem.severity)},
        "properties": {"tags": [problem.family()]},
    });
    if let Some(address) = problem.docs_url() {
        rule["helpUri"] = address.into();
    }
    rule
}

fn result(
    judged: &Judged,
    rules: &[&'static Problem],
    settings: Option<&Settings>,
    host: &str,
) -> io::Result<Value> {
    let finding = &judged.finding;
    let fix = finding.fixes.first();
    let fix = fix.map(|fix| format!(". Fix: {}", fix.text)).unwrap_or_default();
    let file = settings.and_then(|settings| file(judged, settings));
    let place = file.unwrap_or_else(|| format!("entra-pg/{host}"));
    Ok(json!({
        "ruleId": finding.problem.id,
        "ruleIndex": rules.iter().position(|rule| *rule == finding.problem),
        "level": level(finding.severity),
        "message": {"text": clean(&format!("{}{fix}", finding.detail))},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": place}, "region": {"startLine": 1}},
            "logicalLocations": [{"name": clean(&finding.subject), "kind": "resource"}],
        }],
        "partialFingerprints": {"problemAndSubject/v1": fingerprint(finding.problem.id, &finding.subject)},
        "properties": json::finding(judged)?,
    }))
}

/// The file that contains the value of a finding, where it was read from one.
fn file(judged: &Judged, settings: &Settings) -> Option<String> {
    let origin = match family(judged.finding.problem.family())?.setting {
        RelatedSetting::Host => settings.host.as_ref().map(|host| &host.origin),
        RelatedSetting::User => settings.user.as_ref().map(|user| &user.origin),
        RelatedSetting::Database => Some(&settings.database.origin),
        RelatedSetting::Token => settings.password.as_ref(),
    };
    match origin? {
        Origin::ServiceFile { path, .. }
        | Origin::PassFile { path, .. }
        | Origin::File { path }
            if path != "-" =>
        {
            Some(if path.starts_with('/') { format!("file://{}", uri(path)) } else { uri(path) })
        }
        _ => None,
    }
}

/// What could not be checked, and defects of the tool itself.
fn notifications(report: &Report) -> Vec<Value> {
    let notification =
        |level: &str, text: String| json!({"level": level, "message": {"text": text}});
    let undetermined =
        report.judgment().lines.iter().filter(|line| line.status == Status::Undetermined).map(
            |line| notification("warning", clean(&format!("{}: {}", line.check.id, line.detail))),
        );
    let inputs = report.evidence().unreadable_inputs.iter();
    let inputs =
        inputs.map(|input| notification("warning", clean(&format!("could not read {input}"))));
    let defects = report.evidence().tool_errors.iter();
    undetermined
        .chain(inputs)
        .chain(defects.map(|error| notification("error", clean(error))))
        .collect()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn fingerprint(problem: &str, subject: &str) -> String {
    HEXLOWER.encode(
        digest::digest(&digest::SHA256, format!("{problem}\0{subject}").as_bytes()).as_ref(),
    )
}

/// The run's id in the only form that SARIF takes.
fn guid(run_id: &str) -> String {
    let hash = digest::digest(&digest::SHA256, run_id.as_bytes());
    let bytes = hash.as_ref().first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_sha1_bytes(bytes).into_uuid().to_string()
}

fn uri(text: &str) -> String {
    const PATH: AsciiSet = CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'[')
        .add(b']')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}')
        .add(b':')
        .add(b'@');
    utf8_percent_encode(text, &PATH).to_string()
}

/// `claims/wrong-audience` as `ClaimsWrongAudience`.
fn camel(id: &str) -> String {
    id.split(['/', '-'])
        .map(|word| {
            let (head, tail) = word.split_at(usize::from(!word.is_empty()));
            head.to_ascii_uppercase() + tail
        })
        .collect()
}

fn seconds(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
