//! What of a workload decides how it reaches Entra and the server: its place, names, proxies, roots
//! and identity. Read from what `kubectl get … -o json` prints.

use crate::{secret::shapes, settings::usage::UsageError};
use serde_json::{Map, Value};

/// A workload, as far as its network is concerned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workload {
    /// Its namespace.
    pub(crate) namespace: Option<String>,
    /// Its service account.
    pub(crate) service_account: Option<String>,
    /// Whether its pods are labeled for workload identity.
    pub(crate) federated: bool,
    /// Settings of the pod: names, place, pull secrets.
    pub(crate) pod: Map<String, Value>,
    /// Variables, unchanged.
    pub(crate) env: Vec<Value>,
    /// Mounts that variables point into, read-only.
    pub(crate) mounts: Vec<Value>,
    /// Their volumes.
    pub(crate) volumes: Vec<Value>,
    /// What could not be taken over, a sentence each.
    pub(crate) remarks: Vec<String>,
}

/// What decides on names, routes and the node.
const POD: [&str; 8] = [
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "hostNetwork",
    "nodeSelector",
    "tolerations",
    "imagePullSecrets",
    "priorityClassName",
];

impl Workload {
    /// Reads a Pod, or anything with a template of one.
    ///
    /// # Errors
    /// There is no pod in it, or not the container named.
    pub(crate) fn read(object: &Value, container: Option<&str>) -> Result<Self, UsageError> {
        let pod = ["/spec/template", "/spec/jobTemplate/spec/template", ""]
            .iter()
            .filter_map(|pointer| object.pointer(pointer))
            .find(|pod| pod.pointer("/spec/containers").is_some())
            .ok_or_else(|| {
                UsageError::new("the workload has no pod")
                    .suggest("kubectl get deployment NAME -o json > workload.json")
            })?;
        let spec = &pod["spec"];
        let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let wanted = |one: &&Value| container.is_none_or(|name| one["name"] == name);
        let main = containers.iter().find(wanted).ok_or_else(|| {
            let names: Vec<&str> =
                containers.iter().filter_map(|container| container["name"].as_str()).collect();
            UsageError::new("the workload has no such container").suggest(names.join(", "))
        })?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut workload = Self {
            namespace: text(&object["metadata"]["namespace"]),
            service_account: text(&spec["serviceAccountName"]),
            federated: pod["metadata"]["labels"]["azure.workload.identity/use"] == "true",
            ..Self::default()
        };
        for key in POD {
            if !spec[key].is_null() {
                workload.pod.insert(key.to_owned(), spec[key].clone());
            }
        }
        workload.take_env(main);
        workload.take_mounts(main, spec);
        Ok(workload)
    }

    fn take_env(&mut self, container: &Value) {
        for entry in container["env"].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap_or_default();
            if !matters(name) {
                continue;
            }
            let value = entry["value"].as_str();
            let by_value = value.is_some_and(|value| {
                !shapes::find(value).is_empty() || !shapes::assigned(value).is_empty()
            });
            let is_proxy = name.to_ascii_uppercase().ends_with("_PROXY");
            if (is_secret(name) || by_value && !is_proxy) && !entry["value"].is_null() {
                self.remarks.push(format!("{name} holds a secret in the clear and was left out"));
                continue;
            }
            if is_proxy && value.is_some_and(has_credentials) {
                self.remarks.push(format!(
                    "{name} holds a user name or password and was left out: give it with --env"
                ));
                continue;
            }
            self.env.push(entry.clone());
        }
        if container["envFrom"].as_array().is_some_and(|from| !from.is_empty()) {
            self.remarks.push(
                "envFrom was left out, for it may bring secrets: give proxy settings from there with --env"
                    .to_owned(),
            );
        }
    }

    /// A root certificate that a variable names must be there.
    fn take_mounts(&mut self, container: &Value, spec: &Value) {
        let files: Vec<&str> =
            self.env.iter().filter_map(|entry| entry["value"].as_str()).collect();
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let (Some(path), Some(name)) = (mount["mountPath"].as_str(), mount["name"].as_str())
            else {
                continue;
            };
            let inside = |file: &&str| {
                file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if !files.iter().any(inside) {
                continue;
            }
            let volumes = spec["volumes"].as_array().into_iter().flatten();
            let volume = volumes.into_iter().find(|volume| volume["name"] == name);
            let Some(volume) = volume.filter(|volume| volume["persistentVolumeClaim"].is_null())
            else {
                self.remarks.push(format!("the volume {name} at {path} was left out"));
                continue;
            };
            let mut mount = mount.clone();
            mount["readOnly"] = Value::Bool(true);
            self.mounts.push(mount);
            if !self.volumes.contains(volume) {
                self.volumes.push(volume.clone());
            }
        }
    }
}

/// Proxies, roots, libpq's and the Azure SDKs' variables.
fn matters(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    matches!(
        upper.as_str(),
        "HTTPS_PROXY" | "HTTP_PROXY" | "ALL_PROXY" | "NO_PROXY" | "SSL_CERT_FILE" | "SSL_CERT_DIR"
    ) || name.starts_with("PG")
        || name.starts_with("AZURE_")
}

/// Whether the value is an address with a user name before the host.
fn has_credentials(value: &str) -> bool {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let named = ["PASSWORD", "SECRET", "ACCESS_KEY"].iter().any(|word| upper.contains(word));
    (named || upper.ends_with("TOKEN")) && !upper.ends_with("_FILE")
}

#[cfg(test)]
mod tests {
    use super::Workload;
    use serde_json::json;

    #[test]
    fn takes_what_decides_on_the_network_and_no_secret() {
        let deployment = json!({"metadata": {"namespace": "shop"}, "spec": {"template": {
            "metadata": {"labels": {"app": "orders", "azure.workload.identity/use": "true"}},
            "spec": {"serviceAccountName": "orders", "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["10.0.0.10"]}, "affinity": {},
                "volumes": [{"name": "roots", "configMap": {"name": "ca"}}, {"name": "data", "emptyDir": {}}],
                "containers": [{"name": "sidecar"}, {"name": "app",
                    "volumeMounts": [{"name": "roots", "mountPath": "/roots"}, {"name": "data", "mountPath": "/data"}],
                    "envFrom": [{"secretRef": {"name": "all"}}],
                    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
                        {"name": "HTTP_PROXY", "value": "http://user:geheim@proxy:3128"},
                        {"name": "SSL_CERT_FILE", "value": "/roots/ca.crt"},
                        {"name": "PGPASSWORD", "value": "geheim"},
                        {"name": "PGUSER", "valueFrom": {"secretKeyRef": {"name": "s", "key": "u"}}},
                        {"name": "COLOR", "value": "red"}]}]}}}});
        let workload = Workload::read(&deployment, Some("app")).expect("a workload");
        let names: Vec<&str> =
            workload.env.iter().filter_map(|entry| entry["name"].as_str()).collect();
        assert_eq!(names, ["HTTPS_PROXY", "SSL_CERT_FILE", "PGUSER"]);
        assert!(workload.federated && workload.remarks.len() == 3, "{:?}", workload.remarks);
        assert_eq!(workload.pod.keys().collect::<Vec<_>>(), ["dnsPolicy", "dnsConfig"]);
        assert_eq!(workload.volumes, [json!({"name": "roots", "configMap": {"name": "ca"}})]);
        assert_eq!(workload.mounts[0]["readOnly"], true);
        assert!(Workload::read(&deployment, Some("other")).is_err());
        assert!(Workload::read(&json!({"kind": "Service", "spec": {}}), None).is_err());
    }
}
