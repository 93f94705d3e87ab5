//! The engine that there is: a server of Redis or Valkey, with a stream for each queue and each row of results.
//!
//! `link.rs` is one connection, `session.rs` what is asked through it: of blobs (`blobs.rs`), by clients (`client.rs`) and by workers
//! (`worker.rs`, `holding.rs`). Each operation is one step of the server (`scripts/`), and one message there and back.

mod blobs;
mod check;
mod client;
mod faults;
mod holding;
mod keys;
mod link;
mod replies;
mod scripts;
mod session;
#[cfg(test)]
mod tests;
mod worker;

use super::{Broker, Fault, Session};
use crate::{
    ClusterError,
    cluster::address::{Address, check_name},
    sync::{Arc, global::Mutex},
};
use keys::Keys;
use link::Link;
use session::RedisSession;
use std::{collections::BTreeSet, fmt};

/// The queues, results and workers of one pool and one build.
pub(crate) struct RedisBroker {
    address: Address,
    client: redis::Client,
    shared: Arc<Shared>,
}

/// What the sessions have in common.
struct Shared {
    keys: Keys,
    /// The labels whose queues this process has read; of the one without a label it is known.
    labels: Mutex<BTreeSet<String>>,
}

impl RedisBroker {
    /// Does not connect yet. `build` is letters and digits.
    ///
    /// # Errors
    ///
    /// If the name of the pool cannot be part of a key, or the certificate cannot be read.
    pub(crate) fn new(address: Address, pool: &str, build: &str) -> Result<Self, ClusterError> {
        check_name(pool)?;
        let client = link::client(&address).map_err(ClusterError::Address)?;
        let shared = Arc::new(Shared {
            keys: Keys::new(pool, build),
            labels: Mutex::new(BTreeSet::new()),
        });
        Ok(Self {
            address,
            client,
            shared,
        })
    }

    fn link(&self) -> Result<Link, Fault> {
        Link::open(&self.client, &self.address)
    }
}

impl Broker for RedisBroker {
    fn open(&self) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(RedisSession::new(self.link()?, self.shared.clone())))
    }

    fn address(&self) -> String {
        self.address.to_string()
    }
}

impl fmt::Debug for RedisBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBroker")
            .field("address", &self.address)
            .field("queue", &self.shared.keys.queue)
            .finish_non_exhaustive()
    }
}
