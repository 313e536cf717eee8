//! `entra-pg explain`: the page of a problem, a check, an AADSTS number or a SQLSTATE, or the candidates
//! for a pasted error text; offline. `explain --all` writes every page as a website.

mod document;
mod guide;
pub(crate) mod reader;
mod render;
mod sqlstate;
mod summary;
mod website;

pub use document::{Document, Related, Step};
pub(crate) use render::{markdown, text};
pub(crate) use summary::summary;
pub(crate) use website::{Site, website};

use crate::text::nearest;
use entra_pg_checks::{
    FAMILIES, Problem, facts::vantage::Shell, family, problems, rulebook, support::token::aadsts,
};
use serde::Serialize;

/// The answer to an id or a text.
#[derive(Debug)]
pub struct Answer {
    /// Whether the text is an id; if not, it is an error text and the pages are candidates.
    pub exact: bool,
    /// The pages, the most likely first.
    pub pages: Vec<Document>,
    /// Why each page is a candidate, in the order of the pages; empty for an id.
    pub reasons: Vec<Reason>,
    /// Whether a part of the text was ignored because of its length.
    pub truncated: bool,
    /// The pages that are nearest to a text without candidates.
    pub nearest: Vec<Related>,
}

/// Why a page is a candidate.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// The id of the page.
    pub(crate) id: String,
    /// The kind of the page.
    pub(crate) kind: &'static str,
    /// The title of the page.
    pub(crate) title: String,
    /// The reason as a clause; never a part of the text, which can hold a secret.
    pub(crate) reason: String,
    /// `likely` or `possible`.
    pub(crate) confidence: &'static str,
}

/// From this weight on a candidate is likely.
const LIKELY: u16 = 84;

/// The page of an id, a number or a SQLSTATE, or the candidates for an error text.
#[must_use]
pub fn find(text: &[u8]) -> Answer {
    let id = std::str::from_utf8(text).ok().map(str::trim);
    let pages = id.map(exact).unwrap_or_default();
    if !pages.is_empty() {
        let (reasons, nearest) = (Vec::new(), Vec::new());
        return Answer { exact: true, pages, reasons, truncated: false, nearest };
    }
    let reading = reader::read(text);
    let pages: Vec<Document> =
        reading.candidates.iter().map(|candidate| Document::of(candidate.subject)).collect();
    let reasons = reading.candidates.iter().zip(&pages).map(|(candidate, page)| Reason {
        id: page.id.clone(),
        kind: page.kind,
        title: page.title.clone(),
        reason: candidate.reason.clone(),
        confidence: if candidate.weight >= LIKELY { "likely" } else { "possible" },
    });
    let word = id.unwrap_or_default();
    let nearest = match pages.is_empty() {
        true => [misspelled(word), parts(word)].into_iter().find(|found| !found.is_empty()),
        false => None,
    };
    let nearest = nearest.unwrap_or_default();
    let nearest = match pages.is_empty() && nearest.is_empty() {
        true => reader::nearest(text),
        false => nearest,
    };
    let word = id.filter(|_| pages.is_empty()).unwrap_or_default();
    Answer {
        exact: false,
        reasons: reasons.collect(),
        truncated: reading.truncated,
        nearest: misspelled_family(word).chain(nearest.into_iter().map(Related::of)).collect(),
        pages,
    }
}

/// Every page there is: guides, problems, checks, Entra's numbers, SQLSTATEs.
#[must_use]
pub(crate) fn all() -> Vec<Document> {
    let of_problems = problems().into_iter().map(Document::problem);
    let of_checks = rulebook().into_iter().map(Document::check);
    let numbers = aadsts::all().iter().map(Document::number);
    let states = sqlstate::ALL.iter().map(Document::sqlstate);
    let guides = guide::GUIDES.iter().map(Document::guide);
    guides.chain(of_problems).chain(of_checks).chain(numbers).chain(states).collect()
}

/// The page of a problem in both forms that SARIF has for help.
pub(crate) fn help(problem: &'static Problem) -> serde_json::Value {
    let page = Document::problem(problem);
    serde_json::json!({"text": text(&page, Shell::Posix), "markdown": markdown(&page)})
}

/// The pages of an id in any letter case: a problem, a check, a family, a SQLSTATE, a number, or the
/// part of an id behind the slash, which several problems can share.
fn exact(text: &str) -> Vec<Document> {
    let id = text.to_lowercase();
    let problem = || problems().into_iter().find(|problem| problem.id == id);
    let check = || rulebook().into_iter().find(|check| check.id == id).map(Document::check);
    let family = || family(&id).map(Document::family);
    let state = || sqlstate::lookup(text).map(Document::sqlstate);
    let guide = || guide::GUIDES.iter().find(|guide| guide.id == id).map(Document::guide);
    let one = problem()
        .map(Document::problem)
        .or_else(guide)
        .or_else(check)
        .or_else(family)
        .or_else(state)
        .or_else(|| number(text));
    if let Some(page) = one {
        return vec![page];
    }
    let is_slug = |full: &str| full.split_once('/').is_some_and(|(_, slug)| slug == id);
    let of_problems = problems().into_iter().filter(|problem| is_slug(problem.id));
    let of_checks = rulebook().into_iter().filter(|check| is_slug(check.id));
    of_problems.map(Document::problem).chain(of_checks.map(Document::check)).collect()
}

