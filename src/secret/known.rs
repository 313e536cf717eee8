//! Every secret that a run has in hand, for one purpose: to be found where it must not be.

use super::{Secret, shapes};
use crate::environment::Environment;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::{
    cell::OnceCell,
    fmt,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use zeroize::Zeroizing;

/// The secrets of a run; copies share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Vec<Known>>>);

struct Known {
    /// What it is, such as "PGPASSWORD".
    label: String,
    secret: Arc<Secret>,
    /// What is looked for; made when first needed, since most runs need it once and some never.
    traces: OnceLock<Traces>,
}

/// What a secret leaves in a text that holds it.
#[derive(Default)]
struct Traces {
    /// Its parts in every form: the form, whether letter case is no matter, the text.
    forms: Vec<Form>,
    /// Every stretch of a token or a key, sorted.
    stretches: Zeroizing<Vec<u128>>,
}

type Form = (&'static str, bool, Zeroizing<String>);

/// A text shorter than this, or a plain word, stands in too many places by chance.
const SHORTEST: usize = 8;
/// A stretch of a token or key of this length gives it away: as many bytes as a `u128` has.
const STRETCH: usize = 16;
/// A key or token in a file is not longer.
const FILE_LIMIT: u64 = 64 * 1024;

impl Secrets {
    /// The secrets that the environment holds or names a file of.
    #[must_use]
    pub fn of_environment(environment: &Environment) -> Self {
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

    /// Takes note of a secret.
    pub fn keep(&self, label: &str, secret: Arc<Secret>) {
        let mut known = self.known();
        let again = known.iter().any(|other| other.secret.expose() == secret.expose());
        if !secret.is_empty() && !again {
            known.push(Known { label: label.to_owned(), secret, traces: OnceLock::new() });
        }
    }

    /// How many secrets are not looked for, since they are short or plain words.
    #[must_use]
    pub fn too_common(&self) -> usize {
        self.known().iter().filter(|known| !distinct(known.secret.expose())).count()
    }

    /// What of them is in a text, in which form, and where: every place, with the place in bytes.
    #[must_use]
    pub fn in_text(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let mut found = Vec::new();
        for known in self.known().iter() {
            let places = known.places(text).into_iter();
            found.extend(places.map(|(form, at)| (format!("{} ({form})", known.label), at)));
        }
        found
    }

    /// The text without them, and without anything of their shape; `None` where there is nothing to
    /// take out. A secret that is in one of the `spared` texts is left: it was typed in clear as a name.
    #[must_use]
    pub fn redacted(&self, text: &str, spared: &[String]) -> Option<String> {
        let mut places: Vec<(Range<usize>, String)> = shapes::find(text)
            .into_iter()
            .map(|shape| (shape.range, shape.kind.to_owned()))
            .collect();
        for known in self.known().iter() {
            let secret = known.secret.expose().trim();
            if spared.iter().any(|spared| spared.contains(secret))
                && shapes::find(secret).is_empty()
            {
                continue;
            }
            for (_, range) in known.places(text) {
                places.push((range, known.label.clone()));
            }
        }
        if places.is_empty() {
            return None;
        }
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

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Where it is in a text, with the form. Of tokens and keys any stretch counts.
    fn places(&self, text: &str) -> Vec<(&'static str, Range<usize>)> {
        let traces = self.traces.get_or_init(|| Traces::of(self.secret.expose().trim()));
        let stretches = traces.stretches_in(text).into_iter();
        let mut places: Vec<_> = stretches.map(|range| ("in part", range)).collect();
        let lower = OnceCell::new();
        for (form, folded, needle) in &traces.forms {
            let haystack = if *folded {
                lower.get_or_init(|| text.to_ascii_lowercase()).as_str()
            } else {
                text
            };
            let found = haystack.match_indices(needle.as_str());
            places.extend(found.map(|(at, found)| (*form, at..at + found.len())));
        }
        places
    }
}

impl Traces {
    fn of(secret: &str) -> Self {
        if !distinct(secret) {
            return Self::default();
        }
        let (fragments, any_stretch) = fragments(secret);
        // As long as it can get: what a longer one would leave behind is not overwritten.
        let mut stretches = Zeroizing::new(Vec::with_capacity(secret.len()));
        if any_stretch {
            stretches.extend(fragments.iter().flat_map(|fragment| windows(fragment)));
            stretches.sort_unstable();
        }
        Self { forms: fragments.into_iter().flat_map(forms).collect(), stretches }
    }

    /// The stretches of a text that are stretches of the secret, joined where they touch.
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
        ranges.retain(|range| text.get(range.clone()).is_some());
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

/// The parts that are secrets by themselves, and whether any stretch of them is.
fn fragments(secret: &str) -> (Vec<&str>, bool) {
    let parts: Vec<&str> = secret.split('.').collect();
    if secret.contains("-----BEGIN") {
        let lines = secret.lines().map(str::trim);
        return (
            lines.filter(|line| line.len() >= STRETCH && !line.contains("-----")).collect(),
            true,
        );
    }
    if secret.starts_with("eyJ") || secret.len() > 200 {
        let parts: Vec<&str> = parts.into_iter().filter(|part| part.len() >= STRETCH).collect();
        return (parts, true);
    }
    (vec![secret], false)
}

/// The forms in which a text can stand in a file.
fn forms(secret: &str) -> Vec<Form> {
    let mut forms = vec![("as it is", false, Zeroizing::new(secret.to_owned()))];
    let mut add = |form, folded, text: String| {
        let text = Zeroizing::new(text);
        if text.as_str() == secret {
            return;
        }
        let text = if folded { Zeroizing::new(text.to_ascii_lowercase()) } else { text };
        let new = forms.iter().all(|(_, _, known): &Form| known.as_str() != text.as_str());
        if text.len() >= SHORTEST && new {
            forms.push((form, folded, text));
        }
    };
    let json = serde_json::to_string(secret).unwrap_or_default();
    add("JSON-escaped", false, json.trim_matches('"').to_owned());
    add("percent-encoded", true, utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string());
    // As a URI's own escaping leaves what is unreserved.
    const UNRESERVED: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    add("percent-encoded", true, utf8_percent_encode(secret, UNRESERVED).to_string());
    add("HTML-escaped", false, html_escaped(secret));
    add("in hex", true, secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    // Inside a longer base64 text a secret begins at one of three places in a group; its first and last
    // characters then depend on the neighbours.
    for shift in 0..3 {
        let mut padded = Zeroizing::new(vec![0; shift]);
        padded.extend_from_slice(secret.as_bytes());
        for text in [STANDARD_NO_PAD.encode(&*padded), URL_SAFE_NO_PAD.encode(&*padded)] {
            let from = if shift == 0 { 0 } else { shift + 1 };
            let whole = padded.len() / 3 * 4;
            add(
                "in base64",
                false,
                text.get(from..whole.min(text.len())).unwrap_or_default().to_owned(),
            );
        }
    }
    forms
}

fn html_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Whether a secret can be told from an ordinary word.
fn distinct(secret: &str) -> bool {
    let secret = secret.trim();
    secret.len() >= SHORTEST
        && (secret.len() >= 2 * SHORTEST || !secret.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn password_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(percent_decode_str(password).decode_utf8_lossy().into_owned())
}

fn read(path: &Path) -> Option<Secret> {
    crate::input::text(path, FILE_LIMIT).ok().map(Secret::new)
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
            format!("<p>{}</p>", super::html_escaped(TEXT)),
            STANDARD.encode(TEXT),
            STANDARD.encode(format!("user:{TEXT}")),
            STANDARD.encode(format!("a{TEXT} and on")),
        ] {
            assert_eq!(secrets.in_text(&form).len(), 1, "{form}");
            let redacted = secrets.redacted(&form, &[]).expect("something is taken out");
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
            secrets.redacted("cut: bmF0dXJlLXBhcnQtMTIz!", &[]).as_deref(),
            Some("cut: (redacted: the password)!")
        );
        assert!(secrets.in_text("bmF0dXJlLXBhcnQ").is_empty(), "shorter than a stretch");
    }

    #[test]
    fn a_plain_word_is_not_looked_for_and_a_name_is_spared() {
        assert_eq!(secrets("postgres").too_common(), 1);
        assert!(secrets("postgres").in_text("pg.postgres.database.azure.com").is_empty());
        let same = secrets("Alice.Smith@contoso.com");
        let spared = ["Alice.Smith@contoso.com".to_owned()];
        assert_eq!(same.redacted("FATAL: user Alice.Smith@contoso.com", &spared), None);
        assert_eq!(
            same.in_text("FATAL: user Alice.Smith@contoso.com").len(),
            1,
            "the scan still says so"
        );
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
