//! Reads a pasted error text: normalizes it, splits it into statements, finds out which service each
//! statement is about, collects the evidence for problems, and ranks it. Pure functions; the knowledge
//! is in the fragments of the problems and in the table of AADSTS numbers.

mod nearest;
mod normalize;
mod quoted;
mod rank;
mod what;
mod who;

pub(crate) use nearest::nearest;
pub(crate) use rank::Candidate;
pub(super) use what::Subject;

use normalize::Normalized;

/// Longest text that is searched, in bytes. What follows is ignored.
pub(crate) const LIMIT: usize = 1 << 20;

/// What a pasted text can mean.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The candidates, the most likely first; empty if nothing in the text is known.
    pub(crate) candidates: Vec<Candidate>,
    /// Whether the text is longer than [`LIMIT`], so that a part was ignored.
    pub(crate) truncated: bool,
}

/// Reads a text that was pasted or piped: any bytes, in UTF-8 or UTF-16.
#[must_use]
pub(crate) fn read(bytes: &[u8]) -> Reading {
    let truncated = bytes.len() > LIMIT;
    let text = Normalized::from_bytes(bytes.get(..LIMIT).unwrap_or(bytes));
    Reading { candidates: rank::ranked(&text, what::evidence(&text)), truncated }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, read};

    fn first(text: &str) -> Option<String> {
        read(text.as_bytes()).candidates.first().map(|candidate| candidate.id())
    }

    #[test]
    fn the_first_attempt_of_psql_counts() {
        let server = "connection to server at \"x.postgres.database.azure.com\" (10.0.0.4), port 5432 failed: FATAL:  ";
        let second = format!(
            "{server}no pg_hba.conf entry for host \"10.0.0.9\", user \"a\", database \"d\", no encryption"
        );
        for between in ["\n", " ", "\\n"] {
            let text = format!("{server}The access token has expired.{between}{second}");
            assert_eq!(first(&text).as_deref(), Some("login/token-expired"), "{text}");
        }
        assert_eq!(first(&second).as_deref(), Some("login/tls-required"));
    }

    #[test]
    fn wrapping_escapes_frames_and_letter_case_do_not_matter() {
        let texts = [
            "The access tok\nen has expired. Acquire a new token",
            "│ the access token\r\n│   has expired",
            "{\\\"message\\\":\\\"The access\\\\ttoken has expired\\\"}",
            "\u{1b}[31mThe access token\u{1b}[0m has expired",
            "2026-05-21T21:18:44.1364682Z stdout F The access token\n2026-05-21T21:18:44.1364682Z stdout F has expired",
            "THE ACCESS TOKEN HAS EXPIRED",
        ];
        for text in texts {
            assert_eq!(first(text).as_deref(), Some("login/token-expired"), "{text}");
        }
        let utf16: Vec<u8> = std::iter::once(0xfeff)
            .chain("The access token has expired".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read(&utf16).candidates[0].id(), "login/token-expired");
    }

    #[test]
    fn the_service_decides_about_network_errors() {
        let cases = [
            ("connect to login.microsoftonline.com:443: connection timed out", "outbound/dropped"),
            ("x.postgres.database.azure.com:5432 connection timed out", "server/dropped"),
            (
                "169.254.169.254 port 80: Connection timed out",
                "token/identity-endpoint-unreachable",
            ),
            ("connection timed out", "server/dropped"),
        ];
        for (text, expected) in cases {
            assert_eq!(first(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_form_of_a_number_is_read() {
        let forms = [
            "AADSTS50076: you must use multi-factor authentication",
            "aadsts50076",
            "Sign-in error code\n\n50076\n\nFailure reason",
            "Sign-in error code: 50076",
            "{\"error\":\"interaction_required\",\"error_codes\":[50076]}",
            "https://login.microsoftonline.com/error?code=50076",
            "\"errorNo\":50076",
        ];
        for form in forms {
            assert_eq!(first(form).as_deref(), Some("AADSTS50076"), "{form}");
        }
        assert_eq!(first("AADSTS99999999: something new").as_deref(), Some("AADSTS99999999"));
        let both = "AADSTS99999999: something new. No matching federated identity record found";
        assert_eq!(first(both).as_deref(), Some("token/federation-mismatch"));
        assert_eq!(
            first("{\"suberror\":\"consent_required\"}").as_deref(),
            Some("token/consent-missing")
        );
    }

    #[test]
    fn hostile_texts_have_few_candidates_and_are_never_echoed() {
        let secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        let texts: Vec<Vec<u8>> = vec![
            (0..10_000).map(|n| format!("AADSTS{n} ")).collect::<String>().into_bytes(),
            vec![b'\\'; LIMIT * 2],
            vec![0; LIMIT],
            (0..=255).cycle().take(LIMIT).collect(),
            b"user \"".repeat(200_000),
            b"permission denied for ".repeat(50_000),
            format!(
                "password={secret} FATAL: password authentication failed for user \"{secret}\""
            )
            .into_bytes(),
        ];
        for text in texts {
            let reading = read(&text);
            assert!(reading.candidates.len() <= 12, "{}", reading.candidates.len());
            for candidate in reading.candidates {
                let shown = format!("{} {}", candidate.id(), candidate.reason);
                assert!(!shown.contains("eyJ") && shown.len() < 400, "{shown}");
            }
        }
        assert!(read(&vec![b'x'; LIMIT + 1]).truncated);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_can_be_pasted(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
