//! Whether TLS to the Entra hosts completes with the genuine certificate.

use super::{host, hosts, tls};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        tls::{Tls, TlsOutcome},
    },
    support::commands,
    support::reach::{ChainFault, chain_fault, chain_lines},
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The certificate is the host's own, and this machine trusts it.
pub static CHECK: Check = Check {
    id: "outbound/tls",
    asserts: "TLS to the Entra hosts is genuine and trusted",
    needs: &[Topic::Outbound],
    problems: &[
        &TLS_RESET,
        &TLS_STALLED,
        &NOT_ENTRA,
        &TLS_WRONG_NAME,
        &TLS_EXPIRED,
        &TLS_INTERCEPTED,
        &TLS_UNTRUSTED,
        &INVALID_CHAIN,
    ],
    decisive: false,
    judge: Judge::Each { subjects: hosts, judge },
};

fn judge(seen: &Evidence, subject: &str) -> Result<Verdict, Missing> {
    let tls = tls(host(seen, subject)?)?;
    Ok(match &tls.outcome {
        TlsOutcome::Completed => completed(tls, subject),
        TlsOutcome::Reset | TlsOutcome::Closed => broken(
            &TLS_RESET,
            subject,
            format!("the connection to {subject} is cut off when TLS begins"),
            "Let TLS with this server name pass: allow the FQDN in the firewall's application \
                rules",
        ),
        TlsOutcome::Silent { smaller_hello_answered } => {
            let hint = if *smaller_hello_answered == Some(true) {
                "; a smaller ClientHello is answered, so large packets are lost (path MTU)"
            } else {
                ""
            };
            broken(
                &TLS_STALLED,
                subject,
                format!("{subject} connects and never answers TLS{hint}"),
                "Clamp the MSS or lower the MTU on the VPN or ExpressRoute path, and let ICMP \
                    \"fragmentation needed\" through",
            )
        }
        TlsOutcome::NotTls { starts_with } => {
            let detail = format!("what answers at {subject} port 443 does not use TLS");
            let finding = Finding::of(&NOT_ENTRA, subject, detail);
            let begins =
                (!starts_with.is_empty()).then(|| format!("it begins with \"{starts_with}\""));
            Verdict::found(finding.because_all(begins).fix(inspect(subject)))
        }
        TlsOutcome::Alert { description } | TlsOutcome::Failed { detail: description } => broken(
            &TLS_RESET,
            subject,
            format!("TLS to {subject} fails: {description}"),
            "Find the device on the way that answers in place of Microsoft Entra ID",
        ),
    })
}

fn completed(tls: &Tls, subject: &str) -> Verdict {
    let Some(fault) = chain_fault(tls) else {
        let version = tls.version.as_deref().unwrap_or("TLS");
        let authority = tls.authority().unwrap_or("?");
        return Verdict::Passed(format!("{version}, issued by {authority}"));
    };
    let ca = tls.authority().unwrap_or("an unknown authority");
    let (problem, detail) = match &fault {
        ChainFault::WrongName => {
            (&TLS_WRONG_NAME, format!("the certificate at {subject} names another host"))
        }
        ChainFault::Expired(when) => {
            (&TLS_EXPIRED, format!("the certificate at {subject} {when}, by this machine's clock"))
        }
        ChainFault::Intercepted | ChainFault::SelfSigned => (
            &TLS_INTERCEPTED,
            format!("TLS to {subject} is re-signed by \"{ca}\", which this machine does not trust"),
        ),
        ChainFault::Weak(why) | ChainFault::Rejected(why) => {
            (&INVALID_CHAIN, format!("the certificate chain of {subject} is not valid: {why}"))
        }
        ChainFault::InterceptedAndTrusted => (
            &TLS_INTERCEPTED,
            format!(
                "TLS to {subject} is re-signed by \"{ca}\"; this machine trusts it, other programs \
                    may not"
            ),
        ),
        ChainFault::Untrusted => (
            &TLS_UNTRUSTED,
            format!(
                "the genuine certificate of {subject} is not trusted: this machine lacks the root \
                    \"{ca}\""
            ),
        ),
    };
    let finding = Finding::of(problem, subject, detail).because_all(chain_lines(tls));
    Verdict::found(with_fixes(finding, &fault, subject, ca))
}

