//! The command line: commands and options, and what each command does.

mod catalogue;
mod definition;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod explain;
mod file;
pub(crate) mod fleet;
pub(crate) mod manifest;
mod manual;
pub(crate) mod merge;
pub(crate) mod output;
pub(crate) mod preflight;
pub(crate) mod replay;
mod results;
mod shell;
mod speak;
pub(crate) mod target;
pub(crate) mod token;

use crate::{
    environment::Environment, process::crash, process::limits, secret::Secrets,
    settings::usage::UsageError,
};
use clap::{Parser, Subcommand};
use output::Terminal;
use std::{ffi::OsString, process::ExitCode};

/// Exit code: usage or configuration could not be understood, nothing was tested.
pub(crate) const USAGE: u8 = 2;
/// Exit code: the tool itself failed.
pub(crate) const TOOL_FAILED: u8 = 4;

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing failed (warnings allowed)
  1  something failed (or warned, with --fail-on warning)
  2  usage or configuration could not be understood; nothing was tested
  3  undetermined: nothing failed, but a decisive check could not be done
  4  the tool itself failed
  130, 143  interrupted; the partial report is still written

Start here:
  entra-pg doctor                                  the PG* environment, as psql reads it
  entra-pg doctor 'host=… user=… dbname=…'         a connection string, as psql takes it
  entra-pg doctor --plan                           what would be contacted, without contacting it
  entra-pg bundle                                  the same as one file for support, without secrets
  entra-pg token                                   the identity of the token, and its expiry
  entra-pg name 'Prod DB Readonly'                 a role name, written for each place
  entra-pg explain 'FATAL: password authentication failed for user \"x\"'
  entra-pg help doctor                             every option of a command";

/// Diagnose why a Microsoft Entra ID login to Azure Database for PostgreSQL fails, and how to fix it.
#[derive(Debug, Parser)]
#[command(
    name = "entra-pg",
    bin_name = "entra-pg", // as the examples say it, also where the file is entra-pg.exe
    version,
    propagate_version = true,
    disable_help_flag = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Observe, judge, report: why the login fails, or that it works.
    Doctor(Box<doctor::DoctorArgs>),
    /// `doctor`, written as a support bundle: one zip, without secrets, that `replay` reads.
    Bundle(Box<doctor::DoctorArgs>),
    /// Obtain a token as `doctor` would and print what it says (not the token), or judge a given one.
    Token(Box<token::TokenArgs>),
    /// Run a command with a fresh token and the settings of the login in its environment
    Exec(Box<exec::ExecArgs>),
    /// Write a role name for each place it is typed in: connection string, URI, shells, drivers, SQL.
    Name(catalogue::NameArgs),
    /// Check many targets in one run: a matrix of servers and stages, and the faults they share.
    Fleet(Box<fleet::FleetArgs>),
    /// Check the requirements before go-live: a go/no-go checklist of server, network and clients.
    Preflight(Box<preflight::PreflightArgs>),
    /// Combine reports of several locations: from which of them a login works.
    Merge(merge::MergeArgs),
    /// Generate files that run `doctor` elsewhere: Kubernetes, Azure platforms, CI systems.
    Manifest {
        /// The platform.
        #[command(subcommand)]
        place: manifest::Place,
    },
    /// Judge the evidence of an earlier report again, with this version's checks; no network.
    Replay(replay::ReplayArgs),
    /// Compare two runs: what is the same, what differs, and what that suggests.
    Diff(diff::DiffArgs),
    /// Explain a problem id, a check, AADSTS50076, a SQLSTATE, or a pasted error text; offline.
    Explain(explain::ExplainArgs),
    /// List every check: what it asserts, what it contacts, which secrets it uses, what it finds.
    Checks(catalogue::ChecksArgs),
    /// Print the JSON Schema of `--format json`.
    Schema {
        /// That of `fleet`.
        #[arg(long, conflicts_with_all = ["merge", "preflight"])]
        fleet: bool,
        /// That of `merge`.
        #[arg(long, conflicts_with = "preflight")]
        merge: bool,
        /// That of `preflight`.
        #[arg(long)]
        preflight: bool,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a man page, or write all of them into a folder.
    Man(shell::ManArgs),
    /// Print the version.
    Version,
}

/// Runs the command `entra-pg` with these arguments, the first of which is its own name, and returns its
/// exit code. Reports go to standard output, everything else to standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    limits::raise_descriptors();
    limits::with_stack(|| run_with(arguments)).unwrap_or_else(|| ExitCode::from(TOOL_FAILED))
}

fn run_with(arguments: Vec<OsString>) -> ExitCode {
    crash::listen();
    let environment = Environment::capture();
    let terminal = Terminal::look(&environment);
    output::protect(&Secrets::of_environment(&environment));
    let cli = match definition::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(shell::explain_clap(&error)),
    };
    let (error, code) =
        match crash::guarded(&environment, || dispatch(cli.command, &environment, &terminal)) {
            Ok(Ok(code)) => return ExitCode::from(code),
            Ok(Err(error)) => (error.to_string(), USAGE),
            Err(defect) => (defect, TOOL_FAILED),
        };
    let error = Secrets::of_environment(&environment).redacted(&error).unwrap_or(error);
    terminal.complain(&error);
    ExitCode::from(code)
}

fn dispatch(
    command: Command,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    match command {
        Command::Doctor(args) => doctor::run(&args, environment, terminal),
        Command::Bundle(args) => doctor::bundle(*args, environment, terminal),
        Command::Token(args) => token::run(&args, environment, terminal),
        Command::Exec(args) => exec::run(&args, environment, terminal),
        Command::Name(args) => catalogue::name(&args),
        Command::Fleet(args) => fleet::run(&args, environment, terminal),
        Command::Preflight(args) => preflight::run(&args, environment, terminal),
        Command::Merge(args) => merge::run(&args, terminal),
        Command::Manifest { place } => manifest::run(&place, terminal),
        Command::Replay(args) => replay::run(&args, environment, terminal),
        Command::Diff(args) => diff::run(&args, terminal),
        Command::Explain(args) => explain::run(&args, environment, terminal),
        Command::Checks(args) => catalogue::checks(&args),
        Command::Schema { fleet, merge, preflight } => {
            Ok(catalogue::schema(fleet, merge, preflight))
        }
        Command::Completions { shell } => Ok(shell::completions(shell)),
        Command::Man(args) => shell::man(&args, terminal),
        Command::Version => Ok(shell::version()),
    }
}
