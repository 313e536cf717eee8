//! What is wrong with a user name, and what was probably meant: the slips of the pen, most telling first.

use super::{
    candidates::{Candidate, guest_form, home_address},
    compare::{
        as_it_looks, cut, difference, invisible_places, is_decomposed, is_invisible, mixes_scripts,
        without_invisible,
    },
};
use crate::name::spelling::{
    BACKSLASH_KEPT, GUEST_FORM, HOST_AS_USER, IDENTIFIER_NOT_NAME, INVISIBLE_CHARACTERS,
    LOOK_ALIKE, NOT_THE_TOKENS, PERCENT_KEPT, QUOTES_KEPT, SINGLE_SERVER_SUFFIX, TOO_LONG,
    WRONG_CASE,
};
use crate::{
    check::Problem,
    facts::{
        graph::Directory,
        settings::{Origin, Setting, Settings},
        token::{Claims, PrincipalKind},
    },
    text,
    verdict::Confidence,
};

/// PostgreSQL keeps 63 bytes of a name.
pub(crate) const NAME_BYTES: usize = 63;

/// What is wrong with a name, and what was probably meant.
pub(crate) struct Slip {
    pub(crate) problem: &'static Problem,
    pub(crate) meant: Option<String>,
    pub(crate) detail: String,
    pub(crate) sure: Confidence,
}

/// Everything that is known of a name.
pub(crate) struct Seen<'a> {
    pub(crate) user: &'a Setting<String>,
    pub(crate) settings: &'a Settings,
    pub(crate) claims: Option<&'a Claims>,
    pub(crate) directory: Option<&'a Directory>,
    pub(crate) known: &'a [Candidate],
}

