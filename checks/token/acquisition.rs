//! Whether a token was obtained.

use super::{aadsts, advice::Values, refusal::*};
use crate::{
    check::{Check, Judge, Missing, Problem, Severity},
    command::Command,
    config::password_file::not_used,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        credential::{
            Assertion, ClientCertificate, CredentialAttempt, CredentialKind, CredentialOutcome,
            CredentialTrace, EntraError, IdentityEndpoint,
        },
        settings::{Setting, Settings},
        vantage::Vantage,
    },
    support::commands,
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// A source of tokens gave one.
pub static CHECK: Check = Check {
    id: "token/acquisition",
    asserts: "a token is obtained",
    needs: &[Topic::Settings, Topic::Credential],
    problems: ALL,
    decisive: true,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let verdict = obtained(seen)?;
    let authority = seen.settings.get()?.authority.as_ref();
    let unsafe_authority = authority.filter(|authority| !is_plain_https(&authority.value));
    Ok(match (verdict, unsafe_authority) {
        (verdict, None) => verdict,
        (Verdict::Found(mut found), Some(authority)) => {
            found.push(unused_authority(authority));
            Verdict::Found(found)
        }
        (Verdict::Passed(_) | Verdict::NotApplicable(_), Some(authority)) => {
            Verdict::found(unused_authority(authority))
        }
    })
}

/// A host, with or without `https://` and a path, as the Azure SDKs take it.
fn is_plain_https(authority: &str) -> bool {
    let rest = authority.trim().trim_start_matches("https://");
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

fn unused_authority(authority: &Setting<String>) -> Finding {
    let shown = authority.value.rsplit('@').next().unwrap_or_default();
    unsafe_endpoint(
        "AZURE_AUTHORITY_HOST",
        &authority.origin.phrase(),
        shown,
        "it is not https:// with a plain host name",
    )
    .because("this run asked the token authority of the server's cloud instead")
    .severity(Severity::Warning)
}

fn obtained(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, trace) = (seen.settings.get()?, seen.credential.get()?);
    if let Some(chosen) = trace.chosen() {
        if let Some(finding) = unsafe_but_unused(trace) {
            return Ok(Verdict::found(finding));
        }
        let from = chosen.origin.as_ref().map(|origin| format!(" from {}", origin.phrase()));
        let identity = chosen.identity.as_ref().map(|identity| format!(" as {identity}"));
        let kind = chosen.kind.name();
        let (from, identity) = (from.unwrap_or_default(), identity.unwrap_or_default());
        return Ok(Verdict::Passed(format!("{kind}{from}{identity}")));
    }
    let Some(attempt) = trace.attempts.iter().find(|attempt| decisive(attempt, trace)) else {
        return Ok(Verdict::found(nothing(settings, trace)));
    };
    explain(settings, attempt, seen).map(|finding| {
        Verdict::found(finding.because_all(said(attempt)).because_all(others(trace, attempt)))
    })
}

/// Another source gave the token, but an application may ask this one.
fn unsafe_but_unused(trace: &CredentialTrace) -> Option<Finding> {
    trace.attempts.iter().find_map(|attempt| match &attempt.outcome {
        CredentialOutcome::UnsafeEndpoint { variable, endpoint, detail } => {
            let finding = unsafe_endpoint(attempt.kind.name(), variable, endpoint, detail);
            Some(finding.severity(Severity::Warning))
        }
        _ => None,
    })
}

/// Sources that do not apply here decide nothing; in the chain, neither does a missing command.
pub(super) fn decisive(attempt: &CredentialAttempt, trace: &CredentialTrace) -> bool {
    match &attempt.outcome {
        CredentialOutcome::NotConfigured { .. }
        | CredentialOutcome::NotTried
        | CredentialOutcome::Token => false,
        CredentialOutcome::CommandMissing { .. } => trace.requested != CredentialKind::Auto,
        _ => true,
    }
}

