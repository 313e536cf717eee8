//! Decoding a text that should be a token, without trust. Nothing of the signature is kept, and
//! nothing of a text that is no token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_pg_checks::command::guid;
use entra_pg_checks::facts::{
    settings::Origin,
    token::{Claims, Header, Shape, Token, TokenText, Wrapping},
};
use serde_json::Value;

/// Characters of a claim that are kept.
const MOST_CHARACTERS: usize = 512;
/// Entries of a list that are kept.
const MOST_ENTRIES: usize = 256;

/// Decodes a text that should be a token.
#[must_use]
pub(crate) fn decode(text: &str, origin: Origin) -> Token {
    let (core, wrapping) = unwrap(text);
    let mut token = Token {
        origin,
        text: TokenText {
            length: text.len(),
            shape: shape(&core),
            wrapping,
            ..TokenText::default()
        },
        header: None,
        claims: None,
    };
    let mut parts = core.split('.');
    if let Some(part) = parts.next().filter(|part| part.starts_with("eyJ")) {
        token.header = object(part).map(|header| read_header(&header));
        if let Some(part) = parts.next() {
            token.claims = object(part).map(|claims| Box::new(read_claims(&claims)));
            token.text.signature_length = parts.next().map(|part| part.trim().len());
        }
        let part = match (&token.header, &token.claims) {
            (None, _) => Some("the header"),
            (_, None) => Some("the claims"),
            _ => None,
        };
        token.text.malformed = malformed(&core);
        token.text.undecodable = part.map(|part| {
            if core.contains(['+', '/', '%']) {
                format!("{part} (there are + / or % in it, which no token has)")
            } else {
                part.to_owned()
            }
        });
    }
    token
}

/// Why a text that begins as a token does not have the form of one. A missing part is not named here.
fn malformed(core: &str) -> Option<String> {
    let parts = core.split('.').count();
    if parts > 3 && parts != 5 {
        return Some(format!("it has {parts} parts, and an access token has 3"));
    }
    let foreign = core.chars().find(|character| {
        !character.is_ascii_alphanumeric() && !matches!(character, '-' | '_' | '.')
    })?;
    Some(match foreign {
        '+' | '/' | '%' | '=' | '!' | '*' => {
            format!("it contains \"{foreign}\", which no token contains")
        }
        _ => "it contains a character that no token contains".to_owned(),
    })
}

/// The name or id of the principal of a token, for the trace of credentials.
#[must_use]
pub(crate) fn who(text: &str) -> Option<String> {
    let claims = decode(text, Origin::Default).claims?;
    let Claims { upn, unique_name, preferred_username, appid, azp, .. } = *claims;
    [upn, unique_name, preferred_username, appid, azp].into_iter().flatten().next()
}

/// Takes off what does not belong to the token, so that the rest can still be judged.
fn unwrap(text: &str) -> (String, Vec<Wrapping>) {
    let mut wrapping = Vec::new();
    let mut core = text.to_owned();
    if is_utf16(text) {
        wrapping.push(Wrapping::Utf16);
        // A byte-order mark that is not UTF-8 was replaced when the text was read.
        core.retain(|character| !matches!(character, '\0' | '\u{fffd}' | '\u{feff}'));
    }
    let invisible = |character: char| {
        matches!(character, '\0' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
    };
    if core.contains(invisible) {
        wrapping.push(Wrapping::Invisible);
        core.retain(|character| !invisible(character));
    }
    loop {
        let before = core.clone();
        if core.trim() != core {
            push(&mut wrapping, Wrapping::OuterWhiteSpace);
            core = core.trim().to_owned();
        }
        for prefix in ["export PGPASSWORD=", "PGPASSWORD=", "$env:PGPASSWORD="] {
            if let Some(rest) = core.strip_prefix(prefix) {
                push(&mut wrapping, Wrapping::Assignment);
                core = rest.to_owned();
            }
        }
        if core.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
            push(&mut wrapping, Wrapping::Bearer);
            core = core[7..].to_owned();
        }
        for quote in ['"', '\'', '`'] {
            let inner = core.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inner) = inner {
                push(&mut wrapping, Wrapping::Quotes);
                core = inner.to_owned();
            }
        }
        if let Some(inner) = from_json(&core) {
            push(&mut wrapping, Wrapping::Json);
            core = inner;
        }
        if core == before {
            break;
        }
    }
    if let Some(cut) = ["...", "…", "[truncated]", "<truncated>"]
        .iter()
        .find_map(|mark| core.strip_suffix(mark))
        .filter(|cut| cut.starts_with("eyJ"))
    {
        wrapping.push(Wrapping::Ellipsis);
        core = cut.to_owned();
    }
    if !core.starts_with("eyJ")
        && let Some(inner) = embedded(&core)
    {
        wrapping.push(Wrapping::OtherText);
        core = inner;
    }
    if core.starts_with("eyJ") && core.contains(char::is_whitespace) {
        wrapping.push(Wrapping::InnerWhiteSpace);
        core.retain(|character| !character.is_whitespace());
    }
    if let Some(half) = half_of_repeated(&core) {
        wrapping.push(Wrapping::Repeated);
        core = half;
    }
    (core, wrapping)
}

