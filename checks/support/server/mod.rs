//! Helpers of the family `server`: what several of its checks share.

pub mod names;
pub(crate) mod openssl;
pub mod pages;
pub mod psql;
pub mod roots;
pub(crate) mod tls_problems;
