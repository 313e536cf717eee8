//! JSON from files of unknown origin, read with a limit on the number of values: in memory a value takes
//! far more bytes than in a file, and a compressed file can hold millions.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{cell::Cell, fmt, io};

/// Values in a report or in evidence; the largest of the tests has about 20,000.
pub(crate) const MOST_VALUES: usize = 150_000;

/// One document.
///
/// # Errors
/// It is not JSON, holds more than one document, or more values than the limit.
pub(crate) fn document(bytes: &[u8], most: usize) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let left = Cell::new(most);
    let value = Counted(&left).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Several documents, one after the other, each with the limit.
///
/// # Errors
/// One of them cannot be read, or the function fails.
pub(crate) fn documents<E: From<serde_json::Error>>(
    bytes: &[u8],
    most: usize,
    mut each: impl FnMut(Value) -> Result<(), E>,
) -> Result<(), E> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    while deserializer.end().is_err() {
        let left = Cell::new(most);
        each(Counted(&left).deserialize(&mut deserializer)?)?;
    }
    Ok(())
}

/// The documents in a log. A document starts at the beginning of a line, after the prefix of `kubectl
/// logs --prefix` or `--timestamps`; all other lines are skipped. Returns whether a document is cut off,
/// as in the log of a process that was killed.
///
/// # Errors
/// One of them cannot be read, or the function fails.
pub(crate) fn documents_in_log<E: From<serde_json::Error>>(
    bytes: &[u8],
    most: usize,
    mut each: impl FnMut(Value) -> Result<(), E>,
) -> Result<bool, E> {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut cut = false;
    while !rest.is_empty() {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let Some(at) = document_in(line) else {
            rest = rest.get(line.len() + 1..).unwrap_or_default();
            continue;
        };
        let mut reader = Counting { rest: rest.get(at..).unwrap_or_default() };
        let left = Cell::new(most);
        let mut deserializer = serde_json::Deserializer::from_reader(&mut reader);
        match Counted(&left).deserialize(&mut deserializer) {
            Ok(document) => each(document)?,
            Err(error) => match next_result(rest.get(at..).unwrap_or_default()) {
                Some(next) => {
                    cut = true;
                    rest = next;
                    continue;
                }
                None if error.is_eof() => return Ok(true),
                None => return Err(error.into()),
            },
        }
        rest = reader.rest;
    }
    Ok(cut)
}

/// A result of a fleet that is cut off, in the middle of a log that holds those of several pods: the
/// next result.
fn next_result(text: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = br#"{"kind":"fleet-"#;
    let after = text.strip_prefix(MARK)?;
    let next = after.windows(MARK.len()).position(|part| part == MARK)?;
    after.get(next..)
}

/// Where a document starts in a line of a log.
fn document_in(line: &[u8]) -> Option<usize> {
    let start = line.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let text = line.get(start..)?;
    let prefix = match text.first()? {
        b'{' => return Some(start),
        b'[' if text.starts_with(b"[pod/") => text.windows(2).position(|two| two == b"] ")? + 2,
        byte if byte.is_ascii_digit() => text.iter().position(|byte| *byte == b' ')? + 1,
        _ => return None,
    };
    Some(start + prefix + document_in(text.get(prefix..)?)?)
}

/// A reader that knows what is left. The deserializer reads it byte by byte and not beyond the end of an
/// object.
struct Counting<'a> {
    rest: &'a [u8],
}

impl io::Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some(first), Some((byte, rest))) = (buffer.first_mut(), self.rest.split_first())
        else {
            return Ok(0);
        };
        (*first, self.rest) = (*byte, rest);
        Ok(1)
    }
}

