//! The server's refusals, classified by SQLSTATE and then by text. Azure has two wordings for many of
//! them, an older and a newer one; the part that both have in common decides.

use super::attempt::{Attempt, POOLER_LIMIT};
use crate::{
    check::{Fragment, Page, Problem, VantageKind, Waiting},
    command::{Command, guid, identifier},
    facts::{
        login::{CompletedStep, ServerError},
        settings::Settings,
        token::{Claims, PrincipalKind},
    },
    support::commands,
    text,
    verdict::{Actor, Confidence, Finding, Fix},
};
use std::net::IpAddr;

/// Fragments of refusals in lower case, and their problems. The first match counts. Both wordings of
/// the server contain the fragment.
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

/// Words that show that an unknown text is about the token.
const OF_TOKENS: &[&str] = &["access token", "aad_auth", "azure ad", "microsoft entra"];

/// The problem of a refusal, and how certain it is: by an unambiguous SQLSTATE, then by the text, then
/// by any other SQLSTATE.
#[must_use]
pub fn classify(error: &ServerError, attempt: &Attempt<'_>) -> (&'static Problem, Confidence) {
    meaning(error, attempt.pooled_token(), attempt.sent_the_token())
}

/// Which problem a refusal is by its SQLSTATE and text only, without the rest of the evidence.
#[must_use]
pub fn by_words(error: &ServerError) -> &'static Problem {
    meaning(error, None, false).0
}

fn meaning(
    error: &ServerError,
    pooled_token: Option<usize>,
    token_sent: bool,
) -> (&'static Problem, Confidence) {
    match error.sqlstate.as_str() {
        "53300" => return (&TOO_MANY_CONNECTIONS, Confidence::Certain),
        "57P01" | "57P02" | "57P03" => return (&STARTING_UP, Confidence::Certain),
        _ => {}
    }
    let short = pooled_token.is_some_and(|length| length <= POOLER_LIMIT);
    let message = error.message.to_lowercase();
    match TEXTS.iter().find(|(fragment, _)| message.contains(fragment)) {
        // The text does not make a short token too long.
        Some((_, problem)) if *problem == &POOLER_TOKEN_TOO_LONG && short => {
            (&REFUSED, Confidence::Likely)
        }
        Some((_, problem)) => (problem, Confidence::Certain),
        None if error.sqlstate == "08P01" && pooled_token.is_some() && !short => {
            (&POOLER_TOKEN_TOO_LONG, Confidence::Likely)
        }
        None if token_sent && OF_TOKENS.iter().any(|word| message.contains(word)) => {
            (&TOKEN_REFUSED, Confidence::Likely)
        }
        None if error.sqlstate.starts_with("XX") => (&SERVER_DEFECT, Confidence::Likely),
        None => (&REFUSED, Confidence::Likely),
    }
}

/// A finding that contains the text of the server.
#[must_use]
pub fn finding(error: &ServerError, attempt: &Attempt<'_>) -> Finding {
    let (problem, sure) = classify(error, attempt);
    let detail = format!("{}: \"{}\"", problem.title, error.message);
    let mut finding = Finding::of(problem, attempt.user(), detail)
        .sure(sure)
        .because(format!(
            "the server says {} {}: {}",
            error.severity, error.sqlstate, error.message
        ))
        .because_all(error.detail.as_ref().map(|detail| format!("DETAIL: {detail}")))
        .because_all(error.hint.as_ref().map(|hint| format!("HINT: {hint}")))
        .because_all(context(problem, error, attempt))
        .because_all(error.routine.as_ref().map(|name| format!("its routine {name} reports this")))
        .because_all(attempt.logged())
        .because_all(attempt.psql_tries_twice());
    for fix in fixes(problem, error, attempt) {
        finding = finding.fix(fix);
    }
    finding
}

