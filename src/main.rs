//! The command `entra-pg`.

use std::process::ExitCode;

fn main() -> ExitCode {
    entra_pg::cli::main(std::env::args_os())
}
