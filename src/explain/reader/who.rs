//! Which service a text is about. A network error means nothing without it.

use super::normalize::Normalized;
use entra_pg_checks::Service;

/// Host names and ports, in dense form.
const HOSTS: &[(&str, Service)] = &[
    (".postgres.database.", Service::Server),
    (".postgres.cosmos.azure", Service::Server),
    ("port5432", Service::Server),
    (":5432", Service::Server),
    ("port6432", Service::Server),
    (":6432", Service::Server),
    ("connectiontoserverat", Service::Server),
    ("couldnotconnecttoserver", Service::Server),
    ("login.microsoftonline.", Service::Outbound),
    ("login.windows.net", Service::Outbound),
    ("sts.windows.net", Service::Outbound),
    ("login.partner.microsoftonline", Service::Outbound),
    ("login.chinacloudapi.cn", Service::Outbound),
    ("graph.microsoft.", Service::Outbound),
    ("graph.windows.net", Service::Outbound),
    ("microsoftgraph.chinacloudapi.cn", Service::Outbound),
    ("management.azure.com", Service::Outbound),
    ("management.usgovcloudapi.net", Service::Outbound),
    ("management.chinacloudapi.cn", Service::Outbound),
    ("169.254.169.254", Service::Identity),
    ("identity_endpoint", Service::Identity),
    ("msi_endpoint", Service::Identity),
    ("/msi/token", Service::Identity),
    ("localhost:40342", Service::Identity),
    ("127.0.0.1:40342", Service::Identity),
    ("/metadata/identity", Service::Identity),
    ("/metadata/instance", Service::Identity),
];

/// Programs and libraries that talk to one service, in dense form: weaker than a host name.
const PROGRAMS: &[(&str, Service)] = &[
    ("psql:", Service::Server),
    ("psycopg", Service::Server),
    ("npgsql", Service::Server),
    ("org.postgresql", Service::Server),
    ("asyncpg", Service::Server),
    ("prisma", Service::Server),
    ("sqlx", Service::Server),
    ("pgbouncer", Service::Server),
    ("pq:", Service::Server),
    ("postgres", Service::Server),
    ("imds", Service::Identity),
    ("managedidentitycredential", Service::Identity),
    ("managedidentity", Service::Identity),
    ("msal", Service::Outbound),
    ("azurecli", Service::Outbound),
    ("oauth2/v2.0/token", Service::Outbound),
    ("openid-configuration", Service::Outbound),
];

/// The services that a text names.
pub(super) struct Services {
    host: Option<Service>,
    program: Option<Service>,
}

impl Services {
    pub(super) fn of(text: &Normalized) -> Self {
        Self { host: only(HOSTS, &text.dense), program: only(PROGRAMS, &text.dense) }
    }

    /// The service that a match in the dense text is about; `None` if the text does not say.
    pub(super) fn at(&self, text: &Normalized, at: usize) -> Option<Service> {
        let statement = text.statement(at);
        only(HOSTS, statement).or(self.host).or_else(|| only(PROGRAMS, statement)).or(self.program)
    }
}

/// The weight of an unspecific fragment in a text that names no service; `None` if it means nothing.
pub(super) fn without_context(service: Service, weight: u16) -> Option<u16> {
    match service {
        Service::Server => Some(weight),
        Service::Outbound => Some(weight.saturating_sub(8)),
        Service::Identity => None,
    }
}

/// The service that the marks in a text agree on.
fn only(marks: &[(&str, Service)], text: &str) -> Option<Service> {
    let mut found =
        marks.iter().filter(|(mark, _)| text.contains(mark)).map(|(_, service)| *service);
    let first = found.next()?;
    found.all(|service| service == first).then_some(first)
}
