//! Every secret of a run, so that it can be found in outputs, where it must not be.

use super::{Secret, shapes, view::Squeezed};
use crate::environment::Environment;
use crate::sync::lock;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use data_encoding::HEXLOWER;
use percent_encoding::percent_decode_str;
use std::{
    cell::OnceCell,
    fmt,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, Weak},
};
use zeroize::Zeroizing;

/// The secrets of a run; copies share them.
#[derive(Clone, Default)]
pub struct Secrets {
    known: Arc<Mutex<Vec<Known>>>,
    /// Names that were typed in clear.
    spared: Arc<Mutex<Vec<String>>>,
}

struct Known {
    /// What it is, such as "PGPASSWORD".
    label: String,
    secret: Arc<Secret>,
    /// What is searched for; made when first needed, since most runs need it once and some never.
    traces: OnceLock<Arc<Traces>>,
}

/// The traces that were made last. The targets of a fleet have the same few secrets, each with a copy of
/// its own, and the traces of a token are many times as long as the token.
static MADE: Mutex<Vec<Weak<Traces>>> = Mutex::new(Vec::new());
/// How many of them are found again.
const REMEMBERED: usize = 16;

/// What a secret leaves in a text that holds it.
#[derive(Default)]
struct Traces {
    /// The secret that leaves them.
    secret: Zeroizing<String>,
    /// Texts that are searched for as they are.
    exact: Vec<Zeroizing<String>>,
    /// Its parts in each encoding, squeezed.
    forms: Vec<Form>,
    /// Every stretch of a token or a key in each encoding, squeezed and sorted.
    stretches: Zeroizing<Vec<u128>>,
}

