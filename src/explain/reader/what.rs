//! Collects the evidence in a text: AADSTS numbers, fragments of known messages, quoted names, SQLSTATEs.

use super::{
    super::sqlstate::{self, Sqlstate},
    normalize::{Normalized, dense},
    quoted,
    who::{Services, without_context},
};
use aho_corasick::AhoCorasick;
use entra_pg_checks::{
    Fragment, Problem, problems,
    support::token::{
        aadsts::{self, Aadsts},
        refusal,
    },
};
use std::sync::LazyLock;

/// Numbers that are kept of a text. A text with more is not an error message.
const NUMBERS: usize = 8;

/// Longest text in dense form that `…` in a fragment matches, in bytes.
const GAP: usize = 300;

/// How often a fragment with `…` is tried in one text.
const TRIES: usize = 8;

/// What a piece of evidence points to.
#[derive(Clone, Copy, Debug)]
pub(in crate::explain) enum Subject {
    /// A problem.
    Problem(&'static Problem),
    /// A published AADSTS number.
    Number(&'static Aadsts),
    /// An AADSTS number that is not published.
    Unpublished(u32),
    /// A SQLSTATE.
    State(&'static Sqlstate),
}

impl Subject {
    /// The id of its page.
    pub(in crate::explain) fn id(self) -> String {
        match self {
            Self::Problem(problem) => problem.id.to_owned(),
            Self::Number(known) => format!("AADSTS{}", known.code),
            Self::Unpublished(code) => format!("AADSTS{code}"),
            Self::State(state) => state.code.to_owned(),
        }
    }
}

/// A reason to consider a page.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) subject: Subject,
    /// From 1 to 100, and more if the text names the service of the problem.
    pub(super) weight: u16,
    /// The reason as a clause. It never repeats what was pasted, which can hold a secret.
    pub(super) reason: String,
}

/// The known fragments, prepared for one pass over a text.
struct Known {
    automaton: Option<AhoCorasick>,
    /// By pattern of the automaton: the fragment, the remaining parts, and the problems.
    entries: Vec<(&'static Fragment, Vec<String>, &'static Problem)>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut heads = Vec::new();
    let mut entries = Vec::new();
    for problem in problems() {
        for fragment in problem.fragments {
            let mut parts = fragment.text.split('…').map(dense);
            heads.push(parts.next().unwrap_or_default());
            entries.push((fragment, parts.collect(), problem));
        }
    }
    Known { automaton: AhoCorasick::new(&heads).ok(), entries }
});

/// The evidence in a text, in no particular order.
pub(super) fn evidence(text: &Normalized) -> Vec<Evidence> {
    let mut all = numbers(text);
    all.extend(suberror(text));
    all.extend(fragments(text));
    all.extend(quoted::evidence(text));
    all.extend(states(text));
    all
}

fn fragments(text: &Normalized) -> Vec<Evidence> {
    let Some(automaton) = &KNOWN.automaton else { return Vec::new() };
    let services = Services::of(text);
    let mut tries = vec![0; KNOWN.entries.len()];
    let mut found = Vec::new();
    for head in automaton.find_overlapping_iter(&text.dense) {
        let index = head.pattern().as_usize();
        let (Some(tried), Some((fragment, rest, problem))) =
            (tries.get_mut(index), KNOWN.entries.get(index))
        else {
            continue;
        };
        if *tried >= TRIES || !follows(&text.dense, head.end(), rest) {
            *tried += 1;
            continue;
        }
        let wanted = problem.service.or(problem.family_data().service);
        let service = services.at(text, head.start());
        let weight = match (wanted, service) {
            (Some(wanted), Some(service)) if fragment.weight < Fragment::SPECIFIC => {
                if wanted != service {
                    *tried += 1;
                    continue;
                }
                fragment.weight + 20
            }
            // Without a service, an error of the network is most likely about the server.
            (Some(wanted), None) if fragment.weight < Fragment::SPECIFIC => {
                let Some(weight) = without_context(wanted, fragment.weight) else { continue };
                weight
            }
            _ => fragment.weight,
        };
        *tried = TRIES;
        let reason = format!("the text contains \"{}\"", fragment.text);
        found.push(Evidence { subject: Subject::Problem(problem), weight, reason });
    }
    found
}

/// Whether the parts follow each other, each within the allowed gap.
fn follows(text: &str, mut from: usize, parts: &[String]) -> bool {
    for part in parts {
        let mut end = (from + GAP + part.len()).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        match text.get(from..end).and_then(|window| window.find(part.as_str())) {
            Some(at) => from += at + part.len(),
            None => return false,
        }
    }
    true
}

/// Marks before a number, in dense form, and whether the number must be a published one.
const MARKS: &[(&str, bool)] = &[
    ("aadsts", false),
    ("error_codes:[", false),
    ("errorno:", true),
    ("error?code=", false),
    ("sign-inerrorcode", true),
    ("signinerrorcode", true),
    ("errorcode:", true),
    ("errorcode", true),
    ("errorcodes:", true),
];

fn numbers(text: &Normalized) -> Vec<Evidence> {
    let mut codes: Vec<(u32, bool)> = Vec::new();
    for (mark, published) in MARKS {
        for (at, _) in text.dense.match_indices(mark) {
            let rest = text.dense.get(at + mark.len()..).unwrap_or_default();
            let Some(code) = number_in(rest.trim_start_matches([':', '='])) else { continue };
            let known = aadsts::lookup(code).is_some();
            if codes.len() < NUMBERS
                && !codes.iter().any(|(seen, _)| *seen == code)
                && (known || !published)
            {
                codes.push((code, known));
            }
        }
    }
    let several = codes.len() > 1;
    codes
        .into_iter()
        .enumerate()
        .map(|(index, (code, _))| {
            let order = u16::try_from(index).unwrap_or(u16::MAX).min(8);
            let (subject, weight) = match aadsts::lookup(code) {
                // The frame around the number that says what happened.
                Some(known) if several && aadsts::is_general(code) => (Subject::Number(known), 82),
                Some(known) => (Subject::Number(known), 93 - order),
                None => (Subject::Unpublished(code), 59),
            };
            Evidence {
                subject,
                weight,
                reason: format!("the text contains the number AADSTS{code}"),
            }
        })
        .collect()
}

/// The digits at the start of a dense text. A time stamp or another number can follow without a blank,
/// so the longest published number is preferred.
fn number_in(text: &str) -> Option<u32> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).take(8).collect();
    if digits.len() < 4 {
        return None;
    }
    let published = (5..=digits.len())
        .rev()
        .filter_map(|length| digits.get(..length)?.parse().ok())
        .find(|code| aadsts::lookup(*code).is_some());
    published.or_else(|| digits.parse().ok())
}

