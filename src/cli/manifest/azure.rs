//! `entra-pg manifest` for Azure's own platforms.

use super::{arguments, check_words, notes, object_name, print, print_yaml, variable};
use crate::{
    cli::target::TargetOptions,
    manifest::{
        ContainerAppsJob, ContainerInstance, Download, Identity, Machine, Notes, Platform,
        Resource, RunCommand, Task, WebApp, bicep, yaml,
    },
    settings::usage::UsageError,
};
use clap::{Args, ValueEnum};
use std::{io, net::IpAddr};

/// The format of a resource.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ResourceFormat {
    /// YAML for the Azure CLI.
    #[default]
    Yaml,
    /// A Bicep file.
    Bicep,
}

/// What every platform takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// The target.
    #[command(flatten)]
    pub(crate) target: TargetOptions,
    /// The name of the resource.
    #[arg(long, value_name = "NAME", default_value = "entra-pg", value_parser = object_name)]
    pub(crate) name: String,
    /// The resource ID of a user-assigned managed identity; by default the system-assigned identity.
    #[arg(long, value_name = "ID", value_parser = resource_id)]
    pub(crate) identity: Option<String>,
    /// The client ID of that identity.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A variable; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Options of `doctor`, after --.
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) options: Vec<String>,
}

/// What a container takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Container {
    /// The container image.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: String,
    /// The region, such as westeurope.
    #[arg(long, value_name = "REGION")]
    pub(crate) location: String,
    /// A registry from which the identity may pull, such as contoso.azurecr.io.
    #[arg(long, value_name = "SERVER")]
    pub(crate) registry: Option<String>,
    /// The format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ResourceFormat,
}

/// Options of `manifest aci`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AciArgs {
    /// The run.
    #[command(flatten)]
    pub(crate) common: Common,
    /// The container.
    #[command(flatten)]
    pub(crate) container: Container,
    /// The resource ID of the subnet, which must be delegated to
    /// Microsoft.ContainerInstance/containerGroups.
    #[arg(long, value_name = "ID", value_parser = resource_id)]
    pub(crate) subnet: String,
    /// A nameserver of the virtual network, which Container Instances does not take over; may be
    /// repeated.
    #[arg(long, value_name = "IP")]
    pub(crate) dns_server: Vec<IpAddr>,
}

/// Options of `manifest container-apps-job`.
#[derive(Args, Clone, Debug)]
pub(crate) struct JobArgs {
    /// The run.
    #[command(flatten)]
    pub(crate) common: Common,
    /// The container.
    #[command(flatten)]
    pub(crate) container: Container,
    /// The resource ID of the Container Apps environment.
    #[arg(long, value_name = "ID", value_parser = resource_id)]
    pub(crate) environment: String,
    /// When the job runs; by default it is started by hand.
    #[arg(long, value_name = "CRON")]
    pub(crate) schedule: Option<String>,
}

/// Options of `manifest vm-run-command`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunCommandArgs {
    /// The run.
    #[command(flatten)]
    pub(crate) common: Common,
    /// The resource group.
    #[arg(long, value_name = "NAME")]
    pub(crate) resource_group: String,
    /// The virtual machine.
    #[arg(long, value_name = "NAME", required_unless_present = "scale_set")]
    pub(crate) vm: Option<String>,
    /// The scale set.
    #[arg(long, value_name = "NAME", conflicts_with = "vm", requires = "instance")]
    pub(crate) scale_set: Option<String>,
    /// The instance of the scale set.
    #[arg(long, value_name = "ID", requires = "scale_set")]
    pub(crate) instance: Option<String>,
    /// Let the machine download the program from here; by default the program is sent in parts.
    #[arg(long, value_name = "URL", requires = "sha256")]
    pub(crate) url: Option<String>,
    /// The SHA-256 of the program at --url.
    #[arg(long, value_name = "HEX", requires = "url", value_parser = sha256)]
    pub(crate) sha256: Option<String>,
}

/// Options of `manifest app-service`.
#[derive(Args, Clone, Debug)]
pub(crate) struct WebAppArgs {
    /// The run.
    #[command(flatten)]
    pub(crate) common: Common,
    /// The resource group.
    #[arg(long, value_name = "NAME")]
    pub(crate) resource_group: String,
    /// The web app or function app.
    #[arg(long, value_name = "NAME", value_parser = app_name)]
    pub(crate) app: String,
}

/// A container prints the text for people, and the report on one line for `merge`.
const IN_LOGS: [&str; 3] = ["doctor", "--format=text", "--report=json-line=-"];

fn task(common: &Common, first: &[&str]) -> Result<Task, UsageError> {
    if common.identity.is_some() && common.client_id.is_none() {
        return Err(UsageError::new("--identity needs --client-id")
            .suggest("az identity show --ids ID --query clientId --output tsv"));
    }
    let first = first.iter().map(|word| (*word).to_owned()).collect();
    let mut options: Vec<String> =
        common.client_id.iter().map(|id| format!("--client-id={id}")).collect();
    options.extend(common.options.iter().cloned());
    let args = arguments(&common.target, first, Some("managed-identity"), &options)?;
    check_words(&args, &common.env)?;
    Ok(Task {
        name: common.name.clone(),
        args,
        env: common.env.clone(),
        identity: Identity {
            resource: common.identity.clone(),
            client_id: common.client_id.clone(),
        },
    })
}

fn identity(task: &Task) -> String {
    match (&task.identity.resource, &task.identity.client_id) {
        (_, Some(id)) => format!("the user-assigned managed identity with client ID {id}"),
        (Some(id), None) => format!("the user-assigned managed identity {id}"),
        (None, None) => {
            "the system-assigned managed identity; create a role for it first".to_owned()
        }
    }
}

