//! What was typed and cannot be understood.

use std::{fmt, ops::Range};

/// Something that was typed, or a file that it names, cannot be understood. Exit code 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageError {
    /// What is wrong, without a full stop.
    pub message: String,
    /// What was typed, with secrets masked.
    pub input: Option<String>,
    /// The offending part of the input, in bytes.
    pub span: Option<Range<usize>>,
    /// What to type instead.
    pub suggestion: Option<String>,
}

impl UsageError {
    /// An error without a place.
    #[must_use]
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Marks the offending part.
    #[must_use]
    pub(crate) fn at(mut self, input: impl Into<String>, span: Range<usize>) -> Self {
        self.input = Some(input.into());
        self.span = Some(span);
        self
    }

    /// Says what to type instead.
    #[must_use]
    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.message)?;
        if let (Some(input), Some(span)) = (&self.input, &self.span) {
            let before = input.get(..span.start).unwrap_or_default().chars().count();
            let marked = input.get(span.clone()).unwrap_or_default().chars().count().max(1);
            write!(formatter, "\n  {input}\n  {}{}", " ".repeat(before), "^".repeat(marked))?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(formatter, "\ntry: {suggestion}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UsageError {}
