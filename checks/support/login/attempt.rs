//! What a refusal is read against: who asked, with which token, how, and what psql would make of it.

use crate::{
    evidence::Evidence,
    facts::{
        login::{Login, LoginStep},
        settings::{Origin, Settings, SslMode},
        token::{Claims, Signature, Token},
    },
    text,
};
use jiff::Timestamp;

/// The pooler's port.
/// Source: Microsoft Learn, "PgBouncer in Azure Database for PostgreSQL".
pub const POOLER_PORT: u16 = 6432;
/// The port of an elastic cluster that leads to the pooler of any node.
/// Source: Microsoft Learn, "Elastic clusters".
pub const NODE_POOLER_PORT: u16 = 8432;

/// Whether a pooler answers on this port.
#[must_use]
pub const fn is_pooler(port: u16) -> bool {
    matches!(port, POOLER_PORT | NODE_POOLER_PORT)
}

/// The longest password that PgBouncer takes before version 1.26, in bytes.
/// Source: pgbouncer/pgbouncer#874 and its `MAX_PASSWORD`.
pub const POOLER_LIMIT: usize = 2047;

/// One attempt to log in.
pub struct Attempt<'a> {
    pub(crate) settings: &'a Settings,
    token: Option<&'a Token>,
    login: Option<&'a Login>,
    signature_verified: bool,
    now: Timestamp,
}

impl<'a> Attempt<'a> {
    /// An attempt that ended before the token was sent.
    #[must_use]
    pub fn before_the_token(settings: &'a Settings, seen: &'a Evidence) -> Self {
        let (token, now) = (seen.token.seen(), seen.observed_at);
        let signature_verified = matches!(seen.signature.seen(), Some(Signature::Verified { .. }));
        Self { settings, token, login: None, signature_verified, now }
    }

    /// An attempt with the token.
    #[must_use]
    pub fn with_the_token(settings: &'a Settings, login: &'a Login, seen: &'a Evidence) -> Self {
        Self { login: Some(login), ..Self::before_the_token(settings, seen) }
    }

    /// The name that was sent.
    #[must_use]
    pub fn user(&self) -> &'a str {
        self.settings.user.as_ref().map_or("", |user| user.value.as_str())
    }

    /// The audience and the tenant for which a token is requested.
    #[must_use]
    pub fn token_request(&self) -> (&'a str, Option<&'a str>) {
        let tenant = self.settings.tenant.as_ref().map(|tenant| tenant.value.as_str());
        (&self.settings.cloud.value.database_audience, tenant)
    }

    /// What the token says.
    #[must_use]
    pub fn claims(&self) -> Option<&'a Claims> {
        self.token.and_then(|token| token.claims.as_deref())
    }

    /// Whether the tenant's published keys made the signature of the token.
    #[must_use]
    pub const fn signature_verified(&self) -> bool {
        self.signature_verified
    }

    /// Whether the token was sent.
    #[must_use]
    pub const fn sent_the_token(&self) -> bool {
        self.login.is_some()
    }

    /// Bytes of the token that went to a pooler, if one was asked.
    #[must_use]
    pub fn pooled_token(&self) -> Option<usize> {
        self.login.filter(|login| is_pooler(login.port)).map(|login| login.token_length)
    }

    /// When the token was issued, in words.
    #[must_use]
    pub fn issued(&self) -> Option<String> {
        let age = self.now.as_second() - self.claims()?.iat?;
        Some(format!("the token was issued {} ago", text::duration(age.max(0))))
    }

    /// By what the server's log knows this attempt.
    #[must_use]
    pub fn logged(&self) -> Option<String> {
        let name = &self.login?.application_name;
        Some(format!("in the server's log it is the attempt of application_name \"{name}\""))
    }

    /// The second error of psql if `sslmode` makes it try twice.
    #[must_use]
    pub fn psql_tries_twice(&self) -> Option<String> {
        let authenticated = |login: &Login| {
            login.steps.iter().any(|completed| completed.step == LoginStep::Authenticated)
        };
        if self.login.is_some_and(authenticated) {
            // After AuthenticationOk, libpq does not try again.
            return None;
        }
        let mode = &self.settings.sslmode;
        let whose = if mode.origin == Origin::Default { ", libpq's default," } else { "" };
        match mode.value {
            SslMode::Prefer => Some(format!(
                "psql with sslmode=prefer{whose} would retry without encryption and show you \
                    that second, misleading error: no pg_hba.conf entry …, no encryption"
            )),
            SslMode::Allow => Some(
                "psql with sslmode=allow tries without encryption first, and shows that error, \
                    no pg_hba.conf entry …, no encryption, before this one"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
