//! Reading what an earlier run left: a bundle, or a report of `--format json`; also of an older version.

use super::archive::{self, LIMIT};
use crate::json;
use entra_pg_checks::Evidence;
use serde_json::Value;

/// What a bundle begins with, and no report does.
pub const BEGINNING: &[u8] = b"PK";

/// Reads a bundle or a report. What it says of itself is checked, nothing is written.
///
/// # Errors
/// What is wrong with it, as a sentence about "it".
pub fn read(bytes: &[u8]) -> Result<Evidence, String> {
    if bytes.len() as u64 > LIMIT {
        return Err(format!("it is longer than any report or bundle ({} MiB)", LIMIT >> 20));
    }
    if bytes.starts_with(BEGINNING) {
        return of_bundle(bytes);
    }
    let document = json::document(bytes, json::MOST_VALUES)
        .map_err(|error| format!("it is neither a report nor a bundle: {error}"))?;
    of_document(document)
}

/// The evidence in a report, or the document itself where it is evidence.
///
/// # Errors
/// What is wrong with it, as a sentence about "it".
pub fn of_document(mut document: Value) -> Result<Evidence, String> {
    let evidence = document.get_mut("evidence").map(Value::take).unwrap_or(document);
    let evidence: Evidence = serde_json::from_value(evidence)
        .map_err(|error| format!("the evidence in it cannot be read: {}", json::message(&error)))?;
    if evidence.version > Evidence::VERSION {
        return Err(format!(
            "it was written by a newer version (evidence {}; this one reads up to {})",
            evidence.version,
            Evidence::VERSION
        ));
    }
    if evidence.run_id.is_empty() {
        return Err("it holds no evidence of a run".to_owned());
    }
    Ok(evidence)
}

fn of_bundle(bytes: &[u8]) -> Result<Evidence, String> {
    let files = archive::read(bytes)?;
    let file = |name: &str| files.iter().find(|file| file.name == name);
    let manifest =
        file("manifest.json").ok_or("it is a zip, but no bundle: manifest.json is missing")?;
    let manifest: Value = json::document(&manifest.bytes, json::MOST_VALUES)
        .map_err(|error| format!("its manifest.json cannot be read: {error}"))?;
    match manifest["bundle_version"].as_u64() {
        Some(version) if version <= super::VERSION => {}
        Some(version) => {
            return Err(format!(
                "it was written by a newer version (bundle {version}; this one reads up to {})",
                super::VERSION
            ));
        }
        None => return Err("its manifest.json does not say which version it is".to_owned()),
    }
    let evidence = file("evidence.json").ok_or("evidence.json is missing in it")?;
    if let Some(expected) = manifest["sha256"]["evidence.json"].as_str()
        && expected != super::contents::sha256(&evidence.bytes)
    {
        return Err(
            "its evidence.json is not what the run wrote: the hash in manifest.json differs"
                .to_owned(),
        );
    }
    let document = json::document(&evidence.bytes, json::MOST_VALUES)
        .map_err(|error| format!("its evidence.json cannot be read: {error}"))?;
    of_document(document)
}
