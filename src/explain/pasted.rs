//! What a pasted error text can mean: psql's words, a driver's, a tool's, a stack trace. The words that say
//! most come first.

use super::{Document, sqlstate};
use entra_pg_checks::{
    Problem,
    facts::login::ServerError,
    problems,
    support::{login::refusal, token::aadsts},
};

/// The candidates, the likeliest first; none where nothing in the text is known.
pub(super) fn candidates(text: &str) -> Vec<Document> {
    let mut pages: Vec<Document> = Vec::new();
    let mut add = |page: Document| {
        if !pages.iter().any(|known| known.id == page.id) {
            pages.push(page);
        }
    };
    let numbers = numbers(text);
    numbers
        .iter()
        .copied()
        .filter_map(aadsts::lookup)
        .for_each(|known| add(Document::number(known)));
    for line in text.lines() {
        let error = ServerError { message: line.to_owned(), ..ServerError::default() };
        let known = refusal::by_words(&error);
        if known.id != "login/refused" {
            add(Document::problem(known));
        }
    }
    // Entra's number says it all: what the program around it says is a consequence.
    if numbers.is_empty() {
        let lower = text.to_lowercase();
        for (fragment, ids) in FRAGMENTS {
            if lower.contains(fragment) {
                ids.iter()
                    .filter_map(|id| problem(id))
                    .for_each(|problem| add(Document::problem(problem)));
            }
        }
        // Only a database that does not exist is a matter of the login.
        let missing = |line: &str| {
            line.split_once("database \"")
                .is_some_and(|(_, rest)| rest.contains("\" does not exist"))
        };
        if lower.lines().any(missing) {
            problem("access/database-missing")
                .into_iter()
                .for_each(|problem| add(Document::problem(problem)));
        }
        if pages.is_empty() && lower.contains("permission denied for ") {
            pages.extend(sqlstate::lookup("42501").map(Document::sqlstate));
        }
        let nothing_else = pages.is_empty();
        for state in states(text).into_iter().filter(|_| nothing_else) {
            pages.push(Document::sqlstate(state));
            pages.extend(state.problems.iter().filter_map(|id| problem(id)).map(Document::problem));
        }
    }
    pages
}

fn problem(id: &str) -> Option<&'static Problem> {
    problems().into_iter().find(|problem| problem.id == id)
}

/// Every number of the form AADSTS50076, in order, once.
fn numbers(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for (at, _) in text.match_indices("AADSTS") {
        if let Some(number) = text.get(at..).and_then(aadsts::code_in)
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
    }
    numbers
}

/// SQLSTATEs that stand as words: `28P01:`, `(3D000)`, `SqlState: 28000`.
fn states(text: &str) -> Vec<&'static sqlstate::Sqlstate> {
    text.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| word.len() == 5)
        .filter_map(sqlstate::lookup)
        .collect()
}

