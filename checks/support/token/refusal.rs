//! The problems of obtaining a token, with their pages.

use crate::{check::problems, verdict::Actor};

const LEARN: &str = "Microsoft Learn: Microsoft Entra authentication and authorization error codes";
const IDENTITY: &str = "Microsoft Learn: How managed identities for Azure resources work";

problems! {
    explains &["claims/*", "login/*", "access/*"];
    NO_CREDENTIAL "token/no-credential" "no source of tokens applies"
        "No token was given, and none of the sources that the Azure SDKs try is configured on this machine."
        causes &["nobody is signed in", "a job without its service connection or variables", "a machine outside Azure, without Azure CLI"];
        confirm &["`entra-pg token -v` lists every source and what it needs"];
        fix &[(Actor::You, "`az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or give a token with --token-file")];
        not &["token/no-managed-identity: there the metadata service answers"];
        sources &["Microsoft Learn: Credential chains in the Azure Identity libraries"];
    ENVIRONMENT_INCOMPLETE "token/environment-incomplete" "the environment's credential is half configured"
        "Some variables of a service principal are set, and others are missing, so the SDKs pass it over or stop."
        causes &["a variable of another job is left over", "a secret that is empty in this context (a fork's pull request)"];
        confirm &["`env | grep ^AZURE_ | cut -d= -f1`"];
        fix &[(Actor::You, "set all of AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or none")];
        not &["token/secret-wrong: there the request is made"];
        sources &["Microsoft Learn: EnvironmentCredential"];
    CLI_MISSING "token/cli-missing" "the Azure CLI is not installed"
        "The credential asks a command for the token, and the command is not there."
        causes &["a container without it", "another PATH under sudo, cron or systemd"];
        confirm &["`command -v az`"];
        fix &[(Actor::You, "install it, correct PATH, or choose another credential")];
        not &["token/cli-signed-out"];
        sources &["Microsoft Learn: AzureCliCredential"];
    CLI_SIGNED_OUT "token/cli-signed-out" "nobody is signed in to the Azure CLI"
        "The command is there, and has no account that could get a token."
        causes &["never signed in on this machine", "another HOME or AZURE_CONFIG_DIR: sudo, cron, a container"];
        confirm &["`az account show`"];
        fix &[(Actor::You, "`az login`")];
        not &["token/session-expired: there is an account, and its session is over"];
        sources &["Microsoft Learn: Sign in with the Azure CLI"];
    SESSION_EXPIRED "token/session-expired" "the session is over"
        "The refresh token has expired, or was revoked by a new password or a policy."
        causes &["90 days without use", "a changed password", "a sign-in frequency policy"];
        confirm &["`az account get-access-token` asks for interactive authentication"];
        fix &[(Actor::You, "sign in again: `az login --tenant <tenant> --scope <scope>`")];
        not &["claims/expired: there a token was given, and is too old"];
        sources &[LEARN];
    IDENTITY_ENDPOINT_UNREACHABLE "token/identity-endpoint-unreachable" "the metadata service cannot be reached"
        "The managed identity's endpoint (169.254.169.254, or IDENTITY_ENDPOINT) does not answer."
        causes &["this machine is not in Azure", "a container or pod without a way to the host's endpoint", "a rule denies the service tag AzurePlatformIMDS", "HTTP_PROXY captures the request"];
        confirm &["`curl -m 2 -H Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'`"];
        fix &[(Actor::You, "run it in Azure, or choose another credential"), (Actor::Network, "let 169.254.169.254 through, without proxy")];
        not &["token/no-managed-identity: there the service answers"];
        sources &[IDENTITY];
    NO_MANAGED_IDENTITY "token/no-managed-identity" "the machine does not have that identity"
        "The metadata service answers, and knows no such identity on this machine."
        causes &["no identity is assigned", "the client id is an object id, or of a deleted identity"];
        confirm &["`az vm identity show`"];
        fix &[(Actor::AzureOwner, "assign the identity"), (Actor::You, "correct AZURE_CLIENT_ID")];
        not &["token/ambiguous-managed-identity"];
        sources &[IDENTITY];
    AMBIGUOUS_MANAGED_IDENTITY "token/ambiguous-managed-identity" "the machine has several identities, and none was chosen"
        "Several user-assigned identities are assigned, and the request does not say which."
        causes &["AZURE_CLIENT_ID is not set", "a pod that falls through to the node's identities"];
        confirm &["`az vm identity show --query userAssignedIdentities`"];
        fix &[(Actor::You, "set AZURE_CLIENT_ID to the client id of the right one")];
        not &["token/no-managed-identity"];
        sources &[IDENTITY];
    IDENTITY_ENDPOINT_BUSY "token/identity-endpoint-busy" "the metadata service is busy"
        "The metadata service throttles, is being updated (410, for up to 70 seconds), or fails."
        causes &["many processes ask at once", "maintenance of the host"];
        confirm &["the status in the evidence"];
        fix &[(Actor::You, "wait and try again; cache tokens")];
        not &["token/identity-endpoint-unreachable"];
        sources &[IDENTITY];
    FEDERATION_MISMATCH "token/federation-mismatch" "no federated credential matches the token presented"
        "The application's federated credentials name another issuer, subject or audience than the token that was presented."
        causes &["namespace or service account renamed", "branch, environment or pull request of a workflow", "a slash at the issuer's end"];
        confirm &["compare issuer, subject and audience in the evidence with `az ad app federated-credential list`"];
        fix &[(Actor::EntraAdmin, "make them equal, letter by letter")];
        not &["token/assertion-expired"];
        sources &["Microsoft Learn: Workload identity federation"];
    ASSERTION_EXPIRED "token/assertion-expired" "the federated token or assertion is out of date"
        "The assertion is not in its period of validity by Entra's clock."
        causes &["a workflow's token is used minutes after it was issued", "this machine's clock is wrong"];
        confirm &["`date -u`, and exp of the federated token in the evidence"];
        fix &[(Actor::You, "read the token file again right before use; set the clock")];
        not &["clock/skewed, which causes it"];
        sources &[LEARN];
    WORKLOAD_IDENTITY_UNWIRED "token/workload-identity-unwired" "the pod was not given its federated identity"
        "A federated identity needs a client id, a tenant id and the file of a projected token. The webhook of AKS puts them into pods that carry its label; here they are missing, so an SDK falls through to the node's own identity or to nothing."
        causes &["the label azure.workload.identity/use: \"true\" is missing on the pod (not on the deployment)", "the service account carries no annotation azure.workload.identity/client-id", "the pod was started before the label or the webhook", "the token file is not mounted, or not readable for this user"];
        confirm &["`env | grep ^AZURE_ | cut -d= -f1`", "`kubectl get pod <pod> -o yaml | grep workload.identity`"];
        fix &[(Actor::You, "label the pod template, annotate the service account, start the pod anew")];
        not &["token/federation-mismatch: there a token was presented, and Entra refused it", "token/ambiguous-managed-identity: the node's identities, which such a pod falls through to"];
        sources &["Azure/azure-workload-identity: Mutating admission webhook", "Microsoft Learn: Use Microsoft Entra Workload ID with AKS"];
    ARC_KEY_UNREADABLE "token/arc-key-unreadable" "the proof that Azure Arc wants cannot be read"
        "The agent of Azure Arc gives tokens to privileged processes only: it names a file below /var/opt/azcmagent/tokens and wants its contents back. This process cannot read it."
        causes &["the user is not in the group himds", "a container without that folder", "the session is older than the group membership"];
        confirm &["`id`, and `sudo ls -l /var/opt/azcmagent/tokens`"];
        fix &[(Actor::You, "`sudo usermod -aG himds <user>`, then sign in to the machine again")];
        not &["token/identity-endpoint-unreachable: there the agent does not answer"];
        sources &["Microsoft Learn: Authenticate against Azure resources with Azure Arc-enabled servers"];
    SECRET_WRONG "token/secret-wrong" "the client secret is wrong"
        "Entra knows the application, and the secret is not one of its secrets."
        causes &["the secret's id in place of its value", "a secret of another application", "a secret that was removed", "special characters lost in a shell or YAML"];
        confirm &["a value that looks like a GUID is the id"];
        fix &[(Actor::EntraAdmin, "make a new secret"), (Actor::You, "set its value")];
        not &["token/secret-expired", "token/app-unknown"];
        sources &[LEARN];
    SECRET_EXPIRED "token/secret-expired" "the client secret has expired"
        "The secret is the application's, and its time is over."
        causes &["secrets live two years at most, often six months"];
        confirm &["`az ad app credential list --id <application-id>`"];
        fix &[(Actor::EntraAdmin, "make a new secret, or better a federated credential")];
        not &["token/secret-wrong"];
        sources &[LEARN];
    CERTIFICATE_REJECTED "token/certificate-rejected" "the client certificate is not accepted"
        "The certificate that signed the assertion is not registered for the application, or does not fit."
        causes &["not uploaded", "renewed on one side only", "the leaf does not stand first in the file"];
        confirm &["compare thumbprints with `az ad app credential list --cert`"];
        fix &[(Actor::EntraAdmin, "upload the certificate")];
        not &["token/secret-wrong"];
        sources &[LEARN];
    APP_UNKNOWN "token/app-unknown" "the application is not known in this tenant"
        "No application with this id has a service principal in the tenant that was asked."
        causes &["an object id in place of the application id", "the wrong tenant", "created a minute ago, and not everywhere yet"];
        confirm &["`az ad sp show --id <application-id>` in that tenant"];
        fix &[(Actor::You, "use the application (client) id and its tenant"), (Actor::EntraAdmin, "create the service principal: `az ad sp create --id <application-id>`")];
        not &["token/tenant-unknown"];
        sources &[LEARN];
    APP_DISABLED "token/app-disabled" "the application is disabled"
        "The application, or the service principal of the resource, is switched off in this tenant."
        causes &["an administrator disabled it"];
        confirm &["Enterprise applications, \"Enabled for users to sign in\""];
        fix &[(Actor::EntraAdmin, "enable it")];
        not &["token/app-unknown"];
        sources &[LEARN];
    TENANT_UNKNOWN "token/tenant-unknown" "the tenant does not exist here"
        "The tenant named is not one of this cloud."
        causes &["a slip in AZURE_TENANT_ID", "a tenant of another cloud", "an empty variable"];
        confirm &["`curl https://login.microsoftonline.com/<tenant>/v2.0/.well-known/openid-configuration`"];
        fix &[(Actor::You, "set the tenant's id; choose the cloud with --cloud")];
        not &["token/app-unknown"];
        sources &[LEARN];
    RESOURCE_UNKNOWN "token/resource-unknown" "the resource asked for is not known in this tenant"
        "The scope names a resource that has no service principal here."
        causes &["the server's own name used as the resource", "the public resource in another cloud"];
        confirm &["`az ad sp show --id 123cd850-d9df-40bd-94d5-c9f07b7fa203`"];
        fix &[(Actor::You, "ask for https://ossrdbms-aad.database.windows.net/.default")];
        not &["claims/wrong-audience: there a token came, for something else"];
        sources &["Azure/azure-cli#14948"];
    SCOPE_WRONG "token/scope-wrong" "the scope is not valid"
        "The scope is malformed; applications must ask for <resource>/.default."
        causes &["/.default is missing", "two resources in one request"];
        confirm &["the scope in the error's text"];
        fix &[(Actor::You, "ask for https://ossrdbms-aad.database.windows.net/.default")];
        not &["token/resource-unknown"];
        sources &["MicrosoftDocs/azure-docs#113101"];
    MFA_REQUIRED "token/mfa-required" "a second factor is needed"
        "The tenant wants a second factor for this resource, and the way of signing in cannot give one."
        causes &["a policy for the database resource", "a sign-in without a browser"];
        confirm &["`az login --scope https://ossrdbms-aad.database.windows.net/.default` asks for it"];
        fix &[(Actor::You, "sign in interactively for this scope; for jobs use a service principal or managed identity")];
        not &["token/conditional-access: there no factor helps"];
        sources &[LEARN];
    CONDITIONAL_ACCESS "token/conditional-access" "a Conditional Access policy blocks the token"
        "A policy of the tenant does not allow a token for this resource from this device, place or client."
        causes &["a device that is not managed", "a named location (a virtual network with the Entra service endpoint shows an IPv6 address)", "a platform that is not allowed"];
        confirm &["the sign-in log, by the correlation id in the evidence"];
        fix &[(Actor::EntraAdmin, "review the policy for Azure OSSRDBMS Database")];
        not &["token/mfa-required"];
        sources &[LEARN];
    CONSENT_MISSING "token/consent-missing" "nobody has consented to this access"
        "The client application may not ask for tokens for the database on behalf of users."
        causes &["a client application of your own without the permission user_impersonation"];
        confirm &["API permissions of the application"];
        fix &[(Actor::EntraAdmin, "grant consent")];
        not &["token/not-assigned"];
        sources &[LEARN];
    USER_UNKNOWN "token/user-unknown" "the account is not in this tenant"
        "The account belongs to another tenant, and is not a guest of this one, or has not accepted the invitation."
        causes &["signed in with another account", "an invitation that waits", "the wrong tenant"];
        confirm &["`az account show --query user.name`"];
        fix &[(Actor::You, "`az login --tenant <the server's tenant>`"), (Actor::EntraAdmin, "invite the account as a guest")];
        not &["claims/wrong-tenant"];
        sources &[LEARN];
    USER_DISABLED "token/user-disabled" "the account is disabled, locked or its password is over"
        "Entra knows the account and does not let it sign in."
        causes &["disabled by an administrator", "locked after failures", "an expired password"];
        confirm &["`az ad user show --id <user> --query accountEnabled`"];
        fix &[(Actor::EntraAdmin, "enable or unlock it, or reset the password")];
        not &["token/user-unknown"];
        sources &[LEARN];
    NOT_ASSIGNED "token/not-assigned" "the user is not assigned to the application"
        "The application lets only assigned users in."
        causes &["\"Assignment required\" is on"];
        confirm &["Enterprise applications, Users and groups"];
        fix &[(Actor::EntraAdmin, "assign the user or the group")];
        not &["token/consent-missing"];
        sources &[LEARN];
    TENANT_RESTRICTED "token/tenant-restricted" "the proxy restricts which tenants may be used"
        "A proxy on the way adds the header Restrict-Access-To-Tenants, and this tenant is not in it."
        causes &["the company's tenant restriction"];
        confirm &["it works from another network"];
        fix &[(Actor::Network, "add the tenant to the proxy's list")];
        not &["token/conditional-access"];
        sources &["Microsoft Learn: Tenant restrictions"];
    THROTTLED "token/throttled" "too many token requests"
        "Entra asks to slow down."
        causes &["a token for every connection, without a cache"];
        confirm &["Retry-After in the answer"];
        fix &[(Actor::You, "cache tokens until shortly before they expire")];
        not &["token/entra-transient"];
        sources &[LEARN];
    ENTRA_TRANSIENT "token/entra-transient" "Entra is out of order for a moment"
        "Entra answers with an error of its own that passes."
        causes &["a passing fault of the service"];
        confirm &["https://status.azure.com"];
        fix &[(Actor::You, "try again"), (Actor::Microsoft, "mend it")];
        not &["outbound/service-error: there even the discovery document fails"];
        sources &[LEARN];
    OTHER_ENTRA_ERROR "token/other-entra-error" "Entra refuses for another reason"
        "Entra refuses with a number that this version does not know. Its own words are in the evidence."
        causes &["see the number"];
        confirm &["`https://login.microsoftonline.com/error?code=<number>`"];
        fix &[(Actor::EntraAdmin, "look the number up, and the sign-in by its correlation id")];
        not &["outbound/*: Entra was reached"];
        sources &[LEARN];
}
