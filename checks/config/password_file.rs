//! Whether the password file gives what it is there for.

use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        settings::{Origin, PassFile, Settings},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// libpq takes the password file.
pub static CHECK: Check = Check {
    id: "config/password-file",
    asserts: "libpq uses the password file that is there",
    needs: &[Topic::Settings],
    problems: &[&PASSFILE_IGNORED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let settings = seen.settings.get()?;
    // libpq does not read the file if it has a password, so it was not read here either.
    let file = match settings.passfile.get() {
        Ok(file) => file,
        Err(why @ NotObserved::NotApplicable { .. }) => return Err(why.into()),
        Err(_) => {
            return Ok(Verdict::NotApplicable("the password file does not matter".to_owned()));
        }
    };
    if settings.host.is_none() {
        return Ok(Verdict::NotApplicable("no server was named".to_owned()));
    }
    Ok(verdict(file, settings))
}

/// The finding of a password file that holds this login and that libpq does not use.
pub(crate) fn not_used(settings: &Settings) -> Option<Finding> {
    let file = settings.passfile.seen().filter(|_| settings.host.is_some())?;
    match verdict(file, settings) {
        Verdict::Found(findings) => findings.into_iter().next(),
        Verdict::Passed(_) | Verdict::NotApplicable(_) => None,
    }
}

fn verdict(file: &PassFile, settings: &Settings) -> Verdict {
    let path = &file.path;
    match (file.ignored_for_mode, file.matching_line, file.near_line) {
        (Some(mode), Some(line), _) | (Some(mode), None, Some(line)) => Verdict::found(
            Finding::of(
                &PASSFILE_IGNORED,
                path,
                format!("libpq ignores {path}: others may read it (mode {mode:04o})"),
            )
            .because(format!("line {line} of it is for this login"))
            .because(
                "psql warns: password file has group or world access; permissions should be u=rw \
                    (0600) or less",
            )
            .fix(Fix::you("Keep others out of it").run(Command::new("chmod 600").value(path))),
        ),
        (None, Some(line), _) => Verdict::Passed(format!("{path} line {line}")),
        (None, None, Some(line)) => Verdict::found(near(file, line, settings)),
        (_, None, None) => Verdict::NotApplicable(format!("{path} has no line for this login")),
    }
}

/// A line that would match but for its spelling. The line itself holds a secret and is not shown.
fn near(file: &PassFile, line: usize, settings: &Settings) -> Finding {
    let path = &file.path;
    let field = |text: &str| text.replace('\\', r"\\").replace(':', r"\:");
    let host = settings.host.as_ref().map_or("*", |host| host.value.as_str());
    let user = settings.user.as_ref().map_or("*", |user| user.value.as_str());
    let start = format!(
        "{}:{}:{}:{}:",
        field(host),
        settings.port.value,
        field(&settings.database.value),
        field(user)
    );
    if file.wrong_encoding {
        let detail = format!("libpq cannot read {path}: it is not in plain UTF-8");
        return Finding::of(&PASSFILE_IGNORED, path, detail)
            .because(format!("line {line} of it is for this login"))
            .because("it is in UTF-16 or begins with a byte order mark, as Windows PowerShell writes files")
            .fix(Fix::you("Save it as UTF-8 without a byte order mark"));
    }
    let detail =
        format!("line {line} of {path} nearly matches this login, and libpq passes it over");
    let because = match settings.user.as_ref().map(|user| &user.origin) {
        Some(Origin::Default) => "no user is named, so libpq uses that of the operating system",
        _ => {
            "host, database and user are compared letter by letter; : and \\ in a field need a \\ \
                in front"
        }
    };
    Finding::of(&PASSFILE_IGNORED, path, detail)
        .because(because)
        .fix(Fix::you(format!("Begin line {line} with {start}")))
}

/// Passed over.
pub static PASSFILE_IGNORED: Problem = Problem {
    id: "config/passfile-ignored",
    title: "libpq does not use the password file",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("password file … has group or world access", 90),
        Fragment::new("password file … is not a plain file", 90),
        Fragment::new("no matches in pgpass", 90),
        Fragment::new("password from pgpass file", 90),
        Fragment::new("password retrieved from file", 64),
        Fragment::new("no password supplied", 62),
    ],
    page: Page {
        means: "There is a password file with a line for this login, and libpq passes it over: \
            others may read the file, or the line is not spelt as libpq compares it.",
        causes: &[
            "mode 0644: the file was written by a script, or mounted",
            "a : or \\ in the user's name that is not escaped with \\",
            "another case of host or user than in the connection",
            "UTF-16 or a byte order mark: Windows PowerShell 5.1 wrote the file with >",
        ],
        confirm: &[
            "`ls -l ~/.pgpass`",
            "psql says: WARNING: password file … has group or world access, then: fe_sendauth: no \
                password supplied",
        ],
        fix: &[(Actor::You, "`chmod 600 ~/.pgpass`; `entra-pg name $ROLE` writes the line")],
        mistaken_for: &["token/no-credential, which it can lead to"],
        sources: &["PostgreSQL documentation: libpq, the password file"],
    },
    ..Problem::DEFAULT
};
