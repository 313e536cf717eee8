//! The problems of obtaining a token, with their pages.

use crate::{
    check::{Fragment, Page, Problem, Service, Waiting},
    verdict::Actor,
};

const LEARN: &str = "Microsoft Learn: Microsoft Entra authentication and authorization error codes";
pub(crate) const IDENTITY: &str =
    "Microsoft Learn: How managed identities for Azure resources work";

/// No credential was found.
pub static NO_CREDENTIAL: Problem = Problem {
    id: "token/no-credential",
    title: "no credential found",
    explains: &["claims/*", "login/*", "access/*"],
    local: true,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("empty password returned by client", 92),
        Fragment::new("no password has been provided but the backend requires one", 90),
        Fragment::new("no password or passwordprovider", 90),
        Fragment::new("no password or password provider", 90),
        Fragment::new("client password must be a string", 90),
        Fragment::new("password is an empty string", 88),
        Fragment::new("no password was provided by plugin", 88),
        Fragment::new("but no password was provided", 86),
        Fragment::new("no password supplied", 84),
        Fragment::new("password is missing", 84),
        Fragment::new("empty password", 80),
        Fragment::new("azure powershell authentication failed", 82),
        Fragment::new("connect-azaccount", 82),
        Fragment::new("retrieve a token from the included credentials", 78),
        Fragment::new("defaultazurecredential: failed to acquire a token", 78),
        Fragment::new("defaultazurecredential authentication failed", 76),
        Fragment::new("chainedtokencredential authentication failed", 76),
        Fragment::new("defaultazurecredential failed", 74),
        Fragment::new("aggregateauthenticationerror", 72),
        Fragment::new("az.accounts", 64),
        Fragment::new("credentialunavailable", 58),
        Fragment::new("sharedtokencachecredential authentication unavailable", 58),
        Fragment::new("azurepowershellcredential", 58),
        Fragment::new("visualstudiocodecredential", 58),
        Fragment::new("interactivebrowsercredential", 56),
    ],
    page: Page {
        means: "No token was given, and none of the credentials that this tool tries is \
            configured on this machine. An application can still find others, such as Azure \
            PowerShell.",
        causes: &[
            "no sign-in on this machine",
            "a job without its service connection or variables",
            "a machine outside Azure, without Azure CLI",
        ],
        confirm: &["`entra-pg token -v` lists every source and what it needs"],
        fix: &[(
            Actor::You,
            "`az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or \
                give a token with --token-file",
        )],
        mistaken_for: &["token/no-managed-identity: there the metadata service answers"],
        sources: &["Microsoft Learn: Credential chains in the Azure Identity libraries"],
    },
    ..Problem::DEFAULT
};

/// The environment variables of a credential are incomplete.
pub static ENVIRONMENT_INCOMPLETE: Problem = Problem {
    id: "token/environment-incomplete",
    title: "environment variables of the credential are incomplete",
    explains: &["claims/*", "login/*", "access/*"],
    local: true,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("incomplete environment variable configuration", 86),
        Fragment::new("system_accesstoken", 84),
        Fragment::new("missing environment variable azure_", 74),
        Fragment::new("environment variables are not fully configured", 74),
        Fragment::new("environmentcredential authentication unavailable", 72),
        Fragment::new("environmentcredential is unavailable", 72),
        Fragment::new("environmentcredential: is unavailable", 72),
        Fragment::new("environmentcredential: environment variable", 70),
        Fragment::new("azure_tenant_id … not set", 62),
        Fragment::new("azure_client_id … not set", 62),
        Fragment::new("azure_client_secret … not set", 62),
    ],
    page: Page {
        means: "Some variables of a service principal are set and others are missing, so the \
            SDKs skip the credential or fail.",
        causes: &[
            "a variable is left over from another job",
            "a secret that is empty in this context (a fork's pull request)",
        ],
        confirm: &["`env | grep ^AZURE_ | cut -d= -f1`"],
        fix: &[(
            Actor::You,
            "set all of AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or none",
        )],
        mistaken_for: &["token/secret-wrong: there Microsoft Entra ID receives the request"],
        sources: &["Microsoft Learn: EnvironmentCredential"],
    },
    ..Problem::DEFAULT
};

/// An identity endpoint that must not receive a secret.
pub static UNSAFE_ENDPOINT: Problem = Problem {
    id: "token/unsafe-endpoint",
    title: "an identity endpoint in the environment must not receive a secret",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    page: Page {
        means: "An environment variable names the endpoint that is asked for a token, and requests \
            to it carry a secret: X-IDENTITY-HEADER, the job's access token, or the proof of Azure \
            Arc. The value is not a URL with a plain host name, or it uses http to a host outside \
            this machine, where everyone on the path can read the secret.",
        causes: &[
            "a variable of a test or of another machine",
            "http instead of https",
            "someone changed the environment to collect secrets",
        ],
        confirm: &["`env | grep -E 'IDENTITY_ENDPOINT|MSI_ENDPOINT|IMDS_ENDPOINT|OIDCREQUESTURI'`"],
        fix: &[
            (Actor::You, "unset the variable, or restore the value that the platform sets"),
            (Actor::You, "replace a secret that was already sent"),
        ],
        mistaken_for: &[
            "token/identity-endpoint-unreachable: there the endpoint is local and does not answer",
        ],
        sources: &[IDENTITY],
    },
    ..Problem::DEFAULT
};

