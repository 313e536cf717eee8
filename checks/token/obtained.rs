//! Whether a token was obtained.

use super::{aadsts, refusal::*};
use crate::{
    check::{Check, Judge, Missing, Problem},
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        credential::{
            CredentialAttempt, CredentialKind, CredentialOutcome, CredentialTrace, EntraError,
        },
        settings::Settings,
    },
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// A source of tokens gave one.
pub static CHECK: Check = Check {
    id: "token/obtained",
    asserts: "a token is obtained",
    needs: &[Topic::Settings, Topic::Credential],
    problems: ALL,
    decisive: true,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, trace) = (seen.settings.get()?, seen.credential.get()?);
    if let Some(chosen) = trace.chosen() {
        let from = chosen.origin.as_ref().map(|origin| format!(" from {}", origin.phrase()));
        let kind = chosen.kind.name();
        return Ok(Verdict::Passed(format!("{kind}{}", from.unwrap_or_default())));
    }
    let Some(attempt) = trace.attempts.iter().find(|attempt| decisive(attempt, trace)) else {
        return Ok(Verdict::found(nothing(settings, trace)));
    };
    explain(settings, attempt, seen)
        .map(|finding| Verdict::found(finding.because_all(trace.attempts.iter().filter_map(said))))
}

/// Sources that do not apply here decide nothing; in the chain, neither does a missing command.
fn decisive(attempt: &CredentialAttempt, trace: &CredentialTrace) -> bool {
    match &attempt.outcome {
        CredentialOutcome::NotConfigured { .. }
        | CredentialOutcome::NotTried
        | CredentialOutcome::Token => false,
        CredentialOutcome::CommandMissing { .. } => trace.requested != CredentialKind::Auto,
        _ => true,
    }
}

fn said(attempt: &CredentialAttempt) -> Option<String> {
    let kind = attempt.kind.name();
    let said = match &attempt.outcome {
        CredentialOutcome::NotConfigured { needs } => format!("does not apply: needs {needs}"),
        CredentialOutcome::CommandMissing { command } => format!("{command} is not installed"),
        CredentialOutcome::Incomplete { missing } => {
            format!("incomplete: {} missing", text::list(missing, 4))
        }
        CredentialOutcome::Entra(error) => {
            let code = error.codes.first().map_or(String::new(), |code| format!("AADSTS{code} "));
            format!("{code}{}", error.error)
        }
        CredentialOutcome::NotTried | CredentialOutcome::Token => return None,
        _ => format!("failed after {} ms", attempt.elapsed_ms),
    };
    Some(format!("{kind}: {said}"))
}

fn nothing(settings: &Settings, trace: &CredentialTrace) -> Finding {
    let audience = &settings.cloud.value.database_audience;
    let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.as_str());
    Finding::of(&NO_CREDENTIAL, trace.requested.name(), "no source of tokens applies on this machine")
        .because_all(trace.attempts.iter().filter_map(said))
        .fix(Fix::you("Sign in with the Azure CLI, and take the token from there").run(format!(
            "az login && {}",
            text::fresh_token(crate::facts::vantage::Shell::Posix, audience, tenant)
        )))
        .fix(Fix::you("In a job: set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET; in Azure: give the machine a managed identity"))
}

