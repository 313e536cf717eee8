//! The connection that works, written for each client: names are quoted by the rules of the client, and
//! a command acquires the token so that the shell's history does not contain it.

mod drivers;
mod entra_libraries;
mod libpq;
pub(crate) mod spellings;
mod token;
mod tools;

use entra_pg_checks::support::clients;
use entra_pg_checks::support::login::attempt::{POOLER_LIMIT, POOLER_PORT as POOLER, is_pooler};
use entra_pg_checks::{
    Evidence,
    facts::{
        cloud::CloudKind,
        credential::CredentialKind,
        settings::{RootFileState, Settings},
        tcp::TcpOutcome,
        token::Claims,
        vantage::Shell,
    },
};
use token::TokenCommand;

/// A client of the database.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Client {
    /// psql, for bash, PowerShell and cmd.
    Psql,
    /// pgAdmin, field by field.
    Pgadmin,
    /// A connection string of libpq.
    Conninfo,
    /// A connection URI of libpq.
    Uri,
    /// Java: pgjdbc with Microsoft's plug-in.
    Jdbc,
    /// .NET: Npgsql.
    Npgsql,
    /// Python: SQLAlchemy over psycopg.
    Sqlalchemy,
    /// JavaScript: node-postgres.
    NodePostgres,
    /// Rust: tokio-postgres.
    TokioPostgres,
    /// Terraform: provider cyrilgdn/postgresql.
    Terraform,
    /// Python: psycopg or SQLAlchemy with Microsoft's azure-postgresql-auth.
    AzurePostgresqlAuth,
    /// JavaScript: node-postgres with Microsoft's @azure/postgresql-auth.
    AzurePostgresqlAuthJs,
    /// Python: asyncpg.
    Asyncpg,
    /// Python: Django.
    Django,
    /// Java: Spring Boot with Spring Cloud Azure.
    SpringBoot,
    /// Ruby: Rails.
    Rails,
    /// Go: pgx.
    Pgx,
    /// Rust: sqlx.
    Sqlx,
    /// Visual Studio Code: the PostgreSQL extension.
    Vscode,
    /// DBeaver, field by field.
    Dbeaver,
    /// Power BI Desktop, field by field.
    PowerBi,
}

/// What to type for one client.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Instruction {
    /// The client, as in `--connect-with`.
    pub(crate) client: &'static str,
    /// The place of the text: a shell, a file, a form.
    pub(crate) place: &'static str,
    /// What is typed, ready to paste; never with a token.
    pub(crate) text: String,
    /// What to know about it.
    pub(crate) notes: Vec<String>,
}

/// What each client needs to know.
pub(crate) struct Target<'a> {
    host: &'a str,
    port: u16,
    database: &'a str,
    user: &'a str,
    sslmode: &'a str,
    /// The shell of the run.
    shell: Shell,
    /// A file of root certificates, or `system`.
    roots: String,
    /// Whether the user named those roots; otherwise they are this computer's.
    roots_given: bool,
    /// The authority host, if it is not the public cloud's.
    authority: Option<&'a str>,
    /// The client ID of a user-assigned managed identity.
    managed_identity: Option<&'a str>,
    claims: Option<&'a Claims>,
    /// The scope of a token for the database.
    scope: String,
    tenant: Option<String>,
    token: TokenCommand,
    /// What is known about the server's pooler, as a note.
    other_port: Option<String>,
}

/// One line for psql in the shell of the run, if a server and a user are known.
#[must_use]
pub(crate) fn psql(evidence: &Evidence) -> Option<Instruction> {
    let target = Target::of(evidence)?;
    Some(libpq::psql(&target, evidence.vantage.shell, true))
}

/// The instructions for the clients asked for, in their order.
#[must_use]
pub(crate) fn instructions(evidence: &Evidence, clients: &[Client]) -> Vec<Instruction> {
    let Some(target) = Target::of(evidence) else { return Vec::new() };
    let with_difference = |client: &Client| {
        let mut instructions = client.instructions(&target);
        let difference = clients::difference(evidence, client.driver());
        for instruction in &mut instructions {
            instruction.notes.extend(difference.clone());
        }
        instructions
    };
    clients.iter().flat_map(with_difference).collect()
}

impl Client {
    /// The driver whose rules it follows, by its name in the table of drivers; libpq's are not in it.
    const fn driver(self) -> &'static str {
        match self {
            Self::Jdbc | Self::SpringBoot | Self::Dbeaver => "jdbc",
            Self::Npgsql | Self::PowerBi => "npgsql",
            Self::NodePostgres | Self::AzurePostgresqlAuthJs => "node-postgres",
            Self::Asyncpg => "asyncpg",
            Self::Pgx => "pgx",
            Self::TokioPostgres => "tokio-postgres",
            Self::Sqlx => "sqlx",
            Self::Psql
            | Self::Pgadmin
            | Self::Conninfo
            | Self::Uri
            | Self::Sqlalchemy
            | Self::Terraform
            | Self::AzurePostgresqlAuth
            | Self::Django
            | Self::Rails
            | Self::Vscode => "libpq",
        }
    }

    fn instructions(self, target: &Target<'_>) -> Vec<Instruction> {
        match self {
            Self::Psql => [Shell::Posix, Shell::PowerShell, Shell::Cmd]
                .map(|shell| libpq::psql(target, shell, false))
                .into(),
            Self::Pgadmin => vec![libpq::pgadmin(target)],
            Self::Conninfo => vec![libpq::conninfo_instruction(target)],
            Self::Uri => vec![libpq::uri_instruction(target)],
            Self::Jdbc => vec![drivers::jdbc(target)],
            Self::Npgsql => vec![drivers::npgsql(target)],
            Self::Sqlalchemy => vec![drivers::sqlalchemy(target)],
            Self::NodePostgres => vec![drivers::node_postgres(target)],
            Self::TokioPostgres => vec![drivers::tokio_postgres(target)],
            Self::Terraform => vec![tools::terraform(target)],
            Self::AzurePostgresqlAuth => entra_libraries::python(target),
            Self::AzurePostgresqlAuthJs => vec![entra_libraries::javascript(target)],
            Self::Asyncpg => vec![drivers::asyncpg(target)],
            Self::Django => vec![drivers::django(target)],
            Self::SpringBoot => vec![drivers::spring_boot(target)],
            Self::Rails => vec![drivers::rails(target)],
            Self::Pgx => vec![drivers::pgx(target)],
            Self::Sqlx => vec![drivers::sqlx(target)],
            Self::Vscode => vec![tools::vscode(target)],
            Self::Dbeaver => vec![tools::dbeaver(target)],
            Self::PowerBi => vec![tools::power_bi(target)],
        }
    }
}

