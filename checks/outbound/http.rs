//! Whether the Entra hosts answer over HTTPS as only they would.

use super::{host, hosts, http, tls::NOT_ENTRA};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        http::{Http, HttpAnswer, HttpOutcome},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// An answer that only the service itself would give.
pub static CHECK: Check = Check {
    id: "outbound/http",
    asserts: "the Entra hosts answer as only they would",
    needs: &[Topic::Outbound],
    problems: &[&HTTP_UNANSWERED, &HTTP_BLOCKED, &SERVICE_ERROR, &NOT_ENTRA],
    decisive: false,
    judge: Judge::Each { subjects: hosts, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let http = http(host(seen, subject)?)?;
    let answer = match &http.outcome {
        HttpOutcome::Answered(answer) if answer.genuine => {
            return Ok(Verdict::Passed(format!("answers in {} ms", http.elapsed_ms)));
        }
        HttpOutcome::Answered(answer) => answer,
        HttpOutcome::Malformed { detail } => {
            let detail = format!("{subject} completes TLS, and its answer is not HTTP: {detail}");
            return Ok(Verdict::found(
                Finding::of(&NOT_ENTRA, subject, detail).fix(look(&http.url)),
            ));
        }
        HttpOutcome::Silent => return Ok(unanswered(subject, http, "does not answer the request")),
        HttpOutcome::Closed => {
            return Ok(unanswered(subject, http, "closes the connection without an answer"));
        }
        HttpOutcome::Reset => {
            return Ok(unanswered(subject, http, "resets the connection without an answer"));
        }
    };
    Ok(Verdict::found(other(subject, answer, &http.url)))
}

fn unanswered(subject: &str, http: &Http, what: &str) -> Verdict {
    let detail = format!("{subject} completes TLS and {what}");
    Verdict::found(
        Finding::of(&HTTP_UNANSWERED, subject, detail)
            .because(format!("waited {} ms for the answer to {}", http.elapsed_ms, http.url))
            .fix(Fix::by(
                Actor::Network,
                format!("Let HTTPS to {subject} pass: a firewall or gateway ends the connection after TLS"),
            ))
            .fix(look(&http.url)),
    )
}

fn other(subject: &str, answer: &HttpAnswer, url: &str) -> Finding {
    let status = answer.status;
    let html = answer.content_type.as_deref().is_some_and(|kind| kind.contains("html"));
    let (problem, detail) = if status == 429 || status >= 500 {
        (
            &SERVICE_ERROR,
            format!("{subject} answers {status}: the service is overloaded or unavailable"),
        )
    } else if html || answer.location.is_some() {
        let page = match (&answer.title, &answer.location) {
            (Some(title), _) => format!(", a page called \"{title}\""),
            (None, Some(location)) => format!(", a redirect to {location}"),
            (None, None) => ", a web page".to_owned(),
        };
        (&HTTP_BLOCKED, format!("{subject} answers {status}{page}: a gateway answers instead"))
    } else {
        (&NOT_ENTRA, format!("what answers as {subject} ({status}) is not the service itself"))
    };
    let mut finding = Finding::of(problem, subject, detail)
        .because(format!("{url} answers {status}, {} bytes read", answer.bytes));
    if answer.cut {
        finding = finding.because("the answer went on beyond what was read");
    }
    finding = finding.because_all(answer.server.as_ref().map(|server| format!("Server: {server}")));
    match problem {
        known if known == &SERVICE_ERROR => {
            let wait = answer.retry_after.map_or("a minute".to_owned(), |s| format!("{s} seconds"));
            finding.fix(Fix::you(format!("Try again in {wait}; see https://status.azure.com")))
        }
        known if known == &HTTP_BLOCKED => finding
            .fix(Fix::by(Actor::Network, format!("Allow {subject} in the web gateway's rules")))
            .fix(look(url)),
        _ => finding.fix(look(url)),
    }
}

fn look(url: &str) -> Fix {
    Fix::confirm("show the answer").run(Command::new("curl -sSI -m 10").value(url))
}

/// TLS completes, and nothing answers the request.
pub static HTTP_UNANSWERED: Problem = Problem {
    id: "outbound/http-unanswered",
    title: "an Entra host completes TLS and does not answer the request",
    explains: &["outbound/*", "token/*", "clock/*"],
    page: Page {
        means: "The TLS handshake completes, and the connection is then reset, closed or silent before \
            any HTTP answer. Nothing answered, so nothing is known about who ends the connection.",
        causes: &[
            "a firewall that inspects traffic and ends the connection after the request",
            "a proxy or load balancer without a working connection to Microsoft Entra ID",
            "packets of a certain size are lost on the way",
        ],
        confirm: &[
            "`curl -v https://$SERVER_HOST/` shows the TLS handshake and then a reset or a timeout",
        ],
        fix: &[(Actor::Network, "let HTTPS to the host pass, and check the log of the firewall")],
        mistaken_for: &[
            "outbound/tls-reset: there the connection ends in the TLS handshake",
            "outbound/not-entra: there something answers, and it is not Microsoft Entra ID",
        ],
        sources: &["Microsoft 365 URLs and IP address ranges, ID 56"],
    },
    ..Problem::DEFAULT
};

/// A block page.
pub static HTTP_BLOCKED: Problem = Problem {
    id: "outbound/http-blocked",
    title: "a web gateway answers in Entra's place",
    explains: &["token/*", "clock/*"],
    fragments: &[
        Fragment::new("looking for beginning of value", 55),
        Fragment::new("unexpected token <", 55),
        Fragment::new("expecting value: line 1 column 1", 55),
        Fragment::new("web page blocked", 54),
        Fragment::new("access denied by policy", 54),
    ],
    page: Page {
        means: "TLS completes and a web page or redirect comes back, where Entra would send a JSON \
            document: the block page of a web gateway, or a captive portal.",
        causes: &[
            "the web gateway's policy does not allow the host",
            "a captive portal wants a sign-in first",
        ],
        confirm: &["`curl -i \
            https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration` shows \
            HTML"],
        fix: &[(
            Actor::Network,
            "allow login.microsoftonline.com and graph.microsoft.com in the gateway",
        )],
        mistaken_for: &["outbound/proxy-denied: there the proxy refuses the tunnel itself"],
        sources: &["Microsoft 365 URLs and IP address ranges, ID 56"],
    },
    ..Problem::DEFAULT
};

/// 429 or 5xx.
pub static SERVICE_ERROR: Problem = Problem {
    id: "outbound/service-error",
    title: "Microsoft Entra ID or Microsoft Graph is overloaded or unavailable",
    explains: &["token/*"],
    fragments: &[
        Fragment::new("503 service unavailable", 55),
        Fragment::new("502 bad gateway", 55),
        Fragment::new("504 gateway", 55),
        Fragment::new("internal server error", 55),
    ],
    page: Page {
        means: "The host answers with a server error (5xx) or asks to slow down (429).",
        causes: &[
            "too many requests from this address",
            "an outage of the service",
            "a proxy that answers 502 or 504 in its place",
        ],
        confirm: &["https://status.azure.com and the Microsoft 365 service health"],
        fix: &[
            (Actor::You, "wait as long as Retry-After says, and cache tokens"),
            (Actor::Microsoft, "resolve the outage"),
        ],
        mistaken_for: &["outbound/proxy-denied: check the Server header"],
        sources: &["RFC 9110, section 15.6"],
    },
    ..Problem::DEFAULT
};
