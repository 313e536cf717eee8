//! Every check over every recorded observation, and the completeness of the catalogue.
//!
//! A fixture `fixtures/evidence/<family>/<slug>.json` changes the healthy evidence and must lead to
//! the problem `<family>/<slug>`; `near-<slug>.json` beside it must not. The form is
//! `{"about": "…", "root": "other/id or null, where the root is another", "set": {"/json/pointer": value}}`.

use entra_pg_checks::{Check, Evidence, Judgement, Topic, judge, problems, rulebook};
use serde_json::Value;
use std::{collections::BTreeMap, collections::BTreeSet, fs, path::Path, path::PathBuf};

#[test]
fn a_healthy_run_gives_no_finding() {
    let judgement = judge_all(&evidence(&Value::Null));
    let found: Vec<&str> = ids(&judgement).into_iter().collect();
    assert!(found.is_empty(), "found in the healthy evidence: {found:?}");
}

#[test]
fn every_fixture_leads_to_its_problem() {
    let mut wrong = Vec::new();
    for (id, near, path) in fixtures() {
        let patch = read(&path);
        let judgement = judge_all(&evidence(&patch));
        let found = ids(&judgement);
        let root = judgement.root().map(|judged| judged.finding.problem.id);
        if near && found.contains(id.as_str()) {
            wrong.push(format!("{}: the near miss is taken for {id}", path.display()));
        }
        if !near && !found.contains(id.as_str()) {
            wrong.push(format!("{}: {id} is not found, but {found:?}", path.display()));
        }
        let severe = judgement.findings.iter().any(|judged| {
            judged.finding.problem.id == id
                && judged.finding.severity == entra_pg_checks::Severity::Error
        });
        let expected = match patch.get("root") {
            None if near || !severe => continue,
            None => Some(id.as_str()),
            Some(root) => root.as_str(),
        };
        if root != expected {
            wrong.push(format!("{}: the root is {root:?}, not {expected:?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_problem_has_a_fixture_a_near_miss_and_a_page() {
    let known: BTreeSet<(String, bool)> =
        fixtures().into_iter().map(|(id, near, _)| (id, near)).collect();
    let mut missing = Vec::new();
    for problem in problems() {
        for near in [false, true] {
            if !known.contains(&(problem.id.to_owned(), near)) {
                let kind = if near { "near miss" } else { "fixture" };
                missing.push(format!("{}: no {kind} in fixtures/evidence", problem.id));
            }
        }
        let page = &problem.page;
        if page.means.is_empty()
            || page.causes.is_empty()
            || page.confirm.is_empty()
            || page.fix.is_empty()
            || page.sources.is_empty()
        {
            missing.push(format!("{}: its page lacks a section", problem.id));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_file_of_a_family_is_registered_under_its_own_name() {
    let mut wrong = Vec::new();
    for family in entra_pg_checks::FAMILIES {
        let (family, checks) = (family.name, family.checks);
        let registry = fs::read_to_string(root().join("checks").join(family).join("mod.rs"))
            .expect("each family has a mod.rs");
        for entry in fs::read_dir(root().join("checks").join(family)).expect("each family a folder")
        {
            let path = entry.expect("a readable folder").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let source = fs::read_to_string(&path).unwrap_or_default();
            if !source.contains("pub static CHECK: Check") {
                continue;
            }
            let id = format!("{family}/{}", stem.replace('_', "-"));
            if !checks.iter().any(|check| check.id == id) {
                wrong.push(format!("{}: no check {id} in {registry:.0}CHECKS", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_one_root_and_it_explains_or_stands_beside_the_rest() {
    for (_, _, path) in fixtures() {
        let judgement = judge_all(&evidence(&read(&path)));
        let roots = judgement.findings.iter().filter(|judged| judged.root).count();
        let errors = judgement
            .findings
            .iter()
            .filter(|judged| judged.finding.severity == entra_pg_checks::Severity::Error)
            .count();
        assert_eq!(roots, usize::from(errors > 0), "{}", path.display());
        let root = judgement.root();
        assert!(root.is_none_or(|root| root.explained_by.is_none()), "{}", path.display());
    }
}

#[test]
fn explanations_name_problems_that_exist() {
    let all = problems();
    let known = |pattern: &str| match pattern.strip_suffix("/*") {
        Some(family) => entra_pg_checks::FAMILIES.iter().any(|known| known.name == family),
        None => all.iter().any(|problem| problem.id == pattern),
    };
    for problem in &all {
        for pattern in problem.explains {
            assert!(known(pattern), "{} explains {pattern}, which does not exist", problem.id);
        }
    }
}

#[test]
fn checks_report_only_what_they_declare_and_read_only_what_they_need() {
    let mut wrong = BTreeSet::new();
    // Checks that need the same are judged together on what is left.
    let mut alike: BTreeMap<Vec<Topic>, Vec<&'static Check>> = BTreeMap::new();
    for check in rulebook() {
        let mut needs = check.needs.to_vec();
        needs.sort();
        alike.entry(needs).or_default().push(check);
    }
    for (_, _, path) in fixtures() {
        let seen = evidence(&read(&path));
        let whole = found_by_check(&judge_all(&seen));
        for (check, found) in &whole {
            for id in found {
                let declared = rulebook().iter().any(|known| {
                    known.id == *check && known.problems.iter().any(|problem| problem.id == *id)
                });
                if !declared {
                    wrong.insert(format!("{check} reports {id}"));
                }
            }
        }
        for (needs, checks) in &alike {
            let reduced = found_by_check(&judge(checks, &without_others(&seen, needs), |_| true));
            for check in checks {
                if whole.get(check.id) != reduced.get(check.id) {
                    wrong.insert(format!("{} reads more than {needs:?}", check.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The problems that each check found.
fn found_by_check(judgement: &Judgement) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut found: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
    for judged in &judgement.findings {
        found.entry(judged.check.id).or_default().insert(judged.finding.problem.id);
    }
    found
}

fn without_others(seen: &Evidence, needs: &[entra_pg_checks::Topic]) -> Evidence {
    let mut document = serde_json::to_value(seen).expect("evidence is JSON");
    for topic in entra_pg_checks::Topic::ALL {
        let key = match topic {
            entra_pg_checks::Topic::Keys => "signature",
            entra_pg_checks::Topic::Graph => "directory",
            other => other.name(),
        };
        if !needs.contains(&topic) {
            document[key] = serde_json::json!({"not_observed": {"reason": "not_asked"}});
        }
    }
    serde_json::from_value(document).expect("evidence keeps its shape")
}

fn judge_all(evidence: &Evidence) -> Judgement {
    judge(&rulebook(), evidence, |_| true)
}

fn ids(judgement: &Judgement) -> BTreeSet<&'static str> {
    judgement.findings.iter().map(|judged| judged.finding.problem.id).collect()
}

fn evidence(patch: &Value) -> Evidence {
    let mut document = read(&root().join("checks/support/healthy.json"));
    if let Some(changes) = patch.get("set").and_then(Value::as_object) {
        for (pointer, value) in changes {
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
            let place = document
                .pointer_mut(parent)
                .unwrap_or_else(|| panic!("{parent} is not in the healthy evidence"));
            match place {
                Value::Object(map) => {
                    map.insert(key.to_owned(), value.clone());
                }
                Value::Array(list) if key == "-" => list.push(value.clone()),
                Value::Array(list) => {
                    list[key.parse::<usize>().expect("an index")] = value.clone();
                }
                other => panic!("{pointer} leads into {other}"),
            }
        }
    }
    serde_json::from_value(document)
        .unwrap_or_else(|error| panic!("not the shape of evidence: {error}; {patch}"))
}

/// Every fixture: the problem it is about, whether it is a near miss, and its path.
fn fixtures() -> Vec<(String, bool, PathBuf)> {
    let mut all = Vec::new();
    for family in entra_pg_checks::FAMILIES.iter().map(|family| family.name) {
        let Ok(folder) = fs::read_dir(root().join("fixtures/evidence").join(family)) else {
            continue;
        };
        for entry in folder {
            let path = entry.expect("a readable folder").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            // Several near misses of one problem: near-<slug>.json, near-<slug>.2.json, …
            let stem = stem.split('.').next().unwrap_or_default();
            let (near, slug) =
                stem.strip_prefix("near-").map_or((false, stem), |slug| (true, slug));
            all.push((format!("{family}/{slug}"), near, path));
        }
    }
    all.sort();
    all
}

fn read(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
