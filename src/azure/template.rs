//! Templates of Azure Resource Manager, as Bicep compiles them: parameters with their default values,
//! variables and the functions that name resources are evaluated. What cannot be evaluated stays an
//! expression, which is an unknown value.

use super::node::{Node, normal};

/// Calls and values inside of each other.
const MAX_DEPTH: usize = 24;
/// Resources of one template, those of its modules included.
const MAX_RESOURCES: usize = 5_000;
/// The key of why it is not known whether, or how often, a resource is deployed.
pub(super) const OPEN: &str = "$open";
/// In ids, in place of the subscription and the resource group of the deployment.
const HERE: &str = "deployment";

/// What expressions refer to.
struct Scope<'a> {
    parameters: Vec<(String, Node)>,
    variables: &'a Node,
    subscription: String,
    group: String,
}

/// The resources of a template with what its expressions say.
pub(super) fn resources(template: &Node) -> Vec<Node> {
    let mut found = Vec::new();
    collect(template, &Node::Null, None, &mut found, 0);
    found
}

/// Whether a document is a template.
pub(super) fn is_template(node: &Node) -> bool {
    let resources = node.get("resources");
    node.get("$schema").text().is_some() && (resources.is_list() || resources.is_map())
}

fn collect(
    template: &Node,
    given: &Node,
    outer: Option<&Scope<'_>>,
    found: &mut Vec<Node>,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut scope = Scope {
        parameters: Vec::new(),
        variables: template.get("variables"),
        subscription: outer.map_or(HERE, |outer| &outer.subscription).to_owned(),
        group: outer.map_or(HERE, |outer| &outer.group).to_owned(),
    };
    if let Node::Map(entries) = template.get("parameters") {
        for (name, declared) in entries {
            let passed = given.get(name).get("value");
            let value = match (passed, outer) {
                (Node::Null, _) => scope.value(declared.get("defaultvalue"), depth + 1),
                (value, Some(outer)) => outer.value(value, depth + 1),
                (value, None) => value.clone(),
            };
            scope.parameters.push((name.clone(), value));
        }
    }
    let listed = template.get("resources");
    let all: Vec<&Node> = match listed {
        Node::Map(entries) => entries.iter().map(|(_, one)| one).collect(),
        other => other.items().iter().collect(),
    };
    for one in all {
        resource(one, None, &scope, found, depth + 1);
    }
}

