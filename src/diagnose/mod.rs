//! One run: observe, then judge.

pub(crate) mod gather;
pub(crate) mod plan;
mod report;
pub(crate) mod retry;
mod summary;

use crate::{
    environment::Environment, probe::context::Context, process::progress::Progress,
    settings::request::Request,
};
use gather::gather;
pub use report::{FailOn, Report, exit_code};
use tokio_util::sync::CancellationToken;

/// Probes and judges once.
pub(crate) async fn run(
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
    )
    .with_secrets(&request.secrets);
    let evidence = gather(&cx, request).await;
    Report::new(evidence, &request.selection)
}
