//! Whether one setting has different values in several places.

use crate::{
    check::{Check, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        settings::{Origin, Overridden, Settings},
    },
    support::server::names::is_loopback,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// No setting is silently overridden.
pub static CHECK: Check = Check {
    id: "config/precedence",
    asserts: "no setting is overridden behind the user's back",
    needs: &[Topic::Settings],
    problems: &[&CONFLICTING_SETTINGS],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?))),
};

/// What decides which login is meant.
const MATTER: [&str; 6] = ["host", "hostaddr", "port", "dbname", "user", "sslmode"];

fn judge(settings: &Settings) -> Verdict {
    if settings.host.is_none() {
        return Verdict::NotApplicable("no server was named".to_owned());
    }
    let mut found = Vec::new();
    for lost in settings.overridden.iter().filter(|lost| MATTER.contains(&lost.keyword.as_str())) {
        found.push(finding(lost));
    }
    // The host's address from one place, its name from another. A loopback address is a tunnel's.
    if let (Some(host), Some(address)) = (&settings.host, &settings.hostaddr)
        && host.origin != address.origin
        && !(typed(&host.origin) && typed(&address.origin))
        && !is_loopback(&address.value)
    {
        let (from, other) = (address.origin.phrase(), host.origin.phrase());
        let detail = format!(
            "{from} sends this to {}, whatever {other} (\"{}\") resolves to",
            address.value, host.value
        );
        found.push(
            Finding::of(&CONFLICTING_SETTINGS, "hostaddr", detail)
                .because(
                    "hostaddr replaces the lookup; host is then only the name in the certificate",
                )
                .fix(unset(&address.origin)),
        );
    }
    Verdict::unless(found, || "each setting is set in one place".to_owned())
}

fn finding(lost: &Overridden) -> Finding {
    let keyword = &lost.keyword;
    let (winner, loser) = (lost.winner.phrase(), lost.origin.phrase());
    let detail =
        format!("{keyword} is \"{}\" ({winner}), and {loser} says \"{}\"", lost.used, lost.value);
    // What is typed for this very run is meant; what lies about may not be.
    let severity = if typed(&lost.winner) { Severity::Info } else { Severity::Warning };
    Finding::of(&CONFLICTING_SETTINGS, keyword, detail)
        .severity(severity)
        .because(
            "order of precedence: connection string, command line, service file, environment, default",
        )
        .because(format!("used: {winner}; not used: {loser}"))
        .fix(unset(&lost.origin))
}

const fn typed(origin: &Origin) -> bool {
    matches!(origin, Origin::Flag { .. } | Origin::Conninfo | Origin::Uri)
}

fn unset(origin: &Origin) -> Fix {
    match origin {
        Origin::Environment { variable } => {
            Fix::you("Take the stray one away").run(Command::unset(variable.as_str()))
        }
        other => Fix::you(format!("Keep one of the two; the other is in {}", other.phrase())),
    }
}

/// Two values.
pub static CONFLICTING_SETTINGS: Problem = Problem {
    id: "config/conflicting-settings",
    title: "one setting has different values in several places",
    severity: Severity::Warning,
    waiting: Waiting::Useless,
    page: Page {
        means: "psql takes the first of connection string, command line, service file, \
            environment, default. Another place says something else, and is not used. Where the \
            winner was typed for this run, this is only information.",
        causes: &[
            "PGSERVICE is set, and its section names another user or host than PGUSER or PGHOST",
            "PGHOSTADDR is left over from an earlier test",
            "a profile script exports PG* for another project",
        ],
        confirm: &[
            "`env | grep ^PG | sed 's/^PGPASSWORD=.*/PGPASSWORD=(set)/'`, and the section in ~/.pg_service.conf",
        ],
        fix: &[(Actor::You, "unset the stray one")],
        mistaken_for: &["name/wrong-case and the like: there the value itself is wrong"],
        sources: &["PostgreSQL documentation: libpq, the connection service file and environment"],
    },
    ..Problem::DEFAULT
};
