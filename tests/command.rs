//! The command itself, where it needs no network: usage, exit codes, clean output. Runs that would
//! contact anything happen in the lab.

mod recorded;

use assert_cmd::Command;
use recorded::{entra_pg, evidence, rendered, styled};
use serde_json::Value;

fn json_of(name: &str) -> Value {
    let patches: &[&str] = if name == "healthy" { &[] } else { &[name] };
    let text = rendered(evidence(patches), entra_pg::report::Format::Json);
    serde_json::from_str(&text).expect("JSON")
}

fn stdout(mut command: Command) -> String {
    let output = command.output().expect("ran");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn malformed_input_is_marked_and_corrected() {
    let cases = [
        (vec!["doctor", "host=h user=Prod DB"], r#"missing "=" after "DB""#, "user='Prod DB'"),
        (vec!["doctor", "postgresql://a@t.com:x@h/d"], "%40", "postgresql://a%40t.com:…@h/d"),
        (vec!["doctor", "host=h usr=x"], "libpq has no connection option \"usr\"", "user=…"),
        (vec!["doctor", "user='x"], "never closed", "^"),
        (vec!["doctor", "-h", "h", "-p", "x"], "port must be a number", "5432"),
        (vec!["doctor", "--only", "dsn"], "no check or family named dsn", "try: dns"),
        (vec!["doctor", "--token-file", "/nonexistent/t"], "cannot be read", "/nonexistent/t"),
        (vec!["explain", "something", "else"], "no page is known", "AADSTS50076"),
    ];
    for (arguments, says, suggests) in cases {
        let output = entra_pg(&arguments).output().expect("ran");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains(says), "{arguments:?}: {complaint}");
        assert!(complaint.contains(suggests), "{arguments:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{arguments:?}: stdout is only for the report");
    }
}

#[test]
fn a_password_in_a_malformed_string_is_not_shown() {
    for text in ["host=h password=geheim usr=x", "postgresql://u:geheim@h/%zz"] {
        let output = entra_pg(&["doctor", text]).output().expect("ran");
        assert_eq!(output.status.code(), Some(2));
        assert!(!String::from_utf8_lossy(&output.stderr).contains("geheim"), "{text}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    for arguments in [
        vec!["doctor", "host=h pasword=SECRET"],
        vec!["doctor", "host=h user=u pwd=SECRET"],
        vec!["doctor", "postgresql://u@h/d?pasword=SECRET"],
        vec!["doctor", "postgresql://u:a?SECRET@h/d"],
        vec!["doctor", "host=h sslpassword=SECRET", "--plan"],
        vec!["doctor", "-h", "alice:SECRET@host", "--plan"],
        vec!["doctor", "-h", "alice:SEC,SECRET@host", "--plan"],
        vec!["doctor", "host=alice:SECRET@host", "--plan"],
        vec!["doctor", "-h", "h", "-p", "SECRET"],
        vec!["doctor", "host=h port=SECRET1"],
    ] {
        let output = entra_pg(&arguments).output().expect("ran");
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8_lossy(&shown);
        assert!(!shown.contains("SECRET"), "{arguments:?}: {shown}");
    }
    let output = entra_pg(&["doctor", "-p", "54x2"]).output().expect("ran");
    assert!(String::from_utf8_lossy(&output.stderr).contains("54x2"), "a slip is shown");
}

#[test]
fn show_token_prints_nothing_but_a_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let name = path.to_string_lossy().into_owned();
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln";
    for (text, shown) in [
        (token.to_owned(), true),
        (format!("{token}\r\n"), true),
        (format!("{token}\r\nexport X=1"), false),
        (format!("\u{1b}[31m{token}"), false),
        (token.replace('J', "J\u{202e}"), false),
        (token.replace('.', ".."), false),
        ("a password".to_owned(), false),
        (format!("{{\"accessToken\": \"{token}\"}}"), false),
    ] {
        std::fs::write(&path, &text).expect("written");
        let arguments = ["token", "--show-token", "--token-file", &name];
        let output = entra_pg(&arguments).output().expect("ran");
        assert_eq!(output.status.success(), shown, "{text}");
        let expected = if shown { format!("{token}\n") } else { String::new() };
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{text}");
    }
}

#[test]
fn the_plan_contacts_nothing_and_names_everything() {
    let plan = stdout(entra_pg(&["doctor", "--plan", "-h", "h.postgres.database.azure.com"]));
    for host in [
        "login.microsoftonline.com:443",
        "graph.microsoft.com:443",
        "h.postgres.database.azure.com:5432",
    ] {
        assert!(plan.contains(host), "{host} is not in the plan:\n{plan}");
    }
}

#[test]
fn every_page_can_be_read() {
    for problem in entra_pg_checks::problems() {
        let page = stdout(entra_pg(&["explain", problem.id]));
        assert!(page.starts_with(problem.id), "{}", problem.id);
        assert!(page.contains("How to fix it"), "{}", problem.id);
    }
}

#[test]
fn the_list_of_checks_is_complete() {
    let list = stdout(entra_pg(&["checks"]));
    for check in entra_pg_checks::rulebook() {
        assert!(list.contains(check.id), "{}", check.id);
    }
}

#[test]
fn completions_and_man_page_come_from_the_definition() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(stdout(entra_pg(&["completions", shell])).contains("retry-for"), "{shell}");
    }
    assert!(stdout(entra_pg(&["man", "doctor"])).contains(r"\-\-retry\-for"));
}