/// The Azure CLI is not installed.
pub static CLI_MISSING: Problem = Problem {
    id: "token/cli-missing",
    title: "the Azure CLI is not installed",
    explains: &["claims/*", "login/*", "access/*"],
    local: true,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("azure cli not found", 86),
        Fragment::new("azure cli is not installed", 86),
        Fragment::new("azure cli not installed", 86),
        Fragment::new("azure cli could not be found", 86),
        Fragment::new("azure developer cli could not be found", 86),
        Fragment::new("azure developer cli not found", 86),
        Fragment::new("azure developer cli is not installed", 86),
        Fragment::new("az: command not found", 88),
        Fragment::new("az: not found", 88),
        Fragment::new("azd: command not found", 88),
        Fragment::new("azd: not found", 88),
        Fragment::new("'az' is not recognized", 88),
        Fragment::new("'azd' is not recognized", 88),
        Fragment::new("exec: \"az\": executable file not found", 88),
        Fragment::new("spawn az enoent", 88),
        Fragment::new("cannot run program \"az\"", 88),
        Fragment::new("no such file or directory: 'az'", 88),
        Fragment::new("failed to invoke the azure cli", 74),
        Fragment::new("failed to execute \"az", 74),
    ],
    page: Page {
        means: "The credential runs a command to get the token, and the command is not installed \
            or not on PATH.",
        causes: &["a container without it", "another PATH under sudo, cron or systemd"],
        confirm: &["`command -v az`"],
        fix: &[(Actor::You, "install it, correct PATH, or choose another credential")],
        mistaken_for: &["token/cli-signed-out"],
        sources: &["Microsoft Learn: AzureCliCredential"],
    },
    ..Problem::DEFAULT
};

/// The Azure CLI is not signed in.
pub static CLI_SIGNED_OUT: Problem = Problem {
    id: "token/cli-signed-out",
    title: "the Azure CLI is not signed in",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("please run 'az login'", 82),
        Fragment::new("please run: az login", 82),
        Fragment::new("run az login", 80),
        Fragment::new("azd auth login", 80),
        Fragment::new("not logged in, run", 80),
        Fragment::new("not logged into azure", 80),
        // The endpoint of Cloud Shell gives tokens for some resources only; az login replaces it.
        Fragment::new("localhost:50342/oauth2/token", 79),
        Fragment::new("no subscription found", 78),
        Fragment::new("az login", 76),
        Fragment::new("no accounts were found in the cache", 62),
    ],
    page: Page {
        means: "The command is installed, but no account is signed in.",
        causes: &[
            "never signed in on this machine",
            "another HOME or AZURE_CONFIG_DIR: sudo, cron, a container",
        ],
        confirm: &["`az account show`"],
        fix: &[(Actor::You, "`az login`")],
        mistaken_for: &["token/session-expired: there an account is signed in, and its session \
            has expired"],
        sources: &["Microsoft Learn: Sign in with the Azure CLI"],
    },
    ..Problem::DEFAULT
};

/// The Azure CLI fails in another way.
pub static CLI_FAILED: Problem = Problem {
    id: "token/cli-failed",
    title: "the Azure CLI fails",
    explains: &["claims/*", "login/*", "access/*"],
    page: Page {
        means: "The command is installed and ends without a token. Its message names neither a \
            missing sign-in nor an AADSTS number.",
        causes: &[
            "a damaged installation or Python environment of the Azure CLI",
            "a profile folder (AZURE_CONFIG_DIR) that is read-only, locked or damaged",
            "a crash, or a script with the name of the command",
        ],
        confirm: &["`az account get-access-token --query expiresOn` prints the same error"],
        fix: &[
            (Actor::You, "fix what the message names, or reinstall the command"),
            (Actor::You, "until then, use another credential"),
        ],
        mistaken_for: &["token/cli-signed-out: there the command works and has no account"],
        sources: &["Microsoft Learn: Troubleshooting Azure CLI"],
    },
    ..Problem::DEFAULT
};

