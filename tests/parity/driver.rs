//! Reads settings as JSON lines and writes how the doctor reads them, for `tests/parity/compare.py`.

#![allow(clippy::disallowed_methods, reason = "a helper of a test, not the command")]

use entra_pg::fuzzing;
use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        writeln!(output, "{}", fuzzing::settings_by_libpq(&line?))?;
        output.flush()?;
    }
    Ok(())
}
