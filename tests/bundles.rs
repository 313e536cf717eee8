//! Bundles: what is in them, what never is, that they can be read again, and what becomes of hostile ones.

mod recorded;

use entra_pg::{
    bundle::{self, Extras, Refused, names::Pseudonyms, pack},
    diagnose::Report,
    report::{Format, Style, render},
    secret::{Secret, Secrets, redact},
    settings::request::Selection,
};
use entra_pg_checks::Evidence;
use recorded::{CASES, entra_pg, evidence, fixture, report, set};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read, Write},
    path::Path,
    sync::Arc,
};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

const TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6InBsYW50ZWQifQ",
    ".eyJhdWQiOiJodHRwczovL29zc3JkYm1zLWFhZC5kYXRhYmFzZS53aW5kb3dzLm5ldCJ9",
    ".cGxhbnRlZC1zaWduYXR1cmUtb2YtdGhlLXRva2VuLTAxMjM0NTY3ODk"
);
const CLIENT_SECRET: &str = "pLa8Q~nTed-0123456789.ABCDEFGHIJ_abcdefg";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQplantedplantedx\nQ0FuWW91UmVhZFRoaXNLZXlPckFyZVlvdUxvb2tpbmdBdEFGaXh0dXJlMTIzNDU2\n-----END PRIVATE KEY-----\n";

#[test]
fn a_bundle_holds_everything_and_the_same_evidence_gives_the_same_bytes() {
    for (name, patches) in CASES {
        let report = report(evidence(patches));
        let bytes = packed(&report, &Secrets::default());
        assert_eq!(bytes, packed(&report, &Secrets::default()), "{name}");
        let files = unpacked(&bytes);
        for file in [
            "README.txt",
            "evidence.json",
            "report.json",
            "report.txt",
            "report.html",
            "settings.txt",
            "network.txt",
            "contacted.txt",
            "plan.txt",
            "manifest.json",
        ] {
            assert!(files.contains_key(file), "{name}: {file} is missing");
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
        assert_eq!(manifest["run_id"], json!(report.evidence().run_id));
        let hashes = manifest["sha256"].as_object().expect("hashes");
        assert_eq!(
            hashes.len(),
            files.len() - 1,
            "every file but the manifest itself has its hash"
        );
        assert!(
            manifest["not_collected"].as_array().is_some_and(|list| !list.is_empty()),
            "{name}"
        );
        let settings = String::from_utf8_lossy(&files["settings.txt"]).into_owned();
        assert!(settings.contains("PGUSER") && settings.contains("PGHOST"), "{settings}");
        let again = Report::new(bundle::read(&bytes).expect("read"), &Selection::default());
        assert_eq!(again.summary(), report.summary());
    }
}

#[test]
fn a_bundle_is_judged_again_by_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("b.zip");
    fs::write(&path, packed(&report(evidence(&["claims/expired"])), &Secrets::default()))
        .expect("written");
    let output = entra_pg(&["replay", text(&path), "--format", "json"]).output().expect("ran");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(document["verdict"]["problem"], "claims/expired");
}

/// Recorded when bundles were new. What is added to the evidence since must not keep it from being read.
#[test]
fn a_bundle_of_the_first_version_is_read() {
    let bytes = fs::read(fixture("reports/first-version.zip")).expect("the recorded bundle");
    let evidence = bundle::read(&bytes).expect("read");
    let report = Report::new(evidence, &Selection::default());
    let root = report.judgment().root().expect("a root");
    assert_eq!(root.finding.problem.id, "name/wrong-case");
}

#[test]
fn planted_secrets_reach_neither_report_nor_bundle() {
    for patches in [&["login/refused"][..], &["token/secret-wrong"]] {
        let document = evidence(patches);
        let places = free_texts(&document);
        for (label, secret) in
            [("the token", TOKEN), ("AZURE_CLIENT_SECRET", CLIENT_SECRET), ("the key", KEY)]
        {
            let secrets = Secrets::default();
            secrets.keep(label, Arc::new(Secret::new(secret.to_owned())));
            let mut planted = document.clone();
            for place in &places {
                let text = planted.pointer_mut(place).expect("a place");
                *text = json!(format!("{} {secret}", text.as_str().unwrap_or_default()));
            }
            let planted: Evidence = serde_json::from_value(planted).expect("evidence");
            // With the secret known to the run, and with nothing to go by but its shape (a replay).
            let clean = redact::evidence(planted.clone(), &secrets);
            nothing_of(secret, &Report::new(clean, &Selection::default()), &FORMATS, &secrets);
            let clean = redact::evidence(planted, &Secrets::default());
            nothing_of(
                secret,
                &Report::new(clean, &Selection::default()),
                &[Format::Json],
                &secrets,
            );
        }
    }
}

