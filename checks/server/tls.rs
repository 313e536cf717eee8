//! Whether TLS to the server completes, with a certificate that this run and psql trust.

use super::{EVERYTHING_AFTER, names, openssl, psql, roots, tls_problems};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        login::AuthRequest,
        server::Server,
        settings::Settings,
        tls::{Tls, TlsOutcome},
        tls_files::ClientCertificate,
    },
    support::commands,
    support::reach::{ChainFault, chain_faults, chain_lines},
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use openssl::{Prediction, Refusal};
use tls_problems::{
    CLIENT_CERTIFICATE_REQUIRED, CLIENT_CERTIFICATE_UNUSABLE, INVALID_CHAIN, LENIENT_CLIENTS_ONLY,
    NO_COMMON_CIPHER, REVOKED, WEAK_SIGNATURE,
};

/// The certificate is the server's own, and a root that this run uses signed it.
pub static CHECK: Check = Check {
    id: "server/tls",
    asserts: "TLS to the server is genuine and trusted",
    needs: &[Topic::Server, Topic::Settings, Topic::AuthRequest],
    problems: &[
        &roots::FILE_MISSING,
        &CLIENT_CERTIFICATE_UNUSABLE,
        &CLIENT_CERTIFICATE_REQUIRED,
        &TLS_RESET,
        &TLS_STALLED,
        &TLS_VERSION,
        &NO_COMMON_CIPHER,
        &TLS_EXPIRED,
        &TLS_INTERCEPTED,
        &TLS_UNTRUSTED,
        &WEAK_SIGNATURE,
        &INVALID_CHAIN,
        &REVOKED,
        &TLS_WRONG_NAME,
        &LENIENT_CLIENTS_ONLY,
    ],
    decisive: false,
    judge: Judge::Once(judge),
};

/// What the judgments share.
struct Case<'a> {
    seen: &'a Evidence,
    settings: &'a Settings,
    server: &'a Server,
    tls: &'a Tls,
    subject: String,
    /// What psql does, if its files were read.
    prediction: Option<Prediction>,
}

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let (settings, server) = (seen.settings.get()?, seen.server.get()?);
    let tls = server.tls.get()?;
    let mode = settings.sslmode.value.as_str();
    let files = server.tls_files.as_ref().filter(|_| mode != "disable");
    let case = Case {
        seen,
        settings,
        server,
        tls,
        subject: format!("{}:{}", server.host, server.port),
        prediction: files
            .map(|files| openssl::predict(mode, &server.host, tls, files, seen.observed_at)),
    };
    if let Some(finding) = client_certificate_required(&case) {
        return Ok(Verdict::found(finding));
    }
    Ok(match &tls.outcome {
        TlsOutcome::Completed => completed(&case),
        other => incomplete(&case, other),
    })
}

fn incomplete(case: &Case<'_>, outcome: &TlsOutcome) -> Verdict {
    let subject = &case.subject;
    let (problem, detail) = match outcome {
        TlsOutcome::Reset => {
            (&TLS_RESET, format!("the connection to {subject} is reset when TLS begins"))
        }
        TlsOutcome::Closed => {
            (&TLS_RESET, format!("the connection to {subject} is closed when TLS begins"))
        }
        TlsOutcome::Silent { .. } => {
            (&TLS_STALLED, format!("{subject} accepts TLS and does not answer the ClientHello"))
        }
        TlsOutcome::Alert { description } if description == "protocol_version" => {
            (&TLS_VERSION, format!("{subject} supports no TLS version that is still secure"))
        }
        TlsOutcome::Alert { description } if NO_COMMON.contains(&description.as_str()) => {
            return Verdict::found(no_common_cipher(case, description));
        }
        TlsOutcome::Failed { detail }
            if detail.contains("PeerIncompatible") || detail.contains("peer is incompatible") =>
        {
            return Verdict::found(no_common_cipher(case, detail));
        }
        TlsOutcome::Failed { detail } if psql_connects(case) => {
            return Verdict::found(lenient(case, &format!("this tool refuses it: {detail}")));
        }
        TlsOutcome::Alert { description } | TlsOutcome::Failed { detail: description } => {
            (&TLS_RESET, format!("TLS to {subject} fails: {description}"))
        }
        TlsOutcome::NotTls { .. } | TlsOutcome::Completed => {
            (&TLS_RESET, format!("{subject} accepts TLS, and what follows is not TLS"))
        }
    };
    Verdict::found(
        Finding::of(problem, subject.clone(), detail)
            .fix(Fix::by(Actor::Network, "Let TLS to this port pass without inspection"))
            .fix(inspect(case.server)),
    )
}

