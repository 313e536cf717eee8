//! The server's refusals: SQLSTATE first, words second, and the text kept whole. Azure words many of
//! them in two ways, an older and a newer one; what both have in common decides.

use crate::{
    check::{Problem, problems},
    facts::{login::ServerError, settings::Settings, token::Claims},
    text,
    verdict::{Actor, Confidence, Finding, Fix},
};

/// What each text means: a fragment in lower case, and its problem. The first that fits counts.
const TEXTS: &[(&str, &Problem)] = &[
    ("access token has expired", &TOKEN_EXPIRED),
    ("valid audience claim", &AUDIENCE_REFUSED),
    ("valid oid claim", &OID_CLAIM_REFUSED),
    ("error occurred while validating the access token", &TOKEN_REFUSED),
    ("user token for role", &USER_ROLE_APP_TOKEN),
    ("service principals cannot generate", &SERVICE_ROLE_USER_TOKEN),
    ("oid mismatch for role", &OBJECT_ID_MISMATCH),
    ("does not contain group id", &NOT_IN_GROUP),
    ("cannot read pg_class without having selected a database", &SERVER_DEFECT),
    ("is not permitted to log in", &ROLE_CANNOT_LOG_IN),
    ("no encryption", &TLS_REQUIRED),
    ("ssl off", &TLS_REQUIRED),
    ("no pg_hba.conf entry", &CLIENT_ADDRESS_REFUSED),
    ("pg_hba.conf rejects connection", &CLIENT_ADDRESS_REFUSED),
    ("client sent partial pkt", &POOLER_TOKEN_TOO_LONG),
    ("password too long", &POOLER_TOKEN_TOO_LONG),
];

/// Which problem a refusal is.
#[must_use]
pub fn classify(error: &ServerError) -> &'static Problem {
    match error.sqlstate.as_str() {
        "53300" => return &TOO_MANY_CONNECTIONS,
        "57P03" => return &STARTING_UP,
        _ => {}
    }
    let message = error.message.to_lowercase();
    let known = TEXTS.iter().find(|(fragment, _)| message.contains(fragment));
    known.map_or(&REFUSED, |(_, problem)| problem)
}

/// A finding with the server's own words.
#[must_use]
pub fn finding(
    problem: &'static Problem,
    error: &ServerError,
    settings: &Settings,
    claims: Option<&Claims>,
) -> Finding {
    let user = settings.user.as_ref().map_or("", |user| user.value.as_str());
    let detail = format!("{}: \"{}\"", problem.title, error.message);
    let mut finding = Finding::of(problem, user, detail)
        .because(format!(
            "the server says {} {}: {}",
            error.severity, error.sqlstate, error.message
        ))
        .because_all(error.detail.as_ref().map(|detail| format!("DETAIL: {detail}")))
        .because_all(error.hint.as_ref().map(|hint| format!("HINT: {hint}")));
    if problem == &REFUSED {
        finding = finding.sure(Confidence::Likely);
    }
    for fix in fixes(problem, settings, user, claims) {
        finding = finding.fix(fix);
    }
    finding
}

