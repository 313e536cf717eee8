//! Whether the tenant's keys made the signature.

use super::{EVERYTHING_AFTER, fresh, of_another_cloud, well_formed::is_cut};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, Waiting},
    evidence::Evidence,
    facts::{NotObserved, Topic, token::Signature},
    verdict::{Actor, Finding, Verdict},
};

/// The signature is the tenant's.
pub static CHECK: Check = Check {
    id: "claims/signature",
    asserts: "the tenant's published keys made the signature",
    needs: &[Topic::Token, Topic::Keys, Topic::Settings],
    problems: &[&BAD_SIGNATURE],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    if is_cut(seen.token.get()?) {
        // The signature of a truncated token cannot be verified; claims/truncated reports it.
        return Err(Missing(NotObserved::Blocked { by: Topic::Token, subject: String::new() }));
    }
    let token = seen.token.get()?;
    if let Some(header) = token.header.as_ref().filter(|header| header.alg != "RS256")
        && token.claims.is_some()
    {
        return Ok(Verdict::found(other_algorithm(&header.alg).fix(fresh(seen))));
    }
    if of_another_cloud(seen) {
        // Each cloud has keys of its own, and only those of the server's cloud were asked for.
        let why = "the token is of another cloud, whose keys were not asked for".to_owned();
        return Err(Missing(NotObserved::NotApplicable { why }));
    }
    let (detail, line) = match seen.signature.get()? {
        Signature::Verified { kid } => return Ok(Verdict::Passed(format!("key {kid}"))),
        Signature::Bad { kid } => (
            "the signature does not fit the token: it was changed after it was signed",
            format!("key {kid} is published, and did not make this signature"),
        ),
        Signature::UnknownKey { kid, published } => (
            "the token was signed with a key that its tenant does not publish",
            format!("key {kid} is not among the {published} published"),
        ),
        Signature::NotVerifiable { detail } => {
            return Err(Missing(NotObserved::NotApplicable { why: detail.clone() }));
        }
    };
    Ok(Verdict::found(
        Finding::of(&BAD_SIGNATURE, "signature", detail).because(line).fix(fresh(seen)),
    ))
}

/// RFC 7519 allows other algorithms, and tokens without a signature; Entra signs with RS256 only.
fn other_algorithm(algorithm: &str) -> Finding {
    let detail = match algorithm {
        "" => "the token names no signature algorithm".to_owned(),
        name if name.eq_ignore_ascii_case("none") => "the token is not signed".to_owned(),
        name => format!("the token is signed with {name}"),
    };
    Finding::of(&BAD_SIGNATURE, "signature", format!("{detail}; Entra signs with RS256"))
        .because("the server accepts only signatures that Entra made")
}

/// Not theirs.
pub static BAD_SIGNATURE: Problem = Problem {
    id: "claims/bad-signature",
    title: "the token's signature is not the tenant's",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    page: Page {
        means: "Held against the keys that the token's own tenant publishes, the signature is not \
            theirs. The server will refuse it.",
        causes: &[
            "a character was changed in copying",
            "a token of a test environment or of another cloud",
            "a forged token",
            "a token without a signature, or one that another issuer signed (alg is not RS256)",
        ],
        confirm: &["https://login.microsoftonline.com/<tenant>/discovery/keys lists the key ids"],
        fix: &[(Actor::You, "get a fresh token")],
        mistaken_for: &["claims/truncated: there the length shows it"],
        sources: &["Microsoft Learn: Access tokens, validate the signature"],
    },
    ..Problem::DEFAULT
};
