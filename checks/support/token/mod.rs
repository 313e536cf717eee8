//! Helpers of the family `token`: what several of its checks share.

pub mod aadsts;
pub mod advice;
pub mod pages;
pub mod refusal;