/// Alerts by which a server says that it accepts none of the algorithms offered.
const NO_COMMON: [&str; 3] = ["handshake_failure", "insufficient_security", "illegal_parameter"];

fn no_common_cipher(case: &Case<'_>, detail: &str) -> Finding {
    let subject = &case.subject;
    let sentence = format!("{subject} has no cipher suite or curve in common with this tool");
    Finding::of(&NO_COMMON_CIPHER, subject.clone(), sentence)
        .sure(Confidence::Likely)
        .because(format!("the handshake ends with: {detail}"))
        .because("OpenSSL has older algorithms: psql may connect; this tool cannot test the login")
        .fix(Fix::by(
            Actor::Network,
            "Enable TLS 1.3, or ECDHE with AES-GCM and the curve X25519, P-256 or P-384",
        ))
        .fix(inspect(case.server))
}

/// A server that asks for a client certificate and ends the connection without one.
fn client_certificate_required(case: &Case<'_>) -> Option<Finding> {
    let (tls, server) = (case.tls, case.server);
    if !tls.client_certificate_requested {
        return None;
    }
    let in_handshake = match &tls.outcome {
        TlsOutcome::Alert { description } => Some(description.as_str()),
        _ => None,
    };
    let alert = in_handshake.or(tls.later_alert.as_deref());
    let closed = case.seen.auth_request.seen() == Some(&AuthRequest::Closed);
    if alert.is_none() && !closed {
        return None;
    }
    let subject = &case.subject;
    let detail = format!("{subject} requires a client certificate, and none was presented");
    let evidence = match alert {
        Some(alert) => format!("the server asked for one and ended with the TLS alert {alert}"),
        None => "the server asked for one and closed the connection".to_owned(),
    };
    let confidence = if alert.is_some() { Confidence::Certain } else { Confidence::Likely };
    let finding = Finding::of(&CLIENT_CERTIFICATE_REQUIRED, subject.clone(), detail)
        .sure(confidence)
        .because(evidence);
    let name = server.host.split('.').next().unwrap_or(&server.host).to_owned();
    let finding = match server.tls_files.as_ref().map(|files| &files.client) {
        Some(ClientCertificate::Ready { certificate }) => finding
            .severity(Severity::Warning)
            .because(format!("psql presents {certificate}, which this tool does not do")),
        _ => finding,
    };
    let parameter = Command::new(
        "az postgres flexible-server parameter set -g $RG -s $SERVER -n pgbouncer.client_tls_sslmode -v require",
    )
    .with("RG", None)
    .with("SERVER", Some(&name));
    let finding = if server.port == 6432 {
        finding
            .fix(
                Fix::by(
                    Actor::DatabaseAdmin,
                    "Set the deprecated parameter pgbouncer.client_tls_sslmode to require",
                )
                .run(parameter),
            )
            .fix(Fix::you("Or use port 5432").run(Command::set("PGPORT", "5432")))
    } else {
        finding.fix(Fix::by(
            Actor::DatabaseAdmin,
            "Do not require client certificates (pgbouncer.client_tls_sslmode=require for the pooler)",
        ))
    };
    Some(finding.fix(Fix::you("Or present a client certificate with sslcert and sslkey")))
}

