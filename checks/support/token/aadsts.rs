//! Error numbers of the token authority, as data: what each means, which problem it is, and what to do.
//!
//! Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes"; the
//! numbers of federation: Azure/azure-workload-identity, "Known issues" and "Troubleshooting".

use super::{
    advice::{Advice, advise},
    refusal::{
        APP_DISABLED, APP_UNKNOWN, ASSERTION_EXPIRED, CERTIFICATE_REJECTED, CONDITIONAL_ACCESS,
        CONSENT_MISSING, ENTRA_TRANSIENT, FEDERATION_MISMATCH, MFA_REQUIRED, NOT_ASSIGNED,
        OTHER_ENTRA_ERROR, RESOURCE_UNKNOWN, SCOPE_WRONG, SECRET_EXPIRED, SECRET_WRONG,
        SESSION_EXPIRED, TENANT_RESTRICTED, TENANT_UNKNOWN, THROTTLED, USER_DISABLED, USER_UNKNOWN,
    },
};
use crate::{
    check::Problem,
    facts::credential::EntraError,
    verdict::Actor::{EntraAdmin, Microsoft, Network, You},
};

/// One error number.
#[derive(Debug)]
pub struct Aadsts {
    /// The number behind `AADSTS`.
    pub code: u32,
    /// What it means, as a clause.
    pub meaning: &'static str,
    /// The problem it is.
    pub problem: &'static Problem,
    /// What to do, best first.
    pub advice: &'static [Advice],
}

/// What a number means; `None` for one that is not listed.
#[must_use]
pub fn lookup(code: u32) -> Option<&'static Aadsts> {
    ALL.iter().find(|known| known.code == code)
}

/// The first number of the form `AADSTS50076` in a text.
#[must_use]
pub fn code_in(text: &str) -> Option<u32> {
    let start = text.find("AADSTS")? + "AADSTS".len();
    let digits: String =
        text.get(start..)?.chars().take_while(char::is_ascii_digit).take(9).collect();
    digits.parse().ok()
}

