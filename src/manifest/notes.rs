//! What the reader of a generated file must know: how the program gets there without internet access,
//! which identity it uses, and what the run can say about the subnet of the server.

use std::fmt::Write;

/// Where a run takes place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Platform {
    /// A pod.
    Kubernetes,
    /// A container group in a subnet.
    ContainerInstance,
    /// A job in a Container Apps environment.
    ContainerAppsJob,
    /// A virtual machine or an instance of a scale set.
    VirtualMachine,
    /// A web app or a function app.
    AppService,
    /// A job of GitHub Actions.
    GithubActions,
    /// A job of Azure Pipelines.
    AzurePipelines,
    /// A job of GitLab CI.
    GitlabCi,
}

/// The notes of a file.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    /// How to use the file.
    pub(crate) usage: Vec<String>,
    /// How the program gets there without internet access.
    pub(crate) transport: &'static [&'static str],
    /// Which identity the run uses.
    pub(crate) identity: String,
    /// What the run can and cannot say.
    pub(crate) scope: &'static [&'static str],
}

const IMAGE: &[&str] = &[
    "The image must be in a registry that the subnet reaches, such as an Azure Container Registry with \
     a private endpoint. From a machine with internet access: `az acr import --name REGISTRY --source \
     IMAGE`, or load the image archive of a release (`docker load`) and push it.",
];
const AGENT: &[&str] = &[
    "Put the program of a release into storage that the agents reach, such as a storage account with a \
     private endpoint, and set its address and SHA-256 in ENTRA_PG_URL and ENTRA_PG_SHA256.",
];
const SCOPE: &[&str] = &[
    "It shows: whether clients in this subnet resolve and reach the server and Microsoft Entra ID, and \
     whether this identity can log in.",
    "It cannot show: whether the server reaches Microsoft Entra ID. The NSG and the route table of the \
     delegated subnet apply to the server only. Run it also from a sibling subnet with the same NSG and \
     route table, export the Azure configuration, and combine both with `entra-pg merge`.",
];
const OF_POD: &[&str] = &[
    SCOPE[0],
    "With Azure CNI the address of the pod or of the node decides which NSG rules apply: run it on the \
     node pool and in the namespace of the workload (--like).",
    SCOPE[1],
];

const OF_AGENT: &[&str] = &[
    "An agent outside the virtual network tests the public path only. Use a self-hosted agent in the \
     network to test the private path.",
    SCOPE[0],
    SCOPE[1],
];

impl Platform {
    /// How the program gets there without internet access.
    #[must_use]
    pub(crate) const fn transport(self) -> &'static [&'static str] {
        match self {
            Self::Kubernetes | Self::ContainerInstance | Self::ContainerAppsJob => IMAGE,
            Self::VirtualMachine => &[
                "Without --url the program travels through Azure Resource Manager in parts of 190 KB, \
                 about 40 calls of half a minute each; the machine needs no internet access, only its \
                 agent.",
                "Faster: a storage account with a private endpoint and --url, or `az network bastion \
                 tunnel` and scp.",
            ],
            Self::AppService => &[
                "`az webapp deploy` sends the program through the Kudu site. If the app has a private \
                 endpoint, run the script in the virtual network.",
            ],
            Self::GithubActions | Self::AzurePipelines | Self::GitlabCi => AGENT,
        }
    }

    /// What a run there can and cannot say about the subnet of the server.
    #[must_use]
    pub(crate) const fn scope(self) -> &'static [&'static str] {
        match self {
            Self::Kubernetes => OF_POD,
            Self::GithubActions | Self::AzurePipelines | Self::GitlabCi => OF_AGENT,
            Self::ContainerInstance
            | Self::ContainerAppsJob
            | Self::VirtualMachine
            | Self::AppService => SCOPE,
        }
    }
}

impl Notes {
    /// The notes as comment lines, at most 100 columns wide.
    #[must_use]
    pub(crate) fn comments(&self, prefix: &str) -> String {
        let mut out = String::new();
        let mut section = |title: &str, texts: &mut dyn Iterator<Item = &str>| {
            let _ = writeln!(out, "{prefix} {title}:");
            for text in texts {
                let indent = format!("{prefix}   ");
                let options = textwrap::Options::new(100)
                    .initial_indent(&indent)
                    .subsequent_indent(&indent)
                    .break_words(false)
                    .word_splitter(textwrap::WordSplitter::NoHyphenation);
                for line in textwrap::wrap(text, options) {
                    let _ = writeln!(out, "{}", line.trim_end());
                }
            }
        };
        section("Usage", &mut self.usage.iter().map(String::as_str));
        section("Without internet access", &mut self.transport.iter().copied());
        section("Identity", &mut std::iter::once(self.identity.as_str()));
        section("What the run says about the server", &mut self.scope.iter().copied());
        out
    }
}
