//! Pages of the family `access`.

pub mod pages;