/// What the token or the port says about the refusal.
fn context(problem: &Problem, error: &ServerError, attempt: &Attempt<'_>) -> Vec<String> {
    let claims = attempt.claims();
    match problem {
        known if known == &NOT_IN_GROUP => {
            let Some(claims) = claims else { return Vec::new() };
            let listed = membership(claims, &error.message);
            [Some(listed), attempt.issued()].into_iter().flatten().collect()
        }
        known if [&OBJECT_ID_MISMATCH, &OID_CLAIM_REFUSED].contains(&known) => {
            let Some(claims) = claims else { return Vec::new() };
            let part = |name, value: Option<&str>| format!("{name} {}", value.unwrap_or("(none)"));
            let ids = [
                part("object id", claims.oid.as_deref()),
                part("application", claims.client()),
                part("tenant", claims.tid.as_deref()),
            ];
            vec![format!("the token has {}", text::list(&ids, 3))]
        }
        known if known == &TOKEN_EXPIRED => attempt.issued().into_iter().collect(),
        known if [&TOKEN_REFUSED, &REFUSED].contains(&known) => {
            let user = claims.filter(|claims| {
                matches!(claims.principal(), PrincipalKind::User | PrincipalKind::Guest)
            });
            let one_factor = user.filter(|claims| !claims.amr.iter().any(|method| method == "mfa"));
            one_factor
                .map(|_| {
                    "the token shows no second factor, which a role made with isMfa asks for"
                        .to_owned()
                })
                .into_iter()
                .chain(attempt.pooled_token().map(|length| {
                    format!(
                        "the pooler answers here, with a token of {length} bytes; on port 5432 \
                            the server itself would give its reason"
                    )
                }))
                .collect()
        }
        known if known == &POOLER_TOKEN_TOO_LONG => attempt
            .pooled_token()
            .map(|length| {
                format!(
                    "the token has {length} bytes, and PgBouncer before 1.26 takes {POOLER_LIMIT}"
                )
            })
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

fn membership(claims: &Claims, message: &str) -> String {
    let group = group_id(message).unwrap_or("this group");
    let count = claims.groups.len();
    if claims.groups_overage {
        "the token lists no groups, because there are too many of them: the server has to ask \
            Microsoft Graph itself"
            .to_owned()
    } else if claims.groups.is_empty() {
        "the token lists no groups".to_owned()
    } else if claims.groups.iter().any(|id| id == group) {
        format!("the token lists {group} among its {count} groups, and the server does not see it")
    } else {
        format!("the token lists {count} groups, and {group} is not among them")
    }
}

fn is_person(claims: Option<&Claims>) -> bool {
    claims.is_none_or(|claims| {
        matches!(claims.principal(), PrincipalKind::User | PrincipalKind::Guest)
    })
}

/// The group's object id in the server's own words: `does not contain group ID <id>`.
fn group_id(message: &str) -> Option<&str> {
    let at = message.to_lowercase().find("group id")? + "group id".len();
    let rest = message.get(at..)?.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(rest.len());
    (end == 36).then(|| &rest[..end])
}

fn fixes(problem: &Problem, error: &ServerError, attempt: &Attempt<'_>) -> Vec<Fix> {
    match problem {
        known if known == &CLIENT_ADDRESS_REFUSED => allow_client(&error.message, attempt.settings),
        known if known == &TLS_REQUIRED => {
            vec![Fix::you("Request TLS").run(Command::set("PGSSLMODE", "verify-full"))]
        }
        known if known == &TOO_MANY_CONNECTIONS => vec![
            Fix::by(
                Actor::DatabaseAdmin,
                "End idle connections, or put the pooler (port 6432) in between",
            )
            .run(Command::sql(
                "select pid, usename, state, state_change from pg_stat_activity order by \
                    state_change;",
            )),
        ],
        known if known == &STARTING_UP => {
            vec![
                Fix::you("Wait a moment and try again")
                    .run(Command::new("entra-pg doctor --retry-for 5m")),
            ]
        }
        known if known == &SERVER_DEFECT => vec![Fix::by(
            Actor::Microsoft,
            "Open a support request: this is a defect of the server (Azure/azure-postgresql#132)",
        )],
        known if known == &POOLER_TOKEN_TOO_LONG => vec![
            Fix::you("Use port 5432: the token is longer than the pooler accepts")
                .run(Command::set("PGPORT", "5432")),
            Fix::by(Actor::EntraAdmin, "Or include fewer groups in the token"),
        ],
        _ => token_fixes(problem, attempt)
            .or_else(|| role_fixes(problem, error, attempt))
            .unwrap_or_else(|| compare_label(attempt)),
    }
}

fn token_fixes(problem: &Problem, attempt: &Attempt<'_>) -> Option<Vec<Fix>> {
    let (audience, tenant) = attempt.token_request();
    let fresh = || {
        Fix::you("Get a fresh token right before connecting")
            .run(commands::fresh_token(audience, tenant))
    };
    Some(match problem {
        known if [&TOKEN_EXPIRED, &AUDIENCE_REFUSED, &OID_CLAIM_REFUSED].contains(&known) => {
            vec![fresh()]
        }
        known if known == &TOKEN_REFUSED => {
            let reach =
                "Let the server's subnet reach the service tag AzureActiveDirectory on TCP 443";
            match attempt.signature_verified() {
                // A token whose signature was verified needs no replacement.
                true => vec![Fix::by(Actor::Network, reach), fresh()],
                false => vec![
                    fresh(),
                    Fix::by(
                        Actor::Network,
                        format!("{reach}, if the signature of the token is valid"),
                    ),
                ],
            }
        }
        _ => return None,
    })
}

fn role_fixes(problem: &Problem, error: &ServerError, attempt: &Attempt<'_>) -> Option<Vec<Fix>> {
    let (user, claims) = (attempt.user(), attempt.claims());
    let (audience, tenant) = attempt.token_request();
    let oid = claims.and_then(|claims| claims.oid.as_deref());
    Some(match problem {
        known if known == &OBJECT_ID_MISMATCH => vec![
            Fix::by(
                Actor::DatabaseAdmin,
                "If this identity is the right one (it was recreated, say), bind the role to its \
                    object id; grants are kept",
            )
            .run(commands::label_role(user, oid, kind(claims)))
            .in_database("postgres"),
            Fix::you("Otherwise sign in as the identity that the role belongs to"),
        ],
        known if known == &USER_ROLE_APP_TOKEN => vec![
            Fix::you(
                "Sign in as the person the role belongs to, or log in as the application's own \
                    role",
            ),
            Fix::by(Actor::DatabaseAdmin, "Or map the role to the application")
                .run(commands::label_role(user, oid, "service"))
                .in_database("postgres"),
        ],
        known if known == &SERVICE_ROLE_USER_TOKEN => vec![Fix::you(
            "Sign in as the application (its secret, certificate or managed identity), or log in \
                as your own role",
        )],
        known if known == &NOT_IN_GROUP => vec![
            Fix::you(
                "Check that this identity is a direct member of the group: nested membership \
                    does not count",
            )
            .run(direct_member(group_id(&error.message), oid)),
            Fix::by(Actor::EntraAdmin, format!("If not, add it to the group \"{user}\"")),
            Fix::you(
                "If it is, the token is older than the membership: sign in again, since the Azure \
                    CLI returns the same token until it expires (a managed identity's token is \
                    renewed within a day)",
            )
            .run_if(is_person(claims).then(|| commands::new_sign_in(audience, tenant))),
        ],
        known if known == &ROLE_CANNOT_LOG_IN => {
            let own = claims.and_then(|claims| claims.upn.as_deref());
            let name = Fix::you(
                "Log in with your own name: an administrator has switched off the group's own \
                    login",
            )
            .run_if(own.map(|own| Command::set("PGUSER", own)));
            vec![
                name,
                Fix::by(Actor::DatabaseAdmin, "Or let the role log in")
                    .run(Command::sql(format!("alter role {} login;", identifier(user)))),
            ]
        }
        _ => return None,
    })
}

fn allow_client(message: &str, settings: &Settings) -> Vec<Fix> {
    let server = settings.host.as_ref().and_then(|host| host.value.split('.').next());
    let address = address(message);
    if matches!(address, Some(IpAddr::V6(_))) {
        return vec![Fix::you(
            "Connect over IPv4: firewall rules of a flexible server hold IPv4 addresses \
                        only",
        )];
    }
    vec![
        Fix::by(
            Actor::AzureOwner,
            "Allow the address that the server names in its firewall rules (takes effect \
                        within 5 minutes). Azure CLI before 2.87: -n SERVER --rule-name client",
        )
        .run_if(commands::allow_address(server, address)),
        Fix::you("Then wait until it takes effect")
            .run(Command::new("entra-pg doctor --retry-for 6m")),
    ]
}

/// Without a reason from the server, its log and the role's label are left to compare.
fn compare_label(attempt: &Attempt<'_>) -> Vec<Fix> {
    let oid = attempt.claims().and_then(|claims| claims.oid.as_deref());
    let mut all = vec![Fix::by(
        Actor::DatabaseAdmin,
        format!(
            "Search for this run's application_name in the server's log, and compare the \
                        role's security label with the object ID of the token{}",
            oid.map(|oid| format!(" ({oid})")).unwrap_or_default()
        ),
    )];
    all.extend(attempt.pooled_token().map(|_| {
        Fix::you("Connect to the server itself instead of its pooler")
            .run(Command::set("PGPORT", "5432"))
    }));
    all
}

/// The client's address in the server's own words: `for host "203.0.113.9"`.
fn address(message: &str) -> Option<IpAddr> {
    message.split_once("host \"")?.1.split_once('"')?.0.parse().ok()
}

/// Lists the principal only if it is a direct member; `member check` would count nested groups.
fn direct_member(group: Option<&str>, oid: Option<&str>) -> Command {
    let query = format!("[?id=='{}'].id", oid.and_then(guid).unwrap_or("<object ID>"));
    Command::new("az ad group member list --group $GROUP_ID --query")
        .value(query)
        .words("-o tsv")
        .with("GROUP_ID", group)
}

pub(crate) fn kind(claims: Option<&Claims>) -> &'static str {
    match claims.map(Claims::principal) {
        Some(PrincipalKind::User | PrincipalKind::Guest) | None => "user",
        Some(PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity) => "service",
    }
}

/// Silence after a step.
#[must_use]
pub fn silent(attempt: &Attempt<'_>, after: &str, steps: &[CompletedStep]) -> Finding {
    Finding::of(&STALLED, attempt.user(), format!("the server says nothing after {after}"))
        .because(until_then(steps))
        .because_all(attempt.logged())
        .fix(Fix::by(
            Actor::Network,
            "If the server is integrated in a virtual network: let its subnet reach the service \
                tag AzureActiveDirectory on TCP 443, by which it validates tokens; `az network nsg show -g $NETWORK_RG -n $NSG --query \"sort_by([securityRules,defaultSecurityRules][], &priority)[?direction=='Outbound']\"` lists the rules of its subnet",
        ))
        .fix(Fix::by(Actor::AzureOwner, "Check the health of the server in the portal"))
}

/// A connection that ends after a step.
#[must_use]
pub fn closed(attempt: &Attempt<'_>, after: &str, steps: &[CompletedStep]) -> Finding {
    Finding::of(&CLOSED, attempt.user(), format!("the server closes the connection after {after}"))
        .because(until_then(steps))
        .because_all(attempt.logged())
        .fix(
            Fix::you("Try again in a minute: a restart or failover closes connections like this")
                .run(Command::new("entra-pg doctor --retry-for 2m")),
        )
        .fix(Fix::by(
            Actor::Network,
            "If it lasts, check for a firewall that inspects the PostgreSQL protocol",
        ))
}

/// The steps that went well, with their times.
fn until_then(steps: &[CompletedStep]) -> String {
    let listed: Vec<String> = steps
        .iter()
        .map(|completed| format!("{} at {} ms", completed.step, completed.at_ms))
        .collect();
    match listed.is_empty() {
        true => "it answered everything before that".to_owned(),
        false => format!("until then: {}", text::list(&listed, 8)),
    }
}

/// An answer that breaks the protocol.
#[must_use]
pub fn not_understood(attempt: &Attempt<'_>, detail: &str) -> Finding {
    Finding::of(
        &NOT_UNDERSTOOD,
        attempt.user(),
        format!("the server's answer breaks the protocol: {detail}"),
    )
    .fix(Fix::you("Check that host and port are the server's own"))
}

/// The server says that the token has expired.
pub static TOKEN_EXPIRED: Problem = Problem {
    id: "login/token-expired",
    title: "the server says that the token has expired",
    explains: &["access/*"],
    waiting: Waiting::HelpsWithNewToken,
    fragments: &[
        Fragment::new("access token has expired", 95),
        Fragment::new("server login has been failing", 72),
    ],
    page: Page {
        means: "The token had expired when it arrived. Sessions that exist already are not \
            affected.",
        causes: &["a connection pool keeps the first token", "PGPASSWORD holds yesterday's token"],
        confirm: &["`entra-pg token --decode -` shows when it expired"],
        fix: &[(Actor::You, "get a token for each new connection")],
        mistaken_for: &["clock/skewed: a wrong clock makes tools keep tokens for too long"],
        sources: &["Microsoft Learn: Connect with Microsoft Entra ID, token lifetime"],
    },
    ..Problem::DEFAULT
};

/// The server says that the token is for another audience.
pub static AUDIENCE_REFUSED: Problem = Problem {
    id: "login/audience-refused",
    title: "the server says that the token is for another audience",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("valid audience claim", 95)],
    page: Page {
        means: "The token was issued for another service, or for the database service of another \
            cloud.",
        causes: &[
            "a token for Azure Resource Manager, Graph or Azure SQL",
            "the server's own name used as the resource",
        ],
        confirm: &["`entra-pg token --decode -` shows the audience"],
        fix: &[(
            Actor::You,
            "request the scope that the message names, with /.default; a slash at the end of the \
                audience is refused, too",
        )],
        mistaken_for: &["claims/wrong-audience is the same, seen before anything was sent"],
        sources: &["microsoft/azuredatastudio-postgresql#505"],
    },
    ..Problem::DEFAULT
};