type Form = (&'static str, Zeroizing<String>);

/// A text shorter than this, or a plain word, is in too many places by chance.
const SHORTEST: usize = 8;
/// A shorter text is not searched for at all.
const SHORTEST_WORD: usize = 4;
/// A stretch of a token or key of this length gives it away: as many bytes as a `u128` has.
const STRETCH: usize = 16;
/// A key or token in a file is not longer.
const FILE_LIMIT: u64 = 64 * 1024;

impl Secrets {
    /// The secrets that the environment holds or names a file of.
    #[must_use]
    pub(crate) fn of_environment(environment: &Environment) -> Self {
        let secrets = Self::default();
        for (name, value) in environment.pairs() {
            let upper = name.to_ascii_uppercase();
            let named = [
                "PASSWORD",
                "PASSWD",
                "SECRET",
                "TOKEN",
                "API_KEY",
                "ACCESS_KEY",
                "PRIVATE_KEY",
                "IDENTITY_HEADER",
            ]
            .iter()
            .any(|word| upper.contains(word));
            let place =
                ["_FILE", "_PATH", "_URL", "_URI", "_DIR"].iter().any(|end| upper.ends_with(end));
            if named && !place {
                secrets.keep(name, Arc::new(Secret::new(value.to_owned())));
            }
            if upper.ends_with("_PROXY")
                && let Some(password) = password_of(value)
            {
                secrets.keep(&format!("the password in {name}"), Arc::new(Secret::new(password)));
            }
        }
        for name in ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"] {
            if let Some(text) = environment.get(name).and_then(|path| read(Path::new(path))) {
                secrets.keep(&format!("the file of {name}"), Arc::new(text));
            }
        }
        secrets
    }

    /// The same secrets, to which others can be added.
    #[must_use]
    pub(crate) fn fork(&self) -> Self {
        let copy = Self::default();
        self.known().iter().for_each(|known| copy.keep(&known.label, Arc::clone(&known.secret)));
        copy
    }

    /// Remembers a secret.
    pub fn keep(&self, label: &str, secret: Arc<Secret>) {
        let mut known = self.known();
        let again = known.iter().any(|other| other.secret.expose() == secret.expose());
        if !secret.is_empty() && !again {
            // The label is printed in place of the secret.
            let plain = |c: char| c.is_ascii_alphanumeric() || " _-.()".contains(c);
            let label = label.chars().map(|c| if plain(c) { c } else { '?' }).collect();
            known.push(Known { label, secret, traces: OnceLock::new() });
        }
    }

    /// Names that were typed in clear, such as the user. A secret that is a part of one is not removed
    /// from texts, unless it has the shape of a token.
    pub(crate) fn spare(&self, names: Vec<String>) {
        *lock(&self.spared) = names;
    }

    /// The labels of secrets that are not searched for, since they are short or plain words.
    #[must_use]
    pub(crate) fn too_common(&self) -> Vec<String> {
        let common = |known: &&Known| kind(known.secret.expose().trim()) == Kind::Common;
        self.known().iter().filter(common).map(|known| known.label.clone()).collect()
    }

    /// The label of the token or key that a short text is a part of.
    #[must_use]
    pub(crate) fn part_of(&self, text: &str) -> Option<String> {
        let part = Squeezed::of(text).text;
        if part.len() < SHORTEST {
            return None;
        }
        let holds = |fragment: &Zeroizing<String>| {
            is_coded(fragment) && Zeroizing::new(Squeezed::of(fragment).text).contains(&part)
        };
        let known = self.known();
        let found = known.iter().find(|known| fragments(known.secret.expose()).iter().any(holds));
        found.map(|known| known.label.clone())
    }

    /// The secrets in a text, in which form, and where, in bytes; with those that were spared.
    #[must_use]
    pub(crate) fn in_text(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let found = self.places(text, &[]).into_iter();
        found.map(|(label, form, range)| (format!("{label} ({form})"), range)).collect()
    }

    /// The same without those that were spared.
    #[must_use]
    pub(crate) fn left_in(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let found = self.places(text, &self.spared()).into_iter();
        found.map(|(label, form, range)| (format!("{label} ({form})"), range)).collect()
    }

    /// The text without them, and without anything that looks like a secret; `None` if there is nothing
    /// to remove.
    #[must_use]
    pub(crate) fn redacted(&self, text: &str) -> Option<String> {
        let shapes = shapes::find(text).into_iter().chain(shapes::assigned(text));
        self.replaced(text, shapes, &|_| false)
    }

    /// An output without them. The tool's own pages have examples such as `password=…` and passwords in
    /// addresses, and every word can be a password. So only what has the shape of a token or key, and a
    /// known secret that is not a word, is removed.
    #[must_use]
    pub(crate) fn redacted_output(&self, text: &str) -> Option<String> {
        let shapes = shapes::find(text).into_iter();
        let shapes = shapes.filter(|shape| shape.kind != shapes::IN_ADDRESS);
        self.replaced(text, shapes, &|secret| {
            secret.len() < SHORTEST || secret.chars().all(char::is_alphabetic)
        })
    }

    /// The text without these shapes and without the secrets that are not left out.
    fn replaced(
        &self,
        text: &str,
        shapes: impl Iterator<Item = shapes::Shape>,
        left_out: &dyn Fn(&str) -> bool,
    ) -> Option<String> {
        let mut places: Vec<(Range<usize>, String)> =
            shapes.map(|shape| (shape.range, shape.kind.to_owned())).collect();
        let known = self.places_but(text, &self.spared(), left_out).into_iter();
        places.extend(known.map(|(label, _, range)| (range, label)));
        if places.is_empty() {
            return None;
        }
        // Of two that begin together the longer one, and of two equal ones the known secret, counts.
        places.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut out = String::new();
        let mut at = 0;
        for (range, what) in places {
            if range.start >= at {
                out.push_str(text.get(at..range.start).unwrap_or_default());
                out.push_str(&format!("(redacted: {what})"));
            }
            at = at.max(range.end);
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Some(out)
    }

    fn spared(&self) -> Vec<String> {
        lock(&self.spared).clone()
    }

    fn places(&self, text: &str, spared: &[String]) -> Vec<(String, &'static str, Range<usize>)> {
        self.places_but(text, spared, &|_| false)
    }

    fn places_but(
        &self,
        text: &str,
        spared: &[String],
        left_out: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, &'static str, Range<usize>)> {
        let is_spared = |secret: &str| {
            let lower = secret.to_ascii_lowercase();
            spared.iter().any(|name| name.to_ascii_lowercase().contains(&lower))
                && shapes::find(secret).is_empty()
        };
        let squeezed = OnceCell::new();
        let mut found = Vec::new();
        for known in self.known().iter() {
            let secret = known.secret.expose().trim();
            if left_out(secret) || is_spared(secret) {
                continue;
            }
            let squeezed = squeezed.get_or_init(|| Squeezed::of(text));
            let places = known.places(text, squeezed).into_iter();
            found.extend(places.map(|(form, range)| (known.label.clone(), form, range)));
        }
        found
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        lock(&self.known)
    }
}

impl Known {
    /// Where it is in a text, with the form. Of tokens and keys any stretch counts.
    fn places(&self, text: &str, squeezed: &Squeezed) -> Vec<(&'static str, Range<usize>)> {
        let traces = self.traces.get_or_init(|| Traces::shared(self.secret.expose().trim()));
        let mut places = Vec::new();
        let any = !self.is_word();
        for exact in &traces.exact {
            let alone = |range: &Range<usize>| any || is_word_of(text, range);
            let found = text.match_indices(exact.as_str()).map(|(at, part)| at..at + part.len());
            places.extend(found.filter(alone).map(|range| ("as it is", range)));
        }
        for (form, needle) in &traces.forms {
            let found = squeezed.text.match_indices(needle.as_str());
            places.extend(found.map(|(at, part)| (*form, squeezed.source(&(at..at + part.len())))));
        }
        let stretches = traces.stretches_in(&squeezed.text).into_iter();
        places.extend(stretches.map(|range| ("in part", squeezed.source(&range))));
        // A place inside another does not count.
        places.sort_by_key(|(_, range)| (range.start, std::cmp::Reverse(range.end)));
        let mut covered = 0;
        places.retain(|(_, range)| {
            let new = range.end > covered && text.get(range.clone()).is_some();
            covered = covered.max(range.end);
            new
        });
        places
    }

    fn is_word(&self) -> bool {
        kind(self.secret.expose().trim()) == Kind::Word
    }
}

/// Whether a part of a text is a word of its own.
fn is_word_of(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).and_then(|text| text.chars().next_back());
    let after = text.get(range.end..).and_then(|text| text.chars().next());
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
}

