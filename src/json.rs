//! JSON from files of unknown origin, read with a limit on the number of values: in memory a value takes
//! far more bytes than in a file, and a compressed file can hold millions.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{cell::Cell, fmt};

/// Values in a report or in evidence; the largest of the tests has about 20,000.
pub const MOST_VALUES: usize = 150_000;

/// One document.
///
/// # Errors
/// It is not JSON, holds more than one document, or more values than the limit.
pub fn document(bytes: &[u8], most: usize) -> serde_json::Result<Value> {
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
pub fn documents<E: From<serde_json::Error>>(
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
    use super::{document, documents};

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