/// The credentials that gave no token and are not the cause, in one line.
fn others(trace: &CredentialTrace, used: &CredentialAttempt) -> Option<String> {
    let others = trace.attempts.iter().filter(|attempt| attempt.kind != used.kind);
    let names = |wanted: fn(&CredentialOutcome) -> bool| -> Vec<&'static str> {
        let attempts = others.clone().filter(|attempt| wanted(&attempt.outcome));
        attempts.map(|attempt| attempt.kind.name()).collect()
    };
    let absent = |outcome: &CredentialOutcome| {
        matches!(
            outcome,
            CredentialOutcome::NotConfigured { .. } | CredentialOutcome::CommandMissing { .. }
        )
    };
    let failed = |outcome: &CredentialOutcome| {
        !matches!(
            outcome,
            CredentialOutcome::NotConfigured { .. }
                | CredentialOutcome::CommandMissing { .. }
                | CredentialOutcome::NotTried
                | CredentialOutcome::Token
        )
    };
    let part = |names: Vec<&'static str>, what: &str| {
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    };
    let parts = [part(names(failed), "failed as well"), part(names(absent), "not configured")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("other credentials, {}", parts.join("; ")))
}

/// One line of the trace: which source, what it said, how long that took. `None` for sources that were
/// not asked, and for the one that gave the token.
#[must_use]
pub fn said(attempt: &CredentialAttempt) -> Option<String> {
    let kind = attempt.kind.name();
    let said = match &attempt.outcome {
        CredentialOutcome::NotTried | CredentialOutcome::Token => return None,
        CredentialOutcome::NotConfigured { needs } => format!("does not apply: needs {needs}"),
        CredentialOutcome::Withheld { detail } => format!("not tried: {detail}"),
        CredentialOutcome::UnsafeEndpoint { variable, endpoint, detail } => {
            format!("not tried: {variable} is {endpoint}, and {detail}")
        }
        CredentialOutcome::CommandMissing { command } => format!("{command} is not installed"),
        CredentialOutcome::Incomplete { missing } => {
            let state = if has_unusable(missing) { "" } else { " missing" };
            format!("incomplete: {}{state}", text::list(missing, 4))
        }
        CredentialOutcome::Unwired { missing, .. } => {
            format!("not configured in this pod: {} missing", text::list(missing, 4))
        }
        CredentialOutcome::Certificate { file, detail } => format!("{file}: {detail}"),
        CredentialOutcome::Entra(error) => match error.codes.first() {
            Some(code) => format!("Microsoft Entra ID answers AADSTS{code}"),
            None => format!("Microsoft Entra ID answers {} {}", error.status, error.error),
        },
        CredentialOutcome::IdentityEndpoint { endpoint, status, error, .. } => {
            format!("{} answers {status} {error}", endpoint_name(endpoint)).trim_end().to_owned()
        }
        CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail } => {
            format!("{} cannot be reached: {detail}", endpoint_name(endpoint))
        }
        CredentialOutcome::IdentityKey { path, detail } => format!("{path}: {detail}"),
        CredentialOutcome::IdentityNotSupported { detail, .. }
        | CredentialOutcome::Failed { detail } => detail.clone(),
        CredentialOutcome::CommandFailed { command, exit, .. } => match exit {
            Some(exit) => format!("{command} ends with {exit}"),
            None => format!("{command} was ended"),
        },
        CredentialOutcome::Transport { host, detail } => format!("{host}: {detail}"),
        CredentialOutcome::UnexpectedAnswer { host, status, .. } => {
            format!("{host} answers {status}, which is not an answer of Microsoft Entra ID")
        }
        CredentialOutcome::Silent { who } => format!("{who} does not answer"),
    };
    let identity = attempt.identity.as_ref().map(|identity| format!(" ({identity})"));
    let time = match attempt.elapsed_ms {
        0 => String::new(),
        elapsed => format!(", after {elapsed} ms"),
    };
    Some(format!("{kind}{}: {said}{time}", identity.unwrap_or_default()))
}

