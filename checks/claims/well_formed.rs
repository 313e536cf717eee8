//! Whether what was given is a whole token, and nothing else.

use super::{EVERYTHING_AFTER, fresh};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        token::{Shape, Token, TokenText, Wrapping},
    },
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Base64url characters of RSA signatures with keys of 2048, 3072 and 4096 bits.
const SIGNATURE_LENGTHS: [usize; 3] = [342, 512, 683];
/// Lengths at which forms and commands cut. Sources: postgres/postgres#2; pgadmin-org/pgadmin4#5114 and
/// #3630; microsoft/azuredatastudio-postgresql#185; Microsoft Learn, "setx" and "Command line string
/// limitation"; termios(3).
const LIMITS: [(usize, &str); 9] = [
    (100, "the password prompt of psql before version 14"),
    (255, "a form field, such as pgAdmin's before 6.11"),
    (320, "the password file of libpq before version 14"),
    (512, "the Windows credential store"),
    (1000, "a form field"),
    (1024, "setx"),
    (2048, "a form field"),
    (4096, "a line typed or pasted into a terminal"),
    (8191, "a line of cmd.exe"),
];

/// The token is complete, without other text.
pub static CHECK: Check = Check {
    id: "claims/well-formed",
    asserts: "the token is a whole access token and nothing else",
    needs: &[Topic::Token, Topic::Settings],
    problems: &[&NOT_A_TOKEN, &TRUNCATED, &WRAPPED, &ID_TOKEN],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let token = seen.token.get()?;
    let text = &token.text;
    let from = token.origin.phrase();
    let found = match shape(text) {
        Some(what) => Some(
            Finding::of(&NOT_A_TOKEN, &from, format!("what {from} holds is {what}"))
                .because(format!("{} characters, and not the three parts of a token", text.length))
                .because_all(shape_advice(text.shape).map(str::to_owned)),
        ),
        None if is_cut(token) => Some(truncated(text, &from)),
        None if !text.wrapping.is_empty() => Some(wrapped(text, &from)),
        None => damaged(token, &from).or_else(|| id_token(token, &from)),
    };
    Ok(match found {
        Some(finding) => Verdict::found(finding.fix(fresh(seen))),
        None => Verdict::Passed(format!("{} characters from {from}", text.length)),
    })
}

fn shape(text: &TokenText) -> Option<&'static str> {
    match text.shape {
        Shape::SignedToken | Shape::BrokenToken => None,
        Shape::EncryptedToken => {
            Some("an encrypted token (five parts), which the server cannot read")
        }
        Shape::RefreshToken => Some("a refresh token: it buys access tokens, and is none"),
        Shape::ClientSecret => Some("a client secret: it buys tokens, and is none"),
        Shape::Guid => Some("an id, not a token"),
        Shape::Empty => Some("nothing"),
        Shape::Other => Some("not a token: an ordinary password, mostly"),
    }
}

/// What such a text is for.
const fn shape_advice(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::ClientSecret => Some(
            "a client secret belongs into AZURE_CLIENT_SECRET, with AZURE_CLIENT_ID and \
                AZURE_TENANT_ID: then --credential client-secret gets the token",
        ),
        Shape::Empty => {
            Some("the command in $(…) printed nothing: run it by itself, and read its message")
        }
        Shape::EncryptedToken => Some("such tokens are made for Microsoft's own services"),
        Shape::RefreshToken => Some("the field access_token of the same answer is the token"),
        Shape::Guid => Some("a client ID or tenant ID is not a secret, and grants no access"),
        Shape::SignedToken | Shape::BrokenToken | Shape::Other => None,
    }
}

/// A signature of another length than its key allows, or a part that is missing or cannot be decoded.
pub(super) fn is_cut(token: &Token) -> bool {
    let complete =
        token.text.signature_length.is_some_and(|length| SIGNATURE_LENGTHS.contains(&length));
    let rsa = token.header.as_ref().is_none_or(|header| header.alg.starts_with("RS"));
    let shortened = token.text.wrapping.contains(&Wrapping::Ellipsis);
    let missing = token.claims.is_none() && token.text.signature_length.is_none();
    missing || shortened || (rsa && !complete)
}

