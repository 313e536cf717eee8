//! A resource as Bicep. Source: Microsoft Learn, "Data types in Bicep", for the escapes of strings.

use super::Resource;
use serde_json::Value;
use std::fmt::Write;

/// A Bicep file with one resource.
#[must_use]
pub(crate) fn bicep(resource: &Resource) -> String {
    let (kind, version) = (resource.kind, resource.api_version);
    let mut out = format!("resource entraPg '{kind}@{version}' = ");
    value(&mut out, &resource.body, 0);
    out.push('\n');
    out
}

fn value(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Value::Object(entries) => {
            out.push_str("{\n");
            for (key, value) in entries {
                let _ = write!(out, "{indent}  {}: ", self::key(key));
                self::value(out, value, depth + 1);
                out.push('\n');
            }
            let _ = write!(out, "{indent}}}");
        }
        Value::Array(values) if values.is_empty() => out.push_str("[]"),
        Value::Array(values) => {
            out.push_str("[\n");
            for value in values {
                let _ = write!(out, "{indent}  ");
                self::value(out, value, depth + 1);
                out.push('\n');
            }
            let _ = write!(out, "{indent}]");
        }
        Value::String(text) => out.push_str(&string(text)),
        // Bicep has no fractions; json() reads one.
        Value::Number(number) if number.is_f64() => {
            let _ = write!(out, "json('{number}')");
        }
        plain => {
            let _ = write!(out, "{plain}");
        }
    }
}

fn string(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // `${` starts an expression.
            '$' => out.push_str("\\$"),
            plain if plain.is_ascii() && !plain.is_ascii_control() => out.push(plain),
            other => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(other));
            }
        }
    }
    out.push('\'');
    out
}

/// An identifier, or a quoted key.
fn key(key: &str) -> String {
    let mut characters = key.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if first && characters.all(|rest| rest.is_ascii_alphanumeric() || rest == '_') {
        key.to_owned()
    } else {
        string(key)
    }
}

#[cfg(test)]
mod tests {
    use super::{Resource, bicep};
    use serde_json::json;

    #[test]
    fn escapes_strings_and_quotes_keys() {
        let resource = Resource {
            kind: "A/b",
            api_version: "1",
            body: json!({"name": "it's ${x}\\", "x-y": [1, true, 0.5, {}], "é": []}),
        };
        let text = "resource entraPg 'A/b@1' = {\n  name: 'it\\'s \\${x}\\\\'\n  'x-y': [\n    1\n    true\n    \
            json('0.5')\n    {}\n  ]\n  '\\u{e9}': []\n}\n";
        assert_eq!(bicep(&resource), text);
    }
}
