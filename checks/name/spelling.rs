//! Whether the user name is spelt as the role must be, byte for byte.

use super::candidates::{Candidate, candidates, guest_form};
use crate::{
    check::{Check, Judge, Missing, Problem, problems},
    evidence::Evidence,
    facts::{
        Topic,
        login::AuthRequest,
        settings::{Origin, Setting, Settings},
        token::{Claims, PrincipalKind},
    },
    text,
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};
use unicode_normalization::UnicodeNormalization;

/// PostgreSQL keeps 63 bytes of a name.
const NAME_BYTES: usize = 63;

/// The name is that of a role which this identity can be.
pub static CHECK: Check = Check {
    id: "name/spelling",
    asserts: "the user name is spelt as the role must be",
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
    let slip = slip(user, settings, claims, &known, seen.directory.seen().is_some());
    Ok(match slip {
        Some(slip) => Verdict::found(finding(slip, user, seen)),
        None => Verdict::Passed(format!("\"{}\" holds no slip of the pen that shows", user.value)),
    })
}

/// What is wrong with a name, and what was probably meant.
struct Slip {
    problem: &'static Problem,
    meant: Option<String>,
    detail: String,
    sure: Confidence,
}

fn slip(
    user: &Setting<String>,
    settings: &Settings,
    claims: Option<&Claims>,
    known: &[Candidate],
    complete: bool,
) -> Option<Slip> {
    let name = user.value.as_str();
    let from = user.origin.phrase();
    let found = |problem, meant: String, detail: String| {
        // What the token confirms is certain; what only looks like a slip is likely.
        let sure = if known.iter().any(|candidate| candidate.name == meant) {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        Some(Slip { problem, meant: Some(meant), detail, sure })
    };
    if let Some(inner) = unquoted(name) {
        let detail = format!("the quotation marks in {from} are part of the name that is sent");
        return found(&QUOTES_KEPT, inner.to_owned(), detail);
    }
    if name.contains('\\') {
        let meant = name.replace('\\', "");
        let detail = format!(
            "the backslashes in {from} are part of the name that is sent: libpq takes them off in connection strings only"
        );
        return found(&BACKSLASH_KEPT, meant, detail);
    }
    if let Some(meant) = percent_decoded(name) {
        let detail = format!(
            "the percent signs in {from} are part of the name that is sent: only URIs are decoded"
        );
        return found(&PERCENT_KEPT, meant, detail);
    }
    if name.chars().any(is_invisible) || name.trim() != name {
        let meant: String = name.chars().filter(|c| !is_invisible(*c)).collect();
        let detail = format!("the name holds what cannot be seen: {}", invisible_places(name));
        return found(&INVISIBLE_CHARACTERS, meant.trim().to_owned(), detail);
    }
    if let Some(meant) = without_server(name, settings) {
        let detail =
            format!("\"{name}\" ends with the server's name, as on the retired Single Server");
        return found(&SINGLE_SERVER_SUFFIX, meant, detail);
    }
    let folded = |text: &str| text.to_lowercase();
    if let Some(alike) = known.iter().find(|candidate| folded(&candidate.name) == folded(name)) {
        let detail = format!(
            "\"{name}\" differs from {} in letter case only: {}",
            alike.from,
            difference(name, &alike.name)
        );
        return found(&WRONG_CASE, alike.name.clone(), detail);
    }
    let normal = |text: &str| skeleton(text);
    if let Some(alike) = known.iter().find(|candidate| normal(&candidate.name) == normal(name)) {
        let detail = format!(
            "\"{name}\" looks like {} and holds other characters: {}",
            alike.from,
            difference(name, &alike.name)
        );
        return found(&LOOK_ALIKE, alike.name.clone(), detail);
    }
    let guest = claims.filter(|claims| claims.principal() == PrincipalKind::Guest);
    if let Some(claims) = guest {
        let home = claims.unique_name.as_deref().or(claims.email.as_deref()).unwrap_or_default();
        if home.eq_ignore_ascii_case(name) {
            let meant = format!("{}<tenant>.onmicrosoft.com", guest_form(home));
            let detail = format!(
                "\"{name}\" is the guest's home address; in this tenant the guest is called {meant}"
            );
            return found(&GUEST_FORM, meant, detail);
        }
    }
    if is_identifier(name) {
        let meant = known.first().map(|candidate| candidate.name.clone());
        let detail = format!("\"{name}\" is an id; roles are called by name");
        return Some(Slip {
            problem: &IDENTIFIER_NOT_NAME,
            meant,
            detail,
            sure: Confidence::Likely,
        });
    }
    if name.len() > NAME_BYTES {
        let detail =
            format!("the name has {} bytes, and PostgreSQL keeps {NAME_BYTES}", name.len());
        return Some(Slip { problem: &TOO_LONG, meant: None, detail, sure: Confidence::Likely });
    }
    // Only when the identity's groups are known can a name be nobody's.
    (complete && !known.is_empty()).then(|| {
        let names: Vec<&str> = known.iter().map(|candidate| candidate.name.as_str()).collect();
        let detail =
            format!("\"{name}\" is none of this identity's names: {}", text::list(&names, 4));
        let meant = known.first().map(|candidate| candidate.name.clone());
        Slip { problem: &NOT_THE_TOKENS, meant, detail, sure: Confidence::Possible }
    })
}

fn finding(slip: Slip, user: &Setting<String>, seen: &Evidence) -> Finding {
    let name = &user.value;
    let mut finding = Finding::of(slip.problem, name, slip.detail).sure(slip.sure).because(
        format!("{} gives \"{}\" ({} bytes)", user.origin.phrase(), visible(name), name.len()),
    );
    if matches!(seen.auth_request.seen(), Some(AuthRequest::Sasl { .. })) {
        finding = finding
            .because("the server asks this user for SASL, so it has no Entra role of this name");
    }
    match slip.meant {
        Some(meant) => {
            finding = finding.because(format!("meant is probably \"{meant}\""));
            finding.fix(fix(&user.origin, &meant, seen))
        }
        None => finding.fix(Fix::by(Actor::DatabaseAdmin, "Create the role under a shorter name, bound by object id: pgaadauth_create_principal_with_oid")),
    }
}

fn fix(origin: &Origin, name: &str, seen: &Evidence) -> Fix {
    let shell = seen.vantage.shell;
    match origin {
        Origin::Flag { .. } => {
            Fix::you("Write the name as it is; the shell's own quotes are enough")
                .run(format!("entra-pg doctor --username {}", text::quoted(shell, name)))
        }
        Origin::Conninfo => Fix::you("Quote the name in the connection string")
            .run(format!("user='{}'", name.replace('\\', r"\\").replace('\'', r"\'"))),
        _ => Fix::you("Write the name as it is").run(text::set_variable(shell, "PGUSER", name)),
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
            .fix(fix(&Origin::Default, &candidate.name, seen)),
        None => finding.fix(Fix::you("Name the role").run("export PGUSER=<role>")),
    }
}

fn unquoted(name: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        name.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.is_empty())
    })
}

