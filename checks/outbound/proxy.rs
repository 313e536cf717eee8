//! Whether the environment's HTTP proxy lets requests through.

use super::{host, hosts};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    evidence::Evidence,
    facts::{
        Topic,
        outbound::{Connect, ProxiedPath},
    },
    reach::lines,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The proxy opens a tunnel to each host.
pub static CHECK: Check = Check {
    id: "outbound/proxy",
    asserts: "the proxy opens a tunnel to the Entra hosts",
    needs: &[Topic::Outbound],
    problems: &[&PROXY_UNREACHABLE, &PROXY_AUTH_REQUIRED, &PROXY_DENIED],
    decisive: false,
    judge: Judge::Each { subjects: hosts, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let path = host(seen, subject)?.proxied.get()?;
    let proxy = format!("{}:{}", path.proxy.host, path.proxy.port);
    let origin = path.proxy.origin.phrase();
    let Ok(answer) = path.connect.get() else {
        return Ok(Verdict::found(unreachable(path, subject, &proxy, &origin)));
    };
    let (problem, detail, fix) = match answer {
        Connect::Established => return Ok(Verdict::Passed(format!("through {proxy}"))),
        Connect::Refused { status: 407, authenticate, .. } => (
            &PROXY_AUTH_REQUIRED,
            format!(
                "the proxy {proxy} wants a user name and password (407 {})",
                authenticate.join(", ")
            ),
            Fix::you(format!(
                "Write the credentials into {origin}, percent-encoded: http://user:password@{proxy}"
            )),
        ),
        Connect::Refused { status, reason, .. } => (
            &PROXY_DENIED,
            format!("the proxy {proxy} refuses a tunnel to {subject}: {status} {reason}"),
            Fix::by(Actor::Network, format!("Allow CONNECT to {subject}:443 on the proxy")),
        ),
        Connect::NotHttp { .. } => (
            &PROXY_UNREACHABLE,
            format!("what answers at {proxy} is no HTTP proxy"),
            Fix::you(format!(
                "Correct {origin}: the scheme is that of the proxy itself, nearly always http://"
            )),
        ),
        Connect::Silent | Connect::Closed => (
            &PROXY_UNREACHABLE,
            format!("the proxy {proxy} accepts a connection and does not answer"),
            Fix::by(Actor::Network, format!("Repair the proxy {proxy}")),
        ),
    };
    Ok(Verdict::found(
        Finding::of(problem, subject, detail).because(format!("{origin} names it")).fix(fix),
    ))
}

fn unreachable(path: &ProxiedPath, subject: &str, proxy: &str, origin: &str) -> Finding {
    let detail = if path.tcp.is_empty() {
        format!("the proxy's name {} does not resolve", path.proxy.host)
    } else {
        format!("the proxy {proxy} cannot be reached")
    };
    Finding::of(&PROXY_UNREACHABLE, subject, detail)
        .because(format!("{origin} names it"))
        .because_all(lines(&path.tcp))
        .fix(
            Fix::you(format!("Correct {origin}, or unset it where no proxy is needed"))
                .run(format!("unset {origin}")),
        )
}

/// No way to the proxy.
pub static PROXY_UNREACHABLE: Problem = Problem {
    id: "outbound/proxy-unreachable",
    title: "the proxy cannot be reached",
    severity: Severity::Error,
    explains: &["outbound/*", "token/*", "clock/*"],
    page: Page {
        means: "The environment names an HTTP proxy, and it does not resolve, does not accept connections, or is no HTTP proxy.",
        causes: &[
            "a wrong host or port in HTTPS_PROXY",
            "https:// written where the proxy speaks plain HTTP",
            "a setting left over from another network",
        ],
        confirm: &["`curl -v -x $HTTPS_PROXY https://login.microsoftonline.com`"],
        fix: &[(Actor::You, "correct or unset HTTPS_PROXY"), (Actor::Network, "repair the proxy")],
        mistaken_for: &["outbound/dropped: that is the direct path"],
        sources: &["curl(1), environment"],
    },
};

/// 407.
pub static PROXY_AUTH_REQUIRED: Problem = Problem {
    id: "outbound/proxy-auth-required",
    title: "the proxy wants credentials",
    severity: Severity::Error,
    explains: &["outbound/*", "token/*", "clock/*"],
    page: Page {
        means: "The proxy answers CONNECT with 407: it wants to know who asks.",
        causes: &[
            "HTTPS_PROXY holds no user name and password",
            "the proxy wants NTLM or Kerberos, which most tools cannot do",
        ],
        confirm: &["`curl -v -x $HTTPS_PROXY https://login.microsoftonline.com` shows 407"],
        fix: &[
            (
                Actor::You,
                "put percent-encoded credentials into HTTPS_PROXY, or run a local helper for NTLM",
            ),
            (Actor::Network, "exempt the Entra hosts from authentication"),
        ],
        mistaken_for: &["a wrong database password: nothing has reached Entra yet"],
        sources: &["RFC 9110, section 15.5.8"],
    },
};

/// 403 and others.
pub static PROXY_DENIED: Problem = Problem {
    id: "outbound/proxy-denied",
    title: "the proxy refuses a tunnel to an Entra host",
    severity: Severity::Error,
    explains: &["outbound/*", "token/*", "clock/*"],
    page: Page {
        means: "The proxy answers CONNECT with a refusal before TLS begins.",
        causes: &[
            "the host is not on the proxy's list",
            "the proxy itself cannot reach the host (502, 503, 504)",
        ],
        confirm: &["`curl -v -x $HTTPS_PROXY https://login.microsoftonline.com` shows the status"],
        fix: &[(
            Actor::Network,
            "allow CONNECT to login.microsoftonline.com:443 and graph.microsoft.com:443",
        )],
        mistaken_for: &[
            "outbound/http-blocked: there the tunnel comes about, and a page answers inside it",
        ],
        sources: &["RFC 9110, section 9.3.6"],
    },
};
