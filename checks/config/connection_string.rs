//! Whether the connection string is in a form of libpq.

use crate::{
    check::{Check, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        settings::{Converted, Settings},
    },
    text::list,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The connection string is one that psql reads.
pub static CHECK: Check = Check {
    id: "config/connection-string",
    asserts: "psql reads the connection string",
    needs: &[Topic::Settings],
    problems: &[&CONVERTED],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?))),
};

fn judge(settings: &Settings) -> Verdict {
    match &settings.converted {
        None => Verdict::Passed("the settings are in a form of libpq".to_owned()),
        Some(converted) => Verdict::found(finding(converted)),
    }
}

fn finding(converted: &Converted) -> Finding {
    let Converted { form, conninfo, left_out } = converted;
    let detail = format!("the connection string is {form}; it was read as {conninfo}");
    let mut finding = Finding::of(&CONVERTED, "connection string", detail);
    if !left_out.is_empty() {
        finding = finding.because(format!("not converted: {}", list(left_out, 8)));
    }
    finding.fix(Fix::you("For psql, write:").run(Command::text(conninfo.clone())))
}

/// The connection string of another driver.
pub static CONVERTED: Problem = Problem {
    id: "config/converted",
    title: "the connection string is in the form of another driver",
    severity: Severity::Info,
    waiting: Waiting::Useless,
    page: Page {
        means: "The connection string is a JDBC URL, an ADO.NET string, a SQLAlchemy URL, the call \
            of a driver or only the name of a server. It was converted; psql does not read this form.",
        causes: &["a connection string that was copied from the portal or from an application"],
        confirm: &["the finding shows the string in libpq's form, without the password"],
        fix: &[(Actor::You, "use the converted string with psql")],
        mistaken_for: &["config/host-malformed, where the host itself is not a name"],
        sources: &["PostgreSQL documentation: libpq, connection strings"],
    },
    ..Problem::DEFAULT
};
