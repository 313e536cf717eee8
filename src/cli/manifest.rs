//! `entra-pg manifest`: objects that run the doctor elsewhere.

use super::{
    TOOL_FAILED,
    output::{self, Terminal},
    target::TargetOptions,
};
use crate::{
    environment::Environment,
    input, json,
    manifest::{Kind, Manifest, Workload, yaml},
    settings,
    settings::usage::UsageError,
    text::Inert,
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where to.
#[derive(Debug, Subcommand)]
pub enum Place {
    /// A Job, CronJob or DaemonSet with what it needs; apply it with `kubectl apply -f -`.
    Kubernetes(Box<KubernetesArgs>),
}

/// The form.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ManifestFormat {
    /// YAML documents.
    #[default]
    Yaml,
    /// A List in JSON.
    Json,
}

/// Options of `manifest kubernetes`.
#[derive(Args, Clone, Debug)]
pub struct KubernetesArgs {
    /// The target.
    #[command(flatten)]
    pub target: TargetOptions,
    /// Which object runs the doctor.
    #[arg(long, value_enum, default_value_t)]
    pub kind: Kind,
    /// The container image; `.github/image` builds one from nothing but this program.
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    /// The name of the objects.
    #[arg(long, value_name = "NAME", default_value = "entra-pg", value_parser = object_name)]
    pub name: String,
    /// The namespace; the workload's, or the current one.
    #[arg(short = 'n', long, value_name = "NAME", value_parser = object_name)]
    pub namespace: Option<String>,
    /// When a CronJob runs.
    #[arg(long, value_name = "CRON", default_value = "*/15 * * * *")]
    pub schedule: String,
    /// How often a DaemonSet runs again.
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub every: String,
    /// An existing service account; the workload's by default.
    #[arg(long, value_name = "NAME", value_parser = object_name)]
    pub service_account: Option<String>,
    /// Workload identity: the client id that the service account is federated with. Without
    /// --service-account, one of the objects' name is made.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Take the place of a workload: its namespace, service account, DNS, proxies and roots, read from
    /// `kubectl get deployment NAME -o json`, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub like: Option<PathBuf>,
    /// Which of the workload's containers; the first by default.
    #[arg(long, value_name = "NAME", requires = "like")]
    pub container: Option<String>,
    /// A variable for the container; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// The form.
    #[arg(long, value_enum, default_value_t)]
    pub format: ManifestFormat,
    /// Options of `doctor`, after --.
    #[arg(last = true, value_name = "OPTION")]
    pub options: Vec<String>,
}

/// A workload's description is some kilobytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Runs `manifest`.
///
/// # Errors
/// What was typed, or the workload's file, cannot be understood.
pub fn run(place: &Place, terminal: &Terminal) -> Result<u8, UsageError> {
    let Place::Kubernetes(args) = place;
    let like = match &args.like {
        Some(path) => Workload::read(&read(path)?, args.container.as_deref())?,
        None => Workload::default(),
    };
    for remark in &like.remarks {
        terminal.complain(remark);
    }
    let manifest = Manifest {
        kind: args.kind,
        name: args.name.clone(),
        namespace: args.namespace.clone(),
        image: args.image.clone(),
        args: arguments(args)?,
        env: args.env.clone(),
        service_account: args.service_account.clone(),
        client_id: args.client_id.clone(),
        tenant: args.target.login.tenant.clone(),
        schedule: args.schedule.clone(),
        like,
    };
    let objects = manifest.objects();
    let text = match args.format {
        // Every text in it is quoted as in JSON.
        ManifestFormat::Yaml => Inert::json(&yaml(&objects)),
        ManifestFormat::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
            Inert::json(&format!("{list:#}\n"))
        }
    };
    let written = output::to_stdout(&text);
    Ok(if written.is_ok() { 0 } else { TOOL_FAILED })
}

/// The container's arguments: `doctor`, the target, and the options after `--`.
fn arguments(args: &KubernetesArgs) -> Result<Vec<String>, UsageError> {
    let target = args.target.to_args();
    // Understood now and not in the cluster; and no password goes into a manifest.
    let (settings, _) = settings::resolve(&target, &Environment::default())?;
    if settings.password.is_some() {
        return Err(UsageError::new("a manifest must not hold a password").suggest(
            "--client-id for workload identity, or a secret of Kubernetes in the pod's PGPASSWORD",
        ));
    }
    let mut words = vec!["doctor".to_owned(), "--format".to_owned(), "json".to_owned()];
    if args.kind == Kind::Daemonset {
        words.extend(["--every".to_owned(), args.every.clone()]);
    }
    let flags = [
        ("--host", &args.target.host),
        ("--port", &args.target.login.port),
        ("--username", &args.target.login.username),
        ("--dbname", &args.target.login.dbname),
    ];
    for (flag, value) in flags {
        words.extend(value.iter().map(|value| format!("{flag}={value}")));
    }
    let value = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().map(|value| value.get_name().to_owned())
    };
    let cloud = value(&|| args.target.login.cloud.as_ref()?.to_possible_value());
    let expect = value(&|| args.target.login.expect.as_ref()?.to_possible_value());
    words.extend(cloud.map(|cloud| format!("--cloud={cloud}")));
    words.extend(expect.map(|expect| format!("--expect={expect}")));
    if args.client_id.is_some() && !args.options.iter().any(|word| word.starts_with("--credential"))
    {
        words.push("--credential=workload-identity".to_owned());
    }
    words.extend(args.options.iter().cloned());
    words.extend(args.target.conninfo.iter().cloned());
    Ok(words)
}

/// Values of a workload with many containers.
const MOST_VALUES: usize = 20_000;

fn read(path: &Path) -> Result<Value, UsageError> {
    let name = path.display();
    let read = input::argument(path, LIMIT).and_then(input::utf8);
    let bytes = read.map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    json::document(&bytes, MOST_VALUES).map_err(|error| {
        UsageError::new(format!("{name} is not valid JSON: {error}"))
            .suggest("kubectl get deployment NAME -o json > workload.json")
    })
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
