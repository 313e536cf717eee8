//! Servers that no check can recognize; only `explain` knows these pages.

use crate::{
    check::{Fragment, Page, Problem, Waiting},
    verdict::Actor,
};

/// The server is, or behaves like, a retired Single Server.
pub static SINGLE_SERVER: Problem = Problem {
    id: "server/single-server",
    title: "the server is, or behaves like, a retired Single Server",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("username should be in <username@hostname> format", 95),
        Fragment::new("user name should be in <user name@hostname> format", 95),
        Fragment::new("should be in <user name@hostname> format", 95),
        Fragment::new("invalid username specified", 94),
        Fragment::new("client from azure virtual networks is not allowed", 93),
        Fragment::new("public network access on this server is disabled", 92),
        Fragment::new("ssl connection is required. please specify ssl options", 92),
        Fragment::new("the server name you tried cannot be found", 88),
        Fragment::new("single server … retired", 86),
    ],
    page: Page {
        means: "The text comes from the gateway of Azure Database for PostgreSQL Single Server, \
            which was retired in March 2025. It wanted user names of the form user@server and \
            had its own messages about TLS, virtual networks and public access. Flexible server \
            has none of them.",
        causes: &[
            "the host name still belongs to a Single Server, or to a gateway that answers for one",
            "a connection string was copied from Single Server",
            "the host name is misspelled, and the gateway answers for an unknown server",
        ],
        confirm: &["`az postgres flexible-server show -g $RG -n $SERVER --query \
            fullyQualifiedDomainName`"],
        fix: &[
            (
                Actor::You,
                "use the host name of the flexible server, and the role name without @server",
            ),
            (
                Actor::AzureOwner,
                "if the server was never migrated: create a flexible server and restore the data",
            ),
        ],
        mistaken_for: &[
            "name/single-server-suffix: there the server is flexible and the user name has \
                @server at its end",
            "login/tls-required: there a flexible server refuses a connection without TLS",
        ],
        sources: &[
            "https://learn.microsoft.com/azure/postgresql/migrate/whats-happening-to-postgresql-single-server",
            "https://github.com/vitaly-t/pg-promise/issues/351",
        ],
    },
    ..Problem::DEFAULT
};

/// The pages.
pub const PAGES: &[&Problem] = &[&SINGLE_SERVER];