impl Traces {
    /// The traces of a secret; those of the last few secrets are made once.
    fn shared(secret: &str) -> Arc<Self> {
        let mut made = lock(&MADE);
        made.retain(|traces| traces.strong_count() > 0);
        let known = made.iter().filter_map(Weak::upgrade).find(|known| *known.secret == secret);
        known.unwrap_or_else(|| {
            let traces = Arc::new(Self::of(secret));
            if made.len() == REMEMBERED {
                made.remove(0);
            }
            made.push(Arc::downgrade(&traces));
            traces
        })
    }

    fn of(secret: &str) -> Self {
        let mut traces = Self { secret: Zeroizing::new(secret.to_owned()), ..Self::default() };
        match kind(secret) {
            Kind::Common | Kind::Coded => {}
            Kind::Word | Kind::Text => traces.exact.push(Zeroizing::new(secret.to_owned())),
        }
        if matches!(kind(secret), Kind::Text | Kind::Coded) {
            let mut windows_of = Vec::new();
            for fragment in fragments(secret) {
                let forms = forms(&fragment);
                windows_of.extend(forms.iter().map(|(_, form)| form.clone()));
                traces.forms.extend(forms);
            }
            if kind(secret) == Kind::Coded {
                // As long as it can get: what a longer one would leave behind is not overwritten.
                let length = windows_of.iter().map(|form| form.len()).sum();
                let mut stretches = Zeroizing::new(Vec::with_capacity(length));
                stretches.extend(windows_of.iter().flat_map(|form| windows(form)));
                stretches.sort_unstable();
                traces.stretches = stretches;
            }
        }
        traces
    }

    /// The stretches of a text that are stretches of the secret, joined if they touch.
    fn stretches_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        if self.stretches.is_empty() {
            return ranges;
        }
        for (at, window) in windows(text).enumerate() {
            if self.stretches.binary_search(&window).is_ok() {
                match ranges.last_mut() {
                    Some(last) if last.end >= at => last.end = at + STRETCH,
                    _ => ranges.push(at..at + STRETCH),
                }
            }
        }
        ranges
    }
}

