//! Whether several hosts are named, of which one is checked.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{Topic, settings::Settings},
    text::{conninfo_value, list},
    verdict::{Actor, Finding, Fix, Verdict},
};

/// One host is named, so that what is said holds for the whole login.
pub static CHECK: Check = Check {
    id: "config/host-list",
    asserts: "one host is named",
    needs: &[Topic::Settings],
    problems: &[&SEVERAL_HOSTS],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.settings.get()?))),
};

fn judge(settings: &Settings) -> Verdict {
    let Some(host) = &settings.host else {
        return Verdict::NotApplicable("no server was named".to_owned());
    };
    if settings.next_hosts.is_empty() {
        return Verdict::Passed(host.value.clone());
    }
    let next: Vec<String> =
        settings.next_hosts.iter().map(|next| format!("{}:{}", next.host, next.port)).collect();
    let detail = format!(
        "{} hosts are named, and this is about the first; libpq would go on to {}",
        next.len() + 1,
        list(&next, 4)
    );
    Verdict::found(
        Finding::of(&SEVERAL_HOSTS, &host.value, detail)
            .because(format!("the list is in {}", host.origin.phrase()))
            .because(
                "libpq goes on where a host cannot be reached, and stops where one refuses the \
                    login: the next would refuse it, too",
            )
            .fix(
                Fix::you(
                    "Put these lines into a file, and check every host with: entra-pg fleet FILE",
                )
                .run(fleet(settings)),
            ),
    )
}

/// A list of the hosts for `fleet`, one connection string per line. A value whose quotation mark would
/// end the string in a shell is left out: the lines may be pasted there.
fn fleet(settings: &Settings) -> Command {
    let first = settings.host.iter().map(|host| (host.value.as_str(), settings.port.value));
    let next = settings.next_hosts.iter().map(|next| (next.host.as_str(), next.port));
    let pair = |keyword: &str, value: &str| {
        let inert = !value.contains(['\'', '\\']);
        inert.then(|| format!("{keyword}={}", conninfo_value(value)))
    };
    let database = pair("dbname", &settings.database.value);
    let user = settings.user.as_ref().and_then(|user| pair("user", &user.value));
    let line = |(host, port): (&str, u16)| {
        let parts = [pair("host", host)?, format!("port={port}")];
        let parts = parts.into_iter().chain(database.clone()).chain(user.clone());
        Some(parts.collect::<Vec<String>>().join(" "))
    };
    let lines: Vec<String> = first.chain(next).filter_map(line).collect();
    Command::text(lines.join("\n"))
}

/// A list of hosts.
pub static SEVERAL_HOSTS: Problem = Problem {
    id: "config/several-hosts",
    title: "several hosts are named, and only the first is checked",
    severity: Severity::Info,
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("port numbers to", 90), Fragment::new("hostaddr values", 90)],
    page: Page {
        means: "The host is a list, as for a primary and its read replicas. libpq tries one after \
            the other, and with target_session_attrs takes the first that is what is asked for; \
            this report is about the first.",
        causes: &["a connection string for failover or for read replicas"],
        confirm: &["the commas in PGHOST or the connection string"],
        fix: &[(Actor::You, "give the hosts to `entra-pg fleet`, which checks all of them")],
        mistaken_for: &[
            "access/read-only: with target_session_attrs=read-write libpq would go on to the next \
                host",
        ],
        sources: &["PostgreSQL documentation: libpq, specifying multiple hosts"],
    },
    ..Problem::DEFAULT
};

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::{support::testing::healthy_but, verdict::Verdict};
    use serde_json::json;

    #[test]
    fn every_host_is_in_the_command() {
        let next = json!([{"host": "pg-b.postgres.database.azure.com", "port": 6432}]);
        let seen = healthy_but(&[
            ("/settings/seen/next_hosts", next),
            ("/settings/seen/user/value", json!("Prod DB")),
            ("/settings/seen/database/value", json!("o'neil")),
        ]);
        let Verdict::Found(findings) = judge(seen.settings.seen().expect("settings")) else {
            panic!("it is found")
        };
        let command = findings[0].fixes[0].command.as_deref().expect("a command");
        let lines: Vec<&str> = command.lines().collect();
        let [first, second] = lines.as_slice() else { panic!("two hosts: {command}") };
        assert!(first.ends_with("port=5432 user='Prod DB'"), "{first}");
        assert!(
            second.starts_with("host='pg-b.postgres.database.azure.com' port=6432"),
            "{second}"
        );
    }
}
