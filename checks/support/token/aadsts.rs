//! The AADSTS error numbers of Microsoft Entra ID: the meaning of each, its problem, and what to do.
//!
//! The table is `aadsts.tsv`. Sources: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>,
//! the look-up page `https://login.microsoftonline.com/error?code=N`, and for federation
//! <https://azure.github.io/azure-workload-identity/docs/known-issues.html>.

use super::{
    advice::{Advice, advise},
    refusal::{ALL as PROBLEMS, OTHER_ENTRA_ERROR},
};
use crate::{
    check::Problem,
    facts::credential::EntraError,
    verdict::Actor::{self, EntraAdmin, Microsoft, Network, You},
};
use std::sync::LazyLock;

/// One error number.
#[derive(Debug)]
pub struct Aadsts {
    /// The number after `AADSTS`.
    pub code: u32,
    /// Microsoft's name of it; empty if none is published.
    pub name: &'static str,
    /// The meaning, as a sentence without a full stop.
    pub meaning: &'static str,
    /// The problem that it indicates.
    pub problem: &'static Problem,
    /// What to do, for the number itself.
    pub todo: (Actor, &'static str),
    /// What to do with the user's own values, best first; empty if `todo` says it all.
    pub advice: &'static [Advice],
    /// Whether it can occur when a token for PostgreSQL is requested.
    pub occurs: bool,
}

/// The table, read on first use.
static TABLE: LazyLock<Vec<Aadsts>> =
    LazyLock::new(|| include_str!("aadsts.tsv").lines().filter_map(row).collect());

/// Every published number, in ascending order.
#[must_use]
pub fn all() -> &'static [Aadsts] {
    &TABLE
}

/// The entry of a number; `None` if it is not published.
#[must_use]
pub fn lookup(code: u32) -> Option<&'static Aadsts> {
    let at = TABLE.binary_search_by_key(&code, |known| known.code).ok()?;
    TABLE.get(at)
}

/// The published number that says most: the first, but a general one only if it is the only one.
#[must_use]
pub fn decisive(codes: &[u32]) -> Option<&'static Aadsts> {
    let mut published = codes.iter().copied().filter_map(lookup);
    let first = published.next()?;
    if is_general(first.code) { published.next().or(Some(first)) } else { Some(first) }
}

/// Whether a number only says that a credential was refused, so that another number gives the reason.
#[must_use]
pub fn is_general(code: u32) -> bool {
    matches!(code, 70002 | 70000)
}

/// The day on which the table was last compared with Microsoft's texts.
pub const CHECKED: &str = "2026-11-25";

/// The address of Microsoft's own text about a number.
#[must_use]
pub fn address(code: u32) -> String {
    format!("https://login.microsoftonline.com/error?code={code}")
}

