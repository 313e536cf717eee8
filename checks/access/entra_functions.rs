//! Whether Entra roles can be managed from here.

use crate::{
    check::{Check, Fragment, Judge, Page, Problem, Severity},
    evidence::Evidence,
    facts::{Topic, session::Session},
    support::commands,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// The only database in which the functions exist.
/// Source: Microsoft Learn, "Manage Microsoft Entra users in Azure Database for PostgreSQL".
const HOME: &str = "postgres";

/// The functions of the extension are where they belong.
pub static CHECK: Check = Check {
    id: "access/entra-functions",
    asserts: "the functions that manage Entra roles are in database postgres",
    needs: &[Topic::Session],
    problems: &[&ENTRA_FUNCTIONS_MISSING],
    decisive: false,
    judge: Judge::Once(|seen: &Evidence| Ok(judge(seen.session.get()?))),
};

fn judge(session: &Session) -> Verdict {
    if session.database != HOME {
        return Verdict::NotApplicable("they exist only in database postgres".to_owned());
    }
    match session.entra_functions {
        None => Verdict::NotApplicable("not checked: the functions were not queried".to_owned()),
        Some(true) => Verdict::Passed("pgaadauth_create_principal is there".to_owned()),
        Some(false) => {
            let detail = "database postgres has no function pgaadauth_create_principal: Entra \
                roles cannot be managed here";
            Verdict::found(
                Finding::of(&ENTRA_FUNCTIONS_MISSING, HOME, detail)
                    .because("pg_proc of database postgres has no function of this name")
                    .fix(
                        Fix::by(
                            Actor::AzureOwner,
                            "See whether Entra authentication is on; switching it on installs \
                                the extension and restarts the server",
                        )
                        .run(commands::show_server(None, "authConfig")),
                    )
                    .fix(
                        Fix::by(
                            Actor::DatabaseAdmin,
                            "Until then, map a role by its security label",
                        )
                        .run(commands::label_role("<role>", None, "user"))
                        .in_database("postgres"),
                    ),
            )
        }
    }
}

/// No functions in database postgres.
pub static ENTRA_FUNCTIONS_MISSING: Problem = Problem {
    id: "access/entra-functions-missing",
    title: "the functions that manage Entra roles are missing",
    severity: Severity::Warning,
    fragments: &[
        Fragment::new("function pgaadauth … does not exist", 92),
        Fragment::new("function pg_catalog.pgaadauth … does not exist", 92),
        Fragment::new("no function matches the given name and argument types", 66),
        Fragment::new("pgaadauth_create_principal", 60),
        Fragment::new("schema pgaadauth does not exist", 88),
        Fragment::new("relation pgaadauth … does not exist", 86),
    ],
    page: Page {
        means: "Entra roles are created and listed by functions such as \
            pgaadauth_create_principal. They exist only in database postgres; here they are \
            missing even there.",
        causes: &[
            "Entra authentication was switched off, or is being switched on",
            "the server is not an Azure Database for PostgreSQL flexible server, but one that \
                takes tokens by its own means",
        ],
        confirm: &["`select proname from pg_proc where proname like 'pgaadauth%';`"],
        fix: &[
            (Actor::AzureOwner, "switch Entra authentication on: the extension comes with it"),
            (Actor::DatabaseAdmin, "map roles with SECURITY LABEL until then"),
        ],
        mistaken_for: &[
            "\"function pgaadauth_create_principal does not exist\" in another database than \
                postgres: that is not a fault, connect to postgres",
        ],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};
