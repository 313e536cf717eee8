//! The checks over every recorded observation, and the completeness of the rulebook.
//!
//! A fixture `fixtures/evidence/<family>/<slug>.json` changes the healthy evidence and must lead to
//! the problem `<family>/<slug>`; the near miss `near-<slug>.json` must not. The form is
//! `{"about": "…", "root": "another id or null", "set": {"/json/pointer": value}}`, with `root` only if
//! the root cause is another problem.

use entra_pg_checks::{
    Check, Evidence, FAMILIES, Fact, Judgment, Problem, Severity, Status, Topic, judge, problems,
    rulebook, support::sources,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// A recorded observation and its judgment.
struct Fixture {
    /// The problem that it must, or must not, lead to.
    id: String,
    near_miss: bool,
    path: PathBuf,
    /// `root` of the file.
    root: Option<Value>,
    evidence: Evidence,
    judgment: Judgment,
}

static HEALTHY: LazyLock<Value> =
    LazyLock::new(|| read(&workspace().join("checks/support/healthy.json")));

static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(fixtures);

#[test]
fn a_healthy_run_gives_no_finding() {
    let judgment = judge_all(&evidence(&Value::Null));
    let found: Vec<&str> = ids(&judgment).into_iter().collect();
    assert!(found.is_empty(), "found in the healthy evidence: {found:?}");
}

#[test]
fn every_fixture_leads_to_its_problem() {
    let mut wrong = Vec::new();
    for Fixture { id, near_miss, path, root: expected, judgment, .. } in FIXTURES.iter() {
        let found = ids(judgment);
        let path = path.display();
        if *near_miss && found.contains(id.as_str()) {
            wrong.push(format!("{path}: the near miss is taken for {id}"));
        }
        if !near_miss && !found.contains(id.as_str()) {
            wrong.push(format!("{path}: {id} is not found, but {found:?}"));
        }
        let severe = judgment.findings.iter().any(|judged| {
            judged.finding.problem.id == id && judged.finding.severity == Severity::Error
        });
        let expected = match expected {
            None if *near_miss || !severe => continue,
            None => Some(id.as_str()),
            Some(expected) => expected.as_str(),
        };
        let root = judgment.root().map(|judged| judged.finding.problem.id);
        if root != expected {
            wrong.push(format!("{path}: the root is {root:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_problem_has_a_fixture_a_near_miss_and_a_page() {
    let known: BTreeSet<(&str, bool)> =
        FIXTURES.iter().map(|fixture| (fixture.id.as_str(), fixture.near_miss)).collect();
    let mut missing = Vec::new();
    for problem in problems() {
        let only_page = is_page(problem);
        for near_miss in [false, true].into_iter().filter(|_| !only_page) {
            if !known.contains(&(problem.id, near_miss)) {
                let kind = if near_miss { "near miss" } else { "fixture" };
                missing.push(format!("{}: no {kind} in fixtures/evidence", problem.id));
            }
        }
        if !is_complete(problem) {
            missing.push(format!("{}: its title or its page lacks a section", problem.id));
        }
        for title in problem.page.sources.iter().filter(|title| sources::source(title).is_none()) {
            let id = problem.id;
            missing.push(format!("{id}: no address and day in support/sources.tsv for {title:?}"));
        }
        if only_page && problem.fragments.is_empty() {
            missing.push(format!("{}: a page without a check has fragments", problem.id));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Whether no check reports the problem, so that only `explain` knows it.
fn is_page(problem: &Problem) -> bool {
    FAMILIES.iter().flat_map(|family| family.pages).any(|page| *page == problem)
}

#[test]
fn every_document_is_cited_and_every_page_has_one() {
    let cited: BTreeSet<&str> =
        problems().iter().flat_map(|problem| problem.page.sources).copied().collect();
    for problem in problems() {
        assert!(!problem.page.documents().is_empty(), "{} cites no document", problem.id);
    }
    let unused: Vec<&str> = sources::all()
        .map(|source| source.title)
        .filter(|title| !cited.contains(title) && *title != sources::SQLSTATES)
        .collect();
    assert!(unused.is_empty(), "no page cites {unused:?}");
}

#[test]
fn a_page_belongs_to_its_family_and_to_no_check() {
    for family in FAMILIES {
        for page in family.pages {
            assert_eq!(page.family(), family.name, "{}", page.id);
            let reported = rulebook().iter().any(|check| check.problems.contains(page));
            assert!(!reported, "{} is reported by a check", page.id);
            assert!(page.explains.is_empty(), "{} is never reported", page.id);
        }
    }
}

#[test]
fn fragments_are_in_lower_case_and_weighted() {
    for problem in problems() {
        for fragment in problem.fragments {
            assert_eq!(fragment.text, fragment.text.to_lowercase(), "{}", problem.id);
            assert!((1..=100).contains(&fragment.weight), "{}: {}", problem.id, fragment.text);
            let letters = fragment.text.chars().filter(|c| c.is_alphanumeric()).count();
            assert!(letters >= 4, "{}: {} is too short", problem.id, fragment.text);
        }
    }
}

fn is_complete(problem: &Problem) -> bool {
    let page = &problem.page;
    !problem.title.is_empty()
        && !page.means.is_empty()
        && !page.causes.is_empty()
        && !page.confirm.is_empty()
        && !page.fix.is_empty()
        && !page.sources.is_empty()
}

/// Problems that no check declares have no page in `explain` and no test.
#[test]
fn every_problem_in_the_sources_belongs_to_a_check() {
    let known: BTreeSet<&str> = problems().iter().map(|problem| problem.id).collect();
    let mut wrong = Vec::new();
    let mut folders = vec![workspace().join("checks")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("UTF-8");
                for literal in source.split(": Problem = Problem {").skip(1) {
                    let id = literal.split('"').nth(1).unwrap_or_default();
                    if !known.contains(id) {
                        wrong.push(format!("{}: no check declares {id}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_of_a_family_is_a_registered_check_of_that_name() {
    let mut wrong = Vec::new();
    for family in FAMILIES {
        let folder = workspace().join("checks").join(family.name);
        for entry in fs::read_dir(&folder).expect("each family has a folder") {
            let path = entry.expect("a readable folder").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let id = format!("{}/{}", family.name, stem.replace('_', "-"));
            if stem != "mod" && !family.checks.iter().any(|check| check.id == id) {
                wrong.push(format!("{}: FAMILY.checks has no {id}", path.display()));
            }
        }
        for check in family.checks {
            let (of, slug) = check.id.split_once('/').unwrap_or_default();
            if of != family.name || !folder.join(slug.replace('-', "_") + ".rs").exists() {
                wrong.push(format!("{}: no file of that name in checks/{}", check.id, family.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_error_is_the_root_and_nothing_explains_it() {
    for Fixture { path, judgment, .. } in FIXTURES.iter() {
        let roots = judgment.findings.iter().filter(|judged| judged.root).count();
        let mut findings = judgment.findings.iter();
        let errors =
            findings.any(|judged| judged.finding.severity == Severity::Error || judged.softened);
        assert_eq!(roots, usize::from(errors), "{}", path.display());
        let root = judgment.root();
        assert!(root.is_none_or(|root| root.explained_by.is_none()), "{}", path.display());
    }
}

#[test]
fn consequences_are_problems_that_exist() {
    let all = problems();
    let known = |pattern: &str| match pattern.strip_suffix("/*") {
        Some(family) => FAMILIES.iter().any(|known| known.name == family),
        None => all.iter().any(|problem| problem.id == pattern),
    };
    for problem in &all {
        for pattern in problem.explains {
            assert!(known(pattern), "{} explains {pattern}, which does not exist", problem.id);
        }
    }
}

/// Only an error explains other findings. On a problem that is never an error the list has no effect.
#[test]
fn only_errors_list_consequences() {
    let errors: BTreeSet<&str> = FIXTURES
        .iter()
        .flat_map(|fixture| &fixture.judgment.findings)
        .filter(|judged| judged.finding.severity == Severity::Error || judged.softened)
        .map(|judged| judged.finding.problem.id)
        .collect();
    for problem in problems() {
        assert!(
            problem.explains.is_empty() || errors.contains(problem.id),
            "{} is an error in no fixture, so its `explains` has no effect",
            problem.id
        );
    }
}

#[test]
fn fragments_of_messages_are_in_lower_case() {
    for problem in problems() {
        for fragment in problem.fragments {
            assert_eq!(fragment.text, fragment.text.to_lowercase(), "{}", problem.id);
        }
    }
}

/// A reader of the report sees what was checked and what was found, not "no" or "ok".
#[test]
fn a_passed_check_says_what_it_found() {
    let mut wrong = BTreeSet::new();
    for line in FIXTURES.iter().flat_map(|fixture| &fixture.judgment.lines) {
        let is_word = line.detail.chars().all(char::is_alphabetic);
        if line.status == Status::Passed && is_word {
            wrong.insert(format!("{} passes with {:?}", line.check.id, line.detail));
        }
    }
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

#[test]
fn checks_report_only_what_they_declare() {
    for judged in FIXTURES.iter().flat_map(|fixture| &fixture.judgment.findings) {
        let problem = judged.finding.problem;
        assert!(
            judged.check.problems.contains(&problem),
            "{} reports {}",
            judged.check.id,
            problem.id
        );
    }
}

#[test]
fn checks_read_only_what_they_need() {
    let mut wrong = BTreeSet::new();
    // Checks that need the same are judged together on what is left.
    let mut alike: BTreeMap<Vec<Topic>, Vec<&'static Check>> = BTreeMap::new();
    for check in rulebook() {
        let mut needs = check.needs.to_vec();
        needs.sort();
        alike.entry(needs).or_default().push(check);
    }
    for Fixture { evidence, judgment, .. } in FIXTURES.iter() {
        let whole = found_by_check(judgment);
        for (needs, checks) in &alike {
            let reduced = judge(checks, &without_others(evidence, needs), |_| true);
            let reduced = found_by_check(&reduced);
            for check in checks {
                if whole.get(check.id) != reduced.get(check.id) {
                    wrong.insert(format!("{} reads more than {needs:?}", check.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// The problems that each check found.
fn found_by_check(judgment: &Judgment) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut found: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
    for judged in &judgment.findings {
        found.entry(judged.check.id).or_default().insert(judged.finding.problem.id);
    }
    found
}

/// The evidence as if only these topics had been observed.
fn without_others(seen: &Evidence, needs: &[Topic]) -> Evidence {
    let mut left = seen.clone();
    for topic in Topic::ALL.into_iter().filter(|topic| !needs.contains(topic)) {
        match topic {
            Topic::Settings => left.settings = Fact::default(),
            Topic::Proxy => left.proxy = Fact::default(),
            Topic::Dns => left.dns = Fact::default(),
            Topic::Outbound => left.outbound = Fact::default(),
            Topic::Clock => left.clock = Fact::default(),
            Topic::Credential => left.credential = Fact::default(),
            Topic::Token => left.token = Fact::default(),
            Topic::Keys => left.signature = Fact::default(),
            Topic::Server => left.server = Fact::default(),
            Topic::AuthRequest => left.auth_request = Fact::default(),
            Topic::Login => left.login = Fact::default(),
            Topic::Session => left.session = Fact::default(),
            Topic::Graph => left.directory = Fact::default(),
            Topic::Azure => left.azure = Fact::default(),
        }
    }
    left
}

fn judge_all(evidence: &Evidence) -> Judgment {
    judge(&rulebook(), evidence, |_| true)
}

fn ids(judgment: &Judgment) -> BTreeSet<&'static str> {
    judgment.findings.iter().map(|judged| judged.finding.problem.id).collect()
}

fn fixtures() -> Vec<Fixture> {
    let mut all = Vec::new();
    for family in FAMILIES {
        let folder = workspace().join("fixtures/evidence").join(family.name);
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("a readable folder").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            // A problem can have several near misses: near-<slug>.json, near-<slug>.2.json, …
            let stem = stem.split('.').next().unwrap_or_default();
            let (near_miss, slug) =
                stem.strip_prefix("near-").map_or((false, stem), |slug| (true, slug));
            let id = format!("{}/{slug}", family.name);
            let patch = read(&path);
            let evidence = evidence(&patch);
            let judgment = judge_all(&evidence);
            let root = patch.get("root").cloned();
            all.push(Fixture { id, near_miss, path, root, evidence, judgment });
        }
    }
    all
}

fn evidence(patch: &Value) -> Evidence {
    let mut document = HEALTHY.clone();
    for (pointer, value) in patch.get("set").and_then(Value::as_object).into_iter().flatten() {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
        let target = document
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("{parent} is not in the healthy evidence"));
        match target {
            Value::Array(list) if key == "-" => list.push(value.clone()),
            Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value.clone(),
            Value::Object(_) => target[key] = value.clone(),
            other => panic!("{pointer} leads into {other}"),
        }
    }
    serde_json::from_value(document)
        .unwrap_or_else(|error| panic!("not the shape of evidence: {error}; {patch}"))
}

fn read(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}