/// A resource, those inside of it, and those of the template of a module.
fn resource(
    node: &Node,
    parent: Option<(&str, &str)>,
    scope: &Scope<'_>,
    found: &mut Vec<Node>,
    depth: usize,
) {
    let Node::Map(entries) = node else { return };
    // A resource with this mark is not deployed: it exists.
    let existing = node.get("existing").flag() == Some(true);
    if depth > MAX_DEPTH || found.len() >= MAX_RESOURCES {
        return;
    }
    let own = match node.get("type") {
        Node::Text(text) => text.as_str(),
        _ => "",
    };
    if own.eq_ignore_ascii_case("Microsoft.Resources/deployments") {
        let properties = node.get("properties");
        let mut inner = Scope {
            parameters: scope.parameters.clone(),
            variables: scope.variables,
            subscription: scope.subscription.clone(),
            group: scope.group.clone(),
        };
        let text = |key: &str| match scope.value(node.get(key), depth + 1) {
            Node::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        if let Some(group) = text("resourcegroup") {
            inner.group = group;
        }
        if let Some(subscription) = text("subscriptionid") {
            inner.subscription = subscription;
        }
        let template = properties.get("template");
        let start = found.len();
        collect(template, properties.get("parameters"), Some(&inner), found, depth + 1);
        mark(found.get_mut(start..).unwrap_or_default(), open_of(node, scope, depth));
        return;
    }
    let start = found.len();
    let kind = match parent {
        Some((parent, _)) if !own.contains("Microsoft.") => format!("{parent}/{own}"),
        _ => own.to_owned(),
    };
    let name = match scope.value(node.get("name"), depth + 1) {
        Node::Text(name) => name,
        _ => String::new(),
    };
    let name = match parent {
        Some((_, parent)) if !name.contains('/') => format!("{parent}/{name}"),
        _ => name,
    };
    if !existing {
        let mut copy: Vec<(String, Node)> = Vec::with_capacity(entries.len() + 1);
        for (key, value) in entries {
            match key.as_str() {
                "resources" | "type" | "name" | "dependson" => {}
                _ => copy.push((key.clone(), scope.value(value, depth + 1))),
            }
        }
        copy.push(("type".to_owned(), Node::Text(kind.clone())));
        copy.push(("name".to_owned(), Node::Text(name.clone())));
        if node.get("id").is_null() {
            copy.push(("id".to_owned(), Node::Text(scope.id(&kind, &name))));
        }
        let subnets = format!("{}/subnets", scope.id(&kind, &name));
        copy.iter_mut().for_each(|(_, value)| with_ids(value, &subnets));
        found.push(Node::Map(copy));
    }
    for child in node.get("resources").items() {
        resource(child, Some((&kind, &name)), scope, found, depth + 1);
    }
    mark(found.get_mut(start..).unwrap_or_default(), open_of(node, scope, depth));
}

/// Why it is not known whether, or how often, a resource is deployed.
fn open_of(node: &Node, scope: &Scope<'_>, depth: usize) -> Option<&'static str> {
    let condition = scope.value(node.get("condition"), depth + 1);
    match condition.flag() {
        Some(false) => Some("its condition is false, so the template does not deploy it"),
        None if !condition.is_null() => {
            Some("whether its condition is true, and the template deploys it, is not known")
        }
        _ if node.get("copy").is_map() => Some("it is a copy loop, which is not evaluated"),
        _ => None,
    }
}

fn mark(resources: &mut [Node], why: Option<&str>) {
    let Some(why) = why else { return };
    for one in resources {
        if let Node::Map(entries) = one
            && !entries.iter().any(|(key, _)| key == OPEN)
        {
            entries.push((OPEN.to_owned(), Node::Text(why.to_owned())));
        }
    }
}

/// The properties that a copy loop makes. Source: Microsoft Learn, "Property iteration in ARM templates".
fn looped(entries: &[(String, Node)]) -> impl Iterator<Item = (String, Node)> {
    let copy = entries.iter().find(|(key, value)| key == "copy" && value.is_list());
    let loops = copy.map_or(&[][..], |(_, loops)| loops.items()).iter();
    loops
        .filter(|one| !one.get("input").is_null())
        .filter_map(|one| Some((normal(one.get("name").text()?), Node::Text("[copy]".to_owned()))))
}

/// Subnets inside of a network have ids, which other resources name.
fn with_ids(properties: &mut Node, parent: &str) {
    let Node::Map(entries) = properties else { return };
    let subnets = entries.iter_mut().find(|(key, _)| key == "subnets");
    let Some((_, Node::List(subnets))) = subnets else { return };
    for one in subnets {
        let name = one.get("name").text().map(str::to_owned);
        if let (Node::Map(entries), Some(name)) = (one, name)
            && !entries.iter().any(|(key, _)| key == "id")
        {
            entries.push(("id".to_owned(), Node::Text(format!("{parent}/{name}"))));
        }
    }
}

impl Scope<'_> {
    fn id(&self, kind: &str, name: &str) -> String {
        id(&self.subscription, &self.group, kind, &name.split('/').collect::<Vec<_>>())
    }

    /// A value with the expressions in it evaluated.
    fn value(&self, node: &Node, depth: usize) -> Node {
        if depth > MAX_DEPTH {
            return Node::Null;
        }
        match node {
            Node::Text(text) if text.starts_with("[[") => Node::Text(text[1..].to_owned()),
            Node::Text(text) if text.starts_with('[') && text.ends_with(']') => {
                self.expression(text, depth)
            }
            Node::List(items) => {
                Node::List(items.iter().map(|one| self.value(one, depth + 1)).collect())
            }
            Node::Map(entries) => Node::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), self.value(value, depth + 1)))
                    .chain(looped(entries))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    fn expression(&self, text: &str, depth: usize) -> Node {
        let inner = &text[1..text.len() - 1];
        let mut parser = Parser { rest: inner.trim(), scope: self, depth };
        match parser.term() {
            Some(value) if parser.rest.trim().is_empty() && value != Node::Null => value,
            _ => Node::Text(text.to_owned()),
        }
    }
}

