//! What people type first: help, misspelled names, empty values, outputs that cannot be written, and
//! commands without arguments. Each case has its exit code and a part of its text.

mod recorded;

use recorded::{entra_pg, evidence};
use serde_json::Value;
use std::{fs, path::Path};

/// Exit code, stdout and stderr.
fn run(arguments: &[&str]) -> (i32, String, String) {
    run_in(Path::new("."), arguments)
}

fn run_in(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = entra_pg(arguments).current_dir(folder).output().expect("ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("not killed"), text(output.stdout), text(output.stderr))
}

fn refused(arguments: &[&str], part: &str) {
    let (code, stdout, stderr) = run(arguments);
    assert_eq!(code, 2, "{arguments:?}: {stderr}");
    assert!(stdout.is_empty(), "{arguments:?}: {stdout}");
    assert!(stderr.contains(part), "{arguments:?}: {stderr}");
}

fn printed(arguments: &[&str], part: &str) -> String {
    let (code, stdout, stderr) = run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    assert!(stdout.contains(part), "{arguments:?}: {stdout}");
    stdout
}

#[test]
fn help_in_every_form() {
    for arguments in [&["help"][..], &["-h"], &["--help"]] {
        let text = printed(arguments, "Diagnose why");
        assert!(text.contains("Exit codes:") && text.contains("Start here:"), "{text}");
    }
    for arguments in [&["help", "doctor"][..], &["doctor", "--help"]] {
        let text = printed(arguments, "--retry-for");
        let (_, examples) = text.split_once("Examples:").expect("examples");
        assert_eq!(examples.matches("\n  entra-pg doctor").count(), 5, "{examples}");
    }
    printed(&["help", "manifest", "kubernetes"], "--image");
    printed(&["explain", "-h"], "Usage: entra-pg explain");
    printed(&["checks", "-h"], "Usage: entra-pg checks");
    refused(&["help", "nothing"], "unrecognized subcommand");
    for command in ["doctor", "bundle", "token", "exec", "preflight"] {
        refused(&[command, "-h"], "type '--help'");
    }
}

#[test]
fn the_version_in_every_form() {
    let version = format!("entra-pg {}\n", env!("CARGO_PKG_VERSION"));
    for arguments in [&["version"][..], &["--version"], &["-V"]] {
        assert_eq!(printed(arguments, "entra-pg"), version);
    }
    printed(&["doctor", "--version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn empty_values_are_usage_errors() {
    for arguments in [
        &["name", ""][..],
        &["doctor", "-U", ""],
        &["doctor", "--tenant", ""],
        &["doctor", "--client-id="],
        &["doctor", "-h", ""],
        &["doctor", "-d", ""],
        &["doctor", "-p", ""],
        &["doctor", "-o", ""],
        &["doctor", "--bundle", ""],
        &["doctor", "--token-file", ""],
        &["doctor", "--only", ""],
        &["doctor", "--only", "dns,"],
        &["doctor", ""],
        &["token", "--decode", ""],
        &["replay", ""],
        &["checks", ""],
        &["fleet", ""],
        &["manifest", "kubernetes", "--image", "", "-h", "h"],
        &["manifest", "kubernetes", "--image", "i", "-h", "h", "--client-id", ""],
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
    refused(&["doctor", "-U", ""], "the value of --username <NAME> is empty");
    refused(&["explain", ""], "the text is empty");
}

#[test]
fn contradictory_and_misspelled_selections() {
    refused(&["doctor", "--only", "dns", "--skip", "dns"], "--skip leaves nothing of --only dns");
    refused(&["doctor", "--only", "dns/latency", "--skip", "dns"], "--only dns/latency");
    refused(&["doctor", "--only", "dns,name", "--skip", "name"], "--only name");
    let list = tempfile::NamedTempFile::new().expect("a file");
    fs::write(list.path(), "host=h").expect("written");
    let list = list.path().display().to_string();
    refused(&["fleet", &list, "--only", "dns", "--skip", "dns"], "--only dns");
    refused(&["doctor", "--only", "dsn"], "try: dns");
    refused(&["doctor", "--skip", "names"], "try: name");
    refused(&["doctor", "--only", "dns/latncy"], "try: dns/latency");
    refused(&["checks", "logn"], "try: login");
    let families: Vec<&str> = entra_pg_checks::FAMILIES.iter().map(|family| family.name).collect();
    refused(&["doctor", "--skip", &families.join(",")], "no check to run");
}

#[test]
fn explain_finds_families_parts_of_ids_and_numbers() {
    let list = printed(&["explain"], "Families of problems");
    for family in entra_pg_checks::FAMILIES {
        assert!(list.contains(&format!("\n  {} ", family.name)), "{}: {list}", family.name);
        let page = printed(&["explain", family.name], family.title);
        let first = family.checks.first().expect("a check").id;
        assert!(page.contains(first), "{first}: {page}");
    }
    printed(&["explain", "wrong-case"], "name/wrong-case: ");
    printed(&["explain", "50076"], "AADSTS50076: ");
    let unknown = printed(&["explain", "AADSTS123456789"], "AADSTS123456789: ");
    assert!(
        unknown.contains("https://login.microsoftonline.com/error?code=123456789"),
        "{unknown}"
    );
    refused(&["explain", "wrong-csae"], "nearest page: name/wrong-case");
    refused(&["explain", "dns/nxdomian"], "nearest page: dns/nxdomain");
}

#[test]
fn outputs_are_checked_before_the_run() {
    refused(&["doctor", "--report", "html="], "the file name behind the = is missing");
    refused(&["doctor", "--report", "htm=x"], "the format must be one of text, short, json");
    refused(&["doctor", "--report", "html"], "FORMAT=FILE");
    refused(&["fleet", "/dev/null", "--report", "junit="], "the file name behind the = is missing");
    refused(&["doctor", "-o", "x", "--report", "json=x"], "two outputs are written to x");
    refused(&["doctor", "--report", "json=-"], "two outputs go to standard output");
    refused(&["doctor", "--bundle", "x", "--bundle", "y"], "cannot be used multiple times");
    for arguments in [
        &["doctor", "-h", "h.invalid", "-o", "/nonexistent/report"][..],
        &["doctor", "-h", "h.invalid", "--report", "html=/nonexistent/report"],
        &["doctor", "-h", "h.invalid", "--bundle", "/nonexistent/bundle.zip"],
        &["doctor", "-h", "h.invalid", "-o", "/"],
        &["bundle", "-h", "h.invalid", "-o", "/nonexistent/bundle.zip"],
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (4, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains("nothing was tested"), "{arguments:?}: {stderr}");
    }
}

/// A recorded run that fails, as a file.
fn recording(folder: &Path) -> String {
    let path = folder.join("report.json");
    fs::write(&path, evidence(&["claims/expired"]).to_string()).expect("written");
    path.display().to_string()
}

#[test]
fn a_report_that_cannot_be_written_goes_to_stdout() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (code, stdout, stderr) = run(&["replay", &recording(folder.path()), "-o", "/dev/full"]);
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("the report follows"), "{stderr}");
    assert!(stdout.contains("Login fails"), "{stdout}");
}

#[test]
fn a_bundle_on_stdout_is_alone_and_its_summary_is_on_stderr() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = recording(folder.path());
    let output = entra_pg(&["replay", &recording, "--bundle", "-"]).output().expect("ran");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.starts_with(b"PK"), "a zip");
    let stderr = String::from_utf8_lossy(&output.stderr);
    for part in ["Login fails", "Bundle written: standard output (", "no token, password or key"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    fs::write(folder.path().join("b.zip"), output.stdout).expect("written");
    let (code, ..) = run_in(folder.path(), &["replay", "b.zip"]);
    assert_eq!(code, 1);
    refused(&["replay", &recording, "--bundle", "-", "--pseudonymize"], "--pseudonymize=KEYFILE");
}

#[test]
fn a_bundle_ends_with_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = recording(folder.path());
    let (code, stdout, stderr) =
        run_in(folder.path(), &["replay", &recording, "--bundle", "b.zip"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("Login fails"), "{stdout}");
    assert!(stderr.contains("Bundle written: b.zip (") && stderr.contains("KiB"), "{stderr}");
    assert!(stderr.contains("--pseudonymize replaces them"), "{stderr}");
    let (_, _, stderr) =
        run_in(folder.path(), &["replay", &recording, "--bundle", "c.zip", "--pseudonymize"]);
    let key = ".pseudonym-key-c.zip";
    assert!(stderr.contains(&format!("Keep their key, {key}, and do not send it")), "{stderr}");
}

/// Runs that contact nothing: a host that is an address of this computer where nothing listens.
#[test]
fn bundle_without_a_file_chooses_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["bundle", "-h", "127.0.0.1", "-p", "1", "--only", "config"];
    let (code, _, stderr) = run_in(folder.path(), &arguments);
    assert!(code <= 3, "{stderr}");
    let names = || -> Vec<String> {
        let entries = fs::read_dir(folder.path()).expect("a folder");
        entries
            .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
            .collect()
    };
    let [name] = &names()[..] else { panic!("one file: {:?}", names()) };
    assert!(name.starts_with("entra-pg-127.0.0.1-") && name.ends_with("Z.zip"), "{name}");
    assert!(stderr.contains(name), "{stderr}");
    let pseudonyms = [&arguments[..], &["--pseudonymize"]].concat();
    let (_, _, stderr) = run_in(folder.path(), &pseudonyms);
    assert!(names().iter().filter(|name| name.contains("127.0.0.1")).count() == 1, "{stderr}");
}

