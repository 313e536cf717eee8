//! The path of the login as a drawing: client, DNS, Entra ID, server, login, each with its state. It runs
//! across on a wide page and down on a phone.

use super::worst;
use crate::diagnose::Report;
use crate::text::clean;
use entra_pg_checks::{Line, Station, Status, facts::dns::Role};
use maud::{Markup, html};

/// A station, and the families that judge it.
struct Stop {
    station: Station,
    about: Vec<String>,
    class: &'static str,
    root: bool,
}

pub(super) fn draw(report: &Report) -> Markup {
    let stations = stations(report);
    let words: Vec<String> = stations
        .iter()
        .map(|station| format!("{}: {}", station.station.name(), word(station.class)))
        .collect();
    let words = words.join("; ");
    html! {
        div.wide { (across(&stations, &words)) }
        div.narrow { (down(&stations, &words)) }
    }
}

fn stations(report: &Report) -> Vec<Stop> {
    let judgment = report.judgment();
    let root = judgment.root().map(|root| root.finding.problem.family_data().station);
    Station::ALL
        .into_iter()
        .map(|station| Stop {
            station,
            about: about(report, station),
            class: state(
                judgment.lines.iter().filter(|line| line.check.family_data().station == station),
            ),
            root: root == Some(station),
        })
        .collect()
}

/// The state of a station: the worst of its lines. It is good only if it was reached: a check of the
/// station itself passed and none was blocked.
fn state<'a>(lines: impl Iterator<Item = &'a Line>) -> &'static str {
    let lines: Vec<&Line> = lines.collect();
    let blocked = |line: &&Line| line.status == Status::Skipped && line.explained_by.is_some();
    let reached = lines
        .iter()
        .any(|line| line.check.family_data().reaches_station && line.status == Status::Passed)
        && !lines.iter().any(blocked);
    match worst(lines.into_iter()) {
        "good" if !reached => "off",
        class => class,
    }
}

/// What a station shows: names and addresses.
fn about(report: &Report, station: Station) -> Vec<String> {
    let evidence = report.evidence();
    let settings = evidence.settings.seen();
    let lines = match station {
        Station::Machine => {
            let proxy = evidence.proxy.seen().and_then(|rules| rules.https.as_ref());
            let proxy = proxy.map(|proxy| format!("proxy {}:{}", proxy.host, proxy.port));
            vec![Some(evidence.vantage.hostname.clone()), proxy]
        }
        Station::Dns => {
            let servers = evidence.dns.seen().map(|dns| &dns.resolver.nameservers);
            let first = servers.and_then(|servers| servers.first());
            let more = servers.map_or(0, |servers| servers.len().saturating_sub(1));
            vec![
                first.map(|server| server.address.ip().to_string()),
                (more > 0).then(|| format!("and {more} more")),
            ]
        }
        Station::Entra => {
            let host = settings.map(|settings| settings.cloud.value.authority_host.clone());
            let chosen = evidence.credential.seen().and_then(|trace| trace.chosen());
            vec![host, chosen.map(|attempt| format!("token: {}", attempt.kind.name()))]
        }
        Station::Server => {
            let host = settings.and_then(|settings| settings.host.as_ref());
            let address = evidence.dns.seen().and_then(|dns| {
                let name = dns.names.iter().find(|name| name.role == Role::Server)?;
                name.usable().first().map(ToString::to_string)
            });
            vec![host.map(|host| host.value.clone()), address]
        }
        Station::Login => {
            let user = settings.and_then(|settings| settings.user.as_ref());
            let database = settings.map(|settings| format!("in {}", settings.database.value));
            vec![user.map(|user| user.value.clone()), database]
        }
    };
    lines.into_iter().flatten().filter(|line| !line.is_empty()).map(|line| clean(&line)).collect()
}

/// Width and height of a station, and the way to the next.
const WIDTH: usize = 196;
const HEIGHT: usize = 124;
const GAP: usize = 26;

fn across(stations: &[Stop], words: &str) -> Markup {
    let width = stations.len() * (WIDTH + GAP) - GAP + 4;
    html! {
        svg.path viewBox=(format!("0 0 {width} {}", HEIGHT + 4)) role="img" aria-label=(words) {
            @for (index, station) in stations.iter().enumerate() {
                @let left = index * (WIDTH + GAP) + 2;
                (boxed(station, left, 2))
                @if let Some(next) = stations.get(index + 1) {
                    (arrow(next, left + WIDTH, 2 + HEIGHT / 2, GAP, true))
                }
            }
        }
    }
}

fn down(stations: &[Stop], words: &str) -> Markup {
    const STEP: usize = 24;
    let height = stations.len() * (HEIGHT + STEP) - STEP + 4;
    html! {
        svg.path viewBox=(format!("0 0 {} {height}", WIDTH + 4)) role="img" aria-label=(words) {
            @for (index, station) in stations.iter().enumerate() {
                @let top = index * (HEIGHT + STEP) + 2;
                (boxed(station, 2, top))
                @if let Some(next) = stations.get(index + 1) {
                    (arrow(next, 2 + WIDTH / 2, top + HEIGHT, STEP, false))
                }
            }
        }
    }
}

fn boxed(station: &Stop, left: usize, top: usize) -> Markup {
    let class = if station.root {
        format!("station {} root", station.class)
    } else {
        format!("station {}", station.class)
    };
    html! {
        g class=(class) {
            rect x=(left) y=(top) width=(WIDTH) height=(HEIGHT) rx="10" {}
            text.name x=(left + 14) y=(top + 26) { (sign(station.class)) " " (station.station.name()) }
            @for (index, line) in station.about.iter().flat_map(|line| broken(line)).take(4).enumerate() {
                text.about x=(left + 14) y=(top + 46 + index * 16) { (line) }
            }
            @if station.root { text.cause x=(left + 14) y=(top + HEIGHT - 8) { "cause" } }
        }
    }
}

/// The arrow to a station has the state of the station.
fn arrow(next: &Stop, left: usize, top: usize, length: usize, across: bool) -> Markup {
    let (x, y) = if across { (left + length, top) } else { (left, top + length) };
    let head = if across {
        format!("{},{} {x},{y} {},{}", x - 7, y - 5, x - 7, y + 5)
    } else {
        format!("{},{} {x},{y} {},{}", x - 5, y - 7, x + 5, y - 7)
    };
    html! {
        g class=(format!("arrow {}", next.class)) {
            line x1=(left) y1=(top) x2=(x) y2=(y) {}
            polyline points=(head) {}
        }
    }
}

/// A name in lines that fit into a station, broken after its separators where possible.
fn broken(name: &str) -> Vec<String> {
    const FITS: usize = 25;
    const LINES: usize = 3;
    let mut lines: Vec<String> = Vec::new();
    for part in name.split_inclusive(['.', '@', '-', '_', ' ', ':']) {
        let length = part.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + length <= FITS => line.push_str(part),
            _ => {
                let letters: Vec<char> = part.chars().collect();
                lines.extend(letters.chunks(FITS).map(|chunk| chunk.iter().collect::<String>()));
            }
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines[LINES - 1].push('…');
    }
    lines
}

fn sign(class: &str) -> &'static str {
    match class {
        "good" => "✓",
        "warn" => "!",
        "bad" => "✗",
        _ => "–",
    }
}

fn word(class: &str) -> &'static str {
    match class {
        "good" => "good",
        "warn" => "with a warning",
        "bad" => "failed",
        _ => "not reached",
    }
}
