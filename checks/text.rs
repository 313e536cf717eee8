//! Words that several checks share: quoting for shells, lists, durations.

use crate::facts::vantage::Shell;

/// A value quoted for a shell, so that pasting gives exactly these characters.
#[must_use]
pub fn quoted(shell: Shell, value: &str) -> String {
    match shell {
        Shell::Posix => format!("'{}'", value.replace('\'', r"'\''")),
        Shell::PowerShell => {
            // Typographers' quotation marks close a string as well as the plain one does.
            let doubled = |mut out: String, c: char| {
                out.push(c);
                if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
                    out.push(c);
                }
                out
            };
            format!("'{}'", value.chars().fold(String::new(), doubled))
        }
        Shell::Cmd => format!("\"{}\"", value.replace('%', "%%")),
    }
}

/// A value of a connection string, between quotation marks.
/// Source: PostgreSQL documentation, libpq, "Keyword/Value Connection Strings".
#[must_use]
pub fn conninfo_value(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// `a`, `a and b`, `a, b and c`; at most `most` items, then "and n more".
#[must_use]
pub fn list<T: ToString>(items: &[T], most: usize) -> String {
    let mut words: Vec<String> = items.iter().take(most).map(ToString::to_string).collect();
    if items.len() > most {
        words.push(format!("{} more", items.len() - most));
    }
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// A number of seconds in words: "40 seconds", "12 minutes", "3 hours", "2 days".
#[must_use]
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (amount, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => ((seconds + 30) / 60, "minute"),
        7200..=172_799 => ((seconds + 1800) / 3600, "hour"),
        _ => (seconds.saturating_add(43_200) / 86_400, "day"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::{duration, list, quoted};
    use crate::facts::vantage::Shell;

    #[test]
    fn quotes_for_each_shell() {
        assert_eq!(quoted(Shell::Posix, "O'Neil $x"), r"'O'\''Neil $x'");
        assert_eq!(quoted(Shell::PowerShell, "O'Neil"), "'O''Neil'");
        assert_eq!(quoted(Shell::PowerShell, "O\u{2019}N"), "'O\u{2019}\u{2019}N'");
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    #[test]
    fn durations_read_as_english() {
        assert_eq!(duration(1), "1 second");
        assert_eq!(duration(-3600), "60 minutes");
        // The clock of a machine that is 20 minutes behind is read some milliseconds later.
        assert_eq!(duration(-1199), "20 minutes");
        assert_eq!(duration(1201), "20 minutes");
        assert_eq!(duration(200_000), "2 days");
    }
}
