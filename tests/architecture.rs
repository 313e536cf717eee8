//! The direction of dependencies: no cycle between the top-level modules of `src`, and no way from
//! `checks` to anything that does I/O.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The source without comments, where a path does not count as a dependency.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("UTF-8");
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first name of every path that starts with `crate::`, also inside braces.
fn used(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(first_name(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (index, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                ',' if depth == 0 => {
                    names.insert(first_name(&group[start..index]));
                    start = index + 1;
                }
                '}' if depth == 0 => {
                    names.insert(first_name(&group[start..index]));
                    break;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    names
}

fn first_name(path: &str) -> String {
    let is_name = |character: &char| character.is_alphanumeric() || *character == '_';
    path.trim_start().chars().take_while(is_name).collect()
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let source = Path::new(ROOT).join("src");
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(&source) {
        let relative = path.strip_prefix(&source).expect("inside");
        let first = relative.iter().next().expect("a name").to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        modules.entry(module).or_default().extend(used(&code(&path)));
    }
    let known: BTreeSet<String> = modules.keys().cloned().collect();
    for (module, uses) in &mut modules {
        uses.retain(|name| known.contains(name) && name != module);
    }
    modules
}

#[test]
fn top_level_modules_form_no_cycle() {
    let mut left = dependencies();
    assert!(left.len() > 10, "the reader of sources finds too little: {left:?}");
    // Modules that depend on nothing that is left are removed until nothing changes.
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, uses| uses.iter().any(|name| names.contains(name)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these modules depend on each other: {left:#?}");
}

/// Code without its tests, which compare ids as scripts do.
fn program(path: &Path) -> String {
    let code = code(path);
    let program = code.split("#[cfg(test)]").next().unwrap_or_default();
    program.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The string literals of a source, each with the text before and after it.
fn literals(code: &str) -> Vec<(&str, &str, &str)> {
    let quotes: Vec<usize> = code.match_indices('"').map(|(at, _)| at).collect();
    let literal = |pair: &[usize]| {
        let (start, end) = (pair[0], pair[1]);
        (code[..start].trim_end(), &code[start + 1..end], code[end + 1..].trim_start())
    };
    quotes.windows(2).map(literal).collect()
}

/// Whether a literal is a pattern of `match` or `matches!`, or compared.
fn is_compared(before: &str, after: &str) -> bool {
    let compared = ["==", "!=", "contains(&", "starts_with(", "ends_with("];
    let pattern = after.trim_start_matches(')').trim_start();
    compared.iter().any(|operator| before.ends_with(operator))
        || ["==", "!=", "=>", "| \"", "if "].iter().any(|next| pattern.starts_with(next))
        || before.ends_with("\" |")
}

/// The sources of a text that use a literal where its problem, check or family belongs.
fn uses_of_names(path: &Path, code: &str) -> Vec<String> {
    let ids = entra_pg_checks::problems().into_iter().map(|problem| problem.id);
    let ids: BTreeSet<&str> =
        ids.chain(entra_pg_checks::rulebook().into_iter().map(|check| check.id)).collect();
    let families: BTreeSet<&str> =
        entra_pg_checks::FAMILIES.iter().map(|family| family.name).collect();
    let in_checks = path.starts_with(Path::new(ROOT).join("checks"));
    let about_families = code.contains("family()") || code.contains("family.name");
    let is_wrong = |(before, text, after): &(&str, &str, &str)| {
        let names_id = ids.contains(text)
            || text.split_once('/').is_some_and(|(family, slug)| {
                families.contains(family) && slug.is_empty() && before.ends_with("starts_with(")
            });
        // Outside checks, nothing names a problem or a check.
        (names_id && (!in_checks || is_compared(before, after)))
            || (about_families
                && families.contains(text)
                && (is_compared(before, after) || before.ends_with("family(),")))
    };
    literals(code)
        .iter()
        .filter(|literal| is_wrong(literal))
        .map(|(_, text, _)| (*text).to_owned())
        .collect()
}

/// The names of problems, checks and families are for scripts. Code that depends on one refers to its
/// static, so that a renamed or removed one does not compile, and what is known of it is in its file.
#[test]
fn nothing_compares_a_name_with_a_literal() {
    let root = Path::new(ROOT);
    let mut wrong = Vec::new();
    for path in sources(&root.join("src")).into_iter().chain(sources(&root.join("checks"))) {
        if path.starts_with(root.join("checks/tests")) || path.ends_with("tests.rs") {
            continue;
        }
        let found = uses_of_names(&path, &program(&path));
        wrong.extend(found.into_iter().map(|name| format!("{}: {name}", path.display())));
    }
    assert!(wrong.is_empty(), "use the static, or a field of it:\n{}", wrong.join("\n"));
}

#[test]
fn a_comparison_with_a_name_is_found() {
    let path = Path::new(ROOT).join("checks/judge.rs");
    for code in [
        "match problem.id { \"dns/nxdomain\" => 1, _ => 2 }",
        "match problem.id { \"x\" | \"dns/nxdomain\" if y => 1, _ => 2 }",
        "match root.map(|root| root.id) { Some(\"dns/nxdomain\") => 1, _ => 2 }",
        "matches!(check.id, \"dns/resolution\" | \"dns/latency\")",
        "if finding.problem.id == \"dns/nxdomain\" {}",
        "id.starts_with(\"dns/\")",
        "problem.family() == \"dns\"",
        "match check.family() { \"server\" | \"login\" => true, _ => false }",
        "matches!(self.problem.family(), \"dns\" | \"outbound\")",
        "let of = x.family(); match of { Some(\"config\" | \"server\") if connected => 1 }",
    ] {
        assert!(!uses_of_names(&path, code).is_empty(), "{code}");
    }
    let explains = "explains: &[\"dns/nxdomain\", \"dns/*\"], id: \"dns/nxdomain\",";
    assert!(uses_of_names(&path, explains).is_empty());
}

#[test]
fn checks_reach_nothing_that_does_io() {
    const FORBIDDEN: &[&str] = &[
        "std::fs",
        "std::process",
        "std::env",
        "std::thread",
        "TcpStream",
        "UdpSocket",
        "TcpListener",
        "tokio::",
        "reqwest",
        "hyper",
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "println!",
        "eprintln!",
        "io::stdout",
        "io::stderr",
    ];
    let checks = Path::new(ROOT).join("checks");
    for path in sources(&checks) {
        // Tests read folders, and ask shells how they read a command.
        if path.starts_with(checks.join("tests")) || path.ends_with("tests.rs") {
            continue;
        }
        let code = code(&path);
        for word in FORBIDDEN {
            assert!(!code.contains(word), "{} uses {word}", path.display());
        }
    }
    let manifest = fs::read_to_string(checks.join("Cargo.toml")).expect("a manifest");
    let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
    let dependencies = dependencies.split("\n[").next().expect("a section");
    for word in ["tokio", "reqwest", "hyper", "mio", "socket2", "rustls"] {
        assert!(!dependencies.contains(word), "checks depends on {word}");
    }
}

#[test]
fn files_are_read_through_one_module() {
    let mut wrong = Vec::new();
    for path in sources(&Path::new(ROOT).join("src")) {
        let text = code(&path);
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        let reads = ["File::open(", "fs::read(", "fs::read_to_string("];
        let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
        // The module that writes files opens a folder to flush it.
        let home = ["src/input.rs", "src/cli/file.rs"].iter().any(|home| path.ends_with(home));
        if !home && !is_test && reads.iter().any(|read| program.contains(read)) {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "input::Source reads files, which never blocks: {wrong:?}");
}

/// The threat model names the tests that hold it. Names with an underscore are tests, names with a slash
/// scenarios of the lab (`family/*` is a family), `attack: …` are classes of attacks, and the rest are files.
#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(ROOT);
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a file");
    let document = read(".github/SECURITY.md");
    let code: String = ["src", "checks", "tests"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .map(|path| fs::read_to_string(path).expect("UTF-8"))
        .collect();
    let attacks = read("tests/hostile/attacks.py") + &read("tests/hostile/outputs.py");
    let scenarios = root.join("fixtures/lab/scenarios");
    let exists = |name: &str| {
        if let Some(class) = name.strip_prefix("attack: ") {
            return attacks.contains(&format!("\"{class}\""));
        }
        if let Some(family) = name.strip_suffix("/*") {
            return scenarios.join(family).is_dir();
        }
        let scenario = scenarios.join(format!("{name}.toml"));
        root.join(name).is_file() || scenario.is_file() || code.contains(&format!("fn {name}("))
    };
    let mut count = 0;
    for row in document.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        for name in tests.split('`').skip(1).step_by(2) {
            assert!(exists(name), "SECURITY.md names `{name}`, which does not exist");
            count += 1;
        }
    }
    assert!(count > 60, "SECURITY.md names {count} tests only");
}
