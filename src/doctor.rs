//! One run: observe, then judge.

use crate::{
    context::Context, environment::Environment, gather::gather, progress::Progress, report::Report,
    request::Request,
};
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