fn with_fixes(finding: Finding, fault: &ChainFault, subject: &str, ca: &str) -> Finding {
    match fault {
        ChainFault::Intercepted | ChainFault::SelfSigned => finding
            .fix(Fix::by(
                Actor::Network,
                format!(
                    "Exempt {subject} from TLS inspection (Microsoft advises against inspecting it)"
                ),
            ))
            .fix(
                Fix::you(format!(
                    "Or trust \"{ca}\": add its root to a full bundle, and name it for every \
                        program"
                ))
                .run(
                    Command::set("SSL_CERT_FILE", "/path/to/full-bundle.pem")
                        .then(Command::set("REQUESTS_CA_BUNDLE", "/path/to/full-bundle.pem")),
                ),
            ),
        ChainFault::InterceptedAndTrusted => finding
            .severity(Severity::Warning)
            .fix(Fix::by(Actor::Network, format!("Exempt {subject} from TLS inspection"))),
        ChainFault::Untrusted => finding.fix(Fix::you(
            "Install the public roots (Debian: ca-certificates), or correct SSL_CERT_FILE and \
                SSL_CERT_DIR",
        )),
        ChainFault::WrongName
        | ChainFault::Expired(_)
        | ChainFault::Weak(_)
        | ChainFault::Rejected(_) => finding.fix(inspect(subject)),
    }
}

fn broken(problem: &'static Problem, subject: &str, detail: String, fix: &str) -> Verdict {
    Verdict::found(
        Finding::of(problem, subject, detail)
            .fix(Fix::by(Actor::Network, fix))
            .fix(inspect(subject)),
    )
}

fn inspect(subject: &str) -> Fix {
    Fix::confirm("show the certificate").run(commands::web_certificates(subject))
}

/// The chain breaks a rule.
pub static INVALID_CHAIN: Problem = Problem {
    id: "outbound/tls-invalid-chain",
    title: "the certificate chain of an Entra host breaks a rule",
    explains: &["outbound/*", "token/*", "clock/*"],
    page: Page {
        means: "The certificates that were presented may not be used in this way: a signature or key \
            is too weak, or a usage or constraint excludes them. It is not known who issued them.",
        causes: &[
            "a TLS inspection device with an old or wrong certificate authority",
            "another server answers at the address",
        ],
        confirm: &["`openssl s_client -connect $SERVER_HOST:443 -showcerts </dev/null`"],
        fix: &[(Actor::Network, "exempt the host from inspection, or repair the authority")],
        mistaken_for: &[
            "outbound/tls-intercepted: there the chain is valid, by a private authority",
        ],
        sources: &["RFC 5280, section 4.2.1", "OpenSSL: SSL_CTX_set_security_level(3)"],
    },
    ..Problem::DEFAULT
};

/// Reset or closed in the handshake.
pub static TLS_RESET: Problem = Problem {
    id: "outbound/tls-reset",
    title: "TLS to an Entra host is cut off",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("connection reset by peer", 54),
        Fragment::new("econnreset", 54),
        Fragment::new("connectionreseterror", 54),
        Fragment::new("connection was forcibly closed", 54),
        Fragment::new("eof occurred in violation of protocol", 54),
        Fragment::new("unexpected eof while reading", 54),
        Fragment::new("ssl_error_syscall", 54),
        Fragment::new("connection was reset", 54),
        Fragment::new("remote end closed connection without response", 53),
        Fragment::new("connection aborted", 53),
    ],
    page: Page {
        means: "The connection is established, and is cut as soon as the ClientHello names the host: \
            a firewall filters by server name (SNI).",
        causes: &[
            "an application rule of the firewall lacks the FQDN",
            "a TLS-inspecting box fails",
        ],
        confirm: &[
            "`curl -v https://login.microsoftonline.com` says connection reset after Client hello",
        ],
        fix: &[(Actor::Network, "allow the FQDN in the firewall's application rules")],
        mistaken_for: &["outbound/refused: there the connection itself is refused"],
        sources: &["RFC 6066, section 3 (server name indication)"],
    },
    ..Problem::DEFAULT
};

