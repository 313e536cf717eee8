//! Objects as YAML documents: mappings and lists in blocks, every text quoted as in JSON, which is
//! YAML, too. So no text can be taken for a number, a boolean or a reference. Scripts are blocks.

use serde_json::Value;

/// YAML documents, each with its separator.
#[must_use]
pub(crate) fn yaml(objects: &[Value]) -> String {
    let mut out = String::new();
    for object in objects {
        out.push_str("---\n");
        block(&mut out, object, 0);
    }
    out
}

/// A text of several lines that a literal block can hold as it is.
fn script(value: &Value) -> Option<&str> {
    let text = value.as_str()?.strip_suffix('\n')?;
    let printable = |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte);
    let lines = text.split('\n');
    let plain = text.bytes().all(printable)
        && !text.starts_with([' ', '\n'])
        && !text.ends_with('\n')
        && lines.clone().all(|line| !line.ends_with(' '));
    (plain && lines.count() > 1).then_some(text)
}

fn literal(out: &mut String, text: &str, depth: usize) {
    out.push_str(" |\n");
    for line in text.split('\n') {
        if !line.is_empty() {
            out.push_str(&"  ".repeat(depth));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn block(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                out.push_str(&format!("{indent}{}:", self::key(key)));
                below(out, value, depth + 1);
            }
        }
        Value::Array(values) => {
            for value in values {
                out.push_str(&format!("{indent}-"));
                match value {
                    Value::Object(entries) if !entries.is_empty() => {
                        let mut inner = String::new();
                        block(&mut inner, value, depth + 1);
                        // The first entry follows the dash.
                        out.push(' ');
                        out.push_str(inner.trim_start());
                    }
                    other => below(out, other, depth + 1),
                }
            }
        }
        scalar => out.push_str(&format!("{indent}{scalar}\n")),
    }
}

fn below(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            out.push('\n');
            block(out, value, depth);
        }
        Value::Array(values) if !values.is_empty() => {
            out.push('\n');
            block(out, value, depth);
        }
        text if script(text).is_some() => literal(out, script(text).unwrap_or_default(), depth),
        plain => out.push_str(&format!(" {plain}\n")),
    }
}

/// Keys of Kubernetes are plain words; anything else is quoted.
fn key(key: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._/-".contains(character);
    let word = key.starts_with(|first: char| first.is_ascii_alphabetic()) && key.chars().all(plain);
    // A word that YAML 1.1 reads as a boolean or null is quoted.
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if word && !reserved.contains(&key.to_ascii_lowercase().as_str()) {
        key.to_owned()
    } else {
        Value::String(key.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::yaml;
    use serde_json::json;

    #[test]
    fn writes_blocks_and_quotes_texts() {
        let object =
            json!({"a": {"b": [{"c": "no", "d": 1}, "x: y"], "e": [], "f": {}}, "on": null});
        let text = "---\na:\n  b:\n    - c: \"no\"\n      d: 1\n    - \"x: y\"\n  e: []\n  f: {}\n\"on\": null\n";
        assert_eq!(yaml(&[object]), text);
    }

    #[test]
    fn writes_scripts_as_blocks_and_nothing_else() {
        let object =
            json!({"run": "a \\\n  b\n\nc\n", "list": ["x\ny\n", "x\ny", " x\ny\n", "é\ny\n"]});
        let text = "---\nrun: |\n  a \\\n    b\n\n  c\nlist:\n  - |\n    x\n    y\n  - \"x\\ny\"\n  - \" x\\ny\\n\"\n  \
            - \"é\\ny\\n\"\n";
        assert_eq!(yaml(&[object]), text);
    }
}