impl<'a> Target<'a> {
    fn of(evidence: &'a Evidence) -> Option<Self> {
        let settings = evidence.settings.seen()?;
        let claims = evidence.token.seen().and_then(|token| token.claims.as_deref());
        let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.clone());
        let cloud = &settings.cloud.value;
        let chosen = evidence.credential.seen().and_then(|trace| trace.chosen());
        Some(Self {
            shell: evidence.vantage.shell,
            roots_given: settings.sslrootcert.as_ref().is_some_and(|roots| {
                matches!(roots.state, RootFileState::Read { .. } | RootFileState::System)
            }),
            authority: (cloud.kind != CloudKind::Public).then_some(cloud.authority_host.as_str()),
            managed_identity: chosen
                .filter(|attempt| attempt.kind == CredentialKind::ManagedIdentity)
                .and_then(|attempt| attempt.identity.as_deref())
                .filter(|id| entra_pg_checks::command::guid(id).is_some()),
            claims,
            host: &settings.host.as_ref()?.value,
            port: settings.port.value,
            database: &settings.database.value,
            user: &settings.user.as_ref()?.value,
            sslmode: match settings.sslmode.value.as_str() {
                "verify-ca" => "verify-ca",
                // Whatever else was set, this is what a token should travel by.
                _ => "verify-full",
            },
            roots: roots(settings, evidence.vantage.root_bundle.as_deref()),
            scope: format!("{}/.default", settings.cloud.value.database_audience),
            tenant: tenant.or_else(|| claims.and_then(|claims| claims.tid.clone())),
            token: TokenCommand::of(evidence, settings, claims),
            other_port: other_port(evidence),
        })
    }

    /// What a pooler in transaction mode does not keep.
    fn pooled(&self, for_driver: &str) -> Option<String> {
        is_pooler(self.port).then(|| {
            let port = self.port;
            let driver = if for_driver.is_empty() { String::new() } else { format!("; {for_driver}") };
            format!("{port} is the pooler, in transaction mode by default: SET, LISTEN, temporary tables, advisory locks and prepared statements do not outlive a transaction{driver}")
        })
    }

    fn notes(&self, own: &[&str], for_driver: &str) -> Vec<String> {
        let own = own.iter().map(|&note| note.to_owned());
        own.chain(self.pooled(for_driver)).chain(self.other_port.clone()).collect()
    }

    /// The notes of a driver that signs in with `DefaultAzureCredential`.
    fn notes_of_credential(&self, own: &[&str], for_driver: &str) -> Vec<String> {
        let authority = self.authority.map(|host| {
            format!(
                "set AZURE_AUTHORITY_HOST=https://{host}/ for the application: the default is the public cloud"
            )
        });
        let identity = self.managed_identity.map(|id| {
            format!("set AZURE_CLIENT_ID={id} for the application: it selects the user-assigned identity")
        });
        let own = self.notes(own, for_driver);
        own.into_iter().chain(authority).chain(identity).collect()
    }

    /// A file of root certificates that the user named; drivers otherwise use their own default.
    fn given_roots(&self) -> Option<&str> {
        Some(self.roots.as_str()).filter(|roots| self.roots_given && *roots != "system")
    }
}

/// Whether the server's pooler answers, and whether it accepts this token.
fn other_port(evidence: &Evidence) -> Option<String> {
    let server = evidence.server.seen().filter(|server| !is_pooler(server.port))?;
    let open =
        server.sibling.iter().any(|attempt| matches!(attempt.outcome, TcpOutcome::Connected));
    let length = evidence.token.seen()?.text.length;
    let fits = if length > POOLER_LIMIT {
        format!(
            "this token of {length} bytes is longer than PgBouncer takes before version 1.26 ({POOLER_LIMIT})"
        )
    } else {
        format!("this token of {length} bytes is short enough for it")
    };
    open.then(|| format!("the pooler answers on port {POOLER}, too; {fits}"))
}

/// libpq takes no roots but those of a file; `system` is understood from version 16 on.
fn roots(settings: &Settings, bundle: Option<&str>) -> String {
    let given = settings
        .sslrootcert
        .as_ref()
        .filter(|roots| matches!(roots.state, RootFileState::Read { .. } | RootFileState::System));
    match (given, bundle) {
        (Some(roots), _) => roots.path.value.clone(),
        (None, Some(bundle)) => bundle.to_owned(),
        (None, None) => "system".to_owned(),
    }
}

#[cfg(test)]
mod tests;
