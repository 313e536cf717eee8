//! `entra-pg token`: obtain a token as `doctor` would and print what it says; never the token itself,
//! unless asked for by name.

use super::{
    TOOL_FAILED,
    doctor::{ConnectionOptions, read_token, runtime},
    output::{self, Terminal},
};
use crate::{
    diagnose::{FailOn, Report},
    environment::Environment,
    environment::vantage,
    probe::context::Context,
    probe::{credential, graph, token},
    process::progress::Progress,
    report::{self, Format, Style},
    secret::{Secret, redact},
    settings::request::{Request, Selection},
    settings::usage::UsageError,
    text::{Inert, clean},
};
use clap::Args;
use entra_pg_checks::{
    Evidence, Fact, Topic,
    facts::{
        credential::{CredentialOutcome, CredentialTrace},
        settings::Origin,
        token::{Claims, PrincipalKind, Token},
    },
    support::name::candidates::{candidates, guest_form, home_address},
    text::duration,
    token::acquisition,
};
use std::{fmt::Write, io, path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Options of `token`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenArgs {
    /// The target: its cloud and tenant decide for what and where the token is asked.
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// Judge a token that is given, from a file or - for standard input; nothing is contacted.
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(crate) decode: Option<PathBuf>,
    /// Print the token and nothing else, for `export PGPASSWORD="$(entra-pg token --show-token)"`.
    #[arg(long, conflicts_with = "decode")]
    pub(crate) show_token: bool,
    /// Print it even to a terminal.
    #[arg(long, requires = "show_token")]
    pub(crate) force: bool,
    /// Say more: every source that was asked, what it said and how long it took; then the evidence, too.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Runs `token`.
///
/// # Errors
/// What was typed, or a file that it names, cannot be understood.
pub(crate) fn run(
    args: &TokenArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    if args.show_token && terminal.stdout && !args.force {
        return Err(UsageError::new(
            "a token is not printed to a terminal, where it could be seen and kept",
        )
        .suggest("export PGPASSWORD=\"$(entra-pg token --show-token)\", or add --force"));
    }
    let request = args.connection.request(Selection::default(), environment)?;
    let (evidence, secret) = match &args.decode {
        Some(path) => {
            let (secret, origin) = read_token(path)?;
            (decoded(&request, environment, &secret, origin), Some(secret))
        }
        None => obtain(&request, environment),
    };
    if let Some(secret) = &secret {
        request.secrets.keep("the token", Arc::clone(secret));
    }
    let evidence = redact::evidence(evidence, &request.secrets);
    let refused = match (args.show_token, &secret) {
        (true, Some(secret)) => match Inert::token(secret.expose().trim()) {
            Some(token) => {
                let written = output::to_stdout(&token);
                return Ok(if written.is_ok() { 0 } else { TOOL_FAILED });
            }
            None => true,
        },
        _ => false,
    };
    let style = Style { color: terminal.colors(output::Color::Auto), ..terminal.style() };
    let (report, rendered) = rendered(evidence, args.verbose, style);
    let written = rendered.and_then(|all| {
        if args.show_token { output::to_stderr(&all) } else { output::to_stdout(&all) }
    });
    if written.is_err() {
        return Ok(TOOL_FAILED);
    }
    let code = crate::diagnose::exit_code(&report, FailOn::Error);
    if refused {
        terminal.complain("not printed, since it is not an access token");
        return Ok(code.max(1));
    }
    Ok(code)
}

/// The report about a token, and what is printed of it: what the token says, with `-v` also who was asked
/// for it, and the report.
pub(crate) fn rendered(
    evidence: Evidence,
    verbose: u8,
    style: Style,
) -> (Report, io::Result<Inert>) {
    let selection = Selection::new(vec!["token".to_owned(), "claims".to_owned()], Vec::new())
        .unwrap_or_default();
    let card = evidence.token.seen().map(|token| card(token, &evidence)).unwrap_or_default();
    let report = Report::new(evidence, &selection);
    let trace = match (verbose, report.evidence().credential.seen()) {
        (1.., Some(trace)) => trace_card(trace),
        _ => String::new(),
    };
    let style = Style { verbose: verbose.saturating_sub(1), quiet: verbose < 2, ..style };
    let rendered = report::render(&report, Format::Text, &style)
        .map(|text| Inert::concat(&[Inert::text(&card), Inert::text(&trace), text]));
    (report, rendered)
}

fn frame(request: &Request, environment: &Environment, cx: &Context) -> Evidence {
    Evidence {
        observed_at: cx.observed_at(),
        run_id: cx.run_id().to_owned(),
        vantage: vantage::observe(environment, request.timeout, request.deadline),
        settings: Fact::Seen(request.settings.clone()),
        ..Evidence::default()
    }
}

fn context(request: &Request, environment: &Environment) -> Context {
    Context::new(
        environment.clone(),
        request.timeout,
        request.deadline,
        CancellationToken::new(),
        Progress::none(),
    )
    .with_secrets(&request.secrets)
}

fn decoded(
    request: &Request,
    environment: &Environment,
    secret: &Secret,
    origin: Origin,
) -> Evidence {
    let mut evidence = frame(request, environment, &context(request, environment));
    evidence.credential = Fact::not_applicable("a token was given");
    evidence.token = Fact::Seen(token::decode(secret.expose(), origin));
    evidence
}

pub(super) fn obtain(
    request: &Request,
    environment: &Environment,
) -> (Evidence, Option<Arc<Secret>>) {
    let cx = context(request, environment);
    let runtime = runtime();
    let cloud = &request.settings.cloud.value;
    let ((trace, secret, origin), directory) = runtime.block_on(async {
        let directory = async {
            match request.graph {
                true => graph::directory(&cx, request, cloud).await,
                false => Fact::default(),
            }
        };
        futures::join!(credential::acquire(&cx, request, cloud), directory)
    });
    runtime.shutdown_background();
    let mut evidence = frame(request, environment, &cx);
    evidence.credential = trace;
    evidence.directory = directory;
    evidence.token = match (&secret, origin) {
        (Some(secret), Some(origin)) => Fact::Seen(token::decode(secret.expose(), origin)),
        _ => Fact::blocked(Topic::Credential, ""),
    };
    (evidence, secret)
}

/// Every source in order: what it said, and how long that took.
fn trace_card(trace: &CredentialTrace) -> String {
    let mut out = String::new();
    for attempt in &trace.attempts {
        let said = match (&attempt.outcome, acquisition::said(attempt)) {
            (_, Some(said)) => said,
            (CredentialOutcome::Token, None) => {
                format!("{}: gave the token, after {} ms", attempt.kind.name(), attempt.elapsed_ms)
            }
            _ => format!("{}: not asked, a token was there", attempt.kind.name()),
        };
        let _ = writeln!(out, " asked      {}", clean(&said));
    }
    out.push('\n');
    out
}

/// What the token says, one line each.
fn card(token: &Token, evidence: &Evidence) -> String {
    let mut out = String::new();
    let Some(claims) = token.claims.as_deref() else { return out };
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, " {name:<10} {}", clean(value));
        }
    };
    line("from", &token.origin.phrase());
    line("stands for", who(claims));
    line("name", name(claims));
    line("object id", claims.oid.as_deref().unwrap_or_default());
    line("client", claims.client().unwrap_or_default());
    line("identity", claims.xms_mirid.as_deref().unwrap_or_default());
    line("tenant", claims.tid.as_deref().unwrap_or_default());
    line("audience", claims.aud.as_deref().unwrap_or_default());
    line("issuer", claims.iss.as_deref().unwrap_or_default());
    line("version", claims.ver.as_deref().unwrap_or_default());
    let now = evidence.now().as_second();
    let when = |at: Option<i64>| match at.map(|at| at - now) {
        Some(left @ 1..) => format!("in {}", duration(left)),
        Some(left) => format!("{} ago", duration(left)),
        None => String::new(),
    };
    line("issued", &when(claims.iat.or(claims.nbf)));
    line("expires", &when(claims.exp));
    line("factors", &claims.amr.join(", "));
    match (claims.groups.len(), claims.groups_overage) {
        (_, true) => line("groups", "too many to be listed"),
        (0, false) => {}
        (count, false) => line("groups", &format!("{count}")),
    }
    let names = candidates(claims, evidence.directory.seen());
    for (index, candidate) in names.iter().take(MOST_NAMES).enumerate() {
        let title = if index == 0 { "log in as" } else { "or as" };
        line(title, &format!("{} ({})", candidate.name, candidate.from));
    }
    let guest = claims.principal() == PrincipalKind::Guest;
    if names.is_empty() && !guest {
        line(
            "log in as",
            "the token does not say: the display name of the application, or --graph asks",
        );
    }
    if guest
        && evidence.directory.seen().is_none()
        && let Some(home) = home_address(claims)
    {
        line(
            "log in as",
            &format!("{}<tenant's domain> (a guest's home address)", guest_form(home)),
        );
    }
    out.push('\n');
    out
}

/// Role names that are shown.
const MOST_NAMES: usize = 12;

fn who(claims: &Claims) -> &'static str {
    match claims.principal() {
        PrincipalKind::User => "a user of this tenant",
        PrincipalKind::Guest => "a guest from another tenant",
        PrincipalKind::ServicePrincipal => "an application (service principal)",
        PrincipalKind::ManagedIdentity => "a managed identity",
    }
}

fn name(claims: &Claims) -> &str {
    let names =
        [&claims.upn, &claims.unique_name, &claims.preferred_username, &claims.app_displayname];
    names.into_iter().flatten().next().map_or("", String::as_str)
}
