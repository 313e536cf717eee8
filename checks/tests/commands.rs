//! Every command that a fix or a page can print, for every recorded observation, shell and system.
//!
//! The test also writes them as JSON lines into `$CARGO_TARGET_TMPDIR/../advice/commands.jsonl`, for
//! the script `tests/advice`, which lets the real tools parse them.

use entra_pg_checks::{
    Evidence, Page, facts::vantage::Shell, judge, problems, rulebook, verdict::Fix,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const SYSTEMS: [(&str, &[Shell]); 3] = [
    ("Linux 6.1.0 x86_64", &[Shell::Posix, Shell::PowerShell]),
    ("Darwin 24.0.0 arm64", &[Shell::Posix]),
    ("Windows 11 x86_64", &[Shell::PowerShell, Shell::Cmd]),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a fixture");
    serde_json::from_str(&text).expect("JSON")
}

/// The evidence of every fixture.
fn recorded() -> Vec<(String, Value)> {
    let healthy = read(&workspace().join("checks/support/healthy.json"));
    let mut all = vec![("healthy".to_owned(), healthy.clone())];
    for family in fs::read_dir(workspace().join("fixtures/evidence")).expect("fixtures").flatten() {
        for entry in fs::read_dir(family.path()).into_iter().flatten().flatten() {
            let mut evidence = healthy.clone();
            for (pointer, value) in read(&entry.path())["set"].as_object().into_iter().flatten() {
                set(&mut evidence, pointer, value.clone());
            }
            let name = format!("{}/{}", family.file_name().display(), entry.file_name().display());
            all.push((name, evidence));
        }
    }
    all
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match document.pointer_mut(parent).expect("the place exists") {
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        place => place[key] = value,
    }
}

/// Every fix for every fixture in every shell, with its origin.
fn fixes() -> Vec<(String, &'static str, Shell, Fix)> {
    let mut all = Vec::new();
    for (name, document) in recorded() {
        for (system, shells) in SYSTEMS {
            for shell in shells {
                let mut evidence: Evidence =
                    serde_json::from_value(document.clone()).expect("evidence");
                evidence.vantage.os = system.into();
                evidence.vantage.shell = *shell;
                for judged in judge(&rulebook(), &evidence, |_| true).findings {
                    let problem = judged.finding.problem.id;
                    for fix in judged.finding.fixes {
                        all.push((format!("{name} {problem}"), system, *shell, fix));
                    }
                }
            }
        }
    }
    all
}

/// The texts between backticks in a page.
fn commands_of(page: &Page) -> Vec<String> {
    let texts = page.confirm.iter().copied().chain(page.fix.iter().map(|(_, text)| *text));
    texts.flat_map(|text| text.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn no_command_is_written_for_another_shell() {
    let (mut lines, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    for (source, system, shell, fix) in fixes() {
        let Some(command) = &fix.command else { continue };
        let language = fix.language.map(|language| serde_json::to_value(language).expect("JSON"));
        let word = language.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        lines.insert(
            json!({"source": source, "system": system, "language": word, "database": fix.database,
                   "text": command})
            .to_string(),
        );
        assert!(!command.contains("eyJ"), "{source}: {command}");
        if !matches!(word.as_str(), "posix" | "power_shell" | "cmd") {
            continue;
        }
        let mut foreign = vec!["&& ", "| head", "| cut"];
        if word != "posix" {
            foreign.extend(["export ", "unset ", "/dev/null", "$(", "\\\n"]);
        }
        if system.starts_with("Windows") {
            foreign.extend(["sudo ", "getent ", "dig @", "/etc/"]);
        }
        for piece in foreign {
            if command.contains(piece) {
                wrong
                    .insert(format!("{source} for {shell:?} on {system} has {piece:?}: {command}"));
            }
        }
        // A placeholder is quoted, or the shell would read a redirection.
        let bare =
            command.split_whitespace().any(|word| word.starts_with('<') && word.ends_with('>'));
        if bare {
            wrong.insert(format!("{source} has a bare placeholder: {command}"));
        }
    }
    for problem in problems() {
        for command in commands_of(&problem.page) {
            lines.insert(
                json!({"source": format!("page {}", problem.id), "system": "", "language": "page",
                       "database": null, "text": command})
                .to_string(),
            );
        }
    }
    assert!(lines.len() > 300, "only {} commands were collected", lines.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder").join("advice");
    fs::create_dir_all(&folder).expect("a folder in the target folder");
    let text: Vec<String> = lines.into_iter().collect();
    fs::write(folder.join("commands.jsonl"), text.join("\n") + "\n").expect("a file");
    assert!(wrong.is_empty(), "{} commands are wrong: {wrong:#?}", wrong.len());
}