fn completed(case: &Case<'_>) -> Verdict {
    let mut findings = files_refused(case);
    let stops = findings.iter().any(|finding| finding.severity == Severity::Error);
    if stops {
        return Verdict::Found(findings);
    }
    let faults: Vec<ChainFault> = chain_faults(case.tls)
        .into_iter()
        .filter(|fault| *fault != ChainFault::InterceptedAndTrusted)
        .collect();
    let about_chain = |fault: &&ChainFault| **fault != ChainFault::WrongName;
    match &case.prediction {
        Some(Prediction::Refuses(refusal))
            if *refusal != Refusal::WrongName && faults.iter().find(about_chain).is_none() =>
        {
            findings.push(refused(case, refusal));
        }
        _ => {}
    }
    let refused_here =
        |fault: &ChainFault| matches!(fault, ChainFault::Rejected(_) | ChainFault::SelfSigned);
    if is_lenient(case) && faults.iter().any(refused_here) {
        findings.push(lenient(case, "this tool's TLS library refuses it"));
    } else {
        findings.extend(faults.iter().map(|fault| match (fault, &case.prediction) {
            // OpenSSL searches for the issuer first.
            (ChainFault::Rejected(_), Some(Prediction::Refuses(missing @ Refusal::NoRoot(_)))) => {
                refused(case, missing)
            }
            _ => broken_chain(case, fault),
        }));
        let leaf = case.tls.chain.first();
        if faults.is_empty() && leaf.is_some_and(|leaf| leaf.has_only_a_common_name()) {
            findings.push(lenient(case, "it has no subject alternative name"));
        }
    }
    Verdict::unless(findings, || passed(case))
}

/// Whether psql verifies and accepts what this tool's TLS library refuses.
fn is_lenient(case: &Case<'_>) -> bool {
    case.prediction == Some(Prediction::Connects { verified: true })
}

/// Whether psql connects, be it without verifying.
const fn psql_connects(case: &Case<'_>) -> bool {
    matches!(case.prediction, Some(Prediction::Connects { .. }))
}

fn lenient(case: &Case<'_>, why: &str) -> Finding {
    let subject = &case.subject;
    let detail =
        format!("psql accepts the certificate of {subject}, and stricter clients refuse it");
    Finding::of(&LENIENT_CLIENTS_ONLY, subject.clone(), detail)
        .severity(Severity::Warning)
        .because(why.to_owned())
        .because_all(chain_lines(case.tls))
        .fix(Fix::by(
            Actor::Network,
            "Issue a version 3 certificate with a subject alternative name and CA:FALSE",
        ))
        .fix(inspect(case.server))
}

fn passed(case: &Case<'_>) -> String {
    let (settings, tls) = (case.settings, case.tls);
    let ca = tls.authority().unwrap_or("?");
    if chain_faults(tls).contains(&ChainFault::InterceptedAndTrusted) {
        // A private authority that sslrootcert names is the user's own decision.
        return format!("issued by \"{ca}\", which the settings of this run trust");
    }
    let version = tls.version.as_deref().unwrap_or("TLS");
    let mut passed = format!("{version}, issued by {ca}");
    let lacking = roots::lacking(settings);
    if !lacking.is_empty() {
        let file = settings.sslrootcert.as_ref().map_or("", |file| file.path.value.as_str());
        let lacking = text::list(&lacking, 3);
        passed.push_str(&format!("; {file} lacks {lacking}, which Azure signs with as well"));
    }
    passed
}

/// Files that stop libpq before it verifies anything, or that it ignores.
fn files_refused(case: &Case<'_>) -> Vec<Finding> {
    let file = case.settings.sslrootcert.as_ref();
    let damage = match &case.prediction {
        Some(Prediction::Refuses(Refusal::RootFileRefused(detail))) => Some(detail.as_str()),
        _ => None,
    };
    let unusable =
        |file| roots::unusable(case.settings, file, damage, case.tls, &case.seen.vantage);
    file.and_then(unusable).into_iter().chain(client_certificate_refused(case)).collect()
}

