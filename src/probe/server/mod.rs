//! The database server, from TCP to the session. One connection serves for all of it: what asks for
//! the first authentication request waits, and the login goes on where it stopped.

pub(crate) mod authentication;
mod login;
mod path;
pub(crate) mod preamble;
mod resumed;
mod session;
mod tls_files;
mod wire;

pub(crate) use authentication::{Waiting, authentication_request};
pub(crate) use login::login;
pub(crate) use path::path;
