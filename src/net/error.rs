//! Errors of libraries in one line.

use std::{error::Error, io};

/// The text of the innermost cause: outer ones repeat what was tried.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let text = causes(error).last().map(ToString::to_string).unwrap_or_default();
    text.chars().take(300).collect()
}

/// An error and its causes, the outermost first.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&outer| outer.source())
}

/// The kind of the first I/O error of its causes for which there is an answer.
pub(crate) fn io_kind<T>(
    error: &(dyn Error + 'static),
    answer: impl Fn(io::ErrorKind) -> Option<T>,
) -> Option<T> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .find_map(|io| answer(io.kind()))
}
