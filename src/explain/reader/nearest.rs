//! Pages whose words occur in a text that is not known.

use super::normalize::Normalized;
use entra_pg_checks::{Problem, problems};
use std::collections::{BTreeMap, BTreeSet};

/// Pages that are shown.
const PAGES: usize = 3;

/// Words of a text that are compared.
const WORDS: usize = 2_000;

/// The problems whose titles and pages have the most rare words in common with a text.
#[must_use]
pub(crate) fn nearest(bytes: &[u8]) -> Vec<&'static Problem> {
    let text = Normalized::from_bytes(bytes.get(..super::LIMIT).unwrap_or(bytes));
    let asked = words(&text.readable);
    let pages: Vec<(&'static Problem, BTreeSet<String>)> = problems()
        .into_iter()
        .map(|problem| (problem, words(&format!("{} {}", problem.title, problem.page.means))))
        .collect();
    let mut frequency: BTreeMap<&str, usize> = BTreeMap::new();
    for word in pages.iter().flat_map(|(_, words)| words) {
        *frequency.entry(word).or_default() += 1;
    }
    let rare = |word: &&String| frequency.get(word.as_str()).is_some_and(|pages| *pages <= 12);
    let mut scored: Vec<(usize, &'static Problem)> = pages
        .iter()
        .map(|(problem, words)| (words.intersection(&asked).filter(rare).count(), *problem))
        .filter(|(score, _)| *score > 0)
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().take(PAGES).map(|(_, problem)| problem).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| (4..=30).contains(&word.len()))
        .take(WORDS)
        .map(str::to_lowercase)
        .collect()
}
