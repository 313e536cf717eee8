//! What help and man pages say beyond the options: examples, environment, files and exit codes.

use clap::Command;
use clap_mangen::Man;
use jiff::Timestamp;
use roff::{Inline, Roff, bold, roman};
use std::{fmt::Write as _, io};

/// The date of the man pages: that of the release, which builds with SOURCE_DATE_EPOCH, else the day on which
/// this program was built.
fn date() -> String {
    let released = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok());
    let built = || {
        let file = std::env::current_exe().ok()?.metadata().ok()?;
        Timestamp::try_from(file.modified().ok()?).ok()
    };
    let time = released.and_then(|seconds| Timestamp::from_second(seconds).ok()).or_else(built);
    time.unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%d").to_string()
}

/// A task and the line that does it.
type Example = (&'static str, &'static str);
/// A name and what it means.
type Entry = (&'static str, &'static str);

/// Examples of each command.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "entra-pg",
        &[
            ("find out why the login fails that psql would make", "entra-pg doctor"),
            ("every option of a command", "entra-pg help doctor"),
            ("understand an error", "psql 2>&1 | entra-pg explain -"),
        ],
    ),
    (
        "doctor",
        &[
            ("the login that psql would make (PGHOST, PGUSER, ...)", "entra-pg doctor"),
            (
                "a login by options, as in psql",
                "entra-pg doctor -h pg-prod.postgres.database.azure.com -U me@contoso.com -d app",
            ),
            (
                "a connection string: libpq, URI, JDBC, ADO.NET or SQLAlchemy",
                "entra-pg doctor 'host=... user=me@contoso.com dbname=app sslmode=verify-full'",
            ),
            (
                "in CI: annotations, test results and a bundle for support",
                "entra-pg doctor --format github --report junit=entra-pg.xml --bundle entra-pg.zip",
            ),
            (
                "wait until a new role or rule works, but not in vain",
                "entra-pg doctor --retry-for 10m",
            ),
        ],
    ),
    (
        "bundle",
        &[
            ("a bundle in the current folder", "entra-pg bundle"),
            (
                "with pseudonyms for names, ids and addresses",
                "entra-pg bundle --pseudonymize -o bundle.zip",
            ),
            ("to another computer", "entra-pg bundle -o - | ssh build 'cat >bundle.zip'"),
        ],
    ),
    (
        "token",
        &[
            ("who the token belongs to, and when it expires", "entra-pg token"),
            ("a token for psql", "export PGPASSWORD=\"$(entra-pg token --show-token)\""),
            ("judge a given token", "entra-pg token --decode token.txt"),
        ],
    ),
    (
        "exec",
        &[
            ("psql with a fresh token", "entra-pg exec -- psql -c 'select 1'"),
            ("explain a refused login", "entra-pg exec --diagnose -- pg_dump -f app.sql"),
        ],
    ),
    (
        "name",
        &[
            ("a group with blanks in its name", "entra-pg name 'Prod DB Readonly'"),
            ("for programs", "entra-pg name me@contoso.com --format json"),
        ],
    ),
    (
        "fleet",
        &[
            ("the servers of a list", "entra-pg fleet servers.toml"),
            (
                "every server of a subscription",
                "az postgres flexible-server list -o json | entra-pg fleet - -U me@contoso.com",
            ),
            ("metrics", "entra-pg fleet servers.toml --report prometheus=entra-pg.prom"),
        ],
    ),
    (
        "preflight",
        &[
            ("exported configuration", "entra-pg preflight --azure-config exported/"),
            ("live, and also from this computer", "entra-pg preflight -h NAME --azure --here"),
        ],
    ),
    (
        "merge",
        &[("the pods of a DaemonSet", "kubectl logs -l app=entra-pg --tail=-1 | entra-pg merge -")],
    ),
    (
        "manifest",
        &[(
            "a CronJob with workload identity",
            "entra-pg manifest kubernetes --kind cronjob --image IMAGE -h HOST -U ROLE --client-id ID",
        )],
    ),
    (
        "replay",
        &[
            ("the verdict of a bundle", "entra-pg replay bundle.zip"),
            ("as a page for a browser", "entra-pg replay bundle.zip --format html -o report.html"),
        ],
    ),
    ("diff", &[("before and after a change", "entra-pg diff before.zip after.zip")]),
    (
        "explain",
        &[
            ("the families of problems", "entra-pg explain"),
            (
                "a problem, a check, a family, a number, a SQLSTATE",
                "entra-pg explain name/wrong-case",
            ),
            ("an error of Microsoft Entra ID", "entra-pg explain AADSTS50076"),
            ("the error of psql", "psql 2>&1 | entra-pg explain -"),
            ("every page as a website", "entra-pg explain --all site/"),
        ],
    ),
    (
        "checks",
        &[
            ("the table of all checks", "entra-pg checks"),
            ("one family, with what each check contacts", "entra-pg checks dns -v"),
            ("for programs", "entra-pg checks --format json"),
        ],
    ),
    (
        "completions",
        &[
            (
                "bash",
                "entra-pg completions bash >~/.local/share/bash-completion/completions/entra-pg",
            ),
            ("zsh", "entra-pg completions zsh >\"${fpath[1]}/_entra-pg\""),
            ("fish", "entra-pg completions fish >~/.config/fish/completions/entra-pg.fish"),
        ],
    ),
    (
        "man",
        &[
            ("read the page of a command", "entra-pg man doctor | man -l -"),
            ("install every page", "entra-pg man --all /usr/local/share/man/man1"),
        ],
    ),
];