/// Values of `suberror`, in dense form, and their problems.
/// Source: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
static SUBERRORS: &[(&str, &Problem)] = &[
    ("basic_action", &refusal::MFA_REQUIRED),
    ("additional_action", &refusal::MFA_REQUIRED),
    ("message_only", &refusal::CONDITIONAL_ACCESS),
    ("protection_policy_required", &refusal::CONDITIONAL_ACCESS),
    ("device_authentication_failed", &refusal::CONDITIONAL_ACCESS),
    ("consent_required", &refusal::CONSENT_MISSING),
    ("user_password_expired", &refusal::USER_DISABLED),
    ("bad_token", &refusal::SESSION_EXPIRED),
    ("token_expired", &refusal::SESSION_EXPIRED),
];

fn suberror(text: &Normalized) -> Option<Evidence> {
    let (_, after) = text.dense.split_once("suberror:")?;
    let (name, problem) = SUBERRORS.iter().find(|(name, _)| after.starts_with(name))?;
    let reason = format!("the suberror is {name}");
    Some(Evidence { subject: Subject::Problem(problem), weight: 84, reason })
}

/// SQLSTATEs as words: `28P01:`, `(3D000)`, `SqlState: 28000`.
fn states(text: &Normalized) -> Vec<Evidence> {
    let words = text.readable.split(|character: char| !character.is_ascii_alphanumeric());
    let mut found: Vec<Evidence> = Vec::new();
    for state in words.filter(|word| word.len() == 5).filter_map(sqlstate::lookup) {
        if found.iter().all(|known| known.subject.id() != state.code) {
            let reason = format!("the SQLSTATE is {}", state.code);
            found.push(Evidence { subject: Subject::State(state), weight: 20, reason });
        }
    }
    found
}
