//! `entra-pg manifest`: files that run the doctor in the network of a workload.

mod azure;
mod ci;
mod kubernetes;

use super::{
    TOOL_FAILED,
    output::{self, Terminal},
    target::TargetOptions,
};
use crate::{
    environment::Environment,
    manifest::{Notes, Platform},
    secret::shapes,
    settings,
    settings::usage::UsageError,
    text::Inert,
};
use clap::{Subcommand, ValueEnum};

/// The platform.
#[derive(Debug, Subcommand)]
pub(crate) enum Place {
    /// A Job, CronJob, DaemonSet or, with --fleet, an Indexed Job; apply it with `kubectl apply -f -`
    Kubernetes(Box<kubernetes::KubernetesArgs>),
    /// A container group of Azure Container Instances in a subnet
    Aci(Box<azure::AciArgs>),
    /// A job in an environment of Azure Container Apps
    ContainerAppsJob(Box<azure::JobArgs>),
    /// A script that sends the program to a virtual machine or scale set and runs it there
    VmRunCommand(Box<azure::RunCommandArgs>),
    /// A script that puts the program into a web app or function app, and what to paste there
    AppService(Box<azure::WebAppArgs>),
    /// A workflow of GitHub Actions
    GithubActions(Box<ci::CiArgs>),
    /// A pipeline of Azure Pipelines
    AzurePipelines(Box<ci::CiArgs>),
    /// A job of GitLab CI
    GitlabCi(Box<ci::CiArgs>),
}

/// Runs `manifest`.
///
/// # Errors
/// What was typed, or a file that it names, cannot be understood.
pub(crate) fn run(place: &Place, terminal: &Terminal) -> Result<u8, UsageError> {
    let written = match place {
        Place::Kubernetes(args) => kubernetes::run(args, terminal)?,
        Place::Aci(args) => azure::container_instance(args)?,
        Place::ContainerAppsJob(args) => azure::container_apps_job(args)?,
        Place::VmRunCommand(args) => azure::run_command(args)?,
        Place::AppService(args) => azure::web_app(args)?,
        Place::GithubActions(args) => ci::run(args, Platform::GithubActions)?,
        Place::AzurePipelines(args) => ci::run(args, Platform::AzurePipelines)?,
        Place::GitlabCi(args) => ci::run(args, Platform::GitlabCi)?,
    };
    Ok(match written {
        Ok(()) => 0,
        Err(error) => {
            terminal.complain(&format!("the manifest could not be written: {error}"));
            TOOL_FAILED
        }
    })
}

/// The notes of a platform.
fn notes(platform: Platform, usage: Vec<String>, identity: String) -> Notes {
    Notes { usage, transport: platform.transport(), identity, scope: platform.scope() }
}

/// Prints YAML: every text in it is quoted as in JSON or is a script of plain ASCII.
fn print_yaml(text: &str) -> std::io::Result<()> {
    output::to_stdout(&Inert::json(text))
}

/// Prints a script or Bicep.
fn print(text: &str) -> std::io::Result<()> {
    output::to_stdout(&Inert::text(text))
}

/// The arguments of the program: what comes first, the target, and the options after `--`.
fn arguments(
    target: &TargetOptions,
    first: Vec<String>,
    credential: Option<&str>,
    options: &[String],
) -> Result<Vec<String>, UsageError> {
    // Understood now and not in the network; and no password goes into a manifest.
    let (settings, _) = settings::resolve(&target.to_args(), &Environment::default())?;
    if settings.password.is_some() {
        return Err(UsageError::new("a manifest must not hold a password").suggest(
            "--client-id for a managed or workload identity, or a secret of the platform in PGPASSWORD",
        ));
    }
    let mut words = first;
    let flags = [
        ("--host", &target.host),
        ("--port", &target.login.port),
        ("--username", &target.login.username),
        ("--dbname", &target.login.dbname),
        ("--tenant", &target.login.tenant),
    ];
    for (flag, value) in flags {
        words.extend(value.iter().map(|value| format!("{flag}={value}")));
    }
    let value = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().map(|value| value.get_name().to_owned())
    };
    let cloud = value(&|| target.login.cloud.as_ref()?.to_possible_value());
    let expect = value(&|| target.login.expect.as_ref()?.to_possible_value());
    words.extend(cloud.map(|cloud| format!("--cloud={cloud}")));
    words.extend(expect.map(|expect| format!("--expect={expect}")));
    let chosen = options.iter().any(|word| word.starts_with("--credential"));
    words.extend(credential.filter(|_| !chosen).map(|name| format!("--credential={name}")));
    words.extend(options.iter().cloned());
    words.extend(target.conninfo.iter().cloned());
    match words.iter().find_map(|word| shapes::find(word).into_iter().next()) {
        None => Ok(words),
        Some(shape) => Err(UsageError::new(format!("a manifest must not hold {}", shape.kind))
            .suggest("the name of the role in -U, and a secret of the platform in PGPASSWORD")),
    }
}

/// Refuses what a script or a pipeline would expand or could not hold on one line.
fn check_words(words: &[String], env: &[(String, String)]) -> Result<(), UsageError> {
    let values = env.iter().map(|(_, value)| value);
    let wrong = words.iter().chain(values).find(|word| {
        word.contains(char::is_control)
            || ["${{", "$[", "$("].iter().any(|open| word.contains(open))
    });
    match wrong {
        None => Ok(()),
        Some(_) => Err(UsageError::new(
            "a value holds a control character or an expression that the platform would expand",
        )),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A label of the DNS: what every kind of object may be called.
fn object_name(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = !text.is_empty()
        && text.len() <= 52
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if good {
        Ok(text.to_owned())
    } else {
        Err("lower-case letters, digits and hyphens, at most 52".to_owned())
    }
}