/// Whether every second byte is zero, as in the files that PowerShell 5 writes with `>`.
fn is_utf16(text: &str) -> bool {
    let zeros = text.bytes().filter(|byte| *byte == 0).count();
    zeros > 8 && zeros * 5 > text.chars().count() * 2
}

fn half_of_repeated(core: &str) -> Option<String> {
    let (first, second) = core.split_at_checked(core.len() / 2)?;
    (first == second && first.starts_with("eyJ")).then(|| first.to_owned())
}

/// A token inside another text: a warning before it, a heading, the table of `az … -o table`. Shorter
/// ones than any token are not searched for.
fn embedded(text: &str) -> Option<String> {
    let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split(|c| !of_token(c))
        .find(|word| word.starts_with("eyJ") && word.len() > 100 && word.contains('.'))
        .map(str::to_owned)
}

fn push(wrapping: &mut Vec<Wrapping>, kind: Wrapping) {
    if !wrapping.contains(&kind) {
        wrapping.push(kind);
    }
}

/// What `az account get-access-token`, or the token endpoint itself, prints.
fn from_json(text: &str) -> Option<String> {
    if !text.starts_with('{') {
        return None;
    }
    let document: Value = serde_json::from_str(text).ok()?;
    let token =
        ["accessToken", "access_token", "token"].iter().find_map(|key| document[*key].as_str())?;
    Some(token.to_owned())
}

fn shape(core: &str) -> Shape {
    let base64url = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let parts: Vec<&str> = core.split('.').collect();
    if core.is_empty() {
        Shape::Empty
    } else if core.starts_with("eyJ") {
        match parts.len() {
            5 => Shape::EncryptedToken,
            3 if parts.iter().all(|part| !part.is_empty() && base64url(part)) => Shape::SignedToken,
            _ => Shape::BrokenToken,
        }
    } else if ["0.A", "1.A"].iter().any(|start| core.starts_with(start)) && core.len() > 200 {
        Shape::RefreshToken
    } else if (32..=48).contains(&core.len()) && core.get(3..6).is_some_and(secret_mark) {
        Shape::ClientSecret
    } else if guid(core).is_some() {
        Shape::Guid
    } else {
        Shape::Other
    }
}

/// Entra's client secrets carry `7Q~` or `8Q~` after three characters.
fn secret_mark(mark: &str) -> bool {
    matches!(mark, "7Q~" | "8Q~")
}

fn object(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    value.is_object().then_some(value)
}

fn read_header(header: &Value) -> Header {
    Header {
        alg: text(header, "alg").unwrap_or_default(),
        kid: text(header, "kid"),
        typ: text(header, "typ"),
        has_nonce: !header["nonce"].is_null(),
    }
}

fn read_claims(claims: &Value) -> Claims {
    let list = |key: &str| -> Vec<String> {
        let entries = claims[key].as_array().into_iter().flatten();
        entries.filter_map(Value::as_str).take(MOST_ENTRIES).map(bounded).collect()
    };
    Claims {
        aud: text(claims, "aud").or_else(|| list("aud").into_iter().next()),
        iss: text(claims, "iss"),
        tid: text(claims, "tid"),
        oid: text(claims, "oid"),
        sub: text(claims, "sub"),
        ver: text(claims, "ver"),
        iat: seconds(claims, "iat"),
        nbf: seconds(claims, "nbf"),
        exp: seconds(claims, "exp"),
        idtyp: text(claims, "idtyp"),
        upn: text(claims, "upn"),
        unique_name: text(claims, "unique_name"),
        preferred_username: text(claims, "preferred_username"),
        email: text(claims, "email"),
        name: text(claims, "name"),
        idp: text(claims, "idp"),
        scp: text(claims, "scp"),
        roles: list("roles"),
        appid: text(claims, "appid"),
        azp: text(claims, "azp"),
        appidacr: text(claims, "appidacr").or_else(|| text(claims, "azpacr")),
        app_displayname: text(claims, "app_displayname"),
        amr: list("amr"),
        xms_mirid: text(claims, "xms_mirid"),
        groups: list("groups"),
        groups_overage: !claims["_claim_names"]["groups"].is_null()
            || claims["hasgroups"].as_bool() == Some(true),
        has_nonce: !claims["nonce"].is_null(),
        uti: text(claims, "uti"),
    }
}

fn text(object: &Value, key: &str) -> Option<String> {
    object[key].as_str().map(bounded)
}

