//! Problems of TLS to the server by the rules of libpq and OpenSSL.

use crate::{
    check::{Fragment, Page, Problem, Waiting},
    server::EVERYTHING_AFTER,
    verdict::Actor,
};

/// The server, or the pooler, asks for a client certificate.
pub(crate) static CLIENT_CERTIFICATE_REQUIRED: Problem = Problem {
    id: "server/client-certificate-required",
    title: "the server or its pooler requires a client certificate",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("certificate required", 88),
        Fragment::new("sslv3 alert handshake failure", 78),
        Fragment::new("connection requires a valid client certificate", 93),
        Fragment::new("peer did not return a certificate", 92),
        Fragment::new("alert certificate required", 90),
        Fragment::new("certificate_required", 90),
        Fragment::new("tls: certificate required", 90),
        Fragment::new("port 6432 … alert handshake failure", 84),
        Fragment::new(":6432 … alert handshake failure", 84),
        Fragment::new("alert handshake failure", 70),
        Fragment::new("handshake_failure", 70),
    ],
    page: Page {
        means: "The TLS handshake is complete on this side, and the server ends it because no client \
            certificate was presented. Azure's built-in pooler (port 6432) does so if \
            pgbouncer.client_tls_sslmode, which is deprecated, is verify-ca or verify-full. With TLS 1.3 the alert arrives \
            after the handshake, so some clients report a closed connection.",
        causes: &[
            "pgbouncer.client_tls_sslmode is verify-ca or verify-full",
            "a proxy or pooler of your own requires mutual TLS",
        ],
        confirm: &[
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:6432` shows \"alert certificate required\"",
        ],
        fix: &[
            (Actor::DatabaseAdmin, "set pgbouncer.client_tls_sslmode to require or prefer"),
            (Actor::You, "use port 5432, or present a client certificate with sslcert and sslkey"),
        ],
        mistaken_for: &[
            "login/closed: there the server ends the connection without a TLS alert",
            "server/tls-reset: there the connection breaks off before the handshake is complete",
        ],
        sources: &[
            "PgBouncer documentation: client_tls_sslmode",
            "Microsoft Learn: PgBouncer in Azure Database for PostgreSQL",
            "RFC 8446, section 6.2 (certificate_required)",
        ],
    },
    ..Problem::DEFAULT
};

/// libpq refuses the client certificate or its key.
pub(crate) static CLIENT_CERTIFICATE_UNUSABLE: Problem = Problem {
    id: "server/client-certificate-unusable",
    title: "libpq cannot use the client certificate or its key",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("certificate present, but not private key file", 90),
        Fragment::new("private key file", 79),
        Fragment::new("could not read certificate file", 89),
    ],
    page: Page {
        means: "libpq loads a client certificate if sslcert, PGSSLCERT or ~/.postgresql/postgresql.crt \
            names one, and stops if the certificate or its key cannot be used. Azure Database for \
            PostgreSQL does not need a client certificate for a login with a token.",
        causes: &[
            "~/.postgresql/postgresql.crt was left behind without its key",
            "the key file can be read by group or others",
            "the key belongs to another certificate, or is encrypted",
        ],
        confirm: &["`ls -l ~/.postgresql/`", "`echo \"$PGSSLCERT $PGSSLKEY\"`"],
        fix: &[
            (Actor::You, "move the client certificate away, or unset PGSSLCERT and sslcert"),
            (Actor::You, "or put the key in place with `chmod 600 ~/.postgresql/postgresql.key`"),
        ],
        mistaken_for: &["server/client-certificate-required: there the server asks for one"],
        sources: &["PostgreSQL documentation: libpq, Client Certificates"],
    },
    ..Problem::DEFAULT
};

