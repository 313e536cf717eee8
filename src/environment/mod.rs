//! The only reader of the process's environment: a snapshot, taken once.

#![allow(clippy::disallowed_methods, reason = "the home of the environment")]

pub mod vantage;

use std::{collections::BTreeMap, path::PathBuf};

/// The environment as it was when the program began.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own. Variables that are not Unicode are kept with replacement characters.
    #[must_use]
    pub fn capture() -> Self {
        Self::from_pairs(std::env::vars_os().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        }))
    }

    /// One made up of these variables.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set, be it to nothing.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every variable and its value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from)
    }

    /// One of libpq's own files by the name it has in the home folder, such as `.pgpass`; on Windows it
    /// has another, in a folder of the application data.
    #[must_use]
    pub fn libpq_file(&self, name: &str, on_windows: &str) -> Option<PathBuf> {
        if cfg!(windows) {
            let data = PathBuf::from(self.get("APPDATA")?);
            return Some(data.join("postgresql").join(on_windows));
        }
        self.home().map(|home| home.join(name))
    }
}
