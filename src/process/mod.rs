//! The process itself: its limits, defects that were caught, progress on a terminal.

pub(crate) mod crash;
pub(crate) mod limits;
pub(crate) mod program;
pub(crate) mod progress;
