//! The part of YAML that `az … -o yaml` writes: block mappings and lists, plain and quoted scalars, empty
//! lists and mappings. Anchors, aliases and tags, by which a short text becomes a large one, are errors.

use super::node::{MAX_VALUES, Node, normal};

/// Levels of nesting. Exports have about ten.
const MAX_DEPTH: usize = 64;

struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
    values: usize,
}

/// Every document of a text.
///
/// # Errors
/// What is not read, and the line.
pub(super) fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut documents = Vec::new();
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut values = 0;
    let ends = |line: &str| line == "---" || line == "...";
    for (index, line) in text.lines().chain(["---"]).enumerate() {
        let text = line.trim_start_matches(' ');
        if ends(line.trim_end()) {
            if !lines.is_empty() {
                let mut reader = Reader { lines: std::mem::take(&mut lines), at: 0, values };
                documents.push(reader.document()?);
                values = reader.values;
            }
        } else if !text.trim().is_empty() && !text.starts_with('#') {
            let indent = line.len() - text.len();
            lines.push(Line { number: index + 1, indent, text: text.trim_end() });
        }
    }
    Ok(documents)
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, String> {
        let indent = self.lines.first().map_or(0, |line| line.indent);
        let node = self.block(indent, 0)?;
        match self.lines.get(self.at) {
            Some(line) => Err(format!("not YAML as Azure writes it at line {}", line.number)),
            None => Ok(node),
        }
    }

    fn here(&self, indent: usize) -> Option<&Line<'a>> {
        self.lines.get(self.at).filter(|line| line.indent == indent)
    }

    fn error(&self, what: &str) -> String {
        let line = self.lines.get(self.at.min(self.lines.len().saturating_sub(1)));
        format!("{what} at line {}", line.map_or(0, |line| line.number))
    }

    fn count(&mut self) -> Result<(), String> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values"));
        }
        Ok(())
    }

    /// A list, a mapping or a scalar whose lines start at this column.
    fn block(&mut self, indent: usize, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested more deeply than any export"));
        }
        self.count()?;
        let Some(line) = self.here(indent) else { return Ok(Node::Null) };
        if is_item(line.text) {
            self.list(indent, depth)
        } else if split(line.text).is_some() {
            self.mapping(indent, depth)
        } else {
            let text = line.text;
            self.at += 1;
            self.scalar(text, indent)
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Node, String> {
        let mut items = Vec::new();
        while let Some(line) = self.here(indent).filter(|line| is_item(line.text)) {
            let rest = line.text[1..].trim_start();
            let column = indent + line.text.len() - rest.len();
            if rest.is_empty() {
                self.at += 1;
                items.push(self.nested(indent, depth)?);
            } else if !is_item(rest) && split(rest).is_none() {
                self.at += 1;
                self.count()?;
                items.push(self.scalar(rest, indent)?);
            } else {
                // The rest of the line is the first line of the item.
                let number = line.number;
                self.lines[self.at] = Line { number, indent: column, text: rest };
                items.push(self.block(column, depth + 1)?);
            }
        }
        Ok(Node::List(items))
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Result<Node, String> {
        let mut entries = Vec::new();
        while let Some(line) = self.here(indent) {
            let Some((key, rest)) = split(line.text) else { break };
            self.at += 1;
            let value = if rest.is_empty() {
                let list = self.here(indent).is_some_and(|line| is_item(line.text));
                if list { self.block(indent, depth + 1)? } else { self.nested(indent, depth)? }
            } else {
                self.count()?;
                self.scalar(rest, indent)?
            };
            entries.push((normal(key.trim_matches(['\'', '"'])), value));
        }
        Ok(Node::Map(entries))
    }

    /// What is further to the right than a column; null if there is nothing.
    fn nested(&mut self, indent: usize, depth: usize) -> Result<Node, String> {
        match self.lines.get(self.at) {
            Some(line) if line.indent > indent => {
                let column = line.indent;
                self.block(column, depth + 1)
            }
            _ => Ok(Node::Null),
        }
    }

    /// A scalar, with the lines further to the right that continue it.
    fn scalar(&mut self, first: &str, indent: usize) -> Result<Node, String> {
        let mut text = first.to_owned();
        while let Some(line) = self.lines.get(self.at).filter(|line| line.indent > indent) {
            text.push(' ');
            text.push_str(line.text);
            self.at += 1;
        }
        match text.as_bytes().first() {
            Some(b'\'') => {
                let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                let inner = inner.ok_or_else(|| self.error("a quotation mark is missing"))?;
                Ok(Node::Text(inner.replace("''", "'")))
            }
            Some(b'"') => {
                let inner = serde_json::from_str(&text);
                inner.map(Node::Text).map_err(|_| self.error("an escape that is not read"))
            }
            Some(b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'|' | b'>' | b'?') => {
                Err(self.error("anchors, aliases, tags and block scalars are not read"))
            }
            Some(b'[' | b'{') => match text.as_str() {
                "[]" => Ok(Node::List(Vec::new())),
                "{}" => Ok(Node::Map(Vec::new())),
                _ => Err(self.error("lists and mappings in brackets are not read")),
            },
            _ => Ok(plain(text)),
        }
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// The key and the value of a line.
fn split(text: &str) -> Option<(&str, &str)> {
    if text.starts_with(['\'', '"', '[', '{']) {
        // A quoted key is short and holds no colon followed by a blank.
        let end = text[1..].find(text.chars().next()?)? + 2;
        let rest = text.get(end..)?.strip_prefix(':')?;
        return Some((&text[..end], rest.trim_start()));
    }
    match text.split_once(": ") {
        Some((key, rest)) => Some((key, rest.trim_start())),
        None => text.strip_suffix(':').map(|key| (key, "")),
    }
}

fn plain(text: String) -> Node {
    match text.as_str() {
        "null" | "~" | "Null" | "NULL" => Node::Null,
        "true" | "True" => Node::Flag(true),
        "false" | "False" => Node::Flag(false),
        _ => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
            match text.parse().ok().filter(|_| digits) {
                Some(number) => Node::Number(number),
                None => Node::Text(text),
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
    fn what_grows_or_is_not_read_is_an_error() {
        for text in
            ["a: &x 1\n", "a: *x\n", "a: !!int 1\n", "a: [1, 2]\n", "a: |\n  b\n", "a: 'b\n"]
        {
            let error = read(text).expect_err(text);
            assert!(error.contains("line"), "{text}: {error}");
        }
        let deep: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(read(&deep).is_err());
    }
}
