//! The files of a bundle, all made from one report: what the run observed, what it means, and its settings.

use super::{VERSION, archive::File};
use crate::{
    diagnose::Report,
    report::{Format, Style, render},
    text::{Inert, clean},
};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use entra_pg_checks::{
    Evidence, Fact, NotObserved,
    facts::settings::{Origin, Setting, Settings},
};
use serde_json::{Map, Value, json};
use std::{fmt::Write, io};

pub(super) fn files(
    report: &Report,
    plan: Option<&str>,
    pseudonymised: bool,
    unscanned: usize,
) -> io::Result<Vec<File>> {
    let style = Style { color: false, width: 100, verbose: 2, quiet: false, unicode: true };
    let evidence = report.evidence();
    let mut files = vec![
        file("evidence.json", pretty(&serde_json::to_value(evidence)?)?),
        file("report.json", render(report, Format::Json, &style)?),
        file("report.txt", render(report, Format::Text, &style)?),
        file("report.html", render(report, Format::Html, &style)?),
        file("settings.txt", Inert::text(&settings(evidence))),
        file("network.txt", Inert::text(&network(evidence))),
        file("contacted.txt", Inert::text(&contacted(evidence))),
    ];
    if let Some(plan) = plan {
        files.push(file("plan.txt", Inert::text(plan)));
    }
    let missing = not_collected(evidence, plan.is_some());
    files.insert(
        0,
        file("README.txt", Inert::text(&readme(report, &missing, pseudonymised, unscanned))),
    );
    let hashes: Map<String, Value> =
        files.iter().map(|file| (file.name.clone(), sha256(&file.bytes).into())).collect();
    let manifest = json!({
        "bundle_version": VERSION,
        "tool": {"name": "entra-pg", "version": env!("CARGO_PKG_VERSION")},
        "evidence_version": evidence.version,
        "run_id": evidence.run_id,
        "started_at": evidence.observed_at,
        "pseudonymised": pseudonymised,
        "not_collected": missing,
        "sha256": hashes,
    });
    files.insert(0, file("manifest.json", pretty(&manifest)?));
    Ok(files)
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn file(name: &str, text: Inert) -> File {
    File { name: name.to_owned(), bytes: text.into_bytes() }
}

fn pretty(value: &Value) -> io::Result<Inert> {
    Ok(Inert::json(&(serde_json::to_string_pretty(value)? + "\n")))
}

fn readme(report: &Report, missing: &[String], pseudonymised: bool, unscanned: usize) -> String {
    let evidence = report.evidence();
    let mut out = format!(
        "Support bundle of entra-pg {}, run {}, {}\n\nVerdict: {}\n",
        env!("CARGO_PKG_VERSION"),
        clean(&evidence.run_id),
        evidence.observed_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        clean(&report.summary())
    );
    if let Some(root) = report.judgment().root() {
        let _ =
            writeln!(out, "Problem: {} ({})", root.finding.problem.id, root.finding.problem.docs());
    }
    out.push_str(
        "\nFiles\n\
         \x20 report.html    the report for a browser; it needs no network\n\
         \x20 report.txt     the same as text, with every line\n\
         \x20 report.json    the same for programs; `entra-pg schema` prints its schema\n\
         \x20 evidence.json  the recorded observations\n\
         \x20 settings.txt   every setting of the login, and where it came from\n\
         \x20 network.txt    the resolver, the proxy, and every name with its addresses\n\
         \x20 contacted.txt  every endpoint that was contacted\n\
         \x20 plan.txt       what the run would contact, as --plan prints it (only in a bundle that the run itself wrote)\n\
         \x20 manifest.json  versions, and the SHA-256 of every file\n\n\
         What to do with it\n\
         \x20 entra-pg replay FILE.zip           run your version's checks on it again; no network\n\
         \x20 entra-pg diff BEFORE.zip AFTER.zip  what differs between two runs\n",
    );
    out.push_str("\nSecrets\n  The bundle holds no token, password or key: every file was searched for the secrets of the run and for\n  text that looks like a secret before the bundle was written.\n");
    if unscanned > 0 {
        let _ = writeln!(
            out,
            "  Not searched for, since too short or too common a word: {unscanned} of the secrets."
        );
    }
    if pseudonymised {
        out.push_str("  Names, ids and addresses are pseudonyms, and free text is withheld. The author of the bundle has\n  the key that maps them back. Case, blanks, marks and lengths are those of the real names.\n");
    } else {
        out.push_str("  Names, ids and addresses are as they are; --pseudonymize replaces them.\n");
    }
    if !missing.is_empty() {
        out.push_str("\nNot collected\n");
        for line in missing {
            let _ = writeln!(out, "  {}", clean(line));
        }
    }
    out
}

/// What was not observed, and why.
fn not_collected(evidence: &Evidence, planned: bool) -> Vec<String> {
    let mut missing = Vec::new();
    if !planned {
        missing.push("plan: the bundle was made of an earlier run's evidence".to_owned());
    }
    let Ok(Value::Object(document)) = serde_json::to_value(evidence) else { return missing };
    for (topic, value) in document {
        let reason = value.get("not_observed").cloned();
        let Some(Ok(why)) = reason.map(serde_json::from_value::<NotObserved>) else { continue };
        let said = match why {
            NotObserved::NotAsked => "not asked for".to_owned(),
            NotObserved::NotApplicable { why } => why,
            NotObserved::Deselected => "deselected with --only or --skip".to_owned(),
            NotObserved::Blocked { by, .. } => format!("{} had to succeed first", by.name()),
            NotObserved::NotDecided { detail, decide } => {
                format!("not decided: {detail}; to decide it: {decide}")
            }
            NotObserved::OutOfTime { after_ms } => format!("not finished after {after_ms} ms"),
            NotObserved::NotPermitted { detail } => format!("not permitted: {detail}"),
            NotObserved::ToolFailed { detail } => format!("the tool failed: {detail}"),
        };
        missing.push(format!("{topic}: {said}"));
    }
    missing
}

fn settings(evidence: &Evidence) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str, origin: &str| {
        let _ = writeln!(out, "{name:<16} {:<48} {}", clean(value), clean(origin));
    };
    row("entra-pg", env!("CARGO_PKG_VERSION"), "this program, which wrote the bundle");
    row("machine", &evidence.vantage.hostname, &evidence.vantage.os);
    row("user", evidence.vantage.os_user.as_deref().unwrap_or("unknown"), "the operating system");
    row("--timeout", &format!("{} ms", evidence.vantage.timeout_ms), "");
    row("--deadline", &format!("{} ms", evidence.vantage.deadline_ms), "");
    match &evidence.settings {
        Fact::Seen(settings) => login_settings(settings, &mut row),
        Fact::NotObserved(_) => row("settings", "not observed", ""),
    }
    if let Some(trace) = evidence.credential.seen() {
        for attempt in &trace.attempts {
            let origin = attempt.origin.as_ref().map(Origin::phrase).unwrap_or_default();
            row("credential", attempt.kind.name(), &origin);
        }
    }
    out
}

