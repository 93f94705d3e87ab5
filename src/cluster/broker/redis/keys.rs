//! The names of what lies on the server.

use super::super::{BlobKey, ClientId, WorkerId};
use crate::cluster::message::VERSION;

/// All begin with `{cf:<pool>`, for rules about who may use which. What is between the braces decides where a cluster of servers has a
/// key, so that all keys that one step uses are at one place.
#[derive(Debug)]
pub(super) struct Keys {
    /// The queue of tasks without a label; those of labels have `:<label>` behind it.
    pub(super) queue: String,
    /// What keys of clients, of their results, and of requests to workers begin with.
    pub(super) clients: String,
    pub(super) results: String,
    pub(super) requests: String,
    blobs: String,
    /// The workers of all builds.
    pub(super) workers: String,
}

impl Keys {
    pub(super) fn new(pool: &str, build: &str) -> Self {
        let of = |kind: &str| format!("{{cf:{pool}:{build}:{VERSION}}}:{kind}");
        Self {
            queue: of("q"),
            clients: of("c:"),
            results: of("r:"),
            requests: of("x:"),
            blobs: of("b:"),
            workers: format!("{{cf:{pool}}}:w"),
        }
    }

    pub(super) fn queue(&self, label: Option<&str>) -> String {
        match label {
            Some(label) => format!("{}:{label}", self.queue),
            None => self.queue.clone(),
        }
    }

    pub(super) fn client(&self, client: &ClientId) -> String {
        format!("{}{}", self.clients, client.0)
    }

    pub(super) fn results(&self, client: &ClientId) -> String {
        format!("{}{}", self.results, client.0)
    }

    pub(super) fn requests(&self, worker: &WorkerId) -> String {
        format!("{}{}", self.requests, worker.0)
    }

    pub(super) fn blob(&self, key: &BlobKey) -> String {
        format!("{}{}", self.blobs, key.0)
    }

    /// The label of a queue.
    pub(super) fn label(&self, queue: &[u8]) -> Option<String> {
        let label = queue.strip_prefix(self.queue.as_bytes())?.strip_prefix(b":")?;
        Some(String::from_utf8_lossy(label).into_owned())
    }
}
