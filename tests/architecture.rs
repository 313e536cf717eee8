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

/// The names of problems are for scripts. Code that depends on one refers to its static, so that a
/// renamed or removed problem does not compile.
#[test]
fn nothing_compares_an_id_with_a_literal() {
    let root = Path::new(ROOT);
    let mut wrong = Vec::new();
    for path in sources(&root.join("src")).into_iter().chain(sources(&root.join("checks"))) {
        let code = code(&path);
        // Tests compare ids as scripts do.
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        if path.starts_with(root.join("checks/tests")) {
            continue;
        }
        let compact: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let compared = [".id == \"", ".id != \""].iter().any(|text| compact.contains(text));
        let matched = ["match ", "matches!("].iter().any(|start| {
            compact.match_indices(start).any(|(at, _)| {
                let head: String = compact[at + start.len()..]
                    .chars()
                    .take_while(|c| !"{;".contains(*c))
                    .collect();
                head.starts_with("(problem.id")
                    || head
                        .split([' ', ',', ')'])
                        .next()
                        .is_some_and(|first| first.ends_with(".id"))
            })
        });
        if compared || matched {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "an id is compared with a literal in {}", wrong.join(", "));
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
