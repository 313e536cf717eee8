//! Whether Entra authentication is switched on.

use super::{
    place::server,
    words::{logged_in, on_server, unless_seen},
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, VantageKind, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{NotObserved, Topic, login::AuthRequest},
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Entra authentication is on.
pub static CHECK: Check = Check {
    id: "azure/entra-auth",
    asserts: "the server takes Entra tokens",
    needs: &[Topic::Settings, Topic::AuthRequest, Topic::Login, Topic::Azure],
    problems: &[&ENTRA_AUTH_DISABLED],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let server = server(seen)?;
    match server.entra_authentication {
        Some(true) => {
            let password = match server.password_authentication {
                Some(false) => ", and passwords are off",
                Some(true) => ", and passwords as well",
                None => "",
            };
            Ok(Verdict::Passed(format!("Entra authentication is on{password}")))
        }
        None => {
            let detail = "the export does not tell which authentication is on".to_owned();
            Err(Missing(NotObserved::NotPermitted { detail }))
        }
        Some(false) => {
            let command = Command::new(
                "az postgres flexible-server update -g $RG -n $SERVER --microsoft-entra-auth Enabled",
            );
            let asked = seen.auth_request.seen() == Some(&AuthRequest::Cleartext);
            let finding = Finding::of(
                &ENTRA_AUTH_DISABLED,
                &server.name,
                format!("Entra authentication is off on {}", server.name),
            )
            .because("azure-config: authConfig.activeDirectoryAuth is Disabled")
            .fix(
                Fix::by(Actor::AzureOwner, "Switch it on; the server restarts")
                    .run(on_server(command, Some(server))),
            );
            let finding =
                unless_seen(seen, finding, logged_in(seen), "a login with a token was accepted");
            Ok(Verdict::found(unless_seen(
                seen,
                finding,
                asked,
                "the server asks this user for a token",
            )))
        }
    }
}

/// Entra authentication is off.
pub static ENTRA_AUTH_DISABLED: Problem = Problem {
    id: "azure/entra-auth-disabled",
    title: "Entra authentication is off on the server",
    explains: &["login/not-an-entra-role", "login/refused", "azure/no-entra-administrator"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    fragments: &[
        Fragment::new("activedirectoryauth=disabled", 90),
        Fragment::new("does not have activedirectoryauth enabled", 90),
        Fragment::new("activedirectoryauth: disabled", 90),
        Fragment::new("entra authentication is not enabled", 90),
        Fragment::new("azure active directory authentication is not enabled", 90),
        Fragment::new("azure ad authentication is not enabled", 90),
        Fragment::new("function pgaadauth … does not exist", 70),
    ],
    page: Page {
        means: "The server accepts only passwords. No Entra role exists on it, and every \
            name is asked for a password.",
        causes: &[
            "it was created with only password authentication, which is the default of many \
                templates",
            "a template or a pipeline that does not mention authConfig was run again and switched \
                it off",
        ],
        confirm: &["`az postgres flexible-server show -g $RG -n $SERVER --query authConfig`"],
        fix: &[(
            Actor::AzureOwner,
            "`az postgres flexible-server update -g $RG -n $SERVER \
                --microsoft-entra-auth Enabled`, and fix the template; the server restarts",
        )],
        mistaken_for: &["login/not-an-entra-role: the symptom on the client, for every name"],
        sources: &[
            "Microsoft Learn: Use Microsoft Entra ID for authentication with Azure Database for \
                PostgreSQL",
            "Altinn/dialogporten#3570 (templates that flip it)",
        ],
    },
    ..Problem::DEFAULT
};