/// Whether another credential of the chain noticed that this process runs in a pod.
fn in_pod(trace: &CredentialTrace) -> bool {
    trace
        .attempts
        .iter()
        .any(|attempt| matches!(attempt.outcome, CredentialOutcome::Unwired { in_pod: true, .. }))
}

pub(super) fn endpoint_name(endpoint: &IdentityEndpoint) -> &'static str {
    match endpoint {
        IdentityEndpoint::AppService => "the identity endpoint of App Service",
        IdentityEndpoint::ContainerApps => "the identity endpoint of Container Apps",
        IdentityEndpoint::Functions => "the identity endpoint of Functions",
        IdentityEndpoint::Arc => "the agent of Azure Arc",
        IdentityEndpoint::AzurePipelines => "Azure Pipelines",
        IdentityEndpoint::ServiceFabric => "the identity endpoint of Service Fabric",
        IdentityEndpoint::AzureMl => "the identity endpoint of Azure Machine Learning",
        IdentityEndpoint::CloudShell => "the identity endpoint of Cloud Shell",
        IdentityEndpoint::ContainerInstances => "the metadata service of Container Instances",
        IdentityEndpoint::Imds | IdentityEndpoint::Unknown(_) => "the metadata service",
    }
}

fn nothing(settings: &Settings, trace: &CredentialTrace) -> Finding {
    let audience = &settings.cloud.value.database_audience;
    let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.as_str());
    let finding =
        Finding::of(&NO_CREDENTIAL, trace.requested.name(), "no credential found on this machine");
    let password = trace.attempts.iter().find(|attempt| attempt.kind == CredentialKind::Password);
    let finding = match not_used(settings) {
        Some(file) => finding.because(file.detail).because_all(file.evidence).fix_all(file.fixes),
        None => finding.because_all(password.and_then(said)),
    };
    // No credential was used here, so each is worth its line.
    let rest = trace.attempts.iter().filter(|attempt| attempt.kind != CredentialKind::Password);
    let finding = finding.because_all(rest.filter_map(said));
    finding.fix(
        Fix::you("Sign in with the Azure CLI, and get a token from it")
            .run(commands::sign_in(tenant).then(commands::fresh_token(audience, tenant))),
    )
    .fix(Fix::you(
        "In a job: set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET; in Azure: give \
            the machine a managed identity",
    ))
}

fn explain(
    settings: &Settings,
    attempt: &CredentialAttempt,
    seen: &Evidence,
) -> Result<Finding, Missing> {
    let kind = attempt.kind.name();
    let now = seen.observed_at.as_second();
    let find = |problem, detail: String| Finding::of(problem, kind, detail);
    let finding = match &attempt.outcome {
        CredentialOutcome::Entra(error) => return Ok(entra(settings, attempt, error, now)),
        CredentialOutcome::Transport { host, .. }
        | CredentialOutcome::UnexpectedAnswer { host, .. } => {
            // The path to the authority is a matter of `dns` and `outbound`, its answer of token/endpoint.
            return Err(blocked(Topic::Outbound, host));
        }
        CredentialOutcome::Silent { who } => {
            return Err(Missing(NotObserved::NotPermitted {
                detail: format!("{who} did not answer in time"),
            }));
        }
        CredentialOutcome::Failed { detail } => {
            return Err(Missing(NotObserved::NotPermitted { detail: format!("{kind}: {detail}") }));
        }
        CredentialOutcome::Withheld { .. } => return Err(blocked(Topic::Settings, "")),
        CredentialOutcome::UnsafeEndpoint { variable, endpoint, detail } => {
            unsafe_endpoint(kind, variable, endpoint, detail)
        }
        CredentialOutcome::Incomplete { missing } => incomplete(kind, missing),
        CredentialOutcome::Unwired { missing, in_pod } => unwired(attempt, missing, *in_pod),
        CredentialOutcome::Certificate { file, detail } => certificate(kind, file, detail),
        CredentialOutcome::IdentityKey { path, detail } => {
            identity_key(kind, path, detail, &seen.vantage)
        }
        CredentialOutcome::IdentityNotSupported { detail, .. } => {
            find(&NO_MANAGED_IDENTITY, detail.clone()).fix(
                Fix::you("Use the system-assigned identity of the machine")
                    .run(Command::unset("AZURE_CLIENT_ID")),
            )
        }
        CredentialOutcome::IdentityEndpoint { endpoint, status, error, description } => {
            let in_pod = seen.credential.seen().is_some_and(in_pod);
            return Ok(identity(attempt, endpoint, (*status, error, description), in_pod));
        }
        CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail } => {
            return Ok(unreachable(attempt, endpoint, detail, &seen.vantage));
        }
        CredentialOutcome::CommandMissing { command } => command_missing(kind, command),
        CredentialOutcome::CommandFailed { command, exit, stderr } => {
            return Ok(command_failed(settings, attempt, command, *exit, stderr, now));
        }
        CredentialOutcome::NotConfigured { .. }
        | CredentialOutcome::NotTried
        | CredentialOutcome::Token => nothing(settings, seen.credential.get()?),
    };
    Ok(finding)
}

