//! Whether the built-in pooler is on, where its port is asked for.

use super::{
    place::{of_server, server},
    words::{connected, given, on_server, unless_seen},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::Topic,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// PgBouncer is on if its port is used.
pub static CHECK: Check = Check {
    id: "azure/pooler",
    asserts: "the built-in pooler is on, as its port is asked for",
    needs: &[Topic::Settings, Topic::Server, Topic::Azure],
    problems: &[&POOLER_DISABLED],
    decisive: false,
    judge: Judge::Once(judge),
};

/// Source: Microsoft Learn, "PgBouncer in Azure Database for PostgreSQL".
const PORT: u16 = 6432;

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let azure = seen.azure.get()?;
    let settings = seen.settings.get()?;
    let known = server(seen).ok();
    let burstable = known.and_then(|server| server.tier.as_deref()) == Some("Burstable");
    if settings.port.value != PORT {
        return Ok(Verdict::NotApplicable("the pooler's port is not asked for".to_owned()));
    }
    let value = match given(&azure.parameters, "the parameter pgbouncer.enabled") {
        Ok(all) => of_server(seen, all, "parameter", |one| one.server.as_deref())?
            .into_iter()
            .find(|one| one.name.eq_ignore_ascii_case("pgbouncer.enabled"))
            .map(|one| one.value.clone()),
        Err(_) if burstable => None,
        Err(why) => return Err(why),
    };
    let on = value.as_deref().is_some_and(|value| {
        ["true", "on", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
    });
    if on && !burstable {
        return Ok(Verdict::Passed("pgbouncer.enabled is true".to_owned()));
    }
    let name = known.map_or("<server>", |server| &server.name);
    let (detail, said) = if burstable {
        (
            format!("{name} is Burstable, which has no pooler: nothing listens at 6432"),
            "sku.tier is Burstable".to_owned(),
        )
    } else {
        let value = value.unwrap_or_else(|| "not set".to_owned());
        (
            format!("the built-in pooler of {name} is off: nothing listens at 6432"),
            format!("pgbouncer.enabled is {value}"),
        )
    };
    let mut finding = Finding::of(&POOLER_DISABLED, name, detail)
        .because(format!("azure-config: {said}"))
        .fix(Fix::you("Use port 5432").run(Command::set("PGPORT", "5432")));
    if !burstable {
        let command = Command::new(
            "az postgres flexible-server parameter set -g $RG -s $SERVER -n pgbouncer.enabled \
             -v true",
        );
        finding = finding.fix(
            Fix::by(Actor::DatabaseAdmin, "Or switch the pooler on").run(on_server(command, known)),
        );
    }
    Ok(Verdict::found(unless_seen(seen, finding, connected(seen), "port 6432 takes connections")))
}

/// PgBouncer is off, and its port is used.
pub static POOLER_DISABLED: Problem = Problem {
    id: "azure/pooler-disabled",
    title: "the built-in pooler is off, and its port is asked for",
    explains: &["server/*", "login/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "Port 6432 is that of the server's built-in PgBouncer, which is switched off, or \
            which servers of this kind do not have.",
        causes: &[
            "pgbouncer.enabled is false, which is the default",
            "the server is Burstable: the pooler needs General Purpose or Memory Optimized",
        ],
        confirm: &[
            "`az postgres flexible-server parameter show -g $RG -s $SERVER -n \
                pgbouncer.enabled --query value`",
            "`az postgres flexible-server show -g $RG -n $SERVER --query sku.tier`",
        ],
        fix: &[
            (Actor::You, "use port 5432"),
            (Actor::DatabaseAdmin, "switch pgbouncer.enabled on"),
        ],
        mistaken_for: &[
            "server/pooler-off: the same, seen from the client",
            "server/dropped: a firewall that allows only 5432",
        ],
        sources: &["Microsoft Learn: PgBouncer in Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};
