//! How many lines have which status.

use entra_pg_checks::{Line, Status};
use std::fmt;

/// The counts of the last line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) warned: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) undetermined: usize,
}

impl Counts {
    pub(super) fn of(lines: &[Line]) -> Self {
        let mut counts = Self::default();
        for line in lines {
            match line.status {
                Status::Passed => counts.passed += 1,
                Status::Warning => counts.warned += 1,
                Status::Failed => counts.failed += 1,
                Status::Skipped => counts.skipped += 1,
                Status::Undetermined => counts.undetermined += 1,
                Status::NotApplicable => {}
            }
        }
        counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.passed, "passed"),
            (self.warned, "with a warning"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.undetermined, "not decided"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        formatter.write_str(&parts.join(", "))
    }
}