/// The server finds no usable object id in the token.
pub static OID_CLAIM_REFUSED: Problem = Problem {
    id: "login/oid-claim-refused",
    title: "the server finds no usable object id in the token",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("valid oid claim", 95)],
    page: Page {
        means: "The token is not an access token for a principal of the server's tenant.",
        causes: &[
            "an ID token instead of an access token",
            "a token of another tenant",
            "a client with a broken token cache",
        ],
        confirm: &["`entra-pg token --decode -` shows oid and tid"],
        fix: &[(Actor::You, "sign in to the server's tenant: `az login --tenant $TENANT`")],
        mistaken_for: &["login/object-id-mismatch: there the object id is read, and is another"],
        sources: &["microsoft/vscode-pgsql#183"],
    },
    ..Problem::DEFAULT
};

/// The server cannot validate the token.
pub static TOKEN_REFUSED: Problem = Problem {
    id: "login/token-refused",
    title: "the server cannot validate the token",
    explains: &["access/*"],
    vantage: VantageKind::ServerInferred,
    fragments: &[
        Fragment::new("error occurred while validating the access token", 95),
        Fragment::new("access token has invalid format", 86),
        Fragment::new("fatal: the access token", 72),
        Fragment::new("the access token does", 66),
        Fragment::new("invalid access token", 66),
        Fragment::new("access token is not valid", 64),
        Fragment::new("aad_auth", 62),
    ],
    page: Page {
        means: "The server could not read the token, or could not reach Microsoft Entra ID to \
            validate it.",
        causes: &[
            "a password or client secret instead of a token",
            "a token that was cut or changed",
            "the server's own subnet cannot reach Entra",
        ],
        confirm: &[
            "claims/signature passes: then the token is valid, and the server cannot reach \
                Microsoft Entra ID",
        ],
        fix: &[
            (Actor::You, "get a fresh token"),
            (Actor::Network, "allow the service tag AzureActiveDirectory from the server's subnet"),
        ],
        mistaken_for: &["login/refused"],
        sources: &["cyrilgdn/terraform-provider-postgresql#60"],
    },
    ..Problem::DEFAULT
};

