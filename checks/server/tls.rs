//! Whether TLS to the server comes about, with a certificate that can be trusted.

use super::{EVERYTHING_AFTER, names, psql, roots};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Waiting},
    facts::{
        Topic,
        server::Server,
        settings::Settings,
        tls::{Tls, TlsOutcome},
        vantage::Vantage,
    },
    support::commands,
    support::reach::{ChainFault, chain_fault, chain_lines},
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The certificate is the server's own, and this run goes by a root that signed it.
pub static CHECK: Check = Check {
    id: "server/tls",
    asserts: "TLS to the server is genuine and trusted",
    needs: &[Topic::Server, Topic::Settings],
    problems: &[
        &roots::FILE_MISSING,
        &TLS_RESET,
        &TLS_STALLED,
        &TLS_VERSION,
        &TLS_WRONG_NAME,
        &TLS_EXPIRED,
        &TLS_INTERCEPTED,
        &TLS_UNTRUSTED,
    ],
    decisive: false,
    judge: Judge::Once(|seen| judge(seen.settings.get()?, seen.server.get()?, &seen.vantage)),
};

fn judge(settings: &Settings, server: &Server, vantage: &Vantage) -> Result<Verdict, Missing> {
    let tls = server.tls.get()?;
    let subject = format!("{}:{}", server.host, server.port);
    let broken = |problem: &'static Problem, detail: String| {
        Verdict::found(
            Finding::of(problem, subject.clone(), detail)
                .fix(Fix::by(Actor::Network, "Let TLS to this port pass without inspection"))
                .fix(inspect(server)),
        )
    };
    Ok(match &tls.outcome {
        TlsOutcome::Completed => completed(settings, server, tls, vantage, &subject),
        TlsOutcome::Reset | TlsOutcome::Closed => broken(
            &TLS_RESET,
            format!("{subject} agrees to TLS, and the connection is cut when it begins"),
        ),
        TlsOutcome::Silent { .. } => broken(
            &TLS_STALLED,
            format!("{subject} agrees to TLS, and nothing follows the ClientHello"),
        ),
        TlsOutcome::Alert { description } if description == "protocol_version" => {
            broken(&TLS_VERSION, format!("{subject} speaks no TLS version that is still safe"))
        }
        TlsOutcome::Alert { description } | TlsOutcome::Failed { detail: description } => {
            broken(&TLS_RESET, format!("TLS to {subject} fails: {description}"))
        }
        TlsOutcome::NotTls { .. } => {
            broken(&TLS_RESET, format!("{subject} agrees to TLS, and then speaks something else"))
        }
    })
}

fn completed(
    settings: &Settings,
    server: &Server,
    tls: &Tls,
    vantage: &Vantage,
    subject: &str,
) -> Verdict {
    let file = settings.sslrootcert.as_ref();
    let fault = chain_fault(tls);
    if let Some(finding) = file.and_then(|file| roots::unusable(settings, file, tls, vantage)) {
        return Verdict::found(finding);
    }
    let Some(fault) = fault else {
        let version = tls.version.as_deref().unwrap_or("TLS");
        let mut passed = format!("{version}, issued by {}", tls.authority().unwrap_or("?"));
        let lacking = roots::lacking(settings);
        if !lacking.is_empty() {
            let file = file.map_or("", |file| file.path.value.as_str());
            passed.push_str(&format!(
                "; {file} lacks {}, which Azure signs with as well",
                text::list(&lacking, 3)
            ));
        }
        return Verdict::Passed(passed);
    };
    let ca = tls.authority().unwrap_or("an unknown authority");
    let names = tls.chain.first().map(|leaf| text::list(&leaf.names, 3)).unwrap_or_default();
    let (problem, detail) = match &fault {
        ChainFault::WrongName => (
            &TLS_WRONG_NAME,
            format!("the certificate is made out to {names}, not to {}", server.host),
        ),
        ChainFault::Expired(when) => (&TLS_EXPIRED, format!("the certificate of {subject} {when}")),
        ChainFault::Intercepted => {
            (&TLS_INTERCEPTED, format!("TLS to {subject} is re-signed by \"{ca}\""))
        }
        ChainFault::SelfSigned => {
            (&TLS_UNTRUSTED, format!("the certificate of {subject} signed itself"))
        }
        ChainFault::Untrusted => {
            let by = file.map_or("this machine".to_owned(), |file| file.path.value.clone());
            (&TLS_UNTRUSTED, format!("{by} lacks the root \"{ca}\" of {subject}"))
        }
        ChainFault::InterceptedAndTrusted => {
            // A private authority that sslrootcert names is the user's own decision.
            return Verdict::Passed(format!("issued by \"{ca}\", which this run is told to trust"));
        }
    };
    let finding = Finding::of(problem, subject, detail)
        .because_all(chain_lines(tls))
        .because_all(roots::evidence(settings).filter(|_| fault == ChainFault::Untrusted))
        .because_all(names::evidence(&server.host).filter(|_| fault == ChainFault::WrongName))
        .because(psql::would(settings, &fault))
        .because("no token is sent to a server whose identity is not verified");
    let needed = text::list(&roots::needed(settings), 3);
    Verdict::found(match fault {
        ChainFault::WrongName => finding.fix(names::fix(settings, &server.host)),
        ChainFault::Untrusted => {
            finding.fix(roots::name(vantage, format!("Use the public roots: {needed} are needed")))
        }
        _ => finding
            .fix(Fix::by(Actor::Network, "Do not inspect TLS to the database server"))
            .fix(inspect(server)),
    })
}

fn inspect(server: &Server) -> Fix {
    Fix::confirm("show the certificate")
        .run(commands::server_certificates(&server.host, server.port))
}

/// Cut in the handshake.
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
            "`openssl s_client -starttls postgres -connect <host>:5432` hangs after CONNECTED",
        ],
        fix: &[(Actor::Network, "clamp the MSS, or let ICMP \"fragmentation needed\" through")],
        mistaken_for: &["server/silent: there not even the request for TLS is answered"],
        sources: &["RFC 2923"],
    },
    ..Problem::DEFAULT
};

/// Too old.
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
            that the other refuses. Azure speaks TLS 1.2 and 1.3.",
        causes: &[
            "a box on the way speaks only TLS 1.1",
            "ssl_min_protocol_version is set to 1.3 and a client is older",
        ],
        confirm: &["`openssl s_client -starttls postgres -tls1_2 -connect <host>:5432`"],
        fix: &[
            (Actor::Network, "update or bypass the box"),
            (Actor::DatabaseAdmin, "review ssl_min_protocol_version"),
        ],
        mistaken_for: &["server/tls-reset"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS versions"],
    },
    ..Problem::DEFAULT
};

/// Other names.
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
            A wildcard stands for one label: server.privatelink.postgres.database.azure.com is not \
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

/// Out of date.
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
            "`openssl s_client -starttls postgres -connect <host>:5432 </dev/null | openssl x509 \
                -noout -dates`",
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
    title: "a TLS inspection box stands between this machine and the server",
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
            "`openssl s_client -starttls postgres -connect <host>:5432 </dev/null | openssl x509 \
                -noout -issuer`",
        ],
        fix: &[(Actor::Network, "exempt the server from inspection")],
        mistaken_for: &["server/tls-untrusted: there a public root signed"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS root certificates"],
    },
    ..Problem::DEFAULT
};

/// No root for it.
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
        mistaken_for: &["server/tls-intercepted: look at the issuer"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS root certificates"],
    },
    ..Problem::DEFAULT
};