/// A text with all parts of a token of which one cannot be read, or with more than a token has.
fn damaged(token: &Token, from: &str) -> Option<Finding> {
    let text = &token.text;
    let unreadable = match (&token.header, &token.claims) {
        (None, _) => Some("its header is not a JSON object in base64url"),
        (_, None) => Some("its claims are not a JSON object in base64url"),
        _ => None,
    };
    let reasons: Vec<String> =
        text.malformed.iter().cloned().chain(unreadable.map(str::to_owned)).collect();
    if reasons.is_empty() {
        return None;
    }
    let detail = format!("the text in {from} looks like a token and is not one");
    Some(Finding::of(&NOT_A_TOKEN, from, detail).because_all(reasons))
}

fn truncated(text: &TokenText, from: &str) -> Finding {
    let detail = format!("the token in {from} is cut: {} characters are left", text.length);
    let mut finding = Finding::of(&TRUNCATED, from, detail);
    finding = match text.signature_length {
        Some(length) if SIGNATURE_LENGTHS.contains(&length) => finding,
        Some(length) => finding.because(format!(
            "its signature has {length} characters; a whole one has 342, 512 or 683"
        )),
        None => finding.because("it has no signature"),
    };
    finding = finding
        .because_all(text.undecodable.as_ref().map(|part| format!("{part} cannot be decoded")));
    if text.wrapping.contains(&Wrapping::Ellipsis) {
        finding = finding.because("it ends with dots: whatever showed it has shortened it");
    }
    // Some limits count a closing byte.
    let limit = LIMITS.iter().find(|(limit, _)| text.length == *limit || text.length + 1 == *limit);
    finding.because_all(limit.map(|(limit, who)| format!("{limit} characters is where {who} cuts")))
}

fn wrapped(text: &TokenText, from: &str) -> Finding {
    let what: Vec<&str> = text.wrapping.iter().map(|wrapping| words(*wrapping)).collect();
    let detail = format!("the token in {from} is sent with {}", text::list(&what, 4));
    let mut finding = Finding::of(&WRAPPED, from, detail)
        .because("libpq sends a password as it is, with everything around the token");
    if text.wrapping.contains(&Wrapping::Utf16) {
        finding = finding
            .because("Windows PowerShell 5 writes files in UTF-16 with > and Out-File")
            .fix(Fix::you("Write the file in ASCII:").run(Command::text(
                "az account get-access-token --resource-type oss-rdbms --query accessToken \
                        -o tsv | Out-File -Encoding ascii -NoNewline token.txt",
            )));
    }
    finding.fix(Fix::you("Take the bare token: its three parts, on one line"))
}

const fn words(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Quotes => "quotation marks around it",
        Wrapping::Bearer => "the word Bearer in front",
        Wrapping::Json => "the JSON document around it",
        Wrapping::OuterWhiteSpace => "blanks or a line break at its ends",
        Wrapping::InnerWhiteSpace => "blanks or line breaks inside",
        Wrapping::Invisible => "an invisible character",
        Wrapping::Assignment => "the name of the variable in front",
        Wrapping::OtherText => "other text around it",
        Wrapping::Ellipsis => "dots at its end",
        Wrapping::Utf16 => "two bytes per character (UTF-16)",
        Wrapping::Repeated => "a copy of itself: the same token twice",
    }
}

fn id_token(token: &Token, from: &str) -> Option<Finding> {
    let claims = token.claims.as_deref()?;
    let is_id = claims.has_nonce
        && claims.scp.is_none()
        && claims.client().is_none()
        && claims.idtyp.is_none();
    is_id.then(|| {
        Finding::of(
            &ID_TOKEN,
            from,
            "this is an id token: it identifies who signed in to a client, and grants no access",
        )
        .because("it has a nonce claim, and neither scope nor client application")
    })
}