fn explain(
    settings: &Settings,
    attempt: &CredentialAttempt,
    seen: &Evidence,
) -> Result<Finding, Missing> {
    let kind = attempt.kind.name();
    let find = |problem, detail: String| Finding::of(problem, kind, detail);
    let finding = match &attempt.outcome {
        CredentialOutcome::Entra(error) => return Ok(entra(settings, attempt, error)),
        CredentialOutcome::Transport { host, .. }
        | CredentialOutcome::UnexpectedAnswer { host, .. } => {
            // The way to the authority is the families' `dns` and `outbound` matter.
            return Err(blocked(Topic::Outbound, host));
        }
        CredentialOutcome::Silent { who } => {
            return Err(Missing(NotObserved::NotPermitted { detail: format!("{who} did not answer in time") }));
        }
        CredentialOutcome::Failed { detail } => {
            return Err(Missing(NotObserved::NotPermitted { detail: format!("{kind}: {detail}") }));
        }
        CredentialOutcome::Incomplete { missing } => {
            let names = text::list(missing, 4);
            find(&ENVIRONMENT_INCOMPLETE, format!("{kind} is half configured: {names} missing"))
                .fix(Fix::you(format!("Set {names}, or unset the others of this credential")))
        }
        CredentialOutcome::IdentityEndpoint { endpoint, status, error, description } => {
            return Ok(identity(attempt, endpoint, *status, error, description));
        }
        CredentialOutcome::IdentityEndpointUnreachable { endpoint, detail } => {
            find(&IDENTITY_ENDPOINT_UNREACHABLE, format!("the metadata service ({endpoint}) does not answer: {detail}"))
                .fix(Fix::you("Run this on a machine in Azure that has an identity, or choose another --credential"))
                .fix(Fix::by(Actor::Network, "Let 169.254.169.254:80 through: no proxy, no pod or security policy may hold it (service tag AzurePlatformIMDS)"))
        }
        CredentialOutcome::CommandMissing { command } => {
            find(&CLI_MISSING, format!("the command {command} is not installed, or not on PATH"))
                .fix(Fix::you("Install it, or choose another --credential").run("curl -sL https://aka.ms/InstallAzureCLIDeb | sudo bash"))
        }
        CredentialOutcome::CommandFailed { command, exit, stderr } => {
            return Ok(command_failed(settings, attempt, command, *exit, stderr));
        }
        CredentialOutcome::NotConfigured { .. }
        | CredentialOutcome::NotTried
        | CredentialOutcome::Token => nothing(settings, seen.credential.get()?),
    };
    Ok(finding)
}

fn entra(settings: &Settings, attempt: &CredentialAttempt, error: &EntraError) -> Finding {
    let code = error.codes.first().copied();
    let known = code.and_then(aadsts::lookup);
    let number = code.map_or_else(|| error.error.clone(), |code| format!("AADSTS{code}"));
    let (problem, meaning) = match known {
        Some(known) => (known.problem, known.meaning.to_owned()),
        None if error.status == 429 => (&THROTTLED, "too many requests".to_owned()),
        None if error.status >= 500 => (&ENTRA_TRANSIENT, "Entra is out of order".to_owned()),
        None => (&OTHER_ENTRA_ERROR, error.description.clone()),
    };
    let whom = attempt.identity.as_deref().unwrap_or("this identity");
    let detail = format!("Entra refuses {whom}: {meaning} ({number})");
    let ticket = [
        ("trace id", &error.trace_id),
        ("correlation id", &error.correlation_id),
        ("timestamp", &error.timestamp),
    ];
    let mut finding = Finding::of(problem, attempt.kind.name(), detail)
        .because(format!("Entra says: {}", error.description));
    for (name, value) in ticket {
        finding = finding.because_all(value.as_ref().map(|value| format!("{name} {value}")));
    }
    if let Some(assertion) = &attempt.assertion {
        finding = finding.because(format!(
            "the federated token in {}: issuer {}, subject {}, audience {}",
            assertion.file, assertion.issuer, assertion.subject, assertion.audience
        ));
    }
    for fix in fixes(problem, settings, attempt) {
        finding = finding.fix(fix);
    }
    finding
}

fn fixes(problem: &'static Problem, settings: &Settings, attempt: &CredentialAttempt) -> Vec<Fix> {
    let scope = settings.cloud.value.database_scope();
    let tenant = attempt.tenant.as_deref().unwrap_or("<tenant>");
    let client = attempt.identity.as_deref().unwrap_or("<application-id>");
    let sign_in = format!("az login --tenant {tenant} --scope {scope}");
    match problem.id {
        "token/secret-wrong" | "token/secret-expired" => vec![
            Fix::by(Actor::EntraAdmin, "Make a new client secret, and give its value (not its id) to the job").run(format!("az ad app credential reset --id {client} --append")),
        ],
        "token/app-unknown" => vec![
            Fix::you(format!("Check AZURE_CLIENT_ID ({client}: the application id, not an object id) and AZURE_TENANT_ID ({tenant})")).run(format!("az ad sp show --id {client}")),
        ],
        "token/tenant-unknown" => vec![
            Fix::you("Name the tenant by its id").run("az account show --query tenantId -o tsv"),
        ],
        "token/mfa-required" | "token/session-expired" | "token/user-unknown" => {
            vec![Fix::you("Sign in again, for this resource").run(sign_in)]
        }
        "token/conditional-access" => vec![
            Fix::by(Actor::EntraAdmin, "Find the sign-in by its correlation id in the sign-in log, and the policy that blocked it; the resource is Azure OSSRDBMS Database (123cd850-d9df-40bd-94d5-c9f07b7fa203)"),
        ],
        "token/federation-mismatch" => vec![
            Fix::by(Actor::EntraAdmin, "Make issuer, subject and audience of the federated credential equal to the token's, letter by letter").run(format!("az ad app federated-credential list --id {client}")),
        ],
        "token/assertion-expired" => vec![
            Fix::you("Read the federated token anew right before use; check this machine's clock"),
        ],
        "token/throttled" | "token/entra-transient" => {
            vec![Fix::you("Wait, and try again").run("entra-pg doctor --retry-for 5m")]
        }
        "token/scope-wrong" | "token/resource-unknown" => {
            vec![Fix::you(format!("Ask for the scope {scope}; see that the cloud is the server's"))]
        }
        _ => problem.page.fix.iter().map(|(actor, text)| Fix::by(*actor, *text)).collect(),
    }
}

