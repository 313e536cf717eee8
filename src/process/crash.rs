//! A defect of this tool: what a panic said, and where it was.

#![allow(clippy::disallowed_methods, reason = "the only line of a process that is ended here")]

use crate::{environment::Environment, secret::Secrets};
use std::{
    any::Any,
    cell::RefCell,
    io::{Write, stderr},
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    /// The last panic of this thread, until it is taken.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From here on a panic prints nothing, since it would garble the report; it is kept for [`said`].
pub(crate) fn listen() {
    panic::set_hook(Box::new(|info| {
        let place = info.location();
        let place = place.map(|place| format!(" ({}:{})", in_package(place.file()), place.line()));
        let text = text_of(info.payload()) + &place.unwrap_or_default();
        if aborts(&text) {
            // The process ends as soon as this returns: there is no report that it could garble.
            let _ = writeln!(stderr(), "entra-pg: {text}");
        }
        LAST.with_borrow_mut(|last| *last = Some(text));
    }));
}

/// Whether the standard library ends the process after this panic. A hook cannot ask for that in stable
/// Rust; the texts are those of `core::panicking` and `core::ub_checks`.
fn aborts(text: &str) -> bool {
    const STARTS: [&str; 5] = [
        "panic in a function that cannot unwind",
        "panic in a destructor during cleanup",
        "unsafe precondition(s) violated",
        "misaligned pointer dereference",
        "null pointer dereference",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// The path of a source file from the folder of its package on: what comes before it is the machine
/// on which this program was built.
fn in_package(file: &str) -> String {
    let unified = file.replace('\\', "/");
    match unified.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, rest)) => rest.to_owned(),
        None => match unified.rsplit_once("/library/") {
            Some((_, rest)) => format!("library/{rest}"),
            None => unified,
        },
    }
}

/// What a panic that was caught on this thread said, and where it was.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    LAST.with_borrow_mut(Option::take).unwrap_or_else(|| text_of(panic))
}

/// Does the work of a command.
///
/// # Errors
/// It panicked: what to tell the user, without the secrets of the environment.
pub(crate) fn guarded<T>(environment: &Environment, work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = said(panic.as_ref());
        let text = Secrets::of_environment(environment).redacted(&text).unwrap_or(text);
        format!(
            "this is a defect of entra-pg itself, and says nothing of your setup: {text}\n\
             Please report it, with this line and the options that were given"
        )
    })
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{guarded, listen};
    use crate::environment::Environment;

    #[test]
    fn what_ends_the_process_is_known_by_its_text() {
        assert!(super::aborts("unsafe precondition(s) violated: slice::from_raw_parts (x.rs:1)"));
        assert!(!super::aborts("index out of bounds"));
    }

    #[test]
    fn a_place_in_a_dependency_shows_no_folder_of_the_build() {
        let path = "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/time-0.3/src/a.rs";
        assert_eq!(super::in_package(path), "time-0.3/src/a.rs");
        assert_eq!(super::in_package("/rustc/5980/library/core/src/a.rs"), "library/core/src/a.rs");
        assert_eq!(super::in_package("src/process/crash.rs"), "src/process/crash.rs");
    }

    #[test]
    fn a_panic_is_reported_with_its_place_and_without_secrets() {
        let environment = Environment::from_pairs([("PGPASSWORD", "Geheim-12345")]);
        listen();
        let failed: Result<(), String> = guarded(&environment, || panic!("{} x", "Geheim-12345"));
        let _ = std::panic::take_hook();
        let message = failed.expect_err("it panicked");
        assert!(message.contains("(redacted: PGPASSWORD) x (src/process/crash.rs:"), "{message}");
        assert!(!message.contains("Geheim"), "{message}");
        assert_eq!(guarded(&environment, || 7), Ok(7));
    }
}