fn print_resource(resource: &Resource, format: ResourceFormat, notes: &Notes) -> io::Result<()> {
    match format {
        ResourceFormat::Yaml => print_yaml(&(notes.comments("#") + &yaml(&[resource.document()]))),
        ResourceFormat::Bicep => print(&(notes.comments("//") + &bicep(resource))),
    }
}

pub(super) fn container_instance(args: &AciArgs) -> Result<io::Result<()>, UsageError> {
    let task = task(&args.common, &IN_LOGS)?;
    let container = &args.container;
    let resource = ContainerInstance {
        image: container.image.clone(),
        location: container.location.clone(),
        subnet: args.subnet.clone(),
        registry: container.registry.clone(),
        nameservers: args.dns_server.clone(),
    };
    let name = &args.common.name;
    let create = match container.format {
        ResourceFormat::Yaml => "`az container create --resource-group GROUP --file FILE`",
        ResourceFormat::Bicep => {
            "`az deployment group create --resource-group GROUP --template-file FILE`"
        }
    };
    let usage = vec![
        create.to_owned(),
        format!(
            "Read it with `az container logs --resource-group GROUP --name {name}`, and remove it with \
             `az container delete --resource-group GROUP --name {name}`."
        ),
    ];
    let notes = notes(Platform::ContainerInstance, usage, identity(&task));
    Ok(print_resource(&resource.resource(&task), container.format, &notes))
}

pub(super) fn container_apps_job(args: &JobArgs) -> Result<io::Result<()>, UsageError> {
    let task = task(&args.common, &IN_LOGS)?;
    let container = &args.container;
    let resource = ContainerAppsJob {
        image: container.image.clone(),
        location: container.location.clone(),
        environment: args.environment.clone(),
        registry: container.registry.clone(),
        schedule: args.schedule.clone(),
    };
    let name = &args.common.name;
    let create = match container.format {
        ResourceFormat::Yaml => {
            format!("`az containerapp job create --resource-group GROUP --name {name} --yaml FILE`")
        }
        ResourceFormat::Bicep => {
            "`az deployment group create --resource-group GROUP --template-file FILE`".to_owned()
        }
    };
    let usage = vec![
        create,
        format!(
            "Start it with `az containerapp job start --resource-group GROUP --name {name}`; read it with \
             `az containerapp job logs show --resource-group GROUP --name {name} --container entra-pg`."
        ),
    ];
    let notes = notes(Platform::ContainerAppsJob, usage, identity(&task));
    Ok(print_resource(&resource.resource(&task), container.format, &notes))
}

pub(super) fn run_command(args: &RunCommandArgs) -> Result<io::Result<()>, UsageError> {
    // The answer of a run command holds 4 KB: the text fits, the report is fetched.
    let task = task(&args.common, &["doctor", "--format=text"])?;
    let group = args.resource_group.clone();
    let machine = match (&args.vm, &args.scale_set) {
        (_, Some(name)) => Machine::ScaleSet {
            group,
            name: name.clone(),
            instance: args.instance.clone().unwrap_or_default(),
        },
        (name, None) => Machine::Vm { group, name: name.clone().unwrap_or_default() },
    };
    let download = args
        .url
        .as_ref()
        .map(|url| Download { url: Some(url.clone()), sha256: args.sha256.clone() });
    let named = [args.resource_group.clone(), args.vm.clone().unwrap_or_default()];
    check_words(&[named.as_slice(), args.url.as_slice()].concat(), &[])?;
    let mut usage = vec![
        "Run this script with bash on a machine that is signed in with `az login`.".to_owned(),
        "It takes a step as its argument: send, run, fetch (prints the whole report as JSON, for \
         `entra-pg merge`), clean. Without an argument it sends and runs."
            .to_owned(),
    ];
    if download.is_none() {
        usage.push("ENTRA_PG_PROGRAM names the static program; by default ./entra-pg.".to_owned());
    }
    let notes = notes(Platform::VirtualMachine, usage, identity(&task));
    Ok(print_script(&notes, &RunCommand { machine, download }.script(&task)))
}

pub(super) fn web_app(args: &WebAppArgs) -> Result<io::Result<()>, UsageError> {
    let task = task(&args.common, &["doctor", "--format=text"])?;
    check_words(std::slice::from_ref(&args.resource_group), &[])?;
    let usage = vec![
        "Run this script with bash on a machine that is signed in with `az login`: it sends the program \
         and prints what to paste into the console of the app."
            .to_owned(),
        "ENTRA_PG_PROGRAM names the static program; by default ./entra-pg.".to_owned(),
        "On Windows plans, use the console of Kudu (https://APP.scm.azurewebsites.net/DebugConsole) and \
         the program for Windows."
            .to_owned(),
    ];
    let notes = notes(Platform::AppService, usage, identity(&task));
    let app = WebApp { group: args.resource_group.clone(), name: args.app.clone() };
    Ok(print_script(&notes, &app.script(&task)))
}

fn print_script(notes: &Notes, script: &str) -> io::Result<()> {
    print(&format!("#!/usr/bin/env bash\n{}{script}", notes.comments("#")))
}

/// A part of a host name.
fn app_name(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && (1..=60).contains(&text.len()) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        Err("letters, digits and hyphens, at most 60".to_owned())
    }
}

fn resource_id(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"'\"\\$`".contains(&byte));
    let valid = text.starts_with("/subscriptions/") && text.contains("/providers/") && plain;
    if valid {
        Ok(text.to_owned())
    } else {
        Err("a resource ID: /subscriptions/…/providers/…".to_owned())
    }
}

pub(super) fn sha256(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("64 hexadecimal digits".to_owned())
    }
}
