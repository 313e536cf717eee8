//! What secrets look like if it is not known which they are.

use super::view::visible;
use std::ops::Range;

/// Something that looks like a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Shape {
    /// What it looks like.
    pub(crate) kind: &'static str,
    /// Where it is, in bytes.
    pub(crate) range: Range<usize>,
}

/// The shape of a password in a URL, which the tool's own examples have, too.
pub(crate) const IN_ADDRESS: &str = "a password in an address";

/// Every secret that is recognized by its own shape, in order, none inside another. Invisible characters
/// do not hide one.
#[must_use]
pub(crate) fn find(text: &str) -> Vec<Shape> {
    in_visible(text, find_in)
}

/// Every secret that is recognized by what precedes it, such as `password=` or `Authorization:`.
#[must_use]
pub(crate) fn assigned(text: &str) -> Vec<Shape> {
    in_visible(text, assigned_in)
}

fn in_visible(text: &str, search: fn(&str) -> Vec<Shape>) -> Vec<Shape> {
    let Some((shown, sources)) = visible(text) else { return search(text) };
    let position = |at: usize| sources.get(at).copied().unwrap_or(text.len());
    let mut shapes = search(&shown);
    for shape in &mut shapes {
        let last = shape.range.end.saturating_sub(1);
        shape.range = position(shape.range.start)..position(last) + 1;
    }
    shapes
}

fn find_in(text: &str) -> Vec<Shape> {
    let bytes = text.as_bytes();
    let mut shapes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match shape_at(text, bytes, at) {
            Some(shape) => {
                at = shape.range.end.max(at + 1);
                shapes.push(shape);
            }
            None => at += 1,
        }
    }
    shapes
}

/// A secret with a fixed beginning.
struct Prefix {
    kind: &'static str,
    text: &'static [u8],
    /// Which bytes follow.
    wanted: fn(u8) -> bool,
    /// How many bytes follow at least.
    least: usize,
}

const fn prefix(
    kind: &'static str,
    text: &'static [u8],
    wanted: fn(u8) -> bool,
    least: usize,
) -> Prefix {
    Prefix { kind, text, wanted, least }
}

const PREFIXES: [Prefix; 16] = [
    prefix("a refresh token", b"0.A", is_token, 61),
    prefix("a refresh token", b"1.A", is_token, 61),
    prefix("a refresh token", b"M.C", is_refresh, 24),
    prefix("a refresh token", b"M.R", is_refresh, 24),
    prefix("a GitHub token", b"ghp_", is_word, 20),
    prefix("a GitHub token", b"gho_", is_word, 20),
    prefix("a GitHub token", b"ghu_", is_word, 20),
    prefix("a GitHub token", b"ghs_", is_word, 20),
    prefix("a GitHub token", b"ghr_", is_word, 20),
    prefix("a GitHub token", b"github_pat_", is_word, 20),
    prefix("a GitLab token", b"glpat-", is_base64, 16),
    prefix("a Slack token", b"xoxb-", is_base64, 16),
    prefix("a Slack token", b"xoxp-", is_base64, 16),
    prefix("a Slack token", b"xoxa-", is_base64, 16),
    prefix("a Slack token", b"xoxs-", is_base64, 16),
    prefix("an npm token", b"npm_", is_word, 30),
];

/// A client secret of 40 characters, a line break and some blanks.
const LONGEST_WRAPPED_SECRET: usize = 48;

