//! The login with the token, by tokio-postgres, on the connection that waits for it.

use super::{
    authentication::{Waiting, application_name},
    resumed::{Resumed, Tape},
    session, wire,
};
use crate::net::error;
use crate::sync::lock;
use crate::{
    probe::context::Context, secret::Secret, settings::request::Request, time::milliseconds,
};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::{
        login::{CompletedStep, Login, LoginOutcome, LoginStep},
        session::Session,
    },
};
use futures::join;
use std::io::ErrorKind;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::{
    task::JoinHandle,
    time::{error::Elapsed, timeout},
};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, config::SslMode};

/// Sends the token, runs one query and, if requested, inspects the session. The token is kept back
/// unless the server's TLS identity was verified, whatever `sslmode` says.
pub(crate) async fn login(
    cx: &Context,
    request: &Request,
    waiting: Waiting,
    token: &Secret,
    look_around: bool,
) -> (Fact<Login>, Option<Fact<Session>>) {
    let mut login = withheld(cx, request, &waiting, token);
    if !waiting.verified && !request.send_token_unverified {
        return (Fact::Seen(login), None);
    }
    let began = waiting.began;
    let (stream, tape) = Resumed::new(waiting.stream, waiting.startup, waiting.answer);
    let user = request.settings.user.as_ref().map_or("", |user| user.value.as_str());
    let config = config(request, user, &login.application_name, token);
    let work = timeout(cx.timeout(), config.connect_raw(stream, NoTls));
    let connected = cx.step(Topic::Login, user, "token", work).await;
    drop(config);
    add_recorded_steps(&mut login, &tape, began);
    let (client, connection) = match answered(connected, &login, &tape) {
        Ok(connected) => connected,
        Err(outcome) => return (Fact::Seen(Login { outcome: *outcome, ..login }), None),
    };
    let driver = Driver(tokio::spawn(async move {
        // How the connection ends shows in the query that waits for it.
        let _ = connection.await;
    }));
    login.steps.push(completed(LoginStep::Ready, began.elapsed()));
    let first = async {
        let query = timeout(cx.timeout(), client.simple_query(FIRST_QUERY));
        let answered = cx.step(Topic::Login, user, "query", query).await;
        (answered, began.elapsed())
    };
    let around = async {
        if look_around {
            Some(cx.guard(session::look_around(cx, request, &client)).await)
        } else {
            None
        }
    };
    // In this order on the wire, in one round trip.
    let ((first, after), around) = join!(first, around);
    driver.end(client).await;
    let first = match answered(first, &login, &tape) {
        Ok(messages) => row(&messages),
        Err(outcome) => return (Fact::Seen(Login { outcome: *outcome, ..login }), None),
    };
    login.steps.push(completed(LoginStep::Queried, after));
    login.outcome = LoginOutcome::Accepted { server_version: first.1.clone() };
    let refused = lock(&tape).refused;
    let around = around.map(|around| match around {
        Fact::NotObserved(NotObserved::NotPermitted { .. }) if refused.is_some() => {
            let detail = refused.unwrap_or_default().to_owned();
            Fact::NotObserved(NotObserved::NotPermitted { detail })
        }
        Fact::Seen(mut session) => {
            (session.current_user, session.version) = first;
            Fact::Seen(session)
        }
        Fact::NotObserved(why) => Fact::NotObserved(why),
    });
    (Fact::Seen(login), around)
}

/// The login before the token is sent.
fn withheld(cx: &Context, request: &Request, waiting: &Waiting, token: &Secret) -> Login {
    Login {
        outcome: LoginOutcome::TokenWithheld { why: UNVERIFIED.to_owned() },
        steps: vec![
            completed(LoginStep::Startup, Duration::ZERO),
            completed(LoginStep::AuthenticationRequest, waiting.asked_after),
        ],
        token_length: token.len(),
        application_name: application_name(cx),
        port: request.settings.port.value,
    }
}

fn config(request: &Request, user: &str, application_name: &str, token: &Secret) -> Config {
    let mut config = Config::new();
    // This stream is inside TLS already.
    config
        .ssl_mode(SslMode::Disable)
        .user(user)
        .dbname(&request.settings.database.value)
        .application_name(application_name)
        .password(token.expose());
    if let Some(options) = request.settings.value_of("options").filter(|text| !text.is_empty()) {
        config.options(options);
    }
    config
}

/// The server's answer, or how the login ended.
fn answered<T>(
    result: Result<Result<T, tokio_postgres::Error>, Elapsed>,
    login: &Login,
    tape: &Mutex<Tape>,
) -> Result<T, Box<LoginOutcome>> {
    match result {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(refusal(&error, login, tape).into()),
        Err(_) => Err(LoginOutcome::Silent { after: last(login) }.into()),
    }
}

/// What drives a session; it ends with it.
struct Driver(JoinHandle<()>);

impl Driver {
    /// Sends Terminate so that the server does not log an aborted connection. The transaction ends with
    /// the session, without a wait for the server.
    async fn end(mut self, client: Client) {
        drop(client);
        // If the server has closed the connection, there is nothing to end.
        let _ = timeout(LEAVE, &mut self.0).await;
    }
}

/// Time for Terminate: a write without an answer.
const LEAVE: Duration = Duration::from_millis(100);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

const UNVERIFIED: &str = "the server's TLS identity could not be verified";
const FIRST_QUERY: &str = "select current_user, version()";

fn add_recorded_steps(login: &mut Login, tape: &Mutex<Tape>, began: Instant) {
    let tape = lock(tape);
    let recorded =
        [(LoginStep::TokenSent, tape.token_sent), (LoginStep::Authenticated, tape.authenticated)];
    for (step, at) in recorded {
        login.steps.extend(at.map(|at| completed(step, at.saturating_duration_since(began))));
    }
}

fn refusal(error: &tokio_postgres::Error, login: &Login, tape: &Mutex<Tape>) -> LoginOutcome {
    let (authenticated, refused) = {
        let tape = lock(tape);
        (tape.authenticated.is_some(), tape.refused)
    };
    if let Some(why) = refused {
        return LoginOutcome::Malformed { detail: why.to_owned() };
    }
    match error.as_db_error().map(wire::from_db_error) {
        Some(refused) if authenticated => LoginOutcome::RefusedAfterAuthentication(refused),
        Some(refused) => LoginOutcome::Refused(refused),
        None if error.is_closed() || is_io(error) => LoginOutcome::Closed { after: last(login) },
        None => {
            let detail = error.to_string().chars().take(300).collect();
            LoginOutcome::Malformed { detail }
        }
    }
}

/// A connection that breaks off; rubbish is an I/O error of another kind in tokio-postgres.
fn is_io(failure: &tokio_postgres::Error) -> bool {
    let breaks = |kind| !matches!(kind, ErrorKind::InvalidInput | ErrorKind::InvalidData);
    error::io_kind(failure, |kind| Some(breaks(kind))).unwrap_or(false)
}

fn row(messages: &[SimpleQueryMessage]) -> (String, String) {
    let bounded = |text: Option<&str>| text.unwrap_or_default().chars().take(512).collect();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            return (bounded(row.get(0)), bounded(row.get(1)));
        }
    }
    (String::new(), String::new())
}

fn completed(step: LoginStep, after: Duration) -> CompletedStep {
    CompletedStep { step, at_ms: milliseconds(after) }
}

/// The last step that succeeded. The first one always has.
fn last(login: &Login) -> LoginStep {
    login.steps.last().map_or(LoginStep::Startup, |completed| completed.step.clone())
}
