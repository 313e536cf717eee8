//! The files of `--azure-config`.

use super::{
    convert::Collected,
    document::{Payload, read},
};
use crate::{input, settings::usage::UsageError, text::clean};
use entra_pg_checks::{
    Fact,
    facts::azure::{Azure, Source},
};
use std::path::{Path, PathBuf};

/// A published ServiceTags file has some 5 MB; whatever is longer than this is none of the exports.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Reads every file into one set of facts.
///
/// # Errors
/// A file cannot be read or understood: which, and where in it.
pub fn read_files(paths: &[PathBuf]) -> Result<Azure, UsageError> {
    let mut collected = Collected::default();
    for path in paths {
        read_file(&mut collected, path)?;
    }
    Ok(collected.azure)
}

fn read_file(collected: &mut Collected, path: &Path) -> Result<(), UsageError> {
    let name = path.display().to_string();
    let bytes = input::argument(path, LIMIT).and_then(input::utf8).map_err(|error| {
        UsageError::new(format!("the file of --azure-config {name} cannot be read: {error}"))
    })?;
    let fail = |detail: String| {
        let detail = clean(&detail);
        UsageError::new(format!("{name}: {detail}")).suggest(
            "the JSON of `az postgres flexible-server show`, its `microsoft-entra-admin list` and `firewall-rule list`, `az network nsg show`, `route-table show`, `vnet show`, or a published ServiceTags file",
        )
    };
    let documents = read(&bytes).map_err(fail)?;
    if documents.is_empty() {
        return Err(fail("the file is empty".to_owned()));
    }
    let several = documents.len() > 1;
    for (number, list) in documents.iter().enumerate() {
        let place = |item: usize| match (several, list.len() > 1) {
            (true, true) => format!("document {}, item {}: ", number + 1, item + 1),
            (true, false) => format!("document {}: ", number + 1),
            (false, true) => format!("item {}: ", item + 1),
            (false, false) => String::new(),
        };
        if list.is_empty() {
            empty(collected, path, &name).map_err(fail)?;
        }
        for (item, document) in list.iter().enumerate() {
            if matches!(&document.value, Payload::Items(items) if items.is_empty()) {
                empty(collected, path, &name).map_err(fail)?;
                continue;
            }
            collected
                .add(&name, document)
                .map_err(|error| fail(format!("{}{error}", place(item))))?;
        }
    }
    Ok(())
}

/// An empty list says by itself nothing of what it is a list of; its file's name may.
fn empty(collected: &mut Collected, path: &Path, name: &str) -> Result<(), String> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
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
    } else {
        return Err("an empty list, of administrators or of firewall rules: name the file so, admins.json or firewall-rules.json".to_owned());
    };
    collected.azure.sources.push(Source { from: name.to_owned(), what: what.to_owned() });
    Ok(())
}
