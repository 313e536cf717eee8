//! Pseudonyms: stable names by HMAC under a key that stays with the user. They keep case, blanks, marks,
//! lengths and families of addresses, so that what is wrong with a name or a network stays visible.

use super::classes::changed;
use crate::sync::lock;
use aws_lc_rs::{hmac, rand};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use entra_pg_checks::{
    Evidence,
    command::guid,
    facts::{class::Class, cloud::Cloud, dns::Role},
    problems, rulebook,
    support::service_tags::{IpNet, SIGN_IN_RANGES},
};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{LazyLock, Mutex},
};
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

/// A key and the names that it has replaced.
pub struct Pseudonyms {
    key: [u8; 32],
    mac: hmac::Key,
    names: Mutex<BTreeMap<String, String>>,
}

/// Words of public hosts, certificates and resource ids.
const PUBLIC: &[&str] = &[
    "postgres",
    "digicert",
    "ak",
    "tm",
    "ags",
    "common",
    "baltimore",
    "cybertrust",
    "global",
    "tls",
    "rsa",
    "ocsp",
    "ca",
    "g2",
    "inc",
    "cn",
    "ou",
    "postgresql",
    "database",
    "azure",
    "azurecloud",
    "com",
    "net",
    "org",
    "cn",
    "us",
    "windows",
    "microsoft",
    "microsoftonline",
    "onmicrosoft",
    "login",
    "graph",
    "management",
    "core",
    "usgovcloudapi",
    "chinacloudapi",
    "microsoftgraph",
    "privatelink",
    "private",
    "ext",
    "www",
    "http",
    "https",
    "socks5",
    "etc",
    "home",
    "resolv",
    "conf",
    "hosts",
    "subscriptions",
    "resourcegroups",
    "providers",
    "flexibleservers",
    "dbforpostgresql",
    "network",
    "virtualnetworks",
    "subnets",
    "networksecuritygroups",
    "routetables",
    "privatednszones",
    "privateendpoints",
    "managedidentity",
    "userassignedidentities",
    "internal",
    "local",
    "localhost",
    "root",
    "system",
    "assigned",
    "mso",
    "msidentity",
    "trafficmanager",
    "prd",
    "aadg",
    "akadns",
    "ossrdbms",
    "aad",
    "admin",
    "pg",
    "azure_pg_admin",
    "azuresu",
    "txt",
    "json",
    "pem",
    "crt",
    "oauth2",
    "v2",
    "token",
    "wellknown",
    "openid",
    "configuration",
    "discovery",
    "keys",
    "metadata",
    "identity",
    "live",
    "outlook",
    "mail",
    "guid",
];
/// Ids that are Microsoft's own, the same for everybody.
const PUBLIC_IDS: &[&str] = &[
    "123cd850-d9df-40bd-94d5-c9f07b7fa203",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "9188040d-6c67-4c5b-b112-36a304b66dad",
    "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
    "00000000-0000-0000-0000-000000000000",
    "00000003-0000-0000-c000-000000000000",
    "00000002-0000-0000-c000-000000000000",
];
/// The letters of pseudonyms: those that have look-alikes in other alphabets, so that these stay visible.
const LETTERS: &[u8; 9] = b"aeopcxyis";

/// Names that every server has.
const SHARED: &[&str] = &[
    "postgres",
    "template1",
    "public",
    "root",
    "localhost",
    "system",
    "system-assigned",
    "azure_pg_admin",
    "azuresu",
    "azure_maintenance",
];
/// Words that login names of every tenant can have.
const LOGIN: &[&str] = &["ext", "pg", "onmicrosoft", "live", "com", "net", "org", "cn", "us"];
/// Words in the names of public certification authorities.
const VENDORS: &[&str] = &["digicert", "microsoft", "baltimore", "cybertrust"];
/// A word of a protocol is not longer.
const WORD_LIMIT: usize = 256;

/// Commands that messages name between quotation marks, where names are.
const COMMANDS: &[&str] = &["'az login'", "'az account set'", "'azd auth login'"];

