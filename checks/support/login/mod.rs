//! Helpers of the family `login`: what several of its checks share.

pub mod attempt;
pub mod refusal;