fn shape_at(text: &str, bytes: &[u8], at: usize) -> Option<Shape> {
    let rest = bytes.get(at..)?;
    let shape = |kind, length: usize| Some(Shape { kind, range: at..at + length });
    // Base64url of `{"`: the first and the second part of every JSON Web Token; and base64 and hex of that.
    if rest.starts_with(b"eyJ") {
        let length = spread(rest, is_token);
        return if length >= 20 { shape("a token", length) } else { None };
    }
    if rest.starts_with(b"ZXlK") {
        let length = spread(rest, is_base64);
        return if length >= 40 { shape("a token in base64", length) } else { None };
    }
    if rest.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"65794a")) {
        let length = run(rest, |byte| byte.is_ascii_hexdigit());
        return if length >= 40 { shape("a token in hex", length) } else { None };
    }
    if rest.starts_with(b"-----BEGIN") {
        let line = text.get(at..)?;
        let first = rest.get(..rest.len().min(96))?;
        let first = first.windows(16).position(|part| part == b"PRIVATE KEY-----")?;
        let after = first + "PRIVATE KEY-----".len();
        let end =
            line.get(after..)?.find("PRIVATE KEY-----").map_or(line.len(), |end| after + end + 16);
        return shape("a private key", end);
    }
    // An Entra client secret: three characters, a digit, `Q~`, and 31 to 34 more.
    if rest.len() >= 37 && rest[4..].starts_with(b"Q~") && rest[3].is_ascii_digit() {
        let length =
            over_lines(rest, run(rest, is_client_secret), is_client_secret, LONGEST_WRAPPED_SECRET);
        return if (37..=LONGEST_WRAPPED_SECRET).contains(&length) {
            shape("a client secret", length)
        } else {
            None
        };
    }
    if rest.starts_with(b"://") {
        return in_address(bytes, at);
    }
    if at > 0 && is_word(bytes[at - 1]) {
        return None;
    }
    if let Some(prefix) = PREFIXES.iter().find(|prefix| rest.starts_with(prefix.text)) {
        let length = over_lines(rest, run(rest, prefix.wanted), prefix.wanted, usize::MAX);
        let long = length >= prefix.text.len() + prefix.least;
        return if long { shape(prefix.kind, length) } else { None };
    }
    // Longer runs are not measured: only these lengths count.
    let key = rest.get(..rest.len().min(96))?;
    let length = run(key, is_base64);
    // The body of a key (or a certificate, which nothing here holds) in base64.
    if rest.starts_with(b"MI") && length >= 64 {
        return shape("a key in base64", run(rest, is_base64));
    }
    // The key of a storage account: 64 bytes.
    if length == 88 && key[..88].ends_with(b"==") {
        return shape("a key in base64", length);
    }
    // A personal access token of Azure DevOps.
    if length == 84 && key[76..80] == *b"AZDO" {
        return shape("an Azure DevOps token", length);
    }
    None
}

fn in_address(bytes: &[u8], at: usize) -> Option<Shape> {
    let rest = bytes.get(at + 3..)?;
    let authority = run(rest, |byte| byte.is_ascii_graphic() && !b"/?#\"'<>".contains(&byte));
    let authority = rest.get(..authority)?;
    let end = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority[..end].iter().position(|byte| *byte == b':')?;
    let (from, to) = (at + 3 + colon + 1, at + 3 + end);
    // What was redacted or masked stays so.
    let hidden = matches!(bytes.get(from), Some(b'(' | b'*'));
    (to > from && !hidden).then_some(Shape { kind: IN_ADDRESS, range: from..to })
}

/// The length of a run that blanks, line breaks or quotation marks may break into groups. A group that
/// reads like a word ends it.
fn spread(bytes: &[u8], wanted: fn(u8) -> bool) -> usize {
    let mut end = run(bytes, wanted);
    let mut group = end;
    while let Some(rest) = bytes.get(end..) {
        let gap = run(rest, |byte| b" \t\r\n\"'\\,|".contains(&byte));
        let next = run(&rest[gap..], wanted);
        let part = &rest[gap..gap + next];
        let coded =
            part.iter().skip(1).any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if gap == 0 || gap > 4 || next == 0 || !(coded && next >= 4 || next == group) {
            break;
        }
        end += gap + next;
        group = next;
    }
    end
}