/// Every place where a user, a server or a file can say anything: all texts but times, addresses and those
/// of a few words.
fn free_texts(document: &Value) -> Vec<String> {
    let mut places = Vec::new();
    texts(document, String::new(), &mut places);
    let mut tried = document.clone();
    places.retain(|place| {
        let text = tried.pointer_mut(place).expect("a place");
        let before = std::mem::replace(text, json!("x y"));
        let free = serde_json::from_value::<Evidence>(tried.clone()).is_ok();
        *tried.pointer_mut(place).expect("a place") = before;
        free
    });
    assert!(places.len() > 100, "only {} places", places.len());
    places
}

fn texts(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(place),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                texts(item, format!("{place}/{index}"), places);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                texts(
                    item,
                    format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")),
                    places,
                );
            }
        }
        _ => {}
    }
}

fn nothing_of(secret: &str, report: &Report, formats: &[Format], secrets: &Secrets) {
    let parts: Vec<&str> = secret
        .split(['.', '\n'])
        .filter(|part| part.len() > 20 && !part.contains("-----"))
        .collect();
    let style = Style { color: false, width: 80, verbose: 2, quiet: false, unicode: true };
    let mut outputs: Vec<(String, Vec<u8>)> = formats
        .iter()
        .map(|format| {
            (format!("{format:?}"), render(report, *format, &style).expect("rendered").into_bytes())
        })
        .collect();
    outputs.extend(unpacked(&packed(report, secrets)));
    for (name, bytes) in outputs {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let joined: String = text.split_whitespace().collect();
        for part in &parts {
            for stretch in part.as_bytes().windows(16).step_by(9) {
                let stretch = std::str::from_utf8(stretch).expect("ASCII");
                assert!(
                    !text.contains(stretch) && !joined.contains(stretch),
                    "{stretch} is in {name}"
                );
            }
        }
        assert!(
            name != "Json" || text.contains("(redacted"),
            "nothing was taken out: nothing was planted"
        );
    }
}

const FORMATS: [Format; 11] = [
    Format::Text,
    Format::Short,
    Format::Json,
    Format::JsonLine,
    Format::Jsonl,
    Format::Junit,
    Format::Sarif,
    Format::Github,
    Format::AzurePipelines,
    Format::Markdown,
    Format::Html,
];

#[test]
fn a_secret_in_any_form_refuses_the_bundle_and_says_where() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let secret = "Gehe/im & \"Pass\" 42";
    let secrets = Secrets::default();
    secrets.keep("PGPASSWORD", Arc::new(Secret::new(secret.to_owned())));
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for form in [
        secret.to_owned(),
        hex,
        STANDARD.encode(format!("user:{secret}")),
        "Gehe%2Fim%20%26%20%22Pass%22%2042".to_owned(),
        json!(secret).to_string(),
    ] {
        let mut planted = evidence(&[]);
        set(&mut planted, "/vantage/hostname", form.clone().into());
        match pack(&report(planted), &extras(&secrets)) {
            Err(Refused::Leaks(hits)) => {
                let said = Refused::Leaks(hits).to_string();
                assert!(said.contains(" line ") && said.contains("PGPASSWORD"), "{said}");
                assert!(
                    !said.contains("Pass\""),
                    "it says what it is, not the thing itself: {said}"
                );
            }
            Err(other) => panic!("{form}: {other}"),
            Ok(_) => panic!("{form}: written"),
        }
    }
}

#[test]
fn a_refused_bundle_is_exit_code_4_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (report, zip) = (folder.path().join("r.json"), folder.path().join("b.zip"));
    let mut document = evidence(&[]);
    set(&mut document, "/settings/seen/user/value", "The-Same-As-The-Password-1".into());
    fs::write(&report, document.to_string()).expect("written");
    let output = entra_pg(&["replay", text(&report), "--bundle", text(&zip)])
        .env("PGPASSWORD", "The-Same-As-The-Password-1")
        .output()
        .expect("ran");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{complaint}");
    assert!(
        complaint.contains("evidence.json line ") && complaint.contains("PGPASSWORD"),
        "{complaint}"
    );
    assert!(!zip.exists(), "nothing is written");
    // And without the secret in the environment it is written.
    let output =
        entra_pg(&["replay", text(&report), "--bundle", text(&zip)]).output().expect("ran");
    assert!(output.status.code() == Some(0) && zip.exists(), "{output:?}");
}

