//! Known words that are close to a misspelled one.

/// Words that are suggested.
const MOST: usize = 3;
/// A longer text is not a misspelled word.
const LONGEST: usize = 100;

/// The known words that are close to a word, the closest first. A word with a slash is also compared by
/// the part behind it.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // The comparison takes time in proportion to the length, and a pasted document is not a word.
    if word.len() >= LONGEST {
        return Vec::new();
    }
    let word = word.to_lowercase();
    let short = word.rsplit('/').next().unwrap_or_default();
    // One slip in three letters, and never more than three.
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let distance = |known: &str| {
        let slug = known.rsplit('/').next().unwrap_or_default();
        let whole = strsim::damerau_levenshtein(&word, known);
        // An id with the right slug and the wrong family is close.
        if word.contains('/') && short == slug {
            whole.min(1)
        } else if word.contains('/') {
            whole
        } else {
            whole.min(strsim::damerau_levenshtein(&word, slug))
        }
    };
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| (distance(known), known))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_corrected_and_another_word_is_not() {
        let known = ["dns", "dns/nxdomain", "name", "name/wrong-case", "server/dropped"];
        for (word, expected) in [
            ("dsn", "dns"),
            ("DNS", "dns"),
            ("nane", "name"),
            ("wrong-csae", "name/wrong-case"),
            ("name/wrongcase", "name/wrong-case"),
            ("dns/dropped", "server/dropped"),
        ] {
            assert_eq!(nearest(word, known).first(), Some(&expected), "{word}");
        }
        assert!(nearest("something", known).is_empty());
        assert!(nearest("", known).is_empty());
    }
}
