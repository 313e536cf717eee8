//! Helpers of the family `azure`: what several of its checks share.

pub mod addresses;
pub mod firewall;
pub mod measured;
pub mod pages;
pub mod place;
pub mod room;
pub mod routing;
pub mod security;
pub mod tags;
pub mod words;
