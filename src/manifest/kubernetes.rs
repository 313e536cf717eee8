//! Kubernetes objects that run the doctor where a workload runs. Kubernetes decides where:
//! these are a Job, an Indexed Job, a CronJob or a DaemonSet, without a controller.

use super::Workload;
use serde_json::{Value, json};

/// Which object runs the doctor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Runs once.
    #[default]
    Job,
    /// By a timetable.
    Cronjob,
    /// On every node, again and again.
    Daemonset,
}

/// What the objects are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    /// Which object.
    pub(crate) kind: Kind,
    /// The name of every object.
    pub(crate) name: String,
    /// The namespace; the current one of `kubectl` by default.
    pub(crate) namespace: Option<String>,
    /// The container image.
    pub(crate) image: String,
    /// Arguments of the image's entry point.
    pub(crate) args: Vec<String>,
    /// Variables: name and value.
    pub(crate) env: Vec<(String, String)>,
    /// The service account; one is made where `client_id` is given and this is not.
    pub(crate) service_account: Option<String>,
    /// The client id of the identity that the service account is federated with.
    pub(crate) client_id: Option<String>,
    /// Its tenant, where it is not that of the cluster.
    pub(crate) tenant: Option<String>,
    /// A CronJob's timetable.
    pub(crate) schedule: String,
    /// The workload whose place it takes.
    pub(crate) like: Workload,
    /// A fleet instead of one server: the Job becomes an Indexed Job with a pod per shard.
    pub(crate) fleet: Option<FleetJob>,
}

/// A fleet in an Indexed Job.
#[derive(Clone, Debug, Default)]
pub(crate) struct FleetJob {
    /// The list of servers, as `entra-pg fleet` reads it.
    pub(crate) list: String,
    /// How many pods share the list.
    pub(crate) shards: u32,
    /// A claim of a volume for the results; without one they are in the logs only.
    pub(crate) claim: Option<String>,
    /// The longest run of a shard in seconds.
    pub(crate) deadline: u64,
}

impl FleetJob {
    /// Where the list is in the pod.
    pub(crate) const LIST: &str = "/etc/entra-pg/servers";
    /// Where the results are in the pod.
    pub(crate) const RESULTS: &str = "/results";
}

/// The unprivileged user and group of the image.
const USER: u32 = 65_532;

