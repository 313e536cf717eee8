//! Whether the user name matches the role, byte for byte.

use super::{
    candidates::{candidates, guest_form, home_address},
    compare::{cut, visible},
    slip::{NAME_BYTES, Seen, Slip},
};
use crate::{
    check::{Check, Fragment, Judge, Missing, Page, Problem, Waiting},
    command::Command,
    evidence::Evidence,
    facts::{
        NotObserved, Topic,
        login::AuthRequest,
        settings::{Origin, SentSetting, Setting, Settings},
        token::{Claims, PrincipalKind},
    },
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// The name is that of a role which this identity can be.
pub static CHECK: Check = Check {
    id: "name/spelling",
    asserts: "the user name matches the token",
    needs: &[Topic::Settings, Topic::Token, Topic::AuthRequest, Topic::Graph],
    problems: ALL,
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let settings = seen.settings.get()?;
    if settings.host.is_none() {
        return Ok(Verdict::NotApplicable("no server was named".to_owned()));
    }
    if settings.misplaced_secret(SentSetting::User).is_some() {
        return Ok(Verdict::NotApplicable("the user name holds a secret".to_owned()));
    }
    let Some(user) = &settings.user else {
        return Ok(Verdict::found(missing("", seen)));
    };
    if matches!(seen.auth_request.seen(), Some(AuthRequest::Cleartext)) {
        return Ok(Verdict::Passed(format!("the server has an Entra role \"{}\"", user.value)));
    }
    if user.origin == Origin::Default {
        return Ok(Verdict::found(missing(&user.value, seen)));
    }
    let claims = seen.token.seen().and_then(|token| token.claims.as_deref());
    let known = claims.map(|claims| candidates(claims, seen.directory.seen())).unwrap_or_default();
    if let Some(candidate) = known.iter().find(|candidate| candidate.name == user.value) {
        return Ok(Verdict::Passed(format!("it is {}", candidate.from)));
    }
    if let Some(claims) = claims
        && claims.principal() == PrincipalKind::Guest
        && let Some(home) = home_address(claims)
        && user.value.starts_with(&guest_form(home))
    {
        return Ok(Verdict::Passed(
            "it is the guest's home address, as this tenant writes it".to_owned(),
        ));
    }
    // A name that PostgreSQL up to 16 cuts is the same name.
    if let Some(candidate) = known.iter().find(|candidate| {
        candidate.name.len() > NAME_BYTES && cut(&candidate.name, NAME_BYTES) == user.value
    }) {
        let from = candidate.from;
        return Ok(Verdict::Passed(format!("it is the first {NAME_BYTES} bytes of {from}")));
    }
    let looked = Seen { user, settings, claims, directory: seen.directory.seen(), known: &known };
    match looked.slip() {
        Some(slip) => Ok(Verdict::found(finding(slip, user, seen))),
        // Only the server can tell whether there is a role of this name: it may be a group's.
        None => match seen.auth_request.get() {
            Err(why) => Err(why.into()),
            Ok(_) => Err(Missing(NotObserved::Blocked {
                by: Topic::AuthRequest,
                subject: String::new(),
            })),
        },
    }
}

/// Whether the name has a mistake that shows without Microsoft Graph, so that no role of this name is meant.
pub(crate) fn is_mistaken(settings: &Settings, claims: Option<&Claims>) -> bool {
    let Some(user) = &settings.user else { return false };
    let known = claims.map(|claims| candidates(claims, None)).unwrap_or_default();
    if known.iter().any(|candidate| candidate.name == user.value) {
        return false;
    }
    let seen = Seen { user, settings, claims, directory: None, known: &known };
    seen.slip().is_some_and(|slip| slip.problem != &NOT_THE_TOKENS)
}

fn finding(slip: Slip, user: &Setting<String>, seen: &Evidence) -> Finding {
    let name = &user.value;
    let mut finding = Finding::of(slip.problem, name, slip.detail).sure(slip.sure);
    let given = (user.origin.phrase(), visible(name));
    finding = match slip.meant.as_ref().filter(|_| slip.sure == Confidence::Certain) {
        Some(meant) => finding.compare([given, ("expected".to_owned(), meant.clone())]),
        None => {
            let (from, name) = given;
            finding.because(format!("{from} gives \"{name}\" ({} bytes)", user.value.len()))
        }
    };
    if slip.problem == &BACKSLASH_KEPT && name.contains("\\ ") {
        finding = finding.because(
            "the documented sed 's/ /\\\\ /g' puts such backslashes there: it is a mistake in \
                front of PGUSER, and right only for a value without quotes in a connection string",
        );
    }
    if matches!(seen.auth_request.seen(), Some(AuthRequest::Sasl { .. })) {
        finding = finding
            .because("the server asks this user for SASL, so it has no Entra role of this name");
    }
    match slip.meant {
        Some(meant) => {
            if slip.sure != Confidence::Certain {
                finding = finding.because(format!("meant is probably \"{meant}\""));
            }
            finding.fix(fix(&user.origin, &meant))
        }
        None if slip.problem != &TOO_LONG => finding
            .fix(Fix::you("Set the user to the role name").run(Command::set("PGUSER", "<role>"))),
        None => finding.fix(Fix::by(
            Actor::DatabaseAdmin,
            "Create the role under a shorter name, bound by object id: \
                pgaadauth_create_principal_with_oid",
        )),
    }
}

fn fix(origin: &Origin, name: &str) -> Fix {
    match origin {
        Origin::Flag { .. } => {
            Fix::you("Write the name as it is; the shell's own quotes are enough")
                .run(Command::new("entra-pg doctor --username").value(name))
        }
        Origin::Conninfo => Fix::you("Quote the name in the connection string")
            .run(Command::text(format!("user={}", text::conninfo_value(name)))),
        Origin::Uri => Fix::you("Encode the name once; entra-pg name writes the whole URI")
            .run(Command::new("entra-pg name").value(name)),
        Origin::ServiceFile { path, service } => Fix::you(format!(
            "Write the name as it is, without quotation marks, in [{service}] of {path}"
        ))
        .run(Command::text(format!("user={name}"))),
        _ => Fix::you("Write the name as it is").run(Command::set("PGUSER", name)),
    }
}

fn missing(fallback: &str, seen: &Evidence) -> Finding {
    let detail =
        format!("no user is named, so libpq takes that of the operating system: \"{fallback}\"");
    let claims = seen.token.seen().and_then(|token| token.claims.as_deref());
    let known = claims.map(|claims| candidates(claims, seen.directory.seen())).unwrap_or_default();
    let finding = Finding::of(&MISSING, fallback, detail);
    match known.first() {
        Some(candidate) => finding
            .because(format!("the token is that of \"{}\" ({})", candidate.name, candidate.from))
            .fix(fix(&Origin::Default, &candidate.name)),
        None => finding.fix(Fix::you("Name the role").run(Command::set("PGUSER", "<role>"))),
    }
}

/// What a misspelt name explains.
const UNKNOWN_ROLE: &[&str] = &["login/not-an-entra-role", "login/refused", "access/*"];

const MANAGE: &str =
    "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL";
const LIBPQ: &str =
    "PostgreSQL documentation: libpq, connection strings (measured with libpq 15.18)";

/// No user is named.
pub static MISSING: Problem = Problem {
    id: "name/missing",
    title: "no user is named",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("usernameextractionerror", 86),
        Fragment::new("could not retrieve entra credentials", 86),
        Fragment::new("username could not be extracted", 84),
        Fragment::new("no postgresql user name specified", 84),
    ],
    page: Page {
        means: "libpq falls back to the operating system's user, which is not the name of a role.",
        causes: &[
            "PGUSER is not exported, or empty",
            "a tool with a default of its own: postgres, app",
        ],
        confirm: &["`echo \"$PGUSER\"`"],
        fix: &[(Actor::You, "export PGUSER with the role's name")],
        mistaken_for: &["login/not-an-entra-role"],
        sources: &[LIBPQ],
    },
    ..Problem::DEFAULT
};