#[test]
fn no_server_says_what_is_not_tested() {
    let (code, stdout, stderr) = run(&["doctor", "--only", "config"]);
    assert!(code == 0 || code == 3, "{stderr}");
    for part in ["Not tested without a server: server, login", "entra-pg doctor -h NAME"] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
}

#[test]
fn the_plan_is_a_firewall_request() {
    let target = ["doctor", "--plan", "-h", "pg.postgres.database.azure.com", "--azure"];
    let text = printed(&target, "Firewall request");
    for part in [
        "Source: ",
        "Service tag",
        "pg.postgres.database.azure.com:5432",
        "TCP (PostgreSQL)",
        "AzureActiveDirectory",
        "AzureResourceManager",
        "169.254.169.254:80",
        "AzurePlatformIMDS",
        "acquire a token",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = printed(&[&target[..], &["--format", "json"]].concat(), "rules");
    let plan: Value = serde_json::from_str(&json).expect("JSON");
    let rules = plan["rules"].as_array().expect("rules");
    let rule = rules.iter().find(|rule| rule["port"] == 5432).expect("the server");
    assert_eq!(rule["destination"], "pg.postgres.database.azure.com");
    assert_eq!((&rule["transport"], &rule["protocol"]), (&"TCP".into(), &"PostgreSQL".into()));
    assert!(rule["why"].as_str().is_some_and(|why| !why.is_empty()));
    let twice = format!("host={SERVER},{SERVER}");
    let json = printed(&["doctor", "--plan", &twice, "--format", "json"], "rules");
    let plan: Value = serde_json::from_str(&json).expect("JSON");
    let names = plan["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| format!("{} {} {}", rule["destination"], rule["port"], rule["transport"]));
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    let authority = |rule: &&Value| rule["destination"] == "login.microsoftonline.com";
    let rule = rules.iter().find(authority).expect("the authority");
    assert_eq!(rule["service_tag"], "AzureActiveDirectory");
    let proxied = entra_pg(&target).env("HTTPS_PROXY", "http://proxy.corp:3128").output();
    let proxied = String::from_utf8(proxied.expect("ran").stdout).expect("UTF-8");
    assert!(
        proxied.contains("proxy.corp:3128") && proxied.contains("through the proxy"),
        "{proxied}"
    );
}

#[test]
fn checks_as_a_table_by_family_and_as_json() {
    let all = printed(&["checks"], "dns/resolution");
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    let dns = printed(&["checks", "dns"], "dns/resolution");
    assert!(!dns.contains("login/"), "{dns}");
    printed(&["checks", "dns", "-v"], "contacts  every nameserver");
    for arguments in [&["checks", "dns", "--format", "json"][..], &["checks", "dns", "--json"]] {
        let list: Value = serde_json::from_str(&printed(arguments, "checks")).expect("JSON");
        let checks = list["checks"].as_array().expect("checks");
        assert!(checks.iter().all(|check| check["family"] == "dns") && !checks.is_empty());
        assert!(checks[0]["problems"][0]["id"].is_string());
    }
}

#[test]
fn man_pages_have_every_section() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("man").display().to_string();
    assert_eq!(run(&["man", "--all", &path]).0, 0);
    let pages: Vec<_> = fs::read_dir(&path).expect("a folder").flatten().collect();
    assert!(pages.len() > 15, "{}", pages.len());
    let doctor = fs::read_to_string(Path::new(&path).join("entra-pg-doctor.1")).expect("written");
    assert_eq!(doctor, printed(&["man", "doctor"], ".SH"));
    for section in ["OPTIONS", "ENVIRONMENT", "FILES", "\"EXIT STATUS\"", "EXAMPLES"] {
        assert!(doctor.contains(&format!(".SH {section}")), "{section}");
    }
    assert!(doctor.lines().any(|line| line.starts_with(".TH ENTRA-PG-DOCTOR 1 2")), "a date");
    refused(&["man", "docter"], "entra-pg man doctor");
}

#[test]
fn messages_name_no_rust_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file").display().to_string();
    let texts = [
        "[]",
        "{}",
        "7",
        "\"x\"",
        "null",
        "[7]",
        "{\"properties\": 7}",
        "{\"securityRules\": 7}",
        "{\"value\": {}}",
        "{\"type\": \"Microsoft.DBforPostgreSQL/flexibleServers\", \"network\": []}",
        "{\"evidence\": 7}",
        "{\"evidence\": {\"settings\": 7}}",
        "{\"targets\": [7]}",
        "{\"targets\": [{\"host\": 7}]}",
        "{\"targets\": [{\"port\": \"x\"}]}",
        "{",
        "host = 7",
    ];
    for text in texts {
        fs::write(&path, text).expect("written");
        for arguments in [
            &["doctor", "--azure-config", &path][..],
            &["replay", &path],
            &["merge", &path],
            &["fleet", &path, "--plan"],
            &["doctor", "--plan", "--cloud-file", &path],
            &["manifest", "kubernetes", "--image", "i", "-h", "h", "--like", &path],
        ] {
            let (_, _, stderr) = run(arguments);
            for part in
                ["struct ", "enum ", "variant", "newtype", "::", "Option", "tuple", "u16", "i64"]
            {
                assert!(!stderr.contains(part), "{arguments:?} {text}: {stderr}");
            }
        }
    }
}