/// The length of a run with its next lines, if each is one random text and nothing else, and the whole is
/// not longer than `most`.
fn over_lines(bytes: &[u8], first: usize, wanted: fn(u8) -> bool, most: usize) -> usize {
    let mut end = first;
    while let Some(rest) = bytes.get(end..) {
        let gap = run(rest, |byte| b" \t\r\n".contains(&byte));
        let line = rest.get(gap..).unwrap_or_default();
        let length = run(line, wanted);
        let whole = line.get(length).is_none_or(|byte| b"\r\n\"'".contains(byte));
        let part = &line[..length];
        let coded = part.iter().any(u8::is_ascii_digit) && part.iter().any(u8::is_ascii_alphabetic);
        let broken = rest[..gap].contains(&b'\n');
        if !(broken && whole && coded && length >= 6) || end + gap + length > most {
            break;
        }
        end += gap + length;
    }
    end
}

/// The last words of names of secrets, without separators.
const NAMES: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accountkey",
    "accesskey",
    "privatekey",
    "accesssignature",
    "signature",
    "sig",
    "assertion",
    "authorization",
    "cookie",
    "identityheader",
    "devicecode",
    "usercode",
    "subscriptionkey",
];

fn assigned_in(text: &str) -> Vec<Shape> {
    let bytes = text.as_bytes();
    let mut shapes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = run(&bytes[at..], |byte| is_word(byte) || byte == b'-');
        if length == 0 {
            at += 1;
            continue;
        }
        let end = at + length;
        // A name is not longer than this; the end of it decides.
        let name: String = bytes[end.saturating_sub(length.min(40))..end]
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        let found = value_of(text, end, &name);
        at = end;
        if let Some(shape) = found {
            at = shape.range.end.max(end);
            shapes.push(shape);
        }
    }
    shapes
}

/// The secret behind a name that ends at a position.
fn value_of(text: &str, end: usize, name: &str) -> Option<Shape> {
    let bytes = text.as_bytes();
    let shape = |kind, from: usize, length: usize| Some(Shape { kind, range: from..from + length });
    match name {
        "bearer" | "basic" => {
            let from = end + run(bytes.get(end..)?, |byte| byte == b' ');
            let value = bytes.get(from..from + run(&bytes[from..], is_token))?;
            let coded = value.iter().any(u8::is_ascii_digit) || value.ends_with(b"=");
            return (from > end && value.len() >= 12 && coded)
                .then_some(Shape { kind: "credentials", range: from..from + value.len() });
        }
        "code" => return device_code(text, end),
        _ => {}
    }
    let known = NAMES.iter().find(|known| name.ends_with(**known))?;
    let rest = bytes.get(end..)?;
    let mut from = end + run(rest, |byte| b"\"'\\ ".contains(&byte)).min(4);
    let colon = match bytes.get(from)? {
        b'=' => false,
        b':' => true,
        _ => return None,
    };
    from += 1;
    from += run(bytes.get(from..)?, |byte| b" >\t".contains(&byte)).min(8);
    if *known == "cookie" {
        let length = run(bytes.get(from..)?, |byte| byte != b'\n' && byte != b'\r');
        return if length > 0 { shape("a cookie", from, length) } else { None };
    }
    let quote = bytes.get(from).copied().filter(|byte| b"\"'".contains(byte));
    if let Some(quote) = quote {
        let length = run(bytes.get(from + 1..)?, |byte| byte != quote && byte != b'\n');
        return value(bytes, from + 1, length, known).filter(|_| length > 0);
    }
    if *known == "authorization" {
        let scheme = run(bytes.get(from..)?, |byte| byte.is_ascii_alphabetic());
        if bytes.get(from + scheme) == Some(&b' ') {
            from += scheme + 1;
        }
    }
    let ends = |byte: u8| {
        byte.is_ascii_whitespace()
            || b"\"'<>,;)]}".contains(&byte)
            || byte == b'&' && *known != "accesssignature"
    };
    let length = run(bytes.get(from..)?, |byte| !ends(byte));
    let text = bytes.get(from..from + length)?;
    // Prose uses a colon, too: `token: expired`.
    let coded =
        text.len() >= 20 || text.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b'.');
    if colon && !coded && *known != "authorization" {
        return None;
    }
    // A long value may be wrapped.
    let length = if coded && length >= 20 {
        over_lines(&bytes[from..], length, is_token, usize::MAX)
    } else {
        length
    };
    value(bytes, from, length, known)
}