/// The name of the server is given as the user.
pub static HOST_AS_USER: Problem = Problem {
    id: "name/host-as-user",
    title: "the user is the name of a server",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "The setting for the user has the name of a server. No role has this name, and none \
            should be created.",
        causes: &[
            "the values of PGHOST and PGUSER are exchanged",
            "a form or a script with the fields in another order",
            "-U in place of -h",
        ],
        confirm: &["`echo \"$PGHOST / $PGUSER\"`"],
        fix: &[(Actor::You, "set the user to the role name, such as your user principal name")],
        mistaken_for: &["login/not-an-entra-role, which it leads to"],
        sources: &[LIBPQ],
    },
    ..Problem::DEFAULT
};

/// The name differs from the token's in letter case.
pub static WRONG_CASE: Problem = Problem {
    id: "name/wrong-case",
    title: "the name differs from the token's in letter case",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("password authentication failed", 66),
        Fragment::new("authentication failed against database server", 66),
        Fragment::new("sasl authentication failed", 64),
    ],
    page: Page {
        means: "Role names are compared byte for byte: Alice and alice are two roles, and the \
            unknown one fails exactly like a wrong password.",
        causes: &[
            "the name was typed by hand",
            "a tool that lowers names",
            "Entra shows user principal names in another case than they are stored",
        ],
        confirm: &["`entra-pg token` shows the name in the token"],
        fix: &[(Actor::You, "write it as the token and the role have it")],
        mistaken_for: &["login/not-an-entra-role: there nothing shows what was meant"],
        sources: &[MANAGE],
    },
    ..Problem::DEFAULT
};

