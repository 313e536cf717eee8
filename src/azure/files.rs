//! The files of `--azure-config`: files, folders and zip archives.

use super::{
    convert::{Collected, EmptyOfZone},
    measured,
    node::{Node, read},
    yaml,
};
use crate::{input, settings::usage::UsageError, text::clean};
use entra_pg_checks::{
    Fact,
    facts::azure::{Azure, Source},
};
use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

/// A published ServiceTags file has about 5 MB. A document needs some three times its size in memory.
const LIMIT: u64 = 12 * 1024 * 1024;
/// All files of an archive.
const ARCHIVE_LIMIT: u64 = 32 * 1024 * 1024;
/// Files in a folder or an archive.
const MAX_FILES: usize = 2_000;
/// Folders inside of folders.
const MAX_DEPTH: usize = 8;

/// Reads every file, folder and archive into one set of facts. `host`: the host name that the run is
/// about, which chooses among several servers.
///
/// # Errors
/// A file cannot be read or understood: which, and where in it.
pub fn read_files(paths: &[PathBuf], host: Option<&str>) -> Result<Azure, UsageError> {
    let mut collected = Collected::default();
    for path in paths {
        if path.is_dir() {
            let mut files = Vec::new();
            walk(path, 0, &mut files);
            files.sort();
            for file in files {
                lenient(&mut collected, &file.display().to_string(), || bytes(&file));
            }
            continue;
        }
        let name = path.display().to_string();
        let bytes = input::argument(path, LIMIT).map_err(|error| {
            UsageError::new(format!("the file of --azure-config {name} cannot be read: {error}"))
        })?;
        if bytes.starts_with(b"PK\x03\x04") {
            archive(&mut collected, &name, bytes)?;
        } else {
            let read = input::utf8(bytes).map_err(|error| error.to_string());
            let read = read.and_then(|bytes| document(&mut collected, &name, &bytes));
            read.map_err(|detail| failed(&name, &detail))?;
        }
    }
    collected.finish(host).map_err(|detail| {
        UsageError::new(clean(&detail))
            .suggest("the same command with -h and the full name of one of them, such as <server>.postgres.database.azure.com")
    })
}

fn failed(name: &str, detail: &str) -> UsageError {
    UsageError::new(format!("{name}: {}", clean(detail))).suggest(
        "the JSON of `az postgres flexible-server show`, `az network nsg show`, `route-table show`, `vnet show`, of REST, PowerShell, Resource Graph or Terraform, or a published ServiceTags file",
    )
}

/// Regular files below a folder. Links are not followed.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if files.len() >= MAX_FILES {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && !hidden && depth < MAX_DEPTH {
            walk(&entry.path(), depth + 1, files);
        } else if kind.is_file() && !hidden {
            files.push(entry.path());
        }
    }
}

fn archive(collected: &mut Collected, name: &str, bytes: Vec<u8>) -> Result<(), UsageError> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| UsageError::new(format!("{name}: not a valid zip file: {error}")))?;
    let mut left = ARCHIVE_LIMIT;
    for index in 0..zip.len().min(MAX_FILES) {
        let Ok(entry) = zip.by_index(index) else {
            collected.unused(name, &format!("entry {}", index + 1), "it cannot be unpacked");
            continue;
        };
        if !entry.is_file() {
            continue;
        }
        let inner = match entry.name() {
            Ok(inner) => format!("{name}/{}", clean(&inner)),
            Err(_) => format!("{name}, entry {}", index + 1),
        };
        let mut bytes = Vec::new();
        let unpacked = entry.take(left.min(LIMIT) + 1).read_to_end(&mut bytes);
        let size = bytes.len() as u64;
        if size > left {
            return Err(UsageError::new(format!(
                "{name}: unpacks to more than {} MiB",
                ARCHIVE_LIMIT >> 20
            )));
        }
        left -= size;
        if size > LIMIT {
            collected.unused(&inner, "file", &format!("it is longer than {} MiB", LIMIT >> 20));
            continue;
        }
        lenient(collected, &inner, || match unpacked {
            Ok(_) => input::utf8(bytes).map_err(|error| error.to_string()),
            Err(error) => Err(format!("cannot be unpacked: {error}")),
        });
    }
    Ok(())
}

/// A file among many: what is not understood is named and skipped.
fn lenient(collected: &mut Collected, name: &str, bytes: impl FnOnce() -> Result<Vec<u8>, String>) {
    let result = bytes().and_then(|bytes| document(collected, name, &bytes));
    if let Err(error) = result {
        collected.unused(&clean(name), "file", &clean(&error));
    }
}

/// The facts in one file.
pub(crate) fn read_document(bytes: &[u8]) -> Result<Azure, String> {
    let mut collected = Collected::default();
    document(&mut collected, "document", bytes)?;
    collected.finish(None)
}

fn document(collected: &mut Collected, name: &str, bytes: &[u8]) -> Result<(), String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("the file is empty".to_owned());
    }
    let documents = nodes(name, bytes)?;
    let date = date_in(name);
    let several = documents.len() > 1;
    for (number, node) in documents.iter().enumerate() {
        if node.items().is_empty()
            || (node.get("value").is_list() && node.get("value").items().is_empty())
        {
            empty(collected, name)?;
            continue;
        }
        collected.add(name, node).map_err(|error| match several {
            true => format!("document {}: {error}", number + 1),
            false => error,
        })?;
    }
    if let (Some(date), Fact::Seen(tags)) = (date, &mut collected.azure.service_tags)
        && tags.date.is_none()
        && collected.azure.sources.last().is_some_and(|last| last.from == name)
    {
        tags.date = Some(date);
    }
    Ok(())
}

