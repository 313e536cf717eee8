//! Whether what listens there is PostgreSQL with TLS.

use super::EVERYTHING_AFTER;
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Waiting},
    facts::{
        Topic,
        server::{PreambleOutcome, Server},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The answer to SSLRequest is `S`.
pub static CHECK: Check = Check {
    id: "server/protocol",
    asserts: "the server uses the PostgreSQL protocol and offers TLS",
    needs: &[Topic::Server],
    problems: &[&SILENT, &CLOSED, &NOT_POSTGRESQL, &TLS_REFUSED],
    decisive: false,
    judge: Judge::Once(|seen| judge(seen.server.get()?)),
};

fn judge(server: &Server) -> Result<Verdict, Missing> {
    let preamble = server.preamble.get()?;
    let subject = format!("{}:{}", server.host, server.port);
    let (problem, detail, seen) = match &preamble.outcome {
        PreambleOutcome::TlsAccepted => {
            return Ok(Verdict::Passed("offers TLS".to_owned()));
        }
        PreambleOutcome::TlsRefused => {
            (&TLS_REFUSED, format!("{subject} refuses TLS; Azure always offers it"), None)
        }
        PreambleOutcome::Error(error) => (
            &NOT_POSTGRESQL,
            format!("{subject} answers the request for TLS with an error: {}", error.message),
            Some(format!("SQLSTATE {}: {}", error.sqlstate, error.message)),
        ),
        PreambleOutcome::Http { status_line } => (
            &NOT_POSTGRESQL,
            format!("a web server or proxy listens at {subject}"),
            Some(format!("it answers \"{status_line}\"")),
        ),
        PreambleOutcome::Other { starts_with } => (
            &NOT_POSTGRESQL,
            format!("what listens at {subject} is not PostgreSQL"),
            Some(format!("it answers \"{starts_with}\"")),
        ),
        PreambleOutcome::Closed => {
            (&CLOSED, format!("{subject} accepts the connection and closes it"), None)
        }
        PreambleOutcome::Reset => {
            (&CLOSED, format!("{subject} accepts the connection and resets it"), None)
        }
        PreambleOutcome::Silent => (
            &SILENT,
            format!("{subject} accepts the connection and sends nothing"),
            Some(format!("waited {} ms for one byte", preamble.elapsed_ms)),
        ),
    };
    let finding = Finding::of(problem, subject, detail)
        .because(format!("asked {} for TLS (SSLRequest)", preamble.address))
        .because_all(seen)
        .fix(fix(problem));
    Ok(Verdict::found(finding))
}

fn fix(problem: &Problem) -> Fix {
    match problem {
        known if known == &TLS_REFUSED => {
            Fix::you("Connect to the server itself: a tunnel or pooler on the way ends TLS")
        }
        known if known == &NOT_POSTGRESQL => {
            Fix::you("Check host and port: PostgreSQL listens at 5432, the pooler at 6432")
        }
        _ => Fix::by(
            Actor::Network,
            "Let the PostgreSQL protocol pass on this port: a firewall that inspects it, or one \
                that accepts connections in the server's place, is on the way",
        ),
    }
}

/// No byte.
pub static SILENT: Problem = Problem {
    id: "server/silent",
    title: "the server accepts connections and sends nothing",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("timeout expired", 50),
        Fragment::new("timeout while", 48),
        Fragment::new("timeout exceeded when trying to connect", 48),
    ],
    page: Page {
        means: "The TCP connection is established, and nothing answers the request for TLS. PostgreSQL \
            answers within a round trip.",
        causes: &[
            "a firewall or load balancer accepts connections in the server's place",
            "the server hangs",
            "packets are lost on the way back",
        ],
        confirm: &["`openssl s_client -starttls postgres -connect $SERVER_HOST:5432` hangs"],
        fix: &[
            (Actor::Network, "find the device that accepts the connection"),
            (Actor::AzureOwner, "see the server's health in the portal"),
        ],
        mistaken_for: &["server/dropped: there not even the connection is established"],
        sources: &["PostgreSQL documentation: SSL session encryption"],
    },
    ..Problem::DEFAULT
};

/// Closed at once.
pub static CLOSED: Problem = Problem {
    id: "server/closed",
    title: "the server closes the connection at once",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("server closed the connection unexpectedly", 57),
        Fragment::new("connection terminated unexpectedly", 57),
        Fragment::new("ssl connection has been closed unexpectedly", 57),
        Fragment::new("connection was closed in the middle", 56),
        Fragment::new("unexpectedly closed the connection", 56),
        Fragment::new("an i/o error occurred while sending to the backend", 56),
        Fragment::new("exception while reading from stream", 56),
        Fragment::new("eofexception", 55),
        Fragment::new("connection reset by peer", 54),
        Fragment::new("econnreset", 54),
        Fragment::new("broken pipe", 54),
    ],
    page: Page {
        means: "The connection is accepted and closed or reset before a byte is answered.",
        causes: &[
            "a firewall that inspects protocols",
            "a load balancer without a healthy server behind it",
            "a private endpoint that is not approved",
        ],
        confirm: &["`psql` says: server closed the connection unexpectedly"],
        fix: &[
            (Actor::Network, "let the PostgreSQL protocol pass"),
            (Actor::AzureOwner, "approve the private endpoint connection"),
        ],
        mistaken_for: &["server/tls-reset: there the server has agreed to TLS first"],
        sources: &["PostgreSQL documentation: message flow"],
    },
    ..Problem::DEFAULT
};

/// Something else.
pub static NOT_POSTGRESQL: Problem = Problem {
    id: "server/not-postgresql",
    title: "what listens there is not PostgreSQL",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("received invalid response to ssl negotiation", 86),
        Fragment::new("expected authentication request from server, but received", 82),
        Fragment::new("invalid response to ssl negotiation", 78),
    ],
    page: Page {
        means: "The answer to the request for TLS is not one that PostgreSQL gives.",
        causes: &[
            "a wrong port",
            "an HTTP proxy or web server at that address",
            "the name resolves to another machine",
        ],
        confirm: &["`openssl s_client -starttls postgres -connect $SERVER_HOST:$PORT`"],
        fix: &[(Actor::You, "correct host and port")],
        mistaken_for: &["server/tls-refused: a PostgreSQL without TLS answers N"],
        sources: &["PostgreSQL documentation: message formats, SSLRequest"],
    },
    ..Problem::DEFAULT
};

/// `N`.
pub static TLS_REFUSED: Problem = Problem {
    id: "server/tls-refused",
    title: "the server does not offer TLS",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("server does not support ssl", 88),
        Fragment::new("server does not support tls", 88),
        Fragment::new("the server does not support ssl connections", 88),
        Fragment::new("ssl is not enabled on the server", 86),
        Fragment::new("ssl negotiation", 60),
        Fragment::new("server refused tls connection", 88),
        Fragment::new("server does not allow ssl", 86),
    ],
    page: Page {
        means: "The server answered N to the request for TLS. Azure always offers TLS, so this is \
            not the flexible server itself. No token is sent without TLS.",
        causes: &[
            "a tunnel, sidecar or pooler of your own ends TLS",
            "the name resolves to a local PostgreSQL",
        ],
        confirm: &["`psql` says: server does not support SSL, but SSL was required"],
        fix: &[(Actor::You, "connect to the server itself")],
        mistaken_for: &["config/tls-disabled: there the client does not ask"],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, TLS"],
    },
    ..Problem::DEFAULT
};
