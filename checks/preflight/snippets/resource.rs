//! A resource of Azure as Bicep and Terraform text.

/// A value of a property.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(String),
    True,
    False,
    /// A parameter that the reader sets: its name, and whether it is a number.
    Parameter(&'static str, bool),
    /// An expression of each language.
    Expression(&'static str, &'static str),
    List(Vec<Value>),
    Tree(Tree),
}

/// Properties in their order.
pub(super) type Tree = Vec<(&'static str, Value)>;

/// A resource that exists, around the one that is made: its name in Bicep, its type, its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parent {
    pub symbol: &'static str,
    pub kind: &'static str,
    pub name: String,
}

/// A resource that is made or changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Resource {
    pub symbol: &'static str,
    /// The number of resources of this kind before it.
    pub number: usize,
    pub kind: &'static str,
    pub name: String,
    pub parents: Vec<Parent>,
    /// Properties at the top of the resource in Bicep, such as `location`.
    pub head: Tree,
    pub properties: Tree,
    pub terraform: &'static str,
    pub arguments: Tree,
    /// Its id, if it exists.
    pub existing: Option<String>,
    /// Where it is deployed: subscription and resource group.
    pub scope: (Option<String>, Option<String>),
    /// A remark, as one line.
    pub remark: Option<&'static str>,
    pub after: Option<String>,
    pub after_terraform: Option<String>,
}

impl Resource {
    pub(super) fn starts_like(&self, other: &Self) -> bool {
        self.symbol == other.symbol
    }

    /// Puts it behind another one: Azure refuses two rules with one priority, even for a moment.
    pub(super) fn follow(&mut self, earlier: Option<&Self>, number: usize) {
        self.number = number;
        self.after = earlier.map(Self::label);
        self.after_terraform = earlier.map(|one| format!("{}.{}", one.terraform, one.label()));
    }

    fn label(&self) -> String {
        match self.number {
            0 => self.symbol.to_owned(),
            number => format!("{}{}", self.symbol, number + 1),
        }
    }
}

/// `camelCase` as `snake_case`.
pub(super) fn snake(tree: &Tree, names: &[(&'static str, &'static str)]) -> Vec<(String, Value)> {
    let name = |key: &str| {
        let other = names.iter().find(|(camel, _)| *camel == key);
        other.map_or_else(|| snake_case(key), |(_, snake)| (*snake).to_owned())
    };
    tree.iter().map(|(key, value)| (name(key), value.clone())).collect()
}

