//! Help, version, completions and the man pages, all from the one definition.

use super::{
    TOOL_FAILED, USAGE, definition, manual,
    output::{self, Terminal},
};
use crate::{
    settings::usage::UsageError,
    text::{Inert, nearest},
};
use clap::{Arg, Args, Command};
use clap_complete::Shell;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

/// Options of `man`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArgs {
    /// The command whose page is printed; by default the page of entra-pg itself.
    #[arg(value_name = "COMMAND")]
    pub(crate) page: Option<String>,
    /// Write every page into this folder, which is created if it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub(crate) all: Option<PathBuf>,
}

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

/// Prints the version.
pub(super) fn version() -> u8 {
    print(concat!("entra-pg ", env!("CARGO_PKG_VERSION"), "\n").into())
}

/// Prints a completion script.
pub(super) fn completions(shell: Shell) -> u8 {
    let mut command = definition::with_ids();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "entra-pg", &mut script);
    print(match shell {
        Shell::Bash => joined_names(&script),
        Shell::Fish => [script, positional_values(&command).into_bytes()].concat(),
        _ => script,
    })
}

/// The fish script of clap_complete 4.6 has no values of positional arguments.
fn positional_values(command: &Command) -> String {
    let mut script = String::new();
    for sub in command.get_subcommands() {
        let values = sub.get_positionals().flat_map(Arg::get_possible_values);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        if !names.is_empty() {
            let (name, names) = (sub.get_name(), names.join(" "));
            let _ = writeln!(
                script,
                "complete -c entra-pg -n \"__fish_entra_pg_using_subcommand {name}\" -f -a \"{names}\""
            );
        }
    }
    script
}

/// The bash script of clap_complete 4.6 sets the state `entra__pg__…` and compares it with
/// `entra__subcmd__pg__…`, because of the hyphen in the name of the command.
fn joined_names(script: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(script).replace("entra__subcmd__pg", "entra__pg").into_bytes()
}

/// Prints a man page, or writes all of them.
pub(super) fn man(args: &ManArgs, terminal: &Terminal) -> Result<u8, UsageError> {
    let mut command = definition::definition();
    // Options of subcommands are there only once the whole is built.
    command.build();
    if let Some(folder) = &args.all {
        return Ok(match write_all(&command, folder) {
            Ok(()) => 0,
            Err(error) => {
                terminal.complain(&format!("{} could not be written: {error}", folder.display()));
                TOOL_FAILED
            }
        });
    }
    let page = match args.page.as_deref() {
        None | Some("entra-pg") => manual::page(&command, "entra-pg"),
        Some(name) => {
            let name = name.strip_prefix("entra-pg-").unwrap_or(name);
            let sub = subcommand(&command, name)?;
            manual::page(sub, &format!("entra-pg-{name}"))
        }
    };
    Ok(page.map_or(TOOL_FAILED, print))
}

fn subcommand<'a>(command: &'a Command, name: &str) -> Result<&'a Command, UsageError> {
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    command.get_subcommands().find(|sub| sub.get_name() == name).ok_or_else(|| {
        let error = UsageError::new(format!("there is no command named {name}"));
        match nearest(name, names.iter().copied()).first() {
            Some(near) => error.suggest(format!("entra-pg man {near}")),
            None => error.suggest(names.join(", ")),
        }
    })
}

fn write_all(command: &Command, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let write = |name: &str, page: Vec<u8>| {
        output::to_shared_file(&folder.join(format!("{name}.1")), &Inert::own(page))
    };
    write("entra-pg", manual::page(command, "entra-pg")?)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("entra-pg-{}", sub.get_name());
        write(&name, manual::page(sub, &name)?)?;
    }
    Ok(())
}

fn print(bytes: Vec<u8>) -> u8 {
    if output::to_stdout(&Inert::own(bytes)).is_ok() { 0 } else { TOOL_FAILED }
}