/// What is to be replaced in one run.
#[derive(Default)]
struct Dictionary {
    /// Words that are names of the user, in lower case.
    words: BTreeSet<String>,
    /// Those that are words of this tool, too, and are replaced only between quotation marks.
    quoted: BTreeSet<String>,
    /// Whole names, such as `pg-private`, of words that are public one by one; in lower case.
    whole: BTreeSet<String>,
    /// Addresses that everybody may know.
    public: BTreeSet<IpAddr>,
}

impl Pseudonyms {
    /// Under a new key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        rand::fill(&mut key).map_err(|_| io::Error::other("no randomness for a key"))?;
        Ok(Self::of(key))
    }

    pub(crate) fn of(key: [u8; 32]) -> Self {
        Self { mac: hmac::Key::new(hmac::HMAC_SHA256, &key), key, names: Mutex::default() }
    }

    /// Under the key of an earlier bundle, so that the names are the same.
    ///
    /// # Errors
    /// The text is not a key file.
    pub fn read(text: &str) -> io::Result<Self> {
        let wrong = || io::Error::other("not a key file of entra-pg");
        let document: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let hex = document["key"].as_str().filter(|hex| hex.len() == 64).ok_or_else(wrong)?;
        let mut key = [0; 32];
        HEXLOWER_PERMISSIVE.decode_mut(hex.as_bytes(), &mut key).map_err(|_| wrong())?;
        Ok(Self::of(key))
    }

    /// The key, and every name with its pseudonym: what lets the user read an answer that speaks of
    /// pseudonyms. It stays with the user.
    #[must_use]
    pub fn file(&self) -> String {
        let hex = HEXLOWER.encode(&self.key);
        let names = lock(&self.names).clone();
        let about = "Keep this file and do not send it. It maps the pseudonyms in the bundle to the real names.";
        format!("{:#}\n", json!({"about": about, "key": hex, "names": names}))
    }

    /// Evidence with pseudonyms in place of names, and without free text.
    ///
    /// # Errors
    /// The result would not be evidence.
    pub fn evidence(&self, evidence: &Evidence) -> io::Result<Evidence> {
        let dictionary = Dictionary::of(evidence)?;
        let change = |class: Option<Class>, text: &str| match class.unwrap_or(Class::Free) {
            Class::Name => self.name(text, &dictionary),
            Class::Id => self.fingerprint(text, &dictionary),
            Class::Word if text.len() <= WORD_LIMIT => text.to_owned(),
            Class::Clause if is_path_or_login(text) => self.name(text, &dictionary),
            Class::Address | Class::Clause => self.clause(text, &dictionary),
            Class::Word | Class::Free => self.template(text, &dictionary),
        };
        Ok(serde_json::from_value(changed(evidence, &change)?)?)
    }

    /// A text about evidence that was replaced before.
    #[must_use]
    pub(crate) fn text(&self, text: &str) -> String {
        let names = lock(&self.names).clone();
        let words = names.keys().map(|name| folded(name)).collect();
        let dictionary = Dictionary { words, ..Dictionary::default() };
        self.clause(text, &dictionary)
    }

    /// A name: every word of it that is not public.
    fn name(&self, text: &str, dictionary: &Dictionary) -> String {
        let shape = NameShape::of(text);
        self.replaced(text, dictionary, &|word, place| shape.keeps(word, place))
    }

    /// A clause of this tool: the words of it that are names. A word that is also one of this tool's own
    /// is replaced only between quotation marks.
    fn clause(&self, text: &str, dictionary: &Dictionary) -> String {
        self.replaced(text, dictionary, &|word, place| {
            let known = dictionary.words.contains(word);
            let quoted = place.quoted && dictionary.quoted.contains(word);
            is_number(word) || !known && !quoted
        })
    }

    /// Free text: what remains is the vocabulary of the messages that this tool knows, numbers and codes.
    fn template(&self, text: &str, dictionary: &Dictionary) -> String {
        let mut out = String::new();
        let mut open = false;
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(command) = COMMANDS.iter().find(|command| rest.starts_with(**command)) {
                out.push_str(command);
                rest = &rest[command.len()..];
                continue;
            }
            let token = rest.split_inclusive(char::is_whitespace).next().unwrap_or(rest);
            rest = &rest[token.len()..];
            let core = token.trim_matches(|c: char| !c.is_alphanumeric());
            let marks = token.matches(['"', '“', '”', '«', '»', '`']).count();
            let quoted =
                open || marks > 0 || token.starts_with('\'') || token.trim_end().ends_with('\'');
            open ^= marks % 2 == 1;
            let is_name = core.split('-').any(|word| dictionary.names(&folded(word)))
                || dictionary.whole.contains(&core.to_ascii_lowercase());
            match !quoted && !is_name && is_vocabulary(core) {
                true => out.push_str(token),
                false => out.push_str(&self.name(token, dictionary)),
            }
        }
        out
    }

    /// A GUID, a fingerprint, or another id: the same kind of text under the key.
    fn fingerprint(&self, text: &str, dictionary: &Dictionary) -> String {
        let is_hex =
            text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        match is_hex {
            true => self.id(text),
            false => self.name(text, dictionary),
        }
    }

    /// One text: ids and addresses wherever they are, and words that are not kept.
    fn replaced(
        &self,
        text: &str,
        dictionary: &Dictionary,
        keeps: &dyn Fn(&str, Position) -> bool,
    ) -> String {
        let mut out = String::new();
        let mut rest = text;
        let mut position = Position::default();
        while let Some(first) = rest.chars().next() {
            position.quoted ^= first == '"';
            if !text_before_is_word(text, rest)
                && let Some((taken, put)) = self.id_or_address(rest, dictionary)
            {
                out.push_str(&put);
                rest = &rest[taken..];
                continue;
            }
            if let Some(length) = dictionary.whole_name(&text[..text.len() - rest.len()], rest) {
                let (name, behind) = rest.split_at(length);
                for part in name.split_inclusive(['-', '_', ' ']) {
                    let word = part.trim_end_matches(['-', '_', ' ']);
                    out.push_str(&if word.is_empty() { String::new() } else { self.word(word) });
                    out.push_str(&part[word.len()..]);
                }
                rest = behind;
                continue;
            }
            // `%40` is a mark, and not a word.
            let escape = rest.as_bytes();
            if first == '%'
                && escape.len() >= 3
                && escape[1].is_ascii_hexdigit()
                && escape[2].is_ascii_hexdigit()
            {
                out.push_str(&rest[..3]);
                rest = &rest[3..];
                continue;
            }
            let length: usize = rest.chars().take_while(|c| in_word(*c)).map(char::len_utf8).sum();
            if length == 0 {
                position.after_colon = first == ':';
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let word = &rest[..length];
            let kept = keeps(&folded(word), position);
            out.push_str(&if kept { word.to_owned() } else { self.word(word) });
            position.after_colon = false;
            rest = &rest[length..];
        }
        out
    }

    fn id_or_address(&self, text: &str, dictionary: &Dictionary) -> Option<(usize, String)> {
        if let Some(id) = text.get(..36).filter(|id| guid(id).is_some())
            && !text[36..].starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            let known = PUBLIC_IDS.contains(&id.to_ascii_lowercase().as_str());
            return Some((36, if known { id.to_owned() } else { self.id(id) }));
        }
        let length = text
            .bytes()
            .take_while(|byte| byte.is_ascii_hexdigit() || b".:".contains(byte))
            .count();
        let candidate = text.get(..length)?;
        let six = candidate.parse::<Ipv6Addr>().ok().map(|address| (length, IpAddr::V6(address)));
        let four = || {
            let length =
                text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
            let candidate = text.get(..length)?.trim_end_matches('.');
            Some((candidate.len(), IpAddr::V4(candidate.parse().ok()?)))
        };
        let (length, address) = six.or_else(four)?;
        if text[length..].starts_with(in_word) {
            return None;
        }
        let width = text[length..]
            .strip_prefix('/')
            .map(|rest| rest.bytes().take_while(u8::is_ascii_digit).take(3).collect::<Vec<u8>>());
        let width = width.and_then(|digits| String::from_utf8(digits).ok()?.parse::<u32>().ok());
        let public = dictionary.public.contains(&address) || is_sign_in(address);
        let put =
            if public || is_wide(address, width) { address } else { self.address(address, width) };
        Some((length, put.to_string()))
    }

    /// A word of the same length, case and kinds of characters. Letters of every script are replaced;
    /// marks stay, so that composed and decomposed spellings of a name stay related.
    fn word(&self, word: &str) -> String {
        let seed = folded(word);
        let mut stream = self.stream("word", &seed, 2 * seed.chars().count().max(1)).into_iter();
        let mut pair = || (stream.next().unwrap_or_default(), stream.next().unwrap_or_default());
        let made: String = word
            .chars()
            .map(|character| {
                if is_invisible(character) || is_mark(character) || character == '_' {
                    return character.to_string();
                }
                let (first, second) = pair();
                if let Some(syllable) = hangul(character, first, second) {
                    return syllable.to_string();
                }
                let mut parts = character.nfd();
                let base = parts.next().unwrap_or(character);
                let put = replacement(base, first, second);
                let composed: String = std::iter::once(put).chain(parts).nfc().collect();
                // Not every letter takes every mark.
                if composed.chars().count() == 1 { composed } else { put.to_string() }
            })
            .collect();
        self.note(word, &made);
        made
    }

    fn id(&self, id: &str) -> String {
        let stream = self.stream("id", &id.to_ascii_lowercase(), id.len());
        let made: String = id
            .chars()
            .zip(stream)
            .map(|(character, byte)| match character {
                '-' | ':' => character,
                upper if upper.is_ascii_uppercase() => {
                    char::from(b"0123456789ABCDEF"[usize::from(byte % 16)])
                }
                _ => char::from(b"0123456789abcdef"[usize::from(byte % 16)]),
            })
            .collect();
        self.note(id, &made);
        made
    }

    /// An address of the same kind; two that share a prefix share one of the same length afterwards.
    fn address(&self, address: IpAddr, width: Option<u32>) -> IpAddr {
        let made = match address {
            IpAddr::V4(four) => match kept_bits(four) {
                32 => address,
                kept => {
                    let bits = self.flipped(
                        "v4",
                        u128::from(u32::from(four)),
                        32,
                        kept,
                        width.unwrap_or(32),
                    );
                    IpAddr::V4(Ipv4Addr::from(u32::try_from(bits).unwrap_or_default()))
                }
            },
            IpAddr::V6(six) if six.is_loopback() || six.is_unspecified() => address,
            IpAddr::V6(six) => {
                let bits = self.flipped("v6", u128::from(six), 128, 16, width.unwrap_or(128));
                IpAddr::V6(Ipv6Addr::from(bits))
            }
        };
        if made != address {
            self.note(&address.to_string(), &made.to_string());
        }
        made
    }

    /// Flips each bit behind the first `kept` by what the key says of the bits before it; bits beyond
    /// a network's width stay as they are.
    fn flipped(&self, kind: &str, bits: u128, length: u32, kept: u32, width: u32) -> u128 {
        let mut made = bits;
        for place in kept..width.min(length) {
            let shift = length - 1 - place;
            let before = if place == 0 { 0 } else { bits >> (length - place) };
            let flip = self.stream(kind, &format!("{place} {before}"), 1)[0] & 1;
            made ^= u128::from(flip) << shift;
        }
        made
    }

    fn stream(&self, kind: &str, text: &str, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut block = 0_u32;
        while bytes.len() < length {
            let tag = hmac::sign(&self.mac, format!("{kind}\0{block}\0{text}").as_bytes());
            bytes.extend_from_slice(tag.as_ref());
            block += 1;
        }
        bytes.truncate(length);
        bytes
    }

    fn note(&self, name: &str, made: &str) {
        let mut names = lock(&self.names);
        names.insert(name.to_owned(), made.to_owned());
    }
}