/// The sign-in session has expired.
pub static SESSION_EXPIRED: Problem = Problem {
    id: "token/session-expired",
    title: "the sign-in session has expired",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("refresh token has expired", 88),
        Fragment::new("refresh token is not valid", 88),
        Fragment::new("refresh token is invalid", 88),
        Fragment::new("refresh token … revoked", 86),
        Fragment::new("session has expired or", 80),
        Fragment::new("invalid_grant", 56),
    ],
    page: Page {
        means: "The refresh token has expired, or was revoked by a new password or a policy.",
        causes: &["90 days without use", "a changed password", "a sign-in frequency policy"],
        confirm: &[
            "`az account get-access-token --query expiresOn -o tsv` asks for interactive authentication",
        ],
        fix: &[(Actor::You, "sign in again: `az login --tenant $TENANT --scope $SCOPE`")],
        mistaken_for: &["claims/expired: there a token was given, and it has expired"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The endpoint of managed identities is unreachable.
pub static IDENTITY_ENDPOINT_UNREACHABLE: Problem = Problem {
    id: "token/identity-endpoint-unreachable",
    title: "the managed identity endpoint is unreachable",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("connection to imds endpoint cannot be established", 86),
        Fragment::new("no response received from the managed identity endpoint", 82),
        Fragment::new("managed identity endpoint is not available", 82),
        Fragment::new("managed identity authentication is not available", 80),
        Fragment::new("cannot connect to host localhost:42356", 82),
        Fragment::new("cannot connect to host 169.254.169.254", 82),
        Fragment::new("managed identity endpoint is not reachable", 82),
        Fragment::new("unable to connect to the managed identity endpoint", 82),
        Fragment::new("could not connect to the managed identity endpoint", 82),
        Fragment::new("imds is not available", 82),
        Fragment::new("imds endpoint is not available", 80),
        Fragment::new("failed to connect to imds", 80),
        Fragment::new("no response from the imds endpoint", 76),
        Fragment::new("imds … timed out", 76),
        Fragment::new("managed identity timed out", 76),
        Fragment::new("no managed identity endpoint found", 74),
        Fragment::new("managedidentitycredential authentication unavailable", 70),
        Fragment::new("managedidentitycredential: authentication unavailable", 70),
        Fragment::new("169.254.169.254", 58),
        Fragment::new("connection timed out", 59),
        Fragment::new("connect timed out", 59),
        Fragment::new("connect timeout", 59),
        Fragment::new("operation timed out", 59),
        Fragment::new("timed out", 58),
        Fragment::new("etimedout", 58),
        Fragment::new("i/o timeout", 58),
        Fragment::new("context deadline exceeded", 58),
        Fragment::new("connection refused", 59),
        Fragment::new("econnrefused", 59),
        Fragment::new("no route to host", 59),
        Fragment::new("network is unreachable", 59),
        Fragment::new("host is unreachable", 59),
        Fragment::new("failed to connect", 59),
    ],
    service: Some(Service::Identity),
    page: Page {
        means: "The endpoint of managed identities (169.254.169.254, or IDENTITY_ENDPOINT) does \
            not answer.",
        causes: &[
            "this machine is not in Azure",
            "a container or pod that cannot reach the endpoint of its host",
            "a rule denies the service tag AzurePlatformIMDS",
            "the request goes to HTTP_PROXY",
        ],
        confirm: &["`curl -m 2 -H Metadata:true --noproxy '*' \
            'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`"],
        fix: &[
            (Actor::You, "run it in Azure, or choose another credential"),
            (Actor::Network, "allow 169.254.169.254 on TCP 80, without a proxy"),
        ],
        mistaken_for: &["token/no-managed-identity: there the endpoint answers"],
        sources: &[IDENTITY],
    },
    ..Problem::DEFAULT
};

/// The requested managed identity is not assigned.
pub static NO_MANAGED_IDENTITY: Problem = Problem {
    id: "token/no-managed-identity",
    title: "the requested managed identity is not assigned",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("identity not found", 88),
        Fragment::new("user assigned or delegated managed identity found", 90),
        Fragment::new("not supported by the azure arc managed identity", 90),
        Fragment::new("user-assigned managed identity is not supported", 90),
        Fragment::new("requested identity has not been assigned to this resource", 87),
        Fragment::new("requested identity isn't assigned", 86),
        Fragment::new("no identity has been assigned", 84),
        Fragment::new("identity is not assigned to this resource", 84),
        Fragment::new("no default identity is assigned to this resource", 80),
        Fragment::new("no managed identity found", 80),
        Fragment::new("failed to connect to msi", 80),
        Fragment::new("no azure identity found for request", 80),
        Fragment::new("system-assigned identity is not", 78),
        Fragment::new("no system assigned", 78),
        Fragment::new("no managed identity endpoint found", 72),
        Fragment::new("managedidentitycredential authentication unavailable", 70),
        Fragment::new("managedidentitycredential authentication failed … status code 404", 70),
        Fragment::new("getting assigned identities for pod", 66),
    ],
    page: Page {
        means: "The endpoint of managed identities answers that this machine, app or pod does \
            not have the identity.",
        causes: &[
            "no identity is assigned",
            "the client ID is an object ID, or belongs to a deleted identity",
        ],
        confirm: &["`az vm identity show -g $RG -n $VM`"],
        fix: &[(Actor::AzureOwner, "assign the identity"), (Actor::You, "correct AZURE_CLIENT_ID")],
        mistaken_for: &["token/ambiguous-managed-identity"],
        sources: &[IDENTITY],
    },
    ..Problem::DEFAULT
};

