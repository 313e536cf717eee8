//! One run: observe, then judge; and the loop of `--retry-for`.

use crate::{
    context::Context, environment::Environment, gather::gather, progress::Progress, report::Report,
    request::Request,
};
use entra_pg_checks::{Judged, Outcome};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Looks and judges once.
pub async fn run(
    request: &Request,
    environment: &Environment,
    interrupt: &CancellationToken,
    progress: Progress,
) -> Report {
    let cx = Context::new(
        environment.clone(),
        request.timeout,
        request.deadline,
        interrupt.clone(),
        progress,
    );
    let evidence = gather(&cx, request).await;
    Report::new(evidence, &request.selection)
}

/// What `--retry-for` does after a run.
#[derive(Debug, Eq, PartialEq)]
pub enum Next {
    /// It is healthy, or time is up.
    Stop,
    /// Waiting cannot cure this.
    Hopeless,
    /// Once more.
    Again,
}

/// Time between two runs.
pub const PAUSE: Duration = Duration::from_secs(5);

/// Whether another run is worth its while.
#[must_use]
pub fn next(report: &Report, until: Instant, interrupted: bool) -> Next {
    let judgement = report.judgement();
    let healthy = matches!(judgement.outcome, Outcome::Healthy | Outcome::Degraded);
    if interrupted || healthy || Instant::now() + PAUSE > until {
        return Next::Stop;
    }
    match judgement.root() {
        Some(root) if !waiting_can_cure(root) => Next::Hopeless,
        Some(_) | None => Next::Again,
    }
}

/// What was typed stays as it is, and so does a token; networks, roles, rules and servers change.
fn waiting_can_cure(root: &Judged) -> bool {
    let problem = root.finding.problem;
    match problem.family() {
        "config" | "claims" | "name" => false,
        "token" => matches!(
            problem.id,
            "token/throttled"
                | "token/entra-transient"
                | "token/identity-endpoint-busy"
                | "token/identity-endpoint-unreachable"
                | "token/no-managed-identity"
                | "token/app-unknown"
                | "token/not-assigned"
                | "token/consent-missing"
                | "token/federation-mismatch"
        ),
        _ => !matches!(
            problem.id,
            "login/token-expired"
                | "login/audience-refused"
                | "login/pooler-token-too-long"
                | "server/root-file-missing"
                | "server/tls-wrong-name"
        ),
    }
}
