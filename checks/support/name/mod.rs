//! Helpers of the family `name`: what several of its checks share.

pub mod candidates;
pub mod compare;
pub mod slip;
