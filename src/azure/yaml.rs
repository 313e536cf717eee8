//! YAML, as `az … -o yaml` writes it, by the events of saphyr-parser. Only as many values and levels are
//! kept as of JSON, and an alias, by which a short text becomes a large one, is an error.

use super::node::{MAX_DOCUMENTS, MAX_TEXT, MAX_VALUES, Node, normal};
use saphyr_parser::{Event, Parser, ScalarStyle};

/// Levels of nesting. Exports have about ten.
const MAX_DEPTH: usize = 64;

/// A list or a mapping that is not complete.
enum Open {
    List(Vec<Node>),
    /// The entries, and the key whose value comes next.
    Map(Vec<(String, Node)>, Option<String>),
}

/// Every document of a text.
///
/// # Errors
/// What is not read, and the line.
pub(super) fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            at(&format!("not YAML: {:.200}", error.info()), error.marker().line())
        })?;
        reader.take(event).map_err(|error| at(&error, span.start.line()))?;
    }
    Ok(reader.documents)
}

fn at(error: &str, line: usize) -> String {
    format!("{error} at line {line}")
}

#[derive(Default)]
struct Reader {
    documents: Vec<Node>,
    open: Vec<Open>,
    values: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Alias(_) => Err("an alias is not read".to_owned()),
            Event::Scalar(text, style, ..) => {
                let node = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Node::Text(shortened(&text)),
                };
                self.put(node)
            }
            Event::SequenceStart(..) => self.enter(Open::List(Vec::new())),
            Event::MappingStart(..) => self.enter(Open::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.put(Node::List(items)),
                Some(Open::Map(entries, _)) => self.put(Node::Map(entries)),
                None => Ok(()),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn enter(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err("nested more deeply than any export".to_owned());
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), String> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values"));
        }
        match self.open.last_mut() {
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, key)) => match (key.take(), node) {
                (Some(key), value) => entries.push((key, value)),
                (None, Node::List(_) | Node::Map(_)) => {
                    return Err("a key that is not a text".to_owned());
                }
                (None, text) => {
                    *key = Some(normal(&text.scalar().unwrap_or_else(|| "null".to_owned())));
                }
            },
            None if self.documents.len() == MAX_DOCUMENTS => {
                return Err(format!("more than {MAX_DOCUMENTS} documents"));
            }
            None => self.documents.push(node),
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim().to_owned()
}

/// A scalar without quotation marks, by the core schema. Source: YAML 1.2.2, section 10.3.
fn plain(text: &str) -> Node {
    match text {
        "" | "null" | "~" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" => Node::Flag(true),
        "false" | "False" | "FALSE" => Node::Flag(false),
        _ => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
            match text.parse().ok().filter(|_| digits) {
                Some(number) => Node::Number(number),
                None => Node::Text(shortened(text)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_the_azure_cli_writes() {
        let text = "---\nname: nsg\npriority: 100\nempty: []\nnone: null\nid: /a/b c\nlong: one\n  two\nsecurityRules:\n- name: 'it''s'\n  ports:\n  - '5432'\n  - \"64\\u00332\"\n- name: b\n  on: true\n";
        let nodes = read(text).expect("YAML");
        let node = &nodes[0];
        assert_eq!(node.get("priority").number(), Some(100));
        assert_eq!(node.get("long").text(), Some("one two"));
        assert!(node.get("none").is_null());
        let rules = node.get("securityrules").items();
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].get("name").text(), Some("it's"));
        assert_eq!(rules[0].get("ports").texts().collect::<Vec<_>>(), ["5432", "6432"]);
        assert_eq!(rules[1].get("on").flag(), Some(true));
        assert_eq!(read("a: 1\n---\nb: 2\n").expect("two documents").len(), 2);
    }

    #[test]
    fn what_people_write() {
        let text = "# exported by hand\n%YAML 1.2\n---\nports: [443, '5432']\nnote: |\n  two\n  lines\ntag: {name: x}\nversion: !!str 16\nbase: &base\n  a: 1\n";
        let nodes = read(text).expect("YAML");
        assert_eq!(nodes[0].get("ports").items().len(), 2);
        assert_eq!(nodes[0].get("note").text(), Some("two\nlines"));
        assert_eq!(nodes[0].get("tag").get("name").text(), Some("x"));
    }

    #[test]
    fn what_grows_or_is_damaged_is_an_error() {
        for text in ["a: &x 1\nb: *x\n", "a: 'b\n", "a: [1, 2\n", "? [a]\n: 1\n", "a:\n\tb: 1\n"] {
            let error = read(text).expect_err(text);
            assert!(error.contains("line"), "{text}: {error}");
        }
        let deep: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(read(&deep).is_err());
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(100_000)).is_err());
    }
}
