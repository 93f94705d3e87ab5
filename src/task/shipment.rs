//! Data that many calls share, on its way to other processes: encoded once, sent to each worker once.

use super::{Carrier, Crossing, call::guarded, worker_state::StateKey};
use crate::{
    error::{CodecError, TaskError},
    sync::{Arc, Mutex},
};
use std::{
    any::Any,
    fmt,
    sync::{
        OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

/// The encoded context. When the last task and the last `With` that name it are gone, the workers that hold a copy are
/// told to forget it.
pub(crate) struct Shipment {
    id: u64,
    bytes: Arc<Vec<u8>>,
    holders: Mutex<Vec<Weak<dyn Carrier>>>,
}

impl Shipment {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            bytes: Arc::new(bytes),
            holders: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn bytes(&self) -> &Arc<Vec<u8>> {
        &self.bytes
    }

    /// `carrier` has sent it to one of its workers.
    pub(crate) fn held_by(&self, carrier: &Weak<dyn Carrier>) {
        let mut holders = self.holders.lock();
        if !holders.iter().any(|holder| holder.ptr_eq(carrier)) {
            holders.push(carrier.clone());
        }
    }
}

impl Drop for Shipment {
    fn drop(&mut self) {
        for holder in self.holders.lock().drain(..) {
            if let Some(carrier) = holder.upgrade() {
                carrier.forget(self.id);
            }
        }
    }
}

impl fmt::Debug for Shipment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shipment")
            .field("id", &self.id)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// A context in a worker: bytes until the first call asks for it, then the value.
pub(crate) struct Received {
    bytes: Mutex<Vec<u8>>,
    /// Names the states of workers that were made from it.
    key: StateKey,
    value: OnceLock<Result<Arc<dyn Any + Send + Sync>, TaskError>>,
}

impl Received {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Mutex::new(bytes),
            key: StateKey::default(),
            value: OnceLock::new(),
        }
    }

    pub(super) fn key(&self) -> &StateKey {
        &self.key
    }

    /// The value; every call shares it.
    ///
    /// # Errors
    ///
    /// Fails, for every call alike, if the bytes cannot be read as a `C`.
    pub(super) fn get<C, X>(&self) -> Result<Arc<C>, TaskError>
    where
        C: Send + Sync + 'static,
        X: Crossing<C>,
    {
        let value = self.value.get_or_init(|| {
            let bytes = std::mem::take(&mut *self.bytes.lock());
            let value: C = guarded(|| X::decode("the context", &bytes))?;
            Ok(Arc::new(value))
        });
        value.clone()?.downcast().map_err(|_| {
            TaskError::Decode(CodecError::new(
                "the context",
                "the worker holds another type under its name",
            ))
        })
    }
}