impl Dictionary {
    /// Whether a word of free text is a name. Words that messages are distinguished by are not.
    fn names(&self, word: &str) -> bool {
        self.words.contains(word) || self.quoted.contains(word) && !MESSAGES.contains(word)
    }

    /// The words of all names. Elsewhere such a word is replaced unless it is one of this tool's own words,
    /// which messages are distinguished by.
    fn of(evidence: &Evidence) -> io::Result<Self> {
        let found = RefCell::new(BTreeSet::new());
        let whole = RefCell::new(BTreeSet::new());
        let collect = |class: Option<Class>, text: &str| {
            if class == Some(Class::Name) {
                whole.borrow_mut().extend(name_of_public_words(text));
                let words = text.split(|c| !in_word(c)).filter(|word| !word.is_empty());
                found.borrow_mut().extend(words.map(folded));
            }
            String::new()
        };
        changed(evidence, &collect)?;
        let mut words = found.into_inner();
        words.retain(|word| {
            word.chars().count() >= 3
                && word.chars().any(char::is_alphabetic)
                && !PUBLIC.contains(&word.as_str())
        });
        let (quoted, words) = words.into_iter().partition(|word| OWN.contains(word));
        let names = evidence.dns.seen().map(|dns| dns.names.as_slice()).unwrap_or_default();
        let public = names
            .iter()
            .filter(|name| !matches!(name.role, Role::Server | Role::Other))
            .flat_map(|name| {
                let told = name
                    .replies()
                    .flat_map(|(_, reply)| reply.addresses.iter().map(|address| address.ip));
                name.usable().into_iter().chain(told)
            })
            .filter(|address| match address {
                IpAddr::V4(four) => !four.is_private(),
                IpAddr::V6(_) => true,
            })
            .collect();
        Ok(Self { words, quoted, whole: whole.into_inner(), public })
    }

