//! `--format json`, version 1. The shape is frozen: fields are only added. It is apart from the types
//! inside so that these can change.

use super::Report;
use entra_pg_checks::{
    Actor, Confidence, Judged, Line, Outcome, Risk, Severity, Status,
    facts::{cloud::CloudKind, outbound::Route},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::io;

/// Writes the document.
pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&Document::of(report)?).map_err(io::Error::other)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The same on one line.
pub(super) fn line(report: &Report) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Document::of(report)?).map_err(io::Error::other)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The same as a value, for the formats that are made of it.
pub(super) fn value(report: &Report) -> io::Result<serde_json::Value> {
    serde_json::to_value(Document::of(report)?).map_err(io::Error::other)
}

/// One finding as in the document.
pub(super) fn finding(judged: &Judged) -> io::Result<serde_json::Value> {
    serde_json::to_value(Finding::of(judged)).map_err(io::Error::other)
}

/// The JSON Schema of the document.
#[must_use]
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

/// One run of `entra-pg doctor`.
#[derive(JsonSchema, Serialize)]
struct Document {
    /// The version of this format; fields are only added in version 1.
    schema_version: &'static str,
    tool: Tool,
    /// The run's own id, which the server's log shows as `application_name`.
    run_id: String,
    /// When the run began, RFC 3339 in UTC, by this machine's clock.
    #[schemars(with = "String")]
    started_at: Timestamp,
    /// How long it took.
    duration_ms: u64,
    outcome: &'static str,
    verdict: Verdict,
    target: Target,
    vantage: Vantage,
    checks: Vec<Check>,
    findings: Vec<Finding>,
    contacted: Vec<Contact>,
    /// What to type next, ready to paste: for psql where the login works, or as `--connect-with` asks.
    connect: Vec<crate::connect::Instruction>,
    /// Typed observations, enough to judge again.
    #[schemars(with = "serde_json::Value")]
    evidence: serde_json::Value,
    /// Defects of the tool itself.
    tool_errors: Vec<String>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(JsonSchema, Serialize)]
struct Verdict {
    /// The root cause's problem id.
    problem: Option<&'static str>,
    /// The check that found it.
    check: Option<&'static str>,
    /// What it is about.
    subject: Option<String>,
    /// One sentence.
    summary: String,
    /// `certain`, `likely` or `possible`.
    confidence: &'static str,
    ruled_out: Vec<RuledOut>,
    /// Checks that the root cause blocks.
    blocked: Vec<&'static str>,
}

#[derive(JsonSchema, Serialize)]
struct RuledOut {
    area: &'static str,
    by: Vec<&'static str>,
}

#[derive(Default, JsonSchema, Serialize)]
struct Target {
    host: Option<String>,
    port: u16,
    database: Option<String>,
    user: Option<String>,
    sslmode: String,
    cloud: &'static str,
}

#[derive(JsonSchema, Serialize)]
struct Vantage {
    kind: &'static str,
    hostname: String,
    os: String,
    proxy: Option<String>,
    /// The subnets of this machine in Azure, as its metadata service reports them; absent if they are
    /// not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    subnets: Vec<String>,
    /// Its private addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    private_addresses: Vec<String>,
}

#[derive(JsonSchema, Serialize)]
struct Check {
    id: &'static str,
    family: &'static str,
    asserts: &'static str,
    /// `passed`, `warning`, `failed`, `skipped`, `undetermined` or `not-applicable`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    detail: String,
    /// Why it was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// The problem that blocks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_by: Option<&'static str>,
    started_ms: u64,
    duration_ms: u64,
}