#[test]
fn recorded_reports_follow_the_schema() {
    let schema: Value =
        serde_json::from_str(&stdout(entra_pg(&["schema"]))).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for name in ["healthy", "claims/expired", "dns/nxdomain"] {
        let report = json_of(name);
        let errors: Vec<String> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let mut broken = json_of("healthy");
    broken["outcome"] = Value::Null;
    assert!(!validator.is_valid(&broken), "the schema lets anything pass");
}

#[test]
fn a_report_is_judged_again_to_the_same_verdict() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let before = json_of("claims/expired");
    std::fs::write(file.path(), before.to_string()).expect("written");
    let path = file.path().display().to_string();
    let output = entra_pg(&["replay", &path, "--format", "json"]).output().expect("ran");
    let after: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(before["verdict"], after["verdict"]);
    assert_eq!(before["findings"], after["findings"]);
}

#[test]
fn what_is_no_report_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    for text in [
        "",
        "{}",
        "[1,2]",
        "{\"evidence\": 7}",
        "\u{0}\u{1}",
        "{\"evidence\": {\"run_id\": \"x\", \"version\": 99}}",
    ] {
        std::fs::write(file.path(), text).expect("written");
        let output = entra_pg(&["replay", &path]).output().expect("ran");
        assert_eq!(output.status.code(), Some(2), "{text:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{text:?}");
    }
}

#[test]
fn every_format_names_the_root_and_holds_no_control_character() {
    use entra_pg::report::Format;
    let formats = [
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
    ];
    let mut hostile = evidence(&["name/wrong-case"]);
    hostile["settings"]["seen"]["user"]["value"] = "evil\u{1b}[2J\u{202e}name".into();
    for format in formats {
        let text = rendered(evidence(&["claims/expired"]), format);
        assert!(text.contains("claims/expired"), "{format:?}:\n{text}");
        let hostile = rendered(hostile.clone(), format);
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        // JSON is for programs: it escapes control characters, and keeps the rest as it is.
        assert!(!hostile.contains('\u{1b}'), "{format:?}");
        let for_programs =
            matches!(format, Format::Json | Format::JsonLine | Format::Jsonl | Format::Sarif);
        assert!(for_programs || !hostile.contains(bad), "{format:?}:\n{hostile}");
    }
}

#[test]
fn the_words_are_the_same_with_and_without_colours() {
    use entra_pg::report::Format;
    let plain = rendered(evidence(&["dns/nxdomain"]), Format::Text);
    let colored = styled(evidence(&["dns/nxdomain"]), Format::Text, true);
    assert_ne!(plain, colored);
    assert_eq!(plain, without_colors(&colored));
    assert!(plain.lines().all(|line| line.chars().count() <= 80 || line.starts_with("    ")));
}

fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// The contract's exit codes, one by one; 143 and an interrupt of a running command are in tests/edges.
#[test]
fn every_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, document: &Value| -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, document.to_string()).expect("written");
        path.display().to_string()
    };
    let mut undetermined = evidence(&[]);
    undetermined["login"] =
        serde_json::json!({"not_observed": {"reason": "out_of_time", "after_ms": 15_000}});
    undetermined["session"] = undetermined["login"].clone();
    let mut interrupted = evidence(&[]);
    interrupted["interrupted"] = true.into();
    let healthy = file("healthy.json", &evidence(&[]));
    let degraded = file("degraded.json", &evidence(&["claims/expires-soon"]));
    let failing = file("failing.json", &evidence(&["claims/expired"]));
    let undetermined = file("undetermined.json", &undetermined);
    let interrupted = file("interrupted.json", &interrupted);
    let cases: [(i32, &[&str]); 13] = [
        (0, &["replay", &healthy]),
        (0, &["replay", &degraded]),
        (1, &["replay", &degraded, "--fail-on", "warning"]),
        (1, &["replay", &failing]),
        (2, &["replay", "/nonexistent/report.json"]),
        (2, &["replay", &healthy, "--format", "nothing-of-the-kind"]),
        (2, &["bundle", "--only", "dns", "--skip", "dns"]),
        (2, &["diff", &healthy]),
        (2, &["replay", &healthy, "--pseudonymize"]),
        (3, &["replay", &undetermined]),
        (4, &["replay", &failing, "-o", "/nonexistent/folder/report.txt"]),
        (4, &["replay", &healthy, "--report", "html=/nonexistent/folder/report.html"]),
        (130, &["replay", &interrupted]),
    ];
    for (code, arguments) in cases {
        let output = entra_pg(arguments).output().expect("ran");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[test]
fn several_reports_at_once_and_the_summary_of_a_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    std::fs::write(path("report.json"), evidence(&["claims/expired"]).to_string())
        .expect("written");
    std::fs::write(path("summary.md"), "what another step said\n").expect("written");
    let (report, junit, html) = (
        path("report.json"),
        format!("junit={}", path("j.xml")),
        format!("html={}", path("r.html")),
    );
    let output =
        entra_pg(&["replay", &report, "--format", "github", "--report", &junit, "--report", &html])
            .env("GITHUB_STEP_SUMMARY", path("summary.md"))
            .output()
            .expect("ran");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("::error title=claims/expired::"));
    assert!(read("j.xml").contains("<testsuites") && read("r.html").starts_with("<!DOCTYPE html>"));
    let summary = read("summary.md");
    assert!(summary.starts_with("what another step said\n## entra-pg"), "{summary}");
    // Without annotations there is nothing to sum up.
    entra_pg(&["replay", &report])
        .env("GITHUB_STEP_SUMMARY", path("other.md"))
        .output()
        .expect("ran");
    assert_eq!(read("other.md"), "");
}

#[test]
fn pages_as_markdown_json_and_a_website() {
    let markdown = stdout(entra_pg(&["explain", "claims/expired", "--format", "markdown"]));
    assert!(markdown.starts_with("# claims/expired\n") && markdown.contains("## How to fix it"));
    let pasted =
        stdout(entra_pg(&["explain", "--format", "json", "FATAL: database \"x\" does not exist"]));
    let pasted: Value = serde_json::from_str(&pasted).expect("JSON");
    assert_eq!(
        (&pasted["exact"], &pasted["pages"][0]["id"]),
        (&false.into(), &"access/database-missing".into())
    );
    for id in ["dns/resolution", "AADSTS50076", "28P01", "claims/expired"] {
        let page = stdout(entra_pg(&["explain", id]));
        assert!(page.starts_with(id), "{id}: {page}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let site = folder.path().join("site").display().to_string();
    assert_eq!(
        entra_pg(&["explain", "--all", &site]).output().expect("ran").status.code(),
        Some(0)
    );
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join("site").join(name)).unwrap_or_default()
    };
    let index = read("index.html");
    for problem in entra_pg_checks::problems() {
        let name = format!("problem-{}.html", problem.id.replace('/', "-"));
        assert!(index.contains(&format!("href=\"{name}\"")), "{name}");
        assert!(read(&name).contains("How to fix it"), "{name}");
        // The address that a build for a website puts into findings.
        assert_eq!(
            problem.docs_at("https://pages.example/"),
            format!("https://pages.example/{name}")
        );
    }
    // Every link leads to a page that is there, and nothing is fetched from elsewhere.
    for entry in std::fs::read_dir(folder.path().join("site")).expect("a folder") {
        let text = std::fs::read_to_string(entry.expect("readable").path()).expect("UTF-8");
        for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            // A source is a link for the reader; a page of the site is there.
            let there =
                link.starts_with("https://") || folder.path().join("site").join(link).is_file();
            assert!(there, "a link leads to {link:?}");
        }
        assert!(!text.contains(" src="), "something is fetched");
    }
}