    /// The length of a whole name at the beginning of the rest of a text.
    fn whole_name(&self, before: &str, rest: &str) -> Option<usize> {
        let joins = |c: char| in_word(c) || c == '-' || c == '_';
        if before.chars().next_back().is_some_and(joins) {
            return None;
        }
        let is_at_start = |name: &&String| {
            let (start, behind) = (rest.get(..name.len()), rest.get(name.len()..));
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
                && !behind.is_some_and(|behind| behind.starts_with(joins))
        };
        self.whole.iter().filter(is_at_start).map(String::len).max()
    }
}

/// A name, or the name of a server in its host, of several words that are all public.
fn name_of_public_words(text: &str) -> Option<String> {
    let host = text.trim_end_matches('.');
    let label = Cloud::of_server(host).and_then(|cloud| {
        host.get(..host.len() - cloud.server_suffix.len()).map(|label| label.trim_end_matches('.'))
    });
    let name = label.unwrap_or(text);
    let several = name.contains(['-', '_', ' ']) && name.is_ascii();
    (several && matches!(NameShape::of(name), NameShape::Plain(true)))
        .then(|| name.to_ascii_lowercase())
}

/// Where a word is.
#[derive(Clone, Copy, Default)]
struct Position {
    quoted: bool,
    after_colon: bool,
}