const ENVIRONMENT: &[Entry] = &[
    (
        "PGHOST, PGHOSTADDR, PGPORT, PGUSER, PGDATABASE, PGSERVICE, PGSSLMODE, PGSSLROOTCERT, \
            PGCHANNELBINDING, PGREQUIREAUTH, PGPASSFILE, PGSERVICEFILE",
        "The login, as libpq reads them.",
    ),
    ("PGPASSWORD", "The access token."),
    (
        "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, \
            AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST",
        "The identity, as the Azure SDKs read them.",
    ),
    (
        "IDENTITY_ENDPOINT, IDENTITY_HEADER",
        "The token endpoint of App Service, Functions, Container Apps and Azure Arc.",
    ),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "The proxy to Microsoft Entra ID, also in lower case. PostgreSQL connections use no proxy.",
    ),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "Root certificates in place of the system's."),
    (
        "ENTRA_PG_PUBLIC_ROOTS",
        "A file with the public roots of a cloud whose endpoints do not use roots of Mozilla's list.",
    ),
    ("NO_COLOR, CLICOLOR_FORCE", "Whether to use colors if --color is auto."),
    ("GITHUB_STEP_SUMMARY", "With --format github, the file to which the summary is appended."),
];

const FILES: &[Entry] = &[
    ("~/.pgpass", "The password file of libpq."),
    ("~/.pg_service.conf", "The service file of libpq."),
    ("~/.postgresql/root.crt", "The default root certificates of libpq."),
    ("/etc/resolv.conf, /etc/hosts, /etc/nsswitch.conf", "How this computer resolves names."),
    (
        "/usr/bin/getent",
        "Resolves names for the static program of Linux, as psql does on this computer.",
    ),
    ("~/.azure", "The sign-in of the Azure CLI, which is asked through the command az."),
    (
        ".pseudonym-key-FILE.zip",
        "The key of the pseudonyms in the bundle FILE.zip. Keep it, and do not send it.",
    ),
];

const EXIT_STATUS: &[Entry] = &[
    ("0", "Nothing failed; warnings are allowed."),
    ("1", "Something failed, or warned with --fail-on warning."),
    ("2", "Usage or configuration could not be understood; nothing was tested."),
    ("3", "Not decided: nothing failed, but a decisive check could not be done."),
    ("4", "The tool itself failed, or an output could not be written."),
    ("130, 143", "Interrupted; the partial report is still written."),
];

/// Exit codes of commands that read and print.
const SIMPLE_EXIT_STATUS: &[Entry] = &[
    ("0", "The output was written."),
    ("2", "The arguments or a file could not be understood."),
    ("4", "The output could not be written."),
];

const EXEC_EXIT_STATUS: &[Entry] = &[
    ("1", "No token could be acquired."),
    ("2", "The arguments could not be understood; the command was not run."),
    ("126, 127", "The command could not be run, or was not found."),
    ("other", "The exit code of the command."),
];

/// Commands that only read files and print.
const OFFLINE: [&str; 9] =
    ["name", "diff", "explain", "checks", "schema", "completions", "man", "version", "manifest"];

