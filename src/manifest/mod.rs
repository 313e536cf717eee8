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

pub use azure::{ContainerAppsJob, ContainerInstance, Resource};
pub use bicep::bicep;
pub use ci::{Download, Pipeline, azure_pipelines, github_actions, gitlab_ci};
pub use kubernetes::{FleetJob, Kind, Manifest};
pub use notes::{Notes, Platform};
pub use script::{Machine, RunCommand, WebApp};
pub use workload::Workload;
pub use yaml::yaml;

/// A run of the doctor, wherever it takes place.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// The name of the resource or job.
    pub name: String,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Variables: name and value.
    pub env: Vec<(String, String)>,
    /// The managed identity.
    pub identity: Identity,
}

/// A managed identity of a resource.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The resource ID of a user-assigned identity; without it the system-assigned identity is used.
    pub resource: Option<String>,
    /// Its client ID.
    pub client_id: Option<String>,
}
