//! What to type next: the login that works, written for each client, with the names as each of them
//! needs them and a command that fetches the token where the shell's history does not keep it.

mod drivers;
mod libpq;
pub mod spellings;
mod token;

use entra_pg_checks::support::login::attempt::{POOLER_LIMIT, POOLER_PORT as POOLER};
use entra_pg_checks::{
    Evidence,
    facts::{
        settings::{RootFileState, Settings},
        tcp::TcpOutcome,
    },
};
use token::TokenCommand;

/// A client of the database.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Client {
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
}

/// What to type for one client.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Instruction {
    /// The client, as in `--connect-with`.
    pub client: &'static str,
    /// Where it is typed: a shell, a file, a form.
    pub place: &'static str,
    /// What is typed, ready to paste; never with a token.
    pub text: String,
    /// What to know about it.
    pub notes: Vec<String>,
}

/// What each client needs to know.
pub(crate) struct Target<'a> {
    host: &'a str,
    port: u16,
    database: &'a str,
    user: &'a str,
    sslmode: &'a str,
    /// A file of root certificates, or `system`.
    roots: String,
    /// The scope of a token for the database.
    scope: String,
    tenant: Option<String>,
    token: TokenCommand,
    /// What is known about the server's pooler, as a note.
    other_port: Option<String>,
}

/// One line for psql in the shell at hand, where a server and a user are known.
#[must_use]
pub fn psql(evidence: &Evidence) -> Option<Instruction> {
    let target = Target::of(evidence)?;
    Some(libpq::psql(&target, evidence.vantage.shell, true))
}

/// The instructions for the clients asked for, in their order.
#[must_use]
pub fn instructions(evidence: &Evidence, clients: &[Client]) -> Vec<Instruction> {
    let Some(target) = Target::of(evidence) else { return Vec::new() };
    clients.iter().flat_map(|client| client.instructions(&target)).collect()
}

impl Client {
    fn instructions(self, target: &Target<'_>) -> Vec<Instruction> {
        use entra_pg_checks::facts::vantage::Shell;
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
            Self::Terraform => vec![drivers::terraform(target)],
        }
    }
}

impl<'a> Target<'a> {
    fn of(evidence: &'a Evidence) -> Option<Self> {
        let settings = evidence.settings.seen()?;
        let claims = evidence.token.seen().and_then(|token| token.claims.as_deref());
        let tenant = settings.tenant.as_ref().map(|tenant| tenant.value.clone());
        Some(Self {
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
        (self.port == POOLER).then(|| {
            let driver = if for_driver.is_empty() { String::new() } else { format!("; {for_driver}") };
            format!("6432 is the pooler, in transaction mode by default: SET, LISTEN, temporary tables, advisory locks and prepared statements do not outlive a transaction{driver}")
        })
    }

    fn notes(&self, own: &[&str], for_driver: &str) -> Vec<String> {
        let own = own.iter().map(|&note| note.to_owned());
        own.chain(self.pooled(for_driver)).chain(self.other_port.clone()).collect()
    }
}

/// Whether the server's pooler answers, and whether it accepts this token.
fn other_port(evidence: &Evidence) -> Option<String> {
    let server = evidence.server.seen().filter(|server| server.port != POOLER)?;
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
