//! How a token was obtained, or why not.

use super::settings::Origin;
use serde::{Deserialize, Serialize};

/// The sources tried, in order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CredentialTrace {
    /// What `--credential` asked for; `auto` walks the chain.
    pub requested: CredentialKind,
    /// Every source of the chain, those that cannot apply included.
    pub attempts: Vec<CredentialAttempt>,
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
    /// AZURE_CLIENT_SECRET.
    ClientSecret,
    /// AZURE_CLIENT_CERTIFICATE_PATH.
    ClientCertificate,
    /// AZURE_FEDERATED_TOKEN_FILE.
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
    pub identity: Option<String>,
    /// The tenant asked.
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
    pub issuer: String,
    /// Its subject.
    pub subject: String,
    /// Its audience.
    pub audience: String,
    /// Its end of validity, in seconds since 1970.
    pub expires: Option<i64>,
    /// The file it was read from.
    pub file: String,
}

/// A client certificate; of its key nothing is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClientCertificate {
    /// The file it was read from.
    pub file: String,
    /// Its subject.
    pub subject: String,
    /// Its SHA-1 thumbprint in hexadecimal digits, as Azure shows it.
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
        needs: String,
    },
    /// Nothing was sent or started, since a secret would have gone to the wrong place.
    Withheld {
        /// Why, as a clause.
        detail: String,
    },
    /// An environment variable names an endpoint to which a secret must not be sent.
    UnsafeEndpoint {
        /// The variable.
        variable: String,
        /// The endpoint's scheme and host.
        endpoint: String,
        /// What is wrong with it, as a clause.
        detail: String,
    },
    /// Another source gave a token first.
    NotTried,
    /// It is half configured.
    Incomplete {
        /// The variables or files that are missing.
        missing: Vec<String>,
    },
    /// The token authority refused.
    Entra(EntraError),
    /// The metadata service, or its relatives, refused.
    IdentityEndpoint {
        /// Which endpoint: `imds`, `app-service`, `arc`, `azure-pipelines`.
        endpoint: String,
        /// The status.
        status: u16,
        /// The `error` field, or empty.
        error: String,
        /// The description, at most 1,000 characters.
        description: String,
    },
    /// The metadata service, or its relatives, cannot be reached.
    IdentityEndpointUnreachable {
        /// Which endpoint: `imds`, `app-service`, `arc`.
        endpoint: String,
        /// What happened.
        detail: String,
    },
    /// A pod, or a job, to which nothing or not everything of its federated identity was given.
    Unwired {
        /// The variables or files that are missing.
        missing: Vec<String>,
        /// Whether this is a pod of Kubernetes.
        in_pod: bool,
    },
    /// The file of the client certificate cannot sign; nothing was sent.
    Certificate {
        /// The file.
        file: String,
        /// Why.
        detail: String,
    },
    /// The file that the agent of Azure Arc wants to see cannot be read.
    IdentityKey {
        /// The file.
        path: String,
        /// Why.
        detail: String,
    },
    /// This endpoint has no such kind of identity.
    IdentityNotSupported {
        /// Which endpoint: `arc`.
        endpoint: String,
        /// Why, as a clause.
        detail: String,
    },
    /// A command is not installed.
    CommandMissing {
        /// The command.
        command: String,
    },
    /// A command failed.
    CommandFailed {
        /// The command.
        command: String,
        /// Its exit code.
        exit: Option<i32>,
        /// Its error output, at most 2,000 characters.
        stderr: String,
    },
    /// The way to the token authority is broken (name, route, proxy, TLS).
    Transport {
        /// The host.
        host: String,
        /// The client library's words.
        detail: String,
    },
    /// The answer was not what the authority sends: a block page, mostly.
    UnexpectedAnswer {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
    },
    /// No answer within the timeout.
    Silent {
        /// Who was asked.
        who: String,
    },
    /// Anything else.
    Failed {
        /// The library's words.
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
    pub error: String,
    /// The AADSTS numbers.
    pub codes: Vec<u32>,
    /// The description up to its trailer, at most 2,000 characters.
    pub description: String,
    /// For the support ticket.
    pub trace_id: Option<String>,
    /// For the support ticket.
    pub correlation_id: Option<String>,
    /// For the support ticket.
    pub timestamp: Option<String>,
    /// OAuth's sub-error.
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