/// The server in the strings below.
const SERVER: &str = "pg-prod.postgres.database.azure.com";

/// Every form of a connection string that people have: the plan names the server and its port, and nothing
/// shows the password.
#[test]
fn connection_strings_of_every_driver_lead_to_the_server() {
    for text in [
        "host=SRV user=me dbname=app",
        "postgresql://me%40contoso.com:Geheim-1@SRV/app?sslmode=require",
        "postgres://me@SRV:5432/app",
        "SRV",
        "SRV:5432",
        "SRV,5432",
        "https://SRV/",
        "tcp:SRV,5432",
        "me@contoso.com@SRV:5432/app",
        "jdbc:postgresql://SRV:5432/app?user=me&password=Geheim-1&sslmode=require",
        "jdbc:postgresql://SRV:5432/{your_database}?user=me&password={your_password}&sslmode=require",
        "r2dbc:postgresql://me:Geheim-1@SRV/app",
        "postgresql+psycopg://me:Geheim-1@SRV/app",
        "postgresql+asyncpg://me:Ge/he#im@SRV/app",
        "ecto://me:Geheim-1@SRV/app",
        "postgresql://me:Geheim-1@SRV/app?schema=public&connection_limit=5",
        "host=SRV user=me password=Geheim-1 dbname=app TimeZone=UTC",
        "Host=SRV;Port=5432;Username=me;Password=Geheim-1;Database=app;SSL Mode=Require;Trust Server Certificate=true",
        "Server=tcp:SRV,5432;Initial Catalog=app;User ID=me;Password=Geheim-1;",
        "Database={your_database}; Data Source=SRV; User Id=me; Password={your_password}",
        "Driver={PostgreSQL Unicode};Server=SRV;Port=5432;Database=app;Uid=me;Pwd=Geheim-1;",
        "pgsql:host=SRV;port=5432;dbname=app;user=me;password=Geheim-1",
        "dbi:Pg:dbname=app;host=SRV;port=5432",
        "psql \"host=SRV port=5432 dbname={your_database} user=me password={your_password} sslmode=require\"",
        "psql -h SRV -p 5432 -U me -d app",
        "PGPASSWORD=Geheim-1 psql -h SRV -U me app",
        "PGHOST=SRV PGUSER=me PGDATABASE=app PGPASSWORD=Geheim-1",
        "export PGHOST=SRV\nexport PGUSER=me\nexport PGPASSWORD=Geheim-1",
        "$env:PGHOST='SRV'; $env:PGUSER='me'",
        "set \"PGHOST=SRV\" & set \"PGUSER=me\"",
        "DATABASE_URL=postgresql://me:Geheim-1@SRV/app",
        "spring.datasource.url=jdbc:postgresql://SRV:5432/app",
        "\"DefaultConnection\": \"Host=SRV;Username=me;Password=Geheim-1\"",
        "SRV:5432:app:me:Geheim-1",
        "host: SRV\nport: 5432\nuser: me\npassword: Geheim-1",
        "Server name: SRV, Server admin login name: me",
        "{\"host\": \"SRV\", \"user\": \"me\", \"password\": \"Geheim-1\"}",
        "psycopg.connect(host=\"SRV\", user=\"me\", password=\"Geheim-1\")",
        "new Client({ host: 'SRV', user: 'me', password: 'Geheim-1', port: 5432 })",
    ] {
        let text = text.replace("SRV", SERVER);
        let (code, stdout, stderr) = run(&["doctor", "--plan", &text]);
        assert_eq!(code, 0, "{text}: {stderr}");
        assert!(stdout.contains(&format!("{SERVER}:5432 ")), "{text}: {stdout}");
        assert!(!format!("{stdout}{stderr}").contains("Geheim"), "{text}: {stdout}{stderr}");
    }
}