fn client_certificate_refused(case: &Case<'_>) -> Option<Finding> {
    let Some(Prediction::Refuses(Refusal::ClientCertificate(message))) = &case.prediction else {
        return None;
    };
    let certificate = match case.server.tls_files.as_ref().map(|files| &files.client) {
        Some(ClientCertificate::Refused { certificate, .. }) => certificate.as_str(),
        _ => "the client certificate",
    };
    let detail = format!("libpq cannot use the client certificate {certificate}");
    Some(
        Finding::of(&CLIENT_CERTIFICATE_UNUSABLE, certificate, detail)
            .because(format!("psql reports: {message}"))
            .because("a login with a token needs no client certificate")
            .fix(Fix::you(format!(
                "Move {certificate} away, or remove sslcert and PGSSLCERT; if the server needs it, \
                    put its key in place with mode 0600"
            ))),
    )
}

/// The chain is good for this tool, and OpenSSL refuses it.
fn refused(case: &Case<'_>, refusal: &Refusal) -> Finding {
    let subject = &case.subject;
    let file = case.settings.sslrootcert.as_ref();
    let path = file.map_or("the file of root certificates", |file| file.path.value.as_str());
    let ca = case.tls.authority().unwrap_or("an unknown authority");
    let (problem, detail) = match refusal {
        Refusal::NoRoot(only) if !only.is_empty() => (
            &TLS_UNTRUSTED,
            format!("{path} does not have the root of {subject}, only {}", text::list(only, 3)),
        ),
        Refusal::NoRoot(_) => {
            (&TLS_UNTRUSTED, format!("{path} does not have the root \"{ca}\" of {subject}"))
        }
        Refusal::OutOfDate(which) if which.in_file => (
            &TLS_UNTRUSTED,
            format!("the root certificate \"{}\" in {path} {}", which.name, which.phrase),
        ),
        Refusal::OutOfDate(which) => (
            &TLS_EXPIRED,
            format!("the certificate \"{}\" of {subject} {}", which.name, which.phrase),
        ),
        Refusal::Weak(why) => (&WEAK_SIGNATURE, why.clone()),
        Refusal::Revocation(why) => (&REVOKED, why.clone()),
        Refusal::Unsuitable(why) => (&INVALID_CHAIN, why.clone()),
        Refusal::WrongName => {
            (&TLS_WRONG_NAME, format!("the certificate of {subject} does not name the host"))
        }
        Refusal::RootFileMissing | Refusal::RootFileRefused(_) | Refusal::ClientCertificate(_) => {
            (&roots::FILE_MISSING, format!("psql cannot read its files for {subject}"))
        }
    };
    let finding = Finding::of(problem, subject.clone(), detail)
        .because_all(chain_lines(case.tls))
        .because(sentence(case, None));
    match refusal {
        Refusal::NoRoot(_) => finding
            .because("OpenSSL needs the chain up to a self-signed root; other clients accept an intermediate certificate as a trust anchor")
            .fix(use_roots(case)),
        Refusal::OutOfDate(which) if which.in_file => finding.fix(use_roots(case)),
        Refusal::Revocation(_) => {
            let own = match commands::System::of(&case.seen.vantage) {
                commands::System::Windows => r"%APPDATA%\postgresql\root.crl",
                _ => "~/.postgresql/root.crl",
            };
            finding.fix(Fix::you(format!(
                "Remove sslcrl, sslcrldir or {own}, or download current lists of every authority in \
                    the chain"
            )))
        }
        _ => finding.fix(inspect(case.server)),
    }
}

fn use_roots(case: &Case<'_>) -> Fix {
    let needed = text::list(&roots::needed(case.settings), 3);
    roots::name(&case.seen.vantage, format!("Use the public roots: {needed} are needed"))
}