/// What a text such as the Azure CLI's holds of an error: its number, its words, and what a support
/// ticket needs.
#[must_use]
pub fn error_in(text: &str) -> Option<EntraError> {
    let code = code_in(text)?;
    let words = text.get(text.find("AADSTS")?..)?;
    let after = |label: &str| {
        let value = text.split_once(label)?.1.trim_start();
        let end = value
            .find(['\r', '\n'])
            .or_else(|| value.find(" Correlation ID:").or_else(|| value.find(" Timestamp:")))
            .unwrap_or(value.len());
        let value: String = value.get(..end)?.chars().take(64).collect();
        let value = value.split(" Correlation ID:").next()?.split(" Timestamp:").next()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let end = ["Trace ID:", "Interactive authentication", "\n"]
        .iter()
        .filter_map(|mark| words.find(mark))
        .min()
        .unwrap_or(words.len());
    Some(EntraError {
        codes: vec![code],
        description: words.get(..end)?.trim().chars().take(2000).collect(),
        trace_id: after("Trace ID:"),
        correlation_id: after("Correlation ID:"),
        timestamp: after("Timestamp:"),
        ..EntraError::default()
    })
}

macro_rules! codes {
    ($($problem:ident $advice:tt { $($code:literal $meaning:literal)* })*) => {
        /// Every number that is known.
        pub const ALL: &[Aadsts] = &[$($(
            Aadsts { code: $code, meaning: $meaning, problem: &$problem, advice: advise!($advice) },
        )*)*];
    };
}

codes! {
    SECRET_WRONG [
        You "Set AZURE_CLIENT_SECRET to the secret's value; a GUID is the secret's id" "";
        EntraAdmin "Make a new client secret for {client}, and give its value to the job" "az ad \
            app credential reset --id {client} --append";
    ] {
        7000215 "the client secret is wrong; the secret's id instead of its value, mostly"
        70002 "the credentials of the application are wrong"
    }
    SECRET_WRONG [
        You "See that AZURE_CLIENT_SECRET is not empty in this shell or job" "";
        EntraAdmin "Switch \"Allow public client flows\" off for {client}, if it is on" "";
    ] { 7000218 "the request holds neither client secret nor assertion" }
    SECRET_WRONG [
        EntraAdmin "Give {client} the platform of a confidential client (Web), or sign in without \
            a secret" "";
    ] { 700025 "the application is public, and sent a secret" }
    SECRET_EXPIRED [
        EntraAdmin "Make a new client secret for {client}, or better a federated credential" "az \
            ad app credential reset --id {client} --append";
    ] { 7000222 "the client secret has expired" }
    APP_UNKNOWN [
        You "Check that {client} is the application (client) id and not an object id, and that its \
            tenant is {tenant}" "az ad sp show --id {client} --query \
                '{appId:appId,tenant:appOwnerOrganizationId}'";
        EntraAdmin "Create the service principal in tenant {tenant}; after creating it, wait some \
            minutes" "az ad sp create --id {client}";
    ] {
        700016 "the application is not in this tenant"
        70001 "the application is not known, or disabled"
        700011 "the application is not in this directory"
        7000229 "the application has no service principal in this tenant"
    }
    APP_DISABLED [
        EntraAdmin "Enable {client} in Enterprise applications" "az ad sp update --id {client} \
            --set accountEnabled=true";
    ] { 7000112 "the application is disabled" }
    APP_DISABLED [
        EntraAdmin "Enable the enterprise application Azure OSSRDBMS Database in tenant {tenant}" "az \
            ad sp update --id 123cd850-d9df-40bd-94d5-c9f07b7fa203 --set accountEnabled=true";
    ] { 500014 "the service principal of the resource is disabled" }
    CERTIFICATE_REJECTED [
        EntraAdmin "Upload the certificate to {client}, and compare thumbprints" "az ad app \
            credential list --id {client} --cert --query '[].customKeyIdentifier'";
        You "See that the leaf certificate stands first in AZURE_CLIENT_CERTIFICATE_PATH" "";
    ] {
        700027 "the certificate that signed the assertion is not registered"
        700030 "the certificate's subject or chain does not fit"
        50012 "the assertion's signature could not be verified"
        50013 "the assertion is invalid"
    }
    TENANT_UNKNOWN [
        You "Set AZURE_TENANT_ID (or --tenant) to the tenant's id; {tenant} is none in this cloud" "az \
            account show --query tenantId -o tsv";
    ] {
        90002 "the tenant does not exist in this cloud"
        900023 "the tenant is neither an id nor a domain name"
        900021 "the tenant is the empty id"
        50128 "the domain name is not a tenant's"
    }
    TENANT_UNKNOWN [
        You "Name the tenant: --tenant, or AZURE_TENANT_ID" "az account show --query tenantId -o \
            tsv";
    ] {
        50059 "the request names no tenant"
        90019 "the request names no tenant"
    }
    TENANT_UNKNOWN [
        You "Choose the cloud of the server and of the tenant, and sign in there" "az cloud set \
            --name {cloud} && az login --tenant {tenant}";
    ] {
        90038 "the tenant is in another cloud"
        900382 "the tenant is in another cloud"
        900432 "the client is not allowed across clouds"
        1000104 "the account is in another cloud"
    }
    RESOURCE_UNKNOWN [
        You "Ask for the scope {scope}: the server's own name is no resource, and each cloud has \
            its own" "";
        EntraAdmin "Where the tenant {tenant} lacks the service principal: create it" "az ad sp \
            create --id 123cd850-d9df-40bd-94d5-c9f07b7fa203";
    ] {
        500011 "the resource has no service principal in this tenant: a misspelt scope, or another \
            cloud's"
        50001 "the resource is unknown or disabled"
    }
    RESOURCE_UNKNOWN [
        EntraAdmin "Register the resource provider in a subscription of tenant {tenant}" "az \
            provider register --namespace Microsoft.DBforPostgreSQL";
        EntraAdmin "Add the permission user_impersonation of Azure OSSRDBMS Database to {client}" "";
    ] {
        650052 "the tenant has no subscription to the resource"
        650054 "the application asks for a resource that was removed"
        650056 "the application is misconfigured: it lists no permission for the resource"
        650057 "the resource is not listed in the application's permissions"
    }
    SCOPE_WRONG [
        You "Ask for {scope}, and for no other resource in the same request" "";
    ] {
        70011 "the scope is not valid"
        1002012 "client credentials need a scope that ends in /.default"
        28002 "the scope is malformed"
        28003 "the scope is empty"
        700022 "the request names several resources"
        700023 "the request names no resource, or several"
        901002 "the parameter resource is not for this endpoint"
    }
    MFA_REQUIRED [
        You "Sign in again for this resource, with the second factor" "az login --tenant {tenant} \
            --scope {scope}";
        You "In a job: use a service principal or a managed identity, which have no second factor" "";
    ] {
        50076 "a second factor is needed"
        50079 "the user must register for a second factor"
        50074 "a second factor is needed, and was not given"
        50078 "the second factor has expired"
        50072 "the user must enrol for a second factor"
        50158 "an external challenge was not answered"
    }
    CONDITIONAL_ACCESS [
        EntraAdmin "Find the sign-in by its correlation id in the sign-in log, and the policy that \
            blocked it; the resource is Azure OSSRDBMS Database \
            (123cd850-d9df-40bd-94d5-c9f07b7fa203). A subnet with the service endpoint \
            Microsoft.AzureActiveDirectory shows an IPv6 address, which no IPv4 location \
            matches" "";
    ] {
        53003 "a Conditional Access policy blocks the token"
        50131 "a policy of the tenant blocks the device or the place"
        530032 "a tenant policy blocks the token"
        530035 "security defaults block the token"
    }
    CONDITIONAL_ACCESS [
        You "Sign in on a device that complies and is joined or registered" "";
        EntraAdmin "Or exclude Azure OSSRDBMS Database (123cd850-d9df-40bd-94d5-c9f07b7fa203) from \
            the device policy; the sign-in log names it by the correlation id" "";
    ] {
        53000 "the device does not comply"
        53001 "the device is not joined to the domain"
        530003 "the device must be managed"
        50005 "the device's platform is not allowed"
        50097 "the device must authenticate"
        50129 "the device is not joined to the workplace"
        50155 "the device could not be authenticated"
        50187 "the device could not be authenticated"
    }
    CONSENT_MISSING [
        EntraAdmin "Grant {client} the permission user_impersonation of Azure OSSRDBMS Database" "az \
            ad app permission admin-consent --id {client}";
    ] {
        65001 "nobody has consented to the application's access"
        90094 "an administrator must consent"
        90095 "an administrator must consent"
        90008 "the application asks for a permission that needs consent"
    }
    CONSENT_MISSING [
        You "Use the Azure CLI or an application of your own: a client id of Microsoft's cannot be \
            borrowed" "";
    ] { 65002 "the application is not preauthorised for the resource" }
    USER_UNKNOWN [
        You "Sign in to the server's tenant with an account of it" "az login --tenant {tenant} \
            --scope {scope}";
        EntraAdmin "Invite the account as a guest; its role is then called \
            home_domain#EXT#@tenant" "";
    ] {
        50020 "the account is of another tenant, and not a guest of this one"
        16000 "the account is not in this tenant"
        50034 "the account is not in this tenant"
        51004 "the account is not in this tenant"
        90072 "the account is not in this tenant, and must be added as an external user"
    }
    USER_UNKNOWN [
        You "Accept the invitation that the tenant {tenant} sent" "";
    ] { 50014 "the guest has not accepted the invitation" }
    USER_UNKNOWN [
        EntraAdmin "Let the account's home tenant in: cross-tenant access settings of {tenant}" "";
    ] {
        500212 "the tenant's policy does not let the account in from outside"
        500213 "the tenant's policy does not let the account in from outside"
    }
    USER_DISABLED [
        EntraAdmin "Enable the account" "az ad user update --id {user} --account-enabled true";
    ] { 50057 "the account is disabled" }
    USER_DISABLED [
        EntraAdmin "Unlock the account, or see in the sign-in log whether its address is blocked" "";
    ] { 50053 "the account is locked, or its address is blocked" }
    USER_DISABLED [
        You "Set a new password, and sign in in the browser instead of with the password" "az \
            login --tenant {tenant} --scope {scope}";
        EntraAdmin "Or reset the password" "";
    ] {
        50055 "the password has expired"
        50144 "the password has expired"
        50126 "user name or password is wrong"
        50056 "the password is missing or wrong"
        50064 "user name or password could not be checked"
    }
    NOT_ASSIGNED [
        EntraAdmin "Assign the user or a group to the application in Enterprise applications" "";
    ] { 50105 "the user is not assigned to the application" }
    TENANT_RESTRICTED [
        Network "Add the tenant {tenant} to the proxy's header Restrict-Access-To-Tenants" "";
    ] {
        500021 "the proxy's tenant restriction blocks this tenant"
        500022 "the proxy's tenant restriction blocks this tenant"
        50002 "the proxy's tenant restriction blocks this tenant"
    }
    SESSION_EXPIRED [
        You "Sign out and in again, for this resource" "az logout; az login --tenant {tenant} \
            --scope {scope}";
    ] {
        700082 "the refresh token has expired through inactivity"
        70008 "the refresh token has expired or was revoked"
        70043 "the refresh token has expired through a sign-in frequency policy"
        50173 "the session was revoked, by a new password mostly"
        50132 "the session is invalid"
        50133 "the session is invalid"
        50089 "the session has expired"
        70000 "the grant is invalid or revoked"
        700084 "the refresh token of a single-page application has expired"
        50058 "there is no session to sign in silently"
    }
    FEDERATION_MISMATCH [
        EntraAdmin "Make issuer, subject and audience of a federated credential of {client} equal \
            to the token's, letter by letter; a slash at the issuer's end counts" "az ad app \
                federated-credential list --id {client}";
    ] {
        70021 "no federated credential matches the assertion"
        700211 "no federated credential matches the assertion's issuer"
        700212 "no federated credential matches the assertion's audience"
        700213 "no federated credential matches the assertion's subject"
    }
    FEDERATION_MISMATCH [
        EntraAdmin "Give {client} a federated credential with an explicit subject in place of the \
            expression" "az ad app federated-credential list --id {client}";
    ] {
        7002131 "no expression of a federated credential matches the assertion's subject"
        700233 "the expression of a federated credential is not valid"
        700234 "the expression of a federated credential is not valid"
        700235 "the expression of a federated credential is not valid"
        700236 "the expression of a federated credential is not valid"
        700237 "the expression of a federated credential is not valid"
        7002241 "expressions are not supported for this issuer"
    }
    FEDERATION_MISMATCH [
        You "Present a token of an application or managed identity: those of users cannot be \
            federated" "";
    ] { 700229 "only tokens of applications can be a federated credential of an Entra issuer" }
    FEDERATION_MISMATCH [
        EntraAdmin "Publish the issuer's /.well-known/openid-configuration and its keys where \
            Entra can read them" "";
    ] { 90061 "Entra cannot reach the issuer's keys" }
    ASSERTION_EXPIRED [
        You "Read the federated token anew right before use: a workflow's is good for minutes; and \
            compare this machine's clock" "date -u";
    ] {
        700024 "the assertion is not in its period of validity"
        500133 "the assertion is not in its period of validity"
    }
    THROTTLED [
        You "Keep tokens until shortly before they expire, in place of asking for every \
            connection" "";
        You "Wait, and try again" "entra-pg doctor --retry-for 5m";
    ] {
        50196 "the client repeats the same request in a loop"
        90055 "too many requests"
    }
    ENTRA_TRANSIENT [
        You "Wait, and try again" "entra-pg doctor --retry-for 5m";
        Microsoft "If it lasts: a support request with trace id, correlation id and timestamp" "";
    ] {
        90033 "Entra is busy for a moment"
        90006 "Entra is busy for a moment"
        90012 "the request took too long"
        90024 "Entra is busy for a moment"
        50033 "Entra is busy for a moment"
    }
    OTHER_ENTRA_ERROR [
        EntraAdmin "Register a redirect address (http://localhost) for the application that signs \
            in" "";
    ] {
        500113 "the application has no reply address registered"
        900971 "the application names no reply address"
    }
    OTHER_ENTRA_ERROR [
        Microsoft "Reactivate the tenant {tenant}, which was blocked because nobody used it: a \
            support request" "";
    ] { 5000225 "the tenant is blocked, because nobody used it" }
}

#[cfg(test)]
mod tests {
    use super::{ALL, code_in, error_in, lookup};

    #[test]
    fn every_number_is_listed_once() {
        for known in ALL {
            assert_eq!(
                ALL.iter().filter(|other| other.code == known.code).count(),
                1,
                "{}",
                known.code
            );
            assert!(!known.advice.is_empty(), "{}", known.code);
        }
        assert_eq!(lookup(53003).expect("listed").problem.id, "token/conditional-access");
    }

    #[test]
    fn finds_the_number_in_a_text() {
        assert_eq!(code_in("ERROR: AADSTS700082: The refresh token has expired"), Some(700_082));
        assert_eq!(code_in("AADSTS: nothing"), None);
    }

    #[test]
    fn the_ticket_is_read_out_of_the_words_of_az() {
        let one_line = "ERROR: AADSTS70043: The refresh token has expired. Trace ID: 0f-1 \
            Correlation ID: 0e-2 Timestamp: 2026-11-24 10:00:00Z\nInteractive authentication is \
            needed.";
        let lines = "ERROR: AADSTS70043: The refresh token has expired.\r\nTrace ID: \
            0f-1\r\nCorrelation ID: 0e-2\r\nTimestamp: 2026-11-24 10:00:00Z\r\n";
        for text in [one_line, lines] {
            let error = error_in(text).expect("an error");
            assert_eq!(error.codes, [70043]);
            assert_eq!(error.description, "AADSTS70043: The refresh token has expired.");
            assert_eq!(error.trace_id.as_deref(), Some("0f-1"));
            assert_eq!(error.correlation_id.as_deref(), Some("0e-2"));
            assert_eq!(error.timestamp.as_deref(), Some("2026-11-24 10:00:00Z"));
        }
    }
}
