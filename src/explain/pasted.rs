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
        if known != &refusal::REFUSED {
            add(Document::problem(known));
        }
    }
    // Entra's number says it all: what the program around it says is a consequence.
    if numbers.is_empty() {
        let lower = text.to_lowercase();
        known(&lower).into_iter().for_each(|problem| add(Document::problem(problem)));
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

/// The problems of which the text holds a fragment, the heaviest fragment first.
fn known(lower: &str) -> Vec<&'static Problem> {
    let mut known: Vec<(u16, &'static Problem)> = Vec::new();
    for problem in problems() {
        let found = problem.fragments.iter().filter(|fragment| lower.contains(fragment.text));
        known.extend(found.map(|fragment| (fragment.weight, problem)));
    }
    known.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    known.into_iter().map(|(_, problem)| problem).collect()
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

#[cfg(test)]
mod tests {
    use super::{candidates, problem};
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
        let states = sqlstate::ALL.iter().flat_map(|state| state.problems);
        let missing: Vec<&&str> = states.filter(|id| problem(id).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_pasted(text: String) {
            let _ = candidates(&text);
        }
    }
}
