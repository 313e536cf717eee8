//! `entra-pg manifest` for CI systems.

use super::{arguments, azure::sha256, check_words, notes, object_name, print_yaml, variable};
use crate::{
    cli::target::TargetOptions,
    manifest::{
        Download, Identity, Pipeline, Platform, Task, azure_pipelines, github_actions, gitlab_ci,
        yaml,
    },
    settings::usage::UsageError,
};
use clap::Args;
use std::io;

/// Options of the CI systems.
#[derive(Args, Clone, Debug)]
pub(crate) struct CiArgs {
    /// The target.
    #[command(flatten)]
    pub(crate) target: TargetOptions,
    /// The name of the job.
    #[arg(long, value_name = "NAME", default_value = "entra-pg", value_parser = object_name)]
    pub(crate) name: String,
    /// A label of the runner, a tag, or the name of the pool; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) runner: Vec<String>,
    /// The client ID of the identity that trusts the CI system; by default its variable
    /// AZURE_CLIENT_ID.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The service connection of Azure Pipelines.
    #[arg(long, value_name = "NAME")]
    pub(crate) service_connection: Option<String>,
    /// Where the job downloads the program; by default its variable ENTRA_PG_URL.
    #[arg(long, value_name = "URL", requires = "sha256")]
    pub(crate) url: Option<String>,
    /// The SHA-256 of the program at --url.
    #[arg(long, value_name = "HEX", requires = "url", value_parser = sha256)]
    pub(crate) sha256: Option<String>,
    /// A variable; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Options of `doctor`, after --.
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) options: Vec<String>,
}

pub(super) fn run(args: &CiArgs, platform: Platform) -> Result<io::Result<()>, UsageError> {
    let words = arguments(&args.target, vec!["doctor".to_owned()], None, &args.options)?;
    let typed = [args.runner.as_slice(), args.url.as_slice(), args.client_id.as_slice()].concat();
    let typed = [typed.as_slice(), args.service_connection.as_slice(), &words].concat();
    check_words(&typed, &args.env)?;
    let mut runners = args.runner.clone();
    if runners.is_empty() && platform == Platform::GithubActions {
        runners.push("self-hosted".to_owned());
    }
    let task = Task {
        name: args.name.clone(),
        args: words,
        env: args.env.clone(),
        identity: Identity::default(),
    };
    let pipeline = Pipeline {
        download: Download { url: args.url.clone(), sha256: args.sha256.clone() },
        runners,
        client_id: args.client_id.clone(),
        tenant: args.target.login.tenant.clone(),
        connection: args.service_connection.clone(),
    };
    let (document, file, identity) = match platform {
        Platform::AzurePipelines => (
            azure_pipelines(&task, &pipeline),
            "azure-pipelines.yml",
            "the service connection, with workload identity federation",
        ),
        Platform::GitlabCi => (
            gitlab_ci(&task, &pipeline),
            ".gitlab-ci.yml",
            "the identity of AZURE_CLIENT_ID, with a federated credential for the ID token of the job",
        ),
        _ => (
            github_actions(&task, &pipeline),
            ".github/workflows/entra-pg.yml",
            "the identity of azure/login, with a federated credential for the repository",
        ),
    };
    let usage = vec![format!("Save it as {file}, or copy the job into the pipeline.")];
    let notes = notes(platform, usage, identity.to_owned());
    Ok(print_yaml(&(notes.comments("#") + &yaml(&[document]))))
}