/// Backslashes are part of the name that is sent.
pub static BACKSLASH_KEPT: Problem = Problem {
    id: "name/backslash-kept",
    title: "backslashes are part of the name that is sent",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "libpq takes backslashes off in connection strings only. In PGUSER and -U they are \
            sent, so `Prod\\ DB` is another name than `Prod DB`.",
        causes: &[
            "the advice to run names through sed 's/ /\\\\ /g' before exporting PGUSER, which is a \
                mistake",
            "escaping for the shell twice",
        ],
        confirm: &["`printf %s \"$PGUSER\" | od -c`"],
        fix: &[(
            Actor::You,
            "export PGUSER='Prod DB Readonly': plain blanks, inside the shell's quotes",
        )],
        mistaken_for: &["name/wrong-case"],
        sources: &[LIBPQ],
    },
    ..Problem::DEFAULT
};

/// Percent signs are part of the name that is sent.
pub static PERCENT_KEPT: Problem = Problem {
    id: "name/percent-kept",
    title: "percent signs are part of the name that is sent",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "Only URIs are decoded. In PGUSER, -U and key=value strings %40 is sent as it is.",
        causes: &["a name copied out of a URI"],
        confirm: &["`echo \"$PGUSER\"`"],
        fix: &[(Actor::You, "write @, # and blanks as they are, outside URIs")],
        mistaken_for: &["config/host-malformed: there an @ was not encoded in a URI"],
        sources: &[LIBPQ],
    },
    ..Problem::DEFAULT
};

/// Quotation marks are part of the name that is sent.
pub static QUOTES_KEPT: Problem = Problem {
    id: "name/quotes-kept",
    title: "quotation marks are part of the name that is sent",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "The quotation marks have become part of the value.",
        causes: &["`set PGUSER=\"x\"` in cmd", "quotes inside a YAML or .env value"],
        confirm: &["`printf %s \"$PGUSER\" | od -c`"],
        fix: &[(Actor::You, "in cmd: set \"PGUSER=x\"; elsewhere drop the inner quotes")],
        mistaken_for: &["name/backslash-kept"],
        sources: &[LIBPQ],
    },
    ..Problem::DEFAULT
};

