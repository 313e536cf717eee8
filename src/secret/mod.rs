//! Secrets, and the search for them in outputs.

mod known;
pub(crate) mod outgoing;
pub mod redact;
pub(crate) mod shapes;
mod view;

pub use known::Secrets;

use zeroize::Zeroizing;

/// A secret. It cannot be printed, cloned, compared or serialized; it is overwritten when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes charge of a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself. Review every call.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in bytes.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(secret)")
    }
}
