//! How deep a message may nest, counted the same way by the writer and the reader.

use super::error::Error;

/// Sequences, maps, structs and variants with content inside one another: what JSON counts.
pub(crate) const CONTAINERS: u16 = 128;

/// Options and newtypes around values, along one path from the outermost value.
///
/// JSON does not see these at all, so they must not use up the containers: a linked list of `Option<Box<_>>`
/// as deep as JSON takes has to pass. They need a limit of their own because each is a stack frame.
pub(crate) const WRAPPERS: u16 = 256;

#[derive(Clone, Copy, Default)]
pub(crate) struct Depth {
    containers: u16,
    wrappers: u16,
}

impl Depth {
    #[inline]
    pub(crate) fn container(self) -> Result<Self, Error> {
        if self.containers >= CONTAINERS {
            return Err(Error::too_deep());
        }
        Ok(Depth {
            containers: self.containers + 1,
            ..self
        })
    }

    #[inline]
    pub(crate) fn wrapper(self) -> Result<Self, Error> {
        if self.wrappers >= WRAPPERS {
            return Err(Error::too_deep());
        }
        Ok(Depth {
            wrappers: self.wrappers + 1,
            ..self
        })
    }
}