fn fixes(problem: &Problem, settings: &Settings, user: &str, claims: Option<&Claims>) -> Vec<Fix> {
    let host = settings.host.as_ref().map_or("<server>", |host| host.value.as_str());
    let server = host.split('.').next().unwrap_or(host);
    let audience = &settings.cloud.value.database_audience;
    let fresh = || {
        Fix::you("Get a fresh token right before connecting").run(text::fresh_token(
            crate::facts::vantage::Shell::Posix,
            audience,
            settings.tenant.as_ref().map(|tenant| tenant.value.as_str()),
        ))
    };
    let oid = claims.and_then(|claims| claims.oid.as_deref()).unwrap_or("<object-id>");
    let literal = user.replace('\'', "''");
    match problem.id {
        "login/token-expired" | "login/audience-refused" | "login/token-refused" | "login/oid-claim-refused" => vec![fresh()],
        "login/object-id-mismatch" => vec![
            Fix::by(Actor::DatabaseAdmin, "If this identity is the right one (it was recreated, say), bind the role to its object id; grants are kept").run(format!("select * from pgaadauth_update_principal_with_oid('{literal}', '{oid}', '{}', false, false);", kind(claims))),
            Fix::you("Otherwise sign in as the identity that the role belongs to"),
        ],
        "login/user-role-app-token" => vec![Fix::you("Sign in as the person the role belongs to, or log in as the application's own role"), Fix::by(Actor::DatabaseAdmin, "Or map the role to the application").run(format!("select * from pgaadauth_update_principal_with_oid('{literal}', '{oid}', 'service', false, false);"))],
        "login/service-role-user-token" => vec![Fix::you("Sign in as the application (its secret, certificate or managed identity), or log in as your own role")],
        "login/not-in-group" => vec![Fix::by(Actor::EntraAdmin, format!("Add this identity to the group \"{user}\" itself: nested membership does not count")), Fix::you("Then sign in again: a token holds the groups of the moment it was issued"), fresh()],
        "login/role-cannot-log-in" => vec![Fix::you("Log in with your own name: with group sync on, the group's role itself may not"), Fix::by(Actor::DatabaseAdmin, "Or let the role log in").run(format!("alter role \"{}\" login;", user.replace('"', "\"\"")))],
        "login/client-address-refused" => vec![Fix::by(Actor::AzureOwner, "Allow the address that the server names in its firewall rules (up to 5 minutes to take effect)").run(format!("az postgres flexible-server firewall-rule create -g <resource-group> -n {server} --rule-name client --start-ip-address <address> --end-ip-address <address>"))],
        "login/tls-required" => vec![Fix::you("Ask for TLS").run("export PGSSLMODE=verify-full")],
        "login/too-many-connections" => vec![Fix::by(Actor::DatabaseAdmin, "End idle connections, or put the pooler (port 6432) in between").run("select pid, usename, state, state_change from pg_stat_activity order by state_change;")],
        "login/starting-up" => vec![Fix::you("Wait a moment and try again").run("entra-pg doctor --retry-for 5m")],
        "login/server-defect" => vec![Fix::by(Actor::Microsoft, "Open a support request: this is a defect of the server (Azure/azure-postgresql#132)")],
        "login/pooler-token-too-long" => vec![Fix::you("Use port 5432: this token is longer than the pooler takes").run("export PGPORT=5432"), Fix::by(Actor::EntraAdmin, "Or let fewer groups into the token")],
        _ => vec![Fix::by(Actor::DatabaseAdmin, format!("Look for this run's application_name in the log of {server}, and compare the role's security label with the token's object id {oid}"))],
    }
}

fn kind(claims: Option<&Claims>) -> &'static str {
    use crate::facts::token::PrincipalKind;
    match claims.map(Claims::principal) {
        Some(PrincipalKind::User | PrincipalKind::Guest) | None => "user",
        Some(PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity) => "service",
    }
}

/// Silence after a step.
#[must_use]
pub fn silent(user: &str, after: &str) -> Finding {
    Finding::of(&STALLED, user, format!("the server says nothing after {after}"))
        .because("it answered everything before that")
        .fix(Fix::by(Actor::Network, "If the server is integrated in a virtual network: let its subnet reach the service tag AzureActiveDirectory on TCP 443, by which it validates tokens; `az network nsg show` lists the rules of its subnet"))
        .fix(Fix::by(Actor::AzureOwner, "See the server's health in the portal"))
}

/// A connection that ends after a step.
#[must_use]
pub fn closed(user: &str, after: &str) -> Finding {
    Finding::of(&CLOSED, user, format!("the server closes the connection after {after}"))
        .fix(
            Fix::you("Try again in a minute: a restart or failover looks like this")
                .run("entra-pg doctor --retry-for 2m"),
        )
        .fix(Fix::by(
            Actor::Network,
            "If it stays, look for a firewall that inspects the PostgreSQL protocol",
        ))
}

/// An answer that breaks the protocol.
#[must_use]
pub fn not_understood(user: &str, detail: &str) -> Finding {
    Finding::of(&NOT_UNDERSTOOD, user, format!("the server's answer breaks the protocol: {detail}"))
        .fix(Fix::you("Check that host and port are the server's own"))
}

