//! What secrets look like when nobody has told which they are.

use std::ops::Range;

/// Something that looks like a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shape {
    /// What it looks like.
    pub kind: &'static str,
    /// Where it is, in bytes.
    pub range: Range<usize>,
}

/// Every shape in a text, in order, none inside another.
#[must_use]
pub fn find(text: &str) -> Vec<Shape> {
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

fn shape_at(text: &str, bytes: &[u8], at: usize) -> Option<Shape> {
    let rest = bytes.get(at..)?;
    let shape = |kind, length: usize| Some(Shape { kind, range: at..at + length });
    // Base64url of `{"`: the first and the second part of every JSON Web Token; and base64 of that again.
    if rest.starts_with(b"eyJ") {
        let length = run(rest, is_token);
        return if length >= 20 { shape("a token", length) } else { None };
    }
    if rest.starts_with(b"ZXlK") {
        let length = run(rest, is_base64);
        return if length >= 40 { shape("a token in base64", length) } else { None };
    }
    if rest.starts_with(b"-----BEGIN") {
        let line = text.get(at..)?;
        let first = line.find("PRIVATE KEY-----").filter(|end| *end < 64)?;
        let after = first + "PRIVATE KEY-----".len();
        let end = line[after..].find("PRIVATE KEY-----").map_or(line.len(), |end| after + end + 16);
        return shape("a private key", end);
    }
    let begins = at == 0 || !is_word(bytes[at - 1]);
    // The body of a key (or a certificate, which nothing here holds) in base64.
    if begins && rest.starts_with(b"MI") {
        let length = run(rest, is_base64);
        return if length >= 64 { shape("a key in base64", length) } else { None };
    }
    // An Entra refresh token.
    if begins && (rest.starts_with(b"0.A") || rest.starts_with(b"1.A")) {
        let length = run(rest, is_token);
        return if length >= 64 { shape("a refresh token", length) } else { None };
    }
    // An Entra client secret: three characters, a digit, `Q~`, and 31 to 34 more.
    if rest.len() >= 37 && rest[4..].starts_with(b"Q~") && rest[3].is_ascii_digit() {
        let length = run(rest, is_client_secret);
        return if (37..=44).contains(&length) { shape("a client secret", length) } else { None };
    }
    // The password of a URL.
    if rest.starts_with(b"://") {
        let authority =
            run(&rest[3..], |byte| byte.is_ascii_graphic() && !b"/?#\"'<>".contains(&byte));
        let authority = &rest[3..3 + authority];
        let end = authority.iter().rposition(|byte| *byte == b'@')?;
        let colon = authority[..end].iter().position(|byte| *byte == b':')?;
        let (from, to) = (at + 3 + colon + 1, at + 3 + end);
        // What was redacted stays so.
        return (to > from && bytes.get(from) != Some(&b'('))
            .then_some(Shape { kind: "a password in an address", range: from..to });
    }
    None
}

fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| wanted(**byte)).count()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+/".contains(&byte)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte)
}

fn is_client_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::find;

    fn kinds(text: &str) -> Vec<&'static str> {
        find(text).into_iter().map(|shape| shape.kind).collect()
    }

    #[test]
    fn shapes_are_found_and_ordinary_texts_are_not() {
        assert_eq!(kinds("x eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQ.c2ln y"), ["a token"]);
        assert_eq!(kinds("eyJhdWQiOiJodHRwczovL29zc3JkYm1z"), ["a token"]);
        assert_eq!(kinds("key abC8Q~0123456789012345678901234567890123 end"), ["a client secret"]);
        assert_eq!(
            kinds("-----BEGIN RSA PRIVATE KEY----- MIIE -----END RSA PRIVATE KEY----- and on"),
            ["a private key"]
        );
        assert_eq!(kinds("http://user:geheim@proxy:3128/"), ["a password in an address"]);
        for plain in [
            "",
            "eyJ short",
            "pg-prod.postgres.database.azure.com",
            "http://proxy:3128/",
            "postgresql://alice%40contoso.com@host/db",
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "-----BEGIN CERTIFICATE----- x",
        ] {
            assert_eq!(kinds(plain), Vec::<&str>::new(), "{plain}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_looked_through(text: String) {
            for shape in find(&text) {
                proptest::prop_assert!(text.get(shape.range).is_some());
            }
        }
    }
}