impl Manifest {
    /// The objects, in the order in which they are applied.
    #[must_use]
    pub(crate) fn objects(&self) -> Vec<Value> {
        let mut objects = Vec::new();
        if let (Some(client_id), None) = (&self.client_id, self.account()) {
            objects.push(self.made_account(client_id));
        }
        if let Some(fleet) = &self.fleet {
            let data = json!({"servers": fleet.list});
            objects.push(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": self.metadata(), "data": data,
            }));
        }
        objects.push(match self.kind {
            Kind::Job => self.object("batch/v1", "Job", self.job()),
            Kind::Cronjob => {
                let spec = json!({
                    "schedule": self.schedule,
                    "concurrencyPolicy": "Forbid",
                    "startingDeadlineSeconds": 300,
                    "successfulJobsHistoryLimit": 1,
                    "failedJobsHistoryLimit": 3,
                    "jobTemplate": {"spec": self.job()},
                });
                self.object("batch/v1", "CronJob", spec)
            }
            Kind::Daemonset => {
                let labels = json!({"app.kubernetes.io/name": self.name});
                let spec = json!({
                    "selector": {"matchLabels": labels},
                    "updateStrategy": {"type": "RollingUpdate"},
                    "template": self.pod("Always"),
                });
                self.object("apps/v1", "DaemonSet", spec)
            }
        });
        objects
    }

    /// The service account that the pod runs as, where it exists already.
    fn account(&self) -> Option<&str> {
        self.service_account.as_deref().or(self.like.service_account.as_deref())
    }

    fn federated(&self) -> bool {
        self.client_id.is_some() || self.like.federated
    }

    fn object(&self, version: &str, kind: &str, spec: Value) -> Value {
        json!({"apiVersion": version, "kind": kind, "metadata": self.metadata(), "spec": spec})
    }

    fn metadata(&self) -> Value {
        let mut metadata =
            json!({"name": self.name, "labels": {"app.kubernetes.io/name": self.name}});
        let namespace = self.namespace.as_ref().or(self.like.namespace.as_ref());
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        metadata
    }

    fn made_account(&self, client_id: &str) -> Value {
        let mut metadata = self.metadata();
        metadata["annotations"] = json!({"azure.workload.identity/client-id": client_id});
        if let Some(tenant) = &self.tenant {
            metadata["annotations"]["azure.workload.identity/tenant-id"] = json!(tenant);
        }
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    }

    fn job(&self) -> Value {
        if let Some(fleet) = &self.fleet {
            return self.indexed_job(fleet);
        }
        // A doctor that finds a fault has done its work: it is not tried again.
        json!({
            "backoffLimit": 0,
            "activeDeadlineSeconds": 120,
            "ttlSecondsAfterFinished": 86_400,
            "template": self.pod("Never"),
        })
    }

    /// A pod per shard. A shard that found faults has done its work; a shard whose pod was killed runs
    /// again.
    fn indexed_job(&self, fleet: &FleetJob) -> Value {
        json!({
            "completionMode": "Indexed",
            "completions": fleet.shards,
            "parallelism": fleet.shards,
            "backoffLimitPerIndex": 2,
            "podFailurePolicy": {"rules": [
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
                {
                    "action": "FailIndex",
                    "onExitCodes": {
                        "containerName": "entra-pg", "operator": "In", "values": [1, 2, 3],
                    },
                },
            ]},
            "activeDeadlineSeconds": fleet.deadline,
            "ttlSecondsAfterFinished": 86_400,
            "template": self.pod("Never"),
        })
    }

    fn pod(&self, restart: &str) -> Value {
        let mut labels = json!({"app.kubernetes.io/name": self.name});
        if self.federated() {
            // The webhook reads the label of the pod, not of the service account.
            labels["azure.workload.identity/use"] = json!("true");
        }
        let mut spec = json!({
            "restartPolicy": restart,
            // The token of the service account is not needed; workload identity brings its own.
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 5,
            "dnsPolicy": "ClusterFirst",
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self.container()],
        });
        let made = self.client_id.as_ref().map(|_| self.name.as_str());
        if let Some(account) = self.account().or(made) {
            spec["serviceAccountName"] = json!(account);
        }
        for (key, value) in &self.like.pod {
            spec[key] = value.clone();
        }
        let mut volumes = self.like.volumes.clone();
        if let Some(fleet) = &self.fleet {
            let mode = 0o444;
            volumes.push(json!({
                "name": "entra-pg-servers", "configMap": {"name": self.name, "defaultMode": mode},
            }));
            volumes.extend(fleet.claim.iter().map(|claim| {
                json!({
                    "name": "entra-pg-results", "persistentVolumeClaim": {"claimName": claim},
                })
            }));
        }
        if !volumes.is_empty() {
            spec["volumes"] = json!(volumes);
        }
        json!({"metadata": {"labels": labels}, "spec": spec})
    }

    fn container(&self) -> Value {
        let own = self.env.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let named = |entry: &&Value| self.env.iter().all(|(name, _)| entry["name"] != **name);
        let env: Vec<Value> = own.chain(self.like.env.iter().filter(named).cloned()).collect();
        let mut container = json!({
            "name": "entra-pg",
            "image": self.image,
            "args": self.args,
            "env": env,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": "10m", "memory": "32Mi"},
                "limits": {"memory": "128Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "capabilities": {"drop": ["ALL"]},
            },
        });
        let mut mounts = self.like.mounts.clone();
        if let Some(fleet) = &self.fleet {
            mounts.push(json!({
                "name": "entra-pg-servers", "mountPath": "/etc/entra-pg", "readOnly": true,
            }));
            mounts.extend(
                fleet
                    .claim
                    .iter()
                    .map(|_| json!({"name": "entra-pg-results", "mountPath": FleetJob::RESULTS})),
            );
        }
        if !mounts.is_empty() {
            container["volumeMounts"] = json!(mounts);
        }
        container
    }
}