problems! {
    explains &["access/*"];
    TOKEN_EXPIRED "login/token-expired" "the server says that the token has expired"
        "The token's time was over when it arrived. A session that stands already is not affected."
        causes &["a connection pool keeps the first token", "PGPASSWORD holds yesterday's token"];
        confirm &["`entra-pg token --decode -` shows when it expired"];
        fix &[(Actor::You, "get a token for each new connection")];
        not &["clock/skewed: a wrong clock makes tools keep tokens for too long"];
        sources &["Microsoft Learn: Connect with Microsoft Entra ID, token lifetime"];
    AUDIENCE_REFUSED "login/audience-refused" "the server says that the token is for another audience"
        "The token was issued for another service, or for the database service of another cloud."
        causes &["a token for Azure Resource Manager, Graph or Azure SQL", "the server's own name used as the resource"];
        confirm &["`entra-pg token --decode -` shows the audience"];
        fix &[(Actor::You, "ask for the scope that the message names, with /.default")];
        not &["claims/wrong-audience is the same, seen before anything was sent"];
        sources &["microsoft/azuredatastudio-postgresql#505"];
    OID_CLAIM_REFUSED "login/oid-claim-refused" "the server finds no usable object id in the token"
        "The token is not an access token for a principal of the server's tenant."
        causes &["an id token in place of an access token", "a token of another tenant", "a client with a spoilt token cache"];
        confirm &["`entra-pg token --decode -` shows oid and tid"];
        fix &[(Actor::You, "sign in to the server's tenant: `az login --tenant <tenant>`")];
        not &["login/object-id-mismatch: there the object id is read, and is another"];
        sources &["microsoft/vscode-pgsql#183"];
    TOKEN_REFUSED "login/token-refused" "the server cannot validate the token"
        "The server could not make sense of what it was given, or could not reach Entra to verify it."
        causes &["a password or client secret in place of a token", "a token that was cut or changed", "the server's own subnet cannot reach Entra"];
        confirm &["claims/signature passes: then the token is good, and the server's way to Entra is not"];
        fix &[(Actor::You, "get a fresh token"), (Actor::Network, "allow the service tag AzureActiveDirectory from the server's subnet")];
        not &["login/refused"];
        sources &["cyrilgdn/terraform-provider-postgresql#60"];
    USER_ROLE_APP_TOKEN "login/user-role-app-token" "the role belongs to a person, and the token to an application"
        "The role is mapped to a user, and the token is one of a service principal or managed identity."
        causes &["the credential chain found another identity than on the developer's machine", "the role was created with the wrong type"];
        confirm &["`entra-pg token` shows who the token stands for"];
        fix &[(Actor::You, "use the right credential"), (Actor::DatabaseAdmin, "map the role to the application: type service")];
        not &["login/object-id-mismatch: there the kind is right"];
        sources &["the server's own text, which names AAD_AUTH_TOKENTYPE_APP_USER"];
    SERVICE_ROLE_USER_TOKEN "login/service-role-user-token" "the role belongs to an application, and the token to a person"
        "The role is mapped to a service principal or managed identity, and the token is one of a user."
        causes &["somebody tries the application's login with `az login` as himself", "Cloud Shell gives the person's token"];
        confirm &["`entra-pg token` shows who the token stands for"];
        fix &[(Actor::You, "sign in as the application, or log in as your own role")];
        not &["login/not-in-group"];
        sources &["MicrosoftDocs/azure-docs#120133"];
    OBJECT_ID_MISMATCH "login/object-id-mismatch" "the role belongs to another object id"
        "Role name and kind are right, and the security label carries another object id than the token: the identity was deleted and recreated, or another one of the same name answers."
        causes &["the managed identity, application or user was deleted and recreated", "another user-assigned identity was picked", "the application's object id was used in place of the service principal's"];
        confirm &["`select label from pg_shseclabel …` beside `entra-pg token`"];
        fix &[(Actor::DatabaseAdmin, "`pgaadauth_update_principal_with_oid` binds the role to the new object id and keeps its grants")];
        not &["name/wrong-case: then the role would not be found at all"];
        sources &["Microsoft Learn: Manage Microsoft Entra users, \"deleted and recreated\""];
    NOT_IN_GROUP "login/not-in-group" "the token's holder is not in the group"
        "The role is a group's, and the token does not show membership."
        causes &["not a member", "a member of a nested group only", "the token is older than the membership"];
        confirm &["`az ad group member check --group <group> --member-id <object-id>`"];
        fix &[(Actor::EntraAdmin, "add the identity to the group itself"), (Actor::You, "sign in again afterwards")];
        not &["login/not-an-entra-role: there the group has no role"];
        sources &["Microsoft Learn: Connect with Microsoft Entra ID, group login"];
    CLIENT_ADDRESS_REFUSED "login/client-address-refused" "the server's rules do not let this address in"
        "The server has no entry for this client's address. The address that it prints is the one it sees, after NAT."
        causes &["the firewall rules hold another address", "a VPN or NAT gateway changed the address", "the rule was added less than five minutes ago"];
        confirm &["`az postgres flexible-server firewall-rule list`"];
        fix &[(Actor::AzureOwner, "add the printed address")];
        not &["login/tls-required: the same text with \"no encryption\""];
        sources &["Microsoft Learn: Azure Database for PostgreSQL, firewall rules"];
    TLS_REQUIRED "login/tls-required" "the server insists on TLS"
        "The connection came without encryption. With sslmode=prefer psql retries so after any first failure, and shows this second, misleading error: the first line is the true one."
        causes &["sslmode=disable", "a driver without TLS", "the second try of sslmode=prefer"];
        confirm &["set PGSSLMODE=require and read the only line left"];
        fix &[(Actor::You, "sslmode=verify-full")];
        not &["login/client-address-refused"];
        sources &["Azure/azure-cli-extensions#8410"];
    TOO_MANY_CONNECTIONS "login/too-many-connections" "the server has no connection left"
        "All connection slots, or those of this role or database, are taken (SQLSTATE 53300)."
        causes &["a pool without a limit", "a small server: B1ms has 35 for users"];
        confirm &["`select count(*) from pg_stat_activity` as an administrator"];
        fix &[(Actor::DatabaseAdmin, "end idle connections, use the pooler, or scale up")];
        not &["login/starting-up"];
        sources &["Microsoft Learn: Limits in Azure Database for PostgreSQL"];
    STARTING_UP "login/starting-up" "the server is starting up or shutting down"
        "The server does not accept logins at the moment (SQLSTATE 57P03)."
        causes &["a restart, a scaling, a failover", "recovery after a crash"];
        confirm &["`az postgres flexible-server show --query state`"];
        fix &[(Actor::You, "wait and try again")];
        not &["server/refused"];
        sources &["PostgreSQL documentation: error codes, 57P03"];
    ROLE_CANNOT_LOG_IN "login/role-cannot-log-in" "the role may not log in"
        "The token was accepted, and the role has NOLOGIN: usual for the role of a synchronised group."
        causes &["group sync is on, and members log in with their own names", "an administrator took LOGIN away"];
        confirm &["`select rolcanlogin from pg_roles where rolname = …`"];
        fix &[(Actor::You, "log in with your own name"), (Actor::DatabaseAdmin, "ALTER ROLE … LOGIN")];
        not &["login/refused"];
        sources &["Microsoft Learn: Microsoft Entra groups, group sync"];
    SERVER_DEFECT "login/server-defect" "the server fails in itself"
        "The message is one of PostgreSQL's own internals: a defect of the server, seen on version 18."
        causes &["Entra authentication on PostgreSQL 18"];
        confirm &["a password role can log in at the same time"];
        fix &[(Actor::Microsoft, "mend it; open a support request")];
        not &["login/refused"];
        sources &["Azure/azure-postgresql#132"];
    POOLER_TOKEN_TOO_LONG "login/pooler-token-too-long" "the token is too long for the pooler"
        "PgBouncer takes passwords of up to 2,047 bytes; a user's token with many groups is longer. Port 5432 takes it."
        causes &["a user in many groups", "a pooler of your own in between"];
        confirm &["the same token works on port 5432"];
        fix &[(Actor::You, "use port 5432, or a managed identity, whose tokens are shorter")];
        not &["claims/truncated: there the token itself is cut"];
        sources &["pgbouncer/pgbouncer#874"];
    STALLED "login/stalled" "the server falls silent during the login"
        "The server answered until then, and says nothing more. After a token, it is probably trying to reach Entra to validate it."
        causes &["the server's own subnet cannot reach Entra (network security group, route table, DNS)", "the server hangs"];
        confirm &["a password role logs in at the same time", "`az network nsg show` of the server's subnet: which outbound rule decides for TCP 443"];
        fix &[(Actor::Network, "allow outbound TCP 443 from the server's subnet to the service tag AzureActiveDirectory")];
        not &["server/silent: there not even TLS is answered"];
        sources &["Microsoft Learn: Microsoft Entra authentication, network requirements"];
    CLOSED "login/closed" "the server closes the connection during the login"
        "The connection ends without an error message."
        causes &["a restart or failover", "a firewall that inspects the protocol"];
        confirm &["`psql` says: server closed the connection unexpectedly"];
        fix &[(Actor::You, "try again in a minute")];
        not &["server/closed: there nothing has been answered"];
        sources &["PostgreSQL documentation: message flow"];
    NOT_UNDERSTOOD "login/not-understood" "the server's answer breaks the protocol"
        "What came back is no message of PostgreSQL, or one that cannot stand in this place."
        causes &["a proxy or another service listens at this port", "a defect of a pooler in between"];
        confirm &["`psql` reports a protocol synchronisation or unexpected message"];
        fix &[(Actor::You, "check that host and port are the server's own")];
        not &["server/not-postgresql: there TLS is not even offered"];
        sources &["PostgreSQL documentation: message formats"];
    REFUSED "login/refused" "the server refuses the login"
        "The server gave no reason that tells more. Its own words are in the evidence."
        causes &["the role is mapped to somebody else", "the token is of another tenant", "a condition of the role, such as a second factor"];
        confirm &["the server's log around this run's application_name"];
        fix &[(Actor::DatabaseAdmin, "compare the role's security label with the token")];
        not &["login/not-an-entra-role: there the server does not even ask for a token"];
        sources &["PostgreSQL documentation: error codes, class 28"];
}

