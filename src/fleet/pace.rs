//! How fast a fleet starts its targets, so that nameservers and Microsoft Entra ID do not throttle it.

use std::{cell::Cell, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Starts at most so many targets per second, each at a random moment of its slot.
pub(super) struct Pace {
    interval: Duration,
    next: Cell<Instant>,
}

impl Pace {
    /// At most `rate` targets per second; the first one starts within `spread`.
    pub(super) fn new(rate: u32, spread: Duration) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self { interval, next: Cell::new(Instant::now() + spread.mul_f64(random())) }
    }

    /// Waits for the next slot. An interrupt ends the wait.
    pub(super) async fn turn(&self, interrupt: &CancellationToken) {
        let slot = self.next.get().max(Instant::now());
        self.next.set(slot + self.interval);
        let start = slot + self.interval.mul_f64(random());
        tokio::select! {
            () = tokio::time::sleep_until(start) => {}
            () = interrupt.cancelled() => {}
        }
    }
}

/// From 0 to 1.
pub(super) fn random() -> f64 {
    // Without random numbers every target starts at the beginning of its slot.
    f64::from(u16::from_be_bytes(crate::random::bytes())) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use futures::FutureExt;
    use std::time::Duration;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
    }

    #[test]
    fn no_more_targets_start_per_second_than_allowed() {
        runtime().block_on(async {
            let began = Instant::now();
            let (pace, interrupt) = (Pace::new(200, Duration::ZERO), CancellationToken::new());
            for _ in 0..21 {
                pace.turn(&interrupt).await;
            }
            assert!(began.elapsed() >= Duration::from_millis(99), "{:?}", began.elapsed());
        });
    }

    #[test]
    fn an_interrupt_ends_the_wait() {
        runtime().block_on(async {
            let (pace, interrupt) =
                (Pace::new(1, Duration::from_secs(60)), CancellationToken::new());
            // The second slot begins a second after the first.
            let _ = pace.turn(&interrupt).now_or_never();
            assert!(pace.turn(&interrupt).now_or_never().is_none(), "it waits");
            interrupt.cancel();
            assert!(pace.turn(&interrupt).now_or_never().is_some());
        });
    }
}