/// Fragments of messages, in lower case, and what they may mean. The most telling come first.
const FRAGMENTS: &[(&str, &[&str])] = &[
    // Names: libpq, glibc, musl, Java, .NET, Node, Go, Python.
    (
        "could not translate host name",
        &["dns/nxdomain", "config/host-malformed", "dns/nameserver-unreachable"],
    ),
    ("name or service not known", &["dns/nxdomain", "config/host-malformed"]),
    ("nodename nor servname provided", &["dns/nxdomain", "config/host-malformed"]),
    ("temporary failure in name resolution", &["dns/nameserver-unreachable", "dns/servfail"]),
    ("no such host is known", &["dns/nxdomain", "config/host-malformed"]),
    ("unknownhostexception", &["dns/nxdomain", "config/host-malformed"]),
    ("getaddrinfo enotfound", &["dns/nxdomain", "config/host-malformed"]),
    ("getaddrinfo eai_again", &["dns/nameserver-unreachable", "dns/servfail"]),
    ("no such host", &["dns/nxdomain", "config/host-malformed"]),
    ("nxdomain", &["dns/nxdomain"]),
    ("servfail", &["dns/servfail"]),
    // TLS.
    ("server does not support ssl", &["server/tls-refused", "server/not-postgresql"]),
    ("does not match host name", &["server/tls-wrong-name"]),
    ("hostname mismatch", &["outbound/tls-wrong-name", "server/tls-wrong-name"]),
    ("root certificate file", &["server/root-file-missing"]),
    (
        "certificate verify failed",
        &["server/tls-untrusted", "server/tls-intercepted", "outbound/tls-intercepted"],
    ),
    (
        "certificate_verify_failed",
        &["outbound/tls-intercepted", "outbound/tls-untrusted", "server/tls-untrusted"],
    ),
    (
        "pkix path building failed",
        &["server/tls-untrusted", "server/tls-intercepted", "outbound/tls-intercepted"],
    ),
    ("self-signed certificate", &["outbound/tls-intercepted", "server/tls-intercepted"]),
    ("self signed certificate", &["outbound/tls-intercepted", "server/tls-intercepted"]),
    ("unable to get local issuer certificate", &["outbound/tls-untrusted", "server/tls-untrusted"]),
    (
        "remote certificate is invalid",
        &["server/tls-untrusted", "server/tls-wrong-name", "server/tls-intercepted"],
    ),
    (
        "x509: certificate signed by unknown authority",
        &["server/tls-untrusted", "outbound/tls-intercepted"],
    ),
    ("certificate has expired", &["server/tls-expired", "outbound/tls-expired", "clock/skewed"]),
    ("tlsv1 alert protocol version", &["server/tls-version"]),
    ("unsupported protocol", &["server/tls-version"]),
    ("ssl syscall error", &["server/tls-reset", "server/closed"]),
    ("ssl connection has been closed unexpectedly", &["server/closed", "login/closed"]),
    ("ssl negotiation", &["server/tls-refused", "server/not-postgresql"]),
    // Settings.
    ("invalid sslmode value", &["config/invalid-sslmode"]),
    ("weak sslmode", &["config/invalid-sslmode"]),
    (
        "requirement failed: server requested a cleartext password",
        &["config/channel-binding-required"],
    ),
    ("channel binding required", &["config/channel-binding-required"]),
    ("has group or world access", &["config/passfile-ignored"]),
    ("invalid port number", &["config/host-malformed"]),
    ("invalid connection option", &["config/host-malformed"]),
    ("port numbers to", &["config/several-hosts"]),
    ("hostaddr values", &["config/several-hosts"]),
    // Whoever waits for the metadata service does not wait for the server.
    (
        "managed identity timed out",
        &["token/identity-endpoint-unreachable", "outbound/proxy-covers-metadata-service"],
    ),
    (
        "no response received from the managed identity endpoint",
        &["token/identity-endpoint-unreachable", "outbound/proxy-covers-metadata-service"],
    ),
    // The way.
    ("timeout expired", &["server/dropped", "server/silent", "login/stalled"]),
    ("connection timed out", &["server/dropped", "outbound/dropped"]),
    ("operation timed out", &["server/dropped", "outbound/dropped"]),
    ("timed out", &["server/dropped", "outbound/dropped", "login/stalled"]),
    ("timeout while", &["server/dropped", "server/silent", "login/stalled"]),
    ("etimedout", &["server/dropped", "outbound/dropped"]),
    ("connection refused", &["server/refused", "server/pooler-off"]),
    ("econnrefused", &["server/refused", "server/pooler-off"]),
    ("no route to host", &["server/unreachable", "outbound/unreachable"]),
    (
        "network is unreachable",
        &["server/unreachable", "outbound/unreachable", "outbound/address-family-broken"],
    ),
    ("connection reset by peer", &["server/tls-reset", "outbound/tls-reset", "server/closed"]),
    ("econnreset", &["server/tls-reset", "outbound/tls-reset", "server/closed"]),
    ("an existing connection was forcibly closed", &["server/tls-reset", "server/closed"]),
    ("server closed the connection unexpectedly", &["server/closed", "login/closed"]),
    ("terminating connection due to administrator command", &["login/starting-up"]),
    ("proxy authentication required", &["outbound/proxy-auth-required"]),
    (
        "proxyerror",
        &["outbound/proxy-unreachable", "outbound/proxy-auth-required", "outbound/proxy-denied"],
    ),
    ("unable to connect to proxy", &["outbound/proxy-unreachable"]),
    // Tokens: az, the Azure SDKs, MSAL.
    ("please run 'az login'", &["token/cli-signed-out", "token/session-expired"]),
    ("az login", &["token/cli-signed-out", "token/session-expired"]),
    ("azure cli not found", &["token/cli-missing"]),
    ("azure cli is not installed", &["token/cli-missing"]),
    ("azure developer cli could not be found", &["token/cli-missing"]),
    ("multiple user assigned identities", &["token/ambiguous-managed-identity"]),
    ("identity not found", &["token/no-managed-identity"]),
    (
        "no managed identity endpoint found",
        &["token/identity-endpoint-unreachable", "token/no-managed-identity"],
    ),
    (
        "managedidentitycredential authentication unavailable",
        &["token/no-managed-identity", "token/identity-endpoint-unreachable"],
    ),
    (
        "169.254.169.254",
        &["token/identity-endpoint-unreachable", "outbound/proxy-covers-metadata-service"],
    ),
    ("environment variables are not fully configured", &["token/environment-incomplete"]),
    ("environmentcredential authentication unavailable", &["token/environment-incomplete"]),
    (
        "defaultazurecredential failed to retrieve a token",
        &["token/no-credential", "token/cli-signed-out", "token/no-managed-identity"],
    ),
    ("credentialunavailable", &["token/no-credential", "token/environment-incomplete"]),
    ("no accounts were found in the cache", &["token/cli-signed-out"]),
    ("invalid_client", &["token/secret-wrong", "token/secret-expired", "token/app-unknown"]),
    ("invalid_grant", &["token/session-expired", "token/mfa-required", "token/conditional-access"]),
    ("interaction_required", &["token/mfa-required", "token/conditional-access"]),
    ("unauthorized_client", &["token/app-unknown"]),
    ("too many requests", &["token/throttled", "token/identity-endpoint-busy"]),
    // The login.
    (
        "no password supplied",
        &["token/no-credential", "config/passfile-ignored", "claims/not-a-token"],
    ),
    ("no password has been provided", &["token/no-credential", "claims/not-a-token"]),
    ("no password was provided by plugin", &["token/no-credential", "claims/not-a-token"]),
    (
        "no password or passwordprovider was provided",
        &["token/no-credential", "claims/not-a-token"],
    ),
    ("client password must be a string", &["token/no-credential", "claims/not-a-token"]),
    (
        "the server requested scram-based authentication, but no password",
        &["claims/not-a-token", "login/not-an-entra-role"],
    ),
    ("failed sasl auth", &["login/not-an-entra-role", "name/identifier-not-name"]),
    ("sasl authentication failed", &["login/not-an-entra-role", "name/wrong-case"]),
    (
        "password authentication failed",
        &[
            "login/not-an-entra-role",
            "name/wrong-case",
            "claims/expired",
            "claims/wrong-audience",
            "login/refused",
        ],
    ),
    ("remaining connection slots are reserved", &["login/too-many-connections"]),
    ("too many clients already", &["login/too-many-connections"]),
    ("the database system is starting up", &["login/starting-up"]),
    ("permission denied for database", &["access/no-connect-privilege"]),
    ("read-only transaction", &["access/read-only"]),
    ("pgaadauth_create_principal", &["access/entra-functions-missing"]),
    // PgBouncer goes on with the token that it was given once.
    ("server login has been failing", &["login/token-expired", "login/pooler-token-too-long"]),
    // What an administrator sees.
    (
        "could not validate aad user",
        &["name/identifier-not-name", "name/not-the-tokens", "azure/nsg-blocks-entra"],
    ),
    ("aadauthoperationcannotbeperformed", &["azure/server-not-ready"]),
];

