//! `entra-pg manifest kubernetes`.

use super::{arguments, notes, object_name, print_yaml, variable};
use crate::{
    cli::{output::Terminal, target::TargetOptions},
    environment::Environment,
    fleet, input, json,
    manifest::{FleetJob, Kind, Manifest, Notes, Platform, Workload, yaml},
    settings,
    settings::usage::UsageError,
    text::Inert,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The format.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum KubernetesFormat {
    /// YAML documents.
    #[default]
    Yaml,
    /// A List in JSON.
    Json,
}

/// Options of `manifest kubernetes`.
#[derive(Args, Clone, Debug)]
pub(crate) struct KubernetesArgs {
    /// The target.
    #[command(flatten)]
    pub(crate) target: TargetOptions,
    /// The object that runs the doctor.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,
    /// The container image.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: String,
    /// The name of the objects.
    #[arg(long, value_name = "NAME", default_value = "entra-pg", value_parser = object_name)]
    pub(crate) name: String,
    /// The namespace; the workload's, or the current one.
    #[arg(short = 'n', long, value_name = "NAME", value_parser = object_name)]
    pub(crate) namespace: Option<String>,
    /// When a CronJob runs.
    #[arg(long, value_name = "CRON", default_value = "*/15 * * * *")]
    pub(crate) schedule: String,
    /// How often a DaemonSet runs again.
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub(crate) every: String,
    /// An existing service account; the workload's by default.
    #[arg(long, value_name = "NAME", value_parser = object_name)]
    pub(crate) service_account: Option<String>,
    /// Workload identity: the client id that the service account is federated with. Without
    /// --service-account, one of the objects' name is made.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Take the place of a workload: its namespace, service account, DNS, proxies and roots, read from
    /// `kubectl get deployment NAME -o json`, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) like: Option<PathBuf>,
    /// Which of the workload's containers; the first by default.
    #[arg(long, value_name = "NAME", requires = "like")]
    pub(crate) container: Option<String>,
    /// Check a list of servers in an Indexed Job, one pod per shard. The list is as for `entra-pg
    /// fleet`, without passwords and token files.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "host"])]
    pub(crate) fleet: Option<PathBuf>,
    /// The number of shards of --fleet.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fleet", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) shards: u32,
    /// Targets that start per second in each shard of --fleet.
    #[arg(long, value_name = "N", default_value_t = 100, requires = "fleet", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// Keep the results of --fleet in this persistent volume claim, too: a shard that runs again skips
    /// the targets that have a result.
    #[arg(long, value_name = "NAME", requires = "fleet", value_parser = object_name)]
    pub(crate) volume_claim: Option<String>,
    /// A variable for the container; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// The format.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: KubernetesFormat,
    /// Options of `doctor`, after --.
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) options: Vec<String>,
}

/// Longer than any workload's description or list.
const LIMIT: u64 = 16 * 1024 * 1024;
/// Values of a workload with many containers.
const MOST_VALUES: usize = 20_000;
/// Kubernetes takes ConfigMaps of up to 1 MiB with everything in them.
const CONFIG_MAP_LIMIT: usize = 1_000_000;

pub(super) fn run(
    args: &KubernetesArgs,
    terminal: &Terminal,
) -> Result<io::Result<()>, UsageError> {
    let like = match &args.like {
        Some(path) => Workload::read(&workload(path)?, args.container.as_deref())?,
        None => Workload::default(),
    };
    for remark in &like.remarks {
        terminal.complain(remark);
    }
    let fleet = args.fleet.as_deref().map(|path| fleet_job(args, path)).transpose()?;
    let manifest = Manifest {
        kind: args.kind,
        name: args.name.clone(),
        namespace: args.namespace.clone(),
        image: args.image.clone(),
        args: container_args(args, fleet.as_ref())?,
        env: args.env.clone(),
        service_account: args.service_account.clone(),
        client_id: args.client_id.clone(),
        tenant: args.target.login.tenant.clone(),
        schedule: args.schedule.clone(),
        like,
        fleet,
    };
    let objects = manifest.objects();
    Ok(match args.format {
        KubernetesFormat::Yaml => {
            print_yaml(&(kubernetes_notes(args, &manifest).comments("#") + &yaml(&objects)))
        }
        KubernetesFormat::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
            crate::cli::output::to_stdout(&Inert::json(&format!("{list:#}\n")))
        }
    })
}