/// Whether a variable is set and unusable: then the reason follows its name in parentheses.
fn has_unusable(missing: &[String]) -> bool {
    missing.iter().any(|name| name.contains('('))
}

fn incomplete(kind: &str, missing: &[String]) -> Finding {
    let names = text::list(missing, 4);
    let bare: Vec<&str> = missing.iter().filter_map(|name| name.split(" (").next()).collect();
    let bare = text::list(&bare, 4);
    let (detail, fix) = if has_unusable(missing) {
        (
            format!("{kind} is not configured correctly: {names}"),
            format!("Set {bare} without quotation marks and blanks around the value"),
        )
    } else {
        (
            format!("{kind} is not configured completely: {names} missing"),
            format!("Set {names}, or unset the others of this credential"),
        )
    };
    Finding::of(&ENVIRONMENT_INCOMPLETE, kind, detail).fix(Fix::you(fix))
}

fn certificate(kind: &str, file: &str, detail: &str) -> Finding {
    let detail = format!("the certificate in {file} cannot be used: {detail}");
    Finding::of(&CERTIFICATE_REJECTED, kind, detail)
        .because("no request was sent to Microsoft Entra ID")
        .fix(Fix::you(
            "Write leaf certificate, its RSA key and the rest of the chain into one PEM file, \
                and name it in AZURE_CLIENT_CERTIFICATE_PATH",
        ))
}

fn command_missing(kind: &str, command: &str) -> Finding {
    let detail = format!("the command {command} is not installed, or not on PATH");
    Finding::of(&CLI_MISSING, kind, detail).fix(Fix::you(
        "Install it (https://learn.microsoft.com/cli/azure/install-azure-cli), or choose another \
            --credential",
    ))
}

fn identity_key(kind: &str, path: &str, detail: &str, vantage: &Vantage) -> Finding {
    let detail =
        format!("Azure Arc requires the contents of {path}, which cannot be read: {detail}");
    Finding::of(&ARC_KEY_UNREADABLE, kind, detail).fix(
        Fix::you("Let this user read the proofs of the agent, then sign in to this machine again")
            .run(commands::join_arc_group(vantage)),
    )
}

fn unsafe_endpoint(kind: &str, variable: &str, endpoint: &str, detail: &str) -> Finding {
    Finding::of(
        &UNSAFE_ENDPOINT,
        kind,
        format!("{variable} points to {endpoint}, which must not receive a secret: {detail}"),
    )
    .because("this run sent nothing to that endpoint")
    .because("an application with an Azure SDK sends the credential's secret there")
    .fix(
        Fix::you(format!("Unset {variable}, or take the value from the platform that sets it"))
            .run(Command::unset(variable)),
    )
}

