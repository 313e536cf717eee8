//! The command `entra-pg`.

use std::process::ExitCode;

fn main() -> ExitCode {
    entra_pg::run(std::env::args_os())
}
