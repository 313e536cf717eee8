//! libpq's rules for the values of settings.

pub mod encodings;
pub mod values;