/// Several identities exist, and the request names none.
pub static AMBIGUOUS_MANAGED_IDENTITY: Problem = Problem {
    id: "token/ambiguous-managed-identity",
    title: "several managed identities exist and the request names none",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("multiple user assigned identities", 94),
        Fragment::new("multiple user-assigned identities", 94),
        Fragment::new("unable to load the proper managed identity", 94),
        Fragment::new("unable to load the requested managed identity", 94),
        Fragment::new("multiple managed identities", 90),
        Fragment::new("specify the clientid / resourceid of the identity", 88),
        Fragment::new("not supported by the azure arc managed identity", 64),
    ],
    page: Page {
        means: "User-assigned identities are assigned, and the request does not name one. App \
            Service and Container Apps also answer so if only one is assigned.",
        causes: &[
            "AZURE_CLIENT_ID is not set",
            "a pod that falls through to the node's identities",
        ],
        confirm: &["`az vm identity show -g $RG -n $VM --query userAssignedIdentities`"],
        fix: &[(Actor::You, "set AZURE_CLIENT_ID to the client ID of the right one")],
        mistaken_for: &["token/no-managed-identity"],
        sources: &[IDENTITY],
    },
    ..Problem::DEFAULT
};

/// The endpoint of managed identities is overloaded or being updated.
pub static IDENTITY_ENDPOINT_BUSY: Problem = Problem {
    id: "token/identity-endpoint-busy",
    title: "the managed identity endpoint is overloaded or being updated",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("failed to retrieve imds token", 70),
        Fragment::new("failed to get imds token", 70),
        Fragment::new("too many requests", 59),
        Fragment::new("service unavailable", 58),
        Fragment::new("internal server error", 58),
        Fragment::new("status code 410", 58),
        Fragment::new("status code 429", 58),
        Fragment::new("error occurred while fetching the aad token", 84),
        Fragment::new("imds … 410 gone", 72),
        Fragment::new("imds … 429", 72),
    ],
    service: Some(Service::Identity),
    page: Page {
        means: "The endpoint of managed identities throttles requests, is being updated (410, \
            for up to 70 seconds), or fails.",
        causes: &["many processes ask at once", "maintenance of the host"],
        confirm: &["the status in the evidence"],
        fix: &[(Actor::You, "wait and try again; cache tokens")],
        mistaken_for: &["token/identity-endpoint-unreachable"],
        sources: &[IDENTITY],
    },
    ..Problem::DEFAULT
};

/// No federated credential matches the token presented.
pub static FEDERATION_MISMATCH: Problem = Problem {
    id: "token/federation-mismatch",
    title: "no federated credential matches the token presented",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("no matching federated identity record found", 91),
        Fragment::new("no configured federated identity", 90),
        Fragment::new("federated identity credential … does not match", 86),
    ],
    page: Page {
        means: "The application's federated credentials name another issuer, subject or audience \
            than the token that was presented.",
        causes: &[
            "namespace or service account renamed",
            "branch, environment or pull request of a workflow",
            "a slash at the end of the issuer",
        ],
        confirm: &[
            "compare issuer, subject and audience in the evidence with `az ad app federated-credential list --id $APP_ID`",
        ],
        fix: &[(Actor::EntraAdmin, "make them identical, including letter case")],
        mistaken_for: &["token/assertion-expired"],
        sources: &["Microsoft Learn: Workload identity federation"],
    },
    ..Problem::DEFAULT
};

