//! The database server, from TCP to the session.

use crate::{context::Context, request::Request, secret::Secret};
use entra_pg_checks::{
    Fact,
    facts::{
        login::{AuthRequest, Login},
        server::Server,
        session::Session,
        settings::Settings,
    },
};
use std::net::IpAddr;

/// An open connection on which TLS stands.
pub struct Connection;

/// A connection on which the server waits for a password.
pub struct Waiting;

/// A session.
pub struct Open;

/// The way to the server.
pub async fn path(
    _cx: &Context,
    _settings: &Settings,
    _addresses: &[IpAddr],
) -> (Fact<Server>, Option<Connection>) {
    (Fact::default(), None)
}

/// The first authentication request.
pub async fn authentication_request(
    _cx: &Context,
    _settings: &Settings,
    _connection: Connection,
) -> (Fact<AuthRequest>, Option<Waiting>) {
    (Fact::default(), None)
}

/// The login.
pub async fn login(
    _cx: &Context,
    _request: &Request,
    _waiting: Waiting,
    _token: &Secret,
) -> (Fact<Login>, Option<Open>) {
    (Fact::default(), None)
}

/// A look around.
pub async fn session(_cx: &Context, _request: &Request, _open: Open) -> Fact<Session> {
    Fact::default()
}