fn entra(
    settings: &Settings,
    attempt: &CredentialAttempt,
    error: &EntraError,
    seen_at: i64,
) -> Finding {
    let known = aadsts::decisive(&error.codes);
    let number = match known.map(|known| known.code).or_else(|| error.codes.first().copied()) {
        Some(code) => format!("AADSTS{code}"),
        None => format!("{} {}", error.status, error.error),
    };
    let (problem, meaning) = match known {
        Some(known) => (known.problem, known.meaning),
        None if error.status == 429 => (&THROTTLED, "Too many requests"),
        None if error.status >= 500 => {
            (&ENTRA_TRANSIENT, "The service is overloaded or unavailable")
        }
        None => (&OTHER_ENTRA_ERROR, "Microsoft publishes no text for this error"),
    };
    let identity = attempt.identity.as_deref().unwrap_or("this identity");
    let mut finding = Finding::of(
        problem,
        attempt.kind.name(),
        format!("Microsoft Entra ID refused a token for {identity}: {meaning} ({number})"),
    )
    .because(format!("the answer of Microsoft Entra ID: {}", error.description))
    .because_all(ticket(error))
    .because_all(attempt.assertion.as_ref().map(|token| presented(token, seen_at)));
    if let Some(certificate) = &attempt.certificate {
        finding = finding.because(signed_with(certificate, seen_at));
    }
    let values = Values::of(settings, attempt);
    match known {
        Some(known) if known.advice.is_empty() => {
            let (actor, text) = known.todo;
            finding.fix(Fix::by(actor, text))
        }
        Some(known) => known.advice.iter().fold(finding, |f, advice| f.fix(values.fix(advice))),
        None if [&THROTTLED, &ENTRA_TRANSIENT].contains(&problem) => {
            let wait = error.retry_after.map(|seconds| {
                format!(" {}", text::duration(i64::try_from(seconds).unwrap_or(i64::MAX)))
            });
            let wait = wait.unwrap_or_default();
            finding.fix(
                Fix::you(format!("Wait{wait}, then try again"))
                    .run(Command::new("entra-pg doctor --retry-for 5m")),
            )
        }
        None => problem
            .page
            .fix
            .iter()
            .fold(finding, |finding, (actor, text)| finding.fix(Fix::by(*actor, *text))),
    }
}

/// What a support request needs, and other parts of the answer.
fn ticket(error: &EntraError) -> Vec<String> {
    let named = [
        ("trace id", &error.trace_id),
        ("correlation id", &error.correlation_id),
        ("timestamp", &error.timestamp),
        ("suberror", &error.suberror),
    ];
    let mut lines: Vec<String> = named
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
        .collect();
    if error.codes.len() > 1 {
        let codes: Vec<String> = error.codes.iter().map(|code| format!("AADSTS{code}")).collect();
        lines.push(format!("all numbers: {}", codes.join(", ")));
    }
    if error.asks_for_claims {
        lines.push("the answer asks for more claims: a Conditional Access challenge".to_owned());
    }
    lines.extend(error.retry_after.map(|seconds| format!("Retry-After: {seconds} s")));
    lines
}

/// The federated token, decoded, to be held against the application's federated credentials.
fn presented(token: &Assertion, now: i64) -> String {
    let lifetime = match token.expires {
        Some(expires) if expires <= now => {
            format!(", expired {} ago", text::duration(expires - now))
        }
        Some(expires) => format!(", expires in {}", text::duration(expires - now)),
        None => String::new(),
    };
    format!(
        "the federated token in {}: issuer {}, subject {}, audience {}{lifetime}",
        token.file, token.issuer, token.subject, token.audience
    )
}

fn signed_with(certificate: &ClientCertificate, now: i64) -> String {
    let (file, subject) = (&certificate.file, &certificate.subject);
    let end = certificate.not_after - now;
    let validity = if end <= 0 {
        format!("expired {} ago", text::duration(end))
    } else if certificate.not_before > now {
        "not valid yet".to_owned()
    } else {
        format!("good for {}", text::duration(end))
    };
    format!("signed with {file}: {subject}, thumbprint {}, {validity}", certificate.thumbprint)
}

