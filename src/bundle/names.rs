//! Pseudonyms: stable names by HMAC under a key that stays with the user. They keep case, blanks, marks,
//! lengths and families of addresses, so that what is wrong with a name or a network stays visible.

use aws_lc_rs::{hmac, rand};
use entra_pg_checks::{Evidence, facts::dns::Role, problems, rulebook};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{LazyLock, Mutex, PoisonError},
};

/// A key and the names that it has replaced.
pub struct Pseudonyms {
    key: [u8; 32],
    mac: hmac::Key,
    names: Mutex<BTreeMap<String, String>>,
}

/// Keys of the evidence under which names of the user stand.
const NAMED: &[&str] = &[
    "role",
    "for_role",
    "overridden",
    "issuer",
    "issuer_name",
    "subject_name",
    "roots",
    "not_roots",
    "host",
    "hostaddr",
    "user",
    "database",
    "tenant",
    "identity",
    "hostname",
    "os_user",
    "upn",
    "unique_name",
    "preferred_username",
    "email",
    "uti",
    "name",
    "app_displayname",
    "xms_mirid",
    "sub",
    "current_user",
    "session_user",
    "member_of",
    "display_name",
    "user_principal_name",
    "mail",
    "search",
    "no_proxy",
    "exempt",
    "service",
    "path",
    "file",
    "names",
    "principals",
    "unlabelled",
    "used",
    "from",
    "id",
    "server",
    "connection",
    "delegated_subnet",
    "private_dns_zone",
    "subject",
    "captured_by_search",
    "roles",
    "servername",
    "server_name",
    "target",
    "zone",
    "primary",
    "subnet",
    "security_group",
    "route_table",
];
/// Keys under which words of this tool or of a protocol stand.
const KEPT: &[&str] = &[
    "kind",
    "reason",
    "topic",
    "label",
    "record",
    "transport",
    "route",
    "shell",
    "rcode",
    "state",
    "severity",
    "sqlstate",
    "by",
    "probe",
    "protocol",
    "requested",
    "shape",
    "wrapping",
    "alg",
    "typ",
    "kid",
    "ver",
    "version",
    "cipher",
    "alpn",
    "sha256",
    "keyword",
    "variable",
    "os",
    "rungs",
    "application_name",
    "cloud",
    "sslmode",
    "channel_binding",
    "require_auth",
    "idtyp",
    "scp",
    "amr",
    "appidacr",
    "aud",
    "iss",
    "signature",
    "content_type",
    "status",
    "error",
    "codes",
    "run_id",
    "tier",
    "access",
    "direction",
    "next_hop",
    "service_tags",
    "endpoint",
    "after",
    "missing",
    "needs",
    "routine",
    "server_version",
    "origin_kind",
    "clock",
];
/// Of these, those that are kept whatever they hold.
const WHOLE: &[&str] = &[
    "version",
    "ver",
    "os",
    "application_name",
    "scp",
    "cipher",
    "server_version",
    "content_type",
    "kid",
];
/// Words of names that everybody's names have.
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

/// What kind of text stands somewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// A name of the user: every word of it is replaced.
    Name,
    /// A remark that nothing is judged by: names in it are replaced.
    Remark,
    /// A message: names in it are replaced, but for words that messages are told apart by.
    Message,
}

/// What is to be replaced in one run.
struct Dictionary {
    /// Words that are names of the user, in lower case.
    words: BTreeSet<String>,
    /// Those that are words of this tool, too, and replaced between quotation marks alone.
    quoted: BTreeSet<String>,
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

    fn of(key: [u8; 32]) -> Self {
        Self { mac: hmac::Key::new(hmac::HMAC_SHA256, &key), key, names: Mutex::default() }
    }

    /// Under the key of an earlier bundle, so that the names are the same.
    ///
    /// # Errors
    /// The text is no such file.
    pub fn read(text: &str) -> io::Result<Self> {
        let wrong = || io::Error::other("not a key file of entra-pg");
        let document: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let hex = document["key"].as_str().filter(|hex| hex.len() == 64).ok_or_else(wrong)?;
        let mut key = [0; 32];
        for (index, byte) in key.iter_mut().enumerate() {
            let digits = hex.get(2 * index..2 * index + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self::of(key))
    }

    /// The key, and every name with its pseudonym: what lets the user read an answer that speaks of
    /// pseudonyms. It stays with the user.
    #[must_use]
    pub fn file(&self) -> String {
        let hex: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let about = "Keep this file and do not send it. It says which pseudonym in the bundle stands for which name.";
        format!("{:#}\n", json!({"about": about, "key": hex, "names": names}))
    }

    /// Evidence with pseudonyms in the place of names.
    ///
    /// # Errors
    /// The result would be no evidence.
    pub fn evidence(&self, evidence: &Evidence) -> io::Result<Evidence> {
        let mut document = serde_json::to_value(evidence)?;
        let dictionary = Dictionary::of(evidence, &document);
        self.names_in(&mut document, &dictionary, Place::Message);
        Ok(serde_json::from_value(document)?)
    }

    /// A text about evidence that was replaced before.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let words = names.keys().map(|name| name.to_lowercase()).collect();
        let dictionary = Dictionary { words, quoted: BTreeSet::new(), public: BTreeSet::new() };
        self.replaced(text, &dictionary, Place::Message)
    }

