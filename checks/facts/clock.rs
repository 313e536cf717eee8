//! This machine's clock compared with another's.

use crate::facts::class;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One reading of both clocks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClockReading {
    /// The host whose clock it is.
    #[serde(serialize_with = "class::name")]
    pub host: String,
    /// The `Date` header; it counts whole seconds.
    pub remote: Timestamp,
    /// This machine's clock at the middle of the request.
    pub local: Timestamp,
    /// Milliseconds between request and answer.
    pub round_trip_ms: u64,
    /// Whether the answer came over a connection whose certificate was verified.
    pub authenticated: bool,
}

impl ClockReading {
    /// Seconds by which this machine is ahead (positive) or behind (negative); the header's
    /// resolution and half the round trip are given to the machine's favor.
    #[must_use]
    pub fn ahead_seconds(&self) -> i64 {
        let milliseconds = self.local.as_millisecond() - self.remote.as_millisecond();
        let slack = i64::try_from(self.round_trip_ms / 2).unwrap_or(i64::MAX);
        // A `Date` of 12:00:00 means anything up to 12:00:00.999.
        if milliseconds > 1000 + slack {
            (milliseconds - 1000 - slack) / 1000
        } else if milliseconds < -slack {
            (milliseconds + slack) / 1000
        } else {
            0
        }
    }
}