#[test]
fn pseudonyms_keep_the_verdict_and_hide_the_names() {
    let pseudonyms = Pseudonyms::new().expect("a key");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, document) in recorded::every_evidence() {
        compared += 1;
        let before = report(document);
        let replaced = match pseudonyms.evidence(before.evidence()) {
            Ok(replaced) => replaced,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let text = serde_json::to_string(&replaced).expect("JSON").to_lowercase();
        for hidden in [
            "alice",
            "contoso",
            "pg-prod",
            "pg-private",
            "build-7",
            "20.50.1.10",
            "aaaaaaaa-0000-0000-0000-000000000001",
        ] {
            if text.contains(hidden) {
                let at = text.find(hidden).unwrap_or(0);
                let context: String = text.chars().skip(at.saturating_sub(60)).take(120).collect();
                wrong.push(format!("{name}: {hidden} is still there: {context}"));
            }
        }
        let after = Report::new(replaced, &Selection::default());
        if problems(&before) != problems(&after) {
            wrong.push(format!("{name}: {:?} became {:?}", problems(&before), problems(&after)));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {compared}", wrong.join("\n"), wrong.len());
}

#[test]
fn pseudonyms_are_stable_under_a_key_and_keep_case_blanks_and_marks() {
    let one = Pseudonyms::new().expect("a key");
    let again = Pseudonyms::read(&one.file()).expect("the file is read");
    let other = Pseudonyms::new().expect("a key");
    let mut document = evidence(&["name/wrong-case"]);
    set(&mut document, "/settings/seen/user/value", "Prod DB  Readonly-2 ".into());
    let of = |names: &Pseudonyms| {
        let replaced = names.evidence(report(document.clone()).evidence()).expect("evidence");
        replaced.settings.seen().and_then(|settings| settings.user.clone()).expect("a user").value
    };
    let made = of(&one);
    assert_eq!(made, of(&again));
    assert_ne!(made, of(&other));
    let shape: String = made
        .chars()
        .map(|c| match c {
            c if c.is_ascii_uppercase() => 'A',
            c if c.is_ascii_lowercase() => 'a',
            c if c.is_ascii_digit() => '1',
            c => c,
        })
        .collect();
    assert_eq!(shape, "Aaaa AA  Aaaaaaaa-1 ");
}

/// The pseudonym of a user name, and all of the evidence as text.
fn pseudonym(pseudonyms: &Pseudonyms, changes: &[(&str, &str)]) -> (String, String) {
    let mut document = evidence(&["login/refused"]);
    for (pointer, value) in changes {
        set(&mut document, pointer, (*value).into());
    }
    let made = pseudonyms.evidence(report(document).evidence()).expect("evidence");
    let user =
        made.settings.seen().and_then(|settings| settings.user.clone()).expect("a user").value;
    (user, serde_json::to_string(&made).expect("JSON"))
}

#[test]
fn pseudonyms_hide_names_of_every_script() {
    let pseudonyms = Pseudonyms::new().expect("a key");
    for name in [
        "王小明",
        "田中太郎",
        "김민준",
        "محمد",
        "राहुल",
        "Дмитрий.Жуков",
        "Żółć",
        "Jose\u{301} Nun\u{303}ez",
        "שלום",
        "สมชาย",
        "admin.mail@network.com",
        "Network Admin",
        "12345@contoso.com",
    ] {
        let (user, text) = pseudonym(&pseudonyms, &[("/settings/seen/user/value", name)]);
        assert!(!text.contains(name), "{name}");
        assert_eq!(user.chars().count(), name.chars().count(), "{user} for {name}");
        let kept = |c: &char| c.is_alphanumeric() && name.contains(*c);
        let same = user.chars().zip(name.chars()).filter(|(one, other)| one == other && kept(one));
        // A suffix such as `.com` stays; a letter can stay by chance in Latin script.
        let limit = if name.is_ascii() { name.len() / 2 + 1 } else { name.chars().count() / 2 };
        assert!(same.count() <= limit, "{user} for {name}");
    }
    let of = |name: &str| pseudonym(&pseudonyms, &[("/settings/seen/user/value", name)]).0;
    let composed = of("Jos\u{e9}");
    let decomposed = of("Jose\u{301}");
    assert_ne!(composed, decomposed, "the difference stays visible");
    assert_eq!(composed.chars().next(), decomposed.chars().next());
}

#[test]
fn pseudonyms_withhold_free_text_and_private_certificates() {
    let pseudonyms = Pseudonyms::new().expect("a key");
    let message = "PAM-Fehler: not valid for role Globex-Payroll of \"Initech\" by bob.jones@initech.com, AADSTS50105";
    let path = "/login/seen/outcome/error/message";
    let mut document = evidence(&["login/refused"]);
    let path = if document.pointer(path).is_some() { path } else { "/tool_errors" };
    if path == "/tool_errors" {
        document["tool_errors"] = json!([message]);
    } else {
        set(&mut document, path, message.into());
    }
    let mut hash = String::new();
    if let Some(Value::String(text)) = document.pointer_mut("/server/seen/tls/seen/chain/0/sha256")
    {
        hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned();
        *text = hash.clone();
    }
    set(
        &mut document,
        "/settings/seen/sslrootcert",
        json!({
            "path": {"value": "/etc/ssl/globex.pem", "origin": {"kind": "default"}},
            "state": {"state": "read", "certificates": 1, "roots": ["Globex TLS Inspection CA"], "not_roots": []}
        }),
    );
    let made = pseudonyms.evidence(report(document).evidence()).expect("evidence");
    let text = serde_json::to_string(&made).expect("JSON").to_lowercase();
    for hidden in ["globex", "payroll", "initech", "bob", "jones", "fehler", hash.as_str()] {
        assert!(hidden.is_empty() || !text.contains(hidden), "{hidden}");
    }
    assert!(!hash.is_empty(), "the fixture has a certificate");
    for kept in ["not valid for role", "aadsts50105"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn the_key_of_another_mode_or_behind_a_link_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (report, zip) = (folder.path().join("r.json"), folder.path().join("entra-pg.zip"));
    fs::write(&report, evidence(&["name/wrong-case"]).to_string()).expect("written");
    let arguments = ["replay", text(&report), "--bundle", text(&zip), "--pseudonymize"];
    let output = entra_pg(&arguments).output().expect("ran");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(".pseudonym-key-entra-pg.zip"));
    let names = fs::read_dir(folder.path()).expect("a folder").flatten();
    let matching =
        names.filter(|entry| entry.file_name().to_string_lossy().starts_with("entra-pg."));
    assert_eq!(matching.count(), 1, "the pattern entra-pg.* takes the bundle only");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let key = folder.path().join(".pseudonym-key-entra-pg.zip");
        let before = fs::read(&zip).expect("the bundle");
        assert_eq!(fs::metadata(&zip).expect("there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o666)).expect("set");
        assert_eq!(entra_pg(&arguments).output().expect("ran").status.code(), Some(4));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
        let other = folder.path().join("other");
        fs::rename(&key, &other).expect("moved");
        symlink(&other, &key).expect("linked");
        assert_eq!(entra_pg(&arguments).output().expect("ran").status.code(), Some(4));
        assert_eq!(before, fs::read(&zip).expect("the bundle"), "nothing was written");
    }
}

#[test]
fn what_refuses_the_bundle_withholds_the_reports() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["r.json", "b.zip", "out.html", "out.xml"].map(|name| folder.path().join(name));
    let [report, zip, html, junit] = &paths;
    let mut document = evidence(&[]);
    set(&mut document, "/settings/seen/user/value", "The-Same-As-The-Password-1".into());
    fs::write(report, document.to_string()).expect("written");
    let (html_option, junit_option) =
        (format!("html={}", text(html)), format!("junit={}", text(junit)));
    let output = entra_pg(&[
        "replay",
        text(report),
        "--bundle",
        text(zip),
        "--report",
        &html_option,
        "--report",
        &junit_option,
    ])
    .env("PGPASSWORD", "The-Same-As-The-Password-1")
    .output()
    .expect("ran");
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty(), "stdout is withheld");
    assert!(!zip.exists() && !html.exists() && !junit.exists(), "files are withheld");
}

#[test]
fn the_key_stays_with_the_user() {
    let folder = tempfile::tempdir().expect("a folder");
    let (report, zip) = (folder.path().join("r.json"), folder.path().join("b.zip"));
    fs::write(&report, evidence(&["name/wrong-case"]).to_string()).expect("written");
    let arguments = ["replay", text(&report), "--bundle", text(&zip), "--pseudonymize"];
    assert_eq!(entra_pg(&arguments).output().expect("ran").status.code(), Some(1));
    let first = fs::read(&zip).expect("the bundle");
    let key = fs::read_to_string(folder.path().join(".pseudonym-key-b.zip")).expect("the key");
    let secret = serde_json::from_str::<Value>(&key).expect("JSON")["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    for (name, bytes) in unpacked(&first) {
        let file = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!file.contains(&secret) && !file.contains("contoso"), "{name}");
    }
    // The same key again gives the same names, and so the same bytes.
    assert_eq!(entra_pg(&arguments).output().expect("ran").status.code(), Some(1));
    assert_eq!(first, fs::read(&zip).expect("the bundle"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join(".pseudonym-key-b.zip"))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "only its owner may read the key");
    }
}

