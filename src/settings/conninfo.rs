//! `key=value` connection strings, by libpq's rules.

use super::keywords::{self, Pairs};
use super::options::{Version, is_blank};
use crate::settings::usage::UsageError;

/// Parses `host=… user='…'`. Inside quotes and outside, a backslash takes the next character as it is.
pub(super) fn parse(input: &str, version: Version) -> Result<Pairs, UsageError> {
    let mut pairs = Pairs::new();
    let mut rest = input.char_indices().peekable();
    loop {
        while rest.next_if(|(_, character)| is_blank(*character)).is_some() {}
        let Some(&(start, _)) = rest.peek() else {
            return Ok(pairs);
        };
        let mut keyword = String::new();
        while let Some((_, character)) = rest.next_if(|(_, c)| *c != '=' && !is_blank(*c)) {
            keyword.push(character);
        }
        while rest.next_if(|(_, character)| is_blank(*character)).is_some() {}
        if rest.next_if(|(_, character)| *character == '=').is_none() {
            return Err(missing_equals(input, start, &keyword));
        }
        while rest.next_if(|(_, character)| is_blank(*character)).is_some() {}
        let value = match rest.next_if(|(_, character)| *character == '\'') {
            Some((opened, _)) => quoted(input, opened, &mut rest)?,
            None => bare(&mut rest),
        };
        keywords::check(&keyword, input, start, version)?;
        pairs.push(keywords::translated(keyword, value));
    }
}

fn quoted(
    input: &str,
    opened: usize,
    rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
) -> Result<String, UsageError> {
    let mut value = String::new();
    while let Some((_, character)) = rest.next() {
        match character {
            '\'' => return Ok(value),
            '\\' => value.extend(rest.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    let message = "a quotation mark in the connection string is never closed";
    Err(UsageError::new(message)
        .at(keywords::masked(input), opened..opened + 1)
        .suggest("close it with ', and write a ' inside the value as \\'"))
}

fn bare(rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> String {
    let mut value = String::new();
    while let Some((_, character)) = rest.next_if(|(_, c)| !is_blank(*c)) {
        match character {
            '\\' => value.extend(rest.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    value
}

/// Nearly always a value with a blank in it that is not quoted.
fn missing_equals(input: &str, start: usize, keyword: &str) -> UsageError {
    if keywords::masked(input) != input {
        // What follows a password may be a piece of it: nothing of the text is shown.
        let message =
            "a value in the connection string, the password maybe, holds a blank and is not quoted";
        return UsageError::new(message)
            .suggest("password='…' in quotation marks, or better PGPASSWORD");
    }
    let message = format!("missing \"=\" after \"{keyword}\" in the connection string");
    let end = start + keyword.len();
    let error = UsageError::new(message).at(input, start..end);
    let before = input.get(..start).unwrap_or_default();
    let Some((key_at, equals)) = last_pair(before) else {
        return error.suggest("write settings as keyword=value, such as host=… user=…");
    };
    let value = before[equals + 1..].trim();
    let (joined, after) = blanks(value, input.get(start..).unwrap_or_default());
    let key = &before[key_at..equals];
    error.suggest(format!("{}{key}='{}'{after}", &before[..key_at], joined.replace('\'', "\\'")))
}

/// The last `keyword=` of a text: where the keyword begins, and where the equals sign is.
fn last_pair(text: &str) -> Option<(usize, usize)> {
    let equals = text.rfind('=')?;
    let key_at = text[..equals].rfind(is_blank).map_or(0, |blank| blank + 1);
    Some((key_at, equals))
}

/// Joins the words of a value up to the next `keyword=`.
fn blanks(first: &str, rest: &str) -> (String, String) {
    let mut joined = first.to_owned();
    let mut words = rest.split_whitespace();
    let mut after = String::new();
    for word in words.by_ref() {
        if word.contains('=') {
            after = format!(" {word}");
            break;
        }
        joined = format!("{joined} {word}");
    }
    for word in words {
        after = format!("{after} {word}");
    }
    (joined, after)
}