/// A fault that this tool's TLS library reports.
fn broken_chain(case: &Case<'_>, fault: &ChainFault) -> Finding {
    let (settings, server, tls, subject) = (case.settings, case.server, case.tls, &case.subject);
    let file = settings.sslrootcert.as_ref();
    let ca = tls.authority().unwrap_or("an unknown authority");
    let (problem, detail) = match fault {
        ChainFault::WrongName => (&TLS_WRONG_NAME, names::detail(tls, &server.host)),
        ChainFault::Expired(when) => (&TLS_EXPIRED, format!("the certificate of {subject} {when}")),
        ChainFault::Intercepted => {
            (&TLS_INTERCEPTED, format!("TLS to {subject} is re-signed by \"{ca}\""))
        }
        ChainFault::SelfSigned => {
            (&TLS_UNTRUSTED, format!("the certificate of {subject} is self-signed"))
        }
        ChainFault::Weak(why) => (&WEAK_SIGNATURE, why.clone()),
        ChainFault::Rejected(why) => {
            (&INVALID_CHAIN, format!("the certificate chain of {subject} is not valid: {why}"))
        }
        ChainFault::Untrusted | ChainFault::InterceptedAndTrusted => {
            let by = file.map_or("this machine".to_owned(), |file| file.path.value.clone());
            (&TLS_UNTRUSTED, format!("{by} lacks the root \"{ca}\" of {subject}"))
        }
    };
    let finding = Finding::of(problem, subject.clone(), detail)
        .because_all(chain_lines(tls))
        .because_all(roots::evidence(settings).filter(|_| *fault == ChainFault::Untrusted))
        .because_all(names::evidence(&server.host).filter(|_| *fault == ChainFault::WrongName))
        .because(sentence(case, Some(fault)))
        .because("no token is sent to a server whose identity is not verified");
    match fault {
        ChainFault::WrongName => finding.fix(names::fix(settings, tls, &server.host, server.port)),
        ChainFault::Untrusted => finding.fix(use_roots(case)),
        ChainFault::Weak(_) | ChainFault::Rejected(_) => finding.fix(inspect(server)),
        _ => finding
            .fix(Fix::by(Actor::Network, "Do not inspect TLS to the database server"))
            .fix(inspect(server)),
    }
}

/// What psql does, by the prediction if there is one.
fn sentence(case: &Case<'_>, fault: Option<&ChainFault>) -> String {
    match (&case.prediction, fault) {
        (Some(prediction), fault) => psql::does(case.settings, prediction, fault),
        (None, Some(fault)) => psql::would(case.settings, fault),
        (None, None) => String::new(),
    }
}

fn inspect(server: &Server) -> Fix {
    Fix::confirm("show the certificate")
        .run(commands::server_certificates(&server.host, server.port))
}

/// The handshake is cut off.
pub static TLS_RESET: Problem = Problem {
    id: "server/tls-reset",
    title: "TLS to the server is cut off",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("ssl syscall error", 58),
        Fragment::new("connection reset by peer", 56),
        Fragment::new("econnreset", 56),
        Fragment::new("connection was forcibly closed", 55),
        Fragment::new("unexpected eof while reading", 55),
        Fragment::new("connection reset", 54),
    ],
    page: Page {
        means: "The server agreed to TLS, and the connection was cut or answered with rubbish when \
            the handshake began: the mark of a firewall that inspects TLS or filters by server \
            name.",
        causes: &["TLS inspection on port 5432", "a firewall without a rule for the server's name"],
        confirm: &["`psql` says: SSL SYSCALL error: EOF detected, or Connection reset by peer"],
        fix: &[(Actor::Network, "exempt the server from inspection")],
        mistaken_for: &["server/closed: there nothing was answered at all"],
        sources: &["PostgreSQL documentation: SSL session encryption"],
    },
    ..Problem::DEFAULT
};