/// Something else.
pub static NOT_A_TOKEN: Problem = Problem {
    id: "claims/not-a-token",
    title: "what was given is not an access token",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("access token has invalid format", 90),
        Fragment::new("error occurred while validating the access token", 76),
        Fragment::new("no password supplied", 68),
        Fragment::new("no password has been provided", 68),
        Fragment::new("no password was provided by plugin", 68),
        Fragment::new("no password or passwordprovider", 68),
        Fragment::new("client password must be a string", 68),
        Fragment::new("the server requested scram-based authentication, but no password", 80),
        Fragment::new("sasl authentication failed", 60),
    ],
    page: Page {
        means: "The password is no token: an ordinary password, a client secret, a refresh token, \
            an id, or nothing.",
        causes: &[
            "PGPASSWORD still holds a password",
            "`$(…)` around a command that failed gave nothing",
            "the wrong field was copied",
            "a token with an additional part, or with characters that no token contains",
        ],
        confirm: &["`printf %s \"$PGPASSWORD\" | cut -c1-3` is not eyJ"],
        fix: &[(Actor::You, "get an access token for the database, and put it into PGPASSWORD")],
        mistaken_for: &[
            "login/refused: the server says \"password authentication failed\" to all of these",
        ],
        sources: &["RFC 7519", "Microsoft Learn: Connect with Microsoft Entra ID"],
    },
    ..Problem::DEFAULT
};

/// The token is truncated.
pub static TRUNCATED: Problem = Problem {
    id: "claims/truncated",
    title: "the token is cut",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("access token has invalid format", 91)],
    page: Page {
        means: "The token breaks off: a part is missing, cannot be decoded, or the signature has a \
            length that no key gives.",
        causes: &[
            "copied from a terminal or chat that shortens",
            "a prompt or form field with a limit",
            "setx, which cuts at 1,024",
        ],
        confirm: &["`printf %s \"${PGPASSWORD##*.}\" | wc -c` is not 342"],
        fix: &[(Actor::You, "do not copy by hand: export PGPASSWORD=\"$(…)\"")],
        mistaken_for: &["claims/bad-signature: there the length is right"],
        sources: &["RFC 7518, section 3.3", "pgadmin-org/pgadmin4#5114, postgres/postgres#2"],
    },
    ..Problem::DEFAULT
};

/// Other text surrounds the token.
pub static WRAPPED: Problem = Problem {
    id: "claims/wrapped",
    title: "other text surrounds the token or is inside it",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("access token has invalid format", 92)],
    page: Page {
        means: "The token itself can be read, and something is sent with it: quotation marks, the \
            word Bearer, JSON, blanks or line breaks.",
        causes: &[
            "`set PGPASSWORD=\"…\"` in cmd keeps the quotation marks",
            "`-o json` in place of `-o tsv`",
            "a file with a line break at its end",
            "a file in UTF-16, which Windows PowerShell 5 writes with >",
            "the token pasted twice",
            "warnings of a command in the same output: --only-show-errors",
        ],
        confirm: &["`printf %s \"$PGPASSWORD\" | od -c | sed -n 1p`"],
        fix: &[(Actor::You, "use `--query accessToken -o tsv`, and quote as the shell wants it")],
        mistaken_for: &["claims/truncated"],
        sources: &["PostgreSQL documentation: libpq, PGPASSWORD"],
    },
    ..Problem::DEFAULT
};

/// An id token.
pub static ID_TOKEN: Problem = Problem {
    id: "claims/id-token",
    title: "this is an id token",
    explains: EVERYTHING_AFTER,
    waiting: Waiting::Useless,
    page: Page {
        means: "An id token is made for the application that signs somebody in. Only an access \
            token opens a resource.",
        causes: &["the wrong field of a sign-in's answer"],
        confirm: &[
            "`entra-pg token --decode -`: the audience is an application's id, and there is a \
                nonce",
        ],
        fix: &[(Actor::You, "take the access token, for the database's scope")],
        mistaken_for: &["claims/wrong-audience"],
        sources: &["Microsoft Learn: ID tokens in the Microsoft identity platform"],
    },
    ..Problem::DEFAULT
};