/// What a name looks like as a whole decides which of its words are public.
enum NameShape {
    /// Every server has it.
    Shared,
    /// A login name with an @.
    Login,
    /// A host, a URL, a path, a resource id, the subject of a certificate.
    Structured,
    /// Words, and whether all of them are public.
    Plain(bool),
}

impl NameShape {
    fn of(text: &str) -> Self {
        if SHARED.contains(&text) {
            return Self::Shared;
        }
        // A server's name behind the @ must stay recognizable as one.
        let of_server =
            text.rsplit_once('@').is_some_and(|(_, host)| Cloud::of_server(host).is_some());
        if text.contains('@') && !text.contains("://") && !of_server {
            return Self::Login;
        }
        if text.contains(['/', '=', ',']) || text.contains('.') && !text.trim().contains(' ') {
            return Self::Structured;
        }
        let words = || text.split(|c| !in_word(c)).filter(|word| !word.is_empty()).map(folded);
        let public = words().all(|word| PUBLIC.contains(&word.as_str()));
        Self::Plain(public && !words().any(|word| VENDORS.contains(&word.as_str())))
    }

    fn keeps(&self, word: &str, position: Position) -> bool {
        let public = PUBLIC.contains(&word);
        match self {
            Self::Shared => true,
            Self::Login => LOGIN.contains(&word),
            Self::Structured => public || is_number(word),
            Self::Plain(all_public) => {
                public && !all_public || is_number(word) && position.after_colon
            }
        }
    }
}