impl Seen<'_> {
    /// The slip, if one shows.
    pub(crate) fn slip(&self) -> Option<Slip> {
        self.host()
            .or_else(|| self.kept())
            .or_else(|| self.hidden())
            .or_else(|| self.suffixed())
            .or_else(|| self.alike())
            .or_else(|| self.guest())
            .or_else(|| self.identifier())
            .or_else(|| self.long())
            .or_else(|| self.mistaken())
            .or_else(|| self.unknown_user())
    }

    fn name(&self) -> &str {
        &self.user.value
    }

    fn is_known(&self, name: &str) -> bool {
        self.known.iter().any(|candidate| candidate.name == name)
    }

    /// What the token confirms is certain; what only looks like a slip is likely.
    fn found(&self, problem: &'static Problem, meant: String, detail: String) -> Option<Slip> {
        let sure = if self.is_known(&meant) { Confidence::Certain } else { Confidence::Likely };
        Some(Slip { problem, meant: Some(meant), detail, sure })
    }

    /// The name of a server in place of a role.
    fn host(&self) -> Option<Slip> {
        let name = self.name();
        let lower = name.trim_end_matches('.').to_lowercase();
        let host = self.settings.host.as_ref()?.value.trim_end_matches('.').to_lowercase();
        // A terminal or a column can cut the name.
        let is_host = lower == host && host.contains('.');
        let of_server = lower.contains(".postgres.database") && !lower.contains('@');
        if !(is_host || of_server) || self.is_known(name) {
            return None;
        }
        let meant = self.known.first().map(|candidate| candidate.name.clone());
        Some(Slip {
            problem: &HOST_AS_USER,
            meant,
            detail: format!(
                "\"{name}\" is the name of a server, and {} gives it as the user",
                self.from()
            ),
            sure: Confidence::Certain,
        })
    }

    /// Quotation marks, backslashes and percent signs that the channel did not take off.
    fn kept(&self) -> Option<Slip> {
        let name = self.name();
        if let Some(inner) = unquoted(name) {
            let why = match self.user.origin {
                Origin::ServiceFile { .. } => ": a service file knows no quotation marks",
                Origin::Conninfo | Origin::Uri => ": they were quoted once more",
                _ => "",
            };
            let detail = format!(
                "the quotation marks in {} are part of the name that is sent{why}",
                self.from()
            );
            return self.found(&QUOTES_KEPT, inner.to_owned(), detail);
        }
        if name.contains('\\') {
            let why = match self.user.origin {
                Origin::Conninfo => "a doubled backslash in a connection string sends one",
                Origin::Uri => {
                    "libpq takes backslashes off in connection strings only, not in URIs"
                }
                Origin::ServiceFile { .. } => {
                    "libpq takes backslashes off in connection strings only, not in service files"
                }
                _ => "libpq takes them off in connection strings only",
            };
            let detail = format!(
                "the backslashes in {} are part of the name that is sent: {why}",
                self.from()
            );
            // The older way to write a Windows account is no name in Entra.
            let account = name.split_once('\\').is_some_and(|(domain, user)| {
                !domain.contains(' ') && !user.starts_with(' ') && !user.contains('\\')
            });
            let known = self.known.first().map(|candidate| candidate.name.clone());
            return match known {
                Some(known) if account => self.found(&BACKSLASH_KEPT, known, detail),
                _ => self.found(&BACKSLASH_KEPT, name.replace('\\', ""), detail),
            };
        }
        if let Some(meant) = percent_decoded(name) {
            let why = match self.user.origin {
                Origin::Uri => "they were encoded twice",
                _ => "only URIs are decoded",
            };
            let detail = format!(
                "the percent signs in {} are part of the name that is sent: {why}",
                self.from()
            );
            return self.found(&PERCENT_KEPT, meant, detail);
        }
        None
    }

    fn from(&self) -> String {
        self.user.origin.phrase()
    }

    fn hidden(&self) -> Option<Slip> {
        let name = self.name();
        (name.chars().any(is_invisible) || name.trim() != name).then_some(())?;
        let detail = format!("the name holds what cannot be seen: {}", invisible_places(name));
        self.found(&INVISIBLE_CHARACTERS, without_invisible(name), detail)
    }

    fn suffixed(&self) -> Option<Slip> {
        let meant = without_server(self.name(), self.settings)?;
        let detail = format!(
            "\"{}\" ends with the server's name, as on the retired Single Server",
            self.name()
        );
        self.found(&SINGLE_SERVER_SUFFIX, meant, detail)
    }

    /// Nearly one of the known names; or, without one, a name that mixes scripts.
    fn alike(&self) -> Option<Slip> {
        let name = self.name();
        let near = |fold: fn(&str) -> String| {
            self.known.iter().find(|candidate| fold(&candidate.name) == fold(name))
        };
        if let Some(alike) = near(|text| text.to_lowercase()) {
            let difference = difference(name, &alike.name);
            let detail =
                format!("\"{name}\" differs from {} in letter case only: {difference}", alike.from);
            return self.found(&WRONG_CASE, alike.name.clone(), detail);
        }
        if let Some(alike) = near(|text| as_it_looks(text).to_lowercase()) {
            let difference = difference(name, &alike.name);
            let detail = format!(
                "\"{name}\" looks like {} and holds other characters: {difference}",
                alike.from
            );
            return self.found(&LOOK_ALIKE, alike.name.clone(), detail);
        }
        if mixes_scripts(name) {
            let meant = as_it_looks(name);
            let difference = difference(name, &meant);
            let detail =
                format!("\"{name}\" mixes letters of two alphabets in one word: {difference}");
            return self.found(&LOOK_ALIKE, meant, detail);
        }
        if is_decomposed(name) {
            let meant = unicode_normalization::UnicodeNormalization::nfc(name).collect();
            let detail = format!(
                "\"{name}\" has accents as separate characters after their letters: the same text in other \
                    bytes"
            );
            return self.found(&LOOK_ALIKE, meant, detail);
        }
        None
    }

    fn guest(&self) -> Option<Slip> {
        let claims = self.claims.filter(|claims| claims.principal() == PrincipalKind::Guest)?;
        let name = self.name();
        let home = home_address(claims)?;
        let form = guest_form(home);
        if home.eq_ignore_ascii_case(name) {
            let known = self.directory.and_then(|directory| directory.user_principal_name.clone());
            let meant = known.unwrap_or_else(|| format!("{form}<tenant>.onmicrosoft.com"));
            let detail = format!(
                "\"{name}\" is the guest's home address; in this tenant the guest is called {meant}"
            );
            return self.found(&GUEST_FORM, meant, detail);
        }
        let start = name.get(..form.len())?;
        (start != form && start.eq_ignore_ascii_case(&form)).then_some(())?;
        let meant = format!("{form}{}", name.get(form.len()..).unwrap_or_default());
        let detail = format!(
            "\"{name}\" differs from the guest's name in letter case only: {}",
            difference(name, &meant)
        );
        self.found(&WRONG_CASE, meant, detail)
    }

    fn identifier(&self) -> Option<Slip> {
        let name = self.name();
        is_identifier(name).then_some(())?;
        let is = |id: Option<&str>| id.is_some_and(|id| id.eq_ignore_ascii_case(name));
        let what = match self.claims {
            Some(claims) if is(claims.client()) => "the client id of this very identity",
            Some(claims) if is(claims.oid.as_deref()) => "the object id of this very identity",
            Some(claims) if is(claims.tid.as_deref()) => "the id of the tenant",
            Some(claims) if is(claims.xms_mirid.as_deref()) => {
                "the resource id of this very identity"
            }
            _ => "an id",
        };
        Some(Slip {
            problem: &IDENTIFIER_NOT_NAME,
            meant: self.known.first().map(|candidate| candidate.name.clone()),
            detail: format!("\"{name}\" is {what}; roles are called by name"),
            sure: Confidence::Likely,
        })
    }

    fn long(&self) -> Option<Slip> {
        let name = self.name();
        (name.len() > NAME_BYTES).then(|| Slip {
            problem: &TOO_LONG,
            meant: None,
            detail: format!(
                "the name has {} bytes, and PostgreSQL keeps {NAME_BYTES}: \"{}\"",
                name.len(),
                cut(name, NAME_BYTES)
            ),
            sure: Confidence::Likely,
        })
    }

    /// Another attribute of the same identity in place of its name.
    fn mistaken(&self) -> Option<Slip> {
        let (name, claims) = (self.name(), self.claims?);
        let meant = self.known.first()?;
        let is = |value: Option<&str>| value.is_some_and(|value| value.eq_ignore_ascii_case(name));
        let mail = claims.email.as_deref().or(self.directory.and_then(|d| d.mail.as_deref()));
        let shown =
            claims.name.as_deref().or(self.directory.and_then(|d| d.display_name.as_deref()));
        let what = if is(mail) {
            "the mail address"
        } else if is(shown) {
            "the display name"
        } else if is(claims.app_displayname.as_deref()) {
            "the name of the client application"
        } else if meant.name.starts_with(&format!("{name}/slots/")) {
            "the app, and the token is that of its slot"
        } else {
            return None;
        };
        Some(Slip {
            problem: &NOT_THE_TOKENS,
            meant: Some(meant.name.clone()),
            detail: format!(
                "\"{name}\" is {what}; the role is called {} ({})",
                meant.name, meant.from
            ),
            sure: Confidence::Likely,
        })
    }

    /// The user principal name of another person than the one who is signed in. A role may have been
    /// created for this person under any name, so that it is likely and not certain.
    fn other_person(&self) -> Option<Slip> {
        let (name, own) = (self.name(), &self.known.first()?.name);
        let same_domain = domain(name)
            .zip(domain(own))
            .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
        Some(Slip {
            problem: &NOT_THE_TOKENS,
            meant: Some(own.clone()),
            detail: format!("you are signed in as \"{own}\", and {} names \"{name}\"", self.from()),
            sure: if same_domain { Confidence::Likely } else { Confidence::Possible },
        })
    }

    /// Only when the identity's groups are known, or the name is a person's and not a group's, can a name
    /// belong to no principal. It may still be a role that was bound by object id: possible, no more.
    fn unknown_user(&self) -> Option<Slip> {
        let name = self.name();
        let names: Vec<&str> = self.known.iter().map(|candidate| candidate.name.as_str()).collect();
        let has_domain = name.split_once('@').is_some_and(|(_, domain)| domain.contains('.'));
        let person = self.claims.is_some_and(|claims| {
            matches!(claims.principal(), PrincipalKind::User) && claims.upn.is_some()
        });
        let listed = self
            .directory
            .is_some_and(|directory| !directory.groups_refused && !directory.groups_incomplete);
        if has_domain && person && !listed {
            return self.other_person();
        }
        let decided = listed || (has_domain && person);
        (decided && !names.is_empty()).then(|| Slip {
            problem: &NOT_THE_TOKENS,
            meant: self.known.first().map(|candidate| candidate.name.clone()),
            detail: format!(
                "\"{name}\" is none of this identity's names: {}",
                text::list(&names, 4)
            ),
            sure: Confidence::Possible,
        })
    }
}