/// The federated token or assertion is out of date.
pub static ASSERTION_EXPIRED: Problem = Problem {
    id: "token/assertion-expired",
    title: "the federated token or assertion is out of date",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("client assertion is not within its valid time range", 91),
        Fragment::new("assertion is not within its valid time range", 91),
        Fragment::new("assertion has expired", 88),
        Fragment::new("assertion is expired", 88),
    ],
    page: Page {
        means: "By the clock of Microsoft Entra ID, the assertion has expired or is not valid yet.",
        causes: &[
            "the token of a workflow is used minutes after it was issued",
            "this machine's clock is wrong",
        ],
        confirm: &["`date -u`, and exp of the federated token in the evidence"],
        fix: &[(Actor::You, "read the token file again right before use; set the clock")],
        mistaken_for: &["clock/skewed, which causes it"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// Workload identity is not configured in the pod.
pub static WORKLOAD_IDENTITY_UNWIRED: Problem = Problem {
    id: "token/workload-identity-unwired",
    title: "workload identity is not configured in the pod",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("getting assigned identities for pod", 92),
        Fragment::new("no azure identity found for request", 90),
        Fragment::new("azureidentitybinding", 90),
        Fragment::new("azure kubernetes environment is not set up correctly", 88),
        Fragment::new("no token file specified", 88),
        Fragment::new("azure-identity-token: no such file", 88),
        Fragment::new("failed to read the service account token", 88),
        Fragment::new("failed to read … azure-identity-token", 86),
        Fragment::new("workload options are not fully configured", 82),
        Fragment::new("no client id specified. check pod configuration", 80),
        Fragment::new("no tenant id specified. check pod configuration", 80),
        Fragment::new("workloadidentitycredential authentication unavailable", 80),
        Fragment::new("workloadidentitycredential: is unavailable", 80),
        Fragment::new("workloadidentitycredential is unavailable", 80),
        Fragment::new("workload identity … not fully configured", 80),
        Fragment::new("federatedtokenfilepath are required", 78),
        Fragment::new("azure_federated_token_file", 70),
        Fragment::new("/azure-identity-token:", 84),
    ],
    page: Page {
        means: "A federated identity needs a client ID, a tenant ID and the file of a projected \
            token. The webhook of AKS adds them to pods with its label; here they are missing, \
            so an SDK uses the identity of the node or finds none.",
        causes: &[
            "the label azure.workload.identity/use: \"true\" is missing on the pod (not on the \
                deployment)",
            "the service account has no annotation azure.workload.identity/client-id",
            "the pod was started before the label was added or the webhook was installed",
            "the token file is not mounted, or not readable for this user",
        ],
        confirm: &[
            "`env | grep ^AZURE_ | cut -d= -f1`",
            "`kubectl get pod $POD -o yaml | grep workload.identity`",
        ],
        fix: &[(
            Actor::You,
            "label the pod template, annotate the service account, and restart the pod",
        )],
        mistaken_for: &[
            "token/federation-mismatch: there Microsoft Entra ID rejected the token that was \
                presented",
            "token/ambiguous-managed-identity: such a pod can end up at the identities of the node",
        ],
        sources: &[
            "Azure/azure-workload-identity: Mutating admission webhook",
            "Microsoft Learn: Use Microsoft Entra Workload ID with AKS",
        ],
    },
    ..Problem::DEFAULT
};

/// The key file of Azure Arc cannot be read.
pub static ARC_KEY_UNREADABLE: Problem = Problem {
    id: "token/arc-key-unreadable",
    title: "the key file of Azure Arc cannot be read",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("/var/opt/azcmagent/tokens", 90),
        Fragment::new("azcmagent … permission denied", 88),
        Fragment::new("did not receive a value from www-authenticate", 84),
        Fragment::new("himds", 70),
    ],
    page: Page {
        means: "The agent of Azure Arc issues tokens only to privileged processes: it names a \
            file in /var/opt/azcmagent/tokens and requires its contents. This process cannot \
            read the file.",
        causes: &[
            "the user is not in the group himds",
            "a container without that folder",
            "the session is older than the group membership",
        ],
        confirm: &["`id -nG`, and `sudo ls -l /var/opt/azcmagent/tokens`"],
        fix: &[(
            Actor::You,
            "`sudo usermod -aG himds $USER_NAME`, then sign in to the machine again",
        )],
        mistaken_for: &["token/identity-endpoint-unreachable: there the agent does not answer"],
        sources: &[
            "Microsoft Learn: Authenticate against Azure resources with Azure Arc-enabled servers",
        ],
    },
    ..Problem::DEFAULT
};