/// The name with `%40`, `%20` and `%23` decoded, where it holds one of them.
fn percent_decoded(name: &str) -> Option<String> {
    let mut decoded = name.to_owned();
    for (code, plain) in [("%40", "@"), ("%20", " "), ("%23", "#")] {
        decoded = decoded.replace(code, plain);
    }
    (decoded != name).then_some(decoded)
}

fn without_server(name: &str, settings: &Settings) -> Option<String> {
    let host = settings.host.as_ref()?.value.to_lowercase();
    let label = host.split('.').next()?;
    let (user, suffix) = name.rsplit_once('@')?;
    let suffix = suffix.to_lowercase();
    (suffix == label || suffix == host).then(|| user.to_owned())
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

fn invisible_places(name: &str) -> String {
    let mut places: Vec<String> = name
        .chars()
        .enumerate()
        .filter(|(_, character)| is_invisible(*character))
        .map(|(index, character)| {
            format!("U+{:04X} at character {}", u32::from(character), index + 1)
        })
        .collect();
    if name.starts_with(' ') {
        places.push("a blank at its beginning".to_owned());
    }
    if name.ends_with(' ') {
        places.push("a blank at its end".to_owned());
    }
    text::list(&places, 3)
}

/// The name with what cannot be seen written out.
fn visible(name: &str) -> String {
    let show = |character: char| {
        if is_invisible(character) {
            format!("<U+{:04X}>", u32::from(character))
        } else {
            character.to_string()
        }
    };
    name.chars().map(show).collect()
}

/// Letters of other scripts that look Latin, and compositions, made alike; letter case aside.
fn skeleton(text: &str) -> String {
    let latin = |character: char| match character {
        'а' => 'a',
        'е' => 'e',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'х' => 'x',
        'у' => 'y',
        'і' | 'ι' => 'i',
        'ѕ' => 's',
        '‐' | '‑' | '–' | '—' | '−' => '-',
        other => other,
    };
    text.nfkc().flat_map(char::to_lowercase).map(latin).collect()
}

/// The first place where two names differ.
fn difference(name: &str, other: &str) -> String {
    let pairs = name.chars().zip(other.chars()).enumerate();
    match pairs.into_iter().find(|(_, (one, two))| one != two) {
        Some((index, (one, two))) => {
            format!("character {} is '{one}' where '{two}' is meant", index + 1)
        }
        None => "one is longer than the other".to_owned(),
    }
}

fn is_identifier(name: &str) -> bool {
    let guid = name.len() == 36
        && name.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    guid || name.to_lowercase().starts_with("/subscriptions/")
}

/// What a misspelt name explains.
const UNKNOWN_ROLE: &[&str] = &["login/not-an-entra-role", "login/refused", "access/*"];

const MANAGE: &str =
    "Microsoft Learn: Manage Microsoft Entra users in Azure Database for PostgreSQL";
const LIBPQ: &str =
    "PostgreSQL documentation: libpq, connection strings (measured with libpq 15.18)";

problems! {
    explains UNKNOWN_ROLE;
    MISSING "name/missing" "no user is named"
        "libpq falls back to the operating system's user, which is nobody's role."
        causes &["PGUSER is not exported, or empty", "a tool with a default of its own: postgres, app"];
        confirm &["`echo \"$PGUSER\"`"];
        fix &[(Actor::You, "export PGUSER with the role's name")];
        not &["login/not-an-entra-role"];
        sources &[LIBPQ];
    WRONG_CASE "name/wrong-case" "the name differs from the token's in letter case"
        "Role names are compared byte for byte: Alice and alice are two roles, and the unknown one looks exactly like a wrong password."
        causes &["the name was typed by hand", "a tool that lowers names", "Entra shows user principal names in another case than they are stored"];
        confirm &["`entra-pg token` shows the name in the token"];
        fix &[(Actor::You, "write it as the token and the role have it")];
        not &["login/not-an-entra-role: there nothing shows what was meant"];
        sources &[MANAGE];
    BACKSLASH_KEPT "name/backslash-kept" "backslashes are part of the name that is sent"
        "libpq takes backslashes off in connection strings only. In PGUSER and -U they are sent, so `Prod\\ DB` is another name than `Prod DB`."
        causes &["the advice to run names through sed 's/ /\\\\ /g' before exporting PGUSER, which is a mistake", "escaping for the shell twice"];
        confirm &["`printf %s \"$PGUSER\" | od -c`"];
        fix &[(Actor::You, "export PGUSER='Prod DB Readonly': plain blanks, inside the shell's quotes")];
        not &["name/wrong-case"];
        sources &[LIBPQ];
    PERCENT_KEPT "name/percent-kept" "percent signs are part of the name that is sent"
        "Only URIs are decoded. In PGUSER, -U and key=value strings %40 is sent as it is."
        causes &["a name copied out of a URI"];
        confirm &["`echo \"$PGUSER\"`"];
        fix &[(Actor::You, "write @, # and blanks as they are, outside URIs")];
        not &["config/host-malformed: there an @ was not encoded in a URI"];
        sources &[LIBPQ];
    QUOTES_KEPT "name/quotes-kept" "quotation marks are part of the name that is sent"
        "The quotation marks have become part of the value."
        causes &["`set PGUSER=\"x\"` in cmd", "quotes inside a YAML or .env value"];
        confirm &["`printf %s \"$PGUSER\" | od -c`"];
        fix &[(Actor::You, "in cmd: set \"PGUSER=x\"; elsewhere drop the inner quotes")];
        not &["name/backslash-kept"];
        sources &[LIBPQ];
    INVISIBLE_CHARACTERS "name/invisible-characters" "the name holds characters that cannot be seen"
        "A blank at an end, a carriage return, a no-break space or another invisible character is part of the name."
        causes &["a file with Windows line ends", "copied from a chat or document", "`az … -o tsv` through a Windows shell"];
        confirm &["`printf %s \"$PGUSER\" | od -c`"];
        fix &[(Actor::You, "type the name again, or clean it: tr -d '\\r'")];
        not &["name/look-alike"];
        sources &[LIBPQ];
    LOOK_ALIKE "name/look-alike" "the name looks right and holds other characters"
        "Two characters that look alike are different bytes: Cyrillic а for a, a long dash for a hyphen, é in one code point or two."
        causes &["copied from a document that improves typography", "another keyboard layout"];
        confirm &["`printf %s \"$PGUSER\" | od -c`"];
        fix &[(Actor::You, "copy the name from the token or from the database")];
        not &["name/wrong-case"];
        sources &["Unicode Technical Standard 39"];
    SINGLE_SERVER_SUFFIX "name/single-server-suffix" "the name ends with @server, as on Single Server"
        "On the retired Single Server the user was written user@server. Flexible Server takes the role name alone."
        causes &["a connection string from before the migration"];
        confirm &["the part behind the last @ is the server's name"];
        fix &[(Actor::You, "drop @server")];
        not &["a user principal name, whose domain is the tenant's"];
        sources &["Azure/postgresql#26", "microsoft/azuredatastudio-postgresql#246"];
    GUEST_FORM "name/guest-form" "a guest is called by the home address"
        "In the tenant a guest's user principal name is home_domain#EXT#@tenant, and so is the role."
        causes &["the guest's mail address was used"];
        confirm &["`az ad user list --filter \"mail eq '<address>'\" --query '[].userPrincipalName'`"];
        fix &[(Actor::You, "use the #EXT# form; in a URI # is %23 and @ is %40")];
        not &["claims/wrong-tenant"];
        sources &[MANAGE];
    IDENTIFIER_NOT_NAME "name/identifier-not-name" "an id stands where a name is needed"
        "Client ids, object ids and resource ids are not role names, unless somebody chose them so."
        causes &["a managed identity's client id in PGUSER"];
        confirm &["`az identity show --query name`"];
        fix &[(Actor::You, "use the identity's display name")];
        not &["login/object-id-mismatch"];
        sources &["MicrosoftDocs/azure-docs#102693"];
    TOO_LONG "name/too-long" "the name is longer than PostgreSQL keeps"
        "Names are kept to 63 bytes. Up to version 16 the server cuts a longer one, later ones do not: in both cases another name is compared."
        causes &["a long group name", "letters that take several bytes"];
        confirm &["`printf %s \"$PGUSER\" | wc -c`"];
        fix &[(Actor::DatabaseAdmin, "create the role under a short name with pgaadauth_create_principal_with_oid")];
        not &["name/wrong-case"];
        sources &["PostgreSQL documentation: identifiers, NAMEDATALEN"];
    NOT_THE_TOKENS "name/not-the-tokens" "the name is none of this identity's"
        "Neither the token's own names nor the groups that Graph lists are this name. It may still be a role that was bound by object id."
        causes &["another account than intended is signed in", "the mail address in place of the user principal name", "not a member of the group"];
        confirm &["`az ad signed-in-user show`, `az ad user get-member-groups --id <user>`"];
        fix &[(Actor::You, "sign in as the right account, or use one of its names")];
        not &["login/not-an-entra-role"];
        sources &[MANAGE];
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::testing::{healthy_but, problems_of};
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
        assert_eq!(with_user("Prod DB Readonly"), Vec::<&str>::new());
    }

    #[test]
    fn a_role_that_the_server_knows_is_spelt_right() {
        let seen = healthy_but(&[("/settings/seen/user/value", json!(r"odd\name"))]);
        assert_eq!(problems_of(&CHECK, &seen), Vec::<&str>::new());
    }
}