#[test]
fn hostile_zips_give_an_error_and_write_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = packed(&report(evidence(&[])), &Secrets::default());
    let mut flipped = good.clone();
    let middle = flipped.len() / 3;
    flipped[middle] ^= 0xff;
    let files = unpacked(&good);
    let manifest = |change: fn(&mut Value)| {
        let mut manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
        change(&mut manifest);
        manifest.to_string().into_bytes()
    };
    let evidence_json = files["evidence.json"].clone();
    let bomb = zipped(&[("manifest.json", &vec![b' '; 70 << 20])]);
    assert!(bomb.len() < 1 << 20, "a bomb is small");
    let many: Vec<(String, Vec<u8>)> =
        (0..300).map(|index| (format!("f{index}"), Vec::new())).collect();
    let many: Vec<(&str, &[u8])> =
        many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("truncated", good[..good.len() / 2].to_vec(), "not a valid zip"),
        ("a byte turned over", flipped, ""),
        ("only its beginning", b"PK\x03\x04".to_vec(), "not a valid zip"),
        ("a bomb", bomb, "longer than any bundle"),
        ("too many files", zipped(&many), "300 files"),
        (
            "a way out",
            zipped(&[("../../etc/x", b"x"), ("manifest.json", b"{}")]),
            "not that of a plain file",
        ),
        ("an absolute way", zipped(&[("/tmp/x", b"x")]), "not that of a plain file"),
        ("a Windows way", zipped(&[("..\\x", b"x")]), "not that of a plain file"),
        ("no bundle", zipped(&[("a.txt", b"x")]), "manifest.json is missing"),
        ("no version", zipped(&[("manifest.json", b"{}")]), "which version"),
        (
            "a newer version",
            zipped(&[("manifest.json", &manifest(|m| m["bundle_version"] = json!(99)))]),
            "newer version (bundle 99",
        ),
        (
            "no evidence",
            zipped(&[("manifest.json", &manifest(|_| {}))]),
            "evidence.json is missing",
        ),
        (
            "other evidence",
            zipped(&[
                ("manifest.json", &manifest(|_| {})),
                ("evidence.json", &[&evidence_json[..], b" "].concat()),
            ]),
            "hash",
        ),
    ];
    for (name, bytes, says) in cases {
        let path = folder.path().join("hostile.zip");
        fs::write(&path, bytes).expect("written");
        for command in ["replay", "diff"] {
            let mut arguments = vec![command, text(&path)];
            if command == "diff" {
                arguments.push(text(&path));
            }
            let output = entra_pg(&arguments).current_dir(folder.path()).output().expect("ran");
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{name}: {complaint}");
            assert!(
                complaint.contains(says) && complaint.contains("hostile.zip"),
                "{name}: {complaint}"
            );
            assert!(output.stdout.is_empty(), "{name}");
        }
        let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").collect();
        assert_eq!(left.len(), 1, "{name}: something was written");
    }
}

