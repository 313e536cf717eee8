//! libpq's service file: named sets of settings.

use super::keywords::Pairs;
use crate::{environment::Environment, input, settings::usage::UsageError};
use std::path::PathBuf;

/// Some hundred services of some lines each.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// The settings of a service, and the file they stand in.
pub(super) fn find(name: &str, environment: &Environment) -> Result<(Pairs, String), UsageError> {
    let mut looked = Vec::new();
    for path in files(environment) {
        let Ok(text) = input::text(&path, FILE_LIMIT) else {
            continue;
        };
        let shown = path.display().to_string();
        if let Some(pairs) = section(&text, name) {
            return Ok((pairs, shown));
        }
        looked.push(shown);
    }
    let places = match looked.as_slice() {
        [] => "there is no service file".to_owned(),
        files => format!("it is not in {}", files.join(", ")),
    };
    Err(UsageError::new(format!("the definition of service \"{name}\" was not found: {places}"))
        .suggest("a section in ~/.pg_service.conf, or unset PGSERVICE"))
}

fn files(environment: &Environment) -> Vec<PathBuf> {
    let own = match environment.get("PGSERVICEFILE") {
        Some(file) => Some(PathBuf::from(file)),
        None => environment.libpq_file(".pg_service.conf", ".pg_service.conf"),
    };
    let system = environment.get("PGSYSCONFDIR").unwrap_or("/etc/postgresql-common");
    own.into_iter().chain([PathBuf::from(system).join("pg_service.conf")]).collect()
}

pub(crate) fn section(text: &str, name: &str) -> Option<Pairs> {
    let mut found: Option<Pairs> = None;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            if title == name {
                found = Some(Pairs::new());
            }
        } else if let (Some(pairs), Some((keyword, value))) = (&mut found, line.split_once('='))
            && !line.starts_with('#')
        {
            pairs.push((keyword.to_owned(), value.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn reads_one_section() {
        let text = "# x\n[a]\nhost=h1\n[b]\nhost=h2\n#user=z\nuser=Prod DB\n";
        let pairs = section(text, "b").expect("found");
        assert_eq!(
            pairs,
            [("host".to_owned(), "h2".to_owned()), ("user".to_owned(), "Prod DB".to_owned())]
        );
        assert_eq!(section(text, "c"), None);
    }
}