fn identity(
    attempt: &CredentialAttempt,
    endpoint: &str,
    status: u16,
    error: &str,
    description: &str,
) -> Finding {
    let lower = description.to_lowercase();
    let whom = attempt.identity.as_deref().unwrap_or("system-assigned");
    let (problem, detail) = if lower.contains("multiple user assigned") {
        (
            &AMBIGUOUS_MANAGED_IDENTITY,
            "this machine has several identities, and none was chosen".to_owned(),
        )
    } else if lower.contains("identity not found") {
        (&NO_MANAGED_IDENTITY, format!("this machine does not have the identity ({whom})"))
    } else if status == 429 || status == 410 || status == 404 || status >= 500 {
        (&IDENTITY_ENDPOINT_BUSY, format!("the metadata service is busy ({status})"))
    } else {
        (&NO_MANAGED_IDENTITY, format!("the metadata service refuses ({status} {error})"))
    };
    let finding = Finding::of(problem, attempt.kind.name(), detail)
        .because(format!("{endpoint} says {status} {error}: {description}"));
    match problem.id {
        "token/ambiguous-managed-identity" => finding
            .fix(Fix::you("Choose one by its client id").run("export AZURE_CLIENT_ID=<client-id>")),
        "token/identity-endpoint-busy" => {
            finding.fix(Fix::you("Wait, and try again").run("entra-pg doctor --retry-for 2m"))
        }
        _ => finding.fix(
            Fix::by(Actor::AzureOwner, "Give the machine the identity")
                .run("az vm identity assign -g <resource-group> -n <machine>"),
        ),
    }
}

fn command_failed(
    settings: &Settings,
    attempt: &CredentialAttempt,
    command: &str,
    exit: Option<i32>,
    stderr: &str,
) -> Finding {
    if let Some(code) = aadsts::code_in(stderr) {
        let error = EntraError {
            codes: vec![code],
            description: stderr.to_owned(),
            ..EntraError::default()
        };
        return entra(settings, attempt, &error);
    }
    let signed_out =
        ["az login", "azd auth login", "not logged in"].iter().any(|sign| stderr.contains(sign));
    let said = format!("{command} ends with {}: {}", exit.unwrap_or(-1), stderr.trim());
    if signed_out {
        let tenant = settings.tenant.as_ref().map(|t| format!(" --tenant {}", t.value));
        return Finding::of(
            &CLI_SIGNED_OUT,
            attempt.kind.name(),
            format!("nobody is signed in to {command}"),
        )
        .because(said)
        .fix(Fix::you("Sign in").run(format!("az login{}", tenant.unwrap_or_default())));
    }
    Finding::of(&CLI_SIGNED_OUT, attempt.kind.name(), format!("{command} cannot give a token"))
        .sure(Confidence::Possible)
        .because(said)
        .fix(Fix::you("Run it by hand, and see").run(format!(
            "az account get-access-token --scope {} --query expiresOn",
            settings.cloud.value.database_scope()
        )))
}

fn blocked(by: Topic, subject: &str) -> Missing {
    Missing(NotObserved::Blocked { by, subject: subject.to_owned() })
}
