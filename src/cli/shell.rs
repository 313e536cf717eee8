//! Help, completions and the man page, all from the one definition.

use super::{TOOL_FAILED, USAGE, output};
use crate::text::Inert;
use clap::Command;
use clap_complete::Shell;

/// Prints what clap generates: help and version to stdout, usage errors to stderr.
pub(super) fn explain_clap(error: &clap::Error) -> u8 {
    // A failure to print help or usage cannot be reported.
    if error.use_stderr() {
        // An error repeats the arguments, which the caller may have from elsewhere.
        let _ = output::to_stderr(&Inert::text(&error.to_string()));
        return USAGE;
    }
    let _ = error.print();
    0
}

/// Prints a completion script.
pub(super) fn completions(shell: Shell, command: &mut Command) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "entra-pg", &mut script);
    print(match shell {
        Shell::Bash => joined_names(&script),
        _ => script,
    })
}

/// The bash script of clap_complete 4.6 sets the state `entra__pg__…` and compares it with
/// `entra__subcmd__pg__…`, because of the hyphen in the name of the command.
fn joined_names(script: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(script).replace("entra__subcmd__pg", "entra__pg").into_bytes()
}

/// Prints the man page, one section for each command.
pub(super) fn man(mut command: Command) -> u8 {
    // Options of subcommands are there only once the whole is built.
    command.build();
    let mut page = Vec::new();
    if clap_mangen::Man::new(command.clone()).render(&mut page).is_err() {
        return TOOL_FAILED;
    }
    for sub in command.get_subcommands() {
        let name = format!("entra-pg-{}", sub.get_name());
        let sub = sub.clone().name(name.clone()).bin_name(name);
        if clap_mangen::Man::new(sub).render(&mut page).is_err() {
            return TOOL_FAILED;
        }
    }
    print(page)
}

fn print(bytes: Vec<u8>) -> u8 {
    if output::to_stdout(&Inert::own(bytes)).is_ok() { 0 } else { TOOL_FAILED }
}
