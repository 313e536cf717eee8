//! The Azure clouds and their names.

use crate::facts::class;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The names of one Azure cloud, built in or read from `az cloud show`.
///
/// Source: the cloud table of the Azure CLI (`az cloud show`), Microsoft Learn "Azure national clouds".
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cloud {
    /// Which cloud.
    pub kind: CloudKind,
    /// Host of the token authority, such as `login.microsoftonline.com`.
    #[serde(serialize_with = "class::name")]
    pub authority_host: String,
    /// Host of Microsoft Graph, such as `graph.microsoft.com`.
    #[serde(serialize_with = "class::name")]
    pub graph_host: String,
    /// Host of Azure Resource Manager, such as `management.azure.com`.
    #[serde(serialize_with = "class::name")]
    pub resource_manager_host: String,
    /// Audience of tokens for Azure Resource Manager.
    #[serde(serialize_with = "class::name")]
    pub resource_manager_audience: String,
    /// Audience of tokens for the database, such as `https://ossrdbms-aad.database.windows.net`.
    #[serde(serialize_with = "class::name")]
    pub database_audience: String,
    /// Suffix of server names without a leading dot, such as `postgres.database.azure.com`.
    #[serde(serialize_with = "class::name")]
    pub server_suffix: String,
    /// Host of the v1 issuer, such as `sts.windows.net`.
    #[serde(serialize_with = "class::name")]
    pub v1_issuer_host: String,
}

/// Which Azure cloud.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudKind {
    /// Azure public cloud (also GCC).
    Public,
    /// Azure US Government.
    UsGov,
    /// Azure operated by 21Vianet in China.
    China,
    /// A cloud described by `--cloud-file`.
    Custom,
}

/// The application id of "Azure OSSRDBMS Database", the same in every cloud.
pub const DATABASE_APP_ID: &str = "123cd850-d9df-40bd-94d5-c9f07b7fa203";

impl Cloud {
    /// The public cloud.
    #[must_use]
    pub fn public() -> Self {
        Self::of(
            CloudKind::Public,
            ["login.microsoftonline.com", "graph.microsoft.com", "management.azure.com"],
            "https://management.core.windows.net/",
            "https://ossrdbms-aad.database.windows.net",
            "postgres.database.azure.com",
            "sts.windows.net",
        )
    }

    /// Azure US Government.
    #[must_use]
    pub fn us_gov() -> Self {
        Self::of(
            CloudKind::UsGov,
            ["login.microsoftonline.us", "graph.microsoft.us", "management.usgovcloudapi.net"],
            "https://management.core.usgovcloudapi.net/",
            "https://ossrdbms-aad.database.usgovcloudapi.net",
            "postgres.database.usgovcloudapi.net",
            "sts.windows.net",
        )
    }

    /// Azure operated by 21Vianet.
    #[must_use]
    pub fn china() -> Self {
        Self::of(
            CloudKind::China,
            [
                "login.chinacloudapi.cn",
                "microsoftgraph.chinacloudapi.cn",
                "management.chinacloudapi.cn",
            ],
            "https://management.core.chinacloudapi.cn/",
            "https://ossrdbms-aad.database.chinacloudapi.cn",
            "postgres.database.chinacloudapi.cn",
            "sts.chinacloudapi.cn",
        )
    }

    /// The built-in clouds, public first.
    #[must_use]
    pub fn built_in() -> &'static [Self; 3] {
        static BUILT_IN: LazyLock<[Cloud; 3]> =
            LazyLock::new(|| [Cloud::public(), Cloud::us_gov(), Cloud::china()]);
        &BUILT_IN
    }

    /// The built-in cloud whose server suffix `host` carries, if any.
    #[must_use]
    pub fn of_server(host: &str) -> Option<&'static Self> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Self::built_in().iter().find(|cloud| {
            host.strip_suffix(&cloud.server_suffix).is_some_and(|left| left.ends_with('.'))
        })
    }

    /// The v2 scope of tokens for the database.
    #[must_use]
    pub fn database_scope(&self) -> String {
        format!("{}/.default", self.database_audience)
    }

    /// The name the Azure CLI gives this cloud (`az cloud set --name $CLOUD`).
    #[must_use]
    pub const fn az_name(&self) -> &'static str {
        match self.kind {
            CloudKind::Public => "AzureCloud",
            CloudKind::UsGov => "AzureUSGovernment",
            CloudKind::China => "AzureChinaCloud",
            CloudKind::Custom => "(custom)",
        }
    }

    fn of(
        kind: CloudKind,
        [authority, graph, resource_manager]: [&str; 3],
        resource_manager_audience: &str,
        database_audience: &str,
        server_suffix: &str,
        v1_issuer_host: &str,
    ) -> Self {
        Self {
            kind,
            authority_host: authority.to_owned(),
            graph_host: graph.to_owned(),
            resource_manager_host: resource_manager.to_owned(),
            resource_manager_audience: resource_manager_audience.to_owned(),
            database_audience: database_audience.to_owned(),
            server_suffix: server_suffix.to_owned(),
            v1_issuer_host: v1_issuer_host.to_owned(),
        }
    }
}

impl Default for Cloud {
    fn default() -> Self {
        Self::public()
    }
}
