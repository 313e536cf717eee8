//! Whether the proxy rules of the environment or of the operating system fit what has to be reached: the
//! Entra hosts through the proxy, the metadata service without it, and PostgreSQL in spite of it.

use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        credential::{CredentialKind, CredentialOutcome, CredentialTrace},
        outbound::{Host, Route},
        proxy::{Proxy, ProxyRules},
        settings::Origin,
        tcp::TcpOutcome,
    },
    support::reach::{Reach, reach},
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The proxy is used only for web addresses.
pub static CHECK: Check = Check {
    id: "outbound/proxy-rules",
    asserts: "the proxy is used only for web addresses",
    needs: &[Topic::Proxy, Topic::Credential, Topic::Server, Topic::Outbound],
    problems: &[&PROXY_COVERS_METADATA_SERVICE, &PROXY_IGNORED_BY_POSTGRESQL, &PROXY_NOT_FOLLOWED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let rules = seen.proxy.get()?;
    let mut findings = Vec::new();
    if let Some(proxy) = &rules.http
        && rules.covers_metadata_service
        && let Some(severity) = matters(seen)
    {
        findings.push(covers(rules, proxy).severity(severity));
    }
    if let Some(proxy) = rules.https.as_ref().or(rules.http.as_ref()) {
        findings.extend(ignored(seen, proxy));
    }
    findings.extend(rules.not_understood.iter().flat_map(|one| not_understood(seen, one)));
    if rules.https.is_none() && !rules.not_followed.is_empty() {
        findings.extend(not_followed(seen, rules));
    }
    if rules.https.is_none() && rules.http.is_none() && findings.is_empty() {
        return Ok(Verdict::NotApplicable("no proxy is set".to_owned()));
    }
    Ok(Verdict::unless(findings, || {
        "the metadata service and PostgreSQL are not affected".to_owned()
    }))
}

/// An error if the metadata service gave no answer and is known to exist, or was requested by name;
/// a warning if one of these holds.
fn matters(seen: &Evidence) -> Option<Severity> {
    let trace = seen.credential.seen();
    let in_vain = trace.is_some_and(asked_in_vain);
    let by_name = trace.is_some_and(|trace| trace.requested == CredentialKind::ManagedIdentity);
    let there = seen.vantage.in_azure == Some(true);
    if in_vain && (there || by_name) {
        Some(Severity::Error)
    } else {
        // This tool bypasses the proxy; a program that does not would send its request there.
        (there || in_vain || by_name).then_some(Severity::Warning)
    }
}

fn asked_in_vain(trace: &CredentialTrace) -> bool {
    let without_token =
        trace.attempts.iter().all(|attempt| attempt.outcome != CredentialOutcome::Token);
    let asked = trace.attempts.iter().any(|attempt| {
        attempt.kind == CredentialKind::ManagedIdentity
            && !matches!(
                attempt.outcome,
                CredentialOutcome::NotConfigured { .. }
                    | CredentialOutcome::NotTried
                    | CredentialOutcome::Incomplete { .. }
            )
    });
    without_token && asked
}

fn covers(rules: &ProxyRules, proxy: &Proxy) -> Finding {
    let origin = proxy.origin.phrase();
    let no_proxy = match (&rules.no_proxy, &rules.exceptions) {
        (Some(value), _) => format!("NO_PROXY is \"{value}\""),
        (None, Some(value)) => format!("the exceptions in {origin} are \"{value}\""),
        (None, None) => "NO_PROXY is not set".to_owned(),
    };
    let new = match &rules.no_proxy {
        Some(value) => format!("{value},169.254.169.254"),
        None => "169.254.169.254,localhost,127.0.0.1".to_owned(),
    };
    let detail = format!(
        "{origin} sends requests for the metadata service to the proxy {}:{}",
        proxy.host, proxy.port
    );
    Finding::of(&PROXY_COVERS_METADATA_SERVICE, "169.254.169.254", detail)
        .because(no_proxy)
        .because_all(rules.differences.clone())
        .fix(exemption(proxy, &new))
}

fn exemption(proxy: &Proxy, no_proxy: &str) -> Fix {
    if let Origin::System { name } = &proxy.origin {
        return Fix::you(format!(
            "Add 169.254.169.254 to the exceptions in {name}; the metadata service answers only on \
                the machine's own host"
        ));
    }
    Fix::you("Exempt the metadata service; it answers only on the machine's own host")
        .run(Command::set("NO_PROXY", no_proxy).then(Command::set("no_proxy", no_proxy)))
}

/// The system names a proxy in a form that neither this tool nor the Azure CLI follows. That is the
/// likely cause if an Entra host cannot be reached without it.
fn not_followed(seen: &Evidence, rules: &ProxyRules) -> Vec<Finding> {
    let named = rules.not_followed.iter().map(|(origin, what)| format!("{origin} names {what}"));
    let named = named.collect::<Vec<String>>().join(", ");
    let origin = rules.not_followed.first().map(|(origin, _)| origin.as_str()).unwrap_or_default();
    let fix = |host: &str| {
        Fix::you(format!(
            "Set HTTPS_PROXY to the proxy that browsers on this machine use for {host}, as \
                http://host:port"
        ))
    };
    let blocked = blocked(seen);
    if blocked.is_empty() {
        let detail = format!("{named}; az, psql and this tool connect without it");
        let finding = Finding::of(&PROXY_NOT_FOLLOWED, origin, detail).severity(Severity::Info);
        return vec![finding.fix(fix("login.microsoftonline.com"))];
    }
    let finding = |host: &&str| {
        let detail =
            format!("{host} does not connect, and {named}, which az and this tool do not follow");
        Finding::of(&PROXY_NOT_FOLLOWED, *host, detail).sure(Confidence::Likely).fix(fix(host))
    };
    blocked.iter().map(finding).collect()
}

/// A variable names no proxy that can be used. az fails with it; this tool goes without a proxy.
fn not_understood(seen: &Evidence, (origin, what): &(String, String)) -> Vec<Finding> {
    let fix = || {
        Fix::you(match origin.to_ascii_lowercase().ends_with("_proxy") {
            true => format!(
                "Set {origin} to http://host:port, without quotation marks and without a blank at its \
                    end; in cmd: set \"{origin}=http://host:port\""
            ),
            false => format!("Correct the address of the proxy in {origin}: host:port"),
        })
    };
    let blocked = blocked(seen);
    if blocked.is_empty() {
        let detail = format!("{origin} names no proxy: {what}; az fails with such a value");
        let finding = Finding::of(&PROXY_NOT_FOLLOWED, origin, detail).severity(Severity::Warning);
        return vec![finding.sure(Confidence::Likely).fix(fix())];
    }
    let finding = |host: &&str| {
        let detail = format!("{host} does not connect, and {origin} names no proxy: {what}");
        Finding::of(&PROXY_NOT_FOLLOWED, *host, detail).sure(Confidence::Likely).fix(fix())
    };
    blocked.iter().map(finding).collect()
}

/// The Entra hosts that do not connect without a proxy.
fn blocked(seen: &Evidence) -> Vec<&str> {
    let hosts = seen.outbound.seen().map(|outbound| outbound.hosts.as_slice()).unwrap_or_default();
    hosts.iter().filter(|host| is_blocked(host)).map(|host| host.host.as_str()).collect()
}

fn is_blocked(host: &Host) -> bool {
    host.route == Route::Direct
        && host.direct.seen().is_some_and(|path| {
            matches!(reach(&path.tcp), Reach::Dropped | Reach::Refused | Reach::Unreachable)
        })
}

/// Worth saying where the server is out of reach: the proxy may seem to help.
fn ignored(seen: &Evidence, proxy: &Proxy) -> Option<Finding> {
    let server = seen.server.seen()?;
    if server.tcp.iter().any(|attempt| attempt.outcome == TcpOutcome::Connected) {
        return None;
    }
    let subject = format!("{}:{}", server.host, server.port);
    let origin = proxy.origin.phrase();
    let detail = format!(
        "{origin} does not carry the connection to {subject}: PostgreSQL knows no HTTP proxy"
    );
    Some(
        Finding::of(&PROXY_IGNORED_BY_POSTGRESQL, subject.clone(), detail)
            .sure(Confidence::Certain)
            .fix(Fix::by(
                Actor::Network,
                format!(
                    "Allow outbound TCP to {subject} straight, or run this from a machine that \
                        reaches it"
                ),
            )),
    )
}

/// HTTP_PROXY swallows requests to the metadata service.
pub static PROXY_COVERS_METADATA_SERVICE: Problem = Problem {
    id: "outbound/proxy-covers-metadata-service",
    title: "the proxy is asked for the metadata service",
    explains: &[
        "token/identity-endpoint-unreachable",
        "token/identity-endpoint-busy",
        "token/no-managed-identity",
        "token/no-credential",
    ],
    fragments: &[
        Fragment::new("169.254.169.254", 46),
        Fragment::new("managed identity timed out", 46),
        Fragment::new("no response received from the managed identity endpoint", 46),
    ],
    page: Page {
        means: "HTTP_PROXY (or ALL_PROXY) is set and NO_PROXY does not exempt 169.254.169.254, so \
            requests for a managed identity's token go to the proxy. The proxy cannot answer them: \
            each machine's metadata service is reachable only from that machine.",
        causes: &[
            "HTTP_PROXY set for the whole machine, without NO_PROXY",
            "NO_PROXY holds a range (169.254.0.0/16) that the program does not understand",
            "no_proxy and NO_PROXY differ",
        ],
        confirm: &["`curl -m 2 -H Metadata:true --noproxy '*' \
            'http://169.254.169.254/metadata/instance?api-version=2021-02-01'` answers, and \
            without --noproxy it does not"],
        fix: &[(
            Actor::You,
            "add 169.254.169.254 to NO_PROXY and no_proxy, as an address and not as a range",
        )],
        mistaken_for: &[
            "token/identity-endpoint-unreachable: there nothing is in the way but the network",
            "token/no-managed-identity: a proxy's 400 or 404 looks like it",
        ],
        sources: &[
            "Microsoft Learn: Azure Instance Metadata Service (\"not intended to be used behind a \
                proxy\")",
            "curl(1), environment",
        ],
    },
    ..Problem::DEFAULT
};

/// libpq reads no proxy variables.
pub static PROXY_IGNORED_BY_POSTGRESQL: Problem = Problem {
    id: "outbound/proxy-ignored-by-postgresql",
    title: "the proxy does not carry PostgreSQL",
    severity: Severity::Info,
    page: Page {
        means: "A proxy is set, and the database server is out of reach. psql and the drivers do \
            not use HTTP proxies: the server has to be reachable straight.",
        causes: &[
            "a network in which everything goes through a web proxy",
            "the belief that HTTPS_PROXY is for all programs",
        ],
        confirm: &["`psql` fails in the same way with HTTPS_PROXY unset"],
        fix: &[
            (
                Actor::Network,
                "open TCP 5432 to the server, or give it a private endpoint in this network",
            ),
            (Actor::You, "use a jump host or a VPN"),
        ],
        mistaken_for: &["outbound/proxy-denied: there the proxy refuses what does go through it"],
        sources: &["PostgreSQL documentation: libpq, environment variables"],
    },
    ..Problem::DEFAULT
};

/// A proxy script, a proxy for services only, or a value that is not the address of a proxy.
pub static PROXY_NOT_FOLLOWED: Problem = Problem {
    id: "outbound/proxy-not-followed",
    title: "the proxy is set in a form that az does not follow",
    explains: &["outbound/*", "token/*", "clock/*"],
    page: Page {
        means: "The network settings of Windows or macOS name a proxy script (PAC), a SOCKS proxy or \
            a proxy of WinHTTP. Browsers follow a script; the Azure CLI, the Azure SDKs for Python, \
            JavaScript and Go and this tool do not. They connect directly, which such networks \
            often block. The same happens if HTTPS_PROXY holds a value that is not an address, or if \
            HTTP_PROXY alone is set: it switches the system's proxy off.",
        causes: &[
            "`set HTTPS_PROXY=\"http://…\"` in cmd, which keeps the quotation marks",
            "a blank behind the value: `set HTTPS_PROXY=http://… && az login`",
            "the organization distributes its proxy by a PAC file",
            "`netsh winhttp set proxy` was used in place of the user's proxy settings",
        ],
        confirm: &[
            "Windows: Settings, \"Network & internet\", \"Proxy\" shows a setup script",
            "macOS: `scutil --proxy` shows ProxyAutoConfigURLString",
            "a browser on the same machine opens https://login.microsoftonline.com",
        ],
        fix: &[
            (
                Actor::You,
                "set HTTPS_PROXY to the proxy that the script returns for the Entra hosts",
            ),
            (Actor::Network, "name the proxy, or allow direct connections to the Entra hosts"),
        ],
        mistaken_for: &[
            "outbound/dropped: there no proxy is configured at all",
            "outbound/proxy-unreachable: there a proxy is used, and cannot be reached",
        ],
        sources: &[
            "Python documentation: urllib.request.getproxies",
            "Microsoft Learn: Set-WinhttpProxy",
            "Azure CLI: Work behind a proxy",
        ],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::check::Severity;
    use crate::support::testing::{healthy_but, judged, problems_of};
    use serde_json::{Value, json};

    fn proxy() -> Value {
        json!({"scheme": "http", "host": "proxy", "port": 3128, "has_credentials": false,
               "origin": {"kind": "environment", "variable": "HTTP_PROXY"}})
    }

    #[test]
    fn a_value_that_names_no_proxy_is_an_error_if_the_hosts_are_blocked() {
        let value =
            json!([["HTTPS_PROXY", "it is in quotation marks, which are part of the value"]]);
        let set = [("/proxy/seen/not_understood", value)];
        let judgment = judged(&CHECK, &healthy_but(&set));
        let finding = &judgment.findings[0].finding;
        assert_eq!(
            (finding.subject.as_str(), finding.severity),
            ("HTTPS_PROXY", Severity::Warning)
        );
        let silent =
            |at: usize| format!("/outbound/seen/hosts/0/direct/seen/tcp/{at}/outcome/kind");
        let paths = [silent(0), silent(1), silent(2)];
        let blocked = paths.iter().map(|path| (path.as_str(), json!("silent")));
        let all: Vec<(&str, Value)> = set.into_iter().chain(blocked).collect();
        let judgment = judged(&CHECK, &healthy_but(&all));
        let finding = &judgment.findings[0].finding;
        assert_eq!(finding.subject, "login.microsoftonline.com");
        assert!(finding.fixes[0].text.contains("set \"HTTPS_PROXY=http://host:port\""));
    }

    #[test]
    fn it_matters_only_where_there_is_a_metadata_service() {
        let set =
            [("/proxy/seen/http", proxy()), ("/proxy/seen/covers_metadata_service", json!(true))];
        assert_eq!(problems_of(&CHECK, &healthy_but(&set)), Vec::<&str>::new());
        let in_azure = [set.as_slice(), &[("/vantage/in_azure", json!(true))]].concat();
        let judgment = judged(&CHECK, &healthy_but(&in_azure));
        assert_eq!(judgment.findings.len(), 1);
        assert!(judgment.root().is_none());
    }
}
