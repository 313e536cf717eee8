//! Runs every fuzz target of `tests/fuzz` on mutations of its seeds, for a second each, or for as many as
//! ENTRA_PG_FUZZ_SECONDS says. Coverage-guided fuzzing is `tests/fuzz/run`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    unused_attributes,
    reason = "a test reads its own environment, and the targets are binaries of their own"
)]

extern crate self as libfuzzer_sys;

/// Stands in for the macro of the crate libfuzzer-sys.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub(crate) fn run($bytes: &[u8]) $body
    };
}

macro_rules! targets {
    ($($name:ident = $path:literal,)*) => {
        $(#[path = $path] mod $name;)*

        const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::run),)*];
    };
}

targets! {
    authentication_request = "fuzz/targets/authentication_request.rs",
    azure_document = "fuzz/targets/azure_document.rs",
    bundle = "fuzz/targets/bundle.rs",
    certificates = "fuzz/targets/certificates.rs",
    dns_answer = "fuzz/targets/dns_answer.rs",
    http_answer = "fuzz/targets/http_answer.rs",
    lists = "fuzz/targets/lists.rs",
    names = "fuzz/targets/names.rs",
    preamble = "fuzz/targets/preamble.rs",
    pseudonyms = "fuzz/targets/pseudonyms.rs",
    report = "fuzz/targets/report.rs",
    resolver_files = "fuzz/targets/resolver_files.rs",
    secrets = "fuzz/targets/secrets.rs",
    service_answer = "fuzz/targets/service_answer.rs",
    settings = "fuzz/targets/settings.rs",
    system_settings = "fuzz/targets/system_settings.rs",
    token = "fuzz/targets/token.rs",
}

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A mutation is not longer.
const LONGEST: usize = 70_000;
/// Bytes that mean something to a parser.
const TELLING: [&[u8]; 16] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xc0\x0c",
    b"{",
    b"[",
    b"\"",
    b"\\u0000",
    b"eyJ",
    b"password=",
    b"://",
    b"%00",
    b"\r\n",
    b"##vso[",
    "\u{202e}".as_bytes(),
    b"1e999",
];

/// A generator of numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // Marsaglia, "Xorshift RNGs", 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap_or(0) % limit.max(1)
    }

    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => {
                    bytes.splice(at..at, TELLING[self.below(TELLING.len())].to_vec()).for_each(drop)
                }
                2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.next() as u8),
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                _ => {
                    let part = bytes[at..bytes.len().min(at + 40)].to_vec();
                    bytes.splice(at..at, part).for_each(drop);
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes
    }
}

