//! How work that captures nothing finds the executor it runs on: by a number, where memory is shared.

use crate::Executor;
use std::{
    any::Any,
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

static LODGED: Mutex<BTreeMap<u64, Box<dyn Any + Send>>> = Mutex::new(BTreeMap::new());

/// Keeps an executor where work finds it, until it is dropped.
pub(crate) struct Lodged(u64);

impl Lodged {
    pub(crate) fn new<E: Executor>(executor: &E) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        LODGED.lock().unwrap().insert(number, Box::new(executor.clone()));
        Self(number)
    }

    /// Goes to the work as (a part of) its argument.
    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

impl Drop for Lodged {
    fn drop(&mut self) {
        // Outside the lock: dropping the last handle of an executor waits for its tasks.
        let executor = LODGED.lock().unwrap().remove(&self.0);
        drop(executor);
    }
}

/// The executor that is lodged under this number.
pub(crate) fn lodged<E: Executor>(number: u64) -> E {
    let lodged = LODGED.lock().unwrap();
    let executor = lodged.get(&number).expect("it is lodged for the whole test");
    executor.downcast_ref::<E>().expect("it is of this type").clone()
}
