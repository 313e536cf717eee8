//! What a program of the operating system prints about the machine's settings.

use std::{
    io::Read,
    process::{Command, Stdio},
};

/// What is printed beyond this is not read.
const LIMIT: u64 = 256 * 1024;

/// The output of a program, which is named by its full path: PATH is not trusted here.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut bytes = Vec::new();
    let read = child.stdout.take()?.take(LIMIT).read_to_end(&mut bytes);
    // What it has printed is kept; a program that prints more than the limit is ended.
    let _ = child.kill();
    let _ = child.wait();
    read.ok().map(|_| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::output;

    #[test]
    fn a_program_that_is_missing_prints_nothing() {
        assert_eq!(output("/bin/echo", &["a"]).as_deref(), Some("a\n"));
        assert_eq!(output("/nonexistent/program", &[]), None);
    }
}
