use crate::{sync::Arc, task::Received};
use std::collections::HashMap;

/// The contexts that a worker was sent, by their number.
#[derive(Default)]
pub(crate) struct Contexts(HashMap<u64, Arc<Received>>);

impl Contexts {
    pub(crate) fn keep(&mut self, number: u64, bytes: Vec<u8>) {
        self.0.insert(number, Arc::new(Received::new(bytes)));
    }

    /// Drops the value when the last call that uses it has ended. Its destructor is foreign code.
    pub(crate) fn forget(&mut self, number: u64) {
        let forgotten = self.0.remove(&number);
        crate::panic::contain(|| drop(forgotten));
    }

    pub(crate) fn get(&self, number: u64) -> Option<Arc<Received>> {
        self.0.get(&number).cloned()
    }
}