/// Every stretch of a text, each byte shifted into the one before.
fn windows(text: &str) -> impl Iterator<Item = u128> {
    let mut window = 0;
    text.bytes()
        .map(move |byte| {
            window = window << 8 | u128::from(byte);
            window
        })
        .skip(STRETCH - 1)
}

/// How a secret can be searched for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Not at all: it is too short, or a plain word.
    Common,
    /// As a word of its own.
    Word,
    /// As a whole, in each encoding.
    Text,
    /// By any stretch of it: a token, a key, a random text.
    Coded,
}

fn kind(secret: &str) -> Kind {
    let plain = secret.bytes().all(|byte| byte.is_ascii_lowercase());
    let length = secret.len();
    if length < SHORTEST_WORD || plain && length < 2 * SHORTEST {
        Kind::Common
    } else if length < SHORTEST {
        Kind::Word
    } else if is_coded(secret) {
        Kind::Coded
    } else {
        Kind::Text
    }
}

/// Whether a text is random: a token, a key, or one whose letters and digits alternate often.
fn is_coded(secret: &str) -> bool {
    if secret.starts_with("eyJ") || secret.contains("-----BEGIN") || secret.len() > 200 {
        return true;
    }
    secret.len() >= 24 && alternates(secret) || !shapes::find(secret).is_empty()
}

/// Whether lower case, upper case, digits and other characters alternate often.
pub(super) fn alternates(text: &str) -> bool {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let changes =
        text.as_bytes().windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
    changes * 3 >= text.len()
}

/// The parts that are secrets by themselves. Of a document that holds a token, such as the output of
/// `az account get-access-token`, only the token is a secret.
fn fragments(secret: &str) -> Vec<Zeroizing<String>> {
    let part = |text: &str| Zeroizing::new(text.to_owned());
    if secret.contains("-----BEGIN") {
        let lines = secret.lines().map(str::trim);
        return lines
            .filter(|line| line.len() >= STRETCH && !line.contains("-----"))
            .map(part)
            .collect();
    }
    let tokens = shapes::find(secret).into_iter();
    let found: Vec<&str> = tokens.filter_map(|shape| secret.get(shape.range)).collect();
    let whole = if found.is_empty() { vec![secret] } else { found };
    let mut parts = Vec::new();
    for text in whole {
        match text.starts_with("eyJ") {
            true => parts.extend(text.split('.').filter(|text| text.len() >= STRETCH).map(part)),
            false => parts.push(part(text)),
        }
    }
    parts
}

/// The encodings of a secret, squeezed.
fn forms(secret: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut add = |form, text: &str| {
        let squeezed = Zeroizing::new(Squeezed::of(text).text);
        let new = forms.iter().all(|(_, known)| *known != squeezed);
        if squeezed.len() >= SHORTEST && new {
            forms.push((form, squeezed));
        }
    };
    add("as it is", secret);
    add("reversed", &Zeroizing::new(secret.chars().rev().collect::<String>()));
    let hex = Zeroizing::new(HEXLOWER.encode(secret.as_bytes()));
    add("in hex", &hex);
    // Inside a longer base64 text a secret begins at one of three places in a group; its first and last
    // characters then depend on the neighbors.
    for shift in 0..3 {
        let mut padded = Zeroizing::new(vec![0; shift]);
        padded.extend_from_slice(secret.as_bytes());
        for text in [STANDARD_NO_PAD.encode(&*padded), URL_SAFE_NO_PAD.encode(&*padded)] {
            let text = Zeroizing::new(text);
            let from = if shift == 0 { 0 } else { shift + 1 };
            let whole = padded.len() / 3 * 4;
            add("in base64", text.get(from..whole.min(text.len())).unwrap_or_default());
        }
    }
    forms
}

fn password_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(percent_decode_str(password).decode_utf8_lossy().into_owned())
}

