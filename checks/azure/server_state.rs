//! The server's state.

use super::{
    place::server,
    words::{logged_in, on_server, unless_seen},
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{NotObserved, Topic},
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The state of the server is Ready.
pub static CHECK: Check = Check {
    id: "azure/server-state",
    asserts: "Azure says that the server is ready",
    needs: &[Topic::Settings, Topic::Login, Topic::Azure],
    problems: &[&SERVER_NOT_READY],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let server = server(seen)?;
    let Some(state) = &server.state else {
        let detail = "the export does not tell the server's state".to_owned();
        return Err(Missing(NotObserved::NotPermitted { detail }));
    };
    if state.eq_ignore_ascii_case("Ready") {
        let role = match &server.source_server {
            Some(id) if server.is_replica() => {
                let source = id.rsplit('/').next().unwrap_or(id);
                format!(", a read-only replica of {source} with firewall rules of its own")
            }
            _ if server.is_replica() => {
                ", a read-only replica with firewall rules of its own".to_owned()
            }
            _ => String::new(),
        };
        return Ok(Verdict::Passed(format!("{} is {state}{role}", server.name)));
    }
    let known = [
        "stopped",
        "disabled",
        "inaccessible",
        "dropping",
        "stopping",
        "starting",
        "provisioning",
        "restarting",
    ];
    if !known.contains(&state.to_ascii_lowercase().as_str()) {
        // An operation, such as a change of a parameter, leaves a server reachable most of the time.
        let detail = if state.eq_ignore_ascii_case("Updating") {
            format!(
                "{} is Updating: an operation is running, during which logins may work",
                server.name
            )
        } else {
            format!("{} is {state:.40}, which is not a state of a flexible server", server.name)
        };
        let decide =
            "export it again when it is Ready (`az postgres flexible-server show`)".to_owned();
        return Err(Missing::not_decided(detail, decide));
    }
    let detail = format!("Azure says that {} is {state}", server.name);
    let finding = Finding::of(&SERVER_NOT_READY, &server.name, detail)
        .because(format!("azure-config: state is {state}"));
    let run = |line: &'static str| on_server(Command::new(line), Some(server));
    let fix = match state.to_ascii_lowercase().as_str() {
        "stopped" | "disabled" => Fix::by(Actor::AzureOwner, "Start the server").run(run(START)),
        "inaccessible" => Fix::by(
            Actor::AzureOwner,
            "Give the server its encryption key back: the key, or the identity's right to it, is \
                gone",
        )
        .run(run("az postgres flexible-server show -g $RG -n $SERVER --query dataEncryption")),
        "dropping" => {
            Fix::by(Actor::AzureOwner, "It is being deleted: use another server, or restore it")
        }
        "stopping" => {
            Fix::by(Actor::AzureOwner, "Start the server once it has stopped").run(run(START))
        }
        _ => Fix::you("Wait until it is ready; --retry-for does").run(run(
            "az postgres flexible-server wait -g $RG -n $SERVER --custom \"state=='Ready'\"",
        )),
    };
    Ok(Verdict::found(unless_seen(
        seen,
        finding.fix(fix),
        logged_in(seen),
        "a login with a token was accepted",
    )))
}

const START: &str = "az postgres flexible-server start -g $RG -n $SERVER";

/// The state of the server is not Ready.
pub static SERVER_NOT_READY: Problem = Problem {
    id: "azure/server-not-ready",
    title: "Azure says that the server is not ready",
    explains: &["server/*", "login/starting-up", "login/stalled", "login/closed"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    fragments: &[
        Fragment::new("aadauthoperationcannotbeperformed", 92),
        Fragment::new("is not in an accessible state", 92),
        Fragment::new("serverisbusy", 88),
        Fragment::new("server … is busy processing another operation", 88),
        Fragment::new("server … is not in ready state", 86),
        Fragment::new("an unexpected error occured while processing the request. tracking id", 56),
    ],
    page: Page {
        means: "The server's state in Azure is not Ready: it is stopped, being updated, restarted \
            or deleted, or has lost its encryption key. From outside, a stopped server is \
            silence.",
        causes: &[
            "it was stopped to save costs; after seven days Azure starts it again",
            "it restarts: a parameter or Entra authentication was switched",
            "a customer-managed key was disabled or deleted: Inaccessible",
        ],
        confirm: &["`az postgres flexible-server show -g $RG -n $SERVER --query state`"],
        fix: &[
            (Actor::AzureOwner, "`az postgres flexible-server start -g $RG -n $SERVER`"),
            (Actor::You, "wait for the end of an update or restart"),
        ],
        mistaken_for: &["server/dropped: a firewall has the same symptom from outside"],
        sources: &[
            "Microsoft Learn: Stop and start Azure Database for PostgreSQL",
            "REST API Microsoft.DBforPostgreSQL/flexibleServers, state",
        ],
    },
    ..Problem::DEFAULT
};