/// A value, unless it is a placeholder, a variable or redacted before.
fn value(bytes: &[u8], from: usize, length: usize, name: &str) -> Option<Shape> {
    let text = bytes.get(from..from + length)?;
    let placeholder =
        matches!(text.first(), None | Some(b'$' | b'<' | b'(' | b'*' | b'%' | b'{' | b'['));
    let word = [&b"true"[..], b"false", b"null", b"none", b"required"];
    if placeholder || text.starts_with("…".as_bytes()) || word.contains(&text) {
        return None;
    }
    let kind = match name {
        "password" | "passwd" | "passphrase" | "pwd" => "a password",
        "secret" => "a secret",
        "token" | "assertion" => "a token",
        "sig" | "signature" | "accesssignature" => "a signature",
        "devicecode" | "usercode" => "a device code",
        _ => "credentials",
    };
    Some(Shape { kind, range: from..from + length })
}

/// `enter the code ABCD12345 to authenticate`.
fn device_code(text: &str, end: usize) -> Option<Shape> {
    let bytes = text.as_bytes();
    let from = end + run(bytes.get(end..)?, |byte| byte == b' ');
    let length = run(&bytes[from..], |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let before = bytes.get(end.saturating_sub(14)..end)?;
    let asked = before.eq_ignore_ascii_case(b"enter the code")
        || bytes[from + length..].starts_with(b" to auth");
    (from > end && asked && (6..=12).contains(&length))
        .then_some(Shape { kind: "a device code", range: from..from + length })
}

fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    let length = bytes.iter().take_while(|byte| wanted(**byte)).count();
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + length + 1));
    length
}

