//! The process itself: defects that were caught, progress on a terminal.

pub mod crash;
pub mod progress;