fn unwired(attempt: &CredentialAttempt, missing: &[String], in_pod: bool) -> Finding {
    let names = text::list(missing, 4);
    let place = if in_pod { "this pod" } else { "this process" };
    let nothing = missing.iter().any(|name| name == "AZURE_FEDERATED_TOKEN_FILE");
    let detail = format!("{place} has no federated identity: {names} missing");
    let finding = Finding::of(&WORKLOAD_IDENTITY_UNWIRED, attempt.kind.name(), detail);
    // A pod does not always need a federated identity.
    let finding = if nothing && in_pod { finding.sure(Confidence::Likely) } else { finding };
    if nothing {
        finding
            .because(
                "the webhook of AKS sets AZURE_CLIENT_ID, AZURE_TENANT_ID and \
                    AZURE_FEDERATED_TOKEN_FILE in labeled pods",
            )
            .fix(
                Fix::you(
                    "Give the pod template the label azure.workload.identity/use=true, which \
                        restarts the pods",
                )
                .review()
                .run(
                    Command::new("kubectl patch deployment $DEPLOYMENT --type merge -p")
                        .value("\
                            {\"\
                                spec\":{\"template\":{\"metadata\":{\"labels\":{\"azure.workload.identity/use\":\"true\"}}}}}"),
                ),
            )
            .fix(Fix::you("Check that the service account names the identity").run(annotate()))
    } else if missing.iter().any(|name| name == "AZURE_CLIENT_ID") {
        finding.fix(
            Fix::you(
                "Annotate the service account with the client ID of the identity, and \
                restart the pod",
            )
            .run(annotate()),
        )
    } else {
        finding.fix(Fix::you(
            "Mount the projected token where AZURE_FEDERATED_TOKEN_FILE points, readable for \
                this user",
        ))
    }
}

/// Names the identity on the service account of a pod.
fn annotate() -> Command {
    Command::new(
        "kubectl annotate serviceaccount $SERVICE_ACCOUNT \
            azure.workload.identity/client-id=$CLIENT_ID",
    )
}

fn unreachable(
    attempt: &CredentialAttempt,
    endpoint: &IdentityEndpoint,
    detail: &str,
    vantage: &Vantage,
) -> Finding {
    let who = endpoint_name(endpoint);
    let finding = Finding::of(
        &IDENTITY_ENDPOINT_UNREACHABLE,
        attempt.kind.name(),
        format!("{who} ({endpoint}) does not answer: {detail}"),
    );
    match endpoint {
        IdentityEndpoint::Arc => {
            finding.fix(Fix::you("Start the agent").run(commands::start_arc_agent(vantage)))
        }
        IdentityEndpoint::AppService
        | IdentityEndpoint::ContainerApps
        | IdentityEndpoint::Functions => finding.fix(Fix::you(
            "Run it inside the app's own container, the only place where IDENTITY_ENDPOINT \
                works, and exclude it from HTTP_PROXY (NO_PROXY)",
        )),
        _ => finding
            .fix(Fix::you(
                "Run this on a machine in Azure that has an identity, or choose another \
                    --credential",
            ))
            .fix(Fix::by(
                Actor::Network,
                "Let 169.254.169.254:80 through: no proxy, no pod or security policy may hold it \
                    (service tag AzurePlatformIMDS)",
            )),
    }
}

/// Texts of the identity endpoints, in lower case, for an identity that is not assigned.
const NOT_ASSIGNED_TEXTS: &[&str] = &[
    "identity not found",
    "managedidentitynotfound",
    "no managed identity",
    "no user assigned",
    "no identity has been assigned",
    "not been assigned",
    "not assigned to this",
];

/// Texts for a request that has to name an identity and does not.
const AMBIGUOUS_TEXTS: &[&str] = &["multiple user assigned", "multiple user-assigned"];

/// Texts of App Service and Container Apps, in lower case. Without a client ID they mean that only
/// user-assigned identities exist. Source: <https://github.com/Azure/azure-sdk-for-net/issues/42419>.
const UNLOADED_TEXTS: &[&str] = &[
    "unable to load the proper managed identity",
    "unable to load the requested managed identity",
];

