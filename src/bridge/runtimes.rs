//! The runtimes a bridge can stand on.

use crate::{
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

/// What a bridge held of a runtime and has no use for any more.
pub(super) enum Retired {
    #[cfg(feature = "tokio")]
    Tokio(tokio::runtime::Runtime),
    Foreign(#[allow(dead_code)] Arc<dyn Spawn + Send + Sync>),
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
                // Foreign code runs without the lock.
                let spawner = spawner.lock().clone();
                if let Some(spawner) = spawner {
                    // The error says only that the runtime is gone, which the dropped future tells by itself.
                    let _ = spawner.spawn_obj(FutureObj::new(Box::new(future)));
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

    /// Whether the calling thread is one of the bridge's own runtime.
    pub(super) fn owns_this_thread(&self) -> bool {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { handle, is_own, .. } => {
                *is_own && tokio::runtime::Handle::try_current().is_ok_and(|here| here.id() == handle.id())
            }
            Self::Foreign(_) => false,
        }
    }

    /// Whether it is certain that somebody runs it, as long as it exists.
    pub(super) fn has_threads(&self) -> bool {
        match self.driver() {
            #[cfg(feature = "tokio")]
            Driver::TokioThreads => true,
            #[cfg(feature = "tokio")]
            Driver::TokioThread(_) => false,
            Driver::Foreign => false,
        }
    }

    /// What is to be ended or let go, once.
    pub(super) fn retire(&self) -> Option<Retired> {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio { owned, .. } => owned.lock().take().map(Retired::Tokio),
            Self::Foreign(spawner) => spawner.lock().take().map(Retired::Foreign),
        }
    }
}

impl Retired {
    /// Lets the runtime's threads go by themselves.
    pub(super) fn end_in_background(self) {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio(runtime) => runtime.shutdown_background(),
            Self::Foreign(_) => {}
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
