use crate::sync::Arc;
use std::{num::NonZeroUsize, time::Duration};

/// How to run, apart from what to run: what `options()` collects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) timeout: Option<Duration>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) chunk_size: Option<NonZeroUsize>,
    pub(crate) buffer_size: Option<NonZeroUsize>,
    pub(crate) max_in_flight: Option<NonZeroUsize>,
    pub(crate) retries: u32,
}

/// The settings that a single task carries; boxed, because most tasks have none.
pub(crate) struct Traits {
    pub(crate) timeout: Option<Duration>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) retries: u32,
    /// Attempts before this one.
    pub(crate) earlier: u32,
}

impl Traits {
    pub(crate) fn attempt(&self) -> u32 {
        self.earlier + 1
    }
}

impl Settings {
    pub(crate) fn traits(&self) -> Option<Box<Traits>> {
        (self.timeout.is_some() || self.name.is_some() || self.retries > 0).then(|| {
            Box::new(Traits {
                timeout: self.timeout,
                name: self.name.clone(),
                retries: self.retries,
                earlier: 0,
            })
        })
    }
}