/// The expression language as far as it names things; anything else is unknown.
/// Source: Microsoft Learn, "ARM template functions".
struct Parser<'a> {
    rest: &'a str,
    scope: &'a Scope<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, sign: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A value, or the text of what is not known.
    fn term(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.skip();
        let start = self.rest;
        let mut value = if self.rest.starts_with('\'') {
            Some(Node::Text(self.quoted()?))
        } else if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let end = self.rest[1..]
                .find(|c: char| !c.is_ascii_digit())
                .map_or(self.rest.len(), |at| at + 1);
            let (number, rest) = self.rest.split_at(end);
            self.rest = rest;
            number.parse().ok().map(Node::Number)
        } else {
            self.call()?
        };
        loop {
            self.skip();
            if let Some(rest) = self.rest.strip_prefix('.') {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                let key = normal(&rest[..end]);
                self.rest = &rest[end..];
                value = value.map(|value| value.get(&key).clone()).filter(|value| !value.is_null());
            } else if self.rest.starts_with('[') {
                self.rest = &self.rest[1..];
                let index = self.term()?;
                if !self.eat(']') {
                    return None;
                }
                value = value.and_then(|value| match (&value, &index) {
                    (Node::List(items), index) => {
                        items.get(usize::try_from(index.number()?).ok()?).cloned()
                    }
                    (map, Node::Text(key)) => Some(map.get(&normal(key)).clone()),
                    _ => None,
                });
            } else {
                break;
            }
        }
        self.depth -= 1;
        let used = start.len() - self.rest.len();
        Some(value.filter(|value| !value.is_null()).unwrap_or_else(|| {
            Node::Text(format!("[{}]", start.get(..used).unwrap_or_default().trim()))
        }))
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix('\'')?;
        loop {
            let end = rest.find('\'')?;
            text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => break,
            }
        }
        self.rest = rest;
        Some(text)
    }

    /// `None`: not understood; `Some(None)`: understood, and not known.
    #[allow(clippy::option_option, reason = "a call that is not known is not a malformed one")]
    fn call(&mut self) -> Option<Option<Node>> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let name = self.rest[..end].to_ascii_lowercase();
        self.rest = &self.rest[end..];
        if name.is_empty() || !self.eat('(') {
            return None;
        }
        let mut arguments = Vec::new();
        if !self.eat(')') {
            loop {
                arguments.push(self.term()?);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return None;
                }
            }
        }
        Some(self.apply(&name, &arguments))
    }

    fn apply(&self, name: &str, arguments: &[Node]) -> Option<Node> {
        let text = |index: usize| match arguments.get(index) {
            Some(Node::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let joined = |parts: &[Node]| -> Option<String> {
            parts
                .iter()
                .map(|one| match one {
                    Node::Text(text) => Some(text.clone()),
                    other => other.scalar(),
                })
                .collect()
        };
        let pair = |key: &str, value: &str| {
            Node::Map(vec![(key.to_owned(), Node::Text(value.to_owned()))])
        };
        match name {
            "parameters" => {
                let wanted = normal(&text(0)?);
                let known = self.scope.parameters.iter().find(|(name, _)| *name == wanted);
                known.map(|(_, value)| value.clone()).filter(|value| !is_open(value))
            }
            "variables" => {
                let value = self.scope.variables.get(&normal(&text(0)?));
                let value = self.scope.value(value, self.depth + 1);
                (!value.is_null() && !is_open(&value)).then_some(value)
            }
            "resourceid" => {
                let at = arguments.iter().position(|one| matches!(one, Node::Text(text) if text.contains('/') && !text.starts_with('[')))?;
                let names: Option<Vec<String>> = (at + 1..arguments.len()).map(text).collect();
                let names = names?;
                let names: Vec<&str> = names.iter().flat_map(|name| name.split('/')).collect();
                let here = |index: Option<usize>, own: &str| {
                    index.and_then(text).unwrap_or_else(|| own.to_owned())
                };
                let group = here(at.checked_sub(1), &self.scope.group);
                let subscription = here(at.checked_sub(2), &self.scope.subscription);
                Some(Node::Text(id(&subscription, &group, &text(at)?, &names)))
            }
            "format" => {
                let mut out = text(0)?;
                for index in 1..arguments.len() {
                    let value = joined(&arguments[index..=index])?;
                    out = out.replace(&format!("{{{}}}", index - 1), &value);
                }
                Some(Node::Text(out))
            }
            "concat" if arguments.iter().all(Node::is_list) => Some(Node::List(
                arguments.iter().flat_map(|list| list.items().iter().cloned()).collect(),
            )),
            "concat" => joined(arguments).map(Node::Text),
            "tolower" => text(0)
                .filter(|text| !text.starts_with('['))
                .map(|text| Node::Text(text.to_lowercase())),
            "toupper" => text(0)
                .filter(|text| !text.starts_with('['))
                .map(|text| Node::Text(text.to_uppercase())),
            "string" | "trim" => joined(arguments.get(..1)?).map(Node::Text),
            "createarray" | "array" => Some(Node::List(arguments.to_vec())),
            "true" => Some(Node::Flag(true)),
            "false" => Some(Node::Flag(false)),
            "subscription" => Some(pair("subscriptionid", &self.scope.subscription)),
            "resourcegroup" => Some(pair("name", &self.scope.group)),
            "if" => match arguments {
                [condition, yes, no] => match condition.flag()? {
                    true => Some(yes.clone()),
                    false => Some(no.clone()),
                },
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether a value is an expression that is not known.
fn is_open(value: &Node) -> bool {
    matches!(value, Node::Text(text) if text.starts_with('[') && text.ends_with(']'))
}

/// A resource id: the namespace, and each part of the type with its name.
pub(super) fn id(subscription: &str, group: &str, kind: &str, names: &[&str]) -> String {
    let mut parts = kind.split('/');
    let mut id = format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/{}",
        parts.next().unwrap_or_default()
    );
    for (part, name) in parts.zip(names) {
        id.push('/');
        id.push_str(part);
        id.push('/');
        id.push_str(name);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::resources;
    use crate::azure::node::read;

    #[test]
    fn expressions_name_resources() {
        let text = r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "parameters": {"serverName": {"type": "string", "defaultValue": "pg"}, "free": {"type": "string"}},
            "variables": {"vnet": "[format('{0}-{1}', 'vnet', parameters('server_name'))]"},
            "resources": {"a": {"type": "Microsoft.Network/virtualNetworks", "name": "[variables('vnet')]",
                "properties": {"subnets": [{"name": "s", "properties": {"x": "[parameters('free')]",
                    "y": "[concat(parameters('free'), '-x')]",
                    "z": "[if(true(), toUpper('a'), 'b')]", "u": "[[literal]"}}]}},
              "m": {"type": "Microsoft.Resources/deployments", "resourceGroup": "rg2", "properties": {
                "parameters": {"n": {"value": "[parameters('serverName')]"}},
                "template": {"parameters": {"n": {}}, "resources": [{"type": "Microsoft.X/ys", "name": "[parameters('n')]",
                  "ref": "[resourceId('other', 'Microsoft.X/ys/zs', parameters('n'), 'c')]",
                  "resources": [{"type": "zs", "name": "c"}]}]}}}}}"#;
        let found = resources(&read(text.as_bytes()).expect("JSON")[0]);
        let id = |index: usize| found[index].get("id").text().unwrap_or_default().to_owned();
        assert!(id(0).ends_with("/virtualNetworks/vnet-pg"), "{}", id(0));
        let subnet = &found[0].get("properties").get("subnets").items()[0];
        assert!(subnet.get("id").text().is_some_and(|id| id.ends_with("/vnet-pg/subnets/s")));
        let properties = subnet.get("properties");
        assert!(properties.get("x").is_expression() && properties.get("x").text().is_none());
        assert_eq!(properties.get("y").text(), Some("[parameters('free')]-x"));
        assert_eq!(properties.get("z").text(), Some("A"));
        assert!(id(1).contains("/resourceGroups/rg2/providers/Microsoft.X/ys/pg"), "{}", id(1));
        assert!(found[1].get("ref").text().is_some_and(|id| id.ends_with("/ys/pg/zs/c")));
        assert!(id(2).ends_with("/ys/pg/zs/c"), "{}", id(2));
    }

    #[test]
    fn odd_expressions_stay() {
        for text in [
            "[",
            "[]",
            "[a",
            "[(]",
            "[parameters(]",
            "['x]",
            "[a.b[0]]",
            "[concat('a',)]",
            "[-]",
            "[parameters('é')]",
        ] {
            let document = format!(
                r#"{{"$schema": "x", "resources": [{{"type": "A/b", "name": "n", "v": {text:?}}}]}}"#
            );
            let found = resources(&read(document.as_bytes()).expect("JSON")[0]);
            assert_eq!(found.len(), 1, "{text}");
        }
    }
}