/// Adds the examples of every command to its help.
pub(super) fn with_examples(command: Command) -> Command {
    let command = command.mut_subcommands(with_examples);
    match examples(command.get_name()) {
        Some(examples) if command.get_name() != "entra-pg" => {
            let mut text = String::from("Examples:");
            for (what, line) in examples {
                let _ = write!(text, "\n  # {what}\n  {line}");
            }
            command.after_help(text)
        }
        Some(_) | None => command,
    }
}

fn examples(command: &str) -> Option<&'static [Example]> {
    EXAMPLES.iter().find(|(name, _)| *name == command).map(|(_, examples)| *examples)
}

/// The page of a command, whose name is that of the file: `entra-pg-doctor`.
pub(super) fn page(command: &Command, page: &str) -> io::Result<Vec<u8>> {
    let short = page.strip_prefix("entra-pg-").unwrap_or("entra-pg");
    // The sections below take the place of what `--help` prints after the options.
    let command =
        command.clone().name(page.to_owned()).bin_name(page.replace("entra-pg-", "entra-pg "));
    let command = command.after_help("").after_long_help("").disable_help_subcommand(true);
    let title = page.to_uppercase();
    let man = Man::new(command.clone()).title(&title).date(date()).manual("entra-pg manual");
    let mut bytes = Vec::new();
    man.render_title(&mut bytes)?;
    man.render_name_section(&mut bytes)?;
    man.render_synopsis_section(&mut bytes)?;
    man.render_description_section(&mut bytes)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut bytes)?;
    }
    let mut roff = Roff::new();
    commands(&mut roff, &command);
    if !OFFLINE.contains(&short) {
        entries(&mut roff, "ENVIRONMENT", ENVIRONMENT);
        entries(&mut roff, "FILES", FILES);
    }
    entries(
        &mut roff,
        "EXIT STATUS",
        match short {
            "exec" => EXEC_EXIT_STATUS,
            offline if OFFLINE.contains(&offline) => SIMPLE_EXIT_STATUS,
            _ => EXIT_STATUS,
        },
    );
    if let Some(examples) = examples(short) {
        roff.control("SH", ["EXAMPLES"]);
        for (what, line) in examples {
            roff.control("TP", []);
            roff.text([roman(format!("{what}:"))]);
            roff.text([bold(*line)]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    let see = if short == "entra-pg" { "psql" } else { "entra-pg" };
    roff.text([bold(see), roman("(1)")]);
    roff.to_writer(&mut bytes)?;
    Ok(tidied(&String::from_utf8_lossy(&bytes)).into_bytes())
}

/// The longest line of the source of a page.
const WIDTH: usize = 72;

/// The source without what `mandoc -T lint` reports: long lines, blanks at their ends, and breaks before
/// other space.
fn tidied(source: &str) -> String {
    let lines: Vec<&str> =
        source.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let is_space = |line: &str| {
        [".sp", ".br", ".SH", ".TP", ".PP"].iter().any(|request| line.starts_with(request))
    };
    let mut out = String::new();
    for (index, line) in lines.iter().copied().enumerate() {
        let next = lines.get(index + 1).copied().unwrap_or_default();
        if line == ".br" && is_space(next) {
            continue;
        }
        if line.starts_with(['.', '\'']) {
            let _ = writeln!(out, "{line}");
            continue;
        }
        let options = textwrap::Options::new(WIDTH)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        for part in textwrap::wrap(line, options) {
            // A line of text must not be read as a request.
            let guard = if part.starts_with(['.', '\'']) { "\\&" } else { "" };
            let _ = writeln!(out, "{guard}{}", part.trim_end());
        }
    }
    out
}

/// The commands below a command.
fn commands(roff: &mut Roff, command: &Command) {
    let mut visible = command.get_subcommands().filter(|sub| !sub.is_hide_set()).peekable();
    if visible.peek().is_some() {
        roff.control("SH", ["COMMANDS"]);
    }
    for sub in visible {
        roff.control("TP", []);
        roff.text([bold(sub.get_name())]);
        roff.text([roman(sub.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
}

fn entries(roff: &mut Roff, title: &str, entries: &[Entry]) {
    roff.control("SH", [title]);
    for (name, text) in entries {
        roff.control("TP", []);
        let names: Vec<Inline> = vec![bold(*name)];
        roff.text(names);
        roff.text([roman(*text)]);
    }
}
