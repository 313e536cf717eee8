//! This machine's clock beside an Entra host's.

use entra_pg_checks::facts::{clock::ClockReading, http::HttpOutcome, outbound::Host};
use jiff::SignedDuration;

/// The clocks as one host's HTTPS answer shows them.
#[must_use]
pub fn reading(host: &Host) -> Option<ClockReading> {
    let http = host.http()?;
    let HttpOutcome::Answered(answer) = &http.outcome else {
        return None;
    };
    let half = SignedDuration::from_millis(i64::try_from(http.elapsed_ms / 2).ok()?);
    Some(ClockReading {
        host: host.host.clone(),
        remote: answer.date?,
        local: answer.answered_at?.checked_sub(half).ok()?,
        round_trip_ms: http.elapsed_ms,
        authenticated: answer.genuine && host.tls().is_some_and(|tls| tls.verified()),
    })
}