#[cfg(test)]
mod tests {
    use super::{FRAGMENTS, candidates, problem};
    use crate::explain::sqlstate;

    fn ids(text: &str) -> Vec<String> {
        candidates(text).into_iter().map(|page| page.id).collect()
    }

    #[test]
    fn a_pasted_error_leads_to_its_pages() {
        let cases = [
            ("ERROR: AADSTS53003: Access has been blocked", "AADSTS53003"),
            (
                "psql: error: FATAL:  password authentication failed for user \"x\"",
                "login/not-an-entra-role",
            ),
            (
                "FATAL: The access token has expired. Acquire a new token and try again.",
                "login/token-expired",
            ),
            (
                "psql: error: could not translate host name \"x\" to address: Name or service not known",
                "dns/nxdomain",
            ),
            ("FATAL:  database \"alice@contoso.com\" does not exist", "access/database-missing"),
            (
                "Npgsql.PostgresException (0x80004005): 28P01: password authentication failed for user \"app\"\n   at Npgsql.Internal.NpgsqlConnector.<ReadMessage>g__ReadMessageLong|233_0(NpgsqlConnector connector)",
                "login/not-an-entra-role",
            ),
            (
                "Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.1.2.5:5432\n ---> System.TimeoutException: The operation has timed out.",
                "server/dropped",
            ),
            (
                "org.postgresql.util.PSQLException: The connection attempt failed.\nCaused by: java.net.UnknownHostException: pg-prod.postgres.database.azure.com",
                "dns/nxdomain",
            ),
            (
                "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException",
                "server/tls-untrusted",
            ),
            ("ERROR: Please run 'az login' to setup account.", "token/cli-signed-out"),
            (
                "azure.identity._exceptions.CredentialUnavailableError: DefaultAzureCredential failed to retrieve a token from the included credentials.\nEnvironmentCredential: EnvironmentCredential authentication unavailable. Environment variables are not fully configured.",
                "token/environment-incomplete",
            ),
            (
                "MsalUiRequiredException: AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication\n\tStatusCode: 400",
                "AADSTS50076",
            ),
            (
                "asyncpg.exceptions.InvalidAuthorizationSpecificationError: no pg_hba.conf entry for host \"203.0.113.7\", user \"app\", database \"db\", no encryption",
                "login/tls-required",
            ),
            ("Error: connect ECONNREFUSED 10.1.2.5:6432", "server/refused"),
            (
                "The server requested password-based authentication, but no password was provided by plugin null",
                "token/no-credential",
            ),
            ("psql: error: could not match 3 port numbers to 2 hosts", "config/several-hosts"),
            (
                "ManagedIdentityCredential: managed identity timed out",
                "token/identity-endpoint-unreachable",
            ),
            (
                "{\"code\": \"AadAuthOperationCannotBePerformedWhenServerIsNotAccessible\"}",
                "azure/server-not-ready",
            ),
            (
                "failed to connect: hostname resolving error: lookup pg on 10.0.0.4:53: no such host",
                "dns/nxdomain",
            ),
            (
                "HTTPSConnectionPool: certificate verify failed: self-signed certificate in certificate chain",
                "server/tls-untrusted",
            ),
        ];
        for (text, first) in cases {
            assert_eq!(
                ids(text).first().map(String::as_str),
                Some(first),
                "{text}: {:?}",
                ids(text)
            );
        }
        assert_eq!(ids("ERROR:  permission denied for table orders"), ["42501"]);
        assert_eq!(ids("nothing of the kind"), Vec::<String>::new());
        assert_eq!(ids("relation \"x\" does not exist"), Vec::<String>::new());
        assert_eq!(ids("ERROR 53300"), ["53300", "login/too-many-connections"]);
    }

    #[test]
    fn every_page_that_is_named_exists() {
        let fragments = FRAGMENTS.iter().flat_map(|(_, ids)| *ids);
        let states = sqlstate::ALL.iter().flat_map(|state| state.problems);
        let missing: Vec<&&str> =
            fragments.chain(states).filter(|id| problem(id).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let lower = |(fragment, _): &(&str, &[&str])| *fragment == fragment.to_lowercase();
        assert!(FRAGMENTS.iter().all(lower), "fragments are in lower case");
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_pasted(text: String) {
            let _ = candidates(&text);
        }
    }
}