#[test]
fn a_difference_names_what_differs_and_what_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, after) = (folder.path().join("before.json"), folder.path().join("after.zip"));
    fs::write(&before, evidence(&[]).to_string()).expect("written");
    fs::write(&after, packed(&report(evidence(&["dns/nxdomain"])), &Secrets::default()))
        .expect("written");
    let output = entra_pg(&["diff", text(&before), text(&after)]).output().expect("ran");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "dns/nxdomain is new",
        "NXDOMAIN",
        "The same: ",
        "The first thing in the chain that differs",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    let output = entra_pg(&["diff", text(&before), text(&before), "--format", "json"])
        .output()
        .expect("ran");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["differs"], json!([]));
    assert_eq!(document["checks"], json!([]));
    assert!(document["same"].as_array().is_some_and(|same| same.len() > 20));
}

fn problems(report: &Report) -> Vec<(&'static str, bool)> {
    report
        .judgment()
        .findings
        .iter()
        .map(|judged| (judged.finding.problem.id, judged.root))
        .collect()
}

fn extras(secrets: &Secrets) -> Extras<'_> {
    Extras { plan: Some("the plan\n".to_owned()), secrets, pseudonyms: None }
}

fn packed(report: &Report, secrets: &Secrets) -> Vec<u8> {
    pack(report, &extras(secrets)).unwrap_or_else(|why| panic!("{why}"))
}

fn unpacked(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    (0..zip.len())
        .map(|index| {
            let mut entry = zip.by_index(index).expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("whole");
            (entry.name().expect("a name").into_owned(), content)
        })
        .collect()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("started");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("Unicode")
}