/// Silence after the ClientHello.
pub static TLS_STALLED: Problem = Problem {
    id: "outbound/tls-stalled",
    title: "TLS to an Entra host never answers",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("tls handshake timeout", 57),
        Fragment::new("handshake operation timed out", 57),
        Fragment::new("handshake timed out", 56),
    ],
    page: Page {
        means: "The connection is established, and nothing follows the ClientHello. Either a firewall \
            accepts connections in the host's place, or packets above a certain size are lost.",
        causes: &[
            "a firewall answers SYN itself and drops what follows",
            "a path-MTU black hole on a VPN or ExpressRoute path",
        ],
        confirm: &[
            "`curl -v https://login.microsoftonline.com` hangs after Client hello",
            "`ping -M do -s 1400 $DESTINATION` where ICMP is allowed",
        ],
        fix: &[(
            Actor::Network,
            "let ICMP \"fragmentation needed\" through, or clamp the MSS; allow the FQDN",
        )],
        mistaken_for: &["outbound/dropped: there not even the connection is established"],
        sources: &["RFC 2923"],
    },
    ..Problem::DEFAULT
};

/// Not TLS at all.
pub static NOT_ENTRA: Problem = Problem {
    id: "outbound/not-entra",
    title: "what answers is not Entra",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("looking for beginning of value", 50),
        Fragment::new("unexpected token <", 50),
        Fragment::new("expecting value: line 1 column 1", 50),
    ],
    page: Page {
        means: "Something answers in the host's place, and not as Entra or Graph does: it does not \
            use TLS, or its answer over HTTPS is another's.",
        causes: &[
            "a captive portal or proxy listens at the address",
            "the name resolves to a machine of your own",
        ],
        confirm: &["`curl -v \
            https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration`"],
        fix: &[(
            Actor::Network,
            "find out what listens there; compare the address with public DNS",
        )],
        mistaken_for: &["outbound/http-blocked: there a block page says so in words"],
        sources: &["OpenID Connect Discovery 1.0, section 4"],
    },
    ..Problem::DEFAULT
};

/// Other names.
pub static TLS_WRONG_NAME: Problem = Problem {
    id: "outbound/tls-wrong-name",
    title: "the certificate at an Entra host names another host",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("hostname mismatch", 58),
        Fragment::new("err_tls_cert_altname_invalid", 58),
        Fragment::new("x509: certificate is valid for", 58),
        Fragment::new("notvalidforname", 58),
        Fragment::new("no alternative certificate subject name matches", 58),
        Fragment::new("remotecertificatenamemismatch", 58),
        Fragment::new("does not match certificate's altnames", 58),
        Fragment::new("doesn't match", 58),
    ],
    page: Page {
        means: "The certificate presented does not name the host: another machine answers.",
        causes: &[
            "a captive portal",
            "a sinkhole with a web page",
            "a hosts file with an old address",
        ],
        confirm: &[
            "`openssl s_client -connect $SERVER_HOST:443 -servername $SERVER_HOST` shows the names",
        ],
        fix: &[(
            Actor::Network,
            "let the name resolve to Entra's addresses, and the connection through",
        )],
        mistaken_for: &[
            "outbound/tls-intercepted: an inspection box makes out its certificate to the right \
                name",
        ],
        sources: &["RFC 9525"],
    },
    ..Problem::DEFAULT
};

/// Out of date.
pub static TLS_EXPIRED: Problem = Problem {
    id: "outbound/tls-expired",
    title: "the certificate at an Entra host is out of date",
    explains: &["outbound/*", "token/*"],
    fragments: &[
        Fragment::new(
            "certificate_verify_failed] certificate verify failed: certificate has \
            expired",
            89,
        ),
        Fragment::new("certificate has expired", 59),
        Fragment::new("cert_has_expired", 59),
        Fragment::new("certificate expired", 59),
        Fragment::new("certificateexpired", 59),
    ],
    page: Page {
        means: "The certificate is not in its period of validity by this machine's clock.",
        causes: &[
            "this machine's clock is far off",
            "an inspection box signs with an expired certificate",
        ],
        confirm: &[
            "`date -u`",
            "`openssl s_client -connect $SERVER_HOST:443 </dev/null | openssl x509 -noout -dates`",
        ],
        fix: &[
            (Actor::You, "set the clock"),
            (Actor::Network, "renew the inspection box's certificate"),
        ],
        mistaken_for: &["outbound/tls-untrusted"],
        sources: &["RFC 5280, section 4.1.2.5"],
    },
    ..Problem::DEFAULT
};

