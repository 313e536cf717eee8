//! How a token was obtained, or why not.

use super::{closed::closed_set, settings::Origin};
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// The sources tried, in order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CredentialTrace {
    /// What `--credential` asked for; `auto` walks the chain.
    pub requested: CredentialKind,
    /// Every source of the chain, those that cannot apply included.
    pub attempts: Vec<CredentialAttempt>,
}

closed_set! {
    /// An endpoint that gives tokens of identities which Azure manages.
    IdentityEndpoint {
        /// The metadata service of a virtual machine.
        Imds = "imds",
        /// The endpoint of App Service.
        AppService = "app-service",
        /// The endpoint of Container Apps.
        ContainerApps = "container-apps",
        /// The endpoint of Functions.
        Functions = "functions",
        /// The agent of Azure Arc.
        Arc = "arc",
        /// The federated tokens of Azure Pipelines.
        AzurePipelines = "azure-pipelines",
        /// The endpoint of Service Fabric.
        ServiceFabric = "service-fabric",
        /// The endpoint of Azure Machine Learning.
        AzureMl = "azure-ml",
        /// The endpoint of Cloud Shell.
        CloudShell = "cloud-shell",
        /// The metadata service of Container Instances.
        ContainerInstances = "container-instances",
    }
}

impl IdentityEndpoint {
    /// Whether the endpoint serves an app, not a machine.
    #[must_use]
    pub fn is_of_app(&self) -> bool {
        matches!(self, Self::AppService | Self::ContainerApps | Self::Functions)
    }
}

/// A source of tokens. Names as in `--credential`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// The whole chain.
    Auto,
    /// `--token-file`.
    TokenFile,
    /// A token in PGPASSWORD, the conninfo or the password file.
    Password,
    /// The secret in AZURE_CLIENT_SECRET.
    ClientSecret,
    /// The certificate in AZURE_CLIENT_CERTIFICATE_PATH.
    ClientCertificate,
    /// The assertion in AZURE_FEDERATED_TOKEN_FILE.
    WorkloadIdentity,
    /// The metadata service, App Service, Container Apps or Azure Arc.
    ManagedIdentity,
    /// `az account get-access-token`.
    AzureCli,
    /// `azd auth token`.
    AzureDeveloperCli,
    /// The service connection of an Azure Pipelines job.
    AzurePipelines,
}

/// One source and what it said.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CredentialAttempt {
    /// The source.
    pub kind: CredentialKind,
    /// Which identity it would be: a client id, a signed-in account, "system-assigned".
    #[serde(serialize_with = "class::name")]
    pub identity: Option<String>,
    /// The tenant asked.
    #[serde(serialize_with = "class::name")]
    pub tenant: Option<String>,
    /// Where the source was found.
    pub origin: Option<Origin>,
    /// What it said.
    pub outcome: CredentialOutcome,
    /// Milliseconds until then.
    pub elapsed_ms: u64,
    /// Requests made, without bodies.
    pub exchanges: Vec<Exchange>,
    /// The federated token presented (workload identity), decoded.
    pub assertion: Option<Assertion>,
    /// The certificate that signed (client certificate).
    #[serde(default)]
    pub certificate: Option<ClientCertificate>,
}

/// A request made for a token.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Exchange {
    /// Scheme, host and path.
    #[serde(serialize_with = "class::name")]
    pub url: String,
    /// The status, or none when no answer came.
    pub status: Option<u16>,
    /// Milliseconds until then.
    pub elapsed_ms: u64,
}

/// What a federated token says; its signature is not kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Assertion {
    /// Its issuer.
    #[serde(serialize_with = "class::name")]
    pub issuer: String,
    /// Its subject.
    #[serde(serialize_with = "class::name")]
    pub subject: String,
    /// Its audience.
    #[serde(serialize_with = "class::name")]
    pub audience: String,
    /// Its end of validity, in seconds since 1970.
    pub expires: Option<i64>,
    /// The file it was read from.
    #[serde(serialize_with = "class::name")]
    pub file: String,
}

/// A client certificate; of its key nothing is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClientCertificate {
    /// The file it was read from.
    #[serde(serialize_with = "class::name")]
    pub file: String,
    /// Its subject.
    #[serde(serialize_with = "class::name")]
    pub subject: String,
    /// Its SHA-1 thumbprint in hexadecimal digits, as Azure shows it.
    #[serde(serialize_with = "class::id")]
    pub thumbprint: String,
    /// Its beginning of validity, in seconds since 1970.
    pub not_before: i64,
    /// Its end of validity, in seconds since 1970.
    pub not_after: i64,
}

