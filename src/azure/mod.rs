//! Documents of Azure's configuration, read into facts: what the Azure CLI, the REST API, PowerShell,
//! Resource Graph, templates and Terraform write, from files and from answers.

mod convert;
mod files;
mod firewall;
mod kind;
mod measured;
mod node;
mod private_way;
mod rules;
mod template;
mod terraform;
mod yaml;

pub(crate) use convert::Collected;
pub(crate) use files::read_document;
pub use files::read_files;
pub(crate) use kind::GRAPH_CLIENT;
pub(crate) use node::{Node, read};
