//! The HTML report: one file without dependencies. Verdict, fixes, the path with its state, all checks, and
//! the timeline. Its content security policy allows no address and no script except the one below.

mod path;
mod waterfall;

use super::{Report, counts::Counts, json::status as status_word, outline};
use crate::text::{clean, content_security_policy};
use entra_pg_checks::{
    Finding, Fix, Judged, Line, Outcome, Risk, Severity, Status,
    facts::settings::{Origin, Setting, Settings},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The whole file.
pub(super) fn render(report: &Report) -> String {
    let title = format!("entra-pg: {}", report.summary());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(content_security_policy(SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (clean(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#verdict" { "Skip to the verdict" }
                (head(report))
                main {
                    (verdict(report))
                    section aria-labelledby="path-title" {
                        h2 #path-title { "Path of the login" }
                        (path::draw(report))
                    }
                    (others(report))
                    (checks(report))
                    (timeline(report))
                    (background(report))
                }
                footer { (foot(report)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

fn head(report: &Report) -> Markup {
    let evidence = report.evidence();
    let settings = evidence.settings.seen();
    html! {
        header {
            p.product { "entra-pg doctor " span.muted { (env!("CARGO_PKG_VERSION")) } }
            dl.target {
                @if let Some(settings) = settings {
                    @if let Some(host) = &settings.host {
                        div { dt { "server" } dd { (clean(&host.value)) ":" (settings.port.value) } }
                        div { dt { "database" } dd { (clean(&settings.database.value)) } }
                    } @else {
                        div { dt { "server" } dd { "not given" } }
                    }
                    @if let Some(user) = &settings.user {
                        div { dt { "user" } dd { (clean(&user.value)) } }
                    }
                }
                div { dt { "from" } dd { (clean(&evidence.vantage.hostname)) } }
                div { dt { "run" } dd { (clean(&evidence.run_id)) } }
                div { dt { "started" } dd { time datetime=(evidence.observed_at.strftime("%Y-%m-%dT%H:%M:%SZ")) { (evidence.observed_at.strftime("%Y-%m-%d %H:%M:%S UTC")) } } }
            }
        }
    }
}

fn verdict(report: &Report) -> Markup {
    let judgment = report.judgment();
    let class = match judgment.outcome {
        Outcome::Healthy => "good",
        Outcome::Degraded | Outcome::Undetermined => "warn",
        Outcome::Failing => "bad",
    };
    let ruled_out = report.ruled_out();
    html! {
        section #verdict class=(format!("verdict {class}")) aria-labelledby="verdict-title" {
            h1 #verdict-title { (symbol(class)) " " (sentence(&report.summary())) }
            @if let Some(group) = outline::primary(report) {
                @let finding = &group.judged.finding;
                p.id { code { (finding.problem.id) } " " span.break { (clean(&finding.detail)) } }
                @if !group.also.is_empty() { p.break { "The same for " (clean(&group.also.join(", "))) } }
                (proof(finding, true))
                (fixes(&group.judged.finding.fixes, false))
                p.more { "More: " code { (finding.problem.explain_command()) } }
            }
            @if !ruled_out.is_empty() {
                p.ruled { "Ruled out: "
                    @for (index, (area, by)) in ruled_out.iter().enumerate() {
                        @if index > 0 { ", " }
                        span title=(by.join(", ")) { (area) }
                    }
                }
            }
        }
    }
}

/// The findings apart from the cause, and those that it explains.
fn others(report: &Report) -> Markup {
    let own = outline::others(report);
    let explained: Vec<&Judged> = outline::explained(report).collect();
    html! {
        @if !own.is_empty() {
            section aria-labelledby="others-title" {
                h2 #others-title { "Also found" }
                @for group in own { (card(group.judged, &group.also)) }
            }
        }
        @if !explained.is_empty() {
            section aria-labelledby="explained-title" {
                h2 #explained-title { "Explained by the cause" }
                @for judged in explained { (card(judged, &[])) }
            }
        }
    }
}

fn card(judged: &Judged, also: &[&str]) -> Markup {
    let finding = &judged.finding;
    let class = match finding.severity {
        Severity::Error => "bad",
        Severity::Warning => "warn",
        Severity::Info => "note",
    };
    html! {
        details class=(format!("card {class}")) {
            summary {
                (symbol(class)) " " span { (sentence(&finding.headline())) }
                @if let Some(cause) = judged.explained_by {
                    span.muted { " explained by " code { (cause.id) } }
                }
            }
            p.id { code { (finding.problem.id) } " " span.break { (clean(&finding.subject)) } }
            @if !also.is_empty() { p.break { "The same for " (clean(&also.join(", "))) } }
            (proof(finding, true))
            (fixes(&finding.fixes, true))
            p.more { "More: " code { (finding.problem.explain_command()) } }
        }
    }
}

fn proof(finding: &Finding, open: bool) -> Markup {
    html! {
        @if !finding.evidence.is_empty() {
            details.proof open[open] {
                summary { "Evidence" }
                ul { @for line in &finding.evidence { li.break { (clean(line)) } } }
            }
        }
    }
}

/// The fixes under a heading: of the second level below the verdict, of the third in a section.
fn fixes(fixes: &[Fix], in_section: bool) -> Markup {
    html! {
        @if !fixes.is_empty() {
            @if in_section { h3 { "How to fix it" } } @else { h2.first { "How to fix it" } }
            ol.fixes {
                @for fix in fixes {
                    li {
                        @if fix.check { span.actor { "check by hand" } } @else { span.actor { (fix.actor.label()) } }
                        " " span { (clean(&fix.text)) }
                        @if let Some(place) = fix.sql_place() { " " span.muted { (place) } }
                        @if fix.risk == Risk::Review && !fix.check { " " span.muted { "affects other users" } }
                        @if let Some(command) = &fix.command {
                            div.command {
                                pre tabindex="0" { code { (clean(command)) } }
                                button type="button" hidden { "Copy" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn timeline(report: &Report) -> Markup {
    let evidence = report.evidence();
    html! {
        @if !evidence.timeline.is_empty() {
            section aria-labelledby="time-title" {
                h2 #time-title { "Timeline " span.muted { (evidence.duration_ms) " ms" } }
                (waterfall::draw(evidence))
            }
        }
    }
}

fn checks(report: &Report) -> Markup {
    let judgment = report.judgment();
    let counts = Counts::of(&judgment.lines);
    html! {
        section aria-labelledby="checks-title" {
            h2 #checks-title { "All checks " span.muted { (counts) } }
            @for family in judgment.families() {
                @let lines: Vec<&Line> = judgment.lines.iter().filter(|line| line.check.family() == family).collect();
                (family_of(family, &lines))
            }
        }
    }
}

fn family_of(family: &str, lines: &[&Line]) -> Markup {
    let class = worst(lines.iter().copied());
    let open = matches!(class, "bad" | "warn");
    html! {
        details.family open[open] {
            summary { (symbol(class)) " " (family) }
            table {
                thead { tr { th scope="col" { "status" } th scope="col" { "check" } th scope="col" { "result" } th.number scope="col" { "ms" } } }
                tbody {
                    @for line in lines {
                        tr class=(class_of(line.status)) {
                            td.status { (symbol(class_of(line.status))) " " (status_word(line.status)) }
                            td { code { (line.check.id) } @if let Some(subject) = &line.subject { br; span.break { (clean(subject)) } } }
                            td.break {
                                (clean(&line.detail))
                                @if line.detail.is_empty() { (line.check.asserts) }
                                @if let Some(cause) = line.explained_by { " " span.muted { "explained by " code { (cause.id) } } }
                            }
                            td.number { @if line.span.1 > 0 { (line.span.1) } }
                        }
                    }
                }
            }
        }
    }
}

/// Settings with their origin, resolver and proxy, and what was contacted.
fn background(report: &Report) -> Markup {
    let evidence = report.evidence();
    html! {
        section aria-labelledby="background-title" {
            h2 #background-title { "Details of the run" }
            @if let Some(settings) = evidence.settings.seen() {
                details { summary { "Settings and their sources" } (settings_table(settings)) }
            }
            @if let Some(dns) = evidence.dns.seen() {
                details {
                    summary { "Nameservers and proxy" }
                    ul {
                        @for server in &dns.resolver.nameservers { li { "nameserver " (server.address) } }
                        @if !dns.resolver.search.is_empty() { li.break { "search " (clean(&dns.resolver.search.join(" "))) } }
                        @match evidence.proxy.seen().and_then(|rules| rules.https.as_ref()) {
                            Some(proxy) => li.break { "proxy " (clean(&format!("{}://{}:{} ({})", proxy.scheme, proxy.host, proxy.port, proxy.origin.phrase()))) },
                            None => li { "no proxy" },
                        }
                    }
                }
            }
            @if !evidence.contacted.is_empty() {
                details {
                    summary { "Endpoints contacted (" (evidence.contacted.len()) ")" }
                    table {
                        thead { tr { th scope="col" { "host" } th scope="col" { "address" } th scope="col" { "by" } } }
                        tbody {
                            @for contact in &evidence.contacted {
                                tr { td.break { (clean(&contact.host)) } td.break { (clean(&contact.address)) ":" (contact.port) "/" (clean(contact.protocol.as_str())) } td { (clean(&contact.probe)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn settings_table(settings: &Settings) -> Markup {
    let text = |setting: &Option<Setting<String>>| {
        setting.as_ref().map(|setting| (setting.value.clone(), setting.origin.phrase()))
    };
    let own = |setting: &Setting<String>| Some((setting.value.clone(), setting.origin.phrase()));
    let rows: [(&str, Option<(String, String)>); 8] = [
        ("host", text(&settings.host)),
        ("hostaddr", text(&settings.hostaddr)),
        ("port", Some((settings.port.value.to_string(), settings.port.origin.phrase()))),
        ("database", own(&settings.database)),
        ("user", text(&settings.user)),
        ("sslmode", Some((settings.sslmode.value.to_string(), settings.sslmode.origin.phrase()))),
        ("tenant", text(&settings.tenant)),
        (
            "password",
            settings
                .password
                .as_ref()
                .map(|origin: &Origin| ("(not shown)".to_owned(), origin.phrase())),
        ),
    ];
    html! {
        table {
            thead { tr { th scope="col" { "setting" } th scope="col" { "value" } th scope="col" { "from" } } }
            tbody {
                @for (name, row) in rows {
                    @if let Some((value, from)) = row {
                        tr { td { (name) } td.break { code { (clean(&value)) } } td.break { (clean(&from)) } }
                    }
                }
            }
        }
    }
}

fn foot(report: &Report) -> Markup {
    let (inputs, errors) = (&report.evidence().unreadable_inputs, &report.evidence().tool_errors);
    html! {
        @for input in inputs { p.break { "Could not read " (clean(input)) } }
        @for error in errors { p.break { "Error in entra-pg itself: " (clean(error)) } }
        p.break { "From " (clean(&outline::provenance(report))) ", " (clean(&report.evidence().vantage.os)) ". This file contains no token and no password." }
    }
}

/// The worst of some lines, as a class.
fn worst<'a>(lines: impl Iterator<Item = &'a Line>) -> &'static str {
    const ORDER: [&str; 4] = ["off", "good", "warn", "bad"];
    let rank = |class: &str| ORDER.iter().position(|known| *known == class).unwrap_or(0);
    lines.map(|line| class_of(line.status)).max_by_key(|class| rank(class)).unwrap_or("off")
}

const fn class_of(status: Status) -> &'static str {
    match status {
        Status::Passed => "good",
        Status::Warning | Status::Undetermined => "warn",
        Status::Failed => "bad",
        Status::Skipped | Status::NotApplicable => "off",
    }
}

/// A sign next to every color for readers who cannot see colors, with a word for screen readers.
fn symbol(class: &str) -> Markup {
    let (sign, word) = match class {
        "good" => ("✓", "good"),
        "warn" => ("!", "warning"),
        "bad" => ("✗", "failed"),
        "note" => ("i", "note"),
        _ => ("–", "not checked"),
    };
    html! { span class=(format!("sign {class}")) role="img" aria-label=(word) { (sign) } }
}

/// A detail as a sentence, without active characters.
fn sentence(text: &str) -> String {
    outline::sentence(&clean(text))
}