/// Signed again.
pub static TLS_INTERCEPTED: Problem = Problem {
    id: "outbound/tls-intercepted",
    title: "a TLS inspection device intercepts connections to Microsoft Entra ID",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("zscaler", 86),
        Fragment::new("netskope", 86),
        Fragment::new("fortigate", 86),
        Fragment::new("behind a proxy that intercepts traffic", 82),
        Fragment::new("self-signed certificate in certificate chain", 59),
        Fragment::new("self signed certificate in certificate chain", 59),
        Fragment::new("self_signed_cert_in_chain", 58),
        Fragment::new("self-signed certificate", 57),
        Fragment::new("self signed certificate", 57),
        Fragment::new("pkix path building failed", 55),
        Fragment::new("signed by unknown authority", 55),
        Fragment::new("unable to get local issuer certificate", 54),
        Fragment::new("unable_to_get_issuer_cert_locally", 54),
        Fragment::new("unable to verify the first certificate", 53),
        Fragment::new("unknownissuer", 53),
        Fragment::new("untrustedroot", 53),
        Fragment::new("partialchain", 53),
        Fragment::new("remotecertificatechainerrors", 53),
        Fragment::new("certificate_verify_failed", 52),
        Fragment::new("certificate verify failed", 52),
        Fragment::new("remote certificate is invalid", 50),
        Fragment::new("certificate verification failed", 50),
    ],
    page: Page {
        means: "The certificate names the right host, and was signed by an authority that is not a \
            public one: a box on the way opens the connection and signs it again. Where this \
            machine does not trust that authority, no token can be fetched; where it does, this is \
            a warning.",
        causes: &[
            "a corporate firewall or proxy inspects TLS",
            "security software on this machine does",
        ],
        confirm: &[
            "`openssl s_client -connect login.microsoftonline.com:443 </dev/null | openssl x509 \
                -noout -issuer`: the issuer is not DigiCert or Microsoft",
        ],
        fix: &[
            (
                Actor::Network,
                "exempt login.microsoftonline.com and graph.microsoft.com from inspection",
            ),
            (
                Actor::You,
                "add the authority's root to a full bundle, and name it in SSL_CERT_FILE and \
                    REQUESTS_CA_BUNDLE",
            ),
        ],
        mistaken_for: &[
            "outbound/tls-untrusted: there the certificate is genuine, and this machine lacks the \
                root",
        ],
        sources: &[
            "Microsoft Learn: Azure CLI, work behind a proxy",
            "Microsoft Learn: Microsoft 365 network connectivity principles, bypass TLS inspection",
        ],
    },
    ..Problem::DEFAULT
};

/// Genuine, and not trusted here.
pub static TLS_UNTRUSTED: Problem = Problem {
    id: "outbound/tls-untrusted",
    title: "this machine lacks the public root certificates",
    explains: &["outbound/*", "token/*", "clock/*"],
    fragments: &[
        Fragment::new("unable to get local issuer certificate", 56),
        Fragment::new("unable_to_get_issuer_cert_locally", 56),
        Fragment::new("unable to verify the first certificate", 55),
        Fragment::new("unknownissuer", 54),
        Fragment::new("signed by unknown authority", 54),
        Fragment::new("pkix path building failed", 54),
        Fragment::new("certificate_verify_failed", 50),
        Fragment::new("certificate verify failed", 50),
        Fragment::new("self-signed certificate", 48),
        Fragment::new("self signed certificate", 48),
    ],
    page: Page {
        means: "The certificate is genuine: a public root signed it. This machine's trust store \
            does not hold that root.",
        causes: &[
            "a minimal container without ca-certificates",
            "SSL_CERT_FILE points to a bundle with nothing but a private root",
            "a trust store that is years old",
        ],
        confirm: &[
            "`curl -v https://login.microsoftonline.com` says unable to get local issuer \
                certificate",
            "`echo \"$SSL_CERT_FILE $SSL_CERT_DIR\"`",
        ],
        fix: &[(Actor::You, "install ca-certificates, or name a full bundle")],
        mistaken_for: &["outbound/tls-intercepted: there a private authority signed"],
        sources: &["Mozilla's list of root certificates"],
    },
    ..Problem::DEFAULT
};