/// The name holds characters that cannot be seen.
pub static INVISIBLE_CHARACTERS: Problem = Problem {
    id: "name/invisible-characters",
    title: "the name holds characters that cannot be seen",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "A blank at an end, a carriage return, a no-break space or another invisible \
            character is part of the name.",
        causes: &[
            "a file with Windows line ends",
            "copied from a chat or document",
            "`az … -o tsv` through a Windows shell",
        ],
        confirm: &["`printf %s \"$PGUSER\" | od -c`"],
        fix: &[(Actor::You, "type the name again, or clean it: tr -d '\\r'")],
        mistaken_for: &["name/look-alike"],
        sources: &[LIBPQ],
    },
    ..Problem::DEFAULT
};

/// The name contains characters that look like others.
pub static LOOK_ALIKE: Problem = Problem {
    id: "name/look-alike",
    title: "the name contains characters that look like others",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "Two characters that look alike are different bytes: Cyrillic а for a, a long dash \
            for a hyphen, é in one code point or two.",
        causes: &["copied from a document that improves typography", "another keyboard layout"],
        confirm: &["`printf %s \"$PGUSER\" | od -c`"],
        fix: &[(Actor::You, "copy the name from the token or from the database")],
        mistaken_for: &["name/wrong-case"],
        sources: &["Unicode Technical Standard 39"],
    },
    ..Problem::DEFAULT
};

/// The name ends with @server, as on Single Server.
pub static SINGLE_SERVER_SUFFIX: Problem = Problem {
    id: "name/single-server-suffix",
    title: "the name ends with @server, as on Single Server",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "On the retired Single Server the user was written user@server. Flexible Server \
            takes only the role name.",
        causes: &["a connection string from before the migration"],
        confirm: &["the part behind the last @ is the server's name"],
        fix: &[(Actor::You, "drop @server")],
        mistaken_for: &["a user principal name, whose domain is the tenant's"],
        sources: &["Azure/postgresql#26", "microsoft/azuredatastudio-postgresql#246"],
    },
    ..Problem::DEFAULT
};

/// A guest is called by the home address.
pub static GUEST_FORM: Problem = Problem {
    id: "name/guest-form",
    title: "a guest is called by the home address",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "In this tenant the user principal name of a guest has the form \
            name_home-domain#EXT#@tenant, such as bob_fabrikam.com#EXT#@contoso.onmicrosoft.com, \
            and the role has this name.",
        causes: &["the guest's mail address was used"],
        confirm: &["`az ad user list --filter \"mail eq '$MAIL'\" --query '[].userPrincipalName'`"],
        fix: &[(Actor::You, "use the #EXT# form; in a URI # is %23 and @ is %40")],
        mistaken_for: &["claims/wrong-tenant"],
        sources: &[MANAGE],
    },
    ..Problem::DEFAULT
};

/// An ID is used instead of a name.
pub static IDENTIFIER_NOT_NAME: Problem = Problem {
    id: "name/identifier-not-name",
    title: "an ID is used instead of a name",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("could not validate aad user", 64),
        Fragment::new("failed sasl auth", 60),
    ],
    page: Page {
        means: "Client ids, object ids and resource ids are not role names, unless somebody chose \
            them so.",
        causes: &["a managed identity's client id in PGUSER"],
        confirm: &["`az identity show -g $RG -n $IDENTITY --query name`"],
        fix: &[(Actor::You, "use the identity's display name")],
        mistaken_for: &["login/object-id-mismatch"],
        sources: &["MicrosoftDocs/azure-docs#102693"],
    },
    ..Problem::DEFAULT
};

/// The name is longer than PostgreSQL keeps.
pub static TOO_LONG: Problem = Problem {
    id: "name/too-long",
    title: "the name is longer than PostgreSQL keeps",
    explains: UNKNOWN_ROLE,
    waiting: Waiting::Useless,
    page: Page {
        means: "PostgreSQL keeps 63 bytes of a name. The server cuts a longer one to 63 bytes \
            (17.0 to 17.2 did not), so it compares another name than the one that was given.",
        causes: &["a long group name", "letters that take several bytes"],
        confirm: &["`printf %s \"$PGUSER\" | wc -c`"],
        fix: &[(
            Actor::DatabaseAdmin,
            "create the role under a short name with pgaadauth_create_principal_with_oid",
        )],
        mistaken_for: &["name/wrong-case"],
        sources: &[
            "PostgreSQL documentation: identifiers, NAMEDATALEN",
            "PostgreSQL release notes, version 17.3",
        ],
    },
    ..Problem::DEFAULT
};