/// What a target starts from.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: PathBuf| fs::read(path).expect("a seed");
    let folder = |name: &str| -> Vec<Vec<u8>> {
        let entries = fs::read_dir(root.join(name)).expect("a folder").flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_file()).map(read).collect()
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match target {
        "azure_document" => [folder("fixtures/azure"), folder("fixtures/azure/kinds")].concat(),
        "bundle" => vec![read(root.join("checks/support/healthy.json"))],
        "report" => {
            let healthy = read(root.join("checks/support/healthy.json"));
            (0..9).map(|choice| [&[choice], healthy.as_slice()].concat()).collect()
        }
        "certificates" => texts(&["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]),
        "service_answer" => texts(&["0https://management.azure.com/x", "0http://169.254.169.254/", "1{\"error\": \"invalid_client\", \"error_codes\": [7000215], \"error_description\": \"AADSTS7000215: no\"}",
            "1{\"value\": [{\"id\": \"a\", \"displayName\": \"b\"}], \"@odata.nextLink\": \"https://graph.microsoft.com/next\"}",
            "1{\"interface\": [{\"ipv4\": {\"ipAddress\": [{\"privateIpAddress\": \"10.0.0.4\"}], \"subnet\": [{\"address\": \"10.0.0.0\", \"prefix\": \"24\"}]}}]}"]),
        "system_settings" => texts(&["0resolver #1\n  search domain[0] : corp\n  nameserver[0] : 10.0.0.4\nresolver #2\n  domain : x.y\n  nameserver[0] : fd00::4\n",
            "0DNS=10.0.0.4 fd00::4\nDOMAINS=corp ~x.y\nDNS_DEFAULT_ROUTE=no\n", "1HTTPSEnable : 1\n  HTTPSProxy : proxy\n  HTTPSPort : 80\n  ExceptionsList : <array> {\n    0 : *.corp\n  }\n",
            "1http=web:80;https=secure:443", "1\u{28}\0\0\0\u{1}\0\0\0\u{3}\0\0\0\u{8}\0\0\0proxy:80"]),
        "pseudonyms" => texts(&["Alice.Smith@contoso.onmicrosoft.com", "王小明", "Zoë_contoso.com#EXT#@x.onmicrosoft.com"]),
        "authentication_request" => vec![
            b"R\0\0\0\x08\0\0\0\x03".to_vec(),
            b"N\0\0\0\x0aSNOTICE\0R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0".to_vec(),
            b"E\0\0\0\x20SFATAL\0C28P01\0Mno entry\0\0".to_vec(),
        ],
        "preamble" => texts(&["S", "N", "EFATAL:  no\n\0", "HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-x"]),
        "http_answer" => texts(&["\u{1}\u{3}Content-Type: text/html\nVia: x\n\n<title>Blocked</title>",
            "HTTP/1.1 407 Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"]),
        "lists" => texts(&["0{\"targets\": [{\"host\": \"a\"}]}", "0[[targets]]\nhost = \"a\"", "0host=a user=b",
            "1{\"kind\": \"Pod\", \"metadata\": {\"name\": \"x\"}, \"spec\": {\"containers\": [{\"name\": \"x\"}]}}",
            "2{\"kind\":\"fleet-begin\"}\n", "3FATAL: password authentication failed for user \"alice\"", "3AADSTS50076: no"]),
        "settings" => texts(&["0host=a user='b c' password=d", "1alice:p@host:5432/db?sslmode=require",
            "2host:5432:*:user:secret", "3x y", "4jdbc:postgresql://h:5432/d?user=a&password=b", "4Server=h;User Id=a;Password='b;c'", "5&x", "6[prod]\nhost=a\n"]),
        "resolver_files" => texts(&["nameserver 10.0.0.1\nsearch a b\noptions ndots:2", "hosts: files dns",
            "10.0.0.1 login.microsoftonline.com"]),
        "names" => texts(&["Alice.Smith@contoso.com", "O'Neil \"Zoë\"", "R&D\\100% $HOME; #1"]),
        "dns_answer" => vec![b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x05login\x0fmicrosoftonline\x03com\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0<\0\x04\x01\x02\x03\x04".to_vec()],
        _ => texts(&[entra_pg::fuzzing::SECRET, "password=geheim sig=abc", "{\"access_token\": \"eyJ\"}", "Bearer abc"]),
    }
}

#[test]
#[ignore = "it takes a second per target: cargo test --test fuzz_targets -- --ignored --nocapture"]
fn every_target_survives_mutations_of_its_seeds() {
    let seconds = std::env::var("ENTRA_PG_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(1));
    for (name, run) in TARGETS {
        let seeds = seeds(name);
        seeds.iter().for_each(|seed| run(seed));
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let (began, mut count) = (Instant::now(), 0_u32);
        while began.elapsed() < time {
            let bytes = numbers.mutated(&seeds);
            let started = Instant::now();
            let survived = std::panic::catch_unwind(|| run(&bytes)).is_ok();
            assert!(survived, "{name} fails on {:?}", String::from_utf8_lossy(&bytes));
            let took = started.elapsed();
            assert!(
                took < Duration::from_secs(10),
                "{name} takes {took:?} for {} bytes",
                bytes.len()
            );
            count += 1;
        }
        println!("{name}: {count} inputs");
    }
}

#[test]
fn inputs_of_earlier_runs_hold() {
    for (name, run) in TARGETS {
        let inputs = kept(name);
        assert!(!inputs.is_empty(), "tests/fuzz/seeds/{name}.zip holds no input");
        for input in inputs {
            let survived = std::panic::catch_unwind(|| run(&input)).is_ok();
            assert!(survived, "{name} fails on {:?}", String::from_utf8_lossy(&input));
        }
    }
}

/// The inputs that coverage-guided runs of a target found.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let file = fs::File::open(seeds.join(format!("{target}.zip"))).expect("a corpus");
    let mut archive = zip::ZipArchive::new(file).expect("a zip file");
    let count = archive.len();
    let read = |index| {
        let mut input = Vec::new();
        archive.by_index(index).expect("an entry").read_to_end(&mut input).expect("read");
        input
    };
    (0..count).map(read).collect()
}

#[test]
fn every_target_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest");
    for entry in fs::read_dir(folder.join("targets")).expect("the targets").flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(TARGETS.iter().any(|(known, _)| *known == name), "{name} is not in TARGETS");
        assert!(manifest.contains(&format!("targets/{name}.rs")), "{name} is not in Cargo.toml");
    }
}
