//! Durations as reports state them.

use std::time::Duration;

/// Whole milliseconds.
#[must_use]
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The current time in UTC, in a form for file names: `20250711T093000Z`.
#[allow(clippy::disallowed_methods, reason = "the name of a file, not an observation")]
#[must_use]
pub(crate) fn compact_now() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}