/// Silence in the handshake.
pub static TLS_STALLED: Problem = Problem {
    id: "server/tls-stalled",
    title: "TLS to the server never answers",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("tls handshake timeout", 56),
        Fragment::new("handshake timed out", 56),
    ],
    page: Page {
        means: "The server agreed to TLS, and nothing follows the ClientHello.",
        causes: &[
            "packets above a certain size are lost on a VPN or ExpressRoute path",
            "a firewall holds the connection",
        ],
        confirm: &[
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:5432` hangs after CONNECTED",
        ],
        fix: &[(Actor::Network, "clamp the MSS, or let ICMP \"fragmentation needed\" through")],
        mistaken_for: &["server/silent: there not even the request for TLS is answered"],
        sources: &["RFC 2923"],
    },
    ..Problem::DEFAULT
};

/// No common TLS version.
pub static TLS_VERSION: Problem = Problem {
    id: "server/tls-version",
    title: "client and server have no TLS version in common",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("alert protocol version", 88),
        Fragment::new("no appropriate protocol", 84),
        Fragment::new("protocol_version", 82),
        Fragment::new("server selected protocol tls", 80),
        Fragment::new("unsupported protocol", 80),
        Fragment::new("protocol version not supported", 78),
    ],
    page: Page {
        means: "The handshake ended with the alert protocol_version: one side insists on a version \
            that the other refuses. Azure supports TLS 1.2 and 1.3.",
        causes: &[
            "a device on the way supports only TLS 1.1",
            "ssl_min_protocol_version is set to 1.3 and a client is older",
        ],
        confirm: &["`openssl s_client -starttls postgres -tls1_2 -connect $SERVER_HOST:5432`"],
        fix: &[
            (Actor::Network, "update or bypass the box"),
            (Actor::DatabaseAdmin, "review ssl_min_protocol_version"),
        ],
        mistaken_for: &["server/tls-reset"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS versions"],
    },
    ..Problem::DEFAULT
};

/// The certificate does not name the host.
pub static TLS_WRONG_NAME: Problem = Problem {
    id: "server/tls-wrong-name",
    title: "the server's certificate is made out to another name",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("could not be verified by hostnameverifier", 91),
        Fragment::new("server certificate for … does not match host name", 90),
        Fragment::new("does not match host name", 72),
        Fragment::new("hostname mismatch", 60),
        Fragment::new("err_tls_cert_altname_invalid", 60),
        Fragment::new("does not match certificate's altnames", 60),
        Fragment::new("x509: certificate is valid for", 60),
        Fragment::new("x509: cannot validate certificate for", 60),
        Fragment::new("notvalidforname", 60),
        Fragment::new("certificate not valid for name", 60),
        Fragment::new("remotecertificatenamemismatch", 60),
        Fragment::new("no subject alternative", 60),
        Fragment::new("no name matching", 60),
        Fragment::new("remote certificate is invalid", 56),
        Fragment::new("remote certificate was rejected", 56),
    ],
    page: Page {
        means: "The chain is good, and the certificate does not name the host that was asked for. \
            A wildcard covers one label: server.privatelink.postgres.database.azure.com is not \
            covered by *.postgres.database.azure.com, and addresses never are.",
        causes: &[
            "the privatelink name, an address or an alias of your own is used as host",
            "the name resolves to another server",
        ],
        confirm: &["`psql` says: server certificate for \"…\" does not match host name"],
        fix: &[(
            Actor::You,
            "connect by <server>.postgres.database.azure.com; it resolves to the private endpoint, \
                too",
        )],
        mistaken_for: &["server/tls-intercepted: there the name is right and the issuer is not"],
        sources: &["RFC 9525", "PostgreSQL documentation: libpq, sslmode"],
    },
    ..Problem::DEFAULT
};

/// A certificate is out of its validity period.
pub static TLS_EXPIRED: Problem = Problem {
    id: "server/tls-expired",
    title: "the server's certificate is out of date",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("certificate has expired", 61),
        Fragment::new("cert_has_expired", 61),
        Fragment::new("certificate expired", 61),
        Fragment::new("certificateexpired", 61),
        Fragment::new("certpathvalidatorexception: validity check failed", 60),
    ],
    page: Page {
        means: "The certificate is not in its period of validity by this machine's clock.",
        causes: &["this machine's clock is wrong", "it is not Azure that answers"],
        confirm: &[
            "`date -u`",
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null | openssl x509 -noout -dates`",
        ],
        fix: &[
            (Actor::You, "set the clock"),
            (Actor::Microsoft, "renew the certificate, if it is the server's own"),
        ],
        mistaken_for: &["server/tls-untrusted"],
        sources: &["RFC 5280, section 4.1.2.5"],
    },
    ..Problem::DEFAULT
};