/// A signature or key below OpenSSL's security level.
pub(crate) static WEAK_SIGNATURE: Problem = Problem {
    id: "server/tls-weak-signature",
    title: "the server's certificate has a weak signature or key",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("ca md too weak", 90),
        Fragment::new("ee key too small", 90),
        Fragment::new("ca key too small", 90),
        Fragment::new("certificates do not conform to algorithm constraints", 90),
        Fragment::new("certificates does not conform to algorithm constraints", 90),
        Fragment::new("certificates do not conform to algorithm constraints", 92),
        Fragment::new("algorithm constraints check failed", 92),
        Fragment::new("ca md too weak", 92),
        Fragment::new("ca signature digest algorithm too weak", 92),
        Fragment::new("insecure algorithm sha1", 92),
        Fragment::new("insecure algorithm md5", 90),
        Fragment::new("ee key too small", 90),
        Fragment::new("ca key too small", 90),
        Fragment::new("unsupportedsignaturealgorithm", 90),
        Fragment::new("certificate is signed with a weak", 88),
    ],
    page: Page {
        means: "A certificate of the chain is signed with SHA-1 or MD5, or its key is too small. \
            OpenSSL, Java and this tool refuse such a chain regardless of its issuer. Azure's certificates \
            use SHA-256 or better and RSA 2048 or larger keys.",
        causes: &[
            "a TLS inspection device or proxy with an old configuration",
            "a PostgreSQL server of your own with an old certificate",
        ],
        confirm: &[
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null | openssl x509 -noout -text | grep -E 'Signature Algorithm|Public-Key'`",
        ],
        fix: &[(
            Actor::Network,
            "issue the certificate again with SHA-256 and an RSA key of 2048 bits or more",
        )],
        mistaken_for: &["server/tls-intercepted: there the issuer is unknown, not weak"],
        sources: &["OpenSSL: SSL_CTX_set_security_level(3)"],
    },
    ..Problem::DEFAULT
};

/// The issuer is known, and the chain breaks a rule.
pub(crate) static INVALID_CHAIN: Problem = Problem {
    id: "server/tls-invalid-chain",
    title: "the server's certificate chain breaks a rule",
    explains: EVERYTHING_AFTER,
    page: Page {
        means: "The certificates may not be used in this way: an intermediate certificate is not a \
            certificate authority, a key usage or extended key usage excludes TLS servers, or a name \
            constraint excludes the host. Nothing shows that the connection is inspected.",
        causes: &[
            "a certificate for clients or for signing is used on a server",
            "a private authority with a name or path length constraint",
        ],
        confirm: &[
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:5432 -showcerts </dev/null` shows the verify error",
        ],
        fix: &[(Actor::Network, "issue a certificate for TLS servers that names the host")],
        mistaken_for: &["server/tls-intercepted: there the issuer is not a public root"],
        sources: &["RFC 5280, section 4.2.1"],
    },
    ..Problem::DEFAULT
};

/// A revocation list makes OpenSSL refuse the chain.
pub(crate) static REVOKED: Problem = Problem {
    id: "server/tls-revoked",
    title: "a certificate revocation list makes psql refuse the server",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    page: Page {
        means: "libpq checks certificate revocation lists if sslcrl, sslcrldir or ~/.postgresql/root.crl \
            is set. Then every certificate of the chain needs a valid list of its issuer. Here a list \
            is missing or out of date, or revokes a certificate.",
        causes: &[
            "~/.postgresql/root.crl was left behind",
            "the file has the list of one authority, and the chain has several",
            "the list has not been updated",
        ],
        confirm: &["`openssl crl -in $REVOCATION_LIST -noout -issuer -lastupdate -nextupdate`"],
        fix: &[
            (Actor::You, "remove sslcrl, sslcrldir or ~/.postgresql/root.crl"),
            (Actor::You, "or download current lists of every authority in the chain"),
        ],
        mistaken_for: &["server/tls-untrusted: there the root is missing"],
        sources: &["PostgreSQL documentation: libpq, sslcrl and sslcrldir"],
    },
    ..Problem::DEFAULT
};

/// psql accepts what stricter clients refuse.
pub(crate) static LENIENT_CLIENTS_ONLY: Problem = Problem {
    id: "server/tls-lenient-clients-only",
    title: "psql accepts the server's certificate, and stricter clients refuse it",
    severity: crate::check::Severity::Warning,
    page: Page {
        means: "libpq with OpenSSL accepts a certificate without a subject alternative name, a server \
            certificate that is marked as an authority, and X.509 version 1. Drivers in Java, Go, Rust \
            and Node.js refuse some of them. Azure's certificates have none of these defects.",
        causes: &[
            "a certificate made with `openssl req -x509` and no extensions",
            "an old internal authority",
        ],
        confirm: &[
            "`openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null | openssl x509 -noout -ext subjectAltName,basicConstraints`",
        ],
        fix: &[(
            Actor::Network,
            "issue a version 3 certificate with a subject alternative name and CA:FALSE",
        )],
        mistaken_for: &[
            "server/tls-wrong-name: there the certificate does not name the host at all",
        ],
        sources: &["RFC 9525", "PostgreSQL documentation: libpq, sslmode"],
    },
    ..Problem::DEFAULT
};

/// No cipher suite or curve in common.
pub(crate) static NO_COMMON_CIPHER: Problem = Problem {
    id: "server/tls-no-common-cipher",
    title: "this tool and the server have no cipher suite or curve in common",
    severity: crate::check::Severity::Warning,
    page: Page {
        means: "The server ends the handshake because it accepts none of the cipher suites, curves or \
            signature algorithms of this tool, which are those of current browsers. OpenSSL, and so \
            psql, has older ones and may connect. Azure's servers accept current ones.",
        causes: &[
            "an old TLS inspection device or proxy",
            "a PostgreSQL server of your own with ssl_ciphers or ssl_ecdh_curve set",
        ],
        confirm: &[
            "`psql` connects, or `openssl s_client -starttls postgres -connect $SERVER_HOST:5432 </dev/null` shows the cipher",
        ],
        fix: &[(
            Actor::Network,
            "enable TLS 1.3, or ECDHE with AES-GCM and the curves X25519, P-256 or P-384",
        )],
        mistaken_for: &[
            "server/tls-reset: there the connection is cut without a TLS alert",
            "server/tls-version: there the versions do not fit",
        ],
        sources: &["RFC 8446, section 6.2 (handshake_failure)"],
    },
    ..Problem::DEFAULT
};
