//! SQLSTATEs that a login to Azure Database for PostgreSQL can end with, as data.
//!
//! Source: PostgreSQL documentation, appendix A "PostgreSQL Error Codes".

use entra_pg_checks::{
    Problem,
    access::{database, entra_functions},
    claims::{audience, lifetime},
    dns::resolution,
    login::auth_request,
    name::spelling,
    server::{protocol, tcp, tls},
    support::login::refusal,
};

/// One SQLSTATE.
#[derive(Debug)]
pub(super) struct Sqlstate {
    /// Its five characters.
    pub(super) code: &'static str,
    /// PostgreSQL's name of it.
    pub(super) name: &'static str,
    /// What it means here.
    pub(super) means: &'static str,
    /// The problems that end so, the likeliest first.
    pub(super) problems: &'static [&'static Problem],
    /// What it is often mistaken for.
    pub(super) mistaken_for: &'static [&'static str],
}

/// What is known of a SQLSTATE, letter case aside.
pub(super) fn lookup(code: &str) -> Option<&'static Sqlstate> {
    ALL.iter().find(|state| state.code.eq_ignore_ascii_case(code))
}

/// Every SQLSTATE that is known.
pub(super) static ALL: &[Sqlstate] = &[
    Sqlstate {
        code: "28P01",
        name: "invalid_password",
        means: "The server did not accept what was sent as password. With Microsoft Entra ID the \
            password is almost never the cause: there is no Entra role of exactly this name and \
            the server compared the token with a local password, or the token was refused \
            without a reason.",
        problems: &[
            &auth_request::NOT_AN_ENTRA_ROLE,
            &spelling::WRONG_CASE,
            &lifetime::EXPIRED,
            &audience::WRONG_AUDIENCE,
            &refusal::REFUSED,
        ],
        mistaken_for: &[
            "A wrong password: there is none with Entra ID. Check the role name and the kind of \
                the token.",
        ],
    },
    Sqlstate {
        code: "28000",
        name: "invalid_authorization_specification",
        means: "The server refuses this combination of address, database, role and \
            authentication before or after it validated the token: a firewall rule, TLS, or a \
            token that is not the role's.",
        problems: &[
            &refusal::CLIENT_ADDRESS_REFUSED,
            &refusal::TLS_REQUIRED,
            &refusal::OBJECT_ID_MISMATCH,
            &refusal::NOT_IN_GROUP,
            &refusal::USER_ROLE_APP_TOKEN,
            &refusal::SERVICE_ROLE_USER_TOKEN,
            &refusal::ROLE_CANNOT_LOG_IN,
        ],
        mistaken_for: &[
            "28P01: there the role or the token is unknown; here the server knows them and \
                refuses this combination.",
        ],
    },
    Sqlstate {
        code: "3D000",
        name: "invalid_catalog_name",
        means: "The login succeeded, and the database does not exist. Without a database libpq \
            takes the user name as its name, which with Entra ID is never right.",
        problems: &[&database::DATABASE_MISSING],
        mistaken_for: &["A failed login: the token was accepted before this came."],
    },
    Sqlstate {
        code: "42501",
        name: "insufficient_privilege",
        means: "The login succeeded, and the role lacks a right: CONNECT on the database, or the \
            right to the schema or table that the message names.",
        problems: &[&database::NO_CONNECT_PRIVILEGE],
        mistaken_for: &["A failed login: the token was accepted before this came."],
    },
    Sqlstate {
        code: "53300",
        name: "too_many_connections",
        means: "Every connection that this role, this database or this server may have is in use.",
        problems: &[&refusal::TOO_MANY_CONNECTIONS],
        mistaken_for: &["A network fault that comes and goes."],
    },
    Sqlstate {
        code: "57P03",
        name: "cannot_connect_now",
        means: "The server is starting, stopping or recovering.",
        problems: &[&refusal::STARTING_UP],
        mistaken_for: &["A refusal: it goes by itself, mostly within minutes."],
    },
    Sqlstate {
        code: "57P01",
        name: "admin_shutdown",
        means: "The server is being stopped, restarted or scaled, or an administrator ended the \
            session.",
        problems: &[&refusal::STARTING_UP],
        mistaken_for: &["A firewall that cuts connections."],
    },
    Sqlstate {
        code: "57P02",
        name: "crash_shutdown",
        means: "A server process crashed, and the server restarts to be safe.",
        problems: &[&refusal::STARTING_UP],
        mistaken_for: &["A network fault."],
    },
    Sqlstate {
        code: "08P01",
        name: "protocol_violation",
        means: "A message was not what the protocol expects. From the pooler on port 6432 it \
            means that the token is longer than it takes.",
        problems: &[&refusal::POOLER_TOKEN_TOO_LONG],
        mistaken_for: &["A broken network: on port 5432 the same token is accepted."],
    },
    Sqlstate {
        code: "08001",
        name: "sqlclient_unable_to_establish_sqlconnection",
        means: "The driver could not connect; the server never saw the login. Drivers make this \
            up, the server does not send it.",
        problems: &[&resolution::NXDOMAIN, &tcp::DROPPED, &tcp::REFUSED, &tls::TLS_UNTRUSTED],
        mistaken_for: &["A refusal of the server."],
    },
    Sqlstate {
        code: "08006",
        name: "connection_failure",
        means: "The connection broke, or never came. Drivers make this up, the server does not \
            send it.",
        problems: &[&tcp::DROPPED, &protocol::CLOSED, &refusal::CLOSED, &refusal::STALLED],
        mistaken_for: &["A refusal of the server."],
    },
    Sqlstate {
        code: "08004",
        name: "sqlserver_rejected_establishment_of_sqlconnection",
        means: "The server answers, and refuses the connection before any authentication.",
        problems: &[&refusal::CLIENT_ADDRESS_REFUSED, &refusal::TOO_MANY_CONNECTIONS],
        mistaken_for: &["A wrong password."],
    },
    Sqlstate {
        code: "25006",
        name: "read_only_sql_transaction",
        means: "The login works and nothing can be written: a read replica, or a server whose \
            storage is full.",
        problems: &[&database::READ_ONLY],
        mistaken_for: &["A missing GRANT."],
    },
    Sqlstate {
        code: "42704",
        name: "undefined_object",
        means: "A role, an extension or another object of this name does not exist in this \
            database.",
        problems: &[&auth_request::NOT_AN_ENTRA_ROLE],
        mistaken_for: &["A failed login."],
    },
    Sqlstate {
        code: "42883",
        name: "undefined_function",
        means: "No such function, such as `pgaadauth_create_principal`: it exists only in the \
            database `postgres`.",
        problems: &[&entra_functions::ENTRA_FUNCTIONS_MISSING],
        mistaken_for: &["A missing extension: none needs to be installed."],
    },
    Sqlstate {
        code: "XX000",
        name: "internal_error",
        means: "A defect of the server itself, or of its way to Entra ID.",
        problems: &[&refusal::SERVER_DEFECT],
        mistaken_for: &["A fault of the token: the server could not judge it."],
    },
];
