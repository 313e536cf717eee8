//! Whether the role may enter the database.

use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Severity},
    command::{Command, identifier},
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        login::{AuthRequest, LoginOutcome, ServerError},
        settings::{Origin, Settings},
    },
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The database exists, and the role may connect to it.
pub static CHECK: Check = Check {
    id: "access/database",
    asserts: "the database lets this role in",
    needs: &[Topic::Settings, Topic::AuthRequest, Topic::Login, Topic::Session],
    problems: &[&DATABASE_MISSING, &NO_CONNECT_PRIVILEGE, &READ_ONLY],
    decisive: true,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let settings = seen.settings.get()?;
    if let Some(AuthRequest::Error(error)) = seen.auth_request.seen()
        && error.sqlstate == "3D000"
    {
        return Ok(Verdict::found(database_missing(settings).because_all([
            "a pooler answers, which checks the database before it requests a token".to_owned(),
            format!("it says {}: {}", error.sqlstate, error.message),
        ])));
    }
    let login = seen.login.get()?;
    match &login.outcome {
        LoginOutcome::Accepted { .. } => {}
        LoginOutcome::RefusedAfterAuthentication(error) => return Ok(refused(settings, error)),
        _ => {
            let (by, subject) = (Topic::Login, String::new());
            return Err(Missing(NotObserved::Blocked { by, subject }));
        }
    }
    let database = &settings.database.value;
    let Some(session) = seen.session.seen() else {
        return Ok(Verdict::Passed(format!("connected to \"{database}\"")));
    };
    if session.read_only {
        let why = if session.in_recovery {
            "the server is a replica"
        } else {
            "default_transaction_read_only is on"
        };
        let detail = format!("\"{database}\" can be read and not written: {why}");
        return Ok(Verdict::found(Finding::of(&READ_ONLY, database, detail).fix(Fix::by(
            Actor::DatabaseAdmin,
            "Connect to the primary, or make room on the disk (Azure sets servers read-only when \
                it is nearly full)",
        ))));
    }
    Ok(Verdict::Passed(format!("connected to \"{database}\" as \"{}\"", session.current_user)))
}

fn database_missing(settings: &Settings) -> Finding {
    let database = &settings.database.value;
    let mut finding = Finding::of(
        &DATABASE_MISSING,
        database,
        format!("there is no database \"{database}\", which is not the token's fault"),
    );
    if settings.database.origin == Origin::Default {
        finding = finding.because("no database was named, so libpq takes the user's name for it");
    }
    finding
        .fix(
            Fix::you("Name a database that exists; names are case-sensitive")
                .run(Command::set("PGDATABASE", "postgres")),
        )
        .fix(
            Fix::by(Actor::DatabaseAdmin, "Or create it")
                .run(Command::sql(format!("create database {};", identifier(database))))
                .in_database("postgres"),
        )
}

fn refused(settings: &Settings, error: &ServerError) -> Verdict {
    let database = &settings.database.value;
    let user = settings.user.as_ref().map_or("", |user| user.value.as_str());
    let said = format!("the server says {}: {}", error.sqlstate, error.message);
    let finding = match error.sqlstate.as_str() {
        "3D000" => database_missing(settings),
        "42501" => Finding::of(
            &NO_CONNECT_PRIVILEGE,
            database,
            format!("the token is accepted, and \"{user}\" may not connect to \"{database}\""),
        )
        .fix(
            Fix::by(Actor::DatabaseAdmin, "Grant it")
                .run(Command::sql(format!(
                    "grant connect on database {} to {};",
                    identifier(database),
                    identifier(user)
                )))
                .in_database("postgres"),
        ),
        _ => Finding::of(
            &NO_CONNECT_PRIVILEGE,
            database,
            format!("the token is accepted, and the session is refused: {}", error.message),
        )
        .fix(Fix::by(Actor::DatabaseAdmin, "Find the message in the server's log")),
    };
    let detail = error.detail.as_ref().map(|detail| format!("DETAIL: {detail}"));
    Verdict::found(
        finding
            .because_all(detail)
            .because("authentication succeeded: the role and the token are right")
            .because(said),
    )
}

/// No such database.
pub static DATABASE_MISSING: Problem = Problem {
    id: "access/database-missing",
    title: "the database does not exist",
    explains: &["access/*"],
    fragments: &[Fragment::new("p1003:", 92), Fragment::new("code: p1003", 92)],
    page: Page {
        means: "The login succeeded, and the database named does not exist (SQLSTATE 3D000). \
            PostgreSQL reports this only after it has accepted the token.",
        causes: &[
            "a wrong name or letter case",
            "no database was named, so the user name was taken for it",
        ],
        confirm: &["`psql -d postgres -l`"],
        fix: &[(Actor::You, "name the right database"), (Actor::DatabaseAdmin, "create it")],
        mistaken_for: &["a refused login: the token is fine"],
        sources: &["PostgreSQL documentation: error codes, 3D000"],
    },
    ..Problem::DEFAULT
};

/// No CONNECT.
pub static NO_CONNECT_PRIVILEGE: Problem = Problem {
    id: "access/no-connect-privilege",
    title: "the role may not connect to the database",
    explains: &["access/*"],
    fragments: &[
        Fragment::new("permission denied for database", 93),
        Fragment::new("user does not have connect privilege", 93),
        Fragment::new("p1010:", 91),
        Fragment::new("was denied access on the database", 90),
        Fragment::new("code: p1010", 91),
    ],
    page: Page {
        means: "The login succeeded, and the role lacks the privilege CONNECT on this database \
            (SQLSTATE 42501).",
        causes: &[
            "CONNECT was revoked from PUBLIC and not granted to this role",
            "the role was dropped and recreated, and lost its grants",
        ],
        confirm: &["`select has_database_privilege('<role>', '<database>', 'connect');`"],
        fix: &[(
            Actor::DatabaseAdmin,
            "grant it: `grant connect on database \"<database>\" to \"<role>\";`",
        )],
        mistaken_for: &["login/refused: there the token is not accepted"],
        sources: &["PostgreSQL documentation: GRANT"],
    },
    ..Problem::DEFAULT
};

/// Nothing can be written.
pub static READ_ONLY: Problem = Problem {
    id: "access/read-only",
    title: "the database is read-only",
    severity: Severity::Warning,
    fragments: &[
        Fragment::new("in a read-only transaction", 92),
        Fragment::new("read-only transaction", 90),
        Fragment::new("default_transaction_read_only", 90),
    ],
    page: Page {
        means: "The session can read and not write.",
        causes: &[
            "the host is a read replica",
            "the disk is at 95 % or has less than 5 GiB free, and Azure has set the server read-only",
            "default_transaction_read_only is on",
        ],
        confirm: &[
            "`select pg_is_in_recovery(), current_setting('default_transaction_read_only');`",
        ],
        fix: &[(Actor::You, "connect to the primary"), (Actor::AzureOwner, "grow the disk")],
        mistaken_for: &["missing grants: those give 42501, this gives 25006"],
        sources: &["Microsoft Learn: Limits in Azure Database for PostgreSQL, storage"],
    },
    ..Problem::DEFAULT
};