/// Texts of the node-managed identity (NMI) pod of aad-pod-identity, in lower case: this is a pod.
/// Source: <https://github.com/Azure/aad-pod-identity>, `pkg/nmi`.
const POD_TEXTS: &[&str] = &[
    "assigned identities for pod",
    "azureassignedidentity",
    "azureidentitybinding",
    "no azure identity found",
    "not found for pod",
];

/// Longest part of an answer that a detail repeats, in characters.
const QUOTED: usize = 200;

fn identity(
    attempt: &CredentialAttempt,
    endpoint: &IdentityEndpoint,
    (status, error, description): (u16, &str, &str),
    in_pod: bool,
) -> Finding {
    let lower = description.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    let named = attempt.identity.as_deref().filter(|identity| *identity != "system-assigned");
    let identity = named.unwrap_or("system-assigned");
    let who = endpoint_name(endpoint);
    let app = endpoint.is_of_app();
    let place = if app { "this app" } else { "this machine" };
    let absent = (&NO_MANAGED_IDENTITY, format!("{place} does not have the identity ({identity})"));
    let pod = in_pod || says(POD_TEXTS);
    let not_json = error.is_empty() && !app;
    let (problem, detail) = if endpoint == &IdentityEndpoint::AzurePipelines {
        (&ENVIRONMENT_INCOMPLETE, format!("{who} returned no federated token ({status})"))
    } else if says(AMBIGUOUS_TEXTS) || (says(UNLOADED_TEXTS) && named.is_none()) {
        let detail = format!("{place} has user-assigned identities, and the request names none");
        (&AMBIGUOUS_MANAGED_IDENTITY, detail)
    } else if says(NOT_ASSIGNED_TEXTS) || says(UNLOADED_TEXTS) {
        absent
    } else if says(POD_TEXTS) || (status == 404 && not_json && pod) {
        let detail = "aad-pod-identity assigns no identity to this pod".to_owned();
        (&WORKLOAD_IDENTITY_UNWIRED, detail)
    } else if status == 404 && not_json {
        absent
    } else if matches!(status, 410 | 429) || (status == 404 && !app) || status >= 500 {
        (&IDENTITY_ENDPOINT_BUSY, format!("{who} is overloaded or being updated ({status})"))
    } else if error == "invalid_resource" {
        (&RESOURCE_UNKNOWN, format!("{who} does not know the resource ({status} {error})"))
    } else {
        (&NO_MANAGED_IDENTITY, format!("{who} rejected the request ({status} {error})"))
    };
    let quoted: String = description.chars().take(QUOTED).collect();
    let mut finding = Finding::of(problem, attempt.kind.name(), detail)
        .because(format!("the answer of {endpoint}: {status} {error}: {quoted}"));
    if app && status == 500 {
        finding = finding
            .because("App Service also answers 500 for a resource that it does not know")
            .sure(Confidence::Likely);
    }
    identity_fixes(finding, problem, endpoint)
}

fn identity_fixes(finding: Finding, problem: &Problem, endpoint: &IdentityEndpoint) -> Finding {
    match problem {
        known if known == &ENVIRONMENT_INCOMPLETE => finding
            .fix(Fix::you(
                "Map the job's token into the step: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
            ))
            .fix(Fix::you(
                "Check that AZURESUBSCRIPTION_SERVICE_CONNECTION_ID is the ID of a service \
                    connection that this pipeline may use",
            )),
        known if known == &AMBIGUOUS_MANAGED_IDENTITY => choose_identity(finding, endpoint),
        known if known == &IDENTITY_ENDPOINT_BUSY => finding.fix(
            Fix::you("Wait, then try again").run(Command::new("entra-pg doctor --retry-for 2m")),
        ),
        known if known == &WORKLOAD_IDENTITY_UNWIRED => finding
            .fix(Fix::you(
                "Replace aad-pod-identity, which is archived, with workload identity: label the \
                    pod template azure.workload.identity/use: \"true\" and annotate the service \
                    account with azure.workload.identity/client-id",
            ))
            .fix(Fix::you(
                "Until then: check that an AzureIdentityBinding selects the label \
                    aadpodidbinding of this pod",
            )),
        _ => assign_identity(finding, endpoint),
    }
}

