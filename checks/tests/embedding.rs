//! A program that embeds the crate judges with a check of its own in addition to the rulebook.

use entra_pg_checks::{
    Check, Evidence, Finding, Fix, Judge, Missing, Page, Problem, Severity, Status, Topic, Verdict,
    judge, rulebook,
};

static OTHER_DATABASE: Problem = Problem {
    id: "contoso/other-database",
    title: "the database is not one for applications",
    severity: Severity::Warning,
    page: Page {
        means: "Applications use databases whose names start with app.",
        causes: &["the connection string names another database"],
        confirm: &["`echo \"$PGDATABASE\"`"],
        fix: &[],
        mistaken_for: &[],
        sources: &["the company's wiki"],
    },
    ..Problem::DEFAULT
};

static CHECK: Check = Check {
    id: "contoso/database-name",
    asserts: "the database is one for applications",
    needs: &[Topic::Settings],
    problems: &[&OTHER_DATABASE],
    decisive: false,
    judge: Judge::Once(database_name),
};

fn database_name(seen: &Evidence) -> Result<Verdict, Missing> {
    let database = seen.settings.get()?.database.value.to_string();
    if database.starts_with("app") {
        return Ok(Verdict::Passed(format!("{database} starts with app")));
    }
    let detail = format!("{database} does not start with app");
    let fix = Fix::you("Connect to a database whose name starts with app");
    Ok(Verdict::found(Finding::of(&OTHER_DATABASE, database, detail).fix(fix)))
}

#[test]
fn a_check_of_another_program_joins_the_rulebook() {
    let mut checks = rulebook();
    checks.push(&CHECK);
    let mut document: serde_json::Value =
        serde_json::from_str(include_str!("../support/healthy.json")).expect("JSON");
    for (database, expected) in [("appdb", Status::Passed), ("postgres", Status::Warning)] {
        document["settings"]["seen"]["database"]["value"] = database.into();
        let evidence: Evidence = serde_json::from_value(document.clone()).expect("evidence");
        let judgment = judge(&checks, &evidence, |_| true);
        let line = judgment.lines.iter().find(|line| line.check.id == CHECK.id).expect("judged");
        assert_eq!(line.status, expected, "{}", line.detail);
    }
}