/// What cannot be read gets the line to type, with the parts that were recognized and without the password.
#[test]
fn strings_that_cannot_be_converted_get_the_line_to_type() {
    for (text, line) in [
        ("mysql://me:Geheim-1@SRV:3306/app", "-h SRV -p 3306 -U me -d app"),
        ("mongodb://SRV", "-h SRV -U ROLE -d DATABASE"),
        (
            "mysql://me:Geheim-1@db.example/app",
            "-h NAME.postgres.database.azure.com -U ROLE -d DATABASE",
        ),
        ("jdbc:postgresql:app", "-h NAME.postgres.database.azure.com -U ROLE -d DATABASE"),
        ("please connect to SRV as me", "-h SRV -U ROLE -d DATABASE"),
        ("sslmod=require host=SRV user=me", "-h SRV -U me -d DATABASE"),
        ("host=SRV user=Prod DB dbname=app", "-h SRV -U 'Prod DB' -d app"),
        ("postgresql://me@contoso.com:Geheim-1@SRV/app", "-h SRV -U me@contoso.com -d app"),
        ("postgresql://me:Ge/heim@SRV:5432/app", "-h SRV -U me -d app"),
    ] {
        let (text, line) = (text.replace("SRV", SERVER), line.replace("SRV", SERVER));
        let (code, stdout, stderr) = run(&["doctor", "--plan", &text]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{text}: {stderr}");
        assert!(stderr.contains(&format!("entra-pg doctor {line}\n")), "{text}: {stderr}");
        assert!(!stderr.contains("heim"), "{text}: {stderr}");
    }
}

/// A connection string without `doctor`, or without quotation marks.
#[test]
fn a_connection_string_in_several_words_gets_its_quotation_marks() {
    let host = format!("host={SERVER}");
    let line = format!("entra-pg doctor 'host={SERVER} user=me'");
    refused(&["doctor", &host, "user=me"], &line);
    refused(&[&host, "user=me"], &line);
    refused(&[SERVER], &format!("entra-pg doctor '{SERVER}'"));
    refused(&["doctr"], "doctor");
    let (_, _, stderr) = run(&["doctor", &host, "password=Geheim-1"]);
    assert!(!stderr.contains("tip: entra-pg"), "{stderr}");
}

#[test]
fn a_part_of_an_id_lists_the_pages_that_hold_it() {
    for part in ["name/wrong-case", "claims/wrong-audience"] {
        refused(&["explain", "wrong"], &format!("nearest page: {part}"));
    }
}