    fn names_in(&self, value: &mut Value, dictionary: &Dictionary, place: Place) {
        match value {
            // A point in time is no name, and must stay one.
            Value::String(text) if text.parse::<Timestamp>().is_err() => {
                *text = self.replaced(text, dictionary, place);
            }
            Value::Array(list) => {
                for item in list {
                    self.names_in(item, dictionary, place);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    if key == "origin" || !is_kept(key, item) {
                        self.names_in(item, dictionary, place.under(key));
                    }
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// One text: ids and addresses wherever they stand, words where they are names of the user.
    fn replaced(&self, text: &str, dictionary: &Dictionary, place: Place) -> String {
        let mut out = String::new();
        let mut rest = text;
        let mut in_quotes = false;
        while let Some(first) = rest.chars().next() {
            in_quotes ^= first == '"';
            if !text_before_is_word(text, rest)
                && let Some((taken, put)) = self.id_or_address(rest, dictionary)
            {
                out.push_str(&put);
                rest = &rest[taken..];
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
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let word = &rest[..length];
            let folded = folded(word);
            // A port, a version, a small number: it names nobody.
            let number = word.len() < 6 && word.bytes().all(|byte| byte.is_ascii_digit());
            let known = dictionary.words.contains(&folded);
            let replace = !number
                && match place {
                    Place::Name => !PUBLIC.contains(&folded.as_str()),
                    Place::Remark => known || dictionary.quoted.contains(&folded),
                    Place::Message => known || in_quotes && dictionary.quoted.contains(&folded),
                };
            out.push_str(&if replace { self.word(word) } else { word.to_owned() });
            rest = &rest[length..];
        }
        out
    }

    fn id_or_address(&self, text: &str, dictionary: &Dictionary) -> Option<(usize, String)> {
        if let Some(id) = text.get(..36).filter(|id| is_guid(id))
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
        let put = if dictionary.public.contains(&address) || is_wide(address, width) {
            address
        } else {
            self.address(address, width)
        };
        Some((length, put.to_string()))
    }

    /// A word of the same length, case and kinds of characters.
    fn word(&self, word: &str) -> String {
        let seed = folded(word);
        let stream = self.stream("word", &seed, seed.chars().count());
        let mut letters = stream.into_iter();
        let made: String = word
            .chars()
            .map(|character| {
                if is_invisible(character) || character == '_' {
                    return character;
                }
                let byte = letters.next().unwrap_or_default();
                let letter = char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
                match character {
                    digit if digit.is_ascii_digit() => char::from(b'0' + byte % 10),
                    upper if upper.is_ascii_uppercase() => letter.to_ascii_uppercase(),
                    lower if lower.is_ascii_lowercase() => letter,
                    foreign if look_alike(foreign).is_some() => foreign_twin(letter),
                    other => other,
                }
            })
            .collect();
        self.note(word, &made);
        made
    }

    fn id(&self, id: &str) -> String {
        let stream = self.stream("id", &id.to_ascii_lowercase(), 36);
        let made: String = id
            .chars()
            .zip(stream)
            .map(|(character, byte)| match character {
                '-' => '-',
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
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned(), made.to_owned());
    }
}

impl Dictionary {
    /// The names that stand where names stand. Elsewhere a word of theirs is replaced unless it is one
    /// of this tool's own words, which messages are told apart by.
    fn of(evidence: &Evidence, document: &Value) -> Self {
        let mut words = BTreeSet::new();
        collect(document, Place::Message, &mut words);
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
        Self { words, quoted, public }
    }
}

fn collect(value: &Value, place: Place, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if place == Place::Name => {
            words.extend(text.split(|c| !in_word(c)).filter(|word| !word.is_empty()).map(folded));
        }
        Value::Array(list) => list.iter().for_each(|item| collect(item, place, words)),
        Value::Object(map) => {
            for (key, item) in map {
                if key == "origin" || !is_kept(key, item) {
                    collect(item, place.under(key), words);
                }
            }
        }
        _ => {}
    }
}

impl Place {
    /// What stands under a key; a setting's value and a fact that was seen are of the kind of what they
    /// stand under.
    fn under(self, key: &str) -> Self {
        match key {
            "what" | "description" => Self::Remark,
            "value" | "seen" => self,
            key if NAMED.contains(&key) => Self::Name,
            _ => Self::Message,
        }
    }
}

/// Whether what stands under a key is a word of this tool or of a protocol. A sentence there can hold an
/// address all the same, and a role is a name where it is one of the database's.
fn is_kept(key: &str, value: &Value) -> bool {
    const ROLES: [&str; 5] = ["authority", "graph", "server", "resource_manager", "other"];
    let word = |text: &str| !text.contains([' ', '=', '.', ':']);
    match value {
        Value::String(text) if key == "role" => ROLES.contains(&text.as_str()),
        Value::String(text) => KEPT.contains(&key) && (word(text) || WHOLE.contains(&key)),
        _ => KEPT.contains(&key),
    }
}

/// The words of the pages: messages are told apart by some of them. Examples of names are no such words.
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
    character.is_alphanumeric() || is_invisible(character)
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A word as its pseudonym is made from: without case, invisible characters and other alphabets.
fn folded(word: &str) -> String {
    word.chars()
        .filter(|character| !is_invisible(*character))
        .flat_map(char::to_lowercase)
        .map(|character| look_alike(character).unwrap_or(character))
        .collect()
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

/// A public network too wide to be one customer's: rules name those of Azure's own services so.
fn is_wide(address: IpAddr, width: Option<u32>) -> bool {
    match address {
        IpAddr::V4(four) => {
            kept_bits(four) == 8 && four.octets()[0] != 10 && width.is_some_and(|width| width <= 24)
        }
        IpAddr::V6(six) => !six.is_unique_local() && width.is_some_and(|width| width <= 48),
    }
}

fn is_guid(text: &str) -> bool {
    text.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
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