fn read(path: &Path) -> Option<Secret> {
    let bytes = crate::input::bytes(path, FILE_LIMIT).and_then(crate::input::utf8).ok()?;
    Some(Secret::new(String::from_utf8_lossy(&bytes).into_owned()))
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({} secrets)", self.known().len())
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::{environment::Environment, secret::Secret};
    use base64::{Engine, engine::general_purpose::STANDARD};
    use std::sync::Arc;

    const TEXT: &str = "p\"w&d/ Geh+eim~9";

    fn secrets(text: &str) -> Secrets {
        let secrets = Secrets::default();
        secrets.keep("the password", Arc::new(Secret::new(text.to_owned())));
        secrets
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secrets = secrets(TEXT);
        let percent = "p%22w%26d%2f%20Geh%2Beim%7e9";
        let hex: String = TEXT.bytes().map(|byte| format!("{byte:02X}")).collect();
        for form in [
            format!("x {TEXT} y"),
            serde_json::json!({"a": TEXT}).to_string(),
            format!("?p={percent}&"),
            format!("0x{hex}"),
            format!("<p>{}</p>", TEXT.replace('&', "&amp;").replace('"', "&quot;")),
            TEXT.chars().flat_map(|c| [c, '\u{200b}', ' ']).collect(),
            TEXT.chars().rev().collect(),
            STANDARD.encode(TEXT),
            STANDARD.encode(format!("user:{TEXT}")),
            STANDARD.encode(format!("a{TEXT} and on")),
        ] {
            assert_eq!(secrets.in_text(&form).len(), 1, "{form}");
            let redacted = secrets.redacted(&form).expect("something is taken out");
            assert!(secrets.in_text(&redacted).is_empty(), "{redacted}");
            assert!(redacted.contains("(redacted: the password)"), "{redacted}");
        }
        assert!(secrets.in_text("nothing of the kind").is_empty());
    }

    #[test]
    fn any_stretch_of_a_token_is_found() {
        let token = format!(
            "eyJ0eXAiOiJKV1QifQ.{}.{}",
            "eyJhdWQiOiJ4In0abcdef", "c2lnbmF0dXJlLXBhcnQtMTIzNDU2"
        );
        let secrets = secrets(&token);
        assert_eq!(secrets.in_text("cut: bmF0dXJlLXBhcnQtMTIz…").len(), 1);
        assert_eq!(
            secrets.redacted("cut: bmF0dXJlLXBhcnQtMTIz!").as_deref(),
            Some("cut: (redacted: the password)!")
        );
        assert!(secrets.in_text("bmF0dXJlLXBhcnQ").is_empty(), "shorter than a stretch");
    }

    #[test]
    fn a_part_of_a_token_is_found_in_every_encoding() {
        let token = "eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0abcdef.c2lnbmF0dXJlLXBhcnQtMTIzNDU2";
        let secrets = secrets(token);
        let part = "c2lnbmF0dXJlLXBhcnQtMTIz";
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x} ")).collect::<String>();
        let mut encoded = vec![
            part.chars().rev().collect(),
            hex(part),
            part.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            part.bytes().map(|byte| format!("\\u{:04x}", byte)).collect(),
            part.chars().flat_map(|c| [c, '\u{200b}']).collect(),
            part.as_bytes()
                .chunks(5)
                .flat_map(|group| [String::from_utf8_lossy(group).into_owned(), "\n".to_owned()])
                .collect::<String>(),
        ];
        encoded.extend((0..3).map(|from| STANDARD.encode(&part[from..])));
        for form in encoded {
            let text = format!("x {form} y");
            assert!(!secrets.in_text(&text).is_empty(), "{text}");
            let redacted = secrets.redacted(&text).expect("something is taken out");
            assert!(secrets.in_text(&redacted).is_empty(), "{redacted}");
            assert!(redacted.starts_with("x (redacted"), "{redacted}");
        }
    }

    #[test]
    fn of_a_document_only_the_token_is_a_secret() {
        let token = "eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0abcdef.c2lnbmF0dXJlLXBhcnQtMTIzNDU2";
        let tenant = "99999999-8888-7777-6666-555555555555";
        let document = format!(
            "{{\n  \"accessToken\": \"{token}\",\n  \"expiresOn\": \"2026-11-25 21:00:00.000000\",\n  \
             \"tenant\": \"{tenant}\",\n  \"resource\": \"https://ossrdbms-aad.database.windows.net\"\n}}"
        );
        let secrets = secrets(&document);
        let text = format!("tenant {tenant}, audience https://ossrdbms-aad.database.windows.net");
        assert_eq!(secrets.redacted(&text), None);
        assert_eq!(
            secrets.redacted(&format!("x {token}")).as_deref(),
            Some("x (redacted: a token)")
        );
        assert!(!secrets.in_text("c2lnbmF0dXJlLXBhcnQtMTIz").is_empty());
    }

    #[test]
    fn a_short_secret_is_found_as_a_word_and_a_plain_word_is_reported() {
        let short = secrets("aB3$x");
        assert_eq!(
            short.redacted("say aB3$x now").as_deref(),
            Some("say (redacted: the password) now")
        );
        assert_eq!(short.redacted("xaB3$xy"), None);
        assert!(short.too_common().is_empty());
        assert_eq!(secrets("postgres").too_common(), ["the password"]);
        assert!(secrets("postgres").in_text("pg.postgres.database.azure.com").is_empty());
    }

    #[test]
    fn a_name_that_was_typed_is_spared() {
        let same = secrets("Alice.Smith@contoso.com");
        assert!(same.redacted("FATAL: user Alice.Smith@contoso.com").is_some());
        same.spare(vec!["Alice.Smith@contoso.com".to_owned()]);
        assert_eq!(same.redacted("FATAL: user Alice.Smith@contoso.com"), None);
        assert!(same.left_in("FATAL: user Alice.Smith@contoso.com").is_empty());
        assert_eq!(same.in_text("FATAL: user Alice.Smith@contoso.com").len(), 1, "not in a bundle");
    }

    #[test]
    fn a_secret_over_two_lines_is_found() {
        let client = secrets("abC8Q~0123456789.ABCDEFGHIJ_abcdefghijk");
        assert!(
            client
                .redacted("app secret abC8Q~0123456789.ABC\n    DEFGHIJ_abcdefghijk end")
                .is_some()
        );
    }

    #[test]
    fn a_long_text_is_searched_in_linear_time() {
        let secrets = secrets(&format!("eyJ{}", "aB3dE".repeat(400)));
        for text in
            ["eyJ", "password=", "://a:b@", "%25", "-----BEGIN ", "&#x", "a ", "MI/", "e\u{200b}"]
        {
            let long = text.repeat(200_000 / text.len());
            let (_, steps) = super::shapes::steps(|| secrets.redacted(&long));
            assert!(steps < 200 * long.len(), "{text}: {steps}");
        }
    }

    #[test]
    fn equal_secrets_share_what_is_searched_for() {
        let made = |secret: &str| {
            let secrets = secrets(secret);
            assert_eq!(secrets.in_text(secret).len(), 1);
            let traces = secrets.known()[0].traces.get().cloned();
            traces.expect("made by the search")
        };
        let (one, again) = (made("Geheim-one-12345"), made("Geheim-one-12345"));
        assert!(std::sync::Arc::ptr_eq(&one, &again));
        assert!(!std::sync::Arc::ptr_eq(&one, &made("Geheim-two-12345")));
    }

    #[test]
    fn the_environment_is_searched_for_secrets() {
        let environment = Environment::from_pairs([
            ("PGPASSWORD", "Geheim-12345"),
            ("AZURE_CLIENT_SECRET", "Secret-67890"),
            ("HTTPS_PROXY", "http://me:Pr0xy%2Dpass@proxy:3128"),
            ("AZURE_CLIENT_CERTIFICATE_PATH", "/nonexistent/Key-file-1"),
            ("PGPASSFILE", "/home/me/Pass-file-1"),
        ]);
        let secrets = Secrets::of_environment(&environment);
        for hidden in ["Geheim-12345", "Secret-67890", "Pr0xy-pass"] {
            assert_eq!(secrets.in_text(hidden).len(), 1, "{hidden}");
        }
        assert!(secrets.in_text("/home/me/Pass-file-1").is_empty());
    }
}
