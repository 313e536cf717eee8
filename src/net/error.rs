//! Errors of libraries in one line.

use std::error::Error;

/// The text of the innermost cause: outer ones repeat what was tried.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string().chars().take(300).collect()
}