#[cfg(test)]
mod tests {
    use super::classify;
    use crate::facts::login::ServerError;

    fn id(sqlstate: &str, message: &str) -> &'static str {
        let (sqlstate, message) = (sqlstate.to_owned(), message.to_owned());
        classify(&ServerError { sqlstate, message, ..ServerError::default() }).id
    }

    #[test]
    fn both_wordings_mean_the_same() {
        let audience = "login/audience-refused";
        assert_eq!(
            id(
                "28000",
                "The access token does not have a valid audience claim. Please acquire a new token for the resource \"x\"."
            ),
            audience
        );
        assert_eq!(
            id(
                "28000",
                "The access token doesn't have a valid audience claim. Acquire a new token for resource \"x\""
            ),
            audience
        );
        let mismatch = "login/object-id-mismatch";
        assert_eq!(id("28000", "Service Principal oid mismatch for role [x]"), mismatch);
        assert_eq!(
            id("28P01", "Service principal oid mismatch for role \"x\" The oid in the label…"),
            mismatch
        );
        assert_eq!(
            id(
                "28000",
                "Azure AD user token for role[x] is neither an AAD_AUTH_TOKENTYPE_APP_USER or …"
            ),
            "login/user-role-app-token"
        );
    }

    #[test]
    fn the_sqlstate_comes_before_the_words() {
        assert_eq!(
            id("53300", "remaining connection slots are reserved, no encryption"),
            "login/too-many-connections"
        );
        assert_eq!(
            id("28000", "no pg_hba.conf entry for host \"1.2.3.4\", SSL encryption"),
            "login/client-address-refused"
        );
        assert_eq!(
            id("28000", "no pg_hba.conf entry for host \"1.2.3.4\", no encryption"),
            "login/tls-required"
        );
        assert_eq!(id("28P01", "password authentication failed for user \"x\""), "login/refused");
    }
}
