//! Jobs of CI systems. The program is downloaded with a checksum, signs in without a stored secret, and
//! writes annotations, a test report and a bundle.

use super::Task;
use entra_pg_checks::{facts::vantage::Shell, text::quoted};
use serde_json::{Value, json};

/// Where the program comes from: by default the variables `ENTRA_PG_URL` and `ENTRA_PG_SHA256` of the
/// CI system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Download {
    /// Its address.
    pub(crate) url: Option<String>,
    /// Its SHA-256 in hexadecimal digits.
    pub(crate) sha256: Option<String>,
}

/// What a CI job needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipeline {
    /// Where the program comes from.
    pub(crate) download: Download,
    /// Labels or tags of the runner, or the name of the pool.
    pub(crate) runners: Vec<String>,
    /// The client ID of the identity that trusts the CI system.
    pub(crate) client_id: Option<String>,
    /// Its tenant.
    pub(crate) tenant: Option<String>,
    /// The service connection of Azure Pipelines.
    pub(crate) connection: Option<String>,
}

impl Download {
    fn variables(&self, url: &str, sha256: &str) -> Value {
        json!({
            "ENTRA_PG_URL": self.url.as_deref().unwrap_or(url),
            "ENTRA_PG_SHA256": self.sha256.as_deref().unwrap_or(sha256),
        })
    }
}

/// Downloads the program and verifies its checksum before it can run.
const DOWNLOAD: &str = "\
curl --fail --silent --show-error --location --output entra-pg \"$ENTRA_PG_URL\"
echo \"$ENTRA_PG_SHA256  entra-pg\" | sha256sum --check --status
chmod +x entra-pg
";

/// The command line, one option per line.
fn command(task: &Task, credential: Option<&str>, formats: &[&str]) -> String {
    let words = task.args.iter().map(|word| quoted(Shell::Posix, word));
    let extra = credential.map(|name| format!("--credential={name}"));
    let formats = formats.iter().map(|word| (*word).to_owned());
    let all: Vec<String> = words.chain(extra).chain(formats).collect();
    format!("./entra-pg {}\n", all.join(" \\\n  "))
}

/// A workflow of GitHub Actions.
#[must_use]
pub(crate) fn github_actions(task: &Task, pipeline: &Pipeline) -> Value {
    let mut env =
        pipeline.download.variables("${{ vars.ENTRA_PG_URL }}", "${{ vars.ENTRA_PG_SHA256 }}");
    for (name, value) in &task.env {
        env[name] = json!(value);
    }
    let identity = |value: &Option<String>, variable: &str| {
        json!(value.clone().unwrap_or_else(|| format!("${{{{ vars.{variable} }}}}")))
    };
    let formats = [
        "--format=github",
        "--report=junit=entra-pg.xml",
        "--report=json-line=-",
        "--bundle=entra-pg.zip",
    ];
    json!({
        "name": task.name,
        "on": {"workflow_dispatch": {}},
        "permissions": {},
        "jobs": {"doctor": {
            "runs-on": pipeline.runners,
            "timeout-minutes": 10,
            "permissions": {"id-token": "write"},
            "env": env,
            "steps": [
                {"name": "Download entra-pg and verify its checksum", "run": DOWNLOAD},
                {
                    "name": "Sign in",
                    // v2.3.0
                    "uses": "azure/login@a457da9ea143d694b1b9c7c869ebb04ebe844ef5",
                    "with": {
                        "client-id": identity(&pipeline.client_id, "AZURE_CLIENT_ID"),
                        "tenant-id": identity(&pipeline.tenant, "AZURE_TENANT_ID"),
                        "allow-no-subscriptions": true,
                    },
                },
                {"name": "Diagnose the login", "run": command(task, Some("azure-cli"), &formats)},
                {
                    "if": "failure()",
                    // v4.6.2
                    "uses": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02",
                    "with": {"name": "entra-pg", "path": "entra-pg.zip\nentra-pg.xml\n"},
                },
            ],
        }},
    })
}

/// A pipeline of Azure Pipelines.
#[must_use]
pub(crate) fn azure_pipelines(task: &Task, pipeline: &Pipeline) -> Value {
    let mut variables = json!({});
    if let (Some(url), Some(sha256)) = (&pipeline.download.url, &pipeline.download.sha256) {
        variables = json!({"ENTRA_PG_URL": url, "ENTRA_PG_SHA256": sha256});
    }
    for (name, value) in &task.env {
        variables[name] = json!(value);
    }
    let pool = pipeline
        .runners
        .first()
        .map_or_else(|| json!({"vmImage": "ubuntu-24.04"}), |name| json!({"name": name}));
    let formats = [
        "--format=azure-pipelines",
        "--report=junit=entra-pg.xml",
        "--report=json-line=-",
        "--bundle=entra-pg.zip",
    ];
    let mut document = json!({"trigger": "none", "pool": pool});
    if variables != json!({}) {
        document["variables"] = variables;
    }
    document["steps"] = json!([
        {"checkout": "none"},
        {
            "bash": format!("set -euo pipefail\n{DOWNLOAD}"),
            "displayName": "Download entra-pg and verify its checksum",
        },
        {
            "task": "AzureCLI@2",
            "displayName": "Diagnose the login",
            "inputs": {
                "azureSubscription":
                    pipeline.connection.as_deref().unwrap_or("SERVICE-CONNECTION"),
                "scriptType": "bash",
                "scriptLocation": "inlineScript",
                "inlineScript": command(task, Some("azure-cli"), &formats),
            },
        },
        {
            "task": "PublishTestResults@2",
            "condition": "always()",
            "inputs": {"testResultsFormat": "JUnit", "testResultsFiles": "entra-pg.xml"},
        },
        {"publish": "entra-pg.zip", "artifact": "entra-pg", "condition": "failed()"},
    ]);
    document
}

/// The token of the job is in a file only while the job runs.
const GITLAB_TOKEN: &str = "\
umask 077
printf %s \"$ENTRA_PG_ID_TOKEN\" >\"$AZURE_FEDERATED_TOKEN_FILE\"
";

/// A job of GitLab CI.
#[must_use]
pub(crate) fn gitlab_ci(task: &Task, pipeline: &Pipeline) -> Value {
    let mut variables = json!({"AZURE_FEDERATED_TOKEN_FILE": "$CI_PROJECT_DIR/.entra-pg-token"});
    let values = [
        ("AZURE_CLIENT_ID", &pipeline.client_id),
        ("AZURE_TENANT_ID", &pipeline.tenant),
        ("ENTRA_PG_URL", &pipeline.download.url),
        ("ENTRA_PG_SHA256", &pipeline.download.sha256),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            variables[name] = json!(value);
        }
    }
    for (name, value) in &task.env {
        variables[name] = json!(value);
    }
    let formats = [
        "--format=text",
        "--report=junit=entra-pg.xml",
        "--report=json-line=-",
        "--bundle=entra-pg.zip",
    ];
    let mut job = json!({
        "id_tokens": {"ENTRA_PG_ID_TOKEN": {"aud": "api://AzureADTokenExchange"}},
        "variables": variables,
        "script": [DOWNLOAD, GITLAB_TOKEN, command(task, Some("workload-identity"), &formats)],
        "after_script": ["rm -f \"$AZURE_FEDERATED_TOKEN_FILE\""],
        "artifacts": {
            "when": "always",
            "paths": ["entra-pg.zip"],
            "reports": {"junit": "entra-pg.xml"},
        },
    });
    if !pipeline.runners.is_empty() {
        job["tags"] = json!(pipeline.runners);
    }
    let mut document = json!({});
    document[&task.name] = job;
    document
}