/// The message of an error of serde in terms of JSON: without the names of types in this program.
#[must_use]
pub(crate) fn message(error: &serde_json::Error) -> String {
    const NAMES: [(&str, &str); 13] = [
        ("a sequence", "a list"),
        ("sequence", "a list"),
        ("a map", "an object"),
        ("map", "an object"),
        ("unit value", "null"),
        ("unit", "null"),
        ("null", "null"),
        ("a string", "a text"),
        ("string", "the text"),
        ("integer", "the number"),
        ("floating point", "the number"),
        ("boolean", "the value"),
        ("a boolean", "true or false"),
    ];
    let named = |text: &str| -> String {
        let known = NAMES.iter().find(|(name, _)| {
            text.strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',']))
        });
        known.map_or_else(|| text.to_owned(), |(name, plain)| text.replacen(name, plain, 1))
    };
    let text = error.to_string();
    // from_value has no position, and says so with a line of zero.
    let text = text.split(" at line 0").next().unwrap_or_default();
    let kind = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|kind| text.strip_prefix(kind));
    let Some((found, expected)) = kind.and_then(|rest| rest.split_once(", expected ")) else {
        return text.replace("unknown variant", "unknown value").replace("unit variant", "text");
    };
    let expected = match expected.split(' ').next().unwrap_or_default() {
        "struct" | "internally" | "adjacently" => "an object".to_owned(),
        "enum" | "variant" => "one of the known values".to_owned(),
        "tuple" => "a list".to_owned(),
        "newtype" => "another value".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        _ => named(expected),
    };
    format!("{} is not {expected}", named(found))
}

/// A value that is counted together with everything in it.
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(D::Error::custom("it holds too many values"));
        };
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Counted(self.0))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Counted(self.0))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::{document, documents, documents_in_log};

    fn in_log(text: &str) -> (Vec<String>, bool) {
        let mut read = Vec::new();
        let cut = documents_in_log::<serde_json::Error>(text.as_bytes(), 9, |value| {
            read.push(value.to_string());
            Ok(())
        });
        (read, cut.expect("JSON"))
    }

    #[test]
    fn documents_are_found_between_the_lines_of_a_log() {
        let log = "\u{feff}✓ Login works\n[pod/a/b] {\"a\":1}\n2026-11-25T10:00:00Z {\"b\":\n 2} {\"c\":3}\n\
            [pod/a] 12 x\n  done\n{\"d\":4}";
        let expected = [r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#, r#"{"d":4}"#];
        assert_eq!(in_log(log), (expected.map(str::to_owned).to_vec(), false));
        assert_eq!(in_log("{\"a\":1}\n{\"b\": [1,"), (vec![r#"{"a":1}"#.to_owned()], true));
        let part = r#"{"kind":"fleet-x"}"#.to_owned();
        for end in ["", "\n"] {
            let log = format!("{part}\n{}{end}{part}\n", &part[..16]);
            assert_eq!(in_log(&log), (vec![part.clone(), part.clone()], true));
        }
        assert_eq!(in_log("no document\n"), (Vec::new(), false));
        let failed = documents_in_log::<serde_json::Error>(b"{} \n{x}", 9, |_| Ok(()));
        assert!(failed.is_err());
    }

    use super::message;

    #[test]
    fn messages_are_in_terms_of_json() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code, reason = "only the errors count")]
        struct Read {
            port: u16,
            list: Vec<String>,
        }
        for (text, expected) in [
            ("7", "the number `7` is not an object"),
            ("null", "null is not an object"),
            ("{\"port\": \"x\"}", "the text \"x\" is not a whole number that is not negative"),
            ("{\"port\": -1}", "the number `-1` is not a whole number that is not negative"),
            ("{\"port\": 1, \"list\": {}}", "an object is not a list"),
            ("{\"port\": 1, \"list\": [true]}", "the value `true` is not a text"),
            ("{\"port\": 1}", "missing field `list`"),
        ] {
            let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let error = serde_json::from_value::<Read>(value).expect_err("another shape");
            assert_eq!(message(&error), expected, "{text}");
        }
    }

    #[test]
    fn values_are_read_as_they_are_and_counted() {
        let text = r#"{"a": [1, -2, 3.5, true, null, "x"], "b": {}}"#;
        let read = document(text.as_bytes(), 9).expect("JSON");
        assert_eq!(read, serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
        assert!(document(text.as_bytes(), 8).is_err());
        assert!(document(b"{} {}", 9).is_err());
        let many = format!("[{}0]", "0,".repeat(1_000_000));
        let error = document(many.as_bytes(), 1000).expect_err("too many").to_string();
        assert!(error.contains("too many values"), "{error}");
    }

    #[test]
    fn several_documents_are_read_one_by_one() {
        let mut read = Vec::new();
        documents::<serde_json::Error>(b" {} [1]\n2 ", 5, |value| {
            read.push(value.to_string());
            Ok(())
        })
        .expect("JSON");
        assert_eq!(read, ["{}", "[1]", "2"]);
        let failed = documents::<serde_json::Error>(b"{} x", 5, |_| Ok(()));
        assert!(failed.is_err());
    }
}