/// The name is none of this identity's.
pub static NOT_THE_TOKENS: Problem = Problem {
    id: "name/not-the-tokens",
    title: "the name is none of this identity's",
    explains: UNKNOWN_ROLE,
    fragments: &[Fragment::new("could not validate aad user", 58)],
    page: Page {
        means: "Neither the token's own names nor the groups that Graph lists are this name. It \
            may still be a role that was bound by object id.",
        causes: &[
            "another account than intended is signed in",
            "the mail address in place of the user principal name",
            "not a member of the group",
        ],
        confirm: &["`az ad signed-in-user show`, `az ad user get-member-groups --id $USER_NAME`"],
        fix: &[(Actor::You, "sign in as the right account, or use one of its names")],
        mistaken_for: &["login/not-an-entra-role"],
        sources: &[MANAGE],
    },
    ..Problem::DEFAULT
};

/// Every problem of this file, in the order in which `checks` lists them.
pub const ALL: &[&Problem] = &[
    &MISSING,
    &HOST_AS_USER,
    &WRONG_CASE,
    &BACKSLASH_KEPT,
    &PERCENT_KEPT,
    &QUOTES_KEPT,
    &INVISIBLE_CHARACTERS,
    &LOOK_ALIKE,
    &SINGLE_SERVER_SUFFIX,
    &GUEST_FORM,
    &IDENTIFIER_NOT_NAME,
    &TOO_LONG,
    &NOT_THE_TOKENS,
];
#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::support::testing::{healthy_but, problems_of};
    use serde_json::json;

    fn with_user(user: &str) -> Vec<&'static str> {
        let sasl = json!({"kind": "sasl", "mechanisms": ["SCRAM-SHA-256"]});
        let seen = healthy_but(&[
            ("/settings/seen/user/value", json!(user)),
            ("/auth_request/seen", sasl),
        ]);
        problems_of(&CHECK, &seen)
    }

    #[test]
    fn slips_are_told_apart() {
        assert_eq!(with_user("alice.smith@contoso.onmicrosoft.com"), ["name/wrong-case"]);
        assert_eq!(with_user(r"Prod\ DB\ Readonly"), ["name/backslash-kept"]);
        assert_eq!(with_user("\"Alice\""), ["name/quotes-kept"]);
        assert_eq!(with_user("Alice.Smith%40contoso.onmicrosoft.com"), ["name/percent-kept"]);
        assert_eq!(
            with_user("Alice.Smith@contoso.onmicrosoft.com\r"),
            ["name/invisible-characters"]
        );
        assert_eq!(with_user("Alice.Smith@pg-prod"), ["name/single-server-suffix"]);
        assert_eq!(with_user("Аlice.Smith@contoso.onmicrosoft.com"), ["name/look-alike"]);
        assert_eq!(with_user("04b07795-8ddb-461a-bbee-02f9e1bf7b46"), ["name/identifier-not-name"]);
        assert_eq!(with_user(&"x".repeat(64)), ["name/too-long"]);
        assert_eq!(with_user("Alice Smith"), ["name/not-the-tokens"]);
        assert_eq!(with_user("carol@contoso.onmicrosoft.com"), ["name/not-the-tokens"]);
        assert_eq!(with_user("Рrod DB Readonly"), ["name/look-alike"]);
        assert_eq!(with_user("Zoe\u{308}"), ["name/look-alike"]);
        assert_eq!(with_user("Prod DB Readonly"), Vec::<&str>::new());
        assert_eq!(with_user("Прод"), Vec::<&str>::new());
    }

    #[test]
    fn a_role_that_the_server_knows_is_spelt_right() {
        let seen = healthy_but(&[("/settings/seen/user/value", json!(r"odd\name"))]);
        assert_eq!(problems_of(&CHECK, &seen), Vec::<&str>::new());
    }
}