fn seconds(object: &Value, key: &str) -> Option<i64> {
    let value = &object[key];
    let whole = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    // RFC 7519, section 2: a NumericDate can have a fraction.
    let number = || value.as_f64().or_else(|| value.as_str()?.parse().ok());
    whole.or_else(|| {
        number().filter(|number| number.abs() < LATEST).map(|number| number.floor() as i64)
    })
}

/// The year 9999 in seconds since 1970.
const LATEST: f64 = 253_402_300_800.0;

fn bounded(text: &str) -> String {
    text.chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::decode;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use entra_pg_checks::facts::{
        settings::Origin,
        token::{Shape, Wrapping},
    };

    fn sample() -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"aud":"a","exp":"12","groups":["g"],"upn":"ü@x"}"#);
        format!("{header}.{claims}.{}", "Sig-nature_".repeat(31))
    }

    #[test]
    fn reads_claims_and_measures_the_signature() {
        let token = decode(&sample(), Origin::Default);
        let claims = token.claims.expect("claims");
        assert_eq!((claims.aud.as_deref(), claims.exp), (Some("a"), Some(12)));
        assert_eq!(claims.upn.as_deref(), Some("ü@x"));
        assert_eq!(
            (token.text.shape, token.text.signature_length),
            (Shape::SignedToken, Some(341))
        );
    }

    #[test]
    fn tells_what_is_around_a_token() {
        let cases = [
            (format!("\"{}\"", sample()), Wrapping::Quotes),
            (format!("Bearer {}", sample()), Wrapping::Bearer),
            (format!("{}\n", sample()), Wrapping::OuterWhiteSpace),
            (format!("{{\"accessToken\":\"{}\"}}", sample()), Wrapping::Json),
            (sample().replace('.', ".\n"), Wrapping::InnerWhiteSpace),
            (format!("\u{feff}{}", sample()), Wrapping::Invisible),
            (format!("WARNING: old version\n{}", sample()), Wrapping::OtherText),
            (format!("AccessToken  {}  Bearer", sample()), Wrapping::OtherText),
            (format!("{}...", sample()), Wrapping::Ellipsis),
            (utf16(&sample()), Wrapping::Utf16),
            (format!("{}\0", sample()), Wrapping::Invisible),
            (sample().repeat(2), Wrapping::Repeated),
        ];
        for (text, wrapping) in cases {
            let token = decode(&text, Origin::Default);
            assert_eq!(token.text.wrapping, [wrapping]);
            assert!(token.claims.is_some(), "{wrapping:?}");
        }
    }

    /// A file in UTF-16 with a byte-order mark, as it is read.
    fn utf16(text: &str) -> String {
        let bytes = text.encode_utf16().flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(bytes).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn tells_why_a_token_is_malformed() {
        let malformed = |text: String| decode(&text, Origin::Default).text.malformed;
        assert_eq!(malformed(sample()), None);
        for text in [
            format!("{}.abc", sample()),
            format!("{}.", sample()),
            format!("{}*", sample()),
            sample().replacen('.', "=.", 1),
            sample().replacen("eyJ", "eyJ!", 1),
        ] {
            assert!(malformed(text.clone()).is_some(), "{text}");
        }
    }

    #[test]
    fn reads_times_with_fractions() {
        let exp = |exp: &str| {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
            let claims = URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}"));
            let token = decode(&format!("{header}.{claims}.{}", "a".repeat(342)), Origin::Default);
            token.claims.expect("claims").exp
        };
        assert_eq!(exp("1700000000.5"), Some(1_700_000_000));
        assert_eq!(exp("\"1700000000\""), Some(1_700_000_000));
        for unreadable in ["null", "{}", "true", "1e30", "18446744073709551616"] {
            assert_eq!(exp(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn tells_what_is_no_token() {
        let shape = |text: &str| decode(text, Origin::Default).text.shape;
        assert_eq!(shape("hunter2"), Shape::Other);
        assert_eq!(shape(""), Shape::Empty);
        assert_eq!(shape("abc8Q~0123456789012345678901234567890123"), Shape::ClientSecret);
        assert_eq!(shape("04b07795-8ddb-461a-bbee-02f9e1bf7b46"), Shape::Guid);
        assert_eq!(shape("eyJhbGciOiJSUzI1NiJ9.eyJhdWQ"), Shape::BrokenToken);
        assert_eq!(shape("eyJh.b.c.d.e"), Shape::EncryptedToken);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived_and_none_of_it_kept(text in "[a-zA-Z0-9._~\" \\-]{0,400}") {
            let token = decode(&text, Origin::Default);
            let facts = serde_json::to_string(&token).expect("JSON");
            let characters: Vec<char> = text.chars().collect();
            for window in characters.windows(24).filter(|_| token.claims.is_none()) {
                let piece: String = window.iter().collect();
                proptest::prop_assert!(!facts.contains(&piece));
            }
        }
    }
}