#[derive(JsonSchema, Serialize)]
struct Finding {
    problem: &'static str,
    check: &'static str,
    /// `error`, `warning` or `info`.
    severity: &'static str,
    subject: String,
    detail: String,
    evidence: Vec<String>,
    /// From where it shows: `client`, `server-inferred` (of the server's own side, from how it
    /// behaves) or `azure-config`.
    vantage: &'static str,
    /// Whether it is the root cause; at most one is.
    root: bool,
    /// `certain`, `likely` or `possible`.
    confidence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_by: Option<&'static str>,
    fixes: Vec<Fix>,
    docs: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Fix {
    /// `you`, `network`, `entra-admin`, `database-admin`, `azure-owner` or `microsoft`.
    actor: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// `safe` or `review`.
    risk: &'static str,
}

#[derive(JsonSchema, Serialize)]
struct Contact {
    host: String,
    address: String,
    port: u16,
    protocol: String,
    probe: String,
}

impl Tool {
    /// This program.
    pub(super) const fn this() -> Self {
        Self { name: "entra-pg", version: env!("CARGO_PKG_VERSION") }
    }
}

impl Document {
    fn of(report: &Report) -> io::Result<Self> {
        let (evidence, judgment) = (report.evidence(), report.judgment());
        Ok(Self {
            schema_version: "1",
            tool: Tool::this(),
            run_id: evidence.run_id.clone(),
            started_at: evidence.observed_at,
            duration_ms: evidence.duration_ms,
            outcome: outcome(judgment.outcome),
            verdict: Verdict::of(report),
            target: Target::of(report),
            vantage: Vantage::of(report),
            checks: judgment.lines.iter().map(Check::of).collect(),
            findings: judgment.findings.iter().map(Finding::of).collect(),
            contacted: evidence
                .contacted
                .iter()
                .map(|contact| Contact {
                    host: contact.host.clone(),
                    address: contact.address.clone(),
                    port: contact.port,
                    protocol: contact.protocol.to_string(),
                    probe: contact.probe.clone(),
                })
                .collect(),
            connect: report.connect(),
            evidence: serde_json::to_value(evidence).map_err(io::Error::other)?,
            tool_errors: evidence.tool_errors.clone(),
        })
    }
}

impl Verdict {
    fn of(report: &Report) -> Self {
        let root = report.judgment().root();
        let problem = root.map(|root| root.finding.problem);
        let mut blocked: Vec<&'static str> = report
            .judgment()
            .lines
            .iter()
            .filter(|line| line.status == Status::Skipped)
            .filter(|line| line.explained_by.is_some() && line.explained_by == problem)
            .map(|line| line.check.id)
            .collect();
        blocked.dedup();
        Self {
            problem: problem.map(|problem| problem.id),
            check: root.map(|root| root.check.id),
            subject: root.map(|root| root.finding.subject.clone()),
            summary: report.summary(),
            confidence: root.map_or("certain", |root| confidence(root.finding.confidence)),
            ruled_out: report
                .ruled_out()
                .into_iter()
                .map(|(area, by)| RuledOut { area, by })
                .collect(),
            blocked,
        }
    }
}

impl Target {
    fn of(report: &Report) -> Self {
        let Some(settings) = report.evidence().settings.seen() else {
            return Self::default();
        };
        Self {
            host: settings.host.as_ref().map(|host| host.value.clone()),
            port: settings.port.value,
            database: Some(settings.database.value.clone()),
            user: settings.user.as_ref().map(|user| user.value.clone()),
            sslmode: settings.sslmode.value.to_string(),
            cloud: match settings.cloud.value.kind {
                CloudKind::Public => "public",
                CloudKind::UsGov => "usgov",
                CloudKind::China => "china",
                CloudKind::Custom => "custom",
            },
        }
    }
}

impl Vantage {
    fn of(report: &Report) -> Self {
        let evidence = report.evidence();
        let proxied = evidence
            .outbound
            .seen()
            .is_some_and(|outbound| outbound.hosts.iter().any(|host| host.route == Route::Proxy));
        let proxy = evidence.proxy.seen().and_then(|rules| rules.https.as_ref());
        let interfaces = || evidence.vantage.interfaces.iter();
        Self {
            kind: "client",
            hostname: evidence.vantage.hostname.clone(),
            os: evidence.vantage.os.clone(),
            subnets: interfaces().flat_map(|one| &one.subnets).map(ToString::to_string).collect(),
            private_addresses: interfaces()
                .flat_map(|one| &one.addresses)
                .map(ToString::to_string)
                .collect(),
            proxy: proxy
                .filter(|_| proxied)
                .map(|proxy| format!("{}://{}:{}", proxy.scheme, proxy.host, proxy.port)),
        }
    }
}

impl Check {
    fn of(line: &Line) -> Self {
        let looked = matches!(line.status, Status::Passed | Status::Warning | Status::Failed);
        Self {
            id: line.check.id,
            family: line.check.family(),
            asserts: line.check.asserts,
            status: status(line.status),
            subject: line.subject.clone(),
            detail: line.detail.clone(),
            because: (!looked).then(|| line.detail.clone()),
            explained_by: line.explained_by.map(|problem| problem.id),
            started_ms: line.span.0,
            duration_ms: line.span.1,
        }
    }
}

impl Finding {
    fn of(judged: &Judged) -> Self {
        let finding = &judged.finding;
        Self {
            problem: finding.problem.id,
            check: judged.check.id,
            severity: severity(finding.severity),
            subject: finding.subject.clone(),
            detail: finding.detail.clone(),
            evidence: finding.evidence.clone(),
            vantage: finding.problem.vantage.name(),
            root: judged.root,
            confidence: confidence(finding.confidence),
            explained_by: judged.explained_by.map(|problem| problem.id),
            fixes: finding.fixes.iter().map(Fix::of).collect(),
            docs: finding.problem.docs(),
        }
    }
}

impl Fix {
    /// A fix in the words of the document.
    pub(super) fn of(fix: &entra_pg_checks::Fix) -> Self {
        Self {
            actor: actor(fix.actor),
            text: fix.text.clone(),
            command: fix.command.clone(),
            risk: match fix.risk {
                Risk::Safe => "safe",
                Risk::Review => "review",
            },
        }
    }
}

pub(crate) const fn status(status: Status) -> &'static str {
    status.name()
}

pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    outcome.name()
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

pub(super) const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "certain",
        Confidence::Likely => "likely",
        Confidence::Possible => "possible",
    }
}

const fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::You => "you",
        Actor::Network => "network",
        Actor::EntraAdmin => "entra-admin",
        Actor::DatabaseAdmin => "database-admin",
        Actor::AzureOwner => "azure-owner",
        Actor::Microsoft => "microsoft",
    }
}
