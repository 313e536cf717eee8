//! The process itself: its limits, defects that were caught, progress on a terminal.

pub mod crash;
pub mod limits;
pub mod progress;
