//! `entra-pg explain`: the page of a problem, a check, one of Entra's error numbers, a SQLSTATE, or the
//! candidates for a pasted error text; offline. `explain --all` writes every page as a website.

mod document;
mod pasted;
mod render;
mod sqlstate;
mod website;

pub use document::{Document, Related};
pub use render::{markdown, text};
pub use website::{Site, website};

use entra_pg_checks::{Problem, problems, rulebook, support::token::aadsts};

/// What was asked about.
#[derive(Debug)]
pub struct Answer {
    /// Whether the text is an id of its own; if not, it is an error text and these are candidates.
    pub exact: bool,
    /// The pages, the likeliest first.
    pub pages: Vec<Document>,
}

/// The pages for an id, a number, a SQLSTATE, or an error text; none where nothing is known.
#[must_use]
pub fn find(text: &str) -> Answer {
    let text = text.trim();
    match exact(text) {
        Some(page) => Answer { exact: true, pages: vec![page] },
        None => Answer { exact: false, pages: pasted::candidates(text) },
    }
}

/// Every page there is: problems, checks, Entra's numbers, SQLSTATEs.
#[must_use]
pub fn all() -> Vec<Document> {
    let of_problems = problems().into_iter().map(Document::problem);
    let of_checks = rulebook().into_iter().map(Document::check);
    let numbers = aadsts::ALL.iter().map(Document::number);
    let states = sqlstate::ALL.iter().map(Document::sqlstate);
    of_problems.chain(of_checks).chain(numbers).chain(states).collect()
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
        let digits = text.strip_prefix("AADSTS").or_else(|| text.strip_prefix("aadsts"))?;
        aadsts::lookup(digits.parse().ok()?).map(Document::number)
    };
    let state = || sqlstate::lookup(text).map(Document::sqlstate);
    problem.map(Document::problem).or_else(check).or_else(number).or_else(state)
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
            let found = find(&page.id);
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
