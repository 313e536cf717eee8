//! Helpers of the family `outbound`: what several of its checks share.

pub mod prefixes;