fn kubernetes_notes(args: &KubernetesArgs, manifest: &Manifest) -> Notes {
    let name = &args.name;
    let logs =
        format!("`kubectl logs -l app.kubernetes.io/name={name} --tail=-1 | entra-pg merge -`");
    let mut usage = vec![
        "`entra-pg manifest kubernetes … | kubectl apply -f -`".to_owned(),
        format!(
            "Read it with `kubectl logs -l app.kubernetes.io/name={name} --tail=-1`; combine several \
                 pods with {logs}."
        ),
    ];
    if let Some(fleet) = &manifest.fleet {
        usage.push(format!(
            "{} pods share the list. The logs hold one JSON line per target, and the kubelet keeps 10 MB \
             per container; with --volume-claim the results are files, too.",
            fleet.shards
        ));
    }
    let identity = match (&args.client_id, &manifest.like.service_account, &args.service_account) {
        (Some(id), _, _) => format!(
            "workload identity with client ID {id}; add a federated credential for the service account \
             to that identity"
        ),
        (None, _, Some(account)) | (None, Some(account), None) => {
            format!("that of the service account {account}, if it is federated")
        }
        (None, None, None) => {
            "none is configured: --client-id selects a workload identity".to_owned()
        }
    };
    notes(Platform::Kubernetes, usage, identity)
}

fn container_args(
    args: &KubernetesArgs,
    fleet: Option<&FleetJob>,
) -> Result<Vec<String>, UsageError> {
    let credential = args.client_id.as_ref().map(|_| "workload-identity");
    let Some(fleet) = fleet else {
        let mut first = vec!["doctor".to_owned()];
        if args.kind == Kind::Daemonset {
            first.extend(["--every".to_owned(), args.every.clone()]);
        }
        // People read the text in the log; `entra-pg merge` finds the JSON line.
        first.extend(["--format=text", "--report=json-line=-"].map(str::to_owned));
        return arguments(&args.target, first, credential, &args.options);
    };
    let mut first: Vec<String> = ["fleet", FleetJob::LIST].map(str::to_owned).to_vec();
    first.push(format!("--shard=job/{}", fleet.shards));
    first.push(format!("--rate={}", args.rate));
    first.extend(["--format=jsonl", "--report=text=-"].map(str::to_owned));
    if fleet.claim.is_some() {
        let file = format!("{}/{}-$(JOB_COMPLETION_INDEX).jsonl", FleetJob::RESULTS, args.name);
        first.extend([format!("--output={file}"), "--resume".to_owned()]);
    }
    arguments(&args.target, first, credential, &args.options)
}

/// The list, if a manifest may hold it.
fn fleet_job(args: &KubernetesArgs, path: &Path) -> Result<FleetJob, UsageError> {
    let name = path.display();
    let text = String::from_utf8(read(path)?)
        .map_err(|_| UsageError::new(format!("{name} is not UTF-8")))?;
    let items = fleet::parse(&text)?;
    for (index, item) in items.iter().enumerate() {
        check(item).map_err(|why| {
            let target = item.name.clone().unwrap_or_else(|| format!("target {}", index + 1));
            UsageError::new(format!("{target}: {why}"))
                .suggest("workload identity: --client-id, or client_id in the list")
        })?;
    }
    if text.len() > CONFIG_MAP_LIMIT {
        return Err(UsageError::new(format!("{name} is longer than a ConfigMap can be (1 MB)"))
            .suggest("one host name per line, or several lists with several jobs"));
    }
    // Twice the time that the pace takes, and time for targets that do not answer.
    let seconds = items.len() as u64 / u64::from(args.rate) / u64::from(args.shards);
    let deadline = seconds * 2 + 1800;
    let claim = args.volume_claim.clone();
    Ok(FleetJob { list: text, shards: args.shards, claim, deadline })
}

fn check(item: &fleet::Item) -> Result<(), String> {
    if item.token_file.is_some() {
        return Err("a token file of this machine is not in the pod".to_owned());
    }
    let target = TargetOptions {
        conninfo: item.conninfo.clone(),
        host: item.host.clone(),
        ..TargetOptions::default()
    };
    let (settings, _) = settings::resolve(&target.to_args(), &Environment::default())
        .map_err(|error| error.to_string())?;
    match settings.password {
        Some(_) => Err("a manifest must not hold a password".to_owned()),
        None => Ok(()),
    }
}

fn workload(path: &Path) -> Result<Value, UsageError> {
    json::document(&read(path)?, MOST_VALUES).map_err(|error| {
        UsageError::new(format!("{} is not valid JSON: {error}", path.display()))
            .suggest("kubectl get deployment NAME -o json > workload.json")
    })
}

fn read(path: &Path) -> Result<Vec<u8>, UsageError> {
    let read = input::argument(path, LIMIT).and_then(input::utf8);
    read.map_err(|error| UsageError::new(format!("{} cannot be read: {error}", path.display())))
}
