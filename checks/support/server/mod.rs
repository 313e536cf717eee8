//! Helpers of the family `server`: what several of its checks share.

pub mod names;
pub mod pages;
pub mod psql;
pub mod roots;
