//! The runtimes a bridge can stand on.

use crate::{
    panic,
    runtime::{self, Driver, Entered},
    sync::{Arc, Mutex},
};
use futures::task::{FutureObj, Spawn};
use std::{fmt, future::Future};

pub(super) enum Runtime {
    #[cfg(feature = "tokio")]
    Tokio {
        handle: tokio::runtime::Handle,
        is_own: bool,
        /// The runtime itself, if it is the bridge's own; until the bridge is closed.
        owned: Mutex<Option<tokio::runtime::Runtime>>,
    },
    /// Until the bridge is closed: it may be a handle that keeps an executor open.
    Foreign(Mutex<Option<Arc<dyn Spawn + Send + Sync>>>),
}

/// A runtime that was a bridge's own and has nothing to do any more.
#[cfg(feature = "tokio")]
pub(super) struct Retired(tokio::runtime::Runtime);

#[cfg(feature = "tokio")]
impl Retired {
    /// Waits until the runtime's threads are gone.
    pub(super) fn end(self) {
        drop(self.0);
    }

    /// Lets the runtime's threads go by themselves.
    pub(super) fn end_in_background(self) {
        self.0.shutdown_background();
    }
}

/// Without the feature `tokio` no bridge has a runtime of its own.
#[cfg(not(feature = "tokio"))]
pub(super) enum Retired {}

#[cfg(not(feature = "tokio"))]
impl Retired {
    pub(super) fn end(self) {
        match self {}
    }

    pub(super) fn end_in_background(self) {
        match self {}
    }
}

impl Runtime {
    #[cfg(feature = "tokio")]
    pub(super) fn owned(runtime: tokio::runtime::Runtime) -> Self {
        Self::Tokio {
            handle: runtime.handle().clone(),
            is_own: true,
            owned: Mutex::new(Some(runtime)),
        }
    }

    #[cfg(feature = "tokio")]
    pub(super) fn borrowed(handle: tokio::runtime::Handle) -> Self {
        Self::Tokio {
            handle,
            is_own: false,
            owned: Mutex::new(None),
        }
    }

    pub(super) fn foreign(spawner: impl Spawn + Send + Sync + 'static) -> Self {
        Self::Foreign(Mutex::new(Some(Arc::new(spawner))))
    }

    /// Has the runtime poll `future`; one that does not take it drops it.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { handle, .. } => drop(handle.spawn(future)),
            Self::Foreign(spawner) => {
                // Foreign code runs without the lock, and what it panics with is its own affair.
                let spawner = spawner.lock().clone();
                if let Some(spawner) = spawner {
                    panic::contain(|| {
                        // The error says only that the runtime is gone, which the dropped future tells by itself.
                        let _ = spawner.spawn_obj(FutureObj::new(Box::new(future)));
                    });
                }
            }
        }
    }

    /// Enters the runtime on a thread that is not one of its own.
    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { handle, .. } => Some(handle.enter()),
            Self::Foreign(_) => runtime::enter(),
        }
    }

    /// On a thread of the runtime: makes sure that there is a tokio runtime to be found.
    pub(super) fn complete(&self) -> Option<Entered<'_>> {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { .. } => None,
            Self::Foreign(_) => runtime::enter(),
        }
    }

    pub(super) fn driver(&self) -> Driver {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { handle, .. } => Driver::of(handle),
            Self::Foreign(_) => Driver::Foreign,
        }
    }

    /// Whether the runtime is the bridge's own.
    pub(super) fn is_own(&self) -> bool {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { is_own, .. } => *is_own,
            Self::Foreign(_) => false,
        }
    }

    /// Whether the calling thread is in this runtime, as far as that can be told.
    pub(super) fn is_entered(&self) -> bool {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { handle, .. } => {
                tokio::runtime::Handle::try_current().is_ok_and(|here| here.id() == handle.id())
            }
            Self::Foreign(_) => false,
        }
    }

    /// Whether it is certain that somebody runs it, as long as it exists.
    pub(super) fn has_threads(&self) -> bool {
        match self.driver() {
            #[cfg(feature = "tokio")]
            Driver::TokioThreads(_) => true,
            _ => false,
        }
    }

    /// Whether it is one thread, which can poll only one future at a time.
    pub(super) fn is_one_thread(&self) -> bool {
        match self.driver() {
            #[cfg(feature = "tokio")]
            Driver::TokioThread(_) => true,
            _ => false,
        }
    }

    /// Whether it drops the futures it was given when it ends, whatever they wait for. Of others, some may even wait with
    /// their end until the last future is done.
    pub(super) fn tells_its_end(&self) -> bool {
        !matches!(self, Self::Foreign(_))
    }

    /// The runtime to be ended, if it is the bridge's own; once.
    pub(super) fn retire(&self) -> Option<Retired> {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { owned, .. } => owned.lock().take().map(Retired),
            Self::Foreign(_) => None,
        }
    }

    /// Nothing will be spawned any more. Called on a thread of the runtime: what is let go may be the last handle on it.
    pub(super) fn let_go(&self) {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { .. } => {}
            Self::Foreign(spawner) => {
                let spawner = spawner.lock().take();
                panic::contain(|| drop(spawner));
            }
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { handle, .. } => write!(f, "tokio ({:?})", handle.runtime_flavor()),
            Self::Foreign(_) => f.write_str("another one"),
        }
    }
}
