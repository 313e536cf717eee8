//! Files that run the doctor in the network of a workload: objects, resources, pipelines and scripts
//! for the platforms that Azure customers use. No file holds a token or a password.

mod azure;
mod bicep;
mod ci;
mod kubernetes;
mod notes;
mod script;
mod workload;
mod yaml;

pub(crate) use azure::{ContainerAppsJob, ContainerInstance, Resource};
pub(crate) use bicep::bicep;
pub(crate) use ci::{Download, Pipeline, azure_pipelines, github_actions, gitlab_ci};
pub(crate) use kubernetes::{FleetJob, Kind, Manifest};
pub(crate) use notes::{Notes, Platform};
pub(crate) use script::{Machine, RunCommand, WebApp};
pub(crate) use workload::Workload;
pub(crate) use yaml::yaml;

/// A run of the doctor, wherever it takes place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    /// The name of the resource or job.
    pub(crate) name: String,
    /// Arguments of the program.
    pub(crate) args: Vec<String>,
    /// Variables: name and value.
    pub(crate) env: Vec<(String, String)>,
    /// The managed identity.
    pub(crate) identity: Identity,
}

/// A managed identity of a resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The resource ID of a user-assigned identity; without it the system-assigned identity is used.
    pub(crate) resource: Option<String>,
    /// Its client ID.
    pub(crate) client_id: Option<String>,
}