#[cfg(test)]
thread_local! {
    /// Bytes that [`run`] has read on this thread.
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a search gives, and the bytes that it read one by one: the measure of its work.
#[cfg(test)]
pub(super) fn steps<T>(search: impl FnOnce() -> T) -> (T, usize) {
    let before = STEPS.get();
    let found = search();
    (found, STEPS.get() - before)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+/".contains(&byte)
}

fn is_refresh(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!*$".contains(&byte)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte)
}

fn is_client_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{assigned, find};

    fn kinds(text: &str) -> Vec<&'static str> {
        find(text).into_iter().map(|shape| shape.kind).collect()
    }

    #[test]
    fn shapes_are_found_and_ordinary_texts_are_not() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQ.c2ln";
        assert_eq!(kinds(&format!("x {token} y")), ["a token"]);
        assert_eq!(kinds("eyJhdWQiOiJodHRwczovL29zc3JkYm1z"), ["a token"]);
        let hidden: String = token.chars().flat_map(|c| [c, '\u{200b}']).collect();
        assert_eq!(kinds(&hidden), ["a token"]);
        let grouped: Vec<&str> = (0..3).map(|at| &token[at * 15..at * 15 + 15]).collect();
        let grouped = grouped.join("\n") + " was refused";
        assert_eq!(&grouped[find(&grouped)[0].range.end..], " was refused");
        let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(kinds(&hex), ["a token in hex"]);
        assert_eq!(kinds("key abC8Q~0123456789012345678901234567890123 end"), ["a client secret"]);
        assert_eq!(
            kinds("-----BEGIN RSA PRIVATE KEY----- MIIE -----END RSA PRIVATE KEY----- and on"),
            ["a private key"]
        );
        assert_eq!(kinds("http://user:geheim@proxy:3128/"), ["a password in an address"]);
        assert_eq!(kinds(&format!("M.C530_BAY.0.U.-{}", "Abc!*$1".repeat(9))), ["a refresh token"]);
        assert_eq!(kinds("ghp_0123456789abcdefghijABCDEFGHIJ012345"), ["a GitHub token"]);
        assert_eq!(kinds("github_pat_11ABCDEFG0abcdefghijkl_mnop"), ["a GitHub token"]);
        assert_eq!(
            kinds(&format!("{}==", "aB3/".repeat(22)[..86].to_owned())),
            ["a key in base64"]
        );
        for plain in [
            "",
            "eyJ short",
            "pg-prod.postgres.database.azure.com",
            "http://proxy:3128/",
            "http://user:(redacted: a password in an address)@proxy:3128/",
            "postgresql://alice%40contoso.com@host/db",
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "-----BEGIN CERTIFICATE----- x",
        ] {
            assert_eq!(kinds(plain), Vec::<&str>::new(), "{plain}");
        }
    }

    #[test]
    fn secrets_over_several_lines_are_whole() {
        let secret = "kQ87Q~vN3mXr0ZtYcB5aWq2Lp9DfHjKsEuGx1abcd";
        for (text, found) in [
            (format!("{}\n{}", &secret[..20], &secret[20..]), 0..secret.len() + 1),
            (format!("key {}\r\n  {}\n", &secret[..30], &secret[30..]), 4..secret.len() + 8),
            (format!("{secret}\nAADSTS7000215: no"), 0..secret.len()),
            ("ghp_AbCdEfGhIjKlMnOpQrStUv\nWxYz0123456789\nend".to_owned(), 0..41),
        ] {
            assert_eq!(find(&text).first().map(|shape| shape.range.clone()), Some(found), "{text}");
        }
        let text = "AccountKey=aB3dE5gH7jK9mN1pQ3sT\n5vW7yZ9bC2eF4hJ6==";
        assert_eq!(assigned(text)[0].range, 11..text.len());
    }

    #[test]
    fn values_behind_the_names_of_secrets_are_found() {
        for (text, secret) in [
            ("Server=x;Password=Geheim1;User=y", "Geheim1"),
            ("client_secret='two words' next", "two words"),
            ("{\"client_secret\": \"abc\"}", "abc"),
            ("https://x/?sv=1&sig=ab%2Bc%3D&se=2", "ab%2Bc%3D"),
            ("AccountName=a;AccountKey=abc==;E=x", "abc=="),
            ("SharedAccessSignature=sr=a&sig=b;x", "sr=a&sig=b"),
            ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
            ("Authorization: Bearer abc.def", "abc.def"),
            ("got Bearer 0123456789abcdef back", "0123456789abcdef"),
            ("Set-Cookie: a=b; Path=/\nnext", "a=b; Path=/"),
            ("x-identity-header: abc1\n", "abc1"),
            ("enter the code ABCD12345 to authenticate", "ABCD12345"),
            ("password: hunter2", "hunter2"),
            ("pass\u{200b}word=Geheim1", "Geheim1"),
        ] {
            let found: Vec<&str> =
                assigned(text).into_iter().map(|shape| &text[shape.range]).collect();
            assert_eq!(found, [secret], "{text}");
        }
        for plain in [
            "password authentication failed for user \"alice\"",
            "export PGPASSWORD=\"$(entra-pg token --show-token)\"",
            "client_secret=<secret> token=(redacted: the token)",
            "invalid token: expired",
            "error code AADSTS50076, status code 12345678",
            "The Basic authentication scheme",
            "AADSTS7000215: Invalid client secret provided.",
        ] {
            assert_eq!(assigned(plain), [], "{plain}");
        }
    }

    #[test]
    fn a_character_of_several_bytes_after_a_password_is_not_cut() {
        let text = "password\u{200b}://\u{a1} ";
        for shape in find(text).into_iter().chain(assigned(text)) {
            assert!(text.get(shape.range).is_some());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_searched(text in "(.|password|=|:|\"|eyJ| |\u{200b}|://|@|code ){0,30}") {
            for shape in find(&text).into_iter().chain(assigned(&text)) {
                proptest::prop_assert!(text.get(shape.range).is_some());
            }
        }
    }
}
