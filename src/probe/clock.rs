//! This machine's clock compared with an Entra host's.

use entra_pg_checks::facts::{
    clock::ClockReading,
    http::HttpOutcome,
    outbound::Host,
    tls::{RootVerdict, Tls},
};
use jiff::{SignedDuration, Timestamp};

/// The clocks as one host's HTTPS answer shows them.
#[must_use]
pub(crate) fn reading(host: &Host) -> Option<ClockReading> {
    let http = host.http()?;
    let HttpOutcome::Answered(answer) = &http.outcome else {
        return None;
    };
    if answer.age.is_some_and(|seconds| seconds > 0) {
        // A cache on the way gives an old date again.
        return None;
    }
    let half = SignedDuration::from_millis(i64::try_from(http.elapsed_ms / 2).ok()?);
    let remote = answer.date?;
    Some(ClockReading {
        host: host.host.clone(),
        remote,
        local: answer.answered_at?.checked_sub(half).ok()?,
        round_trip_ms: http.elapsed_ms,
        authenticated: answer.genuine && host.tls().is_some_and(|tls| vouches(tls, remote)),
    })
}

/// Whether the certificate vouches for the date: it is the host's own, its root is trusted, and it is
/// valid at that very date. By this machine's own clock it may be out of date: if that clock is wrong,
/// this is how it shows.
fn vouches(tls: &Tls, date: Timestamp) -> bool {
    let valid = tls.chain.first().is_some_and(|leaf| {
        leaf.not_before.is_some_and(|from| from <= date)
            && leaf.not_after.is_some_and(|until| date <= until)
    });
    valid
        && tls
            .trust
            .as_ref()
            .is_some_and(|trust| trust.name_matches && trust.effective == RootVerdict::Trusted)
}
