//! Recording executors.

use super::Executor;
use crate::timeline::Recording;

impl Recording {
    /// Records this executor as well, from now on.
    pub fn also(self, executor: &impl Executor) -> Self {
        self.add(executor.ledger());
        self
    }
}