/// Whether Microsoft Entra ID publishes the address.
fn is_sign_in(address: IpAddr) -> bool {
    let mut ranges = SIGN_IN_RANGES.iter().filter_map(|range| range.parse::<IpNet>().ok());
    ranges.any(|range| range.contains(&address))
}

fn is_path_or_login(text: &str) -> bool {
    !text.contains(' ') && (text.starts_with('/') || text.contains('@'))
}

/// A port, a version, a small number: it does not identify a person.
fn is_number(word: &str) -> bool {
    word.len() < 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word of free text may stay: one that this tool's messages and pages use, a number, a code.
fn is_vocabulary(word: &str) -> bool {
    let code = |prefix: &str| {
        word.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty()
                && rest.len() <= 10
                && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    let sqlstate = word.len() == 5
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let known = |part: &str| {
        let lower = part.to_lowercase();
        OWN.contains(&lower) || MESSAGES.contains(&lower)
    };
    word.is_empty()
        || word == "pg_hba.conf"
        || is_number(word)
        || code("AADSTS")
        || code("0x")
        || sqlstate
        || word
            .split(['-', '\'', '_', '/', '(', ')'])
            .all(|part| part.is_empty() || is_number(part) || known(part))
}

/// The words of the messages that the checks recognize.
static MESSAGES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let fragments =
        problems().into_iter().flat_map(|problem| problem.fragments).map(|fragment| fragment.text);
    let words = fragments.chain(VOCABULARY.iter().copied());
    words.flat_map(|text| text.split(|c: char| !in_word(c)).map(str::to_lowercase)).collect()
});

/// Words of the messages of PostgreSQL, Microsoft Entra ID, the Azure CLI and TLS libraries.
const VOCABULARY: &[&str] = &[
    "a an the of for from to in on by at is are was be been not no and or with without as it its this that if when",
    "password authentication failed for user role database does not exist permission denied for connect login",
    "valid invalid token access expired signature issuer audience tenant application user group principal directory",
    "identity server connection refused reset closed timed out unreachable network host name unknown error code",
    "certificate self signed unable to get local issuer chain verify failed hostname mismatch handshake alert",
    "client secret provided requested resource found account signed sign run az login please interactive required",
    "peer used end entity unsupported version critical extension causedasendentity nameconstraint",
    "other othererror",
    "trace correlation timestamp request response status message detail hint line no pg_hba entry encryption ssl",
];

/// The words of the pages, some of which distinguish messages. Examples of names are not included.
static OWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut words = BTreeSet::new();
    let mut add = |text: &str| {
        let plain = |token: &&str| {
            !token.contains(['@', '"', '\\', '_', '='])
                && !token.trim_end_matches('.').contains('.')
        };
        for token in text.split_whitespace().filter(plain) {
            words.extend(token.split(|c: char| !in_word(c)).map(str::to_lowercase));
        }
    };
    for problem in problems() {
        add(problem.title);
        add(problem.page.means);
        problem.page.causes.iter().for_each(|text| add(text));
    }
    rulebook().iter().for_each(|check| add(check.asserts));
    words
});

fn text_before_is_word(text: &str, rest: &str) -> bool {
    text[..text.len() - rest.len()].chars().next_back().is_some_and(in_word)
}

fn in_word(character: char) -> bool {
    character.is_alphanumeric() || is_invisible(character) || is_mark(character)
}