/// Signed by a private authority.
pub static TLS_INTERCEPTED: Problem = Problem {
    id: "server/tls-intercepted",
    title: "a TLS inspection device intercepts connections to the server",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("self-signed certificate", 58),
        Fragment::new("self signed certificate", 58),
        Fragment::new("certificate verify failed", 57),
        Fragment::new("pkix path building failed", 56),
        Fragment::new("remote certificate is invalid", 55),
        Fragment::new("unknownissuer", 54),
        Fragment::new("signed by unknown authority", 54),
    ],
    page: Page {
        means: "The certificate names the right server, and a private authority signed it. A token \
            sent there could be read, so none is sent.",
        causes: &["a firewall inspects TLS on port 5432"],
        confirm: &[
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null | openssl x509 -noout -issuer`",
        ],
        fix: &[(Actor::Network, "exempt the server from inspection")],
        mistaken_for: &["server/tls-untrusted: there a public root signed"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS root certificates"],
    },
    ..Problem::DEFAULT
};

/// The root is not trusted.
pub static TLS_UNTRUSTED: Problem = Problem {
    id: "server/tls-untrusted",
    title: "the root of the server's certificate is not trusted here",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("certificate verify failed", 59),
        Fragment::new("certificate_verify_failed", 59),
        Fragment::new("certificate verify error", 59),
        Fragment::new("self-signed certificate", 59),
        Fragment::new("self signed certificate", 59),
        Fragment::new("self_signed_cert_in_chain", 59),
        Fragment::new("unable to get local issuer certificate", 59),
        Fragment::new("unable_to_get_issuer_cert_locally", 59),
        Fragment::new("unable to verify the first certificate", 59),
        Fragment::new("pkix path building failed", 59),
        Fragment::new("pkix path validation failed", 59),
        Fragment::new("does not chain with any of the trust anchors", 59),
        Fragment::new("unknownissuer", 59),
        Fragment::new("signed by unknown authority", 59),
        Fragment::new("remote certificate is invalid", 59),
        Fragment::new("remote certificate was rejected", 59),
        Fragment::new("untrustedroot", 59),
        Fragment::new("partialchain", 59),
        Fragment::new("remotecertificatechainerrors", 59),
        Fragment::new("exception while performing ssl handshake", 58),
        Fragment::new("unable to find valid certification path", 58),
        Fragment::new("unknown ca", 58),
        Fragment::new("please use verifyfull or verifyca instead of require", 57),
        Fragment::new("certificates do not conform to algorithm constraints", 56),
    ],
    page: Page {
        means: "The roots that this run goes by (sslrootcert, or this machine's) do not hold the \
            one that signed the server's certificate; or the certificate signed itself.",
        causes: &[
            "sslrootcert holds an old root: DigiCert Global Root G2 and Microsoft RSA Root CA 2017 \
                are both needed",
            "an intermediate or leaf is pinned",
            "a PostgreSQL of your own with a self-signed certificate",
        ],
        confirm: &["`psql` says: SSL error: certificate verify failed"],
        fix: &[(Actor::You, "use the system's bundle, or add the missing root")],
        mistaken_for: &["server/tls-intercepted: compare the issuer"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS root certificates"],
    },
    ..Problem::DEFAULT
};
