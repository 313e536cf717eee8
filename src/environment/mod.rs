//! The only reader of the process's environment: a snapshot, taken once.

#![allow(clippy::disallowed_methods, reason = "the home of the environment")]

#[cfg(any(target_os = "macos", all(test, unix)))]
pub(crate) mod command;
#[cfg(windows)]
pub(crate) mod registry;
pub(crate) mod vantage;

use std::{collections::BTreeMap, path::PathBuf};

/// The environment as it was when the program began.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own. Variables that are not Unicode are kept with replacement characters.
    #[must_use]
    pub(crate) fn capture() -> Self {
        Self::from_pairs(std::env::vars_os().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        }))
    }

    /// One made up of these variables.
    pub(crate) fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set, possibly to an empty value. On Windows the letter case of names does not
    /// count.
    #[must_use]
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.find(name, cfg!(windows))
    }

    fn find(&self, name: &str, ignore_case: bool) -> Option<&str> {
        let exact = self.0.get(name).map(String::as_str);
        let in_other_case = || {
            let mut pairs = self.pairs();
            pairs.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        if ignore_case { exact.or_else(in_other_case) } else { exact }
    }

    /// Every variable and its value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The home folder: HOME, USERPROFILE, or the one that the system's user database names.
    #[must_use]
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let named = self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from);
        named.or_else(home_of_user)
    }

    /// One of libpq's own files by the name it has in the home folder, such as `.pgpass`; on Windows it
    /// has another, in a folder of the application data.
    #[must_use]
    pub(crate) fn libpq_file(&self, name: &str, on_windows: &str) -> Option<PathBuf> {
        if cfg!(windows) {
            let data = PathBuf::from(self.get("APPDATA")?);
            return Some(data.join("postgresql").join(on_windows));
        }
        self.home().map(|home| home.join(name))
    }
}

#[cfg(unix)]
fn home_of_user() -> Option<PathBuf> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok()??;
    Some(user.dir)
}

#[cfg(not(unix))]
const fn home_of_user() -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn names_are_case_insensitive_on_windows_only() {
        let environment = Environment::from_pairs([("pghost", "lower"), ("PGUSER", "")]);
        assert_eq!(environment.find("PGHOST", true), Some("lower"));
        assert_eq!(environment.find("PGHOST", false), None);
        assert_eq!((environment.raw("PGUSER"), environment.get("PGUSER")), (Some(""), None));
    }
}
