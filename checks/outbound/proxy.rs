//! Whether the HTTP proxy of the environment or of the operating system lets requests through.

use super::{host, hosts};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem},
    evidence::Evidence,
    facts::{
        Topic,
        outbound::{Connect, Host, ProxiedPath},
        settings::Origin,
        tls::TlsOutcome,
    },
    support::{
        commands,
        reach::{Reach, lines, reach},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The proxy opens a tunnel to each host.
pub static CHECK: Check = Check {
    id: "outbound/proxy",
    asserts: "the proxy opens a tunnel to the Entra hosts",
    needs: &[Topic::Outbound, Topic::Proxy],
    problems: &[&PROXY_UNREACHABLE, &PROXY_AUTH_REQUIRED, &PROXY_DENIED],
    decisive: false,
    judge: Judge::Each { subjects: hosts, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let host = host(seen, subject)?;
    let path = host.proxied.get()?;
    let proxy = format!("{}:{}", path.proxy.host, path.proxy.port);
    let origin = path.proxy.origin.phrase();
    let rules = seen.proxy.seen();
    let evidence = rules.map(|rules| rules.differences.clone()).unwrap_or_default();
    let Ok(answer) = path.connect.get() else {
        let finding = unreachable(seen, path, subject, &proxy);
        return Ok(Verdict::found(finding.because_all(straight(host)).because_all(evidence)));
    };
    let (problem, detail, fix) = match answer {
        Connect::Established => return Ok(Verdict::Passed(format!("through {proxy}"))),
        Connect::Refused { status: 407, authenticate, .. } => (
            &PROXY_AUTH_REQUIRED,
            wants(path, &proxy, authenticate),
            credentials(path, authenticate),
        ),
        Connect::Refused { status, reason, .. } if (500..600).contains(status) => (
            &PROXY_DENIED,
            format!("the proxy {proxy} does not get through to {subject}: {status} {reason}"),
            Fix::by(
                Actor::Network,
                format!("Let the proxy itself resolve and reach {subject}:443"),
            ),
        ),
        Connect::Refused { status, reason, .. } => (
            &PROXY_DENIED,
            format!("the proxy {proxy} refuses a tunnel to {subject}: {status} {reason}"),
            Fix::by(Actor::Network, format!("Allow CONNECT to {subject}:443 on the proxy")),
        ),
        Connect::NotHttp { starts_with } => (
            &PROXY_UNREACHABLE,
            format!("what answers at {proxy} is not an HTTP proxy"),
            wrong_scheme(path, &origin, starts_with),
        ),
        Connect::Silent | Connect::Closed => (
            &PROXY_UNREACHABLE,
            format!("the proxy {proxy} accepts a connection and does not answer"),
            Fix::by(Actor::Network, format!("Repair the proxy {proxy}")),
        ),
    };
    Ok(Verdict::found(
        Finding::of(problem, subject, detail)
            .because(format!("{origin} names it"))
            .because_all(straight(host))
            .because_all(evidence)
            .fix(fix),
    ))
}

/// What the direct path shows as well.
fn straight(host: &Host) -> Option<String> {
    let path = host.direct.seen()?;
    Some(match reach(&path.tcp) {
        Reach::All | Reach::Some(_) | Reach::FamilyBroken(_) => {
            format!("straight, without the proxy, {} connects", host.host)
        }
        Reach::Dropped | Reach::Refused | Reach::Unreachable => {
            format!("straight, without the proxy, {} does not connect either", host.host)
        }
    })
}

fn wants(path: &ProxiedPath, proxy: &str, schemes: &[String]) -> String {
    let schemes = text::list(schemes, 4);
    if path.proxy.has_credentials {
        let origin = path.proxy.origin.phrase();
        format!(
            "the proxy {proxy} does not accept the user name and password of {origin} (407 \
                {schemes})"
        )
    } else {
        format!("the proxy {proxy} wants a user name and password (407 {schemes})")
    }
}

fn credentials(path: &ProxiedPath, schemes: &[String]) -> Fix {
    let origin = path.proxy.origin.phrase();
    let basic = schemes.is_empty() || schemes.iter().any(|s| s.eq_ignore_ascii_case("basic"));
    if !basic {
        return Fix::by(
            Actor::Network,
            format!(
                "Exempt the Entra hosts from authentication, or run a local helper for {} (cntlm, \
                    px) and let {origin} name that",
                text::list(schemes, 3)
            ),
        );
    }
    let (host, port) = (&path.proxy.host, path.proxy.port);
    if matches!(path.proxy.origin, Origin::System { .. }) {
        return Fix::you(format!(
            "Set HTTPS_PROXY to http://user:password@{host}:{port}, percent-encoded; {origin} holds \
                no credentials"
        ));
    }
    if path.proxy.has_credentials {
        Fix::you(format!(
            "Correct user name and password in {origin}; write @ : / # as %40 %3A %2F %23"
        ))
    } else {
        Fix::you(format!(
            "Write the credentials into {origin}, percent-encoded: \
                http://user:password@{host}:{port}"
        ))
    }
}

fn wrong_scheme(path: &ProxiedPath, origin: &str, starts_with: &str) -> Fix {
    // A TLS alert begins with 0x15, a handshake with 0x16: neither can be printed.
    let hint = match path.proxy.scheme.as_str() {
        scheme if scheme.starts_with("socks") => {
            "; the Azure SDKs support only HTTP proxies, not SOCKS"
        }
        "http" if starts_with.is_empty() => "; perhaps it wants https://",
        _ => "",
    };
    Fix::you(format!(
        "Correct {origin}: the scheme is that of the proxy itself, nearly always http://{hint}"
    ))
}

fn unreachable(seen: &Evidence, path: &ProxiedPath, subject: &str, proxy: &str) -> Finding {
    let origin = path.proxy.origin.phrase();
    let detail = match path.proxy_tls.seen() {
        Some(tls) if matches!(tls.outcome, TlsOutcome::NotTls { .. }) => {
            format!("{origin} says https://, and the proxy {proxy} does not use TLS: write http://")
        }
        Some(tls) if tls.trust.is_some() => {
            format!("the certificate of the proxy {proxy} is not trusted here, or not its own")
        }
        Some(_) => format!("TLS to the proxy {proxy} fails: does it want http:// in {origin}?"),
        None if path.tcp.is_empty() => {
            format!("the proxy's name {} does not resolve", path.proxy.host)
        }
        None => format!("the proxy {proxy} cannot be reached"),
    };
    Finding::of(&PROXY_UNREACHABLE, subject, detail)
        .because(format!("{origin} names it"))
        .because_all(lines(&path.tcp))
        .fix(
            Fix::you(format!("Correct {origin}, or remove the proxy if none is needed"))
                .run(commands::remove_proxy(&seen.vantage, &path.proxy.origin)),
        )
}

/// No way to the proxy.
pub static PROXY_UNREACHABLE: Problem = Problem {
    id: "outbound/proxy-unreachable",
    title: "the proxy cannot be reached",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("unable to connect to proxy", 88),
        Fragment::new("cannot connect to proxy", 88),
        Fragment::new("could not resolve proxy", 88),
        Fragment::new("failed to connect to proxy", 88),
        Fragment::new("proxyconnect tcp", 88),
        Fragment::new("error connecting to proxy", 86),
        Fragment::new("proxyerror", 84),
    ],
    page: Page {
        means: "The environment names an HTTP proxy, and it does not resolve, does not accept \
            connections, or is not an HTTP proxy.",
        causes: &[
            "a wrong host or port in HTTPS_PROXY",
            "https:// is set, but the proxy uses plain HTTP",
            "a setting left over from another network",
        ],
        confirm: &["`curl -v -x $PROXY https://login.microsoftonline.com`"],
        fix: &[(Actor::You, "correct or unset HTTPS_PROXY"), (Actor::Network, "repair the proxy")],
        mistaken_for: &["outbound/dropped: that is the direct path"],
        sources: &["curl(1), environment"],
    },
    ..Problem::DEFAULT
};

/// The proxy answers 407: it requires credentials.
pub static PROXY_AUTH_REQUIRED: Problem = Problem {
    id: "outbound/proxy-auth-required",
    title: "the proxy wants credentials",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("407 proxy authentication required", 93),
        Fragment::new("proxy authentication required", 92),
        Fragment::new("tunnel connection failed: 407", 92),
        Fragment::new("code 407 from proxy", 92),
        Fragment::new("proxy returns http/1.1 407", 92),
        Fragment::new("proxyauthenticationrequired", 90),
        Fragment::new("statuscode=407", 90),
    ],
    page: Page {
        means: "The proxy answers CONNECT with 407: it wants to know who asks.",
        causes: &[
            "HTTPS_PROXY holds no user name and password",
            "the proxy wants NTLM or Kerberos, which most tools cannot do",
        ],
        confirm: &["`curl -v -x $PROXY https://login.microsoftonline.com` shows 407"],
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
    ..Problem::DEFAULT
};

/// 403 and others.
pub static PROXY_DENIED: Problem = Problem {
    id: "outbound/proxy-denied",
    title: "the proxy refuses a tunnel to an Entra host",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("tunnel connection failed: 4", 91),
        Fragment::new("code 403 from proxy", 90),
        Fragment::new("code 405 from proxy", 90),
        Fragment::new("proxy returns http/1.1 403", 90),
        Fragment::new("tunneling socket could not be established, statuscode=4", 90),
        Fragment::new("tunnel connection failed", 86),
        Fragment::new("err_tunnel_connection_failed", 86),
        Fragment::new("tunneling socket could not be established", 86),
        Fragment::new("unable to tunnel through proxy", 84),
        Fragment::new("from proxy after connect", 84),
    ],
    page: Page {
        means: "The proxy answers CONNECT with a refusal before TLS begins.",
        causes: &[
            "the host is not on the proxy's list",
            "the proxy itself cannot reach the host (502, 503, 504)",
        ],
        confirm: &["`curl -v -x $PROXY https://login.microsoftonline.com` shows the status"],
        fix: &[(
            Actor::Network,
            "allow CONNECT to login.microsoftonline.com:443 and graph.microsoft.com:443",
        )],
        mistaken_for: &[
            "outbound/http-blocked: there the tunnel is established, and a web page answers in it",
        ],
        sources: &["RFC 9110, section 9.3.6"],
    },
    ..Problem::DEFAULT
};