fn choose_identity(finding: Finding, endpoint: &IdentityEndpoint) -> Finding {
    let finding = finding.fix(
        Fix::you("Set AZURE_CLIENT_ID to the client ID of one of the identities")
            .run(Command::set("AZURE_CLIENT_ID", "<client ID>")),
    );
    let (text, command) = match endpoint {
        IdentityEndpoint::ContainerApps => (
            "List the identities of the container app",
            "az containerapp identity show -g $RG -n $APP",
        ),
        IdentityEndpoint::AppService | IdentityEndpoint::Functions => {
            ("List the identities of the app", "az webapp identity show -g $RG -n $APP")
        }
        _ => return finding,
    };
    finding.fix(Fix::by(Actor::AzureOwner, text).run(Command::new(command)))
}

fn assign_identity(finding: Finding, endpoint: &IdentityEndpoint) -> Finding {
    let (text, command) = match endpoint {
        IdentityEndpoint::ContainerApps => (
            "Assign the identity to the container app",
            "az containerapp identity assign -g $RG -n $APP --system-assigned",
        ),
        IdentityEndpoint::Functions => (
            "Assign the identity to the function app",
            "az functionapp identity assign -g $RG -n $APP",
        ),
        IdentityEndpoint::AppService => {
            ("Assign the identity to the app", "az webapp identity assign -g $RG -n $APP")
        }
        IdentityEndpoint::Arc => (
            "Connect the machine to Azure Arc; it has one system-assigned identity",
            "azcmagent show",
        ),
        _ => ("Assign the identity to the machine", "az vm identity assign -g $RG -n $VM"),
    };
    finding.fix(Fix::by(Actor::AzureOwner, text).run(Command::new(command)))
}

fn command_failed(
    settings: &Settings,
    attempt: &CredentialAttempt,
    command: &str,
    exit: Option<i32>,
    stderr: &str,
    now: i64,
) -> Finding {
    if let Some(error) = aadsts::error_in(stderr) {
        return entra(settings, attempt, &error, now);
    }
    let signed_out =
        ["az login", "azd auth login", "not logged in"].iter().any(|sign| stderr.contains(sign));
    let said = format!("{command} prints: {}", stderr.trim());
    let kind = attempt.kind.name();
    let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.as_str());
    let developer = attempt.kind == CredentialKind::AzureDeveloperCli;
    let scope = settings.cloud.value.database_scope();
    if signed_out {
        let detail = format!("{command} is not signed in");
        let sign_in = match (developer, tenant) {
            (true, None) => Command::new("azd auth login"),
            (true, Some(tenant)) => Command::new("azd auth login --tenant-id").value(tenant),
            (false, tenant) => commands::sign_in(tenant),
        };
        return Finding::of(&CLI_SIGNED_OUT, kind, detail)
            .because(said)
            .because(
                "sudo, cron and containers have another HOME, and with it another sign-in \
                    (AZURE_CONFIG_DIR)",
            )
            .fix(Fix::you("Sign in").run(sign_in));
    }
    let by_hand = if developer {
        Command::new("azd auth token --scope").value(scope.as_str()).words("--output none")
    } else {
        Command::new("az account get-access-token --scope")
            .value(scope.as_str())
            .words("--query expiresOn")
    };
    let ending = match exit {
        Some(code) => format!("{command} fails with exit code {code}"),
        None => format!("{command} was ended by a signal"),
    };
    Finding::of(&CLI_FAILED, kind, ending)
        .because(said)
        .fix(Fix::confirm("run the command").run(by_hand))
}

fn blocked(by: Topic, subject: &str) -> Missing {
    Missing(NotObserved::Blocked { by, subject: subject.to_owned() })
}