fn domain(name: &str) -> Option<&str> {
    name.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| domain.contains('.'))
}

fn unquoted(name: &str) -> Option<&str> {
    [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')]
        .into_iter()
        .find_map(|(open, close)| {
            name.strip_prefix(open)?.strip_suffix(close).filter(|inner| !inner.is_empty())
        })
}

/// The name with its percent-encoding decoded, where it holds the codes of characters that URIs do
/// not take.
fn percent_decoded(name: &str) -> Option<String> {
    let codes = [
        ("%40", "@"),
        ("%20", " "),
        ("%23", "#"),
        ("%5C", "\\"),
        ("%5c", "\\"),
        ("%27", "'"),
        ("%2F", "/"),
        ("%2f", "/"),
        ("%3A", ":"),
        ("%3a", ":"),
    ];
    let decoded =
        codes.iter().fold(name.to_owned(), |name, (code, plain)| name.replace(code, plain));
    (decoded != name).then_some(decoded)
}

fn without_server(name: &str, settings: &Settings) -> Option<String> {
    let host = settings.host.as_ref()?.value.to_lowercase();
    let label = host.split('.').next()?;
    let (user, suffix) = name.rsplit_once('@')?;
    let suffix = suffix.to_lowercase();
    (!user.is_empty() && (suffix == label || suffix == host)).then(|| user.to_owned())
}

fn is_identifier(name: &str) -> bool {
    crate::command::guid(name).is_some() || name.to_lowercase().starts_with("/subscriptions/")
}