fn login_settings(settings: &Settings, row: &mut impl FnMut(&str, &str, &str)) {
    let mut text = |name: &str, setting: Option<&Setting<String>>| match setting {
        Some(setting) => row(name, &setting.value, &setting.origin.phrase()),
        None => row(name, "(not set)", ""),
    };
    text("host", settings.host.as_ref());
    text("hostaddr", settings.hostaddr.as_ref());
    text("database", Some(&settings.database));
    text("user", settings.user.as_ref());
    text("sslrootcert", settings.sslrootcert.as_ref().map(|roots| &roots.path));
    text("channel_binding", Some(&settings.channel_binding));
    text("require_auth", settings.require_auth.as_ref());
    text("tenant", settings.tenant.as_ref());
    row("sslmode", settings.sslmode.value.as_str(), &settings.sslmode.origin.phrase());
    row("port", &settings.port.value.to_string(), &settings.port.origin.phrase());
    let cloud = &settings.cloud;
    row("cloud", &cloud.value.authority_host, &cloud.origin.phrase());
    let password = settings.password.as_ref().map(Origin::phrase);
    row(
        "password",
        if password.is_some() { "(not shown)" } else { "(not set)" },
        &password.unwrap_or_default(),
    );
    for lost in &settings.overridden {
        row("not used", &format!("{}={}", lost.keyword, lost.value), &lost.origin.phrase());
    }
}

fn network(evidence: &Evidence) -> String {
    let mut out = String::new();
    match evidence.dns.seen() {
        Some(dns) => {
            let resolver = &dns.resolver;
            let _ = writeln!(out, "resolver, from {}", clean(&resolver.source));
            for server in &resolver.nameservers {
                let _ = writeln!(out, "  nameserver {}", server.address);
            }
            let _ = writeln!(out, "  search {}", clean(&resolver.search.join(" ")));
            let _ = writeln!(out, "  ndots {}", resolver.ndots);
            for name in &dns.names {
                let addresses: Vec<String> =
                    name.usable().iter().map(ToString::to_string).collect();
                let addresses = if addresses.is_empty() {
                    "no address".to_owned()
                } else {
                    addresses.join(" ")
                };
                let _ = writeln!(out, "  {} {addresses}", clean(&name.name));
            }
        }
        None => out.push_str("resolver: not observed\n"),
    }
    match evidence.proxy.seen() {
        Some(rules) => {
            let _ = writeln!(out, "proxy");
            for (scheme, proxy) in [("https", &rules.https), ("http", &rules.http)] {
                let text = proxy.as_ref().map_or_else(
                    || "none".to_owned(),
                    |proxy| {
                        format!(
                            "{}://{}:{} ({})",
                            proxy.scheme,
                            proxy.host,
                            proxy.port,
                            proxy.origin.phrase()
                        )
                    },
                );
                let _ = writeln!(out, "  {scheme} {}", clean(&text));
            }
            let _ = writeln!(
                out,
                "  NO_PROXY {}",
                clean(rules.no_proxy.as_deref().unwrap_or("(not set)"))
            );
        }
        None => out.push_str("proxy: not observed\n"),
    }
    out
}

fn contacted(evidence: &Evidence) -> String {
    let mut out = String::new();
    for contact in &evidence.contacted {
        let _ = writeln!(
            out,
            "{:<8} {}:{} {} ({})",
            clean(contact.protocol.as_str()),
            clean(&contact.address),
            contact.port,
            clean(&contact.host),
            clean(&contact.probe)
        );
    }
    if out.is_empty() {
        out.push_str("nothing was contacted\n");
    }
    out
}