/// The documents in JSON, in YAML, or in the output of a command below its command line.
fn nodes(name: &str, bytes: &[u8]) -> Result<Vec<Node>, String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return read(bytes) };
    if let Some((json, asked)) = measured::transcript(text) {
        let mut documents = read(json.as_bytes())?;
        documents.iter_mut().for_each(|one| measured::with_fields(one, &asked));
        return Ok(documents);
    }
    if is_yaml(bytes) {
        return yaml::read(text);
    }
    if named_yaml(name) {
        return read(bytes).or_else(|_| yaml::read(text));
    }
    read(bytes).or_else(|error| match bare(text) {
        Some(plain) => read(plain.as_bytes()).map_err(|_| foreign(text).unwrap_or(error)),
        None => Err(foreign(text).unwrap_or(error)),
    })
}

/// JSON without the lines before it, such as a warning or a prompt, and without the colors of a terminal.
fn bare(text: &str) -> Option<String> {
    let plain: String = if text.contains('\u{1b}') { uncolored(text) } else { text.to_owned() };
    let starts = |line: &str| line.starts_with('{') || line.starts_with('[');
    let mut at = 0;
    for line in plain.lines().take(200) {
        if starts(line) && at < plain.len() {
            return (at > 0 || plain.len() != text.len()).then(|| plain[at..].to_owned());
        }
        at += line.len() + if plain[at + line.len()..].starts_with("\r\n") { 2 } else { 1 };
        if at > plain.len() {
            return None;
        }
    }
    None
}

fn uncolored(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("\u{1b}[") {
        plain.push_str(head);
        rest = tail.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &tail[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

/// Texts that are not JSON and that engineers have.
fn foreign(text: &str) -> Option<String> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let is = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let what = if let Some(error) = first.strip_prefix("ERROR: ") {
        format!("it holds an error of the Azure CLI: {error:.200}")
    } else if is(&["Resource and property changes are indicated", "Scope: /subscriptions"]) {
        "it is the printed form of what-if: export it with --no-pretty-print".to_owned()
    } else if text.lines().nth(1).is_some_and(|line| {
        line.starts_with("---") && line.trim().bytes().all(|byte| matches!(byte, b'-' | b' '))
    }) {
        "it is a table (-o table): export it with -o json".to_owned()
    } else if first.contains('\t') && !first.contains('{') {
        "it is tab-separated (-o tsv): export it with -o json".to_owned()
    } else if first.split(',').count() > 2 && !first.contains(['{', '[']) {
        "it is a table in CSV: export it as JSON".to_owned()
    } else {
        return None;
    };
    Some(what)
}

fn named_yaml(name: &str) -> bool {
    let extension = Path::new(name).extension().map(|extension| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// A mapping or a list of YAML, as `az … -o yaml` writes it.
fn is_yaml(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    let Some(line) = line.and_then(|line| std::str::from_utf8(line).ok()) else { return false };
    let line = line.trim();
    let key = line
        .trim_start_matches("- ")
        .split_once(": ")
        .map_or_else(|| line.strip_suffix(':'), |(key, _)| Some(key));
    if key.is_some_and(|key| key == "ERROR" || key == "WARNING") {
        return false;
    }
    line == "---"
        || key.is_some_and(|key| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

/// `20250711` or `2025-07-11` in a file's name.
fn date_in(name: &str) -> Option<String> {
    let name = Path::new(name).file_name()?.to_string_lossy().into_owned();
    let parts: Vec<&str> =
        name.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let day = |year: &str, month: &str, day: &str| -> Option<String> {
        let text = format!("{year}-{month}-{day}");
        let date: jiff::civil::Date = text.parse().ok()?;
        (2015..2100).contains(&date.year()).then_some(text)
    };
    let joined = parts.iter().filter(|part| part.len() == 8);
    let mut found = joined.filter_map(|part| day(&part[..4], &part[4..6], &part[6..]));
    found.next().or_else(|| {
        parts.windows(3).find_map(|three| match three {
            [year, month, last] if year.len() == 4 && month.len() == 2 && last.len() == 2 => {
                day(year, month, last)
            }
            _ => None,
        })
    })
}

/// An empty list does not say what it is a list of; its file's name may.
fn empty(collected: &mut Collected, name: &str) -> Result<(), String> {
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    let stem = stem.unwrap_or_default();
    let what = if stem.contains("admin") {
        if collected.azure.administrators.seen().is_none() {
            collected.azure.administrators = Fact::Seen(Vec::new());
        }
        "no administrator"
    } else if stem.contains("firewall") {
        if collected.azure.firewall_rules.seen().is_none() {
            collected.azure.firewall_rules = Fact::Seen(Vec::new());
        }
        "no firewall rule"
    } else if stem.contains("link") {
        collected.empty_of_zone(EmptyOfZone::Links);
        "no link of the private DNS zone"
    } else if stem.contains("record") {
        collected.empty_of_zone(EmptyOfZone::Records);
        "no record of the private DNS zone"
    } else {
        return Err("an empty list does not say what it is of: name the file admins.json, firewall-rules.json, links.json or records.json".to_owned());
    };
    collected.azure.sources.push(Source { from: name.to_owned(), what: what.to_owned() });
    Ok(())
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = input::bytes(path, LIMIT).and_then(input::utf8);
    bytes.map_err(|error| format!("cannot be read: {error}"))
}