fn snake_case(key: &str) -> String {
    let mut text = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

fn parameters(
    resources: &[Resource],
    trees: fn(&Resource) -> [&Tree; 2],
) -> Vec<(&'static str, bool)> {
    fn walk(value: &Value, all: &mut Vec<(&'static str, bool)>) {
        match value {
            Value::Parameter(name, number) if !all.contains(&(*name, *number)) => {
                all.push((*name, *number));
            }
            Value::List(list) => list.iter().for_each(|one| walk(one, all)),
            Value::Tree(tree) => tree.iter().for_each(|(_, one)| walk(one, all)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    for resource in resources {
        for (_, value) in trees(resource).into_iter().flatten() {
            walk(value, &mut all);
        }
    }
    all
}

/// The lines of Bicep.
pub(super) fn bicep(resources: &[Resource]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, number) in parameters(resources, |one| [&one.head, &one.properties]) {
        lines.push(format!("param {name} {}", if number { "int" } else { "string" }));
    }
    let mut parents: Vec<&Parent> = Vec::new();
    let mut scope = None;
    for resource in resources {
        if scope != Some(&resource.scope) {
            lines.extend(scope_line("//", &resource.scope));
            scope = Some(&resource.scope);
        }
        let mut around: Option<&Parent> = None;
        for parent in &resource.parents {
            if !parents.contains(&parent) {
                lines.push(format!("resource {} '{}' existing = {{", parent.symbol, parent.kind));
                lines.extend(around.map(|outer| format!("  parent: {}", outer.symbol)));
                lines.push(format!("  name: {}", bicep_text(&parent.name)));
                lines.push("}".to_owned());
                parents.push(parent);
            }
            around = Some(parent);
        }
        lines.extend(resource.remark.map(|text| format!("// {text}")));
        lines.push(format!("resource {} '{}' = {{", resource.label(), resource.kind));
        lines.extend(around.map(|outer| format!("  parent: {}", outer.symbol)));
        lines.push(format!("  name: {}", bicep_text(&resource.name)));
        bicep_tree(&resource.head, 1, &mut lines);
        if !resource.properties.is_empty() {
            lines.push("  properties: {".to_owned());
            bicep_tree(&resource.properties, 2, &mut lines);
            lines.push("  }".to_owned());
        }
        if let Some(after) = &resource.after {
            lines.extend(["  dependsOn: [".to_owned(), format!("    {after}"), "  ]".to_owned()]);
        }
        lines.push("}".to_owned());
    }
    lines
}

fn bicep_tree(tree: &Tree, depth: usize, lines: &mut Vec<String>) {
    for (key, value) in tree {
        bicep_value(&format!("{key}: "), value, depth, lines);
    }
}

fn bicep_value(key: &str, value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let plain = match value {
        Value::Text(text) => bicep_text(text),
        Value::Number(number) => number.clone(),
        Value::True => "true".to_owned(),
        Value::False => "false".to_owned(),
        Value::Parameter(name, _) => (*name).to_owned(),
        Value::Expression(bicep, _) => (*bicep).to_owned(),
        Value::List(list) => {
            lines.push(format!("{indent}{key}["));
            for one in list {
                bicep_value("", one, depth + 1, lines);
            }
            lines.push(format!("{indent}]"));
            return;
        }
        Value::Tree(tree) => {
            lines.push(format!("{indent}{key}{{"));
            bicep_tree(tree, depth + 1, lines);
            lines.push(format!("{indent}}}"));
            return;
        }
    };
    lines.push(format!("{indent}{key}{plain}"));
}

/// A string of Bicep. Source: Bicep language specification, strings.
fn bicep_text(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('\'');
    out.replace("${", "\\${")
}

fn scope_line(mark: &str, scope: &(Option<String>, Option<String>)) -> Option<String> {
    let name = |text: &String| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let group = scope.1.as_ref().map(|group| format!("resource group {}", name(group)));
    let subscription = scope.0.as_ref().map(|id| format!("subscription {}", name(id)));
    let both: Vec<String> = [group, subscription].into_iter().flatten().collect();
    (!both.is_empty()).then(|| format!("{mark} In {}", both.join(" of ")))
}

/// The lines of Terraform.
pub(super) fn terraform(resources: &[Resource]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut uses_tenant = false;
    let mut scope = None;
    for resource in resources {
        if scope != Some(&resource.scope) {
            lines.extend(scope_line("#", &resource.scope));
            scope = Some(&resource.scope);
        }
        let label = resource.label();
        if let Some(id) = &resource.existing {
            lines.push("import {".to_owned());
            lines.push(format!("  to = {}.{label}", resource.terraform));
            lines.push(format!("  id = {}", terraform_text(id)));
            lines.push("}".to_owned());
        }
        lines.extend(resource.remark.map(|text| format!("# {text}")));
        lines.push(format!("resource \"{}\" \"{label}\" {{", resource.terraform));
        let before = lines.len();
        let names: &[(&str, &str)] =
            &[("nextHopIpAddress", "next_hop_in_ip_address"), ("name", "name")];
        terraform_tree(&snake(&resource.arguments, names), 1, &mut lines);
        if let Some(after) = &resource.after_terraform {
            lines.push(format!("  depends_on = [{after}]"));
        }
        lines.push("}".to_owned());
        uses_tenant |= lines.iter().skip(before).any(|line| line.contains(TENANT));
    }
    for (name, number) in parameters(resources, |one| [&one.arguments, &one.arguments]) {
        let kind = if number { "number" } else { "string" };
        lines.insert(0, format!("variable \"{}\" {{\n  type = {kind}\n}}", snake_case(name)));
    }
    if uses_tenant {
        lines.insert(0, "data \"azurerm_client_config\" \"current\" {}".to_owned());
    }
    lines
}

/// The tenant of the provider.
pub(super) const TENANT: &str = "data.azurerm_client_config.current.tenant_id";

fn terraform_tree(tree: &[(String, Value)], depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let is_block = |value: &Value| match value {
        Value::Tree(_) => true,
        Value::List(list) => list.iter().any(|one| matches!(one, Value::Tree(_))),
        _ => false,
    };
    let flat = tree.iter().filter(|(_, value)| !is_block(value));
    let width = flat.clone().map(|(key, _)| key.len()).max().unwrap_or(0);
    for (key, value) in flat {
        lines.push(format!("{indent}{key:width$} = {}", terraform_plain(value)));
    }
    for (key, value) in tree.iter().filter(|(_, value)| is_block(value)) {
        let blocks = match value {
            Value::List(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for block in blocks {
            let Value::Tree(inner) = block else { continue };
            lines.push(format!("{indent}{key} {{"));
            terraform_tree(&snake(inner, &[]), depth + 1, lines);
            lines.push(format!("{indent}}}"));
        }
    }
}

fn terraform_plain(value: &Value) -> String {
    match value {
        Value::Text(text) => terraform_text(text),
        Value::Number(number) => number.clone(),
        Value::True => "true".to_owned(),
        Value::False => "false".to_owned(),
        Value::Parameter(name, _) => format!("var.{}", snake_case(name)),
        Value::Expression(_, terraform) => (*terraform).to_owned(),
        Value::List(list) => {
            let all: Vec<String> = list.iter().map(terraform_plain).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Tree(_) => "{}".to_owned(),
    }
}

/// A string of Terraform. Source: HCL native syntax specification, template expressions.
fn terraform_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out.replace("${", "$${").replace("%{", "%%{")
}
