//! Whether the managed identity endpoint answers as quickly as the Azure SDKs expect.

use super::{acquisition::endpoint_name, refusal::IDENTITY};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Service, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        credential::{CredentialAttempt, CredentialKind, IdentityEndpoint},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The timeout of the first request that DefaultAzureCredential sends to the metadata service.
/// Source: azure-sdk-for-go, azidentity, `imdsProbeTimeout`; azure-sdk-for-net, Azure.Identity,
/// `ImdsManagedIdentityProbeSource`.
const PROBE_TIMEOUT_MS: u64 = 1000;

/// The managed identity endpoint answers quickly.
pub static CHECK: Check = Check {
    id: "token/identity-latency",
    asserts: "the managed identity endpoint answers within a second",
    needs: &[Topic::Credential],
    problems: &[&IDENTITY_ENDPOINT_SLOW],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let trace = seen.credential.get()?;
    let managed =
        trace.attempts.iter().find(|attempt| attempt.kind == CredentialKind::ManagedIdentity);
    let Some((attempt, elapsed)) = managed.and_then(|attempt| Some((attempt, slowest(attempt)?)))
    else {
        return Ok(Verdict::NotApplicable("no managed identity endpoint was asked".to_owned()));
    };
    if elapsed < PROBE_TIMEOUT_MS {
        return Ok(Verdict::Passed(format!("{elapsed} ms")));
    }
    Ok(Verdict::found(slow(attempt, elapsed)))
}

/// The longest time of a request that was answered.
fn slowest(attempt: &CredentialAttempt) -> Option<u64> {
    let answered = attempt.exchanges.iter().filter(|exchange| exchange.status.is_some());
    answered.map(|exchange| exchange.elapsed_ms).max()
}

fn slow(attempt: &CredentialAttempt, elapsed: u64) -> Finding {
    let url = attempt.exchanges.first().map_or("", |exchange| exchange.url.as_str());
    let who = if url.starts_with("http://169.254.169.254/") {
        endpoint_name(&IdentityEndpoint::Imds)
    } else {
        "the managed identity endpoint"
    };
    let detail = format!("{who} takes {elapsed} ms to answer a token request");
    Finding::of(&IDENTITY_ENDPOINT_SLOW, attempt.kind.name(), detail)
        .because(format!("{url} answered after {elapsed} ms"))
        .because(format!(
            "DefaultAzureCredential waits {PROBE_TIMEOUT_MS} ms for the metadata service, and then tries the next credential"
        ))
        .fix(
            Fix::you("Make the application use the managed identity directly, which retries")
                .run(Command::set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")),
        )
        .fix(Fix::you("Keep one credential object per process: it caches the token"))
}

/// The endpoint answers after a second or later.
pub static IDENTITY_ENDPOINT_SLOW: Problem = Problem {
    id: "token/identity-endpoint-slow",
    title: "the managed identity endpoint is slow",
    severity: Severity::Warning,
    service: Some(Service::Identity),
    page: Page {
        means: "The managed identity endpoint needs a second or more for an answer. The doctor \
            waits longer than an Azure SDK: DefaultAzureCredential gives the metadata service one \
            second for the first answer, then takes the machine for one outside Azure and tries \
            the next credential. The application reports CredentialUnavailable from \
            time to time.",
        causes: &[
            "many processes ask at once: the metadata service throttles",
            "a pod whose requests pass an identity proxy (NMI) or a network policy agent",
            "a machine or container that has just started",
            "a proxy or firewall between this machine and 169.254.169.254",
        ],
        confirm: &[
            "`time curl -sH Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`",
        ],
        fix: &[
            (
                Actor::You,
                "use ManagedIdentityCredential instead of DefaultAzureCredential (or set \
                    AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential): it has no such timeout",
            ),
            (Actor::You, "keep one credential object per process, since it caches the token"),
            (Actor::Network, "let requests to 169.254.169.254 bypass proxies"),
        ],
        mistaken_for: &[
            "token/identity-endpoint-unreachable: there no answer comes at all",
            "token/identity-endpoint-busy: there the endpoint refuses",
        ],
        sources: &[
            IDENTITY,
            "azure-sdk-for-go, sdk/azidentity: managed_identity_client.go (imdsProbeTimeout is one second)",
            "Microsoft Learn: Credential chains in the Azure Identity libraries",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::{Value, json};

    fn answered(elapsed_ms: u64, status: Option<u16>) -> (&'static str, Value) {
        let attempt = json!({"kind": "managed-identity", "identity": "system-assigned",
            "tenant": null, "origin": null, "outcome": {"kind": "token"}, "elapsed_ms": elapsed_ms,
            "exchanges": [{"url": "http://169.254.169.254/metadata/identity/oauth2/token",
                           "status": status, "elapsed_ms": elapsed_ms}], "assertion": null});
        ("/credential/seen/attempts", json!([attempt]))
    }

    #[test]
    fn an_answer_after_the_timeout_of_the_sdks_is_a_warning() {
        let problems =
            |elapsed, status| problems_of(&CHECK, &healthy_but(&[answered(elapsed, status)]));
        assert_eq!(problems(1000, Some(200)), ["token/identity-endpoint-slow"]);
        assert_eq!(problems(999, Some(200)), Vec::<&str>::new());
        // Without an answer there is nothing to measure.
        assert_eq!(problems(3000, None), Vec::<&str>::new());
        assert_eq!(problems_of(&CHECK, &healthy_but(&[])), Vec::<&str>::new());
    }
}
