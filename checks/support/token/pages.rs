//! Failures inside the application that no check can observe; only `explain` knows these pages.

use crate::{
    check::{Fragment, Page, Problem, Waiting},
    verdict::Actor,
};

/// The driver's Entra plug-in or the identity library is not installed.
pub static DRIVER_PLUGIN_MISSING: Problem = Problem {
    id: "token/driver-plugin-missing",
    title: "the driver's Entra plug-in or the identity library is not installed",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("classnotfoundexception: com.azure.identity", 94),
        Fragment::new("noclassdeffounderror: com/azure/identity", 94),
        Fragment::new("classnotfoundexception: com.azure", 93),
        Fragment::new("noclassdeffounderror: com/azure", 93),
        Fragment::new("noclassdeffounderror: com/microsoft/aad/msal4j", 93),
        Fragment::new("classnotfoundexception: com.microsoft.aad", 93),
        Fragment::new("unable to load authentication plugin", 92),
        Fragment::new("no module named azure.identity", 92),
        Fragment::new("no module named azure", 92),
        Fragment::new("cannot find module @azure/identity", 92),
        Fragment::new("could not load file or assembly azure.identity", 92),
        Fragment::new("could not load file or assembly microsoft.azure.postgresql.auth", 92),
        Fragment::new("azurepostgresqlauthenticationplugin … not found", 90),
        Fragment::new("no password was provided by plugin null", 84),
        Fragment::new("authenticationpluginclassname", 78),
    ],
    page: Page {
        means: "The application is configured to request the token itself, and the library for \
            it is missing, so no token was requested. The server was not asked.",
        causes: &[
            "azure-identity-extensions (JDBC) is not on the class path of the driver",
            "a tool loads drivers in its own class loader (Kestra, DBeaver, Flyway, Debezium)",
            "azure-identity is not installed in this Python or Node.js environment",
        ],
        confirm: &["the class, module or assembly that the message names is in the packages of \
            the application"],
        fix: &[
            (
                Actor::You,
                "JDBC: add com.azure:azure-identity-extensions and its dependencies to the class \
                    path, and set \
                    authenticationPluginClassName=com.azure.identity.extensions.jdbc.postgresql.AzurePostgresqlAuthenticationPlugin",
            ),
            (
                Actor::You,
                "Python: `pip install azure-identity`; Node.js: `npm install @azure/identity`; \
                    .NET: `dotnet add package Azure.Identity`",
            ),
            (Actor::You, "or pass the token as password: `entra-pg token --show-token`"),
        ],
        mistaken_for: &["token/no-credential: there the library runs and finds no credential"],
        sources: &[
            "https://learn.microsoft.com/azure/developer/java/spring-framework/migrate-postgresql-to-passwordless-connection",
            "https://github.com/kestra-io/plugin-jdbc/issues/594",
        ],
    },
    ..Problem::DEFAULT
};

/// The pages.
pub const PAGES: &[&Problem] = &[&DRIVER_PLUGIN_MISSING];