/// The role belongs to a person, and the token to an application.
pub static USER_ROLE_APP_TOKEN: Problem = Problem {
    id: "login/user-role-app-token",
    title: "the role belongs to a person, and the token to an application",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("user token for role", 96),
        Fragment::new("is neither an aad_auth_tokentype_app_user", 95),
    ],
    page: Page {
        means: "The role is mapped to a user, and the token is one of a service principal or \
            managed identity. Microsoft documents the types of roles, but not this text of the \
            server, which names AAD_AUTH_TOKENTYPE_APP_USER.",
        causes: &[
            "the credential chain found another identity than on the developer's machine",
            "the role was created with the wrong type",
        ],
        confirm: &["`entra-pg token` shows the principal of the token"],
        fix: &[
            (Actor::You, "use the right credential"),
            (Actor::DatabaseAdmin, "map the role to the application: type service"),
        ],
        mistaken_for: &["login/object-id-mismatch: there the kind is right"],
        sources: &[
            "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// The role belongs to an application, and the token to a person.
pub static SERVICE_ROLE_USER_TOKEN: Problem = Problem {
    id: "login/service-role-user-token",
    title: "the role belongs to an application, and the token to a person",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    fragments: &[Fragment::new("service principals cannot generate", 96)],
    page: Page {
        means: "The role is mapped to a service principal or managed identity, and the token is \
            one of a user.",
        causes: &[
            "a person runs the application with their own `az login`",
            "Cloud Shell issues the token of the person",
        ],
        confirm: &["`entra-pg token` shows the principal of the token"],
        fix: &[(Actor::You, "sign in as the application, or log in as your own role")],
        mistaken_for: &["login/not-in-group"],
        sources: &["MicrosoftDocs/azure-docs#120133"],
    },
    ..Problem::DEFAULT
};

/// The role belongs to another object id.
pub static OBJECT_ID_MISMATCH: Problem = Problem {
    id: "login/object-id-mismatch",
    title: "the role belongs to another object id",
    explains: &["access/*"],
    fragments: &[
        Fragment::new("oid mismatch for role", 95),
        Fragment::new("does not match the appid", 94),
    ],
    page: Page {
        means: "Role name and kind are right, and the security label carries another object id \
            than the token: the identity was deleted and recreated, or another one of the same \
            name answers.",
        causes: &[
            "the managed identity, application or user was deleted and recreated",
            "another user-assigned identity was picked",
            "the application's object id was used in place of the service principal's",
        ],
        confirm: &[
            "`select label from pg_shseclabel where objoid = '\"<role>\"'::regrole;`, compared with `entra-pg token`",
        ],
        fix: &[(
            Actor::DatabaseAdmin,
            "change the security label, which keeps the grants: `security label for \"pgaadauth\" on role \"<role>\" is 'aadauth,oid=<object-id>,type=user';`, with service for an application and group for a group; the \
                undocumented function pgaadauth_update_principal_with_oid does the same",
        )],
        mistaken_for: &["name/wrong-case: then the role would not be found at all"],
        sources: &["https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts"],
    },
    ..Problem::DEFAULT
};

/// The token's holder is not in the group.
pub static NOT_IN_GROUP: Problem = Problem {
    id: "login/not-in-group",
    title: "the token's holder is not in the group",
    explains: &["access/*"],
    waiting: Waiting::HelpsWithNewToken,
    fragments: &[Fragment::new("does not contain group id", 95)],
    page: Page {
        means: "The role is a group's, and the token does not show membership.",
        causes: &[
            "not a member",
            "a member of a nested group only",
            "the token is older than the membership",
        ],
        confirm: &[
            "`az ad group member list --group $GROUP_ID --query \"[?id=='$OBJECT_ID'].id\" \
            -o tsv` prints the ID of a direct member",
        ],
        fix: &[
            (Actor::EntraAdmin, "add the identity to the group itself"),
            (Actor::You, "sign in again afterwards"),
        ],
        mistaken_for: &["login/not-an-entra-role: there the group has no role"],
        sources: &["Microsoft Learn: Connect with Microsoft Entra ID, group login"],
    },
    ..Problem::DEFAULT
};

/// The firewall rules of the server do not allow this address.
pub static CLIENT_ADDRESS_REFUSED: Problem = Problem {
    id: "login/client-address-refused",
    title: "the firewall rules of the server do not allow this address",
    explains: &["access/*"],
    fragments: &[
        Fragment::new("no pg_hba.conf entry … ssl encryption", 90),
        Fragment::new("no pg_hba.conf entry … ssl on", 90),
        Fragment::new("pg_hba.conf rejects connection … ssl encryption", 90),
        Fragment::new("pg_hba.conf rejects connection … ssl on", 90),
        Fragment::new("pg_hba.conf rejects connection", 84),
        Fragment::new("no pg_hba.conf entry", 84),
    ],
    page: Page {
        means: "The server has no entry for this client's address. The address that it prints is \
            the one it sees, after NAT.",
        causes: &[
            "the firewall rules hold another address",
            "a VPN or NAT gateway changed the address",
            "the rule was added less than five minutes ago",
        ],
        confirm: &["`az postgres flexible-server firewall-rule list -g $RG -s $SERVER -o table`"],
        fix: &[(Actor::AzureOwner, "add the printed address")],
        mistaken_for: &["login/tls-required: the same text with \"no encryption\""],
        sources: &["Microsoft Learn: Azure Database for PostgreSQL, firewall rules"],
    },
    ..Problem::DEFAULT
};

/// The server requires TLS.
pub static TLS_REQUIRED: Problem = Problem {
    id: "login/tls-required",
    title: "the server requires TLS",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("no pg_hba.conf entry … no encryption", 86),
        Fragment::new("no pg_hba.conf entry … ssl off", 86),
        Fragment::new("pg_hba.conf rejects connection … no encryption", 86),
        Fragment::new("pg_hba.conf rejects connection … ssl off", 86),
        Fragment::new("unknown auth message code 1397113172", 88),
        Fragment::new("ssl connection is required", 84),
        Fragment::new("connection requires ssl", 84),
        Fragment::new("ssl is required", 84),
        Fragment::new("built without tls support", 82),
        Fragment::new("require_secure_transport", 80),
    ],
    page: Page {
        means: "The connection was not encrypted. With sslmode=prefer psql retries without TLS \
            after any failure and prints this second, misleading error: the first line has the \
            cause.",
        causes: &["sslmode=disable", "a driver without TLS", "the second try of sslmode=prefer"],
        confirm: &["set PGSSLMODE=require and read the only line left"],
        fix: &[(Actor::You, "sslmode=verify-full")],
        mistaken_for: &["login/client-address-refused"],
        sources: &["Azure/azure-cli-extensions#8410"],
    },
    ..Problem::DEFAULT
};

/// The server has no connection left.
pub static TOO_MANY_CONNECTIONS: Problem = Problem {
    id: "login/too-many-connections",
    title: "the server has no connection left",
    explains: &["access/*"],
    fragments: &[
        Fragment::new("remaining connection slots are reserved", 93),
        Fragment::new("too many clients already", 93),
        Fragment::new("too many connections for", 93),
        Fragment::new("no more connections allowed", 93),
    ],
    page: Page {
        means: "All connection slots, or those of this role or database, are taken (SQLSTATE \
            53300).",
        causes: &["a pool without a limit", "a small server: B1ms has 35 for users"],
        confirm: &["`select count(*) from pg_stat_activity;`"],
        fix: &[(Actor::DatabaseAdmin, "end idle connections, use the pooler, or scale up")],
        mistaken_for: &["login/starting-up"],
        sources: &["Microsoft Learn: Limits in Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};

/// The server is starting up or shutting down.
pub static STARTING_UP: Problem = Problem {
    id: "login/starting-up",
    title: "the server is starting up or shutting down",
    explains: &["access/*"],
    fragments: &[
        Fragment::new("the database system is starting up", 92),
        Fragment::new("the database system is shutting down", 92),
        Fragment::new("the database system is in recovery mode", 92),
        Fragment::new("the database system is not yet accepting connections", 92),
        Fragment::new("the database system is not accepting connections", 92),
        Fragment::new("terminating connection due to administrator command", 92),
        Fragment::new("terminating connection because of crash", 86),
    ],
    page: Page {
        means: "The server does not accept logins at the moment (SQLSTATE 57P03).",
        causes: &["a restart, a scaling, a failover", "recovery after a crash"],
        confirm: &["`az postgres flexible-server show -g $RG -n $SERVER --query state`"],
        fix: &[(Actor::You, "wait and try again")],
        mistaken_for: &["server/refused"],
        sources: &["PostgreSQL documentation: error codes, 57P03"],
    },
    ..Problem::DEFAULT
};

/// The role may not log in.
pub static ROLE_CANNOT_LOG_IN: Problem = Problem {
    id: "login/role-cannot-log-in",
    title: "the role may not log in",
    explains: &["access/*"],
    fragments: &[Fragment::new("is not permitted to log in", 95)],
    page: Page {
        means: "The token was accepted, and the role has NOLOGIN. With group sync on, an \
            administrator can switch the login of the group's own role off; members then log in \
            with their own names.",
        causes: &[
            "an administrator switched the group's own login off, as Microsoft offers once group \
                sync is on",
            "an administrator took LOGIN away",
        ],
        confirm: &["`select rolcanlogin from pg_roles where rolname = '<role>';`"],
        fix: &[
            (Actor::You, "log in with your own name"),
            (Actor::DatabaseAdmin, "allow it again: `alter role \"<role>\" login;`"),
        ],
        mistaken_for: &["login/refused"],
        sources: &["Microsoft Learn: Microsoft Entra groups, group sync"],
    },
    ..Problem::DEFAULT
};

/// The server has an internal defect.
pub static SERVER_DEFECT: Problem = Problem {
    id: "login/server-defect",
    title: "the server has an internal defect",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    vantage: VantageKind::ServerInferred,
    fragments: &[Fragment::new("cannot read pg_class without having selected a database", 95)],
    page: Page {
        means: "The message comes from the internals of PostgreSQL: a defect of the server, \
            reported for version 18.",
        causes: &["Entra authentication on PostgreSQL 18"],
        confirm: &["a password role can log in at the same time"],
        fix: &[(Actor::Microsoft, "open a support request")],
        mistaken_for: &["login/refused"],
        sources: &["Azure/azure-postgresql#132"],
    },
    ..Problem::DEFAULT
};

/// The token is too long for the pooler.
pub static POOLER_TOKEN_TOO_LONG: Problem = Problem {
    id: "login/pooler-token-too-long",
    title: "the token is too long for the pooler",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("client sent partial pkt", 94),
        Fragment::new("password too long", 94),
        Fragment::new("server login has been failing", 68),
        Fragment::new("08p01: password authentication failed", 68),
    ],
    page: Page {
        means: "PgBouncer before version 1.26 accepts passwords of up to 2,047 bytes; the token \
            of a user in many groups is longer. Port 5432 accepts it.",
        causes: &["a user in many groups", "a pooler of your own in between"],
        confirm: &["the same token works on port 5432"],
        fix: &[(Actor::You, "use port 5432, or a managed identity, whose tokens are shorter")],
        mistaken_for: &["claims/truncated: there the token itself is cut"],
        sources: &["pgbouncer/pgbouncer#874"],
    },
    ..Problem::DEFAULT
};

/// The server stops answering during the login.
pub static STALLED: Problem = Problem {
    id: "login/stalled",
    title: "the server stops answering during the login",
    explains: &["access/*"],
    vantage: VantageKind::ServerInferred,
    fragments: &[
        Fragment::new("timeout expired", 46),
        Fragment::new("timed out", 46),
        Fragment::new("timeout while", 46),
    ],
    page: Page {
        means: "The server answered up to this step and then stopped answering. After it \
            received a token, it probably tries to reach Microsoft Entra ID to validate it.",
        causes: &[
            "the server's own subnet cannot reach Entra (network security group, route table, DNS)",
            "the server hangs",
        ],
        confirm: &[
            "a password role logs in at the same time",
            "`az network nsg show -g $NETWORK_RG -n $NSG --query \"sort_by([securityRules,defaultSecurityRules][], &priority)[?direction=='Outbound']\"` of the server's subnet: which outbound rule decides for TCP 443",
        ],
        fix: &[(
            Actor::Network,
            "allow outbound TCP 443 from the server's subnet to the service tag \
                AzureActiveDirectory",
        )],
        mistaken_for: &["server/silent: there not even TLS is answered"],
        sources: &["Microsoft Learn: Microsoft Entra authentication, network requirements"],
    },
    ..Problem::DEFAULT
};

/// The server closes the connection during the login.
pub static CLOSED: Problem = Problem {
    id: "login/closed",
    title: "the server closes the connection during the login",
    explains: &["access/*"],
    vantage: VantageKind::ServerInferred,
    fragments: &[
        Fragment::new("server closed the connection unexpectedly", 48),
        Fragment::new("ssl connection has been closed unexpectedly", 48),
        Fragment::new("connection terminated unexpectedly", 48),
    ],
    page: Page {
        means: "The connection ends without an error message.",
        causes: &["a restart or failover", "a firewall that inspects the protocol"],
        confirm: &["`psql` says: server closed the connection unexpectedly"],
        fix: &[(Actor::You, "try again in a minute")],
        mistaken_for: &["server/closed: there nothing has been answered"],
        sources: &["PostgreSQL documentation: message flow"],
    },
    ..Problem::DEFAULT
};

/// The server's answer breaks the protocol.
pub static NOT_UNDERSTOOD: Problem = Problem {
    id: "login/not-understood",
    title: "the server's answer breaks the protocol",
    explains: &["access/*"],
    waiting: Waiting::Useless,
    page: Page {
        means: "The answer is not a PostgreSQL message, or not one that is allowed at this step.",
        causes: &[
            "a proxy or another service listens at this port",
            "a defect of a pooler in between",
        ],
        confirm: &["`psql` reports a lost synchronization or an unexpected message"],
        fix: &[(Actor::You, "check that host and port are the server's own")],
        mistaken_for: &["server/not-postgresql: there TLS is not even offered"],
        sources: &["PostgreSQL documentation: message formats"],
    },
    ..Problem::DEFAULT
};

/// The server refuses the login.
pub static REFUSED: Problem = Problem {
    id: "login/refused",
    title: "the server refuses the login",
    explains: &["access/*"],
    vantage: VantageKind::ServerInferred,
    fragments: &[
        Fragment::new("password authentication failed", 60),
        Fragment::new("authentication failed against database server", 58),
        Fragment::new("sasl authentication failed", 56),
    ],
    page: Page {
        means: "The server gave no specific reason. Its text is in the evidence.",
        causes: &[
            "the role is mapped to another principal",
            "the token is of another tenant",
            "a condition of the role, such as a second factor",
        ],
        confirm: &["the server's log around this run's application_name"],
        fix: &[(Actor::DatabaseAdmin, "compare the role's security label with the token")],
        mistaken_for: &["login/not-an-entra-role: there the server does not even ask for a token"],
        sources: &["PostgreSQL documentation: error codes, class 28"],
    },
    ..Problem::DEFAULT
};

/// Every problem of this file, in the order in which `checks` lists them.
pub const ALL: &[&Problem] = &[
    &TOKEN_EXPIRED,
    &AUDIENCE_REFUSED,
    &OID_CLAIM_REFUSED,
    &TOKEN_REFUSED,
    &USER_ROLE_APP_TOKEN,
    &SERVICE_ROLE_USER_TOKEN,
    &OBJECT_ID_MISMATCH,
    &NOT_IN_GROUP,
    &CLIENT_ADDRESS_REFUSED,
    &TLS_REQUIRED,
    &TOO_MANY_CONNECTIONS,
    &STARTING_UP,
    &ROLE_CANNOT_LOG_IN,
    &SERVER_DEFECT,
    &POOLER_TOKEN_TOO_LONG,
    &STALLED,
    &CLOSED,
    &NOT_UNDERSTOOD,
    &REFUSED,
];
#[cfg(test)]
mod tests {
    use super::{Attempt, classify, finding};
    use crate::{evidence::Evidence, facts::login::ServerError, support::testing::healthy_but};
    use serde_json::json;

    fn error(sqlstate: &str, message: &str) -> ServerError {
        let (sqlstate, message) = (sqlstate.to_owned(), message.to_owned());
        ServerError { severity: "FATAL".to_owned(), sqlstate, message, ..ServerError::default() }
    }

    fn attempt(seen: &Evidence) -> Attempt<'_> {
        let settings = seen.settings.seen().expect("settings");
        Attempt::with_the_token(settings, seen.login.seen().expect("a login"), seen)
    }

    fn id(sqlstate: &str, message: &str) -> &'static str {
        classify(&error(sqlstate, message), &attempt(&healthy_but(&[]))).0.id
    }

    /// The messages of public reports, in every wording that is known.
    #[test]
    fn every_wording_is_understood() {
        let wordings = [
            (
                "login/token-expired",
                "The access token has expired. Acquire a new token and try again.",
            ),
            (
                "login/audience-refused",
                "The access token does not have a valid audience claim. Please acquire a new \
                    token for the resource \"x\".",
            ),
            (
                "login/audience-refused",
                "The access token doesn't have a valid audience claim. Acquire a new token for \
                    resource \"x\"",
            ),
            (
                "login/oid-claim-refused",
                "The access token doesn't have a valid oid claim. Acquire a new token and try \
                    again",
            ),
            ("login/oid-claim-refused", "The access token does not have a valid oid claim."),
            (
                "login/token-refused",
                "An error occurred while validating the access token. Please acquire a new token \
                    and retry",
            ),
            (
                "login/user-role-app-token",
                "Azure AD user token for role[X] is neither an AAD_AUTH_TOKENTYPE_APP_USER or an \
                    AAD_AUTH_TOKENTYPE_APP_OBO token.",
            ),
            (
                "login/user-role-app-token",
                "Microsoft Entra user token for role \"X\" is neither an \
                    AAD_AUTH_TOKENTYPE_APP_USER or an AAD_AUTH_TOKENTYPE_APP_OBO token.",
            ),
            (
                "login/service-role-user-token",
                "Service Principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role[X]",
            ),
            (
                "login/service-role-user-token",
                "Service principals cannot generate AAD_AUTH_TOKENTYPE_APP_USER tokens for role \
                    \"X\".",
            ),
            ("login/object-id-mismatch", "Service Principal oid mismatch for role [X]"),
            (
                "login/object-id-mismatch",
                "Service principal oid mismatch for role \"X\" The oid in the security label [L] \
                    does not match the appid [A] or oid [O] in the token.",
            ),
            (
                "login/not-in-group",
                "Azure AD access token not valid for role X (does not contain group ID \
                    bbbbbbbb-0000-0000-0000-00000000000a)",
            ),
            ("login/role-cannot-log-in", "role \"X\" is not permitted to log in"),
            (
                "login/client-address-refused",
                "no pg_hba.conf entry for host \"1.2.3.4\", user \"x\", database \"d\", SSL \
                    encryption",
            ),
            (
                "login/client-address-refused",
                "no pg_hba.conf entry for host \"1.2.3.4\", user \"x\", database \"d\", SSL on",
            ),
            (
                "login/client-address-refused",
                "pg_hba.conf rejects connection for host \"1.2.3.4\", user \"x\", database \
                    \"d\", SSL encryption",
            ),
            (
                "login/tls-required",
                "no pg_hba.conf entry for host \"1.2.3.4\", user \"x\", database \"d\", no \
                    encryption",
            ),
            (
                "login/tls-required",
                "no pg_hba.conf entry for host \"1.2.3.4\", user \"x\", database \"d\", SSL off",
            ),
            (
                "login/token-refused",
                "Microsoft Entra authentication failed in a way that is not reported yet",
            ),
            ("login/refused", "password authentication failed for user \"x\""),
        ];
        for (expected, message) in wordings {
            assert_eq!(id("28000", message), expected, "{message}");
            assert_eq!(id("28P01", message), expected, "{message}");
        }
        let defect = "cannot read pg_class without having selected a database";
        assert_eq!(id("XX000", defect), "login/server-defect");
        assert_eq!(id("XX000", "something else inside"), "login/server-defect");
    }

    #[test]
    fn the_sqlstate_comes_before_the_words() {
        for message in [
            "remaining connection slots are reserved, no encryption",
            "too many connections for role \"x\"",
            "sorry, too many clients already",
        ] {
            assert_eq!(id("53300", message), "login/too-many-connections");
        }
        for sqlstate in ["57P01", "57P02", "57P03"] {
            assert_eq!(id(sqlstate, "the access token has expired"), "login/starting-up");
        }
    }

    #[test]
    fn an_unknown_text_is_kept_whole() {
        let seen = healthy_but(&[]);
        let text = "Something\nnew [x] \"y\" with 100% of its words";
        let whole = finding(&error("28000", text), &attempt(&seen));
        assert_eq!(whole.problem.id, "login/refused");
        assert!(whole.detail.contains(text) && whole.evidence[0].contains(text));
    }

    #[test]
    fn a_short_token_is_not_too_long_for_the_pooler() {
        let pooled = |length: usize| {
            let seen = healthy_but(&[
                ("/login/seen/port", json!(6432)),
                ("/login/seen/token_length", json!(length)),
            ]);
            ["client sent partial pkt in startup phase", "password authentication failed"]
                .map(|message| classify(&error("08P01", message), &attempt(&seen)).0.id)
        };
        assert_eq!(pooled(2048), ["login/pooler-token-too-long"; 2]);
        assert_eq!(pooled(1800), ["login/refused"; 2]);
    }

    #[test]
    fn psql_shows_a_second_error_where_sslmode_lets_it() {
        let said = |mode: &str| {
            let seen = healthy_but(&[
                ("/settings/seen/sslmode/value", json!(mode)),
                ("/login/seen/rungs", json!([])),
            ]);
            let finding = finding(&error("28000", "x"), &attempt(&seen));
            finding.evidence.iter().any(|line| line.contains("no encryption"))
        };
        let modes = ["prefer", "allow", "require", "verify-full"];
        assert_eq!(modes.map(said), [true, true, false, false]);
    }

    #[test]
    fn the_kinds_of_failing_group_logins_are_told_apart() {
        let group = "bbbbbbbb-0000-0000-0000-00000000000a";
        let message = format!(
            "Azure AD access token not valid for role G (does not contain group ID {group})"
        );
        let said = |groups: serde_json::Value, overage: bool| {
            let seen = healthy_but(&[
                ("/token/seen/claims/groups", groups),
                ("/token/seen/claims/groups_overage", json!(overage)),
            ]);
            finding(&error("28000", &message), &attempt(&seen)).evidence.join("\n")
        };
        assert!(said(json!([]), false).contains("lists no groups\nthe token was issued"));
        assert!(said(json!(["x"]), false).contains("is not among them"));
        assert!(said(json!([group]), false).contains("the server does not see it"));
        assert!(said(json!([]), true).contains("ask Microsoft Graph itself"));
    }
}