/// The client secret is wrong.
pub static SECRET_WRONG: Problem = Problem {
    id: "token/secret-wrong",
    title: "the client secret is wrong",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("invalid client secret", 93), Fragment::new("invalid_client", 59)],
    page: Page {
        means: "Microsoft Entra ID knows the application, and the secret is not one of its \
            current secrets.",
        causes: &[
            "the ID of the secret was used instead of its value",
            "a secret of another application",
            "a secret that was removed",
            "special characters lost in a shell or YAML",
        ],
        confirm: &["a value that looks like a GUID is the id"],
        fix: &[(Actor::EntraAdmin, "make a new secret"), (Actor::You, "set its value")],
        mistaken_for: &["token/secret-expired", "token/app-unknown"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The client secret has expired.
pub static SECRET_EXPIRED: Problem = Problem {
    id: "token/secret-expired",
    title: "the client secret has expired",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("client secret keys … are expired", 91),
        Fragment::new("client secret … has expired", 90),
        Fragment::new("invalid_client", 58),
    ],
    page: Page {
        means: "The secret belongs to the application and has expired.",
        causes: &["the portal creates secrets for at most two years, often for six months"],
        confirm: &["`az ad app credential list --id $APP_ID`"],
        fix: &[(Actor::EntraAdmin, "make a new secret, or better a federated credential")],
        mistaken_for: &["token/secret-wrong"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The client certificate is not accepted.
pub static CERTIFICATE_REJECTED: Problem = Problem {
    id: "token/certificate-rejected",
    title: "the client certificate is not accepted",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("certificate … is not registered on application", 88),
        Fragment::new("certificate with … thumbprint … not registered", 88),
        Fragment::new("invalid_client", 56),
    ],
    page: Page {
        means: "The certificate that signed the assertion is not registered for the application, \
            or does not fit.",
        causes: &[
            "not uploaded",
            "renewed on one side only",
            "the leaf certificate is not the first in the file",
        ],
        confirm: &["compare thumbprints with `az ad app credential list --id $APP_ID --cert`"],
        fix: &[(Actor::EntraAdmin, "upload the certificate")],
        mistaken_for: &["token/secret-wrong"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The application does not exist in this tenant.
pub static APP_UNKNOWN: Problem = Problem {
    id: "token/app-unknown",
    title: "the application does not exist in this tenant",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("application with identifier … was not found in the directory", 90),
        Fragment::new("service principal … was not found in the directory", 88),
        Fragment::new("unauthorized_client", 59),
    ],
    page: Page {
        means: "No application with this id has a service principal in the tenant that was asked.",
        causes: &[
            "an object ID was used instead of the application ID",
            "the wrong tenant",
            "the application was created a minute ago and is not replicated yet",
        ],
        confirm: &["`az ad sp show --id $APP_ID` in that tenant"],
        fix: &[
            (Actor::You, "use the application (client) id and its tenant"),
            (Actor::EntraAdmin, "create the service principal: `az ad sp create --id $APP_ID`"),
        ],
        mistaken_for: &["token/tenant-unknown"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The application is disabled.
pub static APP_DISABLED: Problem = Problem {
    id: "token/app-disabled",
    title: "the application is disabled",
    explains: &["claims/*", "login/*", "access/*"],
    page: Page {
        means: "The application, or the service principal of the resource, is switched off in \
            this tenant.",
        causes: &["an administrator disabled it"],
        confirm: &["Enterprise applications, \"Enabled for users to sign in\""],
        fix: &[(Actor::EntraAdmin, "enable it")],
        mistaken_for: &["token/app-unknown"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The tenant does not exist in this cloud.
pub static TENANT_UNKNOWN: Problem = Problem {
    id: "token/tenant-unknown",
    title: "the tenant does not exist in this cloud",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("check to make sure you have the correct tenant id", 90),
        Fragment::new("specified tenant identifier", 90),
        Fragment::new("invalid tenant id provided", 90),
        Fragment::new("invalid_tenant", 88),
        Fragment::new("not configured to acquire tokens for tenant", 86),
        Fragment::new("unable to get authority configuration", 74),
    ],
    page: Page {
        means: "The requested tenant does not exist in this cloud.",
        causes: &[
            "a typing error in AZURE_TENANT_ID",
            "a tenant of another cloud",
            "an empty variable",
        ],
        confirm: &[
            "`curl https://login.microsoftonline.com/$TENANT/v2.0/.well-known/openid-configuration`",
        ],
        fix: &[(Actor::You, "set the ID of the tenant, or select the cloud with --cloud")],
        mistaken_for: &["token/app-unknown"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The requested resource does not exist in this tenant.
pub static RESOURCE_UNKNOWN: Problem = Problem {
    id: "token/resource-unknown",
    title: "the requested resource does not exist in this tenant",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("is not a supported msi token audience", 93),
        Fragment::new("resource principal named … was not found in the tenant", 90),
        Fragment::new("invalid_resource", 76),
    ],
    page: Page {
        means: "The scope names a resource that has no service principal here.",
        causes: &[
            "the name of the server is used as resource",
            "the public resource in another cloud",
        ],
        confirm: &["`az ad sp show --id 123cd850-d9df-40bd-94d5-c9f07b7fa203`"],
        fix: &[(Actor::You, "request https://ossrdbms-aad.database.windows.net/.default")],
        mistaken_for: &["claims/wrong-audience: there a token was issued, for another resource"],
        sources: &["Azure/azure-cli#14948"],
    },
    ..Problem::DEFAULT
};

/// The scope is not valid.
pub static SCOPE_WRONG: Problem = Problem {
    id: "token/scope-wrong",
    title: "the scope is not valid",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("must have a scope value with /.default", 90),
        Fragment::new("invalid_scope", 80),
        Fragment::new("scopepermissionerror", 78),
        Fragment::new("input parameter scope … is not valid", 78),
    ],
    page: Page {
        means: "The scope is malformed; applications must request <resource>/.default.",
        causes: &["/.default is missing", "two resources in one request"],
        confirm: &["the scope in the error's text"],
        fix: &[(Actor::You, "request https://ossrdbms-aad.database.windows.net/.default")],
        mistaken_for: &["token/resource-unknown"],
        sources: &["MicrosoftDocs/azure-docs#113101"],
    },
    ..Problem::DEFAULT
};

/// MFA is required.
pub static MFA_REQUIRED: Problem = Problem {
    id: "token/mfa-required",
    title: "multifactor authentication (MFA) is required",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("must use multi-factor authentication", 89),
        Fragment::new("must enroll in multi-factor authentication", 88),
        Fragment::new("strong authentication is required", 86),
        Fragment::new("interaction_required", 60),
        Fragment::new("invalid_grant", 58),
    ],
    page: Page {
        means: "The tenant requires MFA for this resource, and the sign-in that was used cannot \
            provide it.",
        causes: &["a policy for the database resource", "a sign-in without a browser"],
        confirm: &[
            "`az login --scope https://ossrdbms-aad.database.windows.net/.default` asks for it",
        ],
        fix: &[(
            Actor::You,
            "sign in interactively for this scope; for jobs use a service principal or managed \
                identity",
        )],
        mistaken_for: &["token/conditional-access: there MFA does not help"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// A Conditional Access policy blocks the token.
pub static CONDITIONAL_ACCESS: Problem = Problem {
    id: "token/conditional-access",
    title: "a Conditional Access policy blocks the token",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("blocked by conditional access", 89),
        Fragment::new("device is required to be managed", 88),
        Fragment::new("conditional access policy", 84),
        Fragment::new("claims challenge", 82),
        Fragment::new("conditional access", 70),
        Fragment::new("interaction_required", 58),
        Fragment::new("invalid_grant", 57),
    ],
    page: Page {
        means: "A policy of the tenant does not allow a token for this resource from this \
            device, location or client.",
        causes: &[
            "a device that is not managed",
            "a named location (a subnet with the service endpoint Microsoft.AzureActiveDirectory \
                uses an IPv6 address)",
            "a platform that is not allowed",
        ],
        confirm: &["the sign-in log, by the correlation id in the evidence"],
        fix: &[(Actor::EntraAdmin, "review the policy for Azure OSSRDBMS Database")],
        mistaken_for: &["token/mfa-required"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// Consent is missing.
pub static CONSENT_MISSING: Problem = Problem {
    id: "token/consent-missing",
    title: "consent for the database service is missing",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("has not consented to use the application", 89),
        Fragment::new("need admin approval", 86),
        Fragment::new("needs permission to access resources … only an admin can grant", 86),
        Fragment::new("consent_required", 82),
    ],
    page: Page {
        means: "The client application may not request tokens for the database on behalf of users.",
        causes: &["a client application of your own without the permission user_impersonation"],
        confirm: &["API permissions of the application"],
        fix: &[(Actor::EntraAdmin, "grant consent")],
        mistaken_for: &["token/not-assigned"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The account is not in this tenant.
pub static USER_UNKNOWN: Problem = Problem {
    id: "token/user-unknown",
    title: "the account is not in this tenant",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("user account … does not exist in tenant", 88),
        Fragment::new("user account does not exist in the", 88),
        Fragment::new("does not exist in tenant … and cannot access the application", 86),
    ],
    page: Page {
        means: "The account belongs to another tenant, and is not a guest of this one, or has \
            not accepted the invitation.",
        causes: &[
            "signed in with another account",
            "an invitation that was not accepted",
            "the wrong tenant",
        ],
        confirm: &["`az account show --query user.name`"],
        fix: &[
            (Actor::You, "`az login --tenant $TENANT`"),
            (Actor::EntraAdmin, "invite the account as a guest"),
        ],
        mistaken_for: &["claims/wrong-tenant"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The account is disabled or locked, or its password has expired.
pub static USER_DISABLED: Problem = Problem {
    id: "token/user-disabled",
    title: "the account is disabled or locked, or its password has expired",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("user account is disabled", 86),
        Fragment::new("account is locked", 86),
    ],
    page: Page {
        means: "Microsoft Entra ID knows the account and does not allow it to sign in.",
        causes: &["disabled by an administrator", "locked after failures", "an expired password"],
        confirm: &["`az ad user show --id $USER_NAME --query accountEnabled`"],
        fix: &[(Actor::EntraAdmin, "enable or unlock it, or reset the password")],
        mistaken_for: &["token/user-unknown"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// User name or password is wrong.
pub static PASSWORD_WRONG: Problem = Problem {
    id: "token/password-wrong",
    title: "user name or password is wrong",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("invalid username or password", 90),
        Fragment::new("error validating credentials due to", 88),
    ],
    page: Page {
        means: "Microsoft Entra ID could not verify the user name and password. This concerns \
            the sign-in to Microsoft Entra ID, not the password of a PostgreSQL role.",
        causes: &[
            "a typing error, or an old password in a script, vault or variable",
            "the account has no password in Microsoft Entra ID (federated or passwordless)",
            "the user name belongs to another account",
        ],
        confirm: &["sign in at https://myaccount.microsoft.com with the same user name and \
            password"],
        fix: &[
            (Actor::You, "sign in with the browser: `az login --tenant $TENANT`"),
            (Actor::EntraAdmin, "reset the password"),
        ],
        mistaken_for: &[
            "token/user-disabled: there the password is right",
            "login/not-an-entra-role: there PostgreSQL compares a password",
        ],
        sources: &["https://learn.microsoft.com/entra/identity-platform/reference-error-codes"],
    },
    ..Problem::DEFAULT
};

/// The user is not assigned to the application.
pub static NOT_ASSIGNED: Problem = Problem {
    id: "token/not-assigned",
    title: "the user is not assigned to the application",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[Fragment::new("is not assigned to a role for the application", 89)],
    page: Page {
        means: "Only users who are assigned to the application may sign in.",
        causes: &["\"Assignment required\" is on"],
        confirm: &["Enterprise applications, Users and groups"],
        fix: &[(Actor::EntraAdmin, "assign the user or the group")],
        mistaken_for: &["token/consent-missing"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// The proxy restricts which tenants may be used.
pub static TENANT_RESTRICTED: Problem = Problem {
    id: "token/tenant-restricted",
    title: "the proxy restricts which tenants may be used",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("tenant restriction", 88),
        Fragment::new("restrict-access-to-tenants", 86),
    ],
    page: Page {
        means: "A proxy adds the header Restrict-Access-To-Tenants, and the header does not list \
            this tenant.",
        causes: &["the tenant restrictions of the company"],
        confirm: &["it works from another network"],
        fix: &[(Actor::Network, "add the tenant to the proxy's list")],
        mistaken_for: &["token/conditional-access"],
        sources: &["Microsoft Learn: Tenant restrictions"],
    },
    ..Problem::DEFAULT
};

/// Too many token requests.
pub static THROTTLED: Problem = Problem {
    id: "token/throttled",
    title: "too many token requests",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[Fragment::new("too many requests", 58), Fragment::new("status code 429", 58)],
    page: Page {
        means: "Microsoft Entra ID limits the rate of token requests from this client.",
        causes: &["a token for every connection, without a cache"],
        confirm: &["Retry-After in the answer"],
        fix: &[(Actor::You, "cache tokens until shortly before they expire")],
        mistaken_for: &["token/entra-transient"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// Microsoft Entra ID is temporarily unavailable.
pub static ENTRA_TRANSIENT: Problem = Problem {
    id: "token/entra-transient",
    title: "Microsoft Entra ID is temporarily unavailable",
    explains: &["claims/*", "login/*", "access/*"],
    fragments: &[
        Fragment::new("temporarily_unavailable", 80),
        Fragment::new("transient error", 60),
    ],
    page: Page {
        means: "Microsoft Entra ID reports a temporary error of its own.",
        causes: &["a temporary failure of the service"],
        confirm: &["https://status.azure.com"],
        fix: &[(Actor::You, "try again"), (Actor::Microsoft, "open a support request if it lasts")],
        mistaken_for: &["outbound/service-error: there even the discovery document fails"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// Microsoft Entra ID refused for another reason.
pub static OTHER_ENTRA_ERROR: Problem = Problem {
    id: "token/other-entra-error",
    title: "Microsoft Entra ID refused the token request",
    explains: &["claims/*", "login/*", "access/*"],
    waiting: Waiting::Useless,
    page: Page {
        means: "Microsoft Entra ID refused the token request for a reason that has no page of \
            its own. `entra-pg explain AADSTS<number>` explains every published number.",
        causes: &["the reason that the AADSTS number and its text give"],
        confirm: &["https://login.microsoftonline.com/error?code=<number> shows Microsoft's text"],
        fix: &[
            (Actor::You, "follow the text of the number"),
            (Actor::EntraAdmin, "find the sign-in in the sign-in log by its correlation ID"),
        ],
        mistaken_for: &["outbound/*: there Microsoft Entra ID was not reached"],
        sources: &[LEARN],
    },
    ..Problem::DEFAULT
};

/// Every problem of this file, in the order in which `checks` lists them.
pub const ALL: &[&Problem] = &[
    &NO_CREDENTIAL,
    &ENVIRONMENT_INCOMPLETE,
    &CLI_MISSING,
    &CLI_SIGNED_OUT,
    &CLI_FAILED,
    &SESSION_EXPIRED,
    &IDENTITY_ENDPOINT_UNREACHABLE,
    &NO_MANAGED_IDENTITY,
    &AMBIGUOUS_MANAGED_IDENTITY,
    &IDENTITY_ENDPOINT_BUSY,
    &FEDERATION_MISMATCH,
    &ASSERTION_EXPIRED,
    &WORKLOAD_IDENTITY_UNWIRED,
    &ARC_KEY_UNREADABLE,
    &SECRET_WRONG,
    &SECRET_EXPIRED,
    &CERTIFICATE_REJECTED,
    &APP_UNKNOWN,
    &APP_DISABLED,
    &TENANT_UNKNOWN,
    &RESOURCE_UNKNOWN,
    &SCOPE_WRONG,
    &MFA_REQUIRED,
    &CONDITIONAL_ACCESS,
    &CONSENT_MISSING,
    &USER_UNKNOWN,
    &USER_DISABLED,
    &PASSWORD_WRONG,
    &NOT_ASSIGNED,
    &TENANT_RESTRICTED,
    &THROTTLED,
    &ENTRA_TRANSIENT,
    &OTHER_ENTRA_ERROR,
    &UNSAFE_ENDPOINT,
];
