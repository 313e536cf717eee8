//! Azure resources that run the doctor in a subnet: a container group and a Container Apps job.

use super::{Identity, Task};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// A resource of Azure Resource Manager.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// The resource type.
    pub(crate) kind: &'static str,
    /// The version of its API.
    pub(crate) api_version: &'static str,
    /// The body, with `name` and `location`.
    pub(crate) body: Value,
}

/// Azure Container Instances: one container group in a subnet.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerInstance {
    /// The container image.
    pub(crate) image: String,
    /// The region.
    pub(crate) location: String,
    /// The resource ID of the subnet, which is delegated to `Microsoft.ContainerInstance/containerGroups`.
    pub(crate) subnet: String,
    /// A registry that the identity may pull from.
    pub(crate) registry: Option<String>,
    /// The nameservers of the virtual network: Container Instances does not take them over.
    pub(crate) nameservers: Vec<IpAddr>,
}

/// Azure Container Apps: a job in an environment with a virtual network.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerAppsJob {
    /// The container image.
    pub(crate) image: String,
    /// The region.
    pub(crate) location: String,
    /// The resource ID of the environment.
    pub(crate) environment: String,
    /// A registry that the identity may pull from.
    pub(crate) registry: Option<String>,
    /// When the job runs; without it the job is started by hand.
    pub(crate) schedule: Option<String>,
}

impl ContainerInstance {
    /// The container group.
    #[must_use]
    pub(crate) fn resource(&self, task: &Task) -> Resource {
        let env = task.env.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let mut command = vec!["/entra-pg".to_owned()];
        command.extend(task.args.iter().cloned());
        let mut properties = json!({
            "osType": "Linux",
            "restartPolicy": "Never",
            "sku": "Standard",
            "subnetIds": [{"id": self.subnet}],
            "containers": [{
                "name": "entra-pg",
                "properties": {
                    "image": self.image,
                    "command": command,
                    "environmentVariables": env.collect::<Vec<Value>>(),
                    "resources": {"requests": {"cpu": 0.5, "memoryInGB": 0.5}},
                },
            }],
        });
        if !self.nameservers.is_empty() {
            let addresses: Vec<String> = self.nameservers.iter().map(ToString::to_string).collect();
            properties["dnsConfig"] = json!({"nameServers": addresses});
        }
        if let Some(server) = &self.registry {
            let identity = task.identity.resource.as_deref().unwrap_or("system");
            properties["imageRegistryCredentials"] =
                json!([{"server": server, "identity": identity}]);
        }
        Resource {
            kind: "Microsoft.ContainerInstance/containerGroups",
            api_version: "2023-05-01",
            body: json!({
                "name": task.name,
                "location": self.location,
                "identity": identity(&task.identity),
                "properties": properties,
            }),
        }
    }
}

impl ContainerAppsJob {
    /// The job.
    #[must_use]
    pub(crate) fn resource(&self, task: &Task) -> Resource {
        let env = task.env.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let mut configuration = json!({
            "triggerType": "Manual",
            // A doctor that finds a fault has done its work: it is not run again.
            "replicaRetryLimit": 0,
            "replicaTimeout": 120,
        });
        let one = json!({"parallelism": 1, "replicaCompletionCount": 1});
        match &self.schedule {
            None => configuration["manualTriggerConfig"] = one,
            Some(schedule) => {
                configuration["triggerType"] = json!("Schedule");
                configuration["scheduleTriggerConfig"] = one;
                configuration["scheduleTriggerConfig"]["cronExpression"] = json!(schedule);
            }
        }
        if let Some(server) = &self.registry {
            let identity = task.identity.resource.as_deref().unwrap_or("system");
            configuration["registries"] = json!([{"server": server, "identity": identity}]);
        }
        Resource {
            kind: "Microsoft.App/jobs",
            api_version: "2024-03-01",
            body: json!({
                "name": task.name,
                "location": self.location,
                "identity": identity(&task.identity),
                "properties": {
                    "environmentId": self.environment,
                    "configuration": configuration,
                    "template": {"containers": [{
                        "name": "entra-pg",
                        "image": self.image,
                        "command": ["/entra-pg"],
                        "args": task.args,
                        "env": env.collect::<Vec<Value>>(),
                        "resources": {"cpu": 0.25, "memory": "0.5Gi"},
                    }]},
                },
            }),
        }
    }
}

fn identity(identity: &Identity) -> Value {
    match &identity.resource {
        None => json!({"type": "SystemAssigned"}),
        Some(id) => {
            let mut assigned = Map::new();
            assigned.insert(id.clone(), json!({}));
            json!({"type": "UserAssigned", "userAssignedIdentities": assigned})
        }
    }
}

impl Resource {
    /// The document that `az container create --file` and `az containerapp job create --yaml` read.
    #[must_use]
    pub(crate) fn document(&self) -> Value {
        let mut document = json!({"apiVersion": self.api_version, "type": self.kind});
        if let (Some(document), Some(body)) = (document.as_object_mut(), self.body.as_object()) {
            document.extend(body.clone());
        }
        document
    }
}
