//! The gauges of executors that have the same name: the program's recorder has one for all of them.

use super::named::GAUGES;
use crate::sync::global::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use std::{array, collections::BTreeMap};

/// A value for each of [`GAUGES`].
pub(super) type Values = [u64; GAUGES.len()];

/// By the name of the executor, and by a number.
static SHOWN: Mutex<BTreeMap<(String, u64), Values>> = Mutex::new(BTreeMap::new());

/// What one exporter adds to the gauges, until it is dropped.
pub(super) struct Shown {
    key: (String, u64),
}

impl Shown {
    pub(super) fn of(executor: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            key: (executor.to_owned(), NEXT.fetch_add(1, Relaxed)),
        }
    }

    /// It adds these from now on. Gives back what all executors of the name add up to.
    pub(super) fn set(&self, values: Values) -> Values {
        let mut shown = SHOWN.lock();
        shown.insert(self.key.clone(), values);
        let (name, _) = &self.key;
        let of_name = shown.range((name.clone(), 0)..=(name.clone(), u64::MAX));
        of_name.fold([0; GAUGES.len()], |sum, (_, values)| {
            array::from_fn(|gauge| sum[gauge] + values[gauge])
        })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        SHOWN.lock().remove(&self.key);
    }
}
