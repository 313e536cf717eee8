//! The command line beyond what clap derives: `-h` on every command that does not use it for the host,
//! empty values as usage errors, and ids as completions.

use super::{Cli, manual};
use clap::{
    Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, ValueEnum,
    builder::PossibleValuesParser,
    error::{ContextKind, ErrorKind},
    parser::ValueSource,
};
use entra_pg_checks::{FAMILIES, problems, rulebook};
use std::ffi::OsString;

/// The whole command line.
pub(super) fn definition() -> Command {
    manual::with_examples(with_help(Cli::command()))
}

/// Reads the arguments.
pub(super) fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut definition = definition();
    let typed = arguments.clone();
    let matches = definition
        .try_get_matches_from_mut(arguments)
        .map_err(|error| with_tip(explained(error), &typed))?;
    if let Some(error) = empty_value(&mut definition, &matches) {
        return Err(error);
    }
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut definition))
}

/// `--help` for every command, and `-h` where it is not the host, as in psql.
fn with_help(command: Command) -> Command {
    let command = command.mut_subcommands(with_help);
    let taken = command.get_arguments().any(|argument| argument.get_short() == Some('h'));
    let help = Arg::new("help").long("help").action(ArgAction::Help);
    let help = match taken {
        true => help.help("Print help; -h is the host, as in psql"),
        false => help.short('h').help("Print help"),
    };
    command.arg(help.help_heading(None::<&'static str>))
}

/// `doctor -h` without a host is a request for help.
fn explained(error: clap::Error) -> clap::Error {
    let about_host = error
        .get(ContextKind::InvalidArg)
        .is_some_and(|argument| argument.to_string().contains("--host"));
    let missing = matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::NoEquals);
    let given =
        error.get(ContextKind::InvalidValue).is_some_and(|value| !value.to_string().is_empty());
    if !about_host || !missing || given {
        return error;
    }
    clap::Error::raw(
        ErrorKind::InvalidValue,
        "-h needs a host name, as in psql: -h NAME.postgres.database.azure.com\n\nFor help, type '--help'.\n",
    )
}

/// A connection string without `doctor`, or without quotation marks, gets the line to type.
fn with_tip(error: clap::Error, typed: &[OsString]) -> clap::Error {
    let words: Vec<&str> = typed.iter().skip(1).filter_map(|word| word.to_str()).collect();
    let (command, words) = match (error.kind(), words.split_first()) {
        (ErrorKind::InvalidSubcommand, Some(_)) => ("doctor", &words[..]),
        (ErrorKind::UnknownArgument, Some((command, rest)))
            if ["doctor", "bundle", "token", "preflight"].contains(command) =>
        {
            (*command, rest)
        }
        _ => return error,
    };
    let is_target =
        |word: &&str| !word.starts_with('-') && (word.contains('=') || word.contains('.'));
    let text = words.join(" ");
    let secret =
        ["pass", "pwd", "secret", "://"].iter().any(|part| text.to_lowercase().contains(part));
    if secret || words.is_empty() || !words.iter().all(is_target) {
        return error;
    }
    let kind = error.kind();
    let line = format!("entra-pg {command} '{}'", text.replace('\'', "\\'"));
    clap::Error::raw(kind, format!("{}\n  tip: {line}\n", plain(&error)))
}

/// The first line of an error, without the usage.
fn plain(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    format!("{}\n", first.trim_start_matches("error: "))
}

/// The error for an option or argument that is given and empty, such as that of an unset variable.
fn empty_value(command: &mut Command, matches: &ArgMatches) -> Option<clap::Error> {
    if let Some((name, matches)) = matches.subcommand() {
        return empty_value(command.find_subcommand_mut(name)?, matches);
    }
    let typed = |argument: &&Arg| {
        let id = argument.get_id().as_str();
        // The command of `exec` may have empty arguments; `explain` names what it takes.
        !argument.is_last_set()
            && id != "text"
            && matches.try_contains_id(id).is_ok_and(|known| known)
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let empty = |argument: &&Arg| {
        let values = matches.try_get_raw(argument.get_id().as_str()).ok().flatten();
        argument.get_action().takes_values()
            && values.is_some_and(|mut values| values.any(|value| value.is_empty()))
    };
    let argument = command.get_arguments().filter(typed).find(empty)?.to_string();
    let message = format!("the value of {argument} is empty; is a variable not set?");
    Some(command.error(ErrorKind::InvalidValue, message))
}

/// The definition with every family, check and problem as a value, for completion scripts.
pub(super) fn with_ids() -> Command {
    let families = || FAMILIES.iter().map(|family| family.name);
    let checks = || rulebook().into_iter().map(|check| check.id);
    let selection: Vec<&'static str> = families().chain(checks()).collect();
    let mut pages: Vec<&'static str> = selection.clone();
    pages.extend(problems().into_iter().map(|problem| problem.id));
    let definition = definition();
    let commands: Vec<String> =
        definition.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    with_values(definition, &selection, &pages, &commands)
}

fn with_values(
    command: Command,
    selection: &[&'static str],
    pages: &[&'static str],
    commands: &[String],
) -> Command {
    let command = command.mut_subcommands(|sub| with_values(sub, selection, pages, commands));
    let name = command.get_name().to_owned();
    command.mut_args(|argument| match argument.get_id().as_str() {
        "only" | "skip" | "selected" => argument.value_parser(values(selection)),
        "text" if name == "explain" => argument.value_parser(values(pages)),
        "page" => argument.value_parser(values(commands)),
        "report" if name != "fleet" => argument.value_parser(PossibleValuesParser::new(
            crate::report::Format::value_variants()
                .iter()
                .filter_map(ValueEnum::to_possible_value)
                .map(|value| format!("{}=", value.get_name())),
        )),
        _ => argument,
    })
}

fn values(list: &[impl ToString]) -> PossibleValuesParser {
    PossibleValuesParser::new(list.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::{definition, parse};
    use clap::Command;

    fn every(command: &Command, path: &[String], check: &mut dyn FnMut(&Command, &[String])) {
        check(command, path);
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = [path, &[sub.get_name().to_owned()]].concat();
            every(sub, &path, check);
        }
    }

    #[test]
    fn no_option_takes_an_empty_value() {
        let mut definition = definition();
        definition.build();
        let mut options = 0;
        every(&definition, &["entra-pg".to_owned()], &mut |command, path| {
            let takes_values =
                command.get_opts().filter(|option| option.get_action().takes_values());
            for long in takes_values.filter_map(|option| option.get_long()) {
                let arguments = [path, &[format!("--{long}="), "x".to_owned()]].concat();
                let arguments = arguments.into_iter().map(Into::into).collect();
                assert!(parse(arguments).is_err(), "{path:?} --{long} takes an empty value");
                options += 1;
            }
        });
        assert!(options > 100, "{options}");
    }

    #[test]
    fn every_command_has_help() {
        every(&definition(), &["entra-pg".to_owned()], &mut |command, path| {
            let host = command.get_arguments().any(|argument| argument.get_long() == Some("host"));
            for flag in ["--help", "-h"].iter().filter(|flag| !host || **flag == "--help") {
                let arguments = [path, &[(*flag).to_owned()]].concat();
                let error =
                    parse(arguments.into_iter().map(Into::into).collect()).expect_err("help");
                assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{path:?} {flag}");
            }
        });
    }
}