/// A mark that belongs to the letter before it.
fn is_mark(character: char) -> bool {
    canonical_combining_class(character) != 0
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A word as its pseudonym is made from: without case, marks, invisible characters and look-alikes.
fn folded(word: &str) -> String {
    word.nfd()
        .filter(|character| !is_invisible(*character) && !is_mark(*character))
        .flat_map(char::to_lowercase)
        .map(|character| look_alike(character).unwrap_or(character))
        .collect()
}

/// Another syllable for a Hangul syllable, whose parts do not compose in every combination.
fn hangul(character: char, first: u8, second: u8) -> Option<char> {
    const FIRST: u32 = 0xac00;
    const COUNT: u32 = 11_172;
    let code = u32::from(character);
    let number = u32::from(first) << 8 | u32::from(second);
    (FIRST..FIRST + COUNT).contains(&code).then_some(char::from_u32(FIRST + number % COUNT)?)
}

/// The Latin letter that a letter of another alphabet looks like.
const fn look_alike(character: char) -> Option<char> {
    Some(match character {
        'а' | 'А' => 'a',
        'е' | 'Е' => 'e',
        'о' | 'ο' | 'О' => 'o',
        'р' | 'ρ' | 'Р' => 'p',
        'с' | 'С' => 'c',
        'х' | 'Х' => 'x',
        'у' => 'y',
        'і' | 'ι' => 'i',
        'ѕ' => 's',
        _ => return None,
    })
}

const fn foreign_twin(letter: char) -> char {
    match letter {
        'a' => 'а',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'c' => 'с',
        'x' => 'х',
        'y' => 'у',
        'i' => 'і',
        _ => 'ѕ',
    }
}

/// A letter or digit of the same kind and case, of the same script.
fn replacement(character: char, first: u8, second: u8) -> char {
    let letter = char::from(LETTERS[usize::from(first) % LETTERS.len()]);
    match character {
        digit if digit.is_ascii_digit() => char::from(b'0' + first % 10),
        upper if upper.is_ascii_uppercase() => letter.to_ascii_uppercase(),
        lower if lower.is_ascii_lowercase() => letter,
        foreign if look_alike(foreign).is_some() => foreign_twin(letter),
        other => of_script(other, u32::from(first) << 8 | u32::from(second)),
    }
}

/// Another character of the script: of a few thousand for Han and Hangul, of a block of 64 for others.
fn of_script(character: char, random: u32) -> char {
    let code = u32::from(character);
    let (start, size) = match code {
        0x3400..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff => (0x4e00, 0x4000),
        0xac00..=0xd7a3 => (0xac00, 0x2000),
        _ => (code & !0x3f, 0x40),
    };
    let fits = |candidate: &char| {
        candidate.is_alphanumeric()
            && candidate.is_uppercase() == character.is_uppercase()
            && candidate.is_lowercase() == character.is_lowercase()
            && *candidate != character
            && look_alike(*candidate).is_none()
    };
    let candidates = (0..size).map(|step| start + (random + step) % size);
    candidates.filter_map(char::from_u32).find(fits).unwrap_or('x')
}

/// A public network too wide to be one customer's: rules name those of Azure's own services so.
fn is_wide(address: IpAddr, width: Option<u32>) -> bool {
    match address {
        IpAddr::V4(four) => {
            kept_bits(four) == 8 && four.octets()[0] != 10 && width.is_some_and(|width| width <= 24)
        }
        IpAddr::V6(six) => !six.is_unique_local() && width.is_some_and(|width| width <= 48),
    }
}

/// The leading bits that say which kind of address it is; 32: it is the same for everybody.
fn kept_bits(address: Ipv4Addr) -> u32 {
    match address.octets() {
        [0, ..] | [127, ..] | [169, 254, ..] | [168, 63, 129, 16] | [224..=255, ..] => 32,
        [10, ..] => 8,
        [172, 16..=31, ..] => 12,
        [100, 64..=127, ..] => 10,
        [192, 168, ..] => 16,
        [100 | 168 | 169 | 172 | 192 | 198 | 203, ..] => 16,
        _ => 8,
    }
}
