//! `entra-pg explain`: the page of a problem, a check, an AADSTS number or a SQLSTATE, or the candidates
//! for a pasted error text; offline. `explain --all` writes every page as a website.

mod document;
mod guide;
pub mod reader;
mod render;
mod sqlstate;
mod summary;
mod website;

pub use document::{Document, Related, Step};
pub use render::{markdown, text};
pub use summary::summary;
pub use website::{Site, website};

use entra_pg_checks::{Problem, problems, rulebook, support::token::aadsts};
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
    pub id: String,
    /// The kind of the page.
    pub kind: &'static str,
    /// The title of the page.
    pub title: String,
    /// The reason as a clause; never a part of the text, which can hold a secret.
    pub reason: String,
    /// `likely` or `possible`.
    pub confidence: &'static str,
}

/// From this weight on a candidate is likely.
const LIKELY: u16 = 84;

/// The page of an id, a number or a SQLSTATE, or the candidates for an error text.
#[must_use]
pub fn find(text: &[u8]) -> Answer {
    let exact = std::str::from_utf8(text).ok().and_then(|text| exact(text.trim()));
    if let Some(page) = exact {
        let (reasons, nearest) = (Vec::new(), Vec::new());
        return Answer { exact: true, pages: vec![page], reasons, truncated: false, nearest };
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
    let nearest = if pages.is_empty() { reader::nearest(text) } else { Vec::new() };
    Answer {
        exact: false,
        reasons: reasons.collect(),
        truncated: reading.truncated,
        nearest: nearest.into_iter().map(Related::of).collect(),
        pages,
    }
}

/// Every page there is: guides, problems, checks, Entra's numbers, SQLSTATEs.
#[must_use]
pub fn all() -> Vec<Document> {
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
    serde_json::json!({"text": text(&page), "markdown": markdown(&page)})
}

fn exact(text: &str) -> Option<Document> {
    let problem = problems().into_iter().find(|problem| problem.id == text);
    let check = || rulebook().into_iter().find(|check| check.id == text).map(Document::check);
    let number = || {
        let named = text.get(..6).filter(|prefix| prefix.eq_ignore_ascii_case("AADSTS"));
        let code = named.and(text.get(6..)).unwrap_or(text).trim();
        let digits = code.len() <= 9 && code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse().ok().filter(|_| digits)?;
        match (aadsts::lookup(code), named) {
            (Some(known), _) => Some(Document::number(known)),
            (None, Some(_)) => Some(Document::unpublished(code)),
            (None, None) => None,
        }
    };
    let state = || sqlstate::lookup(text).map(Document::sqlstate);
    let guide = || guide::GUIDES.iter().find(|guide| guide.id == text).map(Document::guide);
    problem.map(Document::problem).or_else(guide).or_else(check).or_else(state).or_else(number)
}

#[cfg(test)]
mod tests {
    use super::{all, find};
    use std::collections::BTreeSet;

    #[test]
    fn every_page_is_found_by_its_id_and_has_something_to_say() {
        let pages = all();
        let ids: BTreeSet<&String> = pages.iter().map(|page| &page.id).collect();
        assert_eq!(ids.len(), pages.len(), "ids are unique");
        for page in &pages {
            let found = find(page.id.as_bytes());
            assert!(found.exact && found.pages[0].id == page.id, "{}", page.id);
            assert!(
                !page.means.is_empty() && !page.fix.is_empty() | !page.related.is_empty(),
                "{}",
                page.id
            );
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
