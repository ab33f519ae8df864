//! What went wrong, and what to do next: the one error type of this tool.

use std::fmt;
use std::path::Path;

/// A sentence about what happened, and one about the way out.
#[derive(Debug)]
pub struct Failure {
    happened: String,
    next: Option<String>,
}

impl Failure {
    /// A failure whose way out is plain from what happened.
    pub fn new(happened: impl Into<String>) -> Self {
        Self {
            happened: happened.into(),
            next: None,
        }
    }

    /// Adds what to do or look at next, unless a closer hint is already there.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next.get_or_insert(next.into());
        self
    }

    /// A file or folder that could not be read or written.
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.happened)?;
        match &self.next {
            Some(next) => write!(f, "\n next: {next}"),
            None => Ok(()),
        }
    }
}
