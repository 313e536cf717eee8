//! Every command that a fix or a page can print, for every recorded observation, shell and system.
//!
//! The test also writes them as JSON lines into `$CARGO_TARGET_TMPDIR/../advice/commands.jsonl`, for
//! the script `tests/advice`, which lets the real tools parse them.

use entra_pg_checks::{
    Command, Evidence, Page,
    command::{self, Forms},
    facts::vantage::Shell,
    judge, problems, rulebook,
    support::token::aadsts,
    verdict::{Fix, Risk},
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

/// A command in the form of each shell.
fn insert(source: &str, command: &Command, lines: &mut BTreeSet<String>) {
    for shell in [Shell::Posix, Shell::PowerShell, Shell::Cmd] {
        let Some(rendered) = command.render(shell) else { continue };
        let line = json!({"source": source, "system": "", "language": rendered.language,
                          "database": null, "text": rendered.text});
        lines.insert(line.to_string());
    }
}

/// What a page sets in code type: a command in the form of each shell, a statement, or neither.
fn lines_of_page(
    source: &str,
    text: &str,
    lines: &mut BTreeSet<String>,
    wrong: &mut BTreeSet<String>,
) {
    let mut line = |language: &str, text: &str, shell: Option<Shell>, forms: Option<&Forms>| {
        let assignments = forms.zip(shell).map(|(forms, shell)| command::values([forms], shell));
        let text = [assignments.unwrap_or_default(), vec![text.to_owned()]].concat().join("\n");
        let line = json!({"source": source, "system": "", "language": language, "database": null,
                          "text": text});
        lines.insert(line.to_string());
    };
    if let Some(forms) = command::forms(text) {
        for (language, shell, form) in [
            ("posix", Shell::Posix, &forms.posix),
            ("power_shell", Shell::PowerShell, &forms.power_shell),
            ("cmd", Shell::Cmd, &forms.cmd),
        ] {
            let Some(form) = form else { continue };
            line(language, form, Some(shell), Some(&forms));
            if form.replace("</dev/null", "").replace("<NUL", "").contains(['<', '…']) {
                wrong.insert(format!("{source} has a bare placeholder: {form}"));
            }
        }
        if forms.posix.is_none() && forms.power_shell.is_none() && forms.cmd.is_none() {
            wrong.insert(format!("{source}: no shell can have {text}"));
        }
        return;
    }
    if command::sql::is_statement(text) {
        return line("sql", text, None, None);
    }
    line("page", text, None, None);
    let is_fragment =
        ["--", "options ", "\\dp ", "https://"].iter().any(|start| text.starts_with(start));
    if text.contains(' ') && !is_fragment {
        wrong.insert(format!(
            "{source}: {text} is neither a command nor a statement that ends in ;"
        ));
    }
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
        let changes = fix.action.as_ref().is_some_and(Command::changes_shared);
        if changes && (fix.risk == Risk::Safe || fix.check) {
            wrong.insert(format!("{source} changes what others use: {command}"));
        }
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
        for text in commands_of(&problem.page) {
            lines_of_page(&format!("page {}", problem.id), &text, &mut lines, &mut wrong);
        }
    }
    for known in aadsts::all() {
        for command in known.advice.iter().filter_map(|advice| advice.shown().1) {
            insert(&format!("page AADSTS{}", known.code), &command, &mut lines);
        }
    }
    assert!(lines.len() > 300, "only {} commands were collected", lines.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder").join("advice");
    fs::create_dir_all(&folder).expect("a folder in the target folder");
    let text: Vec<String> = lines.into_iter().collect();
    fs::write(folder.join("commands.jsonl"), text.join("\n") + "\n").expect("a file");
    assert!(wrong.is_empty(), "{} commands are wrong: {wrong:#?}", wrong.len());
}
