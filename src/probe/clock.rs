//! This machine's clock beside an Entra host's.

use entra_pg_checks::facts::{clock::ClockReading, outbound::Host};

/// The clocks as one host's HTTPS answer shows them.
#[must_use]
pub fn reading(_host: &Host) -> Option<ClockReading> {
    None
}