/// What a source said.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CredentialOutcome {
    /// It gave a token.
    Token,
    /// It does not apply here; nothing was contacted.
    NotConfigured {
        /// What it would need, in words.
        #[serde(serialize_with = "class::clause")]
        needs: String,
    },
    /// Nothing was sent or started, since a secret would have gone to the wrong place.
    Withheld {
        /// Why, as a clause.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// An environment variable names an endpoint to which a secret must not be sent.
    UnsafeEndpoint {
        /// The variable.
        #[serde(serialize_with = "class::word")]
        variable: String,
        /// The endpoint's scheme and host.
        #[serde(serialize_with = "class::word")]
        endpoint: String,
        /// What is wrong with it, as a clause.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// Another source gave a token first.
    NotTried,
    /// It is half configured.
    Incomplete {
        /// The variables or files that are missing.
        #[serde(serialize_with = "class::clause")]
        missing: Vec<String>,
    },
    /// The token authority refused.
    Entra(EntraError),
    /// The metadata service, or its relatives, refused.
    IdentityEndpoint {
        /// The endpoint.
        endpoint: IdentityEndpoint,
        /// The status.
        status: u16,
        /// The `error` field, or empty.
        #[serde(serialize_with = "class::word")]
        error: String,
        /// The description, at most 1,000 characters.
        #[serde(serialize_with = "class::free")]
        description: String,
    },
    /// The metadata service, or its relatives, cannot be reached.
    IdentityEndpointUnreachable {
        /// The endpoint.
        endpoint: IdentityEndpoint,
        /// What happened.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// A pod, or a job, to which nothing or not everything of its federated identity was given.
    Unwired {
        /// The variables or files that are missing.
        #[serde(serialize_with = "class::clause")]
        missing: Vec<String>,
        /// Whether this is a pod of Kubernetes.
        in_pod: bool,
    },
    /// The file of the client certificate cannot sign; nothing was sent.
    Certificate {
        /// The file.
        #[serde(serialize_with = "class::name")]
        file: String,
        /// The reason.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// The file that the agent of Azure Arc wants to see cannot be read.
    IdentityKey {
        /// The file.
        #[serde(serialize_with = "class::name")]
        path: String,
        /// The reason.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// This endpoint has no such kind of identity.
    IdentityNotSupported {
        /// The endpoint.
        endpoint: IdentityEndpoint,
        /// Why, as a clause.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// A command is not installed.
    CommandMissing {
        /// The command.
        #[serde(serialize_with = "class::word")]
        command: String,
    },
    /// A command failed.
    CommandFailed {
        /// The command.
        #[serde(serialize_with = "class::word")]
        command: String,
        /// Its exit code.
        exit: Option<i32>,
        /// Its error output, at most 2,000 characters.
        #[serde(serialize_with = "class::free")]
        stderr: String,
    },
    /// The way to the token authority is broken (name, route, proxy, TLS).
    Transport {
        /// The host.
        #[serde(serialize_with = "class::name")]
        host: String,
        /// The client library's words.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
    /// The answer was not what the authority sends: a block page, mostly.
    UnexpectedAnswer {
        /// The host.
        #[serde(serialize_with = "class::name")]
        host: String,
        /// The status.
        status: u16,
        /// The content type.
        #[serde(serialize_with = "class::word")]
        content_type: String,
    },
    /// No answer within the timeout.
    Silent {
        /// Who was asked.
        #[serde(serialize_with = "class::clause")]
        who: String,
    },
    /// Anything else.
    Failed {
        /// The library's words.
        #[serde(serialize_with = "class::free")]
        detail: String,
    },
}

/// An error document of the token authority.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct EntraError {
    /// The HTTP status.
    pub status: u16,
    /// OAuth's error, such as `invalid_client`.
    #[serde(serialize_with = "class::word")]
    pub error: String,
    /// The AADSTS numbers.
    pub codes: Vec<u32>,
    /// The description up to its trailer, at most 2,000 characters.
    #[serde(serialize_with = "class::free")]
    pub description: String,
    /// For the support ticket.
    #[serde(serialize_with = "class::id")]
    pub trace_id: Option<String>,
    /// For the support ticket.
    #[serde(serialize_with = "class::id")]
    pub correlation_id: Option<String>,
    /// For the support ticket.
    #[serde(serialize_with = "class::word")]
    pub timestamp: Option<String>,
    /// OAuth's sub-error.
    #[serde(serialize_with = "class::word")]
    pub suberror: Option<String>,
    /// Whether the answer asks for more claims (a Conditional Access challenge).
    pub asks_for_claims: bool,
    /// How long to wait, in seconds.
    pub retry_after: Option<u64>,
}

impl CredentialTrace {
    /// The attempt that gave the token.
    #[must_use]
    pub fn chosen(&self) -> Option<&CredentialAttempt> {
        self.attempts.iter().find(|attempt| attempt.outcome == CredentialOutcome::Token)
    }
}

impl CredentialKind {
    /// The name of `--credential`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::TokenFile => "token-file",
            Self::Password => "password",
            Self::ClientSecret => "client-secret",
            Self::ClientCertificate => "client-certificate",
            Self::WorkloadIdentity => "workload-identity",
            Self::ManagedIdentity => "managed-identity",
            Self::AzureCli => "azure-cli",
            Self::AzureDeveloperCli => "azure-developer-cli",
            Self::AzurePipelines => "azure-pipelines",
        }
    }

    /// Whether the token authority itself is asked by this machine (and must be reachable from it).
    #[must_use]
    pub const fn needs_authority(self) -> bool {
        match self {
            Self::ClientSecret
            | Self::ClientCertificate
            | Self::WorkloadIdentity
            | Self::AzureCli
            | Self::AzureDeveloperCli
            | Self::AzurePipelines => true,
            Self::Auto | Self::TokenFile | Self::Password | Self::ManagedIdentity => false,
        }
    }
}