/// A line of the table; `None` for the heading.
fn row(line: &'static str) -> Option<Aadsts> {
    let mut columns = line.split('\t');
    let code = columns.next()?.parse().ok()?;
    let slug = columns.next()?;
    let actor = match columns.next()? {
        "admin" => EntraAdmin,
        "network" => Network,
        "microsoft" => Microsoft,
        _ => You,
    };
    let occurs = columns.next()? == "yes";
    let (name, meaning, todo) = (columns.next()?, columns.next()?, columns.next()?);
    let problem = PROBLEMS.iter().copied().find(|problem| problem.id.ends_with(slug));
    let advice = ADVICE.iter().find(|(codes, _)| codes.contains(&code));
    Some(Aadsts {
        code,
        name,
        meaning,
        problem: problem.unwrap_or(&OTHER_ENTRA_ERROR),
        todo: (actor, todo),
        advice: advice.map_or(&[], |(_, advice)| advice),
        occurs,
    })
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

macro_rules! advice {
    ($($codes:tt $advice:tt)*) => {
        /// Numbers whose advice uses the user's own values and commands.
        const ADVICE: &[(&[u32], &[Advice])] = &[$((&$codes, advise!($advice)),)*];
    };
}

advice! {
    [7000215, 70002] [
        You "Set AZURE_CLIENT_SECRET to the value of the secret; a GUID is the ID of the secret" "";
        EntraAdmin "Create a new client secret for {client} and give its value to the job"
            "az ad app credential reset --id {client} --append";
    ]
    [7000218] [
        You "If a secret is intended: check that AZURE_CLIENT_SECRET is not empty in this shell \
            or job" "";
        EntraAdmin "For a sign-in without a secret: turn on \"Allow public client flows\" for \
            {client}, or register http://localhost under Mobile and desktop applications"
            "az ad app update --id {client} --is-fallback-public-client true";
    ]
    [700025] [
        You "Send no secret and no assertion with {client}" "";
        EntraAdmin "Or make {client} a confidential client (platform Web)" "";
    ]
    [7000222] [
        EntraAdmin "Create a new client secret for {client}, or better a federated credential"
            "az ad app credential reset --id {client} --append";
    ]
    [700016, 70001, 700011, 7000229] [
        You "Check that {client} is the application (client) ID and not an object ID, and that \
            its tenant is {tenant}"
            "az ad sp show --id {client} --query \"{appId:appId,tenant:appOwnerOrganizationId}\"";
        EntraAdmin "Create the service principal in tenant {tenant}, then wait a few minutes"
            "az ad sp create --id {client}";
    ]
    [7000112] [
        EntraAdmin "Enable {client} in Enterprise applications"
            "az ad sp update --id {client} --set accountEnabled=true";
    ]
    [500014] [
        EntraAdmin "Enable the enterprise application Azure OSSRDBMS Database in tenant {tenant}"
            "az ad sp update --id 123cd850-d9df-40bd-94d5-c9f07b7fa203 --set accountEnabled=true";
    ]
    [700027, 700030, 50012] [
        EntraAdmin "Upload the certificate to {client}, and compare the thumbprints"
            "az ad app credential list --id {client} --cert --query \"[].customKeyIdentifier\"";
        You "Put the leaf certificate first in AZURE_CLIENT_CERTIFICATE_PATH" "";
    ]
    [90002, 900023, 900021, 50128] [
        You "Set AZURE_TENANT_ID (or --tenant) to the ID of the tenant; {tenant} does not exist \
            in this cloud"
            "az account show --query tenantId -o tsv";
    ]
    [50059, 90019] [
        You "Name the tenant with --tenant or AZURE_TENANT_ID" "az account show --query tenantId -o tsv";
    ]
    [90038, 900382, 900432, 1000104] [
        You "Select the cloud of the server and of the tenant, and sign in there"
            "az cloud set --name {cloud}";
        You "Then sign in" "az login --tenant {tenant}";
    ]
    [500011, 50001] [
        You "Request the scope {scope}: the name of the server is not a resource, and each cloud \
            has its own scope" "";
        EntraAdmin "If tenant {tenant} has no service principal of the database service, create it"
            "az ad sp create --id 123cd850-d9df-40bd-94d5-c9f07b7fa203";
    ]
    [650052] [
        EntraAdmin "Create the service principal of Azure OSSRDBMS Database in tenant {tenant}"
            "az ad sp create --id 123cd850-d9df-40bd-94d5-c9f07b7fa203";
    ]
    [650056, 650057] [
        EntraAdmin "Add the permission user_impersonation of Azure OSSRDBMS Database to {client}"
            "az ad app permission add --id {client} --api 123cd850-d9df-40bd-94d5-c9f07b7fa203 \
                --api-permissions cef99a3a-4cd3-4408-8143-4375d1e38a17=Scope";
        EntraAdmin "Then grant consent" "az ad app permission admin-consent --id {client}";
    ]
    [70011, 1002012, 28002, 28003, 700022, 700023, 901002] [
        You "Request {scope}, and no other resource in the same request" "";
    ]
    [50076, 50079, 50074, 50078, 50072, 50158] [
        You "Sign in again for this resource and complete MFA" "az login --tenant {tenant} --scope {scope}";
        You "In a job: use a service principal or a managed identity, which need no MFA" "";
    ]
    [53003, 50131, 530032, 530035] [
        EntraAdmin "Find the sign-in in the sign-in log by its correlation ID, and the policy \
            that blocked it; the resource is Azure OSSRDBMS Database \
            (123cd850-d9df-40bd-94d5-c9f07b7fa203). A subnet with the service endpoint \
            Microsoft.AzureActiveDirectory uses an IPv6 address, which no IPv4 location matches" "";
    ]
    [53000, 53001, 530003, 50005, 50097, 50129, 50155, 50187] [
        You "Sign in on a compliant device that is joined or registered" "";
        EntraAdmin "Or exclude Azure OSSRDBMS Database (123cd850-d9df-40bd-94d5-c9f07b7fa203) \
            from the device policy; find it in the sign-in log by the correlation ID" "";
    ]
    [65001, 90094, 90095] [
        EntraAdmin "Add the permission user_impersonation of Azure OSSRDBMS Database to {client}"
            "az ad app permission add --id {client} --api 123cd850-d9df-40bd-94d5-c9f07b7fa203 \
                --api-permissions cef99a3a-4cd3-4408-8143-4375d1e38a17=Scope";
        EntraAdmin "Then grant consent" "az ad app permission admin-consent --id {client}";
    ]
    [90008] [
        EntraAdmin "Add the Microsoft Graph permission User.Read to {client}"
            "az ad app permission add --id {client} --api 00000003-0000-0000-c000-000000000000 \
                --api-permissions e1fe6dd8-ba31-4d61-89e7-88639da4683d=Scope";
        EntraAdmin "Then grant consent" "az ad app permission admin-consent --id {client}";
    ]
    [65002] [
        You "Use the Azure CLI or an application of your own: the client ID of a Microsoft \
            application cannot be borrowed" "";
    ]
    [50020, 16000, 50034, 51004, 90072] [
        You "Sign in to the server's tenant with an account of that tenant" "az login --tenant {tenant} --scope {scope}";
        EntraAdmin "Or invite the account as a guest; the name of its role is then \
            name_home-domain#EXT#@tenant, such as bob_fabrikam.com#EXT#@contoso.onmicrosoft.com" "";
    ]
    [50014] [
        You "Accept the invitation that tenant {tenant} sent" "";
    ]
    [500212] [
        EntraAdmin "In the account's home tenant: allow access to {tenant} in the outbound \
            cross-tenant access settings" "";
    ]
    [500213] [
        EntraAdmin "In {tenant}: allow the account's home tenant in the inbound cross-tenant \
            access settings" "";
    ]
    [50057] [
        EntraAdmin "Enable the account" "az ad user update --id {user} --account-enabled true";
    ]
    [50055, 50144] [
        You "Set a new password, and sign in with the browser" "az login --tenant {tenant} --scope {scope}";
        EntraAdmin "Or reset the password" "";
    ]
    [50126, 50056, 50064] [
        You "Sign in with the browser and enter the current password" "az login --tenant {tenant} --scope {scope}";
        EntraAdmin "Or reset the password" "";
    ]
    [500021, 500022, 50002] [
        Network "Add tenant {tenant} to the header Restrict-Access-To-Tenants that the proxy \
            sends" "";
    ]
    [700082, 70008, 70043, 50173, 50132, 50133, 50089, 70000, 700084, 50058] [
        You "Sign out with az logout, and sign in again for this resource" "az login --tenant {tenant} --scope {scope}";
    ]
    [70021, 700211, 700212, 700213] [
        EntraAdmin "Make issuer, subject and audience of a federated credential of {client} \
            identical to those of the token; letter case and a slash at the end of the issuer \
            count"
            "az ad app federated-credential list --id {client}";
    ]
    [7002131, 700233, 700234, 700235, 700236, 700237, 7002241] [
        EntraAdmin "Replace the expression in the federated credential of {client} with an \
            explicit subject"
            "az ad app federated-credential list --id {client}";
    ]
    [700229] [
        You "Present a token of an application or managed identity: tokens of users cannot be \
            federated" "";
    ]
    [90061] [
        EntraAdmin "Publish /.well-known/openid-configuration and the keys of the issuer where \
            Microsoft Entra ID can read them" "";
    ]
    [700024, 500133] [
        You "Read the federated token again right before use (the token of a workflow is valid \
            for a few minutes), and check the clock of this machine" "date -u";
    ]
    [50196, 90055] [
        You "Keep each token until shortly before it expires instead of requesting one per \
            connection" "";
        You "Wait, then try again" "entra-pg doctor --retry-for 5m";
    ]
    [90033, 90006, 90012, 90024, 50033] [
        You "Wait, then try again" "entra-pg doctor --retry-for 5m";
        Microsoft "If it lasts: open a support request with trace ID, correlation ID and \
            timestamp" "";
    ]
    [500113, 900971] [
        EntraAdmin "Register the redirect URI http://localhost for the application that signs in" "";
    ]
    [5000225] [
        Microsoft "Reactivate tenant {tenant}, which is blocked because of inactivity: open a \
            support request" "";
    ]
}

#[cfg(test)]
mod tests {
    use super::{ADVICE, PROBLEMS, all, code_in, decisive, error_in, lookup};

    #[test]
    fn the_table_is_complete_and_in_order() {
        assert_eq!(all().len(), include_str!("aadsts.tsv").lines().count() - 1);
        assert!(all().len() >= 500, "{}", all().len());
        assert!(all().is_sorted_by(|one, two| one.code < two.code));
        for line in include_str!("aadsts.tsv").lines().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), 7, "{line}");
            let id = format!("token/{}", columns[1]);
            assert!(PROBLEMS.iter().any(|problem| problem.id == id), "{line}");
            assert!(["you", "admin", "network", "microsoft"].contains(&columns[2]), "{line}");
            assert!(["yes", "no"].contains(&columns[3]), "{line}");
            assert!(
                columns[5..].iter().all(|text| text.len() > 10 && !text.ends_with('.')),
                "{line}"
            );
        }
        assert_eq!(lookup(53003).expect("listed").problem.id, "token/conditional-access");
        assert!(lookup(1).is_none());
    }

    #[test]
    fn advice_belongs_to_published_numbers_once() {
        let codes: Vec<u32> = ADVICE.iter().flat_map(|(codes, _)| *codes).copied().collect();
        for code in &codes {
            assert!(lookup(*code).is_some_and(|known| !known.advice.is_empty()), "{code}");
            assert_eq!(codes.iter().filter(|other| *other == code).count(), 1, "{code}");
        }
    }

    #[test]
    fn the_specific_number_decides() {
        let code = |codes: &[u32]| decisive(codes).map(|known| known.code);
        assert_eq!(code(&[70002, 50126]), Some(50126));
        assert_eq!(code(&[70002]), Some(70002));
        assert_eq!(code(&[1, 53003, 50076]), Some(53003));
        assert_eq!(code(&[1]), None);
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
