//! The pool on a system that has no processes for it: it cannot be built, so nothing below is ever called.

use super::config::Config;
use crate::{
    error::BuildError,
    executor::{Closed, Shutdown, Throttle},
    ledger::{Ledger, Stats},
    sync::Arc,
    task::CarrierHandle,
};
use std::{fmt, time::Instant};

pub(super) enum Shared {}

impl Shared {
    pub(super) fn build(_: Config) -> Result<Arc<Self>, BuildError> {
        Err(BuildError::Unsupported)
    }

    pub(super) fn config(&self) -> &Config {
        match *self {}
    }

    pub(super) fn ledger(&self) -> &Ledger {
        match *self {}
    }

    pub(super) fn throttle(&self) -> Option<Throttle> {
        match *self {}
    }

    pub(super) fn begin_shutdown(&self, _: Shutdown) {
        match *self {}
    }

    pub(super) fn wait_closed(&self, _: Option<Instant>) -> bool {
        match *self {}
    }

    pub(super) fn closed(&self) -> Closed {
        match *self {}
    }

    pub(super) fn carrier(self: &Arc<Self>) -> CarrierHandle {
        match **self {}
    }

    pub(super) fn warm_up(&self) -> Result<(), BuildError> {
        match *self {}
    }

    pub(super) fn stats(&self) -> Stats {
        match *self {}
    }

    pub(super) fn worker_pids(&self) -> Vec<u32> {
        match *self {}
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Makes this process a worker if it was started as one. On this system none ever is.
pub(crate) fn init() {}