/// The page of `AADSTS50076` or `50076`. A number that Microsoft does not publish has the general page,
/// unless it can be a SQLSTATE.
fn number(text: &str) -> Option<Document> {
    let named = text.get(..6).filter(|prefix| prefix.eq_ignore_ascii_case("AADSTS"));
    let digits = named.and(text.get(6..)).unwrap_or(text).trim_start_matches([':', ' ']);
    let plain = (4..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let code = digits.parse().ok().filter(|_| plain)?;
    if let Some(known) = aadsts::lookup(code) {
        return Some(Document::number(known));
    }
    let is_number = digits.len() > 5 || digits.starts_with(['5', '6', '7', '8', '9']);
    (named.is_some() || is_number).then(|| Document::unpublished(code))
}

/// The pages whose ids are close to a single word.
fn misspelled(word: &str) -> Vec<&'static Problem> {
    if word.contains(char::is_whitespace) {
        return Vec::new();
    }
    let all = problems();
    let near = nearest(word, all.iter().map(|problem| problem.id));
    near.into_iter().filter_map(|id| all.iter().find(|problem| problem.id == id).copied()).collect()
}

/// The families whose names are close to a single word.
fn misspelled_family(word: &str) -> impl Iterator<Item = Related> {
    let names = FAMILIES.iter().map(|family| family.name).filter(|_| !word.is_empty());
    nearest(word, names).into_iter().filter_map(family).map(Related::family)
}

/// The pages whose ids hold a single word, such as "wrong" or "certificate".
fn parts(word: &str) -> Vec<&'static Problem> {
    let word = word.to_lowercase();
    if word.len() < 4 || !word.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
        return Vec::new();
    }
    let holds = |problem: &&Problem| problem.id.contains(&word) || problem.title.contains(&word);
    let mut found: Vec<&'static Problem> = problems().into_iter().filter(holds).collect();
    let begins = |problem: &Problem| problem.id.contains(&format!("/{word}"));
    found.sort_by_key(|problem| (!begins(problem), !problem.id.contains(&word)));
    found.truncate(6);
    found
}

/// The guide to private networks, if it helps with a problem.
#[must_use]
pub(crate) fn guide_of(problem: &Problem) -> Option<&'static str> {
    guide::GUIDES.first().filter(|guide| guide.is_for(problem)).map(|guide| guide.id)
}

/// The families of problems, for `explain` without an id.
#[must_use]
pub(crate) fn families() -> Vec<Document> {
    FAMILIES.iter().map(|family| Document::family(family)).collect()
}

#[cfg(test)]
mod tests {
    use super::{all, find};
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_found_by_their_parts_and_in_any_letter_case() {
        let first = |text: &str| find(text.as_bytes()).pages.first().map(|page| page.id.clone());
        for (text, id) in [
            ("dns", "dns"),
            ("Name/Wrong-Case", "name/wrong-case"),
            ("wrong-case", "name/wrong-case"),
            ("50076", "AADSTS50076"),
            ("aadsts50076", "AADSTS50076"),
            ("AADSTS50076:", "AADSTS50076"),
            ("AADSTS999999", "AADSTS999999"),
            ("999999", "AADSTS999999"),
            ("28P01", "28P01"),
            ("28p01", "28P01"),
        ] {
            let text = text.trim_end_matches(':');
            assert_eq!(first(text).as_deref(), Some(id), "{text}");
        }
        let rejected =
            "pg_hba.conf rejects connection for host \"1.2.3.4\", user \"x\", no encryption";
        assert_eq!(first(rejected).as_deref(), Some("login/tls-required"));
        let expired = first("FATAL: Microsoft Entra token has expired");
        assert!(expired.is_some_and(|id| id.ends_with("expired")));
        let shared = find(b"dropped");
        assert!(shared.exact && shared.pages.len() > 1);
        assert_eq!(find(b"tokn").nearest[0].id, "token");
        assert_eq!(find(b"wrong-csae").nearest[0].id, "name/wrong-case");
        assert_eq!(find(b"nmae/wrong-case").nearest[0].id, "name/wrong-case");
    }

    #[test]
    fn every_page_is_found_by_its_id_and_has_something_to_say() {
        let pages = all();
        let ids: BTreeSet<&String> = pages.iter().map(|page| &page.id).collect();
        assert_eq!(ids.len(), pages.len(), "ids are unique");
        for page in &pages {
            let found = find(page.id.as_bytes());
            assert!(found.exact && found.pages[0].id == page.id, "{}", page.id);
            // A check that only says what was not checked has no problem to link to.
            let leads_on = !page.fix.is_empty() || !page.related.is_empty() || page.kind == "check";
            assert!(!page.means.is_empty() && leads_on, "{}", page.id);
            for related in &page.related {
                assert!(
                    ids.contains(&related.id),
                    "{} names {}, which has no page",
                    page.id,
                    related.id
                );
            }
        }
    }
}
