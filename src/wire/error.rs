//! What went wrong while writing or reading a message.

use std::fmt;

use super::depth;
use super::tag;

/// An encoding or decoding failure.
///
/// One pointer wide, because it rides in the `Result` of every step of a deeply generic recursion.
pub(crate) struct Error(Box<Inner>);

struct Inner {
    message: String,
    /// Where in the message the reader stood; `None` while writing.
    offset: Option<usize>,
}

impl Error {
    #[cold]
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            message: message.into(),
            offset: None,
        }))
    }

    #[cold]
    pub(crate) fn at(offset: usize, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            message: message.into(),
            offset: Some(offset),
        }))
    }

    #[cold]
    pub(crate) fn expected(expected: &str, found: u8, offset: usize) -> Self {
        let name = tag::describe(found);
        Self::at(
            offset,
            format!("expected {expected}, found {name} (0x{found:02x})"),
        )
    }

    #[cold]
    pub(crate) fn truncated(needed: &str, offset: usize) -> Self {
        Self::at(offset, format!("the message ends where {needed} was expected"))
    }

    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self::new(format!(
            "values are nested too deeply: the limit is {} containers and {} wrappers (options, newtypes)",
            depth::CONTAINERS,
            depth::WRAPPERS
        ))
    }

    /// Visitors report what they dislike without knowing where it stood; the reader adds it.
    pub(crate) fn near(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.offset {
            Some(offset) => write!(f, "{} (at byte {offset} of the message)", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("message", &self.0.message)
            .field("offset", &self.0.offset)
            .finish()
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
